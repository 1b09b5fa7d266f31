"""Loops that find where triangles pass through each other.

Triangles meet only if an edge of one passes through the inside of the other, so a pair is
decided by six tests of an edge against a triangle, each by signs of volumes in double
precision. Touching without passing through is no intersection, and neither is lying flat on
one another. A uniform grid leaves only pairs whose boxes overlap.
"""

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile a loop, kept on disk where there is a folder to keep it in."""
    try:
        return nb.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        return nb.njit(nogil=True, error_model="numpy")(function)


@_compiled
def _volume(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
    """Give six times the signed volume of a tetrahedron."""
    bx, by, bz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    cx, cy, cz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    dx, dy, dz = d[0] - a[0], d[1] - a[1], d[2] - a[2]
    return (by * cz - bz * cy) * dx + (bz * cx - bx * cz) * dy + (bx * cy - by * cx) * dz


@_compiled
def _side(p: np.ndarray, t: np.ndarray, normal: np.ndarray, slack: float) -> float:
    """Give the distance from a triangle's plane; 0 within the slack."""
    d = (p[0] - t[0, 0]) * normal[0] + (p[1] - t[0, 1]) * normal[1] + (p[2] - t[0, 2]) * normal[2]
    return 0.0 if abs(d) <= slack else d


@_compiled
def _unit_normal(t: np.ndarray, out: np.ndarray) -> bool:
    """Write the unit normal of a triangle; give False for one without area."""
    ux, uy, uz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    vx, vy, vz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = np.sqrt(x * x + y * y + z * z)
    if length < 1e-18:
        return False
    out[0], out[1], out[2] = x / length, y / length, z / length
    return True


@_compiled
def _edges_through(s: np.ndarray, sides: np.ndarray, t: np.ndarray, hit: np.ndarray) -> int:
    """Count edges of triangle ``s`` through triangle ``t`` and add up where they pass."""
    count = 0
    for k in range(3):
        m = (k + 1) % 3
        if not ((sides[k] > 0.0 and sides[m] < 0.0) or (sides[k] < 0.0 and sides[m] > 0.0)):
            continue
        p, q = s[k], s[m]
        v0 = _volume(p, q, t[0], t[1])
        v1 = _volume(p, q, t[1], t[2])
        v2 = _volume(p, q, t[2], t[0])
        if (v0 >= 0.0 and v1 >= 0.0 and v2 >= 0.0) or (v0 <= 0.0 and v1 <= 0.0 and v2 <= 0.0):
            share = sides[k] / (sides[k] - sides[m])
            for axis in range(3):
                hit[axis] += p[axis] + share * (q[axis] - p[axis])
            count += 1
    return count


@_compiled
def _least_way_out(sides: np.ndarray) -> float:
    """Give how far a triangle reaches through a plane, by its shorter end."""
    above, below = 0.0, 0.0
    for k in range(3):
        above = max(above, sides[k])
        below = max(below, -sides[k])
    return min(above, below)


@_compiled
def cross(s: np.ndarray, t: np.ndarray, slack: float, out: np.ndarray) -> bool:
    """Tell whether two triangles pass through each other.

    Args:
        s: Corners, one a row.
        t: Corners of the other.
        slack: Corners this near to the other's plane lie on it.
        out: Takes the middle of the common segment (0-2) and the depth (3).
    """
    ns, nt = np.empty(3), np.empty(3)
    if not (_unit_normal(s, ns) and _unit_normal(t, nt)):
        return False
    of_s, of_t = np.empty(3), np.empty(3)
    for k in range(3):
        of_s[k] = _side(s[k], t, nt, slack)
    if (of_s[0] >= 0 and of_s[1] >= 0 and of_s[2] >= 0) or (of_s[0] <= 0 and of_s[1] <= 0 and of_s[2] <= 0):
        return False
    for k in range(3):
        of_t[k] = _side(t[k], s, ns, slack)
    if (of_t[0] >= 0 and of_t[1] >= 0 and of_t[2] >= 0) or (of_t[0] <= 0 and of_t[1] <= 0 and of_t[2] <= 0):
        return False
    hit = np.zeros(3)
    count = _edges_through(s, of_s, t, hit) + _edges_through(t, of_t, s, hit)
    if count == 0:
        return False
    for axis in range(3):
        out[axis] = hit[axis] / count
    out[3] = min(_least_way_out(of_s), _least_way_out(of_t))
    return True


