"""What is said and how loud and high, for every frame: what the expressive generator hears."""

import numpy as np
from jaxtyping import Float32

from visemic.core.clock import Rate
from visemic.core.signals import Features, Waveform
from visemic.features.prosody import ENERGY, PITCH, extract_prosody
from visemic.models.step_network import StepNetwork
from visemic.text.phone_posterior import FIRST_STEP_S, PHONES, STEP_S

NAME, VERSION = "style-content", 1
GENERATOR_RATE = Rate.of(30)
"""Frames a second of the generator."""
N_PROSODY = 3
"""Loudness, pitch and whether there is a voice."""
_LOUD_DB, _QUIET_DB = 12.0, -3.0
_OCTAVE = 1.0
_EMBEDDING_SCALE = np.float32(0.5)


def n_content(embedding: int) -> int:
    """Give the columns of content for an embedding of such a length."""
    return len(PHONES) + embedding + N_PROSODY


def speech_content(
    waveform: Waveform, network: StepNetwork, n_frames: int, prosody: Features | None = None
) -> Float32[np.ndarray, "frames content"]:
    """Give phones, embedding and prosody at the frames' times.

    Args:
        waveform: Sound of any rate.
        network: The phonetic encoder, as ``models.heard_phones.phonetic_network`` gives it.
        n_frames: Frames at ``GENERATOR_RATE``.
        prosody: ``features.prosody`` of the sound, if it is known already.
    """
    found = network.whole(waveform, ("phones", "embedding"))
    steps = np.concatenate([found["phones"], found["embedding"] * _EMBEDDING_SCALE], axis=1)
    times_s = GENERATOR_RATE.times_s(n_frames)
    place = np.clip((times_s - FIRST_STEP_S) / STEP_S, 0.0, len(steps) - 1.0)
    low = np.minimum(place.astype(np.int64), max(0, len(steps) - 2))
    high = np.minimum(low + 1, len(steps) - 1)
    part = (place - low).astype(np.float32)[:, None]
    heard = steps[low] * (1 - part) + steps[high] * part
    voice = _prosody(prosody or extract_prosody(waveform), n_frames)
    return np.concatenate([heard, voice], axis=1).astype(np.float32)


def _prosody(prosody: Features, n_frames: int) -> Float32[np.ndarray, "frames 3"]:
    """Give loudness and pitch about the speaker's own middle: who speaks and how near does not count."""
    level, pitch = prosody.values[:, ENERGY].astype(float), prosody.values[:, PITCH].astype(float)
    loudest = float(np.quantile(level, 0.98))
    loudness = np.clip((level - loudest - _QUIET_DB) / _LOUD_DB, -3.0, 1.0)
    voiced = pitch > 0
    middle = float(np.median(pitch[voiced])) if voiced.any() else 1.0
    height = np.where(voiced, np.log2(np.maximum(pitch, 1.0) / middle) / _OCTAVE, 0.0)
    curves = np.stack([loudness, np.clip(height, -1.5, 1.5), voiced.astype(float)], axis=1)
    times_s = GENERATOR_RATE.times_s(n_frames)
    at = prosody.rate.times_s(len(curves))
    return np.stack([np.interp(times_s, at, curve) for curve in curves.T], axis=1).astype(np.float32)
