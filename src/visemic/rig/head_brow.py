"""Eyebrows and lashes of the built-in head. Centimetres."""

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import grid_triangles, mirror_half, smooth_step, stack_meshes
from visemic.rig.head_eye import EyeGrid
from visemic.rig.head_parts import Part, make_part
from visemic.rig.head_sculpt_kernels import EYE_X, EYE_Y, EYE_Z, cast_rays, skin_gradient

ANCHOR_STEPS = 8
"""Anchors of lashes count eighths of lid columns."""
_STROKES = 80


def brow_line(t: Float[np.ndarray, "*n"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the middle of the left brow from the nose (0) to the temple (1), and half its height."""
    x = 1.42 + 3.65 * t
    y = np.interp(t, np.linspace(0, 1, 9), [2.92, 3.00, 3.10, 3.20, 3.28, 3.31, 3.24, 3.06, 2.80])
    half = 0.31 * smooth_step(-0.12, 0.16, t) * (1 - 0.72 * smooth_step(0.30, 1.0, t))
    return x, y, half


def brow_shade(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Give how far the brows' shadow covers the skin, 0 to 1."""
    t = np.clip((np.abs(points[:, 0]) - 1.42) / 3.65, -0.2, 1.2)
    _, y, half = brow_line(np.clip(t, 0.0, 1.0))
    across = (points[:, 1] - y) / (half + 0.10)
    ends = smooth_step(-0.06, 0.10, t) * smooth_step(1.06, 0.90, t) * smooth_step(2.0, 4.0, points[:, 2])
    return np.asarray(np.exp(-(across**2)) * ends)


def brows() -> Part:
    """Make the eyebrows of single tapered strokes that lie on the brow ridge."""
    number = np.arange(_STROKES)
    t = (number + 0.5) / _STROKES
    t = 0.02 + 0.93 * (0.75 * t + 0.25 * t**1.5)
    across = 2.0 * ((number * 0.618034) % 1.0) - 1.0
    wobble = 2.0 * ((number * 0.754878) % 1.0) - 1.0
    x, y, half = brow_line(t)
    # Hair rises near the nose and lies along the brow further out; above it points down.
    lean = np.interp(t, [0, 0.15, 0.4, 1.0], [1.25, 0.75, 0.30, -0.32]) - 0.40 * across * smooth_step(
        0.1, 0.5, t
    )
    lean = lean + 0.14 * wobble
    length = (0.50 - 0.14 * t) * (1.0 + 0.15 * wobble)
    forward = np.stack([np.cos(lean), np.sin(lean)], -1)
    beside = np.stack([-forward[:, 1], forward[:, 0]], -1)
    root = np.stack([x, y + 0.8 * half * across], -1)
    bend = -0.05 * np.sign(forward[:, 1:2])
    rows = []
    for share, wide in ((0.0, 0.026), (0.5, 0.042), (1.0, 0.0)):
        middle = root + forward * (share * length)[:, None] + beside * bend * share**2
        rows += [middle + beside * wide, middle - beside * wide] if wide else [middle]
    flat = np.stack(rows, 1).reshape(-1, 2)
    origins = np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)
    base = cast_rays(origins, np.broadcast_to([0.0, 0.0, 1.0], origins.shape).copy())
    normals = np.array([skin_gradient(*p) for p in base])
    lift = np.tile([0.015, 0.015, 0.075, 0.075, 0.05], _STROKES)
    points = base + normals * lift[:, None]
    start = 5 * number[:, None, None]
    faces = (start + np.array([[1, 3, 0], [0, 3, 2], [2, 3, 4]])).reshape(-1, 3)
    mesh = mirror_half(points, faces)
    cell = np.stack([(number % 9 + 0.5) / 9.2, -1 + 2 * (number // 9 + 0.5) / 9.2], -1)
    local = np.array([[-0.4, 0.8], [-0.4, -0.8], [0.0, 0.9], [0.0, -0.9], [0.45, 0.0]]) / [9.2, 9.2]
    places = (cell[:, None] + local).reshape(-1, 2)
    tone = np.repeat(0.85 + 0.15 * wobble, 5)
    return make_part("brows", mesh, "brow", places, shade=np.repeat(tone[:, None], 3, 1))


def lashes(eye: EyeGrid, growth: float = 1.0) -> Part:
    """Make the lashes as curved spikes on the lid margins.

    Args:
        growth: Length against that of the default head.
    """
    columns = eye.points.shape[1]
    edge = eye.points[-4]
    centre = np.array([EYE_X, EYE_Y, EYE_Z])
    meshes, along, anchor = [], [], []
    places = [(c, True) for c in np.linspace(columns / 2 + 2.5, columns - 1.2, 30)] + [
        (c, False) for c in np.linspace(2.5, columns / 2 - 4.0, 16)
    ]
    for place, is_upper in places:
        low = int(np.floor(place)) % columns
        share = place - np.floor(place)
        root = edge[low] * (1 - share) + edge[(low + 1) % columns] * share
        outwards = (root - centre) / np.linalg.norm(root - centre)
        lateral = (root[0] - EYE_X) / 1.3
        length = (0.50 + 0.20 * lateral) if is_upper else 0.24
        length = length * growth
        lift = np.array([0.35 * lateral, 0.15 if is_upper else -0.45, 0.75])
        tip_lift = np.array([0.55 * lateral, 0.75 if is_upper else -0.7, 0.5])
        middle = root + length * 0.5 * (lift + 0.4 * outwards)
        tip = middle + length * 0.5 * tip_lift
        side = np.cross(outwards, [0.0, 1.0, 0.0])
        side = side / np.linalg.norm(side)
        thin = 0.021 if is_upper else 0.012
        normal = np.cross(side, middle - root)
        normal = normal / np.linalg.norm(normal)
        ring = [side * thin, (normal * 1.0 - side * 0.5) * thin, (-normal * 1.0 - side * 0.5) * thin]
        points = np.array([*(root + r for r in ring), *(middle + 0.7 * r for r in ring), tip])
        index = np.array([[3, 4, 5], [0, 1, 2]])
        faces = np.concatenate([grid_triangles(index, closed=True), [[6, 3, 4], [6, 4, 5], [6, 5, 3]]])
        corner = points[faces] - root
        if np.einsum("ij,ij->", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])) < 0:
            faces = faces[:, ::-1]
        meshes.append((points, faces))
        along += [0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 1.0]
        anchor += [round(place * ANCHOR_STEPS)] * 7
    points, triangles = stack_meshes(meshes)
    mesh = mirror_half(points, triangles)
    cells = np.arange(len(points)) // 7
    around = np.array([0.0, 2.1, 4.2, 0.0, 2.1, 4.2, 0.0])[np.arange(len(points)) % 7]
    radius = np.array([1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.0])[np.arange(len(points)) % 7]
    middle = np.stack([(cells % 7 + 0.5) / 7, -1 + 2 * (cells // 7 + 0.5) / 7], -1)
    ring = np.stack([np.cos(around) / 16, np.sin(around) / 8], -1) * radius[:, None]
    return make_part("lashes", mesh, "lash", middle + ring, along=np.array(along), anchor=np.array(anchor))
