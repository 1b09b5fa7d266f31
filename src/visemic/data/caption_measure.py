"""What a clip's face does on the whole: action units, gaze and head against the actor's own neutral."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from visemic.core.action_units import AU_CHANNELS
from visemic.core.errors import FormatError
from visemic.core.layout import EYE_LOOK_PITCH_RAD, EYE_LOOK_YAW_RAD
from visemic.core.signals import Motion
from visemic.data.recording import Recording
from visemic.features.prosody import PITCH, extract_prosody

MEASURED_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 24, 26, 29)
"""Units that shapes tell apart and that speech alone does not move all the time.

Left out: 23, 25, 27 and 28 share their shapes with others of the list, 18 and 22 are vowels,
30 to 34 occur in no corpus, 43 and 45 are blinks."""
DEGREE_SIGMAS: Mapping[str, float] = {
    "slightly": 0.5,
    "mildly": 1.0,
    "fairly": 1.6,
    "quite": 2.3,
    "very": 3.1,
    "extremely": 4.0,
}
"""Size from which a unit has a degree, in root mean squares over the corpus."""

_LEAST_AMOUNT = 0.02
"""Units smaller than this are nothing, however calm the corpus is."""
_GAZE_RAD = np.deg2rad(3.5)
_TILT_RAD = np.deg2rad(1.5)
_LIVELY, _STILL = 1.4, 0.68
"""Speed of the head against the actor's neutral."""
_QUIET_SHARE = 0.1


@dataclass(frozen=True)
class ClipMeasure:
    """Means over the voiced frames of a clip."""

    channels: Mapping[str, float]
    """Weights by channel."""
    gaze_rad: tuple[float, float]
    """Where the eyes look in the room: to the own left, and down."""
    roll_rad: float
    speed_rad_s: float
    """Of the head's turning."""


def measure_clip(recording: Recording) -> ClipMeasure:
    """Give what a clip's face does on the whole while the voice sounds.

    Without sound, or where nothing is voiced, all frames count.

    Raises:
        FormatError: The clip has no weights.
    """
    motion = recording.motion
    if motion is None:
        raise FormatError(
            f"clip {recording.clip_id} has vertices only and captions measure weights; solve first"
        )
    voiced = _voiced(recording, motion)
    means = motion.values[voiced].astype(float).mean(axis=0)
    channels = {name: float(means[column]) for column, name in enumerate(motion.layout)}

    def at(name: str) -> float:
        return channels.get(name, 0.0)

    left = at("eyeLookOutLeft") - at("eyeLookInLeft") + at("eyeLookInRight") - at("eyeLookOutRight")
    down = at("eyeLookDownLeft") + at("eyeLookDownRight") - at("eyeLookUpLeft") - at("eyeLookUpRight")
    gaze = (
        at("headYaw") + 0.5 * left * EYE_LOOK_YAW_RAD,
        at("headPitch") + 0.5 * down * EYE_LOOK_PITCH_RAD,
    )
    return ClipMeasure(channels, gaze, at("headRoll"), _head_speed(motion))


def _voiced(recording: Recording, motion: Motion) -> Bool[np.ndarray, " frames"]:
    if recording.waveform is None or not len(recording.waveform.samples):
        return np.ones(motion.n_frames, bool)
    prosody = extract_prosody(recording.waveform)
    steps = np.round(motion.times_s * float(prosody.rate)).astype(np.int64)
    voiced = prosody.values[np.minimum(steps, len(prosody.values) - 1), PITCH] > 0
    return voiced if voiced.any() else np.ones(motion.n_frames, bool)


def _head_speed(motion: Motion) -> float:
    turns = [name for name in ("headYaw", "headPitch", "headRoll") if name in motion.layout]
    if not turns or motion.n_frames < 2:
        return 0.0
    angles: Float32[np.ndarray, "frames turns"] = motion.values[:, motion.layout.indices(turns)]
    steps = np.diff(angles.astype(float), axis=0)
    return float(np.sqrt((steps**2).sum(axis=1).mean()) * float(motion.rate))


