"""How much of an eyeball is seen between the lids."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from visemic.evaluation.head_surface import HAIR_PARTS, Surface
from visemic.rig.linear import Rig

_HALF_M = 0.024
_PIXEL_M = 1e-4


@dataclass(frozen=True, eq=False)
class EyeOpening:
    """An eye as seen from the front, without hairs."""

    seen: Bool[np.ndarray, "rows columns"]
    """Where the eyeball is seen; rows go up, columns to the head's left."""
    low_m: tuple[float, float]
    """The x and y of the lower left corner."""
    pixel_m: float

    @property
    def area_mm2(self) -> float:
        """Area that is seen, square millimetres."""
        return float(self.seen.sum()) * (self.pixel_m * 1_000) ** 2

    @property
    def height_mm(self) -> float:
        """Greatest height that is seen at any x, millimetres."""
        return float(self.seen.sum(axis=0).max(initial=0)) * self.pixel_m * 1_000


def eye_openings(
    rig: Rig, surface: Surface, points: Float[np.ndarray, "vertices 3"]
) -> tuple[EyeOpening, ...]:
    """Look at each eye of a posed head, left first.

    Args:
        points: The posed vertices, metres.
    """
    from visemic.evaluation.head_view_kernels import front_triangles

    hairs = np.isin(surface.part_of_triangle, [n for n, p in enumerate(surface.parts) if p in HAIR_PARTS])
    is_ball = surface.part_of_triangle == (
        surface.parts.index("eyeball") if "eyeball" in surface.parts else len(surface.parts)
    )
    corners = points[rig.triangles]
    size = round(2 * _HALF_M / _PIXEL_M)
    openings = []
    for eye in rig.eyes:
        low = np.array(eye.pivot_m[:2]) - _HALF_M
        near = ~hairs & np.all(corners[..., :2].max(axis=1) >= low, axis=1)
        near &= np.all(corners[..., :2].min(axis=1) <= low + 2 * _HALF_M, axis=1)
        near &= corners[..., 2].max(axis=1) > eye.pivot_m[2]
        numbers = np.flatnonzero(near)
        found, _ = front_triangles(np.ascontiguousarray(corners[numbers]), low, _PIXEL_M, size, size)
        seen = (found >= 0) & is_ball[numbers[np.maximum(found, 0)]] if len(numbers) else found >= 0
        openings.append(EyeOpening(seen, (float(low[0]), float(low[1])), _PIXEL_M))
    return tuple(openings)
