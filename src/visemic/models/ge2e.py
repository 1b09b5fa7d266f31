"""Who speaks, as a vector: the two published GE2E speaker encoders and a measure without parameters.

Each network reads a window of a mel spectrum with three recurrent layers and gives a unit
vector that is near for one speaker and far for two. Parameter names are the published ones.
Shape letters: ``b`` batch, ``t`` steps, ``m`` mels, ``e`` numbers of a vector.

Source: Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from visemic.core.errors import AudioError

SPEAKER_NUMBERS = 256
CROP_STEPS = 128
"""Steps of 16 ms that AutoVC's encoder reads at once."""
RESEMBLYZER_UNUSED = ("similarity_weight", "similarity_bias")
"""Parameters of the training loss that the published checkpoint holds beside the network's."""


@dataclass(frozen=True)
class SpeakerEncoderConfig:
    """Sizes of a speaker encoder."""

    mels: int = 80
    """Mels of the spectrum."""
    hidden: int = 768
    """Width of a recurrent layer."""
    speaker: int = SPEAKER_NUMBERS
    """Length of the vector."""


class DVector(nn.Module):
    """The encoder that AutoVC uses, for its own mel spectrum."""

    def __init__(self, config: SpeakerEncoderConfig | None = None) -> None:
        super().__init__()
        config = config or SpeakerEncoderConfig()
        self.lstm = nn.LSTM(config.mels, config.hidden, 3, batch_first=True)
        self.embedding = nn.Linear(config.hidden, config.speaker)

    def forward(self, mel: Float[Tensor, "b t m"]) -> Float[Tensor, "b e"]:
        """Give unit vectors from what was heard up to the last step."""
        states, _ = self.lstm(mel)
        vectors = self.embedding(states[:, -1])
        return vectors / vectors.norm(dim=-1, keepdim=True)


class ResemblyzerEncoder(nn.Module):
    """The small encoder that MakeItTalk uses, for mel powers; its vectors have no negative numbers."""

    def __init__(self, config: SpeakerEncoderConfig | None = None) -> None:
        super().__init__()
        config = config or SpeakerEncoderConfig(mels=40, hidden=256)
        self.lstm = nn.LSTM(config.mels, config.hidden, 3, batch_first=True)
        self.linear = nn.Linear(config.hidden, config.speaker)

    def forward(self, mel: Float[Tensor, "b t m"]) -> Float[Tensor, "b e"]:
        """Give unit vectors from what was heard up to the last step."""
        _, (states, _) = self.lstm(mel)
        vectors = torch.relu(self.linear(states[-1]))
        return vectors / vectors.norm(dim=-1, keepdim=True)


@torch.no_grad()
def dvector_of(network: DVector, mels: Sequence[Float32[np.ndarray, "_ m"]]) -> Float32[np.ndarray, " e"]:
    """Give the mean vector of a speaker over crops of his utterances.

    Args:
        network: In evaluation mode.
        mels: AutoVC's mel spectra of one speaker; each is cut into crops of 128 steps, half
            overlapping, and one that is shorter is read whole.

    Raises:
        AudioError: There is no utterance, or one is empty.

    Deviation:
        Published: one random crop from each of ten utterances. Ours has no chance in it, and the
        mean is not brought back to length 1, as published.
    """
    vectors = []
    device = next(network.parameters()).device
    for mel in mels:
        if len(mel) == 0:
            raise AudioError("an utterance has 0 steps; give at least one")
        starts = range(0, max(1, len(mel) - CROP_STEPS + 1), CROP_STEPS // 2)
        crops = np.stack([mel[start : start + CROP_STEPS] for start in starts])
        vectors.append(network(torch.from_numpy(crops).to(device)).mean(dim=0).cpu().numpy())
    if not vectors:
        raise AudioError("a speaker has 0 utterances; give at least one")
    return np.mean(vectors, axis=0).astype(np.float32)


@torch.no_grad()
def resemblyzer_vector_of(
    network: ResemblyzerEncoder, parts: Float32[np.ndarray, "parts 160 m"]
) -> Float32[np.ndarray, " e"]:
    """Give the unit vector of a speaker: the mean over windows of ``features.speaker_mel``."""
    device = next(network.parameters()).device
    mean = network(torch.from_numpy(parts).to(device)).mean(dim=0)
    return (mean / mean.norm()).cpu().numpy()


def spectral_vector_of(mels: Sequence[Float32[np.ndarray, "_ m"]]) -> Float32[np.ndarray, " 256"]:
    """Give a unit vector of a speaker without any network: how his spectrum is coloured.

    Means and deviations of every mel over the louder half of all steps, each seen from its own
    average over mels, so that loudness does not count. It tells voices and microphones apart
    alike; use it where no speaker encoder is at hand.

    Args:
        mels: AutoVC's mel spectra of one speaker.

    Raises:
        AudioError: There is no step.
    """
    steps = np.concatenate(mels) if len(mels) else np.zeros((0, 1), np.float32)
    if len(steps) == 0:
        raise AudioError("a speaker has 0 steps of sound; give at least one")
    level = steps.mean(axis=1)
    heard = steps[level >= np.median(level)].astype(np.float64)
    change = np.abs(np.diff(heard, axis=0, append=heard[-1:]))
    measures = [heard.mean(axis=0), heard.std(axis=0), change.mean(axis=0)]
    vector = np.concatenate([measure - measure.mean() for measure in measures])
    numbers = np.zeros(SPEAKER_NUMBERS)
    kept = vector[:SPEAKER_NUMBERS]
    numbers[: len(kept)] = kept
    return (numbers / max(float(np.linalg.norm(numbers)), 1e-9)).astype(np.float32)
