"""Animated heads in GLB files."""

import json
import struct

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.data.importers.gltf import GltfImporter


def write_glb(path, n_frames: int, names=("JawOpen", "extra")) -> None:
    """Write the smallest file that another tool could: one mesh, morph targets, one animation."""
    times = (np.arange(n_frames) / 30).astype("<f4")
    weights = np.zeros((n_frames, len(names)), "<f4")
    weights[:, 0] = np.linspace(0, 1, n_frames)
    blob = times.tobytes() + weights.tobytes()
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(blob)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": times.nbytes},
            {"buffer": 0, "byteOffset": times.nbytes, "byteLength": weights.nbytes},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": n_frames, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": weights.size, "type": "SCALAR"},
        ],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [], "extras": {"targetNames": list(names)}}],
        "animations": [
            {
                "samplers": [{"input": 0, "output": 1}],
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
            }
        ],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)


def test_a_take_comes_by_the_names_of_its_targets(tmp_path, write_sound):
    (tmp_path / "anna").mkdir()
    write_glb(tmp_path / "anna" / "a.glb", 45)
    write_sound(tmp_path / "anna" / "a.wav", 1.5)
    (clip,) = GltfImporter().recordings(tmp_path)
    np.testing.assert_allclose(clip.motion.channel("jawOpen"), np.linspace(0, 1, 45), atol=1e-6)
    assert (clip.rate, clip.speaker, clip.clip_id) == (Rate.of(30), "anna", "anna/a")
    assert clip.notes == ("channels beyond ARKit's are kept: extra",)


def test_damaged_files_and_lengths_are_named(tmp_path, write_sound):
    write_glb(tmp_path / "a.glb", 45)
    write_sound(tmp_path / "a.wav", 5.0)
    with pytest.raises(ClockError, match=r"a\.wav"):
        list(GltfImporter().recordings(tmp_path))
    (tmp_path / "a.glb").write_bytes((tmp_path / "a.glb").read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"a\.glb"):
        list(GltfImporter().recordings(tmp_path))
