from itertools import pairwise

import numpy as np
import pytest
from tests.audio.conftest import babble_of, waveform_of
from tests.audio.test_recognise import assert_contiguous

from visemic.audio.align import align_words
from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import TextError
from visemic.core.signals import Waveform

PARENTS = (
    "The old farmer keeps seven brown sheep in a field behind his house. "
    "Every morning his daughter brings them fresh water and some bread."
)


@pytest.fixture(scope="module")
def say():
    """Give a function that speaks a text: sound at 16 kHz and the words with times and phones."""
    pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")
    from visemic.voices.registry import load_voice

    voice = load_voice("espeak", "en-us")

    def speak(text):
        speech = voice.speak(text, language="en-us")
        words = []
        for word in speech.alignment.words:
            phones = tuple(
                p.label
                for p in speech.alignment.phones
                if p.label != "SIL" and word.start_s <= (p.start_s + p.end_s) / 2 < word.end_s
            )
            words.append((word, phones))
        return resample(speech.waveform, SPEECH_RATE), [w for w in words if w[1]]

    return speak


def transcript_of(words):
    return [(word.text, (phones,)) for word, phones in words]


def assert_words_in_order(alignment):
    assert all(w.start_s < w.end_s for w in alignment.words)
    assert all(a.end_s <= b.start_s + 1e-6 for a, b in pairwise(alignment.words))
    assert alignment.words[-1].end_s <= alignment.duration_s


@pytest.mark.slow
def test_words_are_found_where_the_voice_said_them(say):
    sound, words = say(PARENTS)
    aligned = align_words(sound, transcript_of(words))
    assert aligned.note == ""
    assert aligned.alignment.source == "aligned"
    assert [w.text for w in aligned.alignment.words] == [w.text for w, _ in words]
    errors = [abs(a.start_s - w.start_s) for a, (w, _) in zip(aligned.alignment.words, words, strict=True)]
    assert np.median(errors) < 0.03
    assert np.percentile(errors, 90) < 0.08
    assert_contiguous(aligned.alignment, sound.duration_s)
    assert_words_in_order(aligned.alignment)
    spoken = [p.label for p in aligned.alignment.phones if p.label != "SIL"]
    assert spoken == [label for _, phones in words for label in phones]


@pytest.mark.slow
def test_phone_borders_have_no_offset(say):
    sound, words = say(PARENTS)
    times = align_words(sound, transcript_of(words)).alignment.words
    late_s = [a.start_s - w.start_s for a, (w, _) in zip(times, words, strict=True)]
    assert abs(np.median(late_s)) < 0.012


@pytest.mark.slow
def test_a_pause_between_words_is_silence(say):
    first, words = say("Good morning.")
    second, more = say("Nice weather.")
    sound = waveform_of(first.samples, 1.0, second.samples)
    alignment = align_words(sound, transcript_of(words + more)).alignment
    pause = max((p for p in alignment.phones[1:-1] if p.label == "SIL"), key=lambda p: p.duration_s)
    assert pause.duration_s > 0.9
    assert alignment.words[1].end_s <= pause.start_s + 1e-6
    assert alignment.words[2].start_s >= pause.end_s - 1e-6


@pytest.mark.slow
def test_the_pronunciation_that_was_spoken_is_chosen_with_its_stress(say):
    sound, words = say("He was born in Boston.")
    transcript = transcript_of(words)
    wrong = ("S", "IY1", "K", "S", "T", "IY0")
    right = tuple(f"{p}1" if p in {"AA", "AO", "AH"} else p for p in transcript[-1][1][0])
    transcript[-1] = (transcript[-1][0], (wrong, right))
    phones = align_words(sound, transcript).alignment.phones
    spoken = [p for p in phones if p.label != "SIL"][-len(right) :]
    assert [p.label for p in spoken] == [p.rstrip("1") for p in right]
    assert {p.stress for p in spoken} >= {1}


@pytest.mark.slow
def test_a_long_recording_is_aligned_in_parts(say):
    sound, words = say(PARENTS)
    n_times = 6
    long = waveform_of(*[p for _ in range(n_times) for p in (sound.samples, 0.4)])
    every_s = sound.duration_s + 0.4
    assert long.duration_s > 40
    calls = []
    aligned = align_words(
        long, transcript_of(words) * n_times, progress=lambda done, of: calls.append((done, of))
    )
    assert aligned.note == ""
    assert_contiguous(aligned.alignment, long.duration_s)
    assert_words_in_order(aligned.alignment)
    truth = [w.start_s + turn * every_s for turn in range(n_times) for w, _ in words]
    errors = [abs(a.start_s - s) for a, s in zip(aligned.alignment.words, truth, strict=True)]
    assert np.median(errors) < 0.03
    assert np.percentile(errors, 95) < 0.12
    assert calls[-1] == (round(long.duration_s),) * 2
    assert calls == sorted(calls)


@pytest.mark.slow
def test_more_words_than_fit_are_laid_over_what_is_heard_with_a_note(say):
    sound, words = say("Good morning.")
    aligned = align_words(sound, transcript_of(words) * 20)
    assert "could not be aligned in 1 of 1 parts" in aligned.note
    assert len(aligned.alignment.words) == 40
    assert_contiguous(aligned.alignment, sound.duration_s)


@pytest.mark.slow
def test_a_transcript_of_a_tenth_of_the_speech_is_noted(say):
    sound, words = say(PARENTS)
    aligned = align_words(sound, transcript_of(words)[:2])
    assert "fits the sound poorly" in aligned.note
    assert_contiguous(aligned.alignment, sound.duration_s)


def test_without_speech_the_words_are_spread_with_a_note(rng):
    noise = Waveform(rng.normal(0, 0.1, 32_000).astype(np.float32), SPEECH_RATE)
    aligned = align_words(noise, [("hello", [("HH", "AH0", "L", "OW1")]), ("you", [("Y", "UW1")])])
    assert "no speech was found" in aligned.note
    assert_contiguous(aligned.alignment, 2.0)
    assert_words_in_order(aligned.alignment)
    assert aligned.alignment.words[0].start_s == 0.0
    assert aligned.alignment.words[1].end_s == pytest.approx(2.0)


def test_words_of_any_sound_stay_in_order(rng):
    sound = waveform_of(0.4, babble_of(5, rng), 0.4)
    words = [("ma", [("M", "AA1")]), ("see", [("S", "IY1")]), ("you", [("Y", "UW1")])]
    aligned = align_words(resample(sound, Rate.of(44_100)), words)
    assert_contiguous(aligned.alignment, aligned.alignment.duration_s)
    assert_words_in_order(aligned.alignment)
    assert aligned == align_words(resample(sound, Rate.of(44_100)), words)


def test_phones_that_only_the_phone_table_has_keep_their_name(rng):
    sound = waveform_of(0.4, babble_of(3, rng), 0.4)
    phones = align_words(sound, [("so", [("S", "OH")]), ("ma", [("M", "AX")])]).alignment.phones
    assert [p.label for p in phones if p.label != "SIL"] == ["S", "OH", "M", "AX"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "0 words"),
        ([("a", [("AH",)])] * 60_001, "60001 words"),
        ([("hm", [])], "no pronunciation for word 'hm'"),
        ([("hm", [()])], "no pronunciation for word 'hm'"),
        ([("über", [("YY", "B", "ER")])], "no phone 'YY' of word 'über'"),
    ],
)
def test_words_that_cannot_be_aligned_are_refused(words, message):
    with pytest.raises(TextError, match=message):
        align_words(waveform_of(1.0), words)
