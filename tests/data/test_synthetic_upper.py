"""Facts about an upper face that sound does not explain."""

import numpy as np

from visemic.core.layout import ARKIT_52
from visemic.data.synthetic_upper import FREE_CHANNELS, free_upper_face


def test_it_moves_brows_and_lids_within_bounds_and_by_seed():
    times_s = np.arange(1800) / 60
    curves = free_upper_face(times_s, 1.0, np.random.default_rng(1))
    assert tuple(curves) == FREE_CHANNELS
    assert set(FREE_CHANNELS) <= set(ARKIT_52)
    assert not any(name.startswith(("mouth", "jaw", "tongue")) for name in FREE_CHANNELS)
    every = np.stack(list(curves.values()))
    assert every.min() >= 0
    assert 0.5 < every.max() <= 1
    assert (np.abs(np.diff(every)).max()) < 0.25  # no jumps
    again = free_upper_face(times_s, 1.0, np.random.default_rng(1))
    assert all(np.array_equal(again[name], curves[name]) for name in curves)
    other = free_upper_face(times_s, 1.0, np.random.default_rng(2))
    assert abs(np.corrcoef(curves["browInnerUp"], other["browInnerUp"])[0, 1]) < 0.5


def test_more_of_it_moves_more_and_none_draws_no_chance():
    times_s = np.arange(1800) / 60
    little, much = (
        sum(np.abs(np.diff(c)).sum() for c in free_upper_face(times_s, a, np.random.default_rng(0)).values())
        for a in (0.5, 2.0)
    )
    assert much > 1.5 * little
    rng, untouched = np.random.default_rng(0), np.random.default_rng(0)
    assert not np.stack(list(free_upper_face(times_s, 0.0, rng).values())).any()
    assert rng.random() == untouched.random()
    assert not any(len(c) for c in free_upper_face(times_s[:0], 1.0, rng).values())
