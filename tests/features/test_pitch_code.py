"""Pitch as one of 257 classes."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.signals import Waveform
from visemic.features.pitch_code import extract_pitch_code, one_hot_pitch, pitch_classes


def test_unvoiced_is_class_0_and_only_unvoiced(rng):
    pitch = np.where(rng.random(400) < 0.6, np.exp(rng.normal(5, 0.4, 400)), 0.0)
    classes = pitch_classes(pitch)
    np.testing.assert_array_equal(classes == 0, pitch == 0)
    assert classes.max() <= 256


def test_the_mean_is_in_the_middle_and_four_deviations_at_the_ends():
    log_pitch = 5.0 + 0.1 * np.array([-9.0, -4.0, -2.0, 0.0, 2.0, 4.0, 9.0])
    classes = pitch_classes(np.exp(log_pitch), mean=5.0, deviation=0.1)
    # The middle of 0..255 is 127.5, which rounds to even.
    np.testing.assert_array_equal(classes, [1, 1, 65, 129, 192, 256, 256])


def test_an_octave_higher_voice_has_the_same_classes(rng):
    pitch = np.exp(rng.normal(4.6, 0.2, 300))
    assert np.abs(pitch_classes(pitch) - pitch_classes(2 * pitch)).max() <= 1


def test_higher_pitch_never_has_a_lower_class(rng):
    pitch = np.sort(np.exp(rng.normal(5, 0.3, 200)))
    assert (np.diff(pitch_classes(pitch)) >= 0).all()


def test_a_monotone_and_a_silent_voice_are_fine():
    assert len(set(pitch_classes(np.full(5, 110.0)))) == 1
    assert not pitch_classes(np.zeros(4)).any()
    assert pitch_classes(np.zeros(0)).shape == (0,)


def test_every_row_has_a_single_one():
    rows = one_hot_pitch(np.array([0, 1, 256]))
    assert rows.shape == (3, 257)
    np.testing.assert_array_equal(rows.argmax(axis=1), [0, 1, 256])
    np.testing.assert_array_equal(rows.sum(axis=1), 1)


@pytest.mark.parametrize("n_steps", [1, 63, 80])
def test_a_tone_is_voiced_at_any_number_of_steps(n_steps):
    t = np.arange(16_000) / 16_000
    tone = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 8))
    code = extract_pitch_code(
        Waveform((0.2 * tone).astype(np.float32), Rate.of(16_000)), Rate.of("62.5"), n_steps
    )
    assert code.values.shape == (n_steps, 257)
    if n_steps > 20:
        assert (code.values[10:50, 0] == 0).all()
