"""The skin of the built-in head: a template on the unit sphere, cast onto the sculpture.

Loops around mouth and eyes are grids; between them the template is filled with points
whose spacing follows the detail of the face, joined by a Delaunay triangulation of the
sphere (its convex hull). Only the left half is made; the right is its exact mirror.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from visemic.geometry.mesh import Mirrored, grid_triangles, mirror_half, smooth_step, without_collapsed
from visemic.rig.head_eye import EyeGrid, eye_grid
from visemic.rig.head_mouth import MouthGrid, mouth_grid, mouth_triangles
from visemic.rig.head_sculpt_kernels import cast_rays, scatter, under_ear

CENTRE = np.array([0.0, 1.0, -1.0])
BASE_PSI = np.deg2rad(-75.0)
"""Latitude of the template's lower edge."""
NECK_AXIS = np.array([0.0, -11.0, -2.6])


@dataclass(frozen=True, eq=False)
class Skin:
    """The skin of the whole head with the places of its grids."""

    mesh: Mirrored
    template: Float[np.ndarray, "vertices 3"]
    """Unit directions on the template sphere."""
    mouth: MouthGrid
    mouth_index: Int[np.ndarray, "rings columns"]
    """Vertices of the left half; ``mesh.partner`` gives the right."""
    eye: EyeGrid
    eye_index: Int[np.ndarray, "lid_rings lid_columns"]


