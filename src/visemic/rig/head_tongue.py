"""The tongue of the built-in head and its shapes. Centimetres.

A tongue is swept along a line from tip to root; each shape is the same sweep along another
line, so that the tongue bends and keeps its body.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.layout import TONGUE
from visemic.geometry.mesh import grid_triangles, mirror_half, smooth_step, spline_through
from visemic.rig.head_arch import LOWER
from visemic.rig.head_parts import Part, make_part

ROWS, COLUMNS = 22, 12
_STOPS = np.array([0.0, 0.12, 0.35, 0.6, 0.8, 1.0])
_WALL = 1.22
"""Thickness of the lower teeth and gums, from their outer face to the tongue."""


@dataclass(frozen=True)
class _Sweep:
    """The line of a tongue and its half height and half width, at ``_STOPS`` from tip to root."""

    y: tuple[float, ...]
    z: tuple[float, ...]
    thick: tuple[float, ...]
    wide: tuple[float, ...]


_REST = _Sweep(
    y=(-5.58, -5.58, -5.68, -5.90, -6.45, -7.6),
    z=(7.02, 6.62, 5.30, 3.6, 2.2, 1.4),
    thick=(0.09, 0.15, 0.44, 0.64, 0.75, 0.7),
    wide=(0.66, 0.85, 1.42, 1.55, 1.70, 1.6),
)
_SWEEPS = {
    "tongueOut": _Sweep(
        y=(-6.20, -5.93, -5.90, -6.02, -6.55, -7.6),
        z=(11.2, 10.3, 8.15, 5.6, 3.1, 1.5),
        thick=(0.10, 0.13, 0.17, 0.42, 0.70, 0.7),
        wide=(0.80, 1.0, 1.25, 1.38, 1.60, 1.6),
    ),
    "tongueTipUp": _Sweep(
        y=(-5.02, -5.12, -5.56, -5.90, -6.45, -7.6),
        z=(7.10, 6.75, 5.42, 3.6, 2.2, 1.4),
        thick=(0.09, 0.17, 0.40, 0.62, 0.75, 0.7),
        wide=(0.66, 0.85, 1.40, 1.55, 1.70, 1.6),
    ),
    "tongueBackUp": _Sweep(
        y=(-6.00, -5.98, -5.62, -5.15, -5.75, -7.4),
        z=(6.60, 6.20, 4.80, 3.2, 1.9, 1.3),
        thick=(0.09, 0.19, 0.46, 0.64, 0.75, 0.7),
        wide=(0.66, 0.85, 1.38, 1.50, 1.65, 1.6),
    ),
}
EXTRA = TONGUE.names
"""Shapes beyond ARKit's: the tip behind the upper incisors for T D N L, the back on the palate for K G NG."""
JAW_DROP = 0.28
"""How far the tip sinks to the floor of the mouth with ``jawOpen``, beyond following the jaw."""
OUT_JAW = 0.33
"""How much of ``jawOpen`` comes with ``tongueOut``, so that teeth and lips let the tongue pass."""


def _stops() -> Float[np.ndarray, " rows"]:
    """Give where the sections lie, closer together at the round tip."""
    return np.asarray(np.linspace(0.0, 1.0, ROWS) ** 1.6)


def _points(sweep: _Sweep, wall: bool) -> Float[np.ndarray, "rows columns 3"]:
    t = _stops()
    line = spline_through(_STOPS, np.array([sweep.y, sweep.z, sweep.thick, sweep.wide]).T, t)
    y, z, thick, wide = line.T
    # The tip is round: the width rises from it like a circle's.
    wide = np.maximum(wide * (1.0 - (1.0 - np.clip(t / 0.16, 0.0, 1.0)) ** 2.2) ** 0.5, 0.03)
    thick = np.maximum(thick * (1.0 - (1.0 - np.clip(t / 0.06, 0.0, 1.0)) ** 2.2) ** 0.5, 0.02)
    if wall:
        room = np.where(z > 4.3, LOWER.inner_width(z, _WALL), 9.0)
        wide = np.maximum(np.minimum(wide, room), 0.03)
    turn = np.linspace(0.0, np.pi, COLUMNS)
    x = wide[:, None] * np.sin(turn) ** 0.8
    groove = np.exp(-((x / 0.34) ** 2)) * smooth_step(0.04, 0.25, t)[:, None] * (np.cos(turn) > 0)
    up = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.8
    # Its line turns, and the sections with it.
    along = np.stack([np.gradient(y), np.gradient(z)], -1)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    height = thick[:, None] * up - np.minimum(0.09, 0.35 * thick)[:, None] * groove
    points = np.stack([x, y[:, None] - along[:, 1:] * height, z[:, None] + along[:, :1] * height], -1)
    points[:, [0, -1], 0] = 0.0
    return points


def tongue() -> Part:
    """Make the tongue, from its tip behind the lower teeth to its root."""
    points = _points(_REST, True)
    # Rows run backwards seen from above, so the grid is turned over.
    triangles = grid_triangles(np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS))[:, ::-1]
    mesh = mirror_half(points.reshape(-1, 3), triangles)
    t = _stops()
    turn = np.linspace(0.0, np.pi, COLUMNS)
    around = np.tile(turn, ROWS)
    pale = 0.10 * smooth_step(0.3, 0.0, t)[:, None] + 0.0 * turn
    under = 0.12 * smooth_step(-0.2, -0.7, np.cos(turn)) + 0.0 * t[:, None]
    tone = 1.0 - 0.25 * t[:, None] - under
    shade = np.stack([tone, tone * (1 + pale), tone * (1 + pale)], -1).reshape(-1, 3)
    radius = np.repeat(0.05 + 0.92 * t, COLUMNS)
    places = np.stack([radius * np.sin(around), radius * np.cos(around)], -1)
    places[points.reshape(-1, 3)[:, 0] == 0.0, 0] = 0.0
    return make_part(
        "tongue", mesh, "tongue", places, shade=np.clip(shade, 0.0, 1.0), along=np.repeat(t, COLUMNS)
    )


def tongue_shapes(part: Part) -> dict[str, Float[np.ndarray, "vertices 3"]]:
    """Give the tongue's own shapes: displacements at weight 1."""
    rest = _points(_REST, True).reshape(-1, 3)
    shapes = {}
    for name, sweep in _SWEEPS.items():
        half = _points(sweep, name != "tongueOut").reshape(-1, 3) - rest
        whole = half[part.mesh.source]
        whole[len(half) :, 0] *= -1.0
        shapes[name] = whole
    return shapes
