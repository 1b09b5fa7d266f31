"""Is a store whole: every line of its manifest, every byte of its arrays.

All faults are found in one go, each a sentence that names the file and the clip, so that a
user knows what to restore and what may stay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visemic.core.errors import ArtifactError
from visemic.core.layout import Layout
from visemic.data.manifest import MANIFEST, ClipEntry, complete_lines, parse_entry
from visemic.data.store_codec import (
    AUDIO_TYPE,
    DISPLACEMENT_TYPE,
    NEUTRAL_TYPE,
    TRIANGLE_TYPE,
    WEIGHTS_TYPE,
    alignment_from_bytes,
)
from visemic.data.store_folder import part_sha256, read_header

CheckProgress = Callable[[int, int], None]
"""Called after each clip with clips done and clips in all."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found."""

    n_clips: int
    """Lines of the manifest that are clips."""
    n_bytes: int
    """Read and compared with their hashes."""
    problems: tuple[str, ...]
    """One sentence a fault; empty when the store is whole."""
    notes: tuple[str, ...] = ()
    """What is harmless: bytes of an import that was stopped."""

    @property
    def is_whole(self) -> bool:
        """Whether there is no fault."""
        return not self.problems


def check_store(folder: Path, *, progress: CheckProgress | None = None) -> CheckReport:
    """Read a whole store and compare it with its manifest, in the memory of one block.

    Args:
        folder: The store.
        progress: Called after each clip.

    Raises:
        ArtifactError: The folder is not a store, is of another version, or has no manifest.
    """
    read_header(folder)
    manifest = folder / MANIFEST
    problems: list[str] = []
    entries: dict[str, ClipEntry] = {}
    layouts: dict[tuple[str, ...], Layout] = {}
    for number, line in complete_lines(manifest):
        place = f"line {number} of {str(manifest)!r}"
        try:
            entry = parse_entry(line, place, layouts)
        except ArtifactError as error:
            problems.append(str(error))
            continue
        if entry.clip_id in entries:
            problems.append(f"{place} names clip {entry.clip_id} a second time; import the corpus again")
        entries[entry.clip_id] = entry
    n_bytes = 0
    checked: set[tuple[str, int, int, str]] = set()
    for done, entry in enumerate(entries.values(), 1):
        found, n_read = _check_clip(folder, entry, checked)
        problems += found
        n_bytes += n_read
        if progress:
            progress(done, len(entries))
    notes = _loose_bytes(folder, list(entries.values()))
    return CheckReport(len(entries), n_bytes, tuple(problems), tuple(notes))


def _check_clip(
    folder: Path, entry: ClipEntry, checked: set[tuple[str, int, int, str]]
) -> tuple[list[str], int]:
    problems: list[str] = []
    n_bytes = 0
    for name, wanted in expected_bytes(entry).items():
        part = entry.parts.get(name)
        if part is None or (wanted is not None and part.n_bytes != wanted):
            has = "no" if part is None else f"{part.n_bytes} bytes of"
            problems.append(f"clip {entry.clip_id} has {has} {name} in the manifest; import the corpus again")
    for name, part in entry.parts.items():
        key = (part.file, part.offset, part.n_bytes, part.sha256)
        if key in checked:
            continue
        checked.add(key)
        path = folder / part.file
        try:
            if part_sha256(folder, part, entry.clip_id) != part.sha256:
                problems.append(
                    f"file {str(path)!r} holds altered bytes in the {name} of clip {entry.clip_id}; "
                    "restore it or import the corpus again"
                )
            elif name == "alignment":
                with path.open("rb") as file:
                    file.seek(part.offset)
                    alignment_from_bytes(file.read(part.n_bytes), entry.clip_id)
        except ArtifactError as error:
            problems.append(str(error))
            continue
        n_bytes += part.n_bytes
    return problems, n_bytes


def expected_bytes(entry: ClipEntry) -> dict[str, int | None]:
    """Give the parts that a clip must have and their lengths; None for any length."""
    sizes: dict[str, int | None] = {}
    if entry.layout is not None:
        sizes["weights"] = entry.n_frames * len(entry.layout) * np.dtype(WEIGHTS_TYPE).itemsize
    if entry.n_vertices:
        row = 3 * entry.n_vertices
        sizes["displacements"] = entry.n_frames * row * np.dtype(DISPLACEMENT_TYPE).itemsize
        sizes["neutral"] = row * np.dtype(NEUTRAL_TYPE).itemsize
        sizes["triangles"] = None
    if entry.n_samples:
        sizes["audio"] = entry.n_samples * np.dtype(AUDIO_TYPE).itemsize
    if "triangles" in entry.parts:
        row_bytes = 3 * np.dtype(TRIANGLE_TYPE).itemsize
        sizes["triangles"] = entry.parts["triangles"].n_bytes // row_bytes * row_bytes
    return sizes


def _loose_bytes(folder: Path, entries: list[ClipEntry]) -> list[str]:
    """Name what no clip points to: left by an import that was stopped, gone when it goes on."""
    ends: dict[str, int] = {}
    for entry in entries:
        for part in entry.parts.values():
            ends[part.file] = max(ends.get(part.file, 0), part.offset + part.n_bytes)
    notes = []
    for path in sorted((folder / "shards").glob("*")):
        loose = path.stat().st_size - ends.get(path.relative_to(folder).as_posix(), 0)
        if loose > 0:
            notes.append(
                f"file {str(path)!r} ends with {loose} bytes of a clip that was not finished; "
                "the same import goes on from there"
            )
    return notes
