"""Triangle meshes as two arrays: normals, mirroring, smoothing and grids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int


def vertex_normals(
    points: Float[np.ndarray, "vertices 3"], triangles: Int[np.ndarray, "triangles 3"]
) -> Float[np.ndarray, "vertices 3"]:
    """Give area-weighted unit normals; a vertex without triangles gets zero."""
    corners = points[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(points), 3))
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(triangles[:, corner], faces[:, axis], len(points))
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.maximum(lengths, 1e-20)


@dataclass(frozen=True, eq=False)
class Mirrored:
    """A mesh made whole from its left half."""

    points: Float[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    source: Int[np.ndarray, " vertices"]
    """Which vertex of the half each vertex comes from."""
    partner: Int[np.ndarray, " vertices"]
    """The vertex on the other side; a midline vertex is its own partner."""


def mirror_half(points: Float[np.ndarray, "half 3"], triangles: Int[np.ndarray, "triangles 3"]) -> Mirrored:
    """Complete a left half (x from 0 up) with its exact mirror image.

    Vertices with x equal to 0 are shared, all others are doubled.
    """
    count = len(points)
    on_midline = points[:, 0] == 0.0
    doubled = np.flatnonzero(~on_midline)
    twin = np.arange(count)
    twin[doubled] = count + np.arange(len(doubled))
    whole = np.concatenate([points, points[doubled] * np.array([-1.0, 1.0, 1.0])])
    other = twin[triangles][:, ::-1]
    return Mirrored(
        whole,
        np.concatenate([triangles, other]),
        np.concatenate([np.arange(count), doubled]),
        np.concatenate([twin, doubled]),
    )


def grid_triangles(
    index: Int[np.ndarray, "rows columns"], *, closed: bool = False
) -> Int[np.ndarray, "triangles 3"]:
    """Split the quads of a grid of vertex numbers into triangles.

    Rows go down and columns to the right as seen from outside; each quad gives two
    counter-clockwise triangles.

    Args:
        closed: Join the last column to the first.
    """
    grid = np.concatenate([index, index[:, :1]], 1) if closed else index
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    lower = np.stack([a, b, c], -1).reshape(-1, 3)
    upper = np.stack([a, c, d], -1).reshape(-1, 3)
    return np.stack([lower, upper], 1).reshape(-1, 3)


def without_collapsed(triangles: Int[np.ndarray, "triangles 3"]) -> Int[np.ndarray, "kept 3"]:
    """Drop triangles that name a vertex twice."""
    a, b, c = triangles.T
    return triangles[(a != b) & (b != c) & (c != a)]


def neighbour_average(triangles: Int[np.ndarray, "triangles 3"], count: int) -> Any:
    """Give the sparse matrix that replaces each vertex by the mean of its neighbours."""
    from scipy.sparse import coo_matrix, diags

    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (count, count)).tocsr()
    degree = np.asarray(links.sum(1)).ravel()
    return diags(1.0 / np.maximum(degree, 1.0)) @ links


def spline_through(
    knots: Float[np.ndarray, " knots"],
    values: Float[np.ndarray, "knots dims"],
    at: Float[np.ndarray, " samples"],
) -> Float[np.ndarray, "samples dims"]:
    """Sample the monotone cubic curve through given values."""
    from scipy.interpolate import PchipInterpolator

    return np.asarray(PchipInterpolator(knots, values, axis=0)(at))


def boundary_loops(triangles: Int[np.ndarray, "triangles 3"]) -> list[list[int]]:
    """Give the closed chains of edges that belong to one triangle only."""
    directed = {(int(a), int(b)) for t in triangles for a, b in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))}
    following = {a: b for a, b in directed if (b, a) not in directed}
    loops: list[list[int]] = []
    while following:
        start = min(following)
        loop = [start]
        nxt = following.pop(start)
        while nxt != start and nxt in following:
            loop.append(nxt)
            nxt = following.pop(nxt)
        loops.append(loop)
    return loops


def disc_places(
    points: Float[np.ndarray, "vertices 3"], triangles: Int[np.ndarray, "triangles 3"]
) -> Float[np.ndarray, "vertices 2"]:
    """Lay a sheet out flat in the unit disc without folds.

    The longest rim goes to the circle; every other vertex to the mean of its neighbours.

    Source:
        Tutte 1963, "How to Draw a Graph".
    """
    from scipy.sparse import identity
    from scipy.sparse.linalg import spsolve

    rim = np.array(max(boundary_loops(triangles), key=len))
    steps = np.linalg.norm(points[rim] - np.roll(points[rim], 1, axis=0), axis=1)
    turn = 2 * np.pi * np.cumsum(steps) / steps.sum()
    out = np.zeros((len(points), 2))
    out[rim] = np.stack([np.cos(turn), np.sin(turn)], -1)
    free = np.setdiff1d(np.arange(len(points)), rim)
    average = neighbour_average(triangles, len(points)).tocsr()[free]
    system = (identity(len(free)) - average[:, free]).tocsc()
    out[free] = spsolve(system, average[:, rim] @ out[rim])
    return out


def smooth_step(
    edge_low: Any, edge_high: Any, value: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Rise from 0 at the first edge to 1 at the second with flat ends; edges may fall."""
    t = np.clip((value - edge_low) / (edge_high - edge_low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def stack_meshes(
    parts: Sequence[tuple[Float[np.ndarray, "_ 3"], Int[np.ndarray, "_ 3"]]],
) -> tuple[Float[np.ndarray, "vertices 3"], Int[np.ndarray, "triangles 3"]]:
    """Put meshes one after the other and renumber their triangles."""
    points, triangles, start = [], [], 0
    for part_points, part_triangles in parts:
        points.append(part_points)
        triangles.append(part_triangles + start)
        start += len(part_points)
    return np.concatenate(points), np.concatenate(triangles)
