"""Style encoder: how somebody moves, whatever is said, as one vector of length 1.

A transformer over windows of motion. It is trained to bring windows of one speaker in one
emotion and intensity together, so what a sentence says falls away and manner stays.

Shape letters: b clips, f frames, m motion channels, t tokens, s style.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.errors import InputError
from visemic.models.style_layers import AttentionBlock, mean_of_valid


@dataclass(frozen=True)
class StyleEncoderConfig:
    """Sizes; the defaults are those of the rebuild after DiffPoseTalk."""

    n_channels: int = 61
    window: int = 100
    """Frames that are looked at together, at 30 a second."""
    patch: int = 1
    """Neighbouring frames that make one token."""
    width: int = 128
    depth: int = 4
    heads: int = 4
    style: int = 128
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.window % self.patch:
            raise InputError(f"windows of {self.window} frames have no whole patches of {self.patch}")
        if self.width % self.heads:
            raise InputError(f"a width of {self.width} cannot be shared by {self.heads} heads")

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.window // self.patch


class StyleEncoder(nn.Module):
    """Windows of motion in, style vectors of length 1 out.

    Source:
        Sun et al. 2024, "DiffPoseTalk", the style encoder: four layers over windows of motion,
        contrastive.

    Deviation:
        ARKit channels instead of FLAME; frames may be joined to patches, which is four times as
        fast and loses little, since manner is slow; learned positions; the mean face can be read out of
        a style, which keeps apart what contrast alone would draw together.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, config: StyleEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.n_channels))
        self.register_buffer("spread", torch.ones(config.n_channels))
        self.enter = nn.Linear(config.patch * config.n_channels, config.width)
        self.position = nn.Parameter(torch.randn(config.tokens, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            AttentionBlock(
                config.width, config.heads, config.width // config.heads, 4 * config.width, config.dropout
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, config.style)
        self.pose = nn.Linear(config.style, config.n_channels)

    def mean_pose(self, style: Float[Tensor, "b s"]) -> Float[Tensor, "b m"]:
        """Read the mean face of a window out of its style, in the channels' spreads about their means."""
        return self.pose(style)

    def forward(self, motion: Float[Tensor, "b f m"], valid: Bool[Tensor, "b f"]) -> Float[Tensor, "b s"]:
        """Give the style of whole windows; frames that are not valid do not count.

        Args:
            motion: Weights and radians, ``window`` frames.
            valid: Where there is motion.
        """
        patch = self.config.patch
        n, f, m = motion.shape
        x = (motion - self.mean) / self.spread * valid[..., None].to(motion.dtype)
        x = self.enter(x.reshape(n, f // patch, patch * m)) + self.position
        heard = valid.view(n, f // patch, patch).any(-1)
        for block in self.blocks:
            x = block(x, heard)
        pooled = mean_of_valid(self.norm(x), heard)
        return functional.normalize(self.leave(pooled), dim=-1)
