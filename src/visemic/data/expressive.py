"""A corpus of acted emotion made by this package alone: eight emotions, three intensities, many actors.

Each actor has a voice and habits of face and head (``expressive_actor``). A neutral sentence is
spoken at the feeling's tempo, its sound takes on the feeling (``expressive_voice``), the rule
engine moves the mouth to it, the feeling is laid over that (``expressive_face``), and contacts
are imposed last, so that a smile never parts a P. Everything follows from a seed, clip by
clip: a corpus is the same on any machine and with any number of processes.
"""

import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from visemic.audio.resample import resample as resample_sound
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.config import config_from_dict
from visemic.core.errors import FormatError, InputError, unknown_name
from visemic.core.signals import Alignment, Motion, Waveform
from visemic.data.expressive_actor import ExpressiveActor, draw_actors
from visemic.data.expressive_face import control_of, expressive_motion
from visemic.data.expressive_text import SENTENCES, parted, sentences_of_file
from visemic.data.expressive_voice import modulate
from visemic.data.recording import Recording, Split
from visemic.features.prosody import extract_prosody
from visemic.models.viseme_accents import loudness_curve, speech_events
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.models.viseme_segments import known_phones
from visemic.motion.contact_windows import contact_windows
from visemic.motion.emotion import EMOTIONS, LEVELS
from visemic.motion.resample import resample
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.voices.base import MAX_TEMPO, MIN_TEMPO
from visemic.voices.registry import load_voice

CORPUS = "visemic expressive"
LICENCE = "CC0-1.0, made by visemic with the voice of espeak-ng"
DEFAULT_SOURCE = "default"
"""Names the corpus of ``ExpressiveConfig()`` where a TOML file could stand."""
MAX_PROCESSES = 2
_BEFORE_S, _AFTER_S = 0.12, 0.2
"""Silence around the sentence: a feeling is seen before it is heard."""
_SEALED_SNEER = 0.4
"""Largest weight of a wrinkled nose over sealed lips: it lifts them by 0.8 mm a side at weight 1."""
_TEXT_CHANCE, _ORDER_CHANCE, _CLIP_CHANCE = 101, 102, 103


