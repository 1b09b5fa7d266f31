"""A feeling over time on a speaking face: onset, sustain, decay, and accents on loud syllables."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.layout import ARKIT_52, EYE_LOOK_PITCH_RAD, EYE_LOOK_YAW_RAD
from visemic.core.signals import Motion
from visemic.data.expressive_actor import ExpressiveActor, part_of
from visemic.models.base import MAX_AMPLITUDE, FaceControl
from visemic.motion.accent import SpeechEvents, bumps, control_times_s, smoothed
from visemic.motion.contact_windows import smoothstep

_RISE_S, _FALL_S = 0.14, 0.32
_WANDER_SIGMA_S, _WANDER = 0.35, 0.08
_EYES = ("leftEye", "rightEye")
_EYE_CHANNELS = ("eyeLookDown", "eyeLookUp", "eyeLookIn", "eyeLookOut")
_EFFORT_BROWS = 0.22
"""Height of the brows' accents at full arousal, on top of the rules'."""
_EYES_TAKE_BACK = 0.75


@dataclass(frozen=True)
class Bearing:
    """What an emotion does to head, eyes and speech, at its strongest."""

    pitch_deg: float = 0.0
    """Head down above 0, up below."""
    turn_deg: float = 0.0
    """Head turned and tilted to the actor's side."""
    tilt_deg: float = 0.0
    gaze_down_deg: float = 0.0
    gaze_side_deg: float = 0.0
    """Eyes, against the camera."""
    arousal: float = 0.0
    """-1 sluggish to 1 lively: size of nods and of brow accents."""
    articulation: float = 0.0
    """Added to the factor on jaw and lower lip."""
    blink: float = 1.0
    """Factor on the rate of blinks."""


BEARINGS: Mapping[str, Bearing] = {
    "neutral": Bearing(),
    "happy": Bearing(-2.0, 1.5, 3.0, arousal=0.6, articulation=0.10, blink=1.0),
    "sad": Bearing(7.0, 1.5, 2.5, 9.0, arousal=-0.6, articulation=-0.25, blink=1.4),
    "surprised": Bearing(-3.0, arousal=0.7, articulation=0.15, blink=0.5),
    "fear": Bearing(-2.5, 4.0, 0.0, 0.0, -7.0, arousal=0.2, articulation=-0.05, blink=1.8),
    "disgusted": Bearing(-2.0, 6.0, 3.0, arousal=0.0, articulation=-0.05, blink=1.2),
    "angry": Bearing(4.5, arousal=0.9, articulation=0.20, blink=0.6),
    "contempt": Bearing(-5.5, 3.0, 3.5, 3.0, arousal=-0.2, articulation=-0.15, blink=0.9),
}
"""By emotion; own values after common descriptions of posture."""


def control_of(actor: ExpressiveActor, emotion: str, intensity: float) -> FaceControl:
    """Give how much an actor's face does besides speaking, in a feeling of some strength."""
    bearing = BEARINGS[emotion]
    lively = 1 + 0.7 * bearing.arousal * intensity
    blink = actor.blink * (1 + intensity * (bearing.blink - 1))
    return FaceControl(
        blink=float(np.clip(blink, 0, MAX_AMPLITUDE)),
        brows=float(np.clip(actor.brows * lively, 0, MAX_AMPLITUDE)),
        head=float(np.clip(actor.head * lively, 0, MAX_AMPLITUDE)),
        gaze=actor.gaze,
    )


def expressive_motion(
    motion: Motion,
    actor: ExpressiveActor,
    emotion: str,
    intensity: float,
    events: SpeechEvents,
    loudness: Float[np.ndarray, " controls"] | None,
    generator: np.random.Generator,
) -> Motion:
    """Give an actor's manner and feeling to the motion of speech.

    Args:
        motion: Of the rules, over a layout that holds the default one.
        actor: Whose manner.
        emotion: One of ``motion.emotion.EMOTIONS``.
        intensity: 0 to 1.
        events: Accents of the clip.
        loudness: Standardised loudness at the control points; None without sound.
        generator: Source of the small differences from clip to clip.

    Returns:
        Weights within 0 and 1. Contacts must be imposed again.
    """
    times_s = motion.times_s
    effort = _effort(events, loudness)
    curves = _feeling(times_s, actor, emotion, intensity, events, effort, generator)
    values = motion.values.astype(float)
    bearing = BEARINGS[emotion]
    _manner(values, motion, actor, 1 + bearing.articulation * intensity)
    for channel, weight in actor.rest.items():
        curves[channel] = curves.get(channel, 0.0) + weight
    lift = _EFFORT_BROWS * actor.brows * max(0.25, 0.5 + bearing.arousal) * intensity
    controls_s = control_times_s(events.duration_s)
    at_frames = np.interp(times_s, controls_s, effort)
    for channel, share in (("browInnerUp", 1.0), ("browOuterUpLeft", 0.7), ("browOuterUpRight", 0.7)):
        curves[channel] = curves.get(channel, 0.0) + lift * share * at_frames
    for channel, curve in curves.items():
        values[:, motion.layout.index(channel)] += curve
    _bear(values, motion, actor, bearing, _envelope(times_s, actor, events, 0.0) * intensity)
    columns = [motion.layout.index(name) for name in ARKIT_52]
    values[:, columns] = np.clip(values[:, columns], 0, 1)
    return Motion(values.astype(np.float32), motion.layout, motion.rate)


