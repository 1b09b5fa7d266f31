"""The small writer: a decoder over a closed vocabulary that reads soft prompts and writes a sentence.

It is fed rows of numbers, not words: the soft prompts that the listener made, then one row for each
word. What it has read stays behind as keys and values, so a further word costs one step. The past
begins with one row of zeros: a head that finds nothing to attend to rests there.

Shape letters: b sentences, t rows, d width, p rows of the past, k heads' keys and values.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import nn
from torch.nn import functional

from visemic.core.errors import InputError
from visemic.models.instruction_words import MAX_TOKENS, WORDS


@dataclass(frozen=True)
class WriterConfig:
    """Sizes of the small writer."""

    n_words: int = len(WORDS)
    width: int = 192
    n_layers: int = 2
    n_heads: int = 6
    inner: int = 768
    n_prompts: int = 32
    """Soft prompts before the first word."""
    n_tokens: int = MAX_TOKENS
    """Longest sentence."""
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.n_heads:
            raise InputError(f"{self.n_heads} heads cannot share a width of {self.width}; give a multiple")


class WriterLayer(nn.Module):
    """Causal attention and feed-forward, the norm before each."""

    def __init__(self, config: WriterConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.dropout = config.dropout
        self.norm_attention = nn.LayerNorm(config.width)
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.gathered = nn.Linear(config.width, config.width)
        self.norm_inner = nn.LayerNorm(config.width)
        self.widen = nn.Linear(config.width, config.inner)
        self.narrow = nn.Linear(config.inner, config.width)

    def forward(
        self,
        x: Float[torch.Tensor, "b t d"],
        past: Float[torch.Tensor, "2 b h p k"],
        bias: Float[torch.Tensor, "t all"],
    ) -> tuple[Float[torch.Tensor, "b t d"], Float[torch.Tensor, "2 b h all k"]]:
        """Give the rows a layer later, and the past with them in it."""
        mapped = self.query_key_value(self.norm_attention(x))
        query, key, value = mapped.unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        kept = torch.cat([past, torch.stack([key, value])], dim=3)
        dropped = self.dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(query, kept[0], kept[1], bias, dropped)
        x = x + functional.dropout(
            self.gathered(found.transpose(1, 2).flatten(2)), self.dropout, self.training
        )
        inner = self.narrow(functional.gelu(self.widen(self.norm_inner(x))))
        return x + functional.dropout(inner, self.dropout, self.training), kept


class Writer(nn.Module):
    """Rows in, likelihoods of the next word out.

    Source:
        Radford et al. 2019, "Language Models are Unsupervised Multitask Learners": the order
        inside a layer; Li & Liang 2021, "Prefix-Tuning" (ACL): prompts that are no words.

    Deviation:
        Words share one table for reading and writing; the past starts with a row of zeros.
    """

    def __init__(self, config: WriterConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.n_words, config.width)
        self.places = nn.Embedding(config.n_prompts + config.n_tokens + 1, config.width)
        self.layers = nn.ModuleList(WriterLayer(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.width)
        for table in (self.words, self.places):
            nn.init.normal_(table.weight, std=0.02)

    def first_past(self, n: int) -> Float[torch.Tensor, "layers 2 b h 1 k"]:
        """Give the past before anything was read: one row of zeros."""
        config = self.config
        shape = (config.n_layers, 2, n, config.n_heads, 1, config.width // config.n_heads)
        return self.words.weight.new_zeros(shape)

    def forward(
        self, rows: Float[torch.Tensor, "b t d"], past: Float[torch.Tensor, "layers 2 b h p k"]
    ) -> tuple[Float[torch.Tensor, "b t n_words"], Float[torch.Tensor, "layers 2 b h all k"]]:
        """Read rows after a past.

        Args:
            rows: Soft prompts or rows of ``words``; their places are added here.
            past: Of what was read before.

        Returns:
            For each row how likely each word comes next, as logits; and the new past.
        """
        n_new, n_past = rows.shape[1], past.shape[4]
        place = torch.arange(n_new, device=rows.device) + (n_past - 1)
        x = rows + self.places(place)
        # The row of zeros, everything before, and itself.
        of = torch.arange(n_past + n_new, device=rows.device)
        bias = torch.zeros(n_new, n_past + n_new, device=rows.device, dtype=rows.dtype)
        bias = bias.masked_fill(of[None] > (place + 1)[:, None], -1e4)
        kept = []
        for number, layer in enumerate(self.layers):
            x, own = layer(x, past[number], bias)
            kept.append(own)
        return functional.linear(self.norm(x), self.words.weight), torch.stack(kept)

    def read(
        self, prompts: Float[torch.Tensor, "b q d"], tokens: Int[torch.Tensor, "b t"]
    ) -> Float[torch.Tensor, "b t n_words"]:
        """Give, for each token of whole sentences, how likely each word follows it.

        Args:
            prompts: Soft prompts.
            tokens: The beginning first.
        """
        rows = torch.cat([prompts, self.words(tokens)], dim=1)
        logits, _ = self(rows, self.first_past(len(rows)))
        return logits[:, prompts.shape[1] :]
