"""Teeth and gums of the built-in head: single teeth in two arches, a palate and a floor.

Centimetres.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import grid_triangles, mirror_half, smooth_step, stack_meshes
from visemic.rig.head_arch import LOWER, UPPER, Arch
from visemic.rig.head_mouth import SEAM_Y
from visemic.rig.head_parts import Part, make_part

UPPER_EDGE_Y = SEAM_Y - 0.17
LOWER_EDGE_Y = SEAM_Y - 0.03
COLUMNS, ROWS = 10, 7


@dataclass(frozen=True)
class _Tooth:
    """Sizes of a crown, centimetres."""

    width: float
    height: float
    depth: float
    edge_depth: float
    """Depth at the biting edge, as a share of the depth."""
    cusp: float
    """How far the middle of the edge stands out."""
    lift: float
    """How far the edge stays behind the first incisor's."""


_UPPER = (
    _Tooth(0.87, 1.06, 0.66, 0.24, 0.0, 0.0),
    _Tooth(0.68, 0.94, 0.60, 0.24, 0.01, 0.07),
    _Tooth(0.78, 1.06, 0.78, 0.30, 0.13, 0.02),
    _Tooth(0.72, 0.86, 0.88, 0.72, 0.09, 0.06),
    _Tooth(0.70, 0.80, 0.90, 0.76, 0.05, 0.10),
    _Tooth(1.02, 0.76, 1.02, 0.80, 0.04, 0.13),
)
_LOWER = (
    _Tooth(0.54, 0.92, 0.56, 0.24, 0.0, 0.0),
    _Tooth(0.59, 0.94, 0.58, 0.24, 0.0, 0.0),
    _Tooth(0.69, 1.02, 0.72, 0.30, 0.10, -0.03),
    _Tooth(0.71, 0.88, 0.80, 0.66, 0.07, 0.03),
    _Tooth(0.73, 0.82, 0.84, 0.74, 0.03, 0.08),
    _Tooth(1.10, 0.78, 0.96, 0.82, 0.03, 0.12),
)


def _arch(upper: bool) -> tuple[Arch, tuple[_Tooth, ...], float]:
    return (UPPER, _UPPER, UPPER_EDGE_Y) if upper else (LOWER, _LOWER, LOWER_EDGE_Y)


def _middles(teeth: tuple[_Tooth, ...]) -> list[float]:
    edges = np.cumsum([0.0, *(t.width for t in teeth)])
    return [float(a + b) / 2 for a, b in itertools.pairwise(edges)]


def _crown(tooth: _Tooth) -> tuple[np.ndarray, np.ndarray]:
    """Make one crown: x across, y from 0 at the biting edge up to the root, z outwards."""
    turn = -2 * np.pi * np.arange(COLUMNS) / COLUMNS
    c, s = np.cos(turn), np.sin(turn)
    cross = np.sign(c) * np.abs(c) ** 0.6, np.sign(s) * np.abs(s) ** 0.8
    up = np.array([1.22, 0.96, 0.70, 0.38, 0.13, 0.03, 0.0])
    wide = np.array([0.66, 0.80, 0.93, 1.0, 0.995, 0.96, 0.84])
    front = np.array([-0.05, 0.02, 0.045, 0.03, -0.015, -0.035, -0.075])
    deep = np.interp(up, [0.0, 0.13, 0.5, 1.0, 1.22], [0.8, 1.0, 1.6, 2.0, 1.9]) - 1.0
    deep = tooth.edge_depth + (1.0 - tooth.edge_depth) * np.clip(deep, 0.0, 1.0)
    deep[-1] *= 0.7
    rows = []
    for k in range(ROWS):
        x = 0.5 * tooth.width * 0.99 * wide[k] * cross[0]
        z = front[k] - tooth.depth * deep[k] / 2 * (1 - cross[1])
        # Canines end in a point; premolars and molars have an outer and an inner ridge.
        away = np.abs(cross[0]) + (0.9 * (1.0 - np.abs(cross[1])) if tooth.edge_depth > 0.5 else 0.0)
        edge = tooth.cusp * away * max(0.0, 1.0 - up[k] / 0.45)
        rows.append(np.stack([x, up[k] * tooth.height + edge, z], -1))
    last = rows[-1].mean(0)
    last[1] += 0.6 * tooth.cusp if tooth.edge_depth > 0.5 else -0.5 * tooth.cusp
    points = np.concatenate([*rows, [last]])
    index = np.arange(ROWS * COLUMNS).reshape(-1, COLUMNS)
    tip = np.array([[index[-1, k], len(points) - 1, index[-1, (k + 1) % COLUMNS]] for k in range(COLUMNS)])
    return points, np.concatenate([grid_triangles(index, closed=True), tip])


def teeth(*, upper: bool) -> Part:
    """Make one arch of twelve single teeth."""
    arch, sizes, edge_y = _arch(upper)
    meshes, shades, places = [], [], []
    for number, (tooth, middle) in enumerate(zip(sizes, _middles(sizes), strict=True)):
        points, triangles = _crown(tooth)
        place, normal = arch.at(np.array(middle))
        tangent = np.array([normal[1], -normal[0]])
        # Front teeth lean: their roots lie further back than their edges.
        lean = (0.10 if number < 3 else -0.02) * points[:, 1:2]
        flat = place + points[:, :1] * tangent + (points[:, 2:] - lean) * normal
        height = tooth.lift + points[:, 1]
        whole = np.stack([flat[:, 0], edge_y + (height if upper else -height), flat[:, 1]], -1)
        places.append(_tooth_places(number, len(points)))
        meshes.append((whole, triangles if upper else triangles[:, ::-1]))
        neck = smooth_step(0.4, 1.1, points[:, 1] / tooth.height)
        clear = smooth_step(0.16, 0.0, points[:, 1] / tooth.height) * (tooth.edge_depth < 0.5)
        tone = 1.0 - 0.025 * number - 0.14 * neck - 0.05 * clear
        yellow = 0.03 * (number == 2) + 0.05 * neck + 0.008 * number - 0.03 * clear
        shades.append(np.stack([tone, tone * (0.99 - 0.4 * yellow), tone * (0.975 - yellow)], -1))
    points, triangles = stack_meshes(meshes)
    points[:, 0] = np.maximum(points[:, 0], 0.002)
    mesh = mirror_half(points, triangles)
    name = "upper teeth" if upper else "lower teeth"
    return make_part(name, mesh, "teeth", np.concatenate(places), shade=np.concatenate(shades))


