"""Yaw, pitch and roll as quaternions and back.

The rotation is that of ``rig.linear.rotation_matrices``: for column vectors, roll about z
first, then pitch about x, then yaw about y.

Shape letters: none; the last axis of a quaternion is x, y, z, w.
"""

import numpy as np
from jaxtyping import Float


def quaternions_from_angles(angles_rad: Float[np.ndarray, "3 frames"]) -> Float[np.ndarray, "frames 4"]:
    """Give unit quaternions (x, y, z, w), without sign jumps where the angles have none.

    Args:
        angles_rad: Yaw, pitch and roll.
    """
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles_rad / 2), np.sin(angles_rad / 2)
    x, y, z, w = cy * sp, sy * cp, -sy * sp, cy * cp
    return np.stack([x * cr + y * sr, y * cr - x * sr, z * cr + w * sr, w * cr - z * sr], axis=-1)


def angles_from_quaternions(quat_xyzw: Float[np.ndarray, "frames 4"]) -> Float[np.ndarray, "3 frames"]:
    """Give yaw, pitch (within ±90°) and roll of unit quaternions in radians."""
    x, y, z, w = quat_xyzw.astype(float).T
    yaw = np.arctan2(2 * (x * z + y * w), 1 - 2 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2 * (x * w - y * z), -1, 1))
    roll = np.arctan2(2 * (x * y + z * w), 1 - 2 * (x * x + z * z))
    return np.stack([yaw, pitch, roll])
