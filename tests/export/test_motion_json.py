import json

import numpy as np
import pytest

from visemic.core.errors import FormatError
from visemic.core.layout import Layout
from visemic.core.signals import Motion
from visemic.export.motion_json import read_json, write_json


def test_json_comes_back_to_its_six_decimals(tmp_path, clip, alignment, provenance):
    write_json(clip, tmp_path / "a.json")
    back = read_json(tmp_path / "a.json")
    np.testing.assert_allclose(back.motion.values, clip.motion.values, atol=6e-7)
    assert (back.motion.rate, back.motion.layout) == (clip.motion.rate, clip.motion.layout)
    assert back.alignment == alignment
    assert back.provenance == provenance


def test_rates_stay_fractions(tmp_path, take, make_motion):
    motion = make_motion("30000/1001", 3)
    write_json(take(motion), tmp_path / "a.json")
    back = read_json(tmp_path / "a.json")
    assert back.motion.rate == motion.rate
    assert back.alignment is None


def test_any_reader_of_json_finds_names_and_units(tmp_path, clip):
    write_json(clip, tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text())
    assert list(data) == [
        "format", "format_version", "manifest", "rate", "rate_hz", "layout", "channels", "n_frames",
        "duration_s", "language", "text", "alignment_source", "phones", "words", "frames",
    ]  # fmt: skip
    assert (data["format"], data["format_version"], data["rate"]) == ("visemic-motion", 1, [30, 1])
    assert data["phones"][2] == {"label": "AH", "start_s": 0.16, "end_s": 0.22, "stress": 0, "ipa": "ə"}
    assert data["words"][1] == {"text": "5", "start_s": 0.6, "end_s": 0.9, "spoken": "five"}
    assert data["manifest"]["licences"] == {"code": "Apache-2.0"}
    assert len(data["frames"]) == data["n_frames"] == 20


def test_frames_over_several_blocks_are_all_there(tmp_path, take, make_motion):
    motion = Motion(
        np.linspace(0, 1, 3000, dtype=np.float32)[:, None], Layout("one", ("jawOpen",)), make_motion(30).rate
    )
    write_json(take(motion), tmp_path / "a.json")
    np.testing.assert_allclose(read_json(tmp_path / "a.json").motion.values, motion.values, atol=6e-7)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "gltf"}, "not a visemic-motion"),
        ({"format_version": 2}, "format version 2"),
        ({"channels": []}, "damaged"),
        ({"channels": ["a", "a"]}, "damaged"),
        ({"frames": []}, "no frame"),
        ({"frames": [[1, 2], [3]]}, "damaged"),
        ({"frames": [["x"] * 61]}, "damaged"),
        ({"rate": 0, "rate_hz": -1}, "damaged"),
        ({"phones": [{"label": "A"}]}, "damaged"),
        ({"manifest": []}, "damaged"),
    ],
)
def test_damaged_json_is_refused_in_one_sentence(tmp_path, clip, change, reason):
    write_json(clip, tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text()) | change
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(FormatError, match=reason) as caught:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[1]", "nonsense", "[" * 100_000, '{"a": 1}'])
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError, match="JSON"):
        read_json(tmp_path / "a.json")


def test_a_missing_key_is_named(tmp_path, clip):
    write_json(clip, tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text())
    del data["channels"]
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(FormatError, match="it has no 'channels'"):
        read_json(tmp_path / "a.json")


def test_a_text_with_half_a_character_is_refused_and_a_whole_one_is_not(clip, tmp_path):
    path = tmp_path / "a.json"
    write_json(clip, path)
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, "text": "👋"}))
    assert r'"\ud83d\udc4b"' in path.read_text()
    assert read_json(path).alignment.text == "👋"
    path.write_text(json.dumps({**data, "text": "x\udcff"}))
    with pytest.raises(FormatError, match="holds half a character in a text"):
        read_json(path)
