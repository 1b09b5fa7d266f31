"""The space of windows, and FID and KID with what leaving out a clip says of them."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.evaluation.avi_feature import WindowSpace, fid_estimate, in_halves, kid_estimate
from visemic.evaluation.distribution import frechet_distance, kernel_discrepancy

RATE = Rate.of(30)


def moving(seed: int, n_frames: int = 90) -> Motion:
    values = np.random.default_rng(seed).random((n_frames, len(ARKIT_61))).astype(np.float32)
    return Motion(values, ARKIT_61, RATE)


def windows(seed: int, n_clips: int, width: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(3 + n % 2, width)) for n in range(n_clips)]


def test_a_window_is_a_second_and_the_next_begins_half_a_second_later():
    space = WindowSpace([moving(n) for n in range(8)])
    assert space.of(moving(99)).shape == (5, 16)
    assert space.of(moving(99, 12)).shape == (1, 16)
    assert 0 < space.explained <= 1


def test_features_do_not_depend_on_the_rate_of_the_motion():
    space = WindowSpace([moving(n) for n in range(8)])
    still = Motion(np.full((60, len(ARKIT_61)), 0.3, np.float32), ARKIT_61, Rate.of(60))
    slow = Motion(np.full((30, len(ARKIT_61)), 0.3, np.float32), ARKIT_61, RATE)
    assert np.allclose(space.of(still)[0], space.of(slow)[0], atol=1e-6)


def test_too_few_windows_fix_no_space():
    with pytest.raises(InputError, match="give more clips to train"):
        WindowSpace([moving(0)])
    with pytest.raises(InputError, match="0 windows"):
        WindowSpace([])


def test_both_distances_are_those_of_whole_sets_with_an_interval_around():
    reference, clips = np.concatenate(windows(0, 30)), windows(1, 9)
    whole = np.concatenate(clips)
    fid, kid = fid_estimate(clips, reference), kid_estimate(clips, reference)
    assert fid.mean == pytest.approx(frechet_distance(reference, whole))
    assert kid.mean == pytest.approx(kernel_discrepancy(reference, whole))
    for found in (fid, kid):
        assert found.low < found.mean < found.high
        assert found.n == 9


def test_one_clip_gives_no_width():
    found = kid_estimate(windows(1, 1), np.concatenate(windows(0, 5)))
    assert found.low == found.mean == found.high


def test_what_is_shifted_is_farther_than_what_is_not():
    reference, same = np.concatenate(windows(0, 60)), windows(2, 20)
    away = [clip + 1.0 for clip in same]
    assert kid_estimate(same, reference).high < kid_estimate(away, reference).low
    assert fid_estimate(same, reference).high < fid_estimate(away, reference).low


def test_halves_share_no_clip():
    clips = windows(3, 7)
    left, right = in_halves(clips, 0)
    assert (len(left), len(right)) == (3, 4)
    assert {id(clip) for clip in (*left, *right)} == {id(clip) for clip in clips}
