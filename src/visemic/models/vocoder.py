"""HiFi-GAN's generator: log-mel to sound by convolutions that grow in time.

Parameter names and shapes are the published ones, with weight normalisation (``weight_g`` and
``weight_v``) as it is trained, or folded into ``weight`` as it is run; checkpoints of either
kind load into either network. Layers pad with zeros, so the ends of a sound are heard as such;
``context_frames`` says how far a sample sees, which is what streaming in pieces needs.

Shape letters: b clips, m mels, t frames, s samples, c channels.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.errors import ArtifactError, InputError
from visemic.models.checkpoint import load_parameters, read_parameters

SLOPE = 0.1
_LAST_SLOPE = 0.01
"""The published code leaves the last activation at PyTorch's default."""
_ENDS = 7
"""Kernel of the first and of the last convolution."""

Layer = nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d
LayerMaker = Callable[[Layer], nn.Module]


@dataclass(frozen=True)
class HifiGanConfig:
    """Sizes of the generator; names are those of the published configuration files."""

    resblock: str = "1"
    """``1``: pairs of convolutions; ``2``: single ones."""
    upsample_rates: tuple[int, ...] = (5, 5, 4, 2)
    """Their product is the samples of a frame."""
    upsample_kernel_sizes: tuple[int, ...] = (9, 9, 8, 4)
    upsample_initial_channel: int = 512
    """Halved at every upsampling."""
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    num_mels: int = 80

    def __post_init__(self) -> None:
        if self.resblock not in ("1", "2"):
            raise InputError(f"resblock is {self.resblock!r}; choose '1' or '2'")
        pairs = list(zip(self.upsample_rates, self.upsample_kernel_sizes, strict=False))
        even = all(k >= u and (k - u) % 2 == 0 for u, k in pairs)
        if not pairs or len(self.upsample_rates) != len(self.upsample_kernel_sizes) or not even:
            raise InputError(
                f"upsample_kernel_sizes {self.upsample_kernel_sizes} do not go with upsample_rates "
                f"{self.upsample_rates}; give one kernel a rate, larger than it by an even number"
            )
        if len(self.resblock_kernel_sizes) != len(self.resblock_dilation_sizes):
            raise InputError(
                f"there are {len(self.resblock_kernel_sizes)} resblock_kernel_sizes and "
                f"{len(self.resblock_dilation_sizes)} resblock_dilation_sizes; give one each"
            )
        if self.upsample_initial_channel % 2 ** len(self.upsample_rates):
            raise InputError(
                f"upsample_initial_channel is {self.upsample_initial_channel}; give a multiple of "
                f"{2 ** len(self.upsample_rates)}, as it is halved {len(self.upsample_rates)} times"
            )

    @property
    def samples_per_frame(self) -> int:
        """Samples that a frame becomes."""
        return math.prod(self.upsample_rates)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels before the first upsampling and after each."""
        return tuple(self.upsample_initial_channel >> i for i in range(len(self.upsample_rates) + 1))

    @property
    def context_frames(self) -> int:
        """Frames on either side of a frame that its samples depend on, at most."""
        reach, ticks = float(_ENDS // 2), 1
        for rate, kernel in zip(self.upsample_rates, self.upsample_kernel_sizes, strict=True):
            reach += kernel / rate / ticks
            ticks *= rate
            reach += max(self._block_reach(k, d) for k, d in self._kernels()) / ticks
        return math.ceil(reach + _ENDS // 2 / ticks)

    def _kernels(self) -> list[tuple[int, tuple[int, ...]]]:
        return list(zip(self.resblock_kernel_sizes, self.resblock_dilation_sizes, strict=True))

    def _block_reach(self, kernel: int, dilations: tuple[int, ...]) -> int:
        second = len(dilations) if self.resblock == "1" else 0
        return (kernel - 1) // 2 * (sum(dilations) + second)


HIFI_GAN_V1 = HifiGanConfig(upsample_rates=(8, 8, 2, 2), upsample_kernel_sizes=(16, 16, 4, 4))
HIFI_GAN_V2 = HifiGanConfig(
    upsample_rates=(8, 8, 2, 2), upsample_kernel_sizes=(16, 16, 4, 4), upsample_initial_channel=128
)
HIFI_GAN_V3 = HifiGanConfig(
    resblock="2",
    upsample_rates=(8, 8, 4),
    upsample_kernel_sizes=(16, 16, 8),
    upsample_initial_channel=256,
    resblock_kernel_sizes=(3, 5, 7),
    resblock_dilation_sizes=((1, 2), (2, 6), (3, 12)),
)
HIFI_GAN_AVATRON = HifiGanConfig()
"""For ``voice_mel``: 200 samples a frame at 16 kHz."""
PRESETS = {
    "hifi-gan-v1": HIFI_GAN_V1,
    "hifi-gan-v2": HIFI_GAN_V2,
    "hifi-gan-v3": HIFI_GAN_V3,
    "hifi-gan-avatron": HIFI_GAN_AVATRON,
}


class HifiGan(nn.Module):
    """The generator.

    Source:
        Kong et al. 2020, "HiFi-GAN: Generative adversarial networks for efficient and high
        fidelity speech synthesis", section 2.2 and appendix A.
    """

    def __init__(self, config: HifiGanConfig = HIFI_GAN_V1, *, is_folded: bool = False) -> None:
        """Make an untrained generator.

        Args:
            config: Sizes.
            is_folded: Whether layers hold plain ``weight`` instead of weight normalisation.
        """
        super().__init__()
        self.config = config
        normed = _plain if is_folded else normed_layer
        widths = config.widths
        self.conv_pre = normed(nn.Conv1d(config.num_mels, widths[0], _ENDS, padding=_ENDS // 2))
        self.ups = nn.ModuleList(
            normed(nn.ConvTranspose1d(before, after, kernel, rate, padding=(kernel - rate) // 2))
            for (before, after), rate, kernel in zip(
                pairwise(widths), config.upsample_rates, config.upsample_kernel_sizes, strict=True
            )
        )
        block = _PairBlock if config.resblock == "1" else _SingleBlock
        self.resblocks = nn.ModuleList(
            block(width, kernel, dilations, normed)
            for width in widths[1:]
            for kernel, dilations in zip(
                config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True
            )
        )
        self.conv_post = normed(nn.Conv1d(widths[-1], 1, _ENDS, padding=_ENDS // 2))

    def forward(self, mel: Float[Tensor, "b m t"]) -> Float[Tensor, "b 1 s"]:
        """Give ``samples_per_frame`` samples a frame, -1 to 1."""
        n_kernels = len(self.config.resblock_kernel_sizes)
        x = self.conv_pre(mel)
        for number, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, SLOPE))
            blocks = self.resblocks[number * n_kernels : (number + 1) * n_kernels]
            total = blocks[0](x)
            for block in blocks[1:]:
                total = total + block(x)
            x = total / n_kernels
        return torch.tanh(self.conv_post(functional.leaky_relu(x, _LAST_SLOPE)))


class _PairBlock(nn.Module):
    """Shortcuts around pairs: a convolution with holes, one without."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...], normed: LayerMaker) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(normed(_same(width, kernel, dilation)) for dilation in dilations)
        self.convs2 = nn.ModuleList(normed(_same(width, kernel, 1)) for _ in dilations)

    def forward(self, x: Float[Tensor, "b c s"]) -> Float[Tensor, "b c s"]:
        for first, second in zip(self.convs1, self.convs2, strict=True):
            inner = first(functional.leaky_relu(x, SLOPE))
            x = x + second(functional.leaky_relu(inner, SLOPE))
        return x


