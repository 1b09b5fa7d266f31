"""ONNX files of half the size: parameters are kept as 16-bit floats and unfolded when read.

The network computes in 32 bits as before; only its parameters are rounded, by at most one part
in two thousand. ONNX Runtime unfolds them once, while loading.
"""

import numpy as np

from visemic.core.errors import ArtifactError

MIN_NUMBERS = 256
"""Smaller parameters stay as they are; they hold biases and scales."""
_LARGEST = 65_000.0


def with_half_weights(onnx_file: bytes) -> bytes:
    """Give an ONNX file whose large parameters are stored with 16 bits.

    Raises:
        ArtifactError: A parameter is too large for 16 bits.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(onnx_file)
    graph = model.graph
    kept, unfolded = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < MIN_NUMBERS:
            kept.append(tensor)
            continue
        if not np.abs(values).max() < _LARGEST:
            raise ArtifactError(
                f"parameter {tensor.name!r} reaches {np.abs(values).max():g} and 16 bits hold less than "
                f"{_LARGEST:g}; ship it with 32 bits"
            )
        stored = f"{tensor.name}_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), stored))
        unfolded.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*unfolded, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    return bytes(model.SerializeToString())
