import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, FormatError
from visemic.core.layout import ARKIT_61, Layout
from visemic.data.manifest import (
    ClipEntry,
    Part,
    check_clip_id,
    format_entry,
    manifest_text,
    parse_entry,
    read_manifest,
)

ENTRY = ClipEntry(
    clip_id="anna/001",
    speaker="anna",
    split="train",
    licence="CC0-1.0",
    source="made up",
    rate=Rate.of(29.97),
    n_frames=90,
    parts={"weights": Part("shards/00000.weights.f32", 0, 90 * 61 * 4, "0" * 64)},
    layout=ARKIT_61,
    text="Ça va — “ok”?\nYes",
    emotion="happy",
    intensity=0.25,
    notes=("one", "two"),
)


def test_a_line_gives_its_clip_back():
    assert parse_entry(format_entry(ENTRY), "line 1") == ENTRY


@settings(max_examples=30, deadline=None)
@given(text=st.text(), n_frames=st.integers(1, 10**9), hz=st.fractions(1, 240), step_m=st.floats(1e-7, 1e-3))
def test_any_text_rate_and_length_survives_on_one_line(text, n_frames, hz, step_m):
    entry = replace(ENTRY, text=text, n_frames=n_frames, rate=Rate(hz), step_m=step_m)
    line = format_entry(entry)
    assert "\n" not in line
    assert parse_entry(line.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"), "x") == entry


def test_a_line_says_what_people_look_for():
    line = json.loads(format_entry(ENTRY))
    assert line["rate"] == [30000, 1001]
    assert line["channels"][:2] == ["eyeBlinkLeft", "eyeLookDownLeft"]
    assert line["duration_s"] == pytest.approx(3.003)


def test_clips_of_one_layout_share_it():
    layouts = {}
    own = replace(ENTRY, layout=Layout("mine", ("a", "b")))
    lines = [format_entry(own), format_entry(replace(own, clip_id="b"))]
    first, second = (parse_entry(line, "x", layouts) for line in lines)
    assert first.layout is second.layout


@pytest.mark.parametrize("name", ["", "../x", "a/../../b", "/etc/x", "a b", "a\\b", "ümlaut", "a\n"])
def test_names_that_are_no_paths_below_a_folder_are_refused(name):
    with pytest.raises(FormatError, match="rename it"):
        check_clip_id(name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 2}, "has format version 2 and this visemic reads 1"),
        ({"split": "dev"}, "'dev' is no split"),
        ({"rate": [30]}, "is damaged"),
        ({"rate": [0, 1]}, "is damaged: a rate of 0 Hz"),
        ({"n_frames": 0}, "0 frames"),
        ({"n_frames": -3}, "not a count"),
        ({"n_frames": True}, "not a count"),
        ({"parts": {"weights": ["../../passwd", 0, 1, "0" * 64]}}, "outside the store"),
        ({"parts": {"weights": ["/x", 0, 1, "0" * 64]}}, "outside the store"),
        ({"parts": {"weights": ["x", -1, 1, "0" * 64]}}, "lies at -1"),
        ({"parts": {"weights": ["x", 0, 1, "zz"]}}, "no SHA-256"),
        ({"parts": {"code": ["x", 0, 1, "0" * 64]}}, "no part of a clip"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(change, said):
    line = json.dumps(json.loads(format_entry(ENTRY)) | change)
    with pytest.raises(ArtifactError, match=said) as caught:
        parse_entry(line, "line 7 of 'm'")
    assert str(caught.value).startswith("line 7 of 'm'")


def test_a_missing_key_is_named():
    line = json.loads(format_entry(ENTRY))
    del line["speaker"]
    with pytest.raises(ArtifactError, match="line 3 has no 'speaker'"):
        parse_entry(json.dumps(line), "line 3")


def test_a_last_line_without_its_end_is_a_clip_that_was_never_finished(tmp_path):
    path = tmp_path / "m.jsonl"
    whole = manifest_text([ENTRY])
    path.write_text(whole + manifest_text([replace(ENTRY, clip_id="b")])[:-1])
    assert [entry.clip_id for entry in read_manifest(path)] == ["anna/001"]


def test_no_more_is_read_than_was_there(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text(manifest_text([ENTRY]))
    size = path.stat().st_size
    path.write_text(manifest_text([ENTRY, replace(ENTRY, clip_id="b")]))
    assert len(list(read_manifest(path, size))) == 1


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text(manifest_text([ENTRY]) + "{oops\n" + manifest_text([ENTRY]))
    with pytest.raises(ArtifactError, match=r"line 2 of .*m\.jsonl"):
        list(read_manifest(path))


def test_a_clip_named_twice_is_refused(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text(manifest_text([ENTRY, ENTRY]))
    with pytest.raises(ArtifactError, match="a second time"):
        list(read_manifest(path))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(ArtifactError, match="not text"):
        list(read_manifest(path))


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="cannot be read"):
        list(read_manifest(tmp_path / "none.jsonl"))
