"""Facts about the training of the speech-to-mouth models."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, FormatError, InputError, TrainingError
from visemic.core.layout import MOUTH_33, Layout
from visemic.core.signals import Motion, Waveform
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.models.korzun_store import load_korzun
from visemic.training.korzun import KorzunTask
from visemic.training.korzun_data import mouth_clip
from visemic.training.korzun_predictor import KorzunPredictor, WrongSound, load_predictor
from visemic.training.korzun_source import feature_source
from visemic.training.recipe import Optimiser, recipe_from_dict
from visemic.training.trainer import train

torch.set_num_threads(1)

SMALL = {"context": 9, "width": 16, "chunk": 6, "previous": 3, "dropout": 0.0}


def sung_clip(name, split, *, n_frames=40, seed=0, rate=30):
    """Give a clip whose jaw follows the loudness of a tone."""
    rng = np.random.default_rng(seed)
    times_s = np.arange(16_000 * n_frames // rate) / 16_000
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * (1.5 * times_s + rng.random()))
    tone = (0.5 * swell * np.sin(2 * np.pi * 300 * times_s)).astype(np.float32)
    frames_s = np.arange(n_frames) / rate
    values = np.zeros((n_frames, len(MOUTH_33)), np.float32)
    values[:, MOUTH_33.index("jawOpen")] = np.interp(frames_s, times_s, swell)
    values[:, MOUTH_33.index("mouthPucker")] = 1 - values[:, MOUTH_33.index("jawOpen")]
    return Recording(
        clip_id=name,
        speaker=name.split("/")[0],
        split=split,
        licence="CC0-1.0",
        source="made up",
        rate=Rate.of(rate),
        motion=Motion(values, MOUTH_33, Rate.of(rate)),
        waveform=Waveform(tone, SPEECH_RATE),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sung") / "store"
    clips = [sung_clip(f"ann/{i}", "train", seed=i, n_frames=30 + i) for i in range(3)]
    clips += [sung_clip(f"bob/{i}", "train", seed=10 + i) for i in range(2)]
    clips += [sung_clip("ann/v", "validation", seed=20), sung_clip("bob/t", "test", seed=21)]
    convert(clips, folder)
    return folder


def recipe(kind="ff", data=None, model=None, **schedule):
    return recipe_from_dict(
        {
            "name": f"{kind}-tiny",
            "task": "korzun",
            "data": {"features": "log-mel", **(data or {})},
            "model": {"kind": kind, **SMALL, **(model or {})},
            "schedule": {
                "max_steps": 6,
                "batch_size": 8,
                "validate_every": 3,
                "checkpoint_every": 2,
                "log_every": 1,
                **schedule,
            },
        }
    )


def task(store, kind="ff", **changes):
    return KorzunTask(recipe(kind, **changes), {"corpus": store})


def test_an_example_of_ff_is_a_frame_and_one_of_s2s_a_beginning_of_a_chunk(store):
    assert task(store).n_examples() == 30 + 31 + 32 + 40 + 40
    assert task(store, "s2s").n_examples() == 27 + 28 + 29 + 37 + 37


def test_a_subset_has_the_first_clips_of_the_speakers_it_names(store):
    assert task(store, data={"clips": {"ann": 2}}).n_examples() == 30 + 31
    assert task(store, data={"clips": {"ann": 1, "bob": 1}}).n_examples() == 30 + 40


def test_a_frame_comes_with_its_own_target(store):
    own, whole = task(store), ClipStore(store).select(split="train")
    batch = own.batch([0, 29, 30, 61], torch.Generator())
    wanted = [whole[0].motion.values[0], whole[0].motion.values[29], whole[1].motion.values[0]]
    np.testing.assert_array_equal(batch["target"][:3], np.stack(wanted))
    assert batch["windows"].shape == (4, 9, 80)


def test_a_chunk_comes_with_the_poses_before_it_and_a_face_at_rest_before_the_first(store):
    own = task(store, "s2s")
    values = ClipStore(store).select(split="train")[0].motion.values
    batch = own.batch([0, 2, 26], torch.Generator())
    assert batch["previous"][0].abs().max() == 0
    np.testing.assert_array_equal(batch["previous"][1], np.stack([np.zeros(33), values[0], values[1]]))
    np.testing.assert_array_equal(batch["target"][1], values[2:8])
    assert batch["valid"][1].all()
    assert batch["valid"][2].tolist() == [True] * 4 + [False] * 2


def test_frames_beyond_the_end_cost_nothing(store):
    own = task(store, "s2s")
    network = own.network()
    batch = own.batch([26], torch.Generator())
    cost = own.loss(network, batch, torch.Generator())["loss"]
    batch["target"] = torch.where(batch["valid"][..., None], batch["target"], torch.tensor(9.0))
    assert own.loss(network, batch, torch.Generator())["loss"] == cost


def test_features_come_out_with_mean_0_and_spread_1_over_the_training_clips(store):
    own = task(store)
    clips = [mouth_clip(r, feature_source("log-mel"), None) for r in ClipStore(store).select(split="train")]
    together = np.concatenate([own.heard.normalised(clip.features) for clip in clips])
    np.testing.assert_allclose(together.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(together.std(axis=0), 1, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ff", "s2s"])
def test_a_training_that_was_stopped_ends_in_the_same_bits(kind, store, tmp_path, same_bits):
    whole = train(recipe(kind), {"corpus": store}, tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(state):
        if state.step == 5:
            raise StopError

    with pytest.raises(StopError):
        train(recipe(kind), {"corpus": store}, tmp_path / "stopped", progress=stop)
    train(recipe(kind), {"corpus": store}, tmp_path / "stopped", resume=True)
    same_bits(tmp_path / "whole", tmp_path / "stopped")
    kept = load_korzun(whole.model)
    assert kept.heard.source == "log-mel"
    manifest = json.loads((whole.model / "artefact.json").read_text())
    assert manifest["data_licences"] == {"made up": "CC0-1.0"}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "batch_size"), [("ff", 32), ("s2s", 8)])
def test_it_learns_one_clip(kind, batch_size, tmp_path):
    clips = [sung_clip("ann/a", "train"), sung_clip("ann/b", "validation")]
    convert(clips, tmp_path / "store")
    table = recipe(
        kind,
        model={"width": 32},
        max_steps=300,
        batch_size=batch_size,
        validate_every=50,
        checkpoint_every=300,
    )
    table = replace(table, optimiser=Optimiser(learning_rate=4e-3))
    result = train(table, {"corpus": tmp_path / "store"}, tmp_path / "run")
    assert result.metrics["loss"] < 4e-4
    predictor = load_predictor(result.model)
    made = predictor(clips[0])
    away = made.channel("jawOpen") - clips[0].motion.channel("jawOpen")
    assert np.abs(away).mean() < 0.06
    silence = Waveform(np.zeros(16_000, np.float32), SPEECH_RATE)
    assert predictor.of_sound(silence).channel("jawOpen").mean() < made.channel("jawOpen").mean()


def test_a_wrong_sound_is_the_other_clips_in_this_ones_length(store, tmp_path):
    result = train(recipe(), {"corpus": store}, tmp_path / "run")
    predictor, clips = load_predictor(result.model), ClipStore(store)
    wrong = WrongSound(predictor, clips, {"ann/0": 4})
    made = wrong(clips[0])
    assert made.n_frames == 30
    np.testing.assert_allclose(made.values[:20], predictor(clips[4]).values[:20], atol=1e-5)
    assert isinstance(predictor, KorzunPredictor)


def test_clips_of_another_rate_are_brought_to_thirty_frames_a_second():
    clip = mouth_clip(sung_clip("a/b", "train", n_frames=60, rate=60), feature_source("log-mel"), None)
    assert len(clip.target) == 30


def test_clips_without_a_mouth_or_a_sound_are_refused_by_name():
    source = feature_source("log-mel")
    whole = sung_clip("ann/x", "train")
    rate = Rate.of(30)
    brows = Layout("brows", ("browInnerUp",))
    changes = {
        "no mouth shapes": {"motion": Motion(np.zeros((40, 1), np.float32), brows, rate)},
        "no sound": {"waveform": None},
    }
    for words, change in changes.items():
        with pytest.raises(FormatError, match=f"ann/x has {words}"):
            mouth_clip(Recording(**{**vars(whole), **change}), source, None)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"data": {"featurs": "log-mel"}}, "unknown key data.featurs; did you mean data.features"),
        ({"model": {"widht": 3}}, "unknown key model.widht; did you mean model.width"),
        ({"loss": {"contact": 1.0}}, "unknown key loss.contact"),
        ({"data": {"n_validation": -1}}, "n_validation is -1"),
    ],
)
def test_a_recipe_with_a_key_that_nothing_reads_is_refused(table, words, tmp_path):
    with pytest.raises(InputError, match=words):
        KorzunTask(recipe_from_dict({"name": "x", "task": "korzun", **table}), {"corpus": tmp_path})


def test_a_recipe_without_clips_and_one_of_another_width_are_refused(store):
    with pytest.raises(TrainingError, match="--data corpus=FOLDER"):
        KorzunTask(recipe(), {})
    with pytest.raises(TrainingError, match="n_features is 768 and 'log-mel' gives 80"):
        task(store, model={"n_features": 768}).network()
    with pytest.raises(TrainingError, match="n_channels is 52 and there are 33"):
        task(store, model={"n_channels": 52}).network()


def test_the_store_of_a_split_that_is_empty_is_refused(tmp_path):
    convert([sung_clip("ann/a", "train")], tmp_path / "store")
    with pytest.raises(TrainingError, match="0 clips"):
        task(tmp_path / "store").n_examples()


@pytest.mark.parametrize("name", ["log-mil", "hf", "hf:", "autovc", "log-mel:x", ""])
def test_a_feature_source_that_is_not_known_is_refused(name):
    with pytest.raises(InputError, match="no feature source"):
        feature_source(name)


def test_a_folder_without_a_converter_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no voice converter"):
        feature_source(f"autovc:{tmp_path}")


@pytest.mark.parametrize(("name", "width", "hertz"), [("log-mel", 80, 100), ("autovc-mel", 80, 62.5)])
def test_sources_without_a_checkpoint_give_what_they_say(name, width, hertz):
    source = feature_source(name)
    features = source.extract(Waveform(np.zeros(8_000, np.float32), SPEECH_RATE))
    assert (features.name, features.version) == (source.name, source.version)
    assert features.values.shape[1] == width
    assert float(features.rate) == hertz


def test_a_recording_is_heard_the_same_before_and_after_it_was_stored(store):
    source, clip = feature_source("log-mel"), sung_clip("ann/0", "train", seed=0, n_frames=30)
    before, after = (source.extract(c.waveform).values for c in (clip, ClipStore(store)[0]))
    np.testing.assert_allclose(before, after, atol=1e-4)


@pytest.mark.slow
def test_the_phonetic_encoder_is_heard_through_its_artefact(tmp_path):
    from visemic.core.artifact import ArtifactInfo, save_artifact
    from visemic.models.phonetic import PhoneticConfig, PhoneticEncoder
    from visemic.training.step_export import step_onnx

    folders = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = PhoneticEncoder(PhoneticConfig(channels=16)).eval()
        info = ArtifactInfo(
            "mine", "phonetic", "CC0-1.0", normaliser={"delay_steps": network.config.delay_steps}
        )
        folders.append(tmp_path / str(seed))
        save_artifact(folders[-1], info, card="made up", onnx=step_onnx(network, with_shapes=False))
    first, second = (feature_source(f"phonetic:{folder}") for folder in folders)
    features = first.extract(Waveform(np.zeros(16_000, np.float32), SPEECH_RATE))
    assert features.values.shape == (50, 40 + 16)
    assert (features.name, features.version) == (first.name, first.version)
    assert float(first.start_s) == 0.01
    assert first.version != second.version


@pytest.mark.slow
def test_a_checkpoint_of_wav2vec_is_heard_through_transformers(store, tmp_path):
    transformers = pytest.importorskip("transformers", reason="the train extra is not installed")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
    shape = {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    network = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**sizes, **shape))
    network.save_pretrained(tmp_path / "wav2vec2-tiny")
    name = f"hf:{tmp_path / 'wav2vec2-tiny'}"
    source = feature_source(name)
    assert float(source.start_s) == 0.0125
    result = train(recipe(data={"features": name}), {"corpus": store}, tmp_path / "run")
    model = load_korzun(result.model)
    assert (model.heard.name, float(model.heard.rate)) == (source.name, 50)
    assert load_predictor(result.model)(ClipStore(store)[0]).n_frames == 30
    other = feature_source("log-mel").extract(ClipStore(store)[0].waveform)
    with pytest.raises(ArtifactError, match="extract 'hf:"):
        model.generate(other)
