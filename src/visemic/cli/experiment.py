"""``visemic experiment korzun``."""

import json as jsonlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from visemic.cli.experiment_avi import avi_talking
from visemic.cli.experiment_meshtalk import meshtalk
from visemic.cli.options import Json, Quiet, Seed

app = typer.Typer(
    name="experiment",
    help="Published experiments, run again from one command.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


Data = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=PATH",
        help="faces: a store of meshes, such as VOCASET's, instead of the synthetic corpus; voice: "
        "the voice to be heard; vocoder; hearing: a wav2vec 2.0 checkpoint for FaceFormer.",
        show_default=False,
    ),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=FILE",
        help="Vertices of a given store's lips, upper_face or lip_pair; lip_pair closes lips.",
        show_default=False,
    ),
]

_N_STAGES, _PARTS = 20, 1_000
"""Corpus, sixteen trainings, tables, voices and films."""


def _whole(show: Callable[[int, int], None], n_stages: int = _N_STAGES) -> Callable[[str, int, int], None]:
    """Give a callback that shows how much of all stages is done."""
    begun: dict[str, None] = {}

    def part(stage: str, done: int, total: int) -> None:
        begun[stage] = None
        show((len(begun) - 1) * _PARTS + _PARTS * done // max(1, total), n_stages * _PARTS)

    return part


@app.callback()
def _group() -> None:
    """Published experiments, run again from one command."""


@app.command()
def korzun(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder to make, or to go on in.")
    ],
    full: Annotated[
        bool,
        typer.Option(
            "--full/--reduced",
            help="The paper's size, for a GPU; or a sixteenth of it, for two processor cores.",
        ),
    ] = False,
    w2v: Annotated[
        str | None,
        typer.Option(
            metavar="CHECKPOINT",
            help="wav2vec 2.0 by name or folder; without one, our phonetic encoder stands in.",
            show_default=False,
        ),
    ] = None,
    avc: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Trained AutoVC; without one, the mel bands that it would hear stand in.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train the four speech-to-mouth models on four subsets and measure them, with all controls.

    Makes its own two-speaker corpus. A run that was stopped goes on where it ended.

    \b
    Examples:
      visemic experiment korzun -o korzun/
      visemic experiment korzun -o korzun-full/ --full --w2v facebook/wav2vec2-base-960h
    """
    from visemic.core.extra import require_train

    require_train()
    from visemic.cli.report import progress_bar
    from visemic.training.korzun_experiment import ExperimentSettings, choose_sources, run_experiments
    from visemic.training.korzun_scale import FULL, REDUCED

    sources = choose_sources(w2v, None if avc is None else str(avc))
    settings = ExperimentSettings(FULL if full else REDUCED, *sources, seed)
    with progress_bar("experiments", quiet=quiet or json) as show:
        report = run_experiments(out, settings, progress=_whole(show))
    if json:
        plain = {"report": str(report), "w2v": settings.w2v, "avc": settings.avc}
        typer.echo(jsonlib.dumps(plain, ensure_ascii=False))
    elif not quiet:
        typer.echo(f"  {report}")
        typer.echo(f"  next: visemic study serve {out / 'study'}")


@app.command()
def avatron(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder to make, or to go on in.")
    ],
    data: Data = None,
    mask: Masks = None,
    size: Annotated[
        Literal["reduced", "full", "quick"],
        typer.Option(
            help="Two processor cores; published sizes, for a GPU; or seconds, to see that it works."
        ),
    ] = "reduced",
    minutes: Annotated[
        float, typer.Option(metavar="N", help="Most minutes of each training; 0 for no limit.")
    ] = 0.0,
    seed: Seed = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compare text to face by Avatron, with critics and without, with FaceFormer, and report.

    Errors with the durations of the recording and with the voice's own, costs, curves of the
    trainings, films coloured by their error, and pages for people to judge on. A run that was
    stopped goes on where it ended.

    \b
    Examples:
      visemic experiment avatron -o avatron/ --data voice=runs/voice/model
      visemic experiment avatron -o vocaset/ --size full --data faces=vocaset.store
        --data hearing=wav2vec2-base-960h --mask lips=lips.txt --mask upper_face=upper.txt
    """
    from visemic.core.extra import require_train

    require_train()
    from visemic.cli.report import progress_bar
    from visemic.cli.train import name_and_path
    from visemic.training.avatron_experiment import ComparisonSettings, run_comparison
    from visemic.training.avatron_experiment_scale import SCALES

    settings = ComparisonSettings(
        SCALES[size], dict(name_and_path(text) for text in data or ()), tuple(mask or ()), minutes, seed
    )
    n_stages = 7 + len(settings.scale.adversarial)
    with progress_bar("comparison", quiet=quiet or json) as show:
        report = run_comparison(out, settings, progress=_whole(show, n_stages))
    if json:
        typer.echo(jsonlib.dumps({"report": str(report)}, ensure_ascii=False))
    elif not quiet:
        typer.echo(f"  {report}")
        typer.echo(f"  next: visemic study serve {out / 'study-smos'}")


app.command("meshtalk")(meshtalk)
app.command("avi-talking")(avi_talking)
