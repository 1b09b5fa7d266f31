"""Distances of sets agree with closed forms and with their known biases."""

import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.evaluation import distribution as d
from visemic.evaluation.distribution_mixture import (
    Mixture,
    fit_mixture,
    mixture_distance,
    wasserstein_inception_distance,
)


def test_frechet_distance_of_exact_gaussians_is_their_closed_form():
    # Four points with mean m and standard deviations s along the axes.
    def corners(mean, spread):
        signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], float)
        return np.asarray(mean) + signs * np.asarray(spread) * np.sqrt(3 / 4)

    a, b = corners((0, 0), (1, 2)), corners((3, 4), (2, 5))
    assert d.frechet_distance(a, b) == pytest.approx(25 + (2 - 1) ** 2 + (5 - 2) ** 2)
    assert d.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_is_symmetric_and_survives_singular_sets(rng):
    a = np.repeat(rng.normal(size=(20, 1)), 5, axis=1)
    b = rng.normal(size=(30, 5))
    assert d.frechet_distance(a, b) == pytest.approx(d.frechet_distance(b, a), rel=1e-6)


def test_two_halves_of_one_set_are_near_zero_by_fid_and_kid(rng):
    x = rng.normal(size=(4_000, 8))
    far = d.frechet_distance(x[:2_000], x[2_000:] + 1.0)
    assert d.frechet_distance(x[:2_000], x[2_000:]) < 0.05 < far
    near = d.kernel_distance(x[:2_000], x[2_000:], rng, subset_size=200, n_subsets=10)
    away = d.kernel_distance(x[:2_000], x[2_000:] + 1.0, rng, subset_size=200, n_subsets=10)
    assert abs(near.mean) < 0.02 < away.mean


def test_kid_is_unbiased_where_fid_is_not(rng):
    kid, fid = [], []
    for _ in range(60):
        x = rng.normal(size=(60, 16))
        kid.append(d.kernel_discrepancy(x[:30], x[30:]))
        fid.append(d.frechet_distance(x[:30], x[30:]))
    assert abs(np.mean(kid)) < 3 * np.std(kid) / np.sqrt(60)
    assert min(fid) > 2


def test_kid_of_few_points_is_the_sum_written_out(rng):
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(4, 2))

    def kernel(a, b):
        return (a @ b / 2 + 1) ** 3

    within_x = np.mean([kernel(x[i], x[j]) for i in range(3) for j in range(3) if i != j])
    within_y = np.mean([kernel(y[i], y[j]) for i in range(4) for j in range(4) if i != j])
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert d.kernel_discrepancy(x, y) == pytest.approx(within_x + within_y - 2 * across)


def test_diversity_is_the_mean_distance_of_pairs():
    square = np.array([[0.0, 0], [3, 0], [0, 4]])
    assert d.diversity(square) == pytest.approx((3 + 4 + 5) / 3)
    assert d.diversity(square[:1]) == 0.0
    assert d.multimodality(np.stack([square, np.zeros((3, 2))])) == pytest.approx(2.0)


def test_l1_divergence_of_a_still_clip_is_zero():
    assert d.l1_divergence(np.full((7, 3), 0.4)) == pytest.approx(0.0)
    assert d.l1_divergence(np.array([[0.0, 0.0], [1.0, 2.0]])) == pytest.approx(1.5)


def test_coverage_takes_the_best_take_and_the_mean_take_averages(rng):
    assert d.coverage_error(np.array([[3.0, 1.0], [2.0, 5.0]])) == 1.5
    takes = rng.normal(size=(10, 4, 3))
    np.testing.assert_allclose(d.mean_take(takes), takes.mean(0))


def test_a_mixture_finds_well_separated_parts(rng):
    x = np.concatenate([rng.normal(-5, 1, (300, 2)), rng.normal(5, 0.5, (100, 2))])
    fit = fit_mixture(x, 2, np.random.default_rng(0))
    order = np.argsort(fit.means[:, 0])
    np.testing.assert_allclose(fit.shares[order], [0.75, 0.25], atol=0.01)
    np.testing.assert_allclose(fit.means[order], [[-5, -5], [5, 5]], atol=0.2)
    np.testing.assert_allclose(fit.covariances[order[1]], 0.25 * np.eye(2), atol=0.1)


def test_transport_between_mixtures_is_the_closed_form():
    eye = np.eye(1)[None]
    one = Mixture(np.array([1.0]), np.array([[0.0]]), eye)
    two = Mixture(np.array([0.5, 0.5]), np.array([[-3.0], [3.0]]), np.repeat(eye, 2, axis=0))
    assert mixture_distance(one, two) == pytest.approx(3.0)
    assert mixture_distance(two, two) == pytest.approx(0.0, abs=1e-6)
    uneven = Mixture(np.array([0.25, 0.75]), two.means, two.covariances)
    # A quarter of the mass moves by 6.
    assert mixture_distance(two, uneven) == pytest.approx(np.sqrt(0.25 * 36))


def test_wind_sees_a_missing_mode_and_is_repeatable(rng):
    both = np.concatenate([rng.normal(-4, 1, (200, 2)), rng.normal(4, 1, (200, 2))])
    other = np.concatenate([rng.normal(-4, 1, (200, 2)), rng.normal(4, 1, (200, 2))])
    near = wasserstein_inception_distance(both, other, 2, 0)
    assert near < 0.5 < wasserstein_inception_distance(both, other[:200], 2, 0)
    assert near == wasserstein_inception_distance(both, other, 2, 0)


def test_sets_that_cannot_be_compared_are_refused(rng):
    x = rng.normal(size=(10, 3))
    with pytest.raises(InputError, match="1 samples has no spread"):
        d.frechet_distance(x[:1], x)
    with pytest.raises(InputError, match="3 and 2 features"):
        d.frechet_distance(x, x[:, :2])
    with pytest.raises(InputError, match="not a finite number"):
        d.frechet_distance(x * np.nan, x)
    with pytest.raises(InputError, match="cannot fill 6 parts"):
        fit_mixture(x, 6, rng)
    with pytest.raises(InputError, match="0 takes"):
        d.coverage_error(np.zeros((0, 3)))
