import itertools

import numpy as np
import pytest
from tests.audio.conftest import tone_of, vowel_of, waveform_of

from visemic.audio.activity import detect_speech, frame_levels_db, speech_gain
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import Waveform


def noisy(waveform, level_db, rng):
    """Add white noise of a level in dB of full scale; None adds none."""
    if level_db is None:
        return waveform
    noise = rng.normal(0, 10 ** (level_db / 20), len(waveform.samples))
    return Waveform((waveform.samples + noise).astype(np.float32), waveform.rate)


@pytest.mark.parametrize("noise_db", [None, -60, -50, -40, -30])
def test_two_vowels_are_two_segments_at_any_noise_floor(noise_db, rng):
    sound = noisy(waveform_of(1.0, vowel_of(0.4), 0.5, vowel_of(0.6), 1.0), noise_db, rng)
    first, second = detect_speech(sound)
    assert first.start_s == pytest.approx(1.0, abs=0.06)
    assert first.end_s == pytest.approx(1.4, abs=0.06)
    assert second.start_s == pytest.approx(1.9, abs=0.06)
    assert second.end_s == pytest.approx(2.5, abs=0.06)


@pytest.mark.parametrize("gain", [0.05, 0.3, 3.0])
def test_loudness_does_not_matter(gain):
    sound = waveform_of(0.5, vowel_of(0.4), 0.5)
    louder = Waveform((sound.samples * gain).astype(np.float32), SPEECH_RATE)
    assert detect_speech(louder) == detect_speech(sound)


@pytest.mark.parametrize("level_db", [-60, -40, -20, -10])
def test_steady_hiss_is_not_speech(level_db, rng):
    assert detect_speech(noisy(waveform_of(10.0), level_db, rng)) == ()


def test_steady_hum_is_not_speech():
    assert detect_speech(Waveform(tone_of(10.0, 16_000, hz=100)[:, 0], SPEECH_RATE)) == ()


def test_digital_silence_and_no_sound_are_not_speech():
    assert detect_speech(waveform_of(2.0)) == ()
    assert detect_speech(waveform_of(0.0)) == ()


def test_a_click_is_not_speech():
    click = np.zeros(320, np.float32)
    click[:32] = 0.5
    assert detect_speech(waveform_of(1.0, click, 1.0)) == ()


def test_a_short_gap_is_filled_and_a_long_one_is_not():
    vowel = vowel_of(0.3)
    assert len(detect_speech(waveform_of(0.5, vowel, 0.05, vowel, 0.5))) == 1
    assert len(detect_speech(waveform_of(0.5, vowel, 0.3, vowel, 0.5))) == 2


def test_segments_lie_apart_and_within_the_clip(rng):
    parts = []
    for _ in range(20):
        parts += [vowel_of(rng.uniform(0.1, 0.5)), float(rng.uniform(0.02, 0.4))]
    sound = noisy(waveform_of(*parts), -50, rng)
    segments = detect_speech(sound)
    assert len(segments) > 5
    assert segments[0].start_s >= 0
    assert segments[-1].end_s <= sound.duration_s
    assert all(s.duration_s >= 0.05 for s in segments)
    assert all(a.end_s < b.start_s for a, b in itertools.pairwise(segments))


def test_time_shift_shifts_the_segments():
    vowel = vowel_of(0.4)
    (early,) = detect_speech(waveform_of(0.5, vowel, 1.0))
    (late,) = detect_speech(waveform_of(0.8, vowel, 0.7))
    assert late.start_s - early.start_s == pytest.approx(0.3, abs=0.011)
    assert late.end_s - early.end_s == pytest.approx(0.3, abs=0.011)


def test_sound_of_another_rate_is_judged_alike():
    from visemic.audio.resample import resample

    sound = waveform_of(0.5, vowel_of(0.4), 0.5)
    (here,) = detect_speech(sound)
    (there,) = detect_speech(resample(sound, Rate.of(44_100)))
    assert there.start_s == pytest.approx(here.start_s, abs=0.021)
    assert there.end_s == pytest.approx(here.end_s, abs=0.021)


def test_levels_are_decibels_of_power(rng):
    levels = frame_levels_db(Waveform(rng.normal(0, 0.1, 16_050).astype(np.float32), SPEECH_RATE))
    assert levels.shape == (101,)
    assert np.mean(levels[:-1]) == pytest.approx(-20, abs=0.2)
    np.testing.assert_allclose(frame_levels_db(waveform_of(0.1)), -120, atol=1e-3)


def test_a_constant_offset_has_no_level():
    offset = Waveform(np.full(1_600, 0.3, np.float32), SPEECH_RATE)
    assert frame_levels_db(offset).max() < -100


def test_the_gain_brings_the_peak_to_half_range():
    assert speech_gain(waveform_of(np.array([0.1, -0.25]))) == pytest.approx(65_536)
    assert speech_gain(waveform_of(0.0)) == 1.0
