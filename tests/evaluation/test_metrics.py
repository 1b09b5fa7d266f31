"""Distances of curves agree with closed forms."""

import math

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, LayoutError, RigError
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.core.signals import Motion
from visemic.evaluation import metrics
from visemic.rig.registry import load_rig

RATE = Rate.of(30)


@pytest.fixture(scope="module")
def head():
    return load_rig("visemic")


def moving(rng: np.random.Generator, n_frames: int = 90) -> Motion:
    values = np.zeros((n_frames, len(ARKIT_61)), np.float32)
    for name in ("jawOpen", "mouthPucker", "mouthLowerDownLeft"):
        values[:, ARKIT_61.index(name)] = np.clip(np.cumsum(rng.normal(0, 0.05, n_frames)) + 0.3, 0, 1)
    return Motion(values, ARKIT_61, RATE)


def test_the_lower_face_has_thirty_three_channels():
    assert len(MOUTH_33) == 33


def test_coefficient_distance_is_a_norm_over_channels():
    target = np.zeros((5, 4))
    predicted = np.full((5, 4), 0.3)
    assert metrics.coefficient_l2(predicted, target) == pytest.approx(0.6)
    assert metrics.coefficient_mean_error(predicted, target) == pytest.approx(0.3)


def test_landmark_distance_is_in_mouth_widths():
    target = np.zeros((3, 4, 2))
    target[:, 0, 0], target[:, 1, 0] = 1.0, -1.0
    predicted = target.copy()
    predicted[:, 2, 1] += 1.0
    assert metrics.landmark_distance(predicted, target, 0, 1) == pytest.approx(1.0 / 4 / 2.0)
    # The unit of the points does not matter.
    assert metrics.landmark_distance(9 * predicted, 9 * target, 0, 1) == pytest.approx(1.0 / 4 / 2.0)


def test_projected_landmarks_are_those_of_the_posed_head(rng, head):
    from visemic.rig.linear import pose_motion

    motion = moving(rng, 4)
    seen = metrics.landmark_tracks_m(motion, head, metrics.CORNERS)
    posed = pose_motion(head, motion).vertices
    chosen = [head.landmark(name) for name in metrics.CORNERS]
    np.testing.assert_allclose(seen, posed[:, chosen, :2], atol=1e-6)


def test_a_permuted_track_has_a_larger_landmark_distance_than_a_noisy_one(rng, head):
    clips = [moving(rng) for _ in range(6)]
    tracks = [metrics.landmark_tracks_m(m, head) for m in clips]
    quiet = [Motion(m.values * np.float32(0.9), m.layout, m.rate) for m in clips]
    noisy = [metrics.landmark_tracks_m(m, head) for m in quiet]
    near = [metrics.landmark_distance(n, t, 0, 1) for n, t in zip(noisy, tracks, strict=True)]
    wrong = [metrics.landmark_distance(tracks[i - 1], tracks[i], 0, 1) for i in range(6)]
    assert max(near) < min(wrong)


def test_an_unknown_landmark_is_named(rng, head):
    with pytest.raises(RigError, match="did you mean 'mouth_corner_left'"):
        metrics.landmark_tracks_m(moving(rng, 2), head, ("mouth_corner_lft",))


def test_correlation_is_blind_to_range_and_offset(rng):
    curve = rng.normal(size=50)
    assert metrics.correlation(0.2 * curve + 3, curve) == pytest.approx(1.0)
    assert metrics.correlation(-curve, curve) == pytest.approx(-1.0)
    assert math.isnan(metrics.correlation(np.full(50, 0.3), curve))


def test_jitter_of_a_cubic_is_its_third_derivative():
    times = np.arange(60) / 30
    curve = (2.0 * times**3)[:, None]
    assert metrics.jitter_per_s3(curve, RATE) == pytest.approx(12.0)
    assert metrics.jitter_ratio(0.5 * curve, curve, RATE) == pytest.approx(0.5)
    assert math.isnan(metrics.jitter_ratio(curve, np.zeros_like(curve), RATE))
    assert metrics.jitter_per_s3(curve[:3], RATE) == 0.0


def test_silence_counts_only_silent_frames():
    curves = np.array([[0.5], [0.1], [0.3]])
    rest = np.array([0.1])
    assert metrics.silence_motion(curves, rest, np.array([True, True, False])) == pytest.approx(0.2)
    assert math.isnan(metrics.silence_motion(curves, rest, np.zeros(3, bool)))


def test_smoothing_shrinks_the_range(rng):
    target = np.stack([rng.normal(size=200), np.zeros(200)], axis=1)
    assert metrics.range_ratio(0.4 * target, target) == pytest.approx(0.4)
    assert math.isnan(metrics.range_ratios(target, target)[1])
    assert math.isnan(metrics.range_ratio(target[:, 1:], target[:, 1:]))


def test_motion_beats_are_where_a_pendulum_turns():
    times = np.arange(120) / 30
    beats = metrics.motion_beats_s(np.sin(2 * np.pi * times)[:, None], RATE)
    np.testing.assert_allclose(beats, np.arange(0.25, 4, 0.5)[: len(beats)], atol=1 / 30)
    assert len(metrics.motion_beats_s(np.zeros((3, 1)), RATE)) == 0


def test_beats_that_coincide_align_fully_and_late_ones_by_the_bell():
    sound = np.array([1.0, 2.0, 3.0])
    assert metrics.beat_alignment(sound[::-1], sound) == pytest.approx(1.0)
    assert metrics.beat_alignment(sound + 0.1, sound) == pytest.approx(math.exp(-0.5))
    assert metrics.beat_alignment(np.array([1.05]), np.array([1.0])) == pytest.approx(math.exp(-0.125))
    assert math.isnan(metrics.beat_alignment(np.zeros(0), sound))


def test_mouth_opening_difference_is_the_mean_of_differences():
    assert metrics.mouth_opening_difference_mm(np.array([1.0, 3.0]), np.array([2.0, 1.0])) == 1.5


def test_curves_that_do_not_fit_are_refused():
    curves = np.zeros((5, 3))
    with pytest.raises(ClockError, match="4 frames were predicted for 5"):
        metrics.coefficient_l2(curves[:4], curves)
    with pytest.raises(LayoutError, match="2 channels were predicted for 3"):
        metrics.coefficient_l2(curves[:, :2], curves)
    with pytest.raises(ClockError, match="0 frames"):
        metrics.coefficient_l2(curves[:0], curves[:0])
    with pytest.raises(LayoutError, match="name the two corners"):
        metrics.landmark_distance(np.zeros((2, 3, 2)), np.zeros((2, 3, 2)), 0, 1)
