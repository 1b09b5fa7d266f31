"""Named identities of the built-in head: proportions, age, colours and hair as parameters.

Every identity is the same sculpture under a smooth warp of space, so all share triangles,
landmarks and shapes. Offsets follow size and the turn of the eyes but not the soft
balls that shape a feature: fuller lips open no wider. Every linear relation between vertices
in one place is kept: sealed lips stay sealed, and the correctives of the lips still cancel.
Around each eye the warp is a rigid motion, so lids
keep sliding over spheres.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from visemic.core.errors import RigError, unknown_name
from visemic.geometry.mesh import smooth_step
from visemic.rig.head_hair import HairStyle
from visemic.rig.head_sculpt_kernels import EYE_X, EYE_Y, EYE_Z
from visemic.rig.linear import Corrective, Joint, Rig

Colour = tuple[float, float, float]
_EYE = np.array([EYE_X, EYE_Y, EYE_Z])
_RIGID_CM, _FREE_CM = 1.85, 3.15
"""Radii about an eye: rigid motion inside the first, free warp outside the second."""
_MOUTH = np.array([0.0, -5.7, 4.3])
_MOUTH_RADII = np.array([4.4, 2.7, 3.9])
"""Where teeth and tongue lie: they only grow with the head, or the jaw's turn would bend them."""
_STEP_CM = 0.01
_CLOSING = ("eyeBlink", "eyeLookDown", "eyeSquint")
"""Shapes that have less way to go where lids are already a little closed at rest."""


@dataclass(frozen=True)
class Bump:
    """A soft ball of space that moves and stretches, and its mirror image."""

    centre: tuple[float, float, float]
    """On the left or on the midline, centimetres."""
    radii: tuple[float, float, float]
    move: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Displacement at the centre, centimetres; to the left where the centre lies left."""
    stretch: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Growth along each axis about the centre; 0.1 is a tenth wider."""


@dataclass(frozen=True)
class Identity:
    """Who the head is."""

    name: str
    description: str
    skin: Colour = (0.56, 0.345, 0.25)
    """Linear RGB."""
    lip: Colour = (0.16, 0.45, 0.42)
    """Share of each colour that the red of the lips lacks against the skin."""
    hair: Colour = (0.120, 0.062, 0.034)
    brow: Colour = (0.080, 0.046, 0.030)
    iris: Colour = (0.23, 0.33, 0.36)
    flush: float = 1.0
    """Strength of the warm tint of nose, cheeks and ears."""
    stubble: float = 0.0
    """Shadow of a beard, 0 to 1."""
    lashes: float = 1.0
    """Length of the lashes."""
    style: HairStyle = field(default_factory=HairStyle)
    size: float = 1.0
    """Growth of the whole head."""
    width: float = 0.0
    """Growth of the whole head from side to side."""
    slant_rad: float = 0.0
    """Turn of the eyes, outer corners upwards."""
    lids: float = 0.0
    """How far the lids are closed at rest, 0 to 1."""
    bumps: tuple[Bump, ...] = ()


def _weights(points: np.ndarray, bump: Bump, side: float) -> tuple[np.ndarray, np.ndarray]:
    centre = np.array(bump.centre) * [side, 1.0, 1.0]
    away = points - centre
    scaled = away / np.array(bump.radii)
    return np.exp(-(scaled[:, 0] ** 2 + scaled[:, 1] ** 2 + scaled[:, 2] ** 2)), away


def _free_shift(points: Float[np.ndarray, "n 3"], identity: Identity) -> Float[np.ndarray, "n 3"]:
    shift = points * np.array([identity.width, 0.0, 0.0])
    for bump in identity.bumps:
        sides = (1.0, -1.0) if bump.centre[0] else (1.0,)
        parts = []
        for side in sides:
            weight, away = _weights(points, bump, side)
            move = np.array(bump.move) * [side, 1.0, 1.0]
            parts.append(weight[:, None] * (move + away * np.array(bump.stretch)))
        shift = shift + (parts[0] + parts[1] if len(parts) > 1 else parts[0])
    return np.asarray(shift)


