"""Text in, a voice and a face out."""

import unicodedata
from dataclasses import replace
from pathlib import Path

from visemic.core.acting_note import ActingNote
from visemic.core.clock import Rate
from visemic.models.registry import full_name
from visemic.pipeline.act import act_motion, checked_options
from visemic.pipeline.clip import Clip
from visemic.pipeline.motion import generate_motion, provenance
from visemic.pipeline.options import (
    DEFAULT_FPS,
    DEFAULT_LANGUAGE,
    DEFAULT_MODEL,
    DEFAULT_RIG,
    FaceOptions,
)
from visemic.pipeline.tempo import check_tempo, with_note_tempo
from visemic.text.normalize import skipped_characters, split_sentences
from visemic.voices.fit import speak_for
from visemic.voices.registry import load_voice

MAX_SHOWN_CHARACTERS = 80
"""Of a text in a manifest or a note."""

SPOKEN_SYMBOLS = "°©®™№℃℉"
"""Symbols among the pictures that the text front end has words for."""


def speak(
    text: str,
    *,
    voice: str | None = None,
    lang: str = DEFAULT_LANGUAGE,
    tempo: float = 1.0,
    duration: float | None = None,
    fps: "float | str | Rate" = DEFAULT_FPS,
    rig: str = DEFAULT_RIG,
    model: str = DEFAULT_MODEL,
    seed: int = 0,
    blink: float = 1.0,
    brows: float = 1.0,
    head: float = 1.0,
    gaze: float = 1.0,
    note: "ActingNote | str | Path | None" = None,
    emotion: str = "",
    act: str = "",
    since: "ActingNote | str | Path | None" = None,
    command: str | None = None,
) -> Clip:
    """Speak a text with a voice and a face on one clock.

    Args:
        text: As written, with numbers, dates and abbreviations; at most 100,000 characters. Marks
            such as ``{slow}``, ``{fast}``, ``{normal}``, ``{tempo 0.8}`` and ``{pause 0.5}`` steer
            the neural voice until the sentence ends.
        voice: Name of a voice, see ``visemic voices``, or the folder of a trained one; None takes
            the neural voice for American English and espeak-ng for all other languages.
        lang: Language tag such as ``en-us``, ``fr``, ``de``.
        tempo: Speed of voice and face, 0.5 half to 2 double.
        duration: Exact length of the clip in seconds, voice and face together; None leaves
            it to the voice. Needs a tempo within the limits, and replaces ``tempo``.
        fps: Frames a second, 1 to 240.
        rig: Name of the head.
        model: Name of the model of motion.
        seed: Start of chance.
        blink: Rate of blinks, 0 off, 1 natural.
        brows: Height of brow accents, 0 off, 1 natural.
        head: Angle of head motion, 0 off, 1 natural.
        gaze: Size of saccades, 0 off, 1 natural.
        note: How the speaker looks and how fast he speaks, span by span: a note, or a file of one,
            on the clock of this speech before any span's own tempo.
        emotion: The short form of a note for the whole clip, such as ``happy:0.6``.
        act: Who writes a note from the text: ``best``, ``rules``, or a model of notes.
        since: Note of an earlier run: outside the spans that differ all bits stay those of that run. After
            several edits, ``core.acting_note.edited_note`` of all earlier notes, oldest first.
        command: What the manifest should say; None writes the Python call.

    Raises:
        TextError: Nothing can be pronounced, or the text is too long.
        VoiceError: The voice, language, tempo or duration is not to be had.
        ArtifactError: A trained voice was altered or is of another kind or symbol table.
        InputError: Another option is out of range, or the duration is out of the neural voice's reach.

    Example:
        >>> speak("Hello.", fps=30).save("hello.glb")  # doctest: +SKIP
    """
    face = FaceOptions(fps, rig, full_name(model), seed, blink, brows, head, gaze)
    options = checked_options(replace(face, emotion=emotion, act=act), note, since)
    check_tempo(options, duration)
    split_sentences(text, lang)  # bad text is refused before a voice is loaded
    speaker = load_voice(voice, lang)
    speech = speak_for(speaker, text, language=lang, tempo=tempo, duration_s=duration)
    speech, options = with_note_tempo(speech, options)
    motion, head_rig = generate_motion(speech.waveform, speech.alignment, options)
    acted = act_motion(motion, speech.waveform, speech.alignment, options, head_rig)
    written = provenance(
        options, head_rig, command=command or f"visemic.speak({_shortened(text)!r})",
        voice=speaker.info.name, voice_licence=speaker.info.licence, licences={},
        notes=(*_unspoken_remark(text, lang), *acted.remarks),
    )  # fmt: skip
    return Clip(speech.waveform, speech.alignment, acted.motion, head_rig, written, acted.note)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"


def _unspoken_remark(text: str, lang: str) -> tuple[str, ...]:
    unspoken = _unspoken(text, lang)
    return (f"no voice for {unspoken!r}; these were left out",) if unspoken else ()


def _unspoken(text: str, lang: str) -> str:
    """Give the distinct letters and pictures that nobody can say, in order of appearance."""
    pictures = dict.fromkeys(c for c in text if unicodedata.category(c) == "So" and c not in SPOKEN_SYMBOLS)
    return (skipped_characters(text, lang) + "".join(pictures))[:MAX_SHOWN_CHARACTERS]
