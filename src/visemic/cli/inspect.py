"""``visemic chart``, ``voices``, ``models``, ``rigs`` and ``doctor``."""

import json as jsonlib
from typing import Annotated

import typer

from visemic.cli.options import Json, Out, Overwrite, Quiet, RigName


def _table(rows: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        typer.echo(jsonlib.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        name, *rest = row.values()
        typer.echo(f"{name}")
        for key, value in zip(list(row)[1:], rest, strict=True):
            if value not in ("", None, ()):
                shown = ", ".join(map(str, value)) if isinstance(value, tuple | list) else value
                typer.echo(f"  {key.replace('_', ' ')}: {shown}")


def chart(
    kind: Annotated[str, typer.Argument(help="shapes, visemes or emotions.")] = "shapes",
    out: Out = [],  # noqa: B006
    rig: RigName = "visemic",
    view: Annotated[
        str | None,
        typer.Option(help="Camera; the mouth for visemes and the face otherwise.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Draw a labelled grid of the head's shapes, of the visemes or of emotions.

    \b
    Examples:
      visemic chart shapes -o shapes.png
      visemic chart visemes -o visemes.png --view face
      visemic chart emotions -o emotions.png
    """
    from visemic.cli.report import need_outputs
    from visemic.pipeline.chart import save_chart

    need_outputs(out)
    paths = [save_chart(kind, path, rig=rig, view=view, overwrite=overwrite) for path in out]
    if json:
        typer.echo(jsonlib.dumps({"outputs": [str(p) for p in paths]}))
    elif not quiet:
        for path in paths:
            typer.echo(f"  {path}")


def voices(json: Json = False) -> None:
    """List the voices, their languages and licences."""
    from visemic.voices.registry import voice_infos

    _table(
        [
            {
                "name": i.name,
                "description": i.description,
                "languages": i.languages,
                "licence": i.licence,
                "installed": i.installed,
                "install": "" if i.installed else i.how_to_install,
            }
            for i in voice_infos()
        ],
        json,
    )


def rigs(json: Json = False) -> None:
    """List the heads and their licences."""
    from visemic.rig.registry import rig_infos

    _table([{"name": i.name, "description": i.description, "licence": i.licence} for i in rig_infos()], json)


def doctor(json: Json = False) -> None:
    """Check that everything works on this machine.

    The exit code is 1 if the main job does not work.

    \b
    Example:
      visemic doctor
    """
    from visemic.pipeline.doctor import run_checks

    checks = run_checks()
    if json:
        typer.echo(jsonlib.dumps([{"name": c.name, "state": c.state, "detail": c.detail} for c in checks]))
    else:
        for check in checks:
            typer.echo(f"{check.state:8} {check.name}: {check.detail}")
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)
