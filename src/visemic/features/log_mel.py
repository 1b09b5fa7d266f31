"""Log-mel spectra, a hundred times a second: the front end that needs no download.

Values are plain natural logarithms; taking out a speaker's or a microphone's mean is the
business of the normaliser that is stored with a model.
"""

from dataclasses import dataclass

import numpy as np

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import InputError
from visemic.core.signals import Features, Waveform
from visemic.features.mel import mel_filters, mel_spectrum

LOG_MEL_RATE = Rate.of(100)
LOG_MEL_VERSION = "1"
MEL_COUNTS = (40, 80)

_HOP_SAMPLES = 160
_WINDOW_SAMPLES = 400
_N_FFT = 512
_FLOOR_POWER = 1e-10


@dataclass(frozen=True)
class LogMelConfig:
    """Which log-mel spectrum."""

    n_mels: int = 80
    """Number of filters: 80, or 40 for small models."""
    low_hz: float = 20.0
    """Lower foot of the first filter."""
    high_hz: float = 8_000.0
    """Upper foot of the last filter."""

    def __post_init__(self) -> None:
        if self.n_mels not in MEL_COUNTS:
            raise InputError(
                f"log-mel spectra come with 40 or 80 mels, not {self.n_mels}; choose one of these"
            )

    @property
    def name(self) -> str:
        """Name that the features carry: ``log-mel-80``."""
        return f"log-mel-{self.n_mels}"


def extract_log_mel(waveform: Waveform, config: LogMelConfig | None = None) -> Features:
    """Give the log-mel spectrum of a waveform of any rate; step ``k`` is centred at ``k / 100`` s.

    Args:
        waveform: Sound, resampled to 16 kHz first.
        config: None means 80 mels.

    Raises:
        AudioError: The waveform is empty.
    """
    config = config or LogMelConfig()
    speech = resample(waveform, SPEECH_RATE)
    filters = mel_filters(config.n_mels, _N_FFT, float(SPEECH_RATE), config.low_hz, config.high_hz)
    power = mel_spectrum(
        speech.samples, filters, window_length=_WINDOW_SAMPLES, hop_length=_HOP_SAMPLES, exponent=2
    )
    values = np.log(np.maximum(power, _FLOOR_POWER)).astype(np.float32)
    return Features(values, LOG_MEL_RATE, config.name, LOG_MEL_VERSION)
