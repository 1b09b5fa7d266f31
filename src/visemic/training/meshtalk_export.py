"""MeshTalk for those without torch: four small ONNX files and one of plain numbers, in half precision.

The guesses are sequential and tiny, so they stay numbers and not a graph. Parameters are rounded
to half precision first, in the networks themselves: what is exported is what is saved.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from visemic.models.meshtalk import ExpressionEncoder, MeshTalk, MeshTalkConfig, VertexUnet
from visemic.models.meshtalk_context import ContextModel, context_tables
from visemic.models.meshtalk_front import Front
from visemic.models.meshtalk_onnx import CHOOSE_FILE, DRAW_FILE, HEAR_FILE, TABLES_FILE, WATCH_FILE
from visemic.models.meshtalk_sound import SharedAudioEncoder
from visemic.models.meshtalk_window import N_MELS
from visemic.training.onnx_file import onnx_model, without_traces
from visemic.training.onnx_half import with_half_weights

_DYNAMIC = torch.export.Dim.DYNAMIC
_SMALL = 256
"""Arrays of fewer numbers stay in single precision: halving them saves nothing."""


def is_portable(config: MeshTalkConfig) -> bool:
    """Tell whether a model is for small machines; the published form stays with torch."""
    return config.audio == "shared"


def round_to_half(*networks: nn.Module) -> None:
    """Round parameters to half precision, in place."""
    with torch.no_grad():
        for network in networks:
            for parameter in network.parameters():
                parameter.copy_(parameter.half().float())


def portable_files(network: MeshTalk, context: ContextModel, front: Front) -> dict[str, bytes]:
    """Give the files that ``meshtalk_onnx`` reads, by name.

    Args:
        network: The first stage, rounded.
        context: The guesses, rounded.
        front: What stands before them.
    """
    from safetensors.numpy import save

    network, context = network.eval().cpu(), context.eval().cpu()
    tables = {f"context.{name}": value for name, value in context_tables(context).arrays().items()}
    tables |= {f"front.{name}": value for name, value in front.arrays().items()}
    arrays = {name: np.ascontiguousarray(_half(value)) for name, value in tables.items()}
    return {
        HEAR_FILE: _heard(network),
        WATCH_FILE: _watched(network.encoder.expression_encoder),
        CHOOSE_FILE: _chosen(network),
        DRAW_FILE: _drawn(network.vertex_unet),
        TABLES_FILE: save(arrays),
    }


def _half(value: np.ndarray) -> np.ndarray:
    is_large = value.dtype == np.float32 and value.ndim > 0 and value.size > _SMALL
    # A sum of biases has more digits than half precision.
    exact = is_large and np.array_equal(value.astype(np.float16).astype(np.float32), value)
    return value.astype(np.float16) if exact else value


class _Heard(nn.Module):
    def __init__(self, encoder: SharedAudioEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.encoder.of_mel(mel)


class _Watched(nn.Module):
    def __init__(self, encoder: ExpressionEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, points: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        codes, (hidden, cell) = self.encoder(points, (hidden, cell))
        return codes, hidden, cell


class _Drawn(nn.Module):
    def __init__(self, unet: VertexUnet) -> None:
        super().__init__()
        self.unet = unet

    def forward(
        self, template: torch.Tensor, one_hot: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        points, (hidden, cell) = self.unet.coordinates(template, one_hot, (hidden, cell))
        return points, hidden, cell


def _heard(network: MeshTalk) -> bytes:
    encoder = network.encoder.audio_encoder
    assert isinstance(encoder, SharedAudioEncoder)
    steps = encoder.n_steps + 40
    return _file(_Heard(encoder), (torch.zeros(1, N_MELS, steps),), ({2: _DYNAMIC},), ["mel"], ["codes"])


def _watched(encoder: ExpressionEncoder) -> bytes:
    n_points, width = encoder.mean.shape[2], encoder.lstm.hidden_size
    example = (torch.zeros(1, 12, n_points, 3), *(torch.zeros(1, 1, width) for _ in range(2)))
    names = ["points", "hidden", "cell"], ["codes", "new_hidden", "new_cell"]
    return _file(_Watched(encoder), example, ({1: _DYNAMIC}, {}, {}), *names)


def _chosen(network: MeshTalk) -> bytes:
    config = network.config
    example = torch.zeros(1, 12, config.expression_dim), torch.zeros(1, 12, config.audio_dim)
    shapes = ({1: _DYNAMIC}, {1: _DYNAMIC})
    return _file(network.encoder.fusion_model, example, shapes, ["expression", "sound"], ["logprobs"])


def _drawn(unet: VertexUnet) -> bytes:
    n_points, width, layers = unet.mean.shape[2], unet.temporal.hidden_size, unet.temporal.num_layers
    n_codes = unet.fusion.in_features - unet.fusion.out_features
    example = (
        torch.zeros(1, n_points, 3),
        torch.zeros(1, 12, 1, n_codes),
        *(torch.zeros(layers, 1, width) for _ in range(2)),
    )
    names = ["template", "one_hot", "hidden", "cell"], ["points", "new_hidden", "new_cell"]
    return _file(_Drawn(unet), example, ({}, {1: _DYNAMIC}, {}, {}), *names)


def _file(
    piece: nn.Module, example: tuple[Any, ...], shapes: tuple[Any, ...], inputs: list[str], outputs: list[str]
) -> bytes:
    model = onnx_model(piece.eval(), example, input_names=inputs, output_names=outputs, dynamic_shapes=shapes)
    # The exporter notes the example's length for what follows a recurrence; any length is right.
    del model.graph.value_info[:]
    for output in model.graph.output:
        if not output.name.startswith("new_"):
            output.type.tensor_type.shape.dim[1].dim_param = f"length_{output.name}"
    return with_half_weights(without_traces(model.SerializeToString()))
