"""Eyes that fix, jump and come back, and that hold their target while the head moves."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from visemic.core.layout import EYE_LOOK_PITCH_RAD, EYE_LOOK_YAW_RAD
from visemic.motion.accent import SpeechEvents

_MIN_FIXATION_S, _MAX_FIXATION_S = 0.4, 2.5
_MEDIAN_FIXATION_S = 1.0
_CAMERA_SHARE = 0.65
_AWAY_RAD = (np.deg2rad(5.5), np.deg2rad(2.8))
_AWAY_LIMIT_RAD = (np.deg2rad(12.0), np.deg2rad(6.0))
_CAMERA_RAD = (np.deg2rad(0.7), np.deg2rad(0.5))
"""Spread of yaw and pitch, away from the camera and around it."""
_SACCADE_BASE_S, _SACCADE_S_PER_RAD = 0.026, 0.15
_SACCADE_MAX_S = 0.06
_FIRST_S = 0.3
VESTIBULAR_GAIN = 0.75
"""Share of the head's turn that the eyes take back."""
_WIDE_SHARE = 0.2


def _fixations(
    duration_s: float, generator: np.random.Generator
) -> tuple[Float[np.ndarray, " fixations"], Float[np.ndarray, "fixations 2"]]:
    """Give when each fixation begins and where it looks, yaw and pitch in radians."""
    starts, targets = [0.0], [(0.0, 0.0)]
    at_s = _FIRST_S + float(generator.uniform(0.0, 0.8))
    was_away = False
    while at_s < duration_s:
        away = not was_away and bool(generator.random() > _CAMERA_SHARE)
        spread, limit = (_AWAY_RAD, _AWAY_LIMIT_RAD) if away else (_CAMERA_RAD, _AWAY_LIMIT_RAD)
        draw = generator.standard_normal(2)
        yaw, pitch = (float(np.clip(d * s, -m, m)) for d, s, m in zip(draw, spread, limit, strict=True))
        starts.append(at_s)
        targets.append((yaw, pitch))
        median_s = _MEDIAN_FIXATION_S * (0.6 if away else 1.0)
        length_s = median_s * float(np.exp(0.5 * generator.standard_normal()))
        at_s += float(np.clip(length_s, _MIN_FIXATION_S, _MAX_FIXATION_S))
        was_away = away
    return np.array(starts), np.array(targets)


def gaze_curves(
    times_s: Float[np.ndarray, " frames"],
    events: SpeechEvents,
    head: Mapping[str, Float[np.ndarray, " frames"]],
    amplitude: float,
    generator: np.random.Generator,
) -> dict[str, Float[np.ndarray, " frames"]]:
    """Give eye rotations in radians and the eyeLook weights that go with them.

    Saccades last 30 to 60 ms and follow the minimum-jerk profile. Positive yaw looks to the
    head's own left, positive pitch down. An amplitude of 0 gives exact zeros, the answer to the
    head's motion included.
    """
    if amplitude <= 0:
        zero = np.zeros(len(times_s))
        return _eye_channels(zero, zero)
    starts_s, targets = _fixations(events.duration_s, generator)
    number = np.searchsorted(starts_s, times_s, side="right") - 1
    before = targets[np.maximum(number - 1, 0)]
    jump = targets[number] - before
    size = amplitude * np.hypot(jump[:, 0], jump[:, 1])
    length_s = np.minimum(_SACCADE_BASE_S + _SACCADE_S_PER_RAD * size, _SACCADE_MAX_S)
    x = np.clip((times_s - starts_s[number]) / length_s, 0.0, 1.0)
    done = x**3 * (10.0 - 15.0 * x + 6.0 * x * x)
    look = amplitude * (before + done[:, None] * jump)
    yaw = look[:, 0] - VESTIBULAR_GAIN * head["headYaw"]
    pitch = look[:, 1] - VESTIBULAR_GAIN * head["headPitch"]
    return _eye_channels(yaw, pitch)


def _eye_channels(
    yaw_rad: Float[np.ndarray, " frames"], pitch_rad: Float[np.ndarray, " frames"]
) -> dict[str, Float[np.ndarray, " frames"]]:
    """Give both eyes' rotations and weights; the lids widen a little with a look up."""
    left = np.clip(yaw_rad / EYE_LOOK_YAW_RAD, 0.0, 1.0)
    right = np.clip(-yaw_rad / EYE_LOOK_YAW_RAD, 0.0, 1.0)
    down = np.clip(pitch_rad / EYE_LOOK_PITCH_RAD, 0.0, 1.0)
    up = np.clip(-pitch_rad / EYE_LOOK_PITCH_RAD, 0.0, 1.0)
    curves = {
        "eyeLookOutLeft": left,
        "eyeLookInRight": left,
        "eyeLookInLeft": right,
        "eyeLookOutRight": right,
    }
    for side, eye in (("Left", "leftEye"), ("Right", "rightEye")):
        curves[f"eyeLookDown{side}"] = down
        curves[f"eyeLookUp{side}"] = up
        curves[f"eyeWide{side}"] = _WIDE_SHARE * up
        curves[f"{eye}Yaw"] = yaw_rad
        curves[f"{eye}Pitch"] = pitch_rad
    return curves
