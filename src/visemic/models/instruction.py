"""From speech to what a language model reads: the listening half of AVI-Talking's first stage.

::

    frozen encoder + curves of the voice ─▶ rows ─▶ Q-Former ─▶ 32 vectors ─▶ soft prompts ─▶ writer
                                                                  └─▶ mean ─▶ caption, emotion, level

The writer is a frozen causal language model (``instruction_lm``) or the small one that ships
(``instruction_writer``). Contrast with the instruction's own embedding teaches the vectors what
instructions speak of before any word is written.

Shape letters: b clips, t frames, i inputs, w numbers of the whole, q queries, d width, e caption
space, n words.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import nn
from torch.nn import functional

from visemic.core.action_units import EMOTION_NAMES
from visemic.models.instruction_hearing import N_WHOLE, SHOWN
from visemic.models.instruction_words import PAD_TOKEN, WORDS
from visemic.models.instruction_writer import Writer, WriterConfig
from visemic.models.qformer import QFormer, QFormerConfig

N_LEVELS = 3
"""Intensities that are told apart: slight, clear, strong."""
_TOLD_ROWS = 4
"""Rows beside the frames that speak of the whole."""


@dataclass(frozen=True)
class ListenerConfig:
    """Sizes of the listening half."""

    n_inputs: int = 256 + len(SHOWN)
    """Numbers of a frame: the encoder's state and the curves of the voice."""
    n_whole: int = N_WHOLE
    """Numbers that describe the whole."""
    n_words: int = len(WORDS)
    caption_width: int = 96
    """Width of the space where sound and instruction meet."""
    input_dropout: float = 0.1
    """Share of a frame's numbers that training leaves out."""
    qformer: QFormerConfig = field(default_factory=QFormerConfig)


class Listened(NamedTuple):
    """What the listening half gives; shapes stand beside, for a class that checks them cannot be traced."""

    queries: torch.Tensor
    """b q d"""
    caption: torch.Tensor
    """b e, of length 1"""
    emotion: torch.Tensor
    """b emotions, logits"""
    level: torch.Tensor
    """b levels, logits"""


class Listener(nn.Module):
    """Rows of a frozen encoder in, 32 vectors and what they say at a glance out.

    Source:
        Sun et al. 2024, "AVI-Talking" (IEEE Access 12), Fig. 2 and §3.1; Xu et al. 2024,
        "SECap" (AAAI), §3: Q-Former, projection, contrast with the caption.

    Deviation:
        Curves of the voice stand beside the encoder's states, for phonetic states were trained
        to forget how something is said; a row that describes the whole joins them. Heads for
        emotion and intensity are ours.
    """

    def __init__(self, config: ListenerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.qformer.width
        self.frames_in = nn.Linear(config.n_inputs, width)
        self.whole_in = nn.Sequential(
            nn.Linear(config.n_whole, 2 * width),
            nn.GELU(),
            nn.Dropout(0.3),
            nn.Linear(2 * width, _TOLD_ROWS * width),
        )
        self.dropout = nn.Dropout(config.input_dropout)
        self.qformer = QFormer(config.qformer, width)
        self.to_caption = nn.Linear(width, config.caption_width)
        self.captions = CaptionEncoder(config.n_words, config.caption_width)
        self.emotion = nn.Linear(width, len(EMOTION_NAMES))
        self.level = nn.Linear(width, N_LEVELS)

    def forward(
        self,
        frames: Float[torch.Tensor, "b t i"],
        whole: Float[torch.Tensor, "b w"],
        valid: Bool[torch.Tensor, "b t"],
    ) -> Listened:
        """Listen to clips.

        Args:
            frames: States and curves, normalised.
            whole: What describes each clip, normalised.
            valid: True where a frame is real.
        """
        told = self.whole_in(self.dropout(whole)).unflatten(-1, (_TOLD_ROWS, -1))
        memory = torch.cat([told, self.frames_in(self.dropout(frames))], dim=1)
        found = self.qformer(memory, functional.pad(valid, (_TOLD_ROWS, 0), value=True))
        # A shortcut: what is said at once need not be found again by every query.
        queries = found + told.mean(dim=1, keepdim=True)
        pooled = queries.mean(dim=1)
        caption = functional.normalize(self.to_caption(pooled), dim=-1)
        return Listened(queries, caption, self.emotion(pooled), self.level(pooled))


class CaptionEncoder(nn.Module):
    """An instruction as one vector: its words and their neighbours, mixed and averaged."""

    def __init__(self, n_words: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(n_words, width)
        # Three words reach from a degree to what it is the degree of.
        self.neighbours = nn.Conv1d(width, 2 * width, 3, padding=1)
        self.out = nn.Linear(2 * width, width)

    def forward(self, tokens: Int[torch.Tensor, "b n"]) -> Float[torch.Tensor, "b e"]:
        """Give the vector of each sentence, of length 1; padding counts for nothing."""
        real = (tokens != PAD_TOKEN)[..., None]
        words = self.words(tokens) * real
        mixed = functional.gelu(self.neighbours(words.transpose(1, 2)).transpose(1, 2)) * real
        mean = mixed.sum(dim=1) / real.sum(dim=1).clamp(min=1)
        return functional.normalize(self.out(mean), dim=-1)


@dataclass(frozen=True)
class InstructionConfig:
    """Sizes of the whole that ships."""

    listener: ListenerConfig = field(default_factory=ListenerConfig)
    writer: WriterConfig = field(default_factory=WriterConfig)


class InstructionNetwork(nn.Module):
    """Listener and small writer, joined by a linear map into soft prompts."""

    def __init__(self, config: InstructionConfig) -> None:
        super().__init__()
        self.config = config
        self.listener = Listener(config.listener)
        self.project = nn.Linear(config.listener.qformer.width, config.writer.width)
        self.writer = Writer(config.writer)

    def forward(
        self,
        frames: Float[torch.Tensor, "b t i"],
        whole: Float[torch.Tensor, "b w"],
        valid: Bool[torch.Tensor, "b t"],
        tokens: Int[torch.Tensor, "b n"],
    ) -> tuple[Listened, Float[torch.Tensor, "b n words"]]:
        """Give what was heard and how likely each word follows each token of the instruction."""
        heard = self.listener(frames, whole, valid)
        return heard, self.writer.read(self.project(heard.queries), tokens)


class PromptNetwork(nn.Module):
    """Listener and the linear map into soft prompts of a language model that is not part of it."""

    def __init__(self, config: ListenerConfig, model_width: int) -> None:
        super().__init__()
        self.config = config
        self.listener = Listener(config)
        self.project = nn.Linear(config.qformer.width, model_width)

    def forward(
        self,
        frames: Float[torch.Tensor, "b t i"],
        whole: Float[torch.Tensor, "b w"],
        valid: Bool[torch.Tensor, "b t"],
    ) -> tuple[Listened, Float[torch.Tensor, "b q m"]]:
        """Give what was heard and the soft prompts."""
        heard = self.listener(frames, whole, valid)
        return heard, self.project(heard.queries)
