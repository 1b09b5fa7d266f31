"""The rows of the comparison: everything that can make a held-out clip's face speak, by one interface."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.core.acting_note import ActingNote
from visemic.core.artifact import Artifact
from visemic.core.hub import find_artifact
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion
from visemic.data.recording import Recording
from visemic.evaluation.avi_clip import JudgedClip, JudgedSet, note_within
from visemic.models.base import FaceControl
from visemic.models.expressive_face import ExpressiveFace
from visemic.models.expressive_sound import MOUTH_MODEL, ExpressiveSoundFace
from visemic.models.instruction_rules import instruct_by_rules
from visemic.models.instructor import Instructor
from visemic.models.registry import RULES_MODEL, load_model
from visemic.models.sound_face import SoundFace, load_sound_face
from visemic.models.viseme_accents import vocal_effort
from visemic.motion.acting import act
from visemic.motion.resample import resample
from visemic.rig.readout import Readouts

Performer = Callable[[JudgedClip, int], Motion]
"""Takes a clip and a seed; gives motion of the clip's length over the default layout."""

RECORDING, BORROWED = "ground-truth", "another clip's face"
AVI_AT_REST = "AVI-Talking, voice at rest known"
AVI, AVI_TRUE, AVI_MEAN = "AVI-Talking", "AVI-Talking, true instruction", "mean style, true instruction"
RULES, RULES_TRUE = "rules + acting layer", "rules + acting layer, true instruction"
CALM, CALM_RULES = "trunk-mouth, no emotion", "rules, no emotion"
CALM_ACTED = "trunk-mouth + acting layer, true instruction"
_DRAWS_OF_A_MEAN = 16


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    given: str
    """What it is told besides nothing: for readers of the table."""
    perform: Performer
    is_drawn: bool = False
    """Whether several seeds give several performances on purpose."""


class MeanStyleFace(ExpressiveFace):
    """The model without chance: the mean of many drawn styles in the place of one."""

    def style_of(
        self, instruction: str, *, seed: int, guidance: float = 1.0, steps: int = 10
    ) -> Float32[np.ndarray, " style"]:
        """Give the mean style of an instruction, the same for every seed."""
        draws = [
            super(MeanStyleFace, self).style_of(instruction, seed=k, guidance=guidance, steps=steps)
            for k in range(_DRAWS_OF_A_MEAN)
        ]
        mean: np.ndarray = np.mean(draws, axis=0)
        unit: np.ndarray = mean / max(float(np.linalg.norm(mean)), 1e-6)
        return unit.astype(np.float32)