def neutral_of(measures: Sequence[ClipMeasure], is_neutral: Bool[np.ndarray, " clips"]) -> ClipMeasure:
    """Give an actor's own neutral: the median of the neutral clips.

    Without any, the tenth part of the clips that moves each channel least stands in.

    Args:
        measures: All clips of the actor, at least one.
        is_neutral: Which of them are labelled neutral.
    """
    names = list(dict.fromkeys(name for m in measures for name in m.channels))
    table = np.array([[m.channels.get(name, 0.0) for name in names] for m in measures])
    rest = np.array([[*m.gaze_rad, m.roll_rad, m.speed_rad_s] for m in measures])
    if is_neutral.any():
        base, usual = np.median(table[is_neutral], axis=0), np.median(rest[is_neutral], axis=0)
    else:
        base, usual = np.quantile(table, _QUIET_SHARE, axis=0), np.median(rest, axis=0)
    channels = {name: float(value) for name, value in zip(names, base, strict=True)}
    return ClipMeasure(channels, (float(usual[0]), float(usual[1])), float(usual[2]), float(usual[3]))


def unit_amounts(channels: Mapping[str, float], neutral: Mapping[str, float]) -> Float[np.ndarray, " units"]:
    """Give how much of each of ``MEASURED_UNITS`` a face shows above its neutral.

    Of two halves the stronger counts: a smile of one corner is a smile. Units that share shapes
    are solved for together, none below 0.

    Args:
        channels: Mean weights of a clip.
        neutral: Those of the actor's neutral.

    Source:
        Lawson and Hanson 1974, non-negative least squares, by scipy.
    """
    from scipy.optimize import nnls

    shapes: dict[str, float] = {}
    for name, value in channels.items():
        shape = _shape_of(name)
        above = max(0.0, value - neutral.get(name, 0.0))
        shapes[shape] = max(shapes.get(shape, 0.0), above)
    rows, matrix = _unit_matrix()
    wanted = np.array([shapes.get(shape, 0.0) for shape in rows])
    solved: np.ndarray = nnls(matrix, wanted)[0]
    return solved


def _shape_of(channel: str) -> str:
    return channel.removesuffix("Left").removesuffix("Right")


def _unit_matrix() -> tuple[list[str], Float[np.ndarray, "shapes units"]]:
    rows = list(dict.fromkeys(_shape_of(c) for unit in MEASURED_UNITS for c in AU_CHANNELS[unit]))
    matrix = np.zeros((len(rows), len(MEASURED_UNITS)))
    for column, unit in enumerate(MEASURED_UNITS):
        for channel, weight in AU_CHANNELS[unit].items():
            matrix[rows.index(_shape_of(channel)), column] = weight
    return rows, matrix


def degrees_of(amounts: Float[np.ndarray, " units"], sigmas: Float[np.ndarray, " units"]) -> dict[int, str]:
    """Give the degree word of each unit that is seen, the largest first.

    Args:
        amounts: Of ``MEASURED_UNITS``.
        sigmas: Root mean square of each over the corpus.
    """
    sizes = amounts / np.maximum(sigmas, 1e-6)
    found: dict[int, str] = {}
    for index in np.argsort(-sizes, kind="stable"):
        degrees = [word for word, least in DEGREE_SIGMAS.items() if sizes[index] >= least]
        if degrees and amounts[index] >= _LEAST_AMOUNT:
            found[MEASURED_UNITS[index]] = degrees[-1]
    return found


def manner_words(measure: ClipMeasure, neutral: ClipMeasure) -> tuple[str, str]:
    """Give where the eyes look and what the head does, in words of the acting note."""
    left = measure.gaze_rad[0] - neutral.gaze_rad[0]
    down = measure.gaze_rad[1] - neutral.gaze_rad[1]
    gaze = ""
    if max(abs(left), abs(down)) > _GAZE_RAD:
        sideways = abs(left) > abs(down)
        gaze = ("left" if left > 0 else "right") if sideways else ("down" if down > 0 else "up")
    if abs(measure.roll_rad - neutral.roll_rad) > _TILT_RAD:
        return gaze, "tilt"
    if neutral.speed_rad_s > 0:
        speed = measure.speed_rad_s / neutral.speed_rad_s
        return gaze, "lively" if speed > _LIVELY else "still" if speed < _STILL else ""
    return gaze, ""
