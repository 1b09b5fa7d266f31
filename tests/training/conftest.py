"""Toy trainings: small recipes, and states compared bit by bit."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="the train extra is not installed")

import torch

sys.path.insert(0, str(Path(__file__).parent))


def _same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b


@pytest.fixture
def same_bits():
    """Give a check that two folders of training hold the same, bit for bit."""

    def check(first: Path, second: Path) -> None:
        a, b = (torch.load(f / "state" / "last.pt", weights_only=True) for f in (first, second))
        different = [name for name in a if not _same(a[name], b[name])]
        assert different == []
        for file in ("metrics.jsonl", "model/model.safetensors"):
            assert (first / file).read_bytes() == (second / file).read_bytes()

    return check


@pytest.fixture
def toy():
    """Give a function that makes a recipe of the toy task; words change its schedule."""
    from visemic.training.recipe import recipe_from_dict

    def make(task="ToyTask", data=None, optimiser=None, seed=3, **schedule):
        return recipe_from_dict(
            {
                "name": "toy",
                "task": f"toy_task:{task}",
                "seed": seed,
                "data": data or {},
                "optimiser": {"learning_rate": 0.02, "clip_norm": 5.0, **(optimiser or {})},
                "schedule": {
                    "max_steps": 24,
                    "batch_size": 8,
                    "validate_every": 7,
                    "checkpoint_every": 10,
                    "log_every": 3,
                    **schedule,
                },
            }
        )

    return make
