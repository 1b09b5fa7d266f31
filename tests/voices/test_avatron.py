import shutil
from itertools import pairwise

import numpy as np
import pytest

from toy_voice import HOP, LOUD, toy_voice
from visemic.core.errors import ArtifactError, InputError, TextError, VoiceError
from visemic.core.hub import package_weights
from visemic.core.signals import SILENCE
from visemic.features.voice_mel import VOICE_SILENCE
from visemic.models.avatron_timing import MEL_RATE
from visemic.voices import avatron
from visemic.voices.avatron import LEVEL_DB, MAX_GAIN_DB, levelled, load_neural_voice
from visemic.voices.base import PlanningVoice, Voice
from visemic.voices.fit import speak_for

TEXT = "It cost $5, they said. Why not 12? Never mind."
needs_voice = pytest.mark.skipif(not avatron.is_installed(), reason="no neural voice ships yet")


def edges(speech) -> np.ndarray:
    """Give the times at which sound begins and ends."""
    samples = speech.waveform.samples
    loud = np.convolve(np.abs(samples) > 1e-2, np.ones(64), "same") > 0
    return np.flatnonzero(np.diff(loud.astype(int))) / 16_000


def spoken_edges(speech) -> np.ndarray:
    """Give the times at which the alignment says that."""
    phones = speech.alignment.phones
    turns = [a.end_s for a, b in pairwise(phones) if (a.label == SILENCE) != (b.label == SILENCE)]
    return np.array(turns)


def test_it_is_a_voice_that_plans():
    assert isinstance(toy_voice(), Voice)
    assert isinstance(toy_voice(), PlanningVoice)


@pytest.mark.parametrize("tempo", [0.5, 0.66, 0.8, 1.0, 1.3, 1.7, 2.0])
def test_sound_and_times_stay_together_at_every_tempo(tempo):
    speech = toy_voice().speak(TEXT, tempo=tempo)
    assert speech.alignment.duration_s == speech.waveform.duration_s
    heard, said = edges(speech), spoken_edges(speech)
    assert len(heard) == len(said)
    assert np.abs(heard - said).max() < 0.5 / 60


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.25, 2.0])
def test_the_tempo_scales_the_predicted_durations(tempo):
    natural, scaled = (toy_voice().speak(TEXT, tempo=t).waveform.duration_s for t in (1.0, tempo))
    assert scaled == pytest.approx(natural / tempo, abs=3 * 0.5 / 80 * (1 + 1 / tempo) + 1e-9)


def test_phones_follow_one_another_from_the_start_to_the_end():
    speech = toy_voice().speak(TEXT)
    phones = speech.alignment.phones
    assert phones[0].start_s == 0
    assert all(a.end_s == b.start_s for a, b in pairwise(phones))
    assert phones[-1].end_s == speech.waveform.duration_s


def test_written_words_keep_their_form():
    alignment = toy_voice().speak(TEXT).alignment
    assert [w.text for w in alignment.words] == [
        "It",
        "cost",
        "$5",
        "they",
        "said",
        "Why",
        "not",
        "12",
        "Never",
        "mind",
    ]
    assert {w.text: w.spoken for w in alignment.words if w.spoken} == {"$5": "five dollars", "12": "twelve"}
    assert alignment.text == TEXT


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_a_stream_is_the_whole_bit_for_bit(tempo):
    voice = toy_voice()
    pieces = list(voice.stream(TEXT, tempo=tempo))
    whole = voice.speak(TEXT, tempo=tempo)
    np.testing.assert_array_equal(np.concatenate([p.samples for p in pieces]), whole.waveform.samples)
    phones = [phone for p in pieces if p.alignment for phone in p.alignment.phones]
    assert [(p.label, p.start_s) for p in phones] == [(p.label, p.start_s) for p in whole.alignment.phones]


def test_a_stream_speaks_before_the_second_sentence_is_painted():
    voice = toy_voice()
    stream = voice.stream(TEXT)
    first = next(piece for piece in stream if len(piece.samples))
    assert voice.speech.n_rendered == 1
    assert len(first.samples) <= 16 * HOP


def test_the_times_of_a_piece_come_before_its_sound():
    known_s = 0.0
    for piece in toy_voice().stream(TEXT):
        if piece.alignment is not None:
            known_s = piece.alignment.phones[-1].end_s
        assert piece.start_s + len(piece.samples) / 16_000 <= known_s + 1e-9


