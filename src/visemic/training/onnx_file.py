"""Networks as ONNX files: quietly, and without the exporter's notes."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


def onnx_model(network: nn.Module, example: tuple[Any, ...], **options: Any) -> Any:
    """Give a network as an ONNX model in memory.

    Args:
        network: In evaluation mode, on the CPU.
        example: Arguments of one call.
        options: Of ``torch.onnx.export``: names of inputs and outputs, free sizes.
    """
    import onnx  # noqa: F401, torch says only that something is missing

    with _quiet_export():
        program = torch.onnx.export(network, example, dynamo=True, verbose=False, **options)
    assert program is not None
    return program.model_proto


def onnx_bytes(network: nn.Module, example: tuple[Any, ...], **options: Any) -> bytes:
    """Give a network as the bytes of an ONNX file; see ``onnx_model``."""
    return without_traces(onnx_model(network, example, **options).SerializeToString())


def without_traces(onnx_file: bytes) -> bytes:
    """Give an ONNX file without the exporter's notes, which hold the paths of this machine's sources."""
    import onnx

    model = onnx.load_from_string(onnx_file)
    parts = [model.graph, *model.functions]
    for part in [model, *parts]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for part in parts:
        for item in (*part.node, *part.value_info):
            item.ClearField("metadata_props")
            item.ClearField("doc_string")
    for item in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    return bytes(model.SerializeToString())


@contextmanager
def _quiet_export() -> Iterator[None]:
    """Keep the exporter's warnings about packages that are not needed from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
