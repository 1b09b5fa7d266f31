"""Emotional clips as the trainings of style take them: motion, instructions, and what is said.

A store with weights, and beside its clips a file of captions: one line a clip with its
emotion, its action units and several instructions that describe it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from visemic.core.artifact import ONNX, Artifact
from visemic.core.errors import ArtifactError, FormatError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Features, Waveform
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.features.cache import FeatureCache
from visemic.models.heard_phones import phonetic_network
from visemic.models.style_content import GENERATOR_RATE, NAME, VERSION, speech_content
from visemic.motion.resample import resample
from visemic.text.visemes import BILABIALS

CAPTIONS = "captions.jsonl"
STRONG = 1.0
"""Intensity of a clip whose store states none."""
_SILENT_S = 0.15
"""Shorter pauses are not silence: the mouth is on its way."""


@dataclass(frozen=True)
class StyleRow:
    """One clip among the joined arrays."""

    clip_id: str
    speaker: str
    emotion: str
    intensity: float
    split: str
    licence: str
    source: str
    first: int
    """First frame."""
    frames: int
    texts: tuple[str, ...] = ()
    """Instructions."""
    number: int = 0
    """In the store."""

    @property
    def manner(self) -> tuple[str, str, float]:
        """What makes two clips alike: speaker, emotion, intensity."""
        return (self.speaker, self.emotion, round(self.intensity, 2))

    @property
    def span(self) -> slice:
        """Its frames."""
        return slice(self.first, self.first + self.frames)


@dataclass(frozen=True, eq=False)
class StyleClips:
    """All clips of a store that have weights, at 30 frames a second."""

    store: ClipStore
    rows: tuple[StyleRow, ...]
    motion: Float32[np.ndarray, "frames channels"]
    """Over ``ARKIT_61``."""
    licences: Mapping[str, str] = field(default_factory=dict)

    def of(self, *splits: str) -> list[int]:
        """Give the numbers of the rows of some splits."""
        return [number for number, row in enumerate(self.rows) if row.split in splits]

    def need(self, *splits: str) -> list[int]:
        """Give the numbers of the rows of some splits.

        Raises:
            ArtifactError: There is none.
        """
        found = self.of(*splits)
        if not found:
            raise ArtifactError(
                f"store {str(self.store.path)!r} has no clip in split {' or '.join(splits)}; "
                "give another store"
            )
        return found

    def window(
        self, number: int, length: int, rng: np.random.Generator | None
    ) -> tuple[Float32[np.ndarray, "window channels"], Bool[np.ndarray, " window"]]:
        """Give so many frames of a clip and which of them are there.

        Args:
            number: Row.
            length: Frames.
            rng: Chooses where; None takes the middle.
        """
        row = self.rows[number]
        kept = min(length, row.frames)
        free = row.frames - kept
        first = row.first + (free // 2 if rng is None else int(rng.integers(free + 1)))
        values = np.zeros((length, self.motion.shape[1]), np.float32)
        values[:kept] = self.motion[first : first + kept]
        return values, np.arange(length) < kept


def load_style_clips(path: Path, captions: Path | None = None) -> StyleClips:
    """Read a store and its captions.

    Args:
        path: Folder of the store.
        captions: None takes ``captions.jsonl`` in that folder, if it is there.

    Raises:
        ArtifactError: It is no store, or no clip has weights.
        FormatError: A line of the captions cannot be read.
    """
    store = ClipStore(path)
    texts = _texts(captions or path / CAPTIONS, must=captions is not None)
    rows, parts, licences, at = [], [], {}, 0
    for number, entry in enumerate(store.entries):
        if entry.layout is None:
            continue
        values = _weights(store[number])
        licences[entry.source] = entry.licence
        rows.append(
            StyleRow(
                entry.clip_id, entry.speaker, entry.emotion or "neutral",
                STRONG if entry.intensity is None else entry.intensity, entry.split, entry.licence,
                entry.source, at, len(values), texts.get(entry.clip_id, ()), number,
            )
        )  # fmt: skip
        parts.append(values)
        at += len(values)
    if not rows:
        raise ArtifactError(f"store {str(path)!r} has no clip with weights; give another store")
    return StyleClips(store, tuple(rows), np.concatenate(parts), licences)


def _weights(recording: Recording) -> Float32[np.ndarray, "frames channels"]:
    motion = recording.motion
    assert motion is not None
    if motion.rate != GENERATOR_RATE:
        motion = resample(motion, GENERATOR_RATE)
    return motion.to_layout(ARKIT_61).values.astype(np.float32)


def _texts(path: Path, *, must: bool) -> dict[str, tuple[str, ...]]:
    if not must and not path.exists():
        return {}
    found = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FormatError(f"captions {str(path)!r} cannot be read: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            found[str(row["clip"])] = tuple(str(text) for text in row["texts"])
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"line {number} of {str(path)!r} is no caption ({error}); write clip and texts as JSON"
            ) from error
    return found


@dataclass(frozen=True, eq=False)
class HeardClips:
    """What the generator needs beside motion, for the same joined frames."""

    content: np.ndarray
    """float16, frames by columns."""
    sealed: Bool[np.ndarray, " frames"]
    """Where the phones say P, B or M."""
    silent: Bool[np.ndarray, " frames"]
    """Where nobody has spoken for a while."""
    known: frozenset[int]
    """Rows that have sound."""


def hear_clips(clips: StyleClips, phonetic: Artifact) -> HeardClips:
    """Hear all clips; what was heard once is kept in the cache.

    Raises:
        ArtifactError: No clip has sound.
    """
    network = phonetic_network(phonetic)
    cache, known = FeatureCache(), set()
    parts: list[np.ndarray | None] = []
    sealed = np.zeros(len(clips.motion), bool)
    silent = np.zeros(len(clips.motion), bool)
    width = 0
    options = {"network": phonetic.sha256[ONNX]}
    for number, row in enumerate(clips.rows):
        recording = clips.store[row.number]
        if recording.waveform is None:
            parts.append(None)
            continue

        def extract(waveform: Waveform, frames: int = row.frames) -> Features:
            return Features(speech_content(waveform, network, frames), GENERATOR_RATE, NAME, str(VERSION))

        found = cache.get(
            recording.waveform, NAME, str(VERSION), extract, options={**options, "frames": row.frames}
        )
        width = found.values.shape[1]
        parts.append(found.values.astype(np.float16))
        known.add(number)
        if recording.alignment is not None:
            sealed[row.span], silent[row.span] = marks(recording.alignment, row.frames)
    if not known:
        raise ArtifactError(f"store {str(clips.store.path)!r} has no clip with sound; give another store")
    whole = [
        np.zeros((row.frames, width), np.float16) if part is None else part
        for row, part in zip(clips.rows, parts, strict=True)
    ]
    return HeardClips(np.concatenate(whole), sealed, silent, frozenset(known))


def marks(
    alignment: Alignment, frames: int
) -> tuple[Bool[np.ndarray, " frames"], Bool[np.ndarray, " frames"]]:
    """Give the frames inside of P, B and M, and those inside of pauses."""
    times_s = GENERATOR_RATE.times_s(frames)
    sealed, silent = np.zeros(frames, bool), np.zeros(frames, bool)
    for phone in alignment.phones:
        if phone.label in BILABIALS:
            # The ends of the phone belong to the ways there and away.
            edge = 0.2 * phone.duration_s
            sealed |= (times_s >= phone.start_s + edge) & (times_s <= phone.end_s - edge)
        elif phone.label == "SIL" and phone.duration_s > 2 * _SILENT_S:
            silent |= (times_s >= phone.start_s + _SILENT_S) & (times_s < phone.end_s - _SILENT_S)
    return sealed, silent


def channel_statistics(
    clips: StyleClips, rows: Sequence[int], floor: float = 0.02
) -> tuple[Float32[np.ndarray, " channels"], Float32[np.ndarray, " channels"]]:
    """Give mean and spread of every channel over some clips; a still channel counts as ``floor``."""
    chosen = np.concatenate([clips.motion[clips.rows[number].span] for number in rows])
    return chosen.mean(axis=0), np.maximum(chosen.std(axis=0), np.float32(floor))
