"""The hair of the built-in head: a modelled mass over the scalp, combed back, as a maquette has it."""

import numpy as np

from visemic.geometry.mesh import mirror_half, smooth_step, vertex_normals
from visemic.rig.head_parts import Part, make_part
from visemic.rig.head_sculpt_kernels import scatter
from visemic.rig.head_template import points_from_template, sphere_lattice

_LINE_Z = np.array(
    [-9.5, -7.5, -6.4, -5.0, -4.0, -3.4, -2.6, -1.4, -0.4, 0.1, 0.5, 1.1, 1.7,
      2.6, 3.4, 4.4, 5.4, 6.3, 7.2, 8.5]
)  # fmt: skip
_LINE_Y = np.array(
    [-5.2, -5.0, -4.4, -3.2, -1.2, 0.9, 2.4, 2.8, 2.6, 1.8, 0.2, -0.3, 0.9,
      2.6, 4.1, 5.5, 6.6, 7.35, 7.65, 7.35]
)  # fmt: skip
_SPACING = 0.050


def over_hairline(points: np.ndarray) -> np.ndarray:
    """Give how far places on the head lie inside the hair, centimetres, below 0 outside."""
    y, z = points[:, 1], points[:, 2]
    slope = np.gradient(_LINE_Y, _LINE_Z)
    tilt = np.interp(z, _LINE_Z, slope)
    return np.asarray(
        (y - np.interp(z, _LINE_Z, _LINE_Y)) / np.sqrt(1.0 + np.minimum(np.abs(tilt), 2.0) ** 2)
    )


def hair_thickness(points: np.ndarray) -> np.ndarray:
    """Give how far the hair stands off the scalp, centimetres."""
    x, y, z = points.T
    inside = over_hairline(points)
    top = smooth_step(4.5, 9.5, y)
    body = 0.40 + 0.40 * top + 0.30 * np.exp(-(((z - 4.5) / 3.0) ** 2)) * top
    body *= 1.0 - 0.55 * smooth_step(2.0, -4.5, y)
    edge = smooth_step(-0.3, 1.8 + 1.0 * smooth_step(1.0, 5.0, z), inside)
    comb = np.arctan2(x, y - 1.5)
    waves = 0.035 * np.sin(comb * 19.0 + 1.6 * np.sin(0.45 * z) + 0.6) + 0.015 * np.sin(comb * 33.0 - 0.7 * z)
    return np.asarray(
        body * edge
        + waves * smooth_step(0.1, 1.5, inside) * smooth_step(0.03, 0.2, np.abs(comb))
        - 0.16 * smooth_step(0.25, -0.3, inside)
    )


def hair() -> Part:
    """Make the hair."""
    directions = _directions()
    points = points_from_template(directions)
    triangles = _triangles(directions)
    wanted = over_hairline(points) > -0.55
    triangles = triangles[wanted[triangles].all(axis=1)]
    used, triangles = np.unique(triangles, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    points = points[used]
    whole = mirror_half(points, triangles)
    normals = vertex_normals(whole.points, whole.triangles)[: len(points)]
    normals[points[:, 0] == 0.0, 0] = 0.0
    moved = points + normals * hair_thickness(points)[:, None]
    moved[:, 0] = np.where(points[:, 0] == 0.0, 0.0, np.maximum(moved[:, 0], 1e-4))
    mesh = mirror_half(moved, triangles)
    comb = np.arctan2(points[:, 0], points[:, 1] - 1.5)
    tone = 0.90 + 0.10 * np.sin(comb * 17.0 + 0.9 * np.sin(0.55 * points[:, 2]) + 0.6)
    d = directions[used]
    polar, turn = np.arccos(np.clip(d[:, 1], -1, 1)) / 2.6, np.arctan2(d[:, 0], d[:, 2])
    places = np.stack([polar * np.sin(turn), polar * np.cos(turn)], -1)
    places[points[:, 0] == 0.0, 0] = 0.0
    return make_part("hair", mesh, "hair", places, shade=np.repeat(tone[:, None], 3, 1))


def _directions() -> np.ndarray:
    candidates = sphere_lattice(45_000)
    candidates = candidates[np.random.default_rng(3).permutation(len(candidates))]
    candidates = candidates[(candidates[:, 0] > 0.5 * _SPACING) & (candidates[:, 1] > -0.75)]
    angle = np.arange(0.2, np.pi + 0.9, _SPACING)
    midline = np.stack([np.zeros_like(angle), np.sin(angle), np.cos(angle)], -1)
    edge = np.abs(over_hairline(points_from_template(candidates)))
    spacing = _SPACING * (0.36 + 0.80 * smooth_step(0.2, 0.9, edge))
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
