"""Distances between animation curves, each published variant under its own name.

Pure functions: no files, no chance, units in names. Curves are rows of frames; a set of
channels is chosen by name before (``Layout``). Metrics of meshes are in ``metrics_mesh``, of
sets of clips in ``distribution``, of sound against motion in ``sync``.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, LayoutError
from visemic.core.signals import Motion
from visemic.rig.linear import Rig

Curves = Float[np.ndarray, "frames channels"]
OtherCurves = Float[np.ndarray, "other_frames other_channels"]

MOUTH_LANDMARKS = (
    "mouth_corner_left",
    "mouth_corner_right",
    "upper_lip_inner",
    "lower_lip_inner",
    "upper_lip_outer",
    "lower_lip_outer",
    "upper_lip_front",
    "lower_lip_front",
)
"""Named vertices of a rig that stand for a detector's mouth points."""
CORNERS = ("mouth_corner_left", "mouth_corner_right")
BEAT_SPREAD_S = 0.1
"""How far apart two beats still count as one; SAiD's value."""

_MOVES = 1e-6
"""A channel whose range is smaller has no range ratio."""


def coefficient_l2(predicted: Curves, target: OtherCurves) -> float:
    """Give the mean over frames of the length of the difference of all channels.

    It grows with the number of channels: state the layout.

    Source:
        Korzun et al. 2022, "Speaker-agnostic mouth blendshape prediction from speech".
    Deviation:
        The paper leaves the convention open; its magnitudes fit the norm, not a channel mean.
    """
    _check_curves(predicted, target)
    return float(np.linalg.norm(predicted.astype(float) - target, axis=1).mean())


def coefficient_mean_error(predicted: Curves, target: OtherCurves) -> float:
    """Give the mean over frames and channels of the absolute difference; free of the number of channels."""
    _check_curves(predicted, target)
    return float(np.abs(predicted.astype(float) - target).mean())


def landmark_tracks_m(
    motion: Motion, rig: Rig, landmarks: Sequence[str] = MOUTH_LANDMARKS
) -> Float[np.ndarray, "frames points 2"]:
    """Give where named vertices of a head are seen from the front, in metres.

    Blendshapes only: eyes and head are not turned, so that a nod is not taken for speech. The
    view is parallel: no lens makes near points larger.

    Raises:
        RigError: The head lacks one of the landmarks.
    """
    chosen = np.array([rig.landmark(name) for name in landmarks], dtype=int)
    weights = motion.to_layout(rig.layout).values.astype(float)
    moved = np.tensordot(weights, rig.offsets[:, chosen, :2].astype(float), axes=1)
    return rig.neutral[chosen, :2].astype(float) + moved


def landmark_distance(
    predicted: Float[np.ndarray, "frames points 2"],
    target: Float[np.ndarray, "other_frames other_points 2"],
    left: int,
    right: int,
) -> float:
    """Give LMD: the mean distance of seen landmarks over the target's mouth width in the same frame.

    Works on any points of a picture: projected vertices or a detector's.

    Args:
        predicted: Points in any unit, the same as the target's.
        target: Points.
        left: Number of the left mouth corner among the points.
        right: Number of the right one.

    Raises:
        ClockError: The two have different numbers of frames, or none.
        LayoutError: They have different numbers of points, or the mouth has no width.

    Source:
        Chen et al. 2018, "Lip Movements Generation at a Glance"; over the mouth's width as Korzun
        et al. 2022 and MakeItTalk have it.
    Deviation:
        Vertices of the head are projected instead of detected in a picture: the same at every run.
    """
    _check_frames(len(predicted), len(target))
    if predicted.shape[1] != target.shape[1]:
        raise LayoutError(
            f"{predicted.shape[1]} landmarks were predicted for {target.shape[1]}; give the same list to both"
        )
    width = np.linalg.norm(target[:, left] - target[:, right], axis=-1)
    if not width.min() > 0:
        raise LayoutError(f"landmarks {left} and {right} meet; name the two corners of the mouth")
    return float((np.linalg.norm(predicted - target, axis=-1).mean(1) / width).mean())


def mouth_opening_difference_mm(
    predicted_gap_mm: Float[np.ndarray, " frames"], target_gap_mm: Float[np.ndarray, " other_frames"]
) -> float:
    """Give MOD from two curves of the lips' gap: the mean absolute difference, in millimetres.

    Source:
        Sun et al. 2024, "DiffPoseTalk" (mouth opening difference).
    """
    _check_frames(len(predicted_gap_mm), len(target_gap_mm))
    return float(np.abs(predicted_gap_mm - target_gap_mm).mean())


