"""A corpus made by this package alone: phrases of our own, spoken and acted by several speakers.

Speakers differ as people do: in voice and tempo, in the shape of their heads, in how far
they open their mouths, in how the halves of their faces differ, and in how often they show a
feeling. Everything follows from a seed, clip by clip, so a corpus is the same on any machine.

Phrases are acted at 60 Hz, as the recorder works, and brought to 30 Hz; contacts are imposed
on the frames that stay, so that a P is still closed there.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Alignment, MeshMotion, Motion, Waveform
from visemic.data.recording import Recording, Split
from visemic.data.synthetic_config import (
    CORPUS,
    LICENCE,
    SyntheticConfig,
    SyntheticSpeaker,
    config_from_toml,
    korzun_config,
)
from visemic.data.synthetic_text import phrases
from visemic.data.synthetic_upper import free_upper_face
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.motion.emotion import emotion_weights
from visemic.motion.resample import resample
from visemic.rig.linear import Rig, pose_motion
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.voices.base import Voice
from visemic.voices.registry import load_voice

DEFAULT_SOURCE = "default"
"""Names the corpus of ``korzun_config`` where a TOML file could stand."""

_HEAD_TURNS = ("headYaw", "headPitch", "headRoll")
_NOT_OF_STYLE = ("jaw", "eye", "tongue")
"""Shapes whose size a speaker's manner does not change: the jaw has articulation, eyes are eyes."""
_TEXT_CHANCE, _PHRASE_CHANCE = 0, 1


def synthetic_recordings(config: SyntheticConfig, seed: int) -> Iterator[Recording]:
    """Give the clips of a corpus, speaker by speaker.

    Args:
        config: Who speaks how much.
        seed: The same seed gives the same clips; each has a chance of its own, so a speaker with
            more phrases begins with the same ones.

    Raises:
        VoiceError: A speaker's voice or language is not to be had.
    """
    said: set[str] = set()
    for number, speaker in enumerate(config.speakers):
        actor = _Actor(speaker, config)
        # Nobody says what another said: a phrase held out is new to a model in every way.
        chance = np.random.default_rng([seed, number, _TEXT_CHANCE])
        texts = phrases(speaker.n_phrases, chance, without=said)
        said.update(texts)
        for index, text in enumerate(texts):
            clip_id = f"{speaker.name}/{index:05d}"
            generator = np.random.default_rng([seed, number, _PHRASE_CHANCE, index])
            held_out = index % config.held_out_every == config.held_out_every - 1
            yield actor.recording(clip_id, text, speaker.held_out if held_out else speaker.split, generator)


class _Actor:
    """One speaker: a voice, a head and the rules that move it."""

    def __init__(self, speaker: SyntheticSpeaker, config: SyntheticConfig) -> None:
        self.speaker = speaker
        self.config = config
        self.rig = speaker_rig(speaker)
        self.voice: Voice = load_voice(speaker.voice, speaker.language)
        self.model = _rules(speaker.head_scale, speaker.articulation, self.rig.name)

    def recording(self, clip_id: str, text: str, split: Split, generator: np.random.Generator) -> Recording:
        """Speak and act a phrase."""
        speaker, config = self.speaker, self.config
        spread = config.tempo_spread
        tempo = speaker.tempo * (1 + spread * (2 * generator.random() - 1))
        speech = self.voice.speak(text, language=speaker.language, tempo=round(tempo, 4))
        emotion, intensity = self._feeling(generator)
        motion = self._motion(speech.waveform, speech.alignment, emotion, intensity, generator)
        mesh = self._mesh(motion) if config.form in ("meshes", "both") else None
        return Recording(
            clip_id=clip_id,
            speaker=speaker.name,
            split=split,
            licence=LICENCE,
            source=CORPUS,
            rate=motion.rate,
            motion=motion if config.form in ("weights", "both") else None,
            mesh=mesh,
            neutral=self.rig.neutral if mesh else None,
            waveform=speech.waveform,
            alignment=speech.alignment,
            text=text,
            language=speaker.language,
            emotion=emotion,
            intensity=intensity,
        )

    def _feeling(self, generator: np.random.Generator) -> tuple[str, float | None]:
        is_felt = generator.random() < self.speaker.emotional_share
        name = self.config.emotions[generator.integers(len(self.config.emotions))]
        intensity = round(float(generator.uniform(0.3, 1.0)), 2)
        return (name, intensity) if is_felt else ("", None)

    def _motion(
        self,
        waveform: Waveform,
        alignment: Alignment,
        emotion: str,
        intensity: float | None,
        generator: np.random.Generator,
    ) -> Motion:
        speaker = self.speaker
        control = FaceControl(speaker.blink, speaker.brows, speaker.head, speaker.gaze)
        prosody = extract_prosody(waveform)
        acted = self.model.generate(alignment, prosody, Rate.of(self.config.acting_rate), control, generator)
        felt = emotion_weights(emotion, intensity or 0.0) if emotion else {}
        styled = styled_motion(acted, speaker, felt)
        for name, curve in free_upper_face(styled.times_s, speaker.upper_face, generator).items():
            column = styled.values[:, styled.layout.index(name)]
            np.clip(column + curve.astype(np.float32), 0, 1, out=column)
        rate = Rate.of(self.config.rate)
        there = resample(styled, rate)
        # Rounded to 60 Hz and again to 30, a clip may be a frame longer than its sound.
        values = there.values[: rate.count(waveform.duration_s)]
        return self.model.with_contacts(Motion(values, there.layout, rate), alignment)

    def _mesh(self, motion: Motion) -> MeshMotion:
        """Pose the head with its neck at rest, as mesh corpora come."""
        values = motion.values.copy()
        values[:, motion.layout.indices(_HEAD_TURNS)] = 0
        return pose_motion(self.rig, Motion(values, motion.layout, motion.rate))


