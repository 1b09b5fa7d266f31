"""The weights of SyncNet: read from what the user has, held against the network, kept as safetensors.

The published file ``syncnet_v2.model`` is a pickle from before batch norms counted their batches.
It is read without running code from it, and a file that is not SyncNet's is refused with the first
parameter that differs.
"""

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Shaped

from visemic.core.atomic import atomic_path
from visemic.core.errors import ArtifactError
from visemic.models.syncnet import SyncNet

Parameters = dict[str, Shaped[torch.Tensor, "..."]]

_SAFE = ".safetensors"
_ANCHOR = "netcnnaud.0.weight"
_COUNTER = "num_batches_tracked"
_HOLDERS = ("state_dict", "model_state_dict", "model")
_GIVE = "give syncnet_v2.model or a safetensors file made from it"


def load_syncnet(path: Path) -> SyncNet:
    """Give SyncNet with the weights of a file, ready to score.

    Args:
        path: safetensors, or a checkpoint of PyTorch such as ``syncnet_v2.model``.

    Raises:
        ArtifactError: The file is missing or damaged, would run code, or a parameter is missing,
            has another shape, is not a number, or belongs to another network.
    """
    network = SyncNet()
    network.load_state_dict(read_syncnet(path))
    return network.eval().requires_grad_(False)


def read_syncnet(path: Path) -> Parameters:
    """Read the parameters of SyncNet under their published names, checked.

    A state dict may stand alone, in a larger dict, or under a prefix such as ``module.``. Counters
    of batches are 0 where an old file has none; nothing that scores reads them.

    Raises:
        ArtifactError: As ``load_syncnet``.
    """
    if not path.is_file():
        raise ArtifactError(f"no weights at {str(path)!r}; {_GIVE}")
    held = _tensors(path)
    prefixes = [name.removesuffix(_ANCHOR) for name in held if name.endswith(_ANCHOR)]
    prefix = prefixes[0] if prefixes else ""
    given = {name.removeprefix(prefix): value for name, value in held.items()}
    with torch.device("meta"):
        wanted = SyncNet().state_dict()
    if not any(name.endswith(_COUNTER) for name in given):
        given |= {name: torch.tensor(0) for name in wanted if name.endswith(_COUNTER)}
    _check(path, given, wanted)
    return {name: given[name].to(wanted[name].dtype).contiguous() for name in wanted}


def convert_syncnet(source: Path, target: Path, *, overwrite: bool = False) -> None:
    """Write the weights as safetensors, with the SHA-256 of the file they come from.

    Raises:
        ArtifactError: As ``load_syncnet``.
        OutputError: The target may not be written.
    """
    from safetensors.torch import save_file

    parameters = read_syncnet(source)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with atomic_path(target, overwrite=overwrite) as partial:
        save_file(parameters, partial, {"network": "syncnet", "source_sha256": digest})


def _tensors(path: Path) -> Parameters:
    try:
        if path.suffix == _SAFE:
            from safetensors.torch import load_file

            held: Any = load_file(path)
        else:
            with warnings.catch_warnings():
                # Old files hold typed storages, which torch reads with a word of reproach.
                warnings.simplefilter("ignore")
                held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ArtifactError(
            f"{str(path)!r} holds more than tensors or is damaged and is not read, because it could "
            f"run code; {_GIVE}"
        ) from error
    except Exception as error:  # each reader has its own dozen of errors for a damaged file
        raise ArtifactError(f"{str(path)!r} is no file of weights or is damaged; {_GIVE}") from error
    for name in _HOLDERS:
        if isinstance(held, Mapping) and isinstance(held.get(name), Mapping):
            held = held[name]
    if not isinstance(held, Mapping) or not held:
        raise ArtifactError(f"{str(path)!r} holds no parameters by name; {_GIVE}")
    for name, value in held.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ArtifactError(f"{str(path)!r} holds {name!r}, which is no tensor; {_GIVE}")
    return {name: value.detach() for name, value in held.items()}


def _check(path: Path, given: Parameters, wanted: Parameters) -> None:
    for name, value in wanted.items():
        if name not in given:
            raise ArtifactError(
                f"{str(path)!r} lacks parameter {name!r} of SyncNet, it holds {len(given)} others; {_GIVE}"
            )
        if given[name].shape != value.shape:
            raise ArtifactError(
                f"parameter {name!r} of {str(path)!r} has shape {tuple(given[name].shape)}, SyncNet's has "
                f"{tuple(value.shape)}; {_GIVE}"
            )
        if not torch.isfinite(given[name]).all():
            raise ArtifactError(
                f"parameter {name!r} of {str(path)!r} holds values that are not finite; copy it again"
            )
    extra = next((name for name in given if name not in wanted), None)
    if extra is not None:
        raise ArtifactError(f"{str(path)!r} holds parameter {extra!r}, which SyncNet lacks; {_GIVE}")
