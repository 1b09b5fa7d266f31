import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.signals import SILENCE, Phone, Word
from visemic.voices.join import LEAD_IN_S, TAIL_S, SpokenSentence, joined, timed_phones

RATE = Rate.of(24_000)


def row(*symbols: str) -> list[tuple[str, float, float]]:
    """Give symbols of a tenth of a second each."""
    return [(symbol, i / 10, (i + 1) / 10) for i, symbol in enumerate(symbols)]


def test_a_stress_mark_gives_its_time_to_the_sound_after_it_and_its_stress_to_the_vowel():
    ((b, eh),) = timed_phones(row("ˈ", "b", "ɛ"), is_english=True)
    assert (b.label, b.start_s, b.end_s, b.stress) == ("B", 0.0, pytest.approx(0.2), None)
    assert (eh.label, eh.stress) == ("EH", 1)


def test_a_length_mark_belongs_to_the_sound_before():
    ((phone,),) = timed_phones(row("i", "ː"), is_english=True)
    assert (phone.label, phone.end_s) == ("IY", pytest.approx(0.2))


@pytest.mark.parametrize(("symbols", "label"), [("tʃ", "CH"), ("dʒ", "JH"), ("aɪ", "AY"), ("oʊ", "OW")])
def test_two_symbols_of_one_phone_are_one(symbols, label):
    ((phone,),) = timed_phones(row(*symbols), is_english=True)
    assert (phone.label, phone.start_s, phone.end_s) == (label, 0.0, pytest.approx(0.2))


def test_an_r_after_its_vowel_is_part_of_it():
    ((n, er, s),) = timed_phones(row("n", "ɜ", "ɹ", "s"), is_english=True)
    assert [p.label for p in (n, er, s)] == ["N", "ER", "S"]
    assert er.end_s == pytest.approx(0.3)


def test_blanks_part_words_and_marks_are_silent():
    words = timed_phones(row("m", " ", "n", ",", " ", "."), is_english=True)
    assert [[p.label for p in word] for word in words] == [["M"], ["N"]]


def test_other_languages_keep_their_sounds():
    ((phone,),) = timed_phones(row("y"), is_english=False)
    assert phone.ipa == "y"


def _sentence(pause_after_s: float) -> SpokenSentence:
    samples = np.full(12_000, 0.2, np.float32)
    return SpokenSentence(
        samples, (Phone("M", 0.1, 0.2), Phone("AA", 0.2, 0.51)), (Word("ma", 0.1, 0.51),), pause_after_s
    )


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_sentences_stand_on_one_clock(tempo):
    speech = joined([_sentence(0.4), _sentence(0.0)], RATE, text="Ma. Ma.", language="en-us", tempo=tempo)
    assert speech.waveform.duration_s == pytest.approx(1.0 + (LEAD_IN_S + 0.4 + TAIL_S) / tempo, abs=1e-4)
    assert speech.alignment.duration_s == speech.waveform.duration_s
    labels = [p.label for p in speech.alignment.phones]
    assert labels == [SILENCE, "M", "AA", SILENCE, "M", "AA", SILENCE]
    first, second = speech.alignment.words
    assert second.start_s - first.start_s == pytest.approx(0.5 + 0.4 / tempo, abs=1e-4)
    assert first.end_s <= 0.5 + LEAD_IN_S / tempo + 1e-4
    assert np.abs(np.diff(speech.waveform.samples)).max() < 0.05
