"""FLAME parameters keep their own names."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.data.importers.flame import FlameImporter


def test_expression_and_jaw_become_named_channels(tmp_path, rng, write_sound):
    expression = rng.normal(size=(50, 50)).astype(np.float32)
    jaw = rng.normal(size=(50, 3)).astype(np.float32) * 0.1
    np.savez(tmp_path / "a.npz", exp=expression, jaw_pose=jaw, fps=25.0)
    write_sound(tmp_path / "a.wav", 2.0)
    (clip,) = FlameImporter().recordings(tmp_path)
    assert clip.rate == Rate.of(25)
    assert clip.motion.layout.name == "flame-53"
    np.testing.assert_array_equal(clip.motion.channel("expression007"), expression[:, 7])
    np.testing.assert_array_equal(clip.motion.channel("jawX"), jaw[:, 0])


def test_a_pose_of_six_is_head_and_jaw(tmp_path, rng):
    pose = rng.normal(size=(20, 6)).astype(np.float32)
    np.savez(tmp_path / "a.npz", expression=np.zeros((20, 100), np.float32), pose=pose)
    (tmp_path / "corpus.json").write_text('{"rate": 30}')
    (clip,) = FlameImporter().recordings(tmp_path)
    np.testing.assert_array_equal(clip.motion.channel("headY"), pose[:, 1])
    np.testing.assert_array_equal(clip.motion.channel("jawX"), pose[:, 3])


def test_what_is_missing_or_damaged_is_named(tmp_path):
    path = tmp_path / "a.npz"
    zeros = np.zeros((20, 50), np.float32)
    np.savez(path, expression=zeros, jaw=np.zeros((20, 3), np.float32))
    with pytest.raises(FormatError, match=r"has no fps"):
        list(FlameImporter().recordings(tmp_path))
    np.savez(path, expression=zeros, fps=25)
    with pytest.raises(FormatError, match=r"no jaw parameters"):
        list(FlameImporter().recordings(tmp_path))
    np.savez(path, jaw=zeros, fps=25)
    with pytest.raises(FormatError, match=r"no expression parameters"):
        list(FlameImporter().recordings(tmp_path))
    np.savez(path, expression=zeros, jaw=np.zeros((19, 3), np.float32), fps=25)
    with pytest.raises(FormatError, match=r"jaw of shape \(19, 3\)"):
        list(FlameImporter().recordings(tmp_path))
    bad = zeros.copy()
    bad[11, 3] = np.nan
    np.savez(path, expression=bad, jaw=np.zeros((20, 3), np.float32), fps=25)
    with pytest.raises(FormatError, match=r"row 11 of"):
        list(FlameImporter().recordings(tmp_path))
    np.savez(path, expression=np.array([{}]), fps=25, allow_pickle=True)
    with pytest.raises(FormatError, match=r"a\.npz"):
        list(FlameImporter().recordings(tmp_path))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FormatError, match=r"no complete npz"):
        list(FlameImporter().recordings(tmp_path))
