"""A trained model on disk: one folder that explains itself and loads strictly.

``artefact.json`` says what the model is, what it was trained on, under which licences, and
the hash of every other file; ``model.safetensors`` and ``model.onnx`` hold the parameters;
``card.md`` is for people. A file that was altered, a tensor of another shape, a feature of
another version: each is refused with its name. Nothing here can hold code.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError, OutputError
from visemic.core.layout import Layout

FORMAT_VERSION = 1
MANIFEST = "artefact.json"
TENSORS = "model.safetensors"
ONNX = "model.onnx"
CARD = "card.md"
SUFFIXES = (".safetensors", ".onnx", ".md", ".json")
"""What an artefact may consist of: nothing that runs when it is read."""


@dataclass(frozen=True)
class ArtifactInfo:
    """What a model says of itself."""

    name: str
    kind: str
    """Which class of model reads it, such as ``trunk-mouth``."""
    licence: str
    """SPDX name of the parameters' licence."""
    description: str = ""
    config: dict[str, object] = field(default_factory=dict)
    """The network's configuration, with which it is built before its parameters are read."""
    layout: str = ""
    """Name of the layout of what it gives; "" if it gives no named channels."""
    channels: tuple[str, ...] = ()
    """Names of its outputs, in order."""
    rates_hz: dict[str, float] = field(default_factory=dict)
    """Clocks by name, such as ``features`` and ``motion``."""
    feature: str = ""
    """Name of the feature it listens to; "" if it takes sound."""
    feature_version: int = 0
    normaliser: dict[str, object] = field(default_factory=dict)
    """Statistics that are applied before and after the network, by name."""
    data_licences: dict[str, str] = field(default_factory=dict)
    """Licence of every corpus it was trained on."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What validation gave when it was saved."""
    n_parameters: int = 0
    """Counted when it is saved with tensors; otherwise as stated."""

    def __post_init__(self) -> None:
        for name in ("name", "kind", "licence"):
            if not getattr(self, name).strip():
                raise InputError(f"{name} of the artefact is empty; state it")


