"""``visemic experiment avi-talking``."""

import json as jsonlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visemic.cli.options import Json, Overwrite, Quiet, Seed
from visemic.core.errors import InputError

if TYPE_CHECKING:
    from visemic.core.signals import Motion
    from visemic.data.recording import Recording
    from visemic.evaluation.avi_experiment import AviModels
    from visemic.rig.linear import Rig

_OF_TORCH = ("korzun", "faceformer")
_PARTS = 1_000
_N_STAGES = 20
"""Rows, ten takes of two of them, styles, instructions, lips, film and pages."""
_DATA = "expressive"
_COMPARED = {
    "meshtalk": "MeshTalk",
    "faceformer": "FaceFormer",
    "korzun": "the feed-forward model of Korzun et al.",
}
"""Kinds of models that belong beside it, and how people call them."""
_STYLE, _INSTRUCTION, _MESHTALK = "avi-style", "avi-instruction", "meshtalk-lite"


Data = Annotated[
    str, typer.Option(metavar="expressive=STORE", help="A store with captions; see visemic data caption.")
]
Folder = Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder of the report.")]
Style = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Instruction to face; none takes avi-style.", show_default=False),
]
Instruction = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL", help="Speech to instruction; none takes avi-instruction.", show_default=False
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=MODEL",
        help="A further row: a model that moves a face, a Korzun model or FaceFormer; repeat.",
        show_default=False,
    ),
]
Clips = Annotated[int | None, typer.Option(help="Clips to judge; 96 unless told.", min=4, show_default=False)]
SyncNet = Annotated[
    Path | None,
    typer.Option(metavar="WEIGHTS", help="Also score pictures by SyncNet (slow).", show_default=False),
]
Films = Annotated[bool, typer.Option(help="Draw the sheet, the film and the pages.")]
Quick = Annotated[bool, typer.Option("--quick", help="Few clips, to see that it works.")]


def avi_talking(
    data: Data,
    out: Folder,
    style: Style = None,
    instruction: Instruction = None,
    also: Also = None,
    clips: Clips = None,
    syncnet: SyncNet = None,
    films: Films = True,
    quick: Quick = False,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure expressive speech on actors that no training met, beside what it must be better than.

    Distances to real motion, lip sync, closed lips, the instructions' words, retrieval of styles; a
    sheet of one sentence in all emotions, and pages for people to judge on.

    \b
    Examples:
      visemic experiment avi-talking --data expressive=store -o report/
      visemic experiment avi-talking --data expressive=store -o report/ --style runs/avi-style/model
        --also ff=korzun/runs/ff_w2v_subset4/model
    """
    from visemic.cli.report import progress_bar
    from visemic.cli.train import name_and_path
    from visemic.evaluation.report_file import check_report_folder

    name, store = name_and_path(data)
    if name != _DATA:
        raise InputError(f"data {name!r} is not {_DATA!r}; give {_DATA}=STORE")
    check_report_folder(out, overwrite=overwrite)
    from visemic.evaluation.avi_experiment import QUICK, AviSettings, run_avi_evaluation
    from visemic.rig.registry import load_rig

    settings: AviSettings = replace(QUICK if quick else AviSettings(), seed=seed)
    if clips is not None:
        settings = replace(settings, n_clips=clips)
    if not films:
        settings = replace(settings, n_filmed=0)
    rig = load_rig("visemic")
    models = _models(rig, style, instruction, also or [], syncnet, seed)
    begun: dict[str, None] = {}
    with progress_bar("expressive speech", quiet=quiet or json) as show:

        def progress(stage: str, done: int, total: int) -> None:
            begun[stage] = None
            n_stages = max(_N_STAGES, len(begun))
            show((len(begun) - 1) * _PARTS + _PARTS * done // max(1, total), n_stages * _PARTS)

        report = run_avi_evaluation(out, store, rig, models, settings, progress=progress)
    if json:
        plain = {"report": str(report), "left_out": list(models.left_out)}
        typer.echo(jsonlib.dumps(plain, ensure_ascii=False))
    elif not quiet:
        for text in models.left_out:
            typer.echo(f"note: left out: {text}", err=True)
        typer.echo(f"  {report}")
        if settings.n_filmed:
            typer.echo(f"  next: visemic study serve {out / 'study-expressiveness'}")


def _models(
    rig: "Rig", style: str | None, instruction: str | None, also: list[str], syncnet: Path | None, seed: int
) -> "AviModels":
    """Give what is compared; what ships and is not there is left out, and said."""
    from visemic.core.hub import find_artifact, packaged_models
    from visemic.evaluation.avi_experiment import AviModels
    from visemic.models.instructor import Instructor

    shipped = packaged_models()
    left_out = []
    if style is None and _STYLE not in shipped:
        left_out.append(f"AVI-Talking, since {_STYLE} does not ship; give --style")
    if instruction is None and _INSTRUCTION not in shipped:
        left_out.append(f"instructions from speech, since {_INSTRUCTION} does not ship; give --instruction")
    if _MESHTALK in shipped:
        also = [f"{_MESHTALK}={_MESHTALK}", *(text for text in also if text.partition("=")[0] != _MESHTALK)]
    others = dict(_other(text, rig, seed) for text in also)
    kinds = {_kind(text.partition("=")[2]) for text in also}
    for kind, known_as in _COMPARED.items():
        if kind not in kinds:
            left_out.append(f"{known_as}, of which no model was given; give --also NAME=MODEL")
    scorer = None
    if syncnet is not None:
        from visemic.evaluation.syncnet import syncnet_scorer

        scorer = syncnet_scorer(syncnet, rig)
    else:
        left_out.append("LSE-D by rendered SyncNet, whose weights were not given; give --syncnet")
    use_style = style is not None or _STYLE in shipped
    use_instruction = instruction is not None or _INSTRUCTION in shipped
    return AviModels(
        find_artifact(style or _STYLE) if use_style else None,
        Instructor(find_artifact(instruction or _INSTRUCTION)) if use_instruction else None,
        others,
        scorer,
        tuple(left_out),
    )


def _other(text: str, rig: "Rig", seed: int) -> "tuple[str, Callable[[Recording], Motion]]":
    """Give name and mover of a further row."""
    from visemic.evaluation.report_predictor import model_predictor

    name, sign, model = text.partition("=")
    if not (name and sign and model):
        raise InputError(f"row {text!r} is not of the form NAME=MODEL; give for example ff=runs/ff/model")
    if _kind(model) in _OF_TORCH:
        from visemic.core.extra import require_train

        require_train()
        from visemic.training.avi_others import load_mover

        return name, load_mover(Path(model))
    return name, model_predictor(model, rig, seed)  # type: ignore[return-value]


def _kind(model: str) -> str:
    from visemic.core.hub import stated_info
    from visemic.models.registry import RULES_MODEL, full_name

    return "rules" if full_name(model) == RULES_MODEL else stated_info(model).kind
