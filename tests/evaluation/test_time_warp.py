import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.signals import MeshMotion, Topology
from visemic.evaluation.time_warp import on_clock, warped_places


def spectrum(times: np.ndarray) -> np.ndarray:
    """Give a sound that is never twice the same."""
    return np.stack([np.sin(k * times + k) for k in range(1, 7)], 1)


def test_a_spectrum_lies_on_itself():
    x = spectrum(np.linspace(0, 5, 60))
    np.testing.assert_allclose(warped_places(x, x), np.arange(60))


def test_louder_and_duller_are_no_further_away():
    x = spectrum(np.linspace(0, 5, 60))
    np.testing.assert_allclose(warped_places(x, 3 * x + 7), np.arange(60))


def test_twice_the_time_is_found():
    slow, fast = spectrum(np.linspace(0, 5, 121)), spectrum(np.linspace(0, 5, 61))
    places = warped_places(fast, slow)
    assert np.abs(places - 2 * np.arange(61)).max() < 3
    assert (np.diff(places) >= 0).all()


def test_ends_meet_ends():
    a, b = spectrum(np.linspace(0, 5, 50)), spectrum(np.linspace(0, 5, 90) ** 1.1)
    places = warped_places(a, b)
    assert places[0] < 5
    assert places[-1] > 76


@pytest.mark.parametrize(("a", "b"), [((0, 4), (3, 4)), ((3, 4), (0, 4)), ((3, 4), (3, 5))])
def test_what_cannot_be_laid_over_is_refused(a, b):
    with pytest.raises(InputError, match="cannot be laid over"):
        warped_places(np.zeros(a), np.zeros(b))


def test_between_frames_a_mesh_is_on_the_straight_line_and_beyond_its_ends_it_stands():
    vertices = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    mesh = MeshMotion(vertices, Topology("toy", np.array([[0, 1, 1]], np.int32)), Rate.of(2))
    seen = on_clock(mesh, np.array([-1.0, 0.25, 1.0, 9.0]), Rate.of(30))
    np.testing.assert_allclose(seen.vertices[:, 0, 0], [0.0, 0.5, 2.0, 3.0])
    assert seen.rate == Rate.of(30)