@dataclass(frozen=True, eq=False)
class Artifact:
    """An artefact whose files are those it was saved with."""

    info: ArtifactInfo
    folder: Path
    sha256: dict[str, str]
    """Hash of every file by name."""
    checksum: str
    """Hash of the manifest, which holds all the others: one number for the whole."""
    n_bytes: int
    """Size of all files."""
    origin: str = "folder"
    """package, folder, or the name of the hub it came from."""

    @cached_property
    def card(self) -> str:
        """The text for people."""
        return self.file(CARD).read_text(encoding="utf-8")

    @cached_property
    def layout(self) -> Layout:
        """The layout of what the model gives.

        Raises:
            ArtifactError: It gives no named channels.
        """
        if not self.info.channels:
            raise ArtifactError(f"model {self.info.name!r} states no channels; it gives no motion")
        return Layout(self.info.layout or self.info.name, self.info.channels)

    def file(self, name: str) -> Path:
        """Give the path of one of its files.

        Raises:
            ArtifactError: It has no such file.
        """
        if name not in self.sha256:
            raise ArtifactError(
                f"model {self.info.name!r} has no file {name!r}; it has {', '.join(sorted(self.sha256))}"
            )
        return self.folder / name

    def tensors(self, name: str = TENSORS) -> dict[str, np.ndarray]:
        """Give the parameters by name.

        Raises:
            ArtifactError: The file is missing or is no safetensors.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            tensors: dict[str, np.ndarray] = load_file(self.file(name))
        except (SafetensorError, OSError) as error:
            raise ArtifactError(
                f"file {name!r} of model {self.info.name!r} cannot be read: {error}"
            ) from error
        return tensors


def save_artifact(
    folder: Path,
    info: ArtifactInfo,
    *,
    card: str,
    tensors: Mapping[str, Any] | None = None,
    onnx: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Artifact:
    """Write an artefact into a folder; the manifest comes last, so a half one never loads.

    Args:
        folder: Is made if it is not there; an artefact in it is not replaced.
        info: What the model says of itself.
        card: Text for people, Markdown.
        tensors: Parameters, NumPy or torch, for ``model.safetensors``.
        onnx: The network as ONNX, for ``model.onnx``.
        files: Further files by name.

    Raises:
        OutputError: There is an artefact already, or the folder cannot be written to.
        ArtifactError: There are no parameters, or a file is of a kind that is not allowed.
    """
    if tensors is None and onnx is None and not files:
        raise ArtifactError(f"model {info.name!r} has no parameters to save; give tensors or onnx")
    if not card.strip():
        raise ArtifactError(f"model {info.name!r} has no card; say what it is for")
    arrays = {name: _array(tensor) for name, tensor in (tensors or {}).items()}
    if arrays:
        info = replace(info, n_parameters=sum(array.size for array in arrays.values()))
    contents = dict(files or {})
    contents[CARD] = card.encode("utf-8")
    if onnx is not None:
        contents[ONNX] = onnx
    if tensors is not None:
        from safetensors.numpy import save

        contents[TENSORS] = save(arrays)
    for name in contents:
        _check_name(name)
    manifest = {
        "format_version": FORMAT_VERSION,
        **asdict(info),
        "files": {name: hashlib.sha256(contents[name]).hexdigest() for name in sorted(contents)},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, default=_plain) + "\n"
    try:
        folder.mkdir(exist_ok=True)
        if (folder / MANIFEST).exists():
            raise OutputError(f"folder {str(folder)!r} holds a model; give another one")
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {str(folder)!r}: {error.strerror or error}") from error
    return load_artifact(folder)


def read_info(folder: Path) -> tuple[ArtifactInfo, dict[str, str]]:
    """Give what a model says of itself and the hashes it states, without reading its files.

    Raises:
        ArtifactError: There is no manifest, or it is of a newer version or cannot be used.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"folder {str(folder)!r} holds no model: there is no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"manifest {str(path)!r} cannot be read: {error}") from error
    version = manifest.pop("format_version", None) if isinstance(manifest, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ArtifactError(f"manifest {str(path)!r} states no format_version; it is no model of visemic")
    if version > FORMAT_VERSION:
        raise ArtifactError(
            f"model in {str(folder)!r} has format {version} and this visemic reads up to {FORMAT_VERSION}; "
            "install a newer visemic"
        )
    try:
        stated = config_from_dict(_Files, {"files": manifest.pop("files", {})}, "").files
        return config_from_dict(ArtifactInfo, manifest, ""), stated
    except InputError as error:
        raise ArtifactError(f"manifest {str(path)!r} cannot be used: {error}") from error


def load_artifact(folder: Path, *, kind: str | None = None, origin: str = "folder") -> Artifact:
    """Give the artefact in a folder after comparing every file with its hash.

    Args:
        folder: Where it lies.
        kind: Refuse any other kind of model; None takes all.
        origin: Where the folder comes from, for lists.

    Raises:
        ArtifactError: A file is missing, altered or of a kind that is not read; or the format or
            the kind is another one.
    """
    info, stated = read_info(folder)
    if kind is not None and info.kind != kind:
        raise ArtifactError(
            f"model {info.name!r} is of kind {info.kind!r} and {kind!r} is wanted; choose another"
        )
    n_bytes = 0
    for name, expected in stated.items():
        _check_name(name)
        path = folder / name
        if not path.is_file():
            raise ArtifactError(f"file {name!r} of model {info.name!r} is missing; fetch the model again")
        content = path.read_bytes()
        n_bytes += len(content)
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise ArtifactError(
                f"file {name!r} of model {info.name!r} was altered: its hash is {found[:12]}…, the manifest "
                f"states {expected[:12]}…; fetch the model again"
            )
    if CARD not in stated or len(stated) < 2:
        raise ArtifactError(f"model {info.name!r} is not whole: it has {', '.join(stated) or 'no file'}")
    checksum = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return Artifact(info, folder, stated, checksum, n_bytes, origin)


def check_artifact(artifact: Artifact) -> None:
    """Look into the files of an artefact: every number finite, every network readable.

    Raises:
        ArtifactError: A parameter is not finite, or an ONNX file is no network.
    """
    name = artifact.info.name
    for file in artifact.sha256:
        if file.endswith(".safetensors"):
            for key, tensor in artifact.tensors(file).items():
                if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
                    raise ArtifactError(f"parameter {key!r} of model {name!r} is not finite; train it again")
        elif file.endswith(".onnx"):
            import onnxruntime

            try:
                onnxruntime.InferenceSession(artifact.file(file), providers=["CPUExecutionProvider"])
            except Exception as error:  # onnxruntime has no common class of its errors
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise ArtifactError(f"file {file!r} of model {name!r} is no network: {said[0]}") from error


def check_feature(info: ArtifactInfo, feature: str, version: int) -> None:
    """Refuse a feature other than the one a model was trained on.

    Raises:
        ArtifactError: The name or the version differs.
    """
    if (info.feature, info.feature_version) != (feature, version):
        raise ArtifactError(
            f"model {info.name!r} listens to feature {info.feature!r} version {info.feature_version} and is "
            f"given {feature!r} version {version}; train it again or take the matching release"
        )


def check_tensors(
    expected: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]], name: str
) -> None:
    """Refuse parameters that are not those of a network, naming the first that differs.

    Args:
        expected: Shapes of the network's parameters, in its order.
        found: Shapes of what was read.
        name: The model's name, for the message.

    Raises:
        ArtifactError: A parameter is missing, has another shape, or is one too many.
    """
    for key, shape in expected.items():
        if key not in found:
            raise ArtifactError(
                f"parameter {key!r} of shape {tuple(shape)} is missing in {name!r}; it is of another network"
            )
        if tuple(found[key]) != tuple(shape):
            raise ArtifactError(
                f"parameter {key!r} has shape {tuple(found[key])} in {name!r} and {tuple(shape)} in the "
                "network; the two have different configurations"
            )
    for key in found:
        if key not in expected:
            raise ArtifactError(
                f"parameter {key!r} of shape {tuple(found[key])} in {name!r} is not in the network; "
                "it is of another one"
            )


