"""Recipes: everything that decides a training, in one short TOML file.

A recipe may start from another one, ``extends = "conv-arkit.toml"``, and then states only
what differs, so an ablation is three lines. The tables ``data``, ``model`` and ``loss``
belong to the task, which reads them with the same strictness.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from visemic.core.config import check_keys, config_from_dict
from visemic.core.errors import FormatError, InputError


@dataclass(frozen=True)
class Schedule:
    """How long, how often, how much at once."""

    max_steps: int = 1000
    """Steps of the whole training."""
    batch_size: int = 32
    """Examples of a step, over all devices together."""
    validate_every: int = 200
    """Steps between validations; one more follows the last step."""
    patience: int = 0
    """Validations without a new best after which training stops; 0 never."""
    checkpoint_every: int = 200
    """Steps between checkpoints; what is lost at most when the process is killed."""
    max_minutes: float = 0.0
    """Minutes after which this call stops cleanly, to be resumed; 0 never."""
    average: float = 0.0
    """Decay a step of the moving average of the parameters, which is then what is validated and
    saved; 0 for none."""
    log_every: int = 50
    """Steps between lines of the log."""
    workers: int = 0
    """Processes that make batches ahead of time, on each device; 0 makes them in between."""

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "validate_every", "checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise InputError(f"schedule.{name} is {getattr(self, name)}; give at least 1")
        for name in ("patience", "max_minutes", "workers"):
            if getattr(self, name) < 0:
                raise InputError(f"schedule.{name} is {getattr(self, name):g}; give at least 0")
        if not 0 <= self.average < 1:
            raise InputError(f"schedule.average is {self.average:g}; give a decay from 0 to below 1")


@dataclass(frozen=True)
class Optimiser:
    """How parameters follow their gradients."""

    name: Literal["adam", "adamw"] = "adam"
    learning_rate: float = 1e-3
    """Largest step size, reached after the warm-up."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decays of the averages of the gradient and of its square."""
    weight_decay: float = 0.0
    warmup_steps: int = 0
    """Steps over which the learning rate rises in a line."""
    decay: Literal["constant", "cosine"] = "constant"
    """What the learning rate does after the warm-up; cosine ends at 0 at the last step."""
    clip_norm: float = 0.0
    """Largest norm of all gradients together; 0 does not clip."""

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"optimiser.learning_rate is {self.learning_rate:g}; give a number above 0")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"optimiser.betas are {list(self.betas)}; give two numbers from 0 to below 1")
        for name in ("weight_decay", "warmup_steps", "clip_norm"):
            if not getattr(self, name) >= 0:
                raise InputError(f"optimiser.{name} is {getattr(self, name):g}; give at least 0")


@dataclass(frozen=True)
class Recipe:
    """One training, as data."""

    name: str
    """The file's name unless it says otherwise."""
    task: str
    """Name of the task, or ``module:Class`` of one's own."""
    seed: int = 0
    """Seed of the parameters, of the order of examples and of every draw."""
    description: str = ""
    data: dict[str, object] = field(default_factory=dict)
    """The task's own table: which clips, which features."""
    model: dict[str, object] = field(default_factory=dict)
    """The network's configuration."""
    loss: dict[str, object] = field(default_factory=dict)
    """Factors of the loss terms."""
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; give a whole number from 0 to below 2^63")

    def to_dict(self) -> dict[str, object]:
        """Give the whole recipe as plain tables, defaults filled in."""
        table = asdict(self)
        table["optimiser"]["betas"] = list(self.optimiser.betas)
        return table


def read_recipe(path: Path) -> Recipe:
    """Read a recipe and those it extends.

    Tables are merged key by key, the extending file wins; a list is replaced as a whole.

    Raises:
        FormatError: A file is missing, is no TOML, extends itself, or has a key or value that
            cannot be used.
    """
    table = _read_merged(path, ())
    table.setdefault("name", path.stem)
    try:
        return recipe_from_dict(table)
    except InputError as error:
        raise FormatError(f"recipe {str(path)!r} cannot be used: {error}") from error


def recipe_from_dict(table: Mapping[str, object]) -> Recipe:
    """Give a recipe from plain tables.

    Raises:
        InputError: A key is unknown or missing, or a value is of another kind.
    """
    return config_from_dict(Recipe, table, "")


def _read_merged(path: Path, below: tuple[Path, ...]) -> dict[str, object]:
    """Give a file's tables laid over those it extends."""
    try:
        real = path.resolve(strict=True)
        table: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        by = f", which {str(below[-1].name)!r} extends," if below else ""
        raise FormatError(f"recipe {str(path)!r}{by} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"recipe {str(path)!r} is no TOML: {error}") from error
    if real in below:
        chain = " → ".join(p.name for p in (*below[below.index(real) :], real))
        raise FormatError(f"recipes extend each other in a circle: {chain}; take one extends out")
    base = table.pop("extends", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise FormatError(f"extends of {str(path)!r} is {base!r}; give the name of one recipe")
    under = _read_merged(path.parent / base, (*below, real))
    # A name and a description are of one file; a recipe that extends it is another one.
    under.pop("name", None)
    under.pop("description", None)
    try:
        check_keys(table, Recipe.__dataclass_fields__, "")
    except InputError as error:
        raise FormatError(f"recipe {str(path)!r} cannot be used: {error}") from error
    return _merged(under, table)


def _merged(under: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return result
