"""AutoVC: one voice to another through a bottleneck too narrow for the speaker.

The encoder hears a mel spectrum together with who speaks, and passes on a code every
``period`` steps; the decoder hears those codes together with who shall speak. What fits
through the codes is what is said. MakeItTalk's variant adds the pitch to the decoder.

Parameter names and shapes are the published ones. Shape letters: ``b`` batch, ``t`` steps,
``m`` mels, ``e`` speaker, ``n`` all code numbers, ``p`` pitch classes.

Source: Qian et al. 2019, "AutoVC: Zero-shot voice style transfer with only autoencoder
loss"; Zhou et al. 2020, "MakeItTalk: Speaker-aware talking-head animation", section 3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from visemic.core.errors import InputError
from visemic.features.pitch_code import PITCH_CLASSES


@dataclass(frozen=True)
class AutoVcConfig:
    """Sizes of a voice converter."""

    flavour: Literal["autovc", "makeittalk"] = "autovc"
    """``autovc`` as first published, or ``makeittalk`` with pitch and a lighter decoder."""
    neck: int = 32
    """Width of a code in each direction of time."""
    period: int = 32
    """Steps of 16 ms from one code to the next."""
    speaker: int = 256
    """Length of a speaker vector."""
    hidden: int = 512
    """Width of convolutions and of the decoder's first recurrence."""
    mels: int = 80
    """Mels of the spectrum."""

    def __post_init__(self) -> None:
        for name in ("neck", "period", "speaker", "hidden", "mels"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1")


PUBLISHED_AUTOVC = AutoVcConfig()
"""Sizes of the published AutoVC checkpoint; its trainer's defaults are ``neck`` and ``period`` 16."""
PUBLISHED_MAKEITTALK = AutoVcConfig(flavour="makeittalk", neck=16, period=16)
"""Sizes of the converter that MakeItTalk publishes."""


class Conversion(NamedTuple):
    """What a converter gives."""

    mel: Float[Tensor, "b t m"]
    """The decoder's spectrum."""
    refined: Float[Tensor, "b t m"]
    """The spectrum after the postnet, the result."""
    codes: Float[Tensor, "b n"]
    """All codes of the source, in time order."""


class AutoVc(nn.Module):
    """The generator as first published; the number of steps must be a multiple of ``period``."""

    def __init__(self, config: AutoVcConfig = PUBLISHED_AUTOVC) -> None:
        super().__init__()
        self.config = config
        self.encoder = _Encoder(config, _batch_norm)
        self.decoder = _Decoder(config)
        self.postnet = _Postnet(config, _batch_norm)

    def forward(
        self, mel: Float[Tensor, "b t m"], source: Float[Tensor, "b e"], target: Float[Tensor, "b e"]
    ) -> Conversion:
        """Say what ``mel`` says, spoken by ``source``, with the voice ``target``."""
        codes = self.encoder(mel, source)
        heard = torch.cat([_upsampled(codes, self.config.period), _over_time(target, mel)], dim=-1)
        spectrum = self.decoder(heard)
        refined = spectrum + self.postnet(spectrum)
        return Conversion(spectrum, refined, codes.flatten(1))

    def code(self, mel: Float[Tensor, "b t m"], source: Float[Tensor, "b e"]) -> Float[Tensor, "b n"]:
        """Give the codes alone."""
        return self.encoder(mel, source).flatten(1)


class MakeItTalkVc(nn.Module):
    """MakeItTalk's generator: group norms, one recurrence in the decoder, and pitch beside the speaker.

    Deviation:
        The published call takes the source's pitch as well, which nothing reads; here it is left out.
    """

    def __init__(self, config: AutoVcConfig = PUBLISHED_MAKEITTALK) -> None:
        super().__init__()
        self.config = config
        self.encoder = _Encoder(config, _group_norm)
        self.decoder = _LightDecoder(config)
        self.postnet = _Postnet(config, _group_norm)

    def forward(
        self,
        mel: Float[Tensor, "b t m"],
        source: Float[Tensor, "b e"],
        target: Float[Tensor, "b e"],
        pitch: Float[Tensor, "b t p"],
    ) -> Conversion:
        """Say what ``mel`` says, spoken by ``source``, with the voice ``target`` on the melody ``pitch``."""
        codes = self.encoder(mel, source)
        heard = [_upsampled(codes, self.config.period), _over_time(target, mel), pitch]
        spectrum = self.decoder(torch.cat(heard, dim=-1))
        refined = spectrum + self.postnet(spectrum)
        return Conversion(spectrum, refined, codes.flatten(1))

    def code(self, mel: Float[Tensor, "b t m"], source: Float[Tensor, "b e"]) -> Float[Tensor, "b n"]:
        """Give the codes alone."""
        return self.encoder(mel, source).flatten(1)


def autovc_network(config: AutoVcConfig) -> AutoVc | MakeItTalkVc:
    """Give the network of a configuration."""
    return MakeItTalkVc(config) if config.flavour == "makeittalk" else AutoVc(config)


class _Encoder(nn.Module):
    def __init__(self, config: AutoVcConfig, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.period = config.period
        widths = [config.mels + config.speaker, config.hidden, config.hidden, config.hidden]
        self.convolutions = nn.ModuleList(
            nn.Sequential(_Convolution(before, after, "relu"), norm(after))
            for before, after in pairwise(widths)
        )
        self.lstm = nn.LSTM(config.hidden, config.neck, 2, batch_first=True, bidirectional=True)

    def forward(
        self, mel: Float[Tensor, "b t m"], source: Float[Tensor, "b e"]
    ) -> Float[Tensor, "b codes width"]:
        heard = torch.cat([mel, _over_time(source, mel)], dim=-1).transpose(1, 2)
        for convolution in self.convolutions:
            heard = torch.relu(convolution(heard))
        states, _ = self.lstm(heard.transpose(1, 2))
        forward, backward = states.chunk(2, dim=-1)
        # Each direction is read where it has heard the whole period.
        return torch.cat([forward[:, self.period - 1 :: self.period], backward[:, :: self.period]], dim=-1)


class _Decoder(nn.Module):
    def __init__(self, config: AutoVcConfig) -> None:
        super().__init__()
        self.lstm1 = nn.LSTM(2 * config.neck + config.speaker, config.hidden, 1, batch_first=True)
        self.convolutions = nn.ModuleList(
            nn.Sequential(_Convolution(config.hidden, config.hidden, "relu"), _batch_norm(config.hidden))
            for _ in range(3)
        )
        self.lstm2 = nn.LSTM(config.hidden, 2 * config.hidden, 2, batch_first=True)
        self.linear_projection = _Linear(2 * config.hidden, config.mels)

    def forward(self, heard: Float[Tensor, "b t _"]) -> Float[Tensor, "b t m"]:
        states, _ = self.lstm1(heard)
        states = states.transpose(1, 2)
        for convolution in self.convolutions:
            states = torch.relu(convolution(states))
        states, _ = self.lstm2(states.transpose(1, 2))
        return self.linear_projection(states)


class _LightDecoder(nn.Module):
    def __init__(self, config: AutoVcConfig) -> None:
        super().__init__()
        heard = 2 * config.neck + config.speaker + PITCH_CLASSES
        self.lstm = nn.LSTM(heard, config.hidden, 3, batch_first=True)
        self.linear_projection = _Linear(config.hidden, config.mels)

    def forward(self, heard: Float[Tensor, "b t _"]) -> Float[Tensor, "b t m"]:
        states, _ = self.lstm(heard)
        return self.linear_projection(states)


class _Postnet(nn.Module):
    def __init__(self, config: AutoVcConfig, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        widths = [config.mels, *[config.hidden] * 4, config.mels]
        curves: list[Literal["tanh", "linear"]] = ["tanh", "tanh", "tanh", "tanh", "linear"]
        self.convolutions = nn.ModuleList(
            nn.Sequential(_Convolution(before, after, curve), norm(after))
            for before, after, curve in zip(widths[:-1], widths[1:], curves, strict=True)
        )

    def forward(self, spectrum: Float[Tensor, "b t m"]) -> Float[Tensor, "b t m"]:
        residual = spectrum.transpose(1, 2)
        for convolution in self.convolutions[:-1]:
            residual = torch.tanh(convolution(residual))
        return self.convolutions[-1](residual).transpose(1, 2)


class _Convolution(nn.Module):
    """Five steps wide, the length kept; a module of its own because its parameters carry its name."""

    def __init__(self, before: int, after: int, curve: Literal["relu", "tanh", "linear"]) -> None:
        super().__init__()
        self.conv = nn.Conv1d(before, after, 5, padding=2)
        nn.init.xavier_uniform_(self.conv.weight, gain=nn.init.calculate_gain(curve))

    def forward(self, x: Float[Tensor, "b before t"]) -> Float[Tensor, "b after t"]:
        return self.conv(x)


class _Linear(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(before, after)
        nn.init.xavier_uniform_(self.linear_layer.weight)

    def forward(self, x: Float[Tensor, "b t before"]) -> Float[Tensor, "b t after"]:
        return self.linear_layer(x)


def _batch_norm(width: int) -> nn.Module:
    return nn.BatchNorm1d(width)


def _group_norm(width: int) -> nn.Module:
    """Groups of 16 channels, as published; one group where they do not come out even."""
    return nn.GroupNorm(width // 16 if width % 16 == 0 else 1, width)


def _upsampled(codes: Float[Tensor, "b codes width"], period: int) -> Float[Tensor, "b t width"]:
    return codes.repeat_interleave(period, dim=1)


def _over_time(speaker: Float[Tensor, "b e"], mel: Float[Tensor, "b t m"]) -> Float[Tensor, "b t e"]:
    return speaker[:, None, :].expand(-1, mel.shape[1], -1)
