"""The lips of the built-in head and the bag behind them, as a swept grid.

Columns run round the mouth from the middle of the upper lip over the left corner to the
middle of the lower lip; rings run from the cheek over the red of the lip through the line
of contact into the mouth. Upper and lower lip are two sheets that touch along their
contact rings, so the mouth can open anywhere along the line.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from visemic.geometry.mesh import grid_triangles, smooth_step, spline_through
from visemic.rig.head_arch import UPPER
from visemic.rig.head_sculpt_kernels import cast_rays

COLUMNS_PER_LIP = 22
OUTER_RINGS = 9
LIP_RINGS = 9
INNER_RINGS = 6
BAG_RINGS = 7
LIP_START = OUTER_RINGS
"""Ring of the border between skin and red."""
CONTACT = OUTER_RINGS + LIP_RINGS
"""Ring on which the lips first touch."""
LINING = CONTACT + 5
"""Ring from which the inside of the lips belongs to the lining of the mouth."""
HALF_WIDTH = 2.5
SEAM_Y = -5.55
REST_GAP = 0.002
"""Height of the gap between the sealed lips, centimetres."""


@dataclass(frozen=True, eq=False)
class MouthGrid:
    """The left half of the lips and the bag."""

    points: Float[np.ndarray, "rings columns 3"]
    along: Float[np.ndarray, " columns"]
    """0 at the midline, 1 at the corner."""
    turn: Float[np.ndarray, " columns"]
    """0 at the middle of the upper lip, half a turn at the middle of the lower one."""
    side: Float[np.ndarray, " columns"]
    """1 upper, -1 lower, 0 at the corner."""
    height: Float[np.ndarray, " columns"]
    """Of the red."""
    front: Float[np.ndarray, " columns"]
    """How far the fullest part of the red stands before the line of contact."""
    border: Float[np.ndarray, " columns"]
    """How far the border of the red stands before the line of contact."""


def _columns() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    u = np.linspace(0.0, 1.0, COLUMNS_PER_LIP + 1)
    turn = np.concatenate([u, 2.0 - u[-2::-1]]) * np.pi / 2  # 0 top, pi/2 corner, pi bottom
    along = np.sin(turn)
    along[-1] = 0.0
    along[COLUMNS_PER_LIP] = 1.0
    side = np.concatenate([np.ones(COLUMNS_PER_LIP), [0.0], -np.ones(COLUMNS_PER_LIP)])
    return turn, along, side


def seam_height(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Give the height of the line between the lips, centimetres."""
    return np.asarray(
        SEAM_Y
        - 0.035 * np.exp(-((x / 0.35) ** 2))
        + 0.03 * np.exp(-(((x - 1.0) / 0.6) ** 2))
        + 0.15 * (np.abs(x) / HALF_WIDTH) ** 3
    )


def _surface_z(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    origins = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)
    hits = cast_rays(origins, np.broadcast_to([0.0, 0.0, 1.0], origins.shape).copy())
    return hits[:, 2].reshape(np.shape(x))


def _lip_height(along: np.ndarray, side: np.ndarray) -> np.ndarray:
    xi = np.array([0.0, 0.08, 0.19, 0.35, 0.55, 0.78, 0.92, 1.0])
    upper = spline_through(xi, np.array([0.66, 0.70, 0.80, 0.73, 0.55, 0.27, 0.11, 0.0])[:, None], along)[
        :, 0
    ]
    xi = np.array([0.0, 0.3, 0.6, 0.85, 0.95, 1.0])
    lower = spline_through(xi, np.array([0.92, 0.88, 0.65, 0.30, 0.12, 0.0])[:, None], along)[:, 0]
    return np.where(side >= 0, upper, lower)


def mouth_grid() -> MouthGrid:
    """Build the left half of the mouth on the sculpture."""
    turn, along, side = _columns()
    x = HALF_WIDTH * along
    rise = np.cos(turn)  # 1 top, 0 corner, -1 bottom
    rise[COLUMNS_PER_LIP] = 0.0
    sign = np.where(side >= 0, 1.0, -1.0)
    height = _lip_height(along, side)
    seam = seam_height(x)
    taper = 0.10 + 0.90 * (1.0 - along**2.4) ** 0.75
    border_x = x * (1.0 + 0.03 * along**8)
    border_y = seam + sign * height
    frame = np.stack([x, border_x, seam, border_y, sign, taper, rise, height])
    rings = [*_outer_rings(turn, frame), *_lip_rings(frame), *_inner_rings(turn, frame)]
    points = np.stack(rings)
    points[:, [0, -1], 0] = 0.0
    border = points[LIP_START, :, 2] - points[CONTACT, :, 2]
    return MouthGrid(points, along, turn, side, height, _fullness(sign) * taper, border)


def _outer_rings(turn: np.ndarray, frame: np.ndarray) -> list[np.ndarray]:
    border_x, border_y = frame[1], frame[3]
    outer_x = 3.75 * np.sin(turn)
    reach = np.where(np.cos(turn) >= 0, 1.85, 2.45)
    outer_y = SEAM_Y + 0.1 + reach * np.cos(turn)
    rings = []
    for ring in range(OUTER_RINGS):
        t = (1.0 - ring / OUTER_RINGS) ** 1.25
        px = border_x + (outer_x - border_x) * t
        py = border_y + (outer_y - border_y) * t
        rings.append(np.stack([px, py, _surface_z(px, py) - set_back(px, py)], -1))
    return rings


