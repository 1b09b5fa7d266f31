"""Published parameters, read without running anything that a file may contain, and loaded strictly.

A checkpoint of others is a dictionary of tensors, often inside another under a key such as
``model``, often with the prefix that parallel training leaves. Either every parameter of a
network is found with its shape, or the first that is not is named.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from visemic.core.errors import ArtifactError

KNOWN_KEYS = ("model", "model_b", "model_state", "state_dict")
_PARALLEL_PREFIX = "module."


def read_parameters(path: Path, keys: Sequence[str] = KNOWN_KEYS) -> dict[str, torch.Tensor]:
    """Read the tensors of a ``.safetensors`` file or of a PyTorch checkpoint, on the CPU.

    A PyTorch checkpoint is unpickled with tensors and plain containers allowed and nothing else.

    Args:
        path: The file.
        keys: Names under which the parameters may lie in an outer dictionary, first match wins.

    Raises:
        ArtifactError: The file is missing, damaged, holds code or holds no parameters.
    """
    if not path.is_file():
        raise ArtifactError(f"no checkpoint {str(path)!r}; give the file of the published parameters")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: object = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).split("\n")[0][:120]
        raise ArtifactError(
            f"checkpoint {str(path)!r} cannot be read as plain tensors ({reason}); "
            "fetch it again or convert it to safetensors"
        ) from error
    if isinstance(content, Mapping):
        inner = next((content[key] for key in keys if isinstance(content.get(key), Mapping)), content)
        parameters = {
            str(name).removeprefix(_PARALLEL_PREFIX): value
            for name, value in inner.items()
            if isinstance(value, torch.Tensor)
        }
        if parameters:
            return parameters
    raise ArtifactError(
        f"checkpoint {str(path)!r} holds no parameters under {', '.join(map(repr, keys))}; "
        "is it the checkpoint of another program?"
    )


def load_parameters(
    network: nn.Module,
    parameters: Mapping[str, torch.Tensor],
    source: str,
    *,
    unused: Sequence[str] = (),
) -> None:
    """Load parameters into a network, all or nothing.

    Args:
        network: Gets the parameters.
        parameters: By their published names.
        source: What a message calls the checkpoint.
        unused: Names that a checkpoint may hold beside those of the network.

    Raises:
        ArtifactError: A parameter is missing, has another shape or is not known; names the first.
    """
    own = network.state_dict()
    for name, value in own.items():
        if name not in parameters:
            raise ArtifactError(
                f"checkpoint {source!r} lacks parameter {name!r} of shape {_shape(value)}; "
                f"it is not one of {type(network).__name__}"
            )
        if parameters[name].shape != value.shape:
            raise ArtifactError(
                f"parameter {name!r} has shape {_shape(parameters[name])} in checkpoint {source!r} and "
                f"{_shape(value)} in {type(network).__name__}; choose the matching configuration"
            )
    extra = [name for name in parameters if name not in own and name not in unused]
    if extra:
        raise ArtifactError(
            f"checkpoint {source!r} has parameter {extra[0]!r}, which {type(network).__name__} lacks; "
            "it is a checkpoint of another network"
        )
    network.load_state_dict({name: parameters[name] for name in own})


def _shape(value: torch.Tensor) -> str:
    return "x".join(map(str, value.shape)) or "()"
