"""Two strings of phones laid side by side: what should be said and what was heard.

Edit distance with prices that know how phones sound alike, solved row by row in a band
about the diagonal, so that an hour of speech takes a second or two and bounded memory.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

_GROUPS = (
    "P B",
    "M N NG",
    "F V TH DH",
    "T D K G",
    "S Z SH ZH CH JH",
    "R ER L W",
    "IY IH EY Y",
    "EH AE AH AY",
    "AA AO AW OW OY",
    "UW UH W",
)
_VOWELS = frozenset([
    "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW",
])  # fmt: skip

_SAME, _AKIN, _SAME_KIND, _OTHER = 0, 4, 7, 12
_GAP = 7
"""Price of a phone without a partner: two of them cost a little more than a bad partner."""

_LEAST_BAND, _MOST_BAND = 300, 1_500
_BAND_SHARE = 0.12

_PAIR, _SKIP_SAID, _SKIP_HEARD = 0, 1, 2


def match_phones(said: Sequence[str], heard: Sequence[str]) -> Int[np.ndarray, " said"]:
    """Pair the phones of a transcript with those that were heard.

    Args:
        said: Phones of the transcript, without silence.
        heard: Phones that a recogniser found, without silence.

    Returns:
        For each phone said the index of its partner among those heard, rising, or -1.

    Example:
        >>> match_phones(["B", "IH", "N"], ["P", "N"]).tolist()
        [0, -1, 1]
    """
    n_said, n_heard = len(said), len(heard)
    partners = np.full(n_said, -1)
    if not n_said or not n_heard:
        return partners
    moves, starts = _solve(said, heard)
    i, j = n_said, n_heard
    while i and j:
        move = moves[i, j - starts[i]]
        if move == _PAIR:
            i, j = i - 1, j - 1
            partners[i] = j
        elif move == _SKIP_SAID:
            i -= 1
        else:
            j -= 1
    return partners


def agreement(said: Sequence[str], heard: Sequence[str], partners: Int[np.ndarray, " said"]) -> float:
    """Give the share of the phones said whose partner is the same or sounds akin.

    Strings that have nothing to do with one another agree on about a third.
    """
    prices, numbers = _prices(said, heard)
    akin = sum(
        1
        for phone, partner in zip(said, partners.tolist(), strict=True)
        if partner >= 0 and prices[numbers[phone], numbers[heard[partner]]] <= _AKIN
    )
    return akin / max(1, len(said))


def _prices(
    said: Sequence[str], heard: Sequence[str]
) -> tuple[Int[np.ndarray, "phones phones"], dict[str, int]]:
    """Give the price of every pair of phones, and each phone's row."""
    names = sorted({*said, *heard})
    groups = [frozenset(group.split()) for group in _GROUPS]
    prices = np.full((len(names), len(names)), _OTHER)
    for row, a in enumerate(names):
        for column, b in enumerate(names):
            if a == b:
                prices[row, column] = _SAME
            elif any(a in group and b in group for group in groups):
                prices[row, column] = _AKIN
            elif (a in _VOWELS) == (b in _VOWELS):
                prices[row, column] = _SAME_KIND
    return prices, {name: row for row, name in enumerate(names)}


def _solve(
    said: Sequence[str], heard: Sequence[str]
) -> tuple[UInt8[np.ndarray, "rows band"], Int[np.ndarray, " rows"]]:
    """Give the best move into every cell of the band, and each row's first column."""
    n_said, n_heard = len(said), len(heard)
    prices, numbers = _prices(said, heard)
    heard_rows = np.array([numbers[phone] for phone in heard])
    half = min(max(_LEAST_BAND, int(_BAND_SHARE * max(n_said, n_heard))), _MOST_BAND)
    width = min(n_heard + 1, 2 * half + 1)
    centres = np.arange(n_said + 1) * n_heard // n_said
    starts = np.clip(centres - half, 0, n_heard + 1 - width)
    moves = np.empty((n_said + 1, width), np.uint8)
    moves[0] = _SKIP_HEARD
    slope = _GAP * np.arange(width)
    far = np.int64(1 << 40)
    cost = slope + _GAP * starts[0]
    for i in range(1, n_said + 1):
        shift = int(starts[i] - starts[i - 1])
        # The row above, one wider to the left: where this row's cells come from.
        above = np.full(width + 1, far)
        kept = np.arange(-1, width) + shift
        inside = (kept >= 0) & (kept < width)
        above[inside] = cost[kept[inside]]
        columns = starts[i] + np.arange(width)
        pair = above[:-1] + prices[numbers[said[i - 1]], heard_rows[columns - 1]]
        pair[columns == 0] = far
        skip = above[1:] + _GAP
        best = np.minimum(pair, skip)
        # Gaps along the row in one go: the best start of a gap is a running minimum.
        cost = np.minimum.accumulate(best - slope) + slope
        moves[i] = np.where(cost < best, _SKIP_HEARD, np.where(pair <= skip, _PAIR, _SKIP_SAID))
    return moves, starts
