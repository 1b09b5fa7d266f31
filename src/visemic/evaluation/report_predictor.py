"""The rows that every table has: the recording itself, another clip's, a still face, the rules.

A number without them says nothing: the first shows the metric's floor, the second its chance
level, the third what doing nothing is worth, the fourth what needs no training.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from visemic.core.errors import FormatError, InputError
from visemic.core.signals import SILENCE, Alignment, MeshMotion, Motion, Phone
from visemic.data.recording import Recording
from visemic.evaluation.report_clip import Moving, frames_of, recorded
from visemic.rig.linear import Rig, pose_motion

Predictor = Callable[[Recording], Motion | MeshMotion]
"""Gives the motion for a recording's sound and alignment; it must not look at the motion."""


@runtime_checkable
class TakePredictor(Protocol):
    """A predictor with chance: it can give another take of the same clip."""

    def __call__(self, recording: Recording) -> Moving:
        """Give the first take."""
        ...

    def take(self, recording: Recording, number: int) -> Moving:
        """Give a take by number; the first is 0."""
        ...


GROUND_TRUTH, PERMUTED, STATIC, RULES = "ground-truth", "permuted-track", "static-face", "rules"
RULES_MODEL = "viseme-rules"
ALWAYS = (GROUND_TRUTH, PERMUTED, STATIC, RULES)


@runtime_checkable
class Clips(Protocol):
    """Recordings by number, such as a store: one is in memory at a time."""

    def __len__(self) -> int:
        """Give the number of recordings."""
        ...

    def __getitem__(self, number: int) -> Recording:
        """Give a recording."""
        ...

    def __iter__(self) -> Iterator[Recording]:
        """Give all recordings."""
        ...


def static_face(recording: Recording) -> Moving:
    """Give a face at rest."""
    if recording.mesh is not None:
        assert recording.neutral is not None
        still = np.broadcast_to(recording.neutral, recording.mesh.vertices.shape).astype(np.float32)
        return MeshMotion(still, recording.mesh.topology, recording.rate)
    assert recording.motion is not None
    motion = recording.motion
    return Motion(np.zeros_like(motion.values), motion.layout, motion.rate)


def borrowed_track(lender: Recording, recording: Recording) -> Moving:
    """Give another clip's motion in the length and at the rate of this one, on this one's face.

    A lender that is too short runs back and forth, so that nothing jumps.

    Raises:
        FormatError: The two hold different things, or meshes of different topologies.
    """
    theirs, ours = recorded(lender), recorded(recording)
    times_s = recording.rate.times_s(frames_of(ours))
    rows = _back_and_forth(np.round(times_s * float(lender.rate)).astype(np.int64), frames_of(theirs))
    if isinstance(theirs, Motion) and isinstance(ours, Motion):
        return Motion(theirs.to_layout(ours.layout).values[rows], ours.layout, ours.rate)
    if (
        isinstance(theirs, MeshMotion)
        and isinstance(ours, MeshMotion)
        and theirs.vertices.shape[1] == ours.vertices.shape[1]
    ):
        assert lender.neutral is not None
        assert recording.neutral is not None
        moved = theirs.vertices[rows] - lender.neutral + recording.neutral
        return MeshMotion(moved.astype(np.float32), ours.topology, ours.rate)
    raise FormatError(f"clip {lender.clip_id} cannot lend its motion to {recording.clip_id}; mix no corpora")


