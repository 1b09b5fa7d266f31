"""The hair of the built-in head: a modelled mass combed back from a natural hairline into a knot."""

from dataclasses import dataclass

import numpy as np

from visemic.geometry.mesh import mirror_half, smooth_step, vertex_normals
from visemic.rig.head_parts import Part, make_part
from visemic.rig.head_sculpt_kernels import scatter
from visemic.rig.head_template import CENTRE, points_from_template, sphere_lattice

_LINE_Z = np.array(
    [-9.5, -7.5, -6.4, -5.0, -4.0, -3.4, -2.6, -1.4, -0.4, 0.1, 0.5, 0.9, 1.5,
      2.4, 3.4, 4.4, 5.4, 6.3, 7.2, 8.5]
)  # fmt: skip
_LINE_Y = np.array(
    [-4.6, -4.5, -4.1, -3.1, -1.3, 0.7, 2.3, 2.7, 2.4, 1.3, 0.0, -0.4, 1.2,
      3.1, 4.4, 5.6, 6.7, 7.5, 7.75, 7.45]
)  # fmt: skip
_SPACING = 0.042
_KNOT = np.array([0.0, 0.24, -0.97])
"""Direction of the middle of the knot from the template's centre."""


@dataclass(frozen=True)
class HairStyle:
    """How the hair stands, centimetres."""

    top: float = 1.15
    """Thickness over the crown."""
    side: float = 0.55
    """Thickness over the temples and the nape."""
    front: float = 0.65
    """What the hair over the forehead has more."""
    knot: float = 2.5
    """Radius of the knot at the back; 0 has none."""
    strand: float = 0.06
    """Height of the strands."""
    curl: float = 0.0
    """Height of curls."""


def over_hairline(points: np.ndarray) -> np.ndarray:
    """Give how far places on the head lie inside the hair, centimetres, below 0 outside."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    slope = np.gradient(_LINE_Y, _LINE_Z)
    tilt = np.interp(z, _LINE_Z, slope)
    front = smooth_step(2.5, 5.0, z)
    recess = 0.45 * np.exp(-(((x - 3.9) / 1.7) ** 2)) - 0.12 * np.exp(-((x / 1.2) ** 2))
    line = np.interp(z, _LINE_Z, _LINE_Y) + front * recess
    return np.asarray((y - line) / np.sqrt(1.0 + np.minimum(np.abs(tilt), 2.0) ** 2))


def scalp_shade(points: np.ndarray) -> np.ndarray:
    """Give how far hair covers the skin, 0 to 1: the soft edge of the hairline."""
    return smooth_step(-0.95, 0.45, over_hairline(points))


def _comb(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the angle about the knot, in which strands lie side by side, and that away from it."""
    knot = _KNOT / np.linalg.norm(_KNOT)
    up = np.cross(knot, [1.0, 0.0, 0.0])
    away = np.arccos(np.clip(directions @ knot, -1, 1))
    return np.arctan2(directions[:, 0], directions @ up), away


def _thickness(points: np.ndarray, directions: np.ndarray, style: HairStyle) -> np.ndarray:
    """Give how far the hair stands off the scalp, centimetres."""
    y, z = points[:, 1], points[:, 2]
    inside = over_hairline(points)
    top = smooth_step(3.0, 9.5, y)
    body = style.side + (style.top - style.side) * top + style.front * np.exp(-(((z - 5.0) / 3.0) ** 2)) * top
    body *= 1.0 - 0.45 * smooth_step(1.0, -4.0, y)
    edge = smooth_step(-0.1, 2.4 + 1.6 * smooth_step(1.0, 5.0, z), inside) ** 0.8
    turn, away = _comb(directions)
    calm = smooth_step(0.0, 1.1, inside) * smooth_step(0.0, 0.5, away) * smooth_step(0.02, 0.12, np.abs(turn))
    waves = 0.75 * np.sin(21.0 * turn + 1.3 * np.sin(2.0 * away) + 0.6) + 0.4 * np.sin(
        37.0 * turn - 1.7 * away
    )
    even, odd = np.cos(20.0 * directions).T, np.cos(20.0 * directions + 1.7).T
    curls = 0.7 * (even[0] * odd[1] + even[1] * odd[2] + even[2] * odd[1])
    rough = (style.strand * waves + style.curl * curls) * calm
    return np.asarray(body * edge + rough - 0.16 * smooth_step(0.40, -0.25, inside))


