import json
import os

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clips
from visemic.core.errors import ArtifactError
from visemic.data.check import check_store
from visemic.data.convert import convert


@pytest.fixture
def folder(tmp_path):
    """Give a store of six clips of weights and two meshes."""
    rng = np.random.default_rng(3)
    convert([*weights_clips(6), mesh_clip("cleo/1", rng), mesh_clip("cleo/2", rng)], tmp_path / "s")
    return tmp_path / "s"


def test_a_store_as_written_is_whole(folder):
    told = []
    report = check_store(folder, progress=lambda done, total: told.append((done, total)))
    assert report.is_whole
    assert (report.n_clips, report.notes) == (8, ())
    assert told[-1] == (8, 8)
    arrays = [p for place in ("shards", "neutrals", "topologies") for p in (folder / place).iterdir()]
    assert report.n_bytes == sum(p.stat().st_size for p in arrays)


@pytest.mark.parametrize("part", ["weights.f32", "displacements.i16", "audio.i16", "alignment.jsonl"])
def test_any_altered_byte_is_found_with_file_and_clip(folder, part):
    path = folder / "shards" / f"00000.{part}"
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    (problem,) = check_store(folder).problems
    assert f"00000.{part}" in problem
    assert ("cleo/1" if "displacements" in part else "anna/000") in problem


def test_an_altered_face_is_found_once(folder):
    (face,) = (folder / "neutrals").iterdir()
    face.write_bytes(bytes(face.stat().st_size))
    assert len(check_store(folder).problems) == 1


def test_every_fault_is_told(folder):
    os.truncate(folder / "shards/00000.audio.i16", 5)
    (folder / "shards/00000.weights.f32").unlink()
    report = check_store(folder)
    assert len(report.problems) == 12
    assert not report.is_whole


def test_a_broken_line_does_not_hide_the_others(folder):
    manifest = folder / "manifest.jsonl"
    lines = manifest.read_text().splitlines()
    lines[1] = "{"
    lines.append(lines[0])
    manifest.write_text("\n".join(lines) + "\n")
    report = check_store(folder)
    assert ["line 2 of" in report.problems[0], "a second time" in report.problems[1]] == [True, True]
    assert report.n_clips == 7


def test_a_count_that_does_not_fit_its_bytes_is_found(folder):
    manifest = folder / "manifest.jsonl"
    lines = manifest.read_text().splitlines()
    row = json.loads(lines[0])
    row["n_frames"] += 1
    del row["parts"]["audio"]
    manifest.write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    said = " ".join(check_store(folder).problems)
    assert "clip anna/000 has 4160 bytes of weights" in said
    assert "clip anna/000 has no audio" in said


def test_bytes_of_a_stopped_import_are_a_note_and_no_fault(folder):
    with (folder / "shards/00000.weights.f32").open("ab") as file:
        file.write(bytes(123))
    report = check_store(folder)
    assert report.is_whole
    assert "123 bytes of a clip that was not finished" in report.notes[0]


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="is not a store"):
        check_store(tmp_path)
