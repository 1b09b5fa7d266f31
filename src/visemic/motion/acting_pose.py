"""What one span of a note asks of a face: a pose, a turn of eyes and head, more or fewer blinks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.acting_note import ActingNote, Span
from visemic.core.action_units import AU_CHANNELS
from visemic.core.layout import EYE_LOOK_PITCH_RAD, EYE_LOOK_YAW_RAD
from visemic.motion.blink import BLINKS_PER_MINUTE, CLOSE_S, OPEN_S, SHUT_S
from visemic.motion.contact_windows import smoothstep
from visemic.motion.emotion import emotion_weights

MIN_EASE_S, MAX_EASE_S = 0.06, 0.15
"""How long a pose comes and goes, inside its span."""
_EASE_SHARE = 0.3
_TOUCHING_S = 0.001
_SHORTEST_S = 1e-9
"""Of a pose's coming and going, where a span lasts next to nothing."""
_CLIP_EDGE_S = 0.02

BLINK_UNIT = 45
_FLUTTER_RATE = 7.0
"""Blinks at the fluttering lids' full gain, as a multiple of the natural rate."""

_GAZE_RAD = {
    "ahead": (0.0, 0.0),
    "down": (0.0, np.deg2rad(13.0)),
    "up": (0.0, np.deg2rad(-11.0)),
    "left": (np.deg2rad(15.0), 0.0),
    "right": (np.deg2rad(-15.0), 0.0),
    "away": (np.deg2rad(13.0), np.deg2rad(6.0)),
}
"""Yaw to the face's own left and pitch down of each direction."""
_GAZE_HELD = 0.6
"""Share of the usual glances that a stated direction takes away."""
_HEAD_FOLLOWS = 0.2
_EMOTION_PITCH_RAD = {
    "sad": np.deg2rad(4.0),
    "angry": np.deg2rad(2.0),
    "contempt": np.deg2rad(-3.0),
    "surprised": np.deg2rad(-2.5),
    "fear": np.deg2rad(-1.5),
}
"""Pitch of the head at intensity 1, positive down."""
_NOD_RAD, _NOD_S = np.deg2rad(5.0), 0.75
_SHAKE_RAD, _SHAKE_S = np.deg2rad(6.0), 0.85
_TILT_RAD = np.deg2rad(6.5)
_HEAD_FACTOR = {"still": 0.1, "lively": 1.9}


@dataclass(frozen=True, eq=False)
class Envelope:
    """How much a span is in force at each frame."""

    span: Span
    first: int
    """First frame at which it is above 0."""
    values: Float[np.ndarray, " some"]
    """0 to 1, from that frame on."""

    @property
    def rows(self) -> slice:
        """The frames."""
        return slice(self.first, self.first + len(self.values))


def directs(span: Span) -> bool:
    """Say whether a span asks for anything that a face does."""
    has_emotion = span.emotion != "neutral" and span.intensity > 0
    has_manner = span.gaze or span.head or span.blink is not None or span.brows is not None
    return bool(has_emotion or span.actions or has_manner)


def ease_s(span: Span) -> float:
    """Give how long a span's pose takes to come or go, in seconds."""
    wanted = min(max(_EASE_SHARE * span.duration_s, MIN_EASE_S), MAX_EASE_S)
    return max(min(wanted, span.duration_s / 2), _SHORTEST_S)


def envelopes(note: ActingNote, times_s: Float[np.ndarray, " frames"], duration_s: float) -> list[Envelope]:
    """Give when each span is in force.

    A pose comes and goes inside its span, so that nothing outside it moves. Where the next span
    begins at once, the pose goes inside that one instead, and the two cross; at the clip's ends
    it is held.
    """
    found = []
    spans = note.spans
    for number, span in enumerate(spans):
        rise = np.ones(len(times_s))
        if span.start_s > _CLIP_EDGE_S:
            rise = smoothstep((times_s - span.start_s) / ease_s(span))
        after = spans[number + 1] if number + 1 < len(spans) else None
        if after is not None and after.start_s - span.end_s < _TOUCHING_S:
            fall = 1.0 - smoothstep((times_s - after.start_s) / ease_s(after))
        elif span.end_s < duration_s - _CLIP_EDGE_S:
            fall = smoothstep((span.end_s - times_s) / ease_s(span))
        else:
            fall = np.ones(len(times_s))
        inside = np.flatnonzero(rise * fall > 0)
        if len(inside):
            rows = slice(int(inside[0]), int(inside[-1]) + 1)
            found.append(Envelope(span, rows.start, (rise * fall)[rows]))
    return found


def pose_weights(span: Span) -> dict[str, float]:
    """Give the ARKit weights of a span: on each channel the larger of emotion and actions.

    Eyes that look and lids that flutter are left to ``look_rad`` and ``flutter_times_s``.
    """
    weights = emotion_weights(span.emotion, span.intensity)
    for action in span.actions:
        if action.unit != BLINK_UNIT:
            for channel, weight in AU_CHANNELS[action.unit].items():
                weights[channel] = max(weights.get(channel, 0.0), weight * action.gain)
    return {channel: weight for channel, weight in weights.items() if not channel.startswith("eyeLook")}


