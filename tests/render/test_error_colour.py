import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.render.error_colour import (
    check_limit,
    clay,
    colours_of,
    distances_mm,
    error_table,
    scale_bar,
)


def test_no_distance_is_blue_and_the_limit_is_red():
    table = error_table()
    assert table[0].argmax() == 2
    assert table[-1].argmax() == 0


def test_colours_change_step_by_step():
    table = error_table().astype(float)
    encoded = np.sqrt(table)
    steps = np.linalg.norm(np.diff(encoded, axis=0), axis=1)
    assert steps.min() > 0
    assert steps.max() < 0.03


def test_the_middle_is_lighter_than_both_ends():
    luminance = error_table() @ np.array([0.2126, 0.7152, 0.0722])
    middle = luminance[len(luminance) // 2]
    assert middle > 3 * luminance[0]
    assert middle > 3 * luminance[-1]


def test_a_distance_is_measured_in_millimetres():
    a = np.zeros((2, 3), np.float32)
    b = np.array([[0.003, 0.004, 0], [0, 0, 0]], np.float32)
    np.testing.assert_allclose(distances_mm(a, b), [5.0, 0.0], rtol=1e-5)


def test_beyond_the_limit_the_colour_stays():
    table = error_table()
    colours = colours_of(np.array([0.0, 5.0, 500.0]), 5.0, table)
    np.testing.assert_array_equal(colours[0], table[0])
    np.testing.assert_array_equal(colours[1:], table[[-1, -1]])


@pytest.mark.parametrize("limit_mm", [0.0, -1.0, float("nan"), float("inf"), 2000.0])
def test_a_scale_that_cannot_be_read_is_refused(limit_mm):
    with pytest.raises(InputError, match=r"0\.01 to 1000 mm"):
        check_limit(limit_mm)


def test_clay_is_white_under_its_glass(face):
    plain = clay(face)
    assert plain.groups[0].material.colour == (1.0, 1.0, 1.0)
    assert plain.groups[-1].material == face.groups[-1].material


def test_the_bar_runs_from_blue_to_red():
    patch = scale_bar(512, 512, 5.0, error_table(), (10, 20))
    assert (patch.top, patch.left) == (10, 20)
    row = patch.image[12].astype(int)
    colour = np.flatnonzero(np.ptp(row[:, :3], axis=1) > 40)
    assert row[colour[0], 2] > row[colour[0], 0]
    assert row[colour[-1], 0] > row[colour[-1], 2]
