"""BIWI's folders of .vl frames."""

import struct

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.data.importers.biwi import UNIT_AREA_M, BiwiImporter, split_of_sentence

TURN = np.array([1, -1, -1])


def head() -> np.ndarray:
    """Give the four points in the corpus's axes, in millimetres."""
    return np.array([[0, 100, -50], [50, 0, 0], [-50, 0, 0], [0, -100, 0]], np.float32)


@pytest.fixture
def corpus(tmp_path, write_head, write_sound):
    points = head()
    write_head(tmp_path / "rigid_scans" / "F2.obj", 1.0, points)
    for sentence in ("e01", "e33", "01"):
        folder = tmp_path / "faces" / "F2" / sentence
        folder.mkdir(parents=True)
        for frame in range(25):
            moved = points + np.float32(frame)
            (folder / f"frame_{frame + 1:03d}.vl").write_bytes(
                struct.pack("<I", len(moved)) + moved.astype("<f4").tobytes()
            )
    write_sound(tmp_path / "audio" / "F2_e01.wav", 1.0)
    return tmp_path


def test_frames_become_metres_upright_and_looking_ahead(corpus):
    train, validation = BiwiImporter().recordings(corpus)
    assert (train.clip_id, train.split, validation.split) == ("F2/e01", "train", "validation")
    np.testing.assert_allclose(train.neutral, head() * TURN / 1000, atol=1e-7)
    np.testing.assert_allclose(train.mesh.vertices[10], (head() + 10) * TURN / 1000, atol=1e-6)
    assert train.rate == Rate.of(25)
    assert train.waveform.duration_s == 1.0
    assert validation.waveform is None


def test_a_mesh_of_surface_one_is_scaled_to_a_head(tmp_path, corpus, write_head):
    points = head().astype(float)
    triangles = np.array([[0, 1, 2], [1, 3, 2], [0, 3, 1], [0, 2, 3]])
    a, b, c = points[triangles].transpose(1, 0, 2)
    points /= np.sqrt(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    write_head(corpus / "rigid_scans" / "F2.obj", 1.0, points.astype(np.float32))
    clip = next(BiwiImporter().recordings(corpus))
    np.testing.assert_allclose(clip.neutral, points * TURN * UNIT_AREA_M, atol=1e-5)


def test_the_split_is_the_published_one():
    assert split_of_sentence("M3", "e32") == "train"
    assert split_of_sentence("M3", "e36") == "validation"
    assert split_of_sentence("M3", "e40") == "test"
    assert split_of_sentence("F1", "e37") == "test"
    assert split_of_sentence("F1", "e36") is None
    assert split_of_sentence("M3", "12") is None


def test_a_truncated_frame_is_named(corpus):
    frame = corpus / "faces" / "F2" / "e01" / "frame_004.vl"
    frame.write_bytes(frame.read_bytes()[:-5])
    with pytest.raises(
        FormatError, match=r"frame_004\.vl.* has 47 bytes and its count of 4 vertices needs 52"
    ):
        list(BiwiImporter().recordings(corpus))


def test_a_frame_of_another_topology_is_named(corpus):
    frame = corpus / "faces" / "F2" / "e01" / "frame_004.vl"
    frame.write_bytes(struct.pack("<I3f", 1, 0, 0, 0))
    with pytest.raises(
        FormatError, match=r"unknown topology: .*frame_004\.vl.* 1 vertices and the neutral 4"
    ):
        list(BiwiImporter().recordings(corpus))


def test_a_point_that_is_not_finite_is_named(corpus):
    frame = corpus / "faces" / "F2" / "e01" / "frame_004.vl"
    frame.write_bytes(struct.pack("<I12f", 4, *[0.0] * 8, float("nan"), *[0.0] * 3))
    with pytest.raises(FormatError, match=r"vertex 2 of frame .*frame_004\.vl.* not finite"):
        list(BiwiImporter().recordings(corpus))


def test_a_missing_neutral_and_empty_folders_are_named(corpus, tmp_path):
    (corpus / "rigid_scans" / "F2.obj").unlink()
    with pytest.raises(FormatError, match=r"has no F2\.obj"):
        list(BiwiImporter().recordings(corpus))
    with pytest.raises(FormatError, match=r"no \.vl file"):
        list(BiwiImporter().recordings(tmp_path / "audio"))


def test_a_sound_of_another_length_is_refused(corpus, write_sound):
    write_sound(corpus / "audio" / "F2_e01.wav", 3.0)
    with pytest.raises(ClockError, match=r"F2_e01\.wav"):
        list(BiwiImporter().recordings(corpus))
