"""Noise of the style prior, and how a style is drawn out of it, without PyTorch."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.errors import InputError

_OFFSET = 0.008
_MAX_BETA = 0.999

Predict = Callable[[Float32[np.ndarray, "b s"], int, bool], Float32[np.ndarray, "b s"]]
"""Noisy styles, the step, and whether the instruction is heard: gives clean styles."""


def signal_shares(n_steps: int) -> Float[np.ndarray, " steps"]:
    """Give what is left of the signal's power after each step of noise: the cosine schedule.

    Source:
        Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models", equation 17.

    Example:
        >>> shares = signal_shares(100)
        >>> bool(shares[0] > 0.99 and shares[-1] < 0.01)
        True
    """
    place = np.arange(n_steps + 1) / n_steps
    curve = np.cos((place + _OFFSET) / (1 + _OFFSET) * np.pi / 2) ** 2
    betas = np.minimum(1 - curve[1:] / curve[:-1], _MAX_BETA)
    return np.cumprod(1 - betas)


def sampled_steps(n_steps: int, n_sampled: int) -> list[int]:
    """Give the steps that sampling visits, from the noisiest to the first.

    Raises:
        InputError: There are fewer steps than are to be visited, or none is.
    """
    if not 1 <= n_sampled <= n_steps:
        raise InputError(f"{n_sampled} sampling steps are not possible; choose 1 to {n_steps}")
    return [int(step) for step in np.linspace(n_steps - 1, 0, n_sampled).round()]


def draw_styles(
    predict: Predict,
    noise: Float32[np.ndarray, "b s"],
    *,
    n_steps: int = 100,
    n_sampled: int = 10,
    guidance: float = 1.0,
) -> Float32[np.ndarray, "b s"]:
    """Turn noise into styles of the size that the prior was trained on.

    Args:
        predict: The prior.
        noise: Standard normal; the same noise gives the same style.
        n_steps: Steps that it was trained with.
        n_sampled: Steps that are visited.
        guidance: 1 follows the instruction as trained, more exaggerates it, 0 ignores it.

    Source:
        Song et al. 2021, "Denoising diffusion implicit models", equation 12 without added noise;
        Ho & Salimans 2022, "Classifier-free diffusion guidance".
    """
    shares = signal_shares(n_steps)
    steps = sampled_steps(n_steps, n_sampled)
    x = noise
    for place, step in enumerate(steps):
        clean = predict(x, step, True) if guidance else predict(x, step, False)
        if guidance not in (0.0, 1.0):
            free = predict(x, step, False)
            clean = free + np.float32(guidance) * (clean - free)
        if place == len(steps) - 1:
            return clean.astype(np.float32)
        now, then = shares[step], shares[steps[place + 1]]
        rest = (x - np.sqrt(now) * clean) / np.sqrt(max(1e-9, 1 - now))
        x = (np.sqrt(then) * clean + np.sqrt(1 - then) * rest).astype(np.float32)
    return x
