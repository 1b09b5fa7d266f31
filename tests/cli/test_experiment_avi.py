"""``visemic experiment avi-talking``: what it refuses before any work is done."""

import pytest
from typer.testing import CliRunner

from visemic.cli.experiment import app
from visemic.core.errors import ArtifactError, InputError, OutputError


def run(*words):
    return CliRunner().invoke(app, ["avi-talking", *map(str, words)])


def test_a_report_is_not_written_over(tmp_path):
    (tmp_path / "report.json").write_text("{}")
    result = run("--data", f"expressive={tmp_path}", "-o", tmp_path)
    assert isinstance(result.exception, OutputError)


def test_the_store_has_its_name(tmp_path):
    result = run("--data", f"faces={tmp_path}", "-o", tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert "give expressive=STORE" in str(result.exception)


@pytest.mark.slow
def test_a_row_has_a_name_and_a_model(tmp_path):
    result = run("--data", f"expressive={tmp_path}", "-o", tmp_path / "out", "--also", "ff")
    assert isinstance(result.exception, InputError)
    assert "NAME=MODEL" in str(result.exception)


@pytest.mark.slow
def test_a_store_without_captions_ends_it(tmp_path):
    result = run("--data", f"expressive={tmp_path}", "-o", tmp_path / "out", "--quick")
    assert isinstance(result.exception, ArtifactError)


@pytest.mark.parametrize("clips", [0, 3])
def test_too_few_clips_are_refused(tmp_path, clips):
    assert run("--data", f"expressive={tmp_path}", "-o", tmp_path, "--clips", clips).exit_code == 2
