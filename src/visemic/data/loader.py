"""Clips out of a store: whole, or some frames of one, at random and in any process.

The object holds a path and a choice, no array and no open file. It pickles in a few hundred
bytes, so it goes to any number of workers, spawned or forked; each reads the manifest once
and then only the bytes it is asked for. Frames are read with plain reads instead of pages of
a map: memory does not grow with what was visited, and a file that ends early is an error
with a name, not a dead process. ``array`` gives the maps to those who want them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError, InputError, unknown_name
from visemic.core.signals import Alignment, MeshMotion, Motion, Topology, Waveform
from visemic.data.manifest import MANIFEST, ClipEntry, read_manifest
from visemic.data.recording import SPLITS, Recording
from visemic.data.store_codec import (
    AUDIO_TYPE,
    DISPLACEMENT_TYPE,
    NEUTRAL_TYPE,
    TRIANGLE_TYPE,
    WEIGHTS_TYPE,
    alignment_from_bytes,
    displacements_from_steps,
    sound_from_steps,
)
from visemic.data.store_folder import part_sha256, read_header

_TYPES = {
    "weights": WEIGHTS_TYPE,
    "displacements": DISPLACEMENT_TYPE,
    "audio": AUDIO_TYPE,
    "neutral": NEUTRAL_TYPE,
    "triangles": TRIANGLE_TYPE,
}
_KEPT_FACES = 64
"""Neutrals that a process keeps; a face of 5,000 vertices takes 60 kB."""


@dataclass(frozen=True, eq=False)
class Window:
    """Some consecutive frames of a clip."""

    entry: ClipEntry
    start_frame: int
    weights: Float32[np.ndarray, "frames channels"] | None
    """In the order of ``entry.layout``; None for a mesh corpus."""
    displacements: Float32[np.ndarray, "frames vertices 3"] | None
    """From the neutral, metres; None for a blendshape corpus."""
    neutral: Float32[np.ndarray, "vertices 3"] | None
    """The speaker's face at rest, metres; shared between windows, not to be written to."""
    audio: Float32[np.ndarray, " samples"] | None
    """At 16 kHz, the time of the frames and the context asked for on both sides; 0 outside
    of the clip; None for a clip without sound."""

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        frames = self.weights if self.weights is not None else self.displacements
        assert frames is not None
        return len(frames)

    @property
    def vertices(self) -> Float32[np.ndarray, "frames vertices 3"]:
        """Positions in metres.

        Raises:
            ArtifactError: The clip has no mesh.
        """
        if self.displacements is None or self.neutral is None:
            raise ArtifactError(f"clip {self.entry.clip_id} has no mesh; pose a rig with its weights")
        return self.displacements + self.neutral


@dataclass(frozen=True, slots=True)
class _Choice:
    split: str | None
    speakers: tuple[str, ...] | None
    first: Mapping[str, int] | None


