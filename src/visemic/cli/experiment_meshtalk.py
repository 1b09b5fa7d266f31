"""``visemic experiment meshtalk``."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from visemic.cli.options import Json, Quiet, Seed

_PARTS = 1_000
_N_STAGES = 7
"""Corpus, five trainings, measures."""


def meshtalk(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder to make, or to go on in.")
    ],
    minutes: Annotated[
        float, typer.Option(help="Processor minutes of training for each of both; one thread.")
    ] = 40.0,
    size: Annotated[float, typer.Option(help="Size of the corpus: 1 is 400 clips and 4 GB.")] = 1.0,
    judged: Annotated[int, typer.Option(help="Held-out clips that are measured at most.")] = 20,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="A further model that moves the built-in head, trained elsewhere; repeat for several.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train MeshTalk full and light on the same meshes, and compare them with FaceFormer and rules.

    Makes its own corpus of ten speakers. A run that was stopped goes on where it ended.

    \b
    Examples:
      visemic experiment meshtalk -o meshtalk/
      visemic experiment meshtalk -o meshtalk/ --minutes 10 --size 0.3
    """
    from visemic.core.extra import require_train

    require_train()
    from visemic.cli.report import progress_bar
    from visemic.training.meshtalk_experiment import MeshTalkSettings, run_meshtalk_experiment

    settings = MeshTalkSettings(minutes, size, judged, tuple(also or ()), seed)
    begun: dict[str, None] = {}
    with progress_bar("MeshTalk", quiet=quiet or json) as show:

        def progress(stage: str, done: int, total: int) -> None:
            begun[stage] = None
            show((len(begun) - 1) * _PARTS + _PARTS * done // max(1, total), _N_STAGES * _PARTS)

        report = run_meshtalk_experiment(out, settings, progress=progress)
    if json:
        typer.echo(jsonlib.dumps({"report": str(report)}, ensure_ascii=False))
    elif not quiet:
        typer.echo(f"  {report}")
