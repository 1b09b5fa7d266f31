"""``visemic study``: folders of films go in, blind pages and a report come out."""

import csv
import json

import numpy as np
import pytest

from visemic.evaluation.study import read_study
from visemic.evaluation.study_answer import AnswerStore, check_answer


def write_film(path):
    import av

    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for shade in (0, 120, 250):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade, np.uint8), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())


@pytest.fixture
def systems(tmp_path):
    """Give the words that name two systems of three films."""
    write_film(tmp_path / "film.mp4")
    words = []
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        for sentence in ("s1", "s2", "s3"):
            (tmp_path / name / f"{sentence}.mp4").write_bytes((tmp_path / "film.mp4").read_bytes())
        words += ["--system", f"{name}={name}"]
    (tmp_path / "film.mp4").unlink()
    return words


SMALL = ("--sessions", "4", "--stimuli", "2", "--checks", "0")


def refused(result, folder, before):
    assert result.code == 2, result
    assert result.out == ""
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("visemic: ")
    assert sorted(p.name for p in folder.iterdir()) == sorted(before)
    return lines[0]


def rate_everything(folder):
    """Answer every session as somebody who likes the good ones."""
    study = read_study(folder)
    with AnswerStore(folder) as store:
        for _ in study.sessions:
            participant, session = store.begin(len(study.sessions), "on")
            for trial in study.sessions[session]:
                answer = {
                    "participant": participant,
                    "session": session,
                    "trial": trial.trial_id,
                    "match": 0,
                    "shown": list(trial.clips),
                    "choice": "5" if study.key[trial.clips[0]][0] == "good" else "2",
                    "seconds": 3.0,
                    "plays": 1,
                    "broken": False,
                    "sound": "on",
                }
                assert store.add(check_answer(study, answer))


@pytest.mark.parametrize("command", ["new", "serve", "report"])
def test_help_shows_an_example(command, run):
    assert f"  visemic study {command}" in run("study", command, "--help").out


def test_a_study_is_made_and_says_what_comes_next(run, systems, tmp_path):
    result = run("study", "new", "faces", *systems, "--kind", "mos", *SMALL)
    assert result.code == 0, result.err
    assert result.out.startswith("mos of 2 systems on 3 clips, 4 sessions of ")
    assert "next: visemic study serve faces" in result.out
    page = (tmp_path / "faces/site/index.html").read_text()
    assert "good" not in page
    said = json.loads(run("study", "new", "again", *systems, "--kind", "mos", *SMALL, "--json").out)
    assert (said["systems"], said["sessions"]) == (["good", "bad"], 4)


def test_a_report_and_a_table_of_answers_come_out(run, systems, tmp_path):
    run("study", "new", "faces", *systems, "--kind", "mos", *SMALL)
    rate_everything(tmp_path / "faces")
    result = run("study", "report", "faces", "-o", "faces.md", "--csv", "faces.csv")
    assert result.code == 0, result.err
    assert "good" in (tmp_path / "faces.md").read_text()
    rows = list(csv.DictReader((tmp_path / "faces.csv").read_text().splitlines()))
    assert len(rows) == sum(len(s) for s in read_study(tmp_path / "faces").sessions)
    said = json.loads(run("study", "report", "faces", "--json").out)
    assert {s["system"]: s["rating"]["mean"] for s in said["systems"]} == {"good": 5.0, "bad": 2.0}
    assert "exists" in refused(
        run("study", "report", "faces", "-o", "faces.md"),
        tmp_path,
        ["bad", "faces", "faces.csv", "faces.md", "good"],
    )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--system", "good"), "write for example rules=out/rules"),
        (("--system", "good=good", "--system", "good=bad"), "is no new NAME=FOLDER"),
        (("--system", "good=good", "--system", "bad=none"), "none"),
        (("--system", "good=good", "--system", "bad=bad", "--kind", "mso"), "mso"),
        (("--system", "good=good", "--system", "bad=bad", "--sessions", "0"), "0"),
        (("--system", "good=good", "--system", "bad=bad", "--kind", "smos"), "reference"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(run, systems, tmp_path, words, hint):
    assert hint in refused(run("study", "new", "faces", *words), tmp_path, ["bad", "good"])


def test_a_folder_that_is_no_study_is_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(run("study", "report", "empty"), tmp_path, ["empty"])
    assert "empty" in refused(run("study", "serve", "empty", "--port", "0"), tmp_path, ["empty"])
    assert not list((tmp_path / "empty").iterdir())
    assert "holds no readable study: there is no file 'study.json'; make one" in refused(
        run("study", "report", "none"), tmp_path, ["empty"]
    )
    assert "choose all, on or off" in refused(
        run("study", "report", "empty", "--sound", "loud"), tmp_path, ["empty"]
    )
