"""Blending by dominance."""

import numpy as np

from visemic.models import viseme_dominance
from visemic.models.viseme_dominance import GROUPS, blend
from visemic.models.viseme_segments import CLASSES, Segments
from visemic.motion.calibrate import SHAPES


def chain(n_segments: int, length_s: float = 0.1, seed: int = 0) -> Segments:
    """Equal lengths, random targets and classes, no rest."""
    chance = np.random.default_rng(seed)
    edges = np.arange(n_segments + 1) * length_s
    kinds = chance.choice([k for k in CLASSES if k != "silence"], n_segments)
    return Segments(
        edges[:-1],
        edges[1:],
        chance.uniform(0, 1, (n_segments, len(SHAPES))),
        np.array([CLASSES[k][0] for k in kinds], float),
        np.array([CLASSES[k][1] for k in kinds], float),
        np.zeros(n_segments, bool),
    )


def test_every_shape_belongs_to_one_group():
    assert sorted(s for shapes in GROUPS.values() for s in shapes) == sorted(SHAPES)


def test_the_blend_lies_within_the_targets():
    segments = chain(30)
    weights = blend(segments, np.arange(300) / 100, 100.0)
    assert (weights >= segments.targets.min(axis=0) - 1e-12).all()
    assert (weights <= segments.targets.max(axis=0) + 1e-12).all()


def test_equal_targets_blend_to_themselves():
    segments = chain(30)
    segments.targets[:] = 0.4
    np.testing.assert_allclose(blend(segments, np.arange(300) / 100, 100.0), 0.4)


def test_curves_are_continuous_and_so_is_their_speed():
    times_s = np.arange(30_000) / 10_000
    weights = blend(chain(30), times_s, 100.0)
    speed = np.diff(weights, axis=0) * 10_000
    assert np.abs(speed).max() < 40
    assert np.abs(np.diff(speed, axis=0)).max() < 1.0


def test_blocks_leave_no_seam(monkeypatch):
    segments, times_s = chain(60), np.arange(600) / 100
    whole = blend(segments, times_s, 100.0)
    monkeypatch.setattr(viseme_dominance, "_BLOCK_FRAMES", 7)
    np.testing.assert_allclose(blend(segments, times_s, 100.0), whole, atol=1e-12)


def test_far_segments_are_not_felt():
    one, two = chain(40), chain(40)
    two.targets[30:] = 0.0
    times_s = np.arange(200) / 100
    np.testing.assert_array_equal(blend(one, times_s, 100.0), blend(two, times_s, 100.0))


def test_the_last_frame_is_at_rest():
    weights = blend(chain(10), np.arange(101) / 100, 1.0)
    assert not weights[-1].any()
    assert weights[80].any()
