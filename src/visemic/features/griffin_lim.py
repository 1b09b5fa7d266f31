"""Sound from a mel spectrum without any learning: the floor that a vocoder has to beat."""

import numpy as np
from jaxtyping import Float32, Float64

from visemic.core.errors import InputError
from visemic.features.voice_mel import (
    VOICE_HOP_SAMPLES,
    VOICE_MELS,
    VOICE_N_FFT,
    VOICE_WINDOW_SAMPLES,
    voice_mel_filters,
)

_MOST_FRAMES = 24_000
"""Five minutes: every iteration holds the whole spectrum."""
_FIT_ITERATIONS = 100
_SMALLEST = 1e-8


def samples_from_voice_mel(
    mel: Float32[np.ndarray, "frames mels"], *, iterations: int = 32, seed: int = 0
) -> Float32[np.ndarray, " samples"]:
    """Give 200 samples a frame whose spectrum has magnitudes as near to the mel as they can be.

    Phases start at random and are made consistent, iteration by iteration.

    Args:
        mel: As ``voice_mel`` gives it, at most five minutes.
        iterations: 0 or more; 0 keeps the random phases.
        seed: Of the first phases.

    Raises:
        InputError: The mel has another number of mels, is too long, or the iterations are negative.

    Source:
        Griffin and Lim 1984, "Signal estimation from modified short-time Fourier transform".
    """
    if mel.shape[1] != VOICE_MELS or len(mel) > _MOST_FRAMES or iterations < 0:
        raise InputError(
            f"a mel of {mel.shape[0]} x {mel.shape[1]} cannot be given phases in {iterations} iterations; "
            f"give at most {_MOST_FRAMES} frames of {VOICE_MELS} mels and 0 iterations or more"
        )
    n_samples = len(mel) * VOICE_HOP_SAMPLES
    if n_samples == 0:
        return np.zeros(0, np.float32)
    magnitudes = _magnitudes(mel)
    angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitudes.shape)
    spectrum = magnitudes * np.exp(1j * angles)
    for _ in range(iterations):
        again = _transform(_inverse(spectrum))
        spectrum = magnitudes * again / np.maximum(np.abs(again), _SMALLEST)
    return _inverse(spectrum)[VOICE_N_FFT // 2 :][:n_samples].astype(np.float32)


def _magnitudes(mel: Float32[np.ndarray, "frames mels"]) -> Float64[np.ndarray, "frames bins"]:
    """Undo the filters: multiplicative steps keep magnitudes positive and fall towards the mel."""
    filters = voice_mel_filters()
    target = np.exp(mel.astype(np.float64))
    found = np.maximum(target @ np.linalg.pinv(filters).T, _SMALLEST)
    pull = target @ filters
    for _ in range(_FIT_ITERATIONS):
        found *= pull / np.maximum(found @ filters.T @ filters, _SMALLEST)
    return found


def _window() -> Float64[np.ndarray, " samples"]:
    window = np.zeros(VOICE_N_FFT)
    first = (VOICE_N_FFT - VOICE_WINDOW_SAMPLES) // 2
    window[first : first + VOICE_WINDOW_SAMPLES] = np.hanning(VOICE_WINDOW_SAMPLES + 1)[:-1]
    return window


def _inverse(spectrum: np.ndarray) -> Float64[np.ndarray, " samples"]:
    """Overlap and add; the sound starts half a transform before the first frame's centre."""
    window = _window()
    frames = np.fft.irfft(spectrum, VOICE_N_FFT) * window
    sound = np.zeros(len(frames) * VOICE_HOP_SAMPLES + VOICE_N_FFT)
    worth = np.zeros_like(sound)
    for number, frame in enumerate(frames):
        span = slice(number * VOICE_HOP_SAMPLES, number * VOICE_HOP_SAMPLES + VOICE_N_FFT)
        sound[span] += frame
        worth[span] += window**2
    return sound / np.maximum(worth, 0.1)


def _transform(sound: Float64[np.ndarray, " samples"]) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(sound, VOICE_N_FFT)[::VOICE_HOP_SAMPLES]
    n_frames = (len(sound) - VOICE_N_FFT) // VOICE_HOP_SAMPLES
    return np.fft.rfft(frames[:n_frames] * _window())
