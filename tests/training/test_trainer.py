"""A training learns, stops when it should, and goes on from any kill as if nothing had been."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from visemic.core.errors import InputError, OutputError, TrainingError
from visemic.training.folder import TrainFolder
from visemic.training.trainer import train

torch.set_num_threads(1)

AVERAGED = {"average": 0.9}
COSINE = {"decay": "cosine", "warmup_steps": 5, "weight_decay": 0.01, "name": "adamw"}


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_line_is_learnt(tmp_path, toy):
    result = train(
        toy(data={"is_plain": True}, max_steps=80, optimiser={"learning_rate": 0.2}), {}, tmp_path / "r"
    )
    assert result.metrics["loss"] < 0.05
    assert (result.step, result.stopped) == (80, "steps")
    assert [line["step"] for line in lines(tmp_path / "r") if "validation" in line][-2:] == [77, 80]


def test_the_folder_says_what_was_run(tmp_path, toy):
    recipe = toy(max_steps=3)
    train(recipe, {"speech": tmp_path}, tmp_path / "r")
    run = json.loads((tmp_path / "r" / "run.json").read_text())[0]
    assert run["versions"]["torch"] == torch.__version__
    assert run["data"] == {"speech": str(tmp_path)}
    assert json.loads((tmp_path / "r" / "recipe.json").read_text())["seed"] == recipe.seed


@pytest.mark.parametrize("fail_at", [1, 7, 10, 11, 24])
def test_a_training_that_fails_at_any_step_resumes_to_the_same_bits(
    tmp_path, toy, monkeypatch, same_bits, fail_at
):
    recipe = toy(**AVERAGED, optimiser=COSINE)
    train(recipe, {}, tmp_path / "whole")
    monkeypatch.setenv("TOY_FAIL_AT", str(fail_at))
    with pytest.raises(RuntimeError, match="power"):
        train(recipe, {}, tmp_path / "cut")
    monkeypatch.delenv("TOY_FAIL_AT")
    assert train(recipe, {}, tmp_path / "cut", resume=True).step == 24
    same_bits(tmp_path / "whole", tmp_path / "cut")


def test_two_optimisers_resume_to_the_same_bits(tmp_path, toy, monkeypatch, same_bits):
    recipe = toy("ToyPairTask")
    train(recipe, {}, tmp_path / "whole")
    monkeypatch.setenv("TOY_FAIL_AT", "13")
    with pytest.raises(RuntimeError, match="power"):
        train(recipe, {}, tmp_path / "cut")
    monkeypatch.delenv("TOY_FAIL_AT")
    train(recipe, {}, tmp_path / "cut", resume=True)
    same_bits(tmp_path / "whole", tmp_path / "cut")


def test_a_training_of_another_seed_is_another_one(tmp_path, toy):
    for seed in (1, 2):
        train(toy(seed=seed, max_steps=3), {}, tmp_path / f"{seed}")
    first, second = (TrainFolder(tmp_path / name).read_state().network for name in "12")
    assert not any(torch.equal(first[name], second[name]) for name in first if name.endswith("weight"))


def test_a_kill_before_the_first_checkpoint_begins_again(tmp_path, toy, same_bits):
    recipe = toy(max_steps=5)
    train(recipe, {}, tmp_path / "whole")
    (tmp_path / "cut").mkdir()
    train(recipe, {}, tmp_path / "cut", resume=True)
    same_bits(tmp_path / "whole", tmp_path / "cut")


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_checkpoint(tmp_path, toy):
    recipe = toy(data={"nan_at": 15})
    with pytest.raises(
        TrainingError, match=r"loss part 'square' is nan at step 15; the checkpoint of step 10"
    ):
        train(recipe, {}, tmp_path / "r")
    state = TrainFolder(tmp_path / "r").read_state()
    assert state.step == 10
    assert all(torch.isfinite(tensor).all() for tensor in state.network.values())


def test_a_validation_that_is_not_a_number_stops(tmp_path, toy, monkeypatch):
    import toy_task

    monkeypatch.setattr(toy_task.ToyTask, "validate", lambda self, network: {"loss": float("nan")})
    with pytest.raises(TrainingError, match="validation gave the loss nan after step 7"):
        train(toy(), {}, tmp_path / "r")


def test_training_stops_when_it_no_longer_improves(tmp_path, toy, monkeypatch):
    import toy_task

    given = iter([5.0, 3.0, 4.0, 3.0, 1.0])
    monkeypatch.setattr(toy_task.ToyTask, "validate", lambda self, network: {"loss": next(given)})
    recipe = toy(validate_every=2, patience=2)
    result = train(recipe, {}, tmp_path / "r")
    assert (result.step, result.best_step, result.stopped) == (8, 4, "patience")
    assert result.metrics == {"loss": 3.0}
    again = train(recipe, {}, tmp_path / "r", resume=True)
    assert (again.step, again.stopped) == (8, "patience")


def test_a_stop_by_the_clock_is_clean_and_goes_on_exactly(tmp_path, toy, same_bits):
    whole = toy(**AVERAGED)
    train(whole, {}, tmp_path / "whole")
    result = train(toy(**AVERAGED, max_minutes=1e-9), {}, tmp_path / "cut")
    assert (result.stopped, result.step, result.best_step) == ("minutes", 1, -1)
    assert not result.model.exists()
    assert train(whole, {}, tmp_path / "cut", resume=True).stopped == "steps"
    same_bits(tmp_path / "whole", tmp_path / "cut")


def test_the_best_network_is_the_one_that_is_saved(tmp_path, toy, monkeypatch):
    import toy_task

    given = iter([5.0, 1.0, 4.0, 3.0])
    monkeypatch.setattr(toy_task.ToyTask, "validate", lambda self, network: {"loss": next(given)})
    result = train(toy(), {}, tmp_path / "r")
    from safetensors.torch import load_file

    saved = load_file(result.model / "model.safetensors")
    best = torch.load(tmp_path / "r" / "state" / "best-00000014.pt", weights_only=True)
    last = TrainFolder(tmp_path / "r").read_state().network
    assert all(torch.equal(saved[name], best[name]) for name in best)
    assert not torch.equal(saved["0.weight"], last["0.weight"])


def test_no_gpu_is_said_and_no_error(tmp_path, toy, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = train(toy(max_steps=1), {}, tmp_path / "r")
    assert result.device == "cpu"
    assert result.notes == ("no GPU was found; training runs on the CPU",)


@pytest.mark.parametrize(
    ("devices", "sentence"),
    [(0, "at least 1"), (3, "there are 2 GPUs"), (2, "a batch of 1 cannot be shared")],
)
def test_devices_that_are_not_there_are_refused(tmp_path, toy, monkeypatch, devices, sentence):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TrainingError, match=sentence):
        train(toy(batch_size=1), {}, tmp_path / "r", devices=devices)
    assert not (tmp_path / "r").exists()


def test_a_folder_that_exists_is_refused_and_overwritten_when_asked(tmp_path, toy):
    train(toy(max_steps=2), {}, tmp_path / "r")
    with pytest.raises(OutputError, match="exists"):
        train(toy(max_steps=2), {}, tmp_path / "r")
    assert train(toy(max_steps=3), {}, tmp_path / "r", overwrite=True).step == 3


def test_data_that_changed_are_not_resumed_on(tmp_path, toy, monkeypatch):
    import toy_task

    train(toy(max_minutes=1e-9), {}, tmp_path / "r")
    monkeypatch.setattr(toy_task.ToyTask, "n_examples", lambda self: 99)
    with pytest.raises(TrainingError, match="begun on 100 examples and there are now 99"):
        train(toy(), {}, tmp_path / "r", resume=True)


@pytest.mark.parametrize("task", ["korzum", "toy_task:Gone", "no_such_module_here:Task"])
def test_an_unknown_task_is_refused(tmp_path, toy, task):
    import dataclasses

    with pytest.raises((InputError, TrainingError), match=r"did you mean 'korzun'|cannot be"):
        train(dataclasses.replace(toy(), task=task), {}, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_nothing_is_said_and_nothing_written_elsewhere(tmp_path, toy, monkeypatch, capfd):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    reports = []
    train(toy(), {}, tmp_path / "r", progress=reports.append)
    assert capfd.readouterr() == ("", "")
    assert list((tmp_path / "here").iterdir()) == []
    known = {"recipe.json", "run.json", "metrics.jsonl", "state", "model"}
    assert {path.name for path in (tmp_path / "r").iterdir()} == known
    assert [report.step for report in reports if report.validation] == [7, 14, 21, 24]


def test_the_callers_chance_is_left_alone(tmp_path, toy):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = torch.rand(2)
        torch.manual_seed(5)
        train(toy(max_steps=2), {}, tmp_path / "r")
        assert torch.equal(torch.rand(2), expected)


def test_ctrl_c_is_ctrl_c(tmp_path, toy, monkeypatch):
    import toy_task

    def interrupt(self, network):
        raise KeyboardInterrupt

    monkeypatch.setattr(toy_task.ToyTask, "validate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(toy(), {}, tmp_path / "r")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
from visemic.training.recipe import read_recipe
from visemic.training.trainer import train
if __name__ == "__main__":
    torch.set_num_threads(1)
    train(read_recipe(Path("toy.toml")), {{}}, Path(sys.argv[1]), resume="resume" in sys.argv,
          devices=int(sys.argv[2]))
"""
TOML = """
task = "toy_task:ToyTask"
[optimiser]
learning_rate = 0.02
[schedule]
max_steps = 40
batch_size = 8
validate_every = 9
checkpoint_every = 10
log_every = 4
average = 0.9
workers = {workers}
"""


