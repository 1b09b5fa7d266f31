"""The experiments' sizes, recipes, picture and report."""

from pathlib import Path

import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.data.synthetic import synthetic_recordings
from visemic.data.synthetic_config import VOICES
from visemic.models.korzun import KorzunConfig
from visemic.training.korzun import KorzunData
from visemic.training.korzun_picture import draw_panels, same_speaker_share
from visemic.training.korzun_report import PUBLISHED, PUBLISHED_VOICES, PUBLISHED_VOTES
from visemic.training.korzun_scale import (
    FULL,
    MODELS,
    NEW_VOICES,
    REDUCED,
    STUDIED,
    SUBSETS,
    KorzunScale,
    Rounds,
    experiment_corpus,
    one_speaker,
    run_name,
    run_recipe,
    subset_clips,
)
from visemic.training.korzun_table import METRICS, long_phrases
from visemic.training.recipe import read_recipe

RECIPES = Path(__file__).parent.parent.parent / "recipes"


def test_the_full_subsets_are_the_papers():
    counts = [subset_clips(FULL, subset) for subset in SUBSETS]
    assert counts == [
        {"speaker_1": 450},
        {"speaker_1": 900},
        {"speaker_1": 1_800},
        {"speaker_1": 1_800, "speaker_2": 450},
    ]
    assert [s.n_phrases for s in experiment_corpus(FULL).speakers] == [2_000, 500]


def test_the_reduced_form_keeps_the_proportions_and_has_test_clips_enough():
    counts = [sum(subset_clips(REDUCED, subset).values()) for subset in SUBSETS]
    assert counts == [27, 54, 108, 135]
    second = experiment_corpus(REDUCED).speakers[1]
    assert second.n_phrases // 10 >= REDUCED.n_test


def test_nobody_in_the_experiments_shows_a_feeling_that_cannot_be_heard():
    assert all(speaker.emotional_share == 0 for speaker in experiment_corpus(FULL).speakers)


def test_two_speakers_alone_say_the_same_phrases():
    said = [
        [r.text for r in synthetic_recordings(one_speaker(speaker, 2), 5)]
        for speaker in experiment_corpus(REDUCED).speakers
    ]
    assert said[0] == said[1]


def test_the_new_voices_are_in_no_corpus_that_is_made_here():
    assert not {voice.removeprefix("espeak:") for voice in NEW_VOICES} & set(VOICES)


def test_sixteen_runs_have_names_of_their_own():
    assert len({run_name(model, subset) for model in MODELS for subset in SUBSETS}) == 16
    assert all(pair in [(m, s) for m in MODELS for s in SUBSETS] for pair in STUDIED)


def test_every_published_number_is_there():
    assert set(PUBLISHED) == set(MODELS) == set(PUBLISHED_VOICES)
    assert all(set(by_metric) == set(METRICS) for by_metric in PUBLISHED.values())
    assert all(len(row) == 4 for by_metric in PUBLISHED.values() for row in by_metric.values())
    assert set(PUBLISHED_VOTES) == {run_name(*pair) for pair in STUDIED}


@pytest.mark.parametrize("model", MODELS)
def test_the_recipe_of_a_model_is_that_of_its_full_run(model):
    recipe = read_recipe(RECIPES / f"{model.replace('_', '-')}.toml")
    own = run_recipe(FULL, model, 4, str(recipe.data["features"]), 0)
    assert recipe.task == own.task == "korzun"
    assert recipe.model == own.model
    assert recipe.optimiser == own.optimiser
    assert recipe.schedule == own.schedule
    assert str(recipe.data["features"]).startswith("hf:" if model.endswith("w2v") else "autovc:")


def test_the_recipe_of_the_short_context_differs_in_two_keys():
    recipe = read_recipe(RECIPES / "ff-w2v-short.toml")
    assert recipe.model == {"kind": "ff", "context": 25, "norm": "layer"}
    assert recipe.schedule == read_recipe(RECIPES / "ff-w2v.toml").schedule
    KorzunConfig(**recipe.model)
    KorzunData(**recipe.data)


def test_a_scale_with_nothing_to_measure_is_refused():
    with pytest.raises(InputError, match="n_test is 1"):
        KorzunScale("x", 0.1, 1, Rounds(1, 1, 1), Rounds(1, 1, 1), 2, 2, 2, 2, 64)


def test_long_phrases_are_three_phrases_and_the_same_each_time():
    texts = long_phrases(4, 3)
    assert texts == long_phrases(4, 3)
    assert len(set(texts)) == 4
    assert all(sum(text.count(mark) for mark in ".?") == 3 for text in texts)


def test_neighbours_are_of_the_same_speaker_where_speakers_lie_apart_and_by_halves_where_they_mix(rng):
    n = 400
    speaker, phrase = np.repeat([0, 1], n), np.tile(np.arange(n) % 8, 2)
    mixed = rng.normal(size=(2 * n, 5))
    apart = mixed + 50 * speaker[:, None]
    assert same_speaker_share(apart, speaker, phrase) == 1
    assert same_speaker_share(mixed, speaker, phrase) == pytest.approx(0.5, abs=0.03)


def test_a_frames_own_phrase_does_not_count():
    # Each frame has a twin in its own phrase; in others, only the other speaker is near.
    values = np.array([[0.0], [0.0], [0.1], [0.1], [9.0], [9.0]])
    speaker, phrase = np.array([0, 0, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 2, 2])
    assert same_speaker_share(values[:4], speaker[:4], phrase[:4], 2) == 0
    with pytest.raises(InputError, match="fewer than 10"):
        same_speaker_share(values, speaker, phrase)


def test_panels_show_both_speakers_side_by_side(rng):
    places = rng.normal(size=(40, 2))
    image = draw_panels([("left", places), ("right", places)], np.arange(40) % 2, ["one", "two"])
    for half in np.array_split(image, 2, axis=1):
        for colour in ((31, 95, 191), (224, 123, 0)):
            assert (np.abs(half[60:].astype(int) - colour).sum(axis=2) < 30).any()


def test_points_in_one_place_can_be_drawn():
    image = draw_panels([("still", np.zeros((3, 2)))], np.array([0, 1, 1]), ["one", "two"])
    assert image.shape[1] == 460
