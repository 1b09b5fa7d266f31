"""HiFi-GAN is the published network under the published names, with weight normalisation or without."""

import pytest
import torch
from torch import nn

from visemic.core.errors import ArtifactError, InputError
from visemic.models.vocoder import (
    HIFI_GAN_AVATRON,
    HIFI_GAN_V1,
    HIFI_GAN_V2,
    HIFI_GAN_V3,
    HifiGan,
    HifiGanConfig,
    fold,
    generator_parameters,
    load_hifi_gan,
    normed_layer,
)

torch.set_num_threads(1)

SMALL = HifiGanConfig(
    upsample_rates=(5, 2),
    upsample_kernel_sizes=(9, 4),
    upsample_initial_channel=16,
    resblock_kernel_sizes=(3, 5),
    resblock_dilation_sizes=((1, 3), (1, 2)),
    num_mels=4,
)


def loud(config: HifiGanConfig) -> HifiGan:
    """Give a generator whose every layer matters."""
    torch.manual_seed(0)
    network = HifiGan(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.rand_like(parameter) + 0.5 if name.endswith("_g") else parameter * 2)
    return network


@pytest.mark.parametrize(
    ("config", "n_parameters"),
    [(HIFI_GAN_V1, 13_926_017), (HIFI_GAN_V2, 925_985), (HIFI_GAN_V3, 1_462_273)],
)
def test_published_sizes_have_the_published_number_of_parameters(config, n_parameters):
    with torch.device("meta"):
        network = HifiGan(config, is_folded=True)
    assert sum(parameter.numel() for parameter in network.parameters()) == n_parameters
    assert config.samples_per_frame == 256


def test_avatron_turns_a_frame_into_two_hundred_samples():
    assert HIFI_GAN_AVATRON.samples_per_frame == 200


def test_parameters_carry_the_published_names_and_shapes():
    shapes = {name: tuple(value.shape) for name, value in HifiGan(HIFI_GAN_V2).state_dict().items()}
    single = {name: tuple(value.shape) for name, value in HifiGan(HIFI_GAN_V3).state_dict().items()}
    assert shapes["conv_pre.weight_g"] == (128, 1, 1)
    assert shapes["conv_pre.weight_v"] == (128, 80, 7)
    assert shapes["ups.0.weight_g"] == (128, 1, 1)
    assert shapes["ups.0.weight_v"] == (128, 64, 16)
    assert shapes["ups.3.bias"] == (8,)
    assert shapes["resblocks.11.convs1.2.weight_v"] == (8, 8, 11)
    assert shapes["resblocks.0.convs2.0.weight_g"] == (64, 1, 1)
    assert shapes["conv_post.weight_v"] == (1, 8, 7)
    assert single["resblocks.8.convs.1.weight_v"] == (32, 32, 7)
    assert len(shapes) == 3 * (1 + 4 + 12 * 6 + 1)


def test_a_normed_layer_does_what_the_framework_does():
    torch.manual_seed(1)
    for layer, shape in (
        (nn.Conv1d(3, 4, 5, dilation=2, padding=4), (2, 3, 20)),
        (nn.ConvTranspose1d(3, 4, 8, 4, padding=2), (2, 3, 9)),
        (nn.Conv2d(3, 4, (5, 1), (3, 1), padding=(2, 0)), (2, 3, 20, 3)),
    ):
        ours = normed_layer(layer)
        theirs = nn.utils.parametrizations.weight_norm(type(layer)(**_words(layer)))
        with torch.no_grad():
            ours.weight_g.mul_(1.7)
        renamed = {"original0": ours.weight_g, "original1": ours.weight_v}
        theirs.load_state_dict(
            {"bias": ours.bias} | {f"parametrizations.weight.{k}": v for k, v in renamed.items()}
        )
        x = torch.randn(shape)
        torch.testing.assert_close(ours(x), theirs(x))


def _words(layer: nn.Module) -> dict[str, object]:
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation")
    return {name: getattr(layer, name) for name in names}


@pytest.mark.parametrize("resblock", ["1", "2"])
def test_folding_changes_no_sample(resblock):
    network = loud(HifiGanConfig(**{**vars(SMALL), "resblock": resblock}))
    mel = torch.randn(2, 4, 11)
    with torch.no_grad():
        sound, plain = network(mel), fold(network)(mel)
    assert sound.shape == (2, 1, 110)
    assert sound.std() > 0.05
    torch.testing.assert_close(sound, plain, atol=1e-5, rtol=0)


def test_a_sample_sees_no_further_than_it_says():
    network = fold(loud(SMALL))
    reach = SMALL.context_frames
    n_frames = 4 * reach + 1
    mel = torch.randn(1, 4, n_frames)
    changed = mel.clone()
    changed[..., 2 * reach] += 1.0
    with torch.no_grad():
        difference = (network(mel) - network(changed)).abs()[0, 0].reshape(n_frames, -1).amax(1)
    touched = difference.nonzero().flatten()
    assert touched.min() >= reach
    assert touched.max() <= 3 * reach
    assert touched.max() - touched.min() > reach


@pytest.mark.parametrize("manner", ["published", "folded", "newer names"])
@pytest.mark.parametrize("is_folded", [True, False])
def test_checkpoints_of_every_manner_load_into_either_network(tmp_path, manner, is_folded):
    network = loud(SMALL)
    parameters = network.state_dict()
    if manner == "folded":
        parameters = generator_parameters(parameters, is_folded=True)
    if manner == "newer names":
        parameters = {
            name.replace("weight_g", "parametrizations.weight.original0").replace(
                "weight_v", "parametrizations.weight.original1"
            ): value
            for name, value in parameters.items()
        }
    path = tmp_path / "generator.pt"
    torch.save({"generator": parameters}, path)
    found = load_hifi_gan(path, SMALL, is_folded=is_folded)
    mel = torch.randn(1, 4, 6)
    with torch.no_grad():
        torch.testing.assert_close(found(mel), network(mel), atol=1e-5, rtol=0)


def test_sizes_are_found_by_the_shapes(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "generator.pt"
    torch.save({"generator": HifiGan(HIFI_GAN_V2).state_dict()}, path)
    assert load_hifi_gan(path).config == HIFI_GAN_V2


def test_sizes_nobody_published_must_be_given(tmp_path):
    path = tmp_path / "generator.pt"
    torch.save({"generator": HifiGan(SMALL).state_dict()}, path)
    with pytest.raises(ArtifactError, match="none of hifi-gan-v1"):
        load_hifi_gan(path)
    with pytest.raises(ArtifactError, match=r"lacks|shape"):
        load_hifi_gan(path, HIFI_GAN_V3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"resblock": "3"}, "resblock is '3'"),
        ({"upsample_kernel_sizes": (8, 9, 8, 4)}, "larger than it by an even number"),
        ({"resblock_kernel_sizes": (3, 7)}, "2 resblock_kernel_sizes"),
        ({"upsample_initial_channel": 100}, "multiple of 16"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(words, message):
    with pytest.raises(InputError, match=message):
        HifiGanConfig(**words)
