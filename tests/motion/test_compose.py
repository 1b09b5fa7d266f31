"""Curves by name into one motion."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import LayoutError
from visemic.core.layout import ARKIT_61
from visemic.motion.compose import compose


def test_parts_add_up_and_weights_are_clipped_but_rotations_are_not():
    parts = [
        {"jawOpen": np.array([0.4, 0.8]), "headYaw": np.array([-1.0, 1.2])},
        {"jawOpen": np.array([0.2, 0.8])},
    ]
    motion = compose(parts, ARKIT_61, Rate.of(30), 2)
    np.testing.assert_allclose(motion.channel("jawOpen"), [0.6, 1.0])
    np.testing.assert_allclose(motion.channel("headYaw"), [-1.0, 1.2])


def test_what_has_died_away_is_zero():
    motion = compose([{"jawOpen": np.array([1e-7, 0.5])}], ARKIT_61, Rate.of(30), 2)
    assert motion.channel("jawOpen")[0] == 0.0


def test_a_curve_of_another_length_is_refused():
    with pytest.raises(LayoutError, match="'jawOpen' has 3 frames and the motion 2"):
        compose([{"jawOpen": np.zeros(3)}], ARKIT_61, Rate.of(30), 2)


def test_an_unknown_channel_is_refused():
    with pytest.raises(LayoutError, match="did you mean 'jawOpen'"):
        compose([{"jaw_open": np.zeros(2)}], ARKIT_61, Rate.of(30), 2)
