"""A tiny head for the tests of exporters: a ball with eyes, a neck and every ARKit shape."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_52, ARKIT_61
from visemic.core.signals import Alignment, Motion, Phone, Provenance, Waveform, Word
from visemic.export.clip import ClipData
from visemic.rig.linear import Joint, Material, MaterialGroup, Rig

RINGS, SECTORS = 9, 14


def _ball(centre, radius):
    """Give vertices and triangles of a closed ball, counter-clockwise from outside."""
    polar = np.linspace(0, np.pi, RINGS)[1:-1]
    around = np.arange(SECTORS) * 2 * np.pi / SECTORS
    rows = [[np.sin(p) * np.sin(a), np.cos(p), np.sin(p) * np.cos(a)] for p in polar for a in around]
    vertices = np.array([[0, 1, 0], *rows, [0, -1, 0]]) * radius + centre
    last = len(vertices) - 1
    triangles = []
    for k in range(SECTORS):
        n = (k + 1) % SECTORS
        triangles.append([0, 1 + k, 1 + n])
        for ring in range(RINGS - 3):
            a, b = 1 + ring * SECTORS, 1 + (ring + 1) * SECTORS
            triangles += [[a + k, b + k, b + n], [a + k, b + n, a + n]]
        a = 1 + (RINGS - 3) * SECTORS
        triangles.append([a + k, last, a + n])
    return vertices, np.array(triangles)


def _make_rig(*, extra_shapes=()):
    rng = np.random.default_rng(7)
    parts = [_ball((0, 0, 0), 0.1), _ball((0.03, 0.03, 0.08), 0.012), _ball((-0.03, 0.03, 0.08), 0.012)]
    starts = np.cumsum([0] + [len(v) for v, _ in parts])
    neutral = np.concatenate([v for v, _ in parts]).astype(np.float32)
    triangles = np.concatenate([t + s for (_, t), s in zip(parts, starts, strict=False)])
    n_skin, n_eye = len(parts[0][1]), len(parts[1][1])
    skin = Material("skin", (0.6, 0.4, 0.3))
    groups = (
        MaterialGroup(skin, 0, n_skin // 2),
        MaterialGroup(Material("lips", (0.5, 0.2, 0.2), roughness=0.3), n_skin // 2, n_skin),
        MaterialGroup(Material("sclera", (0.9, 0.9, 0.9), roughness=0.1), n_skin, n_skin + n_eye),
        MaterialGroup(Material("cornea", (1.0, 1.0, 1.0), roughness=0.1), n_skin + n_eye, n_skin + 2 * n_eye),
    )
    eye_of_vertex = np.full(len(neutral), -1)
    eye_of_vertex[starts[1] : starts[2]] = 0
    eye_of_vertex[starts[2] :] = 1
    names = ARKIT_52.names + tuple(extra_shapes)
    offsets = np.zeros((len(names), len(neutral), 3), np.float32)
    for shape in offsets:
        moved = rng.choice(starts[1], 12, replace=False)
        shape[moved] = rng.normal(0, 0.004, (12, 3))
    joints = [
        Joint(name, pivot, tuple(f"{channel}{turn}" for turn in ("Yaw", "Pitch", "Roll")))
        for name, channel, pivot in [
            ("leftEye", "leftEye", (0.03, 0.03, 0.08)),
            ("rightEye", "rightEye", (-0.03, 0.03, 0.08)),
            ("head", "head", (0.0, -0.08, -0.02)),
        ]
    ]
    follow = np.clip((neutral[:, 1] + 0.1) / 0.08, 0, 1).astype(np.float32)
    follow[eye_of_vertex >= 0] = 1
    return Rig(
        name="ball",
        neutral=neutral,
        triangles=triangles,
        layout=ARKIT_52 if not extra_shapes else type(ARKIT_52)("ball", names),
        offsets=offsets,
        groups=groups,
        landmarks={},
        uv=rng.random((len(neutral), 2)).astype(np.float32),
        vertex_colours=rng.random((len(neutral), 3)).astype(np.float32),
        occlusion=np.ones(len(neutral), np.float32),
        eyes=tuple(joints[:2]),
        eye_of_vertex=eye_of_vertex,
        head=joints[2],
        head_follow=follow,
    )


def _make_motion(rate, n_frames=20, layout=ARKIT_61, seed=3):
    rng = np.random.default_rng(seed)
    values = rng.random((n_frames, len(layout))).astype(np.float32)
    values[:, 52:61] = (values[:, 52:61] - 0.5) * 0.8
    return Motion(values, layout, Rate.of(rate))


_ALIGNMENT = Alignment(
    phones=(
        Phone("SIL", 0.0, 0.1),
        Phone("HH", 0.1, 0.16, ipa="h"),
        Phone("AH", 0.16, 0.22, 0, "ə"),
        Phone("L", 0.22, 0.3, ipa="l"),
        Phone("OW", 0.3, 0.5, 1, "oʊ"),
        Phone("SIL", 0.5, 0.6),
        Phone("M", 0.6, 0.65, ipa="m"),
        Phone("AA", 0.65, 0.9, 1, "ɑː"),
    ),
    words=(Word("Hello", 0.1, 0.5), Word("5", 0.6, 0.9, "five")),
    text="“Hello”, 5!",
    duration_s=1.0,
)
_PROVENANCE = Provenance(
    "0.1.0",
    "visemic speak Hello --> x",
    4,
    "espeak",
    "viseme-rules",
    "ball",
    {"code": "Apache-2.0"},
    ("a note",),
)


@pytest.fixture(scope="session")
def make_rig():
    """Give the function that makes a head, with ``extra_shapes`` if asked."""
    return _make_rig


@pytest.fixture(scope="session")
def make_motion():
    """Give the function that makes random motion at a rate."""
    return _make_motion


@pytest.fixture(scope="session")
def rig():
    return _make_rig()


@pytest.fixture
def motion():
    return _make_motion(30)


@pytest.fixture
def alignment():
    return _ALIGNMENT


@pytest.fixture
def provenance():
    return _PROVENANCE


@pytest.fixture
def clip(rig, motion):
    waveform = Waveform(np.sin(np.arange(16_000) / 20).astype(np.float32) * 0.5, Rate.of(16_000))
    return ClipData(waveform, _ALIGNMENT, motion, rig, _PROVENANCE)


@pytest.fixture
def take(clip):
    """Give the function that makes a clip of nothing but motion."""
    return lambda motion: ClipData(None, None, motion, None, _PROVENANCE)
