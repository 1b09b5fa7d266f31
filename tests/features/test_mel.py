"""Mel filters and spectra."""

import numpy as np
import pytest

from visemic.core.errors import AudioError, InputError
from visemic.features.mel import hz_from_mel, mel_filters, mel_from_hz, mel_spectrum, n_steps_of


def test_the_scale_is_linear_to_1_khz_and_grows_by_6_4_in_27_mels_above():
    np.testing.assert_allclose(mel_from_hz(np.array([0.0, 500.0, 1_000.0, 6_400.0])), [0, 7.5, 15, 42])


def test_mel_and_hertz_are_inverse():
    hz = np.linspace(0, 8_000, 201)
    np.testing.assert_allclose(hz_from_mel(mel_from_hz(hz)), hz, atol=1e-9)


@pytest.mark.parametrize(
    ("n_mels", "n_fft", "low_hz", "high_hz", "peaks"),
    [
        (
            80,
            1_024,
            90.0,
            7_600.0,
            ((0, 8, 0.027750291250574984), (20, 53, 0.02207648427845918), (79, 469, 0.0037061994235857306)),
        ),
        (
            40,
            400,
            0.0,
            8_000.0,
            ((0, 2, 0.012404520785440257), (20, 44, 0.007191917266070278), (39, 185, 0.0017249403216904572)),
        ),
    ],
)
def test_filters_have_the_values_that_librosa_gives(n_mels, n_fft, low_hz, high_hz, peaks):
    filters = mel_filters(n_mels, n_fft, 16_000.0, low_hz, high_hz)
    for mel, place, value in peaks:
        assert filters[mel].argmax() == place
        assert filters[mel, place] == pytest.approx(value, rel=1e-12)


def test_a_filter_has_unit_area():
    filters = mel_filters(40, 16_384, 16_000.0, 0.0, 8_000.0)
    np.testing.assert_allclose(filters.sum(axis=1) * 16_000 / 16_384, 1.0, rtol=2e-3)


def test_a_tone_lights_the_filter_around_it():
    filters = mel_filters(80, 1_024, 16_000.0, 90.0, 7_600.0)
    for hz in (300.0, 1_500.0, 5_000.0):
        tone = np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000)
        mels = mel_spectrum(tone, filters, window_length=1_024, hop_length=256, exponent=1)
        centre = mels[30].argmax()
        assert filters[centre, round(hz * 1_024 / 16_000)] > 0


def test_a_click_is_loudest_in_the_step_centred_on_it():
    sound = np.zeros(16_000)
    sound[256 * 20] = 1.0
    filters = mel_filters(80, 1_024, 16_000.0, 90.0, 7_600.0)
    mels = mel_spectrum(sound, filters, window_length=1_024, hop_length=256, exponent=1)
    assert mels.sum(axis=1).argmax() == 20
    np.testing.assert_allclose(mels[19], mels[21], rtol=1e-9)


def test_power_is_the_square_of_magnitude_through_a_single_bin():
    one_bin = np.zeros((1, 513))
    one_bin[0, 40] = 1.0
    sound = np.random.default_rng(1).standard_normal(5_000)
    magnitude = mel_spectrum(sound, one_bin, window_length=1_024, hop_length=256, exponent=1)
    power = mel_spectrum(sound, one_bin, window_length=1_024, hop_length=256, exponent=2)
    np.testing.assert_allclose(power, magnitude**2)


@pytest.mark.parametrize("n_samples", [1, 2, 255, 256, 257, 700_000])
def test_every_length_gives_a_step_a_hop(n_samples):
    filters = mel_filters(40, 400, 16_000.0, 0.0, 8_000.0)
    mels = mel_spectrum(np.ones(n_samples), filters, window_length=400, hop_length=256, exponent=2)
    assert len(mels) == n_steps_of(n_samples, 256) == n_samples // 256 + 1
    assert np.isfinite(mels).all()


def test_nothing_cannot_be_heard():
    with pytest.raises(AudioError, match="0 samples"):
        mel_spectrum(np.zeros(0), np.ones((1, 201)), window_length=400, hop_length=160, exponent=2)


def test_filters_above_half_the_rate_are_refused():
    with pytest.raises(InputError, match="between 0 and 4000 Hz"):
        mel_filters(80, 512, 8_000.0, 90.0, 7_600.0)
