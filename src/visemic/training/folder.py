"""The folder of a training: what it was, how far it came, what was best.

``recipe.json`` is the whole recipe, ``run.json`` the versions and devices of every call,
``metrics.jsonl`` one line for each report, ``state/last.pt`` everything that a step changes,
``state/best-….pt`` the best network so far and ``model/`` the artefact. Each file is replaced
in one move, and the checkpoint names the best file that belongs to it, so a kill between any
two writes leaves a state that is whole.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from visemic.core.config import first_difference
from visemic.core.errors import OutputError, TrainingError
from visemic.training.recipe import Recipe

try:
    import fcntl
except ImportError:  # Windows has none; there nothing keeps two trainings apart
    fcntl = None  # type: ignore[assignment]

Tensors = dict[str, torch.Tensor]

_MAY_CHANGE = ("name", "description", "max_minutes")
"""What a resumed training may have otherwise: none changes a number."""


@dataclass(frozen=True)
class TrainState:
    """Everything that a step changes."""

    step: int
    """Steps done."""
    network: Tensors
    average: Tensors
    """The moving average of the parameters; empty without one."""
    optimisers: list[dict[str, Any]]
    best_step: int
    """Steps done at the best validation; -1 before the first."""
    best: dict[str, float] = field(default_factory=dict)
    """What the best validation gave."""
    n_worse: int = 0
    """Validations since."""
    n_examples: int = 0
    """Size of the training set."""
    stopped: str = ""
    """Why training ended: steps, patience or minutes; "" while it goes on."""


class TrainFolder:
    """Names, writes and reads the files of one training."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path / "model"
        self._recipe = path / "recipe.json"
        self._runs = path / "run.json"
        self._log = path / "metrics.jsonl"
        self._state = path / "state"
        self._last = self._state / "last.pt"

    def open(self, recipe: Recipe, *, resume: bool, overwrite: bool) -> None:
        """Make the folder, or check that what is in it can go on with this recipe.

        Raises:
            OutputError: The folder exists and neither was asked for, or cannot be made.
            TrainingError: There is nothing to resume, the recipe is another one, or the folder
                to overwrite is not one of a training.
        """
        if resume and overwrite:
            raise TrainingError("resume and overwrite exclude each other; give one of them")
        try:
            if resume:
                self._check_same(recipe)
            else:
                self._make(overwrite=overwrite)
            self._state.mkdir(exist_ok=True)
            _write_text(self._recipe, _pretty(recipe.to_dict()))
        except OSError as error:
            raise OutputError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from error

    def _make(self, *, overwrite: bool) -> None:
        if not self.path.parent.is_dir():
            raise OutputError(f"output folder {str(self.path.parent)!r} does not exist; create it first")
        if self.path.exists():
            if not overwrite:
                raise OutputError(
                    f"output {str(self.path)!r} exists; give another name, --resume or --overwrite"
                )
            if not self._recipe.is_file():
                raise TrainingError(
                    f"folder {str(self.path)!r} holds no training and is not overwritten; give another name"
                )
            for folder in (self._state, self.model):
                shutil.rmtree(folder, ignore_errors=True)
            for file in (self._log, self._runs, self._recipe):
                file.unlink(missing_ok=True)
        self.path.mkdir(exist_ok=True)

    def _check_same(self, recipe: Recipe) -> None:
        if not self.path.is_dir():
            raise TrainingError(f"there is no training to resume in {str(self.path)!r}; leave out --resume")
        if not self._recipe.is_file():
            if any(self.path.iterdir()):
                raise TrainingError(f"folder {str(self.path)!r} holds no training; give another name")
            return  # killed before the first file
        begun = json.loads(self._recipe.read_text(encoding="utf-8"))
        key = first_difference(_fixed(begun), _fixed(recipe.to_dict()))
        if key is not None:
            raise TrainingError(
                f"the training in {str(self.path)!r} was begun with another {key}: "
                f"{_look_up(begun, key)!r}, now {_look_up(recipe.to_dict(), key)!r}; "
                "give the recipe it was begun with or another folder"
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a second training out of the folder while this one goes on.

        Raises:
            TrainingError: Another process trains in it.
        """
        if fcntl is None:
            yield
            return
        with (self._state / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise TrainingError(
                    f"another process trains in {str(self.path)!r}; wait for it or stop it"
                ) from None
            yield

    def read_state(self) -> TrainState | None:
        """Give the last checkpoint; None if the training was killed before its first.

        Raises:
            TrainingError: The checkpoint cannot be read.
        """
        if not self._last.is_file():
            return None
        return TrainState(**_read(self._last))

    def write_state(self, state: TrainState) -> None:
        """Replace the last checkpoint and drop the best networks that it does not name."""
        _write_tensors(self._last, {name: getattr(state, name) for name in TrainState.__dataclass_fields__})
        for path in self._state.glob("best-*.pt"):
            if path != self._best_path(state.best_step):
                path.unlink()

    def read_best(self, step: int) -> Tensors:
        """Give the network that was best, as it was after this step.

        Raises:
            TrainingError: It cannot be read.
        """
        best: Tensors = _read(self._best_path(step))
        return best

    def write_best(self, step: int, network: Tensors) -> None:
        """Keep the best network; it counts once a checkpoint names it."""
        _write_tensors(self._best_path(step), network)

    def _best_path(self, step: int) -> Path:
        return self._state / f"best-{step:08d}.pt"

    def log(self, line: Mapping[str, object]) -> None:
        """Append a line to the log."""
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def cut_log(self, step: int) -> None:
        """Drop what was logged after a step, and a line that a kill cut short."""
        if not self._log.exists():
            return
        kept = []
        for line in self._log.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except json.JSONDecodeError:
                break
        _write_text(self._log, "".join(kept))

    def add_run(self, run: Mapping[str, object]) -> None:
        """Note the versions and devices of one call."""
        runs = json.loads(self._runs.read_text(encoding="utf-8")) if self._runs.is_file() else []
        _write_text(self._runs, _pretty([*runs, run]))

    def replace_model(self, made: Path) -> None:
        """Put a finished artefact in the place of an earlier one."""
        shutil.rmtree(self.model, ignore_errors=True)
        made.rename(self.model)


def _fixed(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Give the part of a recipe that a resumed training must share."""
    schedule = {k: v for k, v in recipe["schedule"].items() if k not in _MAY_CHANGE}
    rest = {k: v for k, v in recipe.items() if k not in _MAY_CHANGE}
    # Through JSON, so that tuples and lists are one kind.
    fixed: dict[str, Any] = json.loads(json.dumps({**rest, "schedule": schedule}, default=str))
    return fixed


def _look_up(table: Any, key: str) -> object:
    for part in key.split("."):
        table = table.get(part) if isinstance(table, Mapping) else None
    return table


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"


def _write_text(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _write_tensors(path: Path, value: object) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            torch.save(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError.
        raise OutputError(f"cannot write {str(path)!r}: {error}; free some space and resume") from error


def _read(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(
            f"checkpoint {str(path)!r} cannot be read ({type(error).__name__}); begin again with --overwrite"
        ) from error
