import numpy as np
import pytest
import torch
from torch import nn

from visemic.core.errors import ArtifactError
from visemic.training.onnx_file import onnx_bytes
from visemic.training.onnx_half import with_half_weights

torch.set_num_threads(1)


def run(content, x):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


class Turned(nn.Module):
    """A recurrence and a map: both keep their parameters in the file."""

    def __init__(self):
        super().__init__()
        self.recurrence = nn.LSTM(24, 16, batch_first=True)
        self.head = nn.Linear(16, 40)

    def forward(self, x):
        return self.head(self.recurrence(x)[0])


@pytest.mark.slow
def test_half_the_size_gives_the_same_within_the_rounding_of_parameters():
    torch.manual_seed(0)
    whole = onnx_bytes(Turned().eval(), (torch.zeros(1, 9, 24),))
    half = with_half_weights(whole)
    x = np.random.default_rng(0).normal(size=(1, 9, 24)).astype(np.float32)
    np.testing.assert_allclose(run(half, x), run(whole, x), atol=2e-3)
    assert not np.array_equal(run(half, x), run(whole, x))
    assert len(half) < 0.7 * len(whole)
    assert with_half_weights(half) == half


@pytest.mark.slow
def test_a_parameter_that_16_bits_do_not_hold_is_refused():
    layer = nn.Linear(32, 32)
    nn.init.constant_(layer.weight, 1e6)
    with pytest.raises(ArtifactError, match="16 bits hold less"):
        with_half_weights(onnx_bytes(layer.eval(), (torch.zeros(1, 32),)))