class _SingleBlock(nn.Module):
    """Shortcuts around single convolutions with holes."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...], normed: LayerMaker) -> None:
        super().__init__()
        self.convs = nn.ModuleList(normed(_same(width, kernel, dilation)) for dilation in dilations)

    def forward(self, x: Float[Tensor, "b c s"]) -> Float[Tensor, "b c s"]:
        for convolution in self.convs:
            x = x + convolution(functional.leaky_relu(x, SLOPE))
        return x


def _same(width: int, kernel: int, dilation: int) -> nn.Conv1d:
    return nn.Conv1d(width, width, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2)


def generator_parameters(parameters: Mapping[str, Tensor], *, is_folded: bool) -> dict[str, Tensor]:
    """Give a checkpoint's parameters with weight normalisation, or folded, whichever it holds.

    PyTorch's newer names (``parametrizations.weight.original0``) are understood as well.
    """
    found = {}
    for name, value in parameters.items():
        name = name.replace("parametrizations.weight.original0", "weight_g")
        found[name.replace("parametrizations.weight.original1", "weight_v")] = value
    out = {}
    for name, value in found.items():
        stem = name.removesuffix("weight_v").removesuffix("weight_g").removesuffix("weight")
        if is_folded and name.endswith("weight_v") and f"{stem}weight_g" in found:
            out[f"{stem}weight"] = folded(value, found[f"{stem}weight_g"])
        elif is_folded and name.endswith("weight_g") and f"{stem}weight_v" in found:
            continue
        elif not is_folded and name.endswith(".weight"):
            out[f"{stem}weight_v"], out[f"{stem}weight_g"] = value, lengths(value)
        else:
            out[name] = value
    return out


def load_hifi_gan(path: Path, config: HifiGanConfig | None = None, *, is_folded: bool = True) -> HifiGan:
    """Load published parameters, in evaluation mode.

    Args:
        path: A ``.safetensors`` file or a PyTorch checkpoint (``generator`` inside or not).
        config: None finds the published sizes among ``PRESETS`` by the shapes.
        is_folded: False keeps weight normalisation, to train on.

    Raises:
        ArtifactError: The file does not hold a generator of these sizes.
    """
    read = read_parameters(path, keys=("generator", "model", "state_dict"))
    parameters = generator_parameters(read, is_folded=is_folded)
    network = HifiGan(config or _config_of(parameters, str(path)), is_folded=is_folded)
    load_parameters(network, parameters, str(path))
    return network.eval()


def fold(network: HifiGan) -> HifiGan:
    """Give the same generator without weight normalisation, which is faster and gives the same sound."""
    plain = HifiGan(network.config, is_folded=True)
    plain.load_state_dict(generator_parameters(network.state_dict(), is_folded=True))
    return plain.eval()


def _config_of(parameters: Mapping[str, Tensor], source: str) -> HifiGanConfig:
    shapes = {name: p.shape for name, p in generator_parameters(parameters, is_folded=True).items()}
    for config in PRESETS.values():
        with torch.device("meta"):
            own = HifiGan(config, is_folded=True).state_dict()
        if {name: value.shape for name, value in own.items()} == shapes:
            return config
    raise ArtifactError(
        f"checkpoint {source!r} is none of {', '.join(PRESETS)}; give the configuration it was trained with"
    )


def lengths(weight: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Give the length of the vector of each first index, other axes kept as 1."""
    return weight.flatten(1).norm(dim=1).reshape(-1, *[1] * (weight.dim() - 1))


