"""The learned mean of layers."""

import numpy as np
import pytest
import torch

from visemic.core.errors import ArtifactError
from visemic.features.layer_mix import LayerMix

torch.set_num_threads(1)


def test_before_training_it_is_the_mean():
    states = torch.randn(2, 5, 3 * 4, generator=torch.Generator().manual_seed(1))
    mean = states.reshape(2, 5, 3, 4).mean(dim=2)
    torch.testing.assert_close(LayerMix(3)(states), mean)


def test_a_high_score_chooses_its_layer_in_the_order_of_the_features():
    mix = LayerMix(3)
    with torch.no_grad():
        mix.scores[1] = 50.0
    states = torch.arange(12.0).reshape(1, 1, 12)
    torch.testing.assert_close(mix(states), torch.tensor([[[4.0, 5.0, 6.0, 7.0]]]))


def test_shares_are_positive_and_make_one_and_can_be_learnt():
    mix = LayerMix(13)
    with torch.no_grad():
        mix.scores.copy_(torch.linspace(-2, 2, 13))
    shares = mix.shares().detach()
    assert float(shares.min()) > 0
    assert float(shares.sum()) == pytest.approx(1.0)
    mix(torch.ones(1, 2, 26) * torch.arange(26.0)).sum().backward()
    assert np.abs(mix.scores.grad.numpy()).max() > 0


def test_features_of_another_number_of_layers_are_refused():
    with pytest.raises(ArtifactError, match="10 numbers a step are not 3 layers"):
        LayerMix(3)(torch.zeros(1, 1, 10))
