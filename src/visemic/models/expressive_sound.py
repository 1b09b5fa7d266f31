"""A whole face that acts: the live mouth, the rules' small motions, and a learned performance.

The generator has learnt how a style changes a speaking face. What it makes of a style less what
it makes of calm ones, for the same words, is laid over the mouth that listens best and over
the rules' blinks, glances and nods. Contacts come last, on the very head.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Float32

from visemic.core.acting_grammar import write_instruction
from visemic.core.acting_note import ActingNote, Span
from visemic.core.artifact import Artifact
from visemic.core.clock import Rate
from visemic.core.hub import find_artifact
from visemic.core.layout import ARKIT_61
from visemic.core.signals import SILENCE, Alignment, Features, Motion, Waveform
from visemic.models.base import FaceControl
from visemic.models.expressive_face import (
    GENERATOR_RATE,
    ExpressiveFace,
    between,
    instruction_of,
    span_weights,
)
from visemic.models.sound_face import HEARD, SoundFace, load_sound_face
from visemic.models.viseme_segments import known_phones
from visemic.motion.acting import act, shown_contacts
from visemic.motion.contact_windows import ContactWindows, contact_windows, smoothstep
from visemic.motion.contacts import MIN_VOWEL_GAP_MM, impose_windows
from visemic.motion.emotion import LEVELS
from visemic.motion.heard_contacts import OWNERS
from visemic.motion.mouth import Mouth
from visemic.rig.readout import Readouts

MOUTH_MODEL = "trunk-mouth"
_SHAPES = 52
_JAW, _CLOSE = ARKIT_61.index("jawOpen"), ARKIT_61.index("mouthClose")
_CALM = write_instruction(Span(0.0, 0.0))
_N_CALM = 6
"""Calm performers whose mean a style is measured from: no one of them is everybody."""
_STILL = 1e-6
_FACTORS, _SHIFTS = (0.6, 1.4), (-0.05, 0.25)
"""Limits of what a style does to the jaw."""
_PARTS_MM = 0.2
"""A channel that parts the lips by more than this at weight 1 stays away from contacts."""
_SLOW_S = 0.12
_SPARED_S = 0.12
"""This near to speech a closure may belong to it."""


@dataclass(frozen=True, eq=False)
class ExpressiveSoundFace:
    """A model that takes a sound, and a note if there is one."""

    face: ExpressiveFace
    base: SoundFace
    note: ActingNote = field(default_factory=lambda: ActingNote(()))
    guidance: float = 1.0
    steps: int = 10

    def with_note(self, note: ActingNote, *, guidance: float = 1.0, steps: int = 10) -> "ExpressiveSoundFace":
        """Give the same model about to act a note.

        Args:
            note: On the sound's clock.
            guidance: 1 as trained, above exaggerates.
            steps: Of the prior.
        """
        return replace(self, note=note, guidance=guidance, steps=steps)

    def hear(self, waveform: Waveform) -> Alignment:
        """Give the phones that the model itself hears."""
        return self.base.hear(waveform)

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
            rate: Frames a second.
            control: Amplitudes of the upper face.
            generator: Source of chance: who performs, and when eyes blink.

        Returns:
            ``rate.count(alignment.duration_s)`` frames. Where no span is in force they are, bit for
            bit, those of the model of the mouth.
        """
        calm = self.base.generate(waveform, alignment, prosody, rate, control, generator)
        seed = int(generator.integers(2**31))
        if not self.note.spans:
            return calm
        note = self.note.within(calm.duration_s)
        added, touched = self.performance(waveform, note, calm.values, rate, seed=seed, prosody=prosody)
        if not touched.any():
            return calm
        return self._joined(calm, added, touched, note, alignment, seed)

    def performance(
        self,
        waveform: Waveform,
        note: ActingNote,
        calm: Float32[np.ndarray, "frames channels"],
        rate: Rate,
        *,
        seed: int,
        prosody: Features | None = None,
    ) -> tuple[Float32[np.ndarray, "frames channels"], Bool[np.ndarray, " frames"]]:
        """Give what a note adds to a calm face, and where it adds anything.

        Each span is performed on its own and then faded, so that a span that is edited changes no
        frame of another. The jaw opens as the calm one does, wider or less by what the style does to
        it; what closes lips over it is the contacts' affair.
        """
        n_frames = len(calm)
        added = np.zeros((n_frames, len(ARKIT_61)), np.float32)
        weights = span_weights(note, n_frames, rate)
        if not weights.any():
            return added, np.zeros(n_frames, bool)
        face = self.face
        content = face.content_of(waveform, prosody)
        calm_styles = [face.style_of(_CALM, seed=number) for number in range(_N_CALM)]
        times_s = rate.times_s(n_frames)
        for column, span in enumerate(note.spans):
            rows = np.flatnonzero(weights[:, column] > 0)
            if not len(rows):
                continue
            level, strength = levelled(span)
            style = face.style_of(instruction_of(level), seed=seed, guidance=self.guidance, steps=self.steps)
            low = max(0, int(times_s[rows[0]] * float(GENERATOR_RATE)) - face.reach_frames - 1)
            high = int(times_s[rows[-1]] * float(GENERATOR_RATE)) + face.reach_frames + 2
            part = content[low : max(high, low + 2)]
            ones = np.ones((len(part), 1), np.float32)
            styled = face.move(part, ones * style)
            plain = np.mean([face.move(part, ones * one) for one in calm_styles], axis=0)
            at_s = times_s[rows] - low / float(GENERATOR_RATE)
            moved = between(styled - plain, at_s)
            factor, shift = articulation(between(styled, at_s)[:, _JAW], between(plain, at_s)[:, _JAW])
            moved[:, _JAW] = (factor - 1.0) * calm[rows, _JAW] + shift
            moved[:, _CLOSE] = 0.0
            share = weights[rows, column : column + 1].astype(np.float32)
            added[rows] += share * np.float32(strength) * moved
        return added, np.any(weights, axis=1)

    def _joined(
        self,
        calm: Motion,
        added: Float32[np.ndarray, "frames channels"],
        touched: Bool[np.ndarray, " frames"],
        note: ActingNote,
        alignment: Alignment,
        seed: int,
    ) -> Motion:
        """Lay the performance over the calm face, close lips again, and add what a note says of manner."""
        mouth, postures = self.base.rules.mouth, self.base.rules.weights
        is_heard = alignment.source == HEARD or not alignment.phones
        if is_heard:
            # Nobody wrote the phones down: what the calm mouth closes stays closed.
            windows = shown_contacts(calm.values, mouth, silent_frames(alignment, calm.times_s))
        else:
            windows = contact_windows(known_phones(alignment), calm.rate, calm.n_frames)
        values = calm.values + added * _room_for_contacts(windows, mouth, float(calm.rate))
        values[:, :_SHAPES] = np.clip(values[:, :_SHAPES], 0.0, 1.0)
        if is_heard:
            values = impose_windows(values, windows, OWNERS, _parted(calm, mouth), mouth, postures)
        else:
            acted = Motion(values, calm.layout, calm.rate)
            values = self.base.rules.with_contacts(acted, alignment).values
        result = Motion(np.where(touched[:, None], values, calm.values), calm.layout, calm.rate)
        manner = manner_note(note)
        return act(result, manner, mouth, postures, alignment, seed=seed) if manner.spans else result


