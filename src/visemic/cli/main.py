"""The command line: the only place that prints, exits and asks.

Everything heavy is imported inside a command, so that ``visemic --help`` answers at once.
"""

import signal
import sys
from types import FrameType

import typer

from visemic.cli.commands import convert, render
from visemic.cli.data import app as data_app
from visemic.cli.evaluate import evaluate
from visemic.cli.experiment import app as experiment_app
from visemic.cli.inspect import chart, doctor, rigs, voices
from visemic.cli.instruct import instruct
from visemic.cli.make import animate, speak
from visemic.cli.models import app as models_app
from visemic.cli.study import app as study_app
from visemic.cli.train import train
from visemic.core.errors import VisemicError

EXIT_INPUT = 2
"""Exit code of everything a user can mend."""

app = typer.Typer(
    name="visemic",
    help="Voice and 3D face from text or speech, on one clock.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (speak, animate, instruct, render, convert, chart, evaluate, train, voices, rigs, doctor):
    app.command()(command)
app.add_typer(models_app, name="models")
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")
app.add_typer(experiment_app, name="experiment")


def _version(value: bool | None) -> None:
    if value:
        from visemic import __version__

        typer.echo(f"visemic {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool | None = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Voice and 3D face from text or speech, on one clock."""


def _stop(number: int, frame: FrameType | None) -> None:
    # An exception, so that half-written files are removed on the way out.
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line; one sentence and exit code 2 for what a user can mend."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except VisemicError as error:
        typer.echo(f"visemic: {error}", err=True)
        sys.exit(EXIT_INPUT)
    except KeyboardInterrupt:
        typer.echo("visemic: stopped; nothing half-written was left", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(EXIT_INPUT)


if __name__ == "__main__":
    main()
