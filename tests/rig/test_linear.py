"""Posing by laws: delta form, turning parts, gaze of takes without rotations."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_52, ARKIT_61, EYE_LOOK_PITCH_RAD, EYE_LOOK_YAW_RAD, Layout
from visemic.core.signals import Alignment, Motion, Phone
from visemic.models.base import FaceControl
from visemic.models.registry import load_model
from visemic.rig.linear import Joint, joint_angles, pose, pose_blocks, pose_motion, rotation_matrices
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

RATE = Rate.of(30)
LEFT = Joint("eye_left", (0.03, 0.0, 0.07), ("leftEyeYaw", "leftEyePitch", "leftEyeRoll"))
RIGHT = Joint("eye_right", (-0.03, 0.0, 0.07), ("rightEyeYaw", "rightEyePitch", "rightEyeRoll"))


def _motion(layout: Layout, n_frames: int = 1, **weights: float) -> Motion:
    values = np.zeros((n_frames, len(layout)), np.float32)
    for name, weight in weights.items():
        values[:, layout.index(name)] = weight
    return Motion(values, layout, RATE)


def test_one_full_weight_is_the_target_shape(rng):
    neutral, offsets = rng.normal(size=(7, 3)), rng.normal(size=(4, 7, 3))
    np.testing.assert_allclose(pose(neutral, offsets, np.eye(4)), neutral + offsets)


def test_posing_is_linear_in_the_weights(rng):
    neutral, offsets = rng.normal(size=(7, 3)), rng.normal(size=(4, 7, 3))
    a, b = rng.random((5, 4)), rng.random((5, 4))
    both = pose(neutral, offsets, a + b)
    np.testing.assert_allclose(both, pose(neutral, offsets, a) + pose(neutral, offsets, b) - neutral)


def test_rotations_are_right_handed_about_their_axes():
    quarter = np.array([np.pi / 2])
    zero = np.zeros(1)
    forward, up = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(rotation_matrices(quarter, zero, zero)[0] @ forward, [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrices(zero, quarter, zero)[0] @ forward, [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrices(zero, zero, quarter)[0] @ up, [-1, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "left", "right"),
    [
        ("eyeLookOutLeft", (EYE_LOOK_YAW_RAD, 0.0), (0.0, 0.0)),
        ("eyeLookInRight", (0.0, 0.0), (EYE_LOOK_YAW_RAD, 0.0)),
        ("eyeLookDownLeft", (0.0, EYE_LOOK_PITCH_RAD), (0.0, 0.0)),
        ("eyeLookUpRight", (0.0, 0.0), (0.0, -EYE_LOOK_PITCH_RAD)),
    ],
)
def test_eyes_of_a_take_without_rotations_follow_its_look_weights(shape, left, right):
    motion = _motion(ARKIT_52, **{shape: 1.0})
    np.testing.assert_allclose(joint_angles(motion, LEFT)[:2, 0], left, atol=1e-7)
    np.testing.assert_allclose(joint_angles(motion, RIGHT)[:2, 0], right, atol=1e-7)


def test_a_take_with_some_look_shapes_turns_the_eyes_by_those():
    motion = _motion(
        Layout("few", ("eyeLookOutLeft", "eyeLookUpRight")), eyeLookOutLeft=0.5, eyeLookUpRight=1.0
    )
    np.testing.assert_allclose(joint_angles(motion, LEFT)[:, 0], [EYE_LOOK_YAW_RAD / 2, 0, 0], atol=1e-7)
    np.testing.assert_allclose(joint_angles(motion, RIGHT)[:, 0], [0, -EYE_LOOK_PITCH_RAD, 0], atol=1e-7)


def test_rotations_that_are_given_are_the_ones_that_count():
    motion = _motion(ARKIT_61, eyeLookOutLeft=1.0, leftEyeYaw=0.1)
    np.testing.assert_allclose(joint_angles(motion, LEFT)[:, 0], [0.1, 0, 0], atol=1e-7)


def test_gaze_made_by_rule_says_the_same_in_rotations_and_in_look_weights():
    model = load_model("viseme-rules", fit_readouts(load_rig("visemic")))
    alignment = Alignment((Phone("AA", 0.0, 8.0, 1),), (), "", 8.0)
    motion = model.generate(alignment, None, RATE, FaceControl(), np.random.default_rng(3))
    without = motion.to_layout(ARKIT_52)
    for eye in (LEFT, RIGHT):
        given = joint_angles(motion, eye)
        assert np.ptp(given[0]) > 0.01
        np.testing.assert_allclose(joint_angles(without, eye)[:2], given[:2], atol=2e-3)


def test_blocks_are_the_whole(rng):
    rig = load_rig("visemic")
    values = np.zeros((70, len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = rng.random(70)
    values[:, ARKIT_61.index("headYaw")] = rng.normal(0, 0.1, 70)
    motion = Motion(values, ARKIT_61, RATE)
    whole = pose_motion(rig, motion).vertices
    np.testing.assert_array_equal(np.concatenate(list(pose_blocks(rig, motion))), whole)
    alone = pose_motion(rig, Motion(values[40:41], ARKIT_61, RATE)).vertices
    np.testing.assert_array_equal(alone[0], whole[40])


def test_shoulders_stay_when_the_head_turns():
    rig = load_rig("visemic")
    turned = pose_motion(rig, _motion(ARKIT_61, headYaw=0.3)).vertices[0]
    still = rig.head_follow == 0
    assert still.any()
    np.testing.assert_allclose(turned[still], rig.neutral[still], atol=1e-7)
    assert np.linalg.norm(turned - rig.neutral, axis=1).max() > 0.01
