"""``visemic train``: from a recipe to a folder, and on from where it was."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="the train extra is not installed")

import torch

torch.set_num_threads(1)

RECIPE = """
task = "toy_task:ToyTask"
[data]
is_plain = true
[schedule]
max_steps = 6
validate_every = 3
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "training")
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_trains_and_says_how_it_went(run, recipe, tmp_path):
    result = run("train", recipe, "-o", "run", "--data", f"speech={tmp_path}")
    assert (result.code, result.err) == (0, "")
    said = result.out.splitlines()
    if not torch.cuda.is_available():
        assert said.pop(0) == "no GPU was found; training runs on the CPU"
    assert said[0].startswith("step 3: loss ")
    assert said[1].endswith("the best so far")
    assert said[-2].startswith("all steps done after step 6; best was step 6: loss ")
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()


def test_json_is_one_line_and_quiet_is_none(run, recipe):
    facts = json.loads(run("train", recipe, "-o", "run", "--json").out)
    assert (facts["step"], facts["stopped"]) == (6, "steps")
    assert run("train", recipe, "-o", "run", "--resume", "--quiet").out == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["toy.toml", "-o", "run", "--data", "speech"], "is not NAME=PATH"),
        (["toy.toml", "-o", "run", "--data", "speech=gone"], "'gone' does not exist"),
        (["gone.toml", "-o", "run"], "recipe 'gone.toml' cannot be read"),
        (["toy.toml", "-o", "run", "--resume"], "no training to resume"),
        (["toy.toml", "-o", "."], "exists; give another name, --resume or --overwrite"),
        (["toy.toml", "-o", ".", "--overwrite"], "holds no training and is not overwritten"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(run, recipe, words, sentence):
    result = run("train", *words)
    assert result.code == 2
    assert sentence in result.err
    assert len(result.err.splitlines()) == 1


def test_an_unknown_key_is_answered_with_the_nearest(run, recipe):
    recipe.write_text(RECIPE + "batch_sise = 4\n")
    assert "did you mean schedule.batch_size?" in run("train", recipe, "-o", "run").err


def test_without_the_extra_one_line_says_how_to_get_it(run, recipe, monkeypatch):
    from visemic.core import extra

    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    result = run("train", recipe, "-o", "run")
    assert result.err == ("visemic: training needs PyTorch; install it with: pip install 'visemic[train]'\n")


def test_the_help_of_training_imports_no_torch():
    import subprocess

    code = "import sys; sys.argv = ['visemic', 'train', '--help']\n"
    code += "import visemic.cli.main as m\ntry:\n    m.main()\nexcept SystemExit: pass\n"
    code += "print([n for n in ('torch', 'lightning', 'safetensors') if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"
