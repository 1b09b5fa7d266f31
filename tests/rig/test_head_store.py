from pathlib import Path

import numpy as np
import pytest

from visemic.core.cache import cache_folder
from visemic.core.errors import RigError
from visemic.rig import head_store
from visemic.rig.head_store import load_head, source_hash
from visemic.rig.registry import RIGS, load_rig, rig_infos


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.slow
def test_the_stored_head_is_the_built_one(folder: Path) -> None:
    built, stored = load_head(), load_head()
    assert [p.name for p in folder.iterdir()] == [f"head-visemic-{source_hash()}.npz"]
    np.testing.assert_array_equal(built.offsets, stored.offsets)
    np.testing.assert_array_equal(built.neutral, stored.neutral)
    np.testing.assert_array_equal(built.triangles, stored.triangles)
    assert built.groups == stored.groups
    assert dict(built.landmarks) == dict(stored.landmarks)
    assert built.eyes == stored.eyes
    assert built.head == stored.head
    assert set(built.regions) == set(stored.regions)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"not an archive", None])
def test_a_corrupted_file_is_built_anew(folder: Path, damage: bytes | None) -> None:
    path = folder / f"head-visemic-{source_hash()}.npz"
    folder.mkdir(parents=True)
    if damage is None:
        load_head()
        damage = path.read_bytes()[:-5000]
    path.write_bytes(damage)
    rig = load_head()
    assert rig.n_vertices > 10_000
    assert path.stat().st_size > len(damage)


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path / "file"))
    assert load_head().n_vertices > 10_000
    assert (tmp_path / "file").read_text() == "in the way"


def test_the_cache_follows_the_variable_then_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("VISEMIC_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "visemic"


def test_other_code_means_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_hash()
    monkeypatch.setattr(head_store, "_FORMAT", 99)
    assert source_hash() != before


def test_an_unknown_rig_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RigError, match="did you mean 'visemic'"):
        load_rig("visemik")
    assert tuple(info.name for info in rig_infos()) == RIGS
    assert rig_infos()[0].licence == "Apache-2.0"


@pytest.mark.slow
def test_what_older_code_left_of_the_same_head_is_dropped(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("head-visemic-0123.npz", "head-otto-0123.npz", "other.npz"):
        (folder / name).write_bytes(b"old")
    load_head()
    left = {p.name for p in folder.iterdir()}
    assert left == {f"head-visemic-{source_hash()}.npz", "head-otto-0123.npz", "other.npz"}


@pytest.mark.slow
def test_heads_of_two_names_lie_side_by_side(folder: Path) -> None:
    one, two = load_head("visemic"), load_head("otto")
    assert len(list(folder.iterdir())) == 2
    np.testing.assert_array_equal(one.triangles, two.triangles)
    assert (one.name, two.name) == ("visemic", "otto") == (load_head("visemic").name, load_head("otto").name)
