import dataclasses

import numpy as np

from visemic.core.layout import ARKIT_52
from visemic.export.mesh_part import (
    FACE,
    brightest,
    follow_of,
    opacity_of,
    pieces,
    shown_colours,
    target_names,
    target_offsets,
    unit_normals,
)
from visemic.rig.linear import Material


def test_every_triangle_is_in_one_piece_with_its_material(rig):
    seen = []
    for part in (FACE, 0, 1):
        for piece in pieces(rig, part):
            for triangle in piece.vertices[piece.triangles]:
                number = np.flatnonzero((rig.triangles == triangle).all(axis=1))[0]
                group = next(g for g in rig.groups if g.start <= number < g.stop)
                assert group.material == piece.material
                seen.append(number)
    assert sorted(seen) == list(range(len(rig.triangles)))


def test_an_eye_s_pieces_hold_only_that_eye(rig):
    for eye in (0, 1):
        for piece in pieces(rig, eye):
            assert (rig.eye_of_vertex[piece.vertices] == eye).all()


def test_a_head_without_eyes_is_all_face(rig):
    blind = dataclasses.replace(rig, eyes=(), eye_of_vertex=None)
    assert sum(len(piece.triangles) for piece in pieces(blind, FACE)) == len(rig.triangles)


def test_normals_of_a_ball_point_outwards(rig):
    ball = rig.eye_of_vertex < 0
    normals = unit_normals(rig)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    outwards = rig.neutral[ball] / 0.1
    assert (normals[ball] * outwards).sum(axis=1).min() > 0.98


def test_a_vertex_without_a_triangle_still_has_a_normal(rig):
    loose = dataclasses.replace(rig, triangles=rig.triangles[:1])
    normals = unit_normals(loose)
    np.testing.assert_array_equal(normals[rig.triangles[0].max() + 1 :][:, 2], 1)


def test_targets_are_arkit_s_in_order_then_the_head_s_own(make_rig):
    rig = make_rig(extra_shapes=("tongueUp",))
    assert target_names(rig) == (*ARKIT_52.names, "tongueUp")
    np.testing.assert_array_equal(target_offsets(rig, "tongueUp"), rig.offsets[52])
    assert not target_offsets(rig, "noSuchShape").any()


def test_colours_carry_the_baked_shade(rig):
    dark = dataclasses.replace(rig, occlusion=np.full(rig.n_vertices, 0.5, np.float32))
    np.testing.assert_allclose(shown_colours(dark), rig.vertex_colours / 2, atol=1e-6)
    bare = dataclasses.replace(rig, occlusion=None, vertex_colours=None)
    assert shown_colours(bare) is None
    assert brightest(bare) == {}


def test_the_brightest_colour_of_a_material_is_at_least_one(rig):
    skin, lips = rig.groups[0].material, rig.groups[1].material
    assert set(brightest(rig).values()) == {1.0}
    bright = rig.vertex_colours.copy()
    elsewhere = rig.triangles[rig.groups[1].start :]
    bright[np.setdiff1d(rig.triangles[: rig.groups[0].stop], elsewhere)[0]] = 1.5
    peaks = brightest(dataclasses.replace(rig, vertex_colours=bright))
    assert (peaks[skin], peaks[lips]) == (1.5, 1.0)


def test_all_of_a_head_without_a_mask_follows_its_joint(rig):
    assert (follow_of(dataclasses.replace(rig, head_follow=None)) == 1).all()
    assert (follow_of(dataclasses.replace(rig, head_follow=None, head=None)) == 0).all()


def test_the_cornea_lets_the_iris_through_and_skin_does_not():
    assert opacity_of(Material("cornea", (1.0, 1.0, 1.0))) < 1
    assert opacity_of(Material("skin", (1.0, 1.0, 1.0))) == 1
