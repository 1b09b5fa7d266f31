import json
import multiprocessing
import os
import pickle
import sys
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clip, weights_clips
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Motion, Waveform
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.manifest import ClipEntry, Part, manifest_text
from visemic.data.store_codec import displacement_range_m, displacements_from_steps

PICKLE_LIMIT_BYTES = 100_000


def sparse_store(folder, *, n_clips, n_frames, n_vertices):
    """Make a store of zeros that takes no room on the disk."""
    convert([], folder)
    rows = n_frames * n_vertices * 3 * 2
    shard = folder / "shards" / "00000.displacements.i16"
    with shard.open("wb") as file:
        file.truncate(n_clips * rows)
    with (folder / "neutrals" / "0.f32").open("wb") as file:
        file.truncate(n_vertices * 12)
    with (folder / "topologies" / "0.i32").open("wb") as file:
        file.truncate(12)
    entry = ClipEntry(
        clip_id="",
        speaker="nobody",
        split="train",
        licence="none",
        source="sparse",
        rate=Rate.of(30),
        n_frames=n_frames,
        parts={},
        topology="t",
        n_vertices=n_vertices,
        step_m=1e-5,
    )
    entries = [
        replace(
            entry,
            clip_id=f"nobody/{i}",
            parts={
                "displacements": Part("shards/00000.displacements.i16", i * rows, rows, "0" * 64),
                "neutral": Part("neutrals/0.f32", 0, n_vertices * 12, "0" * 64),
                "triangles": Part("topologies/0.i32", 0, 12, "0" * 64),
            },
        )
        for i in range(n_clips)
    ]
    (folder / "manifest.jsonl").write_text(manifest_text(entries))
    return ClipStore(folder)


def read_in_a_worker(work):
    """Give what a process sees that got the store by pickle."""
    store, number = work
    window = store.window(number, 2, 5)
    return len(store), window.weights, window.audio, os.getpid()


def memory_mib():
    """Give the resident memory of this process."""
    with open("/proc/self/status") as file:
        rows = dict(line.split(":", 1) for line in file)
    return int(rows["VmRSS"].split()[0]) / 1024


@pytest.fixture
def store(tmp_path) -> ClipStore:
    """Give nine clips of two speakers."""
    convert(weights_clips(9), tmp_path / "s")
    return ClipStore(tmp_path / "s")


@pytest.mark.slow
def test_ten_thousand_clips_pickle_in_a_few_hundred_bytes(tmp_path):
    store = sparse_store(tmp_path / "s", n_clips=10_000, n_frames=2, n_vertices=3)
    assert len(store) == 10_000
    store.window(7, 0, 1)
    size = len(pickle.dumps(store))
    assert size < PICKLE_LIMIT_BYTES / 100
    chosen = store.select(split="train", speakers=("nobody",), first={"nobody": 5_000})
    assert len(chosen) == 5_000
    assert len(pickle.dumps(chosen)) < PICKLE_LIMIT_BYTES / 100


def test_a_copy_sees_the_clips_that_the_first_saw(store):
    copied = pickle.dumps(store)
    convert(weights_clips(12), store.path)
    assert len(pickle.loads(copied)) == len(store) == 9
    assert len(ClipStore(store.path)) == 12


@pytest.mark.slow
def test_spawned_workers_read_what_the_parent_reads(store):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        seen = pool.map(_in_worker, [(str(store.path), pickle.dumps(store), n) for n in range(9)])
    assert os.getpid() not in {pid for *_, pid in seen}
    for number, (length, weights, audio, _) in enumerate(seen):
        window = store.window(number, 2, 5)
        assert length == 9
        np.testing.assert_array_equal(weights, window.weights)
        np.testing.assert_array_equal(audio, window.audio)


def _in_worker(work):
    _, pickled, number = work
    return read_in_a_worker((pickle.loads(pickled), number))


@pytest.mark.skipif(sys.platform == "win32", reason="has no fork")
def test_nothing_is_open_between_reads(store):
    store.window(0, 0, 5)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for number in range(9):
        store.window(number, 0, 5)
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before


def test_any_window_is_a_piece_of_the_whole(store, rng):
    for number in range(len(store)):
        whole = store[number]
        start = int(rng.integers(whole.n_frames))
        n_frames = int(rng.integers(1, whole.n_frames - start + 1))
        window = store.window(number, start, n_frames)
        np.testing.assert_array_equal(window.weights, whole.motion.values[start : start + n_frames])
        assert window.n_frames == n_frames


