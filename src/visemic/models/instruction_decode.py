"""Writing under a grammar: whatever a network prefers, only sentences that can be read back come out.

Several sentences are drawn and the odd ones dropped before one is chosen, so that a single bad
draw decides nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from visemic.core.acting_note import Span
from visemic.core.errors import InputError
from visemic.models.instruction_words import (
    BEGIN_TOKEN,
    MAX_TOKENS,
    PAD_TOKEN,
    START,
    Place,
    may_follow,
    next_places,
)

Read = Callable[[Int[np.ndarray, " rows"]], Float[np.ndarray, "rows words"]]
"""Takes the next token of every row and gives the logits of the one after it."""


@dataclass(frozen=True)
class Draw:
    """How sentences are drawn."""

    n_samples: int = 8
    """Sentences of each span; 1 takes the likeliest word every time."""
    n_dropped: int = 3
    """Of these, the least like the others."""
    temperature: float = 0.7
    top_k: int = 10
    """Words that are left to choose from."""
    top_p: float = 0.95
    """Share of the likelihood that is left to choose from."""

    def __post_init__(self) -> None:
        if self.n_samples < 1 or not 0 <= self.n_dropped < self.n_samples:
            raise InputError(
                f"{self.n_dropped} of {self.n_samples} sentences cannot be dropped; keep at least one"
            )
        if self.temperature <= 0 or self.top_k < 1 or not 0 < self.top_p <= 1:
            raise InputError(
                f"temperature {self.temperature:g}, top_k {self.top_k} and top_p {self.top_p:g} draw "
                "nothing; give above 0, at least 1, and above 0 to 1"
            )


LIKELIEST = Draw(n_samples=1, n_dropped=0)
"""The likeliest word every time."""


def write_sentences(
    read: Read, n_rows: int, draw: Draw, rng: np.random.Generator
) -> list[tuple[list[int], float]]:
    """Write a sentence in every row, word by word.

    Args:
        read: The network, after its soft prompts.
        n_rows: Sentences at once.
        draw: How words are chosen.
        rng: Chance; not asked where the likeliest word is taken.

    Returns:
        For each row its tokens up to the full stop, and the mean of their log likelihood under
        the grammar.
    """
    places = [START] * n_rows
    tokens: list[list[int]] = [[] for _ in range(n_rows)]
    scores = np.zeros(n_rows)
    last = np.full(n_rows, BEGIN_TOKEN)
    for _ in range(MAX_TOKENS):
        open_rows = [row for row, place in enumerate(places) if not place.is_end]
        if not open_rows:
            break
        logits = read(last)
        last = np.full(n_rows, PAD_TOKEN)
        for row in open_rows:
            likelihood = _likelihood(logits[row], places[row])
            token = _chosen(likelihood, draw, rng)
            scores[row] += float(np.log(max(likelihood[token], 1e-12)))
            tokens[row].append(token)
            places[row] = next_places(places[row])[token]
            last[row] = token
    return [(row, score / max(1, len(row))) for row, score in zip(tokens, scores.tolist(), strict=True)]


def _likelihood(logits: Float[np.ndarray, " words"], place: Place) -> Float[np.ndarray, " words"]:
    """Give the likelihood of each word among those that the grammar allows."""
    allowed: Bool[np.ndarray, " words"] = may_follow(place)
    # A network that gives no number at all still writes a sentence.
    finite = np.nan_to_num(logits.astype(float), nan=0.0, posinf=1e4, neginf=-1e4)
    shifted = np.where(allowed, finite - finite[allowed].max(), -np.inf)
    weights = np.exp(shifted)
    return weights / weights.sum()


def _chosen(likelihood: Float[np.ndarray, " words"], draw: Draw, rng: np.random.Generator) -> int:
    if draw.n_samples == 1:
        return int(np.argmax(likelihood))
    order = np.argsort(-likelihood, kind="stable")[: draw.top_k]
    weights = likelihood[order] ** (1.0 / draw.temperature)
    weights /= weights.sum()
    kept = max(1, int(np.searchsorted(np.cumsum(weights), draw.top_p) + 1))
    weights = weights[:kept] / weights[:kept].sum()
    return int(rng.choice(order[:kept], p=weights))


def most_agreed(spans: Sequence[Span], scores: Sequence[float], draw: Draw) -> int:
    """Choose among sentences for one sound: drop those least like the others, take the most like them.

    Args:
        spans: What the sentences say.
        scores: How likely each was; decides between equals.
        draw: How many are dropped.

    Source:
        Xu et al. 2024, "SECap" (AAAI), the released decoding: of 8 samples the 3 least mutually
        similar are dropped and one of the rest is taken.
    Deviation:
        Likeness is that of emotions, intensities and action units, not of sentence embeddings, and
        of the rest we take the one that is most like the others.
    """
    n = len(spans)
    like = np.array([[likeness(a, b) for b in spans] for a in spans])
    total = (like.sum(axis=1) - np.diag(like)) / max(1, n - 1)
    order = sorted(range(n), key=lambda i: (-total[i], -scores[i], i))
    kept = order[: max(1, n - draw.n_dropped)]
    return max(kept, key=lambda i: (round(float(like[i, kept].mean()), 9), scores[i], -i))


def likeness(first: Span, second: Span) -> float:
    """Say how alike two spans are, 0 to 1: a third each for emotion, intensity and action units.

    Example:
        >>> likeness(Span(0.0, 1.0), Span(0.0, 1.0))
        1.0
    """
    emotion = float(first.emotion == second.emotion)
    intensity = 1.0 - abs(first.intensity - second.intensity)
    gains, others = ({a.unit: a.gain for a in span.actions} for span in (first, second))
    units = set(gains) | set(others)
    shared = sum(min(gains.get(u, 0.0), others.get(u, 0.0)) for u in units)
    every = sum(max(gains.get(u, 0.0), others.get(u, 0.0)) for u in units)
    return (emotion + intensity + (shared / every if every else 1.0)) / 3
