"""Speed and memory of stores against their limits: ``python benchmarks/data.py``.

A made-up corpus of meshes is imported, read at random and visited as a whole; exits with 1
when a limit is missed. Files lie in a temporary folder, which ``TMPDIR`` chooses.
"""

import argparse
import json
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench import Table, commit, machine

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.layout import ARKIT_61
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.data.check import check_store
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.manifest import MANIFEST, Part, manifest_text
from visemic.data.recording import Recording
from visemic.data.store import SHARD_BYTES
from visemic.data.synthetic import synthetic_recordings
from visemic.data.synthetic_config import korzun_config

RATE = Rate.of(30)
N_VERTICES, N_FRAMES, WINDOW_FRAMES = 5_023, 120, 64
SPARSE_BYTES = 3 * 2**30
MEGA = 1e6


def recordings(n_clips: int) -> list[Recording]:
    """Give clips of 4 s with a mesh, weights and sound, all in memory, so that only the store is timed."""
    rng = np.random.default_rng(0)
    face = rng.normal(0, 0.05, (N_VERTICES, 3)).astype(np.float32)
    topology = Topology("made-up", rng.integers(0, N_VERTICES, (9_976, 3)))
    moved = (face + rng.normal(0, 0.002, (N_FRAMES, N_VERTICES, 3))).astype(np.float32)
    first = Recording(
        clip_id="a/0",
        speaker="a",
        split="train",
        licence="none",
        source="made up",
        rate=RATE,
        motion=Motion(rng.random((N_FRAMES, 61), np.float32), ARKIT_61, RATE),
        mesh=MeshMotion(moved, topology, RATE),
        neutral=face,
        waveform=Waveform(rng.uniform(-1, 1, 64_000).astype(np.float32), SPEECH_RATE),
    )
    return [replace(first, clip_id=f"a/{i}") for i in range(n_clips)]


