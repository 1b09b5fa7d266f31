"""Networks that carry their past, as ONNX for ``models.step_network``."""

from typing import Any

import torch
from torch import nn

from visemic.models.step_network import NEW_STATE, STATE
from visemic.training.onnx_file import onnx_bytes


class _Named(nn.Module):
    """The network with logits turned into probabilities and its state spread out."""

    def __init__(self, network: nn.Module, with_shapes: bool) -> None:
        super().__init__()
        self.network = network
        self.with_shapes = with_shapes

    def forward(self, mel: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Give probabilities, embedding, shapes if there are, and the new states."""
        if self.with_shapes:
            embedding, logits, shapes, new_state = self.network(mel, state)
            return (logits.softmax(-1), embedding, shapes, *new_state)
        embedding, logits, new_state = self.network(mel, state)
        return (logits.softmax(-1), embedding, *new_state)


def step_onnx(network: Any, *, with_shapes: bool) -> bytes:
    """Give a network with ``first_state`` as ONNX; only the number of frames is free."""
    network = network.eval().cpu()
    state = network.first_state(1)
    curves = ["phones", "embedding", *(["shapes"] if with_shapes else [])]
    names = [f"{i}" for i in range(len(state))]
    half = torch.export.Dim("steps", min=1, max=100_000)
    return onnx_bytes(
        _Named(network, with_shapes).eval(),
        (torch.zeros(1, 24, network_mels(network)), state),
        input_names=["mel", *(STATE + n for n in names)],
        output_names=[*curves, *(NEW_STATE + n for n in names)],
        dynamic_shapes=({1: 2 * half}, [{} for _ in state]),
    )


def network_mels(network: Any) -> int:
    """Give how many mels a network hears."""
    config = network.config
    return int(getattr(config, "trunk", config).n_mels)
