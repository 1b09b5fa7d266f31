import numpy as np
import pytest

from visemic.core.errors import InputError, LayoutError
from visemic.render.contact_sheet import chart_poses, chart_shapes, contact_sheet


def flat(value):
    return np.full((40, 60, 3), value, np.uint8)


def test_every_picture_is_in_the_sheet_in_reading_order():
    sheet = contact_sheet([flat(50), flat(100), flat(150)], ["a", "b", "c"], 2)
    at = {value: np.argwhere((sheet == value).all(2))[:, :].min(0) for value in (50, 100, 150)}
    assert at[50][0] == at[100][0] < at[150][0]
    assert at[50][1] == at[150][1] < at[100][1]
    for value in (50, 100, 150):
        assert (sheet == value).all(2).sum() >= 40 * 60


def test_a_label_is_written_under_its_picture():
    blank = contact_sheet([flat(0)], [""], 1)
    named = contact_sheet([flat(0)], ["jawOpen"], 1)
    changed = np.argwhere((blank != named).any(2))
    assert len(changed) > 20
    assert changed[:, 0].min() >= 44


def test_a_label_too_long_for_its_picture_stays_under_it():
    sheet = contact_sheet([flat(0), flat(0)], ["W" * 80, ""], 2)
    assert (sheet[45:, 68:] == sheet[45:, 68:][0, 0]).all()


@pytest.mark.parametrize(
    ("images", "labels", "columns"),
    [([], [], 1), ([flat(0)], [], 1), ([flat(0)], ["a"], 0), ([flat(0), flat(0)[:20]], ["a", "b"], 2)],
)
def test_what_makes_no_sheet_is_refused(images, labels, columns):
    with pytest.raises(InputError):
        contact_sheet(images, labels, columns)


def test_a_chart_shows_the_neutral_and_each_shape(face):
    sheet = chart_shapes(face, tile=32, columns=2)
    left, right = sheet[4:36, 4:36], sheet[4:36, 40:72]
    assert np.any(left != right)


def test_a_chart_of_a_shape_that_the_rig_lacks_is_refused(face):
    with pytest.raises(LayoutError, match="jawOpen"):
        chart_shapes(face, ["jawopen"], tile=32)


def test_a_chart_of_visemes_leaves_out_channels_that_the_rig_lacks(face):
    poses = [("sil", {}), ("aa", {"jawOpen": 1.0}), ("th", {"tongueOut": 1.0})]
    sheet = chart_poses(face, poses, tile=32, columns=3)
    rest, wide, tongue = (sheet[4:36, x : x + 32] for x in (4, 40, 76))
    np.testing.assert_array_equal(rest, tongue)
    assert np.any(rest != wide)


def test_a_chart_of_nothing_is_refused(face):
    with pytest.raises(InputError):
        chart_poses(face, [])
