"""``visemic train``: a recipe into a folder."""

import json as jsonlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visemic.cli.options import Json, Overwrite, Quiet
from visemic.core.errors import InputError

if TYPE_CHECKING:
    from visemic.training.loop import Progress

EXIT_STOPPED = 130
"""Exit code after Ctrl-C."""


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="TOML file.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="FOLDER", help="Folder of the training.", show_default=False),
    ],
    data: Annotated[
        list[str],
        typer.Option(
            "--data", metavar="NAME=PATH", help="Where data lie; repeat for several.", show_default=False
        ),
    ] = [],  # noqa: B006
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    devices: Annotated[int, typer.Option(help="GPUs, or processes where there is none.", min=1)] = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a model; killed at any time, the same command with --resume goes on exactly.

    The folder holds the log, the last checkpoint and, at the end, the best model in model/.

    \b
    Examples:
      visemic train recipes/phonetic.toml -o runs/phonetic --data speech=corpus
      visemic train recipes/phonetic.toml -o runs/phonetic --data speech=corpus --resume
    """
    from visemic.core.extra import require_train

    require_train()
    paths = dict(name_and_path(text) for text in data)
    from visemic.training.recipe import read_recipe
    from visemic.training.trainer import choose_device
    from visemic.training.trainer import train as train_recipe

    plan = read_recipe(recipe)
    if not quiet and not json:
        for note in choose_device(devices)[1]:
            typer.echo(note)
    try:
        result = train_recipe(
            plan,
            paths,
            out,
            resume=resume,
            devices=devices,
            overwrite=overwrite,
            progress=None if quiet or json else _show(),
        )
    except KeyboardInterrupt:
        typer.echo(f"visemic: stopped; go on with the same command and --resume; see {out}", err=True)
        raise typer.Exit(EXIT_STOPPED) from None
    if json:
        typer.echo(
            jsonlib.dumps(
                {
                    "folder": str(result.folder),
                    "model": str(result.model),
                    "step": result.step,
                    "best_step": result.best_step,
                    "metrics": result.metrics,
                    "stopped": result.stopped,
                    "device": result.device,
                    "notes": result.notes,
                    "seconds": round(result.duration_s, 3),
                }
            )
        )
    elif not quiet:
        why = {"steps": "all steps done", "patience": "no longer improving", "minutes": "time is up"}
        if result.best_step < 0:
            typer.echo(f"{why[result.stopped]} after step {result.step}; nothing was validated yet")
        else:
            typer.echo(
                f"{why[result.stopped]} after step {result.step}; best was step {result.best_step}: "
                f"{_figures(result.metrics)}"
            )
            typer.echo(f"  {result.model}")
        if result.stopped == "minutes":
            typer.echo("go on with the same command and --resume")


def name_and_path(text: str) -> tuple[str, Path]:
    """Give both sides of a ``--data`` that is NAME=PATH.

    Raises:
        InputError: It is none, or there is nothing at the path.
    """
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise InputError(f"--data {text!r} is not NAME=PATH; write for example --data speech=corpus")
    if not Path(path).exists():
        raise InputError(f"--data {name}: {path!r} does not exist; give a file or folder")
    return name, Path(path)


def _show() -> Callable[["Progress"], None]:
    """Give a callback: validations are lines, steps between them one line of a terminal."""
    is_terminal = sys.stderr.isatty()

    def show(now: "Progress") -> None:
        clear = "\r\x1b[K" if is_terminal else ""
        if now.validation:
            best = ", the best so far" if now.is_best else ""
            typer.echo(f"{clear}step {now.step}: {_figures(now.validation)}{best}")
        elif is_terminal:
            typer.echo(
                f"{clear}step {now.step} of {now.max_steps}: {_figures(now.losses)}", err=True, nl=False
            )

    return show


def _figures(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
