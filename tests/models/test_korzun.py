"""Facts about the four networks."""

import pytest
import torch

from visemic.core.errors import InputError
from visemic.models.korzun import AVC_FEATURES, W2V_FEATURES, KorzunConfig, new_korzun

torch.set_num_threads(1)

SMALL = {"n_features": 5, "n_channels": 4, "context": 7, "width": 6, "chunk": 3, "previous": 2}


def small(kind, **changes):
    torch.manual_seed(0)
    return new_korzun(KorzunConfig(kind, **{**SMALL, **changes})).eval()


@pytest.mark.parametrize(
    ("kind", "n_features", "count"),
    [
        ("ff", W2V_FEATURES, 302_199),
        ("ff", AVC_FEATURES, 198_999),
        ("s2s", W2V_FEATURES, 752_199),
        ("s2s", AVC_FEATURES, 648_999),
    ],
)
def test_the_four_models_have_the_parameters_of_the_reconstruction(kind, n_features, count):
    network = new_korzun(KorzunConfig(kind, n_features))
    assert sum(p.numel() for p in network.parameters()) == count


def test_ff_gives_a_frame_for_a_window_whatever_else_is_in_the_batch():
    network = small("ff")
    windows = torch.randn(5, 7, 5)
    alone = torch.cat([network(window[None]) for window in windows])
    torch.testing.assert_close(network(windows), alone)
    assert alone.shape == (5, 4)


def test_s2s_gives_a_chunk_that_depends_on_the_poses_before_it():
    network = small("s2s")
    windows = torch.randn(2, 3, 7, 5)
    at_rest = network(windows, torch.zeros(2, 2, 4))
    moving = network(windows, torch.ones(2, 2, 4))
    assert at_rest.shape == (2, 3, 4)
    assert (at_rest - moving).abs().max() > 1e-4


def test_every_pose_of_a_chunk_hears_all_of_its_windows():
    network = small("s2s")
    windows = torch.randn(1, 3, 7, 5, requires_grad=True)
    network(windows, torch.zeros(1, 2, 4))[0, 0].sum().backward()
    assert (windows.grad.abs().sum(dim=(0, 2, 3)) > 0).all()


def test_gradients_reach_every_parameter():
    for kind, inputs in (
        ("ff", (torch.randn(4, 7, 5),)),
        ("s2s", (torch.randn(2, 3, 7, 5), torch.ones(2, 2, 4))),
    ):
        network = small(kind).train()
        network(*inputs).square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters()), kind


def test_the_norm_of_a_step_does_not_depend_on_its_place_and_that_of_a_place_does():
    steps = torch.randn(1, 7, 5)
    turned = steps.flip(1)
    by_step, by_place = small("ff", norm="layer"), small("ff")
    for network, is_same in ((by_step, True), (by_place, False)):
        norm = network.encoder.layers[1]
        torch.nn.init.uniform_(norm.weight)
        if not is_same:
            norm.running_mean.copy_(torch.arange(7.0))
        first = network.encoder.layers[:2]
        same = torch.allclose(first(turned), first(steps).flip(1), atol=1e-6)
        assert same == is_same


def test_the_short_context_of_half_a_second_is_a_choice():
    network = new_korzun(KorzunConfig("ff", 80, context=25, norm="layer")).eval()
    assert network(torch.zeros(1, 25, 80)).shape == (1, 33)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"context": 60}, "context is 60 steps and has no middle"),
        ({"width": 0}, "width is 0"),
        ({"dropout": 1.0}, "dropout is 1"),
        ({"chunk": -1}, "chunk is -1"),
    ],
)
def test_sizes_that_make_no_network_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        KorzunConfig(**changes)
