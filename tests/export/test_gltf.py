import dataclasses
import json
import struct

import numpy as np
import pytest

from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Motion
from visemic.export.gltf import write_glb
from visemic.export.gltf_reader import read_glb
from visemic.export.mesh_part import FACE, pieces
from visemic.export.rotation import angles_from_quaternions
from visemic.rig.linear import pose_motion, rotation_matrices


class Document:
    """A GLB file read by the letter of the standard."""

    def __init__(self, path):
        data = path.read_bytes()
        assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        assert size % 4 == 0
        self.json = json.loads(data[20 : 20 + size])
        length, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0"
        self.blob = data[28 + size : 28 + size + length]
        assert len(self.blob) == self.json["buffers"][0]["byteLength"]

    def view(self, number, offset, dtype, shape):
        view = self.json["bufferViews"][number]
        start = view["byteOffset"] + offset
        return np.frombuffer(self.blob, dtype, int(np.prod(shape)), start).reshape(shape)

    def array(self, number):
        accessor = self.json["accessors"][number]
        kinds = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
        dtype, shape = kinds[accessor["componentType"]], (accessor["count"], width)
        values = np.zeros(shape, dtype)
        if "bufferView" in accessor:
            values = self.view(accessor["bufferView"], accessor.get("byteOffset", 0), dtype, shape).copy()
        sparse = accessor.get("sparse")
        if sparse:
            assert "byteOffset" not in accessor
            where = sparse["indices"]
            rows = self.view(
                where["bufferView"], where["byteOffset"], kinds[where["componentType"]], (sparse["count"],)
            )
            assert (np.diff(rows.astype(int)) > 0).all()
            held = sparse["values"]
            values[rows] = self.view(held["bufferView"], held["byteOffset"], dtype, (sparse["count"], width))
        if "max" in accessor:
            np.testing.assert_array_equal(values.max(axis=0), np.float32(accessor["max"]))
            np.testing.assert_array_equal(values.min(axis=0), np.float32(accessor["min"]))
        if accessor.get("normalized"):
            values = values / np.iinfo(dtype).max
        return values.astype(float)

    def node(self, name):
        return next(n for n in self.json["nodes"] if n["name"] == name)

    def track(self, name, path):
        animation = self.json["animations"][0]
        number = next(i for i, n in enumerate(self.json["nodes"]) if n["name"] == name)
        channel = next(c for c in animation["channels"] if c["target"] == {"node": number, "path": path})
        sampler = animation["samplers"][channel["sampler"]]
        return self.array(sampler["input"])[:, 0], self.array(sampler["output"])


@pytest.fixture
def document(clip, tmp_path):
    write_glb(clip, tmp_path / "a.glb")
    return Document(tmp_path / "a.glb")


def test_glb_comes_back_as_the_motion_it_was(clip, tmp_path):
    write_glb(clip, tmp_path / "a.glb")
    back = read_glb(tmp_path / "a.glb")
    np.testing.assert_allclose(back.motion.values, clip.motion.values, atol=1e-6)
    assert (back.motion.rate, back.motion.layout) == (clip.motion.rate, clip.motion.layout)
    assert back.provenance == clip.provenance


@pytest.mark.parametrize("rate", ["24", "30000/1001", "60", "7"])
def test_any_rate_comes_back(clip, tmp_path, make_motion, rate):
    motion = make_motion(rate, 300)
    write_glb(dataclasses.replace(clip, motion=motion), tmp_path / "a.glb")
    back = read_glb(tmp_path / "a.glb").motion
    assert back.rate == motion.rate
    np.testing.assert_allclose(back.values, motion.values, atol=1e-6)


def test_every_mesh_names_the_same_52_targets(document):
    for mesh in document.json["meshes"]:
        assert mesh["extras"]["targetNames"] == list(ARKIT_52.names)
        assert {len(p["targets"]) for p in mesh["primitives"]} == {52}


def test_weights_are_keyed_for_every_target_at_every_frame(document, clip):
    for name in ("face", "leftEye", "rightEye"):
        times_s, weights = document.track(name, "weights")
        np.testing.assert_allclose(times_s, clip.motion.times_s, atol=1e-6)
        np.testing.assert_array_equal(weights.reshape(-1, 52), clip.motion.values[:, :52])


def test_head_and_eyes_turn_by_nodes_about_their_pivots(document, clip):
    for joint in (clip.rig.head, *clip.rig.eyes):
        _, quaternions = document.track(joint.name, "rotation")
        angles = [clip.motion.channel(c) for c in joint.rotation_channels]
        np.testing.assert_allclose(angles_from_quaternions(quaternions), angles, atol=1e-6)
    head = np.array(document.node("head")["translation"])
    np.testing.assert_allclose(head, clip.rig.head.pivot_m)
    eye = head + document.node("leftEye")["translation"]
    np.testing.assert_allclose(eye, clip.rig.eyes[0].pivot_m)


def skinned(document, node_name, frame, motion):
    """Give the vertices of the primitives of a node as a player would show them."""
    node, shown = document.node(node_name), []
    turn = {
        name: rotation_matrices(
            *(motion.channel(f"{name}{t}")[frame : frame + 1].astype(float) for t in turns)
        )[0]
        for name in ("head", "leftEye", "rightEye")
        for turns in [("Yaw", "Pitch", "Roll")]
    }
    head = np.array(document.node("head")["translation"])
    for primitive in document.json["meshes"][node["mesh"]]["primitives"]:
        at = document.array(primitive["attributes"]["POSITION"])
        for name, target in zip(ARKIT_52.names, primitive["targets"], strict=True):
            at = at + motion.channel(name)[frame] * document.array(target["POSITION"])
        if node_name == "face":
            joints = document.array(primitive["attributes"]["JOINTS_0"]).astype(int)
            weights = document.array(primitive["attributes"]["WEIGHTS_0"])
            np.testing.assert_allclose(weights.sum(axis=1), 1)
            assert not joints[weights == 0].any()
            to_head = (weights * (joints == 1)).sum(axis=1, keepdims=True)
            at = to_head * ((at - head) @ turn["head"].T + head) + (1 - to_head) * at
        else:
            at = at @ turn[node_name].T + node["translation"]
            at = at @ turn["head"].T + head
        shown.append(at)
    return np.concatenate(shown)


