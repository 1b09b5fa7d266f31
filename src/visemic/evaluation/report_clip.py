"""One clip under comparison: what was recorded, what was predicted, and on which face.

Motion of weights is posed on a head, moving meshes are taken as they are; past this noun every
metric sees the same curves, vertices and read-outs, and says so when one of them is not there.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from visemic.core.errors import ClockError, FormatError, LayoutError, RigError
from visemic.core.layout import Layout
from visemic.core.signals import SILENCE, MeshMotion, Motion
from visemic.data.recording import MAX_GAP_S, Recording
from visemic.evaluation.metrics import landmark_tracks_m
from visemic.evaluation.metrics_mesh import MM, mean_vertex_error_mm, region_vertices
from visemic.evaluation.protocol import Protocol
from visemic.rig.linear import Rig, pose
from visemic.rig.readout import Readouts, fit_readouts, readout_index

Moving = Motion | MeshMotion
RIG_MASKS = ("lips", "upper_face")
_BLOCK_FRAMES = 64


class Stage:
    """The head and the sets of vertices on which everything is measured.

    Weights are posed by blendshapes only: metrics are of the face, not of the neck. Only the
    vertices that a metric asks for are posed, so that minutes of motion fit into memory.
    """

    def __init__(self, protocol: Protocol, rig: Rig) -> None:
        """Find the regions of a head.

        Raises:
            RigError: The head lacks the landmarks of the read-outs.
        """
        self.protocol, self.rig = protocol, rig
        self.readouts: Readouts = fit_readouts(rig)
        skin = region_vertices(rig, "skin") if "skin" in rig.regions else np.arange(rig.n_vertices)
        self.neutral = np.ascontiguousarray(rig.neutral[skin])
        """The face at rest, metres."""
        self._skin = np.ascontiguousarray(rig.offsets[:, skin])
        chosen = {name: region_vertices(rig, name) for name in RIG_MASKS if name in rig.regions}
        self._regions = {
            name: (rig.neutral[v], np.ascontiguousarray(rig.offsets[:, v])) for name, v in chosen.items()
        }

    def region_neutral(self, name: str) -> Float[np.ndarray, "vertices 3"] | None:
        """Give a region at rest, metres; None if the head has none of this name."""
        return self._regions[name][0] if name in self._regions else None

    def region(self, motion: Motion, name: str) -> Float[np.ndarray, "frames vertices 3"]:
        """Give the moving vertices of a region, metres."""
        return pose(*self._regions[name], motion.to_layout(self.rig.layout).values)

    def mean_distance_m(self, predicted: Motion, target: Motion) -> float:
        """Give the mean distance over frames and all vertices of the skin, metres.

        The neutral cancels: the difference of two poses is the pose of the weights' difference.
        """
        away = predicted.to_layout(self.rig.layout).values - target.to_layout(self.rig.layout).values
        still, total = np.zeros_like(self.neutral), 0.0
        for start in range(0, len(away), _BLOCK_FRAMES):
            moved = pose(still, self._skin, away[start : start + _BLOCK_FRAMES])
            total += float(np.sqrt(np.einsum("fvi,fvi->fv", moved, moved)).mean(1).sum(dtype=float))
        return total / len(away)


@dataclass(frozen=True, eq=False)
class RegionPair:
    """Some vertices of a prediction and of its recording."""

    predicted: Float[np.ndarray, "frames vertices 3"]
    target: Float[np.ndarray, "frames vertices 3"]
    neutral: Float[np.ndarray, "vertices 3"]

    @property
    def all(self) -> Int[np.ndarray, " vertices"]:
        """Number of every vertex, for metrics that take a set."""
        return np.arange(len(self.neutral))


@dataclass(frozen=True, eq=False)
class ClipPair:
    """A prediction beside its recording, cut to a common length."""

    predicted: Moving
    recording: Recording
    stage: Stage

    @cached_property
    def target(self) -> Moving:
        """What was recorded, cut to the length of the prediction."""
        return cut(recorded(self.recording), frames_of(self.predicted))

    @property
    def n_frames(self) -> int:
        """Frames that are compared."""
        return frames_of(self.predicted)

    def curves(self, moving: Moving) -> Float[np.ndarray, "frames channels"] | None:
        """Give the protocol's channels that were recorded; None for a mesh or when there are none."""
        layout = self.curve_layout
        if layout is None or not isinstance(moving, Motion):
            return None
        return moving.to_layout(layout).values

    @cached_property
    def curve_layout(self) -> Layout | None:
        """The protocol's channels that the recording has."""
        if self.recording.motion is None:
            return None
        has = self.recording.motion.layout
        names = tuple(n for n in self.stage.protocol.channels if n in has)
        return Layout("measured", names) if names else None

    @property
    def neutral(self) -> Float[np.ndarray, "vertices 3"]:
        """The face at rest, metres."""
        return self.stage.neutral if self.recording.neutral is None else self.recording.neutral

    def mask(self, name: str) -> Int[np.ndarray, " chosen"] | None:
        """Give a set of vertices that the protocol names for this mesh; None for weights."""
        if self.recording.mesh is None:
            return None
        mask = self.stage.protocol.mask(name, self.recording.mesh.topology.name)
        return None if mask is None else mask.indices()

    @cached_property
    def _regions(self) -> dict[str, "RegionPair | None"]:
        return {}

    def region(self, name: str) -> "RegionPair | None":
        """Give a region in both motions and at rest; None when nobody named it."""
        if name not in self._regions:
            self._regions[name] = self._cut_region(name)
        return self._regions[name]

    def release(self) -> None:
        """Forget posed regions: they are the bulk of a pair, and only metrics need them."""
        self._regions.clear()

    def _cut_region(self, name: str) -> "RegionPair | None":
        ours, theirs = self.predicted, self.target
        if isinstance(ours, Motion) and isinstance(theirs, Motion):
            neutral, stage = self.stage.region_neutral(name), self.stage
            if neutral is None:
                return None
            return RegionPair(stage.region(ours, name), stage.region(theirs, name), neutral)
        chosen = self.mask(name)
        if chosen is None or isinstance(ours, Motion) or isinstance(theirs, Motion):
            return None
        return RegionPair(ours.vertices[:, chosen], theirs.vertices[:, chosen], self.neutral[chosen])

    @cached_property
    def mean_distance_m(self) -> float:
        """Mean distance over frames and vertices of the face, metres."""
        if isinstance(self.predicted, Motion) and isinstance(self.target, Motion):
            return self.stage.mean_distance_m(self.predicted, self.target)
        assert isinstance(self.predicted, MeshMotion)
        assert isinstance(self.target, MeshMotion)
        return mean_vertex_error_mm(self.predicted.vertices, self.target.vertices) / MM

    def readout_mm(self, moving: Moving, name: str) -> Float[np.ndarray, " frames"] | None:
        """Give a read-out of the head; None for a mesh."""
        if not isinstance(moving, Motion):
            return None
        weights = moving.to_layout(self.stage.readouts.layout).values.astype(float)
        return self.stage.readouts.measure_mm(weights)[:, readout_index(name)]

    def landmarks(self, moving: Moving) -> Float[np.ndarray, "frames points 2"] | None:
        """Give the protocol's landmarks as seen from the front, metres.

        For a mesh the masks ``landmarks`` name the vertices in the same order.
        """
        if isinstance(moving, Motion):
            return landmark_tracks_m(moving, self.stage.rig, self.stage.protocol.landmarks)
        chosen = self.mask("landmarks")
        return None if chosen is None else moving.vertices[:, chosen, :2].astype(float)

    @cached_property
    def is_silent(self) -> Bool[np.ndarray, " frames"] | None:
        """Frames in which nobody speaks, from phones, words or else the sound; None without any."""
        times_s = np.arange(self.n_frames) / float(self.recording.rate)
        known = self.recording.alignment
        if known is not None and known.phones:
            spoken = [(p.start_s, p.end_s) for p in known.phones if p.label != SILENCE]
        elif known is not None and known.words:
            spoken = [(w.start_s, w.end_s) for w in known.words]
        elif self.recording.waveform is not None:
            from visemic.audio.activity import detect_speech

            spoken = [(s.start_s, s.end_s) for s in detect_speech(self.recording.waveform)]
        else:
            return None
        silent = np.ones(self.n_frames, bool)
        for start_s, end_s in spoken:
            silent[(times_s >= start_s) & (times_s < end_s)] = False
        return silent


