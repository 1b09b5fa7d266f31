"""Speech in, a face out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from visemic.audio.align import align_words
from visemic.audio.io import clipping_note, read_waveform, require_speech, resample
from visemic.audio.recognise import recognise_phones
from visemic.core.acting_note import ActingNote
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import Alignment, Motion, Waveform
from visemic.models.registry import full_name, takes
from visemic.pipeline.act import act_motion, checked_options
from visemic.pipeline.clip import Clip
from visemic.pipeline.motion import check_expression, generate_motion, heard_motion, provenance
from visemic.pipeline.options import (
    DEFAULT_FPS,
    DEFAULT_LANGUAGE,
    DEFAULT_RIG,
    DEFAULT_SOUND_MODEL,
    FaceOptions,
)
from visemic.pipeline.transcript import Transcript, read_transcript
from visemic.rig.linear import Rig

RECORDING = "recording"
"""Name of the voice when the sound was given."""

RECOGNISER_LICENCES = {"phone recogniser pocketsphinx and its English model": "BSD-2-Clause"}


def animate(
    source: "str | Path | Waveform",
    *,
    text: str | None = None,
    lang: str = DEFAULT_LANGUAGE,
    fps: "float | str | Rate" = DEFAULT_FPS,
    rig: str = DEFAULT_RIG,
    model: str = DEFAULT_SOUND_MODEL,
    seed: int = 0,
    blink: float = 1.0,
    brows: float = 1.0,
    head: float = 1.0,
    gaze: float = 1.0,
    note: "ActingNote | str | Path | None" = None,
    emotion: str = "",
    act: str = "",
    at_rest: "str | Path | None" = None,
    since: "ActingNote | str | Path | None" = None,
    expression_from: "str | Path | None" = None,
    temperature: float = 1.0,
    command: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Clip:
    """Move a face to recorded speech.

    The mouth follows the sound itself. With a transcript its phones are aligned and say where lips
    and teeth meet; without one the model closes the lips on what it hears. It learnt from English and a
    little Mandarin, and serves other languages less well.

    Args:
        source: An audio or video file, or a waveform of any rate; 0.1 s to 2 h.
        text: What is said, as written; None recognises phones instead.
        lang: Language of the text; others than English need the espeak plugin.
        fps: Frames a second, 1 to 240.
        rig: Name of the head.
        model: Name of the model of motion; ``rules`` moves the mouth by phones alone.
        seed: Start of chance.
        blink: Rate of blinks, 0 off, 1 natural.
        brows: Height of brow accents, 0 off, 1 natural.
        head: Angle of head motion, 0 off, 1 natural.
        gaze: Size of saccades, 0 off, 1 natural.
        note: How the speaker looks, span by span: a note, or a file of one.
        emotion: The short form of a note for the whole clip, such as ``happy:0.6``.
        act: Who writes a note from the speech: ``best``, ``rules``, or a model of notes.
        at_rest: The same speaker without feeling, recorded alike, so that notes are truer.
        since: Note of an earlier run: outside the spans that differ all bits stay those of that run. After
            several edits, ``core.acting_note.edited_note`` of all earlier notes, oldest first.
        expression_from: Clip, file or ``STORE/speaker/clip``, that the upper face of MeshTalk follows.
        temperature: Of that model's chance: 0 the likeliest face, 1 as trained.
        command: What the manifest should say; None writes the Python call.
        progress: Called now and then with seconds done and seconds in all.

    Returns:
        A clip whose waveform runs at 16 kHz.

    Raises:
        AudioError: The file cannot be read, is silent, too short or too long.
        TextError: Nothing in the transcript can be pronounced.
        InputError: Another option is out of range.

    Example:
        >>> animate("speech.wav", text="Hello.").save("speech.csv")  # doctest: +SKIP
    """
    face = FaceOptions(fps, rig, full_name(model), seed, blink, brows, head, gaze)
    face = replace(face, emotion=emotion, act=act, temperature=temperature, at_rest=str(at_rest or ""))
    face = replace(face, expression_from=str(expression_from or ""))
    options = checked_options(face, note, since)
    check_expression(options)
    transcript = read_transcript(text, lang) if text is not None else None
    waveform = resample(source, SPEECH_RATE) if isinstance(source, Waveform) else read_waveform(Path(source))
    name = "a waveform" if isinstance(source, Waveform) else str(source)
    require_speech(waveform)
    motion, alignment, head_rig, remarks = _moved(waveform, text, lang, transcript, options, progress)
    acted = act_motion(motion, waveform, alignment, options, head_rig)
    written = provenance(
        options, head_rig, command=command or f"visemic.animate({name!r})", voice=RECORDING,
        voice_licence="that of the recording", notes=(*remarks, *acted.remarks),
        licences={} if _hears_itself(transcript, options) else RECOGNISER_LICENCES,
    )  # fmt: skip
    return Clip(waveform, alignment, acted.motion, head_rig, written, acted.note)


def _hears_itself(transcript: Transcript | None, options: FaceOptions) -> bool:
    return transcript is None and takes(options.model) == "sound"


def _moved(
    waveform: Waveform,
    text: str | None,
    lang: str,
    transcript: Transcript | None,
    options: FaceOptions,
    progress: Callable[[int, int], None] | None,
) -> tuple[Motion, Alignment, Rig, tuple[str, ...]]:
    """Give motion, phones, head, and what needs saying of the sound and of how the phones were found."""
    loud = clipping_note(waveform)
    if _hears_itself(transcript, options):
        return *heard_motion(waveform, options), (loud,) if loud else ()
    remark = ""
    if transcript is None or text is None:
        alignment = recognise_phones(waveform, progress=progress)
    else:
        alignment, remark = _align(waveform, text, lang, transcript, progress)
    motion, rig = generate_motion(waveform, alignment, options)
    return motion, alignment, rig, tuple(said for said in (loud, remark) if said)


def _align(
    waveform: Waveform,
    text: str,
    lang: str,
    transcript: Transcript,
    progress: Callable[[int, int], None] | None,
) -> tuple[Alignment, str]:
    """Give the transcript's phones on the sound's clock, and how they were found if not by alignment."""
    aligned = align_words(waveform, transcript.words, progress=progress)
    alignment = replace(
        aligned.alignment, words=transcript.written(aligned.alignment.words), text=text, language=lang
    )
    return alignment, aligned.note
