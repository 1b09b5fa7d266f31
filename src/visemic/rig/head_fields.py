"""Soft masks over the skin of the built-in head, from which its shapes are composed.

A shape that must keep the lips sealed uses masks of position alone, which take the same
value on both lips where they touch; a shape that parts them uses the masks of one side.
Centimetres.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import neighbour_average, smooth_step
from visemic.rig.head_mouth import CONTACT, HALF_WIDTH, INNER_RINGS, LIP_START, seam_height
from visemic.rig.head_template import Skin

JAW_JOINT = np.array([0.0, -0.4, -0.6])
JAW_ANGLE_RAD = np.deg2rad(22.5)
JAW_FORWARD = np.array([0.0, -0.08, 0.75])
JAW_LEFT = np.array([0.70, -0.20, 0.0])
"""How the jaw slides; it drops a little, so that the teeth pass over each other."""
CORNER_SHARE = 0.42
"""How far the corners of the mouth follow the jaw."""


@dataclass(frozen=True, eq=False)
class Fields:
    """The skin of the whole head with its masks, all per vertex."""

    skin: Skin

    @property
    def points(self) -> Float[np.ndarray, "vertices 3"]:
        """Rest positions."""
        return self.skin.mesh.points

    @cached_property
    def ring(self) -> np.ndarray:
        """Ring of the mouth grid, -1 elsewhere."""
        half = np.full(self.skin.mesh.source.max() + 1, -1)
        rows = np.arange(len(self.skin.mouth_index))
        half[self.skin.mouth_index] = rows[:, None]
        return half[self.skin.mesh.source]

    @cached_property
    def column(self) -> np.ndarray:
        """Column of the mouth grid, -1 elsewhere."""
        half = np.full(self.skin.mesh.source.max() + 1, -1)
        half[self.skin.mouth_index] = np.arange(self.skin.mouth_index.shape[1])
        return half[self.skin.mesh.source]

    @cached_property
    def is_lip(self) -> np.ndarray:
        """True from the border of the red inwards, the bag included."""
        return self.ring >= LIP_START

    @cached_property
    def _border(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns of the red's border nearest to each vertex, and how much each counts."""
        from scipy.spatial import cKDTree

        border = self.skin.mouth.points[LIP_START]
        mirrored = np.abs(self.points) * np.array([1.0, 0.0, 0.0]) + self.points * np.array([0.0, 1.0, 1.0])
        away, column = cKDTree(border).query(mirrored, k=5)
        weight = 1.0 / (away + 0.02) ** 2
        return column, weight / weight.sum(1, keepdims=True)

    def of_border(self, values: np.ndarray) -> np.ndarray:
        """Carry values of the columns from the red's border over the skin; lips have their own column's."""
        column, weight = self._border
        carried = np.einsum("vk,vk...->v...", weight, values[column])
        own = values[np.maximum(self.column, 0)]
        is_lip = self.is_lip.reshape((-1,) + (1,) * (values.ndim - 1))
        return self.smoothed(np.where(is_lip, own, carried), 10)

    @cached_property
    def rise(self) -> np.ndarray:
        """1 at the middle of the upper lip, 0 at the corners, -1 at the middle of the lower lip."""
        rise = np.cos(self.skin.mouth.turn)
        rise[self.skin.mouth.side == 0] = 0.0
        return self.of_border(rise)

    @cached_property
    def _reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Distances from the red of the upper and of the lower lip."""
        from scipy.spatial import cKDTree

        side = self.skin.mouth.side[np.maximum(self.column, 0)]
        border = self.ring == LIP_START
        upper, _ = cKDTree(self.points[border & (side >= 0)]).query(self.points)
        lower, _ = cKDTree(self.points[border & (side <= 0)]).query(self.points)
        return np.where(self.is_lip, 0.0, upper), np.where(self.is_lip, 0.0, lower)

    @cached_property
    def side(self) -> np.ndarray:
        """1 on the upper lip, -1 on the lower lip, in between around the corners."""
        upper, lower = self._reach
        outside = (lower - upper) / np.maximum(lower + upper, 1e-9)
        return np.where(self.is_lip, self.skin.mouth.side[np.maximum(self.column, 0)], outside)

    @cached_property
    def away(self) -> np.ndarray:
        """Distance from the red of the lips."""
        return np.minimum(*self._reach)

    @cached_property
    def depth_fade(self) -> np.ndarray:
        """1 on the face and lips, falling to 0 inside the mouth."""
        return 1.0 - smooth_step(CONTACT + 1.0, CONTACT + INNER_RINGS + 1.0, self.ring.astype(float))

    @cached_property
    def pocket_fade(self) -> np.ndarray:
        """As ``depth_fade``, but the whole pocket behind the corners still counts.

        A pocket whose front moved without its back would turn inside out.
        """
        return 1.0 - smooth_step(CONTACT + 4.0, CONTACT + INNER_RINGS + 4.0, self.ring.astype(float))

    def upper(self, reach_cm: float) -> np.ndarray:
        """Give the mask of the upper lip and the skin above it."""
        return smooth_step(-0.05, 0.5, self.side) * fall_off(self.away, reach_cm) * self.depth_fade

    def lower(self, reach_cm: float) -> np.ndarray:
        """Give the mask of the lower lip and the skin below it."""
        return smooth_step(-0.05, 0.5, -self.side) * fall_off(self.away, reach_cm) * self.depth_fade

    def both(self, reach_cm: float) -> np.ndarray:
        """Give the mask of both lips, equal where they touch."""
        return fall_off(self.away, reach_cm) * self.depth_fade

    @cached_property
    def left(self) -> np.ndarray:
        """0 on the right to 1 on the left with a soft middle; left and right add to 1."""
        return smooth_step(-1.3, 1.3, self.points[:, 0])

    @cached_property
    def oval(self) -> np.ndarray:
        """1 at the midline of the mouth, 0 at the corners and beyond; moving by it opens an oval."""
        return np.asarray(np.clip(np.abs(self.rise), 0.0, 1.0))

    @cached_property
    def middle(self) -> np.ndarray:
        """1 at the midline of the mouth, 0 at the corners and beyond, flat at the corners."""
        return self.oval**2

    @cached_property
    def over_seam(self) -> np.ndarray:
        """Height over the line between the lips."""
        return self.points[:, 1] - seam_height(np.clip(self.points[:, 0], -HALF_WIDTH, HALF_WIDTH))

    def around(self, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
        """Give a soft ball on the left, 1 at its centre."""
        away = (self.points - np.array(centre)) / np.array(radii)
        return np.exp(-np.sum(away * away, axis=1))

    def corner(self, reach_cm: float) -> np.ndarray:
        """Give the mask of the left corner of the mouth, equal on both lips."""
        contact = self.skin.mouth.points[CONTACT, self.skin.mouth.points.shape[1] // 2]
        away = (self.points - contact) * np.array([1.0, 1.0, 0.8])
        # Lips are pulled as one band, whatever the curve of their profile.
        flat = np.where(
            self.is_lip & (self.ring <= CONTACT + INNER_RINGS),
            np.abs(self.points[:, 0] - contact[0]),
            np.linalg.norm(away, axis=1),
        )
        blend = np.exp(-((self.away / 0.6) ** 2))
        distance = np.linalg.norm(away, axis=1) * (1 - blend) + np.abs(self.points[:, 0] - contact[0]) * blend
        distance = np.where(self.is_lip, flat, distance)
        return np.exp(-((distance / reach_cm) ** 2)) * self.pocket_fade

    @cached_property
    def jaw(self) -> np.ndarray:
        """How far the skin follows the jaw, 0 to 1."""
        p = self.points
        away = p - JAW_JOINT
        angle = np.arctan2(-away[:, 1], np.maximum(away[:, 2], 0.3))
        turn = smooth_step(np.deg2rad(20), np.deg2rad(45), angle)
        # Under the chin the skin is gathered over the whole way to the neck, or it would fold.
        under = smooth_step(-7.5, -9.5, p[:, 1])
        forward = smooth_step(-0.5, 4.5, p[:, 2]) * (1 - under) + smooth_step(-2.5, 7.5, p[:, 2]) * under
        forward = forward * (1 - smooth_step(-10.4, -14.5, p[:, 1]))
        # The front of the chin goes as one with the lip above it.
        front = (
            smooth_step(-5.7, -6.5, p[:, 1])
            * np.exp(-((p[:, 0] / 3.0) ** 4))
            * smooth_step(5.0, 7.5, p[:, 2])
        )
        skin = np.maximum(turn, front * (1 - smooth_step(-9.5, -10.5, p[:, 1]))) * forward
        oval = 0.25 * self.oval**2 + 0.75 * self.oval
        lower_lip = CORNER_SHARE + (1 - CORNER_SHARE) * oval
        upper_lip = CORNER_SHARE * (1 - oval) ** 1.3
        s = smooth_step(-0.25, 0.25, self.side)
        lip = np.where(
            self.is_lip, np.where(self.side > 0, upper_lip, lower_lip), upper_lip * s + lower_lip * (1 - s)
        )
        bag = smooth_step(0.35, -0.70, self.rise)
        deep = smooth_step(CONTACT + 1, CONTACT + INNER_RINGS, self.ring.astype(float))
        lip = np.where(self.is_lip, lip * (1 - deep) + bag * deep, lip)
        blend = np.exp(-((self.away / 1.0) ** 2))
        return self.smoothed(skin * (1 - blend) + lip * blend, 20)

    def smoothed(self, field: np.ndarray, rounds: int) -> np.ndarray:
        """Even out a field over the skin; lips and lids keep their values."""
        free = (~self.is_lip).astype(float)
        free[self.ring == LIP_START] = 0.0
        shape = (-1,) + (1,) * (field.ndim - 1)
        free = free.reshape(shape)
        out = field
        for _ in range(rounds):
            out = out + 0.6 * free * (self._average @ out - out)
        return np.asarray(out)

    @cached_property
    def _average(self) -> object:
        return neighbour_average(self.skin.mesh.triangles, len(self.points))


def fall_off(away_cm: Float[np.ndarray, "*n"], reach_cm: float) -> Float[np.ndarray, "*n"]:
    """Fall from 1 as a bell does, to exactly 0 at about twice the reach, so that shapes stay local."""
    return np.asarray(np.maximum(np.exp(-((away_cm / reach_cm) ** 2)) - 0.012, 0.0) / 0.988)


def jaw_turn(
    points: Float[np.ndarray, "n 3"], share: Float[np.ndarray, " n"], angle_rad: float
) -> Float[np.ndarray, "n 3"]:
    """Give the displacement of points that follow the jaw's rotation by a share."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    away = points - JAW_JOINT
    turned = np.stack([away[:, 0], c * away[:, 1] - s * away[:, 2], s * away[:, 1] + c * away[:, 2]], -1)
    return share[:, None] * (turned - away)
