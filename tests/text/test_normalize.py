"""English as written becomes English as said."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visemic.core.errors import TextError
from visemic.text import normalize
from visemic.text.normalize import skipped_characters, split_sentences


def said(text: str, language: str = "en-us") -> str:
    return " ".join(
        word for s in split_sentences(text, language) for token in s.tokens for word in token.spoken
    )


FACTS = [
    # Whole numbers, decimals, signs.
    ("I have 3 cats", "i have three cats"),
    ("0", "zero"),
    ("21 dogs", "twenty one dogs"),
    ("1,000,000 stars", "one million stars"),
    ("1,234.56", "one thousand two hundred thirty four point five six"),
    ("3.14", "three point one four"),
    (".5", "point five"),
    ("-5", "minus five"),
    ("−5.5", "minus five point five"),
    ("５ cats", "five cats"),
    ("007", "zero zero seven"),
    ("1000000000000", "one trillion"),
    ("4111111111111111111", "four " + "one " * 17 + "one"),
    ("10k", "ten thousand"),
    ("v2.0.1", "version two point zero point one"),
    ("python3.11", "python three point one one"),
    # Ranks, fractions.
    ("1st 2nd 3rd", "first second third"),
    ("21st", "twenty first"),
    ("100th", "one hundredth"),
    ("the 1,000th", "the one thousandth"),
    ("1/2", "one half"),
    ("3/4", "three quarters"),
    ("2/3", "two thirds"),
    ("1½", "one and a half"),
    ("¼ cup", "one quarter cup"),
    ("3 1/2 inches", "three and a half inches"),
    ("24/7", "twenty four seven"),
    # Years and dates.
    ("in 1999", "in nineteen ninety nine"),
    ("in 2026", "in twenty twenty six"),
    ("in 2005", "in two thousand five"),
    ("in 1905", "in nineteen oh five"),
    ("the 1900s", "the nineteen hundreds"),
    ("the 1990s", "the nineteen nineties"),
    ("the '90s", "the nineties"),
    ("1999 km", "one thousand nine hundred ninety nine kilometers"),
    ("1990–1995", "nineteen ninety to nineteen ninety five"),
    ("3 May 2026", "the third of may twenty twenty six"),
    ("May 3, 2026", "may third twenty twenty six"),
    ("5/12/2024", "may twelfth twenty twenty four"),
    ("25/12/2024", "december twenty fifth twenty twenty four"),
    ("2026-11-20", "november twentieth twenty twenty six"),
    ("Nov. 20", "november twentieth"),
    ("20 Nov 2026", "the twentieth of november twenty twenty six"),
    ("the 3rd of May", "the third of may"),
    ("Mon-Fri", "monday to friday"),
    # Times.
    ("3:05 pm", "three oh five p m"),
    ("15:30", "fifteen thirty"),
    ("12:00", "twelve o'clock"),
    ("7 a.m.", "seven a m"),
    ("7am", "seven a m"),
    ("10:15:30", "ten fifteen and thirty seconds"),
    ("16:9", "sixteen to nine"),
    ("9:30am–5pm", "nine thirty a m to five p m"),
    ("Jan 1–5", "january first to fifth"),
    ("$5–$10", "five dollars to ten dollars"),
    ("1st–3rd", "first to third"),
    ("1,5 kg", "one point five kilograms"),
    # Money.
    ("$5.20", "five dollars twenty cents"),
    ("$1", "one dollar"),
    ("$0.99", "ninety nine cents"),
    ("£3m", "three million pounds"),
    ("€1,000", "one thousand euros"),
    ("5 €", "five euros"),
    ("5¢", "five cents"),
    ("-$5", "minus five dollars"),
    ("$3.5 billion", "three point five billion dollars"),
    ("$5/month", "five dollars per month"),
    # Units.
    ("5 km", "five kilometers"),
    ("1 km", "one kilometer"),
    ("10kg", "ten kilograms"),
    ("30°C", "thirty degrees celsius"),
    ("60 mph", "sixty miles per hour"),
    ("5%", "five percent"),
    ("5–10 km", "five to ten kilometers"),
    ("100 km/h", "one hundred kilometers per hour"),
    ("5 m²", "five square meters"),
    ("6'2\"", "six foot two"),
    # Telephone numbers.
    ("555-1234", "five five five one two three four"),
    ("(555) 123-4567", "five five five one two three four five six seven"),
    ("+1 555 123 4567", "plus one five five five one two three four five six seven"),
    # Roman numerals.
    ("Chapter IV", "chapter four"),
    ("Henry VIII", "henry the eighth"),
    ("World War II", "world war two"),
    ("I am", "i am"),
    # Abbreviations.
    ("Dr. Smith met Mr. and Mrs. Jones", "doctor smith met mister and missus jones"),
    ("Main St. in St. Louis", "main street in saint louis"),
    ("cats, e.g. lions", "cats for example lions"),
    ("i.e. that", "that is that"),
    ("and so on, etc.", "and so on et cetera"),
    ("No. 5 vs. No. 6", "number five versus number six"),
    ("p. 5", "page five"),
    ("Baker St., London", "baker street london"),
    ("221B", "two hundred twenty one b"),
    # Symbols.
    ("R&D", "r and d"),
    ("a + b = c", "a plus b equals c"),
    ("#5", "number five"),
    ("and/or", "and or"),
    ("~5", "about five"),
    ("<5", "less than five"),
    ("3 > 2", "three greater than two"),
    ("C++", "c plus plus"),
    ("x >= 10", "x greater than or equal to ten"),
    ("a <b>bold</b> word", "a bold word"),
    ("7 × 8", "seven times eight"),
    # Acronyms.
    ("NASA", "nasa"),
    ("USA", "u s a"),
    ("the U.S. government", "the u s government"),
    ("a PhD", "a p h d"),
    ("NASA's TVs", "nasa's t v's"),
    ("COVID-19", "covid nineteen"),
    ("MP3", "m p three"),
    ("STOP IT NOW!", "stop it now"),
    ("THIS IS US!", "this is us"),
    ("OpenAI", "open a i"),
    # Addresses, tags.
    ("john.doe@example.com", "john dot doe at example dot com"),
    ("https://www.example.com", "w w w dot example dot com"),
    ("example.org/news", "example dot org slash news"),
    ("#BlackLivesMatter", "hashtag black lives matter"),
    # Letters and marks.
    ("well-known T-shirt", "well known t shirt"),
    ("don't, it’s, o'clock", "don't it's o'clock"),
    ("“quoted” ‘words’", "quoted words"),
    ("café Müller Straße", "cafe muller strasse"),
    ("ＦＵＬＬ width", "full width"),
    ("Wait—what?", "wait what"),
    ("I ❤️ you 😀", "i you"),
    ("an\u00adother\x00 word\u200b", "another word"),
]


@pytest.mark.parametrize(("written", "spoken"), FACTS, ids=[written for written, _ in FACTS])
def test_it_is_said_as_people_say_it(written, spoken):
    assert said(written) == spoken


def test_the_day_comes_first_outside_america():
    assert said("5/12/2024", "en-gb") == "the fifth of december twenty twenty four"


SPLITS = [
    ("One. Two! Three?", ["One.", "Two!", "Three?"]),
    ("Dr. Smith paid $3.50. He left.", ["Dr. Smith paid $3.50.", "He left."]),
    ("See e.g. Fig. 3. It shows.", ["See e.g. Fig. 3.", "It shows."]),
    ("J. R. R. Tolkien wrote it.", ["J. R. R. Tolkien wrote it."]),
    ("The U.S. Senate met in the U.S. The end.", ["The U.S. Senate met in the U.S.", "The end."]),
    ("Visit example.com. Then go.", ["Visit example.com.", "Then go."]),
    ("It works.Really!Yes", ["It works.", "Really!", "Yes"]),
    ("“Really?” she asked. “No.” He left.", ["“Really?” she asked.", "“No.”", "He left."]),
    ("Well... maybe. So… Yes.", ["Well... maybe.", "So…", "Yes."]),
    ("He is 6 ft. tall. So.", ["He is 6 ft. tall.", "So."]),
    ("El Sr. López. King Jr. He", ["El Sr. López.", "King Jr.", "He"]),
    ("1. Open it. 2. Close it.", ["1. Open it.", "2. Close it."]),
    ("A title\n\nA text that\ngoes on", ["A title", "A text that goes on"]),
    ("At 5 p.m. we left. At 6 p.m. The bus came.", ["At 5 p.m. we left.", "At 6 p.m.", "The bus came."]),
]


@pytest.mark.parametrize(("text", "sentences"), SPLITS, ids=[text for text, _ in SPLITS])
def test_sentences_end_where_they_end(text, sentences):
    assert [sentence.text for sentence in split_sentences(text)] == sentences


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("你好。你好吗？好！", "zh", 3),
        ("नमस्ते। आप कैसे हैं?", "hi", 2),
        ("كيف حالك؟ بخير.", "ar", 2),
        ("Ça va ? Oui.", "fr", 2),
    ],
)
def test_other_scripts_have_sentences_too(text, language, count):
    sentences = split_sentences(text, language)
    assert len(sentences) == count
    assert all(token.spoken == (token.text,) for sentence in sentences for token in sentence.tokens)


def test_endings_are_told():
    assert [s.ending for s in split_sentences("A cat. A dog! A cow? A pig… A hen")] == [
        ".",
        "!",
        "?",
        "…",
        "",
    ]


def test_punctuation_makes_its_pause():
    (sentence,) = split_sentences("one, two; three: four (five) six - seven … eight nine")
    pauses = [token.pause_after_s for token in sentence.tokens]
    assert pauses == [
        normalize.COMMA_PAUSE_S,
        normalize.SEMICOLON_PAUSE_S,
        normalize.COLON_PAUSE_S,
        normalize.PARENTHESIS_PAUSE_S,
        normalize.PARENTHESIS_PAUSE_S,
        normalize.DASH_PAUSE_S,
        normalize.ELLIPSIS_PAUSE_S,
        0.0,
        0.0,
    ]


def test_paragraphs_pause_longer_than_lines_and_lines_longer_than_sentences():
    pauses = [s.pause_after_s for s in split_sentences("One. Two.\nThree.\n\nFour.")]
    assert pauses == [
        normalize.SENTENCE_PAUSE_S,
        normalize.LINE_PAUSE_S,
        normalize.PARAGRAPH_PAUSE_S,
        0.0,
    ]
    assert pauses[0] < pauses[1] < pauses[2]


def test_tokens_keep_their_spelling():
    (sentence,) = split_sentences("“Dr. Who” paid $5.20!")
    assert [token.text for token in sentence.tokens] == ["Dr", "Who", "paid", "$5.20"]


@pytest.mark.parametrize("text", ["", "   \n\t", "\x00\x01", "\u200b\ufeff"])
def test_empty_text_is_refused(text):
    with pytest.raises(TextError, match=r"text is empty \(\d+ characters"):
        split_sentences(text)


@pytest.mark.parametrize("text", ["!!!", "...", "😀😀", "-- ,", "' '", "™"])
def test_text_without_sound_is_refused(text):
    with pytest.raises(TextError, match="nothing in"):
        split_sentences(text)


def test_foreign_letters_alone_are_refused_with_the_way_out():
    with pytest.raises(TextError, match=r"Cyrillic.*--lang"):
        split_sentences("Привет, мир")


def test_foreign_letters_among_latin_ones_are_left_out_and_named():
    assert said("Привет hello 漢字") == "hello"
    assert skipped_characters("Привет hello 漢字 café") == "Привет漢字"
    assert skipped_characters("Привет", "ru") == ""


def test_too_long_a_text_is_refused_with_its_length():
    with pytest.raises(TextError, match="100001 characters, at most 100000"):
        split_sentences("a" * 100_001)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=40) | st.text("aB1 .,-'&$°½漢я\n/:%", max_size=25))
def test_any_text_is_refused_or_gives_english_words(text):
    try:
        sentences = split_sentences(text)
    except TextError:
        return
    words = [word for s in sentences for token in s.tokens for word in token.spoken]
    assert words
    assert all(re.fullmatch("[a-z']*[a-z][a-z']*", word) for word in words)


def test_unpaired_surrogates_do_no_harm():
    assert said("a\ud800b") == "ab"


LONG = [
    "a",
    "1",
    "a-",
    "a.",
    ".",
    "a\n",
    "a!",
    "'",
    "1,",
    "—",
    "1 ",
    "AB ",
    "(",
    "aB",
    "a'",
    "555 ",
    "Dr. No ",
]


@pytest.mark.slow
@pytest.mark.parametrize("unit", LONG)
def test_time_is_linear_in_the_length(unit):
    def seconds(length: int) -> float:
        text = (unit * length)[: length - 2] + " a"
        started = time.process_time()
        assert split_sentences(text)
        return time.process_time() - started

    seconds(1_000)
    assert seconds(24_000) < 10 * seconds(6_000) + 0.1
