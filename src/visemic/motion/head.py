"""A head that nods on accents, takes a new stance with each phrase, and never freezes."""

import numpy as np
from jaxtyping import Float

from visemic.motion.accent import SpeechEvents, bumps, control_times_s, smoothed
from visemic.motion.contact_windows import smoothstep

NOD_RAD = np.deg2rad(3.0)
"""Depth of a nod at a strong accent; they vary from 2 to 4 degrees."""
_NOD_DOWN_S, _NOD_UP_S = 0.17, 0.38
_NOD_LATE_S = 0.04
_STANCE_RAD = {"headYaw": np.deg2rad(2.2), "headPitch": np.deg2rad(1.0), "headRoll": np.deg2rad(1.3)}
_STANCE_SIGMA_S = 0.22
_SWAY_RAD = {"headYaw": np.deg2rad(0.8), "headPitch": np.deg2rad(0.5), "headRoll": np.deg2rad(0.45)}
_SWAY_HZ = (0.09, 0.17, 0.31)
_SETTLE_S = 0.8


def head_curves(
    times_s: Float[np.ndarray, " frames"],
    events: SpeechEvents,
    amplitude: float,
    generator: np.random.Generator,
) -> dict[str, Float[np.ndarray, " frames"]]:
    """Give the head's rotation at the frames' times, radians; 0 amplitude gives exact zeros.

    Right-handed about y (yaw, positive to the head's own left), x (pitch, positive down) and z.
    """
    if amplitude <= 0:
        return {name: np.zeros(len(times_s)) for name in _STANCE_RAD}
    controls_s = control_times_s(events.duration_s)
    nods = bumps(
        controls_s,
        [accent.time_s + _NOD_LATE_S for accent in events.accents],
        [NOD_RAD * (0.55 + 0.55 * a.strength) * float(generator.uniform(0.8, 1.2)) for a in events.accents],
        _NOD_DOWN_S,
        _NOD_UP_S,
    )
    starts_s = [0.0, *(end for _, end in events.pauses_s if 0 < end < events.duration_s - 0.2)]
    phrase = np.searchsorted(np.array(starts_s), controls_s, side="right") - 1
    gate = smoothstep(np.minimum(controls_s, events.duration_s - controls_s) / _SETTLE_S)
    curves = {}
    for name, spread_rad in _STANCE_RAD.items():
        stance = np.clip(generator.standard_normal(len(starts_s)), -1.8, 1.8) * spread_rad
        curve = smoothed(stance[phrase], _STANCE_SIGMA_S)
        for hz in _SWAY_HZ:
            phase, detune = generator.uniform(0.0, 2 * np.pi), generator.uniform(0.85, 1.15)
            curve = curve + _SWAY_RAD[name] * 0.6 * np.sin(2 * np.pi * hz * detune * controls_s + phase)
        if name == "headPitch":
            curve = curve + nods
        curves[name] = curve * gate
    return {name: amplitude * np.interp(times_s, controls_s, curve) for name, curve in curves.items()}
