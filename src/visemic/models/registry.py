"""Models by name: those of rules, those that ship as artefacts, those in a folder or from the hub."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from visemic.core.artifact import ArtifactInfo, read_info
from visemic.core.errors import ArtifactError, unknown_name
from visemic.core.hub import HUB, find_artifact, package_weights, packaged_models, stated_info
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.rig.readout import Readouts
from visemic.text import g2p

RULES_MODEL = "viseme-rules"
DEFAULT_MODEL = RULES_MODEL


@dataclass(frozen=True)
class ModelInfo:
    """What a user should know of a model before choosing it."""

    name: str
    licence: str
    description: str
    kind: str = "rules"
    """Which class of model it is: rules, letters-to-sounds, or the kind of its artefact."""
    n_parameters: int = 0
    """Trained numbers; 0 for rules."""
    n_bytes: int = 0
    """Size on disk."""
    origin: str = "package"
    """package, folder, or its name on the hub."""


_RULES: dict[str, Callable[[Readouts], VisemeRules]] = {
    "viseme-rules": lambda readouts: VisemeRules(VisemeRulesConfig(), readouts),
}
"""Models that take timed phones."""

PHONE_LOADERS: dict[str, str] = {"avatron": "visemic.models.avatron_face:load_avatron_face"}
"""Trained models that take timed phones: kind of artefact to ``module:function``, called with the
artefact and the head's read-outs."""

SOUND_LOADERS: dict[str, str] = {
    "meshtalk": "visemic.models.meshtalk_face:load_meshtalk_face",
    "avi-style": "visemic.models.expressive_sound:load_expressive_face",
    "trunk-mouth": "visemic.models.sound_face:load_sound_face",
}
"""Models that take a sound: kind of artefact to ``module:function``, called with the artefact
and the head's read-outs."""


def model_infos() -> tuple[ModelInfo, ...]:
    """Give all models that ship, the default first."""
    rules = ModelInfo(
        "viseme-rules",
        "Apache-2.0",
        "timed phones to motion by rules: coarticulation, contacts, blinks, brows, head, gaze; no training",
    )
    trained = [info_of(*_packaged(name)) for name in packaged_models()]
    ours = sorted((rules, *trained), key=lambda info: info.name != DEFAULT_MODEL)
    return (*ours, _letters_to_sounds())


def info_of(info: ArtifactInfo, n_bytes: int, origin: str) -> ModelInfo:
    """Give what a user should know of an artefact."""
    return ModelInfo(info.name, info.licence, info.description, info.kind, info.n_parameters, n_bytes, origin)


def full_name(name: str) -> str:
    """Give the name of a model that has a short one: ``rules`` are ``viseme-rules``."""
    return RULES_MODEL if name == "rules" else name


def takes(name: str) -> Literal["phones", "sound"]:
    """Say what a model of motion is driven by.

    Raises:
        ArtifactError: There is no such model, or it gives no motion.
    """
    if name in _RULES:
        return "phones"
    return "phones" if _kind(_and_manner(name)[0]) in PHONE_LOADERS else "sound"


def model_licence(name: str) -> str:
    """Give the licence of a model of motion.

    Raises:
        ArtifactError: There is no such model.
    """
    if name in _RULES:
        return next(info.licence for info in model_infos() if info.name == name)
    return stated_info(_and_manner(name)[0]).licence


def load_model(name: str, readouts: Readouts) -> Any:
    """Give a model that takes timed phones, ready for a head.

    Args:
        name: The rules, one that ships, a folder, or ``hf:owner/name`` that was fetched; after a
            colon, how it should move: ``avatron:happy`` or ``avatron:happy=0.6,rules=0.4``.
        readouts: Of the head it is to move.

    Raises:
        ArtifactError: There is no such model, it was altered, or it takes a sound.
        InputError: It does not move in that manner.
    """
    if name in _RULES:
        return _RULES[name](readouts)
    name, manner = _and_manner(name)
    kind = _kind(name)
    if kind not in PHONE_LOADERS:
        raise ArtifactError(f"model {name!r} takes a sound and is given phones; choose viseme-rules")
    model = _loaded(PHONE_LOADERS[kind], name, readouts)
    return model.in_manner(manner) if manner else model


def load_sound_model(name: str, readouts: Readouts) -> Any:
    """Give a model that takes a sound, ready for a head.

    Args:
        name: One that ships, a folder, or ``hf:owner/name`` that was fetched.
        readouts: Of the head it is to move.

    Raises:
        ArtifactError: There is no such model, it was altered, or it does not take a sound.
    """
    kind = _kind(name)
    if kind not in SOUND_LOADERS:
        raise ArtifactError(f"model {name!r} takes phones and is given a sound; choose trunk-mouth")
    return _loaded(SOUND_LOADERS[kind], name, readouts)


def _loaded(loader: str, name: str, readouts: Readouts) -> Any:
    module, _, function = loader.partition(":")
    return getattr(importlib.import_module(module), function)(find_artifact(name), readouts)


def _and_manner(name: str) -> tuple[str, str]:
    """Part ``avatron:happy=0.6`` at the colon; names on the hub and paths keep theirs."""
    base, colon, manner = name.rpartition(":")
    return (base, manner) if colon and (base in packaged_models() or Path(base).is_dir()) else (name, "")


def _kind(name: str) -> str:
    """Give the kind of a trained model that moves a face."""
    packaged = packaged_models()
    if name not in packaged and not name.startswith(HUB) and not Path(name).is_dir():
        raise ArtifactError(unknown_name("model", name, [*_RULES, *packaged]))
    kind = stated_info(name).kind
    if kind not in SOUND_LOADERS and kind not in PHONE_LOADERS:
        raise ArtifactError(f"model {name!r} is of kind {kind!r}, which moves no face; see visemic models")
    return kind


def _packaged(name: str) -> tuple[ArtifactInfo, int, str]:
    folder = package_weights() / name
    info, stated = read_info(folder)
    return info, sum((folder / file).stat().st_size for file in stated), "package"


def _letters_to_sounds() -> ModelInfo:
    network = g2p.default_network()
    tensors = [v for v in vars(network).values() if hasattr(v, "size")]
    return ModelInfo(
        "g2p",
        "Apache-2.0",
        "letters to sounds for English words that no dictionary has",
        "letters-to-sounds",
        sum(tensor.size for tensor in tensors),
        g2p.ARTIFACT.stat().st_size,
    )
