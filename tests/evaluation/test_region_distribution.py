import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.evaluation.region_distribution import region_features, region_kernel_distance

EVERY = np.arange(5)


def clip(seed: int, spread: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    moved = spread * rng.normal(size=(60, 5, 3)).astype(np.float32)
    return region_features(moved, EVERY, Rate.of(30))


def test_features_are_places_and_their_change_ten_times_a_second():
    moved = np.zeros((31, 5, 3), np.float32)
    moved[:, 2, 1] = np.arange(31)
    features = region_features(moved, np.array([2]), Rate.of(30))
    assert features.shape == (10, 6)
    np.testing.assert_allclose(features[:, 1], np.arange(3, 31, 3))
    np.testing.assert_allclose(features[:, 4], 3.0)


def test_a_part_of_the_face_that_is_not_asked_for_does_not_count():
    moved = np.random.default_rng(0).normal(size=(40, 5, 3)).astype(np.float32)
    other = moved.copy()
    other[:, 4] = 9
    region = np.array([0, 1, 2])
    np.testing.assert_array_equal(
        region_features(moved, region, Rate.of(30)), region_features(other, region, Rate.of(30))
    )


def test_motion_of_one_kind_is_near_zero_and_motion_that_fades_is_not():
    real = [clip(seed, 1.0) for seed in range(12)]
    same = region_kernel_distance(real, [clip(100 + seed, 1.0) for seed in range(12)])
    faded = region_kernel_distance(real, [clip(100 + seed, 0.2) for seed in range(12)])
    assert same.low < 0 < same.high
    assert faded.low > same.high
    assert faded.low < faded.mean < faded.high


def test_the_unit_does_not_matter():
    real, made = [clip(s, 1.0) for s in range(4)], [clip(9 + s, 0.5) for s in range(4)]
    a = region_kernel_distance(real, made)
    b = region_kernel_distance([1_000 * x for x in real], [1_000 * x for x in made])
    assert a.mean == pytest.approx(b.mean, rel=1e-6)


def test_two_clips_are_too_few():
    real = [clip(s, 1.0) for s in range(2)]
    assert np.isnan(region_kernel_distance(real, real).mean)