def correlation(predicted: Float[np.ndarray, " frames"], target: Float[np.ndarray, " other_frames"]) -> float:
    """Give Pearson's r of two curves; NaN when one of them stands still. Blind to range and offset."""
    _check_frames(len(predicted), len(target))
    a, b = predicted.astype(float), target.astype(float)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if min(a @ a, b @ b) > _MOVES**2 * len(a) else float("nan")


def jitter_per_s3(curves: Curves, rate: Rate) -> float:
    """Give the mean absolute third difference of all channels, per cubed second.

    Needs four frames; 0 when there are fewer.
    """
    if len(curves) < 4 or curves.shape[1] == 0:
        return 0.0
    return float(np.abs(np.diff(curves.astype(float), 3, axis=0)).mean()) * float(rate) ** 3


def jitter_ratio(predicted: Curves, target: OtherCurves, rate: Rate) -> float:
    """Give the jitter of a prediction over that of the target; 1 is as lively, NaN for a still target."""
    theirs = jitter_per_s3(target, rate)
    return jitter_per_s3(predicted, rate) / theirs if theirs > 0 else float("nan")


def silence_motion(
    curves: Curves, rest: Float[np.ndarray, " channels"], is_silent: Bool[np.ndarray, " frames"]
) -> float:
    """Give the mean absolute distance from rest over the frames in which nobody speaks.

    Args:
        curves: Weights, or millimetres.
        rest: The value of each channel at rest.
        is_silent: True where nobody speaks.

    Returns:
        In the unit of the curves; NaN when somebody speaks all the time.
    """
    if not is_silent.any():
        return float("nan")
    return float(np.abs(curves[is_silent].astype(float) - rest).mean())


def range_ratios(predicted: Curves, target: OtherCurves) -> Float[np.ndarray, " channels"]:
    """Give, by channel, the predicted range over the target's, each from the 5 % to the 95 % quantile.

    Below 1 is over-smoothed, which a distance rewards. NaN where the target does not move.
    """
    _check_curves(predicted, target, same_frames=False)
    ours, theirs = (
        np.subtract(*np.quantile(c.astype(float), (0.95, 0.05), axis=0)) for c in (predicted, target)
    )
    moves = theirs > _MOVES
    return np.where(moves, ours / np.where(moves, theirs, 1.0), np.nan)


def range_ratio(predicted: Curves, target: OtherCurves) -> float:
    """Give the median over the moving channels of their range ratios; NaN when nothing moves."""
    ratios = range_ratios(predicted, target)
    ratios = ratios[~np.isnan(ratios)]
    return float(np.median(ratios)) if len(ratios) else float("nan")


def motion_beats_s(curves: Curves, rate: Rate) -> Float[np.ndarray, " beats"]:
    """Give the times at which motion turns: local minima of the speed of all channels together."""
    if len(curves) < 4:
        return np.zeros(0)
    speed = np.linalg.norm(np.diff(curves.astype(float), axis=0), axis=1)
    lowest = (speed[1:-1] < speed[:-2]) & (speed[1:-1] <= speed[2:])
    # The speed between two frames belongs to the middle between them.
    return (np.flatnonzero(lowest) + 1.5) / float(rate)


def beat_alignment(
    motion_s: Float[np.ndarray, " motion_beats"],
    sound_s: Float[np.ndarray, " sound_beats"],
    *,
    spread_s: float = BEAT_SPREAD_S,
) -> float:
    """Give how near every beat of the motion is to one of the sound, 0 to 1; NaN without beats.

    Args:
        motion_s: Times at which motion turns, seconds.
        sound_s: Onsets of the sound, seconds (``sync.sound_beats_s``).
        spread_s: Distance at which the score of a beat has fallen to 0.61.

    Source:
        Li et al. 2021, "AI Choreographer", with the spread of Park & Cho 2023, "SAiD".
    """
    if len(motion_s) == 0 or len(sound_s) == 0:
        return float("nan")
    order = np.sort(sound_s)
    after = np.clip(np.searchsorted(order, motion_s), 1, max(1, len(order) - 1))
    nearest = np.minimum(
        np.abs(motion_s - order[after - 1]), np.abs(motion_s - order[np.minimum(after, len(order) - 1)])
    )
    return float(np.exp(-np.square(nearest) / (2 * spread_s**2)).mean())


def _check_frames(predicted: int, target: int) -> None:
    if predicted != target:
        raise ClockError(f"{predicted} frames were predicted for {target}; cut both to a common length")
    if predicted == 0:
        raise ClockError("a clip of 0 frames has no error; give at least one frame")


def _check_curves(predicted: Curves, target: OtherCurves, *, same_frames: bool = True) -> None:
    _check_frames(len(predicted), len(target) if same_frames else len(predicted))
    if predicted.shape[1] != target.shape[1] or predicted.shape[1] == 0:
        raise LayoutError(
            f"{predicted.shape[1]} channels were predicted for {target.shape[1]}; give both one layout"
        )
