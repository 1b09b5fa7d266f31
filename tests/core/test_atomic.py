import errno

import pytest

from visemic.core.atomic import atomic_path
from visemic.core.errors import OutputError


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "a.txt"
    with atomic_path(target, overwrite=False) as partial:
        partial.write_text("whole")
        assert partial.suffix == ".txt"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError), atomic_path(tmp_path / "a.txt", overwrite=False) as partial:
        partial.write_text("half")
        raise ValueError
    assert not list(tmp_path.iterdir())


def test_what_exists_is_not_replaced(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OutputError, match="--overwrite"), atomic_path(target, overwrite=False):
        pytest.fail("the block must not start")
    assert target.read_text() == "old"


def test_a_target_made_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "a.txt"
    with pytest.raises(OutputError, match="exists"), atomic_path(target, overwrite=False) as partial:
        partial.write_text("mine")
        target.write_text("theirs")
    assert target.read_text() == "theirs"


def test_overwrite_replaces(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target, overwrite=True) as partial:
        partial.write_text("new")
    assert target.read_text() == "new"


def test_a_failed_overwrite_keeps_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target, overwrite=True) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"


def test_a_full_disk_is_one_sentence(tmp_path):
    with (
        pytest.raises(OutputError, match="no space left"),
        atomic_path(tmp_path / "a.txt", overwrite=False) as partial,
    ):
        partial.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(OutputError, match="does not exist"),
        atomic_path(tmp_path / "no" / "a.txt", overwrite=False),
    ):
        pytest.fail("the block must not start")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(OutputError, match="is a folder"), atomic_path(tmp_path, overwrite=True):
        pytest.fail("the block must not start")
