"""The letter-to-sound network answers for every word, always the same."""

import numpy as np
import pytest

from visemic.core.errors import ArtifactError, TextError
from visemic.text import g2p
from visemic.text.visemes import phone_table


def test_the_same_word_has_the_same_reading():
    assert [g2p.read_word("blorptastic") for _ in range(3)] == [g2p.read_word("blorptastic")] * 3


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("blick", "B L IH K"),
        ("splat", "S P L AE T"),
        ("kazoom", "K AH Z UW M"),
        ("frobbing", "F R AA B IH NG"),
    ],
)
def test_plain_spellings_are_read_plainly(word, said):
    assert g2p.read_word(word) == tuple(said.split())


def test_any_letters_give_phones_of_the_table(rng):
    known = set(phone_table().phones)
    for length in (1, 2, 5, 12, 40):
        word = "".join(rng.choice(list(g2p.ALPHABET), length))
        phones = g2p.read_word(word)
        assert phones
        assert set(phones) <= known


def test_long_words_are_read_in_parts():
    word = "banana" * 30
    assert len(g2p.read_word(word)) >= 90


@pytest.mark.parametrize("word", ["", "a b", "é", "A", "don't"])
def test_other_characters_are_refused(word):
    with pytest.raises(TextError, match="cannot read"):
        g2p.read_word(word)


def test_windows_show_each_letter_with_its_neighbours():
    windows = g2p.letter_windows("abc")
    assert windows.shape == (3, 2 * g2p.SIDE + 1)
    assert windows[:, g2p.SIDE].tolist() == [1, 2, 3]
    assert windows[0, : g2p.SIDE].tolist() == [0] * g2p.SIDE


def test_answers_are_probabilities():
    network = g2p.default_network()
    windows = g2p.letter_windows("hello")
    history = np.full((5, g2p.HISTORY), len(network.units))
    total = np.exp(network.log_probabilities(windows, history)).sum(axis=1)
    np.testing.assert_allclose(total, 1, rtol=1e-5)


def test_packing_and_unpacking_keep_the_network():
    network = g2p.default_network()
    again = g2p.unpack(g2p.pack(network))
    assert again.units == network.units
    np.testing.assert_allclose(again.w2, network.w2, rtol=1e-6)


def test_a_network_that_lacks_a_tensor_is_refused():
    arrays = g2p.pack(g2p.default_network())
    del arrays["w2"]
    with pytest.raises(ArtifactError, match="w2"):
        g2p.unpack(arrays)


def test_the_artefact_is_small():
    assert g2p.ARTIFACT.stat().st_size < 600_000
