import json

import numpy as np
import pytest

from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_61
from visemic.export.npz import read_npz, write_npz


def test_npz_comes_back_exactly(tmp_path, clip, alignment, provenance):
    write_npz(clip, tmp_path / "a.npz")
    back = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(back.motion.values, clip.motion.values)
    np.testing.assert_array_equal(back.waveform.samples, clip.waveform.samples)
    assert back.waveform.rate == clip.waveform.rate
    assert (back.motion.rate, back.motion.layout) == (clip.motion.rate, clip.motion.layout)
    assert back.alignment == alignment
    assert back.provenance == provenance


def test_the_arrays_have_their_promised_names_and_types(tmp_path, clip, alignment):
    write_npz(clip, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert arrays["values"].dtype == np.float32
    assert arrays["values"].shape == (20, 61)
    assert tuple(arrays["channels"]) == ARKIT_61.names
    assert arrays["rate_hz"] == 30
    assert list(arrays["phones"][:2]) == ["SIL", "HH"]
    assert arrays["phone_times_s"].shape == (8, 2)
    assert list(arrays["words"]) == ["Hello", "5"]
    assert arrays["word_times_s"].tolist() == [[0.1, 0.5], [0.6, 0.9]]
    assert arrays["audio"].dtype == np.float32
    assert arrays["audio_rate_hz"] == 16_000
    assert str(arrays["text"]) == alignment.text
    assert json.loads(str(arrays["manifest"]))["seed"] == 4


def test_what_a_clip_lacks_is_empty(tmp_path, motion, take):
    write_npz(take(motion), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file["audio"].size == file["phones"].size == file["words"].size == 0
        assert file["phone_times_s"].shape == (0, 2)
    back = read_npz(tmp_path / "a.npz")
    assert back.waveform is None
    assert back.alignment is None


def test_three_arrays_of_anybody_s_are_enough(tmp_path):
    np.savez(tmp_path / "a.npz", values=np.zeros((4, 2)), channels=["jawOpen", "smile"], rate_hz=29.97)
    motion = read_npz(tmp_path / "a.npz").motion
    assert motion.layout.names == ("jawOpen", "smile")
    assert str(motion.rate) == "30000/1001 Hz"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": np.zeros((0, 61))}, "not a table"),
        ({"values": np.full((2, 61), np.nan)}, "not a table"),
        ({"values": np.zeros((2, 60))}, "do not fit"),
        ({"rate_hz": 0.0, "rate": np.array([0, 1])}, "do not fit"),
        ({"phone_times_s": np.zeros((1, 2))}, "do not fit"),
        ({"manifest": "{"}, "do not fit"),
        ({"text": np.array([{}], object)}, "plain arrays"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, clip, change, reason):
    write_npz(clip, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file) | change
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(FormatError, match=reason):
        read_npz(tmp_path / "b.npz")


def test_a_missing_array_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", values=np.zeros((4, 2)), rate_hz=30)
    with pytest.raises(FormatError, match="no array 'channels'"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_half_a_file_is_refused(tmp_path, clip, cut):
    write_npz(clip, tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(FormatError, match="not a complete npz"):
        read_npz(tmp_path / "a.npz")


def test_a_single_array_is_refused(tmp_path):
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(FormatError, match="no array 'values'"):
        read_npz(tmp_path / "a.npz")
