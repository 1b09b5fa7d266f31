"""Loops that draw over a painted picture."""

import math

import numpy as np

from visemic.render.jit import compiled


@compiled()
def blend(picture: np.ndarray, patch: np.ndarray, top: int, left: int) -> None:
    """Lay a patch over a picture; what sticks out is cut."""
    for i in range(max(0, -top), min(patch.shape[0], picture.shape[0] - top)):
        for j in range(max(0, -left), min(patch.shape[1], picture.shape[1] - left)):
            opacity = int(patch[i, j, 3])
            if opacity == 0:
                continue
            for k in range(3):
                below = int(picture[top + i, left + j, k])
                mixed = below * (255 - opacity) + int(patch[i, j, k]) * opacity
                picture[top + i, left + j, k] = np.uint8((mixed + 127) // 255)


@compiled()
def draw_lane(
    picture: np.ndarray,
    top: float,
    height: float,
    left: int,
    values: np.ndarray,
    colour: np.ndarray,
    thickness: float,
) -> None:
    """Draw a curve with a faint body below it.

    Args:
        top: Row of the value 1.
        height: Rows from the value 1 down to 0.
        left: First column.
        values: At the edges of the columns, one more than there are columns.
    """
    first = max(0, math.floor(top - 2))
    last = min(picture.shape[0], math.ceil(top + height + 2))
    for j in range(values.shape[0] - 1):
        column = left + j
        if column < 0 or column >= picture.shape[1]:
            continue
        here = top + (1.0 - min(max(values[j], 0.0), 1.0)) * height
        there = top + (1.0 - min(max(values[j + 1], 0.0), 1.0)) * height
        middle = 0.5 * (here + there)
        # The width of a slanted line is measured across it.
        reach = 0.5 * thickness * math.sqrt(1.0 + (there - here) * (there - here))
        for row in range(first, last):
            y = row + 0.5
            line = min(max(reach + 0.5 - abs(y - middle), 0.0), 1.0)
            body = 0.22 * min(max(y - middle, 0.0), 1.0) if y < top + height else 0.0
            opacity = line + (1.0 - line) * body
            for k in range(3):
                below = float(picture[row, column, k])
                picture[row, column, k] = np.uint8(below + (colour[k] - below) * opacity + 0.5)


@compiled(fastmath=True)
def _edge_distance(x: float, y: float, x0: float, y0: float, x1: float, y1: float, length: float) -> float:
    return abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / (length + 1e-9)


@compiled(fastmath=True)
def draw_wires(
    first_row: int,
    n_samples: int,
    screen: np.ndarray,
    triangles: np.ndarray,
    owner: np.ndarray,
    colour: np.ndarray,
    opacity: float,
    width_px: float,
    picture: np.ndarray,
) -> None:
    """Draw the edges of the triangles that are seen, over a band of picture rows.

    Every sample asks how far it is from the edges of the triangle it shows, so lines behind a
    surface stay hidden and slanted lines are smooth. Lines fade where triangles are smaller
    than a few pixels and would cover the face.
    """
    share = 1.0 / (n_samples * n_samples)
    for row in range(owner.shape[0] // n_samples):
        for column in range(picture.shape[1]):
            cover = 0.0
            for r in range(row * n_samples, (row + 1) * n_samples):
                for c in range(column * n_samples, (column + 1) * n_samples):
                    t = owner[r, c]
                    if t < 0:
                        continue
                    x, y = c + 0.5, first_row * n_samples + r + 0.5
                    a, b, d = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                    ax, ay = float(screen[a, 0]), float(screen[a, 1])
                    bx, by = float(screen[b, 0]), float(screen[b, 1])
                    dx, dy = float(screen[d, 0]), float(screen[d, 1])
                    ab = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
                    bd = math.sqrt((dx - bx) ** 2 + (dy - by) ** 2)
                    da = math.sqrt((ax - dx) ** 2 + (ay - dy) ** 2)
                    near = min(
                        _edge_distance(x, y, ax, ay, bx, by, ab),
                        _edge_distance(x, y, bx, by, dx, dy, bd),
                        _edge_distance(x, y, dx, dy, ax, ay, da),
                    )
                    line = min(max(0.5 * width_px + 0.5 - near / n_samples, 0.0), 1.0)
                    size = abs((bx - ax) * (dy - ay) - (dx - ax) * (by - ay)) / (ab + bd + da + 1e-9)
                    cover += share * line * min(0.25 + 0.5 * size / n_samples, 1.0)
            if cover > 0.0:
                for k in range(3):
                    below = float(picture[first_row + row, column, k])
                    mixed = below + (colour[k] - below) * opacity * cover
                    picture[first_row + row, column, k] = np.uint8(mixed + 0.5)
