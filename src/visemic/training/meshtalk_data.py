"""Clips of meshes as MeshTalk takes them: points and sound of any stretch, out of files that may be
larger than the memory.

A store's arrays are mapped, never read whole: a stretch of a clip costs its own bytes. Clips of
any rate come out at 30 frames a second, frame ``i`` at exactly ``i / 30`` s, by straight lines
between frames. Where frames were dropped, the import has bridged a short hole and cut the clip at
a long one, so a clip has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int64

from visemic.core.errors import TrainingError
from visemic.data.loader import ClipStore
from visemic.data.store_codec import displacements_from_steps, sound_from_steps
from visemic.models.meshtalk_front import UNIT_M, ComponentFront, Front, VertexFront, fit_components
from visemic.models.meshtalk_window import MEAN_LEVEL, MESHTALK_RATE, cut_sound, sound_span, window_starts

BLOCK_FRAMES = 64
"""Frames of a mesh that are in memory at once."""
_AT_REST_MM = 1e-6
_STILL_MM = 0.02
"""What never moves further is neck, hair and the back of the head: two in five vertices of our own."""


@dataclass(frozen=True, eq=False)
class Sound:
    """The sound of a stretch of frames."""

    samples: Float32[np.ndarray, " samples"]
    """At 16 kHz and at the level of training."""
    starts: Int64[np.ndarray, " frames"]
    """First sample of each frame's second."""


