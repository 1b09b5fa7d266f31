import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.export.time_grid import EXACT_RATES, fit_rate, nearest_rate, resample_rows


@pytest.mark.parametrize("rate", EXACT_RATES, ids=str)
def test_an_exact_clock_is_recognised(rate):
    assert fit_rate(100 + rate.times_s(500), 1e-6) == rate


def test_an_uneven_clock_is_not(rng):
    assert fit_rate(np.arange(100) / 30 + rng.normal(0, 1e-3, 100), 1e-4) is None


def test_a_stated_rate_is_believed_only_if_the_rows_agree():
    assert fit_rate(Rate.of(37).times_s(50), 1e-6, Rate.of(37)) == Rate.of(37)
    assert fit_rate(Rate.of(30).times_s(50), 1e-6, Rate.of(37)) == Rate.of(30)
    assert fit_rate(np.zeros(1), 1e-6, Rate.of(37)) == Rate.of(37)
    assert fit_rate(np.zeros(1), 1e-6) is None


def test_rows_near_a_whole_rate_go_there():
    assert nearest_rate(np.arange(50) / 59.9) == Rate.of(60)
    assert nearest_rate(np.arange(50) / 3) == Rate.of(24)


def test_a_straight_line_stays_straight_over_gaps(rng):
    times_s = np.sort(rng.uniform(5, 9, 40))
    values = np.stack([times_s, 2 - times_s], axis=1).astype(np.float32)
    resampled = resample_rows(times_s, values, Rate.of(60))
    ticks_s = times_s[0] + Rate.of(60).times_s(len(resampled))
    np.testing.assert_allclose(resampled, np.stack([ticks_s, 2 - ticks_s], axis=1), atol=1e-5)
    assert times_s[-1] - 1 / 60 < ticks_s[-1] <= times_s[-1] + 1e-9
