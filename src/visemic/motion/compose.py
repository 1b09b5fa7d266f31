"""Curves by name put together into one motion."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from visemic.core.clock import Rate
from visemic.core.errors import LayoutError
from visemic.core.layout import ARKIT_52, Layout
from visemic.core.signals import Motion

_SMALL = 1e-5
"""Weights below this are nothing: curves that have died away are exactly at rest."""


def compose(
    parts: list[Mapping[str, Float[np.ndarray, " frames"]]], layout: Layout, rate: Rate, n_frames: int
) -> Motion:
    """Give the motion whose channels are the sums of the parts' curves.

    Weights are clipped to 0..1, rotations are not.

    Raises:
        LayoutError: A curve's channel is not in the layout, or its length is not ``n_frames``.
    """
    values = np.zeros((n_frames, len(layout)), np.float32)
    for part in parts:
        for name, curve in part.items():
            if len(curve) != n_frames:
                raise LayoutError(
                    f"curve {name!r} has {len(curve)} frames and the motion {n_frames}; "
                    "sample it at the frames' times"
                )
            values[:, layout.index(name)] += curve.astype(np.float32)
    for column, name in enumerate(layout):
        if name in ARKIT_52:
            np.clip(values[:, column], 0.0, 1.0, out=values[:, column])
    values[np.abs(values) < _SMALL] = 0.0
    return Motion(values, layout, rate)
