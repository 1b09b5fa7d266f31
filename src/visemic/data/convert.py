"""Recordings into a store, in one pass and in the memory of one clip.

Running the same import again goes on where it ended: finished clips are kept, the rest is
added.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import FormatError
from visemic.core.layout import Layout
from visemic.core.signals import Alignment, MeshMotion, Motion, Waveform
from visemic.data.manifest import MANIFEST, ClipEntry, check_clip_id
from visemic.data.recording import Recording
from visemic.data.store import SHARD_BYTES, Block, StoreWriter, open_writer
from visemic.data.store_codec import (
    DEFAULT_STEP_M,
    NEUTRAL_TYPE,
    TRIANGLE_TYPE,
    WEIGHTS_TYPE,
    alignment_bytes,
    displacement_range_m,
    quantise_displacements,
    quantise_sound,
)
from visemic.data.store_folder import HEADER

ConvertProgress = Callable[[int, str], None]
"""Called after each clip with the clips done in this run and the name of the last."""

_MADE = (HEADER, MANIFEST, "shards", "neutrals", "topologies")
"""What a new store holds; the header goes first, since a folder that has one is a store."""
_BLOCK_FRAMES = 32
_MICROMETRES = 1e6


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What an import did."""

    n_added: int
    """Clips written in this run."""
    n_kept: int
    """Clips that the store had already."""
    n_bytes: int
    """Written in this run, manifest left out."""
    duration_s: float
    """Length of the clips of this run together."""


def convert(
    recordings: Iterable[Recording],
    store: Path,
    *,
    step_m: float = DEFAULT_STEP_M,
    shard_bytes: int = SHARD_BYTES,
    progress: ConvertProgress | None = None,
) -> ConvertReport:
    """Write recordings to a store, or add those that it lacks.

    Sound is kept at 16 kHz and exactly as long as the motion; up to ``recording.MAX_GAP_S``
    is cut from the longer of the two, and a note says so.

    Args:
        recordings: Taken one by one, in their order.
        store: Folder of a store, new or begun; its parent must exist.
        step_m: Metres per unit of a new store's displacements.
        shard_bytes: Size at which a shard file is closed and the next begun.
        progress: Called after each clip.

    Raises:
        FormatError: A clip holds a value that is not finite or lies beyond the step's range,
            two clips share a name, or one differs from what the store has under its name.
        OutputError: The disk is full or the folder cannot be written to. All finished clips
            stay; run the same import again. A new store without one does not stay.
        ArtifactError: The store is damaged or of another version.
    """
    before = {path.name for path in store.iterdir()} if store.is_dir() else None
    finished: Mapping[str, ClipEntry] | None = None
    try:
        with open_writer(store, step_m=step_m, shard_bytes=shard_bytes) as writer:
            finished = writer.finished
            return _add(recordings, writer, progress)
    except BaseException:
        # Not when another import holds the store: then none was opened here.
        if finished is not None and not finished:
            _take_back(store, before)
        raise


def _take_back(store: Path, before: set[str] | None) -> None:
    """Remove a new store in which no clip came to an end; what was there before stays."""
    if before is not None and HEADER in before:
        return
    for name in _MADE:
        if name not in (before or ()):
            path = store / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    if before is None and not any(store.iterdir()):
        store.rmdir()


def _add(
    recordings: Iterable[Recording], writer: StoreWriter, progress: ConvertProgress | None
) -> ConvertReport:
    n_added = n_kept = n_bytes = 0
    duration_s = 0.0
    seen: set[str] = set()
    for recording in recordings:
        check_clip_id(recording.clip_id)
        if recording.clip_id in seen:
            raise FormatError(f"two clips are named {recording.clip_id}; rename one in the importer")
        seen.add(recording.clip_id)
        if recording.clip_id in writer.finished:
            _compare(writer.finished[recording.clip_id], recording)
            n_kept += 1
        else:
            entry = _write(_fitted(recording), writer)
            n_added += 1
            n_bytes += sum(part.n_bytes for part in entry.parts.values())
            duration_s += entry.duration_s
        if progress:
            progress(len(seen), recording.clip_id)
    return ConvertReport(n_added, n_kept, n_bytes, duration_s)


def _write(recording: Recording, writer: StoreWriter) -> ClipEntry:
    step_m = writer.header.step_m
    arrays: dict[str, Iterable[Block]] = {}
    n_samples = 0
    if recording.motion is not None:
        arrays["weights"] = _weights(recording.clip_id, recording.motion)
    if recording.mesh is not None and recording.neutral is not None:
        arrays["displacements"] = _steps(recording.clip_id, recording.mesh, recording.neutral, step_m)
        arrays["neutral"] = [np.ascontiguousarray(recording.neutral, NEUTRAL_TYPE).tobytes()]
        arrays["triangles"] = [
            np.ascontiguousarray(recording.mesh.topology.triangles, TRIANGLE_TYPE).tobytes()
        ]
    if recording.waveform is not None:
        sound = quantise_sound(recording.waveform.samples)
        n_samples = len(sound)
        arrays["audio"] = [sound.tobytes()]
    if recording.alignment is not None:
        arrays["alignment"] = [alignment_bytes(recording.alignment)]
    return writer.append(_entry(recording, step_m, n_samples), arrays)


def _entry(recording: Recording, step_m: float, n_samples: int) -> ClipEntry:
    mesh = recording.mesh
    return ClipEntry(
        clip_id=recording.clip_id,
        speaker=recording.speaker,
        split=recording.split,
        licence=recording.licence,
        source=recording.source,
        rate=recording.rate,
        n_frames=recording.n_frames,
        parts={},
        layout=recording.motion.layout if recording.motion else None,
        topology=mesh.topology.name if mesh else "",
        n_vertices=mesh.vertices.shape[1] if mesh else 0,
        step_m=step_m if mesh else 0.0,
        n_samples=n_samples,
        text=recording.text,
        language=recording.language,
        emotion=recording.emotion,
        intensity=recording.intensity,
        notes=recording.notes,
    )


