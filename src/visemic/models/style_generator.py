"""Generator: what is said and the style it is said in, to a whole face.

Convolutions over time that hear both ways, with the style entering every block as a scale, a
shift and a gate. A style may change from frame to frame.

Shape letters: b clips, f frames, g frames of style, d content, s style, c channels, m motion channels.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class StyleGeneratorConfig:
    """Sizes."""

    n_content: int = 299
    """Phones, embedding of the phonetic encoder and prosody."""
    style: int = 128
    n_channels: int = 61
    channels: int = 160
    expansion: int = 2
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2)
    dropout: float = 0.1

    @property
    def reach_frames(self) -> int:
        """Frames on either side that a frame depends on."""
        return sum(self.dilations) * (self.kernel // 2)


class StyledBlock(nn.Module):
    """Depthwise convolution in time, then a small network over channels, steered by the style.

    Source:
        Perez et al. 2018, "FiLM"; Peebles & Xie 2023, "Scalable diffusion models with transformers":
        the gate that begins at zero.
    """

    def __init__(self, config: StyleGeneratorConfig, dilation: int) -> None:
        super().__init__()
        width = config.channels
        self.depthwise = nn.Conv1d(
            width,
            width,
            config.kernel,
            dilation=dilation,
            padding=dilation * (config.kernel // 2),
            groups=width,
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.steer = nn.Linear(config.style, 3 * width)
        self.widen = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.zeros_(self.steer.weight)
        with torch.no_grad():  # all content passes at first, in any style
            self.steer.bias.copy_(torch.cat([torch.zeros(2 * width), torch.ones(width)]))

    def forward(self, x: Float[Tensor, "b f c"], style: Float[Tensor, "b g s"]) -> Float[Tensor, "b f c"]:
        """Give the changed frames; the style has as many, or one for all."""
        scale, shift, gate = self.steer(style).chunk(3, dim=-1)
        mixed = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        steered = self.norm(mixed) * (1 + scale) + shift
        return x + gate * self.dropout(self.narrow(functional.gelu(self.widen(steered))))


class StyleGenerator(nn.Module):
    """Content and styles in; weights and radians out.

    Source:
        None: our own. The place in the whole is that of EMOTE (Daněček et al. 2023) in AVI-Talking;
        the network is the small convolutional one that Korzun et al. 2022 argue for.
    """

    mean: Tensor
    spread: Tensor
    style_scale: Tensor

    def __init__(self, config: StyleGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.n_channels))
        self.register_buffer("spread", torch.ones(config.n_channels))
        self.register_buffer("style_scale", torch.tensor(float(config.style) ** 0.5))
        self.enter = nn.Linear(config.n_content, config.channels)
        self.blocks = nn.ModuleList(StyledBlock(config, d) for d in config.dilations)
        self.norm = nn.LayerNorm(config.channels)
        self.pose = nn.Linear(config.style, config.channels)
        self.leave = nn.Linear(config.channels, config.n_channels)

    def forward(
        self, content: Float[Tensor, "b f d"], style: Float[Tensor, "b g s"]
    ) -> Float[Tensor, "b f m"]:
        """Give the motion of every frame, not limited to 0 to 1.

        Args:
            content: What is said, 30 times a second.
            style: Of length 1, for every frame or one for all.
        """
        scaled = style * self.style_scale
        x = functional.gelu(self.enter(content))
        for block in self.blocks:
            x = block(x, scaled)
        return self.leave(self.norm(x) + self.pose(scaled)) * self.spread + self.mean
