"""Speech of anybody as the mels of one voice."""

import json

import numpy as np
import pytest
import torch

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, AudioError, InputError
from visemic.core.signals import Waveform
from visemic.features.sample import at_rate
from visemic.models.autovc import AutoVcConfig, autovc_network
from visemic.models.ge2e import DVector, ResemblyzerEncoder
from visemic.models.voice_conversion import (
    VoiceConverter,
    load_converter,
    load_published_converter,
    save_converter,
    speaker_measure,
)

torch.set_num_threads(1)
SPEECH = Rate.of(16_000)


def tiny_config(flavour: str = "autovc") -> AutoVcConfig:
    return AutoVcConfig(flavour=flavour, neck=2, period=8, hidden=16)


def network(flavour: str = "autovc", seed: int = 0):
    torch.manual_seed(seed)
    return autovc_network(tiny_config(flavour)).eval()


def voice(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(256).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def sound(n_samples: int) -> Waveform:
    t = np.arange(n_samples) / 16_000
    buzz = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 12))
    return Waveform((0.1 * buzz).astype(np.float32), SPEECH)


@pytest.mark.parametrize("flavour", ["autovc", "makeittalk"])
@pytest.mark.parametrize("n_samples", [1, 256 * 7, 256 * 8, 256 * 9 + 3])
def test_any_length_gives_80_mels_a_step(flavour, n_samples):
    converter = VoiceConverter(network(flavour), speaker_measure("spectral", flavour=flavour), voice(1))
    features = converter.extract(sound(n_samples))
    assert features.values.shape == (n_samples // 256 + 1, 80)
    assert (features.rate, features.name) == (Rate.of("62.5"), f"{flavour}-voice-80")
    assert np.isfinite(features.values).all()


def test_chunks_are_converted_one_by_one():
    mel_steps = 40
    converter = VoiceConverter(network(), speaker_measure("spectral"), voice(1), chunk_steps=19)
    whole = VoiceConverter(network(), speaker_measure("spectral"), voice(1))
    heard = sound(256 * (mel_steps - 1))
    a, b = converter.extract(heard).values, whole.extract(heard).values
    assert a.shape == b.shape == (mel_steps, 80)
    # Chunks of 16 steps: the first five depend on nothing that the seam cuts off but the codes.
    assert not np.array_equal(a[16:], b[16:])


def test_the_rows_reach_an_animation_at_its_own_rate():
    converter = VoiceConverter(network(), speaker_measure("spectral"), voice(1))
    features = converter.extract(sound(16_000))
    frames = at_rate(features, Rate.of(30), 30)
    assert frames.values.shape == (30, 80)
    np.testing.assert_allclose(frames.values[12], features.values[25], rtol=1e-6)


def test_another_voice_or_network_is_another_version():
    versions = {
        VoiceConverter(network(seed=seed), speaker_measure("spectral"), voice(target)).version
        for seed, target in ((0, 1), (0, 2), (1, 1), (0, 1))
    }
    assert len(versions) == 3


@pytest.mark.parametrize("flavour", ["autovc", "makeittalk"])
def test_a_saved_converter_converts_the_same(tmp_path, flavour):
    made = network(flavour)
    voices = {"mia": voice(1), "leo": voice(2)}
    save_converter(made, voices, "spectral", None, tmp_path, {"loss": 0.5})
    measure = speaker_measure("spectral", flavour=flavour)
    for name in voices:
        expected = VoiceConverter(made, measure, voices[name]).extract(sound(4_000))
        loaded = load_converter(tmp_path, name).extract(sound(4_000))
        np.testing.assert_array_equal(loaded.values, expected.values)
        assert loaded.version == expected.version
    assert load_converter(tmp_path).version == load_converter(tmp_path, "leo").version


def test_a_folder_that_is_not_a_converter_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="holds no voice converter"):
        load_converter(tmp_path)
    save_converter(network(), {"mia": voice(1)}, "spectral", None, tmp_path, {})
    with pytest.raises(ArtifactError, match="did you mean 'mia'"):
        load_converter(tmp_path, "mai")
    facts = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**facts, "version": 9}))
    with pytest.raises(ArtifactError, match="version 9"):
        load_converter(tmp_path)
    facts["network"]["neck"] = 3
    (tmp_path / "config.json").write_text(json.dumps(facts))
    with pytest.raises(ArtifactError, match=r"'encoder\.lstm\.weight_ih_l0'"):
        load_converter(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["autovc", "makeittalk"])
def test_published_files_make_a_converter(tmp_path, flavour):
    torch.save({"model": network(flavour).state_dict()}, tmp_path / "generator.ckpt")
    torch.manual_seed(1)
    if flavour == "autovc":
        state = {f"module.{name}": value for name, value in DVector().state_dict().items()}
        torch.save({"model_b": state}, tmp_path / "encoder.ckpt")
    else:
        extras = {"similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
        torch.save(
            {"model_state": {**ResemblyzerEncoder().state_dict(), **extras}}, tmp_path / "encoder.ckpt"
        )
    paths = tmp_path / "generator.ckpt", tmp_path / "encoder.ckpt"
    converter = load_published_converter(tiny_config(flavour), *paths, voice(3))
    assert converter.extract(sound(20_000)).values.shape == (79, 80)
    with pytest.raises(ArtifactError, match=r"lacks parameter 'encoder\.convolutions\.0\.0\.conv\.weight'"):
        load_published_converter(tiny_config(flavour), paths[1], paths[1], voice(3))


def test_targets_measures_and_silence_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="give 256 finite numbers"):
        VoiceConverter(network(), speaker_measure("spectral"), voice(1)[:200])
    with pytest.raises(InputError, match="did you mean 'dvector'"):
        speaker_measure("d-vector")
    with pytest.raises(InputError, match="needs its network"):
        speaker_measure("resemblyzer", DVector())
    with pytest.raises(AudioError, match="0 samples"):
        VoiceConverter(network(), speaker_measure("spectral"), voice(1)).extract(sound(0))