def levelled(span: Span) -> tuple[Span, float]:
    """Give a span at the nearest intensity that words were learnt for, and a factor for the rest.

    So an emotion grows evenly from nothing to all. Where action units are named, their words say how
    much, and the factor is 1.

    Example:
        >>> level, strength = levelled(Span(0.0, 1.0, "happy", 0.6))
        >>> level.intensity, round(strength, 3)
        (0.65, 0.923)
    """
    if span.emotion == "neutral":
        return span, 1.0
    level = min(LEVELS.values(), key=lambda one: abs(one - span.intensity))
    return replace(span, intensity=level), 1.0 if span.actions else span.intensity / level


def articulation(
    styled: Float32[np.ndarray, " frames"], plain: Float32[np.ndarray, " frames"]
) -> tuple[float, float]:
    """Give by what factor and what shift a style changes a curve of speech: least squares, within reason.

    Example:
        >>> plain = np.array([0.0, 0.2, 0.4], np.float32)
        >>> articulation(plain * np.float32(1.25), plain)
        (1.25, 0.0)
    """
    spread = float(np.mean((plain - plain.mean()) ** 2))
    together = float(np.mean((styled - styled.mean()) * (plain - plain.mean())))
    factor = float(np.clip(together / spread if spread > _STILL else 1.0, *_FACTORS))
    shift = float(np.clip(styled.mean() - factor * plain.mean(), *_SHIFTS))
    return round(factor, 4), round(shift, 4)


def _room_for_contacts(
    windows: ContactWindows, mouth: Mouth, rate_hz: float
) -> Float32[np.ndarray, "frames channels"]:
    """Give how much of a performance each channel keeps: what parts lips stays away from contacts.

    Lips and jaw come and go as fast as contacts do; nose and cheeks take their time.
    """
    contact = np.maximum(windows.openness["seal"], windows.openness["labiodental"])
    reach = max(1, round(_SLOW_S * rate_hz))
    ramp = smoothstep(1.0 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1))
    padded = np.pad(contact, reach)
    slow = np.max([share * padded[i : i + len(contact)] for i, share in enumerate(ramp)], axis=0)
    kept = np.ones((len(contact), len(ARKIT_61)), np.float32)
    for column, name in enumerate(ARKIT_61.names[:_SHAPES]):
        if mouth.slope_mm("lip_gap", name) > _PARTS_MM or name.startswith("mouthStretch"):
            kept[:, column] = 1.0 - (contact if name.startswith(("jaw", "mouth")) else slow)
    return kept


def silent_frames(alignment: Alignment, times_s: Float[np.ndarray, " frames"]) -> Bool[np.ndarray, " frames"]:
    """Give the frames in which nobody speaks, but for the moments beside speech."""
    silent = np.zeros(len(times_s), bool)
    for phone in alignment.phones:
        if phone.label == SILENCE and phone.duration_s > 2 * _SPARED_S:
            silent |= (times_s > phone.start_s + _SPARED_S) & (times_s < phone.end_s - _SPARED_S)
    return silent


def _parted(calm: Motion, mouth: Mouth) -> Float[np.ndarray, " frames"]:
    """Give where the calm mouth parts its lips: no style closes them there."""
    gap_mm = mouth.measure_mm("lip_gap", calm.values.astype(float)) - max(mouth.rest_mm["lip_gap"], 0.0)
    return smoothstep((gap_mm - MIN_VOWEL_GAP_MM) / MIN_VOWEL_GAP_MM)


def manner_note(note: ActingNote) -> ActingNote:
    """Give what a note says of gaze, head, blinks and brows alone: the additive layer follows it."""
    spans = (replace(span, emotion="neutral", intensity=0.0, actions=()) for span in note.spans)
    kept = [s for s in spans if s.gaze or s.head or s.blink is not None or s.brows is not None]
    return replace(note, spans=tuple(kept))


def load_expressive_face(artifact: Artifact, readouts: Readouts) -> ExpressiveSoundFace:
    """Give the model of an artefact, ready for a head."""
    return ExpressiveSoundFace(
        ExpressiveFace(artifact), load_sound_face(find_artifact(MOUTH_MODEL), readouts)
    )
