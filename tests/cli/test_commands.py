import json

import pytest

from visemic.core.layout import ARKIT_61, FACE_63

pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")

COMMANDS = ["speak", "animate", "render", "convert", "chart", "voices", "models", "rigs", "doctor"]


def test_help_names_every_command(run):
    result = run("--help")
    assert result.code == 0
    assert all(f"  {name} " in result.out for name in COMMANDS)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("voices", "models", "rigs")])
def test_help_shows_an_example(run, command):
    assert f"  visemic {command}" in run(command, "--help").out


@pytest.mark.parametrize("command", ["speak", "animate"])
def test_shared_options_have_one_name(run, command):
    said = run(command, "--help").out
    shared = "--lang --fps --rig --model --seed --blink --brows --head --gaze --overwrite --quiet --json"
    assert [o for o in shared.split() if o not in said] == []


def test_the_version_is_the_packages(run):
    import visemic

    assert run("--version").out.strip() == f"visemic {visemic.__version__}"


def test_one_machine_readable_line(run, tmp_path):
    result = run("speak", "Hello there.", "-o", "a.csv", "-o", "a.npz", "--json", "--fps", "25")
    assert result.err == ""
    said = json.loads(result.out)
    assert result.out.count("\n") == 1
    assert said["outputs"] == ["a.csv", "a.npz"]
    assert said["rate_hz"] == 25
    assert abs(said["drift_s"]) <= 0.5 / 25 + 1e-9
    assert said["manifest"]["command"].startswith("visemic speak")


def test_quiet_prints_nothing(run):
    result = run("speak", "Hello.", "-o", "a.csv", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_the_same_seed_gives_the_same_bytes(run, tmp_path):
    import numpy as np

    for name in "ab":
        assert run("speak", "Pepper and mint.", "-o", f"{name}.npz", "--seed", "7").code == 0
    assert run("speak", "Pepper and mint.", "-o", "c.npz", "--seed", "8").code == 0
    a, b, c = (np.load(tmp_path / f"{n}.npz") for n in "abc")
    assert a["values"].tobytes() == b["values"].tobytes()
    assert a["values"].tobytes() != c["values"].tobytes()
    assert tuple(a["channels"]) == FACE_63.names


def test_text_comes_from_a_file_or_from_standard_input(run, tmp_path, monkeypatch):
    import io
    import sys

    (tmp_path / "t.txt").write_text("\ufeffHello.", encoding="utf-8")
    assert run("speak", "-f", "t.txt", "-o", "a.json").code == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Hello.")))
    assert run("speak", "-f", "-", "-o", "b.json").code == 0
    a, b = (json.loads((tmp_path / f"{n}.json").read_text()) for n in "ab")
    assert a["text"] == b["text"] == "Hello."
    assert a["frames"] == b["frames"]


def test_formats_convert_into_one_another(run, tmp_path):
    assert run("speak", "Hello.", "-o", "a.npz").code == 0
    assert run("convert", "a.npz", "b.csv", "b.json", "b.srt", "b.oculus.tsv").code == 0
    assert run("convert", "b.csv", "c.npz").code == 0
    import numpy as np

    a, c = np.load(tmp_path / "a.npz"), np.load(tmp_path / "c.npz")
    assert tuple(c["channels"]) == ARKIT_61.names
    np.testing.assert_allclose(a["values"][:, : len(ARKIT_61)], c["values"], atol=2e-6)


def test_resampling_keeps_the_length(run, tmp_path):
    assert run("speak", "Hello.", "-o", "a.npz", "--fps", "30").code == 0
    said = json.loads(run("convert", "a.npz", "b.npz", "--fps", "60", "--json").out)
    assert said["rate_hz"] == 60
    assert abs(said["drift_s"]) <= 0.5 / 60 + 1 / 60


def test_a_recording_becomes_motion(run, tmp_path, buzz):
    result = run("animate", buzz.name, "-o", "a.csv", "--json")
    assert result.code == 0
    assert json.loads(result.out)["frames"] == 30


@pytest.mark.slow
def test_a_recording_with_its_text_becomes_motion(run, tmp_path):
    assert run("speak", "Hello there, my friend.", "-o", "a.wav").code == 0
    result = run("animate", "a.wav", "--text", "Hello there, my friend.", "-o", "b.json")
    assert result.code == 0, result.err
    words = json.loads((tmp_path / "b.json").read_text())["words"]
    assert [w["text"] for w in words] == ["Hello", "there", "my", "friend"]


@pytest.mark.slow
def test_motion_is_rendered_to_a_still_and_a_movie(run, tmp_path):
    import av
    from PIL import Image

    assert run("speak", "Hello.", "-o", "a.npz").code == 0
    words = ("render", "a.npz", "-o", "a.png", "-o", "a.mp4", "--width", "128", "--height", "128")
    assert run(*words, "--frame", "5").code == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (128, 128)
        assert json.loads(picture.text["comment"])["rig"] == "visemic"
    with av.open(str(tmp_path / "a.mp4")) as movie:
        assert len(movie.streams.video) == len(movie.streams.audio) == 1


@pytest.mark.slow
def test_charts_are_drawn(run, tmp_path):
    for kind in ("shapes", "visemes"):
        assert run("chart", kind, "-o", f"{kind}.png").code == 0
        assert (tmp_path / f"{kind}.png").stat().st_size > 10_000


@pytest.mark.parametrize("command", ["voices", "models", "rigs"])
def test_lists_carry_licences(run, command):
    rows = json.loads(run(command, "--json").out)
    assert rows
    assert all(row["licence"] for row in rows)
    assert rows[0]["name"] in run(command).out


@pytest.mark.slow
def test_the_doctor_finds_a_healthy_machine(run):
    result = run("doctor")
    assert result.code == 0, result.out
    assert "broken" not in result.out
