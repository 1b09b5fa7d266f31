"""Vary a voice, a room's noise and a microphone on log-mel: cheap enough for every batch.

All of it acts on natural logs of mel power, before the level is taken away.
"""

import numpy as np
from jaxtyping import Float32, Float64

from visemic.features.speech_mel import N_MELS, normalised

_GAIN_NATS = 1.6
_TILT_NATS = 0.9
_WAVE_NATS = 0.5
_TRACT = 0.11
_NOISE_DB = (-3.0, 30.0)
_GATE_NATS = 3.0
_BINS = np.arange(N_MELS)


def vary(log_mel: Float32[np.ndarray, "frames mels"], rng: np.random.Generator) -> np.ndarray:
    """Give the frames as another throat, place and microphone might have given them."""
    x = log_mel.astype(np.float32)
    if rng.random() < 0.5:
        x = _warped(x, float(np.exp(rng.uniform(-_TRACT, _TRACT))))
    slope = np.linspace(-1, 1, N_MELS)
    curve = rng.normal(0, _TILT_NATS) * slope + rng.normal(0, _WAVE_NATS) * np.cos(
        np.pi * (slope * rng.uniform(1, 3) + rng.uniform(0, 2))
    )
    x = x + curve.astype(np.float32)
    if rng.random() < 0.65:
        x = _noisy(x, rng)
    x = x + np.float32(rng.normal(0, _GAIN_NATS))
    if rng.random() < 0.3:
        x = _masked(x, rng)
    return x.astype(np.float32)


def _warped(x: np.ndarray, factor: float) -> np.ndarray:
    """Shift formants by stretching the mel axis; beyond its ends the last bin is held."""
    at = np.clip(_BINS * factor, 0, N_MELS - 1)
    low = np.minimum(at.astype(int), N_MELS - 2)
    part = (at - low).astype(np.float32)
    return x[:, low] * (1 - part) + x[:, low + 1] * part


def noise(n_frames: int, level: float, rng: np.random.Generator) -> Float32[np.ndarray, "frames mels"]:
    """Give the log-mel of a noise of some colour that flutters and swells.

    Args:
        n_frames: Length.
        level: Natural log of its mean power.
        rng: Chance.
    """
    slope = np.linspace(0, 1, N_MELS)
    colour = rng.uniform(-4.0, 0.5) * slope + rng.normal(0, 0.7) * np.cos(
        np.pi * (slope * rng.uniform(1, 5) + rng.uniform(0, 2))
    )
    colour -= np.log(np.mean(np.exp(colour)))
    flutter = np.log(rng.gamma(3.0, 1 / 3.0, (n_frames, N_MELS)) + 1e-6)
    knots = np.arange(0, n_frames + 50, 50)
    slow = np.interp(np.arange(n_frames), knots, rng.normal(0, 0.6, len(knots)))
    return (level + colour + flutter + slow[:, None]).astype(np.float32)


def _noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    loud = x.mean(axis=1)
    level = float(np.log(np.mean(np.exp(x[loud > loud.max() - _GATE_NATS])) + 1e-9))
    level -= float(rng.uniform(*_NOISE_DB)) / 10 * np.log(10)
    return np.logaddexp(x, noise(len(x), level, rng)).astype(np.float32)


def _masked(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x = x.copy()
    width = int(rng.integers(1, 7))
    first = int(rng.integers(0, N_MELS - width))
    x[:, first : first + width] = x.mean()
    return x


def leveled(log_mel: Float32[np.ndarray, "frames mels"], rng: np.random.Generator | None) -> np.ndarray:
    """Take the level away as live: from the first guess, or as after a while of the same voice.

    Args:
        log_mel: Unnormalised frames.
        rng: Half of the clips begin in the middle of a long stream; None never.
    """
    if rng is None or rng.random() < 0.5:
        return normalised(log_mel)
    level = log_mel.mean(axis=1)
    mean: Float64[np.ndarray, " mels"] = log_mel[level > level.max() - _GATE_NATS].mean(
        axis=0, dtype=np.float64
    )
    return normalised(log_mel, mean=mean, worth=float(rng.uniform(40, 300)), peak=float(level.max()))
