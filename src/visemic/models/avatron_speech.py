"""Avatron at work: text in; mel, motion and alignment out, sentence by sentence, without torch.

The text piece says how long each symbol lasts; the plan makes whole frames of that; the frames
piece makes mel and the face piece motion of the same frames. A vocoder turns the mel into sound,
200 samples a frame.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from visemic.core.artifact import Artifact
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError, unknown_name
from visemic.core.onnx_session import open_session
from visemic.core.signals import SILENCE, Alignment, Phone, Word
from visemic.models.avatron_text import (
    SYMBOLS,
    Utterance,
    check_symbols,
    phone_classes,
    read_script,
    symbol_numbers,
)
from visemic.models.avatron_timing import (
    at_times,
    duration_of,
    spoken_frames,
    symbol_of_frame,
    video_places,
)

VOICE_KIND, KIND = "avatron-voice", "avatron"
TEXT_FILE, FRAMES_FILE, FACE_FILE = "text.onnx", "frames.onnx", "face.onnx"


@dataclass(frozen=True, eq=False)
class SpokenSentence:
    """One sentence in time."""

    utterance: Utterance
    mel: Float32[np.ndarray, "frames mels"]
    motion: Float32[np.ndarray, "video outputs"] | None
    """Weights or metres as the model gives them; None of a voice without a face."""
    alignment: Alignment
    """From the sentence's own start; its duration is that of the mel's sound."""


@dataclass(frozen=True, eq=False)
class SentencePlan:
    """A sentence whose frames are decided."""

    utterance: Utterance
    frames: Int64[np.ndarray, " symbols"]
    pitch: Float32[np.ndarray, " symbols"]
    energy: Float32[np.ndarray, " symbols"]
    states: Float32[np.ndarray, "symbols channels"]


class AvatronSpeech:
    """A trained Avatron, with or without a face."""

    def __init__(self, artifact: Artifact, *, threads: int = 1, face: bool = True) -> None:
        """Load the pieces.

        Args:
            artifact: Of kind ``avatron`` or ``avatron-voice``.
            threads: Threads of each piece.
            face: Give motion too, if it has a face.

        Raises:
            ArtifactError: It is of another kind or was trained on other symbols.
        """
        info = artifact.info
        if info.kind not in (KIND, VOICE_KIND):
            raise ArtifactError(f"model {info.name!r} is of kind {info.kind!r}; give one of {KIND!r}")
        self.name = info.name
        normaliser: Mapping[str, Any] = info.normaliser
        check_symbols(normaliser.get("symbols", []), info.name)
        self.styles = {k: np.array(v, np.float32) for k, v in normaliser["styles"].items()}
        """Manner of each speaker."""
        self.face_styles: tuple[str, ...] = tuple(normaliser.get("face_styles", ()))
        """Manners of moving."""
        has_face = face and "motion" in info.rates_hz
        self.rate = Rate.of(info.rates_hz["motion"]) if has_face else None
        """Video frames a second that the face was trained at."""
        self._text = open_session(artifact.file(TEXT_FILE), threads)
        self._frames = open_session(artifact.file(FRAMES_FILE), threads)
        self._face = open_session(artifact.file(FACE_FILE), threads) if has_face else None

    def plan(
        self,
        script: Sequence[Utterance],
        *,
        speaker: str = "",
        tempo: float = 1.0,
        duration_s: float | None = None,
    ) -> list[SentencePlan]:
        """Decide the frames of every sentence of a text.

        Args:
            script: From ``avatron_text.read_script``.
            speaker: Whose manner; "" takes the first.
            tempo: Speed of the whole, 0.5 half to 2 double; the marks of the text come on top.
            duration_s: Length of the whole in seconds; None leaves it to the voice.

        Raises:
            InputError: A speaker is unknown, a tempo out of range, the length out of reach, or a sentence
                too long for the memory.
        """
        if not script:
            raise InputError("a script of 0 sentences cannot be spoken; give at least one")
        style = self._style(speaker)
        heard = [
            _outputs(self._text, {"symbols": symbol_numbers(u.symbols, SYMBOLS)[None], "style": style}, u)
            for u in script
        ]
        frames = spoken_frames(
            np.concatenate([out[0][0] for out in heard]),
            np.concatenate([u.is_pause for u in script]),
            tempo=np.concatenate([np.array(u.tempo) for u in script]) * tempo,
            fixed_s=np.concatenate([u.fixed for u in script]),
            duration_s=duration_s,
        )
        cuts = np.cumsum([len(u.symbols) for u in script])[:-1]
        return [
            SentencePlan(utterance, part, out[1][0], out[2][0], out[3][0])
            for utterance, part, out in zip(script, np.split(frames, cuts), heard, strict=True)
        ]

    def render(
        self, plan: SentencePlan, rate: Rate | None = None, *, speaker: str = "", face_style: str = ""
    ) -> SpokenSentence:
        """Give mel, motion and alignment of a planned sentence.

        Args:
            plan: From ``plan``.
            rate: Video frames a second; None takes the face's own.
            speaker: Whose manner; "" takes the first.
            face_style: Whose manner of moving; "" takes the first.

        Raises:
            InputError: A speaker or a style is unknown, or the sentence is too long for the memory.
        """
        owner = symbol_of_frame(plan.frames)
        inputs = {
            "states": plan.states[None],
            "style": self._style(speaker),
            "pitch": plan.pitch[None],
            "energy": plan.energy[None],
            "symbol_of_frame": owner[None],
        }
        (mel,) = _outputs(self._frames, inputs, plan.utterance)
        motion = None
        if self._face is not None and self.rate is not None:
            before, share = video_places(len(owner), self.rate)
            after = np.minimum(before + 1, len(owner) - 1)
            inputs = {
                "states": plan.states[None],
                "classes": phone_classes(plan.utterance.symbols)[None],
                "face_style": self._face_style(face_style),
                "before": owner[before][None],
                "after": owner[after][None],
                "share": share[None],
            }
            (moved,) = _outputs(self._face, inputs, plan.utterance)
            # It learnt at its own rate: at another one the same movement is seen, not another made.
            wanted = rate or self.rate
            motion = at_times(moved[0], self.rate, wanted.times_s(wanted.count(duration_of(len(owner)))))
        return SpokenSentence(plan.utterance, mel[0], motion, alignment_of(plan.utterance, plan.frames))

    def speak(
        self,
        text: str,
        rate: Rate | None = None,
        *,
        speaker: str = "",
        face_style: str = "",
        tempo: float = 1.0,
        duration_s: float | None = None,
    ) -> Iterator[SpokenSentence]:
        """Give the sentences of a text one by one; memory is that of one sentence.

        Args:
            text: As written, with marks of tempo or without.
            rate: Video frames a second; None takes the face's own.
            speaker: Whose manner; "" takes the first.
            face_style: Whose manner of moving; "" takes the first.
            tempo: Speed, 0.5 half to 2 double.
            duration_s: Length of the whole in seconds; None leaves it to the voice.

        Raises:
            TextError: Nothing can be pronounced, or a mark cannot be followed.
            InputError: A name is unknown, a tempo out of range, or the length out of reach.
        """
        plans = self.plan(read_script(text), speaker=speaker, tempo=tempo, duration_s=duration_s)
        for plan in plans:
            yield self.render(plan, rate, speaker=speaker, face_style=face_style)

    def _style(self, speaker: str) -> Float32[np.ndarray, "1 channels"]:
        if speaker and speaker not in self.styles:
            raise InputError(unknown_name("speaker", speaker, self.styles))
        return self.styles[speaker or next(iter(self.styles))][None]

    def _face_style(self, face_style: str) -> Float32[np.ndarray, "1 styles"]:
        if face_style and face_style not in self.face_styles:
            raise InputError(unknown_name("face style", face_style, self.face_styles))
        chosen = self.face_styles.index(face_style) if face_style else 0
        return np.eye(len(self.face_styles), dtype=np.float32)[chosen : chosen + 1]


def _outputs(session: Any, inputs: Mapping[str, np.ndarray], utterance: Utterance) -> Sequence[Any]:
    """Run a piece on a sentence; memory that is not there is the user's to mend, not a bug."""
    try:
        outputs: Sequence[Any] = session.run(None, inputs)
    except Exception as error:  # onnxruntime has no common class of its errors
        if not isinstance(error, MemoryError) and not type(error).__module__.startswith("onnxruntime"):
            raise
        n_words = len(utterance.words)
        raise InputError(
            f"a sentence of {n_words} word{'s' * (n_words != 1)} from {utterance.words[0]!r} on cannot be "
            "spoken in the memory there is; cut it into shorter sentences or free some memory"
        ) from error
    return outputs


