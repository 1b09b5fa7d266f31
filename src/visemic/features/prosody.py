"""Loudness, pitch and voicing of speech, a hundred times a second.

Pitch comes from a normalised autocorrelation: the waveform is thinned to about 8 kHz, cut
into windows, and one Fourier transform a window gives all lags at once.
"""

import numpy as np
from jaxtyping import Float

from visemic.core.clock import Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Features, Waveform

PROSODY_RATE = Rate.of(100)
ENERGY, PITCH, VOICING = 0, 1, 2
"""Columns: level in dB below full scale, fundamental frequency in Hz (0 unvoiced), voicing 0 to 1."""
FLOOR_DB = -80.0

_THIN_RATE_HZ = 8_000
_WINDOW_S = 0.045
_MIN_PITCH_HZ, _MAX_PITCH_HZ = 60.0, 420.0
_VOICED = 0.5
_VOICED_RANGE_DB = 40.0
_OCTAVE_COST = 0.03
_BLOCK_STEPS = 512


def extract_prosody(waveform: Waveform) -> Features:
    """Give level, pitch and voicing of a waveform of any rate.

    Memory is bounded by a block of windows beside the result.

    Raises:
        AudioError: The waveform is empty.

    Source:
        Boersma 1993, "Accurate short-term analysis of the fundamental frequency", the
        autocorrelation divided by that of the window.
    """
    if len(waveform.samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    factor = max(1, int(float(waveform.rate) // _THIN_RATE_HZ))
    thin_hz = float(waveform.rate) / factor
    n_steps = PROSODY_RATE.count(waveform.duration_s)
    window_length = max(16, round(_WINDOW_S * thin_hz))
    window = np.hanning(window_length + 2)[1:-1]
    n_fft = 1 << int(np.ceil(np.log2(2 * window_length)))
    window_power = np.abs(np.fft.rfft(window, n_fft)) ** 2
    window_correlation = np.fft.irfft(window_power)[:window_length]
    values = np.zeros((n_steps, 3), np.float32)
    centres = np.round(np.arange(n_steps) / float(PROSODY_RATE) * thin_hz).astype(np.int64)
    starts = centres - window_length // 2
    for first in range(0, n_steps, _BLOCK_STEPS):
        block = starts[first : first + _BLOCK_STEPS]
        thin = _thinned(waveform.samples, factor, int(block[0]), int(block[-1]) + window_length)
        frames = thin[(block - block[0])[:, None] + np.arange(window_length)]
        values[first : first + _BLOCK_STEPS] = _analyse(frames, window, window_correlation, n_fft, thin_hz)
    _drop_unvoiced(values)
    return Features(values, PROSODY_RATE, "prosody", "1")


def _thinned(
    samples: Float[np.ndarray, " samples"], factor: int, first: int, stop: int
) -> Float[np.ndarray, " thin"]:
    """Give thin samples ``first`` to ``stop``, each the mean of ``factor`` samples, 0 outside."""
    low, high = max(first * factor, 0), min(stop * factor, len(samples))
    padded = np.zeros((stop - first) * factor)
    if high > low:
        padded[low - first * factor : high - first * factor] = samples[low:high]
    return padded.reshape(-1, factor).mean(axis=1)


def _analyse(
    frames: Float[np.ndarray, "steps samples"],
    window: Float[np.ndarray, " samples"],
    window_correlation: Float[np.ndarray, " samples"],
    n_fft: int,
    rate_hz: float,
) -> Float[np.ndarray, "steps 3"]:
    weight = float((window**2).sum())
    windowed = (frames - frames.mean(axis=1, keepdims=True)) * window
    power = (windowed**2).sum(axis=1) / weight
    level_db = np.maximum(10.0 * np.log10(power + 1e-12), FLOOR_DB)
    spectrum = np.abs(np.fft.rfft(windowed, n_fft, axis=1)) ** 2
    correlation = np.fft.irfft(spectrum, n_fft, axis=1)[:, : len(window)]
    low = max(2, int(rate_hz / _MAX_PITCH_HZ))
    high = min(int(np.ceil(rate_hz / _MIN_PITCH_HZ)), int(len(window) * 0.8))
    base = np.maximum(correlation[:, :1], 1e-12) / window_correlation[0]
    # One lag more on each side: a peak has two neighbours.
    lags = np.arange(low - 1, high + 2)
    normal = correlation[:, lags] / window_correlation[lags] / base
    cost = _OCTAVE_COST * np.log2(lags * _MIN_PITCH_HZ / rate_hz)
    inner = normal[:, 1:-1]
    is_peak = (inner >= normal[:, :-2]) & (inner >= normal[:, 2:])
    score = np.where(is_peak, inner - cost[1:-1], -np.inf)
    best = np.argmax(score, axis=1)
    rows = np.arange(len(frames))
    before, at, after = normal[rows, best], inner[rows, best], normal[rows, best + 2]
    curve = before - 2.0 * at + after
    shift = np.where(curve < -1e-9, 0.5 * (before - after) / np.where(curve < -1e-9, curve, 1.0), 0.0)
    found = np.isfinite(score[rows, best])
    voicing = np.where(found, np.clip(at, 0.0, 1.0), 0.0)
    pitch = rate_hz / (lags[best + 1] + np.clip(shift, -0.5, 0.5))
    return np.stack([level_db, np.where(found, pitch, 0.0), voicing], axis=1)


def _drop_unvoiced(values: np.ndarray) -> None:
    """Set pitch to 0 where nobody voices, and take single steps that leap away back."""
    loud = values[:, ENERGY] > max(float(values[:, ENERGY].max()) - _VOICED_RANGE_DB, -60.0)
    voiced = loud & (values[:, VOICING] > _VOICED)
    values[~voiced, PITCH] = 0.0
    values[~loud, VOICING] = 0.0
    around = np.pad(values[:, PITCH], 2, mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(around, 5), axis=1)
    leaps = voiced & (median > 0) & (np.abs(values[:, PITCH] / np.maximum(median, 1.0) - 1.0) > 0.2)
    values[leaps, PITCH] = median[leaps]


def span_means(
    features: Features,
    column: int,
    start_s: Float[np.ndarray, " spans"],
    end_s: Float[np.ndarray, " spans"],
) -> Float[np.ndarray, " spans"]:
    """Give the mean of a feature over spans of time; a span shorter than a step takes its nearest."""
    values = features.values[:, column].astype(float)
    total = np.concatenate([[0.0], np.cumsum(values)])
    hz = float(features.rate)
    first = np.clip(np.round(start_s * hz), 0, len(values) - 1).astype(np.int64)
    stop = np.clip(np.round(end_s * hz), first + 1, len(values)).astype(np.int64)
    return (total[stop] - total[first]) / (stop - first)
