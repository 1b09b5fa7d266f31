"""The comparison from nothing to a report, in the smallest form, stopped and taken up again."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from avatron_corpora import write_speech
from test_avatron import voice_recipe

from visemic.core.errors import ArtifactError, InputError, OutputError, TrainingError
from visemic.core.signals import Motion
from visemic.models.faceformer import FaceFormer
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.avatron_experiment import ComparisonSettings, run_comparison
from visemic.training.avatron_experiment_cost import cost_of, multiply_adds
from visemic.training.avatron_experiment_plot import draw_curves, read_curve
from visemic.training.avatron_experiment_scale import (
    FACEFORMER,
    QUICK,
    REDUCED,
    SCALES,
    WITHOUT_GAN,
    experiment_corpus,
    face_rig,
    gan_name,
    run_recipes,
)
from visemic.training.avatron_experiment_table import (
    FDD_ABSOLUTE,
    NVME,
    chosen_scale,
    published_parameters,
)
from visemic.training.trainer import train

torch.set_num_threads(1)


@pytest.fixture
def _short_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames tell that a film is written."""
    from visemic.render import video

    real = video.render_shots

    def first_frames(shots, waveform, path: Path, **options) -> None:
        def start(shot):
            motion = Motion(shot.motion.values[:2], shot.motion.layout, shot.motion.rate)
            return replace(shot, motion=motion, against=shot.against and start(shot.against))

        real([start(shot) for shot in shots], None, path, **options)

    monkeypatch.setattr(video, "render_shots", first_frames)


class StopError(Exception):
    pass


