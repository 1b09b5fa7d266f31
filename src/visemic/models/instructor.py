"""Speech to an acting note with the weights that ship: no torch, no server, no network.

The sound is heard as a whole, cut where the speaker pauses, and each part gets a sentence of its
own, written under the grammar and read back as a span.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int

from visemic.core.acting_grammar import parse_instruction
from visemic.core.acting_note import ActingNote, Span
from visemic.core.action_units import EMOTION_NAMES
from visemic.core.artifact import Artifact, check_feature
from visemic.core.errors import ArtifactError
from visemic.core.hub import find_artifact
from visemic.core.onnx_session import open_session
from visemic.core.signals import Alignment, Waveform
from visemic.models.heard_phones import phonetic_network
from visemic.models.instruction_decode import LIKELIEST, Draw, most_agreed, write_sentences
from visemic.models.instruction_hearing import HEARING_RATE, NAME, VERSION, Heard, hear
from visemic.models.instruction_scale import AtRest, HearingScale, at_rest_of
from visemic.models.instruction_words import WORDS, text_of
from visemic.models.speech_parts import Part, parts_of_alignment, parts_of_speech

KIND = "avi-instruction"
LISTEN_FILE, WRITE_FILE, WORDS_FILE = "listen.onnx", "write.onnx", "words.safetensors"
_PHONETIC = "phonetic"


class Instructor:
    """Writes acting notes for speech.

    Args:
        artifact: Of kind ``avi-instruction``.
        draw: How sentences are drawn; None takes the likeliest word every time, which was right more
            often on validation clips than the most agreed of eight draws.
        threads: Threads of each network.

    Raises:
        ArtifactError: It is of another kind, hears something else, or was made for other words.
    """

    def __init__(self, artifact: Artifact, *, draw: Draw | None = None, threads: int = 1) -> None:
        info = artifact.info
        if info.kind != KIND:
            raise ArtifactError(f"model {info.name!r} is of kind {info.kind!r}; give one of {KIND!r}")
        check_feature(info, NAME, VERSION)
        normaliser: dict[str, Any] = dict(info.normaliser)
        if normaliser.get("encoder") != _PHONETIC:
            raise ArtifactError(
                f"model {info.name!r} hears with {normaliser.get('encoder')!r}; "
                f"only {_PHONETIC!r} needs no torch, give a model that was trained with it"
            )
        if tuple(normaliser.get("words", ())) != WORDS:
            raise ArtifactError(
                f"model {info.name!r} was trained on other words of acting; take the matching release"
            )
        self.name = info.name
        self._scale = HearingScale.from_dict(normaliser)
        self._draw = draw or LIKELIEST
        self._phonetic = phonetic_network(find_artifact(_PHONETIC))
        self._listen = open_session(artifact.file(LISTEN_FILE), threads)
        self._write = open_session(artifact.file(WRITE_FILE), threads)
        self._words = artifact.tensors(WORDS_FILE)["words"].astype(np.float32)

    def instruct(
        self,
        waveform: Waveform,
        alignment: Alignment | None = None,
        text: str | None = None,
        *,
        at_rest: Waveform | None = None,
        seed: int = 0,
    ) -> ActingNote:
        """Write a note for speech of any rate.

        Args:
            waveform: The speech; at least one sample.
            alignment: Where its pauses are, when that is known; otherwise they are heard.
            text: What is said. It is not read: this model goes by the voice alone, and words that
                say how to act must not act.
            at_rest: The same speaker without feeling, recorded alike. Without it the model must
                guess what is the speaker's habit and what is feeling.
            seed: Of the draw.

        Returns:
            Spans in time order; parts that say the same and follow one another are one. A sound
            without speech gives no span.

        Raises:
            AudioError: The waveform is empty.
        """
        heard = hear(waveform, self._phonetic)
        duration_s = waveform.duration_s
        if alignment is not None:
            parts = parts_of_alignment(alignment, duration_s)
        else:
            parts = parts_of_speech(heard.speech, heard.curves, duration_s)
        if not parts:
            return ActingNote((), self.name)
        rest = None if at_rest is None else at_rest_of([hear(at_rest, self._phonetic)])
        spans = self.spans_of([_cut(heard, part) for part in parts], rest, seed=seed)
        placed = [
            replace(span, start_s=part.start_s, end_s=part.end_s)
            for span, part in zip(spans, parts, strict=True)
        ]
        return ActingNote(tuple(_joined(placed)), self.name)

    def spans_of(self, heard: list[Heard], at_rest: AtRest | None = None, *, seed: int = 0) -> list[Span]:
        """Write a span without a place in time for each sound.

        Args:
            heard: At least one, each of at least one frame.
            at_rest: The voice without feeling, the same for all.
            seed: Of the draw.
        """
        prompts = self.listened(heard, at_rest)["prompts"]
        draw, n = self._draw, len(heard)
        rows = np.repeat(prompts, draw.n_samples, axis=0)
        rng = np.random.default_rng(seed)
        found = write_sentences(_Reader(self._write, self._words, rows).read, len(rows), draw, rng)
        spans = [parse_instruction(text_of(tokens)) for tokens, _ in found]
        scores = [score for _, score in found]
        chosen = []
        for number in range(n):
            own = slice(number * draw.n_samples, (number + 1) * draw.n_samples)
            chosen.append(spans[own][most_agreed(spans[own], scores[own], draw)])
        return chosen

    def listened(
        self, heard: list[Heard], at_rest: AtRest | None = None
    ) -> dict[str, Float32[np.ndarray, "..."]]:
        """Give what the listening half says of sounds: prompts, likelihoods of emotion and level, caption."""
        frames = [self._scale.frames(h.frames(), at_rest) for h in heard]
        longest = max(map(len, frames))
        padded = np.stack([np.pad(f, ((0, longest - len(f)), (0, 0))) for f in frames]).astype(np.float32)
        valid = np.arange(longest)[None] < np.array([len(f) for f in frames])[:, None]
        whole = np.stack([self._scale.whole(h.described(), at_rest) for h in heard])
        outputs = self._listen.run(None, {"frames": padded, "whole": whole, "valid": valid})
        return {o.name: v for o, v in zip(self._listen.get_outputs(), outputs, strict=True)}

    def likeliest_emotion(self, heard: Heard) -> str:
        """Give the emotion that the listening half hears at a glance, before any word is written."""
        return EMOTION_NAMES[int(self.listened([heard])["emotion"][0].argmax())]


class _Reader:
    """The small writer with what it has read so far."""

    def __init__(
        self, session: Any, words: Float32[np.ndarray, "words width"], prompts: Float32[np.ndarray, "b q d"]
    ) -> None:
        self._session, self._words, self._prompts = session, words, prompts
        shape = session.get_inputs()[1].shape
        self._past = np.zeros((shape[0], 2, len(prompts), shape[3], 1, shape[5]), np.float32)
        self._is_first = True

    def read(self, tokens: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows words"]:
        rows = self._words[tokens][:, None]
        if self._is_first:
            rows, self._is_first = np.concatenate([self._prompts, rows], axis=1), False
        logits, self._past = self._session.run(None, {"rows": rows, "past": self._past})
        return logits


def _cut(heard: Heard, part: Part) -> Heard:
    n = len(heard.curves)
    first = min(int(part.start_s * float(HEARING_RATE)), n - 1)
    return heard.part(first, max(first + 1, min(n, round(part.end_s * float(HEARING_RATE)))))


def _joined(spans: list[Span]) -> list[Span]:
    """Join neighbours that say the same."""
    found: list[Span] = []
    for span in spans:
        before = found[-1] if found else None
        if before is not None and replace(before, start_s=span.start_s, end_s=span.end_s) == span:
            found[-1] = replace(before, end_s=span.end_s)
        else:
            found.append(span)
    return found