def speaker_rig(speaker: SyntheticSpeaker) -> Rig:
    """Give the head of a speaker: the built-in one, wider, longer or deeper."""
    rig = load_rig("visemic")
    scale = np.asarray(speaker.head_scale, np.float32)

    def pivot(at: tuple[float, float, float]) -> tuple[float, float, float]:
        x, y, z = (float(p * s) for p, s in zip(at, speaker.head_scale, strict=True))
        return (x, y, z)

    return replace(
        rig,
        neutral=rig.neutral * scale,
        offsets=rig.offsets * scale,
        eyes=tuple(replace(eye, pivot_m=pivot(eye.pivot_m)) for eye in rig.eyes),
        head=replace(rig.head, pivot_m=pivot(rig.head.pivot_m)) if rig.head else None,
    )


@lru_cache(maxsize=8)
def _rules(scale: tuple[float, float, float], articulation: float, rig: str) -> VisemeRules:
    del rig  # part of the key only
    speaker = SyntheticSpeaker("", 1, head_scale=scale)
    return VisemeRules(VisemeRulesConfig(articulation=articulation), fit_readouts(speaker_rig(speaker)))


def styled_motion(motion: Motion, speaker: SyntheticSpeaker, felt: Mapping[str, float]) -> Motion:
    """Give a speaker's manner to a motion: the size of its shapes, the uneven halves, a feeling.

    Args:
        motion: Over the default layout.
        speaker: Whose manner.
        felt: Weights of a feeling by channel, added to every frame.

    Returns:
        Weights within 0 and 1. Contacts must be imposed again.
    """
    values = motion.values.copy()
    factor = {"Left": 1 + speaker.asymmetry, "Right": 1 - speaker.asymmetry}
    for name in ARKIT_52:
        column = motion.layout.index(name)
        if not name.startswith(_NOT_OF_STYLE):
            values[:, column] *= speaker.amplitude
        side = next((side for side in factor if name.endswith(side)), None)
        if side and name.removesuffix(side) not in ("jaw", "mouth") and not name.startswith("eye"):
            values[:, column] *= factor[side]
        values[:, column] += felt.get(name, 0.0)
        np.clip(values[:, column], 0, 1, out=values[:, column])
    return Motion(values, motion.layout, motion.rate)


def subset_counts(config: SyntheticConfig, number: int) -> dict[str, int]:
    """Give how many training clips of each speaker a subset has, for ``ClipStore.select(first=…)``.

    Subset 1 is a quarter of the first speaker's training clips, 2 a half, 3 all, and 4 all
    together with those of the others: 450, 900, 1,800 and 1,800 + 450 at the default size.

    Args:
        config: The corpus.
        number: 1 to 4.

    Raises:
        InputError: There is no such subset.

    Source:
        Korzun et al. 2022, "Speaker-agnostic mouth blendshape prediction from speech", data.

    Example:
        >>> subset_counts(korzun_config(), 4)
        {'speaker_1': 1800, 'speaker_2': 450}
    """
    if number not in (1, 2, 3, 4):
        raise InputError(f"subset {number} does not exist; choose 1 to 4")
    training = {
        s.name: s.n_phrases - s.n_phrases // config.held_out_every
        for s in config.speakers
        if s.split == "train"
    }
    first = config.speakers[0].name
    if number == 4:
        return training
    return {name: n * number // 4 if number < 3 else n for name, n in training.items() if name == first}


class SyntheticImporter:
    """Makes a corpus instead of reading one; the source is a TOML file or the word ``default``."""

    kind = "synthetic"
    description = "a corpus of our own phrases, spoken and acted by rules; SRC is a TOML file or 'default'"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the clips of a corpus in a stable order.

        Raises:
            FormatError: The source is neither a TOML file of a corpus nor ``default``.
        """
        seed, config = read_source(source)
        return synthetic_recordings(config, seed)


def read_source(source: Path) -> tuple[int, SyntheticConfig]:
    """Give seed and speakers of a source.

    Raises:
        FormatError: The source is neither a TOML file of a corpus nor ``default``.
    """
    if str(source) == DEFAULT_SOURCE:
        return 0, korzun_config()
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(
            f"source {str(source)!r} cannot be read: {error.strerror or error}; give a TOML file or 'default'"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"source {str(source)!r} is not TOML: {error}") from error
    return config_from_toml(data, str(source))