def set_back(x: Float[np.ndarray, "*n"], y: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Give how far the corners lie behind the sculpture: lips bend round the teeth, with a small fold."""
    bend = np.exp(-(((x - 2.45) / 0.75) ** 2) - ((y - SEAM_Y - 0.1) / 0.95) ** 2)
    fold = np.exp(-(((x - 2.74) / 0.20) ** 2) - ((y - SEAM_Y - 0.12) / 0.34) ** 2)
    return np.asarray(0.17 * bend + 0.035 * fold)


def _contact_z(frame: np.ndarray) -> np.ndarray:
    x, seam, taper = frame[0], frame[2], frame[5]
    return np.asarray(_surface_z(x, seam) - set_back(x, seam) - (0.08 + 0.17 * taper))


def lip_profile(
    height: Float[np.ndarray, " columns"],
    front: Float[np.ndarray, " columns"],
    border: Float[np.ndarray, " columns"],
) -> Float[np.ndarray, "rings columns 2"]:
    """Give the red of the lips in section: distance from the line of contact and depth before it.

    Args:
        height: Of the border over the contact.
        front: How far the fullest part stands before the contact.
        border: How far the border stands before the contact.
    """
    knots = np.array([0.0, 0.25, 0.5, 0.7, 0.86, 0.95, 1.0])
    levels = np.array([1.0, 0.76, 0.46, 0.22, 0.06, 0.012, 0.0])
    share = np.array([0.0, 0.0, 1.0, 0.93, 0.64, 0.30, 0.0])
    depths = share[:, None] * front
    depths[0] = border
    depths[1] = 0.55 * border + 0.45 * front + 0.075 * front
    shape = np.stack([levels[:, None] * height, depths], -1)
    curve = spline_through(knots, shape.reshape(len(knots), -1), lip_stops())
    return curve.reshape(LIP_RINGS + 1, -1, 2)


def _fullness(sign: np.ndarray) -> np.ndarray:
    return np.where(sign > 0, 0.39, 0.38)


def lip_stops() -> Float[np.ndarray, " rings"]:
    """Give where the rings of the red lie, 0 at the border and 1 at the contact."""
    return np.asarray(np.linspace(0.0, 1.0, LIP_RINGS + 1) ** 0.92)


def _lip_rings(frame: np.ndarray) -> list[np.ndarray]:
    x, border_x, seam, border_y, sign, taper, _, height = frame
    z = _contact_z(frame)
    border = _surface_z(border_x, border_y) - set_back(border_x, border_y) - z
    curve = lip_profile(height, _fullness(sign) * taper, border)
    rings = []
    for at, (level, depth) in zip(lip_stops(), np.moveaxis(curve, -1, 1), strict=True):
        px = border_x + (x - border_x) * at
        rings.append(np.stack([px, seam + sign * (level + REST_GAP / 2 * at), z + depth], -1))
    return rings


def _inner_rings(turn: np.ndarray, frame: np.ndarray) -> list[np.ndarray]:
    """Give the inside of the lips, which lies on the teeth, and the bag behind."""
    x, _, seam, _, sign, _, rise, _ = frame
    z = _contact_z(frame)
    touch = sign * REST_GAP / 2
    lift = np.abs(rise)
    # Share of the way from the contact to the wall, the wall's distance from the teeth,
    # how much wider, how much higher, and how far at least from the other lip's.
    way = (
        (0.30, 0.30, 1.00, 0.0, 0.004), (0.66, 0.26, 1.00, 0.0, 0.010), (0.95, 0.25, 1.0, 0.06, 0.025),
        (1.0, 0.25, 1.01, 0.36, 0.025), (1.0, 0.27, 1.05, 0.80, 0.025), (1.0, 0.26, 1.12, 1.26, 0.025),
    )  # fmt: skip
    rings = []
    for share, gap, wider, higher, parted in way:
        wall = UPPER.wall(x * wider, gap) - 0.10 * np.clip(-rise, 0.0, 1.0) * smooth_step(
            0.05, 0.5, np.array(higher)
        )
        wall = np.minimum(wall, z - 0.12)
        # Behind the seal the two linings part at once, at the corners too, where there is no height.
        apart = parted * np.sign(rise) * np.sin(turn)
        rings.append(
            np.stack([x * wider, seam + touch + sign * higher * lift + apart, z + (wall - z) * share], -1)
        )
    start = rings[-1]
    for ring in range(1, BAG_RINGS + 1):
        t = ring / BAG_RINGS
        narrow = 1.0 - 0.75 * smooth_step(0.70, 1.0, np.array([t]))[0]
        section_x = 3.42 * narrow * np.sin(turn)
        section_y = SEAM_Y + 1.95 * narrow * np.cos(turn) * np.where(rise >= 0, 1.0, 1.05)
        blend = smooth_step(-0.06, 0.30, np.array([t]))[0]
        px = start[:, 0] + (section_x - start[:, 0]) * blend
        py = start[:, 1] + (section_y - start[:, 1]) * blend
        pz = start[:, 2] * (1 - t) + (0.8 - 0.3 * np.sin(turn)) * t
        rings.append(np.stack([px, py, pz], -1))
    return rings


def mouth_triangles(index: Int[np.ndarray, "rings columns"]) -> Int[np.ndarray, "triangles 3"]:
    """Give the triangles of the grid; the last ring is closed by a fan to its first vertex."""
    # Seen from outside, rings run inwards and columns clockwise on the left half of the face.
    sheet = grid_triangles(index)
    last = index[-1]
    fan = np.array([[last[k], last[0], last[k + 1]] for k in range(1, len(last) - 1)])
    return np.concatenate([sheet, fan])
