from itertools import pairwise

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.signals import Waveform
from visemic.text.normalize import Token
from visemic.voices.espeak_phones import Segment
from visemic.voices.espeak_timeline import LEAD_IN_S, TAIL_S, SpokenSentence, Take, assemble

RATE = Rate.of(20_000)
TOKENS = (Token("$5", ("five", "dollars"), 0.0), Token("Pay", ("pay",), 0.0))


def sentence(length=6_000, natural_length=None, pause_after_s=0.5, first="M", peak=0.1):
    """Give a take with margins of 200 samples before and 400 after."""
    half = 200 + length // 2
    phones = (Segment(first, 200, half, 0), Segment("IY", half, 200 + length, 1, 1, "ˈiː"))
    samples = np.full(length + 600, peak, np.float32)
    samples[:200] = 0
    samples[200 + length :] = 0
    return SpokenSentence(
        Take(Waveform(samples, RATE), phones), natural_length or length, TOKENS, pause_after_s
    )


def assembled(*sentences, tempo=1.0):
    return assemble(list(sentences), text="$5 Pay", language="en-us", tempo=tempo)


def test_a_sentence_stands_between_lead_in_and_tail():
    speech = assembled(sentence())
    times = [(p.label, p.start_s, p.end_s) for p in speech.alignment.phones]
    assert times == [
        ("SIL", 0.0, LEAD_IN_S),
        ("M", LEAD_IN_S, 0.25),
        ("IY", 0.25, 0.4),
        ("SIL", 0.4, pytest.approx(0.4 + TAIL_S)),
    ]
    assert np.flatnonzero(speech.waveform.samples)[[0, -1]].tolist() == [2_000, 7_999]


def test_sentences_are_apart_by_the_pause_of_the_first():
    phones = assembled(sentence(pause_after_s=0.5), sentence()).alignment.phones
    assert phones[3].label == "SIL"
    assert phones[3].duration_s == pytest.approx(0.5)


@pytest.mark.parametrize("tempo", [0.5, 0.73, 1.0, 1.31, 2.0])
def test_every_time_is_divided_by_the_tempo(tempo):
    takes = [(6_000, 0.5), (4_000, 0.3), (9_000, 0.0)]
    natural = assembled(*(sentence(n, pause_after_s=p) for n, p in takes)).alignment
    spoken = assembled(
        *(sentence(round(n / tempo * 1.02), n, p) for n, p in takes),
        tempo=tempo,
    )
    assert len(spoken.waveform.samples) == pytest.approx(natural.duration_s * 20_000 / tempo, abs=0.51)
    for before, after in zip(natural.words, spoken.alignment.words, strict=True):
        assert after.start_s == pytest.approx(before.start_s / tempo, abs=0.002)


def test_phones_follow_one_another_without_a_gap():
    phones = assembled(sentence(), sentence(5_003, 5_100)).alignment.phones
    assert phones[0].start_s == 0
    for before, after in pairwise(phones):
        assert before.end_s == after.start_s


def test_the_clip_ends_with_its_last_phone():
    speech = assembled(sentence(5_001, 5_101))
    assert speech.alignment.duration_s == speech.waveform.duration_s
    assert speech.alignment.phones[-1].end_s == pytest.approx(speech.waveform.duration_s, abs=1e-12)


def test_a_stop_after_a_pause_begins_with_a_closed_mouth():
    phones = assembled(sentence(first="P")).alignment.phones
    assert phones[1].start_s == pytest.approx(LEAD_IN_S - 0.05)
    assert phones[1].end_s == 0.25
    assert assembled(sentence(first="P", pause_after_s=0.6), sentence(first="P")).alignment.phones[
        4
    ].start_s == pytest.approx(0.4 + 0.6 - 0.06)


def test_words_say_how_they_are_spoken_only_when_that_differs():
    words = assembled(sentence()).alignment.words
    assert [(w.text, w.spoken) for w in words] == [("$5", "five dollars"), ("Pay", "")]
    assert (words[0].start_s, words[0].end_s, words[1].end_s) == (LEAD_IN_S, 0.25, 0.4)


def test_loud_sound_is_turned_down_and_quiet_sound_left_alone():
    assert np.abs(assembled(sentence(peak=1.3)).waveform.samples).max() == pytest.approx(0.98, abs=1e-4)
    assert np.abs(assembled(sentence(peak=0.5)).waveform.samples).max() == np.float32(0.5)
