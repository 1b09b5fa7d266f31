"""Critics of a vocoder: is this sound a recording? Asked of every period and every resolution.

Each critic gives a score for every place and what its layers saw, which the generator learns
to match. Names of the multi-period critic's parameters are the published ones.

Shape letters: b clips, s samples, o scores.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.errors import InputError
from visemic.models.vocoder import SLOPE, normed_layer

Seen = list[Tensor]
"""What the layers of one critic gave, first to last."""
_GROWTH = (1, 4, 16, 32, 32)
"""Widths of the layers of a period's critic over the first."""


@dataclass(frozen=True)
class VocoderCriticConfig:
    """Sizes of the critics."""

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """Samples that stand side by side, one critic each."""
    period_channels: int = 32
    """Width of the first layer of a period's critic; the published one has 32."""
    resolutions: tuple[tuple[int, int], ...] = ((1024, 256), (512, 128), (256, 64))
    """Window and hop of each spectrum in samples, one critic each."""
    resolution_channels: int = 32

    def __post_init__(self) -> None:
        if self.period_channels < 1 or self.resolution_channels < 1 or not (self.periods or self.resolutions):
            raise InputError("a critic without layers cannot judge; give channels of 1 or more and a period")


class VocoderCritic(nn.Module):
    """All critics."""

    def __init__(self, config: VocoderCriticConfig) -> None:
        super().__init__()
        self.periods = MultiPeriodCritic(config.periods, config.period_channels)
        self.resolutions = MultiResolutionCritic(config.resolutions, config.resolution_channels)

    def forward(self, sound: Float[Tensor, "b s"]) -> tuple[list[Float[Tensor, "b _"]], list[Seen]]:
        """Give the scores of every critic, near 1 for recordings, and what its layers saw."""
        by_period, seen_by_period = self.periods(sound)
        by_resolution, seen_by_resolution = self.resolutions(sound)
        return [*by_period, *by_resolution], [*seen_by_period, *seen_by_resolution]


class MultiPeriodCritic(nn.Module):
    """One critic for each period.

    Source:
        Kong et al. 2020, "HiFi-GAN", section 2.3, the multi-period discriminator.
    """

    def __init__(self, periods: tuple[int, ...] = (2, 3, 5, 7, 11), channels: int = 32) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(PeriodCritic(period, channels) for period in periods)

    def forward(self, sound: Float[Tensor, "b s"]) -> tuple[list[Float[Tensor, "b _"]], list[Seen]]:
        """Give scores and what was seen, period by period."""
        judged = [critic(sound) for critic in self.discriminators]
        return [scores for scores, _ in judged], [seen for _, seen in judged]


class PeriodCritic(nn.Module):
    """Sound folded into a picture as wide as the period; convolutions run along its columns."""

    def __init__(self, period: int, channels: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, *(channels * growth for growth in _GROWTH)]
        strides = (3, 3, 3, 3, 1)
        self.convs = nn.ModuleList(
            normed_layer(nn.Conv2d(before, after, (5, 1), (stride, 1), padding=(2, 0)))
            for before, after, stride in zip(widths[:-1], widths[1:], strides, strict=True)
        )
        self.conv_post = normed_layer(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, sound: Float[Tensor, "b s"]) -> tuple[Float[Tensor, "b _"], Seen]:
        """Give scores and what was seen; an odd end is mirrored."""
        missing = -sound.shape[-1] % self.period
        x = functional.pad(sound[:, None], (0, missing), mode="reflect").unflatten(-1, (-1, self.period))
        seen = []
        for layer in self.convs:
            x = functional.leaky_relu(layer(x), SLOPE)
            seen.append(x)
        x = self.conv_post(x)
        return x.flatten(1), [*seen, x]


class MultiResolutionCritic(nn.Module):
    """One critic for each spectrum.

    Source:
        Jang et al. 2021, "UnivNet: a neural vocoder with multi-resolution spectrogram
        discriminators", section 2.3.

    Deviation:
        Critics see logarithms of magnitudes: on a linear scale quiet sounds hardly count.
    """

    def __init__(self, resolutions: tuple[tuple[int, int], ...], channels: int) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(
            ResolutionCritic(window, hop, channels) for window, hop in resolutions
        )

    def forward(self, sound: Float[Tensor, "b s"]) -> tuple[list[Float[Tensor, "b _"]], list[Seen]]:
        """Give scores and what was seen, resolution by resolution."""
        judged = [critic(sound) for critic in self.discriminators]
        return [scores for scores, _ in judged], [seen for _, seen in judged]


class ResolutionCritic(nn.Module):
    """Convolutions over a log spectrum, halving its frequencies."""

    def __init__(self, window: int, hop: int, channels: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.convs = nn.ModuleList(
            normed_layer(nn.Conv2d(before, channels, (3, 9), (1, stride), padding=(1, 4)))
            for before, stride in ((1, 1), (channels, 2), (channels, 2), (channels, 2))
        )
        self.convs.append(normed_layer(nn.Conv2d(channels, channels, (3, 3), padding=(1, 1))))
        self.conv_post = normed_layer(nn.Conv2d(channels, 1, (3, 3), padding=(1, 1)))

    def forward(self, sound: Float[Tensor, "b s"]) -> tuple[Float[Tensor, "b _"], Seen]:
        """Give scores and what was seen."""
        x = torch.log(magnitudes(sound, self.window, self.hop) + 1e-3)[:, None]
        seen = []
        for layer in self.convs:
            x = functional.leaky_relu(layer(x), SLOPE)
            seen.append(x)
        x = self.conv_post(x)
        return x.flatten(1), [*seen, x]


def magnitudes(sound: Float[Tensor, "b s"], window: int, hop: int) -> Float[Tensor, "b _ _"]:
    """Give magnitudes under a Hann window, frames by bins, of whole windows only."""
    hann = torch.hann_window(window, dtype=sound.dtype, device=sound.device)
    spectrum = torch.stft(sound, window, hop_length=hop, window=hann, center=False, return_complex=True)
    # The small number keeps the gradient of silence finite.
    return (spectrum.real**2 + spectrum.imag**2 + 1e-12).sqrt().transpose(1, 2)
