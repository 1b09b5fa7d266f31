"""The shapes of lids and brows of the built-in head; lids slide over the eyeball.

A lid moves by angles about the centre of the eyeball and stays on the surface of the
closed lid. Shapes are made for the left, in centimetres.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import smooth_step
from visemic.rig.head_brow import ANCHOR_STEPS
from visemic.rig.head_eye import CENTRE, LID_RING_STOPS, EyeGrid, angles_from_direction, direction_from_angles
from visemic.rig.head_fields import Fields
from visemic.rig.head_parts import Part
from visemic.rig.head_sculpt_kernels import LID_RADIUS, cast_rays

Shape = Float[np.ndarray, "vertices 3"]
LidTurn = Callable[[EyeGrid], tuple[np.ndarray, np.ndarray]]
"""Gives, per lid column, the turn at the margin (towards +x and +y, radians) and 0..1 reach."""


def _opening(eye: EyeGrid) -> np.ndarray:
    """Give, per column, the angle from its margin to the one above or below it, where they are nearest."""
    inner = eye.angles[len(LID_RING_STOPS) - 1 : -1, :, 1]
    columns = inner.shape[1]
    twin = (columns - np.arange(columns)) % columns
    gaps = inner[:, twin] - inner
    upper = _is_upper(eye)
    return np.asarray(np.where(upper, np.minimum(gaps.max(0), 0.0), np.maximum(gaps.min(0), 0.0)))


def _is_upper(eye: EyeGrid) -> np.ndarray:
    return np.arange(eye.points.shape[1]) > eye.points.shape[1] // 2


def _vertical(upper: np.ndarray, lower: np.ndarray, eye: EyeGrid) -> np.ndarray:
    up = np.where(_is_upper(eye), upper, lower)
    return np.stack([np.zeros_like(up), up], -1)


def blink(eye: EyeGrid) -> np.ndarray:
    """Close the upper lid onto the lower one, which rises a little."""
    gap = _opening(eye)
    # Right beside a corner nothing is left to close, and what moved there would fold.
    columns = np.arange(len(gap))
    beside = np.abs((columns + len(gap) // 4) % (len(gap) // 2) - len(gap) // 4)
    gap = gap * (1.0 - 0.4 * np.exp(-(beside.astype(float) ** 2)))
    slit = 0.004 * np.sign(gap)
    return _vertical(0.86 * gap - slit, 0.14 * gap - slit, eye)


def look_down(eye: EyeGrid) -> np.ndarray:
    """Lower both lids with the gaze."""
    gap = _opening(eye)
    return _vertical(0.50 * gap, -0.10 * np.abs(gap), eye)


def look_up(eye: EyeGrid) -> np.ndarray:
    """Raise both lids with the gaze."""
    gap = np.abs(_opening(eye))
    return _vertical(0.13 * gap, 0.05 * gap, eye)


def look_in(eye: EyeGrid) -> np.ndarray:
    """Let the lids follow the bulge of the cornea towards the nose."""
    turn = np.zeros((eye.points.shape[1], 2))
    turn[:, 0] = -0.045 * np.abs(eye.upper)
    return turn


def look_out(eye: EyeGrid) -> np.ndarray:
    """Let the lids follow the bulge of the cornea towards the temple."""
    return -look_in(eye)


def squint(eye: EyeGrid) -> np.ndarray:
    """Raise the lower lid strongly and lower the upper one a little."""
    gap = _opening(eye)
    return _vertical(0.12 * gap, 0.30 * gap, eye)


def lower_lid_turn(eye: EyeGrid, share: float) -> np.ndarray:
    """Raise the lower lid alone by a share of the squint, as smiles do."""
    return np.where(_is_upper(eye)[:, None], 0.0, squint(eye) * share)


def wide(eye: EyeGrid) -> np.ndarray:
    """Pull the upper lid up and the lower one down a little."""
    gap = np.abs(_opening(eye))
    return _vertical(0.22 * gap, -0.05 * gap, eye)


LIDS: dict[str, Callable[[EyeGrid], np.ndarray]] = {
    "eyeBlink": blink,
    "eyeLookDown": look_down,
    "eyeLookIn": look_in,
    "eyeLookOut": look_out,
    "eyeLookUp": look_up,
    "eyeSquint": squint,
    "eyeWide": wide,
}
"""Turns of the lid margins by the name that left and right share."""


def lid_shape(f: Fields, turn: np.ndarray) -> Shape:
    """Slide the left lids by the turns of their margins."""
    eye = f.skin.eye
    stops = np.concatenate(
        [np.array(LID_RING_STOPS)[::-1], np.zeros(eye.points.shape[0] - len(LID_RING_STOPS))]
    )
    reach = np.where(_is_upper(eye), 0.60, 0.45)
    share = smooth_step(0.0, 1.0, 1.0 - np.clip(stops[:, None] / reach, 0.0, 1.0))
    angles = eye.angles + share[..., None] * turn
    on_lid = np.arange(len(stops)) < len(LID_RING_STOPS)
    now, then = _radius(angles), _radius(eye.angles)
    radius = np.linalg.norm(eye.points - CENTRE, axis=-1)
    extra = radius - then
    crease = np.where(on_lid[:, None], 1.0 - np.sqrt(share) * np.clip(np.abs(turn[:, 1]) / 0.4, 0, 1), 1.0)
    moved_radius = np.where(
        on_lid[:, None], then + (1.0 - share) * np.clip(now - then, -0.1, 0.1) + extra * crease, radius
    )
    moved_radius = moved_radius + _bulge(moved_radius, np.linalg.norm(share[..., None] * turn, axis=-1))
    moved = CENTRE + direction_from_angles(angles) * moved_radius[..., None]
    shape = np.zeros_like(f.points)
    shape[f.skin.eye_index] = moved - eye.points
    return shape


def _bulge(radius: np.ndarray, angle_rad: np.ndarray) -> np.ndarray:
    """Give how far a turned place must stand out, so that it keeps its radius half way.

    A linear shape moves along the chord; the middle of the chord lies lower than its ends.
    """
    return np.asarray(2.0 * radius * (1.0 / np.cos(0.5 * angle_rad) - 1.0))


def _radius(angles: np.ndarray) -> np.ndarray:
    rays = np.ascontiguousarray(direction_from_angles(angles).reshape(-1, 3))
    hits = cast_rays(np.broadcast_to(CENTRE, rays.shape).copy(), rays)
    return np.linalg.norm(hits - CENTRE, axis=1).reshape(angles.shape[:-1])


def lash_shape(part: Part, turn: np.ndarray) -> Shape:
    """Turn the left lashes with the margin they grow on."""
    points = part.mesh.points
    away = points - CENTRE
    length = np.linalg.norm(away, axis=1, keepdims=True)
    place = part.anchor / ANCHOR_STEPS
    low = np.floor(place).astype(int)
    share = (place - low)[:, None]
    own = turn[low % len(turn)] * (1.0 - share) + turn[(low + 1) % len(turn)] * share
    angles = angles_from_direction(away / length) + own
    grown = length + _bulge(np.full_like(length, LID_RADIUS), np.linalg.norm(own, axis=1, keepdims=True))
    moved = CENTRE + direction_from_angles(angles) * grown
    return np.where(points[:, :1] > 0, moved - points, 0.0)


def _ball(
    f: Fields,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    dx: float,
    dy: float,
    dz: float,
) -> np.ndarray:
    return f.around(centre, radii)[:, None] * np.array([dx, dy, dz])


def off_lids(f: Fields, shape: Shape) -> Shape:
    """Keep the lid margins where they are, so that lids stay on the eyeball."""
    eye_rings = np.concatenate(
        [np.array(LID_RING_STOPS)[::-1], np.zeros(f.skin.eye.points.shape[0] - len(LID_RING_STOPS))]
    )
    keep = np.ones(f.skin.mesh.source.max() + 1)
    keep[f.skin.eye_index] = smooth_step(0.15, 0.9, eye_rings)[:, None]
    return shape * keep[f.skin.mesh.source][:, None]


def brow_down(f: Fields) -> Shape:
    """Lower the left brow and draw it inwards."""
    return _ball(f, (2.4, 2.9, 8.0), (1.9, 1.0, 2.0), -0.14, -0.52, 0.08) + _ball(
        f, (0.9, 2.5, 8.6), (0.8, 0.8, 1.5), -0.08, -0.18, 0.08
    )


def brow_inner_up(f: Fields) -> Shape:
    """Raise the inner ends of both brows."""
    left = _ball(f, (1.4, 3.0, 8.4), (1.5, 1.3, 2.0), 0.0, 0.68, 0.02)
    return left + _ball(f, (-1.4, 3.0, 8.4), (1.5, 1.3, 2.0), 0.0, 0.68, 0.02)


def brow_outer_up(f: Fields) -> Shape:
    """Raise the outer end of the left brow."""
    return _ball(f, (4.1, 3.1, 7.2), (1.7, 1.3, 2.0), 0.02, 0.66, -0.02)


BROWS_SINGLE = {"browInnerUp": brow_inner_up}
BROWS_PAIRED = {"browDown": brow_down, "browOuterUp": brow_outer_up}
