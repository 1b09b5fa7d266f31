"""``visemic evaluate``."""

import json as jsonlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visemic.cli.options import Json, Overwrite, Quiet, RigName, Seed
from visemic.core.errors import InputError, unknown_name

if TYPE_CHECKING:
    from visemic.data.loader import ClipStore
    from visemic.evaluation.protocol import Protocol
    from visemic.evaluation.report_predictor import Predictor
    from visemic.evaluation.report_result import Extras, Report
    from visemic.evaluation.sync import SyncScorer
    from visemic.rig.linear import Rig

_SAME_AS_RULES = ("rules", "viseme-rules")
"""The rules are a row of every report, therefore naming them adds none."""
_LAG, _MOTION_SYNC = "lag", "motion-sync"
_NO_VIDEO = "none"

Models = Annotated[list[str], typer.Argument(metavar="MODEL...", help="Models; see visemic models.")]
Data = Annotated[Path, typer.Option("--data", help="Store of clips; see visemic data import.")]
Folder = Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder of the report.")]
Split = Annotated[str, typer.Option(help="Clips of train, validation or test, or all.")]
Metrics = Annotated[str, typer.Option(help="Names with commas between them, or all.", metavar="NAMES")]
Clips = Annotated[int | None, typer.Option(help="Only the first so many clips.", min=2, show_default=False)]
Masks = Annotated[
    list[str],
    typer.Option(
        "--mask",
        metavar="NAME=FILE",
        help="Vertex numbers of lips, upper_face, landmarks or lip_pair of a mesh corpus; repeat.",
        show_default=False,
    ),
]
Takes = Annotated[int, typer.Option(help="Predictions a clip of models with chance, 1 to 100.")]
Floors = Annotated[
    Path | None,
    typer.Option(metavar="FILE.toml", help="Rows that others measured, for the tables.", show_default=False),
]
Sync = Annotated[str, typer.Option(help="Scorer of sound against motion: lag or motion-sync.")]
SyncNet = Annotated[
    Path | None,
    typer.Option(metavar="WEIGHTS", help="Also score pictures by SyncNet (slow).", show_default=False),
]
Video = Annotated[
    str,
    typer.Option(metavar="CLIP", help="Film error colours of this clip, auto (worst and median) or none."),
]
Frozen = Annotated[
    Path | None,
    typer.Option("--protocol", help="Protocol file: fixes what is measured.", show_default=False),
]
Save = Annotated[
    Path | None, typer.Option(help="Write the protocol here for the next time.", show_default=False)
]
BySpeaker = Annotated[bool, typer.Option("--by-speaker", help="Intervals over speakers instead of clips.")]


