import json
import time

import pytest

from visemic.core.acting_json import (
    JSON_SCHEMA,
    note_from_json,
    note_from_text,
    note_to_json,
    note_to_text,
)
from visemic.core.acting_note import ActingNote, ActionPhrase, Span
from visemic.core.action_units import EMOTION_NAMES
from visemic.core.errors import FormatError, InputError

NOTE = ActingNote(
    (
        Span(0.0, 1.25, "angry", 0.8, (ActionPhrase(4, "very"), ActionPhrase(9, "fairly")), gaze="down"),
        Span(1.25, 2.5, head="tilt", blink=2.0, brows=0.5, tempo=1.25, text="as asked", unknown=("asked",)),
    ),
    "a person",
)


def of(*spans, **more):
    return json.dumps({"version": 1, "spans": list(spans), **more})


def span(**values):
    return {"start_s": 0, "end_s": 1, **values}


def test_json_comes_back_as_it_went():
    assert note_from_json(note_to_json(NOTE)) == NOTE


def test_text_comes_back_as_it_went():
    assert note_from_text(note_to_text(NOTE), NOTE.source) == NOTE
    assert note_to_text(note_from_text(note_to_text(NOTE))) == note_to_text(NOTE)


def test_actions_are_words_that_people_edit_or_numbers():
    words = note_from_json(of(span(actions=["very lowered brows"])))
    numbers = note_from_json(of(span(actions=[{"unit": 4, "degree": "very"}])))
    assert words.spans == numbers.spans
    assert "very lowered brows" in note_to_json(words)


def test_a_text_fills_what_the_fields_do_not_say():
    found = note_from_json(of(span(gaze="up", text="A very sad person speaks, looking down, sleepy."))).spans[
        0
    ]
    assert (found.emotion, found.intensity, found.gaze) == ("sad", 0.8, "up")
    assert found.unknown == ("sleepy",)
    assert note_from_json(note_to_json(ActingNote((found,)))).spans[0] == found


def test_unknown_words_among_actions_are_kept():
    found = note_from_json(of(span(actions=["wiggly ears", "very lowered brows"]))).spans[0]
    assert found.unknown == ("wiggly ears",)
    assert [action.unit for action in found.actions] == [4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON at line 1"),
        ("", "no JSON at line 1"),
        ("[]", "no JSON table"),
        ("null", "no JSON table"),
        ("[" * 100_000, "no JSON|nested too deeply"),
        ('{"version": 1}', "no list of spans"),
        (of(version=7), "version 7; this visemic reads 1"),
        (of(version=True), "version True"),
        (of(spam=1), "unknown key spam"),
        (of(3), "span 1 of the note is no table"),
        (of(span(), {"start_s": 1}), "span 2 has no end_s"),
        (of(span(intensty=1)), "unknown key span 1.intensty; did you mean span 1.intensity"),
        (of(span(emotion="hapy")), "span 0 to 1 s: no emotion 'hapy'.*did you mean 'happy'"),
        (of(span(emotion=3)), "span 1 has emotion 3; give text"),
        (of(span(intensity="much")), "span 1 has intensity 'much'; give a number"),
        (of(span(intensity=True)), "give a number"),
        (of(span(intensity=3)), "span 0 to 1 s has intensity 3"),
        ('{"version": 1, "spans": [{"start_s": NaN, "end_s": 1}]}', "holds NaN"),
        (of(span(end_s=10**400)), "give a number|no number"),
        (of(span(actions="very lowered brows")), "span 1 has actions"),
        (of(span(actions=[{"unit": 3, "degree": "very"}])), "span 1: no action unit 3"),
        (of(span(actions=[{"unit": "4", "degree": "very"}])), "give a unit and a degree"),
        (of(span(actions=[4])), "give words"),
        (of(span(unknown="a")), "give a list of words"),
        (of(span(), span()), "begins before span 0 to 1 s has ended"),
        (of(span(text="A happy and angry person.")), "span 0 to 1 s: .*two emotions"),
        (of(span(emotion="sad", text="A happy person.")), "emotion 'sad' and its text says 'happy'"),
        (of(span(text="raised inner brows and lowered inner brows")), "both raised and lowered"),
        (of(source=3), "source is no text"),
        (" " * 2_000_001, "2000001 characters"),
        (of(*[span()] * 2001), "2001 spans"),
        ('{"version": 1, "spans": [{"start_s": 0, "end_s": ' + "9" * 5000 + "}]}", "thousands of digits"),
        (of(span(text="\ud800 hm")), r"says '\\ud800 hm', which holds half a character"),
        (of(span(unknown=["\ud800x"])), "half a character"),
        (of(span(actions=["\ud800x"])), "half a character"),
        (of(span(), source="\udfff"), "half a character"),
        ('{"version": 1, "spans": [{"start_s": 0, "end_s": 1, "end_s": 2}]}', "'end_s' twice in one table"),
        (of(span(actions=["lowered inner brows", "raised inner brows"])), "both raised and lowered"),
        (of(span(actions=["lowered inner brows", {"unit": 1, "degree": "very"}])), "both raised and lowered"),
        (of(span(actions=["raised inner brows"], text="lowered inner brows")), "both raised and lowered"),
        (of(span(text="very happy and slightly happy")), "very and slightly happy"),
        (of(version="v" * 9000), "of version 'vvv"),
        (of(span(emotion="x" * 9000)), "no emotion 'xxx"),
        (of(span(**{"k\n\x1b[31m": 1})), "unknown key span 1"),
        (of(span(**{"k" * 9000: 1})), "unknown key span 1"),
    ],
)
def test_a_note_that_cannot_be_used_is_one_clear_sentence(text, message):
    with pytest.raises(InputError, match=message) as caught:
        note_from_json(text)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 250
    assert not sentence.endswith(".")


