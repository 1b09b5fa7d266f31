"""Networks in ONNX files, opened for running on the processor."""

from pathlib import Path
from typing import Any


def open_session(path: Path, threads: int = 1) -> Any:
    """Open a network by ONNX Runtime, quiet, on so many threads.

    Args:
        path: The file; that it is whole is for the caller to have checked.
        threads: That it runs on.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
