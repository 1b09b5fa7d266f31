import json
from pathlib import Path

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clips
from visemic.cli.data import app
from visemic.core.errors import VisemicError
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.synthetic_take import write_takes
from visemic.text.numbers_en import cardinal


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Give a function that runs ``visemic data`` with some words in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = 0
        try:
            app([str(word) for word in words], standalone_mode=False)
        except VisemicError as error:
            code = str(error)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def store(tmp_path):
    """Give a store of six clips of weights and one mesh in the current folder."""
    clip = mesh_clip("cleo/1", np.random.default_rng(0))
    convert([*weights_clips(6), clip], tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.mark.parametrize("command", ["import", "check", "show", "takes", "kinds"])
def test_help_shows_an_example(command, run):
    assert f"  visemic data {command}" in run(command, "--help")[1]


def test_takes_that_were_written_are_imported_and_kept_the_second_time(run, tmp_path):
    write_takes(weights_clips(6, shortest=90), tmp_path / "takes")
    code, out, err = run("import", "live-link", "takes", "corpus")
    assert (code, err) == (0, "")
    assert out.startswith("6 clips, 18.5 s, added; 0 kept; ")
    code, out, _ = run("import", "live-link", "takes", "corpus", "--json")
    said = json.loads(out)
    assert (said["added"], said["kept"], said["bytes"]) == (0, 6, 0)
    store = ClipStore(tmp_path / "corpus")
    assert store.speakers == ("anna", "ben")
    assert len(store.select(split="test")) == 2
    first = store[store.index("anna/train/000")]
    original = next(weights_clips(1, shortest=90))
    np.testing.assert_allclose(
        first.motion.to_layout(original.motion.layout).values, original.motion.values, atol=1e-6
    )
    assert (first.text, first.licence) == ("Mah", "CC0-1.0")


def test_an_unknown_kind_is_refused_with_the_nearest(run):
    assert "did you mean 'live-link'" in run("import", "livelink", "takes", "corpus")[0]


def test_kinds_are_listed(run):
    assert "live-link\n  " in run("kinds")[1]
    assert {"kind", "description"} == set(json.loads(run("kinds", "--json")[1])[0])


def test_a_whole_store_is_said_to_be_so(run, store):
    code, out, _ = run("check", "corpus")
    assert code == 0
    assert out.startswith("7 clips, ")
    assert json.loads(run("check", "corpus", "--json")[1])["is_whole"] is True
    assert run("check", "corpus", "--quiet") == (0, "", "")


def test_faults_are_told_one_a_line(run, store):
    (store / "shards/00000.audio.i16").unlink()
    code, out, err = run("check", "corpus")
    assert code.startswith("store 'corpus' has 6 faults in 7 clips")
    assert out == ""
    assert err.count("\n") == 6
    assert len(json.loads(run("check", "corpus", "--json")[1])["problems"]) == 6


def test_figures_are_shown(run, store):
    code, out, _ = run("show", "corpus")
    assert code == 0
    assert out.startswith("7 clips, 0.00")
    assert "licences: CC0-1.0 (6), research only (1)" in out
    assert "jawOpen" in out
    said = json.loads(run("show", "corpus", "--json", "--split", "train", "--speaker", "ben")[1])
    assert said["n_clips"] == 2
    assert said["groups"][0]["speaker"] == "ben"


def test_a_sheet_is_a_png_that_is_not_replaced(run, store, tmp_path):
    words = ("show", "corpus", "-o", "sheet.png", "--pictures", "2", "--tile", "32", "--speaker", "anna")
    code, out, _ = run(*words)
    assert code == 0
    assert out.endswith("  sheet.png\n")
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert "exists" in run(*words)[0]
    assert run(*words, "--overwrite", "--quiet") == (0, "", "")
    assert "does not end in .png" in run("show", "corpus", "-o", "sheet.jpg")[0]


def test_takes_are_written(run, store, tmp_path):
    code, out, _ = run("takes", "corpus", "out", "--speaker", "anna", "--split", "train")
    assert (code, out) == (0, "2 takes in out\n")
    assert (tmp_path / "out/anna/train/000.csv").is_file()
    assert "exists" in run("takes", "corpus", "out", "--speaker", "anna")[0]
    assert "a take holds weights" in run("takes", "corpus", "out2", "--speaker", "cleo")[0]


@pytest.mark.parametrize("command", [["check"], ["show"], ["takes", "out"]])
def test_a_folder_that_is_no_store_is_refused(run, tmp_path, command):
    (tmp_path / "empty").mkdir()
    assert "is not a store" in run(command[0], "empty", *command[1:])[0]


def test_unknown_choices_are_refused(run, store):
    assert "no split 'dev'" in run("show", "corpus", "--split", "dev")[0]
    assert "did you mean 'anna'" in run("show", "corpus", "--speaker", "ana")[0]


def test_an_import_that_fails_leaves_no_store(run, tmp_path):
    (tmp_path / "takes").mkdir()
    assert "has no .csv file" in run("import", "live-link", "takes", "corpus")[0]
    assert [p.name for p in tmp_path.iterdir()] == ["takes"]


def test_a_manifest_with_too_many_frames_is_one_sentence(run, store):
    manifest = store / "manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    first = json.loads(lines[0])
    lines[0] = json.dumps({**first, "n_frames": 99_999_999}) + "\n"
    manifest.write_text("".join(lines))
    sentence = "manifest of 'corpus' has too few bytes of weights for clip anna/000; import the corpus again"
    assert run("show", "corpus")[0] == run("takes", "corpus", "out")[0] == sentence


def test_the_readme_counts_the_kinds(run):
    n_kinds = len(json.loads(run("kinds", "--json")[1]))
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"{' '.join(cardinal(n_kinds)).capitalize()} kinds of corpora" in readme


def test_a_step_beside_the_limits_is_refused(run, tmp_path):
    write_takes(weights_clips(1), tmp_path / "takes")
    assert "a step of 0 µm" in run("import", "live-link", "takes", "corpus", "--step-um", "0")[0]
