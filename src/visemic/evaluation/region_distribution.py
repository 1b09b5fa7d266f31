"""How near the motion of a part of the face is to recorded motion as a whole, with its interval.

As ``report_set`` has it for lips: ten times a second where some vertices are and how they have
changed, on the principal components of the recordings, under KID. Here any part can be asked
for, and clips are left out in turn to say how sure the number is.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int

from visemic.core.clock import Rate
from visemic.evaluation.distribution import kernel_discrepancy
from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.evaluation.report_set import N_COMPONENTS, STEP_S

N_POINTS = 60
"""Vertices of the part that are looked at, evenly chosen."""
_LEAST = 3
_Z = 1.959963984540054

RegionFeatures = Float[np.ndarray, "_ features"]


def region_features(
    displacements: Float32[np.ndarray, "frames vertices 3"], region: Int[np.ndarray, " chosen"], rate: Rate
) -> RegionFeatures:
    """Give the features of a clip: places and their change a tenth of a second later; none if it is short.

    Args:
        displacements: From the face at rest, metres.
        region: Vertices of the part.
        rate: Frames a second.
    """
    chosen = region[np.linspace(0, len(region) - 1, min(N_POINTS, len(region))).astype(int)]
    thin = displacements[:: max(1, round(STEP_S * float(rate))), chosen].astype(float)
    places = thin.reshape(len(thin), 3 * len(chosen))
    return np.concatenate([places[1:], np.diff(places, axis=0)], axis=1)


def region_kernel_distance(real: Sequence[RegionFeatures], made: Sequence[RegionFeatures]) -> Estimate:
    """Give KID of made clips against the recorded ones, and its 95 % interval over clips.

    The interval comes from leaving out one clip at a time, recorded and made: clips that are drawn
    twice, as a bootstrap does, would look like their twins and push KID up.

    Args:
        real: Features of every recorded clip.
        made: Features of every made one, in the same order.

    Returns:
        Not a number with fewer than three clips.

    Source:
        Bińkowski et al. 2018, "Demystifying MMD GANs"; Efron 1982, "The jackknife".
    """
    n = min(len(real), len(made))
    if n < _LEAST:
        return Estimate(math.nan, math.nan, math.nan, n)
    truth = np.concatenate(list(real))
    centre = truth.mean(0)
    _, sizes, axes = np.linalg.svd(truth - centre, full_matrices=False)
    kept = axes[: max(1, min(N_COMPONENTS, int((sizes > 1e-9 * max(sizes[0], 1e-30)).sum())))]
    scale = float(np.sqrt(np.square((truth - centre) @ kept.T).sum(1).mean())) or 1.0
    factor = np.sqrt(len(kept)) / scale
    a = [(one - centre) @ kept.T * factor for one in real]
    b = [(one - centre) @ kept.T * factor for one in made]
    value = kernel_discrepancy(np.concatenate(a), np.concatenate(b))
    without = np.array(
        [
            kernel_discrepancy(np.concatenate(a[:i] + a[i + 1 :]), np.concatenate(b[:i] + b[i + 1 :]))
            for i in range(n)
        ]
    )
    error = math.sqrt((n - 1) / n * float(np.square(without - without.mean()).sum()))
    return Estimate(float(value), float(value) - _Z * error, float(value) + _Z * error, n)
