"""Models by name."""

from dataclasses import dataclass

from visemic.core.errors import ArtifactError, unknown_name
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.rig.readout import Readouts

DEFAULT_MODEL = "viseme-rules"


@dataclass(frozen=True)
class ModelInfo:
    """What a user should know of a model before choosing it."""

    name: str
    licence: str
    description: str


_MODELS = (
    ModelInfo(
        "viseme-rules",
        "Apache-2.0",
        "timed phones to motion by rules: coarticulation, contacts, blinks, brows, head, gaze; no training",
    ),
)


def model_infos() -> tuple[ModelInfo, ...]:
    """Give all models, the default first."""
    return _MODELS


def load_model(name: str, readouts: Readouts) -> VisemeRules:
    """Give a model ready for a head.

    Raises:
        ArtifactError: There is no model of this name.
    """
    if name not in {info.name for info in _MODELS}:
        raise ArtifactError(unknown_name("model", name, [info.name for info in _MODELS]))
    return VisemeRules(VisemeRulesConfig(), readouts)
