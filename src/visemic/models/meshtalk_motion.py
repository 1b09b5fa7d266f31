"""A trained MeshTalk at work: sound to codes, codes to classes, classes to a moving face.

All of it goes in parts: recurrent layers hand their state on, the guesses are a stream, and the
second of sound around a frame is cut out where it is needed. An hour therefore takes the memory
of a few seconds, and gives what one piece would give.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float32, Int16, Int64

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ClockError, InputError
from visemic.core.signals import Waveform
from visemic.models.meshtalk import MeshTalk, State, one_hot_codes
from visemic.models.meshtalk_context import ContextModel
from visemic.models.meshtalk_front import Front, check_vertices
from visemic.models.meshtalk_sampler import ContextSampler
from visemic.models.meshtalk_sound import WINDOW_SAMPLES, leveled, window_starts

MESHTALK_RATE = Rate.of(30)
"""Frames a second of the published data; what else comes in is brought to it."""
BLOCK_FRAMES = 120
"""Frames that go through the networks at once."""
_GRID_SAMPLES = 160
_MARGIN_SAMPLES = 1_600
"""Sound beyond the first and last window, so that no window meets a mirrored end."""

Labels = Int16[np.ndarray, "frames heads"]
Vertices = Float32[np.ndarray, "frames vertices 3"]
Samples = Float32[np.ndarray, " _"]


def sound_span(starts: Int64[np.ndarray, " frames"]) -> tuple[int, int]:
    """Give first sample and number of samples that frames need, on a grid that all clips share.

    The number depends on the number of frames only, so that clips stack.
    """
    first = (int(starts[0]) - _MARGIN_SAMPLES) // _GRID_SAMPLES * _GRID_SAMPLES
    longest = -(-(len(starts) - 1) * SPEECH_RATE.hz // MESHTALK_RATE.hz) + 1
    n_samples = int(longest) + WINDOW_SAMPLES + 2 * _MARGIN_SAMPLES + _GRID_SAMPLES
    return first, -(-n_samples // _GRID_SAMPLES) * _GRID_SAMPLES


def cut_sound(samples: Samples, first: int, n_samples: int) -> Samples:
    """Give a part of a sound, silent outside of it."""
    part = np.zeros(n_samples, np.float32)
    start, stop = max(0, first), min(len(samples), first + n_samples)
    if stop > start:
        part[start - first : stop - first] = samples[start:stop]
    return part


@dataclass(frozen=True, eq=False)
class MeshTalkModel:
    """Networks in evaluation mode with what stands before and after them."""

    network: MeshTalk
    context: ContextModel
    front: Front
    topology: str
    """Name of the mesh."""
    offset_samples: int = 0
    """How much later than a frame's time it listens, see ``window_starts``."""

    @cached_property
    def sampler(self) -> ContextSampler:
        """The fast form of the context model."""
        return ContextSampler(self.context)

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
        return sound_codes_of(self.network, lambda a, n: cut_sound(sound, a, n), wanted, self.offset_samples)

    def expression_codes(self, vertices: Vertices) -> Float32[np.ndarray, "frames width"]:
        """Give the code of the expression of every frame of a moving mesh, metres, 30 frames a second.

        Raises:
            RigError: The mesh is of another topology.
        """
        blocks = (vertices[i : i + BLOCK_FRAMES] for i in range(0, len(vertices), BLOCK_FRAMES))
        return expression_codes_of(self.network, (self.front.points(block) for block in blocks))

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
        with torch.no_grad():
            logprobs = self.network.encoder.fusion_model(
                torch.from_numpy(expression_codes)[None], torch.from_numpy(sound_codes)[None]
            )
        return logprobs[0].argmax(-1).numpy().astype(np.int16)

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
        config = self.network.config
        if labels.shape[1] != config.heads or (
            len(labels) and not 0 <= labels.min() <= labels.max() < config.classes
        ):
            raise InputError(
                f"codes of {labels.shape[1]} heads do not fit a model of {config.heads} heads with classes "
                f"0 to {config.classes - 1}; take codes of the same model"
            )
        template = torch.from_numpy(self.front.points(neutral[None]))
        state: State | None = None
        for start in range(0, len(labels), BLOCK_FRAMES):
            one_hot = one_hot_codes(torch.from_numpy(labels[start : start + BLOCK_FRAMES]), config.classes)
            with torch.no_grad():
                points, state = self.network.vertex_unet(template, one_hot[None], state)
            yield self.front.vertices(points[0].numpy(), neutral)

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
    network: MeshTalk, read: Callable[[int, int], Samples], n_frames: int, offset_samples: int = 0
) -> Float32[np.ndarray, "frames width"]:
    """Give the codes of a clip's sound, which is read part by part.

    Args:
        network: In evaluation mode.
        read: Gives so many samples from a first one on, at the right level, silent outside.
        n_frames: Of the clip.
        offset_samples: See ``window_starts``.
    """
    starts = window_starts(n_frames, MESHTALK_RATE, offset_samples=offset_samples)
    parts = [np.zeros((0, network.config.audio_dim), np.float32)]
    for at in range(0, n_frames, BLOCK_FRAMES):
        own = starts[at : at + BLOCK_FRAMES]
        first, n_samples = sound_span(own)
        sound = torch.from_numpy(read(first, n_samples))[None]
        with torch.no_grad():
            codes = network.encoder.audio_encoder(sound, torch.from_numpy(own - first)[None])
        parts.append(codes[0].numpy())
    return np.concatenate(parts)


def expression_codes_of(
    network: MeshTalk, blocks: Iterator[Float32[np.ndarray, "frames points 3"]]
) -> Float32[np.ndarray, "all width"]:
    """Give the codes of a moving face that comes in parts.

    Args:
        network: In evaluation mode.
        blocks: Points, see ``meshtalk_front``.
    """
    parts = [np.zeros((0, network.config.expression_dim), np.float32)]
    state: State | None = None
    for block in blocks:
        with torch.no_grad():
            codes, state = network.encoder.expression_encoder(torch.from_numpy(block)[None], state)
        parts.append(codes[0].numpy())
    return np.concatenate(parts)


def smoothed(
    vertices: Vertices, mask: Float32[np.ndarray, " vertices"], *, sigma_frames: float = 2.0, reach: int = 4
) -> Vertices:
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
