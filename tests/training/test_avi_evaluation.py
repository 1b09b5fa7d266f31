"""The evaluation of expressive speech from store to report, with models as small as can be."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from visemic.core.acting_note import ActingNote, Span
from visemic.core.artifact import Artifact, load_artifact
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion, Phone, Waveform
from visemic.data.convert import convert
from visemic.data.recording import Recording
from visemic.evaluation.avi_clip import JudgedSet, note_within, read_judged
from visemic.evaluation.avi_experiment import AviModels, AviSettings, run_avi_evaluation
from visemic.evaluation.avi_measure import brow_effort, pose_error
from visemic.evaluation.avi_performer import (
    AVI,
    AVI_AT_REST,
    AVI_MEAN,
    AVI_TRUE,
    BORROWED,
    CALM,
    RECORDING,
    RULES,
    Cast,
    fitted,
    recorded_rows,
)
from visemic.evaluation.study import read_study
from visemic.evaluation.study_answer import AnswerStore, check_answer
from visemic.evaluation.study_report import summarise
from visemic.models.instructor import Instructor
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.avi_others import load_mover
from visemic.training.recipe import recipe_from_dict
from visemic.training.style_encoder import StyleEncoderTask
from visemic.training.style_generator import StyleGeneratorTask
from visemic.training.style_prior import StylePriorTask

torch.set_num_threads(1)

RATE = Rate.of(30)
N_FRAMES = 66
ENCODER = {"window": 20, "patch": 4, "width": 16, "depth": 1, "heads": 2, "style": 8}
PRIOR = {
    "text": {
        "width": 16,
        "depth": 1,
        "heads": 2,
        "embedding": 12,
        "hidden": 16,
        "n_blocks": 1,
        "projector": 16,
    },
    "prior": {"depth": 1, "heads": 2, "head_width": 8},
}
SENTENCES = {
    "happy": "A very happy person speaks with very raised lip corners.",
    "neutral": "A calm person speaks.",
}
SPOKEN = Alignment(
    (Phone("SIL", 0.0, 0.5), Phone("M", 0.5, 0.7), Phone("AA", 0.7, 1.6, 1), Phone("SIL", 1.6, 2.2)),
    (),
    "ma",
    2.2,
)
SMALL = AviSettings(
    n_clips=4, n_pool=4, n_trained=12, n_varied=1, n_strong=1, n_filmed=1, tile_px=24, film_px=32
)


def _clip(number: int) -> Recording:
    rng = np.random.default_rng(number)
    emotion = ("happy", "neutral")[number % 2]
    values = 0.1 * rng.random((N_FRAMES, len(ARKIT_61))).astype(np.float32)
    if emotion == "happy":
        values[:, ARKIT_61.indices(["mouthSmileLeft", "mouthSmileRight"])] += 0.6
    split = "train" if number < 12 else "validation" if number < 14 else "test"
    return Recording(
        f"clip/{number}", f"actor_{number // 4 if split != 'test' else 10 + number % 4 // 2}", split,
        "CC0-1.0", "made up", RATE,
        motion=Motion(values, ARKIT_61, RATE),
        waveform=Waveform(rng.normal(0, 0.1, 35_200).astype(np.float32), SPEECH_RATE),
        alignment=SPOKEN, text="ma", emotion=emotion, intensity=1.0 if emotion == "happy" else 0.0,
    )  # fmt: skip


class _Scripted(Instructor):
    """A first stage that always says the same."""

    def __init__(self) -> None:
        self.name = "scripted"

    def instruct(self, waveform, alignment=None, text=None, *, at_rest=None, seed=0):
        return ActingNote((Span(0.0, waveform.duration_s, "happy", 1.0),), self.name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("avi") / "store"
    clips = [_clip(number) for number in range(22)]
    convert(iter(clips), path)
    lines = [
        {
            "clip": c.clip_id, "emotion": c.emotion, "intensity": c.intensity, "gaze": "", "head": "",
            "units": {"12": 0.8} if c.emotion == "happy" else {}, "texts": [SENTENCES[c.emotion]],
        }
        for c in clips
    ]  # fmt: skip
    (path / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def judged(store: Path) -> JudgedSet:
    return read_judged(store, n_clips=4, n_pool=3, n_trained=5)


def _recipe(task: str, **tables: dict[str, object]):
    return recipe_from_dict({"name": task, "task": task, "description": "a test", **tables})


@pytest.fixture(scope="module")
def style(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    encoder = StyleEncoderTask(_recipe("style-encoder", model=ENCODER), {"expressive": store})
    encoder.save(encoder.network().eval(), root / "encoder", {"loss": 0.5})
    paths = {"expressive": store, "encoder": root / "encoder"}
    prior = StylePriorTask(_recipe("style-prior", model=PRIOR), paths)
    prior.save(prior.network().eval(), root / "prior", {"loss": 0.5})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISEMIC_CACHE", str(root / "cache"))
        generator = StyleGeneratorTask(
            _recipe(
                "style-generator",
                model={"channels": 12, "dilations": [1, 2]},
                data={"crop": 40},
                loss={"critic_from": 1},
            ),
            {**paths, "prior": root / "prior"},
        )
        generator.save(generator.network().eval(), root / "model", {"loss": 0.5})
    return load_artifact(root / "model")


@pytest.mark.slow
def test_feelings_and_actors_come_evenly_and_nothing_judged_is_the_reference(judged):
    assert [clip.caption.emotion for clip in judged.clips].count("happy") == 2
    assert len({clip.recording.speaker for clip in judged.clips}) == 2
    assert (len(judged.others), len(judged.pool), len(judged.trained)) == (4, 3, 5)
    for clip in judged.clips:
        assert clip.twin is not None
        assert clip.twin.emotion == clip.caption.emotion
        assert clip.true_note.spans[0].end_s == clip.motion.duration_s


@pytest.mark.slow
def test_the_recording_is_at_no_distance_from_itself(judged):
    own, other = recorded_rows(judged)
    clip = judged.clips[0]
    assert pose_error(own.perform(clip, 0), clip.motion) == 0
    assert pose_error(other.perform(clip, 0), clip.motion) > 0
    still = Motion(np.zeros_like(clip.motion.values), ARKIT_61, RATE)
    assert np.isnan(brow_effort(still, clip))


def test_a_motion_is_given_the_length_of_the_clip():
    like = Motion(np.zeros((10, len(ARKIT_61)), np.float32), ARKIT_61, RATE)
    ramp = np.linspace(0, 1, 7, dtype=np.float32)[:, None] * np.ones(len(ARKIT_61), np.float32)
    made = fitted(Motion(ramp, ARKIT_61, RATE), like)
    assert made.values.shape == (10, len(ARKIT_61))
    assert made.values[9, 0] == made.values[6, 0] == 1


def test_spans_are_cut_to_the_clip_and_those_behind_it_fall_away():
    note = ActingNote((Span(0.0, 1.0, "happy", 1.0), Span(1.0, 3.0, "sad", 1.0), Span(3.0, 4.0)))
    assert [span.end_s for span in note_within(note, 2.0).spans] == [1.0, 2.0]


@pytest.mark.slow
def test_seeds_vary_what_is_drawn_and_not_the_mean_style(judged, style):
    cast = Cast(fit_readouts(load_rig("visemic")), style, None)
    drawn, mean = cast.acting.face, cast._mean.face
    text = SENTENCES["happy"]
    assert not np.allclose(drawn.style_of(text, seed=0), drawn.style_of(text, seed=1))
    assert np.array_equal(mean.style_of(text, seed=0), mean.style_of(text, seed=1))
    clip = judged.clips[0]
    for row in cast.rows():
        assert row.perform(clip, 0).values.shape == clip.motion.values.shape


@pytest.mark.slow
def test_a_report_has_every_row_and_pages_that_people_can_finish(store, style, tmp_path):
    out = tmp_path / "report"

    def broken(clip):
        raise ArtifactError("it hears nothing")

    models = AviModels(style, _Scripted(), {"broken": broken}, None, ("SyncNet",))
    report = run_avi_evaluation(out, store, load_rig("visemic"), models, SMALL)
    text = report.read_text()
    for row in (RECORDING, BORROWED, AVI, AVI_AT_REST, AVI_TRUE, AVI_MEAN, RULES, CALM, "real against real"):
        assert f"| {row} |" in text
    assert "Left out: SyncNet" in text
    assert "Left out: broken on clip" in text
    data = json.loads((out / "report.json").read_text())
    assert data["rows"][AVI_TRUE]["diversity"]["mean"] > 0
    assert data["rows"][AVI_MEAN]["diversity"] == 0
    assert data["rows"][RECORDING]["likeness"]["mean"] == pytest.approx(1)
    assert data["instructions"]["speech alone"]["emotion"]["mean"] == 0.5
    assert (out / "kid.svg").read_text().startswith("<svg")
    assert (out / "emotions.jpg").stat().st_size > 1_000
    for name in ("lip-sync", "expressiveness", "consistency"):
        study = read_study(out / f"study-{name}")
        assert study.kind == "mos"
        with AnswerStore(out / f"study-{name}") as answers:
            for trial in study.sessions[0]:
                choice = trial.wanted or "4"
                answers.add(
                    check_answer(
                        study,
                        {
                            "participant": "0" * 16, "session": 0, "trial": trial.trial_id, "match": 0,
                            "shown": list(trial.clips), "choice": choice, "seconds": 3.5, "plays": 1,
                            "broken": False, "sound": "on",
                        },
                    )
                )  # fmt: skip
            result = summarise(study, answers.answers())
        assert {one.rating.mean for one in result.systems} == {4.0}


@pytest.mark.slow
def test_without_models_the_rules_are_still_measured(store, tmp_path):
    settings = AviSettings(n_clips=4, n_pool=2, n_trained=6, n_varied=1, n_strong=1, n_filmed=0)
    report = run_avi_evaluation(tmp_path / "r", store, load_rig("visemic"), AviModels(), settings)
    text = report.read_text()
    assert f"| {AVI} |" not in text
    assert f"| {RULES} |" in text
    assert "worst emotion, acting layer" in text


def test_settings_that_measure_nothing_are_refused():
    with pytest.raises(InputError, match="judge at least 4"):
        AviSettings(n_clips=3)
    with pytest.raises(InputError, match="cannot be filmed"):
        AviSettings(n_clips=4, n_filmed=5)


@pytest.mark.slow
def test_a_further_row_is_a_model_of_a_known_kind(style):
    with pytest.raises(ArtifactError, match="give one of korzun or faceformer"):
        load_mover(style.folder)
