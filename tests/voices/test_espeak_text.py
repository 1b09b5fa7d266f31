import pytest

from visemic.text.normalize import split_sentences
from visemic.voices.espeak_text import plain, script_of


def script(text, language="en-us"):
    (sentence,) = split_sentences(text, language)
    return script_of(sentence, language)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Hello, world!", "hello, world!"),
        ("Is it $5?", "is it five dollars?"),
        ("The FBI and A.I. work", "the F.B.I. and A.I. work."),
        ("Plan A works.", "plan eigh works."),
        ("I take vitamin A.", "i take vitamin eigh."),
        ("A dog", "a dog."),
        ("Once Upon A Time", "once upon a time."),
        ("A1", "eigh one."),
        ("A", "eigh."),
        ("well; yes", "well; yes."),
    ],
)
def test_english_is_sent_as_it_is_spoken(written, said):
    assert script(written).text == said


@pytest.mark.parametrize("text", ["Pay $5 to the FBI, Dr. No.", "One. 2", "yes"])
def test_every_token_begins_where_its_words_stand(text):
    for sentence in split_sentences(text):
        sent = script_of(sentence, "en-us")
        assert len(sent.starts) == len(sent.tokens)
        for start, part in zip(sent.starts, sent.parts, strict=True):
            assert sent.text[start:].startswith(part)


def test_other_languages_are_sent_as_written():
    sent = script("Le prix: 5 € à l'hôtel?", "fr")
    assert sent.text == "Le prix: 5 € à l'hôtel?"
    assert [sent.text[a : a + 2] for a in sent.starts] == ["Le", "pr", "5 ", "€ ", "à ", "l'"]
    assert not sent.is_english


def test_nothing_that_is_sent_can_be_a_command():
    dangerous = "<b>[[x]]</b>\x01\x00\u202e\ud800{}|`^~\\_\u2028"
    assert not set(plain(dangerous)) - set(" bx/")
    assert plain("می\u200cخواهم") == "می\u200cخواهم"
    assert plain("5 € & 3 %, übrigens…") == "5 € & 3 %, übrigens…"
