import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.render.camera import Camera, head_box, portrait_camera


def test_the_target_is_in_the_middle_of_the_picture():
    camera = Camera((0.3, 0.1, 1.0), (0.0, 0.2, 0.1), 25.0, 320, 200)
    column, row, distance = camera.project(np.array([camera.target_m]))[0]
    np.testing.assert_allclose([column, row], [160, 100], atol=1e-9)
    np.testing.assert_allclose(distance, np.linalg.norm([0.3, -0.1, 0.9]))


def test_the_field_of_view_ends_at_the_edges_of_the_picture():
    camera = Camera((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), 30.0, 400, 200)
    top = np.tan(np.radians(15))
    np.testing.assert_allclose(camera.project(np.array([[0.0, top, 0.0]]))[0, 1], 0, atol=1e-9)


def test_the_heads_left_is_at_the_right_of_a_front_view(ball):
    camera = portrait_camera(ball, 128, 128)
    left = camera.project(np.array([[0.05, 0.0, 0.1]]))[0]
    assert left[0] > 64


@pytest.mark.parametrize("view", ["front", "three_quarter", "profile"])
@pytest.mark.parametrize("size", [(128, 128), (256, 144), (144, 256)])
def test_a_portrait_holds_the_whole_head_and_fills_the_frame(ball, view, size):
    width, height = size
    seen = portrait_camera(ball, width, height, view).project(ball.neutral)
    assert seen[:, 0].min() > 0
    assert seen[:, 0].max() < width
    assert seen[:, 1].min() > 0
    assert seen[:, 1].max() < height
    assert np.ptp(seen[:, 1]) > 0.6 * height or np.ptp(seen[:, 0]) > 0.6 * width


def test_the_chin_lies_as_far_below_the_eyes_as_the_crown_above(face):
    low, high = head_box(face)
    np.testing.assert_allclose((low[1] + high[1]) / 2, 0, atol=1e-6)


@pytest.mark.parametrize(("width", "height"), [(511, 512), (512, 14), (4098, 512), (0, 512), (512, -2)])
def test_a_size_that_no_video_can_have_is_refused(ball, width, height):
    with pytest.raises(InputError, match="pixels"):
        portrait_camera(ball, width, height)


def test_an_unknown_view_is_refused_with_the_nearest_name(ball):
    with pytest.raises(InputError, match="did you mean 'front'"):
        portrait_camera(ball, 64, 64, "fromt")


def test_a_lift_moves_the_head_up_by_its_share_of_the_picture(face):
    point = face.neutral[:1].astype(float)
    plain, lifted = (portrait_camera(face, 200, 200, lift=lift) for lift in (0.0, 0.1))
    moved = plain.project(point)[0, 1] - lifted.project(point)[0, 1]
    assert moved == pytest.approx(20, rel=0.35)


def test_the_face_fills_more_of_the_picture_than_the_head(face):
    wide, close = (portrait_camera(face, 200, 200, view) for view in ("front", "face"))
    assert np.linalg.norm(np.subtract(close.eye_m, close.target_m)) < np.linalg.norm(
        np.subtract(wide.eye_m, wide.target_m)
    )