def recorded(recording: Recording) -> Moving:
    """Give what moves in a recording: its mesh, or else its weights."""
    if recording.mesh is not None:
        return recording.mesh
    assert recording.motion is not None
    return recording.motion


def frames_of(moving: Moving) -> int:
    """Give the number of frames."""
    return moving.n_frames if isinstance(moving, Motion) else len(moving.vertices)


def cut(moving: Moving, n_frames: int) -> Moving:
    """Give the first frames."""
    if frames_of(moving) == n_frames:
        return moving
    if isinstance(moving, Motion):
        return Motion(moving.values[:n_frames], moving.layout, moving.rate)
    return MeshMotion(moving.vertices[:n_frames], moving.topology, moving.rate)


def pair_clip(predicted: Moving, recording: Recording, stage: Stage) -> ClipPair:
    """Put a prediction beside its recording, both cut to the shorter.

    Raises:
        FormatError: Weights were predicted for a mesh, or a mesh for weights.
        ClockError: The rates differ, or the lengths by more than half a second.
        RigError: Meshes of two topologies.
        LayoutError: A prediction is not finite.
    """
    target, clip = recorded(recording), recording.clip_id
    if isinstance(predicted, Motion) != isinstance(target, Motion):
        ours, theirs = ("weights", "a mesh") if isinstance(predicted, Motion) else ("a mesh", "weights")
        raise FormatError(f"the prediction for clip {clip} is {ours} and the clip is {theirs}; convert one")
    if predicted.rate != recording.rate:
        raise ClockError(
            f"motion was predicted at {predicted.rate} for clip {clip} at {recording.rate}; "
            "resample it with visemic.motion.resample"
        )
    if isinstance(predicted, MeshMotion) and isinstance(target, MeshMotion):
        given, wanted = predicted.vertices.shape[1], target.vertices.shape[1]
        if given != wanted:
            raise RigError(
                f"{given} vertices were predicted for the {wanted} of clip {clip}; use one topology"
            )
    n_given, n_wanted = frames_of(predicted), frames_of(target)
    if min(n_given, n_wanted) == 0 or abs(n_given - n_wanted) > MAX_GAP_S * float(recording.rate):
        raise ClockError(
            f"{n_given} frames were predicted for the {n_wanted} of clip {clip}; predict its length"
        )
    values = predicted.values if isinstance(predicted, Motion) else predicted.vertices
    if not np.isfinite(values).all():
        raise LayoutError(f"a predicted value of clip {clip} is not a finite number; check the model")
    return ClipPair(cut(predicted, min(n_given, n_wanted)), recording, stage)
