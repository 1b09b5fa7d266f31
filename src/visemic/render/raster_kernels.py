"""Loops that turn posed vertices into a buffer of the nearest triangle at every sample.

Arrays: ``v`` vertices, ``t`` triangles, ``r c`` rows and columns of samples.
"""

import math

import numpy as np

from visemic.render.jit import compiled


@compiled(fastmath=True)
def vertex_normals(positions: np.ndarray, triangles: np.ndarray, normals: np.ndarray) -> None:
    """Write unit normals, each the sum of its triangles' normals weighted by their area."""
    for v in range(positions.shape[0]):
        normals[v, 0] = 0.0
        normals[v, 1] = 0.0
        normals[v, 2] = 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = positions[b, 0] - positions[a, 0]
        uy = positions[b, 1] - positions[a, 1]
        uz = positions[b, 2] - positions[a, 2]
        wx = positions[c, 0] - positions[a, 0]
        wy = positions[c, 1] - positions[a, 1]
        wz = positions[c, 2] - positions[a, 2]
        nx = uy * wz - uz * wy
        ny = uz * wx - ux * wz
        nz = ux * wy - uy * wx
        for k in range(3):
            v = triangles[t, k]
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        scale = np.float32(1.0) / math.sqrt(x * x + y * y + z * z + np.float32(1e-30))
        normals[v, 0] = x * scale
        normals[v, 1] = y * scale
        normals[v, 2] = z * scale


@compiled()
def project(
    positions: np.ndarray,
    eye: np.ndarray,
    axes: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    near: float,
    is_parallel: bool,
    screen: np.ndarray,
) -> bool:
    """Write column, row and nearness of every vertex; nearness 0 is behind the near plane.

    Nearness is linear on the screen: the inverse distance in perspective, and minus the
    distance plus an offset that keeps it positive in a parallel projection.

    Returns False when a position is not a finite number: nothing may be drawn then.
    """
    total = 0.0
    for v in range(positions.shape[0]):
        x = positions[v, 0] - eye[0]
        y = positions[v, 1] - eye[1]
        z = positions[v, 2] - eye[2]
        right = x * axes[0, 0] + y * axes[0, 1] + z * axes[0, 2]
        up = x * axes[1, 0] + y * axes[1, 1] + z * axes[1, 2]
        ahead = -(x * axes[2, 0] + y * axes[2, 1] + z * axes[2, 2])
        if is_parallel:
            screen[v, 0] = centre_x + focal * right
            screen[v, 1] = centre_y - focal * up
            screen[v, 2] = near - ahead
        elif ahead > near:
            nearness = 1.0 / ahead
            screen[v, 0] = centre_x + focal * right * nearness
            screen[v, 1] = centre_y - focal * up * nearness
            screen[v, 2] = nearness
        else:
            screen[v, 0] = 0.0
            screen[v, 1] = 0.0
            screen[v, 2] = 0.0
        total += abs(x) + abs(y) + abs(z)
    return total < 1e30


