"""``visemic evaluate``."""

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visemic.cli.options import Json, Overwrite, Quiet, RigName, Seed

if TYPE_CHECKING:
    from visemic.evaluation.report import Report


def evaluate(
    model: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Models; see visemic models.")],
    data: Annotated[Path, typer.Option("--data", help="Store of clips; see visemic data import.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder of the report.")],
    split: Annotated[str, typer.Option(help="Clips of train, validation or test.")] = "test",
    metrics: Annotated[
        str, typer.Option(help="Names with commas between them, or all.", metavar="NAMES")
    ] = "all",
    clips: Annotated[
        int | None, typer.Option(help="Only the first so many clips.", min=2, show_default=False)
    ] = None,
    protocol: Annotated[
        Path | None,
        typer.Option(help="Protocol file: fixes clips, metrics and seeds.", show_default=False),
    ] = None,
    save_protocol: Annotated[
        Path | None, typer.Option(help="Write the protocol here for the next time.", show_default=False)
    ] = None,
    by_speaker: Annotated[
        bool, typer.Option("--by-speaker", help="Intervals over speakers instead of clips.")
    ] = False,
    rig: RigName = "visemic",
    seed: Seed = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure models on recorded clips, beside the recording, chance, a still face and the rules.

    \b
    Examples:
      visemic evaluate rules --data corpus/ -o report/
      visemic evaluate rules --data corpus/ --clips 20 -o report/ --save-protocol test20.json
      visemic evaluate rules --data corpus/ --protocol test20.json -o again/
    """
    from visemic import __version__
    from visemic.cli.report import progress_bar
    from visemic.core.atomic import check_writable
    from visemic.data.loader import ClipStore
    from visemic.evaluation.protocol import read_protocol, write_protocol
    from visemic.evaluation.report import evaluate_predictors, make_protocol
    from visemic.evaluation.report_file import check_report_folder, write_report
    from visemic.evaluation.report_predictor import model_predictor
    from visemic.rig.registry import load_rig

    check_report_folder(out, overwrite=overwrite)
    if save_protocol is not None:
        check_writable(save_protocol, overwrite=overwrite)
    head, store = load_rig(rig), ClipStore(data)
    if protocol is not None:
        frozen = read_protocol(protocol)
    else:
        names = None if metrics == "all" else [m.strip() for m in metrics.split(",") if m.strip()]
        frozen = make_protocol(store, name=data.name, split=split, metrics=names, seed=seed, limit=clips)
    others = [name for name in model if name not in _SAME_AS_RULES]
    predictors = {name: model_predictor(name, head, frozen.seed) for name in others}
    if save_protocol is not None:
        write_protocol(frozen, save_protocol, overwrite=overwrite)
    with progress_bar("clips", quiet=quiet or json) as show:
        report = evaluate_predictors(predictors, store, frozen, head, by_speaker=by_speaker, progress=show)
    paths = write_report(report, out, version=__version__, overwrite=overwrite)
    _tell(report, out, len(paths), quiet=quiet, as_json=json)


_SAME_AS_RULES = ("rules", "viseme-rules")
"""The rules are a row of every report, therefore naming them adds none."""


def _tell(report: "Report", out: Path, n_files: int, *, quiet: bool, as_json: bool) -> None:
    from visemic.evaluation.report_file import REPORT_MD

    failed = sum(len(row.failures) for row in report.rows)
    if as_json:
        plain = {
            "report": str(out / REPORT_MD),
            "protocol": report.protocol.fingerprint,
            "clips": len(report.speakers),
            "rows": [row.name for row in report.rows],
            "left_out": failed,
        }
        typer.echo(jsonlib.dumps(plain, ensure_ascii=False))
    elif not quiet:
        if failed:
            typer.echo(f"note: {failed} predictions were left out; the report says why", err=True)
        typer.echo(
            f"{len(report.rows)} rows on {len(report.speakers)} clips, protocol {report.protocol.fingerprint}"
        )
        typer.echo(f"  {out / REPORT_MD}  and {n_files - 1} files")
