import http.client
import json

import pytest

from visemic.core.acting_json import note_from_json
from visemic.core.errors import InputError

TEXT = "What a wonderful day! I hate this mess."


@pytest.mark.slow
def test_a_text_gives_a_note_that_is_shown_and_written(run, tmp_path):
    done = run("instruct", "--text", TEXT, "--model", "rules", "-o", "note.json")
    assert done.code == 0
    assert "happy person speaks" in done.out
    note = note_from_json((tmp_path / "note.json").read_text())
    assert [span.emotion for span in note.spans] == ["happy", "angry"]
    again = run("instruct", "--text", TEXT, "--model", "rules", "-o", "note.json")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert (
        run("instruct", "--text", TEXT, "--model", "rules", "-o", "note.json", "--overwrite", "-q").out == ""
    )


@pytest.mark.slow
def test_a_server_that_is_not_there_is_said_and_the_note_is_by_rules(monkeypatch, run):
    def refuse(connection):
        raise ConnectionRefusedError("Connection refused")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", refuse)
    done = run("instruct", "--text", TEXT, "--model", "server", "--url", "http://127.0.0.1:1/v1")
    assert done.code == 0
    assert "cannot be asked" in done.err
    assert "by rules" in done.err
    assert "happy person speaks" in done.out


@pytest.mark.slow
def test_json_is_the_note_itself(run):
    done = run("instruct", "--text", TEXT, "--model", "rules", "--json")
    assert json.loads(done.out)["source"] == "rules"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give an audio file or a text"),
        (("--text", "Hi.", "-o", "note.yaml"), "there are .json .txt"),
        (("--text", "Hi.", "-o", "gone/note.json"), "does not exist"),
        (("--text", "Hi.", "--model", "rulez"), "did you mean 'rules'"),
        (("--text", "Hi.", "--timeout", "nan"), "give seconds above 0"),
        (("--text", "Hi.", "--timeout", "inf"), "at most 3600"),
        (("--text", "Hi.", "--timeout", "4000"), "at most 3600"),
        (("--text", "Hi.", "--model", "server", "--url", "foo"), "is no address"),
        (("--text", "Hi.", "--model", "server", "--server-key", "a\nb"), "key holds characters"),
        (("--text", "Hi.", "--at-rest", "nope.wav"), "none is given"),
        (("--text", "Hi.", "--seed", "-5"), "seed is -5"),
        (("-f", "a.txt", "-o", "a.txt", "--overwrite"), "is an input as well"),
        (("--text", " "), "write at least one word"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run, words, message):
    done = run("instruct", *words)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--emotion", "hapy"), "did you mean 'happy'"),
        (("--note", "gone.json"), "cannot read note"),
        (("--save-note", "n.json"), "no note to save"),
        (("--act", "--emotion", "sad"), "give one of the two"),
        (("--act", "--save-note", "n.toml"), "there are .json .txt"),
    ],
)
def test_acting_that_cannot_be_done_is_refused_before_any_work(run, buzz, words, message):
    done = run("animate", buzz, "-o", "a.npz", *words)
    assert done.code == 2
    assert message in done.err


@pytest.mark.slow
def test_speech_is_acted_and_its_note_saved(run, buzz, tmp_path):
    done = run("animate", buzz, "-o", "a.csv", "--act", "--save-note", "n.json")
    assert done.code == 0, done.err
    assert "n.json" in done.out
    # --act performs with avi-style; a note alone is laid over the model that is asked for.
    again = run("animate", buzz, "-o", "b.csv", "--note", "n.json", "--model", "avi-style", "-q")
    assert again.code == 0, again.err
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def note_file(path, **values):
    span = {"start_s": 0, "end_s": 0.5, "emotion": "happy", "intensity": 0.5, **values}
    path.write_text(json.dumps({"version": 1, "spans": [span]}))
    return path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "a.json", "--emotion", "sad", "--save-note", "a.json"), "'a.json' is named twice"),
        (("-o", "a.csv", "--emotion", "sad", "--save-note", "a.csv.manifest.json"), "is named twice"),
        (("-o", "n.json", "--note", "n.json"), "'n.json' is an input as well"),
        (("-o", "a.csv", "--note", "n.json", "--save-note", "./n.json"), "is an input as well"),
        (("-o", "n.json", "--note", "m.json", "--since", "n.json"), "is an input as well"),
        (
            (
                "-o",
                "buzz.wav",
            ),
            "'buzz.wav' is an input as well",
        ),
    ],
)
def test_no_output_takes_the_place_of_another_or_of_an_input(run, buzz, tmp_path, words, message):
    before = note_file(tmp_path / "n.json").read_bytes(), buzz.read_bytes()
    done = run("animate", "buzz.wav", *words, "--overwrite")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert ((tmp_path / "n.json").read_bytes(), buzz.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["buzz.wav", "n.json"]


def test_since_may_be_given_several_times(monkeypatch, run, buzz, tmp_path):
    from visemic.pipeline import animate as module

    def stop(source, **options):
        raise InputError(
            " ".join(f"{note.spans[0].intensity:g}" for note in (*options["since"].before, options["since"]))
        )

    monkeypatch.setattr(module, "animate", stop)
    for number in (1, 2):
        note_file(tmp_path / f"{number}.json", intensity=number / 10)
    done = run("animate", buzz, "-o", "a.npz", "--note", "1.json", "--since", "1.json", "--since", "2.json")
    assert done.err == "visemic: 0.1 0.2\n"


@pytest.mark.slow
def test_a_note_with_a_tempo_is_saved_as_given(run, tmp_path):
    note_file(tmp_path / "n.json", tempo=0.5)
    first = run("speak", "Hello there.", "--note", "n.json", "-o", "a.csv", "--save-note", "m.json")
    again = run("speak", "Hello there.", "--note", "m.json", "-o", "b.csv")
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert note_from_json((tmp_path / "m.json").read_text()) == note_from_json(
        (tmp_path / "n.json").read_text()
    )
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
