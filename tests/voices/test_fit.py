import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import VoiceError
from visemic.core.signals import Alignment, Phone, Waveform, Word
from visemic.voices.base import Speech, VoiceInfo
from visemic.voices.fit import speak_for


class Humming:
    """A voice of two seconds that follows the tempo only roughly."""

    info = VoiceInfo("humming", ("en-us",), "CC0-1.0", True, "", "")

    def __init__(self, error: float = 0.0) -> None:
        self.error = error
        self.tempos: list[float] = []

    def speak(self, text: str, *, language: str = "en-us", tempo: float = 1.0) -> Speech:
        self.tempos.append(tempo)
        n_samples = round(32_000 / tempo * (1 + self.error * (tempo != 1.0)))
        samples = (0.3 * np.sin(2 * np.pi * 120 * np.arange(n_samples) / 16_000)).astype(np.float32)
        end_s = n_samples / 16_000
        alignment = Alignment(
            (Phone("SIL", 0.0, end_s / 4), Phone("M", end_s / 4, end_s)),
            (Word(text, end_s / 4, end_s),),
            text,
            end_s,
            language,
        )
        return Speech(Waveform(samples, Rate.of(16_000)), alignment)


@pytest.mark.parametrize("error", [0.0, 0.02, -0.07])
@pytest.mark.parametrize("duration_s", [1.0, 1.23456, 1.9999, 2.0, 2.4, 3.7, 4.0])
def test_sound_and_times_last_exactly_as_long_as_asked(duration_s, error):
    speech = speak_for(Humming(error), "mmm", duration_s=duration_s)
    assert len(speech.waveform.samples) == round(duration_s * 16_000)
    end_s = speech.waveform.duration_s
    assert speech.alignment.duration_s == end_s
    assert speech.alignment.phones[-1].end_s == end_s
    assert speech.alignment.phones[0].end_s == pytest.approx(end_s / 4, abs=1e-3)
    assert speech.alignment.words[0].end_s == pytest.approx(end_s)


def test_a_small_error_of_the_voice_is_corrected_by_asking_again():
    voice = Humming(0.05)
    speak_for(voice, "mmm", duration_s=2.4)
    assert voice.tempos[2] == pytest.approx(2.0 * 1.05 / 2.4, rel=1e-3)
    assert len(voice.tempos) <= 5


def test_without_a_duration_the_tempo_counts():
    voice = Humming()
    assert speak_for(voice, "mmm", tempo=1.6).waveform.duration_s == pytest.approx(1.25)
    assert voice.tempos == [1.6]


@pytest.mark.parametrize("duration_s", [0.9, 4.2, 100.0])
def test_an_impossible_duration_is_refused_with_the_possible_ones(duration_s):
    with pytest.raises(VoiceError, match=r"1\.00 to 4\.00 s"):
        speak_for(Humming(), "mmm", duration_s=duration_s)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_duration_that_is_no_time_is_refused(duration_s):
    with pytest.raises(VoiceError, match="above 0"):
        speak_for(Humming(), "mmm", duration_s=duration_s)
