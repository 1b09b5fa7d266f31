"""The space that FID and KID of expressive motion are measured in, and both with their intervals.

A row of features is a window of one second: mean, spread and speed of every channel, in the
principal directions of windows of the training's actors. Intervals leave out one clip at a time:
drawing clips again would put equal windows beside each other, which both distances answer to.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.evaluation.distribution import KID_DEGREE, frechet_distance
from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.motion.resample import resample

FEATURE_RATE = Rate.of(30)
WINDOW_S, HOP_S = 1.0, 0.5
N_DIRECTIONS = 16
_KINDS = 3
"""Mean, spread and speed. Each is in units of its own root mean square over all channels: a unit a
channel would make what hardly moved in training weigh like a smile."""
_Z = 1.96


class WindowSpace:
    """Principal directions of windows of motion."""

    def __init__(self, motions: Sequence[Motion], n_directions: int = N_DIRECTIONS) -> None:
        """Fit the directions.

        Args:
            motions: Of actors who are not judged.
            n_directions: Features of a window.

        Raises:
            InputError: The motions have too few windows.
        """
        found = [_statistics(motion) for motion in motions]
        table = np.concatenate(found) if found else np.zeros((0, _KINDS))
        if len(table) <= n_directions:
            raise InputError(
                f"{len(table)} windows do not fix {n_directions} directions; give more clips to train"
            )
        self._mean = table.mean(0)
        spreads = np.sqrt((table.var(0)).reshape(_KINDS, -1).mean(1))
        self._spread = np.repeat(np.maximum(spreads, 1e-9), table.shape[1] // _KINDS)
        standard = (table - self._mean) / self._spread
        _, _, axes = np.linalg.svd(standard, full_matrices=False)
        self._axes = axes[:n_directions].T
        scores = standard @ self._axes
        self._size = float(np.sqrt((scores**2).mean()))
        self.explained = float((scores**2).sum() / (standard**2).sum())
        """Share of the windows' variance that the directions keep."""

    def of(self, motion: Motion) -> Float[np.ndarray, "windows features"]:
        """Give the features of every window of a clip."""
        found: np.ndarray = ((_statistics(motion) - self._mean) / self._spread) @ self._axes / self._size
        return found


def _statistics(motion: Motion) -> Float[np.ndarray, "windows statistics"]:
    values = resample(motion, FEATURE_RATE).to_layout(ARKIT_61).values.astype(float)
    width, hop = FEATURE_RATE.count(WINDOW_S), FEATURE_RATE.count(HOP_S)
    firsts = range(0, max(1, len(values) - width + 1), hop)
    rows = [values[first : first + width] for first in firsts]
    return np.stack(
        [np.concatenate([row.mean(0), row.std(0), np.abs(np.diff(row, axis=0)).mean(0)]) for row in rows]
    )


def fid_estimate(
    clips: Sequence[Float[np.ndarray, "_ features"]], reference: Float[np.ndarray, "samples features"]
) -> Estimate:
    """Give FID with the interval of leaving out one clip at a time.

    Args:
        clips: Windows of each judged clip.
        reference: Windows of the real set.

    Source:
        Quenouille 1956, "Notes on bias in estimation"; the interval is that of a normal estimate.
    """
    windows = np.concatenate(list(clips))
    kept = _leaving_out([len(clip) for clip in clips])
    return _estimate([frechet_distance(reference, windows[rows]) for rows in kept])


def kid_estimate(
    clips: Sequence[Float[np.ndarray, "_ features"]], reference: Float[np.ndarray, "samples features"]
) -> Estimate:
    """Give KID of whole sets, as ``distribution.kernel_discrepancy``, with an interval as FID has."""
    windows, width, m = np.concatenate(list(clips)), reference.shape[1], len(reference)
    real = (reference @ reference.T / width + 1.0) ** KID_DEGREE
    own = (windows @ windows.T / width + 1.0) ** KID_DEGREE
    across = ((windows @ reference.T / width + 1.0) ** KID_DEGREE).mean(1)
    within_real = float((real.sum() - np.trace(real)) / (m * (m - 1)))
    found = []
    for rows in _leaving_out([len(clip) for clip in clips]):
        n, part = len(rows), own[np.ix_(rows, rows)]
        within = float((part.sum() - np.trace(part)) / (n * (n - 1)))
        found.append(within_real + within - 2.0 * float(across[rows].mean()))
    return _estimate(found)


def _leaving_out(lengths: Sequence[int]) -> list[Int[np.ndarray, " rows"]]:
    """Give all rows, and then those without each clip in turn; only the first for fewer than three clips."""
    clip = np.repeat(np.arange(len(lengths)), lengths)
    every = [np.arange(len(clip))]
    return every if len(lengths) < 3 else every + [np.flatnonzero(clip != i) for i in range(len(lengths))]


def _estimate(values: Sequence[float]) -> Estimate:
    """Give the first value with the interval that the others make."""
    left = np.array(values[1:], float)
    error = float(np.sqrt((len(left) - 1) * left.var())) if len(left) else 0.0
    return Estimate(values[0], values[0] - _Z * error, values[0] + _Z * error, max(1, len(left)))


def in_halves(
    clips: Sequence[Float[np.ndarray, "_ features"]], seed: int
) -> tuple[list[Float[np.ndarray, "_ features"]], list[Float[np.ndarray, "_ features"]]]:
    """Part clips by chance into two halves."""
    order = np.random.default_rng(seed).permutation(len(clips))
    half = len(clips) // 2
    return [clips[i] for i in order[:half]], [clips[i] for i in order[half:]]
