"""MeshTalk as a model of motion: vertices of a head, solved to its weights, with lips that close.

The networks move a mesh. Its weights are solved for on the very head, frame by frame, so that
whatever takes weights takes this model too: every export, another head, contacts in millimetres.
Brows, lids and eyes are the model's own, drawn by chance or taken from another clip; the neck, which
no corpus of meshes holds, nods by rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int16

from visemic.core.artifact import Artifact
from visemic.core.clock import Rate
from visemic.core.errors import InputError, RigError
from visemic.core.hub import find_artifact
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Features, Motion, Waveform
from visemic.models.base import FaceControl
from visemic.models.heard_phones import hear_phones
from visemic.models.live_mouth import FIRST_MOUTH_S, MouthModel, load_live_mouth
from visemic.models.meshtalk_motion import MeshTalkModel, Vertices, smoothed
from visemic.models.meshtalk_onnx import MeshTalkOnnx
from visemic.models.meshtalk_tool import swapped_classes
from visemic.models.meshtalk_window import MESHTALK_RATE
from visemic.models.sound_face import HEARD
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.motion.heard_contacts import ContactGate
from visemic.motion.resample import resample
from visemic.rig.linear import Rig
from visemic.rig.readout import Readouts
from visemic.rig.registry import RIGS, load_rig
from visemic.rig.solve import WeightSolver
from visemic.text.phone_posterior import STEP_S

MOUTH_MODEL = "trunk-mouth"
"""Whose ears say where lips meet when nobody wrote down the words."""
_CALM = ("brow", "cheek", "nose")
"""Shapes that neither lips nor lids need quick: smoothed as the published vertices are."""
_HEAD_TURNS = ("headYaw", "headPitch", "headRoll")


@dataclass(frozen=True, eq=False)
class MeshTalkFace:
    """A trained MeshTalk ready for the head whose mesh it was trained on."""

    model: MeshTalkModel
    rig: Rig
    """Its built-in head, at whose weights it is solved."""
    ears: MouthModel
    rules: VisemeRules
    temperature: float = 1.0
    expression: Vertices | None = None
    """Moving vertices at 30 frames a second that the upper face follows; None draws it by chance."""

    @property
    def rate(self) -> Rate:
        """Frames a second of the expression that it takes."""
        return MESHTALK_RATE

    def with_expression(self, vertices: Vertices | None, temperature: float = 1.0) -> "MeshTalkFace":
        """Give the same model about to follow a clip's expression, or chance of another temperature.

        Args:
            vertices: Of the built-in head itself, metres, 30 frames a second, neck at rest; None leaves
                the upper face to chance.
            temperature: 0 for the likeliest face, 1 for chance as trained.

        Raises:
            RigError: The vertices are of another topology.
            InputError: There is no frame, or the temperature is negative.
        """
        if vertices is not None:
            if not len(vertices):
                raise InputError("the clip that gives the expression has 0 frames; give at least one")
            if vertices.shape[1] != self.model.front.n_vertices:
                raise RigError(
                    f"the clip that gives the expression has {vertices.shape[1]} vertices and the model "
                    f"moves {self.model.front.n_vertices}; give a clip of head {self.model.topology!r}"
                )
        self.model.sampler.open_stream(temperature=temperature)  # refuses what cannot be used
        return replace(self, expression=vertices, temperature=temperature)

    def hear(self, waveform: Waveform) -> Alignment:
        """Give the phones that are heard, by the ears of ``MOUTH_MODEL``."""
        return hear_phones(waveform, self.ears.network)

    def generate(
        self,
        waveform: Waveform,
        alignment: Alignment,
        prosody: Features | None,
        rate: Rate,
        control: FaceControl,
        generator: np.random.Generator,
    ) -> Motion:
        """Give the motion of a clip over the 52 shapes and the rotations of head and eyes.

        Args:
            waveform: The sound.
            alignment: Its phones, as for ``SoundFace.generate``.
            prosody: ``features.prosody`` of the same sound, or None.
            rate: Frames a second; the model has 30, others lie on straight lines between them.
            control: ``brows`` and ``gaze`` scale what the model does, ``blink`` 0 keeps its lids
                open, ``head`` is that of the rules.
            generator: Source of chance.

        Returns:
            ``rate.count(alignment.duration_s)`` frames.
        """
        seed = int(generator.integers(2**31))
        own = self._calmed(self._solved(self._classes(waveform, seed)))
        n = rate.count(alignment.duration_s)
        there = resample(own, rate)
        values = there.values[np.minimum(np.arange(n), there.n_frames - 1)]
        _scale(values, control)
        only_head = FaceControl(blink=0, brows=0, head=control.head, gaze=0)
        for part in self.rules.upper_face(alignment, prosody, rate.times_s(n), only_head, generator):
            for name in _HEAD_TURNS:
                if name in part:
                    values[:, ARKIT_61.index(name)] = part[name]
        if alignment.source == HEARD or not alignment.phones:
            return Motion(self._closed_where_heard(values, waveform, rate), ARKIT_61, rate)
        return self.rules.with_contacts(Motion(values, ARKIT_61, rate), alignment)

    def _classes(self, waveform: Waveform, seed: int) -> Int16[np.ndarray, "frames heads"]:
        if self.expression is not None:
            return swapped_classes(self.model, waveform, self.expression, self.rig.neutral)
        codes = self.model.sound_codes(waveform)
        return self.model.guess(codes, temperature=self.temperature, seed=seed)

    def _solved(self, labels: Int16[np.ndarray, "frames heads"]) -> Motion:
        solver = WeightSolver(self.rig)
        blocks: Iterator[Vertices] = self.model.draw_blocks(labels, self.rig.neutral)
        parts = [solver.solve(block, MESHTALK_RATE).values for block in blocks]
        return Motion(np.concatenate(parts), ARKIT_61, MESHTALK_RATE)

    def _calmed(self, motion: Motion) -> Motion:
        mask = np.array([name.startswith(_CALM) for name in ARKIT_61.names], np.float32)
        return Motion(smoothed(motion.values[:, :, None], mask)[:, :, 0], ARKIT_61, motion.rate)

    def _closed_where_heard(
        self, values: Float32[np.ndarray, "frames channels"], waveform: Waveform, rate: Rate
    ) -> Float32[np.ndarray, "frames channels"]:
        phones = self.ears.network.whole(waveform, ("phones",))["phones"]
        steps = ContactGate(self.ears.timing).push(phones)
        at_s, step_s = rate.times_s(len(values)), FIRST_MOUTH_S + STEP_S * np.arange(len(steps))
        openness = np.stack([np.interp(at_s, step_s, curve) for curve in steps.T], axis=1)
        return self.ears.with_heard_contacts(values, openness)


def _scale(values: Float32[np.ndarray, "frames channels"], control: FaceControl) -> None:
    """Scale what the model's upper face does, in place."""
    factors = {"brow": control.brows, "eyeBlink": float(control.blink > 0)}
    factors |= dict.fromkeys(("eyeLook", "leftEye", "rightEye"), control.gaze)
    for column, name in enumerate(ARKIT_61.names):
        for start, factor in factors.items():
            if name.startswith(start):
                values[:, column] *= np.float32(factor)
                if start in ("brow", "eyeLook"):
                    np.clip(values[:, column], 0, 1, out=values[:, column])


def load_meshtalk_face(artifact: Artifact, readouts: Readouts) -> MeshTalkFace:
    """Give the model of an artefact, ready for a head.

    A light model runs on ONNX Runtime; a full one needs PyTorch.

    Raises:
        RigError: It was trained on the mesh of no built-in head.
    """
    if "portable" in artifact.info.normaliser:
        model: MeshTalkModel = MeshTalkOnnx(artifact)
    else:
        from visemic.core.extra import require_train

        require_train()
        from visemic.models.meshtalk_store import load_meshtalk

        model = load_meshtalk(artifact.folder)
    if model.topology not in RIGS:
        raise RigError(
            f"model {artifact.info.name!r} moves mesh {model.topology!r}, which is no built-in head; "
            f"use it from Python, or train one on {RIGS[0]!r}"
        )
    ears = load_live_mouth(find_artifact(MOUTH_MODEL), readouts)
    rules = VisemeRules(VisemeRulesConfig(), readouts)
    return MeshTalkFace(model, load_rig(model.topology), ears, rules)
