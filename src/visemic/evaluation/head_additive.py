"""Do shapes add up? What a sum of shapes does to lids, lips and skin.

A sum of linear shapes can leave an eye ajar, cross the lips, fold the skin over itself or tear
it wide. Each is measured on the posed surface, so correctives show their worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from visemic.evaluation.head_eye import eye_openings
from visemic.evaluation.head_landmark import seam_pairs
from visemic.evaluation.head_surface import HAIR_PARTS, Surface, posed, sort_surface
from visemic.rig.linear import Rig

FLESH = ("skin", "lid", "upper lip", "lower lip")
_LEAST_EDGE_M = 3e-4
"""Shorter edges say nothing about stretch."""
_PIXEL_M = 2e-4
FOLDED_COSINE = -0.85
"""Two triangles whose normals stand further apart than 148 degrees lie on each other."""
STRETCHED = 3.0
"""An edge that gets this many times longer, or shorter, is extreme."""


@dataclass(frozen=True)
class PoseShape:
    """What a pose does to a head's flesh."""

    pose: str
    eye_height_mm: tuple[float, ...]
    """Greatest height of eyeball seen from the front, left eye first."""
    eye_area_mm2: tuple[float, ...]
    lip_order_mm: float
    """Least height of the upper lip above the lower one, over all places that touch at rest;
    below 0 the lips have passed each other."""
    lip_order_x_mm: float
    """Where along the mouth that is."""
    n_folds: int
    """Edges of skin, lids and lips whose two triangles have come to face against each other, and one
    of them is seen from the front."""
    n_hidden_folds: int
    """The same where none is seen."""
    fold_mm: tuple[float, float, float]
    """Where the longest folded edge is that is seen."""
    longest: float
    """Greatest length of an edge over its length at rest."""
    shortest: float
    """Least length of an edge over its length at rest."""
    n_stretched: int
    """Edges beyond ``STRETCHED`` in either direction."""
    stretch_mm: tuple[float, float, float]
    """Where the longest of them is, by the neutral."""
    teeth_strain: float
    """Greatest relative change of an edge of the teeth, which are hard."""


@dataclass(frozen=True, eq=False)
class _Web:
    """Edges of a head, prepared once."""

    flesh: Int[np.ndarray, "edges 2"]
    """Vertices of edges long enough to measure."""
    hinges: Int[np.ndarray, "hinges 2"]
    """Pairs of triangles of flesh that share an edge."""
    hinge_edges: Int[np.ndarray, "hinges 2"]
    teeth: Int[np.ndarray, "teeth_edges 2"]


def measure_shapes(
    rig: Rig, poses: Mapping[str, Mapping[str, float]], surface: Surface | None = None
) -> tuple[PoseShape, ...]:
    """Measure what each pose does to lids, lips and skin.

    Args:
        poses: Weights by shape; a name without its side stands for both sides.
        surface: The head's parts; None sorts them here.
    """
    parts = surface or sort_surface(rig)
    web = _web(rig, parts)
    seam = np.zeros((0, 2), int)
    if {"upper lip", "lower lip"} <= set(parts.parts):
        seam = seam_pairs(rig, parts)
    return tuple(
        _measure(rig, parts, web, seam, name, posed(rig, weights)) for name, weights in poses.items()
    )


def _edges(triangles: np.ndarray) -> np.ndarray:
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(ends, axis=1), axis=0)


def _web(rig: Rig, parts: Surface) -> _Web:
    flesh = np.concatenate([parts.triangles_of(p) for p in FLESH])
    edges = _edges(rig.triangles[flesh]) if len(flesh) else np.zeros((0, 2), int)
    rest = rig.neutral.astype(float)
    long_enough = np.linalg.norm(rest[edges[:, 0]] - rest[edges[:, 1]], axis=1) > _LEAST_EDGE_M
    corner = rig.triangles[flesh]
    ends = np.sort(np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]]), axis=1)
    owner = np.tile(flesh, 3)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, owner = ends[order], owner[order]
    twin = np.flatnonzero(np.all(ends[:-1] == ends[1:], axis=1))
    teeth = [
        parts.triangles_of(f"{arch} {kind}") for arch in ("upper", "lower") for kind in ("teeth", "roots")
    ]
    return _Web(
        edges[long_enough],
        np.stack([owner[twin], owner[twin + 1]], -1),
        ends[twin],
        _edges(rig.triangles[np.concatenate(teeth)]),
    )


