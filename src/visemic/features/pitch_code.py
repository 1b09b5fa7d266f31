"""Pitch as one of 257 classes: how MakeItTalk's voice converter is told the melody.

Class 0 is unvoiced. The others cut the logarithm of pitch, seen from the speaker's own mean,
into 256 steps over four standard deviations on either side, so that a deep and a high voice
that rise alike get the same classes.
"""

import numpy as np
from jaxtyping import Float, Float32, Int64

from visemic.core.clock import Rate
from visemic.core.signals import Features, Waveform
from visemic.features.prosody import PITCH, extract_prosody

PITCH_CLASSES = 257
PITCH_CODE_VERSION = "1"
_VOICED_CLASSES = 256
_SPREAD = 4.0
"""Standard deviations from the middle class to the last."""


def pitch_classes(
    pitch_hz: Float[np.ndarray, " steps"], *, mean: float | None = None, deviation: float | None = None
) -> Int64[np.ndarray, " steps"]:
    """Give the class of each pitch.

    Args:
        pitch_hz: Fundamental frequency, 0 where unvoiced.
        mean: Mean of the speaker's natural log pitch; None takes it from the voiced steps.
        deviation: Standard deviation of the same; None likewise.

    Returns:
        0 for unvoiced, 1 (four deviations low or below) to 256 (four high or above).

    Source:
        Qian et al. 2020, "F0-consistent many-to-many non-parallel voice conversion via
        conditional autoencoder", section 3.3.
    """
    voiced = pitch_hz > 0
    classes = np.zeros(len(pitch_hz), np.int64)
    if not voiced.any():
        return classes
    log_pitch = np.log(pitch_hz[voiced].astype(np.float64))
    middle = float(log_pitch.mean()) if mean is None else mean
    spread = float(log_pitch.std()) if deviation is None else deviation
    # A monotone voice has no spread; it sits in the middle class.
    place = np.clip((log_pitch - middle) / max(spread, 1e-9) / _SPREAD, -1.0, 1.0)
    classes[voiced] = np.round((place + 1.0) / 2.0 * (_VOICED_CLASSES - 1)).astype(np.int64) + 1
    return classes


def one_hot_pitch(classes: Int64[np.ndarray, " steps"]) -> Float32[np.ndarray, "steps 257"]:
    """Give each class as a row with a single 1."""
    return np.eye(PITCH_CLASSES, dtype=np.float32)[classes]


def extract_pitch_code(waveform: Waveform, rate: Rate, n_steps: int) -> Features:
    """Give the one-hot pitch of a waveform at any rate of steps.

    Each step takes the nearest measured pitch: a mean between voiced and unvoiced has no meaning.

    Args:
        waveform: Sound of any rate.
        rate: Steps a second of what is given.
        n_steps: Number of steps; beyond the sound the last is held.

    Raises:
        AudioError: The waveform is empty.

    Deviation:
        Pitch is that of ``features.prosody``, not RAPT's.
    """
    prosody = extract_prosody(waveform)
    classes = pitch_classes(prosody.values[:, PITCH])
    nearest = np.round(rate.times_s(n_steps) * float(prosody.rate)).astype(np.int64)
    values = one_hot_pitch(classes[np.clip(nearest, 0, len(classes) - 1)])
    return Features(values, rate, f"pitch-one-hot-{PITCH_CLASSES}", PITCH_CODE_VERSION)
