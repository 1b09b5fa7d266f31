"""A frozen speech encoder: hidden layers of a network that hears waveforms, on an exact clock.

Step ``k`` is centred half a receptive field after sample ``k * stride``, which for all
published encoders is ``0.0125 + 0.02 k`` seconds. Features are those steps interpolated to
whole ticks of any rate, the chosen layers side by side, to be mixed by ``features.layer_mix``.

Long sounds are read in chunks whose edges are thrown away, for attention costs time and
memory by the square of the length.
"""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError, InputError
from visemic.core.signals import Features, Waveform
from visemic.features.sample import at_rate

VERSION = "1"
DEFAULT_RATE = Rate.of(50)
MAY_BE_FRESH = ("masked_spec_embed",)
"""Parameters that only training reads; checkpoints lack them at times."""
_SMALLEST_VARIANCE = 1e-7


@dataclass(frozen=True)
class EncoderConfig:
    """How an encoder is read."""

    layers: tuple[int, ...] | None = None
    """Hidden layers, 0 is the input of the first block, -1 the last; None means all."""
    chunk_s: float = 25.0
    """Length of sound that is read at once."""
    overlap_s: float = 1.0
    """How much two chunks share; half of it is thrown away on either side of a seam."""

    def __post_init__(self) -> None:
        if not 0 <= self.overlap_s < self.chunk_s / 2:
            raise InputError(
                f"chunks of {self.chunk_s:g} s cannot share {self.overlap_s:g} s; give an overlap from 0 to "
                "below half a chunk"
            )
        if self.layers is not None and (not self.layers or len(set(self.layers)) != len(self.layers)):
            raise InputError(f"layers are {list(self.layers)}; give at least one and none twice")


@dataclass(frozen=True, eq=False)
class SpeechStates:
    """What the chosen layers of an encoder say, at the encoder's own moments."""

    values: Float32[np.ndarray, "layers steps width"]
    rate: Rate
    """Steps a second."""
    start_s: Fraction
    """Time of the middle of step 0."""
    name: str
    version: str

    def at(self, rate: Rate, n_frames: int) -> Features:
        """Give features at a rate, row ``j`` at ``j / rate`` seconds, the layers side by side."""
        side_by_side = self.values.transpose(1, 0, 2).reshape(self.values.shape[1], -1)
        own = Features(side_by_side, self.rate, self.name, self.version)
        return at_rate(own, rate, n_frames, self.start_s)


