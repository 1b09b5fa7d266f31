"""What sits in the built-in head: eyeballs, teeth, gums and tongue, and what a part is.

Every part is made as a left half and mirrored. Centimetres.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from visemic.geometry.mesh import Mirrored, grid_triangles, mirror_half, smooth_step, stack_meshes
from visemic.rig.head_mouth import SEAM_Y
from visemic.rig.head_sculpt_kernels import EYE_RADIUS, EYE_X, EYE_Y, EYE_Z

UPPER_EDGE_Y = SEAM_Y - 0.12
LOWER_EDGE_Y = SEAM_Y + 0.03
UPPER_ARCH = (2.95, 4.4, 8.02)
"""Half width, length and front of the upper dental arch."""
LOWER_ARCH = (2.72, 4.3, 7.68)
_UPPER_TEETH = (
    (0.86, 1.02), (0.67, 0.90), (0.77, 1.00), (0.70, 0.84), (0.68, 0.80), (0.98, 0.74), (0.92, 0.70),
)  # fmt: skip
_LOWER_TEETH = (
    (0.54, 0.88), (0.58, 0.88), (0.68, 0.98), (0.70, 0.86), (0.72, 0.80), (1.08, 0.76), (1.02, 0.72),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the head that is not skin."""

    name: str
    mesh: Mirrored
    materials: tuple[tuple[str, int], ...]
    """Material and number of triangles, in order."""
    shade: Float[np.ndarray, "vertices 3"]
    """Colour that multiplies the material's."""
    places: Float[np.ndarray, "vertices 2"]
    """Places in the part's own tile of the texture, -1 to 1; the two sides mirror in the first."""
    along: Float[np.ndarray, " vertices"]
    """A place along the part, 0 to 1, for shapes: tip to root of the tongue, root to tip of a lash."""
    anchor: Int[np.ndarray, " vertices"]
    """A number for binding, for example the lid column of a lash."""


def make_part(
    name: str,
    mesh: Mirrored,
    materials: str | tuple[tuple[str, int], ...],
    places: np.ndarray,
    *,
    shade: np.ndarray | None = None,
    along: np.ndarray | None = None,
    anchor: np.ndarray | None = None,
) -> Part:
    """Complete a part whose values are given for its left half.

    Args:
        materials: One name for all triangles, or names with numbers of triangles.
        places: First coordinate 0 at the midline to 1, second -1 to 1.
        shade: None is white.
    """
    n = int(mesh.source.max()) + 1
    kinds = ((materials, len(mesh.triangles)),) if isinstance(materials, str) else materials
    whole = places[mesh.source].astype(float)
    whole[n:, 0] *= -1.0
    return Part(
        name,
        mesh,
        kinds,
        np.ones((len(mesh.source), 3)) if shade is None else shade[mesh.source],
        whole,
        np.zeros(len(mesh.source)) if along is None else along[mesh.source],
        np.zeros(len(mesh.source), int) if anchor is None else anchor[mesh.source],
    )


