"""The shapes of jaw, lips and cheeks of the built-in head, for the skin, left side first.

Each function gives displacements at weight 1 in centimetres. Shapes that come in pairs are
made for the left; the right is mirrored later.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import smooth_step
from visemic.rig.head_fields import (
    CORNER_SHARE,
    JAW_ANGLE_RAD,
    JAW_FORWARD,
    JAW_LEFT,
    Fields,
    fall_off,
    jaw_turn,
)
from visemic.rig.head_mouth import CONTACT, LIP_START
from visemic.rig.head_posture import Posture, Shape, clear_teeth, inner_fade, take
from visemic.rig.head_tongue import OUT_JAW


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
    # The corners go down with the jaw but not back, for the upper teeth stand behind them.
    shape[:, 2] *= 1.0 - fall_off(f.away, 2.0) * f.pocket_fade * (1.0 - f.middle)
    return clear_teeth(f, shape, lower=False)


def mouth_close(f: Fields) -> Shape:
    """Bring the lips together again while the jaw stays down: the exact corrective of jawOpen."""
    opened = jaw_open(f)
    index = f.skin.mouth_index
    # Lips in contact lie at several depths, which the jaw's turn carries differently far.
    band = index[np.clip(np.arange(len(index)), CONTACT, CONTACT + 4)]
    gap = opened[band[:, ::-1]] - opened[band]
    # Where the lips meet: the lower one does most of the way, all of it forwards, for the
    # teeth stand in the way of the upper one; the line stays smooth up to the corners.
    m = f.skin.mouth
    upper, lower = f.jaw[index[CONTACT]], f.jaw[index[CONTACT, ::-1]]
    upper, lower = np.minimum(upper, lower), np.maximum(upper, lower)
    meet = CORNER_SHARE + (0.30 - CORNER_SHARE) * np.cos(m.turn) ** 2
    way = np.clip((meet - upper) / np.maximum(lower - upper, 1e-6), 0.0, 1.0)
    share = np.where(m.side > 0, way, np.where(m.side < 0, 1.0 - way, 0.0))
    shares = np.stack([share, share, np.where(m.side < 0, 1.0, 0.0)], -1)
    # A trace of pressing, so that sealed lips stay sealed under rounding.
    press = -m.side * 0.0005 * np.abs(np.cos(m.turn))
    per_vertex = shares * gap + press[:, None] * np.array([0.0, 1.0, 0.0])
    value = per_vertex[np.maximum(f.ring, 0), np.maximum(f.column, 0)]
    value = np.where((f.points[:, 0] < 0)[:, None], value * np.array([-1.0, 1.0, 1.0]), value)
    ring = f.ring.astype(float)
    inner = smooth_step(CONTACT + 7.0, CONTACT + 3.0, ring)
    outer = smooth_step(0.0, float(LIP_START), ring)
    weight = np.where(f.ring >= LIP_START, inner, outer)
    shape = np.where((f.ring >= 0)[:, None], weight[:, None] * value, 0.0)
    return f.smoothed(shape, 20)


def tongue_out(f: Fields) -> Shape:
    """Part teeth and lips, so that the tongue can pass."""
    return OUT_JAW * jaw_open(f)


def jaw_forward(f: Fields) -> Shape:
    """Slide the jaw forward."""
    return clear_teeth(f, _move(f.jaw, *JAW_FORWARD), lower=False)


def jaw_left(f: Fields) -> Shape:
    """Slide the jaw to the left."""
    return clear_teeth(f, _move(f.jaw, *JAW_LEFT), lower=False)


def funnel(f: Fields) -> Shape:
    """Open the lips into a ring pushed forward, its edge turned out as a trumpet's."""
    m = f.skin.mouth
    rise = np.where(m.side == 0, 0.0, np.cos(m.turn))
    contact = m.points[CONTACT].copy()
    contact[:, 0] *= 0.78
    contact[:, 1] += np.where(rise > 0, 0.62, 0.92) * np.sign(rise) * np.abs(rise) ** 1.1
    contact[:, 2] += 0.52 + 0.42 * np.abs(rise)
    oval = np.abs(rise) ** 0.45
    return take(
        f,
        Posture(
            contact,
            height=0.24 + 0.35 * np.maximum(m.height - 0.24, 0.0) + np.where(m.side > 0, 0.28, 0.32) * oval,
            front=np.maximum(m.front, 0.24),
            border=m.border + 0.02,
            round_share=1.0,
            roll_rad=0.42,
            pivot=0.45,
        ),
        1.5,
        1.35,
    )


