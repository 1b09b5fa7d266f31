"""From an instruction to where in the space of styles it points.

A text embedding (our own small encoder over the words of the closed grammar, or any frozen
text tower of Hugging Face), an MLP with residual blocks to the length of a style, and a
projector that only the contrastive loss sees.

Shape letters: b instructions, w words, e text embedding, s style, k whatever the tower has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from visemic.core.errors import ArtifactError
from visemic.models.style_layers import AttentionBlock, ResidualBlock, mean_of_valid
from visemic.models.style_words import PAD


@dataclass(frozen=True)
class StyleTextConfig:
    """Sizes; ``published()`` gives those of the paper's code."""

    n_words: int = 400
    """Of the own encoder; 0 where a tower of another kind gives the embedding."""
    max_words: int = 48
    width: int = 128
    depth: int = 2
    heads: int = 4
    embedding: int = 256
    """Length of the text embedding."""
    hidden: int = 512
    """Width of the MLP."""
    n_blocks: int = 2
    dropout_in: float = 0.3
    dropout: float = 0.1
    style: int = 128
    projector: int = 512
    """Width of the projector."""

    @classmethod
    def published(cls) -> "StyleTextConfig":
        """Give the sizes of the paper's code: 75.6 million parameters behind a CLIP ViT-L/14 tower."""
        return cls(
            n_words=0, embedding=768, hidden=4_096, n_blocks=4, dropout_in=0.5, dropout=0.15, projector=2_048
        )


class WordEncoder(nn.Module):
    """Words of the closed grammar to one embedding."""

    def __init__(self, config: StyleTextConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(config.n_words, config.width)
        self.position = nn.Parameter(torch.randn(config.max_words, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            AttentionBlock(config.width, config.heads, config.width // config.heads, 2 * config.width, 0.1)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, config.embedding)

    def forward(self, words: Int64[Tensor, "b w"]) -> Float[Tensor, "b e"]:
        """Give the embedding of instructions of ``max_words`` words."""
        valid = words != PAD
        x = self.words(words) + self.position
        for block in self.blocks:
            x = block(x, valid)
        return self.leave(mean_of_valid(self.norm(x), valid))


class StyleText(nn.Module):
    """Words or a text embedding in; the condition of the prior out.

    Source:
        Sun et al. 2024, "AVI-Talking", the instruction MLP and projector, which come from
        Scotti et al. 2023, "Reconstructing the mind's eye".

    Deviation:
        Our own encoder of a few hundred words instead of CLIP; 512 wide instead of 4,096, since the
        published stack has 600,000 parameters for each number that it gives.
    """

    def __init__(self, config: StyleTextConfig) -> None:
        super().__init__()
        self.config = config
        self.words = WordEncoder(config) if config.n_words else None
        self.enter = nn.Sequential(
            nn.Linear(config.embedding, config.hidden),
            nn.LayerNorm(config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout_in),
        )
        self.blocks = nn.Sequential(
            *(ResidualBlock(config.hidden, config.dropout) for _ in range(config.n_blocks))
        )
        self.leave = nn.Linear(config.hidden, config.style)
        wide = config.projector
        self.projector = nn.Sequential(
            nn.LayerNorm(config.style), nn.GELU(), nn.Linear(config.style, wide),
            nn.LayerNorm(wide), nn.GELU(), nn.Linear(wide, wide),
            nn.LayerNorm(wide), nn.GELU(), nn.Linear(wide, config.style),
        )  # fmt: skip

    def forward(self, text: Tensor) -> tuple[Float[Tensor, "b s"], Float[Tensor, "b s"]]:
        """Give the condition of the prior, and its projection for the contrastive loss.

        Args:
            text: Numbers of words, or embeddings where the tower is another one.
        """
        x = self.words(text) if self.words is not None else text
        found = self.leave(self.blocks(self.enter(x)))
        return found, self.projector(found)


class TextTower:
    """A frozen text encoder of Hugging Face: mean over all its tokens' last states.

    Source:
        Sun et al. 2024, "AVI-Talking": CLIP ViT-L/14, 77 tokens, mean over all of them.
    """

    def __init__(self, network: Any, tokenizer: Any, length: int = 77) -> None:
        self.network = network.requires_grad_(False).eval()
        self.tokenizer = tokenizer
        self.length = length

    def embed(self, texts: Sequence[str]) -> Float[Tensor, "b k"]:
        """Give the embeddings of texts."""
        tokens = self.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        )
        with torch.no_grad():
            states = self.network(
                input_ids=tokens["input_ids"], attention_mask=tokens.get("attention_mask")
            ).last_hidden_state
        embedding: Tensor = states.float().mean(1)
        return embedding


def load_text_tower(checkpoint: str, *, offline: bool = True) -> TextTower:
    """Load the text tower of a checkpoint, such as ``openai/clip-vit-large-patch14`` or a folder.

    Args:
        checkpoint: Name on the hub, or a folder. No code of it is run.
        offline: Take only what is on this machine.

    Raises:
        ArtifactError: transformers is missing, or there is no such checkpoint.
    """
    try:
        from transformers import AutoConfig, AutoModel, AutoTokenizer, CLIPTextModel
    except ImportError as error:
        raise ArtifactError(
            "text towers need transformers; install it with: pip install 'visemic[train]'"
        ) from error
    try:
        settings: Any = AutoConfig.from_pretrained(checkpoint, local_files_only=offline)
        kind: Any = CLIPTextModel if settings.model_type.startswith("clip") else AutoModel
        network = kind.from_pretrained(checkpoint, local_files_only=offline)
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=offline)
    except (OSError, ValueError, KeyError) as error:
        said = str(error).strip().split("\n")[0][:160].rstrip(".")
        raise ArtifactError(f"checkpoint {checkpoint!r} gives no text tower: {said}") from error
    return TextTower(network, tokenizer, min(77, int(getattr(tokenizer, "model_max_length", 77))))
