"""A study is blind, balanced and honest about who answered."""

import csv
import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from visemic.core.errors import ArtifactError, FormatError, InputError, OutputError
from visemic.evaluation.study import (
    Study,
    Trial,
    copy_without_metadata,
    new_study,
    next_match,
    plan_sessions,
    read_study,
)
from visemic.evaluation.study_answer import (
    AnswerStore,
    check_answer,
    failed_checks,
    follows_plan,
    import_answers,
    write_answers_csv,
)
from visemic.evaluation.study_page import site_files
from visemic.evaluation.study_report import result_data, result_markdown, sign_p, summarise
from visemic.evaluation.study_server import StudyServer

SYSTEMS = ("alpha", "beta", "gamma", "delta")
QUALITY = {"alpha": 4, "beta": 3, "gamma": 2, "delta": 1}


def write_film(path: Path) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as film:
        film.metadata["comment"] = "made by model alpha"
        stream = film.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for shade in (0, 120, 250):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade, np.uint8), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    write_film(root / "one.mp4")
    for name in (*SYSTEMS, "real"):
        (root / name).mkdir()
        for stimulus in ("s1", "s2", "s3"):
            (root / name / f"{stimulus}.mp4").write_bytes((root / "one.mp4").read_bytes())
    return {name: root / name for name in (*SYSTEMS, "real")}


def make(tmp_path, folders, kind="pairwise", **more) -> Study:
    systems = {name: folders[name] for name in SYSTEMS}
    reference = folders["real"] if kind == "smos" else None
    settings = {"n_sessions": 12, "per_session": 2, "n_checks": 1, **more}
    return new_study(tmp_path / kind, systems, kind=kind, reference=reference, **settings)


def respond(study: Study, session: int, participant: str, *, attentive: bool = True) -> list[dict]:
    """Answer a session as somebody who sees which system is better."""

    def worth(name: str) -> int:
        return QUALITY[study.key[name][0]]

    rows = []
    for trial in study.sessions[session]:
        base = {"participant": participant, "session": session, "trial": trial.trial_id}
        rest = {"seconds": 3.5, "plays": 2, "broken": False, "sound": "on"}
        if study.kind != "pairwise":
            wanted = trial.wanted if attentive else str(int(trial.wanted or 1) % 5 + 1)
            choice = wanted if trial.wanted else str(worth(trial.clips[0]))
            rows.append({**base, "match": 0, "shown": list(trial.clips), "choice": choice, **rest})
            continue
        winners: list[str] = []
        while (pair := next_match(trial, winners)) is not None:
            choice = max(pair, key=worth)
            if trial.wanted:
                choice = pair[(trial.wanted == "right") == attentive]
            rows.append({**base, "match": len(winners), "shown": list(pair), "choice": choice, **rest})
            winners.append(choice)
    return rows


