"""Speaker encoders: published names, shapes and laws."""

import numpy as np
import pytest
import torch

from visemic.core.errors import AudioError
from visemic.models.ge2e import (
    DVector,
    ResemblyzerEncoder,
    SpeakerEncoderConfig,
    dvector_of,
    resemblyzer_vector_of,
    spectral_vector_of,
)

torch.set_num_threads(1)


def table(mels: int, width: int, last: str) -> dict[str, tuple[int, ...]]:
    names: dict[str, tuple[int, ...]] = {}
    for layer in range(3):
        names[f"lstm.weight_ih_l{layer}"] = (4 * width, mels if layer == 0 else width)
        names[f"lstm.weight_hh_l{layer}"] = (4 * width, width)
        names[f"lstm.bias_ih_l{layer}"] = names[f"lstm.bias_hh_l{layer}"] = (4 * width,)
    return {**names, f"{last}.weight": (256, width), f"{last}.bias": (256,)}


@pytest.mark.parametrize(
    ("kind", "names", "n_parameters"),
    [
        (DVector, table(80, 768, "embedding"), 12_257_536),
        (ResemblyzerEncoder, table(40, 256, "linear"), 1_423_616),
    ],
)
def test_names_and_shapes_are_the_published_ones(kind, names, n_parameters):
    with torch.device("meta"):
        network = kind()
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == names
    assert sum(p.numel() for p in network.parameters()) == n_parameters


SMALL = SpeakerEncoderConfig(mels=8, hidden=12, speaker=6)


@pytest.mark.parametrize("kind", [DVector, ResemblyzerEncoder])
def test_vectors_have_length_1(kind):
    torch.manual_seed(3)
    vectors = kind(SMALL)(torch.rand(4, 20, 8)).detach()
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(4))
    assert kind is DVector or float(vectors.min()) >= 0


def test_the_d_vector_of_a_speaker_is_the_mean_over_his_crops(rng):
    torch.manual_seed(3)
    network = DVector(SMALL).eval()
    mel = rng.random((192, 8)).astype(np.float32)
    with torch.no_grad():
        crops = network(torch.from_numpy(np.stack([mel[:128], mel[64:]])))
    vector = dvector_of(network, [mel])
    np.testing.assert_allclose(vector, crops.mean(dim=0).numpy(), atol=1e-6)
    np.testing.assert_allclose(dvector_of(network, [mel, mel]), vector, atol=1e-6)
    assert np.isfinite(dvector_of(network, [mel[:3]])).all()


def test_the_small_encoder_gives_a_unit_vector_of_all_windows(rng):
    torch.manual_seed(3)
    network = ResemblyzerEncoder(SMALL).eval()
    parts = rng.random((3, 160, 8)).astype(np.float32)
    vector = resemblyzer_vector_of(network, parts)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_the_spectral_vector_tells_colour_and_not_level(rng):
    colour, other = rng.random((2, 80)).astype(np.float32)
    speech = 0.3 * rng.random((200, 1)).astype(np.float32)
    first = spectral_vector_of([speech + 0.2 * colour])
    louder = spectral_vector_of([speech + 0.2 * colour + 0.1])
    second = spectral_vector_of([speech + 0.2 * other])
    assert first.shape == (256,)
    assert np.linalg.norm(first) == pytest.approx(1.0, abs=1e-6)
    assert float(first @ louder) > 0.999
    assert float(first @ second) < 0.9


def test_a_speaker_who_never_spoke_is_refused():
    for vector_of in (spectral_vector_of, lambda mels: dvector_of(DVector(SMALL), mels)):
        with pytest.raises(AudioError, match="a speaker has 0"):
            vector_of([])
    with pytest.raises(AudioError, match="an utterance has 0 steps"):
        dvector_of(DVector(SMALL), [np.zeros((0, 8), np.float32)])
