import itertools
import json

import pytest

from visemic.core.errors import FormatError
from visemic.core.signals import Alignment, Word
from visemic.export.clip import ClipData
from visemic.export.subtitle import MAX_LINE, subtitles, wrap, write_srt, write_vtt


def spoken(text, *, word_s=0.2, gap_after=None, gap_s=0.0):
    words, time_s = [], 0.0
    for piece in text.split():
        bare = piece.strip(".,!?…“”‘’\"'()—:;")
        words.append(Word(bare, time_s, time_s + word_s))
        time_s += word_s + (gap_s if bare == gap_after else 0.0)
    return Alignment((), tuple(words), text, time_s + 0.5)


def lines_of(alignment):
    return [" / ".join(s.lines) for s in subtitles(alignment)]


def test_srt_looks_like_this(tmp_path, clip):
    write_srt(clip, tmp_path / "a.srt")
    assert (tmp_path / "a.srt").read_text() == "1\n00:00:00,100 --> 00:00:01,000\n“Hello”, 5!\n"


def test_vtt_looks_like_this_and_holds_its_manifest(tmp_path, clip):
    write_vtt(clip, tmp_path / "a.vtt")
    head, note, cue = (tmp_path / "a.vtt").read_text().split("\n\n")
    assert head == "WEBVTT"
    assert cue == "00:00:00.100 --> 00:00:01.000\n“Hello”, 5!\n"
    assert "-->" not in note
    manifest = json.loads(note.removeprefix("NOTE "))
    assert manifest["command"] == "visemic speak Hello --> x"


def test_a_sentence_and_a_pause_end_a_subtitle():
    assert lines_of(spoken("One two. Three four? Yes")) == ["One two.", "Three four?", "Yes"]
    assert lines_of(spoken("one two three four", gap_after="two", gap_s=0.51)) == ["one two", "three four"]
    assert lines_of(spoken("one two three four", gap_after="two", gap_s=0.5)) == ["one two three four"]


def test_an_abbreviation_ends_no_subtitle():
    assert lines_of(spoken("Mr. J. Smith met Dr. Who. He left.")) == ["Mr. J. Smith met Dr. Who.", "He left."]


def test_words_written_together_stay_together():
    words = tuple(
        Word(word, i * 0.2, i * 0.2 + 0.2) for i, word in enumerate(["the", "so", "called", "thing"])
    )
    assert lines_of(Alignment((), words, "(the so-called “thing”)", 1.0)) == ["(the so-called “thing”)"]
    signs = tuple(Word(sign, i * 0.2, i * 0.2 + 0.2) for i, sign in enumerate("你好世界"))
    assert lines_of(Alignment((), signs, "你好,世界。", 1.0)) == ["你好,世界。"]


def test_long_sentences_are_cut_to_two_lines_of_42():
    text = "it was the best of times it was the worst of times it was the age of wisdom " * 5
    shown = subtitles(spoken(text))
    assert all(1 <= len(s.lines) <= 2 and max(map(len, s.lines)) <= MAX_LINE for s in shown)
    assert " ".join(" ".join(s.lines) for s in shown).split() == text.split()


def test_a_word_longer_than_a_line_is_cut():
    assert wrap(["x" * 100]) == ("x" * 42, "x" * 42, "x" * 16)
    assert "".join(subtitles(spoken("y" * 100))[0].lines) == "y" * 100


def test_subtitles_follow_one_another_and_stay_a_second_where_they_can():
    shown = subtitles(spoken("Yes. No. Perhaps. " * 20))
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in itertools.pairwise(shown))
    assert subtitles(Alignment((), (Word("Yes", 1.0, 1.2),), "Yes.", 5.0))[0].end_s == 2
    assert subtitles(Alignment((), (Word("Yes", 1.0, 1.2),), "Yes.", 1.5))[0].end_s == 1.5


def test_words_that_the_text_does_not_hold_are_shown_bare():
    alignment = Alignment((), (Word("five", 0.0, 1.0), Word("dollars", 1.0, 2.0)), "$5!", 2.0)
    assert lines_of(alignment) == ["five dollars"]


def test_times_go_past_the_hour(tmp_path, clip):
    alignment = Alignment((), (Word("late", 3725.5, 3726.9996),), "late", 3730.0)
    write_srt(ClipData(None, alignment, clip.motion, None, clip.provenance), tmp_path / "a.srt")
    assert "01:02:05,500 --> 01:02:07,000" in (tmp_path / "a.srt").read_text()


def test_signs_of_markup_are_escaped(tmp_path, clip):
    alignment = Alignment((), (Word("<b>&", 0.0, 1.0), Word("-->", 1.0, 2.0)), "<b>& -->", 2.0)
    data = ClipData(None, alignment, clip.motion, None, clip.provenance)
    write_vtt(data, tmp_path / "a.vtt")
    assert "&lt;b&gt;&amp; --&gt;" in (tmp_path / "a.vtt").read_text()
    write_srt(data, tmp_path / "a.srt")
    assert (tmp_path / "a.srt").read_text().count("-->") == 1


def test_a_clip_without_words_has_no_subtitles(tmp_path, clip, take):
    silent = ClipData(None, Alignment((), (), "", 1.0), clip.motion, None, clip.provenance)
    with pytest.raises(FormatError, match="only sounds are known"):
        write_srt(silent, tmp_path / "a.srt")
    with pytest.raises(FormatError, match="times of speech"):
        write_vtt(take(clip.motion), tmp_path / "a.vtt")
