"""Does the mouth move with this sound, and at which lag?

A scorer hears a clip and watches its motion. The one here needs no training: it correlates how
loudness changes with how the lips' opening changes. Trained ones keep the same protocol, and
every scorer shows by the same test, ``validate_scorer``, that it tells true pairs from wrong ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, InputError
from visemic.core.signals import MeshMotion, Motion, Waveform
from visemic.features.prosody import ENERGY, extract_prosody
from visemic.rig.readout import Readouts, readout_index

MAX_LAG_S = 0.5
"""Lags that are tried on either side."""
_FLOOR_BELOW_PEAK_DB = 30.0
"""Softer than this below the loudest is silence: how quiet it is must not count."""
_SMOOTH_S = 0.05
_ONSET_RISE_DB = 6.0
_ONSET_APART_S = 0.1
_STILL = 1e-6
"""Millimetres times decibels a frame below which something stands still."""


@dataclass(frozen=True)
class SyncScore:
    """What a scorer says of one clip."""

    distance: float
    """Of sound and motion at the best lag; smaller is better (LSE-D for SyncNet)."""
    confidence: float
    """How much better the best lag is than the median lag; larger is better (LSE-C for SyncNet)."""
    offset_s: float
    """Lag of the motion behind the sound at the best: above 0 the face is late; NaN when no lag
    is better than another, as for a face that stands still."""
    distance_in_place: float
    """Distance at lag 0: what a viewer gets."""


@runtime_checkable
class SyncScorer(Protocol):
    """Scores how well motion goes with sound."""

    name: str
    """Printed beside the score; two scorers cannot be compared."""

    def score(self, motion: Motion | MeshMotion, waveform: Waveform) -> SyncScore:
        """Score one clip, both on one clock from 0 on.

        Raises:
            VisemicError: The clip cannot be scored, for example because it is too short.
        """
        ...


class LagScorer:
    """Correlates changes of loudness with changes of the lips' opening; nothing is trained.

    The distance is 1 minus the correlation, 0 to 2. It hears only loudness: hums and loud
    closures cost it, and a mouth that flaps with loudness fools it. Compare
    ``distance_in_place``: the best of many lags also finds something in a wrong pair.
    """

    name = "lag"

    def __init__(
        self,
        readouts: Readouts | None = None,
        *,
        lip_vertices: tuple[int, int] | None = None,
        max_lag_s: float = MAX_LAG_S,
    ) -> None:
        """Name the mouth.

        Args:
            readouts: Of the head that plays weights.
            lip_vertices: Upper and lower inner lip of a mesh, at the midline.
            max_lag_s: Largest lag, seconds.
        """
        self._readouts, self._lips, self._max_lag_s = readouts, lip_vertices, max_lag_s

    def score(self, motion: Motion | MeshMotion, waveform: Waveform) -> SyncScore:
        """Score one clip.

        Raises:
            InputError: The mouth of such motion was not named.
            ClockError: Motion or sound last less than four times the largest lag.
        """
        gap_mm = self._gap_mm(motion)
        level_db = loudness_db(waveform, motion.rate, len(gap_mm))
        return score_lags(gap_mm, level_db, motion.rate, self._max_lag_s)

    def _gap_mm(self, motion: Motion | MeshMotion) -> Float[np.ndarray, " frames"]:
        if isinstance(motion, Motion):
            if self._readouts is None:
                raise InputError("weights have no lips without a head; give the scorer its read-outs")
            weights = motion.to_layout(self._readouts.layout).values.astype(float)
            return self._readouts.measure_mm(weights)[:, readout_index("lip_gap")]
        if self._lips is None:
            raise InputError("a mesh has no lips by itself; give the scorer its two inner lip vertices")
        upper, lower = self._lips
        return (
            np.linalg.norm(motion.vertices[:, upper].astype(float) - motion.vertices[:, lower], axis=1)
            * 1_000
        )


def score_lags(
    gap_mm: Float[np.ndarray, " frames"],
    level_db: Float[np.ndarray, " frames"],
    rate: Rate,
    max_lag_s: float = MAX_LAG_S,
) -> SyncScore:
    """Correlate the changes of an opening with those of a loudness at every lag.

    Changes, because both follow the pauses of a sentence: two sentences of one rhythm correlate
    in level whatever is said.

    Raises:
        ClockError: They last less than four times the largest lag.
    """
    most = max(1, round(max_lag_s * float(rate)))
    n = len(gap_mm)
    if n < 4 * most:
        raise ClockError(
            f"{n} frames are too few for lags of up to {most}; give a clip of {4 * most} frames or more"
        )
    lags = np.arange(-most, most + 1)
    opens, rises = np.gradient(gap_mm), np.gradient(level_db)
    distances = np.array([1.0 - _correlation(opens, rises, int(lag)) for lag in lags])
    best = int(np.argmin(distances))
    is_still = float(np.ptp(distances)) == 0.0
    return SyncScore(
        float(distances[best]),
        float(np.median(distances) - distances[best]),
        float("nan") if is_still else float(lags[best] / float(rate)),
        float(distances[most]),
    )


def loudness_db(waveform: Waveform, rate: Rate, n_frames: int) -> Float[np.ndarray, " frames"]:
    """Give the level of sound at every frame in dB, at most 30 dB below the loudest."""
    features = extract_prosody(waveform)
    level = features.values[:, ENERGY].astype(float)
    level = np.maximum(level, level.max() - _FLOOR_BELOW_PEAK_DB)
    level = _smooth(level, round(_SMOOTH_S * float(features.rate)))
    return np.interp(rate.times_s(n_frames), features.rate.times_s(len(level)), level)


def sound_beats_s(waveform: Waveform) -> Float[np.ndarray, " beats"]:
    """Give the onsets of sound: peaks of its rise in level, seconds.

    A rise counts from 6 dB within 0.05 s on, and two lie at least 0.1 s apart.
    """
    features = extract_prosody(waveform)
    level = features.values[:, ENERGY].astype(float)
    level = np.maximum(level, level.max() - _FLOOR_BELOW_PEAK_DB)
    hz = float(features.rate)
    span = round(0.05 * hz)
    if len(level) <= span + 2:
        return np.zeros(0)
    rise = level[span:] - level[:-span]
    peaks = np.flatnonzero((rise[1:-1] >= rise[:-2]) & (rise[1:-1] > rise[2:])) + 1
    peaks = peaks[rise[peaks] >= _ONSET_RISE_DB]
    kept: list[int] = []
    for peak in peaks[np.argsort(-rise[peaks], kind="stable")]:
        if all(abs(peak - k) >= _ONSET_APART_S * hz for k in kept):
            kept.append(int(peak))
    return (np.sort(np.array(kept, dtype=float)) + span / 2) / hz


@dataclass(frozen=True)
class SyncValidity:
    """Whether a scorer may be believed."""

    area_under_curve: float
    """Share of true and wrong pairs in which the true one scores better; 0.5 is chance."""
    offset_rate: float
    """Share of true pairs whose offset is found within a frame."""
    n_clips: int


def validate_scorer(
    scorer: SyncScorer, clips: Iterable[tuple[Motion | MeshMotion, Waveform]], *, within_s: float
) -> SyncValidity:
    """Score true pairs and every clip's motion with the next clip's sound.

    Args:
        scorer: To be judged on clips that it has never seen.
        clips: At least two clips of motion and its own sound.
        within_s: How far off the found offset may lie, seconds: one frame.

    Raises:
        InputError: There are fewer than two clips.
    """
    pairs = list(clips)
    if len(pairs) < 2:
        raise InputError(f"{len(pairs)} clips cannot be permuted; give at least 2")
    true = [scorer.score(motion, sound) for motion, sound in pairs]
    wrong = [
        scorer.score(motion, _fitted(pairs[(i + 1) % len(pairs)][1], sound))
        for i, (motion, sound) in enumerate(pairs)
    ]
    ours = np.array([s.distance_in_place for s in true])
    theirs = np.array([s.distance_in_place for s in wrong])
    better = (ours[:, None] < theirs) + 0.5 * (ours[:, None] == theirs)
    near = [abs(s.offset_s) <= within_s + 1e-9 for s in true]
    return SyncValidity(float(better.mean()), float(np.mean(near)), len(pairs))


def _fitted(waveform: Waveform, model: Waveform) -> Waveform:
    """Give a sound the length of another one: cut, or repeated."""
    wanted = max(1, waveform.rate.tick_at(model.duration_s))
    return Waveform(np.resize(waveform.samples, wanted), waveform.rate)


def _correlation(gap: Float[np.ndarray, " frames"], level: Float[np.ndarray, " frames"], lag: int) -> float:
    """Give Pearson's correlation with the gap taken ``lag`` frames later; 0 when one stands still."""
    n = len(gap)
    a = gap[max(0, lag) : n + min(0, lag)]
    b = level[max(0, -lag) : n - max(0, lag)]
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > _STILL * n else 0.0


def _smooth(curve: Float[np.ndarray, " steps"], width: int) -> Float[np.ndarray, " steps"]:
    if width < 2 or len(curve) < 3:
        return curve
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(curve, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")
