"""Accents of speech, the moments at which brows rise and heads nod."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

CONTROL_HZ = 100.0
"""Curves of the upper face are made at this rate and read at the frames' times, so that the same
seed gives the same curve at any frame rate."""


@dataclass(frozen=True, slots=True)
class Accent:
    """A stressed syllable that stands out."""

    time_s: float
    strength: float
    """0 faint to 1 strong."""


@dataclass(frozen=True)
class SpeechEvents:
    """What the upper face needs to know of a clip."""

    duration_s: float
    accents: tuple[Accent, ...] = ()
    """In time order."""
    pauses_s: tuple[tuple[float, float], ...] = ()
    """Start and end of every pause inside or around the speech."""
    word_ends_s: tuple[float, ...] = ()


def control_times_s(duration_s: float) -> Float[np.ndarray, " controls"]:
    """Give the times of the control points of a clip, at least two."""
    return np.arange(max(2, int(np.ceil(duration_s * CONTROL_HZ)) + 2)) / CONTROL_HZ


def smoothed(curve: Float[np.ndarray, " controls"], sigma_s: float) -> Float[np.ndarray, " controls"]:
    """Smooth a control curve with a Gaussian; its ends are continued as they are."""
    reach = max(1, round(4.0 * sigma_s * CONTROL_HZ))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma_s * CONTROL_HZ)) ** 2)
    padded = np.pad(curve, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def bumps(
    times_s: Float[np.ndarray, " controls"],
    peaks_s: Sequence[float],
    heights: Sequence[float],
    rise_s: float,
    fall_s: float,
) -> Float[np.ndarray, " controls"]:
    """Give a sum of bumps, each a raised cosine up to its peak and a slower one down."""
    curve = np.zeros(len(times_s))
    for peak_s, height in zip(peaks_s, heights, strict=True):
        first, stop = np.searchsorted(times_s, [peak_s - rise_s, peak_s + fall_s])
        near = times_s[first:stop] - peak_s
        phase = np.where(near < 0, near / rise_s, near / fall_s)
        curve[first:stop] += height * (0.5 + 0.5 * np.cos(np.pi * phase))
    return curve
