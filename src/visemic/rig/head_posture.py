"""How lips take a posture and the face around them follows, clear of the teeth.

A posture says where the line of contact goes, and how high, full and rolled the red is, column
by column of the mouth grid. Centimetres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import smooth_step
from visemic.rig.head_arch import LOWER, UPPER
from visemic.rig.head_fields import Fields, fall_off
from visemic.rig.head_mouth import BAG_RINGS, CONTACT, LIP_START, lip_profile
from visemic.rig.head_teeth import LOWER_EDGE_Y, UPPER_EDGE_Y

Shape = Float[np.ndarray, "vertices 3"]

_INNER_FOLLOW = (1.0, 0.97, 0.90, 0.74, 0.50, 0.28, 0.12)
"""How far the rings inside the lips follow the line of contact."""


@dataclass(frozen=True, eq=False)
class Posture:
    """Where a shape takes the lips, by column of the mouth grid; the rest of the face follows."""

    contact: Float[np.ndarray, "columns 3"]
    """The line of contact."""
    height: Float[np.ndarray, " columns"]
    front: Float[np.ndarray, " columns"]
    border: Float[np.ndarray, " columns"]
    round_share: float = 0.0
    """1 turns the red at the corners sideways, so that it goes round the mouth."""
    roll_rad: float = 0.0
    """Turns the red outwards."""
    pivot: float = 0.0
    """What the red turns about: 0 the line of contact, 1 the border."""


def at_rest(f: Fields) -> Posture:
    """Give the posture of the neutral."""
    m = f.skin.mouth
    return Posture(m.points[CONTACT].copy(), m.height, m.front, m.border)


def _red(f: Fields, p: Posture) -> np.ndarray:
    """Give the places of the rings of the red in a posture."""
    m = f.skin.mouth
    turn = m.turn
    rise = np.where(m.side == 0, 0.0, np.cos(turn))
    out = np.stack([p.round_share * np.sin(turn) ** 3, rise], -1)
    flat = np.linalg.norm(out, axis=1, keepdims=True)
    out = np.where(flat > 1e-9, out / np.maximum(flat, 1e-9), [1.0, 0.0])
    curve = lip_profile(p.height, p.front, p.border)
    middle = p.pivot * np.stack([p.height, 0.5 * p.border + 0.5 * p.front], -1)
    c, s = np.cos(p.roll_rad), np.sin(p.roll_rad)
    level, depth = np.moveaxis(curve - middle, -1, 0)
    level, depth = c * level + s * depth + middle[:, 0], c * depth - s * level + middle[:, 1]
    places = np.repeat(p.contact[None], len(curve), 0)
    places[..., :2] += level[..., None] * out
    places[..., 2] += depth
    return places


def take(f: Fields, posture: Posture, reach_cm: float, reach_z_cm: float) -> Shape:
    """Bring the lips from rest into a posture; skin around and lining behind follow."""
    moved = _red(f, posture) - _red(f, at_rest(f))
    follow = np.concatenate([_INNER_FOLLOW[1:], np.zeros(BAG_RINGS)])
    inner = follow[:, None, None] * moved[-1]
    moved[:, [0, -1], 0] = 0.0
    grid = np.concatenate([moved, inner])
    value = grid[np.clip(f.ring - LIP_START, 0, None), np.maximum(f.column, 0)]
    value = np.where((f.points[:, :1] < 0), value * np.array([-1.0, 1.0, 1.0]), value)
    skin = f.of_border(moved[0]) * np.stack(
        [fall_off(f.away, r) for r in (reach_cm, reach_cm, reach_z_cm)], -1
    )
    skin = np.where((f.points[:, :1] < 0), skin * np.array([-1.0, 1.0, 1.0]), skin)
    return f.smoothed(np.where(f.is_lip[:, None], value, skin), 30)


def inner_fade(f: Fields) -> Float[np.ndarray, " vertices"]:
    """Give 1 on the face and lips, falling inside the mouth to 0 on the bag."""
    follow = np.concatenate([np.ones(CONTACT), _INNER_FOLLOW, np.zeros(BAG_RINGS)])
    return np.where(f.ring >= 0, follow[f.ring], 1.0)


_TEETH_GAP = 0.11
"""How near the inside of the lips may come to the outer face of the teeth, centimetres."""


def clear_teeth(f: Fields, shape: Shape, *, lower: bool) -> Shape:
    """Lift the lips forward where a shape would press them into the teeth.

    Args:
        lower: Whether the lower teeth are where they rest; when the jaw moves they are not.
    """
    points = f.points + shape
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    height = smooth_step(UPPER_EDGE_Y - 0.15, UPPER_EDGE_Y, y) * (y < UPPER_EDGE_Y + 1.5)
    need = height * np.clip(UPPER.wall(x, _TEETH_GAP) - z, 0.0, 0.9)
    if lower:
        height = smooth_step(LOWER_EDGE_Y + 0.12, LOWER_EDGE_Y, y) * (y > LOWER_EDGE_Y - 1.3)
        need = np.maximum(need, height * np.clip(LOWER.wall(x, _TEETH_GAP) - z, 0.0, 0.9))
    need = np.where((f.ring >= CONTACT) & (f.ring <= CONTACT + 6), need, 0.0)
    if not need.any():
        return shape
    lift = np.zeros_like(shape)
    for left in (True, False):
        index = f.skin.mouth_index if left else f.skin.mesh.partner[f.skin.mouth_index]
        column = need[index].max(axis=0)
        for _ in range(6):
            padded = np.pad(column, 1, mode="edge")
            column = np.maximum(column, 0.25 * padded[:-2] + 0.5 * column + 0.25 * padded[2:])
        # The corner lies on both lips: were it left behind, the lips would cross beside it.
        corner = len(column) // 2
        column[corner] = max(column[corner], 0.5 * (column[corner - 1] + column[corner + 1]))
        follow = np.concatenate([np.ones(CONTACT + 6), [0.8, 0.4, 0.15], np.zeros(len(index))])
        value = column[np.maximum(f.column, 0)] * follow[np.maximum(f.ring, 0)]
        around = f.of_border(column) * fall_off(f.away, 1.1)
        mine = f.points[:, 0] >= 0 if left else f.points[:, 0] < 0
        lift[mine, 2] = np.where(f.is_lip, value, around)[mine]
    return shape + lift
