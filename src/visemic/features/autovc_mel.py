"""The mel spectrum that AutoVC hears, and the one that MakeItTalk's variant hears.

Both count 80 mels at 62.5 steps a second on a scale where 0 is 100 dB below 1. They differ
in level and in whether the scale is cut, so a network takes the one that it was trained on.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Features, Waveform
from visemic.features.mel import mel_filters, mel_spectrum

AUTOVC_RATE = Rate.of("62.5")
AUTOVC_MELS = 80
AUTOVC_MEL_VERSION = "1"

_HOP_SAMPLES = 256
_N_FFT = 1_024
_LOW_HZ, _HIGH_HZ = 90.0, 7_600.0
_HIGH_PASS_HZ, _HIGH_PASS_ORDER = 30.0, 5
_DITHER = 1e-6
_FLOOR = 1e-5
_REFERENCE_DB = 16.0
_RANGE_DB = 100.0


@dataclass(frozen=True)
class AutoVcMelConfig:
    """Which of the published front ends."""

    flavour: Literal["autovc", "makeittalk"] = "autovc"
    """``autovc`` keeps the recording's level and cuts values to 0..1; ``makeittalk`` brings the
    level to -20 dB below full scale first and does not cut."""
    dither_seed: int | None = 0
    """Seed of the noise 120 dB below full scale that keeps digital silence off the floor; None adds none."""

    @property
    def name(self) -> str:
        """Name that the features carry."""
        return f"{self.flavour}-mel-{AUTOVC_MELS}"


_GAIN = {"autovc": 0.96, "makeittalk": 0.95}
_LEVEL_DB = -20.0


def extract_autovc_mel(waveform: Waveform, config: AutoVcMelConfig | None = None) -> Features:
    """Give the mel spectrum of a waveform of any rate; step ``k`` is centred at ``16 k`` ms.

    Args:
        waveform: Sound, resampled to 16 kHz first.
        config: None means AutoVC's own.

    Raises:
        AudioError: The waveform is empty.

    Source:
        Qian et al. 2019, "AutoVC", and Zhou et al. 2020, "MakeItTalk", with the settings of
        their published code.

    Deviation:
        The dither comes from NumPy's current generator, one seed for every file; the
        published one is seeded by speaker number. It lies 120 dB below full scale.
    """
    config = config or AutoVcMelConfig()
    if len(waveform.samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    samples = resample(waveform, SPEECH_RATE).samples
    if config.flavour == "makeittalk":
        samples = at_level_db(samples, _LEVEL_DB)
    clean = _high_passed(samples) * _GAIN[config.flavour]
    if config.dither_seed is not None:
        clean += (np.random.default_rng(config.dither_seed).random(len(clean)) - 0.5) * _DITHER
    filters = mel_filters(AUTOVC_MELS, _N_FFT, float(SPEECH_RATE), _LOW_HZ, _HIGH_HZ)
    magnitude = mel_spectrum(clean, filters, window_length=_N_FFT, hop_length=_HOP_SAMPLES, exponent=1)
    level_db = 20.0 * np.log10(np.maximum(magnitude, _FLOOR)) - _REFERENCE_DB
    values = (level_db + _RANGE_DB) / _RANGE_DB
    if config.flavour == "autovc":
        values = np.clip(values, 0.0, 1.0)
    return Features(values.astype(np.float32), AUTOVC_RATE, config.name, AUTOVC_MEL_VERSION)


def at_level_db(
    samples: Float32[np.ndarray, " samples"], level_db: float, *, may_lower: bool = True
) -> Float32[np.ndarray, " samples"]:
    """Give the sound with its effective value at a level below full scale; silence stays as it is.

    Args:
        samples: Sound.
        level_db: 0 is an effective value of 1.
        may_lower: False leaves a sound alone that is louder already.
    """
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    if power <= 0.0:
        return samples
    gain = float(10.0 ** (level_db / 20.0) / np.sqrt(power))
    if gain < 1.0 and not may_lower:
        return samples
    return np.clip(samples * gain, -1.0, 1.0).astype(np.float32)


def _high_passed(samples: np.ndarray) -> np.ndarray:
    """Remove drift below 30 Hz without moving anything in time."""
    from scipy.signal import butter, filtfilt

    b, a = butter(_HIGH_PASS_ORDER, _HIGH_PASS_HZ / (float(SPEECH_RATE) / 2), btype="high")
    # The filter's own margin is 18 samples, which a shorter sound does not have.
    margin = min(3 * max(len(a), len(b)), len(samples) - 1)
    return filtfilt(b, a, samples.astype(np.float64), padlen=margin)
