"""Where surfaces pass through each other, and how deep.

Triangles that share a vertex are neighbours and never count; surfaces that only touch, or lie
flat on one another, do not count either.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

SLACK_M = 1e-8
"""Corners this near to the plane of the other triangle lie on it: about the rounding of positions
stored in single precision within half a metre of the origin."""
_CELLS = 1_500_000
REACH_M = 0.01
"""Depth is followed this far and no further."""


@dataclass(frozen=True, eq=False)
class Crossings:
    """Pairs of triangles that pass through each other."""

    pairs: Int[np.ndarray, "pairs 2"]
    """Numbers of the triangles, the lower one first."""
    places_m: Float[np.ndarray, "pairs 3"]
    """Middle of what they have in common."""
    depths_m: Float[np.ndarray, " pairs"]
    """Least distance that one of them has to move along the other's normal to come free: no more than
    a triangle's size, however deep the surfaces are in each other."""

    def __len__(self) -> int:
        """Give the number of pairs."""
        return len(self.pairs)


def find_crossings(
    points: Float[np.ndarray, "vertices 3"],
    triangles: Int[np.ndarray, "triangles 3"],
    names: Int[np.ndarray, " vertices"] | None = None,
) -> Crossings:
    """Find all pairs of triangles without a common vertex that pass through each other.

    Args:
        points: Metres.
        names: Equal for vertices that are one place of the surface stored twice (at a seam of
            the texture); None when no vertex is stored twice.

    Returns:
        Pairs in ascending order.

    Source:
        The principle, an edge of one through the inside of the other, is that of Möller 1997,
        "A Fast Triangle-Triangle Intersection Test".

    Deviation:
        Six edge tests by signs of volumes instead of overlapping intervals, and pairs that lie in
        one plane are not intersecting.
    """
    from visemic.geometry.intersection_kernels import crossing_pairs

    if len(triangles) == 0:
        return Crossings(np.zeros((0, 2), int), np.zeros((0, 3)), np.zeros(0))
    corners = np.ascontiguousarray(points[triangles], dtype=np.float64)
    shared = triangles if names is None else names[triangles]
    pairs, facts = crossing_pairs(
        corners, np.ascontiguousarray(shared, dtype=np.int64), _cell_m(corners), SLACK_M
    )
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return Crossings(pairs[order], facts[order, :3], facts[order, 3])


def _cell_m(corners: np.ndarray) -> float:
    """Give a width of cells: near the size of triangles, but never too many cells."""
    size = corners.max(axis=1) - corners.min(axis=1)
    extent = corners.max(axis=(0, 1)) - corners.min(axis=(0, 1))
    typical = float(np.mean(size.max(axis=1)))
    extent = np.maximum(extent, 1e-6)
    least = float((extent.prod() / _CELLS) ** (1 / 3))
    return max(typical, least, float(extent.max()) / 2_000, 1e-6)


def depths_behind(
    points: Float[np.ndarray, "n 3"], corners: Float[np.ndarray, "triangles 3 3"]
) -> Float[np.ndarray, " n"]:
    """Give how deep points lie behind a surface, metres; 0 in front of it or more than ``REACH_M`` away.

    The nearest triangle decides which side is behind, so the surface need not be closed.
    """
    from visemic.geometry.intersection_kernels import signed_distances

    if len(points) == 0 or len(corners) == 0:
        return np.zeros(len(points))
    low, high = points.min(axis=0) - REACH_M, points.max(axis=0) + REACH_M
    near = np.all((corners.max(axis=1) >= low) & (corners.min(axis=1) <= high), axis=1)
    signed = signed_distances(
        np.ascontiguousarray(points, dtype=np.float64),
        np.ascontiguousarray(corners[near], dtype=np.float64),
        REACH_M,
    )
    return np.where(np.isfinite(signed), np.maximum(-signed, 0.0), 0.0)
