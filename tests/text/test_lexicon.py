"""Pronunciations follow the dictionary, then the laws of endings, then the letters."""

import pytest

from visemic.core.errors import TextError
from visemic.text import lexicon
from visemic.text.lexicon import pronounce, pronunciations, with_ed, with_s
from visemic.text.visemes import phone_table


def phones(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def dictionary_lines() -> list[str]:
    return lexicon.dictionary_path().read_text(encoding="utf-8").splitlines()


def test_the_search_finds_what_the_file_says(rng):
    lines = dictionary_lines()
    chosen = [0, 1, len(lines) - 1, *rng.integers(0, len(lines), 500)]
    for number in chosen:
        word, _, said = lines[number].partition(" ")
        assert phones(said) in lexicon.dictionary_pronunciations(word.partition("(")[0])


def test_the_file_is_sorted_as_the_search_needs():
    words = [line.partition(" ")[0].partition("(")[0] for line in dictionary_lines()]
    assert words == sorted(words)


def test_words_beside_the_dictionary_are_not_found():
    for word in ("", "qqqq", "zzzzzz", "'", "hell o", "naïve", "hello(2)"):
        assert not lexicon.is_known(word)


def test_variants_come_in_order():
    assert pronunciations("either") == (phones("IY DH ER"), phones("AY DH ER"))


@pytest.mark.parametrize(
    ("stem", "ending"),
    [("K AE T", "S"), ("D AO G", "Z"), ("B AH S", "IH Z"), ("B IY", "Z"), ("CH ER CH", "IH Z")],
)
def test_s_agrees_with_the_sound_before_it(stem, ending):
    assert with_s(phones(stem)) == phones(f"{stem} {ending}")


@pytest.mark.parametrize(
    ("stem", "ending"), [("W AO K", "T"), ("B EH G", "D"), ("W AO N T", "IH D"), ("P L EY", "D")]
)
def test_ed_agrees_with_the_sound_before_it(stem, ending):
    assert with_ed(phones(stem)) == phones(f"{stem} {ending}")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("viseme's", "V IH Z IY M Z"),
        ("podcasters'", "P AO D K AE S T ER Z"),
        ("podcast's", "P AO D K AE S T S"),
        ("hashtags", "HH AE SH T AE G Z"),
        ("tokenized", "T OW K AH N AY Z D"),
        ("robot'd", "R OW B AA T AH D"),
        ("shouldn't've", "SH UH D AH N T AH V"),
        ("unfriendliness", "AH N F R EH N D L IY N AH S"),
        ("tokenizers", "T OW K AH N AY Z ER Z"),
        ("blendshapes", "B L EH N D SH EY P S"),
        ("mouthshape", "M AW TH SH EY P"),
        ("nooooo", "N OW"),
        ("coooool", "K UW L"),
    ],
)
def test_unknown_words_are_taken_apart(word, said):
    assert not lexicon.is_known(word)
    assert pronounce(word) == phones(said)


def test_letters_say_their_names():
    assert [pronounce(letter) for letter in "bcx"] == [lexicon.letter_name(letter) for letter in "bcx"]
    assert pronunciations("a") == (("AH",), ("EY",))


def test_all_pronunciations_are_phones_of_the_table():
    known = set(phone_table().phones)
    for word in ("strength", "blorptastic", "xqz", "o'clock", "zzz", "q", "rhythm", "unvisemic"):
        assert set(pronounce(word)) <= known


def test_case_and_curly_apostrophes_do_not_matter():
    assert pronounce("Don’t") == pronounce("don't")


@pytest.mark.parametrize("word", ["", "'", "two words", "naïve", "5", "hugging-like"])
def test_what_is_no_word_is_refused(word):
    with pytest.raises(TextError, match="cannot pronounce"):
        pronounce(word)


def test_what_is_no_letter_is_refused():
    with pytest.raises(TextError, match="no letter 'é'"):
        lexicon.letter_name("é")
