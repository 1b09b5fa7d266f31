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

SOUND_LOADERS: dict[str, str] = {"trunk-mouth": "visemic.models.sound_face:load_sound_face"}
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
    _sound_kind(name)
    return "sound"


def model_licence(name: str) -> str:
    """Give the licence of a model of motion.

    Raises:
        ArtifactError: There is no such model.
    """
    if name in _RULES:
        return next(info.licence for info in model_infos() if info.name == name)
    return stated_info(name).licence


def load_model(name: str, readouts: Readouts) -> VisemeRules:
    """Give a model that takes timed phones, ready for a head.

    Raises:
        ArtifactError: There is no such model, or it takes a sound.
    """
    if name in packaged_models():
        raise ArtifactError(f"model {name!r} takes a sound and is given phones; choose viseme-rules")
    if name not in _RULES:
        raise ArtifactError(unknown_name("model", name, _RULES))
    return _RULES[name](readouts)


def load_sound_model(name: str, readouts: Readouts) -> Any:
    """Give a model that takes a sound, ready for a head.

    Args:
        name: One that ships, a folder, or ``hf:owner/name`` that was fetched.
        readouts: Of the head it is to move.

    Raises:
        ArtifactError: There is no such model, it was altered, or it does not take a sound.
    """
    module, _, function = SOUND_LOADERS[_sound_kind(name)].partition(":")
    return getattr(importlib.import_module(module), function)(find_artifact(name), readouts)


def _sound_kind(name: str) -> str:
    packaged = packaged_models()
    if name not in packaged and not name.startswith(HUB) and not Path(name).is_dir():
        raise ArtifactError(unknown_name("model", name, [*_RULES, *packaged]))
    kind = stated_info(name).kind
    if kind not in SOUND_LOADERS:
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
