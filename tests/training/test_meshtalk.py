"""Facts about the training of MeshTalk in its two stages."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from meshtalk_clips import LIDS, MOUTH, N_VERTICES, UPPER, face, nodding_clip, write_masks
from visemic.core.config import config_from_dict
from visemic.core.errors import InputError, TrainingError
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.models.meshtalk import MeshTalk, MeshTalkConfig, n_parameters
from visemic.models.meshtalk_context import ContextModel
from visemic.models.meshtalk_front import ComponentFront, VertexFront
from visemic.models.meshtalk_region import FaceMasks
from visemic.models.meshtalk_store import load_codes, load_meshtalk
from visemic.training.meshtalk import MeshTalkTask
from visemic.training.meshtalk_data import HeldClips, MeshClips, fit_front, fit_statistics, spread_frames
from visemic.training.meshtalk_loss import (
    ComponentMeasure,
    Crossing,
    VertexMeasure,
    crossing_terms,
    measure_for,
    shifted,
)
from visemic.training.recipe import read_recipe, recipe_from_dict
from visemic.training.task import load_task
from visemic.training.trainer import train

torch.set_num_threads(1)

SMALL = {
    "heads": 4,
    "classes": 6,
    "audio": "shared",
    "audio_channels": 12,
    "audio_dilations": [4, 8, 12],
    "audio_dim": 8,
    "expression_widths": [16, 8],
    "expression_dim": 8,
    "fusion_width": 16,
    "unet_widths": [16, 12],
    "unet_layers": 1,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nodders")
    clips = [nodding_clip(f"ann/{i}", "train", seed=i, n_frames=50 + i) for i in range(4)]
    clips += [nodding_clip("bobby/0", "train", seed=9, n_frames=20)]
    clips += [nodding_clip(f"ann/v{i}", "validation", seed=20 + i) for i in range(2)]
    convert(clips, folder / "store")
    write_masks(folder / "masks")
    return folder


def recipe(task="meshtalk", **tables):
    schedule = {
        "max_steps": 4,
        "batch_size": 4,
        "validate_every": 2,
        "checkpoint_every": 2,
        "log_every": 1,
        **tables.pop("schedule", {}),
    }
    model = tables.pop("model", SMALL if task == "meshtalk" else {"context_hidden": 6})
    return recipe_from_dict({"name": "tiny", "task": task, "model": model, "schedule": schedule, **tables})


def task(corpus, **tables):
    paths = {"corpus": corpus / "store", "masks": corpus / "masks"}
    return MeshTalkTask(recipe(**tables), paths)


def masks():
    return FaceMasks(*(mask.astype(np.float32) for mask in (MOUTH, UPPER, LIDS)))


def test_a_stretch_is_what_the_whole_clip_holds_there(corpus):
    store = ClipStore(corpus / "store").select(split="train")
    clips = MeshClips(store, VertexFront(N_VERTICES, np.arange(N_VERTICES)))
    whole = store[1].mesh.vertices
    np.testing.assert_allclose(clips.vertices(1, 7, 12), whole[7:19], atol=1e-6)
    np.testing.assert_allclose(clips.vertices(1, 49, 4), whole[[49, 50, 50, 50]], atol=1e-6)
    np.testing.assert_allclose(clips.template(1) / 1000, face(), atol=1e-6)


def test_clips_of_other_rates_come_at_thirty_frames_a_second(tmp_path):
    clips = [nodding_clip(f"ann/{rate}", "train", rate=rate, n_frames=2 * rate) for rate in (25, 30, 60)]
    convert(clips, tmp_path / "store")
    own = MeshClips(ClipStore(tmp_path / "store"), VertexFront(N_VERTICES, np.arange(N_VERTICES)))
    assert own.lengths == [60, 60, 60]
    slow, plain, fast = (own.vertices(number, 0, 55) for number in range(3))
    np.testing.assert_allclose(fast, plain, atol=5e-6)
    np.testing.assert_allclose(slow, plain, atol=1.5e-3)  # straight lines between 25 frames


def test_a_frame_hears_the_same_wherever_its_stretch_begins(corpus):
    clips = MeshClips(ClipStore(corpus / "store").select(split="train"))
    early, late = clips.sound(0, 0, 20), clips.sound(0, 12, 20)
    for frame in (12, 19):
        a, b = int(early.starts[frame]), int(late.starts[frame - 12])
        np.testing.assert_array_equal(early.samples[a : a + 16_000], late.samples[b : b + 16_000])
    assert len(early.samples) == len(late.samples)
    assert np.abs(clips.samples(0, 0, 26_667)).mean() == pytest.approx(0.01, rel=1e-3)
    assert clips.samples(0, -100, 50).max() == 0


def test_every_clip_gives_frames_to_the_fit():
    found = list(spread_frames([5, 1, 10], 8))
    assert {number for number, _ in found} == {0, 2} | {number for number, _ in found}
    assert all(0 <= frame < [5, 1, 10][number] for number, frame in found)
    assert list(spread_frames([2, 1], 50)) == [(0, 0), (0, 1), (1, 0)]


def test_statistics_are_those_of_the_points_with_a_floor_of_a_millimetre(corpus):
    clips = MeshClips(ClipStore(corpus / "store").select(split="train", first={"ann": 4}))
    front, _ = fit_front(clips, np.arange(N_VERTICES), 0, 100)
    mean, spread = fit_statistics(clips.with_front(front), 10_000)
    every = np.concatenate([clip.mesh.vertices for clip in clips.store]) * 1000
    np.testing.assert_allclose(mean, every.mean(0), atol=0.01)
    np.testing.assert_allclose(spread, np.maximum(every.std(0), 1.0), atol=0.01)


def test_components_see_what_moves_and_clips_in_memory_are_the_same(corpus):
    clips = MeshClips(ClipStore(corpus / "store").select(split="train"))
    with pytest.raises(InputError, match="2 directions"):
        fit_front(clips, np.arange(N_VERTICES), 6, 100)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(3 * N_VERTICES, 6)))[0].T.astype(np.float32)
    front = ComponentFront(N_VERTICES, np.arange(N_VERTICES), basis)
    own = clips.with_front(front)
    held = HeldClips(own)
    for first, n_frames in ((0, 20), (45, 30)):
        np.testing.assert_allclose(held.points(2, first, n_frames), own.points(2, first, n_frames), atol=1e-4)


def test_the_measure_of_components_is_that_of_their_vertices(rng):
    basis = np.linalg.qr(rng.normal(size=(3 * N_VERTICES, 6)))[0].T.astype(np.float32)
    difference = rng.normal(size=(2, 3, 6)).astype(np.float32)
    vertices = (difference @ basis).reshape(2, 3, N_VERTICES, 3)
    by_components, by_vertices = ComponentMeasure(basis, masks()), VertexMeasure(masks())
    for region in ("whole", "mouth", "upper_face", "eyelids"):
        torch.testing.assert_close(
            by_components.squares(torch.from_numpy(difference).unflatten(-1, (2, 3)), region),
            by_vertices.squares(torch.from_numpy(vertices), region),
        )


def test_a_term_sees_its_region_and_its_swap_only(rng):
    target = torch.from_numpy(rng.normal(size=(2, 5, N_VERTICES, 3))).float()
    valid = torch.ones(2, 5, dtype=torch.bool)
    faces = {name: target.clone() for name in ("own", "other_expression", "other_sound")}
    faces["other_expression"][:, :, UPPER] += 9.0
    faces["other_sound"][:, :, MOUTH] += 9.0
    faces["own"][:, :, LIDS, 0] += 3.0
    terms = crossing_terms(Crossing(target, **faces, valid=valid), VertexMeasure(masks()))
    assert terms["mouth"] == 0
    assert terms["upper_face"] == 0
    assert float(terms["eyelids"]) == pytest.approx(3.0)  # 9 on one coordinate of three
    assert float(terms["reconstruction"]) == pytest.approx(3.0 * LIDS.sum() / N_VERTICES)
    valid[:, 3:] = False
    faces["own"][:, 3:] = 100.0
    assert float(
        crossing_terms(Crossing(target, **faces, valid=valid), VertexMeasure(masks()))["eyelids"]
    ) == (pytest.approx(3.0))


def test_a_swap_goes_to_another_clip_and_needs_one():
    generator = torch.Generator().manual_seed(0)
    for n in (2, 5):
        order = shifted(n, generator)
        assert sorted(order.tolist()) == list(range(n))
        assert all(int(order[i]) != i for i in range(n))
    with pytest.raises(TrainingError, match="batch of 1 clip"):
        shifted(1, generator)


def test_a_batch_holds_stretches_with_their_sound_and_face(corpus):
    own = task(corpus, data={"segment_frames": 32})
    assert own.n_examples() == 5
    batch = own.batch([0, 4], torch.Generator().manual_seed(1))
    assert batch["points"].shape == (2, 32, N_VERTICES, 3)
    assert batch["valid"].sum(1).tolist() == [32, 20]  # bobby's clip is shorter than a stretch
    np.testing.assert_allclose(batch["template"][1] / 1000, face("bobby"), atol=1e-6)
    assert torch.equal(batch["points"][1, 19], batch["points"][1, 31])
    assert int(batch["starts"].max()) + 16_000 <= batch["sound"].shape[1]
    again = own.batch([0, 4], torch.Generator().manual_seed(1))
    assert torch.equal(batch["points"], again["points"])


def test_each_encoder_follows_its_own_terms_when_they_are_separate(corpus):
    own = task(corpus, loss={"separate": True, "reconstruction": 0.0})
    network = own.network()
    losses = own.loss(network, own.batch([0, 1, 2, 3], torch.Generator()), torch.Generator())
    groups = own.optimisers(network)
    assert [key for _, key in groups] == ["loss", "of_sound", "of_expression"]
    assert {id(p) for group, _ in groups for p in group} == {id(p) for p in network.parameters()}
    assert sum(len(list(group)) for group, _ in groups) == len(list(network.parameters()))
    assert losses["of_sound"] == losses["mouth"]
    assert losses["of_expression"] == losses["upper_face"] + losses["eyelids"]


def test_the_pull_on_the_decoder_is_weight_decay(corpus):
    plain, pulled = (task(corpus, loss={"unet_decay": decay}) for decay in (0.0, 0.5))
    torch.manual_seed(0)
    network = plain.network()
    batch = plain.batch([0, 1], torch.Generator())

    def gradient(own):
        losses = own.loss(network.eval(), batch, torch.Generator().manual_seed(3))
        weight = network.vertex_unet.fusion.weight
        return torch.autograd.grad(losses["loss"], [weight, network.encoder.fusion_model.mlp[0].weight])

    (a, c), (b, d) = gradient(plain), gradient(pulled)
    torch.testing.assert_close(b - a, 0.5 * network.vertex_unet.fusion.weight, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(c, d)


def test_what_cannot_be_trained_is_refused_by_name(corpus, tmp_path):
    paths = {"corpus": corpus / "store", "masks": corpus / "masks"}
    with pytest.raises(TrainingError, match="batch of 1 clip"):
        MeshTalkTask(recipe(schedule={"batch_size": 1}), paths)
    with pytest.raises(TrainingError, match="--data masks"):
        MeshTalkTask(recipe(), {"corpus": corpus / "store"})
    with pytest.raises(TrainingError, match="--data corpus"):
        MeshTalkTask(recipe(), {"masks": corpus / "masks"})
    with pytest.raises(InputError, match="multiple of 3"):
        task(corpus, data={"n_components": 4})
    with pytest.raises(TrainingError, match=r"n_points is 7 .* 24"):
        task(corpus, model={**SMALL, "n_points": 7}).network()
    convert([nodding_clip("ann/0", "train")], tmp_path / "lonely")
    with pytest.raises(TrainingError, match="1 clips for train"):
        MeshTalkTask(recipe(), {**paths, "corpus": tmp_path / "lonely"}).n_examples()
    convert([nodding_clip("ann/0", "train", has_sound=False)], tmp_path / "silent")
    with pytest.raises(TrainingError, match="clip ann/0 has no sound"):
        MeshTalkTask(recipe(), {**paths, "corpus": tmp_path / "silent"}).n_examples()
    (tmp_path / "short").mkdir()
    for name in ("mouth", "upper_face", "eyelids"):
        np.savetxt(tmp_path / "short" / f"{name}.txt", np.ones(23))
    with pytest.raises(TrainingError, match="24 vertices and the masks are for 'one' of 23"):
        MeshTalkTask(recipe(), {**paths, "masks": tmp_path / "short"}).n_examples()


def test_a_mask_on_nothing_that_moves_is_refused():
    front = VertexFront(N_VERTICES, np.flatnonzero(MOUTH))
    with pytest.raises(TrainingError, match="'upper_face' is empty"):
        measure_for(front, masks())


@pytest.mark.slow
def test_both_stages_train_save_and_go_on_after_a_kill_in_the_same_bits(corpus, tmp_path, same_bits):
    paths = {"corpus": corpus / "store", "masks": corpus / "masks"}
    first = recipe(loss={"separate": True})
    whole = train(first, paths, tmp_path / "whole")
    assert whole.metrics["loss"] > 0
    half = replace(first, schedule=replace(first.schedule, max_steps=4, max_minutes=1e-9))
    train(half, paths, tmp_path / "killed")
    for _ in range(8):
        result = train(half, paths, tmp_path / "killed", resume=True)
        if result.stopped == "steps":
            break
    a, b = (load_codes(tmp_path / name / "model") for name in ("whole", "killed"))
    for (name, one), two in zip(a.network.state_dict().items(), b.network.state_dict().values(), strict=True):
        assert torch.equal(one, two), name
    second = train(
        recipe("meshtalk-context", data={"segment_frames": 24}),
        {"corpus": corpus / "store", "codes": tmp_path / "whole" / "model"},
        tmp_path / "context",
    )
    assert 0 <= second.metrics["right"] <= 1
    model = load_meshtalk(tmp_path / "context" / "model")
    clip = ClipStore(corpus / "store")[0]
    moved = model.generate(clip.waveform, clip.neutral, seed=1)
    assert moved.shape == (50, N_VERTICES, 3)


@pytest.mark.slow
def test_a_short_training_lets_the_upper_face_follow_the_expression_and_not_the_sound(tmp_path):
    clips = [nodding_clip(f"ann/{i}", "train", seed=i, n_frames=90) for i in range(12)]
    clips += [nodding_clip(f"ann/v{i}", "validation", seed=50 + i, n_frames=90) for i in range(3)]
    convert(clips, tmp_path / "store")
    write_masks(tmp_path / "masks")
    wide = {"expression_widths": [64, 64], "expression_dim": 32, "fusion_width": 64, "audio_dim": 32}
    result = train(
        recipe(
            data={"segment_frames": 24},
            model={
                **SMALL,
                **wide,
                "unet_widths": [64, 64],
                "heads": 8,
                "classes": 16,
                "fusion": "split",
            },
            schedule={"max_steps": 140, "validate_every": 140, "checkpoint_every": 140, "batch_size": 8},
            optimiser={"learning_rate": 2e-3, "clip_norm": 5.0},
        ),
        {"corpus": tmp_path / "store", "masks": tmp_path / "masks"},
        tmp_path / "out",
    )
    # An upper face that stands still errs by 16 and more.
    assert result.metrics["upper_face"] < 11.0
    assert result.metrics["upper_face_leakage"] < 0.5


def test_every_recipe_is_read_and_the_light_model_has_a_quarter_of_the_numbers_at_most(tmp_path):
    recipes = Path(__file__).parents[2] / "recipes"
    paths = {"corpus": tmp_path, "masks": tmp_path, "codes": tmp_path}
    for path in sorted(recipes.glob("meshtalk*.toml")):
        if path.stem != "meshtalk-corpus":
            load_task(read_recipe(path), paths)
    lite, context = (read_recipe(recipes / f"meshtalk-lite{part}.toml").model for part in ("", "-context"))
    config = config_from_dict(MeshTalkConfig, {**lite, **context, "n_points": 16}, "model")
    with torch.device("meta"):
        n_context = n_parameters(ContextModel(config))
    assert n_parameters(MeshTalk(config)) + n_context < 0.25 * 43_722_664
