"""Small heads made of spheres, so that pictures can be checked against closed forms."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.layout import Layout
from visemic.core.signals import Motion
from visemic.rig.linear import Joint, Material, MaterialGroup, Rig

SKIN = Material("skin", (0.6, 0.35, 0.25), 0.5, 0.5, 1.0)
SCLERA = Material("sclera", (0.8, 0.78, 0.75), 0.2)
CORNEA = Material("cornea", (1.0, 1.0, 1.0), 0.1)


def sphere(centre, radius, n_around=24, n_up=16):
    """Give vertices and outward triangles of a closed sphere."""
    rows = []
    for i in range(1, n_up):
        polar = np.pi * i / n_up
        turn = 2 * np.pi * np.arange(n_around) / n_around
        ring = [np.sin(polar) * np.sin(turn), np.full(n_around, np.cos(polar)), np.sin(polar) * np.cos(turn)]
        rows.append(np.stack(ring, 1))
    vertices = np.concatenate([[[0.0, 1.0, 0.0]], *rows, [[0.0, -1.0, 0.0]]])
    last = len(vertices) - 1
    triangles = []
    for j in range(n_around):
        k = (j + 1) % n_around
        triangles.append((0, 1 + j, 1 + k))
        for i in range(n_up - 2):
            a, b = 1 + i * n_around + j, 1 + i * n_around + k
            triangles += [(a, a + n_around, b + n_around), (a, b + n_around, b)]
        triangles.append((1 + (n_up - 2) * n_around + j, last, 1 + (n_up - 2) * n_around + k))
    return (np.asarray(centre) + radius * vertices).astype(np.float32), np.array(triangles, np.int32)


def rig_of(parts, **extra):
    """Give a rig of several meshes, each ``(vertices, triangles, material)``."""
    vertices, triangles, groups, start = [], [], [], 0
    for points, faces, material in parts:
        triangles.append(faces + sum(len(v) for v in vertices))
        vertices.append(points)
        groups.append(MaterialGroup(material, start, start + len(faces)))
        start += len(faces)
    neutral = np.concatenate(vertices)
    offsets = np.zeros((1, len(neutral), 3), np.float32)
    offsets[0, :, 1] = -0.02
    values = {
        "name": "balls",
        "neutral": neutral,
        "triangles": np.concatenate(triangles),
        "layout": Layout("balls", ("jawOpen",)),
        "offsets": offsets,
        "groups": tuple(groups),
        "landmarks": {},
        "occlusion": np.ones(len(neutral), np.float32),
    }
    return Rig(**{**values, **extra})


@pytest.fixture(scope="session")
def ball():
    """A head that is one smooth sphere."""
    return rig_of([(*sphere((0, 0, 0), 0.1, 64, 48), SKIN)])


@pytest.fixture(scope="session")
def face():
    """A head with two eyes under glass."""
    eyes = tuple(
        Joint(f"{side}Eye", (x, 0.0, 0.085), (f"{side}EyeYaw", f"{side}EyePitch", f"{side}EyeRoll"))
        for side, x in (("left", 0.03), ("right", -0.03))
    )
    return rig_of(
        [
            (*sphere((0, 0, 0), 0.1), SKIN),
            (*sphere((0.03, 0, 0.085), 0.02), SCLERA),
            (*sphere((-0.03, 0, 0.085), 0.02), SCLERA),
            (*sphere((0.03, 0, 0.085), 0.021), CORNEA),
        ],
        eyes=eyes,
        occlusion=None,
    )


@pytest.fixture
def wobble():
    """Give a maker of motions that open and close the jaw."""

    def make(n_frames, rate=30):
        curve = 0.5 + 0.5 * np.sin(np.arange(n_frames) * 0.7)
        return Motion(curve[:, None].astype(np.float32), Layout("balls", ("jawOpen",)), Rate.of(rate))

    return make


class Studio:
    """What tests build heads with."""

    skin, sclera, cornea = SKIN, SCLERA, CORNEA
    sphere = staticmethod(sphere)
    rig_of = staticmethod(rig_of)


@pytest.fixture(scope="session")
def studio():
    """Give the makers of spheres and heads."""
    return Studio