def alignment_of(utterance: Utterance, frames: Int64[np.ndarray, " symbols"]) -> Alignment:
    """Give phones and words of a sentence on the clock of its sound."""
    ends_s = [duration_of(int(end)) for end in np.cumsum(frames)]
    starts_s = [0.0, *ends_s[:-1]]
    phones = tuple(
        Phone(SILENCE if is_pause else symbol, start, end)
        for symbol, is_pause, start, end in zip(
            utterance.symbols, utterance.is_pause, starts_s, ends_s, strict=True
        )
        if end > start
    )
    words = _written_words(utterance, starts_s, ends_s)
    text = " ".join(word.text for word in words)
    return Alignment(phones, words, text, ends_s[-1] if ends_s else 0.0)


def _written_words(
    utterance: Utterance, starts_s: Sequence[float], ends_s: Sequence[float]
) -> tuple[Word, ...]:
    """Give written words in time: those spoken for one token, as ``$5``, are one."""
    tokens = utterance.token_of_word or tuple(range(len(utterance.words)))
    spoken = utterance.spoken or utterance.words
    words: dict[int, Word] = {}
    for place, number in enumerate(utterance.word_of_symbol):
        if number < 0:
            continue
        token = tokens[number]
        said = " ".join(w for w, t in zip(spoken, tokens, strict=True) if t == token)
        first = words.get(token, Word(utterance.words[number], starts_s[place], 0.0, said))
        words[token] = replace(first, end_s=ends_s[place])
    return tuple(
        replace(word, spoken="" if word.spoken == word.text.lower() else word.spoken)
        for word in words.values()
    )
