"""A head as data: a neutral mesh, named offsets, and what else a head has.

Everything above this module (rules, renderer, exporters) sees heads only through ``Rig``,
so a head of another topology works without a special case anywhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Int

from visemic.core.errors import RigError, unknown_name
from visemic.core.layout import EYE_LOOK_PITCH_RAD, EYE_LOOK_YAW_RAD, Layout
from visemic.core.signals import MeshMotion, Motion, Topology

POSE_BLOCK_FRAMES = 32
"""Frames posed at once by ``pose_blocks``: bounds memory for clips of any length."""


@dataclass(frozen=True)
class Material:
    """How a part of the head looks, in the terms of glTF's metallic-roughness model."""

    name: str
    """``skin``, ``lips``, ``teeth``, ``gums``, ``tongue``, ``mouth_cavity``, ``sclera``, ``iris``,
    ``pupil``, ``cornea``, ``brow``, ``lash``, ``hair`` …"""
    colour: tuple[float, float, float]
    """Base colour, linear RGB, 0 to 1; vertex colours multiply it."""
    roughness: float = 0.5
    """0 mirror to 1 matt."""
    specular: float = 0.5
    """0 none to 1 strong; 0.5 is skin."""
    subsurface: float = 0.0
    """How far light bleeds past the terminator, 0 to 1."""


@dataclass(frozen=True)
class MaterialGroup:
    """Which triangles wear a material."""

    material: Material
    start: int
    """First triangle."""
    stop: int
    """One past the last triangle."""


@dataclass(frozen=True)
class Joint:
    """A part that turns about a point."""

    name: str
    pivot_m: tuple[float, float, float]
    """Centre of rotation in the neutral, metres."""
    rotation_channels: tuple[str, str, str]
    """Channels of yaw, pitch and roll, radians."""


@dataclass(frozen=True, eq=False)
class Corrective:
    """What a sum of shapes lacks: added as far as all its drivers are on at once.

    Files that hold linear shapes only (glTF) leave correctives out; the sum is then a little off.
    """

    name: str
    drivers: tuple[str, ...]
    """Channels whose shares, multiplied, give the corrective's weight."""
    full_at: tuple[float, ...]
    """Weight at which each driver's share reaches 1; a share stays between 0 and 1."""
    vertices: Int[np.ndarray, " moved"]
    """Which vertices it moves."""
    offsets: Float32[np.ndarray, "moved 3"]
    """Displacement when every driver is 1, metres."""


