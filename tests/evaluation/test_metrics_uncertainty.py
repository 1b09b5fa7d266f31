"""Intervals and tests agree with exact values and with their promise."""

import math

import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.evaluation.metrics_uncertainty import bootstrap_mean, compare_paired, holm, wilson_interval


def test_the_interval_is_that_of_the_normal_for_many_clips(rng):
    x = rng.normal(3.0, 1.0, 400)
    estimate = bootstrap_mean(x, 0)
    assert estimate.mean == pytest.approx(x.mean())
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)
    assert estimate == bootstrap_mean(x, 0)


def test_weights_pool_frames(rng):
    values, frames = np.array([1.0, 3.0]), np.array([30.0, 10.0])
    assert bootstrap_mean(values, 0, weights=frames).mean == pytest.approx(1.5)
    assert bootstrap_mean(values, 0, weights=np.array([1.0, 0.0])).n == 1


def test_clips_of_one_speaker_are_drawn_together(rng):
    speakers = np.repeat(["a", "b", "c", "d"], 50)
    x = np.repeat([0.0, 1.0, 2.0, 3.0], 50) + rng.normal(0, 0.01, 200)
    by_clip, by_speaker = bootstrap_mean(x, 0), bootstrap_mean(x, 0, groups=list(speakers))
    assert by_speaker.high - by_speaker.low > 4 * (by_clip.high - by_clip.low)


def test_clips_without_a_value_are_left_out():
    estimate = bootstrap_mean(np.array([1.0, math.nan, 2.0]), 0)
    assert (estimate.mean, estimate.n) == (1.5, 2)
    nothing = bootstrap_mean(np.array([math.nan]), 0)
    assert math.isnan(nothing.mean)
    assert nothing.n == 0


def test_signs_are_tried_exactly_for_few_clips():
    ahead = compare_paired(np.array([2.0, 3.0, 4.0]), np.array([1.0, 1.0, 1.0]), 0)
    assert ahead.difference == 2.0
    # Of 8 signs only all plus and all minus reach the sum.
    assert ahead.p_permutation == 2 / 8
    assert compare_paired(np.ones(5), np.ones(5), 0).p_permutation == 1.0
    assert compare_paired(np.ones(5), np.ones(5), 0).p_wilcoxon == 1.0


def test_a_shift_is_found_and_chance_is_not(rng):
    noise = rng.normal(size=60)
    assert compare_paired(noise + 1.0, rng.normal(size=60), 0).p_permutation < 0.01
    found = [compare_paired(rng.normal(size=20), rng.normal(size=20), 0, n_draws=400) for _ in range(60)]
    assert sum(c.p_permutation < 0.05 for c in found) <= 9


def test_clips_missing_on_one_side_are_left_out_of_both():
    result = compare_paired(np.array([1.0, math.nan, 3.0]), np.array([0.0, 0.0, 0.0]), 0)
    assert (result.n, result.difference) == (2, 2.0)
    assert math.isnan(compare_paired(np.array([math.nan]), np.array([1.0]), 0).p_permutation)
    with pytest.raises(InputError, match="2 clips cannot be paired with 3"):
        compare_paired(np.zeros(2), np.zeros(3), 0)


def test_holm_steps_down():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, math.nan, 0.9])[0] == 1.0
    assert math.isnan(holm([0.5, math.nan])[1])


def test_wilson_is_the_published_example_and_never_leaves_the_unit():
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4901, abs=2e-4), pytest.approx(0.9433, abs=2e-4))
    assert wilson_interval(0, 5)[0] == 0.0
    assert wilson_interval(5, 5)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(InputError, match="6 wins of 5"):
        wilson_interval(6, 5)