@compiled()
def raster(
    screen: np.ndarray,
    triangles: np.ndarray,
    first_row: int,
    last_row: int,
    n_closed: int,
    nearest: np.ndarray,
    owner: np.ndarray,
) -> None:
    """Write for every sample of a band of rows the nearest triangle and its nearness.

    Spans start and stop where an edge, always walked from its upper end, passes a sample's
    centre, so neighbours that share an edge neither overlap nor leave a gap. A sample
    depends on its own row and column only: bands and threads cannot change it.

    Args:
        n_closed: Leave out the backs of this many triangles, the first ones.
    """
    nearest[: last_row - first_row] = 0.0
    owner[: last_row - first_row] = -1
    top_side, bottom_side, right_side = float(first_row), float(last_row), float(nearest.shape[1])
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, q0 = float(screen[a, 0]), float(screen[a, 1]), float(screen[a, 2])
        x1, y1, q1 = float(screen[b, 0]), float(screen[b, 1]), float(screen[b, 2])
        x2, y2, q2 = float(screen[c, 0]), float(screen[c, 1]), float(screen[c, 2])
        if max(y0, y1, y2) < top_side or min(y0, y1, y2) > bottom_side:
            continue
        twice_area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if twice_area == 0.0 or (t < n_closed and twice_area > 0.0):
            continue
        if q0 <= 0.0 or q1 <= 0.0 or q2 <= 0.0:
            continue
        q_per_x = ((q1 - q0) * (y2 - y0) - (q2 - q0) * (y1 - y0)) / twice_area
        q_per_y = ((q2 - q0) * (x1 - x0) - (q1 - q0) * (x2 - x0)) / twice_area
        if y0 > y1:
            x0, y0, q0, x1, y1, q1 = x1, y1, q1, x0, y0, q0
        if y1 > y2:
            x1, y1, x2, y2 = x2, y2, x1, y1
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
            q0 += (x0 - x1) * q_per_x + (y0 - y1) * q_per_y
        start = math.ceil(max(y0 - 0.5, top_side))
        stop = math.ceil(min(y2 - 0.5, bottom_side))
        if start >= stop:
            continue
        middle = min(max(math.ceil(max(min(y1 - 0.5, bottom_side), top_side)), start), stop)
        long_slope = (x2 - x0) / (y2 - y0)
        long_is_left = (x1 - x0) * (y2 - y0) > (x2 - x0) * (y1 - y0)
        x_from, y_from, y_to, x_to, half_stop = x0, y0, y1, x1, middle
        r = start
        for _ in range(2):
            short_slope = (x_to - x_from) / (y_to - y_from) if r < half_stop else 0.0
            while r < half_stop:
                y = r + 0.5
                left = x0 + (y - y0) * long_slope
                right = x_from + (y - y_from) * short_slope
                if not long_is_left:
                    left, right = right, left
                begin = math.ceil(max(left - 0.5, 0.0))
                end = math.ceil(min(right - 0.5, right_side))
                q_row = q0 + (y - y0) * q_per_y - x0 * q_per_x
                for column in range(begin, end):
                    q = np.float32(q_row + (column + 0.5) * q_per_x)
                    if q > nearest[r - first_row, column]:
                        nearest[r - first_row, column] = q
                        owner[r - first_row, column] = t
                r += 1
            x_from, y_from, x_to, y_to, half_stop = x1, y1, x2, y2, stop


@compiled(fastmath=True)
def count_open(
    screen: np.ndarray,
    normals: np.ndarray,
    vertices: np.ndarray,
    light: np.ndarray,
    metres_per_texel: float,
    depth_map: np.ndarray,
    weight: float,
    open_sum: np.ndarray,
    weight_sum: np.ndarray,
) -> None:
    """Add for each listed vertex how much of one far-away light reaches it.

    A vertex is lifted along its normal by two texels before it is compared, so that a smooth
    surface does not shadow itself. Nine neighbours of the map are asked.

    Args:
        weight: Share of the cosine law in a light's weight; at 0 all lights count the same.
    """
    side = depth_map.shape[0]
    for i in range(vertices.shape[0]):
        v = vertices[i]
        toward = normals[v, 0] * light[0] + normals[v, 1] * light[1] + normals[v, 2] * light[2]
        share = weight * max(toward, np.float32(0.0)) + (1.0 - weight)
        if share <= 0.0:
            continue
        limit = screen[v, 2] + metres_per_texel * (1.0 + 1.5 * max(toward, 0.0))
        column = min(max(int(screen[v, 0]), 1), side - 2)
        row = min(max(int(screen[v, 1]), 1), side - 2)
        count = 0
        for r in range(row - 1, row + 2):
            for c in range(column - 1, column + 2):
                if depth_map[r, c] <= limit:
                    count += 1
        open_sum[i] += share * count / 9.0
        weight_sum[i] += share


@compiled(fastmath=True)
def turn_normals(normals: np.ndarray, axes: np.ndarray, attributes: np.ndarray) -> None:
    """Write normals in the camera's axes into the first three columns of ``attributes``."""
    for v in range(normals.shape[0]):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        for k in range(3):
            attributes[v, k] = axes[k, 0] * x + axes[k, 1] * y + axes[k, 2] * z
