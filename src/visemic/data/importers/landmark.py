"""Landmarks of a video to blendshape motion: what the mouth did, in millimetres, solved on a head.

Five distances are measured in the face's own frame, as changes from the speaker's rest in
face heights: the gap of the inner lips, the width of the mouth, how far each lip stands out,
and how far the chin has dropped. In millimetres of an average face they are the read-outs of
a head, and the weights that show them are a small bounded least squares problem a frame. The
lip gap, which viewers see, is met exactly afterwards; nearly closed lips are closed.

Landmark numbers are those of MediaPipe's face mesh.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_61
from visemic.motion.contacts import least_change
from visemic.motion.mouth import MAX_CLOSE_OVER_JAW, LinearReadouts, Mouth, mouth_from_readouts, sides_of

FACE_HEIGHT_MM = 177.0
"""Height from landmark 10 to 152 of an average face: that of MediaPipe's canonical face model."""
MEASURES = ("lip_gap", "mouth_width", "upper_lip_protrusion", "lower_lip_protrusion", "incisor_gap")
"""Columns of a measurement, named like the read-outs that they drive."""
TOUCH_MM, SEEN_MM = 1.3, 4.0
"""Trackers smooth closures away: a gap below the first is none, one above the second is true,
and between them it grows the faster."""

_FOREHEAD, _CHIN, _NASION = 10, 152, 168
_UPPER_INNER, _LOWER_INNER, _UPPER_FRONT, _LOWER_FRONT = 13, 14, 0, 17
_CORNERS = (61, 291)
NEEDED_LANDMARKS = (
    _FOREHEAD,
    _CHIN,
    _NASION,
    _UPPER_INNER,
    _LOWER_INNER,
    _UPPER_FRONT,
    _LOWER_FRONT,
    *_CORNERS,
)

_CHIN_TO_INCISOR = 0.9
"""The incisors hang on a shorter arm of the jaw than the chin."""
_NOISE_MM = np.array([0.3, 1.0, 2.5, 2.0, 1.5])
"""What a millimetre of each measure is worth: its scatter in frames with closed lips, and more
for depth, which a single camera guesses."""
_EASY_WEIGHTS = {
    "jawOpen": 0.5,
    "mouthClose": 0.3,
    "mouthFunnel": 0.3,
    "mouthPucker": 0.35,
    "mouthStretch": 0.2,
    "mouthSmile": 0.15,
    "mouthRollLower": 0.12,
    "mouthRollUpper": 0.08,
    "mouthPress": 0.1,
    "mouthLowerDown": 0.25,
    "mouthUpperUp": 0.2,
}
"""Shapes, and the weight of each that costs as much as one unit of noise."""
_SHAPES = tuple(_EASY_WEIGHTS)
_EXACT_EASE = {
    "jawOpen": 1.0,
    "mouthClose": 1.0,
    "mouthLowerDown": 0.5,
    "mouthUpperUp": 0.3,
    "mouthPress": 0.1,
}
_SWEEPS = 80
_REST_SHARE = 0.2
_FEWEST_REST = 5


@dataclass(frozen=True, eq=False)
class LandmarkFace:
    """Landmarks of a stretch of video in the camera's frame."""

    numbers: tuple[int, ...]
    """Landmark of each column."""
    points: Float[np.ndarray, "frames landmarks 3"]
    """Pixels or any unit: x right, y up, z towards the camera."""
    head_turn: Float[np.ndarray, "frames 3 3"]
    """Rotation from the head's frame to the camera's."""


def measure(face: LandmarkFace) -> Float[np.ndarray, "frames measures"]:
    """Give ``MEASURES`` of every frame in face heights, head pose removed.

    The chin's drop stands in for the incisors' gap. The face height is the median over the
    frames, since the chin moves.

    Raises:
        FormatError: A needed landmark is missing.
    """
    places = {number: column for column, number in enumerate(face.numbers)}
    missing = [n for n in NEEDED_LANDMARKS if n not in places]
    if missing:
        raise FormatError(f"landmark {missing[0]} is not among the {len(places)} tracked ones; track it too")
    turned = {n: np.einsum("fji,fj->fi", face.head_turn, face.points[:, places[n]]) for n in NEEDED_LANDMARKS}
    height = float(np.median(np.linalg.norm(turned[_FOREHEAD] - turned[_CHIN], axis=1)))
    if not height > 0:
        raise FormatError("the face has no height in the landmarks; are they all of one point")
    nasion = turned[_NASION]
    columns = [
        (turned[_UPPER_INNER] - turned[_LOWER_INNER])[:, 1],
        np.linalg.norm(turned[_CORNERS[0]] - turned[_CORNERS[1]], axis=1),
        (turned[_UPPER_FRONT] - nasion)[:, 2],
        (turned[_LOWER_FRONT] - nasion)[:, 2],
        (nasion - turned[_CHIN])[:, 1],
    ]
    return np.stack(columns, axis=1) / height


def rest_of(
    measured: Float[np.ndarray, "frames measures"], is_silent: Bool[np.ndarray, " frames"]
) -> Float[np.ndarray, " measures"]:
    """Give the measures of the speaker at rest: the median of silent frames with the lips closed.

    Without enough silent frames, those with the narrowest lip gap stand in for them.
    """
    gap = measured[:, 0]
    closed = gap <= np.quantile(gap, _REST_SHARE)
    chosen = closed & is_silent
    if chosen.sum() < _FEWEST_REST:
        chosen = closed
    return np.median(measured[chosen], axis=0)


