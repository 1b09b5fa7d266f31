"""Fewer vertices for a mesh: its own ones, so that whatever moved them moves what is left.

The shortest edge goes first: one end moves onto the other, and the triangles between them
vanish. Vertices keep their places and their numbers in the whole mesh, therefore displacements,
offsets and landmarks of the whole are read off by number.
"""

import heapq
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from visemic.core.errors import InputError

_LEAST_COSINE = 0.3
"""A triangle may turn by up to about 70 degrees; beyond, the surface would fold."""


@dataclass(frozen=True, eq=False)
class Thinned:
    """A mesh of some of the vertices of another."""

    kept: Int[np.ndarray, " kept"]
    """Which vertices of the whole are left, rising."""
    triangles: Int[np.ndarray, "triangles 3"]
    """In numbers of ``kept``, as they were turned."""


def thinned(
    vertices: Float[np.ndarray, "vertices 3"],
    triangles: Int[np.ndarray, "triangles 3"],
    n_vertices: int,
    *,
    locked: Collection[int] = (),
    fineness: Float[np.ndarray, " vertices"] | None = None,
) -> Thinned:
    """Give a mesh of about so many of the vertices that the triangles use.

    Edges of openings stay edges of openings. Where no edge can go without folding the surface,
    more vertices are left than were asked for.

    Args:
        vertices: Positions, metres.
        triangles: Those that count; vertices of no triangle are left out unless locked.
        n_vertices: How many to leave.
        locked: Vertices that must stay.
        fineness: Factor on the length of edges at a vertex: above 1 it goes later; None is 1.

    Raises:
        InputError: Fewer than three vertices are wanted.

    Source:
        Hoppe et al. 1993, "Mesh optimization": edge collapse and when it is allowed.
    """
    if n_vertices < 3:
        raise InputError(f"a mesh of {n_vertices} vertices has no triangle; keep at least 3")
    factor = np.ones(len(vertices)) if fineness is None else fineness
    mesh = _Mesh(vertices.astype(np.float64), triangles, frozenset(int(v) for v in locked), factor)
    mesh.thin(n_vertices)
    left = np.array(sorted(mesh.triangle_of.values()), np.int64).reshape(-1, 3)
    kept = np.union1d(left.reshape(-1), np.array(sorted(mesh.locked), np.int64)).astype(np.int64)
    return Thinned(kept, np.searchsorted(kept, left).astype(np.int32))


@dataclass(eq=False)
class _Mesh:
    """Triangles by number, and which of them meet in a vertex."""

    vertices: np.ndarray
    triangles: np.ndarray
    locked: frozenset[int]
    factor: np.ndarray
    triangle_of: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    around: dict[int, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, (a, b, c) in enumerate(self.triangles.tolist()):
            self.triangle_of[number] = (a, b, c)
            for corner in (a, b, c):
                self.around.setdefault(corner, set()).add(number)

    def thin(self, n_vertices: int) -> None:
        """Collapse edges, shortest first."""
        queue = [self._cost(u, v) for u in self.around for v in self._neighbours(u)]
        heapq.heapify(queue)
        while queue and len(self.around) > n_vertices:
            cost = heapq.heappop(queue)
            _, u, v = cost
            if u not in self.around or v not in self.around or u in self.locked:
                continue
            if cost[0] < self._cost(u, v)[0] or not self._may_go(u, v):
                continue
            for neighbour in self._collapse(u, v):
                heapq.heappush(queue, self._cost(neighbour, v))
                heapq.heappush(queue, self._cost(v, neighbour))

    def _cost(self, u: int, v: int) -> tuple[float, int, int]:
        length = float(np.linalg.norm(self.vertices[u] - self.vertices[v]))
        return (length * float(self.factor[u]), u, v)

    def _neighbours(self, u: int) -> set[int]:
        return {corner for number in self.around[u] for corner in self.triangle_of[number]} - {u}

    def _is_rim(self, u: int) -> bool:
        """Tell whether an opening ends at a vertex: a closed fan has as many triangles as neighbours."""
        return len(self._neighbours(u)) != len(self.around[u])

    def _may_go(self, u: int, v: int) -> bool:
        shared = self.around[u] & self.around[v]
        if not shared or self._neighbours(u) & self._neighbours(v) != {
            corner for number in shared for corner in self.triangle_of[number]
        } - {u, v}:
            return False
        # Where an opening ends, its rim may get shorter, but no vertex may leave it.
        if self._is_rim(u) and not (self._is_rim(v) and len(shared) == 1):
            return False
        for number in self.around[u] - shared:
            before = self._normal(self.triangle_of[number])
            after = self._normal(_moved(self.triangle_of[number], u, v))
            sizes = np.linalg.norm(before) * np.linalg.norm(after)
            if not before @ after > _LEAST_COSINE * sizes:
                return False
        return True

    def _normal(self, triangle: tuple[int, int, int]) -> np.ndarray:
        a, b, c = self.vertices[list(triangle)]
        (ux, uy, uz), (vx, vy, vz) = (b - a).tolist(), (c - a).tolist()
        return np.array([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])

    def _collapse(self, u: int, v: int) -> set[int]:
        """Move one end onto the other and give the neighbours of where it went."""
        for number in self.around.pop(u):
            triangle = self.triangle_of[number]
            if v in triangle:
                del self.triangle_of[number]
                for corner in set(triangle) - {u}:
                    self.around[corner].discard(number)
            else:
                self.triangle_of[number] = _moved(triangle, u, v)
                self.around[v].add(number)
        return self._neighbours(v)


def _moved(triangle: tuple[int, int, int], u: int, v: int) -> tuple[int, int, int]:
    a, b, c = (v if corner == u else corner for corner in triangle)
    return (a, b, c)