def _with_knot(points: np.ndarray, directions: np.ndarray, style: HairStyle) -> np.ndarray:
    """Push the back of the hair out to a knot."""
    knot = _KNOT / np.linalg.norm(_KNOT)
    away = points - CENTRE
    reach = np.linalg.norm(away, axis=1)
    ray = away / reach[:, None]
    middle = 10.2 + 0.35 * style.knot
    along = ray @ knot * middle
    inside = np.maximum(style.knot**2 - (middle**2 - along**2), 0.0)
    turn, _ = _comb(directions)
    off = np.sqrt(np.maximum(middle**2 - along**2, 0.0))
    coil = 0.10 * np.sin(7.5 * off + 0.0 * turn)
    far = along + 0.92 * np.sqrt(inside) + coil * smooth_step(0.0, 1.0, inside)
    grown = np.where(inside > 0, np.maximum(far - reach, 0.0), 0.0)
    return points + ray * grown[:, None]


def hair(style: HairStyle | None = None) -> Part:
    """Make the hair; every style has the same triangles."""
    style = style or HairStyle()
    directions = _directions()
    points = points_from_template(directions)
    triangles = _triangles(directions)
    wanted = over_hairline(points) > -0.45
    triangles = triangles[wanted[triangles].all(axis=1)]
    used, triangles = np.unique(triangles, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    points, directions = points[used], directions[used]
    whole = mirror_half(points, triangles)
    normals = vertex_normals(whole.points, whole.triangles)[: len(points)]
    normals[points[:, 0] == 0.0, 0] = 0.0
    moved = points + normals * _thickness(points, directions, style)[:, None]
    if style.knot > 0:
        moved = _with_knot(moved, directions, style)
    moved[:, 0] = np.where(points[:, 0] == 0.0, 0.0, np.maximum(moved[:, 0], 1e-4))
    mesh = mirror_half(moved, triangles)
    turn, away = _comb(directions)
    tone = 0.78 + 0.04 * np.sin(31.0 * turn + 2.0 * away)
    tone += 0.14 * np.sin(17.0 * turn + 1.3 * np.sin(2.0 * away) + 0.6)
    polar, around = (
        np.arccos(np.clip(directions[:, 1], -1, 1)) / 2.6,
        np.arctan2(directions[:, 0], directions[:, 2]),
    )
    places = np.stack([polar * np.sin(around), polar * np.cos(around)], -1)
    places[points[:, 0] == 0.0, 0] = 0.0
    return make_part("hair", mesh, "hair", places, shade=np.repeat(tone[:, None], 3, 1))


def _directions() -> np.ndarray:
    candidates = sphere_lattice(45_000)
    candidates = candidates[np.random.default_rng(3).permutation(len(candidates))]
    candidates = candidates[(candidates[:, 0] > 0.5 * _SPACING) & (candidates[:, 1] > -0.75)]
    angle = np.arange(0.2, np.pi + 0.9, _SPACING)
    midline = np.stack([np.zeros_like(angle), np.sin(angle), np.cos(angle)], -1)
    edge = np.abs(over_hairline(points_from_template(candidates)))
    spacing = _SPACING * (0.40 + 0.80 * smooth_step(0.2, 0.9, edge))
    _, away = _comb(candidates)
    spacing = np.minimum(spacing, _SPACING * (0.62 + 0.6 * smooth_step(0.3, 0.5, away)))
    picked = scatter(candidates, spacing, midline, np.full(len(midline), _SPACING))
    return np.concatenate([midline, candidates[picked]])


def _triangles(half: np.ndarray) -> np.ndarray:
    from scipy.spatial import ConvexHull

    off = np.flatnonzero(half[:, 0] != 0.0)
    whole = np.concatenate([half, half[off] * np.array([-1.0, 1.0, 1.0])])
    faces = ConvexHull(whole).simplices
    corner = whole[faces]
    outward = np.einsum(
        "ij,ij->i", np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), corner.mean(1)
    )
    faces = np.where((outward < 0)[:, None], faces[:, ::-1], faces)
    faces = faces[np.all(faces < len(half), axis=1)]
    return faces[np.lexsort(np.sort(faces, axis=1).T[::-1])]
