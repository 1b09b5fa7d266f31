"""Where an expression comes from: a file of motion, or a clip of a store, as moving vertices."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError, RigError
from visemic.core.signals import MeshMotion, Motion
from visemic.data.loader import ClipStore
from visemic.data.store_folder import HEADER
from visemic.export.registry import import_clip
from visemic.motion.resample import resample
from visemic.rig.linear import Rig, pose_motion

MAX_EXPRESSION_S = 600.0
"""Of a longer clip only so much is read: 12 bytes a vertex and frame are held in memory."""
_HEAD_TURNS = ("headYaw", "headPitch", "headRoll")


def read_expression(
    source: "Path | str", rig: Rig, rate: Rate, at_most_s: float = MAX_EXPRESSION_S
) -> Float32[np.ndarray, "frames vertices 3"]:
    """Give moving vertices of a head from a file or a store.

    Args:
        source: A take or export that ``import_clip`` reads (csv, json, npz, glb), or a clip of a
            store by its place, ``STORE/speaker/clip``.
        rig: Head to pose weights on; a store's meshes must be of its topology.
        rate: Frames a second wanted.
        at_most_s: Only so much is read, seconds.

    Raises:
        FormatError: There is no such file, or it holds no motion.
        ArtifactError: There is no such clip in the store.
        RigError: The store's mesh is of another topology.
    """
    path = Path(source)
    if not at_most_s > 0:
        raise InputError(f"{at_most_s:g} s of an expression cannot be read; give a time above 0")
    store = next((folder for folder in path.parents if (folder / HEADER).is_file()), None)
    if store is not None and not path.is_file():
        return _from_store(store, path.relative_to(store).as_posix(), rig, rate, at_most_s)
    if path.is_dir():
        raise FormatError(
            f"{str(path)!r} is a folder; give a file of motion, or a clip of a store as STORE/speaker/clip"
        )
    return _posed(import_clip(path).motion, rig, rate, at_most_s)


def _posed(
    motion: Motion, rig: Rig, rate: Rate, at_most_s: float
) -> Float32[np.ndarray, "frames vertices 3"]:
    """Pose weights with the neck at rest, as mesh corpora come."""
    n_frames = max(1, min(motion.n_frames, motion.rate.count(at_most_s)))
    there = resample(Motion(motion.values[:n_frames], motion.layout, motion.rate), rate)
    values = there.values.copy()
    values[:, [there.layout.index(name) for name in _HEAD_TURNS if name in there.layout]] = 0
    return pose_motion(rig, Motion(values, there.layout, rate)).vertices


def _from_store(
    folder: Path, clip_id: str, rig: Rig, rate: Rate, at_most_s: float
) -> Float32[np.ndarray, "frames vertices 3"]:
    store = ClipStore(folder)
    number = store.index(clip_id)
    entry = store.entries[number]
    if not entry.n_vertices:
        motion = store[number].motion
        assert motion is not None
        return _posed(motion, rig, rate, at_most_s)
    if entry.topology != rig.topology.name or entry.n_vertices != rig.n_vertices:
        raise RigError(
            f"clip {clip_id} has mesh {entry.topology!r} of {entry.n_vertices} vertices and head "
            f"{rig.name!r} has {rig.n_vertices}; give a clip of that head"
        )
    n_frames = max(1, min(entry.n_frames, entry.rate.count(at_most_s)))
    window = store.window(number, 0, n_frames)
    assert window.displacements is not None
    # On the head's own face: the store's may be of another shape at rest.
    return _at_rate(MeshMotion(window.displacements + rig.neutral, rig.topology, entry.rate), rate)


def _at_rate(mesh: MeshMotion, rate: Rate) -> Float32[np.ndarray, "frames vertices 3"]:
    """Give vertices at another rate by straight lines between frames."""
    if mesh.rate == rate:
        return mesh.vertices
    n_frames = max(1, rate.count(len(mesh.vertices) / float(mesh.rate)))
    place = np.minimum(rate.times_s(n_frames) * float(mesh.rate), len(mesh.vertices) - 1)
    below = place.astype(np.int64)
    above = np.minimum(below + 1, len(mesh.vertices) - 1)
    share = (place - below).astype(np.float32)[:, None, None]
    moved: np.ndarray = mesh.vertices[below] * (1 - share) + mesh.vertices[above] * share
    return moved
