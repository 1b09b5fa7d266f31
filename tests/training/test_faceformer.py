"""Facts about the training of FaceFormer, and about a trained one that runs."""

import pickle

import numpy as np
import pytest
import torch

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, AudioError, InputError, TrainingError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.models.faceformer import FaceFormer, FaceFormerConfig, HearingConfig
from visemic.training.faceformer import FaceFormerTask
from visemic.training.faceformer_motion import FaceFormerModel, load_faceformer, normalised
from visemic.training.recipe import read_recipe, recipe_from_dict
from visemic.training.task import load_task
from visemic.training.trainer import train

torch.set_num_threads(1)

FACE = np.random.default_rng(0).normal(0, 0.05, (5, 3)).astype(np.float32)
TOPOLOGY = Topology("five", np.array([[0, 1, 2], [2, 1, 3], [3, 4, 0]]))
HEARING = {
    "conv_channels": [8] * 7,
    "width": 16,
    "n_layers": 1,
    "n_heads": 2,
    "n_inner": 16,
    "position_kernel": 4,
    "position_groups": 2,
    "dropout": 0.0,
    "layer_drop": 0.0,
    "masked_share": 0.0,
}
SMALL = {"width": 16, "period": 5, "dropout": 0.0, "hearing": HEARING}


def spoken_clip(name, split, *, n_frames=24, rate=30, seed=0, face=FACE, sound=True):
    """Give a clip whose face and channels rise and fall with the loudness of its noise."""
    rng = np.random.default_rng(seed)
    frame_rate = Rate.of(rate)
    times_s = np.arange(16_000 * n_frames // rate) / 16_000
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * (2 * times_s + rng.random()))
    noise = (0.3 * swell * rng.standard_normal(len(times_s))).clip(-1, 1).astype(np.float32)
    level = np.interp(frame_rate.times_s(n_frames), times_s, swell).astype(np.float32)
    moved = face + 0.01 * level[:, None, None] * np.ones((1, len(face), 3), np.float32)
    return Recording(
        clip_id=name,
        speaker=name.split("/")[0],
        split=split,
        licence="CC0-1.0",
        source="made up",
        rate=frame_rate,
        mesh=MeshMotion(moved, TOPOLOGY, frame_rate),
        neutral=face,
        motion=Motion(np.repeat(level[:, None], 52, 1), ARKIT_52, frame_rate),
        waveform=Waveform(noise, SPEECH_RATE) if sound else None,
    )


def stored(folder, *changed):
    clips = [
        spoken_clip("ann/0", "train", n_frames=20, seed=1),
        spoken_clip("ann/1", "train", n_frames=30, seed=2),
        spoken_clip("bob/0", "train", seed=3),
        spoken_clip("ann/v", "validation", seed=4),
        spoken_clip("cid/v", "validation", seed=5),
        *changed,
    ]
    convert(clips, folder)
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("spoken") / "store")


def recipe(data=None, model=None, loss=None, optimiser=None, **schedule):
    return recipe_from_dict(
        {
            "name": "small",
            "task": "faceformer",
            "data": data or {},
            "model": {**SMALL, **(model or {})},
            "loss": loss or {},
            "optimiser": {"learning_rate": 1e-3, **(optimiser or {})},
            "schedule": {
                "max_steps": 6,
                "batch_size": 1,
                "validate_every": 3,
                "checkpoint_every": 2,
                "log_every": 1,
                **schedule,
            },
        }
    )


def task(store, **changes):
    return FaceFormerTask(recipe(**changes), {"corpus": store})


def shaken(network, size=0.05):
    with torch.no_grad():
        network.vertice_map_r.weight.normal_(0, size)
    return network


def test_an_example_is_a_whole_clip_with_its_speaker_and_its_displacements(store):
    own, clips = task(store, data={"scale": 100.0}), ClipStore(store).select(split="train")
    assert own.n_examples() == 3
    assert own.styles == ("ann", "bob")
    assert (own.config.n_channels, own.config.n_styles, own.config.frame_rate_hz) == (15, 2, 30.0)
    batch = own.batch([2], torch.Generator())
    clip = clips[2]
    np.testing.assert_allclose(
        batch["target"][0], 100 * (clip.mesh.vertices - clip.neutral).reshape(24, 15), atol=1e-5
    )
    assert batch["style"].tolist() == [[0.0, 1.0]]
    np.testing.assert_array_equal(batch["audio"][0], normalised(clip.waveform.samples))