class SpeechEncoder:
    """Any network of transformers with a convolutional front; made by ``features.hugging_face``."""

    def __init__(
        self, network: Any, name: str, licence: str, *, is_normalised: bool, config: EncoderConfig
    ) -> None:
        """Take a network that is already frozen and in evaluation mode.

        Args:
            network: A model of transformers.
            name: What its features are called.
            licence: As its card states it.
            is_normalised: The network wants mean 0 and variance 1 over the utterance.
            config: How it is read.

        Raises:
            InputError: It has not so many layers.
        """
        self._network = network
        self._is_normalised = is_normalised
        self.config = config
        self.licence = licence
        """Licence of the checkpoint as its card states it, else ``unknown``."""
        kernels, strides = network.config.conv_kernel, network.config.conv_stride
        self._stride = int(np.prod(strides))
        before = np.concatenate([[1], np.cumprod(strides)[:-1]])
        self._field = 1 + int(np.sum((np.array(kernels) - 1) * before))
        self.rate = Rate(SPEECH_RATE.hz / self._stride)
        self.start_s = Fraction(self._field, 2) / SPEECH_RATE.hz
        self.n_layers_there = int(network.config.num_hidden_layers) + 1
        self.layers = _chosen_layers(config.layers, self.n_layers_there)
        self.width = int(network.config.hidden_size)
        self.name = f"{name}/layers-{'-'.join(map(str, self.layers))}"
        self.version = f"{VERSION}-{_parameters_sha256(network)[:12]}{'' if is_normalised else '-raw'}"

    def options(self, rate: Rate = DEFAULT_RATE) -> dict[str, object]:
        """Give what changes the numbers beside name and version: the options of a cache entry."""
        return {"rate": str(rate), "chunk_s": self.config.chunk_s, "overlap_s": self.config.overlap_s}

    def states(self, waveform: Waveform) -> SpeechStates:
        """Give the chosen layers at the encoder's own moments; a short sound is filled with zeros.

        Args:
            waveform: Sound, resampled to 16 kHz first.

        Raises:
            AudioError: The waveform is empty.
        """
        samples = resample(waveform, SPEECH_RATE).samples
        if len(samples) == 0:
            raise AudioError("the waveform has 0 samples; give at least one")
        if self._is_normalised:
            # Over the whole sound: a chunk of its own loudness would hear a seam.
            spread = np.sqrt(samples.var(dtype=np.float64) + _SMALLEST_VARIANCE)
            samples = ((samples - samples.mean(dtype=np.float64)) / spread).astype(np.float32)
        samples = np.pad(samples, (0, max(0, self._field - len(samples))))
        n_steps = (len(samples) - self._field) // self._stride + 1
        per_chunk = max(2, round(self.config.chunk_s * float(self.rate)))
        shared = min(round(self.config.overlap_s * float(self.rate)), per_chunk - 1)
        values = np.empty((len(self.layers), n_steps, self.width), np.float32)
        for chunk in chunks_of(n_steps, per_chunk, shared):
            first = chunk.first * self._stride
            # The last chunk takes the odd samples too: a group norm hears them.
            is_last = chunk.stop == n_steps
            piece = samples[first : None if is_last else (chunk.stop - 1) * self._stride + self._field]
            heard = self._hear(piece)
            values[:, chunk.keep_first : chunk.keep_stop] = heard[
                :, chunk.keep_first - chunk.first : chunk.keep_stop - chunk.first
            ]
        return SpeechStates(values, self.rate, self.start_s, self.name, self.version)

    def extract(self, waveform: Waveform, rate: Rate = DEFAULT_RATE) -> Features:
        """Give features of a waveform, row ``j`` at exactly ``j / rate`` seconds.

        Args:
            waveform: Sound of any rate.
            rate: Rows a second; an animation's frame rate saves its model an interpolation.

        Raises:
            AudioError: The waveform is empty.
        """
        return self.states(waveform).at(rate, rate.count(waveform.duration_s))

    def _hear(self, samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "layers steps width"]:
        """Hear one piece. Nothing in it is padding, so encoders that know masks need none."""
        import torch

        device = next(self._network.parameters()).device
        sound = torch.from_numpy(samples)[None].to(device)
        with torch.no_grad():
            heard = self._network(sound, output_hidden_states=True).hidden_states
        return torch.stack([heard[layer][0] for layer in self.layers]).float().cpu().numpy()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Steps that are heard together, and those of them that count."""

    first: int
    stop: int
    keep_first: int
    keep_stop: int


def chunks_of(n_steps: int, per_chunk: int, shared: int) -> tuple[Chunk, ...]:
    """Cut steps into chunks of equal length that overlap by at least ``shared``.

    Example:
        >>> [(c.first, c.stop, c.keep_first, c.keep_stop) for c in chunks_of(25, 10, 4)]
        [(0, 10, 0, 8), (6, 16, 8, 14), (12, 22, 14, 20), (15, 25, 20, 25)]
    """
    if n_steps <= per_chunk:
        return (Chunk(0, n_steps, 0, n_steps),)
    margin = shared // 2
    chunks: list[Chunk] = []
    kept = 0
    for start in range(0, n_steps, per_chunk - shared):
        # The last chunk moves back rather than be short, so that it hears as much as the others.
        first = min(start, n_steps - per_chunk)
        stop = first + per_chunk
        keep_stop = n_steps if stop == n_steps else stop - margin
        chunks.append(Chunk(first, stop, kept, keep_stop))
        kept = keep_stop
        if kept == n_steps:
            break
    return tuple(chunks)


def _chosen_layers(layers: tuple[int, ...] | None, n_there: int) -> tuple[int, ...]:
    if layers is None:
        return tuple(range(n_there))
    for layer in layers:
        if not -n_there <= layer < n_there:
            raise InputError(
                f"there is no layer {layer} among {n_there}; give 0 to {n_there - 1}, or -1 for the last"
            )
    return tuple(layer % n_there for layer in layers)


def _parameters_sha256(network: Any) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if name.endswith(MAY_BE_FRESH):
            continue
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()
