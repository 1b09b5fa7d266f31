"""``visemic experiment``: what it refuses before any work is done."""

import pytest
from typer.testing import CliRunner

from visemic.cli.experiment import app
from visemic.core.errors import ArtifactError, InputError, OutputError


def run(*words, what: str = "korzun"):
    return CliRunner().invoke(app, [what, *map(str, words)])


def test_a_checkpoint_that_is_not_there_ends_it_before_the_folder_is_made(tmp_path):
    result = run("-o", tmp_path / "out", "--avc", tmp_path)
    assert isinstance(result.exception, ArtifactError)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    result = run("-o", tmp_path)
    assert isinstance(result.exception, OutputError)
    assert "holds no experiment" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_without_the_libraries_of_training_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    from visemic.core import extra

    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    result = run("-o", tmp_path / "out")
    assert isinstance(result.exception, ArtifactError)
    assert "pip install 'visemic[train]'" in str(result.exception)


@pytest.mark.parametrize("words", [(), ("-o",)])
def test_a_folder_must_be_named(words):
    assert run(*words).exit_code == 2


def test_a_comparison_refuses_data_that_is_not_there_before_the_folder_is_made(tmp_path):
    result = run("-o", tmp_path / "out", "--data", "voice=nowhere", what="avatron")
    assert isinstance(result.exception, InputError)
    assert "'nowhere' does not exist" in str(result.exception)
    result = run("-o", tmp_path / "out", "--data", f"vice={tmp_path}", what="avatron")
    assert "data 'vice' is none of" in str(result.exception)
    result = run("-o", tmp_path / "out", "--data", f"voice={tmp_path}", what="avatron")
    assert isinstance(result.exception, ArtifactError)
    assert not (tmp_path / "out").exists()


def test_a_size_that_is_none_is_refused(tmp_path):
    assert run("-o", tmp_path / "out", "--size", "huge", what="avatron").exit_code == 2
