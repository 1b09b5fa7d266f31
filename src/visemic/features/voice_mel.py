"""Log-mel of a voice, eighty times a second: what a voice model speaks and a vocoder hears.

Magnitudes under a Hann window of 50 ms, 80 mels from 50 to 7,200 Hz, natural logarithm with
a floor. Frame ``k`` is centred at ``12.5 k`` ms, and a vocoder gives 200 samples for it, so
a sound of ``n`` samples has ``n // 200 + 1`` frames and comes back at least as long.
"""

from functools import cache

import numpy as np
from jaxtyping import Float32, Float64

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import Features, Waveform
from visemic.features.mel import mel_filters, mel_spectrum

VOICE_MELS = 80
VOICE_MEL_RATE = Rate.of(80)
VOICE_MEL_NAME, VOICE_MEL_VERSION = "voice-mel-80", "1"
VOICE_N_FFT = 1_024
VOICE_WINDOW_SAMPLES = 800
VOICE_HOP_SAMPLES = 200
VOICE_FLOOR = 1e-5
"""Magnitude below which nothing is heard."""
VOICE_SILENCE = float(np.log(VOICE_FLOOR))
"""What every mel of silence is: about -11.5."""
VOICE_RANGE_HZ = (50.0, 7_200.0)
"""Foot of the first filter and of the last."""


@cache
def voice_mel_filters() -> Float64[np.ndarray, "mels bins"]:
    """Give the 80 filters over the 513 bins of the transform."""
    return mel_filters(VOICE_MELS, VOICE_N_FFT, float(SPEECH_RATE), *VOICE_RANGE_HZ)


def voice_mel(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "frames mels"]:
    """Give the log-mel of samples at 16 kHz, one frame for every begun 200 samples and one more.

    Args:
        samples: At least one.

    Raises:
        AudioError: The sound is empty.

    Source:
        Kong et al. 2020, "HiFi-GAN", the log-mel of a vocoder: magnitudes, Slaney's filters,
        natural logarithm.

    Deviation:
        16 kHz with a hop of 12.5 ms, and frames centred at multiples of the hop instead of half
        a hop later, so that frame ``k`` speaks of ``12.5 k`` ms exactly.
    """
    mel = mel_spectrum(
        samples,
        voice_mel_filters(),
        window_length=VOICE_WINDOW_SAMPLES,
        hop_length=VOICE_HOP_SAMPLES,
        exponent=1,
    )
    return np.log(np.maximum(mel, VOICE_FLOOR)).astype(np.float32)


def extract_voice_mel(waveform: Waveform) -> Features:
    """Give the log-mel of a waveform of any rate.

    Args:
        waveform: Sound, resampled to 16 kHz first; its level is kept.

    Raises:
        AudioError: The waveform is empty.
    """
    samples = resample(waveform, SPEECH_RATE).samples
    return Features(voice_mel(samples), VOICE_MEL_RATE, VOICE_MEL_NAME, VOICE_MEL_VERSION)
