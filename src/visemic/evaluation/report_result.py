"""What a report holds: a row a predictor, with values by clip, and what is computed from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.evaluation.metrics_uncertainty import Comparison, Estimate, bootstrap_mean, compare_paired, holm
from visemic.evaluation.protocol import Protocol
from visemic.evaluation.report_floor import Floor
from visemic.evaluation.report_predictor import ALWAYS, RULES


@dataclass(frozen=True, eq=False)
class CurveSample:
    """Curves of one clip, to be drawn."""

    clip_id: str
    rate: Rate
    channels: tuple[str, ...]
    target: Float[np.ndarray, "frames channels"]
    predicted: Mapping[str, Float[np.ndarray, "frames channels"]]
    """By row."""


@dataclass(eq=False)
class Row:
    """One predictor's values."""

    name: str
    values: dict[str, Float[np.ndarray, " clips"]]
    """By metric; NaN where it does not apply."""
    weights: dict[str, Float[np.ndarray, " clips"]]
    set_values: dict[str, float] = field(default_factory=dict)
    """Metrics of all clips together."""
    failures: dict[str, str] = field(default_factory=dict)
    """Sentence by clip that could not be predicted or compared."""
    unscored: dict[str, str] = field(default_factory=dict)
    """Sentence by clip of whose sound and motion a scorer could not tell."""


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured."""

    protocol: Protocol
    rows: tuple[Row, ...]
    """The four that every table has, then the predictors."""
    speakers: tuple[str, ...]
    """Of each clip."""
    licences: tuple[str, ...]
    rig: str
    samples: tuple[CurveSample, ...]
    by_speaker: bool = False
    """Whether speakers are redrawn instead of clips."""
    _estimates: dict[tuple[str, str], Estimate] = field(default_factory=dict, init=False, repr=False)
    _comparisons: dict[str, dict[tuple[str, str], Comparison]] = field(
        default_factory=dict, init=False, repr=False
    )

    def row(self, name: str) -> Row:
        """Give a row by name.

        Raises:
            InputError: There is no such row.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise InputError(f"no row {name!r} in the report; there are {', '.join(r.name for r in self.rows)}")

    def estimate(self, row: Row, metric: str) -> Estimate:
        """Give the mean of a metric with its interval."""
        key = row.name, metric
        if key not in self._estimates:
            self._estimates[key] = bootstrap_mean(
                row.values[metric],
                self.protocol.seed,
                weights=row.weights[metric],
                groups=self.speakers if self.by_speaker else None,
                n_draws=self.protocol.n_draws,
            )
        return self._estimates[key]

    def comparisons(self, metric: str) -> dict[tuple[str, str], Comparison]:
        """Compare every predictor with the rules and with every other predictor, clip by clip."""
        if metric in self._comparisons:
            return self._comparisons[metric]
        models = [r for r in self.rows if r.name not in ALWAYS]
        rules = self.row(RULES)
        found = {}
        for number, row in enumerate(models):
            for other in [rules, *models[:number]]:
                result = compare_paired(row.values[metric], other.values[metric], self.protocol.seed)
                if result.n:
                    found[row.name, other.name] = result
        self._comparisons[metric] = found
        return found

    def adjusted_p(self, metric: str) -> dict[tuple[str, str], float]:
        """Give the p values of ``comparisons`` adjusted for their number."""
        found = self.comparisons(metric)
        return dict(zip(found, holm([c.p_permutation for c in found.values()]), strict=True))


@dataclass(frozen=True)
class Film:
    """A film of a clip with a still of it, to be written beside the tables."""

    stem: str
    """Name of its files without suffix."""
    caption: str
    write_video: Callable[[Path], None]
    """Writes MP4."""
    write_still: Callable[[Path], None]
    """Writes PNG."""


@dataclass(frozen=True)
class Extras:
    """What stands in a report besides what was measured."""

    floors: tuple[Floor, ...] = ()
    films: tuple[Film, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences for the reader, such as masks that are missing."""
