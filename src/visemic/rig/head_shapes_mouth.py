"""The shapes of jaw, lips and cheeks of the built-in head, for the skin, left side first.

Each function gives displacements at weight 1 in centimetres. Shapes that come in pairs are
made for the left; the right is mirrored later.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from visemic.rig.head_fields import JAW_ANGLE_RAD, Fields, jaw_turn
from visemic.rig.head_mouth import CONTACT, LIP_START

Shape = Float[np.ndarray, "vertices 3"]


def _move(mask: np.ndarray, dx: float, dy: float, dz: float) -> np.ndarray:
    return mask[:, None] * np.array([dx, dy, dz])


def jaw_open(f: Fields) -> Shape:
    """Turn the jaw about its joint."""
    shape = jaw_turn(f.points, f.jaw, JAW_ANGLE_RAD)
    # Corners are drawn in a little and the cheeks sink as the mouth opens.
    wide = f.corner(1.6) - f.corner(1.6)[f.skin.mesh.partner]
    shape[:, 0] -= 0.22 * wide
    cheek = f.around((4.6, -4.2, 4.6), (1.6, 2.2, 2.4)) - f.around((-4.6, -4.2, 4.6), (1.6, 2.2, 2.4))
    shape[:, 0] -= 0.22 * cheek * (~f.is_lip)
    return shape


def mouth_close(f: Fields) -> Shape:
    """Bring the lips together again while the jaw stays down: the exact corrective of jawOpen."""
    opened = jaw_open(f)
    index = f.skin.mouth_index
    # Lips in contact lie at several depths, which the jaw's turn carries differently far.
    band = index[np.clip(np.arange(len(index)), CONTACT, CONTACT + 4)]
    gap = opened[band[:, ::-1]] - opened[band]
    share = np.where(f.skin.mouth.side > 0, 0.30, np.where(f.skin.mouth.side < 0, 0.70, 0.0))
    # A trace of pressing, so that sealed lips stay sealed under rounding.
    press = -f.skin.mouth.side * 0.004
    per_vertex = share[:, None] * gap + press[:, None] * np.array([0.0, 1.0, 0.0])
    shape = np.zeros_like(f.points)
    value = per_vertex[np.maximum(f.ring, 0), np.maximum(f.column, 0)]
    value = np.where((f.points[:, 0] < 0)[:, None], value * np.array([-1.0, 1.0, 1.0]), value)
    ring = f.ring.astype(float)
    inner = 1.0 - np.clip((ring - CONTACT - 4) / 6.0, 0.0, 1.0)
    outer = np.clip(ring / LIP_START, 0.0, 1.0)
    outer = outer * outer * (3 - 2 * outer)
    weight = np.where(f.ring >= LIP_START, inner, outer)
    shape = np.where((f.ring >= 0)[:, None], weight[:, None] * value, shape)
    return f.smoothed(shape, 8)


def jaw_forward(f: Fields) -> Shape:
    """Slide the jaw forward."""
    return _move(f.jaw, 0.0, -0.08, 0.75)


def jaw_left(f: Fields) -> Shape:
    """Slide the jaw to the left."""
    return _move(f.jaw, 0.85, 0.0, 0.0)


def funnel(f: Fields) -> Shape:
    """Open the lips into a ring pushed forward."""
    m = f.middle
    inner = 1.0 - 0.5 * np.clip((f.ring - CONTACT) / 6.0, 0, 1)
    shape = _move(f.upper(1.1) * m**1.1 * inner, 0.0, 0.56, 0.0) + _move(
        f.lower(1.2) * m**1.1 * inner, 0.0, -0.84, 0.0
    )
    shape += _move(f.both(1.3) * (0.35 + 0.65 * m) * inner, 0.0, 0.0, 0.80)
    shape[:, 0] -= 0.20 * f.points[:, 0] * f.both(1.5) * np.exp(-((np.abs(f.points[:, 0]) / 4.5) ** 4))
    return shape


def pucker(f: Fields) -> Shape:
    """Draw the lips together and forward as for a kiss."""
    m = f.middle
    mask = f.both(1.5)
    shape = _move(mask * (0.25 + 0.75 * m), 0.0, 0.0, 0.95)
    shape[:, 0] -= 0.215 * f.points[:, 0] * f.both(1.8) * np.exp(-((np.abs(f.points[:, 0]) / 4.5) ** 4))
    shape[:, 1] += 0.16 * np.clip(f.over_seam, -1.2, 1.0) * f.both(0.9) * m
    return shape


def mouth_left(f: Fields) -> Shape:
    """Shift both lips to the left."""
    shape = _move(f.both(2.0), 0.95, 0.0, 0.0)
    x = f.points[:, 0]
    shape[:, 2] -= 0.10 * f.both(1.6) * np.clip(x, -3, 3)
    return shape


def smile(f: Fields) -> Shape:
    """Pull the left corner up and out, lift the cheek, narrow the eye a little."""
    shape = _move(f.corner(2.2), 0.80, 0.0, -0.48) + _move(f.corner(1.75), 0.0, 0.70, 0.0)
    shape += _move(f.around((4.0, -2.2, 6.6), (1.9, 1.7, 2.2)) * (~f.is_lip), 0.24, 0.44, 0.32)
    shape += _move(f.around((3.2, 0.2, 7.4), (1.9, 0.8, 1.8)), 0.0, 0.12, 0.03)
    return shape


def frown(f: Fields) -> Shape:
    """Pull the left corner down."""
    shape = _move(f.corner(1.7), 0.10, -0.75, -0.12)
    return shape + _move(f.around((2.6, -7.6, 7.2), (1.4, 1.4, 1.6)), 0.05, -0.25, 0.05)


def dimple(f: Fields) -> Shape:
    """Draw the left corner back into the cheek."""
    shape = _move(f.corner(1.4), 0.42, 0.06, -0.45)
    return shape + _move(f.around((3.3, -5.4, 7.0), (0.7, 0.9, 1.0)) * (~f.is_lip), 0.0, 0.0, -0.22)


def stretch(f: Fields) -> Shape:
    """Pull the left corner sideways and slightly down."""
    shape = _move(f.corner(2.0), 0.88, -0.16, -0.40)
    return shape + _move(f.around((3.2, -8.0, 6.4), (1.4, 1.8, 2.0)), 0.15, -0.22, 0.0)


def _rolled(f: Fields, mask: np.ndarray, rise: float, top_rise: float) -> Shape:
    """Turn one lip inwards: its border nears the seam, its contact goes back over the teeth."""
    inward = np.clip((f.ring - LIP_START) / (CONTACT - LIP_START), 0.0, 1.0)
    top = np.where(f.ring >= CONTACT, np.clip((f.ring - CONTACT) / 3.0, 0.0, 1.0), 0.0)
    fade = 1.0 - np.clip((f.ring - CONTACT - 3) / 4.0, 0.0, 1.0)
    weight = mask * f.middle**0.75 * fade
    shape = np.zeros_like(f.points)
    shape[:, 1] = weight * (
        -0.55 * (1 - inward) * np.clip(f.over_seam, -1.0, 0.9) + rise * inward + top_rise * top
    )
    shape[:, 2] = weight * (-0.24 - 0.46 * inward - 0.13 * top)
    return shape


def roll_lower(f: Fields) -> Shape:
    """Curl the lower lip in and up over the lower teeth."""
    return _rolled(f, f.lower(0.75), 0.24, 0.12)


def roll_upper(f: Fields) -> Shape:
    """Curl the upper lip in and down over the upper teeth."""
    return _rolled(f, f.upper(0.75), -0.05, 0.0)


def shrug_lower(f: Fields) -> Shape:
    """Raise the chin, so that the lower lip pushes the upper one up."""
    m = 0.25 + 0.75 * f.middle
    shape = _move(f.both(1.1) * m, 0.0, 0.47, 0.17) + _move(f.lower(1.2) * f.middle, 0.0, 0.03, 0.05)
    return shape + _move(f.around((0.0, -8.8, 8.4), (1.7, 1.2, 1.8)), 0.0, 0.40, -0.02)


def shrug_upper(f: Fields) -> Shape:
    """Raise and push out the upper lip, the lower one following half-way."""
    m = 0.25 + 0.75 * f.middle
    return _move(f.both(1.0) * m, 0.0, 0.22, 0.10) + _move(f.upper(1.0) * f.middle, 0.0, 0.20, 0.14)


def press(f: Fields) -> Shape:
    """Press the lips together on the left and thin their red."""
    thin = f.both(0.7) * (0.3 + 0.7 * f.middle) * f.left
    inward = np.clip((f.ring - LIP_START) / (CONTACT - LIP_START), 0.0, 1.0)
    shape = np.zeros_like(f.points)
    shape[:, 1] -= 0.26 * np.clip(f.over_seam, -1.0, 0.9) * thin
    shape[:, 1] -= 0.012 * np.sign(f.side) * inward * thin * (f.ring <= CONTACT + 3)
    shape[:, 2] -= 0.16 * thin
    return shape + _move(f.corner(0.9), 0.06, 0.0, -0.12)


def lower_down(f: Fields) -> Shape:
    """Pull the lower lip down on the left."""
    mask = f.lower(1.2) * f.middle**0.85 * f.left
    fade = 1.0 - 0.8 * np.clip((f.ring - CONTACT - 3) / 5.0, 0.0, 1.0)
    return _move(mask * fade, 0.0, -0.66, 0.05)


def upper_up(f: Fields) -> Shape:
    """Lift the upper lip on the left and deepen the fold beside the nose."""
    mask = f.upper(1.1) * f.middle**0.85 * f.left
    fade = 1.0 - 0.8 * np.clip((f.ring - CONTACT - 3) / 5.0, 0.0, 1.0)
    shape = _move(mask * fade, 0.0, 0.66, 0.04)
    shape += _move(f.around((1.7, -2.7, 8.8), (0.8, 0.7, 1.0)), 0.03, 0.14, 0.02)
    return shape + _move(f.around((2.6, -2.6, 8.0), (1.0, 1.2, 1.2)), 0.0, 0.18, 0.10)


def cheek_puff(f: Fields) -> Shape:
    """Blow up both cheeks; the lips stay sealed and push forward."""
    shape = np.zeros_like(f.points)
    for sign in (1.0, -1.0):
        mask = f.around((sign * 3.9, -5.0, 6.4), (1.9, 1.9, 2.5)) * f.depth_fade
        shape += _move(mask, sign * 0.80, 0.0, 0.55)
    return shape + _move(f.both(1.0) * f.middle, 0.0, 0.0, 0.20)


def cheek_squint(f: Fields) -> Shape:
    """Lift the left cheek under the eye."""
    return _move(f.around((3.6, -1.0, 7.4), (1.8, 1.3, 1.8)), 0.04, 0.42, 0.20)


def nose_sneer(f: Fields) -> Shape:
    """Wrinkle the left side of the nose and lift the lip a little."""
    shape = _move(f.around((1.4, -2.3, 8.9), (0.8, 0.9, 1.2)), 0.08, 0.34, -0.02)
    shape += _move(f.around((1.0, -0.2, 8.6), (0.8, 1.3, 1.2)), 0.0, 0.22, 0.08)
    shape += _move(f.upper(1.0) * f.middle**0.6 * f.left, 0.0, 0.16, 0.0)
    return shape + _move(f.around((1.5, 2.5, 8.2), (1.0, 0.7, 1.2)), -0.04, -0.14, 0.05)


SINGLE: dict[str, Callable[[Fields], Shape]] = {
    "jawForward": jaw_forward,
    "jawOpen": jaw_open,
    "mouthClose": mouth_close,
    "mouthFunnel": funnel,
    "mouthPucker": pucker,
    "mouthRollLower": roll_lower,
    "mouthRollUpper": roll_upper,
    "mouthShrugLower": shrug_lower,
    "mouthShrugUpper": shrug_upper,
    "cheekPuff": cheek_puff,
}
"""Shapes that are their own mirror image."""
PAIRED: dict[str, Callable[[Fields], Shape]] = {
    "jaw": jaw_left,
    "mouth": mouth_left,
    "mouthSmile": smile,
    "mouthFrown": frown,
    "mouthDimple": dimple,
    "mouthStretch": stretch,
    "mouthPress": press,
    "mouthLowerDown": lower_down,
    "mouthUpperUp": upper_up,
    "cheekSquint": cheek_squint,
    "noseSneer": nose_sneer,
}
"""Left shapes by the name they share with the right."""
