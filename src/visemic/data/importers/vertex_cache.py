"""Moving vertices in ``.pc2`` or ``.npy`` files beside a neutral mesh of the same vertices."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.signals import Topology
from visemic.data.importers.array_file import read_npy
from visemic.data.importers.clip import ClipFacts, Head, mesh_recordings
from visemic.data.importers.folder import (
    METRES_PER_UNIT,
    UNKNOWN_LICENCE,
    FolderFacts,
    clip_id_of,
    clip_split,
    facts_for,
    files_of,
    text_beside,
)
from visemic.data.importers.mesh_file import mesh_with, metres_per_unit, read_mesh
from visemic.data.importers.sound import check_lengths, sound_beside
from visemic.data.recording import Recording
from visemic.export.manifest import rate_from_pair, read_sidecar
from visemic.export.point_cache import HEADER, MAGIC

_USUAL_HZ = (24, 25, 30, 48, 50, 60, 100, 120)
_RATE_TOLERANCE = 0.01


class VertexCacheImporter:
    """Reads every cache below a folder; axes are y up, facing +z.

    A cache's neutral is the mesh with as many vertices that lies nearest: beside it, else in a
    folder above, else anywhere in the source. The rate comes from ``corpus.json``, from the
    manifest beside a cache of ours, or from the sound's length where that tells it.
    """

    kind = "vertex-cache"
    description = ".pc2 or .npy vertex caches with an .obj or .ply of the same vertices"

    def __init__(
        self, rate: int | None = None, unit_m: float | None = None, licence: str | None = None
    ) -> None:
        """Take what all caches share.

        Args:
            rate: Frames a second; None looks for it.
            unit_m: Metres of a unit; None takes ``corpus.json`` or the size of a head.
            licence: None takes ``corpus.json``.
        """
        self._rate, self._unit_m, self._licence = rate, unit_m, licence

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the caches in the order of their paths.

        Raises:
            FormatError: A cache is damaged, its topology or rate is unknown, or a value is not finite.
            ClockError: Sound and motion differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        root = source if source.is_dir() else source.parent
        for path in files_of(source, [".pc2", ".npy"]):
            if path.name.startswith(("kept_vertices", "face_mean", "face_std")):
                continue
            yield from self._clips(path, root)

    def _clips(self, path: Path, root: Path) -> Iterator[Recording]:
        facts = facts_for(path, root)
        vertices = read_pc2(path) if path.suffix.lower() == ".pc2" else _read_npy(path)
        neutral, topology, mesh_name = _nearest_mesh(path, root, vertices.shape[1])
        unit_m = self._unit_m or (METRES_PER_UNIT[facts.unit] if facts.unit else None)
        scale = np.float32(metres_per_unit(neutral, mesh_name, unit_m))
        sound = sound_beside(path)
        waveform = None
        if sound is not None:
            from visemic.audio.io import read_waveform

            waveform = read_waveform(sound)
        rate, notes = self._rate_of(path, facts, len(vertices), waveform.duration_s if waveform else None)
        if waveform is not None:
            check_lengths(str(sound), waveform, len(vertices), rate)
        clip_id = clip_id_of(path, root)
        licence = self._licence if facts.licence == UNKNOWN_LICENCE and self._licence else facts.licence
        known = ClipFacts(
            clip_id,
            facts.speaker,
            clip_split(facts, clip_id),
            licence,
            self.kind,
            text_beside(path),
            facts.language,
            facts.emotion,
            facts.intensity,
            waveform,
            notes=notes,
        )
        head = Head(neutral * scale, topology)
        yield from mesh_recordings(known, rate.times_s(len(vertices)), vertices * scale, rate, head)

    def _rate_of(
        self, path: Path, facts: FolderFacts, n_frames: int, sound_s: float | None
    ) -> tuple[Rate, tuple[str, ...]]:
        stated = facts.rate or rate_from_pair(read_sidecar(path).get("rate"))
        if stated is None and self._rate is not None:
            stated = Rate.of(self._rate)
        if stated is not None:
            return stated, ()
        if sound_s:
            hz = min(_USUAL_HZ, key=lambda hz: abs(hz - n_frames / sound_s))
            if abs(n_frames / sound_s / hz - 1) < _RATE_TOLERANCE:
                return Rate.of(hz), (f"rate of {hz} Hz taken from the length of the sound",)
        raise FormatError(
            f'cache {str(path)!r} does not state its rate; write {{"rate": 30}} or another into corpus.json'
        )


def read_pc2(path: Path) -> Float32[np.ndarray, "frames vertices 3"]:
    """Read a point cache as it is in the file.

    Raises:
        FormatError: It is no point cache, truncated, or holds a value that is not finite.
    """
    data = path.read_bytes()
    if len(data) < HEADER.size or data[:12] != MAGIC:
        raise FormatError(f"file {str(path)!r} is no point cache; does it have the right suffix?")
    _, _, n_vertices, _, _, n_frames = HEADER.unpack_from(data)
    needed = HEADER.size + 12 * n_vertices * n_frames
    if len(data) < needed or n_vertices < 1 or n_frames < 1:
        raise FormatError(
            f"file {str(path)!r} has {len(data)} bytes and {n_frames} frames of {n_vertices} vertices need "
            f"{needed}; export it again"
        )
    values = np.frombuffer(data, "<f4", 3 * n_vertices * n_frames, HEADER.size)
    return _finite(values.reshape(n_frames, n_vertices, 3).astype(np.float32), path)


def _read_npy(path: Path) -> Float32[np.ndarray, "frames vertices 3"]:
    values = read_npy(path)
    if values.ndim == 2 and values.shape[1] % 3 == 0:
        values = values.reshape(len(values), -1, 3)
    if values.ndim != 3 or values.shape[2] != 3 or values.dtype.kind != "f" or not values.size:
        raise FormatError(
            f"file {str(path)!r} has shape {values.shape} of {values.dtype}; "
            "frames x vertices x 3 floats are needed"
        )
    return _finite(values.astype(np.float32), path)


def _finite(
    vertices: Float32[np.ndarray, "frames vertices 3"], path: Path
) -> Float32[np.ndarray, "frames vertices 3"]:
    bad = np.flatnonzero(~np.isfinite(vertices).all(axis=(1, 2)))
    if len(bad):
        raise FormatError(
            f"row {bad[0]} of {str(path)!r} holds a position that is not finite; export it again"
        )
    return vertices


def _nearest_mesh(
    path: Path, root: Path, n_vertices: int
) -> tuple[Float32[np.ndarray, "vertices 3"], Topology, str]:
    folder = path.parent
    while True:
        meshes = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".obj", ".ply"))
        for mesh in sorted(meshes, key=lambda p: p.stem != path.stem):
            vertices, topology = read_mesh(mesh)
            if len(vertices) == n_vertices:
                return vertices, topology, str(mesh)
        if folder == root:
            vertices, topology = mesh_with(root, n_vertices)
            return vertices, topology, str(root)
        folder = folder.parent