def disk_speed(folder: Path, n_bytes: int) -> float:
    """Give the megabytes a second of a plain write that reaches the disk."""
    block = np.random.default_rng(0).bytes(4 * 2**20)
    start = time.perf_counter()
    with (folder / "plain").open("wb", buffering=0) as file:
        for _ in range(n_bytes // len(block)):
            file.write(block)
        os.fsync(file.fileno())
    speed = n_bytes / MEGA / (time.perf_counter() - start)
    (folder / "plain").unlink()
    return speed


def bench_import(table: Table, folder: Path, n_clips: int) -> ClipStore:
    """Time an import, the same again, and a check."""
    clips = recordings(n_clips)
    start = time.perf_counter()
    report = convert(clips, folder / "meshes")
    seconds = time.perf_counter() - start
    table.add("plain write to this disk", disk_speed(folder, report.n_bytes), None, "MB/s")
    table.add(
        "import, megabytes written a second", report.n_bytes / MEGA / seconds, 100, "MB/s", at_least=True
    )
    taken = sum(clip.mesh.vertices.nbytes for clip in clips if clip.mesh) / MEGA
    table.add("import, megabytes of float vertices a second", taken / seconds, None, "MB/s")
    start = time.perf_counter()
    convert(clips, folder / "meshes")
    table.add("the same import again, nothing to do", time.perf_counter() - start, None, "s")
    start = time.perf_counter()
    checked = check_store(folder / "meshes")
    table.add("check", checked.n_bytes / MEGA / (time.perf_counter() - start), None, "MB/s")
    return ClipStore(folder / "meshes")


def forget(store: ClipStore) -> None:
    """Ask the system to drop the store's pages from memory."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in (store.path / "shards").iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bench_access(table: Table, store: ClipStore, *, n_windows: int = 500) -> None:
    """Time windows at random; the least disturbed of three rounds counts, as others may be at work."""
    rng = np.random.default_rng(1)
    for name, limit, is_cold in (("in memory", 2.0, False), ("from disk", None, True)):
        rounds = []
        for _ in range(3):
            rounds.append(window_times_ms(store, rng, n_windows // 10 if is_cold else n_windows, is_cold))
        took = min(rounds, key=lambda times: float(np.percentile(times, 99)))
        table.add(f"window of 64 frames, {name}, p50, best of 3", float(np.percentile(took, 50)), None, "ms")
        table.add(f"window of 64 frames, {name}, p99, best of 3", float(np.percentile(took, 99)), limit, "ms")


def window_times_ms(store: ClipStore, rng: np.random.Generator, n_windows: int, is_cold: bool) -> list[float]:
    """Give the milliseconds of each of some windows at random."""
    took = []
    for _ in range(n_windows):
        number, first = int(rng.integers(len(store))), int(rng.integers(N_FRAMES - WINDOW_FRAMES))
        if is_cold:
            forget(store)
        start = time.perf_counter()
        store.window(number, first, WINDOW_FRAMES)
        took.append((time.perf_counter() - start) * 1e3)
    return took


def resident_mib() -> float:
    """Give the memory of this process."""
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(rows["VmRSS"].split()[0]) / 1024


def sparse(store: ClipStore, folder: Path) -> ClipStore:
    """Give a store of 3 GiB of nothing, with the faces of another."""
    convert([], folder)
    entry = store.entries[0]
    clip_bytes = entry.parts["displacements"].n_bytes
    n_clips = SPARSE_BYTES // clip_bytes + 1
    with (folder / "shards/00000.displacements.i16").open("wb") as file:
        file.truncate(n_clips * clip_bytes)
    for name in ("neutral", "triangles"):
        (folder / entry.parts[name].file).write_bytes((store.path / entry.parts[name].file).read_bytes())
    faces = {name: entry.parts[name] for name in ("neutral", "triangles")}

    def entries() -> Iterator[object]:
        for i in range(n_clips):
            part = Part("shards/00000.displacements.i16", i * clip_bytes, clip_bytes, "0" * 64)
            yield replace(
                entry, clip_id=f"a/{i}", layout=None, n_samples=0, parts={**faces, "displacements": part}
            )

    (folder / MANIFEST).write_text(manifest_text(entries()))  # type: ignore[arg-type]
    return ClipStore(folder)


def bench_memory(table: Table, store: ClipStore, folder: Path) -> None:
    """Visit every frame of 3 GiB and watch the memory."""
    wide = sparse(store, folder / "sparse")
    before, largest, n_frames = resident_mib(), 0.0, 0
    start = time.perf_counter()
    for number, entry in enumerate(wide.entries):
        for first in range(0, entry.n_frames, WINDOW_FRAMES):
            length = min(WINDOW_FRAMES, entry.n_frames - first)
            n_frames += wide.window(number, first, length).n_frames
        largest = max(largest, resident_mib())
    seconds = time.perf_counter() - start
    table.add("3 GiB visited, memory above the start", largest - before, 300, "MiB")
    table.add("3 GiB visited, frames a second", n_frames / seconds, None, "1/s")


def bench_manifest(table: Table, store: ClipStore, folder: Path) -> None:
    """Time a long manifest and weigh what goes to a worker."""
    convert([], folder / "many")
    entry = store.entries[0]
    entries = (replace(entry, clip_id=f"a/{i}") for i in range(10_000))
    (folder / "many" / MANIFEST).write_text(manifest_text(entries))
    many = ClipStore(folder / "many")
    start = time.perf_counter()
    n_clips = len(many)
    table.add(f"manifest of {n_clips} clips, read", time.perf_counter() - start, None, "s")
    table.add(f"loader of {n_clips} clips, pickled", len(pickle.dumps(many)) / 1e3, 100, "kB")


def bench_synthetic(table: Table, n_clips: int) -> None:
    """Time the making of the synthetic corpus."""
    made = synthetic_recordings(korzun_config(), 0)
    next(made)
    start = time.perf_counter()
    duration_s = sum(next(made).duration_s for _ in range(n_clips))
    seconds = time.perf_counter() - start
    table.add("synthetic clips of weights a second", n_clips / seconds, None, "1/s")
    table.add("synthetic clips of weights, real-time factor", seconds / duration_s, None, "x")


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100, help="clips of 4 s to import")
    parser.add_argument(
        "--short", action="store_true", help="leave out the 3 GiB, manifest and synthetic rows"
    )
    parser.add_argument("--json", type=Path, help="also write the rows here")
    args = parser.parse_args()
    print(f"machine {machine()}\ncommit  {commit()}")
    print(
        f"corpus  {args.clips} clips of {N_FRAMES} frames of {N_VERTICES} vertices, shards of "
        f"{SHARD_BYTES >> 20} MiB"
    )
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = bench_import(table, folder, args.clips)
        bench_access(table, store)
        if not args.short:
            bench_memory(table, store, folder)
            bench_manifest(table, store, folder)
    if not args.short:
        bench_synthetic(table, 40)
    if args.json:
        args.json.write_text(json.dumps(table.rows))
    if not all(row["good"] for row in table.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
