"""Vocoders run by ONNX Runtime: log-mel in, sound out, whole or piece by piece.

A recording is a stream pushed in one piece. Networks always run on pieces of the same sizes,
cut by the number of frames since the start and not by what was pushed, so a stream gives the
samples of the whole bit for bit, has no seams, and memory does not grow with the text.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from visemic.core.artifact import Artifact, check_feature
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.hub import find_artifact
from visemic.core.onnx_session import open_session
from visemic.core.signals import Waveform
from visemic.features.voice_mel import VOICE_MEL_NAME, VOICE_MEL_VERSION
from visemic.models.source_filter import WINDOWS_PER_FRAME, SourceFilter

SPECTRAL, HIFI_GAN = "spectral-vocoder", "hifi-gan"
"""Kinds of artefacts that are vocoders."""
STATE, NEW_STATE = "state_", "new_state_"
BLOCK_FRAMES = 16
"""Frames that the spectral vocoder takes at once: 0.2 s."""
PIECE_FRAMES = 40
"""Frames that HiFi-GAN gives at once, beside its context."""
LATE_FRAMES = 3
"""Frames of voicing that must be known beyond a frame before its samples are whole."""
_LEAD_FRAMES = 64
"""Frames of silence that stand before every sound, more than the network sees back."""

Samples = Float32[np.ndarray, " samples"]
Mel = Float32[np.ndarray, "frames mels"]


@runtime_checkable
class VocoderStream(Protocol):
    """One voice: frames in, samples out as soon as they are known."""

    def push(self, mel: Mel) -> Samples:
        """Take frames and give the samples that they complete.

        Raises:
            InputError: They have another number of mels or are not finite.
        """
        ...

    def close(self) -> Samples:
        """Give the samples of the end: in all ``samples_per_frame`` for every frame."""
        ...


@runtime_checkable
class Vocoder(Protocol):
    """A loaded vocoder; any number of streams may run on it."""

    @property
    def rate(self) -> Rate:
        """Samples a second."""
        ...

    @property
    def samples_per_frame(self) -> int:
        """Samples that every frame becomes."""
        ...

    def open_stream(self) -> VocoderStream:
        """Start speaking."""
        ...


def load_vocoder(name: str | Path, *, threads: int = 1) -> "SpectralSession | HifiGanSession":
    """Load a vocoder.

    Args:
        name: Of a vocoder that visemic brings, of one on the hub, or the folder that training wrote.
        threads: That it runs on.

    Raises:
        ArtifactError: There is no such vocoder, or it hears another spectrum than ``voice_mel``.
    """
    artifact = find_artifact(str(name))
    info = artifact.info
    if info.kind not in (SPECTRAL, HIFI_GAN):
        raise ArtifactError(
            f"model {info.name!r} is a {info.kind!r} and no vocoder; choose a {SPECTRAL!r} or a {HIFI_GAN!r}"
        )
    check_feature(info, VOICE_MEL_NAME, int(VOICE_MEL_VERSION))
    session = open_session(artifact.file("model.onnx"), threads)
    rate = Rate.of(int(info.rates_hz["samples"]))
    number = _numbers(artifact)
    hop = int(number("samples_per_frame"))
    if info.kind == SPECTRAL:
        scale = (number("offset"), number("scale"))
        return SpectralSession(session, rate, hop, int(number("delay_frames")), *scale)
    return HifiGanSession(session, rate, hop, int(number("context_frames")))


def waveform_from_mel(vocoder: Vocoder, mel: Mel) -> Waveform:
    """Give the sound of a whole log-mel, ``samples_per_frame`` samples a frame.

    Raises:
        InputError: It has another number of mels or is not finite.
    """
    stream = vocoder.open_stream()
    return Waveform(np.concatenate([stream.push(mel), stream.close()]), vocoder.rate)


@dataclass(frozen=True, eq=False)
class SpectralSession:
    """The spectral vocoder: a network says how the voice sounds, ``SourceFilter`` makes the sound."""

    session: Any
    rate: Rate
    samples_per_frame: int
    delay_frames: int
    """Frames by which what the network says comes late."""
    offset: float
    """Taken from the mel before it is scaled: silence."""
    scale: float

    def open_stream(self) -> "SpectralStream":
        """Start speaking out of silence."""
        return SpectralStream(self)


class SpectralStream:
    """One voice on the spectral vocoder."""

    def __init__(self, vocoder: SpectralSession) -> None:
        self._vocoder = vocoder
        inputs = vocoder.session.get_inputs()
        self._n_mels = int(inputs[0].shape[-1])
        self._state = {
            i.name: np.zeros((1, *i.shape[1:]), np.float32) for i in inputs if i.name.startswith(STATE)
        }
        hop = vocoder.samples_per_frame
        self._source = SourceFilter(hop, float(vocoder.rate))
        self._waiting = np.zeros((0, self._n_mels), np.float32)
        self._n_left = 0
        """Samples owed for the frames that came."""
        # Sound starts one window after the first frame, and silence stands before what is wanted.
        self._n_skipped = (_LEAD_FRAMES + vocoder.delay_frames) * hop - hop // WINDOWS_PER_FRAME
        self._run(np.zeros((_LEAD_FRAMES, self._n_mels), np.float32))

    def push(self, mel: Mel) -> Samples:
        """Take frames and give the samples that they complete."""
        _check(mel, self._n_mels)
        self._n_left += len(mel) * self._vocoder.samples_per_frame
        return self._run((mel - np.float32(self._vocoder.offset)) * np.float32(self._vocoder.scale))

    def close(self) -> Samples:
        """Give the samples of the end, into silence."""
        needed = len(self._waiting) + self._vocoder.delay_frames + LATE_FRAMES
        n_blocks = -(-needed // BLOCK_FRAMES)
        quiet = np.zeros((n_blocks * BLOCK_FRAMES - len(self._waiting), self._n_mels), np.float32)
        return self._run(quiet)

    def _run(self, scaled: Mel) -> Samples:
        frames = np.concatenate([self._waiting, scaled])
        n_ready = len(frames) // BLOCK_FRAMES * BLOCK_FRAMES
        self._waiting = frames[n_ready:]
        parts = [np.zeros(0, np.float32)]
        for first in range(0, n_ready, BLOCK_FRAMES):
            sound = self._source.push(self._rows(frames[first : first + BLOCK_FRAMES]))
            n_skipped = min(self._n_skipped, len(sound))
            self._n_skipped -= n_skipped
            parts.append(sound[n_skipped:][: self._n_left])
            self._n_left -= len(parts[-1])
        return np.concatenate(parts)

    def _rows(self, block: Mel) -> Float32[np.ndarray, "frames row"]:
        values = self._vocoder.session.run(None, {"mel": block[None], **self._state})
        # The rows come first; new states follow in the order of the states.
        self._state = dict(zip(self._state, values[1:], strict=True))
        rows: Float32[np.ndarray, "frames row"] = values[0][0]
        return rows


@dataclass(frozen=True, eq=False)
class HifiGanSession:
    """HiFi-GAN's generator, run on pieces with as much around them as their samples depend on."""

    session: Any
    rate: Rate
    samples_per_frame: int
    context_frames: int
    """Frames on either side that are heard but not given."""

    def open_stream(self) -> "HifiGanStream":
        """Start speaking."""
        return HifiGanStream(self)


