import numpy as np
import pytest

from visemic.render.light_kernels import wrapped

TOWARD = np.linspace(-1, 1, 401).astype(np.float32)


def curve(wrap):
    return np.array([wrapped(t, np.float32(wrap)) for t in TOWARD], float)


def test_light_that_does_not_bleed_follows_the_cosine_law():
    np.testing.assert_allclose(curve(0.0), np.maximum(TOWARD, 0), atol=1e-6)


@pytest.mark.parametrize("wrap", [0.2, 0.3, 0.5])
def test_bleeding_light_reaches_past_the_terminator_and_ends_without_a_kink(wrap):
    values = curve(wrap)
    assert values[-1] == pytest.approx(1)
    assert (np.diff(values) >= -1e-7).all()
    assert (values[-wrap >= TOWARD] == 0).all()
    assert values[np.searchsorted(TOWARD, 0)] > 0
    slope = np.diff(values) / np.diff(TOWARD)
    assert np.abs(np.diff(slope)).max() < 0.1


def test_more_bleeding_lights_more_of_the_far_side():
    assert (curve(0.5)[TOWARD < 0] >= curve(0.2)[TOWARD < 0]).all()
