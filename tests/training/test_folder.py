"""A folder of training is whole at every moment and never taken for another one."""

import dataclasses

import pytest
import torch

from visemic.core.errors import OutputError, TrainingError
from visemic.training.folder import TrainFolder, TrainState


@pytest.fixture
def folder(tmp_path, toy):
    made = TrainFolder(tmp_path / "run")
    made.open(toy(), resume=False, overwrite=False)
    return made


def state(step: int, best_step: int = -1) -> TrainState:
    return TrainState(step, {"w": torch.full((2,), float(step))}, {}, [], best_step)


def test_a_folder_that_exists_is_refused(folder, toy):
    with pytest.raises(OutputError, match="exists; give another name, --resume or --overwrite"):
        TrainFolder(folder.path).open(toy(), resume=False, overwrite=False)


def test_a_folder_that_is_no_training_is_never_overwritten(tmp_path, toy):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    for options in ({"resume": False, "overwrite": True}, {"resume": True, "overwrite": False}):
        with pytest.raises(TrainingError, match="holds no training"):
            TrainFolder(tmp_path / "thesis").open(toy(), **options)
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_overwriting_keeps_what_is_not_of_the_training(folder, toy):
    folder.write_state(state(4))
    (folder.path / "notes.txt").write_text("mine")
    folder.open(toy(), resume=False, overwrite=True)
    assert folder.read_state() is None
    assert (folder.path / "notes.txt").read_text() == "mine"


def test_nothing_to_resume_is_said(tmp_path, toy):
    with pytest.raises(TrainingError, match="no training to resume"):
        TrainFolder(tmp_path / "gone").open(toy(), resume=True, overwrite=False)
    with pytest.raises(TrainingError, match="exclude each other"):
        TrainFolder(tmp_path / "gone").open(toy(), resume=True, overwrite=True)
    with pytest.raises(OutputError, match="does not exist; create it first"):
        TrainFolder(tmp_path / "gone" / "run").open(toy(), resume=False, overwrite=False)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": 4}, "another seed: 3, now 4"),
        ({"optimiser": {"learning_rate": 0.5}}, "another optimiser.learning_rate: 0.02, now 0.5"),
        ({"max_steps": 25}, "another schedule.max_steps: 24, now 25"),
        ({"data": {"is_plain": True}}, "another data.is_plain: None, now True"),
    ],
)
def test_another_recipe_is_refused_by_its_first_key(folder, toy, changes, sentence):
    with pytest.raises(TrainingError, match=sentence):
        folder.open(toy(**changes), resume=True, overwrite=False)


def test_what_changes_no_number_may_change(folder, toy):
    other = dataclasses.replace(toy(max_minutes=5.0), description="more words", name="renamed")
    folder.open(other, resume=True, overwrite=False)


def test_a_checkpoint_comes_back_and_the_best_it_names_is_kept(folder):
    folder.write_best(3, {"w": torch.ones(1)})
    folder.write_state(state(5, best_step=3))
    folder.write_best(6, {"w": torch.zeros(1)})
    assert folder.read_best(3)["w"] == 1  # a kill here leaves the pair of step 5
    folder.write_state(state(7, best_step=6))
    assert folder.read_state().step == 7
    with pytest.raises(TrainingError, match="cannot be read"):
        folder.read_best(3)


def test_a_checkpoint_that_is_cut_short_is_refused(folder):
    folder.write_state(state(5))
    path = folder.path / "state" / "last.pt"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(TrainingError, match=r"last.pt' cannot be read"):
        folder.read_state()


def test_a_checkpoint_with_code_in_it_is_not_run(folder):
    torch.save({"step": pytest.fail}, folder.path / "state" / "last.pt")
    with pytest.raises(TrainingError, match="cannot be read"):
        folder.read_state()


def test_the_log_is_cut_back_to_the_checkpoint(folder):
    for step in (2, 4, 6):
        folder.log({"step": step})
    with (folder.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "lo')
    folder.cut_log(4)
    assert (folder.path / "metrics.jsonl").read_text() == '{"step": 2}\n{"step": 4}\n'


def test_two_trainings_do_not_share_a_folder(folder):
    with folder.held(), pytest.raises(TrainingError, match="another process trains"), folder.held():
        pytest.fail("both were let in")
    with folder.held():
        pass
