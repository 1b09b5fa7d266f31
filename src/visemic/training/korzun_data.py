"""Clips of a store as the speech-to-mouth models take them: features and mouth shapes on one clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from visemic.core.errors import FormatError, TrainingError
from visemic.core.layout import MOUTH_33, Layout
from visemic.core.signals import Features
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.features.cache import FeatureCache
from visemic.models.korzun_motion import KORZUN_RATE, FeatureFacts
from visemic.motion.resample import resample
from visemic.training.korzun_source import FeatureSource

_STILL = 1e-6
"""A feature that moves less is left as it is."""


@dataclass(frozen=True, eq=False)
class MouthClip:
    """One clip."""

    clip_id: str
    features: Features
    target: Float32[np.ndarray, "frames channels"]
    """Weights of ``MOUTH_33`` at 30 frames a second."""


def mouth_clips(store: ClipStore, source: FeatureSource, cache: FeatureCache | None) -> list[MouthClip]:
    """Read all clips of a store; their features stay in memory.

    Raises:
        FormatError: A clip has no weights, none of the mouth, or no sound.
        TrainingError: There are no clips.
    """
    clips = [mouth_clip(recording, source, cache) for recording in store]
    if not clips:
        raise TrainingError(
            f"store {str(store.path)!r} has 0 clips of the choice; look at the split and the speakers' names"
        )
    return clips


def mouth_clip(recording: Recording, source: FeatureSource, cache: FeatureCache | None) -> MouthClip:
    """Give a recording as the models take it, at 30 frames a second whatever its own rate is.

    Raises:
        FormatError: It has no weights, none of the mouth, or no sound.
    """
    motion, clip_id = recording.motion, recording.clip_id
    if motion is None or not any(name in motion.layout for name in MOUTH_33):
        raise FormatError(
            f"clip {clip_id} has no mouth shapes to learn from; import or solve a corpus of weights"
        )
    if recording.waveform is None:
        raise FormatError(f"clip {clip_id} has no sound; leave it out")
    if motion.rate != KORZUN_RATE:
        motion = resample(motion, KORZUN_RATE)
    return MouthClip(clip_id, source.extract(recording.waveform, cache), _mouth(motion.values, motion.layout))


def _mouth(
    values: Float32[np.ndarray, "frames all"], layout: Layout
) -> Float32[np.ndarray, "frames channels"]:
    mouth = np.zeros((len(values), len(MOUTH_33)), np.float32)
    for column, name in enumerate(MOUTH_33):
        if name in layout:
            mouth[:, column] = values[:, layout.index(name)]
    return mouth


def fit_facts(clips: Sequence[MouthClip], source: FeatureSource) -> FeatureFacts:
    """Give what a model hears, with mean and spread of each feature over the training clips.

    Raises:
        TrainingError: Clips have features of different widths.
    """
    first = clips[0].features
    widths = {clip.features.values.shape[1] for clip in clips}
    if len(widths) > 1:
        raise TrainingError(f"clips have {min(widths)} and {max(widths)} features a step; use one extractor")
    n = sum(len(clip.features.values) for clip in clips)
    mean = sum(clip.features.values.sum(axis=0, dtype=float) for clip in clips) / n
    square = sum(np.square(clip.features.values - mean).sum(axis=0, dtype=float) for clip in clips) / n
    spread = np.sqrt(square)
    spread[spread < _STILL] = 1.0
    return FeatureFacts(
        source=source.source,
        name=first.name,
        version=first.version,
        rate=first.rate,
        start_s=source.start_s,
        mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
    )


def chosen(store: ClipStore, split: str, first: Mapping[str, int] | None, limit: int) -> ClipStore:
    """Give the clips of a split, of each speaker at most so many.

    Args:
        store: All clips.
        split: ``train``, ``validation`` or ``test``.
        first: Clips by speaker; None takes all.
        limit: Most clips of any one speaker; 0 takes all.
    """
    part = store.select(split=split, first=first)
    return part.select(first=dict.fromkeys(part.speakers, limit)) if limit else part