def _tooth_places(number: int, count: int) -> Float[np.ndarray, "n 2"]:
    """Give each tooth a disc of its own in a grid of four by two."""
    rings, columns = ROWS, (count - 1) // ROWS
    radius = np.repeat(np.linspace(1.0, 0.15, rings), columns)
    turn = np.tile(2 * np.pi * np.arange(columns) / columns, rings)
    disc = np.concatenate([np.stack([radius * np.cos(turn), radius * np.sin(turn)], -1), [[0.0, 0.0]]])
    return disc * [0.115, 0.46] + [0.125 + 0.25 * (number % 4), -0.5 + number // 4]


def gums(*, upper: bool) -> Part:
    """Make the gum of one arch with a scalloped edge, and the palate or the floor between."""
    arch, sizes, edge_y = _arch(upper)
    centres = np.array(_middles(sizes))
    end = float(centres[-1] + 0.5 * sizes[-1].width + 0.12)
    columns = 25
    arc = np.linspace(0.0, end, columns)
    edges = np.cumsum([0.0, *(t.width for t in sizes)])
    phase = np.interp(arc, np.sort(np.concatenate([edges, centres])), 0.5 * np.arange(2 * len(sizes) + 1))
    scallop = np.abs(np.sin(np.pi * phase))  # 1 at the middle of a tooth
    line = np.interp(arc, centres, [t.height + t.lift for t in sizes]) * (0.78 + 0.15 * scallop)
    place, normal = arch.at(arc)
    depth = np.interp(arc, centres, [t.depth for t in sizes])
    tall = 1.45 if upper else 1.35
    # Distance outwards, height, and whether that counts from the gum line.
    section = [
        (np.full(columns, -0.14), np.full(columns, tall)),
        (np.full(columns, -0.03), np.full(columns, 1.22)),
        (0.03 + 0.03 * scallop, line + 0.16),
        (0.02 + 0.0 * scallop, line),
        (np.full(columns, -0.10), line + 0.02),
        (-depth + 0.12, line + 0.05),
        (-depth - 0.06, line + 0.10),
        (-depth - 0.14, np.full(columns, 1.15)),
    ]
    rows = []
    for outwards, height in section:
        flat = place + normal * outwards[:, None]
        rows.append(np.stack([flat[:, 0], edge_y + (height if upper else -height), flat[:, 1]], -1))
    rows += _vault(rows[-1], upper=upper)
    points = np.stack(rows)
    points[:, 0, 0] = 0.0
    points[-1, :, 0] = 0.0
    points[..., 0] = np.maximum(points[..., 0], 0.0)
    inner = np.arange(1, columns)
    points[1:-1, inner, 0] = np.maximum(points[1:-1, inner, 0], 1e-4)
    triangles = grid_triangles(np.arange(len(rows) * columns).reshape(len(rows), columns))
    # The corner where a row and the midline meet has a triangle without area on the midline.
    triangles = triangles[(points.reshape(-1, 3)[triangles, 0] > 0.0).any(axis=1)]
    used, renumbered = np.unique(triangles, return_inverse=True)
    triangles = renumbered.reshape(-1, 3)
    mesh = mirror_half(points.reshape(-1, 3)[used], triangles if upper else triangles[:, ::-1])
    name = "upper gums" if upper else "lower gums"
    return make_part(name, mesh, "gums", _gum_places(len(section), len(rows), columns)[used])


def _gum_places(band: int, rows: int, columns: int) -> Float[np.ndarray, "n 2"]:
    """Lay the band of the gum out as a strip and the vault below it, down to the midline."""
    across = np.linspace(0.0, 0.97, columns)
    strip = [np.stack([across, np.full(columns, y)], -1) for y in np.linspace(0.95, 0.0, band)]
    middle = np.stack([np.zeros(columns), np.linspace(-0.08, -0.95, columns)], -1)
    shares = np.linspace(0.0, 1.0, rows - band + 1)[1:]
    vault = [strip[-1] + (middle - strip[-1]) * share for share in shares]
    return np.concatenate([*strip, *vault])


def _vault(edge: Float[np.ndarray, "columns 3"], *, upper: bool) -> list[np.ndarray]:
    """Give rows from the inner side of a gum to the midline: the palate, or the floor under the tongue."""
    rise = 0.55 if upper else -0.25
    middle = edge.copy()
    middle[:, 0] = 0.0
    # The rows end on the midline spread from front to back, so that no triangle collapses.
    t = np.linspace(0.0, 1.0, len(edge))
    middle[:, 2] = edge[0, 2] - 0.25 - (edge[0, 2] - 0.25 - edge[-1, 2]) * t
    rows = []
    for share in (0.3, 0.65, 1.0):
        row = edge + (middle - edge) * share
        row[:, 1] += rise * np.sin(np.pi / 2 * share) * smooth_step(0.0, 0.25, t)
        rows.append(row)
    return rows
