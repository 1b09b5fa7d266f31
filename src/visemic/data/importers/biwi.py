"""BIWI B3D(AC)2: dense scans of fourteen speakers at 25 frames a second.

``faces/<speaker>/<sentence>/frame_NNN.vl`` holds a frame: uint32 count, then count times
x, y, z as float32, little-endian. ``rigid_scans/<speaker>.obj`` is the speaker's neutral.
The files have y down and look along -z.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.signals import Topology
from visemic.data.importers.clip import ClipFacts, Head, mesh_recordings
from visemic.data.importers.folder import clean_id
from visemic.data.importers.mesh_file import metres_per_unit, read_mesh
from visemic.data.importers.sound import SOUND_SUFFIXES, read_sound
from visemic.data.recording import Recording, Split

RATE = Rate.of(25)
LICENCE = "BIWI B3D(AC)2, research only, not for redistribution"
UNIT_AREA_M = 0.185
"""Metres of a unit where the mesh was scaled to a surface of 1, between 0.17 and 0.20 by speaker."""

_TRAINED = ("F2", "F3", "F4", "M3", "M4", "M5")
_UNSEEN = ("F1", "F5", "F6", "F7", "F8", "M1", "M2", "M6")
_AREA_TOLERANCE = 0.02
_TURN = np.array([1.0, -1.0, -1.0], np.float32)
"""Half a turn about x: from y down and -z ahead to y up and +z ahead."""


class BiwiImporter:
    """Reads the emotional sentences e01 to e40 that the published split names."""

    kind = "biwi"
    description = "BIWI B3D(AC)2: folders of .vl frames, a neutral .obj a speaker, wav"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the sentences by speaker and number; those that the split leaves out are left out.

        Raises:
            FormatError: A frame, a neutral or a folder is missing or damaged.
            ClockError: Sound and motion of a sentence differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        folders = sorted({p.parent for p in source.rglob("*.vl")})
        if not folders:
            raise FormatError(f"source {str(source)!r} has no .vl file; unpack the faces first")
        neutrals: dict[str, tuple[Head, float]] = {}
        for folder in folders:
            speaker, sentence = folder.parent.name, folder.name
            split = split_of_sentence(speaker, sentence)
            if split is None:
                continue
            if speaker not in neutrals:
                neutrals = {speaker: _neutral(source, speaker)}
            head, scale = neutrals[speaker]
            numbers, vertices = _frames(folder, len(head.neutral), scale)
            times_s = (numbers - numbers[0]) / float(RATE)
            sound = _sound(source, speaker, sentence)
            n_frames = int(numbers[-1] - numbers[0]) + 1
            facts = ClipFacts(
                clean_id(f"{speaker}/{sentence}"),
                speaker,
                split,
                LICENCE,
                self.kind,
                waveform=read_sound(sound, n_frames, RATE) if sound else None,
                notes=() if sound else ("no sound found for it",),
            )
            yield from mesh_recordings(facts, times_s, vertices, RATE, head)


def split_of_sentence(speaker: str, sentence: str) -> Split | None:
    """Give the published part of a sentence, None for one that it leaves out.

    Source:
        Fan et al. 2022, "FaceFormer", the split of the data: unseen speakers say sentences
        37 to 40 in its second test; here both tests are one part, told apart by speaker.
    """
    found = re.fullmatch(r"e(\d+)", sentence)
    number = int(found.group(1)) if found else 0
    if speaker in _TRAINED and 1 <= number <= 40:
        return "train" if number <= 32 else "validation" if number <= 36 else "test"
    return "test" if speaker in _UNSEEN and 37 <= number <= 40 else None


def read_vl(path: Path) -> Float32[np.ndarray, "vertices 3"]:
    """Read a frame as it is in the file.

    Raises:
        FormatError: The length does not fit the count, or a value is not finite.
    """
    data = path.read_bytes()
    count = int.from_bytes(data[:4], "little")
    if len(data) != 4 + 12 * count or not count:
        raise FormatError(
            f"frame {str(path)!r} has {len(data)} bytes and its count of {count} vertices needs "
            f"{4 + 12 * count}; copy it again"
        )
    vertices = np.frombuffer(data, "<f4", offset=4).reshape(-1, 3).astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
    if len(bad):
        raise FormatError(f"vertex {bad[0]} of frame {str(path)!r} is not finite; copy it again")
    return vertices


def _neutral(source: Path, speaker: str) -> tuple[Head, float]:
    found = sorted(p for p in source.rglob(f"{speaker}.obj"))
    if not found:
        raise FormatError(
            f"source {str(source)!r} has no {speaker}.obj, the neutral of {speaker}; unpack it too"
        )
    vertices, topology = read_mesh(found[0])
    scale = _scale(vertices, topology, found[0])
    return Head(vertices * _TURN * np.float32(scale), Topology("biwi", topology.triangles)), scale


def _scale(vertices: Float[np.ndarray, "vertices 3"], topology: Topology, path: Path) -> float:
    corners = vertices[topology.triangles].astype(float)
    area = float(
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    )
    if abs(area / 2 - 1) < _AREA_TOLERANCE:
        return UNIT_AREA_M
    return metres_per_unit(vertices, str(path))


def _frames(
    folder: Path, n_vertices: int, scale: float
) -> tuple[np.ndarray, Float32[np.ndarray, "rows vertices 3"]]:
    paths = {int((re.findall(r"\d+", p.stem) or ["0"])[-1]): p for p in sorted(folder.glob("*.vl"))}
    numbers = np.array(sorted(paths))
    vertices = np.empty((len(numbers), n_vertices, 3), np.float32)
    for row, number in enumerate(numbers):
        frame = read_vl(paths[number])
        if len(frame) != n_vertices:
            raise FormatError(
                f"unknown topology: frame {str(paths[number])!r} has {len(frame)} vertices and the "
                f"neutral {n_vertices}; are they of one corpus"
            )
        vertices[row] = frame * _TURN * np.float32(scale)
    return numbers, vertices


def _sound(source: Path, speaker: str, sentence: str) -> Path | None:
    stems = (f"{speaker}_{sentence}", f"{speaker}_{sentence}_cut")
    found = [
        p for stem in stems for p in sorted(source.rglob(f"{stem}.*")) if p.suffix.lower() in SOUND_SUFFIXES
    ]
    return found[0] if found else None
