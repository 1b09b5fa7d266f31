"""A long recording and its transcript in parts that fit each other.

What a recogniser heard is laid beside the transcript. Where both agree around the border of
two words, sound and text are cut there, so that every part can be aligned on its own, in
bounded time and memory, and a fault in one stays there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from visemic.audio.match import match_phones, steady_pairs
from visemic.core.signals import Phone

SHORTEST_S, LONGEST_S = 8.0, 28.0
"""Length of a part: long enough for a decoder to hear the voice, short for its memory."""
_CONTEXT = 6
"""Phones on either side of a border that must agree."""
_LEFT_OUT_PHONES = 15
"""More phones than this between two words are not in the transcript."""
_LEFT_OUT_S = 2.0
"""Sound before the first and behind the last word that is searched for them."""
_MARGIN_S = 0.3
_SLOW_S = 0.2
"""A slow phone."""


@dataclass(frozen=True, slots=True)
class Part:
    """Words of a transcript and where they are said."""

    first_word: int
    end_word: int
    """The word after the last."""
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Border:
    """A place between two words at which a recording may be cut."""

    word: int
    """The word behind it."""
    left_s: float
    """End of the last phone heard before it."""
    right_s: float
    """Start of the first phone heard behind it."""
    slack_s: float
    """Time that phones of unsure place between the two may take."""
    trust: float
    is_hole: bool
    """Whether something is said here that the transcript does not have."""

    @property
    def middle_s(self) -> float:
        return (self.left_s + self.right_s) / 2


def split_in_parts(said: Sequence[Sequence[str]], heard: Sequence[Phone], duration_s: float) -> list[Part]:
    """Cut a recording and its transcript where they agree.

    Args:
        said: Phones of each word of the transcript.
        heard: Phones that a recogniser found, in time order, without silence.
        duration_s: Length of the recording.

    Returns:
        Parts with all the words, in order; only time without words is left out between them.
    """
    flat = [phone for word in said for phone in word]
    partners = steady_pairs(match_phones(flat, [p.label for p in heard]).tolist())
    borders = _borders(said, flat, partners, heard)
    parts: list[Part] = []
    first_word = 0
    start_s, last_s = _ends(partners, heard, duration_s)
    index = 0
    while last_s - start_s > LONGEST_S:
        while index < len(borders) and borders[index].middle_s < start_s + SHORTEST_S:
            index += 1
        last = index
        while last < len(borders) and borders[last].left_s <= start_s + LONGEST_S:
            last += 1
        near = borders[index:last]
        # Without a border in reach the part grows until the next one.
        near = near or borders[last : last + 1]
        if not near:
            break
        holes = [b for b in near if b.is_hole]
        same = [b for b in holes if b.left_s == holes[0].left_s]
        border = same[-1] if same else max(near, key=lambda b: (b.trust, b.middle_s))
        if border.is_hole:
            # Words of unsure place go with those before them, which need room for them.
            end_s = min(border.left_s + border.slack_s, border.right_s)
            next_s = max(border.right_s - _MARGIN_S, end_s)
        else:
            end_s = next_s = border.middle_s
        parts.append(Part(first_word, border.word, start_s, end_s))
        first_word, start_s = border.word, next_s
    parts.append(Part(first_word, len(said), start_s, last_s))
    return parts


def _ends(partners: Sequence[int], heard: Sequence[Phone], duration_s: float) -> tuple[float, float]:
    """Give where the transcript can start and end at most; there may be more speech around it."""
    paired = [i for i, j in enumerate(partners) if j >= 0]
    if not paired:
        return 0.0, duration_s
    before_s = _LEFT_OUT_S + _SLOW_S * paired[0]
    behind_s = _LEFT_OUT_S + _SLOW_S * (len(partners) - 1 - paired[-1])
    start_s = max(0.0, heard[partners[paired[0]]].start_s - before_s)
    return start_s, min(duration_s, heard[partners[paired[-1]]].end_s + behind_s)


def _borders(
    said: Sequence[Sequence[str]], flat: Sequence[str], partners: Sequence[int], heard: Sequence[Phone]
) -> list[_Border]:
    """Give the borders of words with phones near on both sides that were heard."""
    agrees = [j >= 0 and heard[j].label == phone for phone, j in zip(flat, partners, strict=True)]
    agreed_before = [0, *accumulate(agrees)]
    paired = [i for i, j in enumerate(partners) if j >= 0]
    borders = []
    place = index = 0
    for word, phones in enumerate(said):
        while index < len(paired) and paired[index] < place:
            index += 1
        if word and 0 < index < len(paired) and paired[index] - paired[index - 1] <= 2 * _CONTEXT:
            before, behind = paired[index - 1], paired[index]
            left, right = heard[partners[before]], heard[partners[behind]]
            low, high = max(0, place - _CONTEXT), min(len(flat), place + _CONTEXT)
            # A pause makes a cut harmless; a long one may hide words that nobody wrote.
            bonus = min(max(right.start_s - left.end_s, 0.0), 0.3)
            trust = (agreed_before[high] - agreed_before[low]) / (high - low) + bonus
            unsure = behind - before - 1
            is_hole = partners[behind] - partners[before] - unsure > _LEFT_OUT_PHONES
            slack_s = _MARGIN_S + _SLOW_S * unsure
            borders.append(_Border(word, left.end_s, right.start_s, slack_s, trust, is_hole))
        place += len(phones)
    return borders