def pucker(f: Fields) -> Shape:
    """Draw the lips together and forward as for a kiss; they stay sealed."""
    m = f.skin.mouth
    rise = np.where(m.side == 0, 0.0, np.cos(m.turn))
    contact = m.points[CONTACT].copy()
    contact[:, 0] *= 0.64 * (1.0 - 0.28 * (1.0 - m.along))
    # The line between the lips is drawn straight.
    contact[:, 1] += 0.6 * (contact[0, 1] - contact[:, 1])
    contact[:, 2] += 0.82 + 0.18 * rise**2
    # Round at the corners too: an oval that ended there would pinch the skin beside it.
    oval = (rise**2 + 0.012) ** 0.3
    return take(
        f,
        Posture(
            contact,
            height=0.18 + np.maximum(m.height - 0.14, (0.65 - 0.09 * m.side) * oval),
            front=np.maximum(m.front, 0.30),
            border=m.border - 0.06,
            round_share=1.0,
            roll_rad=0.16,
        ),
        1.7,
        1.4,
    )


def mouth_left(f: Fields) -> Shape:
    """Shift both lips to the left."""
    shape = _move(f.both(2.0), 0.95, 0.0, 0.0)
    x = f.points[:, 0]
    shape[:, 2] -= 0.10 * f.both(1.6) * np.clip(x, -3, 3)
    return shape


def smile(f: Fields) -> Shape:
    """Pull the left corner up and out, lift the cheek, narrow the eye a little."""
    shape = (
        _move(f.corner(2.2), 0.80, 0.0, 0.0)
        + _move(f.corner(1.8), 0.0, 0.0, -0.48)
        + _move(f.corner(1.75), 0.0, 0.70, 0.0)
    )
    shape += _move(f.around((4.0, -2.2, 6.6), (1.9, 1.7, 2.2)) * (~f.is_lip), 0.24, 0.44, 0.32)
    shape += _move(f.around((3.2, 0.2, 7.4), (1.9, 0.8, 1.8)), 0.0, 0.12, 0.03)
    return shape


def frown(f: Fields) -> Shape:
    """Pull the left corner down."""
    # Back goes the face alone: the pocket behind the corner would meet the teeth.
    shape = _move(f.corner(1.7), 0.12, -0.75, 0.0) + _move(f.corner(1.7) * f.depth_fade, 0.0, 0.0, -0.10)
    return shape + _move(f.around((2.6, -7.6, 7.2), (1.4, 1.4, 1.6)), 0.05, -0.25, 0.05)


def dimple(f: Fields) -> Shape:
    """Draw the left corner back into the cheek."""
    shape = _move(f.corner(1.4), 0.42, 0.06, -0.45)
    return shape + _move(f.around((3.3, -5.4, 7.0), (0.7, 0.9, 1.0)) * (~f.is_lip), 0.0, 0.0, -0.22)


def stretch(f: Fields) -> Shape:
    """Pull the left corner sideways and slightly down."""
    shape = _move(f.corner(2.0), 0.88, -0.16, -0.40)
    return shape + _move(f.around((3.2, -8.0, 6.4), (1.4, 1.8, 2.0)), 0.15, -0.22, 0.0)


def _curled(f: Fields, side: int) -> Posture:
    m = f.skin.mouth
    share = np.where(m.side == side, np.abs(np.cos(m.turn)) ** 1.4, 0.0)
    contact = m.points[CONTACT].copy()
    contact[:, 2] -= 0.30 * share
    return Posture(
        contact,
        height=m.height * (1.0 - 0.52 * share),
        front=m.front * (1.0 - 0.25 * share),
        border=m.border * (1.0 - 0.1 * share),
    )


def roll_lower(f: Fields) -> Shape:
    """Curl the lower lip in and up over the lower teeth."""
    shape = take(f, _curled(f, -1), 0.8, 0.8)
    # Its inner edge turns up in front of the upper teeth: they rest on it for F and V.
    ridge = np.zeros(len(f.skin.mouth_index))
    ridge[CONTACT + 3 : CONTACT + 6] = 0.24, 0.18, 0.06
    share = np.where(f.side < 0, f.oval**2.2, 0.0)
    shape[:, 1] += np.where(f.ring >= 0, ridge[f.ring], 0.0) * share
    return shape


def roll_upper(f: Fields) -> Shape:
    """Curl the upper lip in and down over the upper teeth."""
    return take(f, _curled(f, 1), 0.8, 0.8)


def shrug_lower(f: Fields) -> Shape:
    """Raise the chin, so that the lower lip pushes the upper one up."""
    m = 0.25 + 0.75 * f.middle
    shape = _move(f.both(1.1) * m, 0.0, 0.47, 0.17) + _move(f.lower(1.2) * f.middle, 0.0, 0.0, 0.05)
    return shape + _move(f.around((0.0, -8.8, 8.4), (1.7, 1.2, 1.8)), 0.0, 0.40, -0.02)


