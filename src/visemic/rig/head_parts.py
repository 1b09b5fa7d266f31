"""What a part of the built-in head is, and its eyeballs.

Every part is made as a left half and mirrored. Centimetres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from visemic.geometry.mesh import Mirrored, grid_triangles, mirror_half, smooth_step
from visemic.rig.head_sculpt_kernels import EYE_RADIUS, EYE_X, EYE_Y, EYE_Z


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


CORNEA = 0.03
"""How far the cornea stands over the sphere of the eyeball, centimetres."""


def _disc(radius: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Give places of rings on the right half of a tile, for parts without a midline."""
    return np.stack([0.5 + 0.46 * radius * np.cos(turn), 0.92 * radius * np.sin(turn)], -1)


def eyeballs() -> Part:
    """Make two spheres with pupil, iris and a slight bulge of the cornea."""
    columns = 32
    alpha = np.concatenate(
        [[0.06, 0.11, 0.150], np.linspace(0.175, 0.415, 6), [0.45, 0.52], np.linspace(0.65, 1.75, 5)]
    )
    turn = 2 * np.pi * np.arange(columns) / columns
    radius = EYE_RADIUS + CORNEA * np.clip(1 - (alpha / 0.50) ** 2, 0, 1)
    ring = np.stack(
        [
            np.sin(alpha)[:, None] * np.cos(turn),
            np.sin(alpha)[:, None] * np.sin(turn),
            np.repeat(np.cos(alpha)[:, None], columns, 1),
        ],
        -1,
    )
    tip = np.array([[0.0, 0.0, EYE_RADIUS + CORNEA]])
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
        t = (alpha[k] - 0.150) / (0.415 - 0.150)
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
