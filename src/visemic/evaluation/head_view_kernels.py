"""A picture without light: which triangle is seen at each place from the front."""

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
def front_triangles(
    corners: np.ndarray, low: np.ndarray, pixel: float, columns: int, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Look along -z with parallel rays.

    Args:
        corners: Corners of every triangle, one a row.
        low: The x and y of the lower left corner of the picture.
        pixel: Width of a pixel.

    Returns:
        By row from below and column: number of the foremost triangle, -1 for none, and its z.
    """
    seen, depth = np.full((rows, columns), -1, np.int64), np.full((rows, columns), -np.inf)
    for i in range(len(corners)):
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0.0:
            continue
        x0 = max(int(np.ceil((min(a[0], min(b[0], c[0])) - low[0]) / pixel - 0.5)), 0)
        x1 = min(int(np.floor((max(a[0], max(b[0], c[0])) - low[0]) / pixel - 0.5)), columns - 1)
        y0 = max(int(np.ceil((min(a[1], min(b[1], c[1])) - low[1]) / pixel - 0.5)), 0)
        y1 = min(int(np.floor((max(a[1], max(b[1], c[1])) - low[1]) / pixel - 0.5)), rows - 1)
        for row in range(y0, y1 + 1):
            y = low[1] + (row + 0.5) * pixel
            for column in range(x0, x1 + 1):
                x = low[0] + (column + 0.5) * pixel
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                w = 1.0 - u - v
                if u < 0.0 or v < 0.0 or w < 0.0:
                    continue
                z = u * a[2] + v * b[2] + w * c[2]
                if z > depth[row, column]:
                    depth[row, column] = z
                    seen[row, column] = i
    return seen, depth
