"""Phones from sound alone, by our phonetic encoder: posteriors, and an alignment out of them."""

import numpy as np
from jaxtyping import Float, Float32, Int

from visemic.audio.resample import resample
from visemic.core.artifact import ONNX, Artifact
from visemic.core.clock import SPEECH_RATE
from visemic.core.signals import Alignment, Features, Phone, Waveform
from visemic.models.step_network import StepNetwork, load_step_network
from visemic.text.phone_posterior import FIRST_STEP_S, PHONES, STEP_RATE, STEP_S

NAME, VERSION = "phonetic", "1"
SWITCH_NATS = 2.0
"""What a change of phone costs: phones last, and likelihoods flicker."""


def phonetic_network(artifact: Artifact) -> StepNetwork:
    """Give the network of an artefact that has phones among its outputs."""
    return load_step_network(artifact.file(ONNX), int(str(artifact.info.normaliser["delay_steps"])))


def extract_phonetic(waveform: Waveform, network: StepNetwork) -> Features:
    """Give log posteriors of ``PHONES`` and the embedding beside them, 50 times a second.

    Step ``j`` speaks of ``j / 50 + 0.01`` s.

    Args:
        waveform: Sound of any rate.
        network: As ``phonetic_network`` gives it.
    """
    found = network.whole(waveform)
    log_phones = np.log(np.maximum(found["phones"], 1e-6))
    return Features(np.concatenate([log_phones, found["embedding"]], axis=1), STEP_RATE, NAME, VERSION)


def best_path(
    scores: Float[np.ndarray, "steps phones"], switch_nats: float = SWITCH_NATS
) -> Int[np.ndarray, " steps"]:
    """Give the likeliest row of phones where every change costs as much.

    Source:
        Viterbi 1967; with one cost for all changes a step needs only the best of the last.
    """
    n_steps, n = scores.shape
    came_from = np.empty((n_steps, n), np.int64)
    total = scores[0].astype(float).copy()
    own = np.arange(n)
    for step in range(1, n_steps):
        best = int(np.argmax(total))
        switched = total[best] - switch_nats
        came_from[step] = np.where(total >= switched, own, best)
        total = np.maximum(total, switched) + scores[step]
    path = np.empty(n_steps, np.int64)
    path[-1] = int(np.argmax(total))
    for step in range(n_steps - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path


def hear_phones(waveform: Waveform, network: StepNetwork, switch_nats: float = SWITCH_NATS) -> Alignment:
    """Give the phones of a sound without a transcript, silence included, from 0 to the end."""
    sound = resample(waveform, SPEECH_RATE)
    return alignment_of(network.whole(sound, ("phones",))["phones"], sound.duration_s, switch_nats)


def alignment_of(
    phones: Float32[np.ndarray, "steps phones"], duration_s: float, switch_nats: float = SWITCH_NATS
) -> Alignment:
    """Give an alignment from posteriors: neighbours of one label join."""
    path = best_path(np.log(np.maximum(phones, 1e-6)), switch_nats)
    changes = np.flatnonzero(np.diff(path)) + 1
    first = np.concatenate([[0], changes])
    starts_s = np.concatenate([[0.0], FIRST_STEP_S + STEP_S * (changes - 0.5)])
    ends_s = np.append(starts_s[1:], duration_s)
    heard = tuple(
        Phone(PHONES[path[i]], float(a), min(float(b), duration_s))
        for i, a, b in zip(first, starts_s, ends_s, strict=True)
        if b > a and a < duration_s
    )
    return Alignment(heard, (), "", duration_s, source="recognised")
