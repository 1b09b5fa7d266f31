"""Layers that the networks of speaking style share.

Shape letters: b clips, t tokens, c channels.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


class AttentionBlock(nn.Module):
    """Attention over all tokens, then a small network over channels, each around a shortcut.

    Source:
        Vaswani et al. 2017, "Attention is all you need"; Xiong et al. 2020, "On layer
        normalization in the transformer architecture": the norm comes first.
    """

    def __init__(self, width: int, heads: int, head_width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = head_width
        self.norm_in = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * heads * head_width, bias=False)
        self.leave = nn.Linear(heads * head_width, width, bias=False)
        self.norm_hidden = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b t c"], valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b t c"]:
        """Mix tokens; those that are not valid are not heard by the others."""
        n, t, _ = x.shape
        asked = self.ask(self.norm_in(x)).view(n, t, 3, self.heads, self.head_width)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) * self.head_width**-0.5
        scores = scores.masked_fill(~valid[:, None, None, :], -1e4)
        heard = (scores.softmax(-1) @ value).transpose(1, 2).reshape(n, t, self.heads * self.head_width)
        x = x + self.dropout(self.leave(heard))
        inner = self.narrow(functional.gelu(self.widen(self.norm_hidden(x))))
        return x + self.dropout(inner)


class ResidualBlock(nn.Module):
    """Linear, norm, GELU and dropout around a shortcut."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout)
        )

    def forward(self, x: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
        """Give the changed vectors."""
        return x + self.layers(x)


def mean_of_valid(x: Float[Tensor, "b t c"], valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b c"]:
    """Give the mean over the valid tokens of each row; 0 where there is none."""
    weight = valid[..., None].to(x.dtype)
    return (x * weight).sum(1) / weight.sum(1).clamp(min=1.0)


def soft_clip_loss(
    asked: Float[Tensor, "b c"], style: Float[Tensor, "b c"], temperature: float
) -> Float[Tensor, ""]:
    """Give SoftCLIP: who resembles whom among the styles is what the instructions should say too.

    Both ways round, the labels are those of style against style, softened by the temperature.

    Args:
        asked: What instructions became; any length.
        style: Styles of the same rows.
        temperature: 0.004 to 0.0075 in the paper's code.

    Source:
        Scotti et al. 2023, "Reconstructing the mind's eye", equation 3, which AVI-Talking takes.
    """
    p, s = functional.normalize(asked, dim=-1), functional.normalize(style, dim=-1)
    labels = (s @ s.T / temperature).softmax(-1)
    forth, back = p @ s.T / temperature, s @ p.T / temperature
    ways = [-(labels * logits.log_softmax(-1)).sum(-1).mean() for logits in (forth, back)]
    return (ways[0] + ways[1]) / 2


def nt_xent_loss(
    one: Float[Tensor, "b c"],
    other: Float[Tensor, "b c"],
    alike: Bool[Tensor, "b b"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Give NT-Xent over two views of each row: its own other view against all that are not alike.

    Args:
        one: First view of each row, of length 1.
        other: Second view of the same rows.
        alike: Rows of one class, which are not pushed apart.
        temperature: 0.1 in DiffPoseTalk.

    Source:
        Chen et al. 2020, "A simple framework for contrastive learning", equation 1.
    """
    n = len(one)
    both = torch.cat([one, other])
    logits = both @ both.T / temperature
    number = torch.arange(n, device=one.device)
    truth = torch.cat([number + n, number])
    hidden = alike.repeat(2, 2)
    hidden = hidden & (torch.arange(2 * n, device=one.device)[None, :] != truth[:, None])
    return functional.cross_entropy(logits.masked_fill(hidden, -1e4), truth)
