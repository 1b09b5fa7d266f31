"""The voice's mel is on the clock, on its scale, and can be turned back into sound."""

import numpy as np
import pytest

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError, InputError
from visemic.core.signals import Waveform
from visemic.features.griffin_lim import samples_from_voice_mel
from visemic.features.voice_mel import (
    VOICE_HOP_SAMPLES,
    VOICE_MEL_RATE,
    VOICE_MELS,
    VOICE_SILENCE,
    extract_voice_mel,
    voice_mel,
)


def tone(hz: float, n_samples: int = 8_000, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(n_samples) / 16_000)).astype(np.float32)


def test_a_frame_comes_every_twelve_and_a_half_milliseconds():
    assert float(VOICE_MEL_RATE) * VOICE_HOP_SAMPLES == float(SPEECH_RATE)
    for n_samples in (1, 199, 200, 201, 16_000):
        assert voice_mel(np.zeros(n_samples, np.float32)).shape == (n_samples // 200 + 1, VOICE_MELS)


def test_silence_is_the_floor():
    np.testing.assert_allclose(voice_mel(np.zeros(1_000, np.float32)), VOICE_SILENCE)


def test_a_click_is_loudest_in_the_frame_at_its_time():
    samples = np.zeros(8_000, np.float32)
    samples[20 * VOICE_HOP_SAMPLES] = 1.0
    mel = voice_mel(samples)
    assert mel.sum(axis=1).argmax() == 20
    np.testing.assert_allclose(mel[19], mel[21], atol=1e-4)


def test_twice_as_loud_is_the_logarithm_of_two_more():
    quiet, loud = voice_mel(tone(440, level=0.2)), voice_mel(tone(440, level=0.4))
    heard = quiet[10] > -5
    np.testing.assert_allclose((loud - quiet)[10][heard], np.log(2), atol=1e-4)


def test_another_rate_gives_the_same_frames():
    times = np.arange(24_000) / 48_000
    high = Waveform((0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32), Rate.of(48_000))
    mel = extract_voice_mel(high).values
    middle = slice(8, -8)
    loud = mel[middle] > -3
    assert np.abs(mel[middle] - voice_mel(tone(440))[middle])[loud].max() < 0.05


def test_no_sound_has_no_mel():
    with pytest.raises(AudioError, match="0 samples"):
        voice_mel(np.zeros(0, np.float32))


def test_a_mel_without_phases_gives_back_a_sound_of_that_mel():
    sound = tone(300) + tone(900, level=0.1)
    mel = voice_mel(sound)
    made = samples_from_voice_mel(mel, iterations=16)
    assert len(made) == len(mel) * VOICE_HOP_SAMPLES
    again = voice_mel(made)[8:32]
    loud = mel[8:32] > -2
    assert np.abs(again - mel[8:32])[loud].mean() < 0.2
    assert np.array_equal(made, samples_from_voice_mel(mel, iterations=16))


def test_no_frames_give_no_sound_and_wrong_frames_are_refused():
    assert len(samples_from_voice_mel(np.zeros((0, 80), np.float32))) == 0
    with pytest.raises(InputError, match="3 x 40"):
        samples_from_voice_mel(np.zeros((3, 40), np.float32))
    with pytest.raises(InputError, match="-1 iterations"):
        samples_from_voice_mel(np.zeros((3, 80), np.float32), iterations=-1)