def folded(direction: Float[Tensor, "..."], length: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Give the weight of weight normalisation.

    Source:
        Salimans and Kingma 2016, "Weight normalization", equation 2, one vector a first index.
    """
    return direction * (length / lengths(direction))


class NormedLayer(nn.Module):
    """A convolution whose weight is a length (``weight_g``) and a direction (``weight_v``)."""

    def __init__(self, layer: Layer) -> None:
        """Take over a layer's parameters and manner."""
        super().__init__()
        assert layer.bias is not None
        self.bias = layer.bias
        self.weight_g = nn.Parameter(lengths(layer.weight.detach()))
        self.weight_v = layer.weight
        self._manner = _manner(layer)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Give the convolution."""
        function, words = self._manner
        return function(x, folded(self.weight_v, self.weight_g), self.bias, **words)


def _manner(layer: Layer) -> tuple[Callable[..., Tensor], dict[str, Any]]:
    words: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    if isinstance(layer, nn.ConvTranspose1d):
        return functional.conv_transpose1d, words
    words["groups"] = layer.groups
    return (functional.conv2d if isinstance(layer, nn.Conv2d) else functional.conv1d), words


def normed_layer(layer: Layer) -> nn.Module:
    """Give a layer with weight normalisation."""
    return NormedLayer(layer)


def _plain(layer: Layer) -> nn.Module:
    return layer
