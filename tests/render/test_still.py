import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from visemic.core.clock import Rate
from visemic.core.errors import InputError, RigError
from visemic.core.signals import Motion
from visemic.render.camera import Camera, portrait_camera
from visemic.render.frame import FramePainter
from visemic.render.openness import BOUNCED
from visemic.render.still import render_still, save_png
from visemic.rig.linear import Material


def covered(rig, camera, samples=4):
    painter = FramePainter(rig, camera, samples=samples)
    buffers = painter.new_buffers()
    painter.paint(rig.neutral, buffers)
    return (buffers.owner[: camera.height * samples] >= 0).sum() / samples**2


def test_a_sphere_covers_the_area_of_its_closed_form(studio):
    ball = studio.rig_of([(*studio.sphere((0, 0, 0), 0.1, 96, 96), studio.skin)])
    camera = Camera((0.0, 0.0, 0.8), (0.0, 0.0, 0.0), 20.0, 200, 200)
    # A sphere's outline is the circle of the tangent cone: tan of asin(radius / distance).
    radius = camera.focal_pixels * np.tan(np.arcsin(0.1 / 0.8))
    np.testing.assert_allclose(covered(ball, camera), np.pi * radius**2, rtol=0.01)


def test_the_same_picture_twice_is_the_same_bytes(face):
    np.testing.assert_array_equal(
        render_still(face, width=96, height=96), render_still(face, width=96, height=96)
    )


def test_a_picture_in_many_bands_is_the_picture_in_one(face, monkeypatch):
    whole = render_still(face, width=96, height=96)
    monkeypatch.setattr("visemic.render.frame._BAND_SAMPLES", 4 * 96 * 7)
    np.testing.assert_array_equal(render_still(face, width=96, height=96), whole)


def test_a_nearer_part_hides_a_farther_one(studio):
    red = replace(studio.skin, name="red", colour=(0.8, 0.0, 0.0))
    blue = replace(studio.skin, name="blue", colour=(0.0, 0.0, 0.8))
    near, far = studio.sphere((0, 0, 0.2), 0.05), studio.sphere((0, 0, -0.2), 0.05)
    for parts in ([(*near, red), (*far, blue)], [(*far, blue), (*near, red)]):
        middle = render_still(studio.rig_of(parts), width=64, height=64)[32, 32].astype(int)
        assert middle[0] > middle[2] + 40


def test_the_key_comes_from_the_viewers_left_and_above(ball):
    picture = render_still(ball, width=128, height=128).astype(int).sum(2)
    seen = portrait_camera(ball, 128, 128).project(np.array([[-0.05, 0.05, 0.07], [0.05, -0.05, 0.07]]))
    bright, dim = (picture[round(row), round(column)] for column, row, _ in seen)
    assert bright > 1.4 * dim


def test_a_part_in_front_of_the_key_throws_a_shadow(studio):
    # A lid above and to the viewer's left of the middle stands in the key's way.
    floor = studio.sphere((0, 0, 0), 0.1, 64, 48)
    lid = studio.sphere((-0.065, 0.076, 0.183), 0.03)
    free = render_still(studio.rig_of([(*floor, studio.skin)]), width=128, height=128)
    both = studio.rig_of([(*floor, studio.skin), (*lid, studio.skin)])
    camera = portrait_camera(studio.rig_of([(*floor, studio.skin)]), 128, 128)
    shaded = FramePainter(both, camera).paint(both.neutral)
    darker = free.astype(int).sum(2) - shaded.astype(int).sum(2)
    assert darker[54:84, 54:84].max() > 60


def test_a_wet_eye_has_a_catch_light_and_a_dry_one_has_none(face):
    def brightest(**look):
        grey = {"colour": (0.3, 0.3, 0.3), **look}
        groups = tuple(replace(g, material=replace(g.material, **grey)) for g in face.groups)
        return render_still(replace(face, groups=groups), width=256, height=256).astype(int).sum(2).max()

    assert brightest() > 700
    assert brightest(name="skin", roughness=0.8) < 640


def test_glass_adds_light_and_hides_nothing(face):
    bare = replace(face, triangles=face.triangles[: face.groups[3].start], groups=face.groups[:3])
    with_glass, without = (render_still(rig, width=128, height=128).astype(int) for rig in (face, bare))
    assert np.abs(with_glass - without).max() > 20
    assert np.abs(with_glass - without)[:, :56].max() <= 20  # the other eye lost its coat's share only


def test_a_closed_mouth_is_dark_and_an_open_one_is_not(studio):
    teeth = Material("teeth", (0.8, 0.75, 0.7), 0.3)
    parts = [
        (*studio.sphere((0, 0, 0), 0.02), teeth),
        (*studio.sphere((0, 0, 0), 0.024, 48, 32), studio.skin),
    ]
    closed = studio.rig_of(parts)
    painter = FramePainter(closed, portrait_camera(closed, 64, 64))
    buffers = painter.new_buffers()
    inner = closed.triangles[: closed.groups[0].stop].max() + 1
    painter.paint(closed.neutral, buffers)
    assert buffers.attributes[:inner, 3].max() <= BOUNCED + 1e-6
    opened = closed.neutral.copy()
    opened[inner:] += np.float32([0, 0, -0.1])
    painter.paint(opened, buffers)
    assert buffers.attributes[:inner, 3].max() > 0.8


