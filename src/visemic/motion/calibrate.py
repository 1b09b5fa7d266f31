"""The phone table for a given head, in closed form.

The table's weights mean something only on the head for which they were drawn. Its geometry
means the same on every head: so many millimetres of lip gap, of width, of protrusion. Each
phone is re-solved by ridge regression so that this head shows that geometry, near the drawn
weights; then the constraints that listeners see (seals, lip on teeth, closed teeth) are met
exactly.
"""

import numpy as np
from jaxtyping import Float

from visemic.motion.contacts import (
    LABIODENTAL_DEPTH_MM,
    LABIODENTAL_GAP_MM,
    LABIODENTAL_INCISOR_MM,
    SEAL_GAP_MM,
    SIBILANT_INCISOR_MM,
    least_change,
)
from visemic.motion.mouth import (
    MAX_CLOSE_OVER_JAW,
    READOUT_NAMES,
    LinearReadouts,
    Mouth,
    mouth_from_readouts,
    reference_mouth,
    sides_of,
)
from visemic.text.visemes import BILABIALS, LABIODENTALS, SIBILANTS, VOWELS, phone_table

SHAPES = (
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthPress",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthStretch",
    "mouthSmile",
    "mouthDimple",
    "tongueOut",
)
"""What the phone table moves; paired shapes move both sides alike."""

_IMPORTANCE = {
    "lip_gap": 1.0,
    "mouth_width": 0.5,
    "upper_lip_protrusion": 0.5,
    "lower_lip_protrusion": 0.25,
    "incisor_gap": 0.3,
    "labiodental_gap": 0.0,
    "labiodental_depth": 0.0,
}
# In F and V the bared upper teeth are what is seen, not the gap of the lips.
_IMPORTANCE_ON_TEETH = {
    **_IMPORTANCE,
    "lip_gap": 0.1,
    "labiodental_gap": 0.5,
    "labiodental_depth": 0.5,
}
_RIDGE_MM = 1.5
"""Millimetres that a full weight away from the drawn one is worth."""
_MAX_GROWTH, _MAX_STEP = 2.0, 0.3
_HEAD_SCALES = (0.75, 1.35)
_MARGIN_MM = 0.1
_PRESS_MM = -0.35
_MIN_OPEN_MM = 1.0
_BARED_MM = 1.8
"""Least lip gap of F and V: the upper teeth show, or it would look like an M."""

_CLOSE_EASE = {"mouthClose": 1.0, "mouthPress": 0.3, "mouthRollLower": 0.2, "mouthShrugLower": 0.2}


def calibrate(readouts: LinearReadouts) -> dict[str, dict[str, float]]:
    """Give the phone table's weights for a head.

    Args:
        readouts: The head's linear read-outs (``rig.readout.fit_readouts``).

    Returns:
        ARKit weights by simple phone, ``SIL`` included. Seals close the lips, F and V touch
        the teeth, sibilants close the teeth, everything else opens the lips, wherever the
        head's shapes can.
    """
    return calibrate_mouth(mouth_from_readouts(readouts))


def calibrate_mouth(mouth: Mouth) -> dict[str, dict[str, float]]:
    """Give the phone table's weights for a mouth; see ``calibrate``."""
    reference = reference_mouth()
    scale = float(np.clip(mouth.rest_mm["mouth_width"] / reference.rest_mm["mouth_width"], *_HEAD_SCALES))
    here = _shape_slopes(mouth)
    there = _rounding_of(_shape_slopes(reference), here / scale)
    table: dict[str, dict[str, float]] = {}
    for phone, drawn in phone_table().weights.items():
        weights = np.array([drawn.get(sides_of(shape)[0], 0.0) for shape in SHAPES])
        if weights.any():
            importance = _IMPORTANCE_ON_TEETH if phone in LABIODENTALS else _IMPORTANCE
            solved = _solve(weights, here, there, scale, np.array([importance[n] for n in READOUT_NAMES]))
            weights = _constrain(phone, solved, here, mouth)
        table[phone] = {
            side: round(float(weight), 6)
            for shape, weight in zip(SHAPES, weights, strict=True)
            if weight > 1e-6
            for side in sides_of(shape)
        }
    return table


