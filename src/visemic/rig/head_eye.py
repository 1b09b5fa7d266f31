"""The lids of the built-in head: rings from the brow and cheek to the lid margin and behind it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import smooth_step
from visemic.rig.head_sculpt_kernels import EYE_RADIUS, EYE_X, EYE_Y, EYE_Z, LID_RADIUS, cast_rays

COLUMNS = 48
LID_RING_STOPS = (0.0, 0.05, 0.11, 0.18, 0.26, 0.34, 0.42, 0.51, 0.62, 0.74, 0.87, 1.0)
MARGIN_RINGS = 5
CENTRE = np.array([EYE_X, EYE_Y, EYE_Z])
OUTER_CORNER_RAD = 1.14
INNER_CORNER_RAD = -1.10
UPPER_RAD = 0.385
LOWER_RAD = 0.40
CLEARANCE = 0.064
"""Height of the lids' inner edge over the white of the eye: the cornea passes under it, centimetres."""


@dataclass(frozen=True, eq=False)
class EyeGrid:
    """The lids of the left eye; the first ring is the outermost, the last lies under the lid."""

    points: Float[np.ndarray, "rings columns 3"]
    angles: Float[np.ndarray, "rings columns 2"]
    """Place seen from the centre of the eyeball: towards +x and +y, radians."""
    upper: Float[np.ndarray, " columns"]
    """1 upper lid, -1 lower lid, fading to 0 at the corners."""


def direction_from_angles(angles: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 3"]:
    """Turn angles from the eye's axis into unit directions (azimuthal equidistant)."""
    rho = np.linalg.norm(angles, axis=-1, keepdims=True)
    scale = np.sinc(rho / np.pi)
    return np.concatenate([angles * scale, np.cos(rho)], -1)


def angles_from_direction(directions: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
    """Undo ``direction_from_angles``."""
    rho = np.arccos(np.clip(directions[..., 2:], -1.0, 1.0))
    return np.asarray(directions[..., :2] / np.maximum(np.sinc(rho / np.pi), 1e-9))


def lid_line(
    horizontal: Float[np.ndarray, "*n"], height_rad: float, sharpness: float
) -> Float[np.ndarray, "*n"]:
    """Give the height of a lid margin over the line between the corners.

    Args:
        horizontal: -1 at the inner corner, 1 at the outer corner.
    """
    shifted = horizontal + 0.10 * (1.0 - horizontal**2)
    return np.asarray(height_rad * np.clip(1.0 - shifted**2, 0.0, 1.0) ** sharpness)


def corner_line(horizontal: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Give the height of the line between the corners; the outer corner sits a little higher."""
    return np.asarray(0.015 + 0.055 * horizontal)


def eye_grid() -> EyeGrid:
    """Build the left lids on the sculpture."""
    turn = -2.0 * np.pi * np.arange(COLUMNS) / COLUMNS  # clockwise as seen from outside
    c, s = np.cos(turn), np.sin(turn)
    c[np.abs(c) < 1e-12] = 0.0
    s[np.abs(s) < 1e-12] = 0.0
    middle, half = (OUTER_CORNER_RAD + INNER_CORNER_RAD) / 2, (OUTER_CORNER_RAD - INNER_CORNER_RAD) / 2
    lid = np.where(s >= 0, lid_line(c, UPPER_RAD, 0.74), -lid_line(c, LOWER_RAD, 0.85))
    almond = np.stack([middle + half * c, corner_line(c) + lid], -1)
    stops = np.array(LID_RING_STOPS)[::-1]
    margin, outer = (CENTRE + LID_RADIUS * direction_from_angles(almond))[:, :2], _outer_ring(c, s)
    # Seen from the front, not from the eyeball: the side of the nose stands in front of the inner corner.
    points = _from_front(margin + (outer - margin) * stops[:, None, None])
    away = points - CENTRE
    angles = angles_from_direction(away / np.linalg.norm(away, axis=-1, keepdims=True))
    points = points + _creases(angles, stops, s)
    margin_points, margin_angles = _margin(points[-1], almond, middle)
    upper = np.sign(s) * smooth_step(0.0, 0.35, np.abs(s))
    return EyeGrid(np.concatenate([points, margin_points]), np.concatenate([angles, margin_angles]), upper)


def _outer_ring(c: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Give the outermost ring: an oval on the face as seen from the front."""
    x = EYE_X + np.where(c >= 0, 2.15, 1.92) * c
    y = EYE_Y + np.where(s >= 0, 1.95, 1.75) * s + 0.06 * c
    return np.stack([x, y], -1)


def _from_front(places: np.ndarray) -> np.ndarray:
    """Cast places of the front view onto the sculpture."""
    flat = places.reshape(-1, 2)
    origins = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
    hits = cast_rays(origins, np.broadcast_to([0.0, 0.0, 1.0], origins.shape).copy())
    return hits.reshape(*places.shape[:-1], 3)


def _creases(angles: np.ndarray, stops: np.ndarray, s: np.ndarray) -> np.ndarray:
    t = stops[:, None]
    across = smooth_step(0.05, 0.7, np.abs(s))[None, :]
    up = -0.10 * np.exp(-(((t - 0.34) / 0.075) ** 2)) + 0.06 * np.exp(-(((t - 0.53) / 0.12) ** 2))
    down = -0.035 * np.exp(-(((t - 0.34) / 0.10) ** 2))
    depth = np.where(s[None, :] >= 0, up, down) * across
    return depth[..., None] * direction_from_angles(angles)


def _margin(edge: np.ndarray, almond: np.ndarray, middle: float) -> tuple[np.ndarray, np.ndarray]:
    towards = np.array([middle, 0.03]) - almond
    towards = towards / np.linalg.norm(towards, axis=-1, keepdims=True)
    radius = np.linalg.norm(edge - CENTRE, axis=-1)
    inner = EYE_RADIUS + CLEARANCE
    # At the inner corner the margin reaches in further and stands out: the caruncle.
    flesh = np.exp(-(((np.arange(len(almond)) - COLUMNS // 2) / 1.7) ** 2))
    rings, turns = [], []
    for share, shift in ((0.12, 0.022), (0.45, 0.036), (0.85, 0.034), (1.0, 0.012), (1.0, -0.10)):
        r = radius + (inner - radius) * share
        r = np.full_like(r, inner + 0.03) if shift < 0 else r + 0.04 * flesh * np.sin(np.pi * share)
        reach = max(shift, 0.0) * 1.2 * flesh
        angle = almond + towards * (shift + reach)[:, None]
        turns.append(angle)
        rings.append(CENTRE + direction_from_angles(angle) * r[:, None])
    return np.stack(rings), np.stack(turns)