def test_the_backdrop_is_dark_neutral_and_darkest_in_the_corners(ball):
    picture = render_still(ball, width=128, height=128).astype(int)
    assert picture[0, 0].max() - picture[0, 0].min() < 12
    assert picture[0, 0].sum() < picture[2, 64].sum() < 240


def test_a_frame_of_a_motion_moves_the_picture(ball, wobble):
    still, moved = (
        render_still(ball, width=64, height=64),
        render_still(ball, wobble(4), 2, width=64, height=64),
    )
    assert np.any(still != moved)
    np.testing.assert_array_equal(moved, render_still(ball, wobble(4), -2, width=64, height=64))


@pytest.mark.parametrize("frame", [4, -5])
def test_a_frame_that_is_not_there_is_refused(ball, wobble, frame):
    with pytest.raises(InputError, match="4 frames"):
        render_still(ball, wobble(4), frame)


def test_an_empty_motion_is_refused(ball, wobble):
    with pytest.raises(InputError, match="0 frames"):
        render_still(ball, wobble(0))


@pytest.mark.parametrize("samples", [0, 5])
def test_samples_out_of_range_are_refused(ball, samples):
    with pytest.raises(InputError, match="samples"):
        render_still(ball, samples=samples)


def test_motion_that_is_not_a_number_is_refused(ball):
    motion = Motion(np.full((1, 1), np.nan, np.float32), ball.layout, Rate.of(30))
    with pytest.raises(InputError, match="NaN"):
        render_still(ball, motion)


def test_a_rig_whose_materials_do_not_cover_it_is_refused(ball):
    with pytest.raises(RigError, match="material groups"):
        render_still(replace(ball, groups=()))


def test_a_png_reads_back_as_it_was(ball, tmp_path):
    picture = render_still(ball, width=64, height=48)
    save_png(picture, tmp_path / "ball.png")
    with Image.open(tmp_path / "ball.png") as image:
        np.testing.assert_array_equal(np.asarray(image), picture)


@pytest.mark.slow
def test_loops_compile_where_no_folder_can_be_written_to(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code = (
        "import numba\n"
        "from numba.core import caching\n"
        "caching._CacheLocator.ensure_cache_path = lambda self: (_ for _ in ()).throw(OSError())\n"
        "from visemic.render.jit import compiled, kernel_cache_folder\n"
        "assert kernel_cache_folder() is None\n"
        "@compiled()\n"
        "def double(x):\n    return x * 2\n"
        "assert double(21) == 42\n"
    )
    environment = {**os.environ, "VISEMIC_CACHE": str(blocked / "below")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_eyes_of_one_rig_are_wet_only_where_no_glass_lies_over_them(studio):
    from visemic.render.studio import material_table

    eye = studio.sphere((0, 0, 0), 0.02)
    assert material_table(studio.rig_of([(*eye, studio.sclera)]))[0, 6] == 1


def test_a_surface_cut_into_patches_of_one_material_looks_like_the_whole(studio, rng):
    # Patches make nearly every pixel be lit sample by sample: more places than are lit at once.
    points, faces = studio.sphere((0, 0, 0), 0.1, 160, 120)
    faces = rng.permutation(faces)
    half = len(faces) // 2
    whole = studio.rig_of([(points, faces, studio.skin)])
    group = whole.groups[0]
    patches = replace(whole, groups=(replace(group, stop=half), replace(group, start=half)))
    one, many = (render_still(rig, width=192, height=192, samples=4).astype(int) for rig in (whole, patches))
    assert np.abs(one - many).max() <= 12
    assert np.abs(one - many).mean() < 0.3


def test_only_a_head_with_a_mouth_cavity_hides_the_backs_of_its_skin(studio):
    from visemic.render.studio import closed_groups

    ball = studio.sphere((0, 0, 0), 0.1)
    cavity, lash = Material("mouth_cavity", (0.2, 0.1, 0.1)), Material("lash", (0.0, 0.0, 0.0))
    with_cavity = studio.rig_of([(*ball, studio.skin), (*ball, cavity), (*ball, lash)])
    assert closed_groups(with_cavity).tolist() == [True, True, False]
    assert not closed_groups(studio.rig_of([(*ball, studio.skin), (*ball, lash)])).any()


def test_the_inside_of_a_skin_is_dark(studio):
    points, faces = studio.sphere((0, 0, 0), 0.1, 48, 32)
    bowl = faces[points[faces].mean(1)[:, 2] < 0]
    rig = studio.rig_of([(points, bowl, studio.skin)])
    inside = render_still(rig, width=64, height=64)[32, 32].astype(int)
    assert 5 < inside.max() < 120


def test_hair_has_strands_and_skin_has_none(ball):
    group = ball.groups[0]
    hair = replace(ball, groups=(replace(group, material=replace(group.material, name="hair")),))

    def roughness(rig):
        row = render_still(rig, width=256, height=256)[110, 90:170].astype(float).sum(1)
        return np.abs(np.diff(row, 2)).mean()

    assert roughness(hair) > 2 * roughness(ball)
