"""Loudness, pitch and voicing."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Waveform
from visemic.features.prosody import ENERGY, FLOOR_DB, PITCH, VOICING, extract_prosody, span_means


def tone(hz: float, rate_hz: int = 16_000, seconds: float = 1.0, level: float = 0.3) -> Waveform:
    """A voice-like tone: eight harmonics."""
    t = np.arange(int(rate_hz * seconds)) / rate_hz
    samples = sum(np.sin(2 * np.pi * hz * k * t + k) / k for k in range(1, 9) if hz * k < rate_hz / 2)
    return Waveform((level * samples / 2).astype(np.float32), Rate.of(rate_hz))


@pytest.mark.parametrize("hz", [70, 95, 120, 180, 250, 380])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 48_000])
def test_the_pitch_of_a_tone_is_found_at_any_rate(hz, rate_hz):
    values = extract_prosody(tone(hz, rate_hz)).values
    np.testing.assert_allclose(values[10:-10, PITCH], hz, rtol=0.015)
    assert (values[10:-10, VOICING] > 0.8).all()


def test_a_glide_is_followed():
    t = np.arange(32_000) / 16_000
    phase = 2 * np.pi * (100 * t + 25 * t**2)
    glide = Waveform((0.3 * np.sin(phase) + 0.2 * np.sin(2 * phase)).astype(np.float32), Rate.of(16_000))
    features = extract_prosody(glide)
    times_s = features.rate.times_s(len(features.values))
    np.testing.assert_allclose(features.values[10:-10, PITCH], 100 + 50 * times_s[10:-10], rtol=0.03)


def test_noise_and_silence_have_no_pitch(rng):
    noise = Waveform((0.1 * rng.standard_normal(16_000)).astype(np.float32), Rate.of(16_000))
    assert (extract_prosody(noise).values[:, PITCH] > 0).mean() < 0.1
    silence = extract_prosody(Waveform(np.zeros(16_000, np.float32), Rate.of(16_000))).values
    assert not silence[:, PITCH].any()
    assert (silence[:, ENERGY] == FLOOR_DB).all()


def test_the_level_is_that_of_the_signal_and_ten_times_louder_is_twenty_db():
    quiet, loud = (extract_prosody(tone(150, level=a)).values[20:-20, ENERGY] for a in (0.03, 0.3))
    np.testing.assert_allclose(loud - quiet, 20.0, atol=0.01)
    rms_db = 20 * np.log10(np.sqrt(np.mean(tone(150).samples.astype(float) ** 2)))
    assert loud.mean() == pytest.approx(rms_db, abs=0.7)


def test_there_are_a_hundred_steps_a_second_and_blocks_leave_no_seam():
    long = extract_prosody(tone(130, seconds=12.34))
    assert len(long.values) == 1234
    assert np.ptp(long.values[20:-20, PITCH]) < 1.0


@pytest.mark.parametrize("n_samples", [1, 5, 160, 700])
def test_a_few_samples_are_enough(n_samples):
    values = extract_prosody(Waveform(np.full(n_samples, 0.1, np.float32), Rate.of(16_000))).values
    assert len(values) >= 1
    assert np.isfinite(values).all()


def test_no_sample_is_refused():
    with pytest.raises(AudioError, match="0 samples"):
        extract_prosody(Waveform(np.zeros(0, np.float32), Rate.of(16_000)))


def test_means_over_spans_are_means():
    features = extract_prosody(tone(150))
    column = features.values[:, ENERGY].astype(float)
    found = span_means(features, ENERGY, np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.5, 5.0]))
    np.testing.assert_allclose(found, [column[10:20].mean(), column[50], column[90:].mean()], rtol=1e-9)
