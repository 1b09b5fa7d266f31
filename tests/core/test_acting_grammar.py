import numpy as np
import pytest

from visemic.core.acting_grammar import (
    N_TEMPLATES,
    parse_actions,
    parse_instruction,
    split_unknown,
    vocabulary,
    write_instruction,
)
from visemic.core.acting_note import GAZES, HEADS, ActionPhrase, Span
from visemic.core.action_units import AU_PHRASES, DEGREES, EMOTION_NAMES
from visemic.core.errors import InputError


def random_spans(n):
    """Give spans whose numbers the grammar has words for."""
    rng = np.random.default_rng(0)
    spans = []
    while len(spans) < n:
        units = rng.choice(list(AU_PHRASES), rng.integers(0, 5), replace=False)
        emotion = str(rng.choice(EMOTION_NAMES))
        amplitudes = [None, 0.0, 0.5, 1.0, 2.0, 3.0]
        try:
            span = Span(
                0.0,
                0.0,
                emotion,
                0.0 if emotion == "neutral" else float(rng.choice(list(DEGREES.values()))),
                tuple(ActionPhrase(int(unit), str(rng.choice(list(DEGREES)))) for unit in units),
                gaze=str(rng.choice(["", *GAZES])),
                head=str(rng.choice(["", *HEADS])),
                blink=amplitudes[rng.integers(6)],
                brows=amplitudes[rng.integers(6)],
                tempo=[None, 0.6, 0.8, 1.0, 1.25, 1.6][rng.integers(6)],
            )
        except InputError:
            continue
        spans.append(span)
    return spans


def test_there_are_at_least_ten_ways_to_build_a_sentence():
    assert N_TEMPLATES >= 10
    span = Span(0.0, 0.0, "angry", 0.8, (ActionPhrase(4, "very"), ActionPhrase(24, "slightly")), gaze="down")
    assert len({write_instruction(span, template) for template in range(3 * N_TEMPLATES)}) > 2 * N_TEMPLATES


def test_every_template_reads_back_as_the_same_span():
    for number, span in enumerate(random_spans(60)):
        for template in (0, number % N_TEMPLATES, number):
            assert parse_instruction(write_instruction(span, template)) == span


def test_a_sentence_of_every_template_is_written_again_as_the_plain_one():
    for number, span in enumerate(random_spans(60)):
        text = write_instruction(parse_instruction(write_instruction(span, number)))
        assert text == write_instruction(span)


def test_sentences_use_the_vocabulary_alone():
    known = set(vocabulary())
    for number, span in enumerate(random_spans(100)):
        words = write_instruction(span, number).lower().replace(",", " ").replace(";", " ").replace(":", " ")
        assert set(words.rstrip(".").split()) <= known


def test_the_plain_sentence():
    span = Span(0.0, 0.0, "angry", 0.8, (ActionPhrase(4, "very"), ActionPhrase(24, "slightly")), gaze="down")
    expected = "A very angry person speaks with very lowered brows and slightly pressed lips, looking down."
    assert write_instruction(span) == expected


def test_intensities_and_numbers_become_the_nearest_words():
    assert "mildly happy" in write_instruction(Span(0.0, 0.0, "happy", 0.4))
    assert write_instruction(Span(0.0, 0.0, "happy", 0.0)) == "A neutral person speaks."
    assert "often blinking" in write_instruction(Span(0.0, 0.0, blink=1.8))


def test_unknown_words_are_kept_and_survive_text_to_span_to_text():
    span = parse_instruction("A slightly sad, very sleepy zebra speaks, nodding.")
    assert span.unknown == ("very sleepy", "zebra")
    assert (span.emotion, span.head) == ("sad", "nod")
    assert parse_instruction(write_instruction(span)) == span


def test_what_is_denied_is_not_done():
    span = parse_instruction("A person who is not angry speaks without a smile, never blinking.")
    assert (span.emotion, span.actions, span.blink) == ("neutral", (), 0.0)
    assert span.unknown == ("not angry", "without smile")


@pytest.mark.parametrize(
    "text",
    [
        "not looking happy",
        "does not look happy",
        "not in an angry mood",
        "not at all happy",
        "isn't really angry",
        "no longer sad",
        "without much anger",
        "no sign of joy",
        "don't smile",
        "not really smiling",
        "he isn’t happy",
        "he wouldn't ever look very happy",
        "neither happy nor sad",
        "not happy or sad",
        "free of anger",
        "not very looking happy",
    ],
)
def test_a_negation_reaches_over_other_words(text):
    span = parse_instruction(text)
    assert (span.emotion, span.actions) == ("neutral", ())
    assert span.unknown


@pytest.mark.parametrize(
    "text",
    [
        "not sad but happy",
        "not, happy",
        "no frown and happy",
        "happy, not sad",
        "not angry; happy",
        "not sad, happy",
    ],
)
def test_a_negation_ends_at_a_mark_a_turn_or_one_thing(text):
    span = parse_instruction(text)
    assert (span.emotion, span.actions) == ("happy", ())


@pytest.mark.parametrize(
    "word", ["angry", "looking down", "a\nb", "x\u2028y", 'say "hi"', "not blinking naturally", "("]
)
def test_unknown_words_are_quoted_and_never_read_as_grammar(word):
    span = Span(0.0, 0.0, "sad", 0.8, unknown=(word, "b, c"))
    text = write_instruction(span)
    assert text.isascii()
    assert "\n" not in text
    assert parse_instruction(text) == span
    assert split_unknown(text) == ("A very sad person speaks.", (word, "b, c"), "")


def test_actions_stand_for_units_alone_and_the_rest_is_kept():
    actions, unknown = parse_actions(["smiling, looking down, very angry", "happy", "a smile"])
    assert actions == (ActionPhrase(12, "quite"),)
    assert unknown == ("looking down", "very angry", "happy")


def test_people_may_write_freely():
    span = parse_instruction("ANGER!! frowning, raised eyebrows & eyes down")
    assert (span.emotion, span.gaze) == ("angry", "down")
    assert {action.unit for action in span.actions} == {1, 2, 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A happy and angry person speaks.", "two emotions, 'happy' and 'angry'"),
        ("very raised inner brows and very lowered inner brows", "inner brows both raised and lowered"),
        ("looking up, looking down", "gaze up and down"),
        ("nodding, shaking the head", "head nod and shake"),
        ("very lowered brows, slightly lowered brows", "very and slightly lowered brows"),
        ("very closed eyes and widened eyes", "at once"),
        ("never blinking, often blinking", "blink 0.0 and 2.0"),
        ("very happy and slightly happy", "very and slightly happy"),
    ],
)
def test_contradictions_are_named(text, message):
    with pytest.raises(InputError, match=message):
        parse_instruction(text)


@pytest.mark.parametrize("text", ["", "   ", ".,;!", "😀 🙃", "\x00\n"])
def test_nothing_said_is_a_neutral_span(text):
    assert parse_instruction(text) == Span(0.0, 0.0)


def test_a_sentence_that_is_too_long_and_a_negative_wording_are_refused():
    with pytest.raises(InputError, match="5000 characters"):
        parse_instruction("happy" * 1000)
    with pytest.raises(InputError, match="wording -1"):
        write_instruction(Span(0.0, 0.0), -1)


def test_actions_that_contradict_one_another_are_refused():
    with pytest.raises(InputError, match="both raised and lowered"):
        parse_actions(["lowered inner brows", "raised inner brows"])
    with pytest.raises(InputError, match="very and slightly lowered brows"):
        parse_actions(["very lowered brows", "slightly lowered brows"])
