"""Metrics of all clips of a row together, on features of motion that need no training.

Ten times a second the channels and their change within a tenth of a second are taken; those of
the recordings span the space: their first principal components, at most 16.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from visemic.core.signals import Motion
from visemic.evaluation.distribution import diversity, frechet_distance, kernel_distance
from visemic.evaluation.distribution_mixture import wasserstein_inception_distance
from visemic.evaluation.metrics import correlation
from visemic.evaluation.report_clip import ClipPair
from visemic.evaluation.report_metric import POOLED

STEP_S = 0.1
N_COMPONENTS = 16
N_PARTS = 5
_MESH_POINTS = 60
_FEW = 2_000
"""Diversity is of so many samples at most, evenly chosen."""

Curves = Float[np.ndarray, "_ readouts"]
ClipFeatures = Float[np.ndarray, "_ features"]


def clip_features(pair: ClipPair) -> ClipFeatures | None:
    """Give the features of a prediction; None when it has no channel or lasts under 0.2 s."""
    if isinstance(pair.predicted, Motion):
        curves = pair.curves(pair.predicted)
        if curves is None:
            return None
    else:
        region = pair.mask("lips")
        chosen = np.arange(pair.predicted.vertices.shape[1]) if region is None else region
        chosen = chosen[np.linspace(0, len(chosen) - 1, min(_MESH_POINTS, len(chosen))).astype(int)]
        moved = pair.predicted.vertices[:, chosen] - pair.neutral[chosen]
        curves = moved.reshape(len(moved), 3 * len(chosen))
    step = max(1, round(STEP_S * float(pair.recording.rate)))
    thin = curves[::step].astype(float)
    if len(thin) < 2:
        return None
    return np.concatenate([thin[1:], np.diff(thin, axis=0)], axis=1)


def pooled_readouts(pair: ClipPair) -> tuple[Curves, Curves] | None:
    """Give the read-outs of jaw, lips and width of a prediction and of its recording; None for a mesh."""
    columns = [[pair.readout_mm(moving, name) for name in POOLED] for moving in (pair.predicted, pair.target)]
    ours, theirs = ([c for c in one if c is not None] for one in columns)
    if len(ours) < len(POOLED) or len(theirs) < len(POOLED):
        return None
    return np.stack(ours, axis=1), np.stack(theirs, axis=1)


def pooled_correlations(pairs: Sequence[tuple[Curves, Curves]]) -> dict[str, float]:
    """Give Pearson's r of every read-out over the frames of all clips at once."""
    if not pairs:
        return {}
    ours, theirs = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    return {
        f"{name}_correlation_pooled": correlation(ours[:, column], theirs[:, column])
        for column, name in enumerate(POOLED)
    }


def set_metrics(
    real: Sequence[ClipFeatures], made: Sequence[ClipFeatures], seed: int, *, halves: bool = False
) -> dict[str, float]:
    """Give the metrics of a set against the recordings, empty when there is too little.

    Args:
        real: Features of every recorded clip.
        made: Features of every clip of the row.
        seed: Start of chance.
        halves: Compare every other recorded clip with the rest instead: the floor of the metric.
    """
    if halves:
        real, made = real[::2], real[1::2]
    if not real or not made:
        return {}
    truth, other = np.concatenate(list(real)), np.concatenate(list(made))
    if truth.shape[1] != other.shape[1] or min(len(truth), len(other)) < 2 * N_PARTS:
        return {}
    centre = truth.mean(0)
    _, sizes, axes = np.linalg.svd(truth - centre, full_matrices=False)
    kept = axes[: min(N_COMPONENTS, int((sizes > 1e-9 * max(sizes[0], 1e-30)).sum()))]
    if len(kept) == 0:
        return {}
    a, b = (truth - centre) @ kept.T, (other - centre) @ kept.T
    # One scale for all, so that a cubic kernel sees the same whatever the unit.
    scale = float(np.sqrt(np.square(a).sum(1).mean())) or 1.0
    a, b = a / scale * np.sqrt(a.shape[1]), b / scale * np.sqrt(a.shape[1])
    few = b[np.linspace(0, len(b) - 1, min(_FEW, len(b))).astype(int)]
    return {
        "frechet_distance": frechet_distance(a, b),
        "kernel_distance": kernel_distance(a, b, np.random.default_rng(seed), n_subsets=20).mean,
        "mixture_distance": wasserstein_inception_distance(a, b, N_PARTS, seed),
        "diversity": diversity(few),
        "l1_divergence": float(np.abs(b - b.mean(0)).sum(1).mean()),
    }
