"""Where speech falls into parts: at its pauses, neither too short to be heard nor too long to be one."""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from visemic.core.signals import SILENCE, Alignment

PAUSE_S = 0.35
"""A silence this long parts two phrases."""
SHORTEST_S = 0.8
"""A part shorter than this joins its nearer neighbour: a manner of speaking needs a few words."""
LONGEST_S = 8.0
"""A part longer than this is cut at its longest inner silence, or in the middle."""
_FRAMES_PER_S = 25
_SPOKEN = 0.5
_RANGE_DB = 40.0
_LEAST_PAUSE_S = 0.08


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a clip."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


def parts_of_alignment(alignment: Alignment, duration_s: float) -> list[Part]:
    """Give the parts of speech whose phones are known.

    Args:
        alignment: On the clock of the clip.
        duration_s: Length of the clip; nothing lies after it.

    Returns:
        In time order, with no gap where a pause is between them: the pause belongs to the part
        before. Empty where nobody speaks.
    """
    spoken = [
        Part(phone.start_s, min(phone.end_s, duration_s))
        for phone in alignment.phones
        if phone.label != SILENCE and phone.start_s < duration_s and phone.end_s > phone.start_s
    ]
    return _parts(spoken, duration_s)


def parts_of_speech(
    speech: Float32[np.ndarray, " frames"], curves: Float32[np.ndarray, "frames curves"], duration_s: float
) -> list[Part]:
    """Give the parts of a sound that was heard.

    Args:
        speech: How likely somebody speaks, 25 times a second.
        curves: As ``instruction_hearing`` gives them, the level first.
        duration_s: Length of the clip.
    """
    level = curves[:, 0]
    is_spoken = (speech >= _SPOKEN) & (level >= max(float(level.max()) - _RANGE_DB, -65.0))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_spoken.astype(np.int8), [0]])))
    runs = edges.reshape(-1, 2) / _FRAMES_PER_S
    spoken = [
        Part(float(a), min(float(b), duration_s)) for a, b in runs if min(float(b), duration_s) > float(a)
    ]
    return _parts(spoken, duration_s)


def _parts(spoken: list[Part], duration_s: float) -> list[Part]:
    if not spoken:
        return []
    phrases = [[spoken[0]]]
    for run in spoken[1:]:
        if run.start_s - phrases[-1][-1].end_s >= PAUSE_S:
            phrases.append([])
        phrases[-1].append(run)
    whole: list[Part] = []
    for phrase in _long_enough(phrases):
        whole += _short_enough(phrase)
    # From the clip's begin to its end, the border in the middle of each pause.
    borders = [0.0]
    borders += [0.5 * (a.end_s + b.start_s) for a, b in itertools.pairwise(whole)]
    borders.append(duration_s)
    return [Part(a, b) for a, b in itertools.pairwise(borders) if b > a]


def _long_enough(phrases: list[list[Part]]) -> list[list[Part]]:
    kept = [list(phrase) for phrase in phrases]
    while len(kept) > 1:
        lengths = [phrase[-1].end_s - phrase[0].start_s for phrase in kept]
        number = int(np.argmin(lengths))
        if lengths[number] >= SHORTEST_S:
            break
        before = kept[number][0].start_s - kept[number - 1][-1].end_s if number else np.inf
        after = kept[number + 1][0].start_s - kept[number][-1].end_s if number + 1 < len(kept) else np.inf
        first = number - 1 if before <= after else number
        kept[first : first + 2] = [kept[first] + kept[first + 1]]
    return kept


def _short_enough(phrase: list[Part]) -> list[Part]:
    start_s, end_s = phrase[0].start_s, phrase[-1].end_s
    if end_s - start_s <= LONGEST_S:
        return [Part(start_s, end_s)]
    gaps = [
        (b.start_s - a.end_s, number)
        for number, (a, b) in enumerate(itertools.pairwise(phrase))
        if min(a.end_s - start_s, end_s - b.start_s) >= SHORTEST_S and b.start_s - a.end_s >= _LEAST_PAUSE_S
    ]
    if gaps:
        _, cut = max(gaps)
        return _short_enough(phrase[: cut + 1]) + _short_enough(phrase[cut + 1 :])
    n = int(np.ceil((end_s - start_s) / LONGEST_S))
    borders = np.linspace(start_s, end_s, n + 1)
    return [Part(float(a), float(b)) for a, b in itertools.pairwise(borders)]