def _effort(
    events: SpeechEvents, loudness: Float[np.ndarray, " controls"] | None
) -> Float[np.ndarray, " controls"]:
    """Give the voice's effort at the control points, 0 to 1: accents, and what is loud."""
    controls_s = control_times_s(events.duration_s)
    accents = events.accents
    peaks = bumps(controls_s, [a.time_s for a in accents], [a.strength for a in accents], _RISE_S, _FALL_S)
    if loudness is None:
        return np.clip(peaks, 0, 1)
    loud = np.zeros(len(controls_s))
    n_common = min(len(loud), len(loudness))
    loud[:n_common] = np.clip(0.5 * loudness[:n_common], 0, 1)
    return np.clip(0.5 * peaks + 0.6 * smoothed(loud, 0.05), 0, 1)


def _envelope(
    times_s: Float[np.ndarray, " frames"], actor: ExpressiveActor, events: SpeechEvents, lag_s: float
) -> Float[np.ndarray, " frames"]:
    """Give the course of a feeling: it rises before and into the speech and fades towards its end."""
    begin = 0.35 + 0.65 * smoothstep((times_s - lag_s) / actor.onset_s)
    last_s = max(events.word_ends_s, default=events.duration_s)
    fading = smoothstep((times_s - 0.7 * last_s) / max(0.3 * last_s + 0.3, 0.3))
    return begin * (1 - (1 - actor.decay) * fading)


def _feeling(
    times_s: Float[np.ndarray, " frames"],
    actor: ExpressiveActor,
    emotion: str,
    intensity: float,
    events: SpeechEvents,
    effort: Float[np.ndarray, " controls"],
    generator: np.random.Generator,
) -> dict[str, Float[np.ndarray, " frames"] | float]:
    """Give the curves of a feeling by channel."""
    controls_s = control_times_s(events.duration_s)
    strength = intensity * float(generator.uniform(0.9, 1.1))
    at_frames = np.interp(times_s, controls_s, effort)
    shapes: dict[str, np.ndarray] = {}
    curves: dict[str, np.ndarray | float] = {}
    for channel, weight in actor.face_habits[emotion].items():
        if channel.startswith("eyeLook"):
            continue
        shape = channel.removesuffix("Left").removesuffix("Right")
        if shape not in shapes:
            part = part_of(shape)
            noise = smoothed(generator.standard_normal(len(controls_s)), _WANDER_SIGMA_S)
            wander = 1 + _WANDER * np.clip(noise / max(float(noise.std()), 1e-6), -2, 2)
            moving = actor.accent * (1.0 if part in ("brow", "nose") else 0.5)
            course = _envelope(times_s, actor, events, actor.lag_s[part])
            course = course * np.interp(times_s, controls_s, wander)
            shapes[shape] = course * (1 - 0.5 * moving + moving * at_frames)
        curves[channel] = weight * strength * shapes[shape]
    return curves


def _manner(values: np.ndarray, motion: Motion, actor: ExpressiveActor, articulation: float) -> None:
    """Scale the shapes of speech by the actor's manner."""
    halves = {"Left": 1 + actor.asymmetry, "Right": 1 - actor.asymmetry}
    for name in ARKIT_52:
        column = motion.layout.index(name)
        if name.startswith(("jawOpen", "mouthLowerDown", "mouthUpperUp")):
            values[:, column] *= actor.articulation * articulation
        elif name.startswith(("mouth", "cheek", "nose")):
            values[:, column] *= actor.amplitude
        side = next((side for side in halves if name.endswith(side)), None)
        if side and name.removesuffix(side) not in ("jaw", "mouth") and not name.startswith("eye"):
            values[:, column] *= halves[side]


def _bear(
    values: np.ndarray,
    motion: Motion,
    actor: ExpressiveActor,
    bearing: Bearing,
    course: Float[np.ndarray, " frames"],
) -> None:
    """Turn head and eyes; the eyes keep the camera but for the gaze that is asked."""
    layout = motion.layout
    head = {
        "headPitch": np.deg2rad(bearing.pitch_deg) * course,
        "headYaw": actor.side * np.deg2rad(bearing.turn_deg) * course,
        "headRoll": actor.side * np.deg2rad(bearing.tilt_deg) * course,
    }
    for name, curve in head.items():
        values[:, layout.index(name)] += curve
    down = np.deg2rad(bearing.gaze_down_deg) * course - _EYES_TAKE_BACK * head["headPitch"]
    side = actor.side * np.deg2rad(bearing.gaze_side_deg) * course - _EYES_TAKE_BACK * head["headYaw"]
    for eye in _EYES:
        values[:, layout.index(f"{eye}Pitch")] += down
        values[:, layout.index(f"{eye}Yaw")] += side
    pitch = values[:, layout.index("leftEyePitch")]
    yaw = values[:, layout.index("leftEyeYaw")]
    looks = {
        "eyeLookDownLeft": pitch / EYE_LOOK_PITCH_RAD,
        "eyeLookUpLeft": -pitch / EYE_LOOK_PITCH_RAD,
        "eyeLookOutLeft": yaw / EYE_LOOK_YAW_RAD,
        "eyeLookInLeft": -yaw / EYE_LOOK_YAW_RAD,
    }
    looks["eyeLookDownRight"], looks["eyeLookUpRight"] = looks["eyeLookDownLeft"], looks["eyeLookUpLeft"]
    looks["eyeLookInRight"], looks["eyeLookOutRight"] = looks["eyeLookOutLeft"], looks["eyeLookInLeft"]
    for channel, curve in looks.items():
        values[:, layout.index(channel)] = np.clip(curve, 0, 1)
