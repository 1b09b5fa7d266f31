"""The networks of style as ONNX, with parameters kept in 16 bits where wanted."""

from typing import Any

import torch
from torch import Tensor, nn

from visemic.models.style_encoder import StyleEncoder
from visemic.models.style_generator import StyleGenerator
from visemic.models.style_prior import StylePrior
from visemic.models.style_text import StyleText
from visemic.training.onnx_file import onnx_bytes


class _Condition(nn.Module):
    """Instructions to conditions, without the projector."""

    def __init__(self, text: StyleText) -> None:
        super().__init__()
        self.text = text

    def forward(self, text: Tensor) -> Tensor:
        """Give the condition of the prior."""
        condition: Tensor = self.text(text)[0]
        return condition


def encoder_onnx(network: StyleEncoder) -> bytes:
    """Give the style encoder: ``motion`` and ``valid`` in, ``style`` out; any number of windows."""
    frames = network.config.window
    example = (torch.zeros(2, frames, network.config.n_channels), torch.ones(2, frames, dtype=torch.bool))
    return _exported(network, example, ["motion", "valid"], ["style"], [{0: _ANY}, {0: _ANY}])


def text_onnx(network: StyleText) -> bytes:
    """Give words (or a tower's embedding) to ``condition``; any number of instructions."""
    config = network.config
    if config.n_words:
        example = torch.ones(2, config.max_words, dtype=torch.int64)
    else:
        example = torch.zeros(2, config.embedding)
    return _exported(_Condition(network), (example,), ["text"], ["condition"], [{0: _ANY}])


def prior_onnx(network: StylePrior) -> bytes:
    """Give one step of the prior; any number of styles."""
    wide = network.config.style
    example = (
        torch.zeros(2, wide), torch.zeros(2, dtype=torch.int64), torch.zeros(2, wide),
        torch.ones(2, dtype=torch.bool),
    )  # fmt: skip
    names = ["noisy", "step", "condition", "heard"]
    return _exported(network, example, names, ["clean"], [{0: _ANY}] * 4)


def generator_onnx(network: StyleGenerator) -> bytes:
    """Give the generator for one clip; any number of frames."""
    config = network.config
    example = (torch.zeros(1, 40, config.n_content), torch.zeros(1, 40, config.style))
    return _exported(network, example, ["content", "style"], ["motion"], [{1: _FRAMES}, {1: _FRAMES}])


_ANY = torch.export.Dim.DYNAMIC
_FRAMES = torch.export.Dim("frames", min=2, max=1_000_000)


def _exported(
    network: nn.Module, example: tuple[Any, ...], inputs: list[str], outputs: list[str], shapes: list[Any]
) -> bytes:
    return onnx_bytes(
        network.eval().cpu(),
        example,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=tuple(shapes),
    )
