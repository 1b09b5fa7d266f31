"""Thirteen cepstra of speech, a hundred times a second, as networks for sync hear them.

The cepstra are those of the usual tool of 2013 in its default settings, down to its oddities:
samples are whole numbers that are not scaled, frames are not windowed, and the first cepstrum
is replaced by the level of the frame.
"""

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int16

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Features, Waveform

MFCC_RATE = Rate.of(100)
N_CEPSTRA = 13

_FRAME, _HOP, _N_FFT = 400, 160, 512
_N_BANDS = 26
_PRE_EMPHASIS = 0.97
_LIFTER = 22
_EPSILON = float(np.finfo(float).eps)
_BLOCK_STEPS = 1_024
_PCM_SCALE = 32_768


def extract_mfcc(waveform: Waveform) -> Features:
    """Give the cepstra of a waveform of any rate.

    Memory is bounded by a block of frames beside the result.

    Raises:
        AudioError: The waveform is empty.
    """
    return Features(mfcc_from_pcm(pcm_from_waveform(waveform)).astype(np.float32), MFCC_RATE, "mfcc-13", "1")


def pcm_from_waveform(waveform: Waveform) -> Int16[np.ndarray, " samples"]:
    """Give the sound as 16-bit samples at 16 kHz, as a wav file would hold it; peaks are cut."""
    samples = resample(waveform, SPEECH_RATE).samples.astype(float) * _PCM_SCALE
    return np.clip(np.rint(samples), -_PCM_SCALE, _PCM_SCALE - 1).astype(np.int16)


def mfcc_from_pcm(samples: Int16[np.ndarray, " samples"]) -> Float[np.ndarray, "steps 13"]:
    """Give the cepstra of 16-bit samples at 16 kHz.

    Frame ``i`` covers samples ``160 i`` to ``160 i + 399``; the last one is filled up with zeros.

    Args:
        samples: At least one.

    Returns:
        ``1 + ceil((samples - 400) / 160)`` rows, at least one. Column 0 is the natural logarithm
        of the frame's energy in squared units of 16-bit samples over 512.

    Raises:
        AudioError: There are no samples.

    Source:
        Davis & Mermelstein 1980, "Comparison of parametric representations for monosyllabic word
        recognition"; settings and order of steps those of python_speech_features 0.6, whose
        numbers SyncNet was trained on.
    """
    n = len(samples)
    if n == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    n_steps = 1 + max(0, -(-(n - _FRAME) // _HOP))
    padded = np.zeros((n_steps - 1) * _HOP + _FRAME)
    padded[:n] = samples
    padded[1:n] -= _PRE_EMPHASIS * samples[:-1].astype(float)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    cepstra = np.empty((n_steps, N_CEPSTRA))
    for first in range(0, n_steps, _BLOCK_STEPS):
        cepstra[first : first + _BLOCK_STEPS] = _cepstra(frames[first : first + _BLOCK_STEPS])
    return cepstra


def _cepstra(frames: Float[np.ndarray, "steps 400"]) -> Float[np.ndarray, "steps 13"]:
    power = np.abs(np.fft.rfft(frames, _N_FFT, axis=1)) ** 2 / _N_FFT
    energy = _above_zero(power.sum(axis=1))
    bands = np.log(_above_zero(power @ mel_bands().T))
    cepstra = bands @ _cosines().T * _lifter()
    cepstra[:, 0] = np.log(energy)
    return cepstra


def _above_zero(values: np.ndarray) -> np.ndarray:
    return np.where(values == 0, _EPSILON, values)


@lru_cache(maxsize=1)
def mel_bands() -> Float[np.ndarray, "26 257"]:
    """Give the weights of 26 triangles over the bins of a spectrum, 0 Hz to 8 kHz.

    Their corners lie evenly on the mel scale and then on whole bins.
    """
    top_mel = 2595 * np.log10(1 + float(SPEECH_RATE) / 2 / 700)
    corners_hz = 700 * (10 ** (np.linspace(0, top_mel, _N_BANDS + 2) / 2595) - 1)
    corners = np.floor((_N_FFT + 1) * corners_hz / float(SPEECH_RATE))
    low, middle, high = (corners[k : k + _N_BANDS, None] for k in range(3))
    bins = np.arange(_N_FFT // 2 + 1)
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    weights = np.where(bins < middle, rising, falling)
    return np.where((bins >= low) & (bins < high), weights, 0.0)


@lru_cache(maxsize=1)
def _cosines() -> Float[np.ndarray, "13 26"]:
    """Give the first rows of the orthonormal cosine transform of type II."""
    rows, columns = np.arange(N_CEPSTRA).reshape(-1, 1), np.arange(_N_BANDS)
    scale = np.where(rows == 0, math.sqrt(1 / _N_BANDS), math.sqrt(2 / _N_BANDS))
    return scale * np.cos(np.pi * rows * (2 * columns + 1) / (2 * _N_BANDS))


def _lifter() -> Float[np.ndarray, " 13"]:
    return 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(N_CEPSTRA) / _LIFTER)
