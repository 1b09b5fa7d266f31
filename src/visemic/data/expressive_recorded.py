"""Feelings given to recorded speech: real voices for those who must hear how something is said.

A made-up voice has no room, no breath of its own and no slip, and what was learnt from such voices
alone hears feelings in every calm recording. Here the speakers of a prepared corpus of neutral speech
say their own sentences: each is stretched to the tempo of a feeling and modulated like the voices of
``expressive``, and the face of a made-up actor goes with it. The calm clips pass through the same
steps, so that no trace of processing tells them apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from visemic.audio.stretch import stretch
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, FormatError
from visemic.core.signals import Alignment, Phone, Waveform
from visemic.data.expressive import Take, acted_speech
from visemic.data.expressive_actor import ExpressiveActor, draw_actors
from visemic.data.expressive_voice import VoiceManner, modulate
from visemic.data.prepared_speech import SpeechClip, read_clips, read_samples
from visemic.data.recording import SPLITS, Recording
from visemic.motion.emotion import EMOTIONS, LEVELS

CORPUS = "visemic expressive speech"
SEED = 10
MIN_S, MAX_S = 1.5, 8.0
"""Length of a recording that is used."""
MAX_CLIPS = 48
"""Of one speaker."""
_NEUTRAL_EVERY = 4
_MOST_LOUDER_DB, _SPOKEN_RANGE_DB, _LEVEL_STEP = 6.0, 35.0, 160
_RATE, _ACTING_RATE = Rate.of(30), Rate.of(60)
_ORDER_CHANCE, _CLIP_CHANCE = 102, 103


def recorded_takes(source: Path, seed: int = SEED) -> list[tuple[ExpressiveActor, Take, SpeechClip]]:
    """Say who shall say what in which feeling.

    Args:
        source: Folder that ``recipes/speech_corpus.py`` wrote.
        seed: Start of chance.

    Returns:
        Every fourth clip of a speaker is neutral; the others go through all emotions and
        intensities in mixed order.

    Raises:
        FormatError: The folder holds no prepared speech, or none that is long enough.
    """
    try:
        clips = read_clips(source)
    except ArtifactError as error:
        raise FormatError(str(error)) from error
    by_speaker: dict[str, list[SpeechClip]] = {}
    for clip in clips:
        if MIN_S <= clip.samples / float(SPEECH_RATE) <= MAX_S and clip.split in SPLITS:
            by_speaker.setdefault(clip.speaker, []).append(clip)
    if not by_speaker:
        raise FormatError(
            f"folder {str(source)!r} has no recording of {MIN_S:g} to {MAX_S:g} s; give one that has"
        )
    cells = [(e, level) for e in EMOTIONS if e != "neutral" for level in LEVELS.values()]
    found = []
    drawn = draw_actors(len(by_speaker), 0, seed)
    for number, (speaker, own) in enumerate(by_speaker.items()):
        actor = replace(drawn[number], name=speaker, voice="", tract=1.0)
        chance = np.random.default_rng([seed, number, _ORDER_CHANCE])
        order = [cells[i] for _ in range(MAX_CLIPS) for i in chance.permutation(len(cells))]
        chosen = [own[i] for i in chance.permutation(len(own))[:MAX_CLIPS]]
        for place, clip in enumerate(chosen):
            is_neutral = place % _NEUTRAL_EVERY == _NEUTRAL_EVERY - 1
            emotion, intensity = ("neutral", 0.0) if is_neutral else order[place]
            split = next(name for name in SPLITS if name == clip.split)
            where = (seed, number, _CLIP_CHANCE, place)
            take = Take(f"{speaker}/{clip.clip_id}", emotion, intensity, clip.text, split, where)
            found.append((actor, take, clip))
    return found


def recorded_speech(
    actor: ExpressiveActor,
    take: Take,
    clip: SpeechClip,
    source: Path,
    generator: np.random.Generator,
    louder_db: float = 0.0,
) -> tuple[Waveform, Alignment]:
    """Give a recording in the manner of a feeling, and its phones.

    Args:
        actor: Who speaks.
        take: What is asked for.
        clip: The recording.
        source: Folder of the recording.
        generator: Chance.
        louder_db: How much louder the recording is than the speaker's others: nobody speaks twice
            at the same level, and who learns that people do hears a feeling in every decibel.
    """
    manner = actor.manner_in(take.emotion, take.intensity).joined(VoiceManner(energy_db=louder_db))
    factor = 1 / (manner.tempo * float(generator.uniform(0.96, 1.04)))
    slower = stretch(Waveform(read_samples(source, clip), SPEECH_RATE), factor)
    sound = modulate(slower, manner, generator)
    factor = len(slower.samples) / clip.samples
    phones = tuple(Phone(label, a * factor, b * factor) for label, a, b in clip.phones)
    duration_s = max(sound.duration_s, phones[-1].end_s if phones else 0.0)
    return sound, Alignment(phones, (), clip.text, duration_s, source="aligned")


def levels_db(source: Path, takes: Sequence[tuple[ExpressiveActor, Take, SpeechClip]]) -> list[float]:
    """Give how much louder each recording is than the median of its speaker's, within 6 dB."""
    levels = [_level_db(read_samples(source, clip)) for _, _, clip in takes]
    by_speaker: dict[str, list[float]] = {}
    for (actor, _, _), level in zip(takes, levels, strict=True):
        by_speaker.setdefault(actor.name, []).append(level)
    middle = {name: float(np.median(found)) for name, found in by_speaker.items()}
    return [
        float(np.clip(level - middle[actor.name], -_MOST_LOUDER_DB, _MOST_LOUDER_DB))
        for (actor, _, _), level in zip(takes, levels, strict=True)
    ]


def _level_db(samples: Float32[np.ndarray, " samples"]) -> float:
    """Give the level of what is spoken, dB below full scale."""
    steps = samples[: len(samples) // _LEVEL_STEP * _LEVEL_STEP].reshape(-1, _LEVEL_STEP).astype(float)
    power = (steps**2).mean(axis=1) + 1e-12
    return float(10 * np.log10(power[power > power.max() * 10 ** (-_SPOKEN_RANGE_DB / 10)].mean()))


class ExpressiveSpeechImporter:
    """Gives feelings to recorded speech; the source is a folder of ``recipes/speech_corpus.py``."""

    kind = "expressive-speech"
    description = "recorded speech given 8 emotions at 3 intensities, and faces; SRC is prepared speech"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the clips speaker by speaker.

        Raises:
            FormatError: The folder holds no prepared speech, or none that is long enough.
        """
        takes = recorded_takes(source)
        for (actor, take, clip), louder_db in zip(takes, levels_db(source, takes), strict=True):
            for_voice, *for_face = np.random.default_rng(take.chance).spawn(4)
            waveform, alignment = recorded_speech(actor, take, clip, source, for_voice, louder_db)
            yield acted_speech(
                actor, take, waveform, alignment, for_face, rate=_RATE, acting_rate=_ACTING_RATE,
                licence=clip.licence, source=CORPUS,
            )  # fmt: skip
