import numpy as np
import pytest
from tests.audio.conftest import tone_of, vowel_of, waveform_of

from visemic.audio.hum import with_hums
from visemic.core.signals import Phone


def gap_of(sound):
    """Give the labels after a gap of 0.15 s between two vowels was filled with a sound."""
    clip = waveform_of(vowel_of(0.4), sound, vowel_of(0.4))
    phones = [Phone("AA", 0.0, 0.4), Phone("AA", 0.55, 0.95)]
    filled = with_hums(phones, clip)
    assert [filled[0], filled[-1]] == phones
    return [(p.label, p.start_s, p.end_s) for p in filled[1:-1]]


def test_a_loud_low_gap_is_a_hum():
    assert gap_of(tone_of(0.15, 16_000, hz=150, peak=0.1)[:, 0]) == [("M", 0.4, 0.55)]


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_a_quiet_gap_stays_a_gap(level):
    assert gap_of(tone_of(0.15, 16_000, hz=150, peak=level)[:, 0]) == []


def test_a_hiss_stays_a_gap(rng):
    assert gap_of(np.diff(rng.normal(0, 0.05, 2_401)).astype(np.float32)) == []


def test_a_long_hum_and_the_ends_are_left_alone():
    hum = tone_of(0.5, 16_000, hz=150, peak=0.1)[:, 0]
    clip = waveform_of(hum, vowel_of(0.4), hum, vowel_of(0.4), hum)
    phones = [Phone("AA", 0.5, 0.9), Phone("AA", 1.4, 1.8)]
    assert with_hums(phones, clip) == phones
    assert with_hums([], clip) == []
