"""Time stretching that keeps the pitch and gives an exact number of samples.

Waveform similarity overlap-add: the output is made of short windows of the input, each
taken where it continues the one before it best, near the place that the factor asks for.
Meant for the last few per cent that a voice's own tempo leaves over.
"""

import math

import numpy as np
from jaxtyping import Float32

from visemic.core.errors import AudioError
from visemic.core.signals import Waveform

MIN_FACTOR, MAX_FACTOR = 0.25, 4.0

_WINDOW_S = 0.030
"""Two periods of a deep voice."""
_SEARCH_S = 0.010
"""Furthest shift to either side; both sides together hold one period of 50 Hz."""
_DECIMATION = 4
"""The first search runs on every fourth sample of the averaged sound."""
_SILENT = 1e-4
"""Windows below this peak have no phase to keep."""


def stretch(waveform: Waveform, factor: float) -> Waveform:
    """Make sound longer or shorter at the same pitch.

    No window moves by more than 10 ms against the linear map from old to new time. Sound
    shorter than one window of 30 ms is resampled, since it has no pitch to keep.

    Args:
        waveform: Any sound, also none.
        factor: New duration over old, 0.25 to 4.

    Returns:
        ``round(n * factor)`` samples, the input itself when that is their number already.

    Raises:
        AudioError: The factor is out of range.

    Source:
        Verhelst and Roelands 1993, "An overlap-add technique based on waveform similarity
        (WSOLA) for high quality time-scale modification of speech".
    """
    if not MIN_FACTOR <= factor <= MAX_FACTOR:
        raise AudioError(
            f"sound cannot be stretched by {factor:g}; give a factor from {MIN_FACTOR:g} to {MAX_FACTOR:g}"
        )
    return stretch_to(waveform, math.floor(len(waveform.samples) * factor + 0.5))


def stretch_to(waveform: Waveform, n_samples: int) -> Waveform:
    """Give sound at the same pitch with exactly ``n_samples`` samples; see ``stretch``.

    Raises:
        AudioError: The new length is not within a quarter and four times the old one, or
            there is no sound to stretch.
    """
    samples = waveform.samples
    if n_samples == len(samples):
        return waveform
    # One sample to each side, since lengths are whole numbers.
    if not MIN_FACTOR * len(samples) - 1 <= n_samples <= MAX_FACTOR * len(samples) + 1 or len(samples) == 0:
        raise AudioError(
            f"{len(samples)} samples cannot be stretched to {n_samples}; "
            f"give {MIN_FACTOR:g} to {MAX_FACTOR:g} times their number"
        )
    if n_samples == 0:
        return Waveform(np.zeros(0, np.float32), waveform.rate)
    rate_hz = float(waveform.rate)
    half = max(1, round(_WINDOW_S * rate_hz / 2))
    if min(len(samples), n_samples) < 2 * half:
        places = np.linspace(0, len(samples) - 1, n_samples)
        resampled = np.interp(places, np.arange(len(samples)), samples)
        return Waveform(resampled.astype(np.float32), waveform.rate)
    return Waveform(_overlap_add(samples, n_samples, half, round(_SEARCH_S * rate_hz)), waveform.rate)


def _overlap_add(
    samples: Float32[np.ndarray, " samples"], n_output: int, half: int, search: int
) -> Float32[np.ndarray, " output"]:
    """Place windows of ``2 * half`` samples every ``half`` samples of the output."""
    margin = 2 * half + search + _DECIMATION
    padded = np.pad(samples, margin)
    coarse = _averaged(padded)
    # Halves of a periodic Hann window sum to 1 at every sample, so equal windows give the input.
    window = (0.5 - 0.5 * np.cos(np.pi * np.arange(2 * half) / half)).astype(np.float32)
    n_windows = n_output // half + 2
    output = np.zeros((n_windows + 1) * half, np.float32)
    per_sample = len(samples) / n_output
    previous = -1
    for number in range(n_windows):
        wanted = min(round(number * half * per_sample), len(samples)) + margin
        centre = (
            wanted if previous < 0 else _best_centre(padded, coarse, previous + half, wanted, half, search)
        )
        output[number * half : (number + 2) * half] += window * padded[centre - half : centre + half]
        previous = centre
    return output[half : half + n_output]


def _averaged(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, " coarse"]:
    whole = samples[: len(samples) // _DECIMATION * _DECIMATION]
    return whole.reshape(-1, _DECIMATION).mean(axis=1, dtype=np.float32)


def _best_centre(
    padded: Float32[np.ndarray, " samples"],
    coarse: Float32[np.ndarray, " coarse"],
    following: int,
    wanted: int,
    half: int,
    search: int,
) -> int:
    """Give the centre near ``wanted`` whose window looks most like the one at ``following``."""
    if abs(following - wanted) <= search and following + half <= len(padded):
        # The true continuation is in reach and fits perfectly: no seam at all.
        return following
    if following + half > len(padded):
        return wanted
    target = padded[following - half : following + half]
    if np.abs(target).max() < _SILENT:
        return wanted
    step = _DECIMATION
    rough = _best_shift(
        coarse, (following - half) // step, (wanted - half) // step, 2 * half // step, search // step - 1
    )
    nearby = wanted + step * rough
    fine = _best_shift(padded, following - half, nearby - half, 2 * half, step)
    return nearby + fine


def _best_shift(
    signal: Float32[np.ndarray, " samples"], target_at: int, wanted_at: int, length: int, reach: int
) -> int:
    """Give the shift of the window at ``wanted_at`` with the highest normalised correlation."""
    target = signal[target_at : target_at + length]
    first = max(0, wanted_at - reach)
    region = signal[first : min(len(signal), wanted_at + reach + length)]
    products = np.correlate(region, target, "valid")
    squares = np.concatenate([[0.0], np.cumsum(region.astype(np.float64) ** 2)])
    energies = squares[length:] - squares[:-length]
    likeness = products / np.sqrt(np.maximum(energies, 1e-9))
    shifts = np.arange(len(likeness)) + (first - wanted_at)
    # Equal periods are equally good; the nearest one keeps the time.
    penalty = 1e-3 * np.abs(shifts) / max(1, reach) * np.abs(likeness).max()
    return int(shifts[np.argmax(likeness - penalty)])
