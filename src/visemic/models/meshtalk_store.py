"""MeshTalk on disk: our artefacts, whole or its first stage alone, and the published checkpoints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from visemic.core.artifact import ArtifactInfo, load_artifact, load_parameters, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError
from visemic.models import checkpoint
from visemic.models.meshtalk import PUBLISHED_VERTICES, MeshTalk, MeshTalkConfig, n_parameters
from visemic.models.meshtalk_context import ContextModel
from visemic.models.meshtalk_front import Front, VertexFront, front_from_arrays
from visemic.models.meshtalk_motion import MESHTALK_RATE, MeshTalkModel
from visemic.models.meshtalk_sound import PUBLISHED_OFFSET_SAMPLES

KIND = "meshtalk"
CODES_KIND = "meshtalk-codes"
"""The first stage alone, which the second is trained on."""
PUBLISHED_TOPOLOGY = "meshtalk-6172"
_FRONT, _NETWORK, _CONTEXT = "front.", "network.", "context."
_Network = TypeVar("_Network", bound=torch.nn.Module)


@dataclass(frozen=True)
class _Stored:
    """What the manifest says beside names and licences."""

    network: MeshTalkConfig
    front: str
    n_vertices: int
    topology: str
    offset_samples: int = 0


@dataclass(frozen=True, eq=False)
class MeshTalkCodes:
    """The first stage: what makes classes of faces and faces of classes."""

    network: MeshTalk
    front: Front
    topology: str
    offset_samples: int = 0


@dataclass(frozen=True)
class Origin:
    """Where a model comes from."""

    name: str
    description: str
    metrics: Mapping[str, float]
    data_licences: Mapping[str, str]
    """By corpus."""


def save_codes(codes: MeshTalkCodes, folder: Path, origin: Origin) -> None:
    """Write a first stage.

    Raises:
        OutputError: There is a model already, or the folder cannot be written to.
    """
    _save(codes, {}, 0, folder, origin, CODES_KIND)


def save_meshtalk(model: MeshTalkModel, folder: Path, origin: Origin) -> None:
    """Write a whole model.

    Raises:
        OutputError: There is a model already, or the folder cannot be written to.
    """
    codes = MeshTalkCodes(model.network, model.front, model.topology, model.offset_samples)
    _save(codes, _tensors(model.context, _CONTEXT), n_parameters(model.context), folder, origin, KIND)


def load_codes(folder: Path) -> MeshTalkCodes:
    """Read a first stage, also out of a whole model.

    Raises:
        ArtifactError: The folder holds neither, an altered one, or parameters that do not fit.
    """
    codes, _ = _load(folder, (CODES_KIND, KIND))
    return codes


def load_meshtalk(folder: Path) -> MeshTalkModel:
    """Read a whole model, ready to generate.

    Raises:
        ArtifactError: The folder holds no such model, an altered one, or parameters that do not fit.
    """
    codes, tensors = _load(folder, (KIND,))
    context = ContextModel(codes.network.config)
    load_parameters(context, tensors, f"{folder.name}, context model")
    return MeshTalkModel(
        codes.network, _still(context), codes.front, codes.topology, offset_samples=codes.offset_samples
    )


def load_published(folder: Path, config: MeshTalkConfig | None = None) -> MeshTalkModel:
    """Read ``encoder.pkl``, ``vertex_unet.pkl`` and ``context_model.pkl`` as they were published.

    The tables of mean and spread come from the checkpoint itself, so faces are normalised as they
    were in its training, by what is in truth a variance.

    Args:
        folder: Of the three files.
        config: None for the sizes of the release.

    Raises:
        ArtifactError: A file is missing, holds code, or holds parameters that do not fit.
    """
    config = config or MeshTalkConfig()
    network, context = MeshTalk(config), ContextModel(config)
    parts = (("encoder", network.encoder), ("vertex_unet", network.vertex_unet), ("context_model", context))
    for name, part in parts:
        path = folder / f"{name}.pkl"
        checkpoint.load_parameters(part, checkpoint.read_parameters(path), path.name)
    front = VertexFront(config.n_points, np.arange(config.n_points))
    topology = PUBLISHED_TOPOLOGY if config.n_points == PUBLISHED_VERTICES else f"meshtalk-{config.n_points}"
    return MeshTalkModel(
        _still(network), _still(context), front, topology, offset_samples=PUBLISHED_OFFSET_SAMPLES
    )


def _save(
    codes: MeshTalkCodes,
    extra: dict[str, torch.Tensor],
    n_extra: int,
    folder: Path,
    origin: Origin,
    kind: str,
) -> None:
    config = codes.network.config
    stored = _Stored(config, codes.front.kind, codes.front.n_vertices, codes.topology, codes.offset_samples)
    tensors = _tensors(codes.network, _NETWORK) | extra
    tensors |= {_FRONT + name: torch.from_numpy(value) for name, value in codes.front.arrays().items()}
    info = ArtifactInfo(
        name=origin.name,
        kind=kind,
        licence="that of its training data",
        description=origin.description,
        config=asdict(stored),
        rates_hz={"motion": float(MESHTALK_RATE)},
        data_licences=dict(origin.data_licences),
        metrics=dict(origin.metrics),
    )
    numbers = "".join(f"- {name}: {value:.4g}\n" for name, value in origin.metrics.items())
    corpora = "; ".join(f"{name} ({licence})" for name, licence in origin.data_licences.items())
    card = (
        f"# {origin.name}\n\n{origin.description}.\n\n"
        f"{n_parameters(codes.network) + n_extra} trained numbers; "
        f"mesh {codes.topology!r} of {codes.front.n_vertices} vertices at {MESHTALK_RATE}.\n\n"
        f"Trained on: {corpora or 'unknown'}.\n\nOn its own validation clips:\n\n{numbers}"
    )
    save_artifact(folder, info, card=card, tensors=tensors)


def _load(folder: Path, kinds: tuple[str, ...]) -> tuple[MeshTalkCodes, dict[str, np.ndarray]]:
    artifact = load_artifact(folder)
    info = artifact.info
    if info.kind not in kinds:
        raise ArtifactError(f"model {info.name!r} is of kind {info.kind!r} and {kinds[0]!r} is needed")
    try:
        stored = config_from_dict(_Stored, info.config, "config")
        tensors = artifact.tensors()
        front = front_from_arrays(stored.front, stored.n_vertices, _under(tensors, _FRONT))
    except InputError as error:
        raise ArtifactError(f"model {info.name!r} cannot be used: {error}; train it again") from error
    network = MeshTalk(stored.network)
    load_parameters(network, _under(tensors, _NETWORK), info.name)
    codes = MeshTalkCodes(_still(network), front, stored.topology, stored.offset_samples)
    return codes, _under(tensors, _CONTEXT)


def _tensors(network: torch.nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + key: value.detach().cpu() for key, value in network.state_dict().items()}


def _under(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _still(network: _Network) -> _Network:
    return network.eval().requires_grad_(False)
