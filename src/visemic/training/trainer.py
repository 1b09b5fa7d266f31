"""Train a recipe, from nothing or from where it stopped.

Lightning drives the devices; what a step is, what a checkpoint holds and when to stop is
ours, because the promise is exact: a training killed at any moment and resumed ends with the
same parameters, bit for bit, as one that was left alone (on the CPU with as many threads;
GPUs add numbers in an order of their own).
"""

import logging
import platform
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from visemic import __version__
from visemic.core.errors import TrainingError
from visemic.training.folder import TrainFolder, TrainState
from visemic.training.loop import Progress, TrainLoop
from visemic.training.order import ExampleOrder, Purpose, StepBatches, derived_seed, seed_torch
from visemic.training.recipe import Recipe
from visemic.training.task import Task, load_task

_QUIET_LOGGERS = ("lightning.pytorch", "lightning.fabric")
_SECONDS = 60.0


@dataclass(frozen=True)
class TrainResult:
    """What came of a call to ``train``."""

    folder: Path
    model: Path
    """Folder of the artefact of the best network; not there before the first validation."""
    step: int
    """Steps done in all."""
    best_step: int
    """Steps done when validation was best."""
    metrics: dict[str, float]
    """What validation gave for the best network."""
    stopped: str
    """steps, patience, or minutes: then it can be resumed."""
    device: str
    """``"cpu"`` or ``"cuda"``."""
    notes: tuple[str, ...]
    """What a user should know, such as that there is no GPU."""
    duration_s: float
    """Wall-clock time of this call."""