def test_twelve_answers_find_the_better_system(tmp_path, folders):
    study = make(tmp_path, folders)
    with AnswerStore(tmp_path / "pairwise") as store:
        for n in range(12):
            participant, session = store.begin(len(study.sessions), "on")
            assert session == n
            for row in respond(study, session, participant, attentive=n != 5):
                assert store.add(check_answer(study, row))
        answers = store.answers()
    result = summarise(study, answers)
    by_name = {s.system: s for s in result.systems}
    assert (result.n_participants, len(result.left_out)) == (11, 1)
    assert by_name["alpha"].n_absolute == by_name["alpha"].n_tournaments == 22
    assert by_name["alpha"].win_interval[0] > 0.9
    assert by_name["delta"].n_wins == 0
    assert sum(result.wins.values()) == 66 == result.n_answers
    assert result.n_out_of_order == 0
    assert summarise(study, answers, keep_failed=True).n_participants == 12
    assert "| alpha | 44 of 44 | 100% (92% to 100%) | 22 of 22 |" in result_markdown(result)
    write_answers_csv(study, answers, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 * 7
    assert {r["choice"] for r in rows} <= set(SYSTEMS)


def test_uneven_wins_have_the_exact_chance():
    assert sign_p(0, 5) == pytest.approx(2 / 32)
    assert sign_p(3, 6) == 1.0
    assert sign_p(8, 9) == pytest.approx(20 / 512)


@pytest.mark.parametrize("kind", ["mos", "smos"])
def test_ratings_are_means_with_intervals(tmp_path, folders, kind):
    study = make(tmp_path, folders, kind)
    answers = []
    for n in range(12):
        answers += [check_answer(study, r) for r in respond(study, n, f"{n:016x}", attentive=n > 1)]
    result = summarise(study, answers)
    assert len(result.left_out) == 2
    assert {s.system: s.rating.mean for s in result.systems} == QUALITY
    assert all(s.rating.low <= s.rating.mean <= s.rating.high for s in result.systems)
    assert json.loads(json.dumps(result_data(result)))["participants"] == 10
    assert "| alpha | 4.00 |" in result_markdown(result)


def test_a_study_is_the_same_from_the_same_seed_and_survives_its_file(tmp_path, folders):
    study = make(tmp_path, folders)
    assert read_study(tmp_path / "pairwise") == study
    (tmp_path / "again").mkdir()
    assert make(tmp_path / "again", folders) == study
    (tmp_path / "other").mkdir()
    assert make(tmp_path / "other", folders, seed=1).sessions != study.sessions


def test_pages_and_clips_tell_nothing_of_the_systems(tmp_path, folders):
    study = make(tmp_path, folders)
    for file in (tmp_path / "pairwise" / "site").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(name.encode() in content for name in SYSTEMS), file
    assert len(list((tmp_path / "pairwise" / "site" / "m").iterdir())) == 12
    assert not list(tmp_path.glob(".*"))
    assert all("http" not in text for text in site_files(study).values())


def test_a_question_cannot_break_out_of_its_page(tmp_path, folders):
    study = make(tmp_path, folders, question="</script><script>alert(1)</script>")
    for text in site_files(study).values():
        assert "<script>alert" not in text


def test_every_stimulus_is_shown_as_often_as_any_other():
    plans = plan_sessions(SYSTEMS, [f"s{n}" for n in range(7)], "mos", 0, 21, 3, 0)
    shown = Counter(t.stimulus for session in plans for t in session)
    assert set(shown.values()) == {21 * 3 * len(SYSTEMS) // 7}
    for session in plans:
        assert len({t.clips for t in session}) == 3 * len(SYSTEMS)


def test_sides_are_balanced():
    plans = plan_sessions(("a", "b"), ["s1", "s2"], "pairwise", 0, 200, 2, 0)
    left = Counter(next_match(t, [])[0] for session in plans for t in session if t.stimulus == "s1")
    assert min(left.values()) > 0.4 * sum(left.values())


def test_a_knockout_meets_the_winners_and_gives_the_odd_one_a_bye():
    four = Trial("t1", "s", ("a", "b", "c", "d"), (False, True, False))
    assert next_match(four, []) == ("a", "b")
    assert next_match(four, ["b"]) == ("d", "c")
    assert next_match(four, ["b", "c"]) == ("b", "c")
    assert next_match(four, ["b", "c", "c"]) is None
    three = Trial("t1", "s", ("a", "b", "c"), (False, False))
    assert next_match(three, ["a"]) == ("a", "c")
    assert next_match(three, ["a", "c"]) is None


def test_a_skipped_or_altered_match_is_not_a_knockout(tmp_path, folders):
    study = make(tmp_path, folders)
    rows = [check_answer(study, r) for r in respond(study, 0, "0" * 16)]
    trial = next(t for t in study.sessions[0] if not t.wanted)
    mine = [a for a in rows if a.trial == trial.trial_id]
    assert follows_plan(trial, mine)
    assert not follows_plan(trial, mine[:-1])
    assert not follows_plan(trial, mine[1:])


def test_an_answer_that_does_not_belong_is_refused(tmp_path, folders):
    study = make(tmp_path, folders)
    row = respond(study, 0, "0" * 16)[0]
    for change, words in (
        ({"participant": "me"}, "16 hexadecimal digits"),
        ({"session": 99}, "has no task"),
        ({"trial": "t99"}, "has no task"),
        ({"choice": "alpha"}, "does not fit"),
        ({"match": 7}, "does not fit"),
        ({"sound": "loud"}, "send on or off"),
        ({"seconds": -1}, "longer than a day"),
        ({"seconds": "3"}, "wrong kind"),
        ({"extra": 1}, "lacks or adds 'extra'"),
    ):
        with pytest.raises(InputError, match=words):
            check_answer(study, {**row, **change})


def test_the_same_answer_twice_counts_once_and_a_changed_one_not(tmp_path, folders):
    study = make(tmp_path, folders)
    row = respond(study, 0, "0" * 16)[0]
    with AnswerStore(tmp_path) as store:
        assert store.add(check_answer(study, row))
        assert not store.add(check_answer(study, row))
        other = next(name for name in row["shown"] if name != row["choice"])
        assert not store.add(check_answer(study, {**row, "choice": other}))
        assert [a.choice for a in store.answers()] == [row["choice"]]


def test_answers_saved_without_a_server_can_be_added(tmp_path, folders):
    study = make(tmp_path, folders)
    saved = tmp_path / "answers.json"
    saved.write_text(json.dumps({"answers": [{**r, "sent": True} for r in respond(study, 0, "0" * 16)]}))
    with AnswerStore(tmp_path) as store:
        assert import_answers(study, store, saved) == 7
        assert import_answers(study, store, saved) == 0
        saved.write_text("[]")
        with pytest.raises(InputError, match="holds no answers: it holds a value of a wrong kind; give"):
            import_answers(study, store, saved)
        saved.write_text("{}")
        with pytest.raises(InputError, match="holds no answers: it lacks 'answers'; give"):
            import_answers(study, store, saved)
        with pytest.raises(InputError, match=r"holds no answers: there is no file 'none.json'; give"):
            import_answers(study, store, tmp_path / "none.json")


def test_broken_clips_and_checks_do_not_count(tmp_path, folders):
    study = make(tmp_path, folders, "mos")
    rows = respond(study, 0, "0" * 16)
    answers = [check_answer(study, {**r, "broken": n == 0}) for n, r in enumerate(rows)]
    first_is_check = bool(study.trial(0, answers[0].trial).wanted)
    assert summarise(study, answers).n_answers == 8 - (not first_is_check)
    assert failed_checks(study, answers) == {"0" * 16: 0}
    with pytest.raises(InputError, match="none of 9 answers counts"):
        summarise(study, answers, sound="off")


def test_copies_keep_the_picture_and_lose_the_tags(tmp_path, folders):
    import av

    copy_without_metadata(folders["alpha"] / "s1.mp4", tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as film:
        assert len(list(film.decode(video=0))) == 3
        assert "comment" not in film.metadata
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    with pytest.raises(FormatError, match="not a readable MP4"):
        copy_without_metadata(tmp_path / "bad.mp4", tmp_path / "never.mp4")


def test_studies_that_cannot_be_are_refused(tmp_path, folders):
    with pytest.raises(InputError, match="1 systems do not make a pairwise study"):
        new_study(tmp_path / "x", {"alpha": folders["alpha"]}, kind="pairwise")
    with pytest.raises(InputError, match="needs a reference folder"):
        new_study(tmp_path / "x", {"alpha": folders["alpha"]}, kind="smos")
    (tmp_path / "short").mkdir()
    (tmp_path / "short" / "s1.mp4").write_bytes(b"")
    with pytest.raises(InputError, match=r"'short' lacks clip s2\.mp4"):
        new_study(tmp_path / "x", {"short": tmp_path / "short", "beta": folders["beta"]}, kind="mos")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "s1.mp4").write_bytes(b"no film")
    with pytest.raises(FormatError):
        new_study(tmp_path / "x", {"bad": tmp_path / "bad"}, kind="mos")
    assert not (tmp_path / "x").exists()
    assert not list(tmp_path.glob(".*"))
    make(tmp_path, folders)
    with pytest.raises(OutputError, match="exists; name a new one"):
        make(tmp_path, folders)
    with pytest.raises(ArtifactError, match="holds no readable study"):
        read_study(tmp_path)


@pytest.fixture
def server(tmp_path, folders, monkeypatch):
    import socket

    # The one place where a test talks to itself: allow this machine, nothing else.
    monkeypatch.undo()
    connect = socket.socket.connect
    monkeypatch.setattr(
        socket.socket, "connect", lambda s, a: connect(s, a) if a[0] == "127.0.0.1" else pytest.fail(str(a))
    )
    make(tmp_path, folders)
    with StudyServer(tmp_path / "pairwise", port=0) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server, place, data=None, **headers):
    body = None if data is None else json.dumps(data).encode()
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(server.url + place, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_the_server_keeps_answers_and_gives_nothing_else_away(server):
    assert server.server_address[0] == "127.0.0.1"
    status, headers, page = ask(server, "")
    assert (status, b"Watch some faces" in page) == (200, True)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for place in ("../study.json", "..%2fstudy.json", "m/", "study.json", "m/../../study.json", "x.html"):
        assert ask(server, place)[0] == 404
    begun = json.loads(ask(server, "begin", {"sound": "off"})[2])
    for row in respond(server.study, begun["session"], begun["participant"]):
        assert json.loads(ask(server, "answer", row)[2]) == {"kept": True}
    assert len(server.store.answers()) == 7
    assert ask(server, "answer", {"participant": "x"})[0] == 400
    assert ask(server, "begin", {"sound": "on"}, **{"Content-Type": "text/plain"})[0] == 400
    assert ask(server, "answer", {"x": "y" * 20_000})[0] == 400
    assert ask(server, "elsewhere", {})[0] == 404


def test_the_server_sends_parts_of_films(server):
    name = next(iter(server.study.key))
    whole = ask(server, f"m/{name}.mp4")[2]
    status, headers, part = ask(server, f"m/{name}.mp4", Range="bytes=10-19")
    assert (status, part) == (206, whole[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert ask(server, f"m/{name}.mp4", Range="bytes=-5")[2] == whole[-5:]
    assert ask(server, f"m/{name}.mp4", Range=f"bytes={len(whole)}-")[0] == 416
    with pytest.raises(OutputError, match="choose another --port"):
        StudyServer(server.site.parent, port=server.server_address[1])
