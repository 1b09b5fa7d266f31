"""WInD: how far two sets of clips are when each falls into several kinds of motion.

One Gaussian blurs a set that smiles half the time and frowns the rest. Here each set is fitted
with a mixture, and the cheapest way to move one mixture's mass onto the other is counted.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.errors import InputError
from visemic.evaluation.distribution import Samples, gaussian_distance

_ITERATIONS = 200
_TOLERANCE = 1e-6
_RIDGE = 1e-6
"""Added to covariances, as a share of the mean variance of the set."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Gaussians with shares."""

    shares: Float[np.ndarray, " parts"]
    means: Float[np.ndarray, "parts features"]
    covariances: Float[np.ndarray, "parts features features"]


def fit_mixture(samples: Samples, n_parts: int, generator: np.random.Generator) -> Mixture:
    """Fit a mixture of full Gaussians by expectation and maximisation.

    Args:
        samples: At least two for every part.
        n_parts: Number of Gaussians.
        generator: Chance that places the first means, each far from the others.

    Raises:
        InputError: There are too few samples, or no parts.

    Source:
        Dempster, Laird & Rubin 1977, "Maximum likelihood from incomplete data"; first means as in
        Arthur & Vassilvitskii 2007, "k-means++".
    """
    if n_parts < 1 or len(samples) < 2 * n_parts:
        raise InputError(
            f"{len(samples)} samples cannot fill {n_parts} parts; give two for each and 1 part or more"
        )
    x = samples.astype(float)
    width = x.shape[1]
    ridge = _RIDGE * max(float(x.var(0).mean()), 1e-12) * np.eye(width)
    means = _first_means(x, n_parts, generator)
    covariances = np.stack([np.cov(x, rowvar=False).reshape(width, width) + ridge] * n_parts)
    shares = np.full(n_parts, 1.0 / n_parts)
    before = -np.inf
    for _ in range(_ITERATIONS):
        logs = np.log(shares) + _log_densities(x, means, covariances)
        top = logs.max(1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(logs - top).sum(1))
        belongs = np.exp(logs - total[:, None])
        mass = belongs.sum(0) + 1e-10
        shares, means = mass / mass.sum(), belongs.T @ x / mass[:, None]
        for part in range(n_parts):
            away = x - means[part]
            covariances[part] = (belongs[:, part, None] * away).T @ away / mass[part] + ridge
        likelihood = float(total.mean())
        if abs(likelihood - before) < _TOLERANCE:
            break
        before = likelihood
    return Mixture(shares, means, covariances)


def mixture_distance(a: Mixture, b: Mixture) -> float:
    """Give the distance of two mixtures: the root of the cheapest transport between their parts.

    Moving one Gaussian onto another costs their squared 2-Wasserstein distance.

    Source:
        Delon & Desolneux 2020, "A Wasserstein-type distance in the space of Gaussian mixture
        models", the discrete form of proposition 4.
    """
    from scipy.optimize import linprog

    m, n = len(a.shares), len(b.shares)
    costs = np.array(
        [
            [gaussian_distance(a.means[i], a.covariances[i], b.means[j], b.covariances[j]) for j in range(n)]
            for i in range(m)
        ]
    )
    leaves = np.kron(np.eye(m), np.ones(n))
    arrives = np.kron(np.ones(m), np.eye(n))
    # The last row follows from the others; with it, rounding could make the system contradict itself.
    rows = np.vstack([leaves, arrives])[:-1]
    mass = np.concatenate([a.shares / a.shares.sum(), b.shares / b.shares.sum()])[:-1]
    plan = linprog(costs.ravel(), A_eq=rows, b_eq=mass, bounds=(0, None), method="highs")
    if not plan.success:
        raise InputError(f"no transport between mixtures of {m} and {n} parts was found; fit fewer parts")
    return float(np.sqrt(max(0.0, plan.fun)))


def wasserstein_inception_distance(
    real: Samples, generated: Float[np.ndarray, "other_samples features"], n_parts: int, seed: int
) -> float:
    """Give WInD: the distance of mixtures fitted to two sets of features.

    Args:
        real: Samples.
        generated: Samples.
        n_parts: Gaussians in each mixture.
        seed: Start of chance; both fits get the same.

    Source:
        Park & Cho 2023, "SAiD", after Dimitrakopoulos et al. 2020, "WInD".
    """
    fits = [fit_mixture(s, n_parts, np.random.default_rng(seed)) for s in (real, generated)]
    return mixture_distance(*fits)


def _first_means(
    x: Samples, n_parts: int, generator: np.random.Generator
) -> Float[np.ndarray, "parts features"]:
    chosen = [x[generator.integers(len(x))]]
    for _ in range(n_parts - 1):
        away = np.min([np.square(x - c).sum(1) for c in chosen], axis=0)
        total = away.sum()
        share = away / total if total > 0 else np.full(len(x), 1.0 / len(x))
        chosen.append(x[generator.choice(len(x), p=share)])
    return np.array(chosen)


def _log_densities(
    x: Samples, means: Float[np.ndarray, "parts features"], covariances: np.ndarray
) -> Float[np.ndarray, "samples parts"]:
    out = np.empty((len(x), len(means)))
    for part, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        factor = np.linalg.cholesky(covariance)
        white = np.linalg.solve(factor, (x - mean).T)
        out[:, part] = (
            -0.5 * np.square(white).sum(0)
            - np.log(np.diag(factor)).sum()
            - 0.5 * x.shape[1] * np.log(2 * np.pi)
        )
    return out