def train(
    recipe: Recipe,
    data_paths: Mapping[str, Path],
    out: Path,
    *,
    resume: bool = False,
    devices: int = 1,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> TrainResult:
    """Train a recipe into a folder.

    Args:
        recipe: What to train and how.
        data_paths: Where the task's data lie, by name.
        out: Folder to make, or to go on with.
        resume: Go on from the last checkpoint; ``max_minutes`` count from now.
        devices: GPUs, or processes on the CPU where there is none; each takes a share of every batch.
        overwrite: Throw away the training that is in the folder.
        progress: Called after each report, in this process.

    Raises:
        TrainingError: A loss is not finite, the recipe is not the one that was begun, or there are
            fewer GPUs than devices asked for.
        OutputError: The folder exists or cannot be written.
        InputError: There is no such task.
    """
    started = time.monotonic()
    device, notes = choose_device(devices)
    if devices > recipe.schedule.batch_size:
        raise TrainingError(
            f"a batch of {recipe.schedule.batch_size} cannot be shared by {devices} devices; "
            "set a larger schedule.batch_size"
        )
    task = load_task(recipe, data_paths)
    # Data that cannot be read are found out before a folder is made.
    ExampleOrder(task.n_examples(), recipe.schedule.batch_size, recipe.seed)
    folder = TrainFolder(out)
    folder.open(recipe, resume=resume, overwrite=overwrite)
    with folder.held(), _own_chance():
        state = folder.read_state()
        if state is None or not _is_over(state):
            folder.add_run(_run_facts(device, devices, data_paths, state))
            if devices == 1:
                run_loop(task, recipe, out, device, 1, progress)
            else:
                from visemic.training.parallel import run_on_devices

                run_on_devices(recipe, data_paths, out, device, devices, progress)
        state = folder.read_state()
        assert state is not None
        _save_best(task, recipe, folder, state)
    return TrainResult(
        folder=out,
        model=folder.model,
        step=state.step,
        best_step=state.best_step,
        metrics=dict(state.best),
        stopped=state.stopped,
        device=device,
        notes=notes,
        duration_s=time.monotonic() - started,
    )


def run_loop(
    task: Task,
    recipe: Recipe,
    out: Path,
    device: str,
    devices: int,
    progress: Callable[[Progress], None] | None,
) -> None:
    """Make the steps that are left, as one of several processes or alone.

    Raises:
        TrainingError: A loss is not finite.
    """
    schedule = recipe.schedule
    deadline_s = time.monotonic() + (schedule.max_minutes * _SECONDS or float("inf"))
    folder = TrainFolder(out)
    state = folder.read_state()
    loop = TrainLoop(
        task, recipe, new_network(task, recipe), folder, deadline_s=deadline_s, progress=progress
    )
    if state is not None:
        loop.restore(state)
    with _quiet_lightning():
        trainer = pl.Trainer(
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=devices,
            strategy=_SharedGradients() if devices > 1 else "auto",
            max_epochs=1,
            barebones=True,
            use_distributed_sampler=False,
            default_root_dir=out,
        )
        if trainer.is_global_zero:
            folder.cut_log(loop.step)
        order = ExampleOrder(task.n_examples(), schedule.batch_size, recipe.seed)
        batches = StepBatches(task, order, recipe.seed, trainer.global_rank, devices)
        loader = DataLoader(
            batches,
            sampler=range(loop.step, schedule.max_steps),
            batch_size=None,
            num_workers=schedule.workers,
            pin_memory=device == "cuda",
        )
        _fit(trainer, loop, loader)


def _fit(trainer: pl.Trainer, loop: TrainLoop, loader: DataLoader) -> None:
    """Let Lightning run, and give Ctrl-C back as what it is."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(loop, loader)
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        # Lightning turns Ctrl-C into an exit and leaves the signal ignored.
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


class _SharedGradients(DDPStrategy):
    """Lightning's processes, without its wrapper: the loop averages the gradients itself.

    The wrapper knows one backward pass a step; a task with several losses has several.
    """

    def configure_ddp(self) -> None:
        """Leave the module as it is."""


def new_network(task: Task, recipe: Recipe) -> torch.nn.Module:
    """Give a task's network with the parameters of the recipe's seed."""
    seed_torch(derived_seed(recipe.seed, Purpose.NETWORK))
    return task.network()


def _is_over(state: TrainState) -> bool:
    return state.stopped in ("steps", "patience")


def _save_best(task: Task, recipe: Recipe, folder: TrainFolder, state: TrainState) -> None:
    """Write the artefact of the best network; without a validation so far, there is none."""
    if state.best_step < 0:
        return
    network = new_network(task, recipe)
    network.load_state_dict(folder.read_best(state.best_step))
    with tempfile.TemporaryDirectory(dir=folder.path, prefix=".model-") as made:
        target = Path(made) / "model"
        target.mkdir()
        task.save(network.eval().requires_grad_(False), target, state.best)
        folder.replace_model(target)


def choose_device(devices: int) -> tuple[str, tuple[str, ...]]:
    """Give the kind of device that training will run on, and what to say about it.

    Raises:
        TrainingError: There are fewer GPUs than devices asked for, but not none.
    """
    if devices < 1:
        raise TrainingError(f"training on {devices} devices is not possible; give at least 1")
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if n_gpus == 0:
        return "cpu", ("no GPU was found; training runs on the CPU",)
    if devices > n_gpus:
        raise TrainingError(f"{devices} devices are asked for and there are {n_gpus} GPUs; give at most that")
    return "cuda", ()


def _run_facts(
    device: str, devices: int, data_paths: Mapping[str, Path], state: TrainState | None
) -> dict[str, Any]:
    return {
        "from_step": 0 if state is None else state.step,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "devices": devices,
        "threads": torch.get_num_threads(),
        "data": {name: str(path) for name, path in data_paths.items()},
        "versions": {
            "visemic": __version__,
            "torch": torch.__version__,
            "lightning": pl.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


@contextmanager
def _own_chance() -> Iterator[None]:
    """Leave the caller's random numbers as they were."""
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    with torch.random.fork_rng(devices=list(gpus)):
        yield


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's advice to itself; the library says what it has to say through its result."""
    levels = {name: logging.getLogger(name).level for name in _QUIET_LOGGERS}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\.")
        warnings.filterwarnings("ignore", category=pl.utilities.warnings.PossibleUserWarning)
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