def warp(points: Float[np.ndarray, "n 3"], identity: Identity) -> Float[np.ndarray, "n 3"]:
    """Move points of the default head, centimetres, to their places on an identity's head."""
    deep = (points - _MOUTH) / _MOUTH_RADII
    outside = np.sqrt(deep[:, 0] ** 2 + deep[:, 1] ** 2 + deep[:, 2] ** 2)
    shift = _free_shift(points, identity) * smooth_step(1.0, 1.4, outside)[:, None]
    for side in (1.0, -1.0):
        centre = _EYE * [side, 1.0, 1.0]
        away = points - centre
        far = np.sqrt(away[:, 0] ** 2 + away[:, 1] ** 2 + away[:, 2] ** 2)
        free = smooth_step(_RIGID_CM, _FREE_CM, far)[:, None]
        c, s = np.cos(identity.slant_rad) - 1.0, side * np.sin(identity.slant_rad)
        turn = np.stack(
            [c * away[:, 0] - s * away[:, 1], s * away[:, 0] + c * away[:, 1], np.zeros(len(points))], -1
        )
        own = _free_shift(_EYE[None], identity)[0] * [side, 1.0, 1.0]
        shift = shift + (1.0 - free) * (own + turn - shift)
    return np.asarray((points + shift) * identity.size)


def _derivative(points: np.ndarray, identity: Identity) -> np.ndarray:
    """Give the warp's derivative, one matrix per point: rows are outputs."""
    columns = []
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = _STEP_CM
        columns.append((warp(points + step, identity) - warp(points - step, identity)) / (2 * _STEP_CM))
    return np.stack(columns, -1)


