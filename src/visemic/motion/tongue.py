"""The tongue's tip and back for the phones that show them, where a head has such shapes."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from visemic.core.layout import TONGUE
from visemic.core.signals import Alignment
from visemic.motion.contact_windows import smoothstep

RAMP_S = 0.06
"""From rest to the full shape: the tip of the tongue is the fastest articulator."""

HEIGHTS: Mapping[str, tuple[str, float]] = {
    "L": ("tongueTipUp", 0.9),
    "T": ("tongueTipUp", 0.75),
    "D": ("tongueTipUp", 0.75),
    "N": ("tongueTipUp", 0.75),
    "R": ("tongueTipUp", 0.3),
    "K": ("tongueBackUp", 0.8),
    "G": ("tongueBackUp", 0.8),
    "NG": ("tongueBackUp", 0.8),
}
"""Shape and weight by phone. TH and DH use ARKit's ``tongueOut``."""


def tongue_curves(
    alignment: Alignment, times_s: Float[np.ndarray, " frames"]
) -> dict[str, Float[np.ndarray, " frames"]]:
    """Give the curves of the extra tongue shapes.

    A phone holds its shape from start to end, with ramps outside; where two meet, the higher
    one counts.

    Args:
        times_s: Ascending times of the frames.
    """
    curves = {name: np.zeros(len(times_s)) for name in TONGUE}
    for phone in alignment.phones:
        if phone.label not in HEIGHTS:
            continue
        name, height = HEIGHTS[phone.label]
        first, last = np.searchsorted(times_s, [phone.start_s - RAMP_S, phone.end_s + RAMP_S])
        near = times_s[first:last]
        before = smoothstep(1.0 - (phone.start_s - near) / RAMP_S)
        after = smoothstep(1.0 - (near - phone.end_s) / RAMP_S)
        part = curves[name][first:last]
        np.maximum(part, height * np.minimum(before, after), out=part)
    return curves
