"""Facts about the comparison of both MeshTalks: its recipes, its measures, its report."""

from pathlib import Path

import numpy as np
import pytest
import torch

from visemic.core.config import config_from_dict
from visemic.core.errors import InputError
from visemic.models.meshtalk import MeshTalk, MeshTalkConfig, n_parameters
from visemic.models.meshtalk_context import ContextModel
from visemic.training.meshtalk_experiment import MeshTalkSettings
from visemic.training.meshtalk_report import meshtalk_markdown
from visemic.training.meshtalk_scale import (
    FACEFORMER,
    FULL,
    LITE,
    codes_recipe,
    context_recipe,
    experiment_corpus,
    faceformer_recipe,
    steps_within,
    with_steps,
)
from visemic.training.recipe import read_recipe
from visemic.training.task import load_task

torch.set_num_threads(1)

RECIPES = Path(__file__).parents[2] / "recipes"
QUALITY = {"lip_mm": 3.0, "lip_centred_mm": 2.0, "mouth_mm": 1.0, "upper_face_mm": 0.5, "dynamics": 0.8}
CROSSING = {
    "mouth": 0.1,
    "upper_face": 0.2,
    "mouth_by_expression_mm": 0.1,
    "mouth_by_sound_mm": 1.0,
    "upper_by_sound_mm": 0.1,
    "upper_by_expression_mm": 0.5,
    "mouth_to_sound_giver_mm": 1.0,
    "mouth_to_expression_giver_mm": 2.0,
    "upper_to_expression_giver_mm": 0.5,
    "upper_to_sound_giver_mm": 0.9,
}


def result():
    speech = {"hear_s": 0.01, "guess_s": 0.02, "draw_s": 0.01, "multiply_adds": 2e8}
    heavy = {**speech, "hear_s": 0.4}
    parts = {"sound": 4, "expression": 3, "fusion": 2, "decoder": 1, "context": 1_000_000}
    row = {"own": QUALITY, "heard": QUALITY, "drawn": QUALITY, "crossing": CROSSING, "by_part": parts}
    step = {"seconds": 0.1, "peak_mib": 900.0, "rest_mib": 300.0, "steps": 50}
    curve = [{"step": 25, "own_mouth_mm": 2.0, "own_upper_face_mm": 1.0}]
    facts = {**step, "validation": {"loss": 1.0}, "curve": curve}
    names = [f"{FULL}-codes", f"{LITE}-codes", FULL, LITE, FACEFORMER]
    trainings = {name: dict(facts) for name in names}
    trainings[f"{FULL}-codes"]["seconds"] = 0.3
    return {
        "settings": {"minutes": 2.0},
        "n_clips": 6,
        "rows": {
            FULL: {**row, "parameters": 40_000_000, "speech": heavy},
            LITE: {**row, "parameters": 3_000_000, "speech": speech},
            FACEFORMER: {"heard": QUALITY},
        },
        "trainings": trainings,
        "pictures": {"swap": "swap.jpg", "film": "swap.mp4"},
    }


def test_the_report_says_what_is_reached_and_what_is_not():
    text = meshtalk_markdown(result())
    for line in (
        "| parameters, light over full | 0.075 | 0.25 | yes |",
        "| seconds a step, full over light | 3 | 4 | no |",
        "| seconds a second of speech, full over light | 10.8 | 4 | yes |",
        "| leakage of the upper face, light | 0.2 | 0.15 | no |",
        "![Sound and expression of two clips, crossed](swap.jpg)",
    ):
        assert line in text
    assert f"| {FACEFORMER} | sound and speaker | 3.00 |" in text


def test_the_recipes_of_the_comparison_are_those_of_the_folder(tmp_path):
    lite, context = (read_recipe(RECIPES / f"meshtalk-lite{part}.toml") for part in ("", "-context"))
    codes, second = codes_recipe(LITE, 7), context_recipe(LITE, 7)
    assert (lite.model, lite.loss, lite.data) == (codes.model, codes.loss, codes.data)
    assert (context.model, context.name) == (second.model, second.name)
    assert lite.optimiser == codes.optimiser
    paths = {"corpus": tmp_path, "codes": tmp_path}
    for recipe in (codes, second, codes_recipe(FULL, 0), context_recipe(FULL, 0), faceformer_recipe(0)):
        load_task(recipe, paths)


def test_the_light_model_has_a_quarter_of_the_full_ones_numbers_at_most():
    counts = []
    for name, n_points in ((LITE, 16), (FULL, 7_496)):
        tables = {**codes_recipe(name, 0).model, **context_recipe(name, 0).model, "n_points": n_points}
        config = config_from_dict(MeshTalkConfig, tables, "model")
        with torch.device("meta"):
            counts.append(n_parameters(MeshTalk(config), ContextModel(config)))
    assert counts[0] <= 0.25 * counts[1]


def test_steps_fit_the_time_and_are_at_least_two():
    recipe = codes_recipe(LITE, 0)
    assert steps_within(recipe, 1.0, 0.5) == 120
    assert steps_within(recipe, 0.001, 5.0) == 2
    assert steps_within(recipe, 1e6, 0.1) == recipe.schedule.max_steps
    short = with_steps(recipe, 30)
    assert (short.schedule.max_steps, short.schedule.validate_every) == (30, 4)


def test_the_speakers_have_an_upper_face_of_their_own():
    config = experiment_corpus(0.2)
    assert config.form == "both"
    assert len(config.speakers) == 2
    assert all(speaker.upper_face == 1.0 for speaker in config.speakers)
    for wrong in ({"minutes": 0.0}, {"size": 0.0}, {"size": 11.0}, {"n_judged": 1}):
        with pytest.raises(InputError):
            MeshTalkSettings(**wrong)


def test_a_judge_finds_no_error_in_the_clip_itself(tmp_path):
    from visemic.core.clock import SPEECH_RATE, Rate
    from visemic.core.signals import MeshMotion, Waveform
    from visemic.data.convert import convert
    from visemic.data.loader import ClipStore
    from visemic.data.recording import Recording
    from visemic.models.meshtalk_region import masks_from_rig
    from visemic.rig.registry import load_rig
    from visemic.training.meshtalk_measure import Judge

    rig = load_rig("visemic")
    rise = np.linspace(0, 0.01, 4, dtype=np.float32)[:, None, None] * np.float32([0, 1, 0])
    clip = Recording(
        clip_id="ann/0",
        speaker="ann",
        split="validation",
        licence="CC0-1.0",
        source="made up",
        rate=Rate.of(30),
        mesh=MeshMotion(rig.neutral + rise, rig.topology, Rate.of(30)),
        neutral=rig.neutral,
        waveform=Waveform(np.zeros(2_133, np.float32), SPEECH_RATE),
    )
    convert([clip], tmp_path / "store")
    judge = Judge(rig, masks_from_rig(rig), ClipStore(tmp_path / "store"))
    same = judge.quality(lambda one: one.mesh.vertices)
    assert same.lip_mm == 0
    assert same.dynamics == pytest.approx(1.0)
    resting = judge.quality(lambda one: np.repeat(one.neutral[None], 4, axis=0))
    assert resting.lip_mm == pytest.approx(5.0, abs=0.01)
    assert resting.lip_centred_mm < 0.01
    assert resting.dynamics == 0
