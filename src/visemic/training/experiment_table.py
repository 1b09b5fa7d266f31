"""Numbers of an experiment as plain data: estimates, and comparisons clip by clip."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from visemic.evaluation.metrics_uncertainty import Estimate, compare_paired
from visemic.evaluation.report import Report


def paired_comparisons(
    report: Report, pairs: Iterable[tuple[str, str]], metrics: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    """Compare two rows of a report clip by clip, for each pair and metric that share clips.

    Args:
        report: What was measured.
        pairs: Names of rows; differences are the first minus the second.
        metrics: By name.
        seed: Start of the chance of intervals and permutations.
    """
    found = []
    for a, b in pairs:
        for metric in metrics:
            result = compare_paired(report.row(a).values[metric], report.row(b).values[metric], seed)
            if result.n:
                found.append(
                    {
                        "a": a,
                        "b": b,
                        "metric": metric,
                        "difference": number_of(result.difference),
                        "low": number_of(result.low),
                        "high": number_of(result.high),
                        "p": number_of(result.p_permutation),
                    }
                )
    return found


def plain(estimate: Estimate) -> dict[str, Any]:
    """Give an estimate as plain data, None for what is no number."""
    return {
        "mean": number_of(estimate.mean),
        "low": number_of(estimate.low),
        "high": number_of(estimate.high),
        "n": estimate.n,
    }


def number_of(value: float) -> float | None:
    """Give a finite number with seven digits, or None."""
    number = float(value)
    return float(f"{number:.7g}") if math.isfinite(number) else None