@dataclass(frozen=True)
class ExpressiveConfig:
    """A corpus."""

    seed: int = 0
    n_actors: int = 16
    n_test: int = 4
    """Last actors, all of whose clips are for the test, with sentences that no other says."""
    n_takes: int = 5
    """Clips of every actor, emotion and intensity."""
    emotions: tuple[str, ...] = tuple(EMOTIONS)
    """Names of ``motion.emotion.EMOTIONS``; neutral has no intensity and is taken as often."""
    held_out_every: int = 10
    """Every so many-th clip of a training actor is for validation."""
    rate: float = 30.0
    """Frames a second of the clips."""
    acting_rate: float = 60.0
    """Frames a second at which sentences are acted."""
    sentences: Path | None = None
    """A text file with one sentence a line, in place of ours; a relative name is looked for
    beside the TOML file."""
    processes: int = 1
    """1 or 2; the clips are the same."""

    def __post_init__(self) -> None:
        for name in ("n_actors", "n_takes"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1")
        if not 0 <= self.n_test <= self.n_actors:
            raise InputError(f"n_test is {self.n_test} of {self.n_actors} actors; give 0 to {self.n_actors}")
        if self.held_out_every < 2:
            raise InputError(f"held_out_every is {self.held_out_every}; give at least 2")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; give a whole number of at least 0")
        if not 1 <= self.processes <= MAX_PROCESSES:
            raise InputError(f"processes is {self.processes}; give 1 to {MAX_PROCESSES}")
        if not self.emotions or len(set(self.emotions)) < len(self.emotions):
            raise InputError("emotions are none or named twice; name each once")
        for emotion in self.emotions:
            if emotion not in EMOTIONS:
                raise InputError(unknown_name("emotion", emotion, EMOTIONS))
        for rate in (self.rate, self.acting_rate):
            Rate.of(rate)


@dataclass(frozen=True)
class Take:
    """What an actor is asked for."""

    clip_id: str
    emotion: str
    intensity: float
    """0 for neutral."""
    text: str
    split: Split
    chance: tuple[int, ...]
    """Start of the clip's own chance."""


def actor_takes(
    config: ExpressiveConfig, actor: ExpressiveActor, number: int, sentences: tuple[str, ...]
) -> list[Take]:
    """Give the takes of an actor, every emotion and intensity as often as any other, in mixed order.

    Args:
        config: The corpus.
        actor: Who acts.
        number: The actor's place in the corpus, from 0.
        sentences: What may be said; each is said about as often, whatever the feeling.
    """
    cells = [(e, n, k) for e in config.emotions for n in range(len(LEVELS)) for k in range(config.n_takes)]
    order = np.random.default_rng([config.seed, number, _ORDER_CHANCE]).permutation(len(cells))
    chance = np.random.default_rng([config.seed, number, _TEXT_CHANCE])
    rounds = -(-len(cells) // len(sentences))
    texts = [sentences[i] for _ in range(rounds) for i in chance.permutation(len(sentences))]
    levels = tuple(LEVELS.values())
    takes = []
    for place, cell in enumerate(order):
        emotion, level, take = cells[cell]
        is_held_out = place % config.held_out_every == config.held_out_every - 1
        split: Split = "validation" if actor.split == "train" and is_held_out else actor.split
        takes.append(
            Take(
                clip_id=f"{actor.name}/{emotion}_{level + 1}_{take + 1:02d}",
                emotion=emotion,
                intensity=0.0 if emotion == "neutral" else levels[level],
                text=texts[place],
                split=split,
                chance=(config.seed, number, _CLIP_CHANCE, int(cell)),
            )
        )
    return takes


def expressive_recordings(config: ExpressiveConfig) -> Iterator[Recording]:
    """Give the clips of a corpus, actor by actor.

    Raises:
        VoiceError: The voice is not to be had.
        FormatError: The file of sentences cannot be used.
    """
    actors = draw_actors(config.n_actors, config.n_test, config.seed)
    sentences = SENTENCES if config.sentences is None else sentences_of_file(config.sentences)
    jobs = [
        (config, number, take)
        for number, actor in enumerate(actors)
        for take in actor_takes(config, actor, number, parted(sentences, is_unseen=actor.split == "test"))
    ]
    if config.processes == 1:
        for job in jobs:
            yield _act(job)
        return
    with ProcessPoolExecutor(config.processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_act, jobs, chunksize=8)


def _act(job: tuple[ExpressiveConfig, int, Take]) -> Recording:
    config, number, take = job
    actor = _actor(config.n_actors, config.n_test, config.seed, number)
    return act(actor, take, rate=Rate.of(config.rate), acting_rate=Rate.of(config.acting_rate))


@lru_cache(maxsize=64)
def _actor(n_actors: int, n_test: int, seed: int, number: int) -> ExpressiveActor:
    return draw_actors(n_actors, n_test, seed)[number]


@lru_cache(maxsize=1)
def _rules() -> VisemeRules:
    return VisemeRules(VisemeRulesConfig(), fit_readouts(load_rig("visemic")))


def act(actor: ExpressiveActor, take: Take, *, rate: Rate, acting_rate: Rate) -> Recording:
    """Speak and act one sentence.

    Args:
        actor: Who acts.
        take: What is asked for.
        rate: Frames a second of the clip.
        acting_rate: Frames a second at which it is acted.

    Raises:
        VoiceError: The voice is not to be had.
    """
    for_voice, *for_face = np.random.default_rng(take.chance).spawn(4)
    waveform, alignment = _speech(actor, take, for_voice)
    return acted_speech(actor, take, waveform, alignment, for_face, rate=rate, acting_rate=acting_rate)


def acted_speech(
    actor: ExpressiveActor,
    take: Take,
    waveform: Waveform,
    alignment: Alignment,
    generators: Sequence[np.random.Generator],
    *,
    rate: Rate,
    acting_rate: Rate,
    licence: str = LICENCE,
    source: str = CORPUS,
) -> Recording:
    """Act a sentence that has been spoken already.

    Args:
        actor: Who acts.
        take: What is asked for.
        waveform: The sentence.
        alignment: Its phones.
        generators: Chance of mouth, accents and feeling.
        rate: Frames a second of the clip.
        acting_rate: Frames a second at which it is acted.
        licence: Of the sound.
        source: Name of the corpus.
    """
    for_rules, for_events, for_face = generators
    prosody = extract_prosody(waveform)
    rules = _rules()
    control = control_of(actor, take.emotion, take.intensity)
    acted = rules.generate(alignment, prosody, acting_rate, control, for_rules)
    events = speech_events(alignment, prosody, for_events)
    loudness = loudness_curve(alignment, prosody)
    felt = expressive_motion(acted, actor, take.emotion, take.intensity, events, loudness, for_face)
    there = resample(felt, rate)
    # Rounded to 60 Hz and again to 30, a clip may be a frame longer than its sound.
    values = there.values[: rate.count(waveform.duration_s)]
    motion = rules.with_contacts(_eased(Motion(values, there.layout, rate), alignment), alignment)
    return Recording(
        clip_id=take.clip_id,
        speaker=actor.name,
        split=take.split,
        licence=licence,
        source=source,
        rate=rate,
        motion=motion,
        waveform=waveform,
        alignment=alignment,
        text=take.text,
        emotion=take.emotion,
        intensity=take.intensity,
    )


def _eased(motion: Motion, alignment: Alignment) -> Motion:
    """Let a wrinkled nose give way where lips must seal: it lifts the lip, and contacts leave noses alone."""
    windows = contact_windows(known_phones(alignment), motion.rate, motion.n_frames)
    limit = 1 - (1 - _SEALED_SNEER) * windows.openness["seal"]
    values = motion.values.copy()
    for column in motion.layout.indices(["noseSneerLeft", "noseSneerRight"]):
        values[:, column] = np.minimum(values[:, column], limit)
    return Motion(values, motion.layout, motion.rate)


def _speech(actor: ExpressiveActor, take: Take, generator: np.random.Generator) -> tuple[Waveform, Alignment]:
    """Give the sound of a take at 16 kHz with silence around it, and its phones."""
    manner = actor.manner_in(take.emotion, take.intensity)
    # Read faster for a shorter tract, the sound is spoken slower before.
    tempo = manner.tempo * float(generator.uniform(0.96, 1.04)) / actor.tract
    voice = load_voice(actor.voice)
    speech = voice.speak(take.text, tempo=round(float(np.clip(tempo, MIN_TEMPO, MAX_TEMPO)), 4))
    faster_hz = round(float(speech.waveform.rate) * actor.tract)
    faster = Waveform(speech.waveform.samples, Rate.of(faster_hz))
    sound = modulate(resample_sound(faster, SPEECH_RATE), manner, generator)
    before, after = SPEECH_RATE.count(_BEFORE_S), SPEECH_RATE.count(_AFTER_S)
    waveform = Waveform(np.pad(sound.samples, (before, after)), SPEECH_RATE)
    alignment = speech.alignment.stretched(float(speech.waveform.rate) / faster_hz)
    duration_s = max(waveform.duration_s, alignment.duration_s + _BEFORE_S)
    return waveform, alignment.shifted(_BEFORE_S, duration_s)


class ExpressiveImporter:
    """Makes a corpus instead of reading one; the source is a TOML file or the word ``default``."""

    kind = "expressive"
    description = (
        "8 emotions at 3 intensities, acted by rules and many actors; SRC is a TOML file or 'default'"
    )

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the clips of a corpus in a stable order.

        Raises:
            FormatError: The source is neither a TOML file of a corpus nor ``default``.
        """
        return expressive_recordings(read_expressive(source))


def read_expressive(source: Path) -> ExpressiveConfig:
    """Give the corpus of a source.

    Raises:
        FormatError: The source is neither a TOML file of a corpus nor ``default``.
    """
    if str(source) == DEFAULT_SOURCE:
        return ExpressiveConfig()
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
        named = data.get("sentences")
        if isinstance(named, str):
            data["sentences"] = source.parent / named
        return config_from_dict(ExpressiveConfig, data, "")
    except OSError as error:
        raise FormatError(
            f"source {str(source)!r} cannot be read: {error.strerror or error}; give a TOML file or 'default'"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"source {str(source)!r} is not TOML: {error}") from error
    except InputError as error:
        raise FormatError(f"file {str(source)!r} cannot be used: {error}") from error
