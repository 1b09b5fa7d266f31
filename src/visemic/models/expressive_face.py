"""Instruction to performance, without PyTorch: words, a drawn style, and a face that speaks in it.

The model of one artefact of kind ``avi-style``: text encoder and diffusion prior turn an
instruction and a seed into a style; the generator turns sound and style into motion. Several
seeds give several performances, and the same seed gives the same one on any machine.
"""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.acting_grammar import write_instruction
from visemic.core.acting_note import ActingNote, Span
from visemic.core.artifact import ONNX, Artifact
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.hub import find_artifact
from visemic.core.layout import ARKIT_61
from visemic.core.onnx_session import open_session
from visemic.core.signals import Features, Motion, Waveform
from visemic.models.heard_phones import phonetic_network
from visemic.models.step_network import StepNetwork
from visemic.models.style_content import GENERATOR_RATE, speech_content
from visemic.models.style_schedule import draw_styles
from visemic.models.style_words import Vocabulary
from visemic.motion.acting_pose import envelopes
from visemic.motion.resample import resample

KIND = "avi-style"
TEXT_FILE, PRIOR_FILE, GENERATOR_FILE, ENCODER_FILE = (
    "text.onnx",
    "prior.onnx",
    "generator.onnx",
    "encoder.onnx",
)
MAX_GUIDANCE = 10.0
_BLOCK_FRAMES = 1_800
"""Frames that the generator makes at once: a minute."""