def test_there_is_no_click_where_sentences_meet():
    samples = toy_voice().speak(TEXT).waveform.samples
    tone_step = 0.3 * 2 * np.pi * 440 / 16_000
    inside = np.abs(np.diff(samples)) <= tone_step * 1.1
    assert inside.mean() > 0.99
    assert samples[0] == 0
    assert samples[-1] == 0
    assert abs(samples.mean()) < 1e-3


def test_a_mark_changes_the_tempo_of_the_rest_of_its_sentence():
    def lengths(text):
        return [w.end_s - w.start_s for w in toy_voice().speak(text).alignment.words]

    plain, slow = lengths("Go on home. Go on home."), lengths("Go {slow} on home. Go on home.")
    assert slow[0] == pytest.approx(plain[0], abs=1 / 80)
    assert slow[1] == pytest.approx(plain[1] / 0.75, abs=1 / 80)
    assert slow[3] == pytest.approx(plain[3], abs=1 / 80)


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_an_inserted_pause_lasts_as_long_as_it_says(tempo):
    alignment = toy_voice().speak("Wait {pause 0.5} for it.", tempo=tempo).alignment
    wait, for_ = alignment.words[:2]
    assert for_.start_s - wait.end_s == pytest.approx(0.5, abs=1 / 80)
    assert alignment.text == "Wait for it."


@pytest.mark.parametrize("pause_s", [1.0, 4.0])
def test_a_long_pause_lasts_as_long_as_it_says_and_the_text_stays_one(pause_s):
    alignment = toy_voice().speak(f"Wait {{pause {pause_s}}} for it. Go.").alignment
    wait, for_ = alignment.words[:2]
    assert for_.start_s - wait.end_s == pytest.approx(pause_s, abs=2 / 80)
    assert alignment.text == "Wait for it. Go."


@pytest.mark.parametrize("duration_s", [2.5, 3.0, 3.3333, 5.00001])
def test_a_duration_is_planned_to_the_sample(duration_s):
    speech = speak_for(toy_voice(), TEXT, duration_s=duration_s)
    assert len(speech.waveform.samples) == round(duration_s * 16_000)
    assert speech.alignment.phones[-1].end_s == speech.waveform.duration_s
    assert np.abs(edges(speech) - spoken_edges(speech)).max() < 0.5 / 60


def test_an_impossible_duration_names_the_nearest():
    with pytest.raises(InputError, match=r"nearest possible is \d+\.\d+ s"):
        speak_for(toy_voice(), TEXT, duration_s=100.0)


@pytest.mark.slow
def test_five_thousand_words_are_spoken_one_sentence_at_a_time():
    voice = toy_voice()
    sentence = "We met a farmer who grows plums, figs and very fine peppers. "
    stream = voice.stream(sentence * 3 + "word " * 5_000)
    n_samples, most_ahead = 0, 0.0
    for piece in stream:
        n_samples += len(piece.samples)
        if piece.alignment is not None:
            most_ahead = max(most_ahead, piece.alignment.duration_s - piece.start_s)
        if voice.speech.n_rendered > 8:
            break
    assert most_ahead < 30.0
    assert n_samples > 16_000 * 60


@pytest.mark.slow
def test_the_speech_of_five_thousand_words_is_whole():
    text = " ".join(["bridge", "water", "stone", "river", "seven"] * 1_000)
    words = toy_voice().speak(text).alignment.words
    assert len(words) == 5_000


def test_what_has_no_sound_is_left_out_or_refused():
    assert [w.text for w in toy_voice().speak("So ☺ привет on.").alignment.words] == ["So", "on"]
    for text in ("", "☺", "{slow}"):
        with pytest.raises(TextError):
            toy_voice().speak(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("go {slo} on", "did you mean 'slow'"),
        ("go {tempo 9} on", "0.5 to 2"),
        ("g{slow}o on", "inside a word"),
    ],
)
def test_a_mark_that_cannot_be_followed_is_refused(text, said):
    with pytest.raises(TextError, match=said):
        toy_voice().speak(text)


def test_a_mark_and_the_tempo_together_have_limits():
    with pytest.raises(InputError, match=r"0\.375 cannot be spoken"):
        toy_voice().speak("go {slow} on", tempo=0.5)


@pytest.mark.parametrize("language", ["fr", "en-gb", ""])
def test_another_language_is_refused(language):
    with pytest.raises(VoiceError, match="speaks en-us and not"):
        toy_voice().speak("Hello", language=language)


