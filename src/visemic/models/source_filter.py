"""Pulses and noise coloured window by window, live: the end of ``models.spectral_vocoder`` in NumPy.

Rows that the network gives go in, samples come out; what a window needs of the past is kept.
"""

import numpy as np
from jaxtyping import Float32, Float64

OVERLAP = 4
"""Windows that share a sample."""
WINDOWS_PER_FRAME = 2
WINDOW_SUM = 1.5
"""Sum of four squared Hann windows a quarter apart, everywhere the same."""
MIDDLE_HZ = 170.0
"""Pitch that a network gives when it says 0."""
PITCH_RANGE = 1.25
"""Pitch stays within this far of the middle in natural logarithms: 49 to 593 Hz."""
LOUDEST = 4.0
"""Natural logarithm of the strongest colouring."""
NEAR_PULSE = 1e-6
"""Sine of half an angle below which a pulse is at its peak."""

Samples = Float32[np.ndarray, " samples"]


class SourceFilter:
    """One voice; the first samples are half a frame after the first frame's centre.

    Source:
        Liu et al. 2020, "Neural homomorphic vocoder", pulses and noise through filters that
        change with time.
    """

    def __init__(self, hop_length: int, rate_hz: float, *, seed: int = 0) -> None:
        """Start silent.

        Args:
            hop_length: Samples of a frame.
            rate_hz: Samples a second.
            seed: Of the noise; equal seeds give equal sound.
        """
        self._hop, self._rate_hz = hop_length, rate_hz
        self._window_hop = hop_length // WINDOWS_PER_FRAME
        self._n_fft = OVERLAP * self._window_hop
        self._window = np.hanning(self._n_fft + 1)[:-1].astype(np.float32)
        self._rng = np.random.default_rng(seed)
        self._cycles = 0.0
        self._pitch_hz = np.zeros(0)
        # Two rows of sources, pulses and noise; half a window of silence stands before the first.
        self._sources = np.zeros((2, self._n_fft // 2), np.float32)
        n_bins = self._n_fft // 2 + 1
        self._filters = np.zeros((3, 0, n_bins), np.float32)
        self._windows = np.zeros((0, self._n_fft), np.float32)

    def push(self, rows: Float32[np.ndarray, "frames row"]) -> Samples:
        """Take rows of frames and give the samples that they complete."""
        parts = rows[:, 1:].reshape(len(rows), 3, WINDOWS_PER_FRAME, -1).swapaxes(0, 1)
        self._filters = np.concatenate([self._filters, parts.reshape(3, -1, parts.shape[-1])], axis=1)
        pitch_hz = MIDDLE_HZ * np.exp(PITCH_RANGE * np.tanh(rows[:, 0].astype(np.float64)))
        pulses = self._pulses(np.concatenate([self._pitch_hz, pitch_hz]))
        self._pitch_hz = pitch_hz[-1:] if len(pitch_hz) else self._pitch_hz
        noise = self._rng.standard_normal(len(pulses), np.float32)
        self._sources = np.concatenate([self._sources, np.stack([pulses, noise])], axis=1)
        return self._overlapped(self._coloured())

    def _pulses(self, pitch_hz: Float64[np.ndarray, " frames"]) -> Samples:
        """Give pulses of power 1 from the first frame's centre to the last's; see ``pulse_train``."""
        if len(pitch_hz) < 2:
            return np.zeros(0, np.float32)
        share = np.arange(self._hop) / self._hop
        step = (pitch_hz[:-1, None] + np.diff(pitch_hz)[:, None] * share).reshape(-1) / self._rate_hz
        cycles = self._cycles + np.cumsum(step)
        self._cycles = float(cycles[-1] % 1.0)
        angle = 2 * np.pi * ((cycles - step) % 1.0)
        harmonics = 0.5 / step
        whole = np.floor(harmonics)
        below = np.sin(angle / 2)
        is_pulse = np.abs(below) < NEAR_PULSE
        total = np.sin((whole + 0.5) * angle) / (2 * np.where(is_pulse, 1.0, below)) - 0.5
        total = np.where(is_pulse, whole, total) + (harmonics - whole) * np.cos((whole + 1) * angle)
        return (total * np.sqrt(2 / harmonics)).astype(np.float32)

    def _coloured(self) -> Float32[np.ndarray, "windows window"]:
        """Give the windows whose sources and filters are known."""
        hop = self._window_hop
        n = min((self._sources.shape[1] - self._n_fft) // hop + 1, self._filters.shape[1])
        if n <= 0:
            return np.zeros((0, self._n_fft), np.float32)
        cut = np.lib.stride_tricks.sliding_window_view(self._sources, self._n_fft, axis=1)
        spectra = np.fft.rfft(cut[:, : n * hop : hop] * self._window)
        strength, phase, breath = self._filters[:, :n]
        self._sources, self._filters = self._sources[:, n * hop :], self._filters[:, n:]
        strength, breath = np.minimum(strength, LOUDEST), np.minimum(breath, LOUDEST)
        cepstrum = np.fft.irfft(strength, self._n_fft)
        middle = self._n_fft // 2
        cepstrum[:, 1:middle] *= 2
        cepstrum[:, middle + 1 :] = 0
        angle = np.fft.rfft(cepstrum).imag + phase
        spectrum = spectra[0] * np.exp(strength + 1j * angle) + spectra[1] * np.exp(breath)
        return (np.fft.irfft(spectrum, self._n_fft) * (self._window / WINDOW_SUM)).astype(np.float32)

    def _overlapped(self, made: Float32[np.ndarray, "windows window"]) -> Samples:
        """Add windows up where all four that share a sample are there."""
        windows = np.concatenate([self._windows, made])
        n_whole = max(0, len(windows) - OVERLAP + 1)
        quarters = windows.reshape(len(windows), OVERLAP, self._window_hop)
        total = np.zeros((n_whole, self._window_hop), np.float32)
        for i in range(OVERLAP):
            total += quarters[i : i + n_whole, OVERLAP - 1 - i]
        self._windows = windows[n_whole:]
        return total.reshape(-1)
