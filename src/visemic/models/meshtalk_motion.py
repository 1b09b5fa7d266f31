"""A trained MeshTalk at work: sound to codes, codes to classes, classes to a moving face.

All of it goes in parts: recurrent layers hand their state on, the guesses are a stream, and the
second of sound around a frame is cut out where it is needed. An hour therefore takes the memory
of a few seconds, and gives what one piece would give. What runs the networks, torch or ONNX
Runtime, is behind four methods.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float32, Int16, Int64

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ClockError, InputError
from visemic.core.signals import Waveform
from visemic.models.meshtalk_front import Front, check_vertices
from visemic.models.meshtalk_sampler import ContextSampler
from visemic.models.meshtalk_window import (
    MESHTALK_RATE,
    Samples,
    cut_sound,
    leveled,
    sound_span,
    window_starts,
)

BLOCK_FRAMES = 120
"""Frames that go through the networks at once."""

Labels = Int16[np.ndarray, "frames heads"]
Vertices = Float32[np.ndarray, "frames vertices 3"]
Moving = Float32[np.ndarray, "frames vertices _"]
Codes = Float32[np.ndarray, "frames width"]
State = Any
"""Of a recurrent layer, handed from part to part; None before the first."""


class MeshTalkModel(ABC):
    """Networks with what stands before and after them.

    Args:
        front: What turns vertices into what the networks see.
        sampler: The guesses.
        topology: Name of the mesh.
        offset_samples: How much later than a frame's time it listens, see ``window_starts``.
    """

    def __init__(self, front: Front, sampler: ContextSampler, topology: str, offset_samples: int = 0) -> None:
        self.front, self.sampler = front, sampler
        self.topology, self.offset_samples = topology, offset_samples

    @property
    def heads(self) -> int:
        """Choices a frame."""
        return self.sampler.heads

    @property
    def classes(self) -> int:
        """Classes of each head."""
        return self.sampler.classes

    @abstractmethod
    def hear(self, samples: Samples, starts: Int64[np.ndarray, " frames"]) -> Codes:
        """Give the codes of frames whose seconds of sound begin at ``starts``."""

    @abstractmethod
    def watch(self, points: Float32[np.ndarray, "frames points 3"], state: State) -> tuple[Codes, State]:
        """Give the codes of a part of a moving face, and the state to go on with."""

    @abstractmethod
    def choose(
        self, expression: Float32[np.ndarray, "frames a"], sound: Float32[np.ndarray, "frames b"]
    ) -> Float32[np.ndarray, "frames heads classes"]:
        """Give log-probabilities of the classes."""

    @abstractmethod
    def draw_part(
        self, template: Float32[np.ndarray, "points 3"], labels: Labels, state: State
    ) -> tuple[Float32[np.ndarray, "frames points 3"], State]:
        """Give the points of a part of a clip, and the state to go on with."""

    def sound_codes(
        self, waveform: Waveform, n_frames: int | None = None
    ) -> Float32[np.ndarray, "frames width"]:
        """Give the code of the sound of every frame.

        Args:
            waveform: Any rate; it is brought to the level of the training.
            n_frames: None for as many as the sound is long.
        """
        sound = leveled(resample(waveform, SPEECH_RATE).samples)
        wanted = MESHTALK_RATE.count(waveform.duration_s) if n_frames is None else n_frames
        return sound_codes_of(self.hear, lambda a, n: cut_sound(sound, a, n), wanted, self.offset_samples)

    def expression_codes(
        self, vertices: Vertices, neutral: Float32[np.ndarray, "own_vertices 3"]
    ) -> Float32[np.ndarray, "frames width"]:
        """Give the code of the expression of every frame of a moving mesh.

        Args:
            vertices: Metres, 30 frames a second.
            neutral: The same face at rest.

        Raises:
            RigError: The mesh is of another topology.
        """
        blocks = (vertices[i : i + BLOCK_FRAMES] for i in range(0, len(vertices), BLOCK_FRAMES))
        return expression_codes_of(self.watch, (self.front.points(block, neutral) for block in blocks))

    def classes_of(
        self,
        expression_codes: Float32[np.ndarray, "frames expression_width"],
        sound_codes: Float32[np.ndarray, "as_many_frames width"],
    ) -> Labels:
        """Give the likeliest classes for both codes.

        Raises:
            ClockError: They differ in length.
        """
        if len(expression_codes) != len(sound_codes):
            raise ClockError(
                f"the expression has {len(expression_codes)} frames and the sound {len(sound_codes)}; "
                "cut the longer one"
            )
        return self.choose(expression_codes, sound_codes).argmax(-1).astype(np.int16)

    def guess(
        self, sound_codes: Float32[np.ndarray, "frames width"], *, temperature: float = 1.0, seed: int = 0
    ) -> Labels:
        """Give classes for sound alone; another seed is another upper face to the same words.

        Args:
            sound_codes: From ``sound_codes``.
            temperature: 0 for the likeliest classes, 1 for chance as trained.
            seed: Of the chance.
        """
        return self.sampler.sample(sound_codes, temperature=temperature, seed=seed)

    def draw_blocks(self, labels: Labels, neutral: Float32[np.ndarray, "vertices 3"]) -> Iterator[Vertices]:
        """Give the moving face that classes stand for, part by part.

        Args:
            labels: A class for every head of every frame.
            neutral: The face at rest that shall move, metres.

        Raises:
            RigError: The face is of another topology.
            InputError: A class or the number of heads is not of this model.
        """
        check_vertices(len(neutral), self.front.n_vertices)
        if labels.shape[1] != self.heads or (
            len(labels) and not 0 <= labels.min() <= labels.max() < self.classes
        ):
            raise InputError(
                f"codes of {labels.shape[1]} heads do not fit a model of {self.heads} heads with classes "
                f"0 to {self.classes - 1}; take codes of the same model"
            )
        template = self.front.points(neutral[None], neutral)[0]
        state: State = None
        for start in range(0, len(labels), BLOCK_FRAMES):
            points, state = self.draw_part(template, labels[start : start + BLOCK_FRAMES], state)
            yield self.front.vertices(points, neutral)

    def draw(self, labels: Labels, neutral: Float32[np.ndarray, "vertices 3"]) -> Vertices:
        """Give the whole moving face, metres, 30 frames a second; see ``draw_blocks``."""
        blocks = list(self.draw_blocks(labels, neutral))
        return np.concatenate(blocks) if blocks else np.zeros((0, *neutral.shape), np.float32)

    def generate(
        self,
        waveform: Waveform,
        neutral: Float32[np.ndarray, "vertices 3"],
        *,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> Vertices:
        """Give a face that speaks a sound; see ``guess`` and ``draw``."""
        return self.draw(self.guess(self.sound_codes(waveform), temperature=temperature, seed=seed), neutral)


def sound_codes_of(
    hear: Callable[[Samples, Int64[np.ndarray, " frames"]], Codes],
    read: Callable[[int, int], Samples],
    n_frames: int,
    offset_samples: int = 0,
) -> Float32[np.ndarray, "all width"]:
    """Give the codes of a clip's sound, which is read part by part.

    Args:
        hear: See ``MeshTalkModel.hear``.
        read: Gives so many samples from a first one on, at the right level, silent outside.
        n_frames: Of the clip, at least 1.
        offset_samples: See ``window_starts``.
    """
    starts = window_starts(n_frames, MESHTALK_RATE, offset_samples=offset_samples)
    parts = []
    for at in range(0, n_frames, BLOCK_FRAMES):
        own = starts[at : at + BLOCK_FRAMES]
        first, n_samples = sound_span(own)
        parts.append(hear(read(first, n_samples), own - first))
    return np.concatenate(parts)


def expression_codes_of(
    watch: Callable[[Float32[np.ndarray, "frames points 3"], State], tuple[Codes, State]],
    blocks: Iterator[Float32[np.ndarray, "frames points 3"]],
) -> Float32[np.ndarray, "all width"]:
    """Give the codes of a moving face that comes in parts, at least one.

    Args:
        watch: See ``MeshTalkModel.watch``.
        blocks: Points, see ``meshtalk_front``.
    """
    parts, state = [], None
    for block in blocks:
        codes, state = watch(block, state)
        parts.append(codes)
    return np.concatenate(parts)


def smoothed(
    vertices: Moving, mask: Float32[np.ndarray, " vertices"], *, sigma_frames: float = 2.0, reach: int = 4
) -> Moving:
    """Give a moving mesh smoothed over time where a mask says so; the ends are held.

    Args:
        vertices: Any unit.
        mask: 0 leaves a vertex as it is, 1 smooths it fully.
        sigma_frames: Spread of the Gaussian.
        reach: Frames before and after that count: the published filter has nine taps.

    Raises:
        RigError: The mask is for another mesh.
    """
    check_vertices(len(mask), vertices.shape[1])
    if not len(vertices):
        return vertices.copy()
    places = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 * (places / sigma_frames) ** 2)
    moved = np.flatnonzero(mask > 0)
    own = vertices[:, moved]
    held = np.pad(own, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    mean = np.zeros_like(own)
    for place, tap in enumerate(taps / taps.sum()):
        mean += np.float32(tap) * held[place : place + len(own)]
    out = vertices.copy()
    out[:, moved] += mask[moved][None, :, None] * (mean - own)
    return out