def load_parameters(network: Any, tensors: Mapping[str, Any], name: str) -> None:
    """Fill a torch network with parameters, all or none.

    Args:
        network: The module, with the configuration of the artefact.
        tensors: NumPy arrays or torch tensors by parameter name.
        name: The model's name, for messages.

    Raises:
        ArtifactError: A parameter is missing, has another shape or is one too many.
    """
    import torch

    own = network.state_dict()
    check_tensors({k: v.shape for k, v in own.items()}, {k: v.shape for k, v in tensors.items()}, name)
    network.load_state_dict({key: torch.as_tensor(value) for key, value in tensors.items()}, strict=True)


@dataclass(frozen=True)
class _Files:
    files: dict[str, str]


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if len(path.parts) != 1 or "\\" in name or name.startswith(".") or name == MANIFEST:
        raise ArtifactError(f"file name {name!r} of a model is not a plain one; it is not read")
    if path.suffix not in SUFFIXES:
        raise ArtifactError(
            f"file {name!r} of a model is not read; only {', '.join(SUFFIXES)} are, since they hold no code"
        )


def _array(tensor: Any) -> np.ndarray:
    array = tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else np.asarray(tensor)
    return array.copy(order="C")  # ascontiguousarray would make a vector of a single number


def _plain(value: Any) -> Any:
    """Give NumPy numbers and arrays as JSON knows them."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise ArtifactError(
        f"a value of kind {type(value).__name__} cannot be kept in {MANIFEST}; give plain numbers"
    )
