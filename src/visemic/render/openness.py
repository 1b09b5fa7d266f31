"""How open a place on a head is to its surroundings: the shade of nostrils, ears and mouth.

Parts that hardly change their shade are worked out once, on the neutral. What lies behind
the lips goes from night to day as they part, so it is worked out for every frame from a
few directions in front of the face.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32

from visemic.render import raster_kernels, studio
from visemic.rig.linear import Rig

_MAP_SIDE = 192
_BAKE_DIRECTIONS = 72
_LAMP_DIRECTIONS, _LAMP_RADIUS_DEG = 10, 14.0
BOUNCED = 0.09
"""Least openness inside a pocket."""
_MOUTH_REACH_M = 0.048
"""How far around the front teeth lips and cheeks lie that shade what is behind them."""

_MOUTH_VIEW_DEG = ((0, 4), (-30, 14), (30, 14), (-22, -22), (22, -22), (0, 34))
"""Azimuth and elevation of the directions from which light enters a mouth."""

_EYE_REACH_M = 0.020
_EYE_VIEW_DEG = ((0, 58), (-38, 40), (38, 40), (0, 8))
"""Directions from which light reaches an eye: mostly from above, so that the upper lid shades it."""


_MARGIN = 1.4
"""Maps are larger than what they hold by this factor, for what moves."""


@dataclass(eq=False)
class OpennessBuffers:
    """What one thread writes into."""

    screen: Float32[np.ndarray, "vertices 3"]
    nearest: Float32[np.ndarray, "side side"]
    owner: Int32[np.ndarray, "side side"]


def new_openness_buffers(n_vertices: int) -> OpennessBuffers:
    """Give what one thread needs to work out openness."""
    return OpennessBuffers(
        np.empty((n_vertices, 3), np.float32),
        np.empty((_MAP_SIDE, _MAP_SIDE), np.float32),
        np.empty((_MAP_SIDE, _MAP_SIDE), np.int32),
    )


def parallel_axes(toward: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """Give rows right, up and towards the light for a light far away in direction ``toward``."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(toward[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, toward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(toward, right), toward])


def _openness(
    vertices: Float32[np.ndarray, "vertices 3"],
    normals: Float32[np.ndarray, "vertices 3"],
    asked: Int32[np.ndarray, " asked"],
    blockers: Int32[np.ndarray, "triangles 3"],
    directions: Float[np.ndarray, "directions 3"],
    centre: Float[np.ndarray, " 3"],
    reach_m: float,
    cosine_share: float,
    own: OpennessBuffers,
) -> Float32[np.ndarray, " asked"]:
    texel_m = 2 * reach_m / _MAP_SIDE
    screen = own.screen[: len(vertices)]
    open_sum = np.zeros(len(asked), np.float32)
    weight_sum = np.full(len(asked), 1e-6, np.float32)
    for toward in directions:
        raster_kernels.project(
            vertices,
            centre,
            parallel_axes(toward),
            1 / texel_m,
            _MAP_SIDE / 2,
            _MAP_SIDE / 2,
            8 * reach_m,
            True,
            screen,
        )
        raster_kernels.raster(screen, blockers, 0, _MAP_SIDE, len(blockers), own.nearest, own.owner)
        raster_kernels.count_open(
            screen,
            normals,
            asked,
            toward.astype(np.float32),
            texel_m,
            own.nearest,
            cosine_share,
            open_sum,
            weight_sum,
        )
    return open_sum / weight_sum


def _bake(
    rig: Rig,
    triangles: Int32[np.ndarray, "triangles 3"],
    directions: Float[np.ndarray, "directions 3"],
    cosine_share: float,
) -> Float32[np.ndarray, " vertices"]:
    vertices = np.ascontiguousarray(rig.neutral)
    normals = np.empty_like(vertices)
    raster_kernels.vertex_normals(vertices, triangles, normals)
    low, high = vertices.min(0).astype(float), vertices.max(0).astype(float)
    reach = 0.5 * float(np.linalg.norm(high - low)) + 1e-6
    asked = np.arange(rig.n_vertices, dtype=np.int32)
    own = new_openness_buffers(rig.n_vertices)
    return _openness(
        vertices, normals, asked, triangles, directions, (low + high) / 2, reach, cosine_share, own
    )


def _spiral(n: int, lowest: float) -> Float[np.ndarray, "directions 3"]:
    """Give ``n`` directions spread evenly over the cap of the sphere whose z is at least ``lowest``."""
    steps = np.arange(n) + 0.5
    height = 1 - (1 - lowest) * steps / n
    turn = steps * math.pi * (3 - math.sqrt(5))
    level = np.sqrt(1 - height**2)
    return np.stack([level * np.cos(turn), level * np.sin(turn), height], 1)


