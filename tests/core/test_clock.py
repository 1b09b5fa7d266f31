from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visemic.core.clock import Rate
from visemic.core.errors import ClockError


@pytest.mark.parametrize(
    ("hz", "time_s", "tick"), [(30, 0.7, 21), (100, 0.29, 29), (24, 1 / 48, 1), (16_000, 2.4, 38_400)]
)
def test_the_clock_rounds_to_the_nearest_tick(hz, time_s, tick):
    assert Rate.of(hz).tick_at(time_s) == tick


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        (29.97, Fraction(30_000, 1_001)),
        (23.976, Fraction(24_000, 1_001)),
        (59.94, Fraction(60_000, 1_001)),
        ("29.97", Fraction(30_000, 1_001)),
        ("30000/1001", Fraction(30_000, 1_001)),
        (12.5, Fraction(25, 2)),
        (30, Fraction(30)),
    ],
)
def test_broadcast_rates_are_exact(written, exact):
    assert Rate.of(written).hz == exact


@given(st.sampled_from([24, 25, 29.97, 30, 60, 100, 16_000, 22_050, 44_100]), st.integers(0, 10_000_000))
def test_the_time_of_a_tick_is_at_that_tick(hz, tick):
    rate = Rate.of(hz)
    if tick / rate.hz < 3 * 3600:
        assert rate.tick_at(rate.time_of(tick)) == tick


@given(st.floats(0.001, 10_000), st.sampled_from([24, 25, 29.97, 30, 60]))
def test_a_clip_and_its_frames_differ_by_at_most_half_a_frame(duration_s, hz):
    rate = Rate.of(hz)
    if duration_s > 1 / float(rate):
        assert abs(rate.count(duration_s) / float(rate) - duration_s) <= 0.5 / float(rate) + 1e-6


def test_an_hour_at_a_broadcast_rate_does_not_drift():
    rate = Rate.of(29.97)
    times = rate.times_s(107_892)
    assert times[-1] == pytest.approx(107_891 * 1001 / 30_000, abs=1e-9)
    assert np.all(np.diff(times) > 0)


@pytest.mark.parametrize("hz", [0, -1, float("nan"), float("inf"), "fast", "1/0", 10**9])
def test_a_rate_that_is_none_is_refused(hz):
    with pytest.raises(ClockError):
        Rate.of(hz)


def test_a_fraction_near_a_broadcast_rate_stays_itself() -> None:
    assert Rate.of(Fraction(934, 85)).hz == Fraction(934, 85)
    assert Rate.of("934/85").hz == Fraction(934, 85)
    assert Rate.of(29.97).hz == Rate.of("29.97").hz == Fraction(30_000, 1_001)
