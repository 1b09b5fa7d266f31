"""Speech in, a note out: by the best that is there, and always by rules."""

import importlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from visemic.audio.align import align_words
from visemic.audio.io import read_waveform, require_speech, resample
from visemic.core.acting_note import ActingNote
from visemic.core.artifact import Artifact
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError, InputError, VisemicError, VoiceError, unknown_name
from visemic.core.hub import HUB, find_artifact, packaged_models, stated_info
from visemic.core.signals import Alignment, Features, Waveform, Word
from visemic.features.prosody import extract_prosody
from visemic.models.instruction_rules import describe_speech, instruct_by_rules
from visemic.models.registry import load_sound_model
from visemic.pipeline.options import DEFAULT_LANGUAGE, DEFAULT_RIG, DEFAULT_SOUND_MODEL
from visemic.pipeline.transcript import read_transcript
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.text.normalize import split_sentences

BEST, RULES, SERVER = "best", "rules", "server"
LEARNED = "avi-instruction"
"""Kind of the model that writes notes, and name of the one that ships."""
INSTRUCTORS: dict[str, str] = {LEARNED: "visemic.models.instructor:Instructor"}
"""Models that write notes: kind of artefact to ``module:class``, called with the artefact."""
_CHARACTERS_HZ = 14.0
"""Of speech, where no voice is there to tell."""


@dataclass(frozen=True)
class Server:
    """A language model behind the OpenAI protocol, such as Ollama, llama.cpp or vLLM."""

    url: str = "http://127.0.0.1:11434/v1"
    model: str = ""
    """Its name there; nothing takes the first that it offers."""
    timeout_s: float = 60.0
    """For all questions together."""
    retries: int = 2
    """Further questions when an answer is no note."""
    api_key: str = field(default="", repr=False)
    seed: int = 0


@dataclass(frozen=True)
class Instructed:
    """A note, and how it came about."""

    note: ActingNote
    duration_s: float
    remarks: tuple[str, ...] = ()
    """What a user should know, such as a fall-back that was taken."""


def instruct(
    source: "str | Path | Waveform | None" = None,
    *,
    text: str | None = None,
    lang: str = DEFAULT_LANGUAGE,
    model: str = BEST,
    server: Server | None = None,
    at_rest: "str | Path | Waveform | None" = None,
    seed: int = 0,
) -> Instructed:
    """Write how a speaker should look, from speech or from a text alone.

    Args:
        source: An audio or video file, or a waveform; None writes for a text that is yet to be
            spoken, on the clock of ``speak`` with the first voice.
        text: What is said; None leaves it to the sound.
        lang: Language of the text.
        model: ``best``, ``rules``, ``server``, or a model of notes: its name or folder.
        server: Where ``server`` is; None takes a local one.
        at_rest: Some seconds of the same speaker without feeling, recorded alike: the learned
            model hears feeling as the difference from it, and mostly guesses without.
        seed: Start of chance, for models that draw.

    Raises:
        InputError: Neither a source nor a text is given, a voice at rest without a source, or an
            option is out of range.
        TextError: The text is empty, too long, or nothing in it can be pronounced.
        VoiceError: There is no such language.
        AudioError: The file cannot be read, is silent, too short or too long.
        ArtifactError: There is no such model.

    Example:
        >>> instruct(text="What a wonderful day!", model="rules").note.spans[0].emotion
        'happy'
    """
    check_writer(model, server)
    if seed < 0:
        raise InputError(f"seed is {seed}; give a whole number from 0 up")
    if source is None:
        if text is None:
            raise InputError("nothing to write a note for; give an audio file or a text")
        if at_rest is not None:
            raise InputError(
                "a voice at rest is compared with a recording and none is given; give an audio file too"
            )
        alignment = _spoken_times(text, lang)
        note, remarks = write_note(None, alignment, model, text=text, server=server, seed=seed)
        return Instructed(note, alignment.duration_s, remarks)
    waveform, rest = heard_speech(source), None if at_rest is None else heard_speech(at_rest)
    if text is None:
        readouts = fit_readouts(load_rig(DEFAULT_RIG))
        alignment = load_sound_model(DEFAULT_SOUND_MODEL, readouts).hear(waveform)
    else:
        transcript = read_transcript(text, lang)
        aligned = align_words(waveform, transcript.words).alignment
        words = transcript.written(aligned.words)
        alignment = Alignment(aligned.phones, words, text, aligned.duration_s, lang, aligned.source)
    note, remarks = write_note(waveform, alignment, model, server=server, at_rest=rest, seed=seed)
    return Instructed(note, waveform.duration_s, remarks)


