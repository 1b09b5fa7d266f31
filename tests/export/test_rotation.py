import numpy as np

from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.export.rotation import angles_from_quaternions, quaternions_from_angles
from visemic.rig.linear import Joint, joint_angles, rotation_matrices


def turned(quat_xyzw, vectors):
    """Give vectors turned by quaternions, by the formula with two cross products."""
    axis, w = quat_xyzw[:, :3], quat_xyzw[:, 3:]
    twice = 2 * np.cross(axis, vectors)
    return vectors + w * twice + np.cross(axis, twice)


def test_quaternions_turn_as_the_rig_s_matrices_do(rng):
    angles = rng.uniform(-1.4, 1.4, (3, 50))
    vectors = rng.normal(size=(50, 3))
    expected = np.einsum("fij,fj->fi", rotation_matrices(*angles), vectors)
    np.testing.assert_allclose(turned(quaternions_from_angles(angles), vectors), expected, atol=1e-12)


def test_angles_come_back_from_quaternions(rng):
    angles = rng.uniform(-1.4, 1.4, (3, 50))
    np.testing.assert_allclose(angles_from_quaternions(quaternions_from_angles(angles)), angles, atol=1e-9)


def test_neighbouring_angles_give_neighbouring_quaternions():
    angles = np.stack([np.linspace(-3, 3, 100), np.linspace(1, -1, 100), np.zeros(100)])
    quaternions = quaternions_from_angles(angles)
    assert ((quaternions[1:] * quaternions[:-1]).sum(axis=1) > 0.99).all()


def test_channels_that_a_motion_lacks_are_zero(motion):
    joint = Joint("head", (0.0, 0.0, 0.0), ("headYaw", "headNod", "headRoll"))
    angles = joint_angles(motion, joint)
    np.testing.assert_array_equal(angles[0], motion.channel("headYaw"))
    assert not angles[1].any()
    empty = Motion(motion.values[:0], ARKIT_61, motion.rate)
    assert quaternions_from_angles(joint_angles(empty, joint)).shape == (0, 4)
