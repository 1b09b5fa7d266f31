"""The Q-Former: a few learned questions that listen to any length of sound.

Learned queries talk to one another (self-attention), ask the sound (cross-attention) and think
(feed-forward), layer by layer; what comes out is as many vectors as there are queries, however
long the sound was. The blocks are those of BERT, the norm after each shortcut, and parameters
bear the names of the published checkpoints, so that those and plain BERT can be read in.

Shape letters: b clips, q queries, t steps of sound, d width, m width of the sound.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import nn
from torch.nn import functional

from visemic.core.errors import ArtifactError, InputError


@dataclass(frozen=True)
class QFormerConfig:
    """Sizes of a Q-Former; the defaults are the small one that ships."""

    n_queries: int = 32
    width: int = 128
    n_layers: int = 3
    n_heads: int = 4
    inner: int = 512
    """Width of the feed-forward part."""
    cross_every: int = 1
    """Every so many-th layer asks the sound, from the first on."""
    dropout: float = 0.1
    norm_eps: float = 1e-12

    def __post_init__(self) -> None:
        if self.width % self.n_heads:
            raise InputError(f"{self.n_heads} heads cannot share a width of {self.width}; give a multiple")
        for name in ("n_queries", "n_layers", "n_heads", "inner", "cross_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} of the Q-Former is {getattr(self, name)}; give at least 1")


PUBLISHED = QFormerConfig(width=768, n_layers=12, n_heads=12, inner=3072, cross_every=2)
"""BERT-base, with cross-attention in every second layer."""


class Attention(nn.Module):
    """Heads that compare and gather; without their output map."""

    def __init__(self, config: QFormerConfig, memory_width: int) -> None:
        super().__init__()
        self.n_heads, self.dropout = config.n_heads, config.dropout
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(memory_width, config.width)
        self.value = nn.Linear(memory_width, config.width)

    def forward(
        self,
        x: Float[torch.Tensor, "b q d"],
        memory: Float[torch.Tensor, "b t m"],
        may_attend: Bool[torch.Tensor, "b 1 1 t"] | None,
    ) -> Float[torch.Tensor, "b q d"]:
        """Give for each row what its heads gathered from the memory."""
        query, key, value = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for part in (self.query(x), self.key(memory), self.value(memory))
        )
        dropped = self.dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(query, key, value, may_attend, dropped)
        return found.transpose(1, 2).flatten(2)


class Added(nn.Module):
    """A map, then the shortcut and its norm."""

    def __init__(self, config: QFormerConfig, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, inner: Float[torch.Tensor, "b q i"], shortcut: Float[torch.Tensor, "b q d"]
    ) -> Float[torch.Tensor, "b q d"]:
        """Give the norm of the sum."""
        normed: torch.Tensor = self.LayerNorm(self.dropout(self.dense(inner)) + shortcut)
        return normed


class AttentionBlock(nn.Module):
    """Attention around a shortcut."""

    def __init__(self, config: QFormerConfig, memory_width: int) -> None:
        super().__init__()
        self.attention = Attention(config, memory_width)
        self.output = Added(config, config.width)

    def forward(
        self,
        x: Float[torch.Tensor, "b q d"],
        memory: Float[torch.Tensor, "b t m"],
        may_attend: Bool[torch.Tensor, "b 1 1 t"] | None,
    ) -> Float[torch.Tensor, "b q d"]:
        """Give the rows with what they gathered."""
        added: torch.Tensor = self.output(self.attention(x, memory, may_attend), x)
        return added


class Widen(nn.Module):
    """The wide half of the feed-forward part."""

    def __init__(self, config: QFormerConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, config.inner)

    def forward(self, x: Float[torch.Tensor, "b q d"]) -> Float[torch.Tensor, "b q i"]:
        """Give the inner rows."""
        return functional.gelu(self.dense(x))


class QFormerLayer(nn.Module):
    """Self-attention, where it is its turn cross-attention, feed-forward."""

    def __init__(self, config: QFormerConfig, memory_width: int, *, asks: bool) -> None:
        super().__init__()
        self.attention = AttentionBlock(config, config.width)
        self.crossattention = AttentionBlock(config, memory_width) if asks else None
        self.intermediate_query = Widen(config)
        self.output_query = Added(config, config.inner)

    def forward(
        self,
        x: Float[torch.Tensor, "b q d"],
        memory: Float[torch.Tensor, "b t m"],
        may_attend: Bool[torch.Tensor, "b 1 1 t"],
    ) -> Float[torch.Tensor, "b q d"]:
        """Give the queries a layer later."""
        x = self.attention(x, x, None)
        if self.crossattention is not None:
            x = self.crossattention(x, memory, may_attend)
        thought: torch.Tensor = self.output_query(self.intermediate_query(x), x)
        return thought


class _Layers(nn.Module):
    def __init__(self, config: QFormerConfig, memory_width: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            QFormerLayer(config, memory_width, asks=number % config.cross_every == 0)
            for number in range(config.n_layers)
        )


class QFormer(nn.Module):
    """Sound of any length in, as many vectors as queries out.

    Source:
        Li et al. 2023, "BLIP-2" (ICML), §3.1, the querying transformer; Xu et al. 2024,
        "SECap" (AAAI), which lets it listen to HuBERT.

    Deviation:
        Only the branch of the queries exists: no words, no positions, no language model head,
        as SECap takes them out.
    """

    def __init__(self, config: QFormerConfig, memory_width: int) -> None:
        super().__init__()
        self.config = config
        self.query_tokens = nn.Parameter(torch.empty(1, config.n_queries, config.width).normal_(std=0.02))
        self.layernorm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = _Layers(config, memory_width)

    def forward(
        self, memory: Float[torch.Tensor, "b t m"], valid: Bool[torch.Tensor, "b t"]
    ) -> Float[torch.Tensor, "b q d"]:
        """Give what each query found.

        Args:
            memory: The sound.
            valid: True where it is real; at least one step of every clip.
        """
        x = self.dropout(self.layernorm(self.query_tokens.expand(len(memory), -1, -1)))
        may_attend = valid[:, None, None]
        for layer in self.encoder.layer:
            x = layer(x, memory, may_attend)
        return x


_NAME_IN_BERT = {
    "attention.attention.": "attention.self.",
    "attention.output.": "attention.output.",
    "intermediate_query.": "intermediate.",
    "output_query.": "output.",
}


@torch.no_grad()
def start_from_bert(network: QFormer, bert: Mapping[str, torch.Tensor]) -> int:
    """Take self-attention and feed-forward of a BERT of the same size; cross-attention stays fresh.

    Args:
        network: Is filled.
        bert: Parameters by their published names, with ``encoder.layer.0`` first; a leading
            ``bert.`` is allowed, everything else is left alone.

    Returns:
        How many tensors were taken.

    Raises:
        ArtifactError: A parameter is missing or of another shape.
    """
    given = {name.removeprefix("bert."): tensor for name, tensor in bert.items()}
    taken = 0
    for number, layer in enumerate(network.encoder.layer):
        for name, parameter in layer.named_parameters():
            ours = next((part for part in _NAME_IN_BERT if name.startswith(part)), None)
            if ours is None:
                continue
            source = f"encoder.layer.{number}.{_NAME_IN_BERT[ours]}{name.removeprefix(ours)}"
            if source not in given or given[source].shape != parameter.shape:
                found = tuple(given[source].shape) if source in given else "missing"
                raise ArtifactError(
                    f"parameter {source!r} of BERT is {found} and {tuple(parameter.shape)} is wanted; "
                    "give a BERT of the width and the layers of the Q-Former"
                )
            parameter.copy_(given[source])
            taken += 1
    return taken