@dataclass(frozen=True, eq=False)
class Rig:
    """A head with linear blendshapes, two eyes that turn, and a neck that bends.

    The neutral has the mouth closed at rest, the eyes open and looking along +z. Metres, y
    up, face looking along +z, x to the head's own left.
    """

    name: str
    neutral: Float32[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    """Counter-clockwise from outside, sorted by material group."""
    layout: Layout
    """Names of the blendshapes, one per field of ``offsets``."""
    offsets: Float32[np.ndarray, "channels vertices 3"]
    """Displacement at weight 1, metres."""
    groups: tuple[MaterialGroup, ...]
    """Cover all triangles in order."""
    landmarks: Mapping[str, int]
    """Named vertices; see ``rig/readout.py`` for those that lips need."""
    regions: Mapping[str, Float32[np.ndarray, " vertices"]] = field(default_factory=dict)
    """Named soft masks, 0 to 1: ``lips``, ``mouth``, ``upper_face``, ``eyelids`` …"""
    uv: Float32[np.ndarray, "vertices 2"] | None = None
    vertex_colours: Float32[np.ndarray, "vertices 3"] | None = None
    """Linear RGB that multiplies the material's colour."""
    occlusion: Float32[np.ndarray, " vertices"] | None = None
    """Baked ambient occlusion, 0 dark to 1 open."""
    eyes: tuple[Joint, ...] = ()
    """Eyeballs: first left, then right."""
    eye_of_vertex: Int[np.ndarray, " vertices"] | None = None
    """0 or 1 for vertices of an eyeball, -1 for the rest."""
    head: Joint | None = None
    """The neck joint."""
    head_follow: Float32[np.ndarray, " vertices"] | None = None
    """How far a vertex follows the head's rotation, 0 (shoulders) to 1 (head)."""
    correctives: tuple[Corrective, ...] = ()
    """Products of shapes, on top of the sum."""
    licence: str = "Apache-2.0"
    source: str = "made by visemic"

    @property
    def n_vertices(self) -> int:
        """Number of vertices."""
        return self.neutral.shape[0]

    @cached_property
    def topology(self) -> Topology:
        """The triangles under the rig's name."""
        return Topology(self.name, self.triangles)

    def landmark(self, name: str) -> int:
        """Give the vertex of a named landmark.

        Raises:
            RigError: The rig has no such landmark.
        """
        if name not in self.landmarks:
            raise RigError(unknown_name("landmark", name, self.landmarks))
        return self.landmarks[name]

    def with_offsets(self, extra: Mapping[str, Float32[np.ndarray, "vertices 3"]]) -> "Rig":
        """Give the rig with further named shapes after its own."""
        from dataclasses import replace

        return replace(
            self,
            layout=Layout(self.layout.name + "+", self.layout.names + tuple(extra)),
            offsets=np.concatenate([self.offsets, np.stack(list(extra.values()))]).astype(np.float32),
        )


def pose(
    neutral: Float[np.ndarray, "vertices 3"],
    offsets: Float[np.ndarray, "channels vertices 3"],
    weights: Float[np.ndarray, "frames channels"],
) -> Float[np.ndarray, "frames vertices 3"]:
    """Pose a neutral mesh with linear blendshapes.

    Weights are not clipped here: a solver may need values outside 0..1, an exporter must not.

    Args:
        neutral: Vertex positions at rest, metres.
        offsets: One displacement field per channel, metres, in the neutral's frame.
        weights: Blendshape weights, 0 at rest and 1 at full shape.

    Returns:
        Vertex positions per frame, metres, in the neutral's frame.

    Source:
        Lewis et al. 2014, "Practice and Theory of Blendshape Facial Models"
        (Eurographics STAR), the delta form.
    """
    posed = np.repeat(neutral[None].astype(np.result_type(neutral, offsets, weights)), len(weights), axis=0)
    # Sums in a fixed order, not a matrix product: its bytes would depend on the number of threads.
    for channel in np.flatnonzero(np.any(weights != 0, axis=0)):
        for frame in np.flatnonzero(weights[:, channel]):
            posed[frame] += weights[frame, channel] * offsets[channel]
    return posed


def rotation_matrices(
    yaw_rad: Float[np.ndarray, " frames"],
    pitch_rad: Float[np.ndarray, " frames"],
    roll_rad: Float[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames 3 3"]:
    """Give rotations for column vectors: roll about z first, then pitch about x, then yaw about y."""
    cy, sy = np.cos(yaw_rad), np.sin(yaw_rad)
    cp, sp = np.cos(pitch_rad), np.sin(pitch_rad)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    rows = [
        [cy * cr + sy * sp * sr, -cy * sr + sy * sp * cr, sy * cp],
        [cp * sr, cp * cr, -sp],
        [-sy * cr + cy * sp * sr, sy * sr + cy * sp * cr, cy * cp],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _turned(
    turn: Float[np.ndarray, "frames 3 3"], points: Float[np.ndarray, "frames vertices 3"]
) -> Float[np.ndarray, "frames vertices 3"]:
    """Turn column vectors, in a fixed order of sums and without threads of a matrix library."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    turned = np.empty_like(points)
    for axis in range(3):
        row = turn[:, axis, :, None]
        turned[..., axis] = x * row[:, 0] + y * row[:, 1] + z * row[:, 2]
    return turned


def joint_angles(motion: Motion, joint: Joint) -> Float[np.ndarray, "3 frames"]:
    """Give yaw, pitch and roll of a joint in radians.

    Channels that the motion lacks are 0; but the eyes of a motion without eye rotations follow
    its ``eyeLook`` weights, as takes of 52 shapes mean them.
    """
    angles = np.zeros((3, motion.n_frames))
    given = [(row, c) for row, c in enumerate(joint.rotation_channels) if c in motion.layout]
    for row, channel in given:
        angles[row] = motion.channel(channel)
    side = {"leftEyeYaw": "Left", "rightEyeYaw": "Right"}.get(joint.rotation_channels[0])
    if given or side is None:
        return angles
    outwards = EYE_LOOK_YAW_RAD if side == "Left" else -EYE_LOOK_YAW_RAD
    ways = {
        "Out": (0, outwards),
        "In": (0, -outwards),
        "Down": (1, EYE_LOOK_PITCH_RAD),
        "Up": (1, -EYE_LOOK_PITCH_RAD),
    }
    for way, (row, full_rad) in ways.items():
        if f"eyeLook{way}{side}" in motion.layout:
            angles[row] += full_rad * motion.channel(f"eyeLook{way}{side}")
    return angles


def add_correctives(
    rig: Rig,
    weights: Float[np.ndarray, "frames channels"],
    vertices: Float[np.ndarray, "frames vertices 3"],
) -> None:
    """Add a rig's correctives to posed vertices, in place; drivers that the rig lacks count as 0."""
    for extra in rig.correctives:
        if not all(driver in rig.layout for driver in extra.drivers):
            continue
        columns = [rig.layout.index(driver) for driver in extra.drivers]
        shares = np.clip(weights[:, columns] / np.asarray(extra.full_at), 0.0, 1.0)
        share = np.prod(shares, axis=1).astype(vertices.dtype)
        if share.any():
            vertices[:, extra.vertices] += share[:, None, None] * extra.offsets


def _pose_block(rig: Rig, motion: Motion, weights: Float[np.ndarray, "frames channels"]) -> np.ndarray:
    vertices = pose(rig.neutral, rig.offsets, weights)
    add_correctives(rig, weights, vertices)
    if rig.eye_of_vertex is not None:
        for number, eye in enumerate(rig.eyes):
            angles = joint_angles(motion, eye)
            if not angles.any():
                continue
            mine = np.flatnonzero(rig.eye_of_vertex == number)
            pivot = np.asarray(eye.pivot_m, np.float32)
            turn = rotation_matrices(*angles).astype(np.float32)
            vertices[:, mine] = _turned(turn, vertices[:, mine] - pivot) + pivot
    if rig.head is not None:
        angles = joint_angles(motion, rig.head)
        if angles.any():
            pivot = np.asarray(rig.head.pivot_m, np.float32)
            turn = rotation_matrices(*angles).astype(np.float32)
            turned = _turned(turn, vertices - pivot) + pivot
            follow = rig.head_follow
            vertices = turned if follow is None else vertices + follow[None, :, None] * (turned - vertices)
    return vertices.astype(np.float32)


def pose_blocks(rig: Rig, motion: Motion) -> Iterator[Float32[np.ndarray, "frames vertices 3"]]:
    """Pose a rig block by block, so that a long clip needs the memory of one block.

    Channels are matched by name; those that the rig lacks are left out.
    """
    weights = motion.to_layout(rig.layout).values
    for start in range(0, motion.n_frames, POSE_BLOCK_FRAMES):
        stop = min(start + POSE_BLOCK_FRAMES, motion.n_frames)
        part = Motion(motion.values[start:stop], motion.layout, motion.rate)
        yield _pose_block(rig, part, weights[start:stop])


def pose_motion(rig: Rig, motion: Motion) -> MeshMotion:
    """Pose a rig for every frame at once.

    Returns:
        Vertices in metres. Costs 12 bytes a vertex and frame: use ``pose_blocks`` for long clips.
    """
    return MeshMotion(np.concatenate(list(pose_blocks(rig, motion))), rig.topology, motion.rate)
