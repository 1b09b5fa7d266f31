"""Diffusion prior: an instruction's embedding and noise to a style that somebody could have.

Three tokens: the instruction, the time, the noisy style. The network gives the clean style.
Styles run through it with a length of ``sqrt(128)``, so that each number has a spread of 1.

Shape letters: b styles, s style.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from visemic.models.style_layers import AttentionBlock


@dataclass(frozen=True)
class StylePriorConfig:
    """Sizes; the defaults are the published ones."""

    style: int = 128
    depth: int = 6
    heads: int = 8
    head_width: int = 64
    n_steps: int = 100
    """Steps of noise."""
    dropout: float = 0.0

    @property
    def scale(self) -> float:
        """Length that styles have inside."""
        return float(self.style) ** 0.5


class StylePrior(nn.Module):
    """Noisy styles in, clean ones out.

    Source:
        Ramesh et al. 2022, "Hierarchical text-conditional image generation with CLIP latents",
        section 2.2, in the form that Sun et al. 2024, "AVI-Talking", use.
    """

    def __init__(self, config: StylePriorConfig) -> None:
        super().__init__()
        self.config = config
        self.time = nn.Embedding(config.n_steps, config.style)
        self.unheard = nn.Parameter(torch.randn(config.style))
        self.position = nn.Parameter(torch.randn(3, config.style) * 0.02)
        self.blocks = nn.ModuleList(
            AttentionBlock(config.style, config.heads, config.head_width, 4 * config.style, config.dropout)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.style)
        self.leave = nn.Linear(config.style, config.style, bias=False)

    def forward(
        self,
        noisy: Float[Tensor, "b s"],
        step: Int64[Tensor, " b"],
        instruction: Float[Tensor, "b s"],
        heard: Bool[Tensor, " b"],
    ) -> Float[Tensor, "b s"]:
        """Give the clean styles.

        Args:
            noisy: Styles with noise, on the scale of ``config.scale``.
            step: How much noise, 0 to ``n_steps`` - 1.
            instruction: Condition, as ``StyleText`` gives it.
            heard: Where the instruction counts; elsewhere a learned vector stands for none.
        """
        text = torch.where(heard[:, None], instruction, self.unheard)
        x = torch.stack([text, self.time(step), noisy], dim=1) + self.position
        everywhere = torch.ones_like(x[..., 0], dtype=torch.bool)
        for block in self.blocks:
            x = block(x, everywhere)
        return self.leave(self.norm(x[:, 2]))
