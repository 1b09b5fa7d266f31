"""The two dental arches of the built-in head, which teeth, gums, tongue and lips all follow.

Centimetres, in the plane of x and z; the left half.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

_FINE = 1_200


@dataclass(frozen=True)
class Arch:
    """A flat-fronted oval, measured along the outer face of the teeth."""

    half_width: float
    """At its widest, behind the first molars."""
    length: float
    front: float
    """z of the outer face of the central incisors."""
    squareness: float
    """2 is an ellipse; more is flatter in front."""

    @cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        turn = np.linspace(0.0, np.pi / 2, _FINE)
        x = self.half_width * np.sin(turn) ** (2 / self.squareness)
        z = self.front - self.length + self.length * np.cos(turn) ** (2 / self.squareness)
        # Behind its widest place an arch runs straight back.
        place = np.concatenate([np.stack([x, z], -1), [[self.half_width, z[-1] - 2.0]]])
        step = np.linalg.norm(np.diff(place, axis=0), axis=1)
        tangent = np.gradient(place, axis=0)
        normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
        normal[0] = [0.0, 1.0]
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return np.concatenate([[0.0], np.cumsum(step)]), place, normal

    def at(self, arc: Float[np.ndarray, "*n"]) -> tuple[np.ndarray, np.ndarray]:
        """Give places and outward normals at lengths along the arch from the midline."""
        table, place, normal = self._table
        where = np.stack([np.interp(arc, table, place[:, k]) for k in (0, 1)], -1)
        out = np.stack([np.interp(arc, table, normal[:, k]) for k in (0, 1)], -1)
        return where, out / np.linalg.norm(out, axis=-1, keepdims=True)

    def wall(self, x: Float[np.ndarray, "*n"], gap: float) -> Float[np.ndarray, "*n"]:
        """Give z at distances x from the midline on the curve that runs ``gap`` outside the arch."""
        _, place, normal = self._table
        curve = place + gap * normal
        order = np.argsort(curve[:, 0], kind="stable")
        return np.asarray(np.interp(x, curve[order, 0], curve[order, 1]))

    def inner_width(self, z: Float[np.ndarray, "*n"], depth: float) -> Float[np.ndarray, "*n"]:
        """Give the half width at z of the room inside a wall as thick as ``depth``."""
        _, place, normal = self._table
        curve = place - depth * normal
        curve = curve[curve[:, 0] >= 0.0]
        order = np.argsort(curve[:, 1], kind="stable")
        return np.asarray(np.interp(z, curve[order, 1], curve[order, 0], right=0.0))


UPPER = Arch(half_width=2.98, length=4.6, front=8.27, squareness=2.65)
LOWER = Arch(half_width=2.72, length=4.5, front=8.01, squareness=2.65)