@pytest.mark.slow
@pytest.mark.usefixtures("_short_films")
def test_a_comparison_that_was_stopped_goes_on_and_repeats_no_training(tmp_path):
    speech = write_speech(tmp_path / "speech")
    voice = train(voice_recipe(), {"speech": speech}, tmp_path / "voice").model
    settings = ComparisonSettings(QUICK, {"voice": voice})
    out = tmp_path / "out"

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "choosing":
            raise StopError

    with pytest.raises(StopError):
        run_comparison(out, settings, progress=stop)
    assert not (out / "report.md").exists()
    trained = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model/*")}
    assert len({path.parts[-3] for path in trained}) == 4

    seen = set()
    report = run_comparison(out, settings, progress=lambda stage, *_: seen.add(stage))
    assert not any(stage.startswith("training") for stage in seen)
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model/*")} == trained

    text, data = report.read_text(), json.loads((out / "report.json").read_text())
    assert "The corpus is synthetic" in text
    assert "no wav2vec 2.0 was given" in text
    assert str(tmp_path) not in text
    for protocol in ("teacher durations", "predicted durations"):
        rows = data[protocol]["rows"]
        assert rows["ground-truth"][NVME]["mean"] == 0
        assert rows["permuted-track"][NVME]["mean"] > 0
        assert {WITHOUT_GAN, FACEFORMER, data["chosen"], "rules", "static-face"} <= set(rows)
        assert not data[protocol]["left_out"]
    taught = data["teacher durations"]["rows"]
    assert taught["rules"][NVME]["mean"] < 0.5 * taught["static-face"][NVME]["mean"]
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert len(list(out.glob("errors_*.png"))) == QUICK.n_films
    assert len(list(out.glob("films/errors/*.mp4"))) == QUICK.n_films
    kinds = {json.loads((out / n / "study.json").read_text())["kind"] for n in ("study-smos", "study-mos")}
    assert kinds == {"smos", "mos"}
    assert not list(out.rglob("*.partial*"))

    with pytest.raises(TrainingError, match="begun with another seed"):
        run_comparison(out, replace(settings, seed=1))


def test_without_a_voice_one_sentence_says_how_to_get_one(tmp_path, monkeypatch):
    from visemic.training import avatron_experiment_voice

    monkeypatch.setattr(avatron_experiment_voice, "packaged_models", lambda: ())
    with pytest.raises(ArtifactError, match="--data voice=FOLDER"):
        run_comparison(tmp_path / "out", ComparisonSettings(QUICK, {}))
    assert not (tmp_path / "out").exists()


def test_what_is_no_data_of_the_comparison_is_refused(tmp_path):
    with pytest.raises(InputError, match="data 'fases' is none of faces"):
        ComparisonSettings(QUICK, {"fases": tmp_path})
    with pytest.raises(InputError, match="masks are for a store"):
        ComparisonSettings(QUICK, {}, ("lips=lips.txt",))
    with pytest.raises(InputError, match="-1 minutes"):
        ComparisonSettings(QUICK, {}, minutes=-1)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    from visemic.training.experiment_folder import ExperimentFolder

    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds no experiment"):
        ExperimentFolder(tmp_path, {})
    with pytest.raises(OutputError, match="does not exist"):
        ExperimentFolder(tmp_path / "a" / "b", {})
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.slow
def test_the_thinned_face_reads_as_the_whole_head_does():
    whole, face = load_rig("visemic"), face_rig(300)
    ours, theirs = fit_readouts(face), fit_readouts(whole)
    np.testing.assert_allclose(ours.rest_mm, theirs.rest_mm)
    np.testing.assert_allclose(ours.slopes_mm, theirs.slopes_mm)
    assert 290 <= face.n_vertices <= 310
    assert face.triangles.max() < face.n_vertices
    assert min((face.regions[name] > 0.5).sum() for name in ("lips", "upper_face")) > 20


def test_nobody_acts_a_feeling_and_a_fifth_is_held_out():
    for scale in SCALES.values():
        config = experiment_corpus(scale)
        assert {s.emotional_share for s in config.speakers} == {0.0}
        assert config.held_out_every == 5


def recipes(**options):
    kept = {"speakers": ("a", "b"), "lip_vertices": (1, 2), "unit_m": 0.002, "minutes": 0.0, "seed": 3}
    return run_recipes(REDUCED, **{**kept, **options})


def test_runs_differ_in_their_critics_alone():
    runs = recipes()
    plain = runs[WITHOUT_GAN]
    assert plain.loss == {"gan": False}
    for adversarial in REDUCED.adversarial:
        run = runs[gan_name(adversarial)]
        assert run.loss["adversarial"] == adversarial
        assert (run.data, run.model, run.optimiser, run.schedule, run.seed) == (
            plain.data, plain.model, plain.optimiser, plain.schedule, plain.seed,
        )  # fmt: skip


def test_without_lips_nothing_makes_them_close():
    assert all(
        run.loss["closure"] == 0.0 for name, run in recipes(lip_vertices=()).items() if name != FACEFORMER
    )


def test_a_checkpoint_of_hearing_makes_the_published_encoder():
    assert recipes(is_base_hearing=True)[FACEFORMER].task == "faceformer"
    assert recipes(is_base_hearing=True)[FACEFORMER].model == {}
    assert "hearing" in recipes()[FACEFORMER].model


def test_a_fresh_encoder_learns_its_convolutions():
    from visemic.training.avatron_experiment_hearing import FreshFaceFormerTask

    class Task(FreshFaceFormerTask):
        def __init__(self) -> None:
            self._hearing_path = None

        @property
        def config(self):
            from visemic.core.config import config_from_dict
            from visemic.models.faceformer import FaceFormerConfig

            return config_from_dict(
                FaceFormerConfig, {"n_channels": 6, "n_styles": 1, "hearing": dict(QUICK.hearing)}, "model"
            )

    network = Task().network()
    assert isinstance(network, FaceFormer)
    assert all(p.requires_grad for p in network.audio_encoder.feature_extractor.parameters())


def row(nvme: float, fdd: float) -> dict[str, dict[str, float]]:
    return {NVME: {"mean": nvme}, FDD_ABSOLUTE: {"mean": fdd}}


def test_validation_chooses_the_liveliest_that_loses_little_and_else_the_nearest():
    rows = {"plain": row(1.0, 9.0), "a": row(1.02, 5.0), "b": row(1.04, 3.0), "c": row(1.2, 1.0)}
    names = {"a": 1.0, "b": 2.0, "c": 4.0}
    assert chosen_scale(rows, "plain", names) == "b"
    assert chosen_scale({**rows, "a": row(1.3, 1.0), "b": row(1.4, 1.0)}, "plain", names) == "c"


def test_products_convolutions_and_recurrences_are_counted():
    x = torch.zeros(1, 7, 10)
    linear, convolution = nn.Linear(10, 20), nn.Conv1d(10, 6, 3, padding=1)
    recurrence = nn.LSTM(10, 8, 2, batch_first=True, bidirectional=True)
    weights = sum(w.numel() for name, w in recurrence.named_parameters() if name.startswith("weight"))
    assert multiply_adds(lambda: linear(x)) == 7 * 200
    assert multiply_adds(lambda: convolution(x.mT)) == 7 * 180
    assert multiply_adds(lambda: recurrence(x)) == 7 * weights
    cost = cost_of(linear, lambda: linear(x), 2.0)
    assert (cost.parameters, cost.multiply_adds) == (220, 700)
    assert cost.seconds > 0


def test_the_published_chain_is_half_of_faceformer():
    found = published_parameters()
    assert found["faceformer, trained"] == 92_215_197
    chain = sum(n for name, n in found.items() if not name.startswith("faceformer"))
    assert chain < 0.485 * found["faceformer, trained"]


def test_curves_are_read_from_the_log_and_drawn(tmp_path):
    lines = [
        {"step": 10, "losses": {"real_verdict": 0.5, "made_verdict": 0.1}},
        {"step": 20, "validation": {"reconstruction": 0.9, "upper_liveliness": 0.4}},
        {"step": 40, "validation": {"reconstruction": 0.7, "upper_liveliness": 0.6}},
    ]
    log = tmp_path / "metrics.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_curve(log, "validation", "reconstruction") == ([20, 40], [0.9, 0.7])
    assert read_curve(log, "losses", "nothing") == ([], [])
    draw_curves({"one": log, "two": log}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
