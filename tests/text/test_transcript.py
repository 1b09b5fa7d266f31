"""A transcript is every spoken word, in order, with at least one pronunciation."""

import pytest

from visemic.core.errors import TextError
from visemic.text.lexicon import letter_name
from visemic.text.normalize import SENTENCE_PAUSE_S, split_sentences
from visemic.text.transcript import spoken_words

TEXT = "Dr. Smith paid $5.20 for the USA map. He left at 3:05 pm."


def test_the_words_are_those_of_the_sentences():
    words = spoken_words(TEXT)
    expected = [w for s in split_sentences(TEXT) for token in s.tokens for w in token.spoken]
    assert [word.word for word in words] == expected
    assert all(word.pronunciations and all(word.pronunciations) for word in words)


def test_each_word_knows_its_token():
    sentences = split_sentences(TEXT)
    for word in spoken_words(TEXT):
        token = sentences[word.sentence_index].tokens[word.token_index]
        assert word.word in token.spoken
        assert word.text == token.text


def test_spelled_letters_have_their_names_but_the_article_has_not():
    words = {(w.text, w.word): w.pronunciations for w in spoken_words("a USA map")}
    assert words["USA", "a"] == (letter_name("a"),)
    assert words["a", "a"][0] == ("AH",)


def test_pauses_stand_behind_the_last_word_of_a_token():
    words = spoken_words("It cost $5. Why?")
    assert [w.pause_after_s for w in words] == [0.0, 0.0, 0.0, SENTENCE_PAUSE_S, 0.0]


def test_other_languages_are_refused():
    with pytest.raises(TextError, match="language 'fr'"):
        spoken_words("bonjour", "fr")
