"""Notes against captions: what counts as right."""

import pytest

from visemic.core.acting_note import ActingNote, ActionPhrase, Span
from visemic.data.captions import Caption
from visemic.evaluation.avi_note import NoteCount, caption_span, count_note, main_span, note_figures

TRUE = Span(
    0.0, 0.0, "happy", 0.65, (ActionPhrase(12, "very"), ActionPhrase(6, "quite")), gaze="down", head="nod"
)


def test_a_caption_says_itself():
    assert count_note(TRUE, TRUE) == NoteCount(1, 1, 2, 0, 0, 2, 2, 1, 1)


def test_units_are_hit_wrong_or_missed_and_degrees_count_among_the_hits():
    said = Span(0.0, 0.0, "sad", 1.0, (ActionPhrase(12, "quite"), ActionPhrase(4, "very")))
    assert count_note(said, TRUE) == NoteCount(0, 0, 1, 1, 1, 0, 1, 0, 0)


def test_figures_are_shares_of_clips_and_the_f1_of_all_units():
    said = Span(0.0, 0.0, "sad", 1.0, (ActionPhrase(12, "quite"), ActionPhrase(4, "very")))
    found = note_figures([count_note(TRUE, TRUE), count_note(said, TRUE)], 0)
    assert found["emotion"].mean == 0.5
    assert found["unit_f1"].mean == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    assert found["degree"].mean == pytest.approx(2 / 3)
    assert found["degree_within_one"].mean == 1.0
    assert all(0 <= e.low <= e.mean <= e.high <= 1 for e in found.values())


def test_the_longest_span_speaks_for_a_note_and_an_empty_note_says_neutral():
    note = ActingNote((Span(0.0, 0.5, "angry", 1.0), Span(0.5, 2.0, "happy", 0.5)))
    assert main_span(note).emotion == "happy"
    assert main_span(ActingNote(())).emotion == "neutral"


@pytest.mark.slow
def test_a_caption_becomes_a_span_with_its_units():
    caption = Caption("c", "angry", 1.0, {4: "very", 24: "slightly"}, "down", "", ("Angry.",))
    span = caption_span(caption)
    assert span.emotion == "angry"
    assert {a.unit: a.degree for a in span.actions} == {4: "very", 24: "slightly"}
    assert span.gaze == "down"