def _rounding_of(
    reference: Float[np.ndarray, "shapes readouts"], head: Float[np.ndarray, "shapes readouts"]
) -> Float[np.ndarray, "shapes readouts"]:
    """Let a head that narrows its mouth further than the reference use its own range.

    How far lips round differs more between faces than how far they open; a mouth that can
    round and does not reads as a vowel of another class.
    """
    slopes = reference.copy()
    width = READOUT_NAMES.index("mouth_width")
    for shape in ("mouthPucker", "mouthFunnel"):
        row = SHAPES.index(shape)
        slopes[row, width] = min(reference[row, width], head[row, width])
    return slopes


def _shape_slopes(mouth: Mouth) -> Float[np.ndarray, "shapes readouts"]:
    """Give the read-outs' slopes by shape, both sides of a pair together."""
    columns = [mouth.layout.indices(sides_of(shape)) for shape in SHAPES]
    return np.array([[mouth.slopes_mm[name][c].sum() for name in READOUT_NAMES] for c in columns])


def _solve(
    drawn: Float[np.ndarray, " shapes"],
    here: Float[np.ndarray, "shapes readouts"],
    there: Float[np.ndarray, "shapes readouts"],
    scale: float,
    importance: Float[np.ndarray, " readouts"],
) -> Float[np.ndarray, " shapes"]:
    """Find non-negative weights that change this head's read-outs as the drawn ones do on the reference.

    Shapes that the table does not use stay at 0; a shape that would need a weight beyond its
    bounds is fixed there and the rest is solved again.
    """
    target_mm = scale * (drawn @ there)
    high = np.minimum(1.0, np.maximum(_MAX_GROWTH * drawn, drawn + _MAX_STEP)) * (drawn > 0)
    weights = drawn.copy()
    free = (drawn > 0) & (np.abs(here).sum(axis=1) > 0)
    for _ in range(len(drawn)):
        if not free.any():
            break
        fixed_mm = weights[~free] @ here[~free]
        rows = (here[free] * importance).T
        wanted = (target_mm - fixed_mm) * importance
        normal = rows.T @ rows + _RIDGE_MM**2 * np.eye(int(free.sum()))
        solved = np.linalg.solve(normal, rows.T @ wanted + _RIDGE_MM**2 * drawn[free])
        bounded = np.clip(solved, 0.0, high[free])
        weights[free] = bounded
        outside = bounded != solved
        if not outside.any():
            break
        free[np.flatnonzero(free)[outside]] = False
    return weights


def _constrain(
    phone: str,
    weights: Float[np.ndarray, " shapes"],
    slopes: Float[np.ndarray, "shapes readouts"],
    mouth: Mouth,
) -> Float[np.ndarray, " shapes"]:
    """Meet what must hold exactly, with the least change of weights."""
    jaw, close = SHAPES.index("jawOpen"), SHAPES.index("mouthClose")
    weights[close] = min(weights[close], weights[jaw] + MAX_CLOSE_OVER_JAW)
    if phone in BILABIALS:
        return _sealed(weights, slopes, mouth)
    if phone in LABIODENTALS:
        return _on_teeth(weights, slopes, mouth)
    if phone in SIBILANTS:
        weights = _at_most(
            weights, slopes, mouth, "incisor_gap", SIBILANT_INCISOR_MM - _MARGIN_MM, {"jawOpen": 1.0}
        )
        opening = {"mouthLowerDown": 1.0, "mouthUpperUp": 0.5}
    else:
        opening = {"jawOpen": 1.0} if phone in VOWELS | {"W", "Y"} else {}
    return _at_least_open(weights, slopes, mouth, opening, max(mouth.rest_mm["lip_gap"], 0.0) + _MIN_OPEN_MM)


def _column(slopes: Float[np.ndarray, "shapes readouts"], readout: str) -> Float[np.ndarray, " shapes"]:
    return slopes[:, READOUT_NAMES.index(readout)]


def _ease(
    slopes: Float[np.ndarray, " shapes"], shapes: dict[str, float], sign: int
) -> Float[np.ndarray, " shapes"]:
    """Give the ease of shapes whose slope has the sign; 0 for all others."""
    ease = np.array([shapes.get(shape, 0.0) for shape in SHAPES])
    return ease * (np.sign(slopes) == sign)