def test_a_batch_is_cut_to_its_shortest_clip_and_to_the_crop(store):
    whole = task(store).batch([0, 1, 2], torch.Generator())
    assert whole["target"].shape == (3, 20, 15)
    cut = task(store, data={"crop_frames": 8}).batch([1, 2], torch.Generator())
    assert cut["target"].shape == (2, 8, 15)
    assert cut["audio"].shape == (2, round(16_000 * 8 / 30))


def test_crops_fall_everywhere_and_as_the_generator_says(store):
    own = task(store, data={"crop_frames": 18})
    seen = {
        own.batch([0], torch.Generator().manual_seed(seed))["target"].numpy().tobytes() for seed in range(40)
    }
    assert len(seen) == 3
    batches = [own.batch([1], torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(batches[0]["target"], batches[1]["target"])


def test_channels_are_learnt_as_vertices_are(store):
    own = task(store, data={"target": "weights"})
    assert own.config.n_channels == 52
    assert own.layout == ARKIT_52
    values = ClipStore(store).select(split="train")[0].motion.values
    np.testing.assert_array_equal(own.batch([0], torch.Generator())["target"][0], values)
    assert "mean_vertex_error_mm" not in own.validate(own.network().eval())


def test_memory_holds_no_clips(store):
    own = task(store)
    own.batch([0, 1, 2], torch.Generator())
    assert len(pickle.dumps(own._training)) < 2_000


def test_without_dropout_both_loops_cost_the_same(store):
    own, published = (task(store, loss={"feedback": f}) for f in ("own", "published"))
    network = shaken(own.network())
    batch = own.batch([0], torch.Generator())
    costs = [t.loss(network, batch, torch.Generator())["loss"] for t in (own, published)]
    assert costs[0] > 0
    torch.testing.assert_close(costs[0], costs[1])
    taught = task(store, loss={"feedback": "truth"}).loss(network, batch, torch.Generator())["loss"]
    assert taught != costs[0]


def test_pairs_of_steps_lose_the_last_frame_and_it_costs_nothing(tmp_path):
    folder = tmp_path / "store"
    convert([spoken_clip(f"ann/{s}", s, rate=25) for s in ("train", "validation")], folder)
    own = task(folder, model={"states_per_frame": 2, "is_interpolated": False, "frame_rate_hz": 25.0})
    network = shaken(own.network())
    batch = own.batch([0], torch.Generator())
    cost = own.loss(network, batch, torch.Generator())["loss"]
    batch["target"][:, -1] = 9.0
    assert own.loss(network, batch, torch.Generator())["loss"] == cost
    assert np.isfinite(own.validate(network.eval())["loss"])


def test_a_face_at_rest_is_off_by_what_the_clips_move(store):
    own = task(store, data={"scale": 1_000.0})
    found = own.validate(own.network().eval())
    moved = [
        1_000 * (clip.mesh.vertices - clip.neutral) for clip in ClipStore(store).select(split="validation")
    ]
    # The speaker that was not trained on is tried in both styles.
    squares = [np.square(moved[0]).mean(), *[np.square(moved[1]).mean()] * 2]
    lengths = [np.linalg.norm(m, axis=2).mean() for m in (moved[0], moved[1], moved[1])]
    assert found["loss"] == pytest.approx(np.mean(squares), rel=1e-4)
    assert found["taught"] == pytest.approx(np.mean(squares), rel=1e-4)
    assert found["mean_vertex_error_mm"] == pytest.approx(np.mean(lengths), rel=1e-4)


def test_so_many_validation_clips_of_a_speaker(tmp_path):
    folder = stored(tmp_path / "store", spoken_clip("ann/w", "validation", seed=8))
    assert len(task(folder)._validation) == 3
    assert len(task(folder, data={"n_validation": 1})._validation) == 2


@pytest.mark.parametrize(
    ("clip", "said"),
    [
        ({"sound": False}, "has no sound"),
        ({"rate": 25}, "another rate than clip ann/0"),
        ({"face": FACE[:4]}, "another frame than clip ann/0"),
    ],
)
def test_a_clip_that_does_not_fit_is_named(tmp_path, clip, said):
    if "face" in clip:
        other = spoken_clip("dan/0", "train")
        four = Topology("four", TOPOLOGY.triangles[:2])
        still = np.repeat(clip["face"][None], 24, 0)
        other = Recording(
            **{
                **{name: getattr(other, name) for name in ("clip_id", "speaker", "split", "licence")},
                **{name: getattr(other, name) for name in ("source", "rate", "motion", "waveform")},
                "mesh": MeshMotion(still, four, other.rate),
                "neutral": clip["face"],
            }
        )
    else:
        other = spoken_clip("dan/0", "train", **clip)
    own = task(stored(tmp_path / "store", other))
    with pytest.raises(TrainingError, match=f"clip dan/0 .*{said}|clip dan/0 {said}"):
        own.network()


def test_a_store_without_what_is_wanted_is_refused(tmp_path):
    clip = spoken_clip("ann/0", "train")
    kept = ("speaker", "licence", "source", "rate", "motion", "waveform")
    without_mesh = [
        Recording(clip_id=split, split=split, **{name: getattr(clip, name) for name in kept})
        for split in ("train", "validation")
    ]
    convert(without_mesh[:1], tmp_path / "one")
    with pytest.raises(TrainingError, match="has 0 validation clips"):
        task(tmp_path / "one").network()
    convert(without_mesh, tmp_path / "two")
    with pytest.raises(TrainingError, match=r"has no mesh; set data\.target"):
        task(tmp_path / "two").network()


def test_what_the_recipe_states_must_be_what_the_clips_have(store):
    with pytest.raises(TrainingError, match=r"model\.n_channels is 9 and the clips have 15"):
        task(store, model={"n_channels": 9}).network()
    with pytest.raises(InputError, match=r"model\.widht; did you mean model\.width"):
        task(store, model={"widht": 9})
    with pytest.raises(InputError, match=r"data\.scale is 0"):
        task(store, data={"scale": 0.0})
    with pytest.raises(InputError, match=r"data\.crop_frames is -1"):
        task(store, data={"crop_frames": -1})
    with pytest.raises(TrainingError, match="name a store with --data corpus=FOLDER"):
        FaceFormerTask(recipe(), {})


@pytest.mark.parametrize("name", ["", "-25hz", "-taught", "-channels"])
def test_the_recipes_can_be_read(name, store, request):
    found = read_recipe(request.config.rootpath / "recipes" / f"faceformer{name}.toml")
    own = load_task(found, {"corpus": store})
    assert own._stated["width"] == (128 if name == "-25hz" else 64)


def test_the_encoder_starts_where_it_is_told(store, tmp_path):
    source = task(store).network().audio_encoder.state_dict()
    torch.save(source, tmp_path / "pytorch_model.bin")
    own = FaceFormerTask(recipe(), {"corpus": store, "hearing": tmp_path})
    for name, value in own.network().audio_encoder.state_dict().items():
        assert torch.equal(value, source[name])


@pytest.mark.slow
def test_a_training_that_was_stopped_ends_in_the_same_bits(store, tmp_path, same_bits):
    changes = {"model": {"dropout": 0.1, "hearing": {**HEARING, "masked_share": 0.05, "dropout": 0.1}}}
    whole = train(recipe(**changes), {"corpus": store}, tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(state):
        if state.step == 5:
            raise StopError

    with pytest.raises(StopError):
        train(recipe(**changes), {"corpus": store}, tmp_path / "halves", progress=stop)
    train(recipe(**changes), {"corpus": store}, tmp_path / "halves", resume=True)
    same_bits(whole.folder, tmp_path / "halves")


@pytest.mark.slow
@pytest.mark.parametrize("feedback", ["own", "truth"])
def test_it_learns_to_follow_the_sound_and_runs_from_its_folder(store, tmp_path, feedback):
    found = train(
        recipe(
            data={"scale": 100.0},
            loss={"feedback": feedback},
            optimiser={"learning_rate": 3e-3},
            max_steps=150,
            validate_every=50,
            checkpoint_every=150,
        ),
        {"corpus": store},
        tmp_path / "out",
    )
    still = task(store, data={"scale": 100.0})
    assert found.metrics["loss"] < 0.35 * still.validate(still.network().eval())["loss"]
    model = load_faceformer(found.folder / "model" if (found.folder / "model").is_dir() else found.folder)
    assert (model.styles, model.topology, model.layout) == (("ann", "bob"), "five", None)
    clip = ClipStore(store).select(split="validation")[0]
    mesh = model.mesh(clip.waveform, clip.neutral, TOPOLOGY, "ann")
    away = np.linalg.norm(mesh.vertices - clip.mesh.vertices, axis=2).mean()
    at_rest = np.linalg.norm(clip.neutral - clip.mesh.vertices, axis=2).mean()
    assert away < 0.6 * at_rest


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(2)
    config = FaceFormerConfig(
        15, 2, width=16, period=5, hearing=HearingConfig(**{**HEARING, "conv_channels": (8,) * 7})
    )
    network = shaken(FaceFormer(config)).eval().requires_grad_(False)
    return FaceFormerModel(network, Rate.of(30), ("ann", "bob"), 100.0)


def sound(seconds, rate=16_000):
    samples = np.random.default_rng(1).normal(0, 0.1, round(seconds * rate)).astype(np.float32)
    return Waveform(samples, Rate.of(rate))


def test_a_sound_of_any_length_and_rate_gives_its_frames(model):
    assert model.generate(sound(1.0), "ann").shape == (30, 15)
    assert model.generate(sound(0.5, 48_000), "ann").shape == (15, 15)
    assert model.generate(sound(0.001), "ann").shape == (1, 15)
    assert model.generate(sound(25.0), "bob").shape == (750, 15)


def test_pairs_of_steps_give_every_frame_too():
    hearing = HearingConfig(**{**HEARING, "conv_channels": (8,) * 7})
    config = FaceFormerConfig(15, 2, 16, 5, 4, 0.0, 2, False, 25.0, hearing)
    model = FaceFormerModel(FaceFormer(config).eval(), Rate.of(25), ("ann", "bob"))
    assert model.generate(sound(1.0), "ann").shape == (25, 15)


def test_styles_mix_and_each_is_its_own(model):
    ann, bob = (model.generate(sound(0.5), name) for name in ("ann", "bob"))
    assert np.abs(ann - bob).max() > 1e-5
    np.testing.assert_array_equal(model.generate(sound(0.5), {"ann": 1.0}), ann)
    assert np.abs(model.generate(sound(0.5), {"ann": 0.5, "bob": 0.5}) - ann).max() > 1e-5
    with pytest.raises(InputError, match="no style 'cid' among 2 styles"):
        model.generate(sound(0.5), "cid")


def test_loudness_and_an_offset_change_nothing(model):
    wave = sound(0.5)
    louder = Waveform((3 * wave.samples + 0.2).astype(np.float32), wave.rate)
    np.testing.assert_allclose(model.generate(louder, "ann"), model.generate(wave, "ann"), atol=1e-5)


def test_wrong_use_of_a_model_is_refused(model):
    with pytest.raises(AudioError, match="0 samples"):
        model.generate(Waveform(np.zeros(0, np.float32), SPEECH_RATE), "ann")
    with pytest.raises(InputError, match="moves 5 vertices and the face has 4 vertices"):
        model.mesh(sound(0.5), FACE[:4], TOPOLOGY, "ann")
    with pytest.raises(InputError, match="moves vertices and has no channels"):
        model.motion(sound(0.5), "ann")


def test_channels_come_out_with_their_names_and_within_bounds(store, tmp_path):
    own = task(store, data={"target": "weights"})
    network = shaken(own.network().eval(), 2.0)
    own.save(network, tmp_path / "model", {"loss": 1.0})
    model = load_faceformer(tmp_path / "model")
    motion = model.motion(sound(1.0), "bob")
    assert motion.layout.names == ARKIT_52.names
    assert (motion.values.min(), motion.values.max()) == (0.0, 1.0)
    with pytest.raises(InputError, match="moves 52 channels"):
        model.mesh(sound(0.5), FACE, TOPOLOGY, "ann")


def test_an_altered_model_is_refused(store, tmp_path):
    own = task(store)
    own.save(own.network().eval(), tmp_path / "model", {"loss": 1.0})
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactError, match="was altered"):
        load_faceformer(tmp_path / "model")
