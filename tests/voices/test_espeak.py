from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import perf_counter

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="the espeak plugin is not installed")

from visemic.core.errors import TextError, VoiceError
from visemic.text.visemes import VOWELS, phone_table
from visemic.voices.base import Voice
from visemic.voices.espeak import EspeakVoice, resolve_language
from visemic.voices.fit import speak_for

VOICE = EspeakVoice()
TEXT = "Put the better button in the FBI box, and stop! Are you sure it costs $5?"


def sounds_of(speech, label_test):
    rate_hz = float(speech.waveform.rate)
    return [
        speech.waveform.samples[round(p.start_s * rate_hz) : round(p.end_s * rate_hz)]
        for p in speech.alignment.phones
        if label_test(p.label)
    ]


def labels(text, language="en-us"):
    return [p.label for p in VOICE.speak(text, language=language).alignment.phones if p.label != "SIL"]


def test_it_keeps_the_contract():
    assert isinstance(VOICE, Voice)
    assert VOICE.info.installed
    assert "en-us" in VOICE.info.languages


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.0, 1.25, 2.0])
@pytest.mark.parametrize("text", [TEXT, "Stop", "Oh."])
def test_phones_fill_the_clip_and_none_is_too_short(text, tempo):
    speech = VOICE.speak(text, tempo=tempo)
    phones = speech.alignment.phones
    assert phones[0].start_s == 0
    assert phones[-1].end_s == pytest.approx(speech.waveform.duration_s, abs=1e-9)
    assert phones[0].label == phones[-1].label == "SIL"
    for before, after in pairwise(phones):
        assert before.end_s == after.start_s
    assert min(p.duration_s for p in phones) >= 0.005


def test_words_are_the_written_ones_in_order():
    words = VOICE.speak(TEXT).alignment.words
    assert (
        " ".join(w.text for w in words)
        == "Put the better button in the FBI box and stop Are you sure it costs $5"
    )
    assert words[-1].spoken == "five dollars"
    for before, after in pairwise(words):
        assert before.start_s < before.end_s <= after.start_s


def test_words_that_the_library_runs_together_are_told_apart():
    alignment = VOICE.speak("He is in the box of the cat").alignment
    spans = {w.text: w for w in alignment.words}
    inside = [p.label for p in alignment.phones if spans["in"].start_s <= p.start_s < spans["in"].end_s]
    assert inside == ["IH", "N"]
    assert len(alignment.words) == 8


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("church judge", "CH ER CH JH AH JH"),
        ("my bottle", "M AY B AA D AX L"),
        ("bird", "B ER D"),
        ("FBI", "EH F B IY AY"),
        ("vitamin A", "V AY D AX M IH N EY"),
        ("thing", "TH IH NG"),
    ],
)
def test_english_is_arpabet(text, wanted):
    assert labels(text) == wanted.split()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Le week-end, j'aime l'hôtel à 5 €."),
        ("de", "Größe für alle, 12 z.B."),
        ("ru", "Привет, мир"),
        ("ar", "مرحبا بالعالم"),
        ("cmn", "你好,世界"),
        ("hi", "नमस्ते दुनिया"),
        ("ja", "こんにちは"),
    ],
)
def test_other_languages_speak_in_keys_of_the_table(language, text):
    alignment = VOICE.speak(text, language=language).alignment
    assert {p.label for p in alignment.phones} <= set(phone_table().phones)
    assert len(alignment.phones) > 6
    assert alignment.words
    assert alignment.language == language


def test_silence_is_silent_and_vowels_sound():
    speech = VOICE.speak(TEXT)
    for sound in sounds_of(speech, lambda label: label == "SIL"):
        assert np.abs(sound).max() < 0.001
    for sound in sounds_of(speech, lambda label: label in VOWELS):
        assert np.sqrt(np.mean(sound**2)) > 0.01


