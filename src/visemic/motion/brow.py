"""Brows that rise with the voice."""

import numpy as np
from jaxtyping import Float

from visemic.motion.accent import SpeechEvents, bumps, control_times_s, smoothed

ACCENT_HEIGHT = 0.25
LOUDNESS_HEIGHT = 0.12
_RISE_S, _FALL_S = 0.16, 0.36
_SIGMA_S = 0.06
_OUTER_SHARE = 0.6


def brow_curves(
    times_s: Float[np.ndarray, " frames"],
    events: SpeechEvents,
    loudness: Float[np.ndarray, " controls"] | None,
    amplitude: float,
    generator: np.random.Generator,
) -> dict[str, Float[np.ndarray, " frames"]]:
    """Give the brows' weights at the frames' times; 0 amplitude gives exact zeros.

    Args:
        times_s: Frames.
        events: Accents of the clip.
        loudness: Standardised loudness at the control points, at most about 2; None without sound.
        amplitude: Factor on all heights.
        generator: Source of the small differences from accent to accent and side to side.
    """
    zero = np.zeros(len(times_s))
    if amplitude <= 0:
        return {n: zero.copy() for n in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")}
    controls_s = control_times_s(events.duration_s)
    peaks = [accent.time_s for accent in events.accents]
    heights = [accent.strength * float(generator.uniform(0.7, 1.2)) for accent in events.accents]
    outer_share = [h * float(generator.uniform(0.4, 1.0)) for h in heights]
    inner = bumps(controls_s, peaks, heights, _RISE_S, _FALL_S) * ACCENT_HEIGHT
    outer = bumps(controls_s, peaks, outer_share, _RISE_S, _FALL_S) * ACCENT_HEIGHT * _OUTER_SHARE / 0.7
    if loudness is not None:
        lift = LOUDNESS_HEIGHT * np.clip(loudness[: len(controls_s)], 0.0, 1.5)
        inner[: len(lift)] += lift
        outer[: len(lift)] += 0.5 * lift
    # The clip begins and ends with calm brows.
    calm = np.clip(np.minimum(controls_s / 0.3, (events.duration_s - controls_s) / 0.3), 0.0, 1.0)
    inner, outer = smoothed(inner * calm, _SIGMA_S), smoothed(outer * calm, _SIGMA_S)
    tilt = float(generator.uniform(-0.12, 0.12))
    curves = {
        "browInnerUp": inner,
        "browOuterUpLeft": outer * (1 + tilt),
        "browOuterUpRight": outer * (1 - tilt),
    }
    return {
        name: np.clip(amplitude * np.interp(times_s, controls_s, curve), 0.0, 1.0)
        for name, curve in curves.items()
    }
