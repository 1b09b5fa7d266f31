"""The true code of transformers on tiny random networks, without a connection."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, AudioError, InputError
from visemic.core.signals import Waveform
from visemic.features.cache import FeatureCache
from visemic.features.hugging_face import load_encoder
from visemic.features.speech_encoder import EncoderConfig

transformers = pytest.importorskip("transformers", reason="the train extra is not installed")
torch.set_num_threads(1)
pytestmark = pytest.mark.slow

SPEECH = Rate.of(16_000)
TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": 10,
    "num_buckets": 32,
    "max_bucket_distance": 80,
}
KINDS = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}


def save_tiny(folder, kind="wav2vec2", norm="layer", seed=0, **changes):
    torch.manual_seed(seed)
    table = {**TINY, "feat_extract_norm": norm, "do_stable_layer_norm": norm == "layer", **changes}
    if kind != "wavlm":
        table = {key: value for key, value in table.items() if "bucket" not in key}
    config = getattr(transformers, f"{KINDS[kind]}Config")(**table)
    getattr(transformers, f"{KINDS[kind]}Model")(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("tiny") / "tiny-w2v")


def noise(seconds: float, seed: int = 5) -> Waveform:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(16_000 * seconds))
    return Waveform(samples.astype(np.float32), SPEECH)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_every_kind_gives_all_its_layers_on_an_exact_clock(tmp_path, kind, norm):
    encoder = load_encoder(save_tiny(tmp_path / kind, kind, norm), offline=True)
    states = encoder.states(noise(1.0))
    assert states.values.shape == (4, 49, 16)
    assert (states.rate, states.start_s) == (Rate.of(50), Fraction(1, 80))
    assert encoder.name == f"{kind}/layers-0-1-2-3"
    features = encoder.extract(noise(1.0), Rate.of(30))
    assert features.values.shape == (30, 64)


@pytest.mark.parametrize(
    ("n_samples", "n_steps"), [(1, 1), (400, 1), (8_320, 25), (32_000, 99), (64_080, 200)]
)
def test_the_number_of_steps_is_the_published_one(checkpoint, n_samples, n_steps):
    encoder = load_encoder(checkpoint, offline=True)
    assert encoder.states(noise(n_samples / 16_000)).values.shape[1] == n_steps


@pytest.mark.parametrize(("norm", "has_mask"), [("group", False), ("layer", True), ("layer", False)])
def test_the_numbers_are_those_of_transformers_itself_by_its_rules_of_masks(tmp_path, norm, has_mask):
    folder, sound = save_tiny(tmp_path / "x", norm=norm), noise(0.7)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    front = transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=has_mask)
    heard = front(sound.samples, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        expected = model(**heard, output_hidden_states=True).hidden_states
    ours = load_encoder(folder, offline=True).states(sound).values
    np.testing.assert_allclose(ours, torch.stack(expected)[:, 0].numpy(), atol=2e-5)


def test_the_same_sound_gives_the_same_numbers_so_no_training_noise_is_on(tmp_path):
    folder = save_tiny(tmp_path / "x", mask_time_prob=0.5, layerdrop=0.5, hidden_dropout=0.5)
    encoder = load_encoder(folder, offline=True)
    np.testing.assert_array_equal(encoder.states(noise(0.5)).values, encoder.states(noise(0.5)).values)
    assert not any(p.requires_grad for p in encoder._network.parameters())


def test_chunks_equal_the_whole_away_from_seams(checkpoint):
    sound = noise(7.0)
    whole = load_encoder(checkpoint, offline=True).states(sound).values
    config = EncoderConfig(chunk_s=3.0, overlap_s=1.0)
    cut = load_encoder(checkpoint, config, offline=True).states(sound).values
    # What the convolutions say is local: equal everywhere, seams included.
    np.testing.assert_allclose(cut[0], whole[0], atol=1e-5)
    # Attention hears the whole chunk, which on a random network is nearly the same average.
    error = np.abs(cut - whole).max() / np.abs(whole).max()
    assert error < 0.05


def test_layers_are_chosen_by_number_from_either_end(checkpoint):
    everything = load_encoder(checkpoint, offline=True).states(noise(0.5)).values
    encoder = load_encoder(checkpoint, EncoderConfig(layers=(1, -1)), offline=True)
    np.testing.assert_array_equal(encoder.states(noise(0.5)).values, everything[[1, 3]])
    assert encoder.name.endswith("/layers-1-3")
    with pytest.raises(InputError, match="no layer 4 among 4"):
        load_encoder(checkpoint, EncoderConfig(layers=(4,)), offline=True)


def test_the_preprocessor_of_the_checkpoint_is_obeyed(checkpoint, tmp_path):
    folder = save_tiny(tmp_path / "plain")
    table = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16_000}
    table |= {"do_normalize": False, "return_attention_mask": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(table))
    plain, ruled = load_encoder(folder, offline=True), load_encoder(checkpoint, offline=True)
    assert plain.version == f"{ruled.version}-raw"
    quiet = Waveform(0.01 * noise(0.5).samples, SPEECH)
    assert not np.allclose(plain.states(quiet).values, ruled.states(quiet).values, atol=1e-3)
    np.testing.assert_allclose(ruled.states(quiet).values, ruled.states(noise(0.5)).values, atol=1e-3)
    (folder / "preprocessor_config.json").write_text(json.dumps(table | {"sampling_rate": 8_000}))
    with pytest.raises(ArtifactError, match="8000 samples a second"):
        load_encoder(folder, offline=True)


def test_other_parameters_are_another_version(checkpoint, tmp_path):
    other = load_encoder(save_tiny(tmp_path / "tiny-w2v", seed=1), offline=True)
    same = load_encoder(checkpoint, offline=True)
    assert other.name == same.name
    assert other.version != same.version
    assert same.version == load_encoder(checkpoint, offline=True).version


def test_features_are_kept_by_sound_and_version(checkpoint, tmp_path):
    encoder, cache = load_encoder(checkpoint, offline=True), FeatureCache(tmp_path)
    first = cache.get(noise(0.5), encoder.name, encoder.version, encoder.extract, options=encoder.options())
    refuse = lambda waveform: pytest.fail("computed again")  # noqa: E731
    kept = cache.get(noise(0.5), encoder.name, encoder.version, refuse, options=encoder.options())
    np.testing.assert_array_equal(first.values, kept.values)


def test_the_licence_is_that_of_the_card(tmp_path):
    folder = save_tiny(tmp_path / "carded")
    assert load_encoder(folder, offline=True).licence == "unknown"
    (folder / "README.md").write_text(
        "---\nlanguage: en\nlicense: apache-2.0\n---\n# A network\nlicense: no\n"
    )
    assert load_encoder(folder, offline=True).licence == "apache-2.0"


def test_a_checkpoint_that_cannot_be_had_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ArtifactError, match="'someone/absent-network' is neither a folder nor kept"):
        load_encoder("someone/absent-network", offline=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="is no checkpoint that transformers can read"):
        load_encoder(tmp_path / "empty", offline=True)


def test_a_network_that_hears_nothing_is_refused(tmp_path):
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    with pytest.raises(ArtifactError, match="of kind 'bert' and hears no waveform"):
        load_encoder(tmp_path / "bert", offline=True)


def test_a_checkpoint_without_all_its_parameters_names_the_first(checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = save_tiny(tmp_path / "holed")
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layers.1.attention.k_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ArtifactError, match=r"lacks parameter 'encoder\.layers\.1\.attention\.k_proj\.weight'"
    ):
        load_encoder(folder, offline=True)


def test_nothing_cannot_be_heard(checkpoint):
    with pytest.raises(AudioError, match="0 samples"):
        load_encoder(checkpoint, offline=True).states(noise(0.0))
