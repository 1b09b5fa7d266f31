"""What a trainable thing has to say; the loop around it is the same for all.

A task knows its data, its network and its losses. It holds no state that a step changes:
everything that training changes lives in the network and the optimisers, and every draw
comes from the generator that it is handed. That is what makes a training that was killed
and resumed end in the same bits.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from visemic.core.errors import InputError, TrainingError, unknown_name
from visemic.training.recipe import Recipe
from visemic.training.registry import TASKS

Batch = dict[str, torch.Tensor]
"""Named tensors, made on the CPU; the loop moves them to the network's device."""


@runtime_checkable
class Task(Protocol):
    """One trainable thing; constructed as ``TaskClass(recipe, data_paths)``, no work done yet."""

    def network(self) -> nn.Module:
        """Give the network with fresh parameters; the loop has seeded torch."""
        ...

    def n_examples(self) -> int:
        """Give the number of training examples, at least 1."""
        ...

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        """Give the batch of these examples.

        Args:
            indices: Examples, 0 to below ``n_examples``; with several devices, this device's share.
            generator: Every crop and augmentation draws from it, on the CPU.
        """
        ...

    def loss(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the parts of the loss as scalars; ``"loss"`` is minimised, the rest is logged.

        Args:
            network: In training mode.
            batch: On the network's device.
            generator: Draws of the loss itself, on the network's device.
        """
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give figures on the validation data; ``"loss"`` is watched, lower is better.

        Args:
            network: In evaluation mode, without gradients; the averaged one if there is one.
        """
        ...

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the artefact of the best network.

        Args:
            network: On the CPU, in evaluation mode.
            folder: Exists and is empty.
            metrics: What ``validate`` gave for it.
        """
        ...


@runtime_checkable
class SeveralOptimisers(Protocol):
    """A task whose parts follow different losses, as a generator and a discriminator do.

    All losses come from one call of ``loss``; each group of parameters gets the gradient of its
    own key only, and all groups step together.
    """

    def optimisers(self, network: nn.Module) -> list[tuple[Iterable[nn.Parameter], str]]:
        """Give groups of parameters, each with the key of the loss it follows."""
        ...


def load_task(recipe: Recipe, data_paths: Mapping[str, Path]) -> Task:
    """Give the task of a recipe, ready to be trained.

    A task that is not one of ours is named as ``module:Class`` and imported from there.

    Raises:
        InputError: There is no such task.
        TrainingError: The module named cannot be imported or has no such class.
    """
    module_name, colon, class_name = TASKS.get(recipe.task, recipe.task).partition(":")
    if not colon:
        raise InputError(unknown_name("task", recipe.task, TASKS))
    try:
        task_class = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        raise TrainingError(f"task {recipe.task!r} cannot be imported: {error}") from error
    except AttributeError:
        raise TrainingError(
            f"task {recipe.task!r} cannot be made: module {module_name!r} has no {class_name!r}"
        ) from None
    task: Task = task_class(recipe, {name: Path(path) for name, path in data_paths.items()})
    return task
