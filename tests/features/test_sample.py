"""Features at other moments."""

from fractions import Fraction

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError
from visemic.core.signals import Features
from visemic.features.sample import at_rate, step_positions, values_at


def line(n_steps: int, rate: Rate, start_s: float = 0.0) -> Features:
    """Features that are their own time."""
    times_s = (start_s + rate.times_s(n_steps))[:, None]
    return Features(times_s.astype(np.float32), rate, "time", "1")


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60])
@pytest.mark.parametrize(("rate", "start_s"), [("62.5", "0"), ("50", "1/80"), ("100", "0")])
def test_every_frame_gets_the_value_of_its_own_time(fps, rate, start_s):
    features = line(700, Rate.of(rate), float(Fraction(start_s)))
    frames = at_rate(features, Rate.of(fps), 120, Fraction(start_s))
    times_s = Rate.of(fps).times_s(120)
    inside = times_s >= float(Fraction(start_s))
    np.testing.assert_allclose(frames.values[inside, 0], times_s[inside], atol=2e-6)


def test_frame_j_of_30_lies_at_2_and_a_twelfth_j_mel_steps():
    positions = step_positions(13, Rate.of(30), Rate.of("62.5"))
    np.testing.assert_allclose(positions, np.arange(13) * 25 / 12, rtol=1e-15)
    assert positions[12] == 25.0


def test_a_day_later_the_clock_is_still_exact():
    positions = step_positions(30 * 86_400 + 1, Rate.of(30), Rate.of(50), Fraction(1, 80))
    assert positions[-1] == 50 * 86_400 - 0.625


def test_whole_positions_give_the_rows_themselves(rng):
    values = rng.standard_normal((9, 3)).astype(np.float32)
    np.testing.assert_array_equal(values_at(values, np.arange(9.0)), values)


def test_the_ends_are_held(rng):
    values = rng.standard_normal((4, 2)).astype(np.float32)
    np.testing.assert_array_equal(values_at(values, np.array([-3.0, 99.0])), values[[0, 3]])


def test_one_row_serves_every_moment_and_none_is_refused():
    np.testing.assert_array_equal(values_at(np.ones((1, 2), np.float32), np.array([-1.0, 0.5, 7.0])), 1.0)
    with pytest.raises(ClockError, match="0 steps"):
        values_at(np.ones((0, 2), np.float32), np.zeros(1))