class MeshClips:
    """Clips of one topology, by number.

    Args:
        store: A choice of clips.
        front: What the networks see of them; None while it is still to be fitted.
        offset_samples: How much later than a frame's time to listen.
    """

    def __init__(self, store: ClipStore, front: Front | None = None, offset_samples: int = 0) -> None:
        self.store = store
        self._front = front
        self._offset_samples = offset_samples
        self._levels: dict[int, float] = {}
        self._resting: dict[str, np.ndarray] = {}

    def with_front(self, front: Front) -> "MeshClips":
        """Give the clips as networks behind a front see them."""
        return MeshClips(self.store, front, self._offset_samples)

    @property
    def front(self) -> Front:
        """What the networks see."""
        assert self._front is not None
        return self._front

    def __len__(self) -> int:
        return len(self.store)

    @cached_property
    def lengths(self) -> list[int]:
        """Frames of every clip at 30 a second."""
        return [MESHTALK_RATE.count(entry.n_frames / float(entry.rate)) for entry in self.store.entries]

    def vertices(self, number: int, first: int, n_frames: int) -> Float32[np.ndarray, "frames vertices 3"]:
        """Give positions of a stretch, metres; the clip's last frame is held beyond its end."""
        return self._displacements(number, first, n_frames) + self.store.neutral(number)

    def _displacements(
        self, number: int, first: int, n_frames: int
    ) -> Float32[np.ndarray, "frames vertices 3"]:
        entry = self.store.entries[number]
        ratio = entry.rate.hz / MESHTALK_RATE.hz
        ticks = np.arange(first, first + n_frames, dtype=np.int64) * ratio.numerator
        last = entry.n_frames - 1
        below = np.minimum(ticks // ratio.denominator, last)
        above = np.minimum(below + 1, last)
        steps = self.store.array(number, "displacements")
        origin, stop = int(below[0]), int(above[-1]) + 1
        own = displacements_from_steps(np.asarray(steps[origin:stop], np.int16), entry.step_m)
        if ratio == 1:
            return own[below - origin]
        share = (ticks % ratio.denominator / ratio.denominator).astype(np.float32)[:, None, None]
        return own[below - origin] * (1 - share) + own[above - origin] * share

    def points(self, number: int, first: int, n_frames: int) -> Float32[np.ndarray, "frames points 3"]:
        """Give what the networks see of a stretch."""
        return self.front.points(self.vertices(number, first, n_frames), self.store.neutral(number))

    def template(self, number: int) -> Float32[np.ndarray, "points 3"]:
        """Give what the networks see of a clip's face at rest."""
        name = self.store.entries[number].parts["neutral"].file
        if name not in self._resting:
            self._resting[name] = self._at_rest(number)
        return self._resting[name]

    def _at_rest(self, number: int) -> Float32[np.ndarray, "points 3"]:
        neutral = self.store.neutral(number)
        return self.front.points(neutral[None], neutral)[0]

    def blocks(self, number: int) -> Iterator[Float32[np.ndarray, "frames points 3"]]:
        """Give what the networks see of a whole clip, part by part."""
        for first in range(0, self.lengths[number], BLOCK_FRAMES):
            yield self.points(number, first, min(BLOCK_FRAMES, self.lengths[number] - first))

    def samples(self, number: int, first: int, n_samples: int) -> Float32[np.ndarray, " samples"]:
        """Give some of a clip's sound at the level of training, silent outside of it."""
        entry = self.store.entries[number]
        start, stop = max(0, first), min(entry.n_samples, first + n_samples)
        if stop <= start:
            return np.zeros(n_samples, np.float32)
        steps = np.asarray(self.store.array(number, "audio")[start:stop], np.int16)
        return cut_sound(sound_from_steps(steps) * self._level(number), first - start, n_samples)

    def _level(self, number: int) -> np.float32:
        """Give the factor that brings a clip's sound to the level of training."""
        if number not in self._levels:
            steps, total = self.store.array(number, "audio"), 0.0
            for at in range(0, len(steps), 2**20):
                part = sound_from_steps(np.asarray(steps[at : at + 2**20], np.int16))
                total += float(np.abs(part).sum(dtype=np.float64))
            mean = total / max(1, len(steps))
            self._levels[number] = MEAN_LEVEL / mean if mean > 0 else 1.0
        return np.float32(self._levels[number])

    def sound(self, number: int, first: int, n_frames: int) -> Sound:
        """Give the sound of a stretch with the half seconds around it."""
        starts = window_starts(first + n_frames, MESHTALK_RATE, offset_samples=self._offset_samples)[first:]
        origin, n_samples = sound_span(starts)
        return Sound(self.samples(number, origin, n_samples), starts - origin)


class HeldClips(MeshClips):
    """Clips whose points stay in memory: a few numbers a frame behind components.

    Args:
        clips: With a front; every frame is read once.
    """

    def __init__(self, clips: MeshClips) -> None:
        super().__init__(clips.store, clips.front, clips._offset_samples)
        self._points = [np.concatenate(list(clips.blocks(number))) for number in range(len(clips))]

    def points(self, number: int, first: int, n_frames: int) -> Float32[np.ndarray, "frames points 3"]:
        """Give what the networks see of a stretch."""
        own = self._points[number]
        return own[np.minimum(np.arange(first, first + n_frames), len(own) - 1)]


def check_clips(store: ClipStore, topology: str, n_vertices: int, least: int, use: str) -> None:
    """Refuse clips that cannot be learnt from, naming the first.

    Args:
        store: A choice of clips.
        topology: Name of the mesh that masks or a model are for; "" takes any.
        n_vertices: Of that mesh.
        least: Number of clips that are needed.
        use: What they are for.

    Raises:
        TrainingError: There are too few, or one has no mesh, another mesh or no sound.
    """
    for entry in store.entries:
        if not entry.n_vertices:
            raise TrainingError(
                f"clip {entry.clip_id} has no mesh; import a corpus of meshes, "
                'or make one with form = "meshes"'
            )
        if entry.n_vertices != n_vertices or (topology and entry.topology != topology):
            raise TrainingError(
                f"clip {entry.clip_id} has mesh {entry.topology!r} of {entry.n_vertices} vertices and "
                f"the masks are for {topology or 'one'!r} of {n_vertices}; give masks of its topology"
            )
        if not entry.n_samples:
            raise TrainingError(f"clip {entry.clip_id} has no sound; leave it out")
    if len(store) < least:
        raise TrainingError(
            f"there are {len(store)} clips for {use} and {least} are needed, for sound and expression are "
            "swapped between two; look at the split"
        )


def fit_front(
    clips: MeshClips, chosen: Int64[np.ndarray, " chosen"], n_components: int, n_frames: int
) -> tuple[Front, float]:
    """Give the front of a training and the share of the motion that it holds.

    Args:
        clips: To be trained on.
        chosen: Vertices that may move; behind components those that hardly do are left at rest.
        n_components: 0 for the vertices themselves.
        n_frames: About how many frames, spread over all clips, are looked at.
    """
    n_vertices = clips.store.entries[0].n_vertices
    if not n_components:
        return VertexFront(n_vertices, chosen), 1.0
    rows = np.stack(
        [
            clips._displacements(number, frame, 1)[0, chosen] / np.float32(UNIT_M)
            for number, frame in spread_frames(clips.lengths, n_frames)
        ]
    )
    moves = np.abs(rows).max(axis=(0, 2)) > _STILL_MM
    chosen, rows = chosen[moves], rows[:, moves]
    basis, held = fit_components(rows.reshape(len(rows), -1), n_components)
    return ComponentFront(n_vertices, chosen, basis), held


def fit_statistics(
    clips: MeshClips, n_frames: int
) -> tuple[Float32[np.ndarray, "points 3"], Float32[np.ndarray, "points 3"]]:
    """Give mean and spread of the points of about so many frames.

    A coordinate that hardly moves gets a floor, a millimetre for a vertex and a hundredth of the
    widest for a component, or its noise would count as much as the lips.
    """
    seen = np.stack([clips.points(n, frame, 1)[0] for n, frame in spread_frames(clips.lengths, n_frames)])
    mean, spread = seen.mean(axis=0, dtype=np.float64), seen.std(axis=0, dtype=np.float64)
    least = 1.0 if clips.front.kind == "vertices" else 0.01 * float(spread.max())
    spread = np.maximum(spread, max(least, _AT_REST_MM))
    return mean.astype(np.float32), spread.astype(np.float32)


def spread_frames(lengths: list[int], n_frames: int) -> Iterator[tuple[int, int]]:
    """Give clip and frame of about so many frames, evenly over all."""
    ends = np.cumsum(lengths)
    places = np.unique(np.linspace(0, ends[-1] - 1, min(n_frames, int(ends[-1]))).astype(np.int64))
    for place in places:
        number = int(np.searchsorted(ends, place, side="right"))
        yield number, int(place - ends[number] + lengths[number])
