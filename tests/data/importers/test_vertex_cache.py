"""Vertex caches, ours and MeshTalk's."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.data.importers.meshtalk import MeshtalkImporter
from visemic.data.importers.vertex_cache import VertexCacheImporter, read_pc2
from visemic.export.point_cache import HEADER, MAGIC

HEAD = np.array([[0, -0.1, 0.05], [0.05, 0, 0], [-0.05, 0, 0], [0, 0.1, 0.0]], np.float32)


def moving(n_frames: int) -> np.ndarray:
    """Give the four points on the move."""
    return HEAD + np.linspace(0, 0.02, n_frames, dtype=np.float32)[:, None, None]


def write_pc2(path, vertices) -> None:
    header = HEADER.pack(MAGIC, 1, vertices.shape[1], 0.0, 1.0, len(vertices))
    path.write_bytes(header + vertices.astype("<f4").tobytes())


def test_a_point_cache_takes_its_rate_from_the_sound(tmp_path, write_head, write_sound):
    write_head(tmp_path / "anna" / "neutral.obj")
    write_pc2(tmp_path / "anna" / "hello.pc2", moving(30))
    write_sound(tmp_path / "anna" / "hello.wav", 1.0)
    (tmp_path / "anna" / "hello.txt").write_text("Hello.\n")
    (clip,) = VertexCacheImporter().recordings(tmp_path)
    np.testing.assert_array_equal(clip.mesh.vertices, moving(30))
    assert (clip.rate, clip.speaker, clip.text) == (Rate.of(30), "anna", "Hello.")
    assert clip.notes == ("rate of 30 Hz taken from the length of the sound",)


@pytest.mark.parametrize("shape", [(24, 4, 3), (24, 12)])
def test_an_array_in_centimetres_becomes_metres(tmp_path, write_head, shape):
    write_head(tmp_path / "head.obj", 100)
    np.save(tmp_path / "a.npy", (moving(24) * 100).reshape(shape))
    (tmp_path / "corpus.json").write_text('{"rate": 24, "licence": "CC0-1.0"}')
    (clip,) = VertexCacheImporter().recordings(tmp_path)
    np.testing.assert_allclose(clip.mesh.vertices, moving(24), atol=1e-6)
    np.testing.assert_allclose(clip.neutral, HEAD, atol=1e-6)
    assert (clip.rate, clip.licence) == (Rate.of(24), "CC0-1.0")


def test_a_cache_of_another_topology_is_refused(tmp_path, write_head):
    write_head(tmp_path / "head.obj")
    np.save(tmp_path / "a.npy", np.zeros((24, 5, 3), np.float32))
    (tmp_path / "corpus.json").write_text('{"rate": 24}')
    with pytest.raises(FormatError, match=r"unknown topology: .* have 5 vertices .*head\.obj 4"):
        list(VertexCacheImporter().recordings(tmp_path))


def test_a_cache_without_a_rate_is_refused(tmp_path, write_head):
    write_head(tmp_path / "head.obj")
    np.save(tmp_path / "a.npy", moving(24))
    with pytest.raises(FormatError, match=r"does not state its rate"):
        list(VertexCacheImporter().recordings(tmp_path))


def test_a_head_of_no_known_unit_is_refused(tmp_path, write_head):
    write_head(tmp_path / "head.obj", 15)
    np.save(tmp_path / "a.npy", moving(24) * 15)
    (tmp_path / "corpus.json").write_text('{"rate": 24}')
    with pytest.raises(FormatError, match=r"3 units high"):
        list(VertexCacheImporter().recordings(tmp_path))


def test_damaged_caches_are_named(tmp_path, write_head):
    path = tmp_path / "a.pc2"
    write_pc2(path, moving(3))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"a\.pc2.* has 175 bytes and 3 frames of 4 vertices need 176"):
        read_pc2(path)
    path.write_bytes(b"BLENDER")
    with pytest.raises(FormatError, match=r"no point cache"):
        read_pc2(path)
    broken = moving(9)
    broken[6, 1, 1] = np.inf
    np.save(tmp_path / "b.npy", broken)
    path.unlink()
    with pytest.raises(FormatError, match=r"row 6 of .*b\.npy"):
        list(VertexCacheImporter().recordings(tmp_path))
    np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(FormatError, match=r"b\.npy.* no complete npy array of numbers"):
        list(VertexCacheImporter().recordings(tmp_path))


def test_the_wrong_rate_is_told_by_the_sound(tmp_path, write_head, write_sound):
    write_head(tmp_path / "head.obj")
    np.save(tmp_path / "a.npy", moving(50))
    (tmp_path / "corpus.json").write_text('{"rate": 50}')
    write_sound(tmp_path / "a.wav", 2.0)
    with pytest.raises(ClockError, match=r"is it 25 Hz data"):
        list(VertexCacheImporter().recordings(tmp_path))


def test_meshtalk_caches_are_millimetres_at_30_hz(tmp_path, write_head, write_sound):
    write_head(tmp_path / "face_template.obj", 1000)
    (tmp_path / "s1").mkdir()
    np.save(tmp_path / "face_mean.npy", np.zeros((4, 3), np.float32))
    np.save(tmp_path / "s1" / "SEN_a.npy", moving(45) * 1000)
    write_sound(tmp_path / "s1" / "SEN_a.wav", 1.5)
    (clip,) = MeshtalkImporter().recordings(tmp_path)
    np.testing.assert_allclose(clip.mesh.vertices, moving(45), atol=1e-6)
    assert (clip.rate, clip.licence, clip.speaker) == (Rate.of(30), "CC-BY-NC-4.0", "s1")
    (tmp_path / "face_template.obj").unlink()
    with pytest.raises(FormatError, match=r"face_template\.obj.* is missing"):
        list(MeshtalkImporter().recordings(tmp_path))