def _normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    return np.asarray(face / np.maximum(np.linalg.norm(face, axis=1, keepdims=True), 1e-18))


def _ratios(rest: np.ndarray, points: np.ndarray, edges: np.ndarray) -> np.ndarray:
    before = np.linalg.norm(rest[edges[:, 0]] - rest[edges[:, 1]], axis=1)
    after = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    return np.asarray(after / np.maximum(before, 1e-9))


def _place_mm(points: np.ndarray, edge: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(c) * 1_000, 1) for c in points[edge].mean(axis=0))
    return x, y, z


def _seen(
    rig: Rig, parts: Surface, points: np.ndarray, hinges: np.ndarray, around: np.ndarray
) -> Bool[np.ndarray, " hinges"]:
    """Tell which pairs of triangles are seen from the front, near some vertices, without hairs."""
    from visemic.evaluation.head_view_kernels import front_triangles

    if len(around) == 0:
        return np.zeros(len(hinges), bool)
    hairs = [number for number, part in enumerate(parts.parts) if part in HAIR_PARTS]
    low, high = points[around, :2].min(axis=0) - 0.001, points[around, :2].max(axis=0) + 0.001
    corners = points[rig.triangles]
    near = ~np.isin(parts.part_of_triangle, hairs)
    near &= np.all((corners[..., :2].max(axis=1) >= low) & (corners[..., :2].min(axis=1) <= high), axis=1)
    numbers = np.flatnonzero(near)
    columns, rows = (int(c) for c in np.ceil((high - low) / _PIXEL_M))
    found, _ = front_triangles(np.ascontiguousarray(corners[numbers]), low, _PIXEL_M, columns, rows)
    shown = np.zeros(len(rig.triangles), bool)
    shown[numbers[found[found >= 0]]] = True
    return np.asarray(shown[hinges].any(axis=1))


def _measure(
    rig: Rig, parts: Surface, web: _Web, seam: np.ndarray, name: str, points: Float[np.ndarray, "vertices 3"]
) -> PoseShape:
    rest = rig.neutral.astype(float)
    openings = eye_openings(rig, parts, points)
    gap_mm = (points[seam[:, 0], 1] - points[seam[:, 1], 1]) * 1_000
    least = int(np.argmin(gap_mm)) if len(seam) else -1
    ratios = _ratios(rest, points, web.flesh)
    stretched = (ratios > STRETCHED) | (ratios < 1.0 / STRETCHED)
    before, after = _normals(rest, rig.triangles), _normals(points, rig.triangles)
    one, other = web.hinges.T
    folded = np.sum(before[one] * before[other], axis=1) > 0.0
    folded &= np.sum(after[one] * after[other], axis=1) < FOLDED_COSINE
    seen = folded & _seen(rig, parts, points, web.hinges, np.unique(web.hinge_edges[folded]))
    folds = web.hinge_edges[seen]
    length = np.linalg.norm(points[folds[:, 0]] - points[folds[:, 1]], axis=1)
    return PoseShape(
        pose=name,
        eye_height_mm=tuple(o.height_mm for o in openings),
        eye_area_mm2=tuple(o.area_mm2 for o in openings),
        lip_order_mm=float(gap_mm[least]) if len(seam) else 0.0,
        lip_order_x_mm=float(rest[seam[least, 0], 0]) * 1_000 if len(seam) else 0.0,
        n_folds=int(seen.sum()),
        n_hidden_folds=int(folded.sum() - seen.sum()),
        fold_mm=_place_mm(points, folds[np.argmax(length)]) if len(folds) else (0.0, 0.0, 0.0),
        longest=float(ratios.max(initial=1.0)),
        shortest=float(ratios.min(initial=1.0)),
        n_stretched=int(stretched.sum()),
        stretch_mm=_place_mm(rest, web.flesh[np.argmax(ratios)]) if len(ratios) else (0.0, 0.0, 0.0),
        teeth_strain=float(np.abs(_ratios(rest, points, web.teeth) - 1.0).max(initial=0.0)),
    )
