"""Everything that is measured on a head, with the targets that it must meet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from visemic.evaluation.head_additive import PoseShape, measure_shapes
from visemic.evaluation.head_intersection import (
    COMBINATIONS,
    LIP_SEAL_MM,
    PoseMeetings,
    check_poses,
    measure_poses,
)
from visemic.evaluation.head_landmark import landmarks68
from visemic.evaluation.head_mirror import FLIP, MirrorReport, mirror_report
from visemic.evaluation.head_mouth_view import MouthView, measure_views, missed_by_view
from visemic.evaluation.head_proportion import Proportion, measure_proportions
from visemic.evaluation.head_surface import Surface, sort_surface
from visemic.rig.linear import Rig

MIRROR_MM = 1e-3
"""Largest difference between the sides: what is left is rounding."""
CLOSED_EYE_MM = 0.3
"""Largest height of eyeball that may be seen under closed lids."""
TEETH_STRAIN = 0.03
"""Largest change of length in teeth: half an open jaw is a chord of the full turn."""
LANDMARK_ASYMMETRY_MM = 1.0
PARTNERS_68 = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46,
    39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""For each of the 68 landmarks, the one on the other side."""


@dataclass(frozen=True, eq=False)
class LandmarkReport:
    """The 68 landmarks of a head."""

    vertices: Int[np.ndarray, "68"]
    n_distinct: int
    asymmetry_mm: float
    """Largest distance of a point from the mirror image of its partner."""


@dataclass(frozen=True, eq=False)
class HeadReport:
    """All measures of a head."""

    name: str
    n_vertices: int
    n_triangles: int
    parts: dict[str, int]
    """Triangles by part."""
    meetings: tuple[PoseMeetings, ...]
    shapes: tuple[PoseShape, ...]
    views: tuple[MouthView, ...]
    mirror: MirrorReport
    proportions: tuple[Proportion, ...]
    landmarks: LandmarkReport


def report_head(rig: Rig, poses: Mapping[str, Mapping[str, float]] | None = None) -> HeadReport:
    """Measure a head; takes about a tenth of a second a pose.

    Args:
        poses: Weights by shape; None measures those of ``check_poses``.

    Raises:
        RigError: The rig lacks a landmark that the measures need.
    """
    surface = sort_surface(rig)
    chosen = check_poses(rig) if poses is None else poses
    return HeadReport(
        name=rig.name,
        n_vertices=rig.n_vertices,
        n_triangles=len(rig.triangles),
        parts={part: len(surface.triangles_of(part)) for part in surface.parts},
        meetings=measure_poses(rig, chosen, surface),
        shapes=measure_shapes(rig, chosen, surface),
        views=measure_views(rig, chosen, surface),
        mirror=mirror_report(rig),
        proportions=measure_proportions(rig, surface),
        landmarks=landmark_report(rig, surface),
    )


def landmark_report(rig: Rig, surface: Surface | None = None) -> LandmarkReport:
    """Find the 68 landmarks and tell whether they are distinct and mirror each other."""
    vertices = landmarks68(rig, surface)
    places = rig.neutral[vertices].astype(float) * 1_000
    apart = np.linalg.norm(places - places[list(PARTNERS_68)] * FLIP, axis=1)
    return LandmarkReport(vertices, len(np.unique(vertices)), float(apart.max()))


def missed_targets(report: HeadReport) -> tuple[str, ...]:
    """Give a sentence for each target that a head misses."""
    missed = []
    bad = [m for m in report.meetings if m.n_wrong]
    if bad:
        worst = max(bad, key=lambda m: (m.depth_wrong_mm, m.n_wrong))
        missed.append(
            f"{len(bad)} of {len(report.meetings)} poses pass through themselves, worst {worst.pose}: "
            f"{worst.n_wrong} pairs of triangles, {worst.depth_wrong_mm:.2f} mm deep"
        )
    if report.mirror.worst_mm > MIRROR_MM:
        missed.append(
            f"sides differ by {report.mirror.worst_mm:.4f} mm in {report.mirror.worst_shape or 'rest'}"
        )
    missed += [
        f"{p.name} is {p.value:.4g}, adults have {p.low:g} to {p.high:g}"
        for p in report.proportions
        if not p.is_good
    ]
    if report.landmarks.n_distinct < 68:
        missed.append(f"the 68 landmarks fall on {report.landmarks.n_distinct} vertices")
    if report.landmarks.asymmetry_mm > LANDMARK_ASYMMETRY_MM:
        missed.append(
            f"the 68 landmarks are {report.landmarks.asymmetry_mm:.2f} mm from mirroring each other"
        )
    missed += [sentence for shape in report.shapes for sentence in _missed_by_pose(shape)]
    return (*missed, *(sentence for view in report.views for sentence in missed_by_view(view)))


def _missed_by_pose(shape: PoseShape) -> list[str]:
    missed = []
    shown = shape.pose.split("+")
    blinking = [eye for eye, side in enumerate(("Left", "Right")) if f"eyeBlink{side}" in shown]
    if "eyeBlink" in shown and "eyeWide" not in shown:
        blinking = [0, 1]
    heights = [shape.eye_height_mm[eye] for eye in blinking if eye < len(shape.eye_height_mm)]
    if heights and max(heights) > CLOSED_EYE_MM:
        missed.append(f"{shape.pose} leaves {max(heights):.1f} mm of the eye open")
    is_summed = shape.pose in COMBINATIONS or shape.pose.startswith("phone ")
    if is_summed and shape.lip_order_mm < -LIP_SEAL_MM - 1e-6:
        missed.append(
            f"{shape.pose} brings the upper lip {-shape.lip_order_mm:.2f} mm below the lower one "
            f"at x = {shape.lip_order_x_mm:.0f} mm"
        )
    if is_summed and shape.n_folds:
        x, y, z = shape.fold_mm
        edges = "1 edge" if shape.n_folds == 1 else f"{shape.n_folds} edges"
        missed.append(f"{shape.pose} folds the skin over at {edges}, near ({x:g}, {y:g}, {z:g}) mm")
    if shape.teeth_strain > TEETH_STRAIN:
        missed.append(f"{shape.pose} bends the teeth by {shape.teeth_strain:.1%}")
    return missed


def report_values(report: HeadReport) -> dict[str, Any]:
    """Give a report as plain values for JSON."""
    return {
        "name": report.name,
        "n_vertices": report.n_vertices,
        "n_triangles": report.n_triangles,
        "parts": report.parts,
        "meetings": [asdict(m) for m in report.meetings],
        "shapes": [asdict(s) for s in report.shapes],
        "views": [asdict(v) for v in report.views],
        "mirror": asdict(report.mirror),
        "proportions": [asdict(p) for p in report.proportions],
        "landmarks": {
            "vertices": report.landmarks.vertices.tolist(),
            "n_distinct": report.landmarks.n_distinct,
            "asymmetry_mm": report.landmarks.asymmetry_mm,
        },
        "missed": list(missed_targets(report)),
    }