def _disc(radius: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Give places of rings on the right half of a tile, for parts without a midline."""
    return np.stack([0.5 + 0.46 * radius * np.cos(turn), 0.92 * radius * np.sin(turn)], -1)


def eyeballs() -> Part:
    """Make two spheres with pupil, iris and a slight bulge of the cornea."""
    columns = 36
    alpha = np.concatenate(
        [[0.07, 0.13, 0.172], np.linspace(0.20, 0.455, 6), [0.49, 0.55], np.linspace(0.65, 1.9, 8)]
    )
    turn = 2 * np.pi * np.arange(columns) / columns
    radius = EYE_RADIUS + 0.05 * np.clip(1 - (alpha / 0.50) ** 2, 0, 1)
    ring = np.stack(
        [
            np.sin(alpha)[:, None] * np.cos(turn),
            np.sin(alpha)[:, None] * np.sin(turn),
            np.repeat(np.cos(alpha)[:, None], columns, 1),
        ],
        -1,
    )
    tip = np.array([[0.0, 0.0, EYE_RADIUS + 0.05]])
    points = np.concatenate([tip, (ring * radius[:, None, None]).reshape(-1, 3)])
    points = points + np.array([EYE_X, EYE_Y, EYE_Z])
    index = 1 + np.arange(len(alpha) * columns).reshape(-1, columns)
    cap = np.array([[0, index[0, k], index[0, (k + 1) % columns]] for k in range(columns)])
    sheets = [
        np.concatenate([cap, grid_triangles(index[:3], closed=True)]),
        grid_triangles(index[2:9], closed=True),
        grid_triangles(index[8:], closed=True),
    ]
    streak = 1.0 + 0.16 * np.sin(turn * 11 + 0.4) * np.sin(turn * 7) + 0.08 * np.sin(turn * 17 + 1.0)
    shade = np.ones((len(points), 3))
    for k in range(2, 9):
        t = (alpha[k] - 0.172) / (0.455 - 0.172)
        tone = (
            (0.75 + 0.45 * np.exp(-(((t - 0.35) / 0.3) ** 2))) * streak
            if 2 < k < 8
            else np.full(columns, 0.30 if k == 8 else 0.45)
        )
        shade[index[k]] = tone[:, None]
    shade[index[9]] = 0.80
    for k in range(10, len(alpha)):
        red = smooth_step(0.6, 1.2, np.array([alpha[k]]))[0]
        shade[index[k]] = [1.0, 1.0 - 0.12 * red, 1.0 - 0.14 * red]
    shade[1 + 2 * columns : 1 + 9 * columns] /= 1.5
    mesh = mirror_half(points, np.concatenate(sheets))
    # Mirroring appends the right eye after the left: sort both by material.
    n = len(mesh.triangles) // 2
    sizes = [len(s) for s in sheets]
    order, start = [], 0
    for size in sizes:
        order += [np.arange(start, start + size), np.arange(n + start, n + start + size)]
        start += size
    mesh = Mirrored(mesh.points, mesh.triangles[np.concatenate(order)], mesh.source, mesh.partner)
    kinds = tuple((name, 2 * size) for name, size in zip(("pupil", "iris", "sclera"), sizes, strict=True))
    radii, turns = np.meshgrid(alpha / alpha[-1], turn, indexing="ij")
    places = np.concatenate([[[0.5, 0.0]], _disc(radii.ravel(), turns.ravel())])
    return make_part("eyeballs", mesh, kinds, places, shade=shade)


def arch_frame(
    arch: tuple[float, float, float], theta: Float[np.ndarray, "*n"]
) -> tuple[np.ndarray, np.ndarray]:
    """Give points on a dental arch and their outward normals, both in the plane of x and z."""
    wide, long, front = arch
    place = np.stack([wide * np.sin(theta), front - long + long * np.cos(theta)], -1)
    normal = np.stack([np.sin(theta) / wide, np.cos(theta) / long], -1)
    return place, normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def _arch_angles(arch: tuple[float, float, float], widths: list[float]) -> list[float]:
    fine = np.linspace(0, 1.75, 2000)
    place, _ = arch_frame(arch, fine)
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(place, axis=0), axis=1))])
    edges = np.cumsum([0.0, *widths])
    return [float(np.interp((a + b) / 2, arc, fine)) for a, b in itertools.pairwise(edges)]


def _tooth(width: float, height: float, depth: float, edge_depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Make one crown: x across, y from 0 at the biting edge up to the root, z outwards."""
    columns = 10
    turn = -2 * np.pi * np.arange(columns) / columns
    c, s = np.cos(turn), np.sin(turn)
    cross = np.sign(c) * np.abs(c) ** 0.55, np.sign(s) * np.abs(s) ** 0.75
    up = np.array([1.25, 0.95, 0.65, 0.35, 0.12, 0.03, 0.0])
    wide = np.array([0.78, 0.90, 0.98, 1.0, 1.0, 0.97, 0.84])
    deep = np.array([1.0, 1.0, 0.92, 0.70, 0.50, 0.42, 0.30])
    deep = edge_depth + (1 - edge_depth) * (deep - 0.3) / 0.7
    front = np.array([0.0, 0.02, 0.035, 0.02, -0.02, -0.03, -0.06])
    rows = []
    for k in range(len(up)):
        x = 0.5 * width * 0.985 * wide[k] * cross[0]
        z = front[k] - depth * deep[k] / 2 * (1 - cross[1])
        rows.append(np.stack([x, np.full(columns, up[k] * height), z], -1))
    points = np.concatenate([*rows, [rows[-1].mean(0)]])
    index = np.arange(len(up) * columns).reshape(-1, columns)
    tip = np.array([[index[-1, k], len(points) - 1, index[-1, (k + 1) % columns]] for k in range(columns)])
    return points, np.concatenate([grid_triangles(index, closed=True), tip])


def teeth(*, upper: bool) -> Part:
    """Make one arch of fourteen single teeth."""
    sizes = _UPPER_TEETH if upper else _LOWER_TEETH
    arch = UPPER_ARCH if upper else LOWER_ARCH
    edge_y = UPPER_EDGE_Y if upper else LOWER_EDGE_Y
    angles = _arch_angles(arch, [w for w, _ in sizes])
    meshes, shades, places = [], [], []
    for number, ((width, height), theta) in enumerate(zip(sizes, angles, strict=True)):
        molar = number >= 3
        points, triangles = _tooth(
            width, height, (0.62, 0.58, 0.72, 0.85, 0.88, 1.0, 1.0)[number], 0.75 if molar else 0.24
        )
        lift = (
            (0.0, 0.06, 0.0, 0.06, 0.09, 0.11, 0.13)[number]
            if upper
            else (0.0, 0.0, -0.03, 0.02, 0.05, 0.07, 0.08)[number]
        )
        place, normal = arch_frame(arch, np.array(theta))
        tangent = np.array([normal[1], -normal[0]])
        flat = place + points[:, :1] * tangent + points[:, 2:] * normal
        vertical = edge_y + (lift + points[:, 1] if upper else -lift - points[:, 1])
        whole = np.stack([flat[:, 0], vertical, flat[:, 1]], -1)
        places.append(_tooth_places(number, len(points)))
        meshes.append((whole, triangles if upper else triangles[:, ::-1]))
        tone = 1.0 - 0.03 * number - 0.16 * smooth_step(0.35, 1.1, points[:, 1] / height)
        shades.append(np.stack([tone, tone * 0.985, tone * (0.96 - 0.015 * number)], -1))
    points, triangles = stack_meshes(meshes)
    points[:, 0] = np.maximum(points[:, 0], 0.002)
    mesh = mirror_half(points, triangles)
    name = "upper teeth" if upper else "lower teeth"
    return make_part(name, mesh, "teeth", np.concatenate(places), shade=np.concatenate(shades))


def _tooth_places(number: int, count: int) -> np.ndarray:
    """Give each tooth a disc of its own in a grid of four by two."""
    rings, columns = 7, (count - 1) // 7
    radius = np.repeat(np.linspace(1.0, 0.15, rings), columns)
    turn = np.tile(2 * np.pi * np.arange(columns) / columns, rings)
    disc = np.concatenate([np.stack([radius * np.cos(turn), radius * np.sin(turn)], -1), [[0.0, 0.0]]])
    return disc * [0.115, 0.46] + [0.125 + 0.25 * (number % 4), -0.5 + number // 4]


def gums(*, upper: bool) -> Part:
    """Make the gum of one arch as a swept band with a scalloped edge."""
    arch = UPPER_ARCH if upper else LOWER_ARCH
    sizes = _UPPER_TEETH if upper else _LOWER_TEETH
    edge_y = UPPER_EDGE_Y if upper else LOWER_EDGE_Y
    centres = np.array(_arch_angles(arch, [w for w, _ in sizes]))
    columns = 27
    theta = np.linspace(0, centres[-1] + 0.12, columns)
    phase = np.interp(theta, np.concatenate([[0], centres]), np.concatenate([[0.5], 1.0 + np.arange(7)]))
    scallop = np.abs(np.cos(np.pi * phase))  # 1 at the middle of a tooth
    heights = np.interp(theta, centres, [h for _, h in sizes])
    line = heights * (0.80 + 0.14 * scallop)
    section = [
        (-0.10, 1.55, 0),
        (0.04, 1.25, 0),
        (0.075, 1.08, 0),
        (0.055, 0.0, 1),
        (-0.06, 0.03, 1),
        (-0.45, 0.05, 1),
        (-0.9, 0.10, 1),
        (-1.02, 0.4, 1),
        (-1.05, 0.8, 1),
    ]
    place, normal = arch_frame(arch, theta)
    rows = []
    for outwards, height, relative in section:
        flat = place + normal * outwards
        tall = line + height if relative else np.full(columns, height)
        rows.append(np.stack([flat[:, 0], edge_y + (tall if upper else -tall), flat[:, 1]], -1))
    points = np.stack(rows)
    points[:, 0, 0] = 0.0
    triangles = grid_triangles(np.arange(len(section) * columns).reshape(len(section), columns))
    mesh = mirror_half(points.reshape(-1, 3), triangles if upper else triangles[:, ::-1])
    name = "upper gums" if upper else "lower gums"
    down, across = np.meshgrid(
        np.linspace(0.95, -0.95, len(section)), np.linspace(0.0, 0.97, columns), indexing="ij"
    )
    return make_part(name, mesh, "gums", np.stack([across.ravel(), down.ravel()], -1))


def tongue() -> Part:
    """Make the tongue, from its tip behind the lower teeth to its root."""
    rows, columns = 22, 13
    t = np.linspace(0.0, 1.0, rows)
    spine_y = np.interp(t, [0, 0.15, 0.4, 0.7, 1.0], [-5.95, -5.84, -5.78, -6.15, -7.2])
    spine_z = np.interp(t, [0, 0.4, 0.75, 1.0], [7.05, 5.0, 2.8, 1.2])
    wide = 1.75 * (1 - (1 - np.clip(t / 0.55, 0, 1)) ** 2.4) ** 0.6 + 0.02
    thick = 0.22 + 0.50 * smooth_step(0.0, 0.5, t)
    thick[0], wide[0] = 0.02, 0.03
    turn = np.linspace(0, np.pi, columns)
    x = wide[:, None] * np.sin(turn) ** 0.8
    groove = -0.10 * np.exp(-((x / 0.35) ** 2)) * smooth_step(0.05, 0.3, t)[:, None] * (np.cos(turn) > 0)
    y = spine_y[:, None] + thick[:, None] * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.8 + groove
    points = np.stack([x, y, np.repeat(spine_z[:, None], columns, 1)], -1)
    points[:, [0, -1], 0] = 0.0
    # Rows run backwards seen from above, so the grid is turned over.
    triangles = grid_triangles(np.arange(rows * columns).reshape(rows, columns))[:, ::-1]
    mesh = mirror_half(points.reshape(-1, 3), triangles)
    along = np.repeat(t, columns)
    shade = np.repeat((1.0 - 0.25 * t)[:, None, None], columns, 1).repeat(3, 2).reshape(-1, 3)
    radius = np.repeat(0.05 + 0.92 * t, columns)
    around = np.tile(turn, rows)
    places = np.stack([radius * np.sin(around), radius * np.cos(around)], -1)
    places[points.reshape(-1, 3)[:, 0] == 0.0, 0] = 0.0
    return make_part("tongue", mesh, "tongue", places, shade=shade, along=along)