@pytest.fixture
def process(tmp_path):
    """Give a function that trains in a process of its own and gives its exit code."""
    (tmp_path / "go.py").write_text(SCRIPT.format(tests=str(Path(__file__).parent)))

    def run(*words: object, die_at: int = 0, workers: int = 0) -> int:
        (tmp_path / "toy.toml").write_text(TOML.format(workers=workers))
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if die_at:
            environment["TOY_DIE_AT"] = str(die_at)
        return subprocess.run(
            [sys.executable, "go.py", *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        ).returncode

    return run


@pytest.mark.slow
def test_a_killed_process_resumes_to_the_same_bits(tmp_path, process, same_bits):
    assert process("whole", 1) == 0
    assert process("cut", 1, die_at=17) == -signal.SIGKILL
    assert process("cut", 1, "resume", die_at=16) == -signal.SIGKILL
    assert process("cut", 1, "resume") == 0
    same_bits(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.slow
def test_workers_change_nothing(tmp_path, process, same_bits):
    assert process("alone", 1) == 0
    assert process("helped", 1, workers=1) == 0
    same_bits(tmp_path / "alone", tmp_path / "helped")


@pytest.mark.slow
def test_two_killed_processes_resume_to_the_same_bits(tmp_path, process, same_bits):
    if torch.cuda.is_available():
        pytest.skip("with GPUs two devices mean two of them")
    assert process("whole", 2) == 0
    assert process("cut", 2, die_at=17) == 1
    assert process("cut", 2, "resume") == 0
    same_bits(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.slow
def test_two_devices_make_the_steps_of_one(tmp_path, toy):
    if torch.cuda.is_available():
        pytest.skip("with GPUs two devices mean two of them")
    recipe = toy(data={"is_plain": True})
    reports = []
    train(recipe, {}, tmp_path / "one")
    train(recipe, {}, tmp_path / "two", devices=2, progress=reports.append)
    one, two = (TrainFolder(tmp_path / name).read_state().network for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-5, atol=1e-6)
    assert [report.step for report in reports if report.validation] == [7, 14, 21, 24]
    with pytest.raises(TrainingError, match="loss part 'square' is nan at step 5; the checkpoint of step 0"):
        train(toy(data={"nan_at": 5}), {}, tmp_path / "nan", devices=2)