def _split(psi_rad: np.ndarray, lam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give latitude and elevation of the line where head rays end and neck rays start."""
    c = np.cos(lam)
    return np.deg2rad(-37.0 - 14.0 * c), np.deg2rad(-51.5 - 18.5 * c)


def template_from_points(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Give the template direction of points on the face."""
    d = points - CENTRE
    lam = np.arctan2(d[:, 0], d[:, 2])
    elevation = np.arctan2(d[:, 1], np.hypot(d[:, 0], d[:, 2]))
    psi_split, elevation_split = _split(elevation, lam)
    psi = np.where(elevation < 0, elevation * psi_split / elevation_split, elevation)
    return _unit(lam, psi)


def _unit(lam: np.ndarray, psi: np.ndarray) -> np.ndarray:
    x = np.cos(psi) * np.sin(lam)
    x[np.abs(x) < 1e-12] = 0.0
    return np.stack([x, np.sin(psi), np.cos(psi) * np.cos(lam)], -1)


def _bust_edge(lam: np.ndarray) -> np.ndarray:
    """Give the lower edge of the bust: the sculpture cut by a level that dips to the front."""
    s, c = np.sin(lam), np.cos(lam)
    level = -17.3 - 0.9 * (1.0 + c)
    out = np.stack([np.zeros_like(lam), level, np.full_like(lam, -3.6)], -1)
    return cast_rays(out, np.stack([s, np.zeros_like(s), c], -1))


def points_from_template(directions: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Cast template directions onto the sculpture."""
    lam = np.arctan2(directions[:, 0], directions[:, 2])
    psi = np.arcsin(np.clip(directions[:, 1], -1, 1))
    psi_split, elevation_split = _split(psi, lam)
    in_head = psi >= psi_split
    elevation = np.where(psi < 0, np.maximum(psi, psi_split) * elevation_split / psi_split, psi)
    rays = _unit(lam, elevation)
    origins = np.broadcast_to(CENTRE, rays.shape).copy()
    hits = cast_rays(origins, rays)
    v = np.clip((psi_split - psi) / (psi_split - BASE_PSI), 0.0, 1.0)[:, None]
    edge = _bust_edge(lam)
    guide = hits + (edge - hits) * v
    axis = np.array([0.0, 0.0, -3.2]) + guide * np.array([0.0, 1.0, 0.0]) + np.array([0.0, 3.0, 0.0])
    axis[:, 1] = np.minimum(axis[:, 1], CENTRE[1])
    anchor = CENTRE + (axis - CENTRE) * smooth_step(0.0, 0.6, v)
    ray = guide - anchor
    ray = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    neck = cast_rays(anchor, ray)
    out = np.where(in_head[:, None], hits, neck)
    out[directions[:, 0] == 0.0, 0] = 0.0
    return out


def _spacing(directions: np.ndarray) -> np.ndarray:
    """Give the wanted spacing of template points, radians: fine where the face has detail."""
    p = directions
    front = np.array([0.0, -0.22, 1.0])
    away = np.arccos(np.clip(p @ (front / np.linalg.norm(front)), -1, 1))
    spacing = 0.0255 + 0.048 * smooth_step(0.55, 1.6, away)
    spacing = np.minimum(spacing, 0.038 + 0.06 * smooth_step(-0.78, -0.60, p[:, 1]))
    hidden = smooth_step(0.55, 0.75, p[:, 1] - 0.25 * p[:, 2]) * smooth_step(0.45, 0.2, p[:, 2])
    spacing = np.maximum(spacing, 0.100 * hidden)
    side = np.abs(p[:, 0])
    behind = 9.0 * (p[:, 2] < 0)
    nose = np.hypot(side / 0.18, (p[:, 1] + 0.17) / 0.20) + behind
    chin = np.hypot(side / 0.30, (p[:, 1] + 0.57) / 0.15) + behind
    jaw = np.hypot((side - 0.72) / 0.34, (p[:, 1] + 0.34) / 0.34) + behind
    ear = np.hypot((p[:, 1] + 0.12) / 0.30, (p[:, 2] + 0.12) / 0.30) + 9.0 * (side < 0.5)
    collar = np.hypot(p[:, 0] / 0.30, (p[:, 1] + 0.90) / 0.09) + behind
    for place, finest, size in (
        (_nostril(p), 0.0078, 0.05), (nose, 0.0155, 0.20), (chin, 0.021, 0.2), (jaw, 0.032, 0.34),
        (ear, 0.042, 0.3), (collar, 0.034, 0.2),
    ):  # fmt: skip
        spacing = np.minimum(spacing, finest + 0.35 * size * np.maximum(place - 0.9, 0.0))
    return np.asarray(spacing)


def _nostril(directions: np.ndarray) -> np.ndarray:
    """Give how far directions are from the openings of the nose, 1 at their surroundings' edge."""
    beside = (np.abs(directions[:, 0]) - 0.047) / 0.055
    below = (directions[:, 1] + 0.258) / 0.05
    return np.asarray(np.hypot(beside, below) + 9.0 * (directions[:, 2] < 0))


def sphere_lattice(count: int) -> Float[np.ndarray, "n 3"]:
    """Give directions spread evenly over the sphere, as seeds turn in a sunflower."""
    k = np.arange(count) + 0.5
    y = 1 - 2 * k / count
    r = np.sqrt(1 - y * y)
    turn = np.pi * (1 + 5**0.5) * k
    return np.stack([r * np.sin(turn), y, r * np.cos(turn)], -1)


def _fillers(
    loops: np.ndarray, loop_spacing: np.ndarray, holes: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    everywhere, fine = sphere_lattice(70_000), sphere_lattice(600_000)
    candidates = np.concatenate([everywhere, fine[_nostril(fine) < 1.5]])
    candidates = candidates[np.random.default_rng(20).permutation(len(candidates))]
    spacing = _spacing(candidates)
    keep = (candidates[:, 0] > 0.55 * spacing) & (np.arcsin(candidates[:, 1]) > BASE_PSI + 0.5 * spacing)
    for hole in holes:
        keep &= ~_inside(candidates, hole)
    candidates, spacing = candidates[keep], spacing[keep]
    midline = _midline(holes)
    fixed = np.concatenate([loops, midline])
    fixed_spacing = np.concatenate([loop_spacing, _spacing(midline)])
    picked = scatter(candidates, spacing, fixed, fixed_spacing)
    return midline, candidates[picked]


def _inside(points: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """Tell which directions lie inside a loop, by crossings in the plane that touches its middle."""
    middle = loop.mean(0) / np.linalg.norm(loop.mean(0))
    right = np.cross([0.0, 1.0, 0.0], middle)
    right = right / np.linalg.norm(right)
    frame = np.stack([right, np.cross(middle, right), middle], 1)
    p, q = points @ frame, loop @ frame
    ahead = p[:, 2] > 0.2
    p2 = p[:, :2] / np.maximum(p[:, 2:], 0.2)
    q2 = q[:, :2] / q[:, 2:]
    r2 = np.roll(q2, -1, axis=0)
    straddles = (q2[None, :, 1] > p2[:, None, 1]) != (r2[None, :, 1] > p2[:, None, 1])
    rise = np.where(np.abs(r2[:, 1] - q2[:, 1]) < 1e-15, 1e-15, r2[:, 1] - q2[:, 1])
    at = q2[:, 0] + (p2[:, None, 1] - q2[:, 1]) * (r2[:, 0] - q2[:, 0]) / rise
    return ahead & (np.sum(straddles & (p2[:, None, 0] < at), axis=1) % 2 == 1)


def _midline(holes: list[np.ndarray]) -> np.ndarray:
    """Give template points on the midline from the lower front over the crown to the lower back."""
    angle, angles = float(BASE_PSI), []
    while angle < np.pi - BASE_PSI:
        angles.append(angle)
        p = np.array([[0.0, np.sin(angle), np.cos(angle)]])
        angle += 0.8 * float(_spacing(p)[0])
    a = np.array(angles[1:])
    a = a[a < np.pi - BASE_PSI - 0.4 * 0.07]
    p = np.stack([np.zeros_like(a), np.sin(a), np.cos(a)], -1)
    for hole in holes:
        grown = hole.mean(0) + (hole - hole.mean(0)) * 1.02
        p = p[~_inside(p, grown)]
    return p


def build_skin() -> Skin:
    """Build the skin of the whole head."""
    mouth, eye = mouth_grid(), eye_grid()
    mouth_loop = template_from_points(mouth.points[0])
    eye_loop = template_from_points(eye.points[0])
    mirror = np.array([-1.0, 1.0, 1.0])
    mouth_whole = np.concatenate([mouth_loop, (mouth_loop * mirror)[-2:0:-1]])
    lam = np.linspace(0, np.pi, 31)
    base = _unit(lam, np.full_like(lam, BASE_PSI))
    base[[0, -1], 0] = 0.0
    loops = np.concatenate([mouth_loop, eye_loop, base])
    spacing = np.concatenate([_loop_spacing(mouth_loop), _loop_spacing(eye_loop), np.full(31, 0.03)])
    midline, filler = _fillers(loops, spacing, [mouth_whole, eye_loop])
    half = np.concatenate([loops, midline, filler])
    fixed = len(loops) + len(midline)
    for _ in range(4):
        triangles = _half_triangles(half, len(mouth_loop), len(eye_loop), len(base))
        half = _relax(half, triangles, fixed)
    triangles = _half_triangles(half, len(mouth_loop), len(eye_loop), len(base))
    return _assemble(half, triangles, mouth, eye)


def _loop_spacing(loop: np.ndarray) -> np.ndarray:
    step = np.linalg.norm(np.diff(loop, axis=0), axis=1)
    return np.concatenate([step, step[-1:]])


def _half_triangles(half: np.ndarray, n_mouth: int, n_eye: int, n_base: int) -> np.ndarray:
    from scipy.spatial import ConvexHull

    off = np.flatnonzero(half[:, 0] != 0.0)
    whole = np.concatenate([half, half[off] * np.array([-1.0, 1.0, 1.0])])
    hull = ConvexHull(whole)
    faces = hull.simplices
    outward = np.einsum(
        "ij,ij->i",
        np.cross(whole[faces[:, 1]] - whole[faces[:, 0]], whole[faces[:, 2]] - whole[faces[:, 0]]),
        whole[faces].mean(1),
    )
    faces = np.where((outward < 0)[:, None], faces[:, ::-1], faces)
    faces = faces[np.all(faces < len(half), axis=1)]
    a, b = n_mouth, n_mouth + n_eye
    label = np.zeros(len(half), int)
    label[:a], label[a:b], label[b : b + n_base] = 1, 2, 3
    kind = label[faces]
    same = (kind[:, 0] == kind[:, 1]) & (kind[:, 1] == kind[:, 2]) & (kind[:, 0] > 0)
    middle = half[faces].mean(1)
    mouth = np.concatenate([half[:a], (half[:a] * np.array([-1.0, 1.0, 1.0]))[-2:0:-1]])
    hole = same & ((kind[:, 0] == 3) | _inside(middle, mouth) | _inside(middle, half[a:b]))
    faces = faces[~hole]
    order = np.lexsort(np.sort(faces, axis=1).T[::-1])
    return faces[order]


def _relax(half: np.ndarray, triangles: np.ndarray, fixed: int) -> np.ndarray:
    from visemic.geometry.mesh import neighbour_average

    average = neighbour_average(triangles, len(half))
    out = half.copy()
    for _ in range(3):
        out[fixed:] = 0.4 * out[fixed:] + 0.6 * np.asarray(average @ out)[fixed:]
    # Nothing comes so near the midline that a triangle would have to cross it.
    out[fixed:, 0] = np.maximum(out[fixed:, 0], 0.5 * _spacing(out[fixed:]))
    return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))


def _assemble(half: np.ndarray, triangles: np.ndarray, mouth: MouthGrid, eye: EyeGrid) -> Skin:
    n_mouth, n_eye = mouth.points.shape[1], eye.points.shape[1]
    rest = half[n_mouth + n_eye :]
    cast = _with_nostrils(points_from_template(rest))
    points = np.concatenate(
        [mouth.points[0], eye.points[0], cast, mouth.points[1:].reshape(-1, 3), eye.points[1:].reshape(-1, 3)]
    )
    start = n_mouth + n_eye + len(rest)
    mouth_index = np.concatenate(
        [np.arange(n_mouth)[None], start + np.arange(mouth.points[1:].size // 3).reshape(-1, n_mouth)]
    )
    start += mouth.points[1:].size // 3
    eye_index = np.concatenate(
        [n_mouth + np.arange(n_eye)[None], start + np.arange(eye.points[1:].size // 3).reshape(-1, n_eye)]
    )
    faces = np.concatenate([triangles, mouth_triangles(mouth_index), grid_triangles(eye_index, closed=True)])
    points[np.abs(points[:, 0]) < 1e-9, 0] = 0.0
    faces = without_collapsed(faces)
    points = _with_soft_nostrils(points, faces)
    points = points - _under_ears(points)
    mesh = mirror_half(points, faces)
    template = np.concatenate(
        [
            half,
            _shrunk(half[:n_mouth], mouth.points.shape[0]),
            _shrunk(half[n_mouth : n_mouth + n_eye], eye.points.shape[0]),
        ]
    )
    whole = template[mesh.source].copy()
    whole[mesh.points[:, 0] < 0, 0] *= -1.0
    return Skin(mesh, whole, mouth, mouth_index, eye, eye_index)


def _with_nostrils(points: np.ndarray) -> np.ndarray:
    """Push the openings of the nose up into it."""
    x, y, z = points.T
    along = (z - 9.72) / 0.30
    across = (x - 0.50 - 0.30 * (9.75 - z)) / 0.165
    inside = smooth_step(1.15, 0.70, np.hypot(along, across)) * smooth_step(-2.30, -2.60, y)
    return points + inside[:, None] * np.array([0.0, 0.85, -0.15])


def _with_soft_nostrils(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Even out the rims of the nostrils, which rays meet at a low angle."""
    from visemic.geometry.mesh import neighbour_average

    away = (points - np.array([0.5, -2.85, 9.6])) / np.array([0.75, 0.55, 0.95])
    share = 0.55 * smooth_step(1.25, 0.6, np.linalg.norm(away, axis=1))[:, None]
    whole = mirror_half(points, faces)
    average = neighbour_average(whole.triangles, len(whole.points))
    for _ in range(3):
        pulled = np.asarray(average @ mirror_half(points, faces).points)[: len(points)]
        pulled[points[:, 0] == 0.0, 0] = 0.0
        points = points + share * (pulled - points)
    return points


def _under_ears(points: np.ndarray) -> np.ndarray:
    """Give how far the skin steps back under the ears, so that it does not fill their bowls."""
    depth = under_ear(points)
    return depth[:, None] * np.array([1.0, 0.0, 0.0])


def _shrunk(loop: np.ndarray, rings: int) -> np.ndarray:
    """Give template places for the rings inside a loop, so that they have a place of their own."""
    middle = loop.mean(0)
    if np.any(loop[:, 0] == 0.0):
        middle = np.array([0.0, loop[[0, -1], 1].mean(), loop[[0, -1], 2].mean()])
    scale = np.linspace(1.0, 0.03, rings)[1:]
    out = middle + (loop - middle) * scale[:, None, None]
    return np.asarray((out / np.linalg.norm(out, axis=-1, keepdims=True)).reshape(-1, 3))
