"""Log-mel features."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import AudioError, InputError
from visemic.core.signals import Waveform
from visemic.features.log_mel import LogMelConfig, extract_log_mel


def noise(n_samples: int, rate_hz: int = 16_000) -> Waveform:
    samples = 0.1 * np.random.default_rng(3).standard_normal(n_samples)
    return Waveform(samples.astype(np.float32), Rate.of(rate_hz))


@pytest.mark.parametrize("n_mels", [40, 80])
def test_the_features_carry_their_name_and_clock(n_mels):
    features = extract_log_mel(noise(16_000), LogMelConfig(n_mels=n_mels))
    assert features.values.shape == (101, n_mels)
    assert (features.name, features.rate) == (f"log-mel-{n_mels}", Rate.of(100))


def test_twice_as_loud_is_a_constant_more_everywhere():
    quiet = noise(8_000)
    loud = Waveform(2 * quiet.samples, quiet.rate)
    difference = extract_log_mel(loud).values - extract_log_mel(quiet).values
    np.testing.assert_allclose(difference, np.log(4.0), atol=1e-4)


def test_silence_lies_on_the_floor():
    silence = Waveform(np.zeros(1_600, np.float32), Rate.of(16_000))
    np.testing.assert_allclose(extract_log_mel(silence).values, np.log(1e-10), rtol=1e-6)


def test_a_later_sound_gives_later_features():
    sound = noise(8_000)
    later = Waveform(np.concatenate([np.zeros(1_600, np.float32), sound.samples]), sound.rate)
    np.testing.assert_allclose(
        extract_log_mel(later).values[15:55], extract_log_mel(sound).values[5:45], atol=1e-3
    )


def test_any_rate_is_heard_on_the_same_clock():
    t = np.arange(44_100) / 44_100
    high = Waveform((0.3 * np.sin(2 * np.pi * 500 * t)).astype(np.float32), Rate.of(44_100))
    low = Waveform((0.3 * np.sin(2 * np.pi * 500 * t[:16_000] * 2.75625)).astype(np.float32), Rate.of(16_000))
    a, b = extract_log_mel(high).values, extract_log_mel(low).values
    assert len(a) == len(b) == 101
    loud = b[10:90].mean(axis=0).argsort()[-5:]
    np.testing.assert_allclose(a[10:90, loud], b[10:90, loud], atol=0.05)


def test_other_counts_and_nothing_are_refused():
    with pytest.raises(InputError, match="not 64"):
        LogMelConfig(n_mels=64)
    with pytest.raises(AudioError, match="0 samples"):
        extract_log_mel(noise(0))