def _weights(clip_id: str, motion: Motion) -> Iterator[Block]:
    if not np.isfinite(motion.values).all():
        frame, column = np.argwhere(~np.isfinite(motion.values))[0]
        raise FormatError(
            f"clip {clip_id} holds {motion.values[frame, column]} in channel {motion.layout.names[column]!r} "
            f"at frame {frame}; mend the source"
        )
    yield np.ascontiguousarray(motion.values, WEIGHTS_TYPE).tobytes()


def _steps(
    clip_id: str, mesh: MeshMotion, neutral: Float32[np.ndarray, "vertices 3"], step_m: float
) -> Iterator[Block]:
    if neutral.shape != mesh.vertices.shape[1:]:
        raise FormatError(
            f"clip {clip_id} moves {mesh.vertices.shape[1]} vertices and its neutral has {len(neutral)}; "
            "give both the same topology"
        )
    range_m = displacement_range_m(step_m)
    for start in range(0, len(mesh.vertices), _BLOCK_FRAMES):
        block = mesh.vertices[start : start + _BLOCK_FRAMES]
        far = block - neutral
        if not max(far.max(initial=0), -far.min(initial=0)) <= range_m:  # also when it is not a number
            frame, vertex, axis = np.argwhere(~(np.abs(far) <= range_m))[0]
            raise FormatError(
                f"clip {clip_id} has vertex {vertex} {far[frame, vertex, axis]:.3g} m from its neutral at "
                f"frame {start + frame} and a step of {step_m * _MICROMETRES:g} µm reaches {range_m:.3g} m; "
                "take the head's motion out, check the unit, or give a larger step"
            )
        yield quantise_displacements(block, neutral, step_m).tobytes()


def _compare(kept: ClipEntry, recording: Recording) -> None:
    """Refuse to go on with another corpus in the same store."""
    new = replace(_entry(recording, kept.step_m, kept.n_samples), n_frames=_frames_with_sound(recording))
    for what in ("n_frames", "rate", "n_vertices", "layout", "speaker", "split", "text"):
        if getattr(kept, what) != getattr(new, what):
            raise FormatError(
                f"clip {kept.clip_id} of the store has {what} {_shown(getattr(kept, what))} and the imported "
                f"one {_shown(getattr(new, what))}; import into a new store"
            )


def _shown(value: object) -> str:
    return repr(value.name if isinstance(value, Layout) else str(value))


def _frames_with_sound(recording: Recording) -> int:
    """Give how many frames stay: all, unless the sound ends more than a frame before them."""
    rate, waveform = recording.rate, recording.waveform
    if waveform is None or recording.duration_s - waveform.duration_s <= 1 / float(rate):
        return recording.n_frames
    return rate.count(waveform.duration_s)


def _fitted(recording: Recording) -> Recording:
    """Give sound, motion and phones the same length."""
    motion, mesh = recording.motion, recording.mesh
    if motion is not None and mesh is not None and motion.n_frames != len(mesh.vertices):
        raise FormatError(
            f"clip {recording.clip_id} has {motion.n_frames} frames of weights and {len(mesh.vertices)} of "
            "vertices; give both the same"
        )
    if recording.n_frames == 0:
        raise FormatError(f"clip {recording.clip_id} has 0 frames; leave it out")
    rate, n_frames, notes = recording.rate, _frames_with_sound(recording), list(recording.notes)
    if n_frames < recording.n_frames:
        notes.append(f"{recording.n_frames - n_frames} frames without sound cut off")
    waveform = recording.waveform
    if waveform is not None:
        extra_s = waveform.duration_s - n_frames / float(rate)
        if extra_s > 1 / float(rate):
            notes.append(f"{extra_s:.3f} s of sound without motion cut off")
        waveform = _fitted_sound(waveform, SPEECH_RATE.count(rate.time_of(n_frames)), recording.clip_id)
    if motion is not None:
        motion = Motion(motion.values[:n_frames], motion.layout, rate)
    if mesh is not None:
        mesh = MeshMotion(mesh.vertices[:n_frames], mesh.topology, rate)
    alignment = recording.alignment
    if alignment is not None and alignment.duration_s > (n_frames + 1) / float(rate):
        alignment = _cut_alignment(alignment, n_frames / float(rate))
    return replace(
        recording, motion=motion, mesh=mesh, waveform=waveform, alignment=alignment, notes=tuple(notes)
    )


def _fitted_sound(waveform: Waveform, n_samples: int, clip_id: str) -> Waveform:
    if not np.isfinite(waveform.samples).all():
        sample = int(np.argmin(np.isfinite(waveform.samples)))
        raise FormatError(f"clip {clip_id} has sound sample {sample} that is no number; mend the source")
    samples = resample(waveform, SPEECH_RATE).samples[:n_samples]
    return Waveform(np.pad(samples, (0, n_samples - len(samples))), SPEECH_RATE)


def _cut_alignment(alignment: Alignment, end_s: float) -> Alignment:
    return replace(
        alignment,
        phones=tuple(replace(p, end_s=min(p.end_s, end_s)) for p in alignment.phones if p.start_s < end_s),
        words=tuple(replace(w, end_s=min(w.end_s, end_s)) for w in alignment.words if w.start_s < end_s),
        duration_s=end_s,
    )
