"""Floors: numbers that somebody else measured, printed below the rows of a report.

They are read from a TOML file, each with its source, and never compared by a test: their clips
are not at hand.

    [[floor]]
    name = "ridge on log-mels"
    source = "ridge regression, 32 log-mels, held-out clips of talker s1"
    [floor.metrics]
    lip_gap_correlation_pooled = 0.83
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from visemic.core.errors import FormatError, InputError, unknown_name
from visemic.evaluation.report_metric import metric_names
from visemic.evaluation.report_predictor import ALWAYS


@dataclass(frozen=True)
class Floor:
    """A row of somebody else's numbers."""

    name: str
    source: str
    """Where they come from, and on which clips."""
    values: Mapping[str, float]
    """By metric, in the unit of the metric, not in that of a table."""


def read_floors(path: Path) -> tuple[Floor, ...]:
    """Read the floors of a TOML file.

    Raises:
        FormatError: The file cannot be read, or a floor lacks a name, a source or a number.
        InputError: A metric is unknown, or two floors share a name.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(
            f"floors {str(path)!r} cannot be read: {error.strerror or error}; give a TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"floors {str(path)!r} is not TOML: {error}") from error
    tables = data.get("floor")
    if set(data) != {"floor"} or not isinstance(tables, list) or not tables:
        raise FormatError(f"floors {str(path)!r} has no [[floor]] tables alone; give at least one")
    floors = tuple(_floor(table, f"floor {n + 1} of {str(path)!r}") for n, table in enumerate(tables))
    names = [floor.name for floor in floors]
    for name in names:
        if name in ALWAYS or names.count(name) > 1:
            raise InputError(f"floor {name!r} of {str(path)!r} has the name of another row; rename it")
    return floors


def _floor(table: object, where: str) -> Floor:
    if not isinstance(table, dict) or set(table) != {"name", "source", "metrics"}:
        raise FormatError(f"{where} needs name, source and a table metrics, and nothing else")
    name, source, metrics = table["name"], table["source"], table["metrics"]
    if not (isinstance(name, str) and name and isinstance(source, str) and source):
        raise FormatError(f"{where} needs name and source as text")
    if not isinstance(metrics, dict) or not metrics:
        raise FormatError(f"{where} needs metrics with numbers")
    for metric, value in metrics.items():
        if metric not in metric_names():
            raise InputError(f"{where}: {unknown_name('metric', metric, metric_names())}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise FormatError(f"{where} has {value!r} for {metric}; give a number")
    return Floor(name, source, {metric: float(value) for metric, value in metrics.items()})
