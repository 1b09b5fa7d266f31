"""English number words obey arithmetic."""

import pytest

from visemic.text import numbers_en

_VALUES = {word: value for value, word in enumerate(numbers_en._ONES)}
_VALUES |= {word: 10 * value for value, word in enumerate(numbers_en._TENS) if word}


def value_of(words: tuple[str, ...]) -> int:
    """Read number words back: the inverse of ``cardinal``."""
    total, group = 0, 0
    for word in words:
        if word == "hundred":
            group *= 100
        elif word in numbers_en._THOUSANDS:
            total += group * 1000 ** numbers_en._THOUSANDS.index(word)
            group = 0
        else:
            group += _VALUES[word]
    return total + group


def test_cardinals_read_back_to_themselves(rng):
    numbers = [*range(1200), *(int(10**power) for power in rng.uniform(3, 15, 300))]
    assert [value_of(numbers_en.cardinal(number)) for number in numbers] == numbers


def test_negative_numbers_have_a_minus():
    assert numbers_en.cardinal(-12) == ("minus", "twelve")


def test_an_ordinal_changes_only_the_last_word():
    for number in range(1, 300):
        assert numbers_en.ordinal(number)[:-1] == numbers_en.cardinal(number)[:-1]


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "first"), (2, "second"), (3, "third"), (5, "fifth"), (8, "eighth"), (9, "ninth"), (12, "twelfth")],
)
def test_irregular_ordinals(number, word):
    assert numbers_en.ordinal(number) == (word,)


def test_roman_numerals_read_back_to_themselves():
    assert [numbers_en.roman(numbers_en.to_roman(n)) for n in range(1, 4000)] == list(range(1, 4000))


@pytest.mark.parametrize("text", ["", "IIII", "VX", "IIX", "ABC", "iv"])
def test_what_is_no_roman_numeral_is_zero(text):
    assert numbers_en.roman(text) == 0


def test_huge_numbers_are_read_digit_by_digit():
    assert numbers_en.number_words("9" * 40) == ("nine",) * 40
