"""``visemic speak`` and ``visemic animate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from visemic.cli.options import (
    Blink,
    Brows,
    Curves,
    Fps,
    Gaze,
    Head,
    Height,
    Json,
    Labels,
    Lang,
    ModelName,
    Out,
    Overwrite,
    Quiet,
    RigName,
    Seed,
    Subtitles,
    ViewName,
    Width,
    Wireframe,
)
from visemic.core.errors import TextError


def _read_text(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise TextError("give either a TEXT or -f FILE, one of the two")
    if text is not None:
        return text
    assert file is not None
    if str(file) == "-":
        data = sys.stdin.buffer.read()
    else:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise TextError(f"cannot read {str(file)!r}: {error.strerror}; give a text file") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(f"{str(file)!r} is not UTF-8 text at byte {error.start}; save it as UTF-8") from error


def speak(
    text: Annotated[str | None, typer.Argument(help="What to say.", show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Read the text from a file; - is standard input.")
    ] = None,
    out: Out = [],  # noqa: B006
    voice: Annotated[str | None, typer.Option(help="Voice; see visemic voices.", show_default=False)] = None,
    lang: Lang = "en-us",
    tempo: Annotated[float, typer.Option(help="Speed of voice and face: 0.5 half to 2 double.")] = 1.0,
    duration: Annotated[
        float | None,
        typer.Option(help="Exact length in seconds, voice and face together.", show_default=False),
    ] = None,
    fps: Fps = "30",
    rig: RigName = "visemic",
    model: ModelName = "viseme-rules",
    seed: Seed = 0,
    blink: Blink = 1.0,
    brows: Brows = 1.0,
    head: Head = 1.0,
    gaze: Gaze = 1.0,
    width: Width = 512,
    height: Height = 512,
    view: ViewName = "front",
    subtitles: Subtitles = False,
    labels: Labels = False,
    curves: Curves = False,
    wireframe: Wireframe = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Speak a text with a voice and a face.

    \b
    Examples:
      visemic speak "Hello there." -o hello.mp4
      visemic speak -f script.txt -o take.csv -o take.wav --fps 60
      visemic speak "Mind the gap." -o gap.glb --duration 2.40
      visemic speak "Bonjour." --lang fr -o bonjour.mp4 --tempo 0.8
    """
    from visemic.cli.report import command_line, need_outputs, save_all, tell
    from visemic.pipeline.clip import View, check_outputs
    from visemic.pipeline.speak import speak as make_clip

    need_outputs(out)
    check_outputs(out, overwrite=overwrite)
    look = View(width, height, view, subtitles=subtitles, labels=labels, curves=curves, wireframe=wireframe)
    clip = make_clip(
        _read_text(text, file),
        voice=voice,
        lang=lang,
        tempo=tempo,
        duration=duration,
        fps=fps,
        rig=rig,
        model=model,
        seed=seed,
        blink=blink,
        brows=brows,
        head=head,
        gaze=gaze,
        command=command_line(),
    )
    paths = save_all(clip, out, overwrite=overwrite, view=look, quiet=quiet or json)
    tell(clip, paths, quiet=quiet, as_json=json)


def animate(
    audio: Annotated[Path, typer.Argument(help="Audio or video file with speech.", show_default=False)],
    text: Annotated[
        str | None,
        typer.Option(help="What is said: phones are aligned instead of recognised.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Read that text from a file; - is standard input.")
    ] = None,
    out: Out = [],  # noqa: B006
    lang: Lang = "en-us",
    fps: Fps = "30",
    rig: RigName = "visemic",
    model: ModelName = "trunk-mouth",
    seed: Seed = 0,
    blink: Blink = 1.0,
    brows: Brows = 1.0,
    head: Head = 1.0,
    gaze: Gaze = 1.0,
    width: Width = 512,
    height: Height = 512,
    view: ViewName = "front",
    subtitles: Subtitles = False,
    labels: Labels = False,
    curves: Curves = False,
    wireframe: Wireframe = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Move a face to recorded speech.

    The mouth follows the sound itself; --model rules moves it by phones alone.

    \b
    Examples:
      visemic animate speech.wav -o speech.mp4
      visemic animate interview.mp4 --text "What was said." -o take.csv --fps 60
      visemic animate line.flac -f line.txt -o line.glb
    """
    from visemic.cli.report import command_line, need_outputs, progress_bar, save_all, tell
    from visemic.pipeline.animate import animate as make_clip
    from visemic.pipeline.clip import View, check_outputs

    need_outputs(out)
    check_outputs(out, overwrite=overwrite)
    look = View(width, height, view, subtitles=subtitles, labels=labels, curves=curves, wireframe=wireframe)
    said = _read_text(text, file) if text is not None or file is not None else None
    if subtitles and said is None:
        raise TextError("subtitles need the words; give --text or -f FILE, or leave --subtitles out")
    with progress_bar(audio.name, quiet=quiet or json) as show:
        clip = make_clip(
            audio,
            text=said,
            lang=lang,
            fps=fps,
            rig=rig,
            model=model,
            seed=seed,
            blink=blink,
            brows=brows,
            head=head,
            gaze=gaze,
            command=command_line(),
            progress=show,
        )
    paths = save_all(clip, out, overwrite=overwrite, view=look, quiet=quiet or json)
    tell(clip, paths, quiet=quiet, as_json=json)
