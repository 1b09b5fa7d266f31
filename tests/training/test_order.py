"""What comes when is a function of the seed and the step, and of nothing else."""

import pytest
import torch

from visemic.core.errors import TrainingError
from visemic.training.order import ExampleOrder, Purpose, StepBatches, derived_seed, seed_torch

torch.set_num_threads(1)


def test_every_epoch_shows_every_example_once():
    order = ExampleOrder(10, 4, seed=1)
    seen = [i for step in range(10) for i in order.indices(step)]
    epochs = [seen[k : k + 10] for k in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_the_order_does_not_depend_on_what_was_asked_before():
    forwards, backwards = ExampleOrder(7, 3, seed=5), ExampleOrder(7, 3, seed=5)
    there = [forwards.indices(step) for step in range(20)]
    assert [backwards.indices(step) for step in reversed(range(20))] == there[::-1]
    assert ExampleOrder(7, 3, seed=6).indices(0) != there[0] or ExampleOrder(7, 3, 6).indices(1) != there[1]


def test_a_batch_larger_than_the_data_goes_round():
    assert sorted(ExampleOrder(2, 6, seed=0).indices(3)) == [0, 0, 0, 1, 1, 1]


def test_no_examples_are_refused():
    with pytest.raises(TrainingError, match="no training examples"):
        ExampleOrder(0, 4, seed=0)


def test_no_two_purposes_steps_or_devices_share_a_seed():
    seeds = {
        derived_seed(s, p, step, d) for s in range(3) for p in Purpose for step in range(9) for d in range(2)
    }
    assert len(seeds) == 3 * len(Purpose) * 9 * 2


def test_devices_share_a_step_without_overlap(toy):
    from toy_task import ToyTask

    recipe = toy(data={"is_plain": True})
    order = ExampleOrder(100, 9, seed=2)
    shares = [StepBatches(ToyTask(recipe, {}), order, 2, device, 4)[5]["x"] for device in range(4)]
    together = torch.cat(shares)[:, 0]
    assert sorted(((together + 1) * 50).round().int().tolist()) == sorted(order.indices(5))


def test_seeding_is_that_of_torch():
    with torch.random.fork_rng():
        torch.manual_seed(11)
        first = torch.rand(3)
        seed_torch(11)
        assert torch.equal(torch.rand(3), first)
