"""What lips and teeth do, in millimetres, as linear functions of the weights.

Any head that names ten landmarks has these read-outs. Each is a difference of landmark
coordinates, so it is exactly linear in the blendshape weights: rest value plus one row of
slopes. Contacts and calibration are stated in read-outs, never in weights, and therefore
hold on any head.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.errors import RigError, unknown_name
from visemic.core.layout import Layout
from visemic.rig.linear import Rig

READOUTS = (
    "lip_gap",
    "mouth_width",
    "upper_lip_protrusion",
    "lower_lip_protrusion",
    "incisor_gap",
    "labiodental_gap",
    "labiodental_depth",
)
"""Names, all in millimetres:

- ``lip_gap``: height of the opening at the midline; 0 when the lips just touch, below 0 pressed.
- ``mouth_width``: distance of the mouth corners along x.
- ``upper_lip_protrusion``, ``lower_lip_protrusion``: z of the lips' foremost midline points.
- ``incisor_gap``: height between the incisal edges; below 0 is overbite.
- ``labiodental_gap``: upper incisal edge above the lower lip's top; at or below 0 they meet.
- ``labiodental_depth``: how far the lower lip's top stands in front of the upper incisal edge.
"""

_TERMS: dict[str, tuple[tuple[str, int, float], ...]] = {
    "lip_gap": (("upper_lip_inner", 1, 1.0), ("lower_lip_inner", 1, -1.0)),
    "mouth_width": (("mouth_corner_left", 0, 1.0), ("mouth_corner_right", 0, -1.0)),
    "upper_lip_protrusion": (("upper_lip_front", 2, 1.0),),
    "lower_lip_protrusion": (("lower_lip_front", 2, 1.0),),
    "incisor_gap": (("upper_incisor_edge", 1, 1.0), ("lower_incisor_edge", 1, -1.0)),
    "labiodental_gap": (("upper_incisor_edge", 1, 1.0), ("lower_lip_top", 1, -1.0)),
    "labiodental_depth": (("lower_lip_top", 2, 1.0), ("upper_incisor_edge", 2, -1.0)),
}

READOUT_LANDMARKS = tuple(sorted({name for terms in _TERMS.values() for name, _, _ in terms}))
"""Landmarks that a rig must name to have read-outs."""


@dataclass(frozen=True, eq=False)
class Readouts:
    """Read-outs of one head: ``rest_mm + weights @ slopes_mm``."""

    rest_mm: Float[np.ndarray, " readouts"]
    slopes_mm: Float[np.ndarray, "channels readouts"]
    """Millimetres at weight 1, by channel of ``layout``."""
    layout: Layout

    def measure_mm(
        self, weights: Float[np.ndarray, "frames channels"]
    ) -> Float[np.ndarray, "frames readouts"]:
        """Give every read-out of every frame.

        Args:
            weights: Columns in the order of ``layout``.
        """
        return self.rest_mm + weights @ self.slopes_mm

    def slope_mm(self, channel: str, readout: str) -> float:
        """Give the millimetres that one full weight adds to a read-out."""
        return float(self.slopes_mm[self.layout.index(channel), readout_index(readout)])


def readout_index(name: str) -> int:
    """Give the column of a read-out.

    Raises:
        RigError: There is no such read-out.
    """
    if name not in READOUTS:
        raise RigError(unknown_name("read-out", name, READOUTS))
    return READOUTS.index(name)


def fit_readouts(rig: Rig) -> Readouts:
    """Measure a head's read-outs from its landmarks.

    Raises:
        RigError: The rig lacks one of ``READOUT_LANDMARKS``.
    """
    rest = np.zeros(len(READOUTS))
    slopes = np.zeros((len(rig.layout), len(READOUTS)))
    for column, name in enumerate(READOUTS):
        for landmark, axis, sign in _TERMS[name]:
            vertex = rig.landmark(landmark)
            rest[column] += sign * float(rig.neutral[vertex, axis]) * 1_000
            slopes[:, column] += sign * rig.offsets[:, vertex, axis].astype(float) * 1_000
    return Readouts(rest, slopes, rig.layout)
