"""From rows with times to frames on a clock.

Recorders stamp each row with the time at which it was taken, and drop or repeat some. A
file that was written on an exact clock must come back untouched; any other is resampled.
"""

from fractions import Fraction

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate

EXACT_RATES = tuple(
    Rate(Fraction(hz))
    for hz in (
        24,
        25,
        30,
        48,
        50,
        60,
        90,
        100,
        120,
        240,
        "24000/1001",
        "30000/1001",
        "60000/1001",
        10,
        12,
        15,
    )
)
"""Rates that animation files are written at, whole ones first."""
RESAMPLED_RATES = tuple(Rate(Fraction(hz)) for hz in (24, 25, 30, 48, 50, 60, 90, 100, 120))
"""Rates that rows without an exact clock are brought to."""


def _grid_error_s(times_s: Float[np.ndarray, " rows"], rate: Rate) -> float:
    return float(np.abs(times_s - times_s[0] - rate.times_s(len(times_s))).max())


def fit_rate(
    times_s: Float[np.ndarray, " rows"], tolerance_s: float, known: Rate | None = None
) -> Rate | None:
    """Give the rate on whose ticks all rows lie, or None when there is no such rate.

    Args:
        times_s: Time of each row in seconds, ascending.
        tolerance_s: How far a row may lie from its tick.
        known: Rate that the file states; taken if the rows agree.
    """
    if len(times_s) < 2:
        return known
    if known is not None and _grid_error_s(times_s, known) <= tolerance_s:
        return known
    errors_s = [_grid_error_s(times_s, rate) for rate in EXACT_RATES]
    best = min(range(len(errors_s)), key=lambda i: (round(errors_s[i], 9), i))
    return EXACT_RATES[best] if errors_s[best] <= tolerance_s else None


def nearest_rate(times_s: Float[np.ndarray, " rows"]) -> Rate:
    """Give the usual whole rate nearest to the typical distance of the rows."""
    typical_hz = 1 / float(np.median(np.diff(times_s)))
    return min(RESAMPLED_RATES, key=lambda rate: abs(np.log(float(rate) / typical_hz)))


def resample_rows(
    times_s: Float[np.ndarray, " rows"], values: Float32[np.ndarray, "rows channels"], rate: Rate
) -> Float32[np.ndarray, "frames channels"]:
    """Give the values on the ticks of a clock that starts at the first row, by straight lines.

    Missing rows are bridged and rows between ticks are blended.

    Args:
        times_s: Time of each row in seconds, strictly ascending.
        values: One row a time.
        rate: Clock of the result.
    """
    span_s = float(times_s[-1] - times_s[0])
    ticks_s = rate.times_s(int(span_s * float(rate) + 1e-6) + 1) + times_s[0]
    columns = [np.interp(ticks_s, times_s, values[:, column]) for column in range(values.shape[1])]
    return np.stack(columns, axis=1).astype(np.float32)
