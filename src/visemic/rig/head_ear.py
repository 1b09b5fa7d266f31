"""The ears of the built-in head: a surface of their own that dives under the skin at its edge."""

import numpy as np

from visemic.geometry.isosurface import surface_nets
from visemic.geometry.mesh import boundary_loops, disc_places, mirror_half, neighbour_average
from visemic.rig.head_parts import Part, make_part
from visemic.rig.head_sculpt_kernels import ear_reach, ear_samples, finish_ear

_STEP = 0.17
_LOW = np.array([-2.34, -3.8, -1.45])
_SHAPE = np.array([30, 44, 16])


def ears() -> Part:
    """Make both ears."""
    from scipy.ndimage import gaussian_filter

    # A little blur keeps walls thicker than a cell, so that the surface stays a clean sheet.
    points, triangles = surface_nets(gaussian_filter(ear_samples(_LOW, _STEP, _SHAPE), 0.5))
    points = _LOW + _STEP * points
    # What lies well under the skin is dropped.
    kept = ear_reach(points) < 0.56
    triangles = triangles[kept[triangles].all(axis=1)]
    used, triangles = np.unique(triangles, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    points = points[used]
    average = neighbour_average(triangles, len(points))
    rim = np.unique(np.concatenate(boundary_loops(triangles)))
    for _ in range(2):
        evened = 0.5 * (points + np.asarray(average @ points))
        evened[rim] = points[rim]
        points = evened
    placed, shade = finish_ear(points)
    mesh = mirror_half(placed, triangles)
    flush = np.stack([np.ones_like(shade), 0.94 * np.ones_like(shade), 0.93 * np.ones_like(shade)], -1)
    flat = disc_places(placed, triangles)
    places = np.stack([0.5 + 0.46 * flat[:, 0], 0.95 * flat[:, 1]], -1)
    # The openness baked here travels as the place along the part.
    return make_part("ears", mesh, "skin", places, shade=flush, along=shade)
