"""How sure a mean over clips is, and whether two predictors really differ.

Clips are drawn again, never frames: frames of a clip are not independent. Clips of one speaker
are drawn together when speakers are given. Predictors are compared clip by clip.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.errors import InputError

CONFIDENCE = 0.95
_Z = 1.959963984540054
_EXACT_CLIPS = 12
"""Up to so many clips all signs are tried."""
_BLOCK = 512


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval."""

    mean: float
    low: float
    high: float
    n: int
    """Clips that have a value."""


def bootstrap_mean(
    values: Float[np.ndarray, " clips"],
    seed: int,
    *,
    weights: Float[np.ndarray, " clips"] | None = None,
    groups: Sequence[str] | None = None,
    n_draws: int = 2_000,
) -> Estimate:
    """Give the mean over clips and the interval that holds 95 % of the means of redrawn clips.

    Args:
        values: One a clip; NaN where the metric does not apply, which is left out.
        seed: Start of chance.
        weights: How much a clip counts, such as its frames; None counts all the same.
        groups: Speaker of each clip: speakers are then drawn instead of clips. None draws clips,
            as does a single speaker.
        n_draws: Number of redrawn sets.

    Returns:
        NaN everywhere when no clip has a value; an interval of no width for one clip.

    Source:
        Efron 1979, "Bootstrap methods", the percentile interval.
    """
    has = ~np.isnan(values)
    share = np.ones(len(values)) if weights is None else weights
    has &= share > 0
    x, w = values[has].astype(float), share[has].astype(float)
    if len(x) == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    tops, bottoms = x * w, w
    if groups is not None:
        _, member = np.unique(np.asarray(groups)[has], return_inverse=True)
        if member.max() > 0:
            tops, bottoms = np.bincount(member, tops), np.bincount(member, bottoms)
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, n_draws, _BLOCK):
        drawn = generator.integers(len(tops), size=(min(_BLOCK, n_draws - start), len(tops)))
        means.append(tops[drawn].sum(1) / bottoms[drawn].sum(1))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), (tail, 1 - tail))
    return Estimate(float((x * w).sum() / w.sum()), float(low), float(high), len(x))


@dataclass(frozen=True)
class Comparison:
    """Two predictors on the same clips."""

    difference: float
    """Mean of a − b over the clips that both have."""
    low: float
    high: float
    p_permutation: float
    """How often chance alone gives a mean difference as large, signs drawn per clip."""
    p_wilcoxon: float
    """The same by signed ranks."""
    n: int


def compare_paired(
    a: Float[np.ndarray, " clips"], b: Float[np.ndarray, " other_clips"], seed: int, *, n_draws: int = 10_000
) -> Comparison:
    """Test whether two predictors differ, paired by clip.

    All signs are tried for up to twelve clips; beyond, signs are drawn.

    Args:
        a: One value a clip, NaN where there is none.
        b: The same clips in the same order.
        seed: Start of chance.
        n_draws: Number of drawn signs.

    Raises:
        InputError: The two have different numbers of clips.

    Source:
        Fisher 1935, "The Design of Experiments", section 21; Wilcoxon 1945, "Individual comparisons
        by ranking methods".
    """
    if len(a) != len(b):
        raise InputError(f"{len(a)} clips cannot be paired with {len(b)}; give both the same clips")
    away = (a - b).astype(float)
    away = away[~np.isnan(away)]
    interval = bootstrap_mean(away, seed, n_draws=2_000)
    return Comparison(
        interval.mean, interval.low, interval.high, _sign_p(away, seed, n_draws), _rank_p(away), len(away)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Give p values adjusted for having made several tests; NaN stays.

    Source:
        Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted, largest = list(p_values), 0.0
    for rank, (p, i) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - rank)))
        adjusted[i] = largest
    return adjusted


def wilson_interval(n_wins: int, n_trials: int) -> tuple[float, float]:
    """Give the 95 % interval of a share; 0 to 1 when there are no trials.

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not 0 <= n_wins <= n_trials:
        raise InputError(f"{n_wins} wins of {n_trials} trials cannot be; give 0 to as many as trials")
    if n_trials == 0:
        return 0.0, 1.0
    share, z2 = n_wins / n_trials, _Z**2
    centre = share + z2 / (2 * n_trials)
    half = _Z * math.sqrt(share * (1 - share) / n_trials + z2 / (4 * n_trials**2))
    scale = 1 + z2 / n_trials
    # The closed ends are exact; rounding would leave 1e-17 beside them.
    low = 0.0 if n_wins == 0 else (centre - half) / scale
    high = 1.0 if n_wins == n_trials else (centre + half) / scale
    return low, high


def _sign_p(away: Float[np.ndarray, " clips"], seed: int, n_draws: int) -> float:
    n = len(away)
    if n == 0:
        return math.nan
    seen = abs(away.sum())
    slack = 1e-12 * np.abs(away).sum()
    if n <= _EXACT_CLIPS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ away) >= seen - slack).mean())
    generator = np.random.default_rng(seed)
    reached = 0
    for start in range(0, n_draws, _BLOCK):
        signs = 1 - 2 * generator.integers(2, size=(min(_BLOCK, n_draws - start), n))
        reached += int((np.abs(signs @ away) >= seen - slack).sum())
    return (reached + 1) / (n_draws + 1)


def _rank_p(away: Float[np.ndarray, " clips"]) -> float:
    from scipy.stats import wilcoxon

    moved = away[away != 0]
    if len(away) == 0:
        return math.nan
    if len(moved) == 0:
        return 1.0
    return float(wilcoxon(moved, method="exact" if _untied(moved) else "approx").pvalue)


def _untied(moved: Float[np.ndarray, " clips"]) -> bool:
    return len(moved) <= 50 and len(np.unique(np.abs(moved))) == len(moved)