def look_rad(span: Span) -> tuple[float, float, float]:
    """Give yaw and pitch that the eyes turn to, radians, and the share of other glances that stops."""
    lowered = emotion_weights(span.emotion, span.intensity).get("eyeLookDownLeft", 0.0) * EYE_LOOK_PITCH_RAD
    if not span.gaze:
        return 0.0, lowered, 0.0
    yaw, pitch = _GAZE_RAD[span.gaze]
    return yaw, pitch, _GAZE_HELD


def head_rad(
    span: Span, times_s: Float[np.ndarray, " some"]
) -> tuple[dict[str, Float[np.ndarray, " some"]], float]:
    """Give what is added to the head's rotation, radians, and the factor on what it does anyway."""
    since_s = times_s - span.start_s
    still = np.zeros(len(times_s))
    yaw, pitch, _ = look_rad(span) if span.gaze else (0.0, 0.0, 0.0)
    turns = {
        "headYaw": still + _HEAD_FOLLOWS * yaw,
        "headPitch": still
        + _HEAD_FOLLOWS * pitch
        + _EMOTION_PITCH_RAD.get(span.emotion, 0.0) * span.intensity,
        "headRoll": still.copy(),
    }
    if span.head == "nod":
        turns["headPitch"] = turns["headPitch"] + _NOD_RAD * (
            0.5 - 0.5 * np.cos(2 * np.pi * since_s / _NOD_S)
        )
    elif span.head == "shake":
        turns["headYaw"] = turns["headYaw"] + _SHAKE_RAD * np.sin(2 * np.pi * since_s / _SHAKE_S)
    elif span.head == "tilt":
        turns["headRoll"] = turns["headRoll"] + _TILT_RAD
    return turns, _HEAD_FACTOR.get(span.head, 1.0)


def turn_eyes(
    values: Float[np.ndarray, "some channels"],
    columns: Mapping[str, int],
    yaw_rad: Float[np.ndarray, " some"],
    pitch_rad: Float[np.ndarray, " some"],
) -> None:
    """Turn both eyes by some angles, their rotations and their weights alike."""
    for eye in ("leftEye", "rightEye"):
        values[:, columns[f"{eye}Yaw"]] += yaw_rad
        values[:, columns[f"{eye}Pitch"]] += pitch_rad
    yaw, pitch = yaw_rad / EYE_LOOK_YAW_RAD, pitch_rad / EYE_LOOK_PITCH_RAD
    for plus, minus, change in (
        ("eyeLookOutLeft", "eyeLookInLeft", yaw),
        ("eyeLookInRight", "eyeLookOutRight", yaw),
        ("eyeLookDownLeft", "eyeLookUpLeft", pitch),
        ("eyeLookDownRight", "eyeLookUpRight", pitch),
    ):
        turned = np.clip(values[:, columns[plus]] - values[:, columns[minus]] + change, -1.0, 1.0)
        values[:, columns[plus]] = np.maximum(turned, 0.0)
        values[:, columns[minus]] = np.maximum(-turned, 0.0)


def blink_rate(span: Span) -> float:
    """Give the rate of blinks that a span asks for, 1 natural."""
    if span.blink is not None:
        return span.blink
    gains = [action.gain for action in span.actions if action.unit == BLINK_UNIT]
    return 1.0 + (_FLUTTER_RATE - 1.0) * gains[0] if gains else 1.0


def blinked(
    lids: Float[np.ndarray, " frames"], times_s: Float[np.ndarray, " frames"], span: Span, seed: int
) -> Float[np.ndarray, " frames"]:
    """Give the lids with fewer or more blinks inside a span; those that cross its edges stay.

    Each blink is kept or dropped by a chance of its own, and new ones depend on the span alone.
    """
    rate = blink_rate(span)
    lids = lids.copy()
    if rate < 1.0:
        shut = np.concatenate([[False], lids > 0.01, [False]])
        starts, stops = np.flatnonzero(shut[1:] & ~shut[:-1]), np.flatnonzero(~shut[1:] & shut[:-1])
        for first, stop in zip(starts, stops, strict=True):
            if times_s[first] <= span.start_s or times_s[stop - 1] >= span.end_s:
                continue
            chance = np.random.default_rng([seed, round(1000 * float(times_s[first]))]).random()
            if chance >= rate:
                lids[first:stop] = 0.0
    elif rate > 1.0:
        for start_s in flutter_times_s(span, rate, seed):
            since_s = times_s - start_s
            closing = smoothstep(since_s / CLOSE_S)
            opening = 1.0 - smoothstep((since_s - CLOSE_S - SHUT_S) / OPEN_S)
            lids = np.maximum(lids, 0.96 * np.minimum(closing, opening))
    return lids


def flutter_times_s(span: Span, rate: float, seed: int) -> list[float]:
    """Give when added blinks begin; all end inside the span."""
    generator = np.random.default_rng([seed, round(1000 * span.start_s), 45])
    mean_s = 60.0 / (BLINKS_PER_MINUTE * (rate - 1.0))
    times, at_s = [], span.start_s + float(generator.uniform(0.1, 0.6)) * mean_s
    while at_s + CLOSE_S + SHUT_S + OPEN_S < span.end_s:
        times.append(at_s)
        at_s += max(mean_s * float(generator.uniform(0.7, 1.3)), CLOSE_S + SHUT_S + OPEN_S)
    return times
