"""What comes when: examples and chance as pure functions of the recipe's seed and the step.

Nothing is carried from step to step, so nothing has to be stored to go on exactly: a step
that is made again after a kill sees the same examples and draws the same numbers.
"""

from enum import IntEnum

import numpy as np
import torch
from torch.utils.data import Dataset

from visemic.core.errors import TrainingError
from visemic.training.task import Batch, Task


class Purpose(IntEnum):
    """What a seed is for; no two purposes share their numbers."""

    NETWORK = 0
    ORDER = 1
    BATCH = 2
    LOSS = 3
    STEP = 4
    VALIDATION = 5


def derived_seed(seed: int, purpose: Purpose, *place: int) -> int:
    """Give the seed of one purpose at one place, such as a step and a device."""
    return int(np.random.SeedSequence([seed, int(purpose), *place]).generate_state(1, np.uint64)[0])


def seed_torch(seed: int) -> None:
    """Seed torch's global generators of the CPU and of GPUs in use.

    ``torch.manual_seed`` also queues a call, with a formatted stack, for every kind of device that
    is not there: half a millisecond a step, and memory that grows.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


class ExampleOrder:
    """The examples of every step: each epoch is a permutation of its own, and steps run across them."""

    def __init__(self, n_examples: int, batch_size: int, seed: int) -> None:
        if n_examples < 1:
            raise TrainingError("the task has no training examples; look at its data paths and split")
        self._n, self._batch_size, self._seed = n_examples, batch_size, seed
        self._epoch, self._permutation = -1, np.zeros(0, np.int64)

    def indices(self, step: int) -> list[int]:
        """Give the examples of a step, counted from 0."""
        found: list[int] = []
        for position in range(step * self._batch_size, (step + 1) * self._batch_size):
            epoch, place = divmod(position, self._n)
            if epoch != self._epoch:
                seed = derived_seed(self._seed, Purpose.ORDER, epoch)
                self._epoch, self._permutation = epoch, np.random.default_rng(seed).permutation(self._n)
            found.append(int(self._permutation[place]))
        return found


class StepBatches(Dataset[Batch]):
    """The batches of a task by step, for one of several devices."""

    def __init__(self, task: Task, order: ExampleOrder, seed: int, device: int, n_devices: int) -> None:
        self._task, self._order, self._seed = task, order, seed
        self._device, self._n_devices = device, n_devices

    def __getitem__(self, step: int) -> Batch:
        """Give this device's share of a step."""
        indices = self._order.indices(step)[self._device :: self._n_devices]
        seed = derived_seed(self._seed, Purpose.BATCH, step, self._device)
        # The global generator too: a crop that forgets its argument must not break a resume.
        seed_torch(seed)
        return self._task.batch(indices, torch.Generator().manual_seed(seed))
