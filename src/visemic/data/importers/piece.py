"""From rows with times to stretches without holes.

A face that was lost for two frames can be bridged with a straight line; one that was lost
for a second cannot, or a model would learn that faces freeze. Such a take becomes two clips.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.export.time_grid import resample_rows

MAX_BRIDGE_S = 0.25
"""Longest hole that a straight line may cross."""
_LATE = 1.5
"""A row that comes later than this many frames has lost a neighbour."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of frames on an exact clock."""

    start_s: float
    """Time of the first frame on the clock of the rows."""
    values: Float32[np.ndarray, "frames channels"]
    n_inserted: int
    """Frames that no row gave."""
    first_insertion: int | None
    """The row before the first hole that was bridged, None without one."""


def pieces(
    times_s: Float[np.ndarray, " rows"],
    values: Float32[np.ndarray, "rows channels"],
    rate: Rate,
    *,
    exact: bool = False,
    max_bridge_s: float = MAX_BRIDGE_S,
) -> Iterator[Piece]:
    """Cut rows where a hole is too long to bridge and put each stretch on a clock.

    Args:
        times_s: Time of each row in seconds, strictly ascending.
        values: One row a time.
        rate: Clock of the result.
        exact: Whether rows without holes lie on that clock already and are kept as they are.
        max_bridge_s: Longest hole that is filled with straight lines.
    """
    steps_s = np.diff(times_s)
    cuts = np.flatnonzero(steps_s > max_bridge_s + 1e-9) + 1
    bounds = [0, *cuts.tolist(), len(times_s)]
    for start, stop in pairwise(bounds):
        if stop == start:
            continue
        late = np.flatnonzero(steps_s[start : stop - 1] * float(rate) > _LATE)
        if exact and not len(late):
            part = values[start:stop]
        else:
            part = resample_rows(times_s[start:stop], values[start:stop], rate)
        missing = np.round(steps_s[start : stop - 1][late] * float(rate)).astype(int) - 1
        first = start + int(late[0]) if len(late) else None
        yield Piece(float(times_s[start]), part, int(missing.sum()), first)
