"""What is seen in the mouth from the front: teeth where they should be bared, nothing where lips are sealed.

This also finds what no intersection shows: a tooth that stands wholly in front of a lip.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.evaluation.head_surface import HAIR_PARTS, Surface, posed, sort_surface
from visemic.rig.linear import Rig

INNER = ("upper teeth", "lower teeth", "tongue", "upper gums", "lower gums", "mouth cavity")
_HALF_M = (0.045, 0.045)
_PIXEL_M = 2e-4


@dataclass(frozen=True)
class MouthView:
    """Areas of the mouth's inside that are seen from the front in one pose."""

    pose: str
    areas_mm2: dict[str, float]
    """By part of ``INNER``; roots count as teeth."""

    @property
    def opening_mm2(self) -> float:
        """Area of everything inside the mouth that is seen."""
        return sum(self.areas_mm2.values())


def measure_views(
    rig: Rig, poses: Mapping[str, Mapping[str, float]], surface: Surface | None = None
) -> tuple[MouthView, ...]:
    """Look into the mouth in each pose, by parallel rays 0.2 mm apart.

    Args:
        poses: Weights by shape; a name without its side stands for both sides.
        surface: The head's parts; None sorts them here.
    """
    parts = surface or sort_surface(rig)
    return tuple(view_of(rig, parts, name, posed(rig, weights)) for name, weights in poses.items())


def view_of(rig: Rig, parts: Surface, name: str, points: Float[np.ndarray, "vertices 3"]) -> MouthView:
    """Look into the mouth of a posed head.

    Args:
        points: The posed vertices, metres.

    Raises:
        RigError: The rig does not name its mouth corners.
    """
    from visemic.evaluation.head_view_kernels import front_triangles

    corners_of_mouth = [rig.landmark("mouth_corner_left"), rig.landmark("mouth_corner_right")]
    middle = rig.neutral[corners_of_mouth, :2].astype(float).mean(axis=0)
    low = middle - np.array(_HALF_M)
    corners = points[rig.triangles]
    hairs = [number for number, part in enumerate(parts.parts) if part in HAIR_PARTS]
    near = ~np.isin(parts.part_of_triangle, hairs) & (corners[..., 2].max(axis=1) > 0)
    near &= np.all(corners[..., :2].max(axis=1) >= low, axis=1)
    near &= np.all(corners[..., :2].min(axis=1) <= low + 2 * np.array(_HALF_M), axis=1)
    numbers = np.flatnonzero(near)
    columns, rows = (round(2 * half / _PIXEL_M) for half in _HALF_M)
    found, _ = front_triangles(np.ascontiguousarray(corners[numbers]), low, _PIXEL_M, columns, rows)
    counts = np.bincount(parts.part_of_triangle[numbers[found[found >= 0]]], minlength=len(parts.parts))
    pixel_mm2 = (_PIXEL_M * 1_000) ** 2
    seen = {part: float(count) * pixel_mm2 for part, count in zip(parts.parts, counts, strict=True)}
    areas = {part: seen.get(part, 0.0) for part in INNER}
    for arch in ("upper", "lower"):
        areas[f"{arch} teeth"] += seen.get(f"{arch} roots", 0.0)
    return MouthView(name, areas)


SEALED_MM2 = 5.0
"""Most of the mouth's inside that may be seen between sealed lips: a slit of 0.1 mm."""
LEAST_MM2: Mapping[str, tuple[tuple[str, float], ...]] = {
    "phone F": (("upper teeth", 15.0),),
    "phone V": (("upper teeth", 15.0),),
    "phone TH": (("tongue", 8.0),),
    "phone DH": (("tongue", 8.0),),
    "phone S": (("upper teeth", 8.0),),
    "phone Z": (("upper teeth", 8.0),),
    "phone AA": (("lower teeth", 5.0), ("mouth cavity", 20.0)),
}
"""What a phone must show, and at least how much of it, square millimetres."""
SEALED_POSES = frozenset({"rest", "phone SIL", "phone P", "phone B", "phone M"})


def missed_by_view(view: MouthView) -> list[str]:
    """Give a sentence for each thing that is seen and should not be, or should be seen and is not."""
    if view.pose in SEALED_POSES and view.opening_mm2 > SEALED_MM2:
        part = max(view.areas_mm2, key=lambda name: view.areas_mm2[name])
        return [f"{view.pose} shows {view.opening_mm2:.1f} mm2 of the mouth's inside, most of it {part}"]
    return [
        f"{view.pose} shows {view.areas_mm2[part]:.1f} mm2 of the {part}, at least {least:g} are wanted"
        for part, least in LEAST_MM2.get(view.pose, ())
        if view.areas_mm2[part] < least
    ]
