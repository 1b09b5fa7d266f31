import numpy as np
import pytest

from visemic.render import light_kernels, shade_kernels, studio


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_planes_are_those_of_the_bt709_standard(colour, expected):
    picture = np.empty((4, 6, 3), np.uint8)
    picture[:] = colour
    planes = np.zeros((6, 6), np.uint8)
    shade_kernels.planes_from_picture(picture, planes)
    flat = planes.ravel()
    for part, value in zip((flat[:24], flat[24:30], flat[30:]), expected, strict=True):
        assert np.abs(part.astype(int) - value).max() <= 1


def test_dither_keeps_the_mean_of_a_level_between_two_bytes():
    curve = studio.srgb_curve()
    value = np.interp(40.5, curve, np.linspace(0, 1, len(curve)) ** 2)
    block = [shade_kernels.byte_of(value, x, y, curve) for x in range(8) for y in range(8)]
    assert set(block) == {40, 41}
    np.testing.assert_allclose(np.mean(block), 40.5, atol=0.06)


def test_the_curve_is_srgb():
    curve = studio.srgb_curve()
    assert curve[0] == 0
    np.testing.assert_allclose(curve[-1], 255, rtol=1e-6)
    middle = round(np.sqrt(0.2140) * studio.CURVE_STEPS)  # half of 255 in sRGB is 21.4 % of the light
    np.testing.assert_allclose(curve[middle], 127.5, atol=0.1)


def test_a_soft_test_is_the_share_of_lit_texels():
    depth = np.zeros((16, 16), np.float32)
    assert light_kernels.soft_test(8.3, 7.6, 0.5, 0.0, 0.0, depth) == pytest.approx(1)
    depth[:, :] = 1
    assert light_kernels.soft_test(8.3, 7.6, 0.5, 0.0, 0.0, depth) == 0
    depth[:, 8:] = 0  # the edge of a shadow: half lit at a spline's middle between two texels
    assert light_kernels.soft_test(7.5, 7.0, 0.5, 0.0, 0.0, depth) == pytest.approx(0.5)
