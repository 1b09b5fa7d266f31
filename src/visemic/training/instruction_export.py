"""The listener and the small writer as ONNX: sound to soft prompts, and rows to the next word.

Large tables are kept in half precision and widened when the file is read: half the bytes, the same
arithmetic.
"""

import numpy as np
import torch
from torch import nn

from visemic.models.instruction import InstructionNetwork
from visemic.training.onnx_file import onnx_bytes
from visemic.training.onnx_half import with_half_weights

_DYNAMIC = torch.export.Dim.DYNAMIC


class _Listen(nn.Module):
    """Frames in; soft prompts, emotion and level as likelihoods, and the place in caption space out."""

    def __init__(self, network: InstructionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, frames: torch.Tensor, whole: torch.Tensor, valid: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Give what the listener says."""
        heard = self.network.listener(frames, whole, valid)
        prompts = self.network.project(heard.queries)
        return prompts, heard.emotion.softmax(-1), heard.level.softmax(-1), heard.caption


class _Write(nn.Module):
    """Rows and the past in; logits after the last row and the new past out."""

    def __init__(self, network: InstructionNetwork) -> None:
        super().__init__()
        self.writer = network.writer

    def forward(self, rows: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Read rows."""
        logits, kept = self.writer(rows, past)
        return logits[:, -1], kept


def listen_onnx(network: InstructionNetwork) -> bytes:
    """Give the listening half; clips and frames are free."""
    config = network.config.listener
    example = (
        torch.zeros(2, 31, config.n_inputs),
        torch.zeros(2, config.n_whole),
        torch.ones(2, 31, dtype=torch.bool),
    )
    file = onnx_bytes(
        _Listen(network.eval()).eval(),
        example,
        input_names=["frames", "whole", "valid"],
        output_names=["prompts", "emotion", "level", "caption"],
        dynamic_shapes=({0: _DYNAMIC, 1: _DYNAMIC}, {0: _DYNAMIC}, {0: _DYNAMIC, 1: _DYNAMIC}),
    )
    return with_half_weights(file)


def write_onnx(network: InstructionNetwork) -> bytes:
    """Give the writing half; sentences, rows and the length of the past are free."""
    writer = network.writer.eval()
    past = writer.first_past(2).repeat(1, 1, 1, 1, 5, 1)
    file = onnx_bytes(
        _Write(network.eval()).eval(),
        (torch.zeros(2, 3, writer.config.width), past),
        input_names=["rows", "past"],
        output_names=["logits", "new_past"],
        dynamic_shapes=({0: _DYNAMIC, 1: _DYNAMIC}, {2: _DYNAMIC, 4: _DYNAMIC}),
    )
    return with_half_weights(file)


def word_table(network: InstructionNetwork) -> bytes:
    """Give the rows of the writer's words as safetensors, in half precision."""
    from safetensors.numpy import save

    return bytes(save({"words": network.writer.words.weight.detach().numpy().astype(np.float16)}))
