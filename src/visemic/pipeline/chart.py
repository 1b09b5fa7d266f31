"""Labelled grids of a head's shapes and visemes."""

from pathlib import Path

from visemic.core.atomic import atomic_path, check_writable
from visemic.core.errors import FormatError
from visemic.motion.calibrate import calibrate
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.text.visemes import phone_table


def save_chart(kind: str, path: Path, *, rig: str = "visemic", overwrite: bool = False) -> Path:
    """Draw a chart and write it as a PNG.

    Args:
        kind: ``shapes`` for the 52 ARKit shapes at weight 1, ``visemes`` for the phones of
            the phone table as calibrated to this head.
        path: Target, ending in ``.png``.
        rig: Name of the head.
        overwrite: Whether an existing file may be replaced.

    Raises:
        FormatError: The suffix is not ``.png``.
        OutputError: The target may not be written.
    """
    if path.suffix.lower() != ".png":
        raise FormatError(f"chart {str(path)!r} does not end in .png; charts are pictures")
    check_writable(path, overwrite=overwrite)
    from visemic.render.contact_sheet import chart_shapes, chart_visemes
    from visemic.render.still import save_png

    head = load_rig(rig)
    if kind == "shapes":
        image = chart_shapes(head)
    else:
        weights = calibrate(fit_readouts(head))
        table = phone_table()
        image = chart_visemes(
            head,
            {
                f"{phone} ({table.viseme[phone]})": weights[phone]
                for phone in table.weights
                if phone in weights
            },
        )
    with atomic_path(path, overwrite=overwrite) as partial:
        save_png(image, partial)
    return path
