"""One step after another: the module that Lightning drives.

A step takes its batch, asks the task for its losses, gives every group of parameters the
gradient of its own loss, averages gradients over the devices, refuses what is not finite,
clips, and lets the optimisers step. Every draw is seeded by the step, so the loop carries no
generator along.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightning.pytorch as pl
import torch
from torch import nn

from visemic.core.errors import TrainingError
from visemic.training.folder import TrainFolder, TrainState
from visemic.training.order import Purpose, derived_seed, seed_torch
from visemic.training.recipe import Optimiser, Recipe
from visemic.training.task import Batch, SeveralOptimisers, Task

Group = tuple[list[nn.Parameter], str]


@dataclass(frozen=True)
class Progress:
    """How a training stands, for whoever shows it."""

    step: int
    """Steps done."""
    max_steps: int
    losses: dict[str, float] = field(default_factory=dict)
    """Parts of the loss at this step; empty if only validated."""
    validation: dict[str, float] = field(default_factory=dict)
    """Figures on the validation data; empty between validations."""
    is_best: bool = False
    """Whether this validation is the best so far."""


def learning_rate_at(optimiser: Optimiser, step: int, max_steps: int) -> float:
    """Give the learning rate of a step, counted from 0."""
    if step < optimiser.warmup_steps:
        return optimiser.learning_rate * (step + 1) / optimiser.warmup_steps
    if optimiser.decay == "constant":
        return optimiser.learning_rate
    share = (step - optimiser.warmup_steps) / max(1, max_steps - optimiser.warmup_steps)
    return optimiser.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


class TrainLoop(pl.LightningModule):
    """The network under training with all that a step changes."""

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        network: nn.Module,
        folder: TrainFolder,
        *,
        deadline_s: float,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        decay = recipe.schedule.average
        self.average = copy.deepcopy(network).requires_grad_(False) if decay else None
        self._task, self._recipe, self._folder = task, recipe, folder
        self._deadline_s, self._progress = deadline_s, progress
        self._groups, self._n_examples = _groups(task, network), task.n_examples()
        self.step, self.best_step, self.n_worse, self.stopped = 0, -1, 0, ""
        self.best: dict[str, float] = {}
        self._losses: dict[str, float] = {}
        self._norm, self._is_late = 0.0, False
        self._kept_step = 0
        self._restored: list[dict[str, Any]] = []

    def restore(self, state: TrainState) -> None:
        """Take over a checkpoint.

        Raises:
            TrainingError: The data have changed since.
        """
        if self._n_examples != state.n_examples:
            raise TrainingError(
                f"the training was begun on {state.n_examples} examples and there are now "
                f"{self._n_examples}; bring the data back or begin again"
            )
        self.network.load_state_dict(state.network)
        if self.average is not None:
            self.average.load_state_dict(state.average)
        self.step, self.best_step, self.n_worse = state.step, state.best_step, state.n_worse
        self.best, self._kept_step = dict(state.best), state.step
        self._restored = state.optimisers

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Give one optimiser for each group; Lightning's name for it."""
        config = self._recipe.optimiser
        kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
        optimisers: list[torch.optim.Optimizer] = [
            kind(
                parameters,
                lr=config.learning_rate,
                betas=config.betas,
                weight_decay=config.weight_decay,
                fused=True,
            )
            for parameters, _ in self._groups
        ]
        for optimiser, state in zip(optimisers, self._restored, strict=bool(self._restored)):
            optimiser.load_state_dict(state)
        return optimisers

    def on_train_start(self) -> None:
        """Write the checkpoint of step 0, so that there is always one to go back to."""
        if self.step == 0:
            self._write_checkpoint()

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Make one step; Lightning's name for it."""
        seed, step, device = self._recipe.seed, self.step, self.global_rank
        seed_torch(derived_seed(seed, Purpose.STEP, step, device))
        generator = torch.Generator(self.device)
        generator.manual_seed(derived_seed(seed, Purpose.LOSS, step, device))
        parts = self._task.loss(self.network, batch, generator)
        self._set_gradients(parts)
        gradients = [p.grad for parameters, _ in self._groups for p in parameters if p.grad is not None]
        if self.trainer.world_size > 1:
            _average(gradients)
        norm = nn.utils.get_total_norm(gradients)
        names = list(parts)
        # One transfer for all numbers: each would make a GPU wait.
        numbers = torch.stack([norm.detach(), *(parts[name].detach().float() for name in names)]).tolist()
        self._norm, losses = numbers[0], dict(zip(names, numbers[1:], strict=True))
        self._refuse_what_is_not_finite(losses)
        if self._recipe.optimiser.clip_norm:
            nn.utils.clip_grads_with_norm_(
                self._parameters_in_groups(), self._recipe.optimiser.clip_norm, norm
            )
        self._step_optimisers()
        self._losses = losses
        self.step += 1

    def _parameters_in_groups(self) -> list[nn.Parameter]:
        return [p for parameters, _ in self._groups for p in parameters]

    def _set_gradients(self, parts: Mapping[str, torch.Tensor]) -> None:
        """Give each group the gradient of its own loss, all from one forward pass."""
        for number, (parameters, key) in enumerate(self._groups):
            if key not in parts:
                raise TrainingError(f"the task gave no loss {key!r}; its parts are {', '.join(parts)}")
            gradients = torch.autograd.grad(
                parts[key], parameters, retain_graph=number + 1 < len(self._groups), allow_unused=True
            )
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is None and self.trainer.world_size > 1:
                    gradient = torch.zeros_like(parameter)  # every device must send the same tensors
                parameter.grad = gradient

    def _refuse_what_is_not_finite(self, losses: Mapping[str, float]) -> None:
        bad = not all(math.isfinite(number) for number in (self._norm, *losses.values()))
        self._is_late = time.monotonic() > self._deadline_s
        if self.trainer.world_size > 1:
            # All devices stop at the same step, or the others would wait for ever.
            flags = torch.tensor([bad, self._is_late], dtype=torch.float32, device=self.device)
            torch.distributed.all_reduce(flags)
            bad, self._is_late = (bool(flag > 0) for flag in flags.tolist())
        if not bad:
            return
        names = sorted(losses, key=lambda name: name == "loss")  # a part tells more than the sum
        name = next((n for n in names if not math.isfinite(losses[n])), "")
        what = f"loss part {name!r} is {losses[name]}" if name else f"the gradient's norm is {self._norm}"
        raise TrainingError(
            f"{what} at step {self.step + 1}; the checkpoint of step {self._kept_step} is kept; "
            "lower optimiser.learning_rate or set optimiser.clip_norm"
        )

    def _step_optimisers(self) -> None:
        schedule = self._recipe.schedule
        rate = learning_rate_at(self._recipe.optimiser, self.step, schedule.max_steps)
        for optimiser in _listed(self.optimizers()):
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        for parameter in self._parameters_in_groups():
            parameter.grad = None
        if self.average is not None:
            _move_average(self.average, self.network, schedule.average, self.step)

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        """Log, validate, write checkpoints and stop, when it is time."""
        schedule = self._recipe.schedule
        is_last = self.step == schedule.max_steps
        line: dict[str, Any] = {"step": self.step}
        if is_last or self.step % schedule.log_every == 0:
            line["losses"] = self._shared_losses()
            line["gradient_norm"] = self._norm
            line["learning_rate"] = learning_rate_at(
                self._recipe.optimiser, self.step - 1, schedule.max_steps
            )
        is_best = False
        if is_last or self.step % schedule.validate_every == 0:
            line["validation"] = self._validate()
            is_best = self.best_step == self.step
            if schedule.patience and self.n_worse >= schedule.patience:
                self.stopped = "patience"
        if is_last:
            self.stopped = self.stopped or "steps"
        elif self._is_late:
            self.stopped = self.stopped or "minutes"
        if len(line) > 1:
            self._report(line, is_best=is_best)
        if self.stopped or self.step % schedule.checkpoint_every == 0:
            self._write_checkpoint()
        if self.stopped:
            self.trainer.should_stop = True

    def _shared_losses(self) -> dict[str, float]:
        """Give the parts of the loss, averaged over the devices."""
        if self.trainer.world_size == 1:
            return dict(self._losses)
        shared = torch.tensor(list(self._losses.values()), device=self.device)
        _average([shared])
        return dict(zip(self._losses, shared.tolist(), strict=True))

    def _validate(self) -> dict[str, float]:
        network = self.network if self.average is None else self.average
        modes = [(module, module.training) for module in network.modules()]
        network.eval()
        seed_torch(derived_seed(self._recipe.seed, Purpose.VALIDATION))
        with torch.no_grad():
            metrics = {name: float(value) for name, value in self._task.validate(network).items()}
        for module, mode in modes:  # one by one: a task may keep a frozen part in evaluation mode
            module.training = mode
        metrics = self.trainer.strategy.broadcast(metrics)
        if not math.isfinite(metrics.get("loss", math.nan)):
            raise TrainingError(
                f"validation gave the loss {metrics.get('loss')} after step {self.step}; the checkpoint of "
                f"step {self._kept_step} is kept; look at the validation data"
            )
        if self.best_step < 0 or metrics["loss"] < self.best["loss"]:
            self.best, self.best_step, self.n_worse = metrics, self.step, 0
            if self.trainer.is_global_zero:
                self._folder.write_best(self.step, _on_cpu(network))
        else:
            self.n_worse += 1
        return metrics

    def _report(self, line: Mapping[str, Any], *, is_best: bool) -> None:
        if not self.trainer.is_global_zero:
            return
        self._folder.log(line)
        if self._progress is not None:
            losses, validation = line.get("losses", {}), line.get("validation", {})
            self._progress(Progress(self.step, self._recipe.schedule.max_steps, losses, validation, is_best))

    def _write_checkpoint(self) -> None:
        self._kept_step = self.step
        if not self.trainer.is_global_zero:
            return
        self._folder.write_state(
            TrainState(
                step=self.step,
                network=_on_cpu(self.network),
                average={} if self.average is None else _on_cpu(self.average),
                optimisers=[optimiser.state_dict() for optimiser in _listed(self.optimizers())],
                best_step=self.best_step,
                best=self.best,
                n_worse=self.n_worse,
                n_examples=self._n_examples,
                stopped=self.stopped,
            )
        )


def _groups(task: Task, network: nn.Module) -> list[Group]:
    """Give the parameters that train, grouped by the loss they follow."""
    if isinstance(task, SeveralOptimisers):
        groups = [([p for p in group if p.requires_grad], key) for group, key in task.optimisers(network)]
    else:
        groups = [([p for p in network.parameters() if p.requires_grad], "loss")]
    if not all(parameters for parameters, _ in groups):
        raise TrainingError("the network has no parameter to train; look at what is frozen")
    every = [id(p) for parameters, _ in groups for p in parameters]
    if len(set(every)) < len(every):
        raise TrainingError("two groups of optimisers share a parameter; give each parameter to one")
    return groups


def _listed(optimisers: Any) -> Sequence[Any]:
    """Give the optimisers as a list; Lightning gives a single one bare."""
    return optimisers if isinstance(optimisers, list) else [optimisers]


def _average(tensors: Sequence[torch.Tensor]) -> None:
    """Replace tensors by their mean over all devices, in one exchange."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged parameters towards the network's; young averages move faster."""
    share = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), share)
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(now)


def _on_cpu(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
