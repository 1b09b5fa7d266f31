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
from visemic.models.meshtalk_networks import MeshTalkNetworks
from visemic.models.meshtalk_onnx import KIND, PortableSizes
from visemic.models.meshtalk_window import MESHTALK_RATE, PUBLISHED_OFFSET_SAMPLES

CODES_KIND = "meshtalk-codes"
"""The first stage alone, which the second is trained on."""
PUBLISHED_TOPOLOGY = "meshtalk-6172"
_OWN_LICENCE, _FREE = "Apache-2.0", "CC0"
"""Of what was trained on nothing but data that anybody may use for anything."""
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


def save_meshtalk(
    model: MeshTalkNetworks, folder: Path, origin: Origin, files: Mapping[str, bytes] | None = None
) -> None:
    """Write a whole model.

    Args:
        model: Both stages.
        folder: Is made if it is not there.
        origin: Where it comes from.
        files: Those that ``meshtalk_onnx`` reads, for a model that shall run without torch.

    Raises:
        OutputError: There is a model already, or the folder cannot be written to.
    """
    codes = MeshTalkCodes(model.network, model.front, model.topology, model.offset_samples)
    extra = _tensors(model.context, _CONTEXT)
    _save(codes, extra, n_parameters(model.context), folder, origin, KIND, files)


def load_codes(folder: Path) -> MeshTalkCodes:
    """Read a first stage, also out of a whole model.

    Raises:
        ArtifactError: The folder holds neither, an altered one, or parameters that do not fit.
    """
    codes, _ = _load(folder, (CODES_KIND, KIND))
    return codes


def load_meshtalk(folder: Path) -> MeshTalkNetworks:
    """Read a whole model, ready to generate.

    Raises:
        ArtifactError: The folder holds no such model, an altered one, or parameters that do not fit.
    """
    codes, tensors = _load(folder, (KIND,))
    context = ContextModel(codes.network.config)
    load_parameters(context, tensors, f"{folder.name}, context model")
    return MeshTalkNetworks(
        codes.network, _still(context), codes.front, codes.topology, offset_samples=codes.offset_samples
    )


def load_published(folder: Path, config: MeshTalkConfig | None = None) -> MeshTalkNetworks:
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
    return MeshTalkNetworks(
        _still(network), _still(context), front, topology, offset_samples=PUBLISHED_OFFSET_SAMPLES
    )


def _save(
    codes: MeshTalkCodes,
    extra: dict[str, torch.Tensor],
    n_extra: int,
    folder: Path,
    origin: Origin,
    kind: str,
    files: Mapping[str, bytes] | None = None,
) -> None:
    config = codes.network.config
    stored = _Stored(config, codes.front.kind, codes.front.n_vertices, codes.topology, codes.offset_samples)
    tensors = _tensors(codes.network, _NETWORK) | extra
    tensors |= {_FRONT + name: torch.from_numpy(value) for name, value in codes.front.arrays().items()}
    is_free = bool(origin.data_licences) and all(x.startswith(_FREE) for x in origin.data_licences.values())
    info = ArtifactInfo(
        name=origin.name,
        kind=kind,
        licence=_OWN_LICENCE if is_free else "that of its training data",
        description=origin.description,
        config=asdict(stored),
        rates_hz={"motion": float(MESHTALK_RATE)},
        data_licences=dict(origin.data_licences),
        metrics=dict(origin.metrics),
        normaliser={"portable": asdict(_portable_sizes(codes))} if files else {},
    )
    numbers = "".join(f"- {name}: {value:.4g}\n" for name, value in origin.metrics.items())
    corpora = "; ".join(f"{name} ({licence})" for name, licence in origin.data_licences.items())
    card = (
        f"# {origin.name}\n\n{origin.description}.\n\n"
        f"{n_parameters(codes.network) + n_extra} trained numbers; "
        f"mesh {codes.topology!r} of {codes.front.n_vertices} vertices at {MESHTALK_RATE}.\n\n"
        f"Trained on: {corpora or 'unknown'}.\n\nOn its own validation clips:\n\n{numbers}"
    )
    save_artifact(folder, info, card=card, tensors=tensors, files=files)


def _portable_sizes(codes: MeshTalkCodes) -> PortableSizes:
    config = codes.network.config
    return PortableSizes(
        heads=config.heads,
        classes=config.classes,
        audio_dilations=config.audio_dilations,
        context_hidden=config.context_hidden,
        context_dilations=config.context_dilations,
        expression_width=config.expression_widths[-1],
        unet_width=config.unet_widths[-1],
        unet_layers=config.unet_layers,
        front=codes.front.kind,
        n_vertices=codes.front.n_vertices,
        topology=codes.topology,
        offset_samples=codes.offset_samples,
    )


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
