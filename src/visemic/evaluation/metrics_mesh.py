"""Distances between moving meshes, each published variant under its own name.

The field prints numbers that cannot be compared: squared or not, one lip set or another,
dataset units or millimetres. Here a name tells the formula and its suffix the unit, positions
are metres, and the set of vertices is an argument that the caller must name.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from visemic.core.errors import ClockError, RigError, unknown_name
from visemic.rig.linear import Rig

Vertices = Float[np.ndarray, "frames vertices 3"]
OtherVertices = Float[np.ndarray, "other_frames other_vertices 3"]
Region = Int[np.ndarray, " chosen"]

INSIDE = 0.5
"""A vertex belongs to a soft region above this."""
MM = 1_000.0
_BLOCK_FRAMES = 32


def region_vertices(rig: Rig, name: str, *, above: float = INSIDE) -> Region:
    """Give the vertices of a named region of a head.

    Args:
        rig: The head.
        name: A key of ``rig.regions``, such as ``lips`` or ``upper_face``.
        above: Smallest share, 0 to 1, that a vertex must exceed.

    Raises:
        RigError: The head has no such region, or nothing lies in it.
    """
    if name not in rig.regions:
        raise RigError(unknown_name("region", name, rig.regions))
    chosen = np.flatnonzero(rig.regions[name] > above)
    if len(chosen) == 0:
        raise RigError(f"region {name!r} has 0 vertices above {above:g}; give a smaller limit")
    return chosen


def vertex_distances_m(predicted: Vertices, target: OtherVertices) -> Float[np.ndarray, "frames vertices"]:
    """Give how far each vertex is from its twin in every frame, in metres.

    Raises:
        ClockError: The two have different numbers of frames.
        RigError: They have different numbers of vertices.
    """
    check_twins(predicted, target)
    return np.sqrt(_squared(predicted, target))


def lip_vertex_error_by_frame_m2(
    predicted: Vertices, target: OtherVertices, lips: Region
) -> Float[np.ndarray, " frames"]:
    """Give the largest squared distance over the lips in every frame, in square metres.

    Raises:
        ClockError: The two have different numbers of frames, or none.
        RigError: They have different numbers of vertices, or the lips lie outside them.
    """
    check_twins(predicted, target)
    _check_region(lips, predicted.shape[1])
    return _squared(predicted[:, lips], target[:, lips]).max(1).astype(float)


def lip_vertex_error_m2(predicted: Vertices, target: OtherVertices, lips: Region) -> float:
    """Give LVE as published: the mean over frames of the largest squared lip distance.

    Tables print it without the square in its unit. Published means pool the frames of all clips:
    weight clips by their frames to get the same.

    Source:
        Xing et al. 2023, "CodeTalker", the evaluation script; the same in FaceDiffuser,
        SelfTalk and TorchMetrics.
    Deviation:
        Square metres instead of the dataset's unit (BIWI's is about 0.18 m).
    """
    return float(lip_vertex_error_by_frame_m2(predicted, target, lips).mean())


def lip_vertex_error_mm(predicted: Vertices, target: OtherVertices, lips: Region) -> float:
    """Give the mean over frames of the largest lip distance, not squared, in millimetres.

    Source:
        Fan et al. 2022, "FaceFormer", as its text defines it; "LVE-L2norm" in UniTalker.
    """
    return float(np.sqrt(lip_vertex_error_by_frame_m2(predicted, target, lips)).mean()) * MM


def lip_vertex_error_root_mm(predicted: Vertices, target: OtherVertices, lips: Region) -> float:
    """Give the square root of the published LVE in millimetres.

    Source:
        Chu et al. 2025, "ARTalk", which prints the root.
    """
    return float(np.sqrt(lip_vertex_error_m2(predicted, target, lips))) * MM


def lip_vertex_error_centred_mm(predicted: Vertices, target: OtherVertices, lips: Region) -> float:
    """Give the mean over frames of the largest lip distance after both lips are centred, in millimetres.

    Blind to where the mouth is: only its shape counts.

    Source:
        Richard et al. 2021, "MeshTalk", as its author states the metric.
    """
    check_twins(predicted, target)
    _check_region(lips, predicted.shape[1])
    ours, theirs = predicted[:, lips], target[:, lips]
    ours = ours - ours.mean(1, keepdims=True)
    theirs = theirs - theirs.mean(1, keepdims=True)
    return float(np.sqrt(_squared(ours, theirs).max(1)).mean()) * MM


def mean_vertex_error_mm(predicted: Vertices, target: OtherVertices, region: Region | None = None) -> float:
    """Give MVE: the mean distance over frames and vertices, in millimetres.

    Args:
        region: Vertices that count; None means all.

    Source:
        Stan et al. 2023, "FaceDiffuser".
    """
    check_twins(predicted, target)
    if region is not None:
        _check_region(region, predicted.shape[1])
        predicted, target = predicted[:, region], target[:, region]
    return _mean_in_blocks(predicted, target, lambda a, b: np.sqrt(_squared(a, b)).mean(1)) * MM


def eye_vertex_error_m2(predicted: Vertices, target: OtherVertices, eyes: Region) -> float:
    """Give EVE: as LVE, over the eyes and the forehead, in square metres.

    Source:
        Chu et al. 2025, "ARTalk" and its relatives, on the FLAME eye and forehead masks.
    """
    return lip_vertex_error_m2(predicted, target, eyes)


def motion_spread_m2(
    vertices: Vertices, neutral: Float[np.ndarray, "vertices 3"], region: Region
) -> Float[np.ndarray, " chosen"]:
    """Give, by vertex, the standard deviation over time of the squared distance from rest.

    Args:
        vertices: Moving positions, metres.
        neutral: The same face at rest, metres.
        region: Vertices that count.
    """
    _check_region(region, vertices.shape[1])
    away = np.empty((len(vertices), len(region)))
    for start in range(0, len(vertices), _BLOCK_FRAMES):
        part = slice(start, start + _BLOCK_FRAMES)
        away[part] = np.square(vertices[part, region].astype(float) - neutral[region]).sum(-1)
    return away.std(0)


def face_dynamics_deviation_m2(
    predicted: Vertices,
    target: OtherVertices,
    neutral: Float[np.ndarray, "vertices 3"],
    upper_face: Region,
) -> float:
    """Give FDD with its sign: how much less the prediction moves than the target, in square metres.

    Above 0 the prediction is too still, below 0 it moves too much; the mean over clips lets the
    two cancel, therefore report ``face_dynamics_deviation_absolute_m2`` beside it. Blind to time:
    a clip played backwards scores 0.

    Source:
        Xing et al. 2023, "CodeTalker", the evaluation script, which keeps the sign.
    """
    check_twins(predicted, target)
    theirs = motion_spread_m2(target, neutral, upper_face)
    return float((theirs - motion_spread_m2(predicted, neutral, upper_face)).mean())


def face_dynamics_deviation_absolute_m2(
    predicted: Vertices,
    target: OtherVertices,
    neutral: Float[np.ndarray, "vertices 3"],
    upper_face: Region,
) -> float:
    """Give the size of a clip's FDD, so that clips cannot cancel, in square metres.

    Source:
        Stan et al. 2023, "FaceDiffuser", which prints it beside the signed one.
    """
    return abs(face_dynamics_deviation_m2(predicted, target, neutral, upper_face))


def face_scale_m(neutral: Float[np.ndarray, "vertices 3"]) -> float:
    """Give the size of a face: the diagonal of the box around it at rest, in metres.

    Raises:
        RigError: All vertices are in one place.
    """
    scale_m = float(np.linalg.norm(np.ptp(neutral.astype(float), axis=0))) if len(neutral) else 0.0
    if not scale_m > 0:
        raise RigError(f"a neutral of {len(neutral)} vertices has no size; give a face")
    return scale_m


def normalised_vertex_mesh_error(
    predicted: Vertices,
    target: OtherVertices,
    neutral: Float[np.ndarray, "vertices 3"],
    region: Region | None = None,
    *,
    scale_m: float | None = None,
) -> float:
    """Give NVME: the mean distance over frames and vertices as a share of the face's size.

    Args:
        predicted: Positions, metres.
        target: Positions, metres.
        neutral: The whole face at rest, metres.
        region: Vertices that count; None means all.
        scale_m: Size to divide by; None means ``face_scale_m(neutral)``. Give the distance between
            the pupils for the variant by eyes.

    Source:
        Named in the description of Avatron, which states no formula.
    Deviation:
        The formula is ours: mean distance over the diagonal of the neutral's box.
    """
    size_m = face_scale_m(neutral) if scale_m is None else scale_m
    return mean_vertex_error_mm(predicted, target, region) / MM / size_m


def face_errors_m(
    predicted: Vertices, target: OtherVertices, triangles: Int[np.ndarray, "triangles 3"]
) -> Float[np.ndarray, "frames triangles"]:
    """Give the error of every triangle, the mean of its corners' distances, in metres, to colour it.

    Source:
        As Avatron colours its error: blue small, red large.
    """
    return vertex_distances_m(predicted, target)[:, triangles].mean(-1)


def mouth_opening_difference_by_vertices_mm(
    predicted: Vertices, target: OtherVertices, upper_lip: int, lower_lip: int
) -> float:
    """Give MOD: the mean difference of the distance between two inner lip vertices, in millimetres.

    Args:
        predicted: Positions, metres.
        target: Positions, metres.
        upper_lip: Vertex on the inner edge of the upper lip, at the midline.
        lower_lip: Its partner on the lower lip.

    Source:
        Sun et al. 2024, "DiffPoseTalk" (mouth opening difference).
    """
    check_twins(predicted, target)
    ours = np.linalg.norm(predicted[:, upper_lip] - predicted[:, lower_lip], axis=-1)
    theirs = np.linalg.norm(target[:, upper_lip] - target[:, lower_lip], axis=-1)
    return float(np.abs(ours.astype(float) - theirs).mean()) * MM


def check_twins(predicted: Vertices, target: OtherVertices) -> None:
    """Refuse two moving meshes that cannot be compared vertex by vertex.

    Raises:
        ClockError: They have different numbers of frames, or none.
        RigError: They have different numbers of vertices.
    """
    if len(predicted) != len(target):
        raise ClockError(
            f"{len(predicted)} frames were predicted for {len(target)}; cut both to a common length"
        )
    if len(predicted) == 0:
        raise ClockError("a clip of 0 frames has no error; give at least one frame")
    if predicted.shape[1] != target.shape[1]:
        raise RigError(
            f"{predicted.shape[1]} vertices were predicted for {target.shape[1]}; "
            "compare meshes of one topology"
        )


def _check_region(region: Region, n_vertices: int) -> None:
    if len(region) == 0:
        raise RigError("a region of 0 vertices has no error; name at least one vertex")
    low, high = int(region.min()), int(region.max())
    if low < 0 or high >= n_vertices:
        raise RigError(
            f"the region names vertex {low if low < 0 else high} of a mesh of {n_vertices}; "
            "give the region of this topology"
        )


def _squared(a: Float[np.ndarray, "*any 3"], b: Float[np.ndarray, "*any 3"]) -> np.ndarray:
    away = a - b
    return np.einsum("...i,...i->...", away, away)


def _mean_in_blocks(
    predicted: Vertices,
    target: Vertices,
    by_frame: Callable[[Vertices, Vertices], Float[np.ndarray, " frames"]],
) -> float:
    """Average a value over frames in the memory of a block."""
    total = 0.0
    for start in range(0, len(predicted), _BLOCK_FRAMES):
        part = slice(start, start + _BLOCK_FRAMES)
        total += float(by_frame(predicted[part], target[part]).sum(dtype=float))
    return total / len(predicted)