class Cast:
    """All performers on one head.

    Args:
        readouts: Of the head.
        style: Artefact of stage two; None leaves its rows out.
        instructor: Stage one; None leaves the row of heard instructions out.
    """

    def __init__(self, readouts: Readouts, style: Artifact | None, instructor: Instructor | None) -> None:
        self.instructor = instructor
        self.base: SoundFace = load_sound_face(find_artifact(MOUTH_MODEL), readouts)
        self.rules: Any = load_model(RULES_MODEL, readouts)
        self.acting = None if style is None else ExpressiveSoundFace(ExpressiveFace(style), self.base)
        self._mean = None if style is None else ExpressiveSoundFace(MeanStyleFace(style), self.base)
        self._heard: dict[str, Alignment] = {}
        self._notes: dict[tuple[str, bool], ActingNote] = {}

    def rows(self) -> list[Row]:
        """Give the rows that can be made, those of AVI-Talking first."""
        rows = []
        if self.acting is not None:
            if self.instructor is not None:
                rows += [
                    Row(AVI, "sound", self._avi_heard, True),
                    Row(AVI_AT_REST, "sound, calm sound", self._avi_at_rest),
                ]
            rows += [
                Row(AVI_TRUE, "sound, caption", lambda c, s: self._avi(self.acting, c, c.true_note, s), True),
                Row(AVI_MEAN, "sound, caption", lambda c, s: self._avi(self._mean, c, c.true_note, s)),
            ]
        rows += [
            Row(RULES, "phones, sound", lambda c, s: self.rules_with_words(c, ruled(c), s)),
            Row(
                RULES_TRUE,
                "phones, caption",
                lambda c, s: self.rules_with_words(c, c.true_note, s),
            ),
            Row(CALM_ACTED, "sound, caption", self._calm_acted),
            Row(CALM, "sound", self.calm),
            Row(CALM_RULES, "phones", self._by_rules),
        ]
        return rows

    def heard(self, clip: JudgedClip) -> Alignment:
        """Give the phones that the mouth hears itself."""
        if clip.clip_id not in self._heard:
            self._heard[clip.clip_id] = self.base.hear(clip.waveform)
        return self._heard[clip.clip_id]

    def instructed(self, clip: JudgedClip, *, at_rest: bool = False) -> ActingNote:
        """Give the note that stage one writes for a clip's sound, with the actor's calm voice or without."""
        assert self.instructor is not None
        key = clip.clip_id, at_rest
        if key not in self._notes:
            rest = clip.at_rest if at_rest else None
            self._notes[key] = self.instructor.instruct(clip.waveform, self.heard(clip), at_rest=rest)
        return self._notes[key]

    def with_words(self, clip: JudgedClip, note: ActingNote, seed: int) -> Motion:
        """Act a note where the phones of the script are known, so that every closure is imposed."""
        assert self.acting is not None
        made = self.acting.with_note(note_within(note, clip.alignment.duration_s)).generate(
            clip.waveform, clip.alignment, clip.prosody, clip.motion.rate, FaceControl(), _chance(seed)
        )
        return fitted(made, clip.motion)

    def rules_with_words(self, clip: JudgedClip, note: ActingNote, seed: int) -> Motion:
        """Lay a note over the rules."""
        return self._acted(self._by_rules(clip, seed), clip, note, clip.alignment, seed)

    def calm(self, clip: JudgedClip, seed: int) -> Motion:
        """Move the mouth by its sound, and nothing by a feeling."""
        made = self.base.generate(
            clip.waveform, self.heard(clip), clip.prosody, clip.motion.rate, FaceControl(), _chance(seed)
        )
        return fitted(made, clip.motion)

    def _avi(self, face: ExpressiveSoundFace | None, clip: JudgedClip, note: ActingNote, seed: int) -> Motion:
        assert face is not None
        heard = self.heard(clip)
        made = face.with_note(note_within(note, heard.duration_s)).generate(
            clip.waveform, heard, clip.prosody, clip.motion.rate, FaceControl(), _chance(seed)
        )
        return fitted(made, clip.motion)

    def _avi_heard(self, clip: JudgedClip, seed: int) -> Motion:
        return self._avi(self.acting, clip, self.instructed(clip), seed)

    def _avi_at_rest(self, clip: JudgedClip, seed: int) -> Motion:
        return self._avi(self.acting, clip, self.instructed(clip, at_rest=True), seed)

    def _by_rules(self, clip: JudgedClip, seed: int) -> Motion:
        made = self.rules.generate(
            clip.alignment, clip.prosody, clip.motion.rate, FaceControl(), _chance(seed)
        )
        return fitted(made, clip.motion)

    def _calm_acted(self, clip: JudgedClip, seed: int) -> Motion:
        return self._acted(self.calm(clip, seed), clip, clip.true_note, self.heard(clip), seed)

    def _acted(
        self, base: Motion, clip: JudgedClip, note: ActingNote, alignment: Alignment, seed: int
    ) -> Motion:
        return act(
            base,
            note_within(note, base.duration_s),
            self.rules.mouth,
            self.rules.weights,
            alignment,
            effort=vocal_effort(clip.alignment, clip.prosody, base.times_s),
            seed=seed,
        )


def ruled(clip: JudgedClip) -> ActingNote:
    """Give the note that rules write for a clip's voice and words."""
    return instruct_by_rules(clip.alignment, clip.prosody, text=clip.recording.text or None)


def recorded_rows(judged: JudgedSet) -> list[Row]:
    """Give the actors themselves, and as chance the face of another judged clip under the sound."""
    clips = judged.clips
    following = {clip.clip_id: clips[(n + len(clips) // 2) % len(clips)] for n, clip in enumerate(clips)}
    return [
        Row(RECORDING, "", lambda clip, seed: fitted(clip.motion, clip.motion)),
        Row(BORROWED, "", lambda clip, seed: fitted(following[clip.clip_id].motion, clip.motion)),
    ]


def other_row(name: str, move: Callable[[Recording], Motion]) -> Row:
    """Give the row of another model."""
    return Row(name, "sound or phones", lambda clip, seed: fitted(move(clip.recording), clip.motion))


def fitted(motion: Motion, like: Motion) -> Motion:
    """Give a motion the layout, rate and length of another; it stands still at the end, or is cut."""
    values = resample(motion, like.rate).to_layout(ARKIT_61).values
    rows = np.minimum(np.arange(like.n_frames), len(values) - 1)
    return Motion(values[rows].astype(np.float32), ARKIT_61, like.rate)


def _chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
