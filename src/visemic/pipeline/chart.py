"""Labelled grids of a head's shapes, visemes and emotions."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from visemic.core.atomic import atomic_path, check_writable
from visemic.core.errors import FormatError, InputError
from visemic.motion.calibrate import calibrate
from visemic.motion.emotion import EMOTIONS, LEVELS, emotion_weights
from visemic.motion.tongue import HEIGHTS
from visemic.rig.linear import Rig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.text.visemes import phone_table

CHARTS = ("shapes", "visemes", "emotions")
"""Kinds of chart."""

_VIEW = {"shapes": "face", "visemes": "mouth", "emotions": "face"}


def save_chart(
    kind: str, path: Path, *, rig: str = "visemic", view: str | None = None, overwrite: bool = False
) -> Path:
    """Draw a chart and write it as a PNG.

    Args:
        kind: ``shapes`` for the 52 ARKit shapes at weight 1, ``visemes`` for the phones of
            the phone table as calibrated to this head, ``emotions`` for eight emotions at
            three intensities.
        path: Target, ending in ``.png``.
        rig: Name of the head.
        view: Named framing; None takes the mouth for visemes and the face for the others.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InputError: There is no such chart or view.
        FormatError: The suffix is not ``.png``.
        OutputError: The target may not be written.
    """
    if kind not in CHARTS:
        raise InputError(f"no chart {kind!r}; there are {', '.join(CHARTS)}")
    if path.suffix.lower() != ".png":
        raise FormatError(f"chart {str(path)!r} does not end in .png; charts are pictures")
    check_writable(path, overwrite=overwrite)
    from visemic.render.still import save_png

    image = _chart(kind, load_rig(rig), view or _VIEW[kind])
    with atomic_path(path, overwrite=overwrite) as partial:
        save_png(image, partial)
    return path


def _chart(kind: str, head: Rig, view: str) -> UInt8[np.ndarray, "height width 3"]:
    from visemic.render.contact_sheet import chart_poses, chart_shapes

    if kind == "shapes":
        return chart_shapes(head, view=view)
    if kind == "emotions":
        poses = [
            (name if name == "neutral" else f"{name}, {level}", emotion_weights(name, share))
            for level, share in LEVELS.items()
            for name in EMOTIONS
        ]
        return chart_poses(head, poses, view=view, columns=len(EMOTIONS))
    weights, table = calibrate(fit_readouts(head)), phone_table()
    order = list(table.visemes)
    known = sorted((p for p in table.weights if p in weights), key=lambda p: order.index(table.viseme[p]))
    tongue = {phone: {shape: height} for phone, (shape, height) in HEIGHTS.items()}
    phones = [(f"{p}  {table.viseme[p]}", {**weights[p], **tongue.get(p, {})}) for p in known]
    return chart_poses(head, phones, view=view)