def test_sound_starts_where_the_frames_do(tmp_path, rng):
    convert([weights_clip("a/1", rng, n_frames=60)], tmp_path / "s")
    store = ClipStore(tmp_path / "s")
    whole = store[0].waveform.samples
    window = store.window(0, 30, 15)
    np.testing.assert_array_equal(window.audio, whole[16_000:24_000])


def test_sound_outside_of_the_clip_is_silence(tmp_path, rng):
    convert([weights_clip("a/1", rng, n_frames=30)], tmp_path / "s")
    store = ClipStore(tmp_path / "s")
    whole = store[0].waveform.samples
    window = store.window(0, 0, 30, audio_context_s=0.25)
    np.testing.assert_array_equal(window.audio[4_000:20_000], whole)
    assert not window.audio[:4_000].any()
    assert not window.audio[20_000:].any()


@pytest.mark.parametrize("hz", [24, 25, "30000/1001", 60])
def test_windows_of_one_length_have_sound_of_one_length(tmp_path, rng, hz):
    rate = Rate.of(hz)
    clip = weights_clip(
        "a/1",
        rng,
        rate=rate,
        motion=Motion(rng.random((50, 52), np.float32), ARKIT_52, rate),
        waveform=Waveform(np.ones(SPEECH_RATE.count(rate.time_of(50)), np.float32), SPEECH_RATE),
    )
    convert([clip], tmp_path / "t")
    store = ClipStore(tmp_path / "t")
    assert len({len(store.window(0, start, 7).audio) for start in range(43)}) == 1


def test_a_mesh_window_is_neutral_plus_displacement(tmp_path, rng):
    clip = mesh_clip("a/1", rng)
    convert([clip], tmp_path / "s")
    window = ClipStore(tmp_path / "s").window(0, 10, 8)
    assert window.weights is None
    assert window.audio is None
    np.testing.assert_allclose(window.vertices, clip.mesh.vertices[10:18], atol=5.1e-6)


def test_the_shared_neutral_cannot_be_written_to(tmp_path, rng):
    convert([mesh_clip("a/1", rng)], tmp_path / "s")
    store = ClipStore(tmp_path / "s")
    with pytest.raises(ValueError, match="read-only"):
        store.neutral(0)[0] = 0


def test_the_largest_step_is_the_largest_displacement():
    steps = np.full((1, 1, 3), 32_767, np.int16)
    assert displacements_from_steps(steps, 1e-5).max() == pytest.approx(displacement_range_m(1e-5))


def test_a_map_of_more_frames_than_bytes_is_refused_as_reading_them_is(store):
    manifest = store.path / "manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    lines[0] = json.dumps({**json.loads(lines[0]), "n_frames": 9999}) + "\n"
    manifest.write_text("".join(lines))
    altered = ClipStore(store.path)
    assert altered.entries[0].n_frames == 9999
    for read in (lambda: altered.array(0, "weights"), lambda: altered.window(0, 0, 9999)):
        with pytest.raises(ArtifactError, match="too few bytes of weights"):
            read()


def test_a_map_shows_the_array_as_it_lies(tmp_path, rng):
    convert([mesh_clip("a/1", rng), mesh_clip("a/2", rng)], tmp_path / "s")
    store = ClipStore(tmp_path / "s")
    steps = store.array(1, "displacements")
    assert isinstance(steps, np.memmap)
    assert (steps.dtype, steps.shape) == (np.dtype("<i2"), (40, 5, 3))
    np.testing.assert_array_equal(
        displacements_from_steps(np.asarray(steps), 1e-5), store.window(1, 0, 40).displacements
    )


def test_a_choice_keeps_order_and_adds_up(store):
    names = [entry.clip_id for entry in store.entries]
    assert store.speakers == ("anna", "ben")
    test = store.select(split="test")
    assert [entry.clip_id for entry in test.entries] == names[2::3]
    assert [e.clip_id for e in test.select(speakers=("ben",)).entries] == ["ben/005"]
    first = store.select(split="train", first={"anna": 2, "ben": 1})
    assert [entry.clip_id for entry in first.entries] == ["anna/000", "ben/001", "anna/004"]


def test_a_clip_is_found_by_its_name(store):
    assert store.entries[store.index("ben/003")].clip_id == "ben/003"
    with pytest.raises(ArtifactError, match="no clip 'ben/03' among 9 clips; did you mean 'ben/003'"):
        store.index("ben/03")


