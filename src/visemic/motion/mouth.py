"""A head's mouth as rules see it: millimetres at rest and millimetres per unit of weight.

Rules on ``motion``'s floor may not know rigs, so a head comes in as this plain table. Read-outs
are named as in ``rig/readout.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from visemic.core.errors import RigError, unknown_name
from visemic.core.layout import ARKIT_61, Layout

READOUT_NAMES = (
    "lip_gap",
    "mouth_width",
    "upper_lip_protrusion",
    "lower_lip_protrusion",
    "incisor_gap",
    "labiodental_gap",
    "labiodental_depth",
)
"""Columns of a head's read-outs, all in millimetres, in the order of ``rig.readout.READOUTS``."""

MAX_CLOSE_OVER_JAW = 0.03
"""``mouthClose`` corrects an open jaw; beyond the jaw's weight it drives the lips through each other."""

PAIRED = (
    "mouthPress",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthStretch",
    "mouthSmile",
    "mouthDimple",
    "mouthFrown",
)
"""Shapes that come as ``…Left`` and ``…Right``."""

# Millimetres at weight 1 on the head for which the phone table was drawn, in the order of
# READOUT_NAMES; for paired shapes one side alone.
_REFERENCE_SLOPES_MM: dict[str, tuple[float, ...]] = {
    "jawForward": (1.3, 0.9, 0.3, 9.3, 1.7, 1.4, 9.2),
    "jawOpen": (32.8, -5.7, -0.3, -20.7, 34.7, 35.2, -19.3),
    "mouthClose": (-38.9, 2.8, 0.9, 16.6, 0.0, -38.2, 16.7),
    "mouthFunnel": (13.7, -6.8, 7.4, 2.9, 0.0, 8.3, 6.6),
    "mouthPucker": (-0.5, -9.3, 8.4, 6.9, 0.0, -0.2, 9.0),
    "mouthRollLower": (-3.7, 0.7, 0.0, -13.4, 0.0, -3.7, -12.8),
    "mouthRollUpper": (1.8, 3.2, -8.4, -0.1, 0.0, 0.1, -0.1),
    "mouthShrugLower": (-6.9, 1.4, 0.0, 5.1, 0.0, -6.9, 5.5),
    "mouthShrugUpper": (5.3, -0.1, 0.5, 0.0, 0.0, 0.0, 0.0),
    "mouthPress": (-1.3, -0.1, -0.4, 0.5, 0.0, -0.9, 0.7),
    "mouthLowerDown": (3.4, 0.0, 0.0, -0.7, 0.0, 3.4, -0.7),
    "mouthUpperUp": (3.5, 0.2, -0.5, -0.1, 0.0, -0.3, -0.1),
    "mouthStretch": (-0.2, 6.6, -1.0, -0.1, 0.0, 0.0, -0.4),
    "mouthSmile": (0.0, 7.1, -1.5, -0.6, 0.0, -1.9, -0.4),
    "mouthDimple": (-0.4, 0.8, 0.3, -0.5, 0.0, -0.3, 0.2),
    "mouthFrown": (-0.1, 1.9, -0.3, -0.2, 0.0, 0.3, -0.1),
}
_REFERENCE_REST_MM = (0.76, 50.7, 118.6, 106.1, -1.0, -1.2, 5.3)


@runtime_checkable
class LinearReadouts(Protocol):
    """Read-outs as a head gives them: ``rig.readout.Readouts`` is one."""

    @property
    def rest_mm(self) -> Float[np.ndarray, " readouts"]:
        """Values at rest, in the order of ``READOUT_NAMES``."""

    @property
    def slopes_mm(self) -> Float[np.ndarray, "channels readouts"]:
        """Millimetres at weight 1, by channel of ``layout``."""

    @property
    def layout(self) -> Layout:
        """Channels of the head."""


@dataclass(frozen=True, eq=False)
class Mouth:
    """Linear read-outs of one head's mouth over the columns of ``layout``."""

    rest_mm: Mapping[str, float]
    """Value at rest, by read-out."""
    slopes_mm: Mapping[str, Float[np.ndarray, " channels"]]
    """Millimetres at weight 1 of each channel, by read-out."""
    layout: Layout = ARKIT_61

    def __post_init__(self) -> None:
        for name in READOUT_NAMES:
            if name not in self.rest_mm or name not in self.slopes_mm:
                known = [n for n in READOUT_NAMES if n in self.rest_mm and n in self.slopes_mm]
                raise RigError(unknown_name("read-out", name, known))

    def measure_mm(
        self, readout: str, weights: Float[np.ndarray, "frames channels"]
    ) -> Float[np.ndarray, " frames"]:
        """Give one read-out of every frame."""
        slopes = self.slopes_mm[readout]
        moving = np.flatnonzero(slopes)
        return self.rest_mm[readout] + weights[:, moving] @ slopes[moving]

    def slope_mm(self, readout: str, channel: str) -> float:
        """Give the millimetres that one full weight of a channel adds to a read-out."""
        return float(self.slopes_mm[readout][self.layout.index(channel)])

    @cached_property
    def lip_columns(self) -> list[int]:
        """Columns of the jaw, lips and tongue: what speech moves."""
        return [i for i, name in enumerate(self.layout) if name.startswith(("jaw", "mouth", "tongue"))]


def mouth_from_readouts(readouts: LinearReadouts) -> Mouth:
    """Give a head's mouth over the default layout: channels by name, those it lacks do nothing."""
    rest: dict[str, float] = {}
    slopes: dict[str, Float[np.ndarray, " channels"]] = {}
    for column, readout in enumerate(READOUT_NAMES):
        row = np.zeros(len(ARKIT_61))
        for channel, name in enumerate(readouts.layout):
            if name in ARKIT_61:
                row[ARKIT_61.index(name)] = readouts.slopes_mm[channel, column]
        rest[readout] = float(readouts.rest_mm[column])
        slopes[readout] = row
    return Mouth(rest, slopes)


def sides_of(name: str) -> tuple[str, ...]:
    """Give the channels of a shape: two for a paired one."""
    return (f"{name}Left", f"{name}Right") if name in PAIRED else (name,)


def reference_mouth() -> Mouth:
    """Give the mouth for which the phone table was drawn.

    Source:
        Landmark differences of the ICT-FaceKit neutral and expression fields (Li et al. 2020,
        "Learning Formation of Physically-Based Face Attributes"), measured for this table.
    """
    slopes = np.zeros((len(ARKIT_61), len(READOUT_NAMES)))
    for name, row in _REFERENCE_SLOPES_MM.items():
        for channel in sides_of(name):
            slopes[ARKIT_61.index(channel)] = row
    return Mouth(
        dict(zip(READOUT_NAMES, _REFERENCE_REST_MM, strict=True)),
        {name: slopes[:, column] for column, name in enumerate(READOUT_NAMES)},
    )
