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
_OPEN, _GAP = 4, 3
"""Price of a run of phones without partners: once, and for each of them. The first makes one
long hole cheaper than many small ones, which is how words are left out."""

_FAR = 1 << 40
_BAND = 1_500
"""Cells on either side of the diagonal, besides the difference of the lengths."""
_MOST_CELLS = 250_000_000
"""A byte each."""

_PAIR, _SKIP_SAID, _SKIP_HEARD = 0, 1, 2
_STATE = 3
_SAID_OPENS, _HEARD_OPENS = 4, 8
"""Bits of a cell: the best way into it, and whether a run of gaps starts with it."""


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
    state = moves[i, j - starts[i]] & _STATE
    while i and j:
        cell = moves[i, j - starts[i]]
        if state == _PAIR:
            i, j = i - 1, j - 1
            partners[i] = j
            state = moves[i, j - starts[i]] & _STATE
        elif state == _SKIP_SAID:
            i -= 1
            if cell & _SAID_OPENS:
                state = moves[i, j - starts[i]] & _STATE
        else:
            j -= 1
            if cell & _HEARD_OPENS:
                state = moves[i, j - starts[i]] & _STATE
    return partners


def steady_pairs(partners: Sequence[int]) -> list[int]:
    """Give the partners that their neighbours confirm, -1 for the others.

    Where nothing fits, phones find partners by chance, far from one another; a pair counts when
    at least two of the four around it, or half of those that have partners, lie as far from it
    on both sides, give or take two.
    """
    kept = []
    for i, j in enumerate(partners):
        near = [k for k in range(max(0, i - 2), min(len(partners), i + 3)) if k != i and partners[k] >= 0]
        confirmed = sum(abs((partners[k] - j) - (k - i)) <= 2 for k in near)
        kept.append(j if j >= 0 and confirmed >= max(1, min(2, len(near) // 2)) else -1)
    return kept


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
    half = min(_BAND + abs(n_heard - n_said), _MOST_CELLS // (2 * (n_said + 1)))
    width = min(n_heard + 1, 2 * half + 1)
    centres = np.arange(n_said + 1) * n_heard // n_said
    starts = np.clip(centres - half, 0, n_heard + 1 - width)
    moves = np.empty((n_said + 1, width), np.uint8)
    moves[0] = _SKIP_HEARD
    slope = _GAP * np.arange(width)
    cost = slope + _OPEN
    cost[0] = 0
    skipping = np.full(width, _FAR)
    for i in range(1, n_said + 1):
        shift = int(starts[i] - starts[i - 1])
        columns = starts[i] + np.arange(width)
        pair = _moved(cost, shift - 1) + prices[numbers[said[i - 1]], heard_rows[columns - 1]]
        pair[columns == 0] = _FAR
        opened = _moved(cost, shift) + _OPEN + _GAP
        goes_on = _moved(skipping, shift) + _GAP
        skipping = np.minimum(opened, goes_on)
        best = np.minimum(pair, skipping)
        # A run of gaps along the row in one go: its best start is a running minimum.
        hole = np.full(width, _FAR)
        hole[1:] = np.minimum.accumulate(best - slope)[:-1] + slope[1:] + _OPEN
        cost = np.minimum(best, hole)
        state = np.where(hole < best, _SKIP_HEARD, np.where(pair <= skipping, _PAIR, _SKIP_SAID))
        starts_here = np.ones(width, bool)
        starts_here[1:] = best[:-1] + _OPEN + _GAP <= hole[1:]
        moves[i] = state + _SAID_OPENS * (opened <= goes_on) + _HEARD_OPENS * starts_here
    return moves, starts


def _moved(row: Int[np.ndarray, " band"], by: int) -> Int[np.ndarray, " band"]:
    """Give a row whose cell ``k`` is cell ``k + by`` of the old one; what was outside is far."""
    moved = np.full(len(row), _FAR)
    if by < 0:
        moved[-by:] = row[:by]
    elif by < len(row):
        moved[: len(row) - by] = row[by:]
    return moved
