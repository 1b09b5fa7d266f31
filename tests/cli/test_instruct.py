import json

import pytest

from visemic.core.acting_json import note_from_json

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
def test_a_server_that_is_not_there_is_said_and_the_note_is_by_rules(run):
    done = run("instruct", "--text", TEXT, "--model", "server", "--url", "nowhere")
    assert done.code == 0
    assert "is no address" in done.err
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
