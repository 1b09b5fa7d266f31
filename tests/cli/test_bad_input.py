"""Bad input: one clear sentence, exit code 2, nothing half-written, nothing overwritten."""

import os
import warnings

import numpy as np
import pytest
import soundfile

pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")


def refused(result, folder, before=()):
    """The laws of every refusal."""
    assert result.code == 2, result
    assert result.out == ""
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("visemic: ")
    assert "Traceback" not in result.err
    assert sorted(p.name for p in folder.iterdir()) == sorted(before)
    return lines[0]


TEXTS = {
    "empty": ("", "empty"),
    "whitespace": (" \n\t ", "empty"),
    "no symbol that is spoken": ("?!… --- «»", "pronounce"),
    "emoji alone": ("😀🎉", "pronounce"),
    "another script": ("שלום עולם", "--lang"),
    "private characters": ("\ue000\uf8ff", "none visible"),
    "too long": ("word " * 210_000, "100"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_text_that_cannot_be_spoken(run, tmp_path, kind):
    text, hint = TEXTS[kind]
    assert hint in refused(run("speak", text, "-o", "a.csv"), tmp_path)


def test_emoji_beside_words_are_left_out_with_a_note(run, tmp_path):
    result = run("speak", "Well done 🎉", "-o", "a.json")
    assert result.code == 0
    assert "🎉" in result.err


@pytest.mark.parametrize("tempo", ["0", "-1", "1000", "nan", "0.49", "2.01"])
def test_a_tempo_out_of_range(run, tmp_path, tempo):
    assert "tempo" in refused(run("speak", "Hi.", "-o", "a.csv", "--tempo", tempo), tmp_path)


@pytest.mark.parametrize("duration", ["0", "-1", "0.05", "900", "nan", "inf"])
def test_a_duration_that_no_tempo_reaches(run, tmp_path, duration):
    assert "give" in refused(run("speak", "Hello there.", "-o", "a.csv", "--duration", duration), tmp_path)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--voice", "espaek"), "espeak"),
        (("--lang", "klingon"), "klingon"),
        (("--rig", "vismic"), "did you mean 'visemic'"),
        (("--model", "viseme-rule"), "did you mean 'viseme-rules'"),
        (("--fps", "0"), "0 Hz"),
        (("--fps", "fast"), "fast"),
        (("--fps", "100000"), "240"),
        (("--seed", "-4"), "seed"),
        (("--blink", "-1"), "blink"),
        (("--gaze", "99"), "gaze"),
    ],
)
def test_an_option_that_cannot_be_used(run, tmp_path, words, hint):
    assert hint in refused(run("speak", "Hi.", "-o", "a.csv", *words), tmp_path)


def test_an_unknown_suffix_lists_the_known_ones(run, tmp_path):
    line = refused(run("speak", "Hi.", "-o", "a.docx"), tmp_path)
    assert ".glb" in line
    assert ".mp4" in line


def test_a_missing_folder(run, tmp_path):
    assert "does not exist" in refused(run("speak", "Hi.", "-o", "no/a.csv"), tmp_path)


def test_no_output_at_all(run, tmp_path):
    assert "-o" in refused(run("speak", "Hi."), tmp_path)


def test_an_output_named_twice(run, tmp_path):
    assert "twice" in refused(run("speak", "Hi.", "-o", "a.csv", "-o", "./a.csv"), tmp_path)


def test_neither_text_nor_file(run, tmp_path):
    assert "-f" in refused(run("speak", "-o", "a.csv"), tmp_path)


def test_a_text_file_that_is_not_text(run, tmp_path):
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe\x00bad")
    assert "UTF-8" in refused(run("speak", "-f", "t.txt", "-o", "a.csv"), tmp_path, ["t.txt"])


def test_a_text_file_that_is_missing(run, tmp_path):
    assert "no.txt" in refused(run("speak", "-f", "no.txt", "-o", "a.csv"), tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "glb", "mp4", "json", "wav"])
def test_an_existing_output_stays_as_it_is(run, tmp_path, suffix):
    target = tmp_path / f"a.{suffix}"
    target.write_text("mine")
    assert "--overwrite" in refused(run("speak", "Hi.", "-o", target.name), tmp_path, [target.name])
    assert target.read_text() == "mine"


def _wav(path, samples, rate=16_000, **options):
    soundfile.write(path, samples, rate, **options)


