"""Several takes of one clip: how much they differ, how near the best comes, where their mean lies.

A model that guesses well once in ten may be useful where one can choose; a model whose mean is
near and whose takes are far is merely noisy. Read the three together, and beside KID.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float32

from visemic.evaluation.distribution import coverage_error, mean_take
from visemic.evaluation.metrics_mesh import MM, lip_vertex_error_m2
from visemic.evaluation.report_clip import ClipPair

Takes = Float32[np.ndarray, "takes frames vertices 3"]


def take_values(pairs: Sequence[ClipPair]) -> dict[str, tuple[float, float]]:
    """Give the metrics of takes of one clip with their weights, on the lips.

    Args:
        pairs: Every take beside the recording; one alone stands for a model without chance.

    Returns:
        Nothing when the lips are not named. By metric value and weight: ``multimodality_mm``,
        the mean distance of lip vertices over frames and pairs of takes; ``coverage_error_m2``,
        the smallest published LVE of a take; ``mean_estimate_error_m2``, that of the mean take.

    Source:
        Wu et al. 2024, "ProbTalk3D", for the two errors; Guo et al. 2020, "Action2Motion", for
        the spread.
    Deviation:
        The spread is a mean distance in millimetres instead of the norm of all vertices and
        frames at once, which grows with both.
    """
    regions = [pair.region("lips") for pair in pairs]
    found = [region for region in regions if region is not None]
    for pair in pairs[1:]:
        pair.release()
    if len(found) < len(pairs):
        return {}
    n_frames = min(len(region.predicted) for region in found)
    target, lips = found[0].target[:n_frames], found[0].all
    takes: Takes = np.stack([region.predicted[:n_frames] for region in found])
    errors = np.array([[lip_vertex_error_m2(take, target, lips) for take in takes]])
    middle = np.asarray(mean_take(takes), np.float32)
    frames = float(n_frames)
    return {
        "multimodality_mm": (_spread_mm(takes), frames),
        "coverage_error_m2": (coverage_error(errors), frames),
        "mean_estimate_error_m2": (lip_vertex_error_m2(middle, target, lips), frames),
    }


def _spread_mm(takes: Takes) -> float:
    away = [np.linalg.norm(a - b, axis=-1).mean(dtype=float) for a, b in combinations(takes, 2)]
    return float(np.mean(away)) * MM if away else 0.0
