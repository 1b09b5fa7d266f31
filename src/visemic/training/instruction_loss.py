"""Losses of the first stage: the caption's words, its embedding, emotion, intensity, and content to forget.

Shape letters: b clips, n words, v vocabulary, e caption space, q queries, d width, c content.
"""

import torch
from jaxtyping import Float, Int
from torch import nn
from torch.nn import functional

from visemic.models.instruction import Listened

TEMPERATURE = 0.07
"""Of the contrast between sound and caption."""
IGNORED = -100


def info_nce(
    heard: Float[torch.Tensor, "b e"],
    captions: Float[torch.Tensor, "b e"],
    same: Int[torch.Tensor, " b"],
    temperature: float = TEMPERATURE,
) -> Float[torch.Tensor, ""]:
    """Give the contrast of sounds with captions, both ways.

    Args:
        heard: Sounds, of length 1.
        captions: Captions, of length 1.
        same: Number of each caption; equal captions count as right answers alike, for a corpus
            of few emotions has many equal ones in a batch.
        temperature: Of the softmax.

    Source:
        van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", eq. 4.
    Deviation:
        Several right answers share the target evenly.
    """
    logits = heard @ captions.T / temperature
    target = (same[:, None] == same[None]).to(logits.dtype)
    target = target / target.sum(dim=1, keepdim=True)
    forth = -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()
    back = -(target * logits.T.log_softmax(dim=1)).sum(dim=1).mean()
    return 0.5 * (forth + back)


class ContentGuess(nn.Module):
    """Guesses what was said from the queries: how well it can is what the queries still know of it.

    Source:
        Cheng et al. 2020, "CLUB: A Contrastive Log-ratio Upper Bound of Mutual Information"
        (ICML), eq. 8 and 14: a Gaussian whose mean and variance a network gives.
    """

    def __init__(self, width: int, content: int, inner: int = 512) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, inner), nn.ReLU())
        self.mean = nn.Linear(inner, content)
        self.log_variance = nn.Sequential(nn.Linear(inner, content), nn.Tanh())

    def log_likelihood(
        self, pooled: Float[torch.Tensor, "b d"], content: Float[torch.Tensor, "b c"]
    ) -> Float[torch.Tensor, "b b"]:
        """Give how likely each content (column) is under each clip's queries (row)."""
        inner = self.body(pooled)
        mean, log_variance = self.mean(inner)[:, None], self.log_variance(inner)[:, None]
        error = (content[None] - mean) ** 2 / log_variance.exp()
        return -0.5 * (error + log_variance).mean(dim=-1)

    def fit(
        self, pooled: Float[torch.Tensor, "b d"], content: Float[torch.Tensor, "b c"]
    ) -> Float[torch.Tensor, ""]:
        """Give the loss of the guess itself; it teaches the queries nothing."""
        return -self.log_likelihood(pooled.detach(), content).diagonal().mean()

    def bound(
        self, pooled: Float[torch.Tensor, "b d"], content: Float[torch.Tensor, "b c"]
    ) -> Float[torch.Tensor, ""]:
        """Give the upper bound on what the queries know of the content, at least 0."""
        likely = self.log_likelihood(pooled, content)
        return (likely.diagonal().mean() - likely.mean()).clamp(min=0)


def word_loss(
    logits: Float[torch.Tensor, "b n v"], targets: Int[torch.Tensor, "b n"], smoothing: float = 0.0
) -> Float[torch.Tensor, ""]:
    """Give the cross-entropy of the words of the instruction; ``IGNORED`` targets count for nothing."""
    return functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, label_smoothing=smoothing
    )


def glance_losses(
    heard: Listened, emotion: Int[torch.Tensor, " b"], level: Int[torch.Tensor, " b"], smoothing: float
) -> tuple[Float[torch.Tensor, ""], Float[torch.Tensor, ""]]:
    """Give the cross-entropies of emotion and intensity; a batch without intensities costs nothing."""
    of_emotion = functional.cross_entropy(heard.emotion.float(), emotion, label_smoothing=smoothing)
    logits = heard.level.float()
    if bool((level == IGNORED).all()):
        return of_emotion, 0.0 * logits.sum()
    return of_emotion, functional.cross_entropy(
        logits, level, ignore_index=IGNORED, label_smoothing=smoothing
    )
