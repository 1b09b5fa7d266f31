import time

import numpy as np
import pytest

from visemic.core.signals import Alignment, Features, Phone, Word
from visemic.features.prosody import PROSODY_RATE
from visemic.models.instruction_rules import describe_speech, instruct_by_rules, split_speech, voice_state

TEXT = "I am so happy today! But why did you leave me alone?"


def clip(text=TEXT, word_s=0.4, pause_s=0.5):
    """Give an alignment of three phones a word, with a pause after each sentence."""
    phones, words, at_s = [], [], 0.0
    for token in text.split():
        step_s = word_s / 3
        phones += [
            Phone(p, at_s + i * step_s, at_s + (i + 1) * step_s) for i, p in enumerate(("M", "AA", "S"))
        ]
        words.append(Word(token.strip(".,!?"), at_s, at_s + word_s))
        at_s += word_s
        if token[-1] in ".!?":
            phones.append(Phone("SIL", at_s, at_s + pause_s))
            at_s += pause_s
    return Alignment(tuple(phones), tuple(words), text, at_s)


def voice(alignment, level_db=-20.0, pitch_hz=120.0, sway_st=2.0):
    n = round(alignment.duration_s * 100)
    semitones = sway_st * np.sin(np.arange(n) / 15)
    values = np.stack([np.full(n, level_db), pitch_hz * 2 ** (semitones / 12), np.ones(n)], axis=1)
    return Features(values.astype(np.float32), PROSODY_RATE, "prosody", "1")


def test_spans_cover_the_clip_and_part_at_sentences():
    alignment = clip()
    parts = split_speech(alignment, TEXT)
    assert [words for _, _, words in parts] == ["I am so happy today!", "But why did you leave me alone?"]
    assert parts[0][0] == 0.0
    assert parts[-1][1] == alignment.duration_s
    assert parts[0][1] == parts[1][0]


def test_words_decide_where_the_voice_says_nothing():
    spans = instruct_by_rules(clip()).spans
    assert [span.emotion for span in spans] == ["happy", "sad"]
    assert spans[1].head == "tilt"
    assert all(0 < span.intensity < 1 for span in spans)


def test_plain_words_in_a_plain_voice_are_neutral():
    alignment = clip("The table has four legs and stands here.", word_s=0.24)
    (span,) = instruct_by_rules(alignment, voice(alignment)).spans
    assert (span.emotion, span.intensity) == ("neutral", 0.0)


def test_a_lively_melody_stirs_and_a_flat_slow_one_saddens():
    alignment = clip("The table has four legs and stands here.", word_s=0.2)
    assert instruct_by_rules(alignment, voice(alignment, sway_st=12.0)).spans[0].emotion == "happy"
    slow = clip("The table has four legs and stands here.", word_s=0.6)
    assert instruct_by_rules(slow, voice(slow, sway_st=0.1)).spans[0].emotion == "sad"


def test_the_state_of_a_voice_says_nothing_without_sound_and_is_bounded():
    alignment = clip()
    assert voice_state(alignment, None, 0.0, 1.0).arousal == 0.0
    wild = voice_state(alignment, voice(alignment, sway_st=60.0), 0.0, alignment.duration_s)
    assert wild.melody == 2.0


def test_a_description_holds_no_word_of_what_is_said():
    alignment = clip()
    text = describe_speech(alignment, voice(alignment, sway_st=12.0))
    assert "lively melody" in text
    assert "happy" not in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize("text", ["", "hm"])
def test_nothing_and_little_said_is_a_note(text):
    silent = Alignment((), (), text, 0.5)
    assert len(instruct_by_rules(silent).spans) == 1
    assert instruct_by_rules(Alignment((), (), "", 0.0)).spans == ()


def test_neighbours_that_ask_for_the_same_are_one():
    alignment = clip("The table stands here now. The chair stands there too.", word_s=0.24)
    assert len(split_speech(alignment, alignment.text)) == 2
    assert len(instruct_by_rules(alignment).spans) == 1


def test_a_word_of_marks_ends_a_sentence_or_not_at_once():
    began_s = time.monotonic()
    for mark in (".", '."', "?”"):
        split_speech(clip(), mark * 100_000 + "a")
    assert time.monotonic() - began_s < 1.0


def test_a_sentence_ends_inside_its_quotation():
    assert len(split_speech(clip("Well, I did go! Oh yes"), "Well, I did “go!”) Oh yes")) == 2
