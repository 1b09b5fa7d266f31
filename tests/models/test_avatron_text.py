import numpy as np
import pytest

from visemic.core.errors import ArtifactError, TextError
from visemic.core.signals import Phone
from visemic.models.avatron_text import (
    MAX_WORDS,
    SYMBOLS,
    check_symbols,
    frames_of_phones,
    phone_classes,
    read_script,
    symbol_numbers,
    symbols_of_phones,
)


def test_a_sentence_becomes_phones_between_pauses() -> None:
    (sentence,) = read_script("Mom, why?")
    assert sentence.symbols == ("SIL", "M", "AA", "M", ",", "W", "AY", "?")
    assert sentence.word_of_symbol == (-1, 0, 0, 0, -1, 1, 1, -1)
    assert sentence.words == ("Mom", "why")


def test_every_symbol_has_its_own_number_and_none_is_that_of_padding() -> None:
    numbers = symbol_numbers(SYMBOLS[1:])
    assert sorted(numbers) == list(range(1, len(SYMBOLS)))


def test_an_unknown_symbol_is_refused_with_the_nearest() -> None:
    with pytest.raises(TextError, match="no symbol 'AAA'"):
        symbol_numbers(["AAA"])


def test_a_model_of_other_symbols_is_refused() -> None:
    check_symbols(list(SYMBOLS), "good")
    with pytest.raises(ArtifactError, match="as symbol 1"):
        check_symbols([SYMBOLS[0], "XX", *SYMBOLS[2:]], "other")
    with pytest.raises(ArtifactError, match="2 symbols"):
        check_symbols(list(SYMBOLS[:2]), "short")


def test_mouth_classes_are_the_published_ones() -> None:
    np.testing.assert_array_equal(
        phone_classes(["ER", "UW", "IY", "EH", "B", "M", "P", "AA", "AY", "T", "SIL"]),
        [1, 1, 2, 2, 3, 3, 3, 4, 4, 0, 0],
    )


def test_slow_holds_to_the_next_mark_or_the_end_of_the_sentence() -> None:
    first, second = read_script("We {slow} go {normal} home. We go.")
    speed = dict(zip(first.word_of_symbol, first.tempo, strict=True))
    assert speed[0] == 1.0
    assert speed[1] == 0.75
    assert speed[2] == 1.0
    assert set(second.tempo) == {1.0}


def test_a_mark_with_a_number_sets_the_tempo() -> None:
    (sentence,) = read_script("{tempo 1.5} go home")
    assert set(sentence.tempo) == {1.5}


def test_a_pause_is_inserted_and_a_pause_that_is_there_is_set() -> None:
    (inserted,) = read_script("go {pause 0.5} home")
    place = inserted.symbols.index(",")
    assert inserted.fixed_s[place] == 0.5
    (there,) = read_script("go, {pause 0.25} home")
    assert there.symbols.count(",") == 1
    assert there.fixed_s[there.symbols.index(",")] == 0.25
    (last,) = read_script("go home {pause 1}")
    assert last.fixed_s[-1] == 1.0


def test_pauses_in_a_row_add_up_to_a_limit() -> None:
    (sentence,) = read_script("go {pause 0.5} {pause 0.25} home")
    assert sentence.fixed_s[sentence.symbols.index(",")] == 0.75
    with pytest.raises(TextError, match="pauses of 12 s in a row cannot be followed; give at most 10 s"):
        read_script("go {pause 6}{pause 6} home")


def test_a_long_pause_ends_a_stretch_and_keeps_its_length() -> None:
    first, second = read_script("go {pause 3} home")
    assert (first.words, second.words) == (("go",), ("home",))
    assert first.symbols[-1] == ","
    assert first.fixed_s[-1] + second.fixed_s[0] == 3.0
    many = read_script("{pause 0.9} word " * 20)
    assert max(sum(s for s in part.fixed_s if s is not None) for part in many) < 6.0
    assert sum(s for part in many for s in part.fixed_s if s is not None) == pytest.approx(18.0)


def test_a_tempo_holds_across_a_long_pause_to_the_end_of_the_sentence() -> None:
    first, second, third = read_script("{slow} go {pause 2} home. We go.")
    assert set(first.tempo) == set(second.tempo) == {0.75}
    assert set(third.tempo) == {1.0}


@pytest.mark.parametrize("text", ["go {slow home", "go slow} home", "go {slow} on {"])
def test_half_a_mark_is_refused(text) -> None:
    with pytest.raises(TextError, match="curly bracket without its other half"):
        read_script(text)


@pytest.mark.parametrize("text", ["{slwo} go", "{tempo 9} go", "{pause x} go", "{pause -1} go"])
def test_a_mark_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="mark"):
        read_script(text)


def test_a_mark_inside_a_number_is_refused() -> None:
    with pytest.raises(TextError, match="between words"):
        read_script("It cost $1{slow}25.")


@pytest.mark.slow
def test_five_thousand_words_without_a_full_stop_are_cut() -> None:
    script = read_script("well then we go on " * 1_000)
    assert sum(len(sentence.words) for sentence in script) == 5_000
    assert max(len(sentence.words) for sentence in script) <= MAX_WORDS


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(TextError):
        read_script("{slow}")


def test_phones_of_a_corpus_take_every_frame_once() -> None:
    phones = [Phone("SIL", 0.0, 0.1), Phone("AX", 0.1, 0.153), Phone("M", 0.153, 0.3), Phone("SIL", 0.3, 0.5)]
    frames = frames_of_phones(phones, 41)
    assert frames.sum() == 41
    np.testing.assert_array_equal(np.cumsum(frames)[:3], [8, 12, 24])
    assert symbols_of_phones(phones, 'He said "go!"') == ("SIL", "AH", "M", "!")
