import errno
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clips
from visemic.core.errors import ArtifactError, OutputError
from visemic.data.check import check_store
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.store import open_writer
from visemic.data.store_folder import read_header

KILLED_IMPORT = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from store_clips import weights_clips
from visemic.data import store
from visemic.data.convert import convert

real, n_writes = store._write_all, 0
def die_in_the_sound_of_the_fourth_clip(file, block):
    global n_writes
    n_writes += 1
    if n_writes == 3 * 4 + 2:
        file.write(block[: len(block) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return real(file, block)
store._write_all = die_in_the_sound_of_the_fourth_clip
convert(weights_clips(6), Path(sys.argv[2]))
"""


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def whole(tmp_path) -> dict[str, bytes]:
    """Give the files of a store of six clips that was made in one go."""
    convert(weights_clips(6), tmp_path / "whole")
    return files_of(tmp_path / "whole")


def test_a_killed_import_goes_on_and_ends_with_the_same_bytes(tmp_path, whole):
    folder = tmp_path / "s"
    words = [sys.executable, "-c", KILLED_IMPORT, str(Path(__file__).parent.parent), str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(ClipStore(folder)) == 3
    assert len(check_store(folder).notes) == 2
    report = convert(weights_clips(6), folder)
    assert (report.n_kept, report.n_added) == (3, 3)
    assert files_of(folder) == whole
    assert check_store(folder).notes == ()


def test_a_full_disk_costs_no_finished_clip(tmp_path, whole):
    folder = tmp_path / "s"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match=r"no space left for store .* its 4 finished clips stay"):
            convert(weights_clips(6), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert check_store(folder).is_whole
    assert check_store(folder).notes == ()
    assert len(ClipStore(folder)) == 4
    assert convert(weights_clips(6), folder).n_added == 2
    assert files_of(folder) == whole


def test_an_error_of_the_corpus_costs_no_finished_clip(tmp_path, whole):
    def broken():
        yield from weights_clips(2)
        raise ArtifactError("the third file is torn")

    with pytest.raises(ArtifactError, match="the third file"):
        convert(broken(), tmp_path / "s")
    assert len(ClipStore(tmp_path / "s")) == 2
    convert(weights_clips(6), tmp_path / "s")
    assert files_of(tmp_path / "s") == whole


def test_a_torn_last_line_is_written_anew(tmp_path, whole):
    folder = tmp_path / "s"
    convert(weights_clips(6), folder)
    manifest = folder / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-40])
    assert len(ClipStore(folder)) == 5
    assert convert(weights_clips(6), folder).n_added == 1
    assert files_of(folder) == whole


def test_lines_whose_bytes_never_reached_the_disk_are_written_anew(tmp_path, whole):
    folder = tmp_path / "s"
    convert(weights_clips(6), folder)
    shard = folder / "shards/00000.audio.i16"
    at = ClipStore(folder).entries[4].parts["audio"].offset
    with shard.open("r+b") as file:
        file.seek(at)
        file.write(bytes(1000))
    assert convert(weights_clips(6), folder).n_added == 2
    assert files_of(folder) == whole


def test_a_finished_shard_that_was_cut_is_not_written_to(tmp_path):
    folder = tmp_path / "s"
    convert(weights_clips(6), folder, shard_bytes=60_000)
    os.truncate(folder / "shards/00000.weights.f32", 100)
    with pytest.raises(ArtifactError, match=r"00000\.weights\.f32' lacks bytes of clip anna/000"):
        convert(weights_clips(6), folder)


def test_shards_are_closed_at_their_size(tmp_path):
    folder = tmp_path / "s"
    convert(weights_clips(6), folder, shard_bytes=60_000)
    assert len(list((folder / "shards").glob("*.weights.f32"))) == 3
    assert check_store(folder).is_whole
    convert(weights_clips(8), folder, shard_bytes=60_000)
    store = ClipStore(folder)
    for number, clip in enumerate(weights_clips(8)):
        np.testing.assert_array_equal(store[number].motion.values, clip.motion.values)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "diary.txt").write_text("dear")
    with pytest.raises(OutputError, match="exists and is not a store"):
        convert(weights_clips(1), folder)
    assert files_of(folder) == {"diary.txt": b"dear"}


def test_a_store_that_was_stopped_before_its_header_is_begun_again(tmp_path):
    folder = tmp_path / "s"
    (folder / "shards").mkdir(parents=True)
    (folder / "manifest.jsonl").touch()
    (folder / ".store.0123.partial.json").touch()
    assert convert(weights_clips(1), folder).n_added == 1


def test_a_missing_parent_is_named(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        convert(weights_clips(1), tmp_path / "a" / "b")


def test_two_imports_do_not_write_to_one_store(tmp_path):
    pytest.importorskip("fcntl")
    with (
        open_writer(tmp_path / "s"),
        pytest.raises(OutputError, match="another import is writing"),
        open_writer(tmp_path / "s"),
    ):
        pass


def test_a_store_of_another_version_is_refused(tmp_path):
    convert(weights_clips(1), tmp_path / "s")
    header = tmp_path / "s" / "store.json"
    header.write_text(json.dumps(json.loads(header.read_text()) | {"format_version": 9}))
    for read in (ClipStore, check_store, lambda folder: convert([], folder)):
        with pytest.raises(ArtifactError, match="format version 9 and this visemic reads 1"):
            read(tmp_path / "s")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "zip"}'])
def test_a_header_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "store.json").write_text(text)
    with pytest.raises(ArtifactError, match="store"):
        read_header(tmp_path)


def test_a_step_that_is_none_is_refused(tmp_path):
    convert(weights_clips(1), tmp_path / "s")
    header = tmp_path / "s" / "store.json"
    header.write_text(json.dumps(json.loads(header.read_text()) | {"step_m": 0}))
    with pytest.raises(ArtifactError, match="a step of 0"):
        read_header(tmp_path / "s")


def test_an_existing_store_keeps_its_step(tmp_path, rng):
    convert([mesh_clip("a/1", rng)], tmp_path / "s", step_m=1e-4)
    convert([mesh_clip("a/2", rng)], tmp_path / "s", step_m=1e-5)
    assert [entry.step_m for entry in ClipStore(tmp_path / "s").entries] == [1e-4, 1e-4]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match=r"cannot write store .*Permission denied"):
        convert(weights_clips(1), tmp_path / "s")
