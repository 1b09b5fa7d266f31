"""Distances between sets of clips, and how a set spreads: FID, KID, diversity, coverage.

Rows are samples, columns are features of motion; which features is the caller's choice and
must be stated beside the number. FID of few samples is far from 0 even against itself:
always print the FID of two halves of the real set, or use KID, which has no such bias.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.errors import InputError

Samples = Float[np.ndarray, "samples features"]
OtherSamples = Float[np.ndarray, "other_samples other_features"]

KID_DEGREE, KID_SUBSET, KID_SUBSETS = 3, 1_000, 50


def frechet_distance(real: Samples, generated: OtherSamples) -> float:
    """Give FID: the Fréchet distance of two Gaussians fitted to samples.

    Roots of matrices come from eigenvalues of symmetric ones, with negative ones set to 0: no
    root of a product that is not symmetric and may come out complex.

    Raises:
        InputError: A set has fewer than two samples, or they differ in their features.

    Source:
        Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", equation 6.
    """
    _check(real, generated)
    return gaussian_distance(
        real.astype(float).mean(0), _covariance(real), generated.astype(float).mean(0), _covariance(generated)
    )


def gaussian_distance(
    mean_a: Float[np.ndarray, " features"],
    covariance_a: Float[np.ndarray, "features features"],
    mean_b: Float[np.ndarray, " features"],
    covariance_b: Float[np.ndarray, "features features"],
) -> float:
    """Give the squared 2-Wasserstein distance of two Gaussians.

    Source:
        Dowson & Landau 1982, "The Fréchet distance between multivariate normal distributions".
    """
    root = _root(covariance_a)
    inner = root @ covariance_b @ root
    mixed = np.sqrt(np.clip(np.linalg.eigvalsh((inner + inner.T) / 2), 0, None)).sum()
    away = np.square(mean_a - mean_b).sum()
    return max(0.0, float(away + np.trace(covariance_a) + np.trace(covariance_b) - 2 * mixed))


@dataclass(frozen=True)
class KernelDistance:
    """KID over subsets."""

    mean: float
    """May lie below 0: it is unbiased, so that equal sets scatter around 0."""
    spread: float
    """Standard deviation over the subsets."""
    n_subsets: int
    subset_size: int


def kernel_distance(
    real: Samples,
    generated: OtherSamples,
    generator: np.random.Generator,
    *,
    subset_size: int = KID_SUBSET,
    n_subsets: int = KID_SUBSETS,
) -> KernelDistance:
    """Give KID: the unbiased squared maximum mean discrepancy under a cubic kernel.

    Args:
        real: Samples.
        generated: Samples.
        generator: Chance that draws the subsets.
        subset_size: Samples of each set in a subset, at most as many as there are. Sets that
            fit into one subset are compared once and whole.
        n_subsets: Number of subsets.

    Raises:
        InputError: A set has fewer than two samples, or they differ in their features.

    Source:
        Bińkowski et al. 2018, "Demystifying MMD GANs".
    """
    _check(real, generated)
    if subset_size < 2 or n_subsets < 1:
        raise InputError(f"{n_subsets} subsets of {subset_size} give no distance; use 1 or more of 2 or more")
    size = min(subset_size, len(real), len(generated))
    if len(real) <= subset_size and len(generated) <= subset_size:
        value = kernel_discrepancy(real.astype(float), generated.astype(float))
        return KernelDistance(value, 0.0, 1, size)
    values = [
        kernel_discrepancy(
            real[generator.choice(len(real), size, replace=False)].astype(float),
            generated[generator.choice(len(generated), size, replace=False)].astype(float),
        )
        for _ in range(n_subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), n_subsets, size)


def kernel_discrepancy(a: Samples, b: OtherSamples) -> float:
    """Give the unbiased squared discrepancy of two whole sets under ``(x·y / features + 1)^3``."""
    _check(a, b)
    m, n, width = len(a), len(b), a.shape[1]
    within_a = (a @ a.T / width + 1.0) ** KID_DEGREE
    within_b = (b @ b.T / width + 1.0) ** KID_DEGREE
    across = (a @ b.T / width + 1.0) ** KID_DEGREE
    return float(
        (within_a.sum() - np.trace(within_a)) / (m * (m - 1))
        + (within_b.sum() - np.trace(within_b)) / (n * (n - 1))
        - 2.0 * across.mean()
    )


def diversity(samples: Samples) -> float:
    """Give the mean distance of all pairs of samples; 0 for fewer than two.

    Samples of one model over many clips; for several samples of one clip see ``multimodality``.

    Source:
        Sun et al. 2024, "AVI-Talking", over the samples of one clip; Guo et al. 2020,
        "Action2Motion", over a set.
    Deviation:
        All pairs instead of random ones.
    """
    n = len(samples)
    if n < 2:
        return 0.0
    x = samples.astype(float) - samples.astype(float).mean(0)
    total = 0.0
    for row in range(n - 1):
        total += float(np.linalg.norm(x[row + 1 :] - x[row], axis=1).sum())
    return total / (n * (n - 1) / 2)


def multimodality(takes: Float[np.ndarray, "clips takes features"]) -> float:
    """Give the mean over clips of the mean distance of all pairs of takes of one clip.

    A model without chance scores 0 by definition, and noise scores high: read it beside KID.

    Source:
        Guo et al. 2020, "Action2Motion"; over raw vertices in Stan et al. 2023, "FaceDiffuser".
    """
    return float(np.mean([diversity(clip) for clip in takes])) if len(takes) else 0.0


def l1_divergence(curves: Float[np.ndarray, "frames channels"]) -> float:
    """Give L1-div: the mean over frames of the summed absolute distance from the clip's mean.

    Source:
        Liu et al. 2024, "EMAGE".
    """
    if len(curves) == 0:
        return 0.0
    x = curves.astype(float)
    return float(np.abs(x - x.mean(0)).sum(1).mean())


def coverage_error(errors: Float[np.ndarray, "clips takes"]) -> float:
    """Give CE: the mean over clips of the smallest error among the takes of a clip.

    Args:
        errors: Any error, such as the published LVE, of every take against the recording.

    Source:
        Wu et al. 2024, "ProbTalk3D", with ten takes.
    """
    if errors.size == 0:
        raise InputError("a coverage error of 0 takes is not defined; give at least one take of one clip")
    return float(errors.min(1).mean())


def mean_take(takes: Float[np.ndarray, "takes ..."]) -> Float[np.ndarray, "..."]:
    """Give the mean of the takes of a clip: its error against the recording is the mean-estimate error.

    Source:
        Wu et al. 2024, "ProbTalk3D" (MEE), with ten takes and the published LVE.
    """
    if len(takes) == 0:
        raise InputError("0 takes have no mean; give at least one")
    return takes.mean(0)


def _check(a: Samples, b: OtherSamples) -> None:
    for samples in (a, b):
        if len(samples) < 2:
            raise InputError(f"a set of {len(samples)} samples has no spread; give at least 2")
        if not np.isfinite(samples).all():
            raise InputError("a sample is not a finite number; check the motion it was made from")
    if a.shape[1] != b.shape[1]:
        raise InputError(f"sets of {a.shape[1]} and {b.shape[1]} features differ; extract both the same way")


def _covariance(samples: Samples) -> Float[np.ndarray, "features features"]:
    x = samples.astype(float)
    x = x - x.mean(0)
    return x.T @ x / (len(x) - 1)


def _root(symmetric: Float[np.ndarray, "features features"]) -> Float[np.ndarray, "features features"]:
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
