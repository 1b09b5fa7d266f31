import math

import pytest

from visemic.core.acting_note import ActingNote, ActionPhrase, Span, edited_note, whole_note
from visemic.core.errors import InputError


def test_an_unknown_emotion_is_answered_with_the_span_and_the_nearest():
    with pytest.raises(InputError, match=r"span 1 to 2 s: no emotion 'hapy'.*did you mean 'happy'"):
        Span(1.0, 2.0, "hapy")


@pytest.mark.parametrize(
    ("field", "value"),
    [("intensity", 1.2), ("intensity", math.nan), ("blink", -1.0), ("brows", 9.0), ("tempo", 0.1)],
)
def test_a_number_out_of_range_is_refused_with_its_limits(field, value):
    with pytest.raises(InputError, match=rf"span 0 to 1 s has {field} .*; give "):
        Span(0.0, 1.0, **{field: value})


@pytest.mark.parametrize("times", [(math.nan, 1.0), (0.0, math.inf), (-1.0, 1.0), (2.0, 1.0)])
def test_a_time_that_is_none_is_refused(times):
    with pytest.raises(InputError, match=r"span .* s (has a time|runs backwards)"):
        Span(*times)


def test_unknown_gaze_and_head_name_the_nearest():
    with pytest.raises(InputError, match="did you mean 'down'"):
        Span(0.0, 1.0, gaze="dwn")
    with pytest.raises(InputError, match="did you mean 'shake'"):
        Span(0.0, 1.0, head="shakes")


def test_units_that_exclude_one_another_are_refused():
    with pytest.raises(InputError, match="widened eyes and closed eyes at once"):
        Span(0.0, 1.0, actions=(ActionPhrase(43, "very"), ActionPhrase(5, "very")))
    with pytest.raises(InputError, match="asks twice for lowered brows"):
        Span(0.0, 1.0, actions=(ActionPhrase(4, "very"), ActionPhrase(4, "slightly")))


def test_fear_may_raise_and_lower_brows():
    assert Span(0.0, 1.0, actions=(ActionPhrase(1, "very"), ActionPhrase(4, "very"))).actions


def test_an_unknown_unit_or_degree_names_the_nearest():
    with pytest.raises(InputError, match=r"no action unit 3 among .*; the nearest is 2"):
        ActionPhrase(3, "very")
    with pytest.raises(InputError, match="did you mean 'slightly'"):
        ActionPhrase(4, "slighty")


def test_spans_come_in_any_order_and_stand_in_time_order():
    note = ActingNote((Span(2.0, 3.0), Span(0.0, 1.0)))
    assert [span.start_s for span in note.spans] == [0.0, 2.0]


def test_overlapping_spans_are_named():
    with pytest.raises(InputError, match=r"span 0.5 to 2 s begins before span 0 to 1 s has ended"):
        ActingNote((Span(0.5, 2.0), Span(0.0, 1.0)))


def test_a_span_of_a_note_lasts():
    with pytest.raises(InputError, match="lasts no time"):
        ActingNote((Span(1.0, 1.0),))


def test_another_version_is_refused():
    with pytest.raises(InputError, match="version 2; this visemic reads 1"):
        ActingNote((), version=2)


def test_a_span_outside_the_clip_is_named_and_a_moment_over_is_cut():
    with pytest.raises(InputError, match=r"span 0 to 3 s lies outside the clip of 2.00 s"):
        whole_note(3.0, "sad").within(2.0)
    with pytest.raises(InputError, match="lies outside"):
        ActingNote((Span(2.0, 2.05),)).within(2.0)
    assert whole_note(2.05, "sad").within(2.0).spans[0].end_s == 2.0


def test_unknown_words_of_all_spans_are_told_once():
    note = ActingNote((Span(0.0, 1.0, unknown=("sleepy", "odd")), Span(1.0, 2.0, unknown=("odd",))))
    assert note.unknown == ("sleepy", "odd")


def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(InputError, match="text of 3000 characters"):
        Span(0.0, 1.0, text="a" * 3000)


def test_half_a_character_is_refused_before_a_file_is_written():
    for wrong in ({"text": "\ud800 hm"}, {"unknown": ("\udfffx",)}):
        with pytest.raises(InputError, match="half a character"):
            Span(0.0, 1.0, **wrong)


def test_a_note_of_a_sound_fits_its_frames():
    note = ActingNote((Span(0.0, 1.0), Span(1.0, 2.1), Span(2.1, 2.4)))
    shorter, longer = note.on_frames(2.4, 2.0), note.on_frames(2.4, 3.0)
    assert [span.end_s for span in shorter.spans] == [1.0, 2.0]
    assert [span.end_s for span in longer.spans] == [1.0, 2.1, 3.0]
    with pytest.raises(InputError, match="outside the clip"):
        note.on_frames(2.0, 3.0)


def test_an_edited_note_knows_the_earlier_ones():
    first, second, third = (whole_note(1.0, name) for name in ("sad", "happy", "angry"))
    edited = edited_note([first, second, third])
    assert (edited.spans, edited.before) == (third.spans, (first, second))
    with pytest.raises(InputError, match="no earlier note"):
        edited_note([])
