"""Mel spectra: the filters and the short-time transform that every mel front end shares.

Filters follow Slaney's scale (linear below 1 kHz, logarithmic above) with unit area, which
is what the published speech networks were trained on. Step ``k`` is centred at sample
``k * hop_length``: the sound is mirrored by half a window at both ends.
"""

import numpy as np
from jaxtyping import Float, Float64

from visemic.core.errors import AudioError, InputError

_LINEAR_HZ = 200.0 / 3.0
"""Width of a mel below the break."""
_BREAK_HZ = 1_000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = float(np.log(6.4)) / 27.0
"""Growth of a mel above the break."""
_BLOCK_STEPS = 1_024


def mel_from_hz(hz: Float[np.ndarray, " _"]) -> Float64[np.ndarray, " _"]:
    """Give Slaney's mel of frequencies in hertz."""
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, above).astype(np.float64)


def hz_from_mel(mel: Float[np.ndarray, " _"]) -> Float64[np.ndarray, " _"]:
    """Give the frequency in hertz of Slaney's mels."""
    above = _BREAK_HZ * np.exp((np.maximum(mel, _BREAK_MEL) - _BREAK_MEL) * _LOG_STEP)
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, above).astype(np.float64)


def mel_filters(
    n_mels: int, n_fft: int, rate_hz: float, low_hz: float, high_hz: float
) -> Float64[np.ndarray, "mels bins"]:
    """Give triangular filters of unit area over the bins of a Fourier transform.

    Args:
        n_mels: Number of filters.
        n_fft: Length of the transform in samples; there are ``n_fft // 2 + 1`` bins.
        rate_hz: Sample rate.
        low_hz: Lower foot of the first filter.
        high_hz: Upper foot of the last filter, at most half the sample rate.

    Raises:
        InputError: The frequencies are out of order.

    Source:
        Slaney 1998, "Auditory Toolbox" (technical report 1998-010), the mel filter bank.
    """
    if not 0 <= low_hz < high_hz <= rate_hz / 2:
        raise InputError(
            f"mel filters from {low_hz:g} to {high_hz:g} Hz do not fit a rate of {rate_hz:g} Hz; "
            f"give a low and a high frequency between 0 and {rate_hz / 2:g} Hz"
        )
    ends_mel = mel_from_hz(np.array([low_hz, high_hz]))
    feet = hz_from_mel(np.linspace(ends_mel[0], ends_mel[1], n_mels + 2))
    bins = np.arange(n_fft // 2 + 1) * rate_hz / n_fft
    rise = (bins - feet[:-2, None]) / (feet[1:-1] - feet[:-2])[:, None]
    fall = (feet[2:, None] - bins) / (feet[2:] - feet[1:-1])[:, None]
    area = 2.0 / (feet[2:] - feet[:-2])
    return np.maximum(0.0, np.minimum(rise, fall)) * area[:, None]


def n_steps_of(n_samples: int, hop_length: int) -> int:
    """Give how many steps a sound has: one every hop, the first at its first sample."""
    return n_samples // hop_length + 1


def mel_spectrum(
    samples: Float[np.ndarray, " samples"],
    filters: Float64[np.ndarray, "mels bins"],
    *,
    window_length: int,
    hop_length: int,
    exponent: int,
) -> Float64[np.ndarray, "steps mels"]:
    """Give the mel spectrum of a sound under a periodic Hann window.

    Memory is bounded by a block of windows beside the result.

    Args:
        samples: Sound, at least one sample.
        filters: From ``mel_filters``; they set the length of the transform.
        window_length: In samples, at most the length of the transform, centred in it.
        hop_length: Samples from one step to the next.
        exponent: 1 for magnitudes, 2 for powers.

    Raises:
        AudioError: The sound is empty.
    """
    if len(samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    n_fft = 2 * (filters.shape[1] - 1)
    window = np.zeros(n_fft)
    first = (n_fft - window_length) // 2
    window[first : first + window_length] = np.hanning(window_length + 1)[:-1]
    n_steps = n_steps_of(len(samples), hop_length)
    padded = np.pad(np.asarray(samples, np.float64), n_fft // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length][:n_steps]
    mels = np.empty((n_steps, len(filters)))
    for start in range(0, n_steps, _BLOCK_STEPS):
        spectrum = np.abs(np.fft.rfft(frames[start : start + _BLOCK_STEPS] * window, axis=1))
        mels[start : start + _BLOCK_STEPS] = spectrum**exponent @ filters.T
    return mels
