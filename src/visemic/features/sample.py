"""Features at other moments: exact interpolation on the clock.

Frame ``j`` of an animation at ``r`` frames a second lies at step ``(j / r - start) * rate`` of
the features, a number that is worked out in fractions; values between two steps are
interpolated linearly and the ends are held.
"""

from fractions import Fraction

import numpy as np
from jaxtyping import Float, Float32, Float64

from visemic.core.clock import Rate
from visemic.core.errors import ClockError
from visemic.core.signals import Features


def step_positions(
    n_frames: int, frame_rate: Rate, feature_rate: Rate, start_s: Fraction = Fraction(0)
) -> Float64[np.ndarray, " frames"]:
    """Give where each frame falls among the steps of features, in steps.

    Args:
        n_frames: Number of frames, the first at 0 s.
        frame_rate: Frames a second.
        feature_rate: Steps a second.
        start_s: Time of the middle of step 0.

    Example:
        >>> step_positions(3, Rate.of(30), Rate.of("62.5")).round(4).tolist()
        [0.0, 2.0833, 4.1667]
    """
    per_frame = feature_rate.hz / frame_rate.hz
    offset = start_s * feature_rate.hz
    denominator = per_frame.denominator * offset.denominator
    stride = int(per_frame * denominator)
    return (np.arange(n_frames, dtype=np.int64) * stride - int(offset * denominator)) / denominator


def values_at(
    values: Float[np.ndarray, "steps features"], positions: Float64[np.ndarray, " frames"]
) -> Float32[np.ndarray, "frames features"]:
    """Give rows between rows: linear, the ends held.

    Args:
        values: One row a step.
        positions: In steps; whole numbers give the rows themselves.

    Raises:
        ClockError: There is no row.
    """
    if len(values) == 0:
        raise ClockError("features have 0 steps; give at least one to interpolate")
    place = np.clip(positions, 0.0, len(values) - 1)
    below = np.minimum(np.floor(place).astype(np.int64), max(len(values) - 2, 0))
    above = np.minimum(below + 1, len(values) - 1)
    share = (place - below)[:, None].astype(np.float32)
    mixed = values[below] * (1 - share) + values[above] * share
    return mixed.astype(np.float32)


def at_rate(features: Features, rate: Rate, n_frames: int, start_s: Fraction = Fraction(0)) -> Features:
    """Give features at another rate, row ``j`` at exactly ``j / rate`` seconds.

    Args:
        features: One row a step.
        rate: Rows a second of what is given.
        n_frames: Number of rows.
        start_s: Time of the middle of the first step of ``features``.

    Raises:
        ClockError: There is no row.
    """
    positions = step_positions(n_frames, rate, features.rate, start_s)
    return Features(values_at(features.values, positions), rate, features.name, features.version)
