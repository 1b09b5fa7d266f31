"""Log-mel of speech, live: causal, level and channel removed as they become known.

A hundred frames a second; frame ``k`` hears 25 ms around ``k / 100`` s, so 12.5 ms ahead. From
every frame a running mean of the louder frames is taken away: it starts at the mean of many
recordings and follows the speaker within a second or two. A file is the stream pushed in one
piece, so both give the same numbers.
"""

from functools import cache

import numpy as np
from jaxtyping import Float32, Float64

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import Features, Waveform

N_MELS = 40
MEL_RATE = Rate.of(100)
HOP_SAMPLES = 160
WINDOW_SAMPLES = 400
LOOKAHEAD_S = WINDOW_SAMPLES / 2 / 16_000
NAME, VERSION = "speech-mel", "1"

_N_FFT = 512
_LOW_HZ, _HIGH_HZ = 60.0, 7_600.0
_FLOOR = 1e-8
"""Power below which nothing is heard: about -80 dB of full scale."""

_FIRST_MEAN = -9.0
"""Natural log of power where the mean starts: conversational speech at a common level."""
_FIRST_WORTH = 20.0
"""Frames that the first guess is worth."""
_MOST_WORTH = 300.0
_PEAK_FALL = 0.003
_BELOW_PEAK = 3.0
_SCALE = 0.4
_FIRST_PEAK = -12.0
_BLOCK = 4_096


@cache
def filterbank() -> Float64[np.ndarray, "bins mels"]:
    """Give triangles on the mel scale between 60 and 7,600 Hz, peaks at 1.

    Source:
        O'Shaughnessy 1987, "Speech Communication": mel = 2595 log10(1 + f/700).
    """
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOW_HZ, _HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, N_MELS + 2) / 2595) - 1)
    hz = np.arange(_N_FFT // 2 + 1)[:, None] * (16_000 / _N_FFT)
    rise = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall))


@cache
def _window() -> Float64[np.ndarray, " samples"]:
    return np.hanning(WINDOW_SAMPLES + 1)[:-1]


def log_power(samples: Float32[np.ndarray, " samples"], n_frames: int) -> Float32[np.ndarray, "frames mels"]:
    """Give the log of mel power of windows that start at multiples of 160 samples.

    Args:
        samples: At least ``(n_frames - 1) * 160 + 400`` of them.
        n_frames: Number of windows.
    """
    out = np.empty((n_frames, N_MELS), np.float32)
    for first in range(0, n_frames, _BLOCK):
        n = min(_BLOCK, n_frames - first)
        part = samples[first * HOP_SAMPLES : (first + n - 1) * HOP_SAMPLES + WINDOW_SAMPLES]
        windows = np.lib.stride_tricks.sliding_window_view(part, WINDOW_SAMPLES)[::HOP_SAMPLES]
        spectrum = np.fft.rfft(windows * _window(), _N_FFT)
        power = (spectrum.real**2 + spectrum.imag**2) / _N_FFT
        # One frame at a time would round differently as a matrix: einsum keeps the order of sums.
        out[first : first + n] = np.log(np.einsum("kb,bm->km", power, filterbank()) + _FLOOR)
    return out


class SpeechMelStream:
    """Turns sound into frames as it comes in; each stream has its own past."""

    def __init__(self) -> None:
        self._waiting = np.zeros(WINDOW_SAMPLES // 2, np.float32)
        self._n_samples = 0
        self._n_frames = 0
        self._mean = np.full(N_MELS, _FIRST_MEAN)
        self._state = np.array([_FIRST_PEAK, _FIRST_WORTH])

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "frames mels"]:
        """Take samples at 16 kHz and give the frames that they complete."""
        self._waiting = np.concatenate([self._waiting, samples])
        self._n_samples += len(samples)
        return self._take(max(0, (len(self._waiting) - WINDOW_SAMPLES) // HOP_SAMPLES + 1))

    def close(self) -> Float32[np.ndarray, "frames mels"]:
        """Give the frames of the end: in all one for every begun 10 ms."""
        missing = -(-self._n_samples // HOP_SAMPLES) - self._n_frames
        needed = max(0, (missing - 1) * HOP_SAMPLES + WINDOW_SAMPLES) if missing > 0 else 0
        self._waiting = np.pad(self._waiting, (0, max(0, needed - len(self._waiting))))
        return self._take(max(0, missing))

    def _take(self, n: int) -> Float32[np.ndarray, "frames mels"]:
        from visemic.features.speech_mel_kernels import level_kernel

        out = np.empty((n, N_MELS), np.float32)
        if n == 0:
            return out
        power = log_power(self._waiting, n)
        self._waiting = self._waiting[n * HOP_SAMPLES :]
        self._n_frames += n
        level_kernel(power, self._mean, self._state, _PEAK_FALL, _BELOW_PEAK, _MOST_WORTH, _SCALE, out)
        return out


def normalised(
    log_mel: Float32[np.ndarray, "frames mels"],
    *,
    mean: Float64[np.ndarray, " mels"] | None = None,
    worth: float = _FIRST_WORTH,
    peak: float = _FIRST_PEAK,
) -> Float32[np.ndarray, "frames mels"]:
    """Take level and channel away from the frames of one recording.

    Args:
        log_mel: As ``log_power`` gives it.
        mean: Where the running mean starts; None at that of common recordings.
        worth: Frames that this start is worth.
        peak: Where the running peak of the mean level starts.
    """
    from visemic.features.speech_mel_kernels import level_kernel

    start = np.full(N_MELS, _FIRST_MEAN) if mean is None else mean.astype(float)
    out = np.empty_like(log_mel)
    state = np.array([peak, worth])
    level_kernel(log_mel, start, state, _PEAK_FALL, _BELOW_PEAK, _MOST_WORTH, _SCALE, out)
    return out


def extract_speech_mel(waveform: Waveform) -> Features:
    """Give the frames of a whole waveform of any rate."""
    stream = SpeechMelStream()
    sound = resample(waveform, SPEECH_RATE)
    values = np.concatenate([stream.push(sound.samples), stream.close()])
    return Features(values, MEL_RATE, NAME, VERSION)
