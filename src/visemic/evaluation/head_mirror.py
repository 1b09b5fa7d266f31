"""Are the two sides of a head mirror images, at rest and in every shape?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from visemic.rig.linear import Rig

FLIP = np.array([-1.0, 1.0, 1.0])
_TELL_APART = 1e-3
"""Weight of motion against place: it decides between vertices in one place and nothing else."""


@dataclass(frozen=True)
class MirrorReport:
    """Largest differences between a head and its mirror image."""

    neutral_mm: float
    """Of the neutral: distance of a mirrored vertex from the nearest one."""
    shapes_mm: dict[str, float]
    """Of each shape and the mirrored shape of its other side."""

    @property
    def worst_shape(self) -> str:
        """Name of the least symmetric shape; empty for a head without shapes."""
        return max(self.shapes_mm, key=lambda name: self.shapes_mm[name], default="")

    @property
    def worst_mm(self) -> float:
        """Largest difference of all."""
        return max([self.neutral_mm, *self.shapes_mm.values()])


def mirrored_name(name: str) -> str:
    """Give the shape that does the same on the other side.

    Example:
        >>> mirrored_name("mouthSmileLeft"), mirrored_name("jawOpen")
        ('mouthSmileRight', 'jawOpen')
    """
    for one, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(one):
            return name.removesuffix(one) + other
    return name


def mirror_partners(rig: Rig) -> Int[np.ndarray, " vertices"]:
    """Give for each vertex the one nearest to its mirror image in the plane x = 0.

    Of vertices in one place (lips that touch, seams of the texture) it is the one that moves as
    the mirror image does.
    """
    from scipy.spatial import cKDTree

    points, offsets = rig.neutral.astype(float), rig.offsets.astype(float)
    swap = [
        rig.layout.index(m) if (m := mirrored_name(n)) in rig.layout else i for i, n in enumerate(rig.layout)
    ]
    mix = np.random.default_rng(0).standard_normal(len(offsets)) * _TELL_APART
    here = np.einsum("c,cvx->vx", mix, offsets)
    there = np.einsum("c,cvx->vx", mix, offsets[swap] * FLIP)
    _, partner = cKDTree(np.concatenate([points, here], axis=1)).query(
        np.concatenate([points * FLIP, there], axis=1)
    )
    return np.asarray(partner, dtype=int)


def mirror_report(rig: Rig) -> MirrorReport:
    """Compare a head with its mirror image."""
    points = rig.neutral.astype(float)
    partner = mirror_partners(rig)
    neutral = float(np.linalg.norm(points[partner] - points * FLIP, axis=1).max(initial=0.0))
    shapes = {}
    for name in rig.layout:
        other = mirrored_name(name)
        if other in rig.layout:
            here = rig.offsets[rig.layout.index(name)].astype(float)
            there = rig.offsets[rig.layout.index(other)].astype(float)
            apart = np.linalg.norm(there[partner] - here * FLIP, axis=1).max(initial=0.0)
            shapes[name] = float(apart) * 1_000
    return MirrorReport(neutral * 1_000, shapes)
