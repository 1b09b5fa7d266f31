"""``visemic models``: what there is, under which licence, and whether it is whole."""

import json as jsonlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, no_type_check

import typer

from visemic.cli.options import Json
from visemic.core.errors import InputError

if TYPE_CHECKING:
    from visemic.core.artifact import ArtifactInfo

app = typer.Typer(
    help="List models, show their cards, fetch and check them.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

_MEGA = 1e6
_GAP = "  "

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name, folder or hf:owner/name that was fetched.", show_default=False
    ),
]


@app.callback()
@no_type_check  # typer hands over a context of its parent class
def _list_by_default(context: typer.Context, json: Json = False) -> None:
    """List models, show their cards, fetch and check them."""
    if context.invoked_subcommand is None:
        list_models(json)


@app.command("list")
def list_models(json: Json = False) -> None:
    """List the models that ship: kind, parameters, size, licence and where they are from.

    \b
    Example:
      visemic models
    """
    from visemic.models.registry import model_infos

    infos = model_infos()
    if json:
        rows = [
            {
                "name": i.name,
                "kind": i.kind,
                "parameters": i.n_parameters,
                "bytes": i.n_bytes,
                "licence": i.licence,
                "from": i.origin,
                "description": i.description,
            }
            for i in infos
        ]
        typer.echo(jsonlib.dumps(rows, ensure_ascii=False))
        return
    table = [("name", "kind", "parameters", "MB", "licence", "from")]
    table += [
        (i.name, i.kind, f"{i.n_parameters:,}", f"{i.n_bytes / _MEGA:.2f}", i.licence, i.origin)
        for i in infos
    ]
    for line in _aligned(table):
        typer.echo(line)


@app.command("card")
def show_card(name: Name) -> None:
    """Show what a model is for, what it was trained on, how good it is and where it fails.

    \b
    Example:
      visemic models card viseme-rules
    """
    from visemic.core.hub import find_artifact
    from visemic.models.registry import model_infos

    without_file = {i.name: i for i in model_infos() if i.kind in ("rules", "letters-to-sounds")}
    if name in without_file:
        info = without_file[name]
        typer.echo(f"# {info.name}\n\n{info.description}\n\nLicence: {info.licence}")
    else:
        typer.echo(find_artifact(name).card.rstrip("\n"))


@app.command("fetch")
def fetch(
    name: Annotated[
        str, typer.Argument(metavar="hf:OWNER/NAME[@REVISION]", help="Model on the hub.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take the licence without being asked.")] = False,
    json: Json = False,
) -> None:
    """Fetch a model from the Hugging Face hub, after showing its licence and checksums.

    \b
    Example:
      visemic models fetch hf:someone/mouth-model@v2
    """
    from visemic.core.hub import fetch_artifact, peek_artifact

    info, sha256 = peek_artifact(name)
    if not json:
        for line in _facts(info, sha256):
            typer.echo(line)
    if not yes:
        if json or not sys.stdin.isatty():
            raise InputError(f"model {info.name!r} is under {info.licence}; give --yes to take that licence")
        typer.confirm("Fetch it under this licence?", abort=True)
    artifact = fetch_artifact(name)
    if json:
        typer.echo(
            jsonlib.dumps(
                {
                    "name": info.name,
                    "kind": info.kind,
                    "licence": info.licence,
                    "data_licences": info.data_licences,
                    "checksum": artifact.checksum,
                    "files": artifact.sha256,
                    "folder": str(artifact.folder),
                }
            )
        )
    else:
        typer.echo(f"fetched and whole, {artifact.n_bytes / _MEGA:.2f} MB; checksum {artifact.checksum}")


@app.command("check")
def check(name: Name, json: Json = False) -> None:
    """Check a model: every file against its hash, every parameter finite, the network readable.

    \b
    Example:
      visemic models check runs/phonetic/model
    """
    from visemic.core.artifact import check_artifact
    from visemic.core.hub import find_artifact

    artifact = find_artifact(name)
    check_artifact(artifact)
    if json:
        facts: dict[str, Any] = {
            "name": artifact.info.name,
            "kind": artifact.info.kind,
            "licence": artifact.info.licence,
            "parameters": artifact.info.n_parameters,
            "bytes": artifact.n_bytes,
            "checksum": artifact.checksum,
            "files": artifact.sha256,
        }
        typer.echo(jsonlib.dumps(facts))
        return
    for line in _facts(artifact.info, artifact.sha256):
        typer.echo(line)
    typer.echo(f"whole, {artifact.n_bytes / _MEGA:.2f} MB; checksum {artifact.checksum}")


def _facts(info: "ArtifactInfo", sha256: dict[str, str]) -> list[str]:
    """Give the lines that a user should see before using a model."""
    lines = [
        f"{info.name} ({info.kind}): {info.description}" if info.description else f"{info.name} ({info.kind})"
    ]
    lines.append(f"licence: {info.licence}")
    lines += [f"trained on {corpus}: {licence}" for corpus, licence in info.data_licences.items()]
    lines += [f"sha256 {digest}  {name}" for name, digest in sha256.items()]
    return lines


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Give the rows of a table with columns as wide as they need; numbers stand to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    is_number = [
        table[-1][column].replace(",", "").replace(".", "").isdigit() for column in range(len(widths))
    ]
    return [
        _GAP.join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        ).rstrip()
        for row in table
    ]