def _moved(
    weights: Float[np.ndarray, " shapes"],
    slopes: Float[np.ndarray, " shapes"],
    change_mm: float,
    ease: Float[np.ndarray, " shapes"],
) -> Float[np.ndarray, " shapes"]:
    low, high = np.zeros((1, len(weights))), np.ones((1, len(weights)))
    close, jaw = SHAPES.index("mouthClose"), SHAPES.index("jawOpen")
    high[0, close] = min(1.0, weights[jaw] + MAX_CLOSE_OVER_JAW)
    return least_change(weights[None], slopes, np.array([change_mm]), ease, low, high)[0]


def _at_most(
    weights: Float[np.ndarray, " shapes"],
    slopes: Float[np.ndarray, "shapes readouts"],
    mouth: Mouth,
    readout: str,
    limit_mm: float,
    shapes: dict[str, float],
) -> Float[np.ndarray, " shapes"]:
    """Bring a read-out down to a limit with the shapes given, whichever way each has to go."""
    row = _column(slopes, readout)
    excess_mm = mouth.rest_mm[readout] + float(weights @ row) - limit_mm
    if excess_mm <= 0:
        return weights
    ease = np.array([shapes.get(shape, 0.0) for shape in SHAPES])
    return _moved(weights, row, -excess_mm, ease)


def _at_least_open(
    weights: Float[np.ndarray, " shapes"],
    slopes: Float[np.ndarray, "shapes readouts"],
    mouth: Mouth,
    shapes: dict[str, float],
    least_mm: float,
) -> Float[np.ndarray, " shapes"]:
    """Open the lips to a least gap."""
    row = _column(slopes, "lip_gap")
    missing_mm = least_mm - mouth.rest_mm["lip_gap"] - float(weights @ row)
    return _moved(weights, row, missing_mm, _ease(row, shapes, 1)) if missing_mm > 0 else weights


def _sealed(
    weights: Float[np.ndarray, " shapes"], slopes: Float[np.ndarray, "shapes readouts"], mouth: Mouth
) -> Float[np.ndarray, " shapes"]:
    """Give the posture a lip gap between pressed and just sealed."""
    row, rest_mm = _column(slopes, "lip_gap"), mouth.rest_mm["lip_gap"]
    ease = _ease(row, _CLOSE_EASE, -1)
    gap_mm = rest_mm + float(weights @ row)
    wanted_mm = float(np.clip(gap_mm, _PRESS_MM, SEAL_GAP_MM - 1e-3))
    weights = _moved(weights, row, wanted_mm - gap_mm, ease)
    if rest_mm + float(weights @ row) > wanted_mm + 1e-9:
        # This head's closing shapes are weak: give up what opens, jaw first, and try again.
        closed = np.where(row > 0, 0.0, weights)
        closed[SHAPES.index("mouthClose")] = 0.0
        weights = _moved(closed, row, wanted_mm - rest_mm - float(closed @ row), ease)
    return weights


def _on_teeth(
    weights: Float[np.ndarray, " shapes"], slopes: Float[np.ndarray, "shapes readouts"], mouth: Mouth
) -> Float[np.ndarray, " shapes"]:
    """Bring the lower lip to the upper teeth: under them, and up to them.

    Each step is a least change for one read-out; a handful of rounds satisfies both.
    """
    depth = {"mouthRollLower": 1.0, "mouthShrugLower": 0.05}
    height = {"jawOpen": 1.0, "mouthShrugLower": 0.3, "mouthLowerDown": 1.0, "mouthRollLower": 0.1}
    weights = _at_most(
        weights, slopes, mouth, "incisor_gap", LABIODENTAL_INCISOR_MM - _MARGIN_MM, {"jawOpen": 1.0}
    )
    for _ in range(12):
        weights = _at_least_open(weights, slopes, mouth, {"mouthUpperUp": 1.0}, _BARED_MM)
        weights = _at_most(weights, slopes, mouth, "labiodental_gap", LABIODENTAL_GAP_MM - _MARGIN_MM, height)
        weights = _at_most(
            weights, slopes, mouth, "labiodental_depth", LABIODENTAL_DEPTH_MM - _MARGIN_MM, depth
        )
    return weights
