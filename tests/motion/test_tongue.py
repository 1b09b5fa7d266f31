"""The tongue goes where its phones want it, at any frame rate."""

import numpy as np
import pytest

from visemic.core.signals import Alignment, Phone
from visemic.motion.tongue import HEIGHTS, RAMP_S, tongue_curves

WORD = Alignment(
    (
        Phone("SIL", 0.0, 0.3),
        Phone("L", 0.3, 0.4),
        Phone("AA", 0.4, 0.7),
        Phone("K", 0.7, 0.8),
        Phone("SIL", 0.8, 1.2),
    ),
    (),
    "lock",
    1.2,
)


def test_a_phone_holds_its_shape_from_start_to_end():
    times_s = np.array([0.3, 0.35, 0.4, 0.7, 0.75, 0.8])
    curves = tongue_curves(WORD, times_s)
    np.testing.assert_allclose(curves["tongueTipUp"], [0.9, 0.9, 0.9, 0, 0, 0])
    np.testing.assert_allclose(curves["tongueBackUp"], [0, 0, 0, 0.8, 0.8, 0.8])


def test_the_tongue_rests_beyond_the_ramps():
    times_s = np.array([0.0, 0.3 - RAMP_S, 0.4 + RAMP_S, 0.55, 1.0])
    assert not tongue_curves(WORD, times_s)["tongueTipUp"].any()


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
def test_curves_are_the_same_at_every_rate(fps):
    whole = tongue_curves(WORD, np.arange(600) / 600)["tongueTipUp"]
    some = tongue_curves(WORD, np.arange(fps) / fps)["tongueTipUp"]
    np.testing.assert_allclose(some, np.interp(np.arange(fps) / fps, np.arange(600) / 600, whole), atol=2e-3)


def test_where_two_meet_the_higher_counts():
    pair = Alignment((Phone("R", 0.0, 0.1), Phone("L", 0.1, 0.2)), (), "", 0.2)
    curve = tongue_curves(pair, np.array([0.099]))["tongueTipUp"]
    assert curve[0] > HEIGHTS["R"][1]


def test_a_clip_without_such_phones_leaves_the_tongue():
    assert not any(
        c.any() for c in tongue_curves(Alignment((Phone("M", 0, 1),), (), "", 1.0), np.arange(3.0)).values()
    )
