"""``visemic instruct``: from speech or a text to an acting note."""

from pathlib import Path
from typing import Annotated

import typer

from visemic.cli.options import AtRest, Json, Lang, Overwrite, Quiet, Seed
from visemic.core.errors import InputError

MAX_TIMEOUT_S = 3_600.0


def instruct(
    audio: Annotated[
        Path | None, typer.Argument(help="Audio or video file with speech.", show_default=False)
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help="What is said; without AUDIO, what is to be spoken.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Read that text from a file; - is standard input.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Note to write, .json or .txt.", show_default=False),
    ] = None,
    lang: Lang = "en-us",
    model: Annotated[
        str, typer.Option("--model", help="Writer: best, rules, server, or a model of notes.")
    ] = "best",
    url: Annotated[
        str, typer.Option(help="Where the server is: one that speaks the OpenAI protocol.")
    ] = "http://127.0.0.1:11434/v1",
    server_model: Annotated[
        str, typer.Option(help="Name of the model on the server; its first one by default.")
    ] = "",
    server_key: Annotated[
        str,
        typer.Option(envvar="VISEMIC_SERVER_KEY", help="Key that the server asks for.", show_default=False),
    ] = "",
    at_rest: AtRest = None,
    timeout: Annotated[float, typer.Option(help="Seconds that the server has for an answer.")] = 60.0,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write how a speaker should look: an acting note, to be edited and acted.

    \b
    Examples:
      visemic instruct speech.wav -o note.json
      visemic instruct --text "I am so glad you came!" -o note.json
      visemic instruct speech.wav --at-rest calm.wav -o note.json
      visemic instruct speech.wav --model rules
      visemic instruct speech.wav --model server --server-model llama3.2 -o note.json
      visemic animate speech.wav --note note.json -o speech.mp4
    """
    from visemic.cli.make import read_text
    from visemic.cli.report import check_apart
    from visemic.core.acting_json import note_to_json, note_to_text
    from visemic.core.atomic import check_writable
    from visemic.pipeline.act import check_note_name, save_note, unknown_remark
    from visemic.pipeline.instruct import Server
    from visemic.pipeline.instruct import instruct as make_note

    if out is not None:
        check_note_name(out)
        check_apart([out], [audio, file, at_rest])
        check_writable(out, overwrite=overwrite)
    if not 0 < timeout <= MAX_TIMEOUT_S:
        raise InputError(f"timeout is {timeout:g}; give seconds above 0, at most {MAX_TIMEOUT_S:g}")
    said = read_text(text, file) if text is not None or file is not None else None
    server = Server(url, server_model, timeout, api_key=server_key, seed=seed)
    made = make_note(audio, text=said, lang=lang, model=model, server=server, at_rest=at_rest, seed=seed)
    if out is not None:
        save_note(made.note, out, overwrite=overwrite)
    for remark in (*made.remarks, *unknown_remark(made.note)):
        if not quiet:
            typer.echo(f"note: {remark}", err=True)
    if json:
        typer.echo(note_to_json(made.note), nl=False)
    elif not quiet:
        typer.echo(note_to_text(made.note), nl=False)