def heard_speech(source: "str | Path | Waveform") -> Waveform:
    """Give speech at 16 kHz.

    Raises:
        AudioError: The file cannot be read, is silent, too short or too long.
    """
    waveform = resample(source, SPEECH_RATE) if isinstance(source, Waveform) else read_waveform(Path(source))
    require_speech(waveform)
    return waveform


def check_writer(name: str, server: Server | None = None) -> None:
    """Refuse a writer of notes that is not there, before any work.

    Args:
        name: ``best``, ``rules``, ``server``, or a model.
        server: Where ``server`` is; whether it answers is left open.

    Raises:
        ArtifactError: There is none of this name.
        InputError: The server's address, key or limits cannot be used.
    """
    if name == SERVER:
        _client(server)
    if name in (BEST, RULES, SERVER):
        return
    if name not in packaged_models() and not name.startswith(HUB) and not Path(name).is_dir():
        own = [packaged for packaged in packaged_models() if stated_info(packaged).kind in INSTRUCTORS]
        raise ArtifactError(unknown_name("note writer", name, [BEST, RULES, SERVER, *own]))
    kind = stated_info(name).kind
    if kind not in INSTRUCTORS:
        raise ArtifactError(
            f"model {name!r} is of kind {kind!r}, which writes no notes; choose {BEST} or {RULES}"
        )


def write_note(
    waveform: Waveform | None,
    alignment: Alignment,
    writer: str,
    *,
    text: str | None = None,
    prosody: Features | None = None,
    server: Server | None = None,
    at_rest: Waveform | None = None,
    seed: int = 0,
) -> tuple[ActingNote, tuple[str, ...]]:
    """Write a note for a clip; where the best fails, by rules, and say so.

    Args:
        waveform: The sound; None judges by the words alone.
        alignment: Its phones and words.
        writer: ``best``, ``rules``, ``server``, or a model.
        text: What is said; None takes the alignment's.
        prosody: Of the sound, if it is known already.
        server: Where ``server`` is.
        at_rest: The same speaker without feeling.
        seed: Start of chance.

    Returns:
        The note, within the clip, and remarks for the user.
    """
    if prosody is None and waveform is not None:
        prosody = extract_prosody(waveform)

    def by_rules() -> ActingNote:
        return instruct_by_rules(alignment, prosody, text=text)

    said = alignment.text if text is None else text
    name = writer
    if writer == BEST:
        name = LEARNED if LEARNED in packaged_models() and waveform is not None else RULES
    if name == RULES:
        return by_rules(), ()
    try:
        if name == SERVER:
            state = describe_speech(alignment, prosody, text=text)
            note = _ask(server or Server(), said, state, alignment.duration_s)
        else:
            if waveform is None:
                return by_rules(), (f"model {name!r} listens and there is no sound; the note is by rules",)
            note = _load_instructor(find_artifact(name)).instruct(
                waveform, alignment, said or None, at_rest=at_rest, seed=seed
            )
        return note.within(alignment.duration_s), ()
    except VisemicError as error:
        return by_rules(), (f"{name} wrote no note: {error}; this one is by rules",)


def _load_instructor(artifact: Artifact) -> Any:
    module, _, name = INSTRUCTORS[artifact.info.kind].partition(":")
    return getattr(importlib.import_module(module), name)(artifact)


def _client(server: Server | None) -> Any:
    from visemic.models.instruction_server import InstructionServer

    return InstructionServer(**asdict(server or Server()))


def _ask(server: Server, transcript: str, state: str, duration_s: float) -> ActingNote:
    note: ActingNote = _client(server).instruct(transcript, state, duration_s)
    return note


def _spoken_times(text: str, lang: str) -> Alignment:
    """Give when a text would be said: by the voice that would say it, or by its length."""
    from visemic.voices import espeak
    from visemic.voices.registry import load_voice

    # What no voice says is refused, whether one is there or not.
    split_sentences(text, lang)
    if espeak.info().installed:
        espeak.resolve_language(lang)
    try:
        return load_voice(None, lang).speak(text, language=lang).alignment
    except VoiceError:
        tokens = text.split()
    ends, at_s = [], 0.0
    for token in tokens:
        at_s += (len(token) + 1) / _CHARACTERS_HZ
        ends.append(at_s)
    starts = [0.0, *ends[:-1]]
    words = tuple(Word(t, a, b) for t, a, b in zip(tokens, starts, ends, strict=True))
    return Alignment((), words, text, at_s, lang, "text")
