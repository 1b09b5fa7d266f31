"""AutoVC's two generators: published names, shapes and laws."""

import pytest
import torch

from visemic.core.errors import InputError
from visemic.models.autovc import (
    PUBLISHED_AUTOVC,
    PUBLISHED_MAKEITTALK,
    AutoVc,
    AutoVcConfig,
    MakeItTalkVc,
    autovc_network,
)

torch.set_num_threads(1)


def lstm(name: str, before: int, width: int, layers: int, both: bool = False) -> dict[str, tuple[int, ...]]:
    table = {}
    for layer in range(layers):
        heard = before if layer == 0 else width * (2 if both else 1)
        for way in ("", "_reverse") if both else ("",):
            end = f"_l{layer}{way}"
            table[f"{name}.weight_ih{end}"] = (4 * width, heard)
            table[f"{name}.weight_hh{end}"] = (4 * width, width)
            table[f"{name}.bias_ih{end}"] = table[f"{name}.bias_hh{end}"] = (4 * width,)
    return table


def stack(name: str, widths: list[int], batch_norm: bool) -> dict[str, tuple[int, ...]]:
    table: dict[str, tuple[int, ...]] = {}
    for i in range(len(widths) - 1):
        before, after = widths[i], widths[i + 1]
        table[f"{name}.convolutions.{i}.0.conv.weight"] = (after, before, 5)
        for part in ("0.conv.bias", "1.weight", "1.bias"):
            table[f"{name}.convolutions.{i}.{part}"] = (after,)
        if batch_norm:
            for part in ("running_mean", "running_var"):
                table[f"{name}.convolutions.{i}.1.{part}"] = (after,)
            table[f"{name}.convolutions.{i}.1.num_batches_tracked"] = ()
    return table


def published(neck: int) -> dict[str, tuple[int, ...]]:
    return {
        **stack("encoder", [336, 512, 512, 512], True),
        **lstm("encoder.lstm", 512, neck, 2, both=True),
        **lstm("decoder.lstm1", 2 * neck + 256, 512, 1),
        **stack("decoder", [512, 512, 512, 512], True),
        **lstm("decoder.lstm2", 512, 1_024, 2),
        "decoder.linear_projection.linear_layer.weight": (80, 1_024),
        "decoder.linear_projection.linear_layer.bias": (80,),
        **stack("postnet", [80, 512, 512, 512, 512, 80], True),
    }


PUBLISHED_LIGHT = {
    **stack("encoder", [336, 512, 512, 512], False),
    **lstm("encoder.lstm", 512, 16, 2, both=True),
    **lstm("decoder.lstm", 545, 512, 3),
    "decoder.linear_projection.linear_layer.weight": (80, 512),
    "decoder.linear_projection.linear_layer.bias": (80,),
    **stack("postnet", [80, 512, 512, 512, 512, 80], False),
}


@pytest.mark.parametrize(
    ("config", "table", "n_parameters", "n_tensors"),
    [
        (PUBLISHED_AUTOVC, published(32), 28_422_464, 107),
        (AutoVcConfig(neck=16, period=16), published(16), 28_266_304, 107),
        (PUBLISHED_MAKEITTALK, PUBLISHED_LIGHT, 14_320_960, 62),
    ],
)
def test_names_and_shapes_are_the_published_ones(config, table, n_parameters, n_tensors):
    with torch.device("meta"):
        network = autovc_network(config)
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == table
    assert len(table) == n_tensors
    assert sum(p.numel() for p in network.parameters()) == n_parameters


def tiny(flavour: str = "autovc", period: int = 4):
    torch.manual_seed(1)
    config = AutoVcConfig(flavour=flavour, neck=3, period=period, speaker=5, hidden=16, mels=8)
    return autovc_network(config).eval().requires_grad_(False)


def given(network, n_steps: int = 16) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    heard = [torch.rand(2, n_steps, 8, generator=generator)]
    heard += [torch.randn(2, 5, generator=generator) for _ in range(2)]
    if isinstance(network, MakeItTalkVc):
        classes = torch.randint(257, (2, n_steps), generator=generator)
        heard.append(torch.nn.functional.one_hot(classes, 257).float())
    return heard


@pytest.mark.parametrize("flavour", ["autovc", "makeittalk"])
def test_codes_are_two_necks_a_period_and_the_mel_keeps_its_shape(flavour):
    network = tiny(flavour)
    made = network(*given(network))
    assert made.mel.shape == made.refined.shape == (2, 16, 8)
    assert made.codes.shape == (2, 16 // 4 * 2 * 3)
    mel, source = given(network)[:2]
    torch.testing.assert_close(network.code(mel, source), made.codes)


@pytest.mark.parametrize("flavour", ["autovc", "makeittalk"])
def test_the_target_changes_the_voice_and_not_the_codes(flavour):
    network = tiny(flavour)
    heard = given(network)
    made = network(*heard)
    heard[2] = heard[2] + 1.0
    other = network(*heard)
    torch.testing.assert_close(other.codes, made.codes, rtol=0, atol=0)
    assert float((other.refined - made.refined).abs().max()) > 1e-4


def test_pitch_reaches_the_decoder_only():
    network = tiny("makeittalk")
    heard = given(network)
    made = network(*heard)
    heard[3] = heard[3].roll(1, dims=-1)
    other = network(*heard)
    torch.testing.assert_close(other.codes, made.codes, rtol=0, atol=0)
    assert float((other.refined - made.refined).abs().max()) > 1e-4


def test_a_code_is_read_where_each_direction_has_heard_its_period():
    network = tiny()
    mel, source, _ = given(network)
    states: list[torch.Tensor] = []
    network.encoder.lstm.register_forward_hook(lambda module, args, out: states.append(out[0]))
    codes = network.code(mel, source).reshape(2, 4, 6)
    torch.testing.assert_close(codes[:, 1, :3], states[0][:, 7, :3])
    torch.testing.assert_close(codes[:, 1, 3:], states[0][:, 4, 3:])


def test_a_single_period_is_enough():
    network = tiny(period=4)
    assert network(*given(network, 4)).codes.shape == (2, 6)


def test_sizes_below_one_are_refused():
    with pytest.raises(InputError, match="period is 0"):
        AutoVcConfig(period=0)


def test_each_flavour_has_its_network():
    assert isinstance(tiny("autovc"), AutoVc)
    assert isinstance(tiny("makeittalk"), MakeItTalkVc)
