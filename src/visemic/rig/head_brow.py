"""Eyebrows and lashes of the built-in head. Centimetres."""

import numpy as np

from visemic.geometry.mesh import grid_triangles, mirror_half, smooth_step, stack_meshes
from visemic.rig.head_eye import EyeGrid
from visemic.rig.head_parts import Part, make_part
from visemic.rig.head_sculpt_kernels import EYE_X, EYE_Y, EYE_Z, cast_rays, skin_gradient


def brows() -> Part:
    """Make the eyebrows as raised, tapered masses on the brow ridge."""
    rows, columns = 7, 28
    t = np.linspace(0.0, 1.0, columns)
    x = 1.30 + 3.75 * t
    middle = np.interp(t, [0, 0.2, 0.45, 0.65, 0.85, 1.0], [2.82, 2.94, 3.08, 3.14, 2.96, 2.62])
    middle = np.convolve(np.pad(middle, 3, mode="edge"), np.ones(7) / 7, "valid")
    half = 0.29 * (smooth_step(-0.05, 0.14, t) * (1 - 0.78 * smooth_step(0.35, 1.0, t)))
    across = np.linspace(1.0, -1.0, rows)
    y = middle + half * across[:, None]
    origins = np.stack([np.broadcast_to(x, y.shape), y, np.zeros_like(y)], -1).reshape(-1, 3)
    base = cast_rays(np.ascontiguousarray(origins), np.broadcast_to([0.0, 0.0, 1.0], origins.shape).copy())
    normals = np.array([skin_gradient(*p) for p in base])
    bulge = (
        (np.clip(1 - across**2, 0, 1) ** 0.6)[:, None]
        * (0.5 + 0.5 * (1 - t))
        * smooth_step(0.0, 0.06, t)
        * (1 - smooth_step(0.96, 1.0, t))
    )
    hairs = 0.012 * np.sin(42 * t + 3.0 * across[:, None])
    points = base + normals * (-0.025 + 0.125 * bulge + hairs * (bulge > 0.05)).reshape(-1, 1)
    mesh = mirror_half(points, grid_triangles(np.arange(rows * columns).reshape(rows, columns)))
    down, along = np.meshgrid(np.linspace(0.95, -0.95, rows), np.linspace(0.05, 0.95, columns), indexing="ij")
    return make_part("brows", mesh, "brow", np.stack([along.ravel(), down.ravel()], -1))


def lashes(eye: EyeGrid) -> Part:
    """Make the lashes as curved spikes on the lid margins."""
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
        length = (0.50 + 0.22 * lateral) if is_upper else 0.26
        lift = np.array([0.35 * lateral, 0.15 if is_upper else -0.45, 0.75])
        tip_lift = np.array([0.55 * lateral, 0.75 if is_upper else -0.7, 0.5])
        middle = root + length * 0.5 * (lift + 0.4 * outwards)
        tip = middle + length * 0.5 * tip_lift
        side = np.cross(outwards, [0.0, 1.0, 0.0])
        side = side / np.linalg.norm(side)
        thin = 0.028 if is_upper else 0.016
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
        anchor += [round(place) % columns] * 7
    points, triangles = stack_meshes(meshes)
    mesh = mirror_half(points, triangles)
    cells = np.arange(len(points)) // 7
    around = np.array([0.0, 2.1, 4.2, 0.0, 2.1, 4.2, 0.0])[np.arange(len(points)) % 7]
    radius = np.array([1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.0])[np.arange(len(points)) % 7]
    middle = np.stack([(cells % 7 + 0.5) / 7, -1 + 2 * (cells // 7 + 0.5) / 7], -1)
    ring = np.stack([np.cos(around) / 16, np.sin(around) / 8], -1) * radius[:, None]
    return make_part("lashes", mesh, "lash", middle + ring, along=np.array(along), anchor=np.array(anchor))
