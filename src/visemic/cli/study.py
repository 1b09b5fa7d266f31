"""``visemic study new``, ``serve`` and ``report``."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from visemic.cli.options import Json, Overwrite, Quiet, Seed
from visemic.core.errors import InputError

app = typer.Typer(
    name="study",
    help="Viewing tests: ratings and knockouts with blind pages.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Folder = Annotated[Path, typer.Argument(help="Folder of the study.")]


@app.command()
def new(
    folder: Folder,
    system: Annotated[
        list[str],
        typer.Option("--system", metavar="NAME=FOLDER", help="Folder of MP4 files of a system; repeat."),
    ],
    kind: Annotated[
        str, typer.Option(help="mos (rate), smos (rate against a reference) or pairwise (knockout).")
    ] = "pairwise",
    reference: Annotated[
        Path | None,
        typer.Option(help="Folder of recordings of the same names, for smos.", show_default=False),
    ] = None,
    question: Annotated[str, typer.Option(help="Shown above every clip.", show_default=False)] = "",
    sessions: Annotated[int, typer.Option(help="Plans of tasks to make, 1 to 500.")] = 24,
    stimuli: Annotated[int, typer.Option(help="Clips' names a participant sees, 1 to 100.")] = 6,
    checks: Annotated[int, typer.Option(help="Attention checks a participant meets, 0 to 10.")] = 2,
    seed: Seed = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make the blind pages of a study from folders of MP4 files.

    Files of the same name in all folders show the same sentence.

    \b
    Examples:
      visemic study new faces --system rules=out/rules --system mine=out/mine
      visemic study new likeness --kind smos --system mine=out/mine --reference out/real
    """
    from visemic.evaluation.study import KINDS, new_study

    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is none of {', '.join(KINDS)}; choose one")
    systems: dict[str, Path] = {}
    for entry in system:
        name, equals, path = entry.partition("=")
        if not (name and equals and path) or name in systems:
            raise InputError(f"system {entry!r} is no new NAME=FOLDER; write for example rules=out/rules")
        systems[name] = Path(path)
    study = new_study(
        folder,
        systems,
        kind=kind,  # type: ignore[arg-type]
        reference=reference,
        question=question,
        n_sessions=sessions,
        per_session=stimuli,
        n_checks=checks,
        seed=seed,
    )
    if json:
        plain = {"study": str(folder), "systems": study.systems, "sessions": len(study.sessions)}
        typer.echo(jsonlib.dumps(plain, ensure_ascii=False))
    elif not quiet:
        typer.echo(
            f"{study.kind} of {len(study.systems)} systems on {len(study.stimuli)} clips, "
            f"{len(study.sessions)} sessions of {len(study.sessions[0])} tasks"
        )
        typer.echo(f"  next: visemic study serve {folder}")


@app.command()
def serve(
    folder: Folder,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8770,
    quiet: Quiet = False,
) -> None:
    """Serve a study until stopped with Ctrl-C; answers go to its answers.sqlite.

    \b
    Example:
      visemic study serve faces
    """
    from visemic.evaluation.study_server import StudyServer

    with StudyServer(folder, host=host, port=port) as server:
        if not quiet:
            typer.echo(f"{server.url}  (Ctrl-C stops; answers are kept as they come)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            if not quiet:
                typer.echo(f"stopped; next: visemic study report {folder}", err=True)


@app.command()
def report(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.md", help="Write the report here.", show_default=False),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write every answer here.", show_default=False)
    ] = None,
    answers: Annotated[
        list[Path], typer.Option(help="Add answers that a page saved without a server; repeat.")
    ] = [],  # noqa: B006
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Count participants who failed a check, too.")
    ] = False,
    sound: Annotated[str, typer.Option(help="Count those who watched with sound on, off or all.")] = "all",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Count the answers of a study: means, wins, intervals, attention checks.

    \b
    Examples:
      visemic study report faces
      visemic study report faces -o faces.md --csv faces.csv
    """
    from visemic.core.atomic import atomic_path, check_writable
    from visemic.evaluation.study import read_study
    from visemic.evaluation.study_answer import AnswerStore, import_answers, write_answers_csv
    from visemic.evaluation.study_report import result_data, result_markdown, summarise

    if sound not in ("all", "on", "off"):
        raise InputError(f"sound is {sound!r}; choose all, on or off")
    for path in (out, csv):
        if path is not None:
            check_writable(path, overwrite=overwrite)
    study = read_study(folder)
    with AnswerStore(folder) as store:
        for path in answers:
            import_answers(study, store, path)
        given = store.answers()
    result = summarise(study, given, keep_failed=keep_failed, sound=sound)  # type: ignore[arg-type]
    if csv is not None:
        write_answers_csv(study, given, csv, overwrite=overwrite)
    if out is not None:
        with atomic_path(out, overwrite=overwrite) as partial:
            partial.write_text(result_markdown(result), encoding="utf-8")
    if json:
        typer.echo(jsonlib.dumps(result_data(result), ensure_ascii=False))
    elif not quiet:
        typer.echo(result_markdown(result) if out is None else f"  {out}")
