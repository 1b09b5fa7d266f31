"""Facts about weights that are solved for."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import RigError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.rig.linear import pose_motion
from visemic.rig.registry import load_rig
from visemic.rig.solve import WeightSolver

RATE = Rate.of(30)


@pytest.fixture(scope="module")
def solver():
    return WeightSolver(load_rig("visemic"))


def motion(**curves):
    values = np.zeros((5, len(ARKIT_61)), np.float32)
    for name, height in curves.items():
        values[:, ARKIT_61.index(name)] = height * np.linspace(0, 1, 5)
    return Motion(values, ARKIT_61, RATE)


@pytest.mark.slow
def test_a_pose_comes_back_as_its_weights(solver):
    true = motion(jawOpen=0.6, mouthSmileLeft=0.5, mouthPucker=0.4, browInnerUp=0.8, eyeBlinkRight=1.0)
    posed = pose_motion(solver.rig, true).vertices
    found = solver.solve(posed, RATE)
    back = pose_motion(solver.rig, found).vertices
    assert 1e3 * np.linalg.norm(back - posed, axis=2).max() < 0.5
    np.testing.assert_allclose(found.channel("jawOpen"), true.channel("jawOpen"), atol=0.03)
    np.testing.assert_allclose(found.channel("eyeBlinkRight"), true.channel("eyeBlinkRight"), atol=0.1)
    assert found.values[0].max() < 1e-3


def test_eyes_come_back_as_their_angles(solver):
    true = motion(leftEyeYaw=0.3, leftEyePitch=-0.2, rightEyeYaw=0.25)
    found = solver.solve(pose_motion(solver.rig, true).vertices, RATE)
    for name in ("leftEyeYaw", "leftEyePitch", "rightEyeYaw", "rightEyePitch"):
        np.testing.assert_allclose(found.channel(name), true.channel(name), atol=1e-4)


@pytest.mark.slow
def test_weights_stay_within_their_bounds_whatever_is_asked(solver, rng):
    away = solver.rig.neutral + rng.normal(0, 0.03, (3, *solver.rig.neutral.shape)).astype(np.float32)
    shapes = solver.solve(away.astype(np.float32), RATE).values[:, ARKIT_61.indices(solver.names)]
    assert shapes.min() >= 0
    assert shapes.max() <= 1


def test_another_mesh_and_no_frames(solver):
    with pytest.raises(RigError, match="7 vertices"):
        solver.solve(np.zeros((2, 7, 3), np.float32), RATE)
    assert solver.solve(solver.rig.neutral[None][:0], RATE).n_frames == 0