class HifiGanStream:
    """One voice on HiFi-GAN."""

    def __init__(self, vocoder: HifiGanSession) -> None:
        self._vocoder = vocoder
        self._n_mels = int(vocoder.session.get_inputs()[0].shape[1])
        self._frames = np.zeros((0, self._n_mels), np.float32)
        self._before = 0
        """Frames at the start of those kept that were given already."""

    def push(self, mel: Mel) -> Samples:
        """Take frames and give the samples that they complete."""
        _check(mel, self._n_mels)
        context = self._vocoder.context_frames
        self._frames = np.concatenate([self._frames, mel])
        parts = [np.zeros(0, np.float32)]
        while len(self._frames) - self._before >= PIECE_FRAMES + context:
            parts.append(self._give(PIECE_FRAMES, context))
            kept = min(context, self._before + PIECE_FRAMES)
            self._frames = self._frames[self._before + PIECE_FRAMES - kept :]
            self._before = kept
        return np.concatenate(parts)

    def close(self) -> Samples:
        """Give the samples of the end."""
        left = len(self._frames) - self._before
        sound = self._give(left, 0) if left else np.zeros(0, np.float32)
        self._frames, self._before = self._frames[:0], 0
        return sound

    def _give(self, n_frames: int, context: int) -> Samples:
        piece = self._frames[: self._before + n_frames + context]
        sound = self._vocoder.session.run(None, {"mel": np.ascontiguousarray(piece.T)[None]})[0].reshape(-1)
        hop = self._vocoder.samples_per_frame
        given: Samples = sound[self._before * hop : (self._before + n_frames) * hop]
        return given


def _check(mel: np.ndarray, n_mels: int) -> None:
    if mel.ndim != 2 or mel.shape[1] != n_mels or not np.isfinite(mel).all():
        raise InputError(
            f"a mel of shape {mel.shape} does not fit the vocoder; give finite frames of {n_mels} mels"
        )


def _numbers(artifact: Artifact) -> Any:
    def number(name: str) -> float:
        value = artifact.info.normaliser.get(name)
        if not isinstance(value, int | float):
            raise ArtifactError(
                f"vocoder {artifact.info.name!r} does not state {name!r}; train it again with this version"
            )
        return float(value)

    return number
