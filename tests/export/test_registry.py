import dataclasses
import json

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, OutputError
from visemic.core.layout import ARKIT_61, Layout
from visemic.core.signals import Motion
from visemic.export import registry
from visemic.export.manifest import sidecar_path
from visemic.export.registry import (
    EXPORTERS,
    Exporter,
    check_export,
    export_clip,
    import_clip,
    importable_suffixes,
    known_suffixes,
    output_paths,
    suffix_of,
)

USD = (".usd", ".usda", ".usdc")


@pytest.fixture(params=list(EXPORTERS))
def suffix(request):
    if request.param in USD:
        pytest.importorskip("pxr")
    return request.param


def test_every_format_is_written_and_is_the_same_bytes_twice(clip, tmp_path, suffix):
    for name in ("first", "second"):
        export_clip(clip, tmp_path / f"{name}{suffix}")
    first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second"))
    assert first
    assert first == second
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        p.name for name in ("first", "second") for p in output_paths(tmp_path / f"{name}{suffix}")
    )


def test_every_format_says_where_it_comes_from(clip, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    export_clip(clip, path)
    if EXPORTERS[suffix].holds_manifest:
        if suffix in (".usd", ".usdc"):
            return  # compressed; the tests of USD read it
        data = path.read_bytes().replace(b"\0", b"").replace(b'\\"', b'"')
        assert b'"generator"' in data
        assert b"viseme-rules" in data
    else:
        manifest = json.loads(sidecar_path(path).read_text())
        assert manifest["generator"] == "visemic"
        assert manifest["model"] == "viseme-rules"
        assert manifest["rate"] == [30, 1]


def test_nothing_is_overwritten_unasked(clip, tmp_path, suffix):
    for target in output_paths(tmp_path / f"a{suffix}"):
        target.write_text("precious")
        with pytest.raises(OutputError, match="exists"):
            export_clip(clip, tmp_path / f"a{suffix}")
        assert [p.read_text() for p in tmp_path.iterdir()] == ["precious"]
        export_clip(clip, tmp_path / f"a{suffix}", overwrite=True)
        for written in output_paths(tmp_path / f"a{suffix}"):
            assert written.read_bytes() != b"precious"
            written.unlink()


@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("bug"), KeyboardInterrupt()])
@pytest.mark.parametrize("holds_manifest", [True, False])
def test_a_failure_half_way_leaves_nothing(clip, tmp_path, monkeypatch, error, holds_manifest):
    def fail(clip, path, progress):
        path.write_text("half")
        raise error

    monkeypatch.setitem(EXPORTERS, ".half", Exporter(fail, "breaks", holds_manifest=holds_manifest))
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        export_clip(clip, tmp_path / "a.half")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.half").write_text("old")
    with pytest.raises(expected):
        export_clip(clip, tmp_path / "a.half", overwrite=True)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_bad_motion_leaves_nothing(clip, tmp_path, suffix):
    if suffix.endswith((".tsv", ".srt", ".vtt", ".wav")) or suffix in (
        ".visemes.json",
        ".oculus.json",
        ".rhubarb.json",
    ):
        return  # these hold no motion
    values = clip.motion.values.copy()
    values[0, 0] = np.nan
    with pytest.raises(OutputError, match="eyeBlinkLeft"):
        export_clip(
            dataclasses.replace(clip, motion=dataclasses.replace(clip.motion, values=values)),
            tmp_path / f"a{suffix}",
        )
    assert list(tmp_path.iterdir()) == []


def test_the_longest_suffix_names_the_format(tmp_path):
    assert suffix_of(tmp_path / "a.b.RHUBARB.json") == ".rhubarb.json"
    assert suffix_of(tmp_path / "a.json") == ".json"


@pytest.mark.parametrize("foreign", [".csv", ".glb", ".usda"])
def test_motion_of_no_known_channel_is_refused_rather_than_written_still(clip, tmp_path, foreign):
    if foreign in USD:
        pytest.importorskip("pxr")
    motion = Motion(np.ones((3, 1), np.float32), Layout("flame", ("jawPose",)), clip.motion.rate)
    with pytest.raises(FormatError, match="'jawPose'; retarget"):
        export_clip(dataclasses.replace(clip, motion=motion), tmp_path / f"a{foreign}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.fbx", "a", "a.tsv", "json", "a.json.txt"])
def test_an_unknown_suffix_lists_the_known_ones(clip, tmp_path, name):
    with pytest.raises(FormatError) as caught:
        export_clip(clip, tmp_path / name)
    assert all(suffix in str(caught.value) for suffix in known_suffixes())


def test_a_missing_folder_is_refused(clip, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        export_clip(clip, tmp_path / "no" / "a.csv")


@pytest.mark.parametrize("kind", importable_suffixes())
def test_what_can_be_read_comes_back(clip, tmp_path, kind):
    export_clip(clip, tmp_path / f"a{kind}")
    back = import_clip(tmp_path / f"a{kind}")
    np.testing.assert_allclose(back.motion.values, clip.motion.values, atol=1e-6)
    assert back.motion.rate == clip.motion.rate
    assert back.provenance == clip.provenance
    export_clip(back, tmp_path / "b.csv")


@pytest.mark.parametrize("kind", importable_suffixes())
def test_missing_empty_and_strange_files_are_refused(tmp_path, kind):
    path = tmp_path / f"a{kind}"
    with pytest.raises(FormatError, match="No such file"):
        import_clip(path)
    path.touch()
    with pytest.raises(FormatError, match="is empty"):
        import_clip(path)
    for strange in (b"\xff\xfe\x00hello" * 9, b"hello\n" * 9, b"{}", b"\0" * 64):
        path.write_bytes(strange)
        with pytest.raises(FormatError) as caught:
            import_clip(path)
        assert "\n" not in str(caught.value)


def test_formats_that_cannot_be_read_say_which_can(tmp_path):
    with pytest.raises(FormatError, match=r"\.csv \.glb \.json \.npz"):
        import_clip(tmp_path / "a.usd")


def test_a_broken_manifest_beside_a_take_is_named(clip, tmp_path):
    export_clip(clip, tmp_path / "a.csv")
    for text in ("{", "[]"):
        sidecar_path(tmp_path / "a.csv").write_text(text)
        with pytest.raises(FormatError, match=r"a\.csv\.manifest\.json"):
            import_clip(tmp_path / "a.csv")


def test_the_table_has_a_reader_for_every_motion_format():
    assert set(registry.IMPORTERS) <= set(EXPORTERS)


LESS = {
    "sound": {"waveform": None},
    "speech": {"alignment": None},
    "head": {"rig": None},
    "channels": {"motion": Motion(np.zeros((3, 1), np.float32), Layout("own", ("myOwn",)), Rate.of(30))},
    "frames": {"motion": Motion(np.zeros((0, 61), np.float32), ARKIT_61, Rate.of(30))},
}


@pytest.mark.parametrize("lack", LESS)
def test_what_a_clip_lacks_is_known_before_it_is_written(clip, tmp_path, suffix, lack):
    less = dataclasses.replace(clip, **LESS[lack])
    path = tmp_path / f"a{suffix}"
    said = []
    for write in (check_export, export_clip):
        try:
            write(less, path)
        except (FormatError, OutputError) as error:
            said.append(f"{type(error).__name__} {str(error).partition(' file')[2]}")
    assert len(said) in (0, 2)
    assert len(set(said)) < 2
    assert path.is_file() == (not said)
