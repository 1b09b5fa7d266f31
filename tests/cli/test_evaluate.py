"""``visemic evaluate``: a store goes in, report files come out, and a refusal leaves nothing behind."""

import json
import re

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clip
from visemic.data.convert import convert
from visemic.evaluation.report_predictor import ALWAYS
from visemic.evaluation.sync import SyncScore

FAST = ("--metrics", "coefficient_l2,lip_gap_correlation", "--video", "none")


@pytest.fixture
def corpus(tmp_path):
    """Give a store of three short clips of weights for the test and one of training."""
    rng = np.random.default_rng(0)
    clips = [weights_clip(f"anna/{n}", rng, split="test" if n else "train") for n in range(4)]
    convert(clips, tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.fixture
def meshes(tmp_path):
    convert([mesh_clip(f"cleo/{n}", np.random.default_rng(n)) for n in range(3)], tmp_path / "meshes")
    return tmp_path / "meshes"


def refused(result, folder, before):
    """The laws of every refusal: code 2, one sentence, nothing new in the folder."""
    assert result.code == 2, result
    assert result.out == ""
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("visemic: ")
    assert sorted(p.name for p in folder.iterdir()) == sorted(before)
    return lines[0]


def test_a_report_comes_out_of_a_store(run, corpus, tmp_path):
    result = run("evaluate", "rules", "--data", "corpus", "-o", "report", "--save-protocol", "p.json", *FAST)
    assert result.code == 0, result.err
    assert result.out.startswith("4 rows on 3 clips, protocol ")
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert [row["name"] for row in report["rows"]] == list(ALWAYS)
    assert sorted([*report["files"], "report.json"]) == sorted(
        p.name for p in (tmp_path / "report").iterdir()
    )
    assert report["protocol"]["clip_ids"] == ["anna/1", "anna/2", "anna/3"]
    text = (tmp_path / "report/report.md").read_text()
    for name in re.findall(r"\]\(([^)]+)\)", text):
        assert (tmp_path / "report" / name).is_file()


@pytest.mark.slow
def test_a_protocol_gives_the_same_numbers_again(run, corpus, tmp_path):
    first = run("evaluate", "rules", "--data", "corpus", "-o", "a", "--save-protocol", "p.json", *FAST)
    again = run("evaluate", "rules", "--data", "corpus", "-o", "b", "--protocol", "p.json", "--video", "none")
    assert (first.code, again.code) == (0, 0)
    one, two = (json.loads((tmp_path / name / "report.json").read_text()) for name in "ab")
    assert one == two


@pytest.mark.slow
def test_one_machine_readable_line(run, corpus):
    said = json.loads(
        run("evaluate", "rules", "--data", "corpus", "-o", "report", "--split", "all", "--json", *FAST).out
    )
    assert (said["clips"], said["rows"], said["videos"]) == (4, list(ALWAYS), [])


def test_floors_stand_in_the_same_table(run, corpus, tmp_path):
    (tmp_path / "f.toml").write_text(
        '[[floor]]\nname = "ridge"\nsource = "a paper"\n[floor.metrics]\nlip_gap_correlation = 0.83\n'
    )
    run("evaluate", "rules", "--data", "corpus", "-o", "report", "--floors", "f.toml", *FAST)
    text = (tmp_path / "report/report.md").read_text()
    table = text[text.index("| row | coefficient_l2") : text.index("## Published floors")]
    assert "| *ridge* | – | 0.83 |" in table
    assert "- *ridge*: a paper" in text


@pytest.mark.slow
def test_masks_fill_the_rows_of_a_mesh_corpus_and_missing_ones_are_told(run, meshes, tmp_path):
    words = ("evaluate", "rules", "--data", "meshes", "--video", "none")
    told = run(*words, "-o", "bare")
    assert told.code == 0, told.err
    assert "--mask lips=FILE --mask upper_face=FILE --mask lip_pair=FILE" in told.err.replace(
        " --mask landmarks=FILE", ""
    )
    assert "lip_vertex_error" not in (tmp_path / "bare/report.md").read_text().split("## ")[0]
    for name, numbers in {
        "lips": [0, 1],
        "upper_face": [2, 3],
        "landmarks": [0, 1],
        "lip_pair": [0, 1],
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(numbers))
    masks = [w for n in ("lips", "upper_face", "landmarks", "lip_pair") for w in ("--mask", f"{n}={n}.json")]
    result = run(*words, "-o", "full", *masks)
    assert result.code == 0, result.err
    assert "--mask" not in result.err
    rows = json.loads((tmp_path / "full/report.json").read_text())["rows"]
    static = next(row for row in rows if row["name"] == "static-face")["metrics"]
    for metric in (
        "lip_vertex_error_mm",
        "face_dynamics_deviation_m2",
        "mouth_opening_difference_mm",
        "landmark_distance",
    ):
        assert static[metric]["n"] == 3


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--data", "none"), "none"),
        (
            ("--data", "corpus", "--split", "dev"),
            "no split 'dev' among 4 splits; there are train, validation, test, all",
        ),
        (("--data", "corpus", "--split", "train"), "1 clips of split 'train'"),
        (("--data", "corpus", "--metrics", "coefficient_l1"), "did you mean 'coefficient_l2'"),
        (("--data", "corpus", "--metrics", "coverage_error_m2"), "raise --takes"),
        (("--data", "corpus", "--metrics", "lse_d"), "--syncnet FILE"),
        (("--data", "corpus", "--takes", "0"), "0 takes"),
        (("--data", "corpus", "--mask", "lips=lips.json"), "the corpus holds weights"),
        (("--data", "corpus", "--sync", "motionsync"), "did you mean 'motion-sync'"),
        (("--data", "corpus", "--video", "anna/0"), "did you mean 'anna/"),
        (("--data", "corpus", "--floors", "none.toml"), "none.toml"),
        (("--data", "corpus", "--protocol", "none.json"), "none.json"),
        (("--data", "corpus", "--rig", "vismic"), "did you mean 'visemic'"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(run, corpus, tmp_path, words, hint):
    result = run("evaluate", "rules", *words, "-o", "report", "--save-protocol", "p.json")
    assert hint in refused(result, tmp_path, ["corpus"])


def test_an_unknown_model_and_a_report_that_exists_are_refused(run, corpus, tmp_path):
    words = ("--data", "corpus", "-o", "report")
    assert "viseme-rules" in refused(run("evaluate", "rulez", *words), tmp_path, ["corpus"])
    (tmp_path / "report").mkdir()
    (tmp_path / "report/report.md").write_text("mine")
    assert "exists" in refused(run("evaluate", "rules", *words), tmp_path, ["corpus", "report"])
    assert (tmp_path / "report/report.md").read_text() == "mine"


class FakePictures:
    """Stands for a network whose weights no test has."""

    name = "syncnet"

    def __init__(self, weights, rig):
        self.read = weights.read_bytes()

    def score(self, motion, waveform):
        return SyncScore(6.5, 7.25, -0.04, 6.75)


@pytest.mark.slow
def test_syncnet_has_columns_of_its_own(run, corpus, tmp_path, monkeypatch):
    import visemic.evaluation.syncnet as syncnet

    monkeypatch.setattr(syncnet, "syncnet_scorer", FakePictures)
    (tmp_path / "net.bin").write_bytes(b"weights")
    words = ("evaluate", "rules", "--data", "corpus", "--video", "none", "--syncnet", "net.bin")
    result = run(*words, "-o", "report", "--metrics", "lse_d,lse_c,lse_offset_ms")
    assert result.code == 0, result.err
    text = (tmp_path / "report/report.md").read_text()
    assert "| LSE-D by syncnet ↓ | LSE-C by syncnet ↑ | offset by syncnet [ms] → 0 |" in text
    row = json.loads((tmp_path / "report/report.json").read_text())["rows"][0]["metrics"]
    assert (row["lse_d"]["mean"], row["lse_c"]["mean"], row["lse_offset_ms"]["mean"]) == (6.5, 7.25, -40.0)


@pytest.mark.slow
def test_another_scorer_is_named_in_its_columns_and_fixed_by_the_protocol(run, corpus, tmp_path, monkeypatch):
    import visemic.evaluation.motion_sync as motion_sync

    class FakeMotion(FakePictures):
        name = "motion-sync"

        def __init__(self, readouts):
            self.readouts = readouts

    monkeypatch.setattr(motion_sync, "MotionSyncScorer", FakeMotion)
    words = ("evaluate", "rules", "--data", "corpus", "--video", "none")
    made = run(
        *words, "-o", "a", "--sync", "motion-sync", "--metrics", "sync_distance", "--save-protocol", "p.json"
    )
    assert made.code == 0, made.err
    assert "sync_distance by motion-sync" in (tmp_path / "a/report.md").read_text()
    assert run(*words, "-o", "b", "--protocol", "p.json").code == 0
    assert json.loads((tmp_path / "b/report.json").read_text())["sync_scorer"] == "motion-sync"


@pytest.mark.slow
def test_films_are_linked_and_play(run, corpus, meshes, tmp_path):
    import av

    for store, rows in (("corpus", "recorded, rules, static-face"), ("meshes", "recorded, static-face")):
        words = ("--data", store, "-o", f"{store}-report", "--metrics", "mean_vertex_error_mm")
        result = run("evaluate", "rules", *words, "--json")
        assert result.code == 0, result.err
        said = json.loads(result.out)
        text = (tmp_path / f"{store}-report/report.md").read_text()
        assert len(said["videos"]) == 2
        assert rows in text
        for path in said["videos"]:
            name = path.rpartition("/")[2]
            assert f"]({name})" in text
            with av.open(str(tmp_path / path)) as film:
                kinds = [stream.type for stream in film.streams]
                assert kinds == (["video", "audio"] if store == "corpus" else ["video"])
                assert film.streams.video[0].frames in (30, 40)