@pytest.mark.parametrize("tempo", [0.0, 0.49, 2.01, float("nan")])
def test_a_tempo_out_of_range_is_refused(tempo):
    with pytest.raises(VoiceError, match=r"0\.5 to 2"):
        toy_voice().speak("Hello", tempo=tempo)


@pytest.mark.parametrize("off_db", [-20.0, -2.0, 0.0, 2.5, 20.0])
def test_sentences_come_near_one_level(off_db):
    mel = np.full((30, 80), VOICE_SILENCE, np.float32)
    mel[5:25] = LOUD
    power_db = 10 * np.log10(80 * np.exp(2 * LOUD)) - 23.9
    mel[5:25] += (LEVEL_DB + off_db - power_db) * np.log(10) / 20
    gain_db = (levelled(mel)[10, 0] - mel[10, 0]) * 20 / np.log(10)
    assert gain_db == pytest.approx(-np.clip(off_db, -MAX_GAIN_DB, MAX_GAIN_DB), abs=0.01)


def test_silence_has_no_level():
    nothing = np.zeros((0, 80), np.float32)
    assert levelled(nothing) is nothing


def test_no_neural_voice_says_so(monkeypatch):
    monkeypatch.setattr(avatron, "packaged_models", lambda: ())
    load_neural_voice.cache_clear()  # another test may have loaded it
    assert not avatron.info().installed
    with pytest.raises(VoiceError, match="not part of this installation"):
        avatron.load()


def test_a_model_that_is_no_voice_is_refused():
    with pytest.raises(ArtifactError, match="kind"):
        load_neural_voice(str(package_weights() / "phonetic"))


@needs_voice
def test_a_voice_of_another_symbol_table_is_refused(tmp_path):
    folder = tmp_path / "voice"
    shutil.copytree(package_weights() / avatron.NAME, folder)
    manifest = folder / "artefact.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"AA"', '"AX"', 1), "utf-8")
    with pytest.raises(ArtifactError, match="symbol"):
        load_neural_voice(str(folder))


@needs_voice
def test_an_altered_voice_is_refused(tmp_path):
    folder = tmp_path / "voice"
    shutil.copytree(package_weights() / avatron.NAME, folder)
    (folder / "text.onnx").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="altered"):
        load_neural_voice(str(folder))


@needs_voice
def test_an_unknown_speaker_is_refused():
    with pytest.raises(VoiceError, match="no voice 'avatron:nobody'"):
        avatron.load("nobody")


@needs_voice
@pytest.mark.slow
@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_the_voice_that_ships_keeps_time_with_its_sound(tempo):
    """Where a forced aligner finds the words, without knowing what was planned.

    Few words begin with a stop: an aligner hears those at the burst, after the lips have closed.
    """
    from visemic.audio.align import align_words
    from visemic.text.transcript import spoken_words

    text = "We met a farmer who grows plums, and my mother makes his lemon marmalade every morning."
    speech = avatron.load().speak(text, tempo=tempo)
    said = [(w.word, w.pronunciations) for w in spoken_words(speech.alignment.text)]
    found = align_words(speech.waveform, said).alignment
    gaps = [a.start_s - b.start_s for a, b in zip(found.words, speech.alignment.words, strict=True)]
    assert abs(np.median(gaps)) <= 0.5 / 30


@needs_voice
@pytest.mark.slow
def test_the_voice_that_ships_streams_without_seams():
    voice = avatron.load()
    pieces = list(voice.stream(TEXT))
    whole = voice.speak(TEXT).waveform
    np.testing.assert_array_equal(np.concatenate([p.samples for p in pieces]), whole.samples)
    assert len(whole.samples) % HOP == 0
    assert np.abs(whole.samples).max() <= 0.98
    assert float(MEL_RATE) * whole.duration_s == pytest.approx(round(float(MEL_RATE) * whole.duration_s))


def test_memory_that_is_not_there_is_one_sentence(monkeypatch):
    from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

    class Full:
        def run(self, names, inputs):
            raise RuntimeException("Failed to allocate memory for requested buffer of size 7873200000")

    voice = toy_voice()
    monkeypatch.setattr(voice.speech, "_frames", Full())
    with pytest.raises(InputError, match="a sentence of 3 words from 'Wait' on cannot be spoken"):
        voice.speak("Wait for it.")
