import json
import struct

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_61
from visemic.export.gltf import write_glb
from visemic.export.gltf_reader import read_glb


def write_foreign(path, names, times_s, weights, *, interpolation="LINEAR", names_on="mesh", integer=False):
    """Write the least file that another tool might: one animated mesh without vertices."""
    times = np.asarray(times_s, "<f4")
    values = np.asarray(weights, float)
    held = np.round(values * 255).astype("u1") if integer else values.astype("<f4")
    blob = times.tobytes() + held.tobytes()
    extras = {"extras": {"targetNames": list(names)}}
    document = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}, {"name": "bone"}],
        "meshes": [
            {
                "primitives": [extras if names_on == "primitive" else {}],
                **(extras if names_on == "mesh" else {}),
            }
        ],
        "buffers": [{"byteLength": len(blob)}],
        "bufferViews": [
            {"buffer": 0, "byteLength": times.nbytes},
            {"buffer": 0, "byteOffset": times.nbytes, "byteLength": held.nbytes},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(times), "type": "SCALAR"},
            {
                "bufferView": 1,
                "componentType": 5121 if integer else 5126,
                "count": held.size,
                "type": "SCALAR",
                "normalized": integer,
            },
        ],
        "animations": [
            {
                "samplers": [{"input": 0, "output": 1, "interpolation": interpolation}],
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
            }
        ],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    blob += b"\0" * (-len(blob) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)


@pytest.mark.parametrize("names_on", ["mesh", "primitive"])
@pytest.mark.parametrize("integer", [True, False])
def test_another_tool_s_file_is_read_by_target_names(tmp_path, rng, names_on, integer):
    weights = np.round(rng.random((40, 3)) * 255) / 255
    names = ["JawOpen", "smile", "mouthclose"]
    times_s = np.arange(40) / 24
    write_foreign(tmp_path / "a.glb", names, times_s, weights, names_on=names_on, integer=integer)
    motion = read_glb(tmp_path / "a.glb").motion
    assert motion.rate == Rate.of(24)
    assert motion.layout.names == (*ARKIT_61.names, "smile")
    read = motion.values[:, motion.layout.indices(["jawOpen", "smile", "mouthClose"])]
    np.testing.assert_allclose(read, weights, atol=1e-6)


def test_spline_keys_give_their_values_not_their_tangents(tmp_path):
    keys = np.zeros((10, 3, 1))
    keys[:, 0], keys[:, 1], keys[:, 2] = 9, np.linspace(0, 1, 10)[:, None], 9
    write_foreign(tmp_path / "a.glb", ["jawOpen"], np.arange(10) / 30, keys, interpolation="CUBICSPLINE")
    motion = read_glb(tmp_path / "a.glb").motion
    np.testing.assert_allclose(motion.channel("jawOpen"), np.linspace(0, 1, 10), atol=1e-6)


def test_uneven_keys_are_brought_to_an_even_clock(tmp_path, rng):
    times_s = np.cumsum(rng.uniform(0.02, 0.05, 80))
    write_foreign(tmp_path / "a.glb", ["jawOpen"], times_s, times_s[:, None] / 4)
    motion = read_glb(tmp_path / "a.glb").motion
    assert motion.rate in (Rate.of(24), Rate.of(25), Rate.of(30))
    np.testing.assert_allclose(motion.channel("jawOpen"), (times_s[0] + motion.times_s) / 4, atol=1e-5)


def test_names_of_no_arkit_shape_keep_their_own_layout(tmp_path):
    write_foreign(tmp_path / "a.glb", ["a", "b"], [0.0, 0.1], [[0, 1], [1, 0]])
    assert read_glb(tmp_path / "a.glb").motion.layout.names == ("a", "b")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a glb"),
        (b"PK" + bytes(100), "not a glb"),
        (struct.pack("<4sII", b"glTF", 2, 999) + bytes(40), "of 999"),
        (struct.pack("<4sII", b"glTF", 1, 20) + bytes(8), "version 1"),
        (struct.pack("<4sII", b"glTF", 2, 28) + bytes(16), "damaged"),
        (struct.pack("<4sIII4s", b"glTF", 2, 24, 4, b"JSON") + b"nope", "damaged"),
        (struct.pack("<4sIII4s", b"glTF", 2, 24, 4, b"JSON") + b"[]  ", "damaged"),
        (struct.pack("<4sIII4s", b"glTF", 2, 24, 4, b"JSON") + b"{}  ", "animates no named"),
    ],
)
def test_other_bytes_are_refused(tmp_path, data, reason):
    (tmp_path / "a.glb").write_bytes(data)
    with pytest.raises(FormatError, match=reason):
        read_glb(tmp_path / "a.glb")


def test_a_file_cut_short_is_refused(clip, tmp_path):
    write_glb(clip, tmp_path / "a.glb")
    data = (tmp_path / "a.glb").read_bytes()
    (tmp_path / "a.glb").write_bytes(data[:-5000])
    with pytest.raises(FormatError, match="complete"):
        read_glb(tmp_path / "a.glb")


def test_values_that_are_no_numbers_are_refused(tmp_path):
    write_foreign(tmp_path / "a.glb", ["jawOpen"], [0.0, 0.1], [[0], [np.nan]])
    with pytest.raises(FormatError, match="damaged"):
        read_glb(tmp_path / "a.glb")
