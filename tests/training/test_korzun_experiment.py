"""The experiments from nothing to a report, in the smallest form, stopped and taken up again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from visemic.core.errors import ArtifactError, OutputError, TrainingError
from visemic.core.signals import Motion
from visemic.evaluation.sync import LagScorer
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.korzun_experiment import (
    ExperimentSettings,
    choose_scorer,
    choose_sources,
    run_experiments,
)
from visemic.training.korzun_scale import KorzunScale, Rounds

torch.set_num_threads(1)

TINY = KorzunScale(
    "tiny",
    0.005,
    2,
    Rounds(2, 16, 1),
    Rounds(2, 2, 1),
    n_validation=2,
    n_long=2,
    n_same=2,
    n_films=2,
    film_px=64,
)
SETTINGS = ExperimentSettings(TINY, "log-mel", "autovc-mel")


@pytest.fixture
def lag() -> LagScorer:
    return LagScorer(fit_readouts(load_rig("visemic")))


@pytest.fixture
def _short_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames tell that a film is written; two hundred take a hundred times as long."""
    from visemic.render import video

    real = video.render_video

    def first_frames(rig, motion, waveform, path: Path, **options) -> None:
        start = Motion(motion.values[:2], motion.layout, motion.rate)
        real(rig, start, None, path, **options)

    monkeypatch.setattr(video, "render_video", first_frames)


class StopError(Exception):
    pass


@pytest.mark.slow
@pytest.mark.usefixtures("_short_films")
def test_experiments_that_were_stopped_go_on_and_repeat_no_run(tmp_path, lag):
    out = tmp_path / "out"

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "tables":
            raise StopError

    with pytest.raises(StopError):
        run_experiments(out, SETTINGS, scorer=lag, progress=stop)
    assert not (out / "report.md").exists()
    trained = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model/*")}
    assert len(trained) >= 16 * 3

    seen = set()
    report = run_experiments(out, SETTINGS, scorer=lag, progress=lambda stage, *_: seen.add(stage))
    assert not any(stage.startswith("training") for stage in seen)
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model/*")} == trained

    text, data = report.read_text(), json.loads((out / "report.json").read_text())
    assert "The corpus differs from the paper's" in text
    assert "Not wav2vec 2.0" in text
    assert "Not AutoVC's output" in text
    assert len(data["runs"]) == 16
    rows = data["tables"]["rows"]
    assert rows["ground-truth"]["coefficient_l2"]["mean"] == 0
    assert rows["ground-truth"]["sync_distance"] == rows["ground-truth, 33 shapes"]["sync_distance"]
    assert rows["permuted-track"]["coefficient_l2"]["mean"] > 0
    assert len(list(out.glob("films/*/*.mp4"))) == 8
    assert (out / "same-phrases.png").read_bytes()[:4] == b"\x89PNG"
    study = json.loads((out / "study" / "study.json").read_text())
    assert study["kind"] == "pairwise"
    assert len(study["systems"]) == 4
    assert not list(out.rglob("*.partial*"))

    with pytest.raises(TrainingError, match="begun with another seed"):
        run_experiments(out, replace(SETTINGS, seed=1), scorer=lag)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, lag):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds no experiment"):
        run_experiments(tmp_path, SETTINGS, scorer=lag)
    with pytest.raises(OutputError, match="does not exist"):
        run_experiments(tmp_path / "a" / "b", SETTINGS, scorer=lag)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_without_checkpoints_something_else_is_heard_under_its_own_name(tmp_path):
    w2v, avc = choose_sources(None, None)
    assert w2v in ("phonetic", "log-mel")
    assert avc == "autovc-mel"
    with pytest.raises(ArtifactError):
        choose_sources(str(tmp_path), None)
    with pytest.raises(ArtifactError):
        choose_sources(None, str(tmp_path))


def test_a_scorer_is_always_there():
    assert choose_scorer().name in ("motion-sync", "lag")
