"""Clips with captions, heard once by a frozen encoder and kept: what the first stage learns from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int

from visemic.core.acting_note import ActionPhrase, Span
from visemic.core.action_units import EMOTION_NAMES
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError
from visemic.core.hub import find_artifact
from visemic.core.signals import Features, Waveform
from visemic.data.captions import Caption, read_captions
from visemic.data.loader import ClipStore
from visemic.features.cache import FeatureCache
from visemic.features.speech_encoder import SpeechEncoder
from visemic.models.heard_phones import phonetic_network
from visemic.models.instruction_hearing import (
    HEARING_RATE,
    LOUDNESS_UNIT_DB,
    N_CURVES,
    NAME,
    VERSION,
    Heard,
    hear,
)
from visemic.models.instruction_scale import AtRest, HearingScale, at_rest_of
from visemic.motion.emotion import LEVELS

PHONETIC = "phonetic"
"""Name of our own encoder; any other is a checkpoint of transformers."""
NO_LEVEL = -100
"""Level of what has none: nobody is strongly neutral."""


@dataclass(frozen=True, eq=False)
class InstructionClip:
    """One clip: how it sounds and what its face does."""

    clip_id: str
    speaker: str
    split: str
    licence: str
    source: str
    heard: Heard
    caption: Caption

    @property
    def emotion(self) -> int:
        """Number of the emotion."""
        return EMOTION_NAMES.index(self.caption.emotion)

    @property
    def level(self) -> int:
        """Number of the nearest of ``LEVELS``; ``NO_LEVEL`` without an emotion."""
        if self.caption.emotion == "neutral":
            return NO_LEVEL
        gains = list(LEVELS.values())
        return int(np.argmin([abs(gain - self.caption.intensity) for gain in gains]))

    @cached_property
    def span(self) -> Span:
        """What the caption says, with all units."""
        caption = self.caption
        actions = tuple(ActionPhrase(unit, degree) for unit, degree in caption.units.items())
        return Span(
            0.0, 0.0, caption.emotion, caption.intensity, actions, gaze=caption.gaze, head=caption.head
        )

    @cached_property
    def described(self) -> Float32[np.ndarray, " numbers"]:
        """What describes the whole clip."""
        return self.heard.described()

    @cached_property
    def at_rest(self) -> AtRest:
        """The clip as that of a voice at rest."""
        return at_rest_of([self.heard])


def fit_scale(clips: Sequence[InstructionClip]) -> HearingScale:
    """Fit the scale over clips.

    Raises:
        ArtifactError: There are none.
    """
    if not clips:
        raise ArtifactError("the store has no clip of split 'train' with a caption; import one that has")
    frames = np.concatenate([clip.heard.frames() for clip in clips]).astype(float)
    whole = np.stack([clip.described for clip in clips]).astype(float)
    parts = [
        part
        for values in (frames, whole)
        for part in (values.mean(axis=0), np.maximum(values.std(axis=0), 1e-3))
    ]
    rests = [np.stack([c.described for c in own]) for own in _neutral_by_speaker(clips).values()]
    around = [own - own.mean(axis=0) for own in rests if len(own) > 1]
    # Without several clips of one voice at rest, half the spread of everything stands in.
    spread = np.concatenate(around).astype(float).std(axis=0) if around else 0.5 * parts[3]
    parts.append(np.maximum(spread, 0.1 * parts[3]))
    return HearingScale(*(part.astype(np.float32) for part in parts))


class InstructionClips:
    """The clips of stores that have captions and sound.

    Args:
        stores: Folders of the stores, each with ``captions.jsonl`` beside its manifest.
        encoder: ``phonetic``, or a checkpoint of wav2vec 2.0, HuBERT or WavLM by name or folder.
        cache: Where what was heard is kept; None takes the user's cache folder.

    Raises:
        ArtifactError: A store is damaged or has no captions, or the encoder cannot be had.
    """

    def __init__(self, stores: Sequence[Path], encoder: str = PHONETIC, cache: Path | None = None) -> None:
        self.encoder = encoder
        self._network = phonetic_network(find_artifact(PHONETIC))
        self._other, self.encoder_licence = _other_encoder(encoder)
        self._cache = FeatureCache(cache)
        self.clips = tuple(clip for store in stores for clip in self._clips(store))
        self.scale = fit_scale(self.of("train"))

    @property
    def n_inputs(self) -> int:
        """Numbers of a frame."""
        return len(self.scale.frames_mean)

    def of(self, split: str) -> list[InstructionClip]:
        """Give the clips of a split."""
        return [clip for clip in self.clips if clip.split == split]

    def _clips(self, folder: Path) -> Iterator[InstructionClip]:
        captions = read_captions(folder)
        store = ClipStore(folder)
        for number, entry in enumerate(store.entries):
            if entry.clip_id not in captions or not entry.n_samples:
                continue
            audio = store.window(number, 0, entry.n_frames).audio
            assert audio is not None
            heard = self.heard(Waveform(audio, SPEECH_RATE))
            caption = captions[entry.clip_id]
            where = (entry.clip_id, entry.speaker, entry.split, entry.licence, entry.source)
            yield InstructionClip(*where, heard, caption)

    def heard(self, waveform: Waveform) -> Heard:
        """Hear a sound, or remember it."""
        other = self._other
        name = NAME if other is None else f"{NAME}/{other.name}"
        version = str(VERSION) if other is None else f"{VERSION}-{other.version}"
        found = self._cache.get(waveform, name, version, self._features).values.astype(np.float32)
        width = found.shape[1] - N_CURVES - 1
        return Heard(found[:, :width], found[:, width:-1], found[:, -1])

    def _features(self, waveform: Waveform) -> Features:
        heard = hear(waveform, self._network, self._other)
        values = np.concatenate([heard.states, heard.curves, heard.speech[:, None]], axis=1)
        return Features(values, HEARING_RATE, NAME, str(VERSION))


def _other_encoder(encoder: str) -> tuple[SpeechEncoder | None, str]:
    if encoder == PHONETIC:
        return None, "Apache-2.0"
    from visemic.features.hugging_face import load_encoder
    from visemic.features.speech_encoder import EncoderConfig

    loaded = load_encoder(encoder, EncoderConfig(layers=(-1,)))
    return loaded, loaded.licence


@dataclass(frozen=True)
class Variation:
    """How training varies what it hears; every share from 0 to 1."""

    known: float = 0.0
    """Of the examples that are told how the voice sounds at rest."""
    cropped: float = 0.0
    """Of the examples that hear a part of the clip only."""
    other_voice: float = 0.0
    """Of the examples whose voice is moved towards that of another speaker."""
    without_states: float = 0.0
    """Of the examples that hear the curves of the voice only."""
    without_frames: float = 0.0
    """Of the examples that are told of the whole and hear no frame."""
    noise: float = 0.0
    """Spread that is added to what describes the whole, in its own spread."""
    gain_db: float = 0.0
    """Spread of the loudness: nobody speaks twice at the same distance from a microphone."""
    strength: float = 0.0
    """Spread of a factor on what differs from the voice at rest: some show more of what they feel."""


AS_IT_IS = Variation()
KNOWN = Variation(known=1.0)
_N_AT_REST = 6
"""Clips at most by which training is told how a voice sounds at rest."""


class Batches:
    """Makes batches of clips.

    Args:
        clips: What batches are made of.
        scale: Of the training data.
        variation: What is varied; where there is no chance, only what all examples share counts.
    """

    def __init__(
        self, clips: Sequence[InstructionClip], scale: HearingScale, variation: Variation = AS_IT_IS
    ) -> None:
        self.clips, self.scale, self._variation = tuple(clips), scale, variation
        self._neutral = _neutral_by_speaker(clips)
        self._voices = {name: at_rest_of([c.heard for c in own]) for name, own in self._neutral.items()}

    def inputs(self, indices: Sequence[int], rng: np.random.Generator | None) -> dict[str, torch.Tensor]:
        """Give frames, whole, valid, emotion and level of clips.

        Args:
            indices: Of the clips.
            rng: Chance; None hears whole clips as they are.
        """
        rows = [self._example(self.clips[index], rng) for index in indices]
        longest = max(len(frames) for frames, _ in rows)
        padded = np.zeros((len(rows), longest, rows[0][0].shape[1]), np.float32)
        valid = np.zeros((len(rows), longest), bool)
        for row, (frames, _) in enumerate(rows):
            padded[row, : len(frames)] = frames
            valid[row, : len(frames)] = True
        return {
            "frames": torch.from_numpy(padded),
            "whole": torch.from_numpy(np.stack([whole for _, whole in rows])),
            "valid": torch.from_numpy(valid),
            "emotion": torch.tensor([self.clips[index].emotion for index in indices]),
            "level": torch.tensor([self.clips[index].level for index in indices]),
        }

    def _example(
        self, clip: InstructionClip, rng: np.random.Generator | None
    ) -> tuple[Float32[np.ndarray, "frames inputs"], Float32[np.ndarray, " whole"]]:
        heard, own = clip.heard, clip.described
        n, vary = len(heard.curves), self._variation
        if rng is not None and rng.random() < vary.cropped and n > 30:
            length = int(rng.integers(max(25, n // 2), n + 1))
            first = int(rng.integers(0, n - length + 1))
            heard = heard.part(first, first + length)
            own = heard.described()
        frames, at_rest = heard.frames(), self._at_rest(clip, rng)
        if rng is not None and rng.random() < vary.other_voice and clip.speaker in self._voices:
            numbers, frame = self._to_another(clip.speaker, rng)
            own, frames = own + numbers, frames + frame
            at_rest = None if at_rest is None else at_rest.moved(numbers, frame)
        if rng is not None and vary.gain_db:
            own = own.copy()
            own[-1] += rng.normal(0.0, vary.gain_db) / LOUDNESS_UNIT_DB
        shown, whole = self.scale.frames(frames, at_rest), self.scale.whole(own, at_rest)
        if rng is not None:
            if rng.random() < vary.without_states:
                shown[:, : heard.states.shape[1]] = 0.0
            if rng.random() < vary.without_frames:
                shown = np.zeros_like(shown[:1])
            noise = rng.normal(0.0, vary.noise, len(whole)).astype(np.float32)
            # What is not told stays untold.
            whole = whole + noise * (whole != 0)
            if at_rest is not None:
                factor = np.float32(np.exp(rng.normal(0.0, vary.strength)))
                shown, whole = shown * factor, whole * factor
        return shown, whole

    def _to_another(
        self, speaker: str, rng: np.random.Generator
    ) -> tuple[Float32[np.ndarray, " numbers"], Float32[np.ndarray, " inputs"]]:
        """Give the way from a voice towards another one, or past it."""
        names = sorted(self._voices)
        own, other = self._voices[speaker], self._voices[names[int(rng.integers(len(names)))]]
        share = np.float32(rng.uniform(0.0, 1.3))
        return share * (other.numbers - own.numbers), share * (other.frame - own.frame)

    def _at_rest(self, clip: InstructionClip, rng: np.random.Generator | None) -> AtRest | None:
        """Give the voice at rest by other clips than this one, where it is told."""
        known = [found for found in self._neutral.get(clip.speaker, ()) if found is not clip]
        share = self._variation.known
        if not known or not (share >= 1 if rng is None else rng.random() < share):
            return None
        if rng is None:
            is_other = clip.caption.emotion != "neutral"
            return self._voices[clip.speaker] if is_other else at_rest_of([c.heard for c in known])
        n = int(rng.integers(1, _N_AT_REST + 1))
        return _mean_of([known[i].at_rest for i in rng.permutation(len(known))[:n]])


def _mean_of(voices: Sequence[AtRest]) -> AtRest:
    numbers = np.mean([voice.numbers for voice in voices], axis=0)
    return AtRest(numbers, np.mean([voice.frame for voice in voices], axis=0))


def _neutral_by_speaker(clips: Sequence[InstructionClip]) -> Mapping[str, list[InstructionClip]]:
    found: dict[str, list[InstructionClip]] = {}
    for clip in clips:
        if clip.caption.emotion == "neutral":
            found.setdefault(clip.speaker, []).append(clip)
    return found


def padded_tokens(rows: Sequence[Sequence[int]], pad: int) -> Int[torch.Tensor, "b n"]:
    """Give sentences of tokens as one table."""
    table = torch.full((len(rows), max(map(len, rows))), pad, dtype=torch.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = torch.tensor(list(row), dtype=torch.int64)
    return table
