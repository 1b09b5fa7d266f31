import numpy as np
import pytest

from visemic.audio.decoder import PHONES
from visemic.audio.match import agreement, match_phones


def price_by_recursion(said, heard):
    """The same distance by the textbook's recursion, for small strings."""
    from visemic.audio.match import _GAP, _prices

    prices, numbers = _prices(said, heard)
    table = np.zeros((len(said) + 1, len(heard) + 1), int)
    table[:, 0] = _GAP * np.arange(len(said) + 1)
    table[0] = _GAP * np.arange(len(heard) + 1)
    for i, a in enumerate(said, 1):
        for j, b in enumerate(heard, 1):
            table[i, j] = min(
                table[i - 1, j - 1] + prices[numbers[a], numbers[b]],
                table[i - 1, j] + _GAP,
                table[i, j - 1] + _GAP,
            )
    return table[-1, -1]


def price_of(said, heard, partners):
    from visemic.audio.match import _GAP, _prices

    prices, numbers = _prices(said, heard)
    pairs = [(a, heard[j]) for a, j in zip(said, partners, strict=True) if j >= 0]
    return sum(prices[numbers[a], numbers[b]] for a, b in pairs) + _GAP * (
        len(said) + len(heard) - 2 * len(pairs)
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_pairing_costs_what_the_textbook_says(seed):
    rng = np.random.default_rng(seed)
    names = sorted(PHONES)
    said = [names[i] for i in rng.integers(0, 39, rng.integers(1, 30))]
    heard = [names[i] for i in rng.integers(0, 39, rng.integers(1, 30))]
    partners = match_phones(said, heard).tolist()
    assert price_of(said, heard, partners) == price_by_recursion(said, heard)
    paired = [j for j in partners if j >= 0]
    assert paired == sorted(set(paired))


def test_the_same_string_pairs_with_itself(rng):
    names = sorted(PHONES)
    said = [names[i] for i in rng.integers(0, 39, 3_000)]
    assert match_phones(said, said).tolist() == list(range(3_000))
    assert agreement(said, said, match_phones(said, said)) == 1.0


def test_a_hole_of_hundreds_of_phones_is_stepped_over(rng):
    names = sorted(PHONES)
    said = [names[i] for i in rng.integers(0, 39, 2_000)]
    heard = said[:900] + said[1_100:]
    partners = match_phones(said, heard)
    assert (partners[:890] == np.arange(890)).all()
    assert (partners[1_110:] == np.arange(910, 1_800)).all()


def test_nothing_pairs_with_nothing():
    assert match_phones([], ["B"]).tolist() == []
    assert match_phones(["B"], []).tolist() == [-1]


def test_what_sounds_alike_is_paired():
    assert match_phones(["P", "AA", "M"], ["B", "AO", "N"]).tolist() == [0, 1, 2]
