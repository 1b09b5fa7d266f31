import numpy as np
import pytest

from visemic.audio.decoder import PHONES
from visemic.audio.match import _GAP, _OPEN, _prices, match_phones, steady_pairs


def price_by_recursion(said, heard):
    """The same distance by the textbook's three tables, for small strings."""
    prices, numbers = _prices(said, heard)
    far = 10**9
    pair, up, left = (np.full((len(said) + 1, len(heard) + 1), far) for _ in range(3))
    pair[0, 0] = 0
    for i in range(len(said) + 1):
        for j in range(len(heard) + 1):
            if i:
                up[i, j] = _GAP + min(min(pair[i - 1, j], left[i - 1, j]) + _OPEN, up[i - 1, j])
            if j:
                left[i, j] = _GAP + min(min(pair[i, j - 1], up[i, j - 1]) + _OPEN, left[i, j - 1])
            if i and j:
                best = min(pair[i - 1, j - 1], up[i - 1, j - 1], left[i - 1, j - 1])
                pair[i, j] = best + prices[numbers[said[i - 1]], numbers[heard[j - 1]]]
    return min(pair[-1, -1], up[-1, -1], left[-1, -1])


def price_of(said, heard, partners):
    """The price of a given pairing."""
    prices, numbers = _prices(said, heard)
    price = 0
    last_i = last_j = -1
    for i, j in [*((i, j) for i, j in enumerate(partners) if j >= 0), (len(said), len(heard))]:
        for n_skipped in (i - last_i - 1, j - last_j - 1):
            price += (_OPEN if n_skipped else 0) + _GAP * n_skipped
        if i < len(said):
            price += prices[numbers[said[i]], numbers[heard[j]]]
        last_i, last_j = i, j
    return price


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


def test_what_nobody_wrote_does_not_draw_words_into_it(rng):
    names = sorted(PHONES)
    heard = [names[i] for i in rng.integers(0, 39, 2_000)]
    partners = match_phones(heard[:500] + heard[1_500:], heard)
    assert (partners == np.r_[0:500, 1_500:2_000]).mean() > 0.99


def test_a_pair_that_no_neighbour_confirms_is_dropped():
    assert steady_pairs([0, 1, 2, 40, 4, 5]) == [0, 1, 2, -1, 4, 5]
    assert steady_pairs([0, 1, -1, 3, 4]) == [0, 1, -1, 3, 4]
    assert steady_pairs([10, 50, 90]) == [-1, -1, -1]
    assert steady_pairs([]) == []