class LandmarkSolver:
    """Turns measures into weights of one head."""

    def __init__(self, readouts: LinearReadouts) -> None:
        """Take the head's linear read-outs (``rig.readout.fit_readouts``)."""
        self._mouth = mouth_from_readouts(readouts)
        self._slopes = _shape_slopes(self._mouth)

    def solve(
        self, measured: Float[np.ndarray, "frames measures"], rest: Float[np.ndarray, " measures"]
    ) -> Float32[np.ndarray, "frames 61"]:
        """Give weights in ``ARKIT_61``; the upper face and rotations stay 0.

        Args:
            measured: As ``measure`` gives it, in face heights.
            rest: The speaker's rest in the same measures.

        Returns:
            Weights from 0 to 1, ``mouthClose`` never beyond the jaw. The head's lip gap is that
            of the landmarks where its shapes can show it.
        """
        wanted_mm = (measured - rest) * FACE_HEIGHT_MM
        wanted_mm[:, 0] = touching(wanted_mm[:, 0])
        wanted_mm[:, 4] = np.maximum(wanted_mm[:, 4], 0.0) * _CHIN_TO_INCISOR
        weights = _solve(wanted_mm, self._slopes)
        values = np.zeros((len(measured), len(ARKIT_61)))
        for column, shape in enumerate(_SHAPES):
            values[:, ARKIT_61.indices(sides_of(shape))] = weights[:, [column]]
        return self._with_gap(values, wanted_mm[:, 0]).astype(np.float32)

    def _with_gap(
        self, values: Float[np.ndarray, "frames 61"], gap_mm: Float[np.ndarray, " frames"]
    ) -> Float[np.ndarray, "frames 61"]:
        """Meet the lip gap with the least change."""
        mouth = self._mouth
        ease = np.zeros(len(ARKIT_61))
        for shape, amount in _EXACT_EASE.items():
            ease[ARKIT_61.indices(sides_of(shape))] = amount
        jaw, close = ARKIT_61.indices(["jawOpen", "mouthClose"])
        for _ in range(2):  # the bound of mouthClose moves with the jaw
            high = np.ones_like(values)
            high[:, close] = np.minimum(values[:, jaw] + MAX_CLOSE_OVER_JAW, 1.0)
            change_mm = gap_mm + mouth.rest_mm["lip_gap"] - mouth.measure_mm("lip_gap", values)
            values = least_change(
                values, mouth.slopes_mm["lip_gap"], change_mm, ease, np.zeros_like(values), high
            )
            values[:, close] = np.minimum(values[:, close], values[:, jaw] + MAX_CLOSE_OVER_JAW)
        return values


def touching(gap_mm: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
    """Give the gap of lips of which the tracker saw a smoothed one: see ``TOUCH_MM``.

    Example:
        >>> touching(np.array([0.5, 4.0, 12.0])).tolist()
        [0.0, 4.0, 12.0]
    """
    return np.interp(gap_mm, [TOUCH_MM, SEEN_MM], [0.0, SEEN_MM]) + np.maximum(gap_mm - SEEN_MM, 0.0)


def head_angles_rad(head_turn: Float[np.ndarray, "frames 3 3"]) -> Float[np.ndarray, "frames 3"]:
    """Give yaw, pitch and roll from the mean pose: roll first, then pitch, then yaw."""
    mean = head_turn.mean(axis=0)
    left, _, right = np.linalg.svd(mean)
    turn = np.einsum("ji,fjk->fik", left @ right, head_turn)
    pitch = np.arcsin(np.clip(-turn[:, 1, 2], -1.0, 1.0))
    yaw = np.arctan2(turn[:, 0, 2], turn[:, 2, 2])
    roll = np.arctan2(turn[:, 1, 0], turn[:, 1, 1])
    return np.stack([yaw, pitch, roll], axis=1)


def _shape_slopes(mouth: Mouth) -> Float[np.ndarray, "shapes measures"]:
    """Give millimetres a unit of each shape, the corrective ``mouthClose`` together with the jaw."""
    columns: list[Int[np.ndarray, " sides"]] = [np.array(ARKIT_61.indices(sides_of(s))) for s in _SHAPES]
    slopes = np.array([[mouth.slopes_mm[name][c].sum() for name in MEASURES] for c in columns])
    slopes[_SHAPES.index("mouthClose")] += slopes[_SHAPES.index("jawOpen")]
    return slopes


def _solve(
    wanted_mm: Float[np.ndarray, "frames measures"], slopes: Float[np.ndarray, "shapes measures"]
) -> Float[np.ndarray, "frames shapes"]:
    """Solve bounded ridge least squares of all frames together, one shape after the other.

    The problem is strictly convex, so the sweeps converge to its one minimum. The jaw is split
    into one with open and one with closed lips, which keeps ``mouthClose`` within the jaw.
    """
    rows = slopes / _NOISE_MM
    wanted = wanted_mm / _NOISE_MM
    normal = rows @ rows.T + np.diag([weight**-2 for weight in _EASY_WEIGHTS.values()])
    pull = wanted @ rows.T
    weights = np.zeros((len(wanted), len(rows)))
    for _ in range(_SWEEPS):
        for i in range(len(rows)):
            free = weights[:, i] + (pull[:, i] - weights @ normal[i]) / normal[i, i]
            weights[:, i] = np.clip(free, 0.0, 1.0)
    jaw, close = _SHAPES.index("jawOpen"), _SHAPES.index("mouthClose")
    weights[:, jaw] = np.minimum(weights[:, jaw] + weights[:, close], 1.0)
    weights[:, close] = np.minimum(weights[:, close], weights[:, jaw])
    return weights