def test_a_player_shows_the_vertices_that_the_rig_poses(document, clip):
    posed = pose_motion(clip.rig, clip.motion).vertices[7]
    for part, name in [(FACE, "face"), (0, "leftEye"), (1, "rightEye")]:
        mine = np.concatenate([piece.vertices for piece in pieces(clip.rig, part)])
        np.testing.assert_allclose(skinned(document, name, 7, clip.motion), posed[mine], atol=3e-6)


def test_materials_colours_and_triangles_are_the_head_s(document, clip):
    by_name = {m["name"]: m for m in document.json["materials"]}
    assert set(by_name) == {"skin", "lips", "sclera", "cornea"}
    assert by_name["skin"]["pbrMetallicRoughness"]["baseColorFactor"] == [0.6, 0.4, 0.3, 1.0]
    assert by_name["cornea"]["alphaMode"] == "BLEND"
    mesh = document.json["meshes"][document.node("face")["mesh"]]
    for piece, primitive in zip(pieces(clip.rig, FACE), mesh["primitives"], strict=True):
        colours = document.array(primitive["attributes"]["COLOR_0"])[:, :3]
        np.testing.assert_allclose(colours, clip.rig.vertex_colours[piece.vertices], atol=0.51 / 255)
        places = document.array(primitive["attributes"]["TEXCOORD_0"])
        expected = clip.rig.uv[piece.vertices] * [1, -1] + [0, 1]
        np.testing.assert_allclose(places, expected, atol=1e-5)
        indices = document.array(primitive["indices"]).reshape(-1, 3)
        np.testing.assert_array_equal(indices, piece.triangles)


def test_colours_over_one_and_places_off_the_image_are_kept(clip, tmp_path):
    rig = clip.rig
    loud = dataclasses.replace(rig, vertex_colours=rig.vertex_colours * 1.5, uv=rig.uv * 3)
    write_glb(dataclasses.replace(clip, rig=loud), tmp_path / "a.glb")
    document = Document(tmp_path / "a.glb")
    mesh = document.json["meshes"][document.node("face")["mesh"]]
    for piece, primitive in zip(pieces(loud, FACE), mesh["primitives"], strict=True):
        material = document.json["materials"][primitive["material"]]["pbrMetallicRoughness"]
        shown = document.array(primitive["attributes"]["COLOR_0"])[:, :3] * material["baseColorFactor"][:3]
        wanted = loud.vertex_colours[piece.vertices] * piece.material.colour
        np.testing.assert_allclose(shown, wanted, atol=0.005)
        places = document.array(primitive["attributes"]["TEXCOORD_0"])
        np.testing.assert_allclose(places, loud.uv[piece.vertices] * [1, -1] + [0, 1], atol=1e-5)


def test_a_still_face_of_one_frame_is_a_file_too(clip, tmp_path, make_motion):
    still = dataclasses.replace(clip, motion=make_motion(25, 1))
    write_glb(still, tmp_path / "a.glb")
    back = read_glb(tmp_path / "a.glb").motion
    assert (back.n_frames, back.rate) == (1, still.motion.rate)


def test_a_plain_head_without_joints_colours_or_uv_is_a_file_too(clip, tmp_path):
    plain = dataclasses.replace(
        clip.rig,
        head=None,
        head_follow=None,
        eyes=(),
        eye_of_vertex=None,
        uv=None,
        vertex_colours=None,
        occlusion=None,
    )
    write_glb(dataclasses.replace(clip, rig=plain), tmp_path / "a.glb")
    document = Document(tmp_path / "a.glb")
    assert "skin" not in document.node("face")
    back = read_glb(tmp_path / "a.glb").motion
    np.testing.assert_array_equal(back.values[:, :52], clip.motion.values[:, :52])
    assert not back.values[:, 52:].any()


def test_a_head_s_own_shapes_come_after_arkit_s(clip, tmp_path, make_rig):
    rig = make_rig(extra_shapes=("tongueUp",))
    motion = Motion(np.full((4, 53), 0.5, np.float32), rig.layout, clip.motion.rate)
    write_glb(dataclasses.replace(clip, rig=rig, motion=motion), tmp_path / "a.glb")
    back = read_glb(tmp_path / "a.glb").motion
    assert back.layout.names[-1] == "tongueUp"
    assert (back.channel("tongueUp") == 0.5).all()


def test_moves_that_nobody_sees_are_left_out(clip, tmp_path):
    offsets = np.full_like(clip.rig.offsets, 9e-6)
    write_glb(
        dataclasses.replace(clip, rig=dataclasses.replace(clip.rig, offsets=offsets)), tmp_path / "a.glb"
    )
    document = Document(tmp_path / "a.glb")
    assert not any("sparse" in accessor for accessor in document.json["accessors"])


def test_a_clip_without_a_head_is_refused(take, motion, tmp_path):
    with pytest.raises(FormatError, match="holds a head"):
        write_glb(take(motion), tmp_path / "a.glb")


def test_progress_ends_at_the_whole(clip, tmp_path):
    calls = []
    write_glb(clip, tmp_path / "a.glb", lambda done, total: calls.append((done, total)))
    assert calls[-1] == (20, 20)