class ModelPredictor:
    """A model on a head, a seed a take.

    A model that is driven by phones gets those of the clip's alignment, or else what the recogniser
    hears; a model that is driven by sound gets the sound alone, whatever is known of its words.
    Clips of the head's own mesh get the posed head, with the neck at rest and on the clip's face.
    """

    def __init__(self, name: str, rig: Rig, seed: int) -> None:
        from visemic.models.registry import load_model, load_sound_model, takes
        from visemic.rig.readout import fit_readouts

        self._name, self._rig, self._seed = name, rig, seed
        self._is_heard = takes(name) == "sound"
        load = load_sound_model if self._is_heard else load_model
        self._model: Any = load(name, fit_readouts(rig))

    def __call__(self, recording: Recording) -> Moving:
        """Give the first take."""
        return self.take(recording, 0)

    def take(self, recording: Recording, number: int) -> Moving:
        """Give a take by number; the first is 0."""
        if recording.mesh is not None and not _is_of(recording.mesh, self._rig):
            raise FormatError(
                f"{self._name} gives weights and the corpus holds meshes of topology "
                f"{recording.mesh.topology.name!r}; fit the corpus to a head"
            )
        motion = self._motion(recording, np.random.default_rng(self._seed + number))
        return motion if recording.mesh is None else _posed(motion, self._rig, recording)

    def _motion(self, recording: Recording, generator: np.random.Generator) -> Motion:
        from visemic.features.prosody import extract_prosody
        from visemic.models.base import FaceControl

        waveform, control = recording.waveform, FaceControl()
        prosody = None if waveform is None else extract_prosody(waveform)
        if not self._is_heard:
            driven: tuple[object, ...] = (_on_the_clips_clock(_phones(recording), recording.duration_s),)
        elif waveform is None:
            raise InputError(f"clip {recording.clip_id} has no sound and {self._name} takes nothing else")
        else:
            driven = waveform, _on_the_clips_clock(self._model.hear(waveform), recording.duration_s)
        made: Motion = self._model.generate(*driven, prosody, recording.rate, control, generator)
        return made


def model_predictor(name: str, rig: Rig, seed: int) -> ModelPredictor:
    """Give a model of the registry on a head.

    Raises:
        ArtifactError: There is no model of this name.
    """
    return ModelPredictor(name, rig, seed)


def _is_of(mesh: MeshMotion, rig: Rig) -> bool:
    return (mesh.topology.name, mesh.vertices.shape[1]) == (rig.topology.name, rig.n_vertices)


def _posed(motion: Motion, rig: Rig, recording: Recording) -> MeshMotion:
    """Give the head's vertices on the face of a clip of its mesh, the neck at rest."""
    assert recording.neutral is not None
    turns = rig.head.rotation_channels if rig.head is not None else ()
    values = motion.values.copy()
    values[:, [motion.layout.index(name) for name in turns if name in motion.layout]] = 0
    posed = pose_motion(rig, Motion(values, motion.layout, motion.rate))
    return MeshMotion(posed.vertices + (recording.neutral - rig.neutral), posed.topology, motion.rate)


def _phones(recording: Recording) -> Alignment:
    # An alignment of words alone says nothing of phones.
    if recording.alignment is not None and recording.alignment.phones:
        return recording.alignment
    if recording.waveform is None:
        raise InputError(f"clip {recording.clip_id} has neither phones nor sound; give one of them")
    from visemic.audio.recognise import recognise_phones

    return recognise_phones(recording.waveform, workers=1)


def _on_the_clips_clock(alignment: Alignment, duration_s: float) -> Alignment:
    """Give the alignment the length of the motion, so that frames come out equal in number."""
    phones = [replace(p, end_s=min(p.end_s, duration_s)) for p in alignment.phones if p.start_s < duration_s]
    end_s = phones[-1].end_s if phones else 0.0
    if duration_s - end_s > 1e-3:
        phones.append(Phone(SILENCE, end_s, duration_s))
    words = tuple(
        replace(w, end_s=min(w.end_s, duration_s)) for w in alignment.words if w.start_s < duration_s
    )
    return replace(alignment, phones=tuple(phones), words=words, duration_s=duration_s)


def _back_and_forth(rows: Int[np.ndarray, " frames"], n: int) -> Int[np.ndarray, " frames"]:
    if n == 1:
        return np.zeros_like(rows)
    turn = rows % (2 * n - 2)
    return np.where(turn < n, turn, 2 * n - 2 - turn)


def lenders(n_clips: int, seed: int) -> list[int]:
    """Give for every clip another one that lends its motion, each once.

    Raises:
        InputError: There are fewer than two clips.
    """
    if n_clips < 2:
        raise InputError(f"{n_clips} clips cannot be permuted, and chance is a row; give at least 2")
    order = np.random.default_rng(seed).permutation(n_clips)
    lender = np.empty(n_clips, dtype=int)
    lender[order] = np.roll(order, 1)
    return lender.tolist()