def _turned(slopes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Turn displacements, last axis x y z, by one matrix per vertex."""
    o = offsets.astype(float)
    return np.stack(
        [
            slopes[:, k, 0] * o[..., 0] + slopes[:, k, 1] * o[..., 1] + slopes[:, k, 2] * o[..., 2]
            for k in range(3)
        ],
        -1,
    )


def _turned_corrective(extra: Corrective, slopes: np.ndarray, identity: Identity) -> Corrective:
    offsets = _turned(slopes[extra.vertices], extra.offsets)
    if all(driver.startswith(_CLOSING) for driver in extra.drivers):
        offsets = offsets * (1.0 - identity.lids)
    return replace(extra, offsets=offsets.astype(np.float32))


def _moved(joint: Joint, identity: Identity) -> Joint:
    place = warp(np.array([joint.pivot_m]) * 100.0, identity)[0] / 100.0
    return replace(joint, pivot_m=(float(place[0]), float(place[1]), float(place[2])))


def apply_identity(rig: Rig, identity: Identity) -> Rig:
    """Give the default head the proportions of an identity.

    Args:
        rig: The default head, metres.
    """
    points = rig.neutral.astype(float) * 100.0
    slopes = _derivative(points, replace(identity, bumps=(), width=0.0))
    still = np.abs(rig.offsets).max(axis=2) == 0.0
    offsets = _turned(slopes, rig.offsets)
    offsets[still] = 0.0
    neutral = warp(points, identity) / 100.0
    for name in rig.layout.names:
        if name in ("eyeBlinkLeft", "eyeBlinkRight"):
            neutral = neutral + identity.lids * offsets[rig.layout.index(name)]
        if name.startswith(_CLOSING):
            offsets[rig.layout.index(name)] *= 1.0 - identity.lids
    return replace(
        rig,
        name=identity.name,
        neutral=neutral.astype(np.float32),
        offsets=offsets.astype(np.float32),
        correctives=tuple(_turned_corrective(extra, slopes, identity) for extra in rig.correctives),
        eyes=tuple(_moved(eye, identity) for eye in rig.eyes),
        head=None if rig.head is None else _moved(rig.head, identity),
    )


_LIPS_FULL = Bump((0.0, -5.55, 9.6), (2.6, 1.0, 1.3), move=(0.0, 0.0, 0.22), stretch=(0.0, 0.24, 0.0))
_LIPS_THIN = Bump((0.0, -5.55, 9.6), (2.6, 1.0, 1.3), move=(0.0, 0.0, -0.10), stretch=(0.0, -0.24, 0.0))

_IDENTITIES = (
    Identity("visemic", "the built-in head: a woman of 30, brown hair in a knot"),
    Identity(
        "otto",
        "a man of 45: broad jaw, strong neck, stubble, short greying hair",
        skin=(0.57, 0.335, 0.245),
        lip=(0.12, 0.30, 0.28),
        hair=(0.12, 0.095, 0.075),
        brow=(0.085, 0.060, 0.042),
        iris=(0.16, 0.24, 0.30),
        flush=1.3,
        stubble=0.55,
        style=HairStyle(top=0.85, side=0.26, front=0.35, knot=0.0, strand=0.07),
        size=1.045,
        lids=0.06,
        bumps=(
            Bump((4.4, -7.0, 1.6), (2.4, 2.6, 4.0), move=(0.42, -0.10, 0.0)),  # jaw
            Bump((0.0, -9.2, 8.0), (2.6, 1.7, 2.6), move=(0.0, -0.35, 0.30), stretch=(0.13, 0.0, 0.0)),
            Bump((2.6, 3.0, 8.0), (2.6, 1.0, 1.8), move=(0.0, -0.16, 0.38)),  # brow ridge
            Bump((0.0, 0.9, 9.0), (1.0, 1.8, 1.6), move=(0.0, 0.0, 0.28)),
            Bump((0.0, -2.2, 9.9), (1.9, 1.3, 1.9), move=(0.0, -0.10, 0.22), stretch=(0.16, 0.0, 0.0)),
            Bump((0.0, -13.5, -3.0), (9.0, 4.6, 9.0), stretch=(0.22, 0.0, 0.16)),  # neck
            Bump((0.0, -12.0, 1.8), (1.3, 1.3, 1.6), move=(0.0, 0.0, 0.35)),  # larynx
            Bump((3.0, -3.6, 7.4), (0.9, 2.2, 1.6), move=(0.0, 0.0, -0.16)),  # fold of the cheek
            _LIPS_THIN,
        ),
    ),
    Identity(
        "amara",
        "a woman of 28: dark skin, full lips, broad nose, short curls",
        skin=(0.150, 0.072, 0.043),
        lip=(0.10, 0.30, 0.22),
        hair=(0.016, 0.012, 0.010),
        brow=(0.012, 0.009, 0.008),
        iris=(0.055, 0.026, 0.014),
        flush=0.7,
        style=HairStyle(top=1.5, side=1.25, front=0.3, knot=0.0, strand=0.0, curl=0.20),
        bumps=(
            Bump((0.0, -2.5, 9.3), (2.2, 1.2, 2.0), move=(0.0, 0.12, -0.10), stretch=(0.30, 0.0, 0.0)),
            Bump((0.0, 0.8, 8.9), (1.2, 1.8, 1.6), move=(0.0, 0.0, -0.22), stretch=(0.12, 0.0, 0.0)),
            replace(_LIPS_FULL, move=(0.0, 0.0, 0.40), stretch=(0.05, 0.44, 0.0)),
            Bump((4.6, -1.0, 4.6), (2.0, 1.8, 2.6), move=(0.22, 0.0, 0.15)),  # cheekbone
            Bump((3.6, -6.6, 3.0), (2.4, 2.6, 4.0), move=(-0.20, 0.0, 0.0)),  # jaw
            Bump((0.0, 6.5, 6.5), (5.0, 2.6, 3.5), move=(0.0, 0.0, 0.25)),  # forehead
        ),
    ),
    Identity(
        "kenji",
        "a man of 35: broad cheekbones, low bridge of the nose, black hair",
        skin=(0.53, 0.335, 0.220),
        lip=(0.13, 0.34, 0.30),
        hair=(0.014, 0.012, 0.013),
        brow=(0.018, 0.015, 0.015),
        iris=(0.050, 0.026, 0.015),
        flush=0.8,
        stubble=0.12,
        lashes=0.75,
        style=HairStyle(top=1.35, side=0.40, front=0.75, knot=0.0, strand=0.10),
        size=1.02,
        width=0.03,
        slant_rad=0.075,
        lids=0.17,
        bumps=(
            Bump((0.0, 0.9, 9.0), (1.5, 1.9, 1.6), move=(0.0, 0.0, -0.45), stretch=(0.10, 0.0, 0.0)),
            Bump((0.0, -2.3, 9.7), (2.0, 1.3, 1.9), move=(0.0, 0.0, -0.22), stretch=(0.16, 0.0, 0.0)),
            Bump((4.6, -1.2, 4.8), (2.0, 1.9, 2.6), move=(0.32, 0.0, 0.22)),  # cheekbone
            Bump((3.1, 2.3, 7.9), (2.4, 1.1, 1.6), move=(0.0, 0.0, 0.26)),  # fold over the lid
            Bump((4.4, -6.6, 1.6), (2.2, 2.6, 4.0), move=(0.30, 0.0, 0.0)),  # jaw
            Bump((0.0, -13.5, -3.0), (9.0, 4.6, 9.0), stretch=(0.12, 0.0, 0.08)),  # neck
        ),
    ),
    Identity(
        "greta",
        "a woman of 70: silver hair, hollow cheeks, soft folds, thin lips",
        skin=(0.60, 0.405, 0.325),
        lip=(0.12, 0.32, 0.27),
        hair=(0.46, 0.45, 0.44),
        brow=(0.24, 0.21, 0.19),
        iris=(0.20, 0.30, 0.30),
        flush=1.2,
        lashes=0.7,
        style=HairStyle(top=1.15, side=0.80, front=0.55, knot=2.1, strand=0.06),
        size=0.985,
        lids=0.15,
        bumps=(
            _LIPS_THIN,
            Bump((3.9, -4.6, 5.6), (1.6, 1.7, 2.2), move=(-0.30, 0.0, -0.26)),  # hollow of the cheek
            Bump((2.55, -3.9, 8.2), (0.45, 1.5, 1.2), move=(0.0, 0.0, -0.22)),  # nasolabial fold
            Bump((2.2, -7.0, 8.0), (0.45, 1.0, 1.2), move=(0.0, 0.0, -0.18)),  # marionette fold
            Bump((3.3, -7.6, 5.6), (1.3, 1.2, 1.8), move=(0.28, -0.38, 0.05)),  # jowl
            Bump((5.9, 2.6, 3.6), (1.4, 1.8, 2.2), move=(-0.24, 0.0, 0.0)),  # temple
            Bump((3.2, 2.1, 8.0), (2.2, 0.9, 1.4), move=(0.0, -0.28, 0.12)),  # heavy brow
            Bump((0.0, -2.3, 9.9), (1.6, 1.2, 1.8), move=(0.0, -0.28, 0.12)),  # tip of the nose sinks
            Bump((0.9, -12.6, 1.6), (0.5, 2.6, 1.4), move=(0.0, 0.0, 0.24)),  # bands of the neck
        ),
    ),
    Identity(
        "noor",
        "a woman of 22: olive skin, round face, large dark knot of hair",
        skin=(0.42, 0.245, 0.155),
        lip=(0.14, 0.42, 0.36),
        hair=(0.022, 0.015, 0.012),
        brow=(0.020, 0.014, 0.012),
        iris=(0.085, 0.042, 0.020),
        flush=0.9,
        lashes=1.15,
        style=HairStyle(top=1.20, side=0.75, front=0.70, knot=3.1, strand=0.05),
        size=0.97,
        bumps=(
            Bump((3.4, -3.6, 6.2), (2.2, 2.2, 2.6), move=(0.20, 0.0, 0.24)),  # round cheeks
            Bump((0.0, -9.4, 7.6), (2.4, 1.8, 2.6), move=(0.0, 0.38, -0.06), stretch=(-0.08, 0.0, 0.0)),
            Bump((0.0, -0.4, 9.6), (0.9, 1.4, 1.5), move=(0.0, 0.0, 0.14)),
            Bump((0.0, -2.3, 9.9), (1.6, 1.1, 1.8), move=(0.0, 0.14, -0.14), stretch=(-0.06, 0.0, 0.0)),
            replace(_LIPS_FULL, move=(0.0, 0.0, 0.12), stretch=(-0.03, 0.16, 0.0)),
        ),
    ),
)  # fmt: skip

IDENTITIES = tuple(identity.name for identity in _IDENTITIES)
"""Names that ``find_identity`` knows; the first is the default."""


def identities() -> tuple[Identity, ...]:
    """Give every identity."""
    return _IDENTITIES


def find_identity(name: str) -> Identity:
    """Give the identity of a name.

    Raises:
        RigError: There is no such identity.
    """
    for identity in _IDENTITIES:
        if identity.name == name:
            return identity
    raise RigError(unknown_name("rig", name, IDENTITIES))
