"""Distances of meshes agree with closed forms."""

import math

import numpy as np
import pytest

from visemic.core.errors import ClockError, RigError
from visemic.evaluation import metrics_mesh as mesh
from visemic.rig.registry import load_rig

N_FRAMES, N_VERTICES = 40, 30
LIPS = np.arange(5)


@pytest.fixture
def neutral(rng) -> np.ndarray:
    return rng.normal(0, 0.05, (N_VERTICES, 3)).astype(np.float32)


@pytest.fixture
def target(rng, neutral) -> np.ndarray:
    return (neutral + rng.normal(0, 0.003, (N_FRAMES, N_VERTICES, 3))).astype(np.float32)


def test_a_constant_offset_of_one_lip_vertex_is_squared_by_the_published_lve(target):
    predicted = target.copy()
    predicted[:, 3, 1] += np.float32(0.002)
    assert mesh.lip_vertex_error_m2(predicted, target, LIPS) == pytest.approx(0.002**2, rel=1e-4)
    assert mesh.lip_vertex_error_mm(predicted, target, LIPS) == pytest.approx(2.0, rel=1e-4)
    assert mesh.lip_vertex_error_root_mm(predicted, target, LIPS) == pytest.approx(2.0, rel=1e-4)
    # A fifth of the offset moves the centre of the five lip vertices.
    assert mesh.lip_vertex_error_centred_mm(predicted, target, LIPS) == pytest.approx(1.6, rel=1e-3)


def test_a_vertex_outside_the_region_costs_nothing(target):
    predicted = target.copy()
    predicted[:, 20] += np.float32(0.01)
    assert mesh.lip_vertex_error_m2(predicted, target, LIPS) == 0
    assert mesh.eye_vertex_error_m2(predicted, target, np.array([20, 21])) == pytest.approx(3e-4, rel=1e-4)


def test_the_root_of_a_mean_is_at_least_the_mean_of_roots(rng, target):
    predicted = target + rng.normal(0, 0.002, target.shape).astype(np.float32)
    assert mesh.lip_vertex_error_root_mm(predicted, target, LIPS) >= mesh.lip_vertex_error_mm(
        predicted, target, LIPS
    )


def test_the_centred_lve_is_blind_to_where_the_mouth_is(target):
    moved = target + np.float32(0.01)
    assert mesh.lip_vertex_error_centred_mm(moved, target, LIPS) < 1e-3
    assert mesh.lip_vertex_error_mm(moved, target, LIPS) == pytest.approx(10 * math.sqrt(3), rel=1e-4)


def test_mean_vertex_error_counts_every_vertex_once(target):
    predicted = target.copy()
    predicted[:, 0, 2] += np.float32(0.003)
    assert mesh.mean_vertex_error_mm(predicted, target) == pytest.approx(3 / N_VERTICES, rel=1e-4)
    assert mesh.mean_vertex_error_mm(predicted, target, np.array([0, 1])) == pytest.approx(1.5, rel=1e-4)


def test_scaled_motion_has_the_known_fdd(neutral):
    amplitude_m, gain = 0.004, 0.5
    swing = np.sin(2 * np.pi * np.arange(N_FRAMES) / N_FRAMES)[:, None, None]
    away = np.zeros((1, N_VERTICES, 3))
    away[..., 0] = amplitude_m
    target, predicted = neutral + swing * away, neutral + gain * swing * away
    # The variance of sin² over whole periods is 1/8.
    expected = (1 - gain**2) * amplitude_m**2 / math.sqrt(8)
    upper = np.arange(10, 20)
    assert mesh.face_dynamics_deviation_m2(predicted, target, neutral, upper) == pytest.approx(expected)
    assert mesh.face_dynamics_deviation_m2(target, predicted, neutral, upper) == pytest.approx(-expected)
    assert mesh.face_dynamics_deviation_absolute_m2(target, predicted, neutral, upper) == pytest.approx(
        expected
    )


def test_fdd_is_blind_to_time_reversal(neutral, target):
    upper = np.arange(10, 20)
    assert abs(mesh.face_dynamics_deviation_m2(target[::-1], target, neutral, upper)) < 1e-15


def test_nvme_is_free_of_scale_and_of_a_shared_shift(rng, neutral, target):
    predicted = target + rng.normal(0, 0.002, target.shape).astype(np.float32)
    one = mesh.normalised_vertex_mesh_error(predicted, target, neutral)
    large = mesh.normalised_vertex_mesh_error(predicted * 7, target * 7, neutral * 7)
    assert large == pytest.approx(one, rel=1e-5)
    assert one == pytest.approx(
        np.linalg.norm(predicted - target, axis=-1).mean() / np.linalg.norm(np.ptp(neutral, axis=0)), rel=1e-5
    )
    assert mesh.normalised_vertex_mesh_error(predicted, target, neutral, scale_m=0.06) == pytest.approx(
        one * mesh.face_scale_m(neutral) / 0.06, rel=1e-6
    )


def test_the_error_of_a_triangle_is_the_mean_of_its_corners(target):
    predicted = target.copy()
    predicted[:, 0, 0] += np.float32(0.003)
    errors = mesh.face_errors_m(predicted, target, np.array([[0, 1, 2], [3, 4, 5]]))
    np.testing.assert_allclose(errors[:, 0], 0.001, rtol=1e-4)
    assert errors[:, 1].max() == 0


def test_mouth_opening_difference_sees_only_the_gap(target):
    predicted = target.copy()
    gap = target[:, 1] - target[:, 2]
    predicted[:, 1] += (0.002 * gap / np.linalg.norm(gap, axis=1, keepdims=True)).astype(np.float32)
    both = predicted + np.float32(0.05)
    assert mesh.mouth_opening_difference_by_vertices_mm(predicted, target, 1, 2) == pytest.approx(2, rel=1e-3)
    assert mesh.mouth_opening_difference_by_vertices_mm(both, target, 1, 2) == pytest.approx(2, rel=1e-3)


def test_a_region_of_a_head_is_found_by_name():
    head = load_rig("visemic")
    lips = mesh.region_vertices(head, "lips")
    assert head.landmark("upper_lip_inner") in lips
    assert len(mesh.region_vertices(head, "lips", above=0.0)) >= len(lips)
    with pytest.raises(RigError, match="did you mean 'lips'"):
        mesh.region_vertices(head, "lip")
    with pytest.raises(RigError, match="0 vertices above 1"):
        mesh.region_vertices(head, "lips", above=1.0)


def test_different_lengths_topologies_and_regions_are_refused(neutral, target):
    with pytest.raises(ClockError, match="39 frames were predicted for 40"):
        mesh.mean_vertex_error_mm(target[:39], target)
    with pytest.raises(ClockError, match="0 frames"):
        mesh.mean_vertex_error_mm(target[:0], target[:0])
    with pytest.raises(RigError, match="29 vertices were predicted for 30"):
        mesh.lip_vertex_error_m2(target[:, :29], target, LIPS)
    with pytest.raises(RigError, match="vertex 30 of a mesh of 30"):
        mesh.lip_vertex_error_m2(target, target, np.array([3, 30]))
    with pytest.raises(RigError, match="0 vertices has no error"):
        mesh.lip_vertex_error_m2(target, target, np.zeros(0, int))
    with pytest.raises(RigError, match="no size"):
        mesh.face_scale_m(np.zeros_like(neutral))