def shrug_upper(f: Fields) -> Shape:
    """Raise and push out the upper lip, the lower one following half-way."""
    m = 0.25 + 0.75 * f.middle
    return _move(f.both(1.0) * m, 0.0, 0.22, 0.10) + _move(f.upper(1.0) * f.middle, 0.0, 0.20, 0.14)


def press(f: Fields) -> Shape:
    """Press the lips together on the left and thin their red."""
    m = f.skin.mouth
    share = 0.3 + 0.7 * np.cos(m.turn) ** 2
    contact = m.points[CONTACT].copy()
    contact[:, 1] -= 0.026 * m.side * share * smooth_step(0.2, 0.6, np.abs(np.cos(m.turn)))
    contact[:, 2] -= 0.05 * share
    thin = Posture(
        contact,
        height=m.height * (1.0 - 0.34 * share),
        front=m.front * (1.0 - 0.22 * share),
        border=m.border * (1.0 - 0.15 * share),
    )
    return take(f, thin, 0.7, 0.7) * f.left[:, None] + _move(f.corner(0.9), 0.06, 0.0, -0.08)


def lower_down(f: Fields) -> Shape:
    """Pull the lower lip down on the left."""
    mask = f.lower(1.2) * f.oval * f.left * inner_fade(f)
    return _move(mask, 0.0, -0.66, 0.03)


def upper_up(f: Fields) -> Shape:
    """Lift the upper lip on the left and deepen the fold beside the nose."""
    mask = f.upper(1.1) * f.oval * f.left * inner_fade(f)
    shape = _move(mask, 0.0, 0.66, 0.04)
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


def _clear(make: Callable[[Fields], Shape]) -> Callable[[Fields], Shape]:
    return lambda f: clear_teeth(f, make(f), lower=True)


SINGLE: dict[str, Callable[[Fields], Shape]] = {
    "jawForward": jaw_forward,
    "jawOpen": jaw_open,
    "mouthClose": mouth_close,
    "mouthFunnel": _clear(funnel),
    "mouthPucker": _clear(pucker),
    "mouthRollLower": _clear(roll_lower),
    "mouthRollUpper": _clear(roll_upper),
    "mouthShrugLower": _clear(shrug_lower),
    "mouthShrugUpper": _clear(shrug_upper),
    "cheekPuff": cheek_puff,
    "tongueOut": tongue_out,
}
"""Shapes that are their own mirror image."""
PAIRED: dict[str, Callable[[Fields], Shape]] = {
    "jaw": jaw_left,
    "mouth": _clear(mouth_left),
    "mouthSmile": _clear(smile),
    "mouthFrown": _clear(frown),
    "mouthDimple": _clear(dimple),
    "mouthStretch": _clear(stretch),
    "mouthPress": _clear(press),
    "mouthLowerDown": _clear(lower_down),
    "mouthUpperUp": _clear(upper_up),
    "cheekSquint": cheek_squint,
    "noseSneer": nose_sneer,
}
"""Left shapes by the name they share with the right."""


def correctives(f: Fields) -> dict[tuple[str, str], Shape]:
    """Give what sums of two shapes lack: round lips open in the middle, not up to the corners."""
    close, opened = mouth_close(f), funnel(f) * np.array([0.0, 1.0, 0.0])
    narrow, wide = _narrowed(f, 0.68), _narrowed(f, 0.92)
    made = {
        ("mouthPucker", "jawOpen"): close * narrow,
        ("mouthFunnel", "jawOpen"): close * wide,
        ("mouthPucker", "mouthFunnel"): -opened * narrow * f.both(0.8)[:, None],
    }
    flip = np.array([-1.0, 1.0, 1.0])
    return {name: 0.5 * (s + s[f.skin.mesh.partner] * flip) for name, s in made.items()}


def _narrowed(f: Fields, share: float) -> Float[np.ndarray, "vertices 1"]:
    """Give how far to close an oval mouth, so that an oval of a share of its width stays open."""
    u = f.skin.mouth.along
    rest = np.sqrt(np.maximum(1.0 - u**2, 1e-9))
    left = np.maximum(1.0 - (u / share) ** 2, 0.0) ** 0.7
    # The border follows half-way, so that the red gathers at the sides.
    inward = np.clip((f.ring - LIP_START) / (CONTACT - LIP_START), 0.0, 1.0)
    return (f.of_border(0.97 * np.clip(1.0 - left / rest, 0.0, 1.0)) * (0.45 + 0.55 * inward))[:, None]
