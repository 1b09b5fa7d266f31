"""The folder of a store, and the one way to add clips to it.

::

    store.json                  version, step of the displacements, rate of the sound
    manifest.jsonl              one finished clip a line
    shards/00000.weights.f32    frames of many clips, one after the other
    shards/00000.displacements.i16
    shards/00000.audio.i16
    shards/00000.alignment.jsonl
    neutrals/<hash>.f32         once per face
    topologies/<hash>.i32       once per mesh

A clip's arrays are appended to the shard first and its line to the manifest last, so a kill,
an error or a full disk costs the clip in work and no other. Bytes that no line points to
are cut off when the import goes on.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import FileIO
from pathlib import Path
from types import TracebackType

from visemic.core.atomic import atomic_path
from visemic.core.errors import ArtifactError, FormatError
from visemic.data.manifest import (
    MANIFEST,
    ClipEntry,
    Part,
    complete_lines,
    format_entry,
    manifest_text,
    parse_entry,
)
from visemic.data.store_codec import DEFAULT_STEP_M
from visemic.data.store_folder import Header, locked, make_folder, output_error, part_sha256, read_header

SHARD_BYTES = 256 * 2**20
"""A shard that has reached this is closed and the next begun."""

_SUFFIX = {"weights": "f32", "displacements": "i16", "audio": "i16", "alignment": "jsonl"}
_SHARED = {"neutral": ("neutrals", "f32"), "triangles": ("topologies", "i32")}

Block = bytes | memoryview


class StoreWriter:
    """Adds clips to a store; use ``open_writer``.

    Attributes:
        header: What holds for the whole store.
        finished: Clips of the store by name.
    """

    def __init__(self, folder: Path, header: Header, shard_bytes: int) -> None:
        self.folder = folder
        self.header = header
        self._shard_bytes = shard_bytes
        self._files: dict[str, FileIO] = {}
        self._shared: set[str] = set()
        entries = _finished_entries(folder)
        self.finished: dict[str, ClipEntry] = {entry.clip_id: entry for entry in entries}
        self._shard, self._ends = _ends_of_last_shard(entries)
        self._manifest = _open_at(folder / MANIFEST, (folder / MANIFEST).stat().st_size)

    def append(self, entry: ClipEntry, arrays: Mapping[str, Iterable[Block]]) -> ClipEntry:
        """Write a clip: its arrays block by block, then its line.

        Args:
            entry: Without parts.
            arrays: By name, see ``manifest.PARTS``.

        Returns:
            The entry with its parts.

        Raises:
            OutputError: The disk is full or cannot be written to; the store is as it was.
        """
        ends = dict(self._ends)
        written = self._manifest.tell()
        try:
            parts = {
                name: self._write_shared(name, b"".join(blocks))
                if name in _SHARED
                else self._write_part(name, blocks)
                for name, blocks in arrays.items()
            }
            whole = replace(entry, parts=parts)
            _write_all(self._manifest, (format_entry(whole) + "\n").encode())
        except BaseException as error:
            # What was written of this clip goes; the room it took is the user's again.
            for name, file in self._files.items():
                _cut(file, ends.get(name, 0))
            _cut(self._manifest, written)
            self._ends = ends
            if isinstance(error, OSError):
                raise output_error(error, self.folder, len(self.finished)) from error
            raise
        self.finished[entry.clip_id] = whole
        if sum(self._ends.values()) >= self._shard_bytes:
            self._close_shard()
            self._shard, self._ends = self._shard + 1, {}
        return whole

    def _write_part(self, name: str, blocks: Iterable[Block]) -> Part:
        file_name = f"shards/{self._shard:05d}.{name}.{_SUFFIX[name]}"
        start = self._ends.get(name, 0)
        if name not in self._files:
            self._files[name] = _open_at(self.folder / file_name, start)
        digest, n_bytes = hashlib.sha256(), 0
        for block in blocks:
            digest.update(block)
            n_bytes += _write_all(self._files[name], block)
        self._ends[name] = start + n_bytes
        return Part(file_name, start, n_bytes, digest.hexdigest())

    def _write_shared(self, name: str, data: bytes) -> Part:
        """Write a face or a mesh under the name of its hash, once for all clips that use it."""
        digest = hashlib.sha256(data).hexdigest()
        place, suffix = _SHARED[name]
        part = Part(f"{place}/{digest[:16]}.{suffix}", 0, len(data), digest)
        path = self.folder / part.file
        if digest not in self._shared and not _holds(self.folder, part):
            with atomic_path(path, overwrite=True) as partial, partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        self._shared.add(digest)
        return part

    def _close_shard(self) -> None:
        for file in self._files.values():
            os.fsync(file.fileno())
            file.close()
        self._files = {}
        os.fsync(self._manifest.fileno())

    def close(self) -> None:
        """Bring everything to the disk."""
        try:
            self._close_shard()
        except OSError as error:
            raise output_error(error, self.folder, len(self.finished)) from error
        finally:
            self._manifest.close()

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def open_writer(
    folder: Path, *, step_m: float = DEFAULT_STEP_M, shard_bytes: int = SHARD_BYTES
) -> Iterator[StoreWriter]:
    """Make a store, or go on with one.

    Clips that are finished stay; those of the last shard, which a kill may have torn, are
    read again and must have their hashes.

    Args:
        folder: Its parent must exist.
        step_m: Metres per unit of the displacements; a store that exists keeps its own.
        shard_bytes: Size at which a shard is closed.

    Raises:
        OutputError: The folder is something else, cannot be written to, or another import
            is at work in it.
        ArtifactError: The store is damaged or of another version.
    """
    if not 1e-7 <= step_m <= 1e-3:
        raise FormatError(f"a step of {step_m * 1e6:g} µm cannot be used; give 0.1 to 1000 µm")
    make_folder(folder, step_m)
    with ExitStack() as stack:
        stack.enter_context(locked(folder))
        try:
            writer = StoreWriter(folder, read_header(folder), shard_bytes)
        except OSError as error:
            raise output_error(error, folder, 0) from error
        yield stack.enter_context(writer)


def _finished_entries(folder: Path) -> list[ClipEntry]:
    """Give the clips that are whole, and cut everything else off the manifest."""
    path = folder / MANIFEST
    layouts: dict = {}
    entries: list[ClipEntry] = []
    for number, line in complete_lines(path):
        entries.append(parse_entry(line, f"line {number} of {str(path)!r}", layouts))
    last = max((_shard_of(entry) for entry in entries), default=0)
    sizes: dict[str, int] = {}
    kept: list[ClipEntry] = []
    for entry in entries:
        if _shard_of(entry) < last:
            _check_sizes(folder, entry, sizes)
        elif not all(_holds(folder, part) for part in entry.parts.values()):
            break  # written by a machine that went down: its clips come again
        kept.append(entry)
    text = manifest_text(kept).encode()
    if path.stat().st_size != len(text):
        with atomic_path(path, overwrite=True) as partial, partial.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    return kept


def _check_sizes(folder: Path, entry: ClipEntry, sizes: dict[str, int]) -> None:
    for part in entry.parts.values():
        if part.file not in sizes:
            path = folder / part.file
            sizes[part.file] = path.stat().st_size if path.is_file() else -1
        if sizes[part.file] < part.offset + part.n_bytes:
            raise ArtifactError(
                f"file {str(folder / part.file)!r} lacks bytes of clip {entry.clip_id}; "
                "restore it or import the corpus into a new store"
            )


def _holds(folder: Path, part: Part) -> bool:
    try:
        return part_sha256(folder, part, "") == part.sha256
    except ArtifactError:
        return False


def _shard_of(entry: ClipEntry) -> int:
    numbers = [
        int(Path(part.file).name.split(".")[0]) for name, part in entry.parts.items() if name in _SUFFIX
    ]
    return max(numbers, default=0)


def _ends_of_last_shard(entries: list[ClipEntry]) -> tuple[int, dict[str, int]]:
    last = max((_shard_of(entry) for entry in entries), default=0)
    ends: dict[str, int] = {}
    for entry in entries:
        if _shard_of(entry) == last:
            for name, part in entry.parts.items():
                if name in _SUFFIX:
                    ends[name] = max(ends.get(name, 0), part.offset + part.n_bytes)
    return last, ends


def _open_at(path: Path, end: int) -> FileIO:
    """Open a file to be written from ``end`` on; what lies behind it is dropped."""
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644), "r+")
    file.truncate(end)
    file.seek(end)
    return file


def _cut(file: FileIO, end: int) -> None:
    try:
        file.truncate(end)
        file.seek(end)
    except OSError:
        return  # the next run cuts it off


def _write_all(file: FileIO, block: Block) -> int:
    left = memoryview(block).cast("B")
    n_bytes = len(left)
    while left:
        left = left[file.write(left) or 0 :]
    return n_bytes