@pytest.mark.parametrize("line", ["hello", "0-1 A happy person", "0.0.0-1 s: A person", "-1-2 s: x"])
def test_a_line_that_is_no_span_is_named(line):
    with pytest.raises(FormatError, match="line 2 of the note is no span"):
        note_from_text(f"0-0.5 s: A happy person speaks.\n{line}\n")


@pytest.mark.parametrize("free", [r'"a \q b"', r'"a \u12 b"', r'"\ud800"'])
def test_a_quotation_that_is_none_is_one_sentence(free):
    with pytest.raises(InputError, match=r"^line 1 of the note"):
        note_from_text(f"0.0-1.0 s: A happy person speaks. {free}\n")


def test_quoted_text_may_hold_tabs_and_fills_what_is_left_open():
    (found,) = note_from_text('0-1 s: A happy person speaks. "a\tb, looking down"\n').spans
    assert (found.text, found.gaze, found.unknown) == ("a\tb, looking down", "down", ("b",))
    with pytest.raises(
        InputError, match="line 1 of the note: span 0 to 1 s has emotion 'happy' and its text"
    ):
        note_from_text('0-1 s: A happy person speaks. "as if angry"')
    with pytest.raises(InputError, match=r"line 1 of the note: .*both raised and lowered"):
        note_from_text('0-1 s: raised inner brows "lowered inner brows"')


@pytest.mark.parametrize(
    "values",
    [
        {"actions": ["angry"]},
        {"unknown": ["looking down", "a\nb", 'say "hi"', 'x ("', "b,"]},
        {"unknown": ["a\u2028b", "a\x85b"], "text": 'x\u2028y\x85 "zork" \\ \t\n'},
        {"text": 'zork ("', "unknown": ["not blinking naturally"]},
        {"emotion": "sad", "text": "looking down"},
    ],
)
def test_what_lines_hold_is_read_back(values):
    note = note_from_json(of(span(**values), source="me"))
    text = note_to_text(note)
    assert text.count("\n") == 1
    assert text.isascii()
    assert note_from_text(text, "me") == note


@pytest.mark.parametrize("times", [(0.0001, 0.0004), (1.0004, 1.0005), (5e-324, 1e-323)])
def test_short_spans_are_written_with_as_many_decimals_as_they_need(times):
    note = ActingNote((Span(*times, "happy", 1.0), Span(1.5, 2.0)))
    again = note_from_text(note_to_text(note))
    assert [s.duration_s > 0 for s in again.spans] == [True, True]


def test_spans_that_meet_within_a_hair_stay_apart_as_lines():
    note = ActingNote((Span(0.0, 1.0005000001), Span(1.0004999999, 2.0)))
    assert len(note_from_text(note_to_text(note)).spans) == 2


@pytest.mark.parametrize(
    ("values", "intensity"),
    [
        ({"emotion": "happy"}, 1.0),
        ({"emotion": "happy", "text": "slightly happy"}, 0.25),
        ({"emotion": "happy", "intensity": 0}, 0.0),
        ({"emotion": "neutral"}, 0.0),
        ({}, 0.0),
    ],
)
def test_an_emotion_without_an_intensity_is_felt(values, intensity):
    assert note_from_json(of(span(**values))).spans[0].intensity == intensity


def test_long_lines_are_read_or_refused_at_once():
    began_s = time.monotonic()
    for tail in (" " * 200_000, ' "' * 100_000, '\\"' * 100_000, '("", ' * 50_000):
        with pytest.raises(InputError, match="cannot be read"):
            note_from_text(f"0-1 s: happy {tail}x")
    assert time.monotonic() - began_s < 2.0


def test_lines_of_people_are_read():
    note = note_from_text("\n0 - 1.5: a happy person\n\n1.5-2 s: A sad person speaks.\n")
    assert [(s.end_s, s.emotion) for s in note.spans] == [(1.5, "happy"), (2.0, "sad")]


def test_the_schema_names_every_emotion_and_can_be_sent():
    text = json.dumps(dict(JSON_SCHEMA))
    assert all(f'"{emotion}"' in text for emotion in EMOTION_NAMES)
    assert json.loads(text)["required"] == ["version", "spans"]


def test_quotation_marks_among_words_are_no_free_text():
    (found,) = note_from_text('0-1 s: a "happy" person, 5" tall').spans
    assert (found.emotion, found.text) == ("happy", "")
