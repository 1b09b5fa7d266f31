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
from visemic.evaluation.metrics_mesh import region_vertices
from visemic.evaluation.protocol import Protocol
from visemic.rig.linear import Rig, pose
from visemic.rig.readout import Readouts, fit_readouts, readout_index

Moving = Motion | MeshMotion
RIG_MASKS = ("lips", "upper_face", "eyelids")


class Stage:
    """The head and the sets of vertices on which everything is measured."""

    def __init__(self, protocol: Protocol, rig: Rig) -> None:
        """Cut a head to its face, so that hair, teeth and eyes cost nothing.

        Raises:
            RigError: The head lacks a region that the metrics need.
        """
        self.protocol, self.rig = protocol, rig
        self.readouts: Readouts = fit_readouts(rig)
        skin = region_vertices(rig, "skin") if "skin" in rig.regions else np.arange(rig.n_vertices)
        place = np.full(rig.n_vertices, -1)
        place[skin] = np.arange(len(skin))
        self.neutral = np.ascontiguousarray(rig.neutral[skin])
        self.offsets = np.ascontiguousarray(rig.offsets[:, skin])
        self.regions: dict[str, Int[np.ndarray, " chosen"]] = {}
        for name in RIG_MASKS:
            if name in rig.regions:
                chosen = place[region_vertices(rig, name)]
                self.regions[name] = chosen[chosen >= 0]

    def vertices(self, motion: Motion) -> Float[np.ndarray, "frames vertices 3"]:
        """Pose the face by its blendshapes only: metrics are of the face, not of the neck."""
        return pose(self.neutral, self.offsets, motion.to_layout(self.rig.layout).values)


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

    def vertices(self, moving: Moving) -> Float[np.ndarray, "frames vertices 3"]:
        """Give positions in metres, of the head's face or of the mesh."""
        return moving.vertices if isinstance(moving, MeshMotion) else self.stage.vertices(moving)

    @cached_property
    def predicted_vertices(self) -> Float[np.ndarray, "frames vertices 3"]:
        """Positions of the prediction, metres."""
        return self.vertices(self.predicted)

    @cached_property
    def target_vertices(self) -> Float[np.ndarray, "frames vertices 3"]:
        """Positions of the recording, metres."""
        return self.vertices(self.target)

    @property
    def neutral(self) -> Float[np.ndarray, "vertices 3"]:
        """The face at rest, metres."""
        return self.stage.neutral if self.recording.neutral is None else self.recording.neutral

    def region(self, name: str) -> Int[np.ndarray, " chosen"] | None:
        """Give a set of vertices of this face, None when nobody named it."""
        if self.recording.mesh is None:
            return self.stage.regions.get(name)
        mask = self.stage.protocol.mask(name, self.recording.mesh.topology.name)
        return None if mask is None else mask.indices()

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
        chosen = self.region("landmarks")
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
