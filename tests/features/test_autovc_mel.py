"""AutoVC's mel spectrum."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Waveform
from visemic.features.autovc_mel import AutoVcMelConfig, at_level_db, extract_autovc_mel

SPEECH = Rate.of(16_000)
STILL = AutoVcMelConfig(dither_seed=None)


def tone(hz: float, level: float, seconds: float = 1.0) -> Waveform:
    t = np.arange(round(16_000 * seconds)) / 16_000
    return Waveform((level * np.sin(2 * np.pi * hz * t)).astype(np.float32), SPEECH)


def test_there_are_80_mels_62_and_a_half_times_a_second():
    features = extract_autovc_mel(tone(440, 0.1, 2.0))
    assert features.values.shape == (126, 80)
    assert features.rate == Rate.of("62.5")
    assert features.name == "autovc-mel-80"


def test_twenty_decibels_are_a_fifth_of_the_scale():
    loud, quiet = (extract_autovc_mel(tone(440, level), STILL).values[20:40] for level in (0.1, 0.01))
    heard = (quiet > 0.05) & (loud < 1)
    assert heard.any()
    np.testing.assert_allclose((loud - quiet)[heard], 0.2, atol=1e-4)


def test_values_lie_between_0_and_1_and_makeittalk_is_not_cut():
    loud = Waveform(np.sign(tone(300, 1.0).samples), SPEECH)
    values = extract_autovc_mel(loud).values
    assert 0 <= values.min() <= values.max() <= 1
    silence = Waveform(np.zeros(4_000, np.float32), SPEECH)
    assert extract_autovc_mel(silence, STILL).values.max() == 0
    uncut = extract_autovc_mel(silence, AutoVcMelConfig("makeittalk", None)).values
    np.testing.assert_allclose(uncut, -0.16, atol=1e-6)


def test_makeittalk_hears_every_level_alike():
    a, b = (
        extract_autovc_mel(tone(440, level), AutoVcMelConfig("makeittalk", None)).values
        for level in (0.02, 0.2)
    )
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_drift_is_removed_without_moving_the_sound():
    sound = tone(440, 0.1)
    drift = 0.3 * np.sin(2 * np.pi * 3 * np.arange(16_000) / 16_000).astype(np.float32)
    with_drift = extract_autovc_mel(Waveform(sound.samples + drift, SPEECH), STILL).values
    without = extract_autovc_mel(sound, STILL).values
    loud = without[20:40] > 0.5
    np.testing.assert_allclose(with_drift[20:40][loud], without[20:40][loud], atol=1e-3)


def test_dither_is_the_same_every_time_and_far_below_speech():
    sound = tone(440, 0.1)
    first, again = extract_autovc_mel(sound), extract_autovc_mel(sound)
    np.testing.assert_array_equal(first.values, again.values)
    loud = first.values > 0.4
    np.testing.assert_allclose(first.values[loud], extract_autovc_mel(sound, STILL).values[loud], atol=2e-3)


@pytest.mark.parametrize("n_samples", [1, 2, 17, 18, 19, 600])
def test_the_shortest_sounds_are_heard(n_samples):
    values = extract_autovc_mel(Waveform(np.full(n_samples, 0.1, np.float32), SPEECH)).values
    assert len(values) == n_samples // 256 + 1
    assert np.isfinite(values).all()


def test_nothing_is_refused():
    with pytest.raises(AudioError, match="0 samples"):
        extract_autovc_mel(Waveform(np.zeros(0, np.float32), SPEECH))


def test_a_level_is_reached_or_left_alone():
    sound = tone(440, 0.1).samples
    assert 20 * np.log10(np.sqrt(np.mean(at_level_db(sound, -30.0) ** 2))) == pytest.approx(-30, abs=1e-3)
    assert at_level_db(sound, -30.0, may_lower=False) is sound
    silence = np.zeros(10, np.float32)
    assert at_level_db(silence, -20.0) is silence
