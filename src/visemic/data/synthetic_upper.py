"""Brows and lids that move on their own: what a face does beside speaking, told by nothing that is heard.

The rules' brows follow loudness and accents, so a model that hears could guess them. A corpus from
which speech and expression are to be told apart needs an upper face that sound does not explain.
"""

from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from visemic.motion.contact_windows import smoothstep

_GESTURES = (
    {"browInnerUp": 0.8, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8},
    {"browInnerUp": 0.9, "browDownLeft": 0.2, "browDownRight": 0.2},
    {"browDownLeft": 0.9, "browDownRight": 0.9, "eyeSquintLeft": 0.3, "eyeSquintRight": 0.3},
    {"browOuterUpLeft": 0.9, "browInnerUp": 0.2},
    {"browOuterUpRight": 0.9, "browInnerUp": 0.2},
    {"eyeSquintLeft": 0.8, "eyeSquintRight": 0.8, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4},
    {"eyeWideLeft": 0.8, "eyeWideRight": 0.8, "browOuterUpLeft": 0.4, "browOuterUpRight": 0.4},
)
FREE_CHANNELS = tuple(sorted({name for gesture in _GESTURES for name in gesture}))
"""Channels that move on their own; none of them moves lips, jaw or tongue."""
_MEAN_GAP_S = 0.7
"""Between the beginnings of two gestures, at an amount of 1."""
_BEFORE_S = 1.5
"""Gestures begin so long before the clip, for nobody begins to have brows with the first word."""
_RANGES_S = MappingProxyType({"rise": (0.12, 0.4), "hold": (0.1, 1.0), "fall": (0.2, 0.6)})
_LEAST_HEIGHT = 0.3


def free_upper_face(
    times_s: Float[np.ndarray, " frames"], amount: float, generator: np.random.Generator
) -> dict[str, Float[np.ndarray, " frames"]]:
    """Give weights of gestures that come and go by chance alone.

    Args:
        times_s: Of the frames.
        amount: Factor on how often a gesture begins; 0 gives none and draws no chance.
        generator: Source of chance.

    Returns:
        Weights from 0 to 1 by channel, ``FREE_CHANNELS``.
    """
    curves = {name: np.zeros(len(times_s)) for name in FREE_CHANNELS}
    if amount <= 0 or not len(times_s):
        return curves
    at_s, end_s = -_BEFORE_S, float(times_s[-1])
    while (at_s := at_s + float(generator.exponential(_MEAN_GAP_S / amount))) < end_s:
        gesture = _GESTURES[int(generator.integers(len(_GESTURES)))]
        rise_s, hold_s, fall_s = (float(generator.uniform(*limits)) for limits in _RANGES_S.values())
        height = float(generator.uniform(_LEAST_HEIGHT, 1.0))
        since_s = times_s - at_s
        up, down = smoothstep(since_s / rise_s), smoothstep((since_s - rise_s - hold_s) / fall_s)
        for name, weight in gesture.items():
            # The larger of two gestures shows: sums would pile up at the end of a channel's range.
            curves[name] = np.maximum(curves[name], height * weight * np.minimum(up, 1.0 - down))
    return curves