def bake_openness(rig: Rig, triangles: Int32[np.ndarray, "triangles 3"]) -> Float32[np.ndarray, " vertices"]:
    """Give the openness of a rig's neutral that brings no occlusion of its own.

    Args:
        triangles: Those that block light.

    Returns:
        Share of the surroundings that a vertex sees, weighted by the cosine law; 0 to 1.
    """
    return _bake(rig, triangles, _spiral(_BAKE_DIRECTIONS, -1.0), 1.0)


def bake_reach(
    rig: Rig, triangles: Int32[np.ndarray, "triangles 3"], toward: Float[np.ndarray, " 3"]
) -> Float32[np.ndarray, " vertices"]:
    """Give how much of a large lamp in direction ``toward`` reaches each vertex of the neutral, 0 to 1.

    Good for a lamp behind the head: its shadow hardly moves with the face.
    """
    lamp = _spiral(_LAMP_DIRECTIONS, math.cos(math.radians(_LAMP_RADIUS_DEG))) @ parallel_axes(toward)
    return _bake(rig, triangles, lamp, 0.0)


class Pocket:
    """A hollow whose light changes with the face: what is behind the lips, or between two lids."""

    def __init__(
        self,
        rig: Rig,
        triangles: Int32[np.ndarray, "triangles 3"],
        vertices: Int32[np.ndarray, " inner"],
        centre: Float[np.ndarray, " 3"],
        reach_m: float,
        views_deg: tuple[tuple[int, int], ...],
        power: float,
    ) -> None:
        self.vertices = vertices
        """Those in the hollow."""
        corners = rig.neutral[triangles]
        far = np.linalg.norm(corners.mean(1) - centre, axis=1)
        blockers = triangles[far < reach_m]
        # Only what lies near is posed again: a pocket is a small mesh of its own.
        self._near = np.unique(np.concatenate([blockers.ravel(), vertices])).astype(np.int32)
        self._blockers = np.searchsorted(self._near, blockers).astype(np.int32)
        self._asked = np.searchsorted(self._near, vertices).astype(np.int32)
        # The pocket's middle goes along when the head turns.
        self._centre = centre - rig.neutral[vertices].mean(0, dtype=float)
        self._reach_m, self._power = _MARGIN * reach_m, np.float32(power)
        angles = np.radians(views_deg)
        level = np.cos(angles[:, 1])
        self._directions = np.stack(
            [np.sin(angles[:, 0]) * level, np.sin(angles[:, 1]), np.cos(angles[:, 0]) * level], 1
        )

    def measure(
        self,
        vertices: Float32[np.ndarray, "vertices 3"],
        normals: Float32[np.ndarray, "vertices 3"],
        own: OpennessBuffers,
    ) -> Float32[np.ndarray, " inner"]:
        """Give the openness of ``self.vertices`` in one pose."""
        centre = self._centre + vertices[self.vertices].mean(0, dtype=float)
        seen = _openness(
            vertices[self._near],
            normals[self._near],
            self._asked,
            self._blockers,
            self._directions,
            centre,
            self._reach_m,
            0.5,
            own,
        )
        # Light that bounces off lips, teeth and skin reaches where no ray from outside does.
        return np.asarray(BOUNCED + (1.0 - BOUNCED) * seen**self._power, np.float32)


def _vertices_of(rig: Rig, materials: tuple[str, ...]) -> Int32[np.ndarray, " vertices"]:
    faces = [rig.triangles[g.start : g.stop].ravel() for g in rig.groups if g.material.name in materials]
    return np.unique(np.concatenate([np.zeros(0, np.int32), *faces])).astype(np.int32)


def find_pockets(rig: Rig, triangles: Int32[np.ndarray, "triangles 3"]) -> list[Pocket]:
    """Give the hollows of a rig: its mouth and its two eyes, as far as it has them.

    Args:
        triangles: Those that block light.
    """
    pockets = []
    inner = _vertices_of(rig, studio.INNER)
    if len(inner):
        places = rig.neutral[inner].astype(float)
        # The foremost of the inner parts are the front teeth: the lips are close to them.
        foremost = places[places[:, 2] >= np.quantile(places[:, 2], 0.8)]
        centre = np.array([foremost[:, 0].mean(), foremost[:, 1].mean(), np.quantile(places[:, 2], 0.98)])
        pockets.append(Pocket(rig, triangles, inner, centre, _MOUTH_REACH_M, _MOUTH_VIEW_DEG, 0.5))
    eyes = _vertices_of(rig, studio.WET + studio.GLASS)
    for is_left in (True, False):
        mine = eyes[(rig.neutral[eyes, 0] > 0) == is_left]
        if not len(mine):
            continue
        places = rig.neutral[mine].astype(float)
        centre = (places.min(0) + places.max(0)) / 2
        pockets.append(Pocket(rig, triangles, mine, centre, _EYE_REACH_M, _EYE_VIEW_DEG, 1.2))
    return pockets