class ClipStore:
    """A store, or a choice of its clips, to be read.

    Args:
        path: Folder of the store.

    Raises:
        ArtifactError: It is not a store, or of another version.

    Example:
        >>> train = ClipStore("corpus").select(split="train")  # doctest: +SKIP
        >>> train.window(0, 30, 64).weights.shape  # doctest: +SKIP
        (64, 61)
    """

    def __init__(self, path: "Path | str") -> None:
        self.path = Path(path)
        read_header(self.path)
        self._choices: tuple[_Choice, ...] = ()
        self._manifest_bytes: int | None = None
        self._entries: tuple[ClipEntry, ...] | None = None
        self._faces: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, object]:
        self.entries  # noqa: B018, fixes how much of a growing manifest all workers see
        return {**self.__dict__, "_entries": None, "_faces": {}}

    def select(
        self,
        *,
        split: str | None = None,
        speakers: tuple[str, ...] | None = None,
        first: Mapping[str, int] | None = None,
    ) -> "ClipStore":
        """Give a store with some of these clips, in the same order.

        Args:
            split: Only this part of the corpus, one of ``recording.SPLITS``.
            speakers: Only these.
            first: At most so many clips of a speaker, the first after the other choices; a
                speaker that is not named has none.

        Raises:
            InputError: There is no such split.
            ArtifactError: A speaker is not in the store.
        """
        if split is not None and split not in SPLITS:
            raise InputError(unknown_name("split", split, SPLITS))
        known = {entry.speaker for entry in self.entries}
        for speaker in (*(speakers or ()), *(first or ())):
            if speaker not in known:
                raise ArtifactError(unknown_name("speaker", speaker, sorted(known)))
        chosen = ClipStore(self.path)
        chosen._manifest_bytes = self._manifest_bytes
        chosen._choices = (*self._choices, _Choice(split, speakers, None if first is None else dict(first)))
        return chosen

    @property
    def entries(self) -> tuple[ClipEntry, ...]:
        """What the manifest says of the clips, in order.

        Raises:
            ArtifactError: The manifest is missing or damaged.
        """
        if self._entries is None:
            manifest = self.path / MANIFEST
            if self._manifest_bytes is None and manifest.is_file():
                self._manifest_bytes = manifest.stat().st_size
            entries = read_manifest(manifest, self._manifest_bytes)
            for choice in self._choices:
                entries = _chosen(entries, choice)
            self._entries = tuple(entries)
        return self._entries

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers, sorted."""
        return tuple(sorted({entry.speaker for entry in self.entries}))

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Recording]:
        return (self[i] for i in range(len(self)))

    def index(self, clip_id: str) -> int:
        """Give the number of a clip.

        Raises:
            ArtifactError: There is no such clip.
        """
        for number, entry in enumerate(self.entries):
            if entry.clip_id == clip_id:
                return number
        raise ArtifactError(unknown_name("clip", clip_id, [entry.clip_id for entry in self.entries]))

    def __getitem__(self, number: int) -> Recording:
        """Give a whole clip; its bytes must have the hashes of the manifest.

        Raises:
            ArtifactError: A file is missing, cut short or altered.
        """
        entry = self.entries[number]
        for part in entry.parts.values():
            if part_sha256(self.path, part, entry.clip_id) != part.sha256:
                raise ArtifactError(
                    f"file {str(self.path / part.file)!r} holds altered bytes of clip {entry.clip_id}; "
                    "restore it or import the corpus again"
                )
        whole = self.window(number, 0, entry.n_frames)
        mesh = None
        if whole.displacements is not None:
            mesh = MeshMotion(whole.vertices, self.topology(number), entry.rate)
        motion = None
        if whole.weights is not None and entry.layout is not None:
            motion = Motion(whole.weights, entry.layout, entry.rate)
        return Recording(
            clip_id=entry.clip_id,
            speaker=entry.speaker,
            split=entry.split,
            licence=entry.licence,
            source=entry.source,
            rate=entry.rate,
            motion=motion,
            mesh=mesh,
            neutral=whole.neutral,
            waveform=None if whole.audio is None else Waveform(whole.audio, SPEECH_RATE),
            alignment=self.alignment(number),
            text=entry.text,
            language=entry.language,
            emotion=entry.emotion,
            intensity=entry.intensity,
            notes=entry.notes,
        )

    def window(self, number: int, start_frame: int, n_frames: int, *, audio_context_s: float = 0.0) -> Window:
        """Give some frames of a clip and the sound of their time.

        The number of samples depends on ``n_frames`` and the context only, so windows stack.

        Args:
            number: Of the clip.
            start_frame: First frame.
            n_frames: At least 1; the window must lie inside the clip.
            audio_context_s: Seconds of sound before and after.

        Raises:
            InputError: The window does not lie inside the clip.
            ArtifactError: A file is missing or cut short.
        """
        entry = self.entries[number]
        if not (start_frame >= 0 and 1 <= n_frames <= entry.n_frames - start_frame):
            raise InputError(
                f"frames {start_frame} to {start_frame + n_frames} do not lie inside clip {entry.clip_id} of "
                f"{entry.n_frames} frames; choose a window within"
            )
        weights = displacements = neutral = audio = None
        if entry.layout is not None:
            width = len(entry.layout)
            weights = self._read(entry, "weights", start_frame * width, n_frames * width)
            weights = weights.astype(np.float32, copy=False).reshape(n_frames, width)
        if entry.n_vertices:
            width = 3 * entry.n_vertices
            steps = self._read(entry, "displacements", start_frame * width, n_frames * width)
            steps = steps.astype(np.int16, copy=False).reshape(n_frames, entry.n_vertices, 3)
            displacements = displacements_from_steps(steps, entry.step_m)
            neutral = self.neutral(number)
        if entry.n_samples:
            context = SPEECH_RATE.tick_at(audio_context_s)
            start = SPEECH_RATE.tick_at(entry.rate.time_of(start_frame)) - context
            length = SPEECH_RATE.count(entry.rate.time_of(n_frames)) + 2 * context
            audio = self._sound(entry, start, length)
        return Window(entry, start_frame, weights, displacements, neutral, audio)

    def neutral(self, number: int) -> Float32[np.ndarray, "vertices 3"]:
        """Give the speaker's face at rest, metres; kept in this process, not to be written to.

        Raises:
            ArtifactError: The clip has no mesh, or a file is missing or cut short.
        """
        entry = self.entries[number]
        if "neutral" not in entry.parts:
            raise ArtifactError(f"clip {entry.clip_id} has no neutral; pose a rig with its weights")
        name = entry.parts["neutral"].file
        if name not in self._faces:
            if len(self._faces) >= _KEPT_FACES:
                self._faces.pop(next(iter(self._faces)))
            face = self._read(entry, "neutral", 0, 3 * entry.n_vertices).astype(np.float32, copy=False)
            face = face.reshape(entry.n_vertices, 3)
            face.flags.writeable = False
            self._faces[name] = face
        return self._faces[name]

    def topology(self, number: int) -> Topology:
        """Give the triangles of a clip's mesh.

        Raises:
            ArtifactError: The clip has no mesh, or a file is missing or cut short.
        """
        entry = self.entries[number]
        if "triangles" not in entry.parts:
            raise ArtifactError(f"clip {entry.clip_id} has no mesh; pose a rig with its weights")
        triangles = self._read(entry, "triangles", 0, entry.parts["triangles"].n_bytes // 4)
        return Topology(entry.topology, triangles.astype(np.int32, copy=False).reshape(-1, 3))

    def alignment(self, number: int) -> Alignment | None:
        """Give a clip's phones and words; None when it has none.

        Raises:
            ArtifactError: A file is missing, cut short or altered.
        """
        entry = self.entries[number]
        if "alignment" not in entry.parts:
            return None
        return alignment_from_bytes(bytes(self._bytes(entry, "alignment", 0, None)), entry.clip_id)

    def array(self, number: int, part: str) -> np.ndarray:
        """Map an array of a clip into memory as it lies in the file, not to be written to.

        Args:
            part: ``weights``, ``displacements`` (int16, in ``entry.step_m``), ``audio`` (int16),
                ``neutral`` or ``triangles``.

        Raises:
            ArtifactError: The clip has no such part, the manifest too few bytes of it, or a file is
                missing or cut short.
        """
        entry = self.entries[number]
        if part not in entry.parts or part not in _TYPES:
            raise ArtifactError(unknown_name("part", part, [name for name in entry.parts if name in _TYPES]))
        at = entry.parts[part]
        path = self.path / at.file
        if not path.is_file() or path.stat().st_size < at.offset + at.n_bytes:
            raise self._cut_short(entry, part)
        kind = np.dtype(_TYPES[part])
        shape = _shape(entry, part, at.n_bytes // kind.itemsize)
        if math.prod(shape) * kind.itemsize > at.n_bytes:
            raise self._too_few(entry, part)
        return np.memmap(path, kind, "r", at.offset, shape)

    def _sound(self, entry: ClipEntry, start: int, length: int) -> Float32[np.ndarray, " samples"]:
        samples = np.zeros(length, np.float32)
        first, stop = max(0, start), min(entry.n_samples, start + length)
        if stop > first:
            steps = self._read(entry, "audio", first, stop - first).astype(np.int16, copy=False)
            samples[first - start : stop - start] = sound_from_steps(steps)
        return samples

    def _read(self, entry: ClipEntry, part: str, first: int, count: int) -> np.ndarray:
        kind = np.dtype(_TYPES[part])
        data = self._bytes(entry, part, first * kind.itemsize, count * kind.itemsize)
        return np.frombuffer(data, kind)

    def _bytes(self, entry: ClipEntry, part: str, offset: int, n_bytes: int | None) -> bytearray:
        at = entry.parts.get(part)
        if at is None or offset + (n_bytes or 0) > at.n_bytes:
            raise self._too_few(entry, part)
        data = bytearray(at.n_bytes if n_bytes is None else n_bytes)
        try:
            with (self.path / at.file).open("rb", buffering=0) as file:
                file.seek(at.offset + offset)
                left = memoryview(data)
                # One read gives at most two gigabytes.
                while left and (n_read := file.readinto(left)):
                    left = left[n_read:]
        except OSError as error:
            raise ArtifactError(
                f"file {str(self.path / at.file)!r} of clip {entry.clip_id} cannot be read: "
                f"{error.strerror or error}; restore it or import the corpus again"
            ) from error
        if left:
            raise self._cut_short(entry, part)
        return data

    def _too_few(self, entry: ClipEntry, part: str) -> ArtifactError:
        return ArtifactError(
            f"manifest of {str(self.path)!r} has too few bytes of {part} for clip {entry.clip_id}; "
            "import the corpus again"
        )

    def _cut_short(self, entry: ClipEntry, part: str) -> ArtifactError:
        return ArtifactError(
            f"file {str(self.path / entry.parts[part].file)!r} ends before clip {entry.clip_id} does; "
            "restore it or import the corpus again"
        )


def _shape(entry: ClipEntry, part: str, count: int) -> tuple[int, ...]:
    if part == "weights" and entry.layout is not None:
        return (entry.n_frames, len(entry.layout))
    if part == "displacements":
        return (entry.n_frames, entry.n_vertices, 3)
    return (count,) if part == "audio" else (count // 3, 3)


def _chosen(entries: Iterable[ClipEntry], choice: _Choice) -> Iterator[ClipEntry]:
    left = dict(choice.first or ())
    for entry in entries:
        if choice.split not in (None, entry.split):
            continue
        if choice.speakers is not None and entry.speaker not in choice.speakers:
            continue
        if choice.first is not None:
            if left.get(entry.speaker, 0) < 1:
                continue
            left[entry.speaker] -= 1
        yield entry