SOUNDS = {
    "missing": (lambda path: None, "no"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "text as audio": (lambda path: path.write_text("I am not a sound, whatever my name says. " * 9), "audio"),
    "not a number": (lambda path: _wav(path, np.full(16_000, np.nan), subtype="FLOAT"), "not a"),
    "silent": (lambda path: _wav(path, np.zeros(32_000)), "silent"),
    "10 ms": (lambda path: _wav(path, np.full(160, 0.3)), "0.01"),
    "a folder": (lambda path: path.mkdir(), "folder"),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_sound_that_cannot_be_used(run, tmp_path, kind):
    make, hint = SOUNDS[kind]
    make(tmp_path / "in.wav")
    before = [p.name for p in tmp_path.iterdir()]
    assert hint in refused(run("animate", "in.wav", "-o", "a.csv"), tmp_path, before)


def test_a_truncated_recording(run, tmp_path, buzz):
    buzz.write_bytes(buzz.read_bytes()[: 44 + 12_000])
    assert "truncated" in refused(run("animate", buzz.name, "-o", "a.csv"), tmp_path, [buzz.name])


def test_a_recording_of_three_hours(run, tmp_path):
    with soundfile.SoundFile(tmp_path / "long.wav", "w", 8_000, 1, "PCM_U8") as file:
        for _ in range(3 * 60):
            file.write(np.zeros(60 * 8_000))
    assert "2:00:00" in refused(run("animate", "long.wav", "-o", "a.csv"), tmp_path, ["long.wav"])


MOTIONS = {
    "empty csv": ("m.csv", b""),
    "csv without channels": ("m.csv", b"Timecode,BlendshapeCount\n00:00:00:00.000,0\n"),
    "csv of text": ("m.csv", b"hello there, this is not a take\n"),
    "json of text": ("m.json", b"{not json"),
    "json of something else": ("m.json", b'{"a": 1}'),
    "damaged npz": ("m.npz", b"PK\x03\x04 no more"),
    "damaged glb": ("m.glb", b"glTF\x02\x00\x00\x00\xff\xff\xff\x7f"),
    "unknown suffix": ("m.fbx", b"x"),
}


@pytest.mark.parametrize("kind", MOTIONS)
def test_motion_that_cannot_be_read(run, tmp_path, kind):
    name, data = MOTIONS[kind]
    (tmp_path / name).write_bytes(data)
    refused(run("convert", name, "b.npz"), tmp_path, [name])


def test_motion_that_is_missing(run, tmp_path):
    assert "no.csv" in refused(run("render", "no.csv", "-o", "a.png"), tmp_path)


def test_an_unknown_chart(run, tmp_path):
    assert "visemes" in refused(run("chart", "moods", "-o", "a.png"), tmp_path)


def test_a_chart_is_a_picture(run, tmp_path):
    assert ".png" in refused(run("chart", "shapes", "-o", "a.pdf"), tmp_path)


def test_a_full_disk_leaves_nothing(run, tmp_path, monkeypatch):
    import errno

    import visemic.export.registry as registry

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(registry, "_write_bytes", full, raising=False)
    monkeypatch.setattr("os.link", full)
    monkeypatch.setattr("os.replace", full)
    monkeypatch.setattr("os.rename", full)
    assert "no space left" in refused(run("speak", "Hi.", "-o", "a.npz"), tmp_path)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("speak", b"Hello \xff world", "-o", "a.csv"), r"text 'Hello \udcff world' is no UTF-8"),
        (("speak", "Hi.", "-o", b"h\xff.mp4"), r"file name 'h\udcff.mp4' is no UTF-8"),
        (("animate", b"x\xff.wav", "-o", "xx.json"), r"file name 'x\udcff.wav' is no UTF-8"),
        (("animate", "x.wav", "--text", b"hello \xff", "-o", "xx.json"), "text 'hello "),
        (("speak", "Hi.", "--act", "-o", "a.csv", "--save-note", b"n\xff.json"), r"file name 'n\udcff.json'"),
        (("convert", "a.csv", b"h\xff.npz"), r"file name 'h\udcff.npz'"),
        (("render", "a.csv", "-o", b"h\xff.png"), r"file name 'h\udcff.png'"),
    ],
)
def test_bytes_that_are_no_utf_8(run, tmp_path, words, hint):
    typed = [os.fsdecode(word) if isinstance(word, bytes) else word for word in words]
    assert hint in refused(run(*typed), tmp_path)


@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_words_that_nobody_gave_are_missed_before_the_work(run, tmp_path, name):
    line = refused(run("animate", "missing.wav", "-o", "a.csv", "-o", name), tmp_path)
    assert f"output '{name}' holds words; give --text" in line


def test_a_language_that_nobody_speaks_is_refused_without_a_text_too(run, tmp_path):
    assert "no language 'xx'" in refused(
        run("animate", "missing.wav", "-o", "a.csv", "--lang", "xx"), tmp_path
    )


def test_an_output_that_lacks_its_matter_is_missed_before_any_is_written(run, tmp_path):
    assert run("speak", "Hi.", "-o", "hi.csv").code == 0
    before = ["hi.csv", "hi.csv.manifest.json"]
    for other, hint in (("c.wav", "holds sound"), ("c.srt", "holds"), ("c.oculus.tsv", "times of speech")):
        assert hint in refused(run("convert", "hi.csv", "c.npz", "c.glb", other), tmp_path, before)
    words = ("render", "hi.csv", "-o", "c.npz", "-o", "c.mp4", "-o", "c.png", "--frame", "9999")
    assert "9999" in refused(run(*words), tmp_path, before)


@pytest.mark.parametrize(
    "words", [("convert", "hi.json", "hi.json"), ("render", "hi.json", "-o", "./hi.json")]
)
def test_an_input_is_not_overwritten_even_if_asked(run, tmp_path, words):
    (tmp_path / "hi.json").write_text("mine")
    assert "is an input as well" in refused(run(*words, "--overwrite"), tmp_path, ["hi.json"])
    assert (tmp_path / "hi.json").read_text() == "mine"


@pytest.mark.parametrize("suffix", ["csv", "json", "npz"])
def test_a_number_beyond_single_precision_is_one_sentence(run, tmp_path, suffix):
    assert run("speak", "Hi.", "-o", f"a.{suffix}").code == 0
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        with np.load(path) as arrays:
            values = arrays["values"].astype(float)
            values[3, 4] = 1e300
            np.savez(path, **{**arrays, "values": values})
    else:
        mark = '"frames": [\n[' if suffix == "json" else ",61,"
        head, _, rest = path.read_text().partition(mark)
        path.write_text(head + mark + "1e300," + rest.partition(",")[2])
    before = [p.name for p in tmp_path.iterdir()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "finite" in refused(run("convert", path.name, "b.glb"), tmp_path, before)
