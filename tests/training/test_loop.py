"""A step: rates by closed forms, gradients where they belong, averages as defined."""

import math

import pytest
import torch
from torch import nn

from visemic.core.errors import TrainingError
from visemic.training.folder import TrainFolder
from visemic.training.loop import learning_rate_at
from visemic.training.order import ExampleOrder
from visemic.training.recipe import Optimiser
from visemic.training.task import load_task
from visemic.training.trainer import new_network, train

torch.set_num_threads(1)


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine():
    optimiser = Optimiser(learning_rate=2.0, warmup_steps=4, decay="cosine")
    assert [learning_rate_at(optimiser, s, 12) for s in range(4)] == [0.5, 1.0, 1.5, 2.0]
    assert learning_rate_at(optimiser, 4, 12) == 2.0
    assert learning_rate_at(optimiser, 8, 12) == pytest.approx(1.0)
    assert learning_rate_at(optimiser, 12, 12) == pytest.approx(0.0)


def test_a_constant_rate_stays():
    assert {learning_rate_at(Optimiser(learning_rate=0.1), s, 9) for s in range(9)} == {0.1}


def _last(folder):
    return TrainFolder(folder).read_state()


def _start(recipe):
    with torch.random.fork_rng():
        return new_network(load_task(recipe, {}), recipe).state_dict()


def test_the_first_step_of_adam_moves_every_parameter_by_the_rate(tmp_path, toy):
    recipe = toy(data={"is_plain": True}, optimiser={"learning_rate": 0.125}, max_steps=1)
    train(recipe, {}, tmp_path / "run")
    for name, before in _start(recipe).items():
        moved = (_last(tmp_path / "run").network[name] - before).abs()
        torch.testing.assert_close(moved, torch.full_like(before, 0.125), rtol=1e-4, atol=0)


def test_the_steps_are_those_of_a_bare_loop(tmp_path, toy):
    recipe = toy(data={"is_plain": True}, optimiser={"clip_norm": 1.0, "decay": "cosine"}, max_steps=15)
    train(recipe, {}, tmp_path / "run")
    task = load_task(recipe, {})
    network = nn.Linear(1, 1)
    network.load_state_dict(_start(recipe))
    adam = torch.optim.Adam(network.parameters())
    order = ExampleOrder(100, 8, recipe.seed)
    for step in range(15):
        adam.param_groups[0]["lr"] = 0.02 * 0.5 * (1 + math.cos(math.pi * step / 15))
        adam.zero_grad()
        task.loss(network, task.batch(order.indices(step), torch.Generator()), torch.Generator())[
            "loss"
        ].backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(_last(tmp_path / "run").network[name], value, rtol=1e-6, atol=1e-6)


def test_each_group_follows_its_own_loss_only(tmp_path, toy):
    recipe = toy("ToyPairTask", max_steps=1, optimiser={"clip_norm": 0.0})
    train(recipe, {}, tmp_path / "run")
    after, before = _last(tmp_path / "run").network, _start(recipe)
    task, network = (
        load_task(recipe, {}),
        nn.ModuleDict({"generator": nn.Linear(1, 1), "critic": nn.Linear(1, 1)}),
    )
    network.load_state_dict(before)
    batch = task.batch(ExampleOrder(100, 8, recipe.seed).indices(0), torch.Generator())
    # The batch of the run has noise of its own; the signs of the gradients do not hang on it.
    parts = task.loss(network, batch, torch.Generator())
    for part, key in (("generator", "loss"), ("critic", "critic")):
        names = [name for name in before if name.startswith(part)]
        gradients = torch.autograd.grad(
            parts[key], [network.get_parameter(n) for n in names], retain_graph=True, allow_unused=True
        )
        for name, gradient in zip(names, gradients, strict=True):
            moved = after[name] - before[name]
            expected = torch.zeros_like(moved) if gradient is None else -0.02 * gradient.sign()
            torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-5)


def test_the_average_is_what_its_definition_says(tmp_path, toy):
    recipe = toy(data={"is_plain": True}, average=0.5, max_steps=2, checkpoint_every=1)
    train(recipe, {}, tmp_path / "whole")
    one = toy(data={"is_plain": True}, average=0.5, max_steps=1, checkpoint_every=1)
    train(one, {}, tmp_path / "one")
    first, second = _last(tmp_path / "one"), _last(tmp_path / "whole")
    for name, start in _start(recipe).items():
        after_one = 0.1 * start + 0.9 * first.network[name]
        share = 2 / 11
        expected = share * after_one + (1 - share) * second.network[name]
        torch.testing.assert_close(second.average[name], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["shared", "frozen", "missing"])
def test_groups_that_cannot_be_trained_are_refused(tmp_path, toy, monkeypatch, kind):
    import toy_task

    def optimisers(self, network):
        every = list(network.parameters())
        if kind == "frozen":
            network.requires_grad_(False)
        return [(every, "loss"), (every[:1] if kind == "shared" else [], "critic")][: 1 + (kind == "shared")]

    monkeypatch.setattr(toy_task.ToyPairTask, "optimisers", optimisers)
    if kind == "missing":
        monkeypatch.setattr(
            toy_task.ToyPairTask, "loss", lambda self, n, b, g: {"square": n["critic"](b["x"]).sum()}
        )
    sentence = {"shared": "share a parameter", "frozen": "no parameter to train", "missing": "no loss 'loss'"}
    with pytest.raises(TrainingError, match=sentence[kind]):
        train(toy("ToyPairTask"), {}, tmp_path / "run")


def test_a_part_in_evaluation_mode_stays_in_it(tmp_path, toy, monkeypatch):
    import toy_task

    plain, seen = toy_task.ToyTask.network, []

    def network(self):
        made = plain(self)
        made[1].eval()
        return made

    loss = toy_task.ToyTask.loss
    monkeypatch.setattr(toy_task.ToyTask, "network", network)
    monkeypatch.setattr(
        toy_task.ToyTask,
        "loss",
        lambda self, n, b, g: (seen.append((n[1].training, n[2].training)), loss(self, n, b, g))[1],
    )
    train(toy(max_steps=10), {}, tmp_path / "run")
    assert set(seen) == {(False, True)}
