"""A surface from samples of a signed distance on a regular grid."""

import numpy as np
from jaxtyping import Float, Int

_CORNERS = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
_EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1]


def surface_nets(
    values: Float[np.ndarray, "nx ny nz"],
) -> tuple[Float[np.ndarray, "vertices 3"], Int[np.ndarray, "triangles 3"]]:
    """Give the surface where values change sign, in units of the grid.

    One vertex per cell that the surface crosses, at the mean of the crossings of its edges; a
    quad around every edge of the grid that it crosses, split along its shorter diagonal.
    Counter-clockwise as seen from where values are positive.

    Source:
        Gibson 1998, "Constrained Elastic Surface Nets"; the mean of crossings is the common
        variant without relaxation.
    """
    cells = tuple(n - 1 for n in values.shape)
    corner = np.stack(
        [values[i : i + cells[0], j : j + cells[1], k : k + cells[2]] for i, j, k in _CORNERS], -1
    )
    inside = corner < 0
    active = inside.any(-1) & ~inside.all(-1)
    at = np.argwhere(active)
    number = np.full(cells, -1)
    number[active] = np.arange(len(at))
    level, low = corner[active], inside[active]
    total, count = np.zeros((len(at), 3)), np.zeros(len(at))
    for a, b in _EDGES:
        crossed = low[:, a] != low[:, b]
        span = np.where(crossed, level[:, a] - level[:, b], 1.0)
        share = np.where(crossed, level[:, a] / span, 0.0)
        place = _CORNERS[a] + share[:, None] * (_CORNERS[b] - _CORNERS[a])
        total += np.where(crossed[:, None], place, 0.0)
        count += crossed
    points = at + total / np.maximum(count, 1)[:, None]
    quads = np.concatenate([_quads(values < 0, number, axis) for axis in range(3)])
    return points, _split(points, quads)


def _quads(inside: np.ndarray, number: np.ndarray, axis: int) -> np.ndarray:
    """Give the quads around the crossed edges along one axis."""
    turned = np.moveaxis(inside, axis, 0)
    cells = np.moveaxis(number, axis, 0)
    start, stop = turned[:-1, 1:-1, 1:-1], turned[1:, 1:-1, 1:-1]
    edge = np.argwhere(start != stop)
    i, j, k = edge[:, 0], edge[:, 1], edge[:, 2]
    quad = np.stack([cells[i, j, k], cells[i, j + 1, k], cells[i, j + 1, k + 1], cells[i, j, k + 1]], -1)
    leaves = start[i, j, k]
    if axis == 1:  # moving an axis to the front keeps handedness for 0 and 2 only
        leaves = ~leaves
    return np.where(leaves[:, None], quad, quad[:, ::-1])


def _split(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    a, b, c, d = quads.T
    first = np.linalg.norm(points[a] - points[c], axis=1) <= np.linalg.norm(points[b] - points[d], axis=1)
    one = np.where(first[:, None], np.stack([a, b, c], -1), np.stack([a, b, d], -1))
    two = np.where(first[:, None], np.stack([a, c, d], -1), np.stack([b, c, d], -1))
    return np.stack([one, two], 1).reshape(-1, 3)
