"""Compiled: the causal channel estimate of ``speech_mel``."""

import numpy as np
from numba import njit


@njit(cache=True)
def level_kernel(  # pragma: no cover - compiled
    log_mel: np.ndarray,
    mean: np.ndarray,
    state: np.ndarray,
    peak_fall: float,
    below_peak: float,
    most: float,
    scale: float,
    out: np.ndarray,
) -> None:
    """Subtract a running mean of the louder frames; ``mean`` and ``state`` carry on.

    ``state`` holds the running peak of the mean level and how many frames the mean is worth.
    """
    n, bins = log_mel.shape
    for k in range(n):
        level = 0.0
        for b in range(bins):
            level += log_mel[k, b]
        level /= bins
        state[0] = max(level, state[0] - peak_fall)
        if level > state[0] - below_peak:
            state[1] = min(state[1] + 1.0, most)
            for b in range(bins):
                mean[b] += (log_mel[k, b] - mean[b]) / state[1]
        for b in range(bins):
            out[k, b] = (log_mel[k, b] - mean[b]) * scale
