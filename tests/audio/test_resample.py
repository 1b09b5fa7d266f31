import numpy as np
import pytest

from visemic.audio.resample import resample, resample_blocks, resampled_length
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import Waveform


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("n_samples", [0, 1, 2, 37, 4_410, 44_101])
def test_the_length_follows_the_rates(rate_hz, n_samples, rng):
    sound = Waveform(rng.normal(0, 0.1, n_samples).astype(np.float32), Rate.of(rate_hz))
    expected = int(n_samples * 16_000 / rate_hz + 0.5)
    assert resampled_length(n_samples, sound.rate, SPEECH_RATE) == expected
    assert len(resample(sound, SPEECH_RATE).samples) == expected


@pytest.mark.parametrize("block", [1_000, 4_096, 70_000])
def test_block_by_block_is_as_in_one_piece(block, rng):
    import soxr

    sound = rng.normal(0, 0.1, 100_000).astype(np.float32)
    pieces = [sound[i : i + block] for i in range(0, len(sound), block)]
    streamed = np.concatenate(list(resample_blocks(pieces, Rate.of(44_100), SPEECH_RATE)))
    whole = soxr.resample(sound, 44_100, 16_000, "HQ")
    assert abs(len(whole) - len(streamed)) <= 1
    n_both = min(len(whole), len(streamed))
    np.testing.assert_allclose(streamed[:n_both], whole[:n_both], atol=1e-6)


def test_a_sound_at_the_rate_already_is_the_same_object():
    sound = Waveform(np.zeros(10, np.float32), SPEECH_RATE)
    assert resample(sound, SPEECH_RATE) is sound


def test_a_tone_stays_in_phase():
    time_s = np.arange(44_100) / 44_100
    tone = Waveform(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), Rate.of(44_100))
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    got = resample(tone, SPEECH_RATE).samples
    np.testing.assert_allclose(got[500:-500], expected[500:-500], atol=1e-4)


def test_what_the_new_rate_cannot_hold_is_filtered_away():
    time_s = np.arange(48_000) / 48_000
    tone = Waveform(np.sin(2 * np.pi * 9_000 * time_s).astype(np.float32), Rate.of(48_000))
    assert np.abs(resample(tone, SPEECH_RATE).samples[500:-500]).max() < 1e-3
