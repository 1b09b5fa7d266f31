"""Windows of sound around frames, and their log-mel spectrum, in plain NumPy.

Windows begin at exact times: frame ``i`` has its middle at ``i`` divided by the frame rate, to
half a sample, however long the clip. The published loop steps by 533 samples instead of 533⅓ and
is 37 ms early after a minute.
"""

import numpy as np
from jaxtyping import Float32, Int64

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError

MESHTALK_RATE = Rate.of(30)
"""Frames a second of the published data; what else comes in is brought to it."""
WINDOW_SAMPLES = 16_000
"""A second at 16 kHz."""
PUBLISHED_OFFSET_SAMPLES = 267
"""The published loop hears around the middle of a frame's time, not around its beginning."""
MEAN_LEVEL = 0.01
"""Mean of the absolute samples that the published model was trained on."""
N_MELS = 80
N_FFT, HOP_SAMPLES, HANN_SAMPLES = 2_048, 160, 800
LOG_FLOOR = 1e-10
KERNEL = 5
"""Taps of the convolutions over a spectrum."""

_BREAK_HZ, _MELS_A_DECADE = 700.0, 2_595.0
_GRID_SAMPLES = 160
_MARGIN_SAMPLES = 1_600
"""Sound beyond the first and last window, so that no window meets a mirrored end."""

_BLOCK_STEPS = 1_000

Samples = Float32[np.ndarray, " _"]


def window_starts(n_frames: int, rate: Rate, *, offset_samples: int = 0) -> Int64[np.ndarray, " frames"]:
    """Give where each frame's second of sound begins, in samples, the clip's first sample at 0.

    Args:
        n_frames: Number of frames, the first at 0 s.
        rate: Frames a second.
        offset_samples: How much later to listen: 0 around the frame's own time,
            ``PUBLISHED_OFFSET_SAMPLES`` as the published model was driven.

    Returns:
        Negative before half a second: the sound is to be filled with zeros.

    Example:
        >>> window_starts(4, Rate.of(30)).tolist()
        [-8000, -7467, -6933, -6400]
    """
    samples_a_frame = SPEECH_RATE.hz / rate.hz
    up, down = samples_a_frame.numerator, samples_a_frame.denominator
    centres = (2 * np.arange(n_frames, dtype=np.int64) * up + down) // (2 * down)
    return centres + (offset_samples - WINDOW_SAMPLES // 2)


def leveled(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, " samples"]:
    """Give the sound at the level that the model was trained on; silence stays silence.

    Raises:
        AudioError: There is no sample.
    """
    if len(samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    mean = float(np.abs(samples).mean(dtype=np.float64))
    return (samples * np.float32(MEAN_LEVEL / mean if mean > 0 else 1.0)).astype(np.float32)


def mel_bank(n_mels: int = N_MELS) -> Float32[np.ndarray, "bins mels"]:
    """Give triangles of height 1 between 0 and 8 kHz on the logarithmic mel scale.

    Source:
        O'Shaughnessy 1987, "Speech Communication", the mel scale with its break at 700 Hz; no
        area normalisation, as the published checkpoint's own table has none.
    """
    top_mel = _MELS_A_DECADE * np.log10(1.0 + float(SPEECH_RATE) / 2 / _BREAK_HZ)
    feet_mel = np.linspace(0.0, top_mel, n_mels + 2)
    feet = _BREAK_HZ * (10.0 ** (feet_mel / _MELS_A_DECADE) - 1.0)
    bins = np.linspace(0.0, float(SPEECH_RATE) / 2, N_FFT // 2 + 1)[:, None]
    rise = (bins - feet[:-2]) / np.diff(feet)[:-1]
    fall = (feet[2:] - bins) / np.diff(feet)[1:]
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


def sound_span(starts: Int64[np.ndarray, " frames"]) -> tuple[int, int]:
    """Give first sample and number of samples that frames need, on a grid that all clips share.

    The number depends on the number of frames only, so that clips stack.
    """
    first = (int(starts[0]) - _MARGIN_SAMPLES) // _GRID_SAMPLES * _GRID_SAMPLES
    longest = -(-(len(starts) - 1) * SPEECH_RATE.hz // MESHTALK_RATE.hz) + 1
    n_samples = int(longest) + WINDOW_SAMPLES + 2 * _MARGIN_SAMPLES + _GRID_SAMPLES
    return first, -(-n_samples // _GRID_SAMPLES) * _GRID_SAMPLES


def cut_sound(samples: Samples, first: int, n_samples: int) -> Samples:
    """Give a part of a sound, silent outside of it."""
    part = np.zeros(n_samples, np.float32)
    start, stop = max(0, first), min(len(samples), first + n_samples)
    if stop > start:
        part[start - first : stop - first] = samples[start:stop]
    return part


def log_mel(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "mels steps"]:
    """Give log-mel powers, a step every 10 ms; the ends are mirrored.

    The same numbers as ``meshtalk_sound.LogMel``, without torch.
    """
    reach = HANN_SAMPLES // 2
    padded = np.pad(samples, reach, mode="reflect")
    steps = np.lib.stride_tricks.sliding_window_view(padded, HANN_SAMPLES)[::HOP_SAMPLES]
    places = np.arange(HANN_SAMPLES)
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * places / HANN_SAMPLES)).astype(np.float32)
    bank = mel_bank()
    parts = []
    for first in range(0, len(steps), _BLOCK_STEPS):
        spectrum = np.fft.rfft(steps[first : first + _BLOCK_STEPS] * hann, N_FFT)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        parts.append(np.log(np.maximum(power @ bank, np.float32(LOG_FLOOR))))
    return np.concatenate(parts).T