class ExpressiveFace:
    """A loaded model of stage two.

    Example:
        >>> from visemic.core.hub import find_artifact
        >>> face = ExpressiveFace(find_artifact("avi-style"))  # doctest: +SKIP
        >>> face.style_of("A very happy person speaks.", seed=1).shape  # doctest: +SKIP
        (128,)
    """

    def __init__(self, artifact: Artifact) -> None:
        """Load the networks of an artefact.

        Raises:
            ArtifactError: It is of another kind, or listens to another phonetic encoder.
        """
        info = artifact.info
        if info.kind != KIND:
            raise ArtifactError(f"model {info.name!r} is of kind {info.kind!r} and {KIND!r} is wanted")
        stated = info.normaliser
        self.name = info.name
        self.neutral_style = np.asarray(stated["neutral_style"], np.float32)
        """The calm style that residuals are measured from."""
        words = stated["words"]
        assert isinstance(words, list)
        self._words = Vocabulary(tuple(str(word) for word in words))
        self._max_words = int(str(stated["max_words"]))
        self._n_steps = int(str(stated["n_steps"]))
        self._tower = str(stated.get("tower", ""))
        self.reach_frames = int(str(stated["reach_frames"]))
        """Frames on either side that a frame of the generator depends on."""
        self._artifact = artifact
        self._sessions: dict[str, Any] = {}

    @cached_property
    def phonetic(self) -> StepNetwork:
        """The encoder that hears what is said.

        Raises:
            ArtifactError: It is not the one that the generator was trained with.
        """
        stated = self._artifact.info.normaliser
        encoder = find_artifact(str(stated["phonetic"]))
        if encoder.sha256[ONNX] != stated["phonetic_sha256"]:
            raise ArtifactError(
                f"model {self.name!r} was trained with another {str(stated['phonetic'])!r}; "
                "train it again or take the matching release"
            )
        return phonetic_network(encoder)

    def condition_of(self, instruction: str) -> Float32[np.ndarray, "1 style"]:
        """Give what an instruction says to the prior."""
        if self._tower:
            from visemic.core.extra import require_train

            require_train()
            from visemic.models.style_text import load_text_tower

            text: np.ndarray = load_text_tower(self._tower).embed([instruction]).numpy()
        else:
            text = self._words.encode([instruction], self._max_words)
        return self._run(TEXT_FILE, {"text": text})

    def style_of(
        self, instruction: str, *, seed: int, guidance: float = 1.0, steps: int = 10
    ) -> Float32[np.ndarray, " style"]:
        """Draw a style that fits an instruction.

        Args:
            instruction: A sentence of the closed grammar; words that are not known mean nothing.
            seed: Who performs: the same seed gives related performers for all instructions.
            guidance: 1 as trained, above exaggerates, 0 ignores the instruction.
            steps: Of the prior, 1 to 100.

        Returns:
            A vector of length 1.

        Raises:
            InputError: The guidance or the number of steps is out of range.
        """
        if not 0 <= guidance <= MAX_GUIDANCE:
            raise InputError(f"a guidance of {guidance:g} is not possible; give 0 to {MAX_GUIDANCE:g}")
        condition = self.condition_of(instruction)
        noise = np.random.default_rng(seed).normal(size=condition.shape).astype(np.float32)

        def predict(x: Float32[np.ndarray, "b s"], step: int, heard: bool) -> Float32[np.ndarray, "b s"]:
            given = {
                "noisy": x, "step": np.array([step], np.int64), "condition": condition,
                "heard": np.array([heard]),
            }  # fmt: skip
            return self._run(PRIOR_FILE, given)

        found = draw_styles(predict, noise, n_steps=self._n_steps, n_sampled=steps, guidance=guidance)[0]
        style: np.ndarray = found / max(float(np.linalg.norm(found)), 1e-6)
        return style.astype(np.float32)

    def style_of_motion(self, motion: Motion) -> Float32[np.ndarray, " style"]:
        """Give the style that somebody moves in: acting by example.

        Args:
            motion: Over the default layout; about three seconds say most.
        """
        values = resample(motion, GENERATOR_RATE).to_layout(ARKIT_61).values.astype(np.float32)
        length = int(self._session(ENCODER_FILE).get_inputs()[0].shape[1])
        firsts = np.linspace(0, max(0, len(values) - length), max(1, -(-len(values) // length))).astype(int)
        windows = np.zeros((len(firsts), length, values.shape[1]), np.float32)
        valid = np.zeros((len(firsts), length), bool)
        for window, there, first in zip(windows, valid, firsts, strict=True):
            part = values[first : first + length]
            window[: len(part)], there[: len(part)] = part, True
        mean = self._run(ENCODER_FILE, {"motion": windows, "valid": valid}).mean(axis=0)
        style: np.ndarray = mean / max(float(np.linalg.norm(mean)), 1e-6)
        return style.astype(np.float32)

    def styles_of_note(
        self,
        note: ActingNote,
        n_frames: int,
        rate: Rate,
        *,
        seed: int,
        guidance: float = 1.0,
        steps: int = 10,
    ) -> Float32[np.ndarray, "frames style"]:
        """Give a style for every frame: those of the spans, the calm one between, and soft edges.

        Args:
            note: Its spans.
            n_frames: Frames of the clip.
            rate: Frames a second.
            seed: Who performs, in all spans.
            guidance: As in ``style_of``.
            steps: As in ``style_of``.
        """
        weights = span_weights(note, n_frames, rate)
        rest = (1.0 - weights.sum(axis=1, keepdims=True)).astype(np.float32)
        styles = rest * self.neutral_style
        for column, span in enumerate(note.spans):
            style = self.style_of(instruction_of(span), seed=seed, guidance=guidance, steps=steps)
            styles = styles + weights[:, column : column + 1].astype(np.float32) * style
        return styles.astype(np.float32)

    def content_of(
        self, waveform: Waveform, prosody: Features | None = None
    ) -> Float32[np.ndarray, "frames content"]:
        """Give what is said in a sound, 30 times a second."""
        n_frames = max(2, GENERATOR_RATE.count(waveform.duration_s))
        return speech_content(waveform, self.phonetic, n_frames, prosody)

    def move(
        self, content: Float32[np.ndarray, "frames content"], styles: Float32[np.ndarray, "frames style"]
    ) -> Float32[np.ndarray, "frames channels"]:
        """Run the generator at its own 30 frames a second; a long clip in pieces that overlap."""
        n, reach = len(content), self.reach_frames
        parts = []
        for first in range(0, n, _BLOCK_FRAMES):
            stop = min(n, first + _BLOCK_FRAMES)
            low, high = max(0, first - reach), min(n, stop + reach)
            given = {"content": content[None, low:high], "style": styles[None, low:high]}
            parts.append(self._run(GENERATOR_FILE, given)[0, first - low : stop - low])
        return np.concatenate(parts)

    def generate(
        self, waveform: Waveform, styles_by_frame: Float32[np.ndarray, "frames style"], rate: Rate
    ) -> Float32[np.ndarray, "frames channels"]:
        """Give the face of a sound in given styles, over ``ARKIT_61``.

        Contacts are not imposed; weights lie within 0 and 1.

        Args:
            waveform: Sound of any rate.
            styles_by_frame: As ``styles_of_note`` gives them.
            rate: Of the styles and of the result.

        Returns:
            As many frames as there are styles.
        """
        content = self.content_of(waveform)
        at_s, frames_s = GENERATOR_RATE.times_s(len(content)), rate.times_s(len(styles_by_frame))
        nearest = np.clip(np.searchsorted(frames_s, at_s - 1e-9), 0, len(styles_by_frame) - 1)
        values = between(self.move(content, styles_by_frame[nearest]), frames_s)
        values[:, :52] = np.clip(values[:, :52], 0.0, 1.0)
        return values

    def _session(self, name: str) -> Any:
        if name not in self._sessions:
            self._sessions[name] = open_session(self._artifact.file(name))
        return self._sessions[name]

    def _run(self, name: str, given: dict[str, np.ndarray]) -> Float32[np.ndarray, "..."]:
        values: np.ndarray = self._session(name).run(None, given)[0]
        return values


def instruction_of(span: Span) -> str:
    """Give the sentence of a span without the words that nothing follows.

    What the grammar knows of a free text stands in the span's fields already; the rest, such as
    "not angry", must not pull the style anywhere.
    """
    return write_instruction(replace(span, unknown=()))


def span_weights(note: ActingNote, n_frames: int, rate: Rate) -> Float[np.ndarray, "frames spans"]:
    """Give how much each span of a note counts at every frame; what is left to 1 is the calm style."""
    times_s = rate.times_s(n_frames)
    weights = np.zeros((n_frames, len(note.spans)))
    for part in envelopes(note, times_s, n_frames / float(rate)):
        weights[part.rows, note.spans.index(part.span)] = part.values
    return weights


def between(
    values: Float32[np.ndarray, "steps channels"], times_s: Float[np.ndarray, " frames"]
) -> Float32[np.ndarray, "frames channels"]:
    """Give motion at some times, on straight lines between frames at ``GENERATOR_RATE``."""
    place = np.clip(times_s * float(GENERATOR_RATE), 0.0, len(values) - 1.0)
    low = np.minimum(place.astype(np.int64), max(0, len(values) - 2))
    high = np.minimum(low + 1, len(values) - 1)
    part = (place - low).astype(np.float32)[:, None]
    return values[low] * (1 - part) + values[high] * part
