"""A head cut into what file formats want: one mesh a moving part, one piece a material.

Eyeballs become meshes of their own that turn about their centres; the rest is the face.
Pieces share no vertices, so a viewer keeps the shapes of each vertex only once; normals
come from the whole mesh, so that no seam shows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from visemic.core.layout import ARKIT_52, TONGUE, Layout
from visemic.core.signals import Motion
from visemic.export.clip import ClipData, motion_in, required_rig
from visemic.geometry.mesh import vertex_normals
from visemic.rig.linear import Material, Rig

FACE = -1
"""Number of the part that is no eye."""
GLASS = frozenset(["cornea", "tear", "tearline"])
"""Materials that let the eye behind them through; shown opaque, the head would be blind."""
GLASS_OPACITY = 0.15
SHEETS = frozenset(["lash", "brow", "hair"])
"""Materials that are seen from both sides."""

_HALF = 0.5
"""A normal is either of length 1 or of length 0."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Triangles of one part that wear one material."""

    material: Material
    vertices: Int[np.ndarray, " piece_vertices"]
    """Vertices of the head that the piece has."""
    triangles: Int[np.ndarray, "piece_triangles 3"]
    """Numbers into ``vertices``."""


def target_names(rig: Rig) -> tuple[str, ...]:
    """Give the shapes a file names: all of ARKit in its order, then what else the head has.

    The extra tongue shapes are left out: a file of our heads holds ARKit's 52 and no more.
    """
    return ARKIT_52.names + tuple(n for n in rig.layout.names if n not in ARKIT_52 and n not in TONGUE)


def tracks_of(rig: Rig) -> Layout:
    """Give every channel that moves a head in a file: its targets, then the turns of its joints."""
    joints = (*rig.eyes, *([rig.head] if rig.head else []))
    turns = dict.fromkeys(channel for joint in joints for channel in joint.rotation_channels)
    return Layout("tracks", target_names(rig) + tuple(turns))


def head_motion(clip: ClipData, suffix: str) -> Motion:
    """Give the clip's motion in the channels that move its head in a file.

    Raises:
        FormatError: The clip has no head, or its motion none of these channels.
        OutputError: The motion holds a value that is not finite.
    """
    return motion_in(clip.motion, tracks_of(required_rig(clip, suffix)), suffix)


def target_offsets(rig: Rig, name: str) -> Float32[np.ndarray, "vertices 3"]:
    """Give the offsets of a shape in metres; zero for one that the head lacks."""
    if name not in rig.layout:
        return np.zeros_like(rig.neutral)
    return rig.offsets[rig.layout.index(name)]


def pieces(rig: Rig, part: int) -> list[Piece]:
    """Give the pieces of a part.

    Args:
        part: Number of an eye, or ``FACE`` for the rest.
    """
    owner = np.full(rig.n_vertices, FACE) if rig.eye_of_vertex is None else rig.eye_of_vertex
    corner = owner[rig.triangles]
    # A triangle that hangs on two parts stays with the face.
    part_of_triangle = np.where((corner == corner[:, :1]).all(axis=1), corner[:, 0], FACE)
    if not rig.eyes:
        part_of_triangle = np.full_like(part_of_triangle, FACE)
    found = []
    for group in rig.groups:
        inside = part_of_triangle[group.start : group.stop] == part
        mine = rig.triangles[group.start : group.stop][inside]
        if len(mine):
            vertices, local = np.unique(mine, return_inverse=True)
            found.append(Piece(group.material, vertices, local.reshape(-1, 3)))
    return found


def unit_normals(rig: Rig) -> Float32[np.ndarray, "vertices 3"]:
    """Give the neutral's normals, +z for a vertex without a triangle: formats refuse a zero."""
    normals = vertex_normals(rig.neutral, rig.triangles)
    normals[np.linalg.norm(normals, axis=1) < _HALF] = (0.0, 0.0, 1.0)
    return normals.astype(np.float32)


def shown_colours(rig: Rig) -> Float32[np.ndarray, "vertices 3"] | None:
    """Give linear vertex colours with the baked shade in them, or None when the head has neither.

    They multiply the material's colour and may pass 1; see ``brightest``.
    """
    if rig.vertex_colours is None and rig.occlusion is None:
        return None
    colours = np.ones((rig.n_vertices, 3), np.float32) if rig.vertex_colours is None else rig.vertex_colours
    if rig.occlusion is not None:
        colours = colours * rig.occlusion[:, None]
    return np.maximum(colours, 0).astype(np.float32)


def brightest(rig: Rig) -> dict[Material, float]:
    """Give the greatest vertex colour that each material meets, at least 1.

    Files hold vertex colours up to 1 only; what they lack goes into the material.
    """
    colours = shown_colours(rig)
    if colours is None:
        return {}
    peaks: dict[Material, float] = {}
    for group in rig.groups:
        corners = rig.triangles[group.start : group.stop].ravel()
        peak = float(colours[corners].max(initial=1.0))
        peaks[group.material] = max(peak, peaks.get(group.material, 1.0))
    return peaks


def opacity_of(material: Material) -> float:
    """Give how opaque a material is, 0 to 1."""
    return GLASS_OPACITY if material.name in GLASS else 1.0


def follow_of(rig: Rig) -> Float32[np.ndarray, " vertices"]:
    """Give how far each vertex follows the head joint, 0 to 1."""
    if rig.head_follow is None:
        return np.full(rig.n_vertices, 1.0 if rig.head else 0.0, np.float32)
    return np.clip(rig.head_follow, 0, 1)
