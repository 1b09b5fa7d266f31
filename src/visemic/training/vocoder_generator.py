"""The two vocoders as training sees them: scaled mel in, sound out, and what is stored.

Shape letters: b clips, t frames, m mels, s samples.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.clock import SPEECH_RATE
from visemic.core.config import config_from_dict
from visemic.core.errors import InputError, unknown_name
from visemic.features.mel import hz_from_mel, mel_from_hz
from visemic.features.voice_mel import VOICE_HOP_SAMPLES, VOICE_MELS, VOICE_RANGE_HZ, VOICE_SILENCE
from visemic.models.spectral_vocoder import (
    SpectralVocoder,
    SpectralVocoderConfig,
    pulse_train,
    synthesise,
    voicing_of,
)
from visemic.models.vocoder import HifiGan, HifiGanConfig, fold
from visemic.models.vocoder_session import HIFI_GAN, LATE_FRAMES, NEW_STATE, SPECTRAL, STATE
from visemic.training.onnx_file import onnx_bytes

MEL_SCALE = 0.2
"""Brings the 0 to 13 above silence of a mel to the size that networks like."""
_LEAD_FRAMES = 24
"""Frames before a crop that the spectral vocoder hears and is not judged by."""
_EARLY_FRAMES = 2
"""Frames before a crop whose sound reaches into it."""
_CONTEXT_FRAMES = 8

Heard = Mapping[str, Tensor]
"""A batch: ``mel``, and ``pitch_hz`` of every frame, 0 where nobody voices."""


@runtime_checkable
class VocoderGenerator(Protocol):
    """One kind of vocoder."""

    kind: str
    lead_frames: int
    """Frames of mel before those of which a crop's sound is given."""
    tail_frames: int
    """Frames of mel after them."""

    def network(self) -> nn.Module:
        """Give a fresh network."""
        ...

    def crop(
        self, network: nn.Module, batch: Heard, generator: torch.Generator
    ) -> tuple[Float[Tensor, "b s"], dict[str, Tensor]]:
        """Give the sound of the frames between lead and tail, and losses of the network's own."""
        ...

    def whole(
        self, network: nn.Module, mel: Float[Tensor, "b t m"], generator: torch.Generator
    ) -> Float[Tensor, "b s"]:
        """Give the sound of whole clips."""
        ...

    def onnx(self, network: nn.Module) -> bytes:
        """Give the network as it is run."""
        ...

    def numbers(self) -> dict[str, object]:
        """Give what ``models.vocoder_session`` has to know."""
        ...

    def settings(self) -> dict[str, object]:
        """Give the configuration as it is stored."""
        ...


class SpectralGenerator:
    """``models.spectral_vocoder``."""

    kind = SPECTRAL

    def __init__(self, config: SpectralVocoderConfig) -> None:
        self.config = config
        self.lead_frames, self.tail_frames = _LEAD_FRAMES, config.delay_frames + LATE_FRAMES

    def network(self) -> nn.Module:
        """Give a fresh network that starts at the envelope of the mel, half of it pulses, half noise."""
        network = SpectralVocoder(self.config)
        low, high = mel_from_hz(np.array(VOICE_RANGE_HZ))
        middles = hz_from_mel(np.linspace(low, high, VOICE_MELS + 2))[1:-1]
        bins = np.arange(self.config.n_bins) * float(SPEECH_RATE) / self.config.n_fft
        between = np.stack([np.interp(bins, middles, unit) for unit in np.eye(VOICE_MELS)], axis=1)
        network.envelope.weight.data.copy_(torch.from_numpy(between / MEL_SCALE))
        # A unit of noise has a mel of about 1, so silence is as far below 1 as its mel says.
        network.envelope.bias.data.fill_(VOICE_SILENCE - math.log(2) / 2)
        return network

    def crop(
        self, network: nn.Module, batch: Heard, generator: torch.Generator
    ) -> tuple[Float[Tensor, "b s"], dict[str, Tensor]]:
        """Give the sound, spoken at the recording's pitch, and how far the pitch heard is from it."""
        rows, pitch = self._rows(network, batch["mel"]), batch["pitch_hz"]
        first = self.lead_frames - _EARLY_FRAMES
        pitch = pitch[:, first : first + rows.shape[1]]
        is_voiced = pitch > 0
        known = torch.where(is_voiced, pitch, 1.0).log()
        heard = voicing_of(rows).log_pitch
        n_voiced = is_voiced.sum().clamp_min(1)
        error = ((heard - known).abs() * is_voiced).sum() / n_voiced
        spoken = torch.where(is_voiced, known, heard.detach())
        return self._sound(rows, spoken, generator), {"pitch": error}

    def whole(
        self, network: nn.Module, mel: Float[Tensor, "b t m"], generator: torch.Generator
    ) -> Float[Tensor, "b s"]:
        """Give the sound of whole clips at the pitch heard, silence around them."""
        around = (0, 0, self.lead_frames, self.tail_frames)
        rows = self._rows(network, functional.pad(mel, around, value=VOICE_SILENCE))
        return self._sound(rows, voicing_of(rows).log_pitch, generator)

    def _rows(self, network: nn.Module, mel: Float[Tensor, "b t m"]) -> Float[Tensor, "b f q"]:
        """Give the rows, on time, of all frames whose sound reaches into what is wanted."""
        assert isinstance(network, SpectralVocoder)
        rows, _ = network(scaled(mel), network.first_state(len(mel)))
        return rows[:, self.config.delay_frames + self.lead_frames - _EARLY_FRAMES :]

    def _sound(
        self, rows: Float[Tensor, "b f q"], log_pitch: Float[Tensor, "b f"], generator: torch.Generator
    ) -> Float[Tensor, "b s"]:
        hop, device = self.config.hop_length, rows.device
        phase = torch.rand(len(rows), generator=generator, dtype=torch.float64, device=device)
        pulses = pulse_train(log_pitch.exp(), phase, hop, float(SPEECH_RATE))
        noise = torch.randn(pulses.shape, generator=generator, device=device)
        sound = synthesise(voicing_of(rows), pulses, noise)
        first = _EARLY_FRAMES * hop - hop // 2
        n_frames = rows.shape[1] - _EARLY_FRAMES - LATE_FRAMES
        return sound[:, first : first + n_frames * hop]

    def onnx(self, network: nn.Module) -> bytes:
        """Give the network with its state as inputs and outputs; only the number of frames is free."""
        assert isinstance(network, SpectralVocoder)
        state = network.first_state(1)
        names = [f"{i}" for i in range(len(state))]
        return _exported(
            network,
            (torch.zeros(1, 16, self.config.n_mels), state),
            ["mel", *(STATE + n for n in names)],
            ["rows", *(NEW_STATE + n for n in names)],
            ({1: torch.export.Dim("frames", min=2, max=100_000)}, [{} for _ in state]),
        )

    def numbers(self) -> dict[str, object]:
        """Give the delay and the scale."""
        return {
            "samples_per_frame": self.config.hop_length,
            "delay_frames": self.config.delay_frames,
            "offset": VOICE_SILENCE,
            "scale": MEL_SCALE,
        }

    def settings(self) -> dict[str, object]:
        """Give the configuration."""
        return asdict(self.config)