@_compiled
def _boxes(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.empty((len(corners), 3)), np.empty((len(corners), 3))
    for i in range(len(corners)):
        for axis in range(3):
            a, b, c = corners[i, 0, axis], corners[i, 1, axis], corners[i, 2, axis]
            low[i, axis] = min(a, min(b, c))
            high[i, axis] = max(a, max(b, c))
    return low, high


@_compiled
def _cells(
    low: np.ndarray, high: np.ndarray, origin: np.ndarray, cell: float, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """List the triangles of every cell of a grid."""
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    fill = start[:1]
    members = np.empty(0, np.int64)
    for turn in range(2):
        for i in range(len(low)):
            x0, x1 = int((low[i, 0] - origin[0]) / cell), int((high[i, 0] - origin[0]) / cell)
            y0, y1 = int((low[i, 1] - origin[1]) / cell), int((high[i, 1] - origin[1]) / cell)
            z0, z1 = int((low[i, 2] - origin[2]) / cell), int((high[i, 2] - origin[2]) / cell)
            for x in range(x0, x1 + 1):
                for y in range(y0, y1 + 1):
                    for z in range(z0, z1 + 1):
                        at = (x * shape[1] + y) * shape[2] + z
                        if turn == 0:
                            start[at + 1] += 1
                        else:
                            members[fill[at]] = i
                            fill[at] += 1
        if turn == 0:
            for at in range(1, len(start)):
                start[at] += start[at - 1]
            members = np.empty(start[-1], np.int64)
            fill = start[:-1].copy()
    return start, members


@_compiled
def _share_corner(a: np.ndarray, b: np.ndarray) -> bool:
    for k in range(3):
        for m in range(3):
            if a[k] == b[m]:
                return True
    return False


@_compiled
def crossing_pairs(
    corners: np.ndarray, names: np.ndarray, cell: float, slack: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give all pairs of triangles that pass through each other, the lower number first.

    Args:
        corners: Corners of every triangle, one a row.
        names: Number of the vertex at each corner; triangles that share one are neighbours and not tested.
        cell: Width of a cell of the grid.
        slack: See ``cross``.

    Returns:
        Numbers of the triangles, and for each pair the middle (0-2) and the depth (3).
    """
    low, high = _boxes(corners)
    origin, shape = np.empty(3), np.empty(3, np.int64)
    for axis in range(3):
        origin[axis] = low[:, axis].min()
        shape[axis] = int((high[:, axis].max() - origin[axis]) / cell) + 1
    start, members = _cells(low, high, origin, cell, shape)
    pairs, facts = np.empty((64, 2), np.int64), np.empty((64, 4))
    count, out = 0, np.empty(4)
    for at in range(len(start) - 1):
        for m in range(start[at], start[at + 1]):
            i = members[m]
            for n in range(m + 1, start[at + 1]):
                j = members[n]
                apart = False
                for axis in range(3):
                    if low[i, axis] > high[j, axis] or low[j, axis] > high[i, axis]:
                        apart = True
                        break
                if apart or _share_corner(names[i], names[j]):
                    continue
                # A pair may meet in many cells: the one at the low corner of the common box counts.
                x = int((max(low[i, 0], low[j, 0]) - origin[0]) / cell)
                y = int((max(low[i, 1], low[j, 1]) - origin[1]) / cell)
                z = int((max(low[i, 2], low[j, 2]) - origin[2]) / cell)
                if (x * shape[1] + y) * shape[2] + z != at:
                    continue
                if not cross(corners[i], corners[j], slack, out):
                    continue
                if count == len(pairs):
                    more, facts_more = np.empty((2 * count, 2), np.int64), np.empty((2 * count, 4))
                    more[:count], facts_more[:count] = pairs, facts
                    pairs, facts = more, facts_more
                pairs[count, 0], pairs[count, 1] = min(i, j), max(i, j)
                facts[count] = out
                count += 1
    return pairs[:count].copy(), facts[:count].copy()


@_compiled
def _towards_triangle(p: np.ndarray, t: np.ndarray, out: np.ndarray) -> None:
    """Write the vector from the nearest point of a triangle to a point.

    The nearest point is found by the region of the plane that the point falls in: a corner, an
    edge or the inside.
    """
    ab, ac, ap = t[1] - t[0], t[2] - t[0], p - t[0]
    d1, d2 = np.sum(ab * ap), np.sum(ac * ap)
    if d1 <= 0.0 and d2 <= 0.0:
        out[:] = ap
        return
    bp = p - t[1]
    d3, d4 = np.sum(ab * bp), np.sum(ac * bp)
    if d3 >= 0.0 and d4 <= d3:
        out[:] = bp
        return
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        out[:] = ap - d1 / (d1 - d3) * ab
        return
    cp = p - t[2]
    d5, d6 = np.sum(ab * cp), np.sum(ac * cp)
    if d6 >= 0.0 and d5 <= d6:
        out[:] = cp
        return
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        out[:] = ap - d2 / (d2 - d6) * ac
        return
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 >= d3 and d5 >= d6:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        out[:] = bp - w * (t[2] - t[1])
        return
    inverse = 1.0 / (va + vb + vc)
    out[:] = ap - (vb * inverse) * ab - (vc * inverse) * ac


@_compiled
def signed_distances(points: np.ndarray, corners: np.ndarray, reach: float) -> np.ndarray:
    """Give how far points lie in front of (above 0) or behind a surface; infinite beyond the reach.

    Where several triangles are equally near, the one that is seen most squarely gives the side.
    """
    low, high = _boxes(corners)
    out = np.full(len(points), np.inf)
    away, normal = np.empty(3), np.empty(3)
    for i in range(len(points)):
        p = points[i]
        best, squarest = reach, 0.0
        for j in range(len(corners)):
            gap = 0.0
            for axis in range(3):
                d = max(low[j, axis] - p[axis], max(p[axis] - high[j, axis], 0.0))
                gap += d * d
            if gap > best * best * 1.000001 or not _unit_normal(corners[j], normal):
                continue
            _towards_triangle(p, corners[j], away)
            distance = np.sqrt(np.sum(away * away))
            square = np.sum(away * normal)
            if distance < best * 0.99999 or (distance <= best * 1.00001 and abs(square) > abs(squarest)):
                best, squarest = min(best, distance), square
                out[i] = distance if square >= 0.0 else -distance
    return out