def evaluate(
    model: Models,
    data: Data,
    out: Folder,
    split: Split = "test",
    metrics: Metrics = "all",
    clips: Clips = None,
    mask: Masks = [],  # noqa: B006
    takes: Takes = 1,
    floors: Floors = None,
    sync: Sync = _LAG,
    syncnet: SyncNet = None,
    video: Video = "auto",
    protocol: Frozen = None,
    save_protocol: Save = None,
    by_speaker: BySpeaker = False,
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
      visemic evaluate rules --data meshes/ --mask lips=lips.json -o report/ --video none
    """
    from visemic.core.atomic import check_writable
    from visemic.data.loader import ClipStore
    from visemic.data.recording import SPLITS
    from visemic.evaluation.protocol import ALL_SPLITS, read_protocol, write_protocol
    from visemic.evaluation.report_file import check_report_folder
    from visemic.evaluation.report_floor import read_floors
    from visemic.evaluation.report_result import Extras
    from visemic.rig.registry import load_rig

    check_report_folder(out, overwrite=overwrite)
    if split not in (*SPLITS, ALL_SPLITS):
        raise InputError(unknown_name("split", split, (*SPLITS, ALL_SPLITS)))
    if save_protocol is not None:
        check_writable(save_protocol, overwrite=overwrite)
    head, store = load_rig(rig), ClipStore(data)
    extras = Extras(read_floors(floors) if floors is not None else ())
    known = read_protocol(protocol) if protocol is not None else None
    if known is not None and mask:
        raise InputError(f"mask {mask[0]!r} was given and the protocol names the masks; drop one of the two")
    scorers = _scorers(sync if known is None else known.scorers[0], syncnet, head)
    frozen = known or _new_protocol(
        store, head, scorers, data.name, split=split, metrics=metrics, clips=clips, masks=mask,
        takes=takes, seed=seed,
    )  # fmt: skip
    if video not in ("auto", _NO_VIDEO, *frozen.clip_ids):
        raise InputError(unknown_name("clip", video, ("auto", _NO_VIDEO, *frozen.clip_ids)))
    predictors = _predictors(model, head, frozen.seed)
    if save_protocol is not None:
        write_protocol(frozen, save_protocol, overwrite=overwrite)
    report, extras = _measure(
        predictors, store, frozen, head, scorers, extras, video, by_speaker=by_speaker, quiet=quiet or json
    )
    _write(report, extras, out, overwrite=overwrite, quiet=quiet, as_json=json)


def _predictors(models: list[str], head: "Rig", seed: int) -> "dict[str, Predictor]":
    """Give the predictors by row: a model in a folder has the folder's name."""
    from visemic.evaluation.report_predictor import model_predictor

    predictors: dict[str, Predictor] = {}
    for model in models:
        row = Path(model).name if Path(model).is_dir() else model
        if row in predictors:
            raise InputError(f"two models have the row {row!r}; name one once, or rename a folder")
        if model not in _SAME_AS_RULES:
            predictors[row] = model_predictor(model, head, seed)
    return predictors


def _new_protocol(
    store: "ClipStore",
    head: "Rig",
    scorers: "list[SyncScorer]",
    name: str,
    *,
    split: str,
    metrics: str,
    clips: int | None,
    masks: list[str],
    takes: int,
    seed: int,
) -> "Protocol":
    from visemic.evaluation.protocol_mask import corpus_topologies, read_masks
    from visemic.evaluation.report_protocol import SYNCNET, make_protocol

    return make_protocol(
        store,
        name=name,
        split=split,
        metrics=None if metrics == "all" else [m.strip() for m in metrics.split(",") if m.strip()],
        seed=seed,
        limit=clips,
        masks=read_masks(masks, corpus_topologies(store)) if masks else (),
        rig=head,
        n_takes=takes,
        scorers=(scorers[0].name, *(SYNCNET for _ in scorers[1:])),
    )


def _scorers(sync: str, syncnet: Path | None, head: "Rig") -> "list[SyncScorer]":
    """Give the scorer of motion, and behind it that of pictures if its weights are given."""
    from visemic.evaluation.sync import LagScorer
    from visemic.rig.readout import fit_readouts

    scorers: list[SyncScorer]
    if sync == _LAG:
        scorers = [LagScorer(fit_readouts(head))]
    elif sync == _MOTION_SYNC:
        from visemic.evaluation.motion_sync import MotionSyncScorer

        scorers = [MotionSyncScorer(fit_readouts(head))]
    else:
        raise InputError(unknown_name("scorer", sync, (_LAG, _MOTION_SYNC)))
    if syncnet is not None:
        from visemic.evaluation.syncnet import syncnet_scorer

        scorers.append(syncnet_scorer(syncnet, head))
    return scorers


def _measure(
    predictors: "Mapping[str, Predictor]",
    store: "ClipStore",
    frozen: "Protocol",
    head: "Rig",
    scorers: "list[SyncScorer]",
    extras: "Extras",
    video: str,
    *,
    by_speaker: bool,
    quiet: bool,
) -> "tuple[Report, Extras]":
    """Give the report, and what stands beside its tables."""
    from dataclasses import replace

    from visemic.cli.report import progress_bar
    from visemic.evaluation.report import evaluate_predictors
    from visemic.evaluation.report_video import make_films

    with progress_bar("clips", quiet=quiet) as show:
        report = evaluate_predictors(
            predictors,
            store,
            frozen,
            head,
            scorer=scorers[0],
            syncnet=scorers[1] if len(scorers) > 1 else None,
            by_speaker=by_speaker,
            progress=show,
        )
    films = make_films(report, predictors, store, head, video) if video != _NO_VIDEO else ()
    return report, replace(extras, films=films, notes=_notes(store, frozen))


def _notes(store: "ClipStore", frozen: "Protocol") -> tuple[str, ...]:
    from visemic.evaluation.report_protocol import missing_masks

    lacking = missing_masks(store, frozen)
    if not lacking:
        return ()
    flags = " ".join(f"--mask {name}=FILE" for name in lacking)
    return (f"no mask of this mesh names {', '.join(lacking)}, so their metrics are empty; give {flags}",)


def _write(
    report: "Report", extras: "Extras", out: Path, *, overwrite: bool, quiet: bool, as_json: bool
) -> None:
    from visemic import __version__
    from visemic.evaluation.report_file import REPORT_MD, write_report

    paths = write_report(report, out, version=__version__, overwrite=overwrite, extras=extras)
    failed = sum(len(row.failures) for row in report.rows)
    if as_json:
        plain = {
            "report": str(out / REPORT_MD),
            "protocol": report.protocol.fingerprint,
            "clips": len(report.speakers),
            "rows": [row.name for row in report.rows],
            "left_out": failed,
            "videos": [str(out / f"{film.stem}.mp4") for film in extras.films],
            "notes": list(extras.notes),
        }
        typer.echo(jsonlib.dumps(plain, ensure_ascii=False))
    elif not quiet:
        for note in extras.notes:
            typer.echo(f"note: {note}", err=True)
        if failed:
            typer.echo(f"note: {failed} predictions were left out; the report says why", err=True)
        typer.echo(
            f"{len(report.rows)} rows on {len(report.speakers)} clips, protocol {report.protocol.fingerprint}"
        )
        typer.echo(f"  {out / REPORT_MD}  and {len(paths) - 1} files")
