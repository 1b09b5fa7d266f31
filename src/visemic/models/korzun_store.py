"""A trained speech-to-mouth model on disk: an artefact with what it hears beside its parameters."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import torch

from visemic.core.artifact import ArtifactInfo, load_artifact, load_parameters, save_artifact
from visemic.core.clock import Rate
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError
from visemic.models.korzun import KorzunConfig, new_korzun
from visemic.models.korzun_motion import KORZUN_RATE, FeatureFacts, KorzunModel, Smoothing

KIND = "korzun"
_HEARD = "heard."


@dataclass(frozen=True)
class _Heard:
    """What the manifest says of the features."""

    source: str
    name: str
    version: str
    rate_hz: str
    start_s: str


@dataclass(frozen=True)
class _Stored:
    """What the manifest says beside names and licences."""

    network: KorzunConfig
    heard: _Heard
    smoothing: Smoothing


def save_korzun(
    model: KorzunModel,
    folder: Path,
    *,
    name: str,
    metrics: Mapping[str, float],
    data_licences: Mapping[str, str],
) -> None:
    """Write a model into a folder.

    Args:
        model: On any device.
        folder: Is made if it is not there.
        name: Of the model.
        metrics: Figures of its validation.
        data_licences: Licence of every corpus it was trained on, by the corpus's name.

    Raises:
        OutputError: There is a model already, or the folder cannot be written to.
    """
    heard = model.heard
    stored = _Stored(
        model.network.config,
        _Heard(heard.source, heard.name, heard.version, str(heard.rate.hz), str(heard.start_s)),
        model.smoothing,
    )
    tensors = {key: value.detach().cpu() for key, value in model.network.state_dict().items()}
    tensors |= {_HEARD + key: torch.from_numpy(getattr(heard, key)) for key in ("mean", "spread")}
    info = ArtifactInfo(
        name=name,
        kind=KIND,
        licence="that of its training data",
        description=f"{model.network.config.kind} of Korzun et al. 2022 on {heard.name}",
        config=asdict(stored),
        layout=model.layout.name,
        channels=model.layout.names,
        rates_hz={"features": float(heard.rate), "motion": float(KORZUN_RATE)},
        feature=heard.name,
        data_licences=dict(data_licences),
        metrics=dict(metrics),
    )
    save_artifact(folder, info, card=_card(info), tensors=tensors)


def load_korzun(folder: Path) -> KorzunModel:
    """Read a model, ready to generate.

    Raises:
        ArtifactError: The folder holds no such model, an altered one, or parameters that do not
            fit its sizes; names the first.
    """
    artifact = load_artifact(folder, kind=KIND)
    info = artifact.info
    try:
        stored = config_from_dict(_Stored, info.config, "config")
        rate, start_s = Rate(Fraction(stored.heard.rate_hz)), Fraction(stored.heard.start_s)
    except (InputError, ValueError) as error:
        raise ArtifactError(f"model {info.name!r} cannot be used: {error}; train it again") from error
    network, tensors = new_korzun(stored.network), artifact.tensors()
    heard = {key: tensors.pop(_HEARD + key, None) for key in ("mean", "spread")}
    load_parameters(network, tensors, info.name)
    mean, spread = heard["mean"], heard["spread"]
    width = (stored.network.n_features,)
    if mean is None or spread is None or mean.shape != width or spread.shape != width:
        raise ArtifactError(f"model {info.name!r} has no mean and spread of its features; train it again")
    facts = FeatureFacts(
        stored.heard.source, stored.heard.name, stored.heard.version, rate, start_s, mean, spread
    )
    return KorzunModel(network.eval().requires_grad_(False), facts, artifact.layout, stored.smoothing)


def _card(info: ArtifactInfo) -> str:
    figures = ", ".join(f"{name} {value:.5g}" for name, value in info.metrics.items())
    corpora = "; ".join(f"{name} ({licence})" for name, licence in info.data_licences.items())
    return (
        f"# {info.name}\n\n{info.description}. It gives {len(info.channels)} mouth shapes at "
        f"{info.rates_hz['motion']:g} frames a second.\n\n"
        "It is the model of a paper, made to be compared with, not to be used: it needs a second of sound "
        "around every frame and does not close lips on purpose.\n\n"
        f"- Trained on: {corpora or 'unknown'}.\n- Validation: {figures or 'none'}.\n"
    )
