import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.data.synthetic_text import MAX_WORDS, MIN_WORDS, phrases, words
from visemic.text.lexicon import pronounce


def test_phrases_differ_and_have_3_to_10_words():
    found = phrases(3_000, np.random.default_rng(1))
    assert len(set(found)) == 3_000
    lengths = {len(phrase.split()) for phrase in found}
    assert lengths <= set(range(MIN_WORDS, MAX_WORDS + 1))
    assert {4, 5, 6, 7, 8, 9, 10} <= lengths


def test_more_phrases_begin_with_the_same_ones():
    assert phrases(50, np.random.default_rng(3)) == phrases(80, np.random.default_rng(3))[:50]


def test_phrases_that_were_said_are_not_said_again():
    first = phrases(50, np.random.default_rng(3))
    assert not set(first) & set(phrases(50, np.random.default_rng(3), without=first))


def test_a_negative_number_is_refused():
    with pytest.raises(InputError, match="-1 phrases"):
        phrases(-1, np.random.default_rng(0))


def test_the_words_meet_every_english_phoneme():
    met = {phone.rstrip("012") for word in words() for phone in pronounce(word)}
    assert len(met) == 39
