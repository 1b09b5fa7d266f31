"""``visemic speak`` and ``visemic animate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from visemic.cli.options import (
    Act,
    AtRest,
    Blink,
    Brows,
    Curves,
    Duration,
    Emotion,
    ExpressionFrom,
    File,
    Fps,
    Gaze,
    Head,
    Height,
    Json,
    Labels,
    Lang,
    ModelName,
    NoteFile,
    Out,
    Overwrite,
    Quiet,
    RigName,
    Said,
    SaveNote,
    Seed,
    Since,
    Subtitles,
    Temperature,
    Tempo,
    ViewName,
    VoiceName,
    Width,
    Wireframe,
)
from visemic.core.errors import TextError, is_utf8, shown


def read_text(text: str | None, file: Path | None) -> str:
    """Give a text from the command line or from a file.

    Raises:
        TextError: Both or neither are given, or the text is no UTF-8.
    """
    if (text is None) == (file is None):
        raise TextError("give either a TEXT or -f FILE, one of the two")
    if text is not None:
        if not is_utf8(text):
            raise TextError(f"text {shown(text)} is no UTF-8; set the terminal to UTF-8 or give -f FILE")
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
    file: File = None,
    out: Out = [],  # noqa: B006
    voice: VoiceName = None,
    lang: Lang = "en-us",
    tempo: Tempo = 1.0,
    duration: Duration = None,
    fps: Fps = "30",
    rig: RigName = "visemic",
    model: ModelName = "viseme-rules",
    seed: Seed = 0,
    blink: Blink = 1.0,
    brows: Brows = 1.0,
    head: Head = 1.0,
    gaze: Gaze = 1.0,
    note: NoteFile = None,
    emotion: Emotion = "",
    act: Act = False,
    save_note: SaveNote = None,
    since: Since = [],  # noqa: B006
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

    Marks steer the neural voice: {slow}, {fast}, {normal}, {tempo 0.8}, {pause 0.5}.

    \b
    Examples:
      visemic speak "Hello there." -o hello.mp4
      visemic speak -f script.txt -o take.csv -o take.wav --fps 60
      visemic speak "Mind the gap." -o gap.glb --duration 1.60
      visemic speak "Wait {pause 0.8} {slow} for it." -o wait.mp4 --tempo 1.1
      visemic speak "What a day!" --emotion happy:0.6 -o day.mp4
      visemic speak "Bonjour." --lang fr -o bonjour.mp4 --tempo 0.8
    """
    from visemic.cli.report import Outputs, command_line
    from visemic.pipeline.act import earlier_notes, note_from
    from visemic.pipeline.clip import View
    from visemic.pipeline.speak import speak as make_clip

    outputs = Outputs(out, save_note, overwrite=overwrite, quiet=quiet, as_json=json)
    outputs.check([file, note, *since], is_acted=bool(note or emotion or act))
    look = View(width, height, view, subtitles=subtitles, labels=labels, curves=curves, wireframe=wireframe)
    given = note_from(note)
    clip = make_clip(
        read_text(text, file), voice=voice, lang=lang, tempo=tempo, duration=duration, fps=fps, rig=rig,
        model=model, seed=seed, blink=blink, brows=brows, head=head, gaze=gaze, note=given,
        emotion=emotion, act="best" if act else "", since=earlier_notes(since), command=command_line(),
    )  # fmt: skip
    # A tempo moves the spans: saved as given, the note repeats the clip when it is spoken again.
    outputs.write(clip, look, given)


def animate(
    audio: Annotated[Path, typer.Argument(help="Audio or video file with speech.", show_default=False)],
    text: Said = None,
    file: File = None,
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
    note: NoteFile = None,
    emotion: Emotion = "",
    act: Act = False,
    at_rest: AtRest = None,
    save_note: SaveNote = None,
    since: Since = [],  # noqa: B006
    expression_from: ExpressionFrom = "",
    temperature: Temperature = 1.0,
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
      visemic animate line.flac --act --save-note line.json -o line.mp4
      visemic animate line.flac --note edited.json -o line.mp4
      visemic animate line.wav --model meshtalk-lite --expression-from brows.csv -o line.mp4
    """
    from visemic.cli.report import Outputs, check_name, command_line, progress_bar
    from visemic.pipeline.act import earlier_notes
    from visemic.pipeline.animate import animate as make_clip
    from visemic.pipeline.clip import View

    outputs = Outputs(out, save_note, overwrite=overwrite, quiet=quiet, as_json=json)
    inputs = [audio, file, note, at_rest, *since, *([Path(expression_from)] if expression_from else [])]
    outputs.check(inputs, is_acted=bool(note or emotion or act))
    check_name(audio)
    _check_words(out, lang, subtitles=subtitles, has_words=text is not None or file is not None)
    look = View(width, height, view, subtitles=subtitles, labels=labels, curves=curves, wireframe=wireframe)
    said = read_text(text, file) if text is not None or file is not None else None
    with progress_bar(audio.name, quiet=quiet or json) as show:
        clip = make_clip(
            audio, text=said, lang=lang, fps=fps, rig=rig, model=model, seed=seed, blink=blink, brows=brows,
            head=head, gaze=gaze, note=note, emotion=emotion, act="best" if act else "", at_rest=at_rest,
            since=earlier_notes(since), expression_from=expression_from or None, temperature=temperature,
            command=command_line(), progress=show,
        )  # fmt: skip
    outputs.write(clip, look)


def _check_words(out: list[Path], lang: str, *, subtitles: bool, has_words: bool) -> None:
    """Refuse what needs words that nobody gave, and a language that nobody speaks, before any work.

    Raises:
        TextError: Subtitles are asked for and there are no words.
        VoiceError: The language is unknown, or needs a plugin that is not installed.
    """
    from visemic.text.normalize import is_english

    if not has_words:
        if subtitles:
            raise TextError("subtitles need the words; give --text or -f FILE, or leave --subtitles out")
        from visemic.export.registry import WORD_SUFFIXES

        for path in out:
            if path.suffix.lower() in WORD_SUFFIXES:
                raise TextError(f"output {str(path)!r} holds words; give --text or -f FILE, or leave it out")
    from visemic.voices.espeak import is_installed

    # Without words the language changes nothing, and who has no plugin need not get one for it.
    if not is_english(lang) and (has_words or is_installed()):
        from visemic.voices.registry import load_voice

        load_voice("espeak", lang)