def test_a_stop_holds_the_silence_before_its_burst():
    alignment = VOICE.speak("happy").alignment
    stop = next(p for p in alignment.phones if p.label == "P")
    rate_hz = 22_050
    sound = VOICE.speak("happy").waveform.samples[round(stop.start_s * rate_hz) : round(stop.end_s * rate_hz)]
    assert np.abs(sound[: len(sound) // 3]).max() < 1e-4
    assert np.abs(sound[len(sound) * 2 // 3 :]).max() > 0.005


def test_sound_neither_clips_nor_drifts():
    samples = VOICE.speak(TEXT).waveform.samples
    assert samples.dtype == np.float32
    assert 0.3 < np.abs(samples).max() <= 0.98
    assert abs(float(samples.mean())) < 0.005


@pytest.mark.parametrize("tempo", [0.5, 0.61, 0.9, 1.1, 1.7, 2.0])
def test_the_tempo_divides_the_duration_to_a_sample(tempo):
    natural = len(VOICE.speak(TEXT).waveform.samples)
    assert len(VOICE.speak(TEXT, tempo=tempo).waveform.samples) == pytest.approx(natural / tempo, abs=0.51)


@pytest.mark.parametrize("duration_s", [3.3, 5.0, 7.7])
def test_an_exact_duration_is_spoken(duration_s):
    speech = speak_for(VOICE, TEXT, duration_s=duration_s)
    assert len(speech.waveform.samples) == round(duration_s * 22_050)
    assert speech.alignment.phones[-1].end_s == speech.waveform.duration_s
    assert len(speech.alignment.words) == 16


def test_pauses_follow_the_punctuation():
    def pauses(text):
        return [p.duration_s for p in VOICE.speak(text).alignment.phones if p.label == "SIL"][1:-1]

    assert pauses("One two") == []
    assert pauses("One, two") == [pytest.approx(0.19, abs=0.05)]
    assert pauses("One. Nine") == [pytest.approx(0.45, abs=0.01)]
    assert pauses("One.\n\nMy two") == [pytest.approx(0.80, abs=0.01)]


def test_a_question_sounds_different_from_a_statement():
    question, statement = (VOICE.speak(text).waveform.samples for text in ("You know?", "You know."))
    assert question.tobytes() != statement.tobytes()


def test_threads_speak_as_one_does():
    texts = ["One.", TEXT, "Bonjour", "Hello there"] * 2
    serial = [VOICE.speak(text).waveform.samples.tobytes() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        parallel = list(pool.map(lambda text: VOICE.speak(text).waveform.samples.tobytes(), texts))
    assert parallel == serial


def test_a_sentence_sounds_the_same_wherever_it_stands():
    alone = VOICE.speak("She knows.").alignment
    after = VOICE.speak("Well well. She knows.").alignment
    n = len(alone.phones) - 1
    assert [p.label for p in after.phones[-n:]] == [p.label for p in alone.phones[-n:]]
    assert after.phones[-2].duration_s == pytest.approx(alone.phones[-2].duration_s, abs=1e-9)


def test_a_manner_of_speaking_changes_the_sound():
    plain = VOICE.speak("Hello")
    other = EspeakVoice("f3").speak("Hello")
    assert other.waveform.samples.tobytes() != plain.waveform.samples.tobytes()
    assert [p.label for p in other.alignment.phones] == [p.label for p in plain.alignment.phones]


@pytest.mark.parametrize("tempo", [0.0, -1.0, 0.49, 2.01, 1000.0, float("nan")])
def test_a_tempo_out_of_range_is_refused_with_the_limits(tempo):
    with pytest.raises(VoiceError, match=r"give 0\.5 to 2"):
        VOICE.speak("Hello", tempo=tempo)


@pytest.mark.parametrize("text", ["", "   ", "...", "!?", "\u200b"])
def test_text_without_a_word_is_refused(text):
    with pytest.raises(TextError):
        VOICE.speak(text)


def test_an_unknown_language_is_refused_with_the_nearest():
    with pytest.raises(VoiceError, match="'en-us'"):
        VOICE.speak("Hello", language="enus")


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        ("en", "en-us"),
        ("EN_us", "en-us"),
        ("en-GB", "en-gb"),
        ("fr", "fr-fr"),
        ("de-AT", "de"),
        ("zh-CN", "cmn"),
    ],
)
def test_language_tags_are_understood(tag, wanted):
    assert resolve_language(tag) == wanted


@pytest.mark.slow
def test_every_language_says_something():
    for language in VOICE.languages():
        assert len(VOICE.speak("ama 12", language=language).alignment.phones) > 4, language


@pytest.mark.slow
def test_time_grows_with_the_length_only():
    def seconds(n):
        start = perf_counter()
        VOICE.speak("The old bridge was rebuilt, and people liked it. " * n)
        return perf_counter() - start

    seconds(2)
    assert seconds(160) < 8 * max(seconds(40), 0.05)


@pytest.mark.slow
def test_a_sentence_without_an_end_keeps_its_words():
    words = VOICE.speak(" ".join(["bridge", "water", "stone"] * 500)).alignment.words
    assert [w.text for w in words] == ["bridge", "water", "stone"] * 500