def test_unknown_names_are_refused(store):
    with pytest.raises(ArtifactError, match=r"no speaker 'bem' .* did you mean 'ben'"):
        store.select(speakers=("bem",))
    with pytest.raises(ArtifactError, match=r"no speaker 'carl'"):
        store.select(first={"carl": 1})
    with pytest.raises(ArtifactError, match=r"no part 'weigths' .* did you mean 'weights'"):
        store.array(0, "weigths")


@pytest.mark.parametrize(("start", "n_frames"), [(-1, 3), (0, 0), (0, 21), (20, 1), (5, 10**9)])
def test_windows_beyond_the_clip_are_refused(store, start, n_frames):
    with pytest.raises(InputError, match="do not lie inside clip anna/000 of 20 frames"):
        store.window(0, start, n_frames)


def test_parts_that_a_clip_lacks_are_refused(store):
    for ask in (store.neutral, store.topology):
        with pytest.raises(ArtifactError, match="clip anna/000 has no"):
            ask(0)
    with pytest.raises(ArtifactError, match="has no mesh"):
        _ = store.window(0, 0, 1).vertices


def test_a_clip_that_was_altered_is_named(store):
    part = store.entries[3].parts["weights"]
    with (store.path / part.file).open("r+b") as file:
        file.seek(part.offset + 9)
        file.write(b"\x55")
    with pytest.raises(ArtifactError, match=r"00000\.weights\.f32' holds altered bytes of clip ben/003"):
        store[3]
    assert store[2].clip_id == "anna/002"


def test_a_shard_that_was_cut_is_named_with_the_clip(store):
    part = store.entries[3].parts["weights"]
    os.truncate(store.path / part.file, part.offset + part.n_bytes - 1)
    for ask in (
        lambda: store[3],
        lambda: store.window(3, 0, store.entries[3].n_frames),
        lambda: store.array(3, "weights"),
    ):
        with pytest.raises(ArtifactError, match=r"00000\.weights\.f32' ends .*before clip ben/003"):
            ask()
    assert store[2].n_frames == 22


def test_a_missing_shard_is_named_with_the_clip(store):
    (store.path / "shards/00000.audio.i16").unlink()
    for ask in (lambda: store[1], lambda: store.window(1, 0, 1)):
        with pytest.raises(
            ArtifactError, match=r"00000\.audio\.i16' of clip ben/001 cannot be read: No such"
        ):
            ask()


def test_a_manifest_that_promises_too_much_is_refused(store):
    manifest = store.path / "manifest.jsonl"
    lines = manifest.read_text().splitlines()
    row = json.loads(lines[0])
    row["n_frames"] = 10**6
    manifest.write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    with pytest.raises(ArtifactError, match="too few bytes of weights for clip anna/000"):
        ClipStore(store.path).window(0, 0, 10**6)


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"is not a store, it has no store\.json"):
        ClipStore(tmp_path)


def test_an_empty_store_has_no_clips(tmp_path):
    convert([], tmp_path / "s")
    assert list(ClipStore(tmp_path / "s")) == []


def test_a_window_costs_its_own_memory_only(tmp_path):
    store = sparse_store(tmp_path / "s", n_clips=4, n_frames=10_000, n_vertices=1_000)
    store.window(0, 0, 1)
    tracemalloc.start()
    try:
        store.window(2, 5_000, 64)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 64 * 1_000 * 12


@pytest.mark.slow
def test_three_gibibytes_are_visited_in_little_memory(tmp_path):
    store = sparse_store(tmp_path / "s", n_clips=54, n_frames=2_000, n_vertices=5_023)
    shard = tmp_path / "s/shards/00000.displacements.i16"
    assert shard.stat().st_size > 3 * 2**30
    if shard.stat().st_blocks * 512 > 2**30:
        pytest.skip("this file system has no sparse files")
    store.window(0, 0, 64)
    before, largest = memory_mib(), 0.0
    for number in range(len(store)):
        for start in range(0, 2_000 - 64, 64):
            assert store.window(number, start, 64).vertices.shape == (64, 5_023, 3)
        largest = max(largest, memory_mib())
    assert largest - before < 300


@pytest.mark.slow
def test_a_window_of_64_frames_is_quick(tmp_path):
    store = sparse_store(tmp_path / "s", n_clips=50, n_frames=200, n_vertices=5_023)
    rng = np.random.default_rng(0)
    took = []
    for _ in range(300):
        number, start = int(rng.integers(50)), int(rng.integers(136))
        begun = time.perf_counter()
        store.window(number, start, 64)
        took.append(time.perf_counter() - begun)
    # The bound of the bench is 2 ms at the 99th percentile; here other tests run beside.
    assert np.percentile(took, 50) < 0.004
