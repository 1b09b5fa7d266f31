"""What the small speaker encoder hears."""

from itertools import pairwise

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import AudioError, InputError
from visemic.core.signals import Waveform
from visemic.features.speaker_mel import (
    PART_STEPS,
    extract_speaker_mel,
    extract_speaker_parts,
    part_starts,
    without_silence,
)

SPEECH = Rate.of(16_000)


def voice(seconds: float) -> np.ndarray:
    """A buzz with formants: enough for a judge of voices."""
    t = np.arange(round(16_000 * seconds)) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / (1 + abs(k - 5)) for k in range(1, 25))
    return (0.1 * buzz * (1 + 0.5 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def test_powers_are_given_without_a_logarithm():
    quiet = Waveform(voice(1.0), SPEECH)
    loud = Waveform(2 * quiet.samples, SPEECH)
    a = extract_speaker_mel(quiet, trimmed=False).values
    b = extract_speaker_mel(loud, trimmed=False).values
    assert a.shape == (101, 40)
    np.testing.assert_allclose(b, 4 * a, rtol=1e-4)


def test_a_long_pause_is_cut_and_a_short_one_is_kept():
    def with_pause(seconds: float) -> np.ndarray:
        return np.concatenate([voice(1.0), np.zeros(round(16_000 * seconds), np.float32), voice(1.0)])

    assert len(without_silence(with_pause(3.0))) < 16_000 * 3
    assert len(without_silence(with_pause(0.12))) >= 16_000 * 2


def test_all_silence_and_a_blink_of_sound_stay_whole():
    for n_samples in (1, 479, 480, 1_000, 8_000):
        silence = np.zeros(n_samples, np.float32)
        assert len(without_silence(silence)) == n_samples


@pytest.mark.parametrize("n_samples", [1, 5_000, 25_600, 30_000, 100_000])
@pytest.mark.parametrize("parts_a_second", [0.625, 1.3, 2.0])
def test_windows_leave_no_gap(n_samples, parts_a_second):
    starts = part_starts(n_samples, parts_a_second)
    assert starts[0] == 0
    assert all(0 < b - a <= PART_STEPS for a, b in pairwise(starts))
    # At most a quarter of the last stretch is left out.
    assert (starts[-1] + PART_STEPS) * 160 >= n_samples - 0.75 * PART_STEPS * 160


def test_parts_are_pieces_of_the_spectrum():
    sound = Waveform(voice(4.0), SPEECH)
    parts = extract_speaker_parts(sound, parts_a_second=2.0)
    whole = extract_speaker_mel(sound).values
    assert parts.shape[1:] == (160, 40)
    np.testing.assert_allclose(parts[1], whole[50:210], rtol=1e-5)


def test_too_few_windows_and_nothing_are_refused():
    with pytest.raises(InputError, match=r"0\.5 windows a second"):
        part_starts(16_000, 0.5)
    with pytest.raises(InputError, match="windows a second"):
        part_starts(16_000, 0.0)
    with pytest.raises(AudioError, match="0 samples"):
        extract_speaker_mel(Waveform(np.zeros(0, np.float32), SPEECH))
