"""Critics are the published ones by period, and see differences at every resolution."""

import pytest
import torch

from visemic.core.errors import InputError
from visemic.models.vocoder_critic import (
    MultiPeriodCritic,
    PeriodCritic,
    VocoderCritic,
    VocoderCriticConfig,
    magnitudes,
)

torch.set_num_threads(1)

SMALL = VocoderCriticConfig(periods=(2, 3), period_channels=2, resolutions=((64, 16),), resolution_channels=4)


def test_the_published_period_critic_has_the_published_parameters():
    critic = PeriodCritic(2, 32)
    shapes = {name: tuple(value.shape) for name, value in critic.state_dict().items()}
    assert shapes["convs.0.weight_v"] == (32, 1, 5, 1)
    assert shapes["convs.3.weight_g"] == (1024, 1, 1, 1)
    assert shapes["convs.4.weight_v"] == (1024, 1024, 5, 1)
    assert shapes["conv_post.weight_v"] == (1, 1024, 3, 1)
    assert len(shapes) == 18
    assert next(iter(MultiPeriodCritic(channels=1).state_dict())).startswith("discriminators.0.convs.0.")


def test_a_period_critic_scores_its_columns_alone():
    torch.manual_seed(0)
    critic = PeriodCritic(3, 2)
    sound = torch.randn(1, 243)
    changed = sound.clone()
    changed[0, 1::3] = torch.randn(81)
    scores, other = (critic(s)[0].reshape(-1, 3) for s in (sound, changed))
    torch.testing.assert_close(scores[:, [0, 2]], other[:, [0, 2]])
    assert (scores[:, 1] - other[:, 1]).abs().max() > 0


def test_every_critic_gives_scores_and_what_it_saw():
    torch.manual_seed(0)
    scores, seen = VocoderCritic(SMALL)(torch.randn(2, 401))
    assert [s.shape[0] for s in scores] == [2, 2, 2]
    assert [len(layers) for layers in seen] == [6, 6, 6]
    assert all(torch.equal(layers[-1].flatten(1), s) for layers, s in zip(seen, scores, strict=True))


def test_magnitudes_of_a_sine_are_half_the_window_times_its_level():
    time = torch.arange(4_000) / 16_000
    found = magnitudes(0.5 * torch.sin(2 * torch.pi * 1_000 * time)[None], 512, 128)
    assert found.shape == (1, 28, 257)
    assert float(found[0, 5].max()) == pytest.approx(0.5 * 512 / 4, rel=1e-3)
    assert int(found[0, 5].argmax()) == 32


def test_silence_has_a_finite_gradient():
    sound = torch.zeros(1, 600, requires_grad=True)
    magnitudes(sound, 256, 64).sum().backward()
    assert torch.isfinite(sound.grad).all()


def test_critics_without_layers_are_refused():
    with pytest.raises(InputError, match="cannot judge"):
        VocoderCriticConfig(periods=(), resolutions=())