class HifiGanGenerator:
    """``models.vocoder``."""

    kind = HIFI_GAN

    def __init__(self, config: HifiGanConfig) -> None:
        self.config = config
        self.lead_frames = self.tail_frames = min(_CONTEXT_FRAMES, config.context_frames)

    def network(self) -> nn.Module:
        """Give a fresh network."""
        return HifiGan(self.config)

    def crop(
        self, network: nn.Module, batch: Heard, generator: torch.Generator
    ) -> tuple[Float[Tensor, "b s"], dict[str, Tensor]]:
        """Give the sound of the frames between lead and tail."""
        hop = self.config.samples_per_frame
        sound = self.whole(network, batch["mel"], generator)
        return sound[:, self.lead_frames * hop : -self.tail_frames * hop], {}

    def whole(
        self, network: nn.Module, mel: Float[Tensor, "b t m"], generator: torch.Generator
    ) -> Float[Tensor, "b s"]:
        """Give the sound of whole clips."""
        sound: Tensor = network(mel.transpose(1, 2))
        return sound[:, 0]

    def onnx(self, network: nn.Module) -> bytes:
        """Give the network without weight normalisation; only the number of frames is free."""
        assert isinstance(network, HifiGan)
        example = torch.zeros(1, self.config.num_mels, 48)
        frames = torch.export.Dim("frames", min=2, max=100_000)
        return _exported(fold(network), (example,), ["mel"], ["samples"], ({2: frames},))

    def numbers(self) -> dict[str, object]:
        """Give how long a frame is and how far a sample sees."""
        return {
            "samples_per_frame": self.config.samples_per_frame,
            "context_frames": self.config.context_frames,
        }

    def settings(self) -> dict[str, object]:
        """Give the configuration."""
        return asdict(self.config)


def generator_from(kind: str, settings: Mapping[str, object], where: str) -> VocoderGenerator:
    """Give the kind of vocoder that a recipe or an artefact names.

    Raises:
        InputError: There is no such kind, or its settings do not fit ``voice_mel``.
    """
    if kind == SPECTRAL:
        config = config_from_dict(SpectralVocoderConfig, settings, where)
        hop, mels = config.hop_length, config.n_mels
        found: VocoderGenerator = SpectralGenerator(config)
    elif kind == HIFI_GAN:
        sizes = config_from_dict(HifiGanConfig, settings, where)
        hop, mels = sizes.samples_per_frame, sizes.num_mels
        found = HifiGanGenerator(sizes)
    else:
        raise InputError(unknown_name("vocoder", kind, (SPECTRAL, HIFI_GAN)))
    if (hop, mels) != (VOICE_HOP_SAMPLES, VOICE_MELS):
        raise InputError(
            f"{where} gives {hop} samples a frame from {mels} mels; "
            f"the voice's mel has {VOICE_HOP_SAMPLES} samples a frame and {VOICE_MELS} mels"
        )
    return found


def scaled(mel: Float[Tensor, "b t m"]) -> Float[Tensor, "b t m"]:
    """Give a mel in which silence is 0."""
    return (mel - VOICE_SILENCE) * MEL_SCALE


def _exported(
    network: nn.Module, examples: tuple, inputs: list[str], outputs: list[str], free: tuple
) -> bytes:
    return onnx_bytes(
        network.eval().cpu(), examples, input_names=inputs, output_names=outputs, dynamic_shapes=free
    )
