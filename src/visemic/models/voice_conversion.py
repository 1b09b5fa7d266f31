"""Speech of anybody as the mel spectrum of one fixed voice, by AutoVC.

A model of faces that has heard one voice then meets no other. The converter takes a
waveform of any length, works in chunks of about a minute, and gives 80 mels at 62.5 steps
a second; ``features.sample`` puts them on the frames of an animation.

It stands among the models and not among the features because it owns two networks.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from visemic.core.atomic import atomic_path
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError, unknown_name
from visemic.core.signals import Features, Waveform
from visemic.features.autovc_mel import AUTOVC_MEL_VERSION, AUTOVC_RATE, AutoVcMelConfig, extract_autovc_mel
from visemic.features.pitch_code import PITCH_CODE_VERSION, extract_pitch_code
from visemic.features.speaker_mel import extract_speaker_parts
from visemic.models.autovc import AutoVc, AutoVcConfig, MakeItTalkVc, autovc_network
from visemic.models.checkpoint import load_parameters, read_parameters
from visemic.models.ge2e import (
    RESEMBLYZER_UNUSED,
    DVector,
    ResemblyzerEncoder,
    dvector_of,
    resemblyzer_vector_of,
    spectral_vector_of,
)

SpeakerOf = Callable[[Waveform], Float32[np.ndarray, " e"]]
"""Gives the vector of whoever speaks."""

SPEAKER_KINDS = ("spectral", "dvector", "resemblyzer")
CHUNK_STEPS = 4_096
_PARTS_A_SECOND = 2.0
_VERSION = 1
_CONFIG, _PARAMETERS, _SPEAKERS, _ENCODER = (
    "config.json",
    "autovc.safetensors",
    "speakers.safetensors",
    "speaker_encoder.safetensors",
)


class VoiceConverter:
    """Converts speech to a fixed voice."""

    def __init__(
        self,
        network: AutoVc | MakeItTalkVc,
        speaker_of: SpeakerOf,
        target: Float32[np.ndarray, " e"],
        *,
        chunk_steps: int = CHUNK_STEPS,
    ) -> None:
        """Take a network in evaluation mode.

        Args:
            network: The generator.
            speaker_of: Gives the vector of the source from the sound.
            target: Vector of the voice to convert to, made the same way.
            chunk_steps: Steps converted at once, brought down to a multiple of the period.

        Raises:
            InputError: The target has the wrong length or is not finite.
        """
        if target.shape != (network.config.speaker,) or not np.isfinite(target).all():
            raise InputError(
                f"the target voice has shape {target.shape}; give {network.config.speaker} finite numbers"
            )
        self._network, self._speaker_of, self._target = network, speaker_of, target
        self._chunk_steps = max(1, chunk_steps // network.config.period) * network.config.period
        self.name = f"{network.config.flavour}-voice-{network.config.mels}"
        digest = hashlib.sha256(target.tobytes())
        for name, value in network.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().numpy().tobytes())
        self.version = f"{AUTOVC_MEL_VERSION}.{PITCH_CODE_VERSION}-{digest.hexdigest()[:12]}"

    def extract(self, waveform: Waveform) -> Features:
        """Give the converted mel spectrum; step ``k`` is centred at ``16 k`` ms.

        Args:
            waveform: Sound of any rate and length.

        Raises:
            AudioError: The waveform is empty.
        """
        config = self._network.config
        mel = extract_autovc_mel(waveform, AutoVcMelConfig(flavour=config.flavour)).values
        pitch = None
        if config.flavour == "makeittalk":
            pitch = extract_pitch_code(waveform, AUTOVC_RATE, len(mel)).values
        source = self._speaker_of(waveform)
        pieces = []
        for start in range(0, len(mel), self._chunk_steps):
            part = slice(start, start + self._chunk_steps)
            pieces.append(self._convert(mel[part], source, None if pitch is None else pitch[part]))
        return Features(np.concatenate(pieces), AUTOVC_RATE, self.name, self.version)

    @torch.no_grad()
    def _convert(
        self,
        mel: Float32[np.ndarray, "t m"],
        source: Float32[np.ndarray, " e"],
        pitch: Float32[np.ndarray, "t p"] | None,
    ) -> Float32[np.ndarray, "t m"]:
        device = next(self._network.parameters()).device
        missing = -len(mel) % self._network.config.period

        def padded(rows: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.pad(rows, ((0, missing), (0, 0))))[None].to(device)

        speakers = [torch.from_numpy(vector)[None].to(device) for vector in (source, self._target)]
        heard = [padded(mel), *speakers] + ([] if pitch is None else [padded(pitch)])
        return self._network(*heard).refined[0, : len(mel)].cpu().numpy()


def speaker_measure(kind: str, encoder: nn.Module | None = None, flavour: str = "autovc") -> SpeakerOf:
    """Give the function that makes a speaker's vector from one sound of his.

    Args:
        kind: ``spectral`` needs no network, ``dvector`` and ``resemblyzer`` are the published ones.
        encoder: The network of the latter two.
        flavour: Which mel spectrum the generator hears; the first two kinds measure it.

    Raises:
        InputError: There is no such kind, or its network is missing or another one.
    """
    if kind not in SPEAKER_KINDS:
        raise InputError(unknown_name("speaker measure", kind, SPEAKER_KINDS))

    def mel_of(waveform: Waveform) -> Float32[np.ndarray, "t m"]:
        return extract_autovc_mel(waveform, AutoVcMelConfig(flavour=flavour)).values  # type: ignore[arg-type]

    if kind == "spectral":
        return lambda waveform: spectral_vector_of([mel_of(waveform)])
    if kind == "dvector" and isinstance(encoder, DVector):
        return lambda waveform: dvector_of(encoder, [mel_of(waveform)])
    if kind == "resemblyzer" and isinstance(encoder, ResemblyzerEncoder):
        return lambda waveform: resemblyzer_vector_of(
            encoder, extract_speaker_parts(waveform, parts_a_second=_PARTS_A_SECOND)
        )
    raise InputError(
        f"speaker measure {kind!r} needs its network, not {type(encoder).__name__}; load it first"
    )


def load_speaker_encoder(kind: str, path: Path) -> DVector | ResemblyzerEncoder:
    """Load one of the published speaker encoders, ``dvector`` or ``resemblyzer``, in evaluation mode.

    Raises:
        ArtifactError: The file is not the checkpoint of this network; names the first parameter
            that does not fit.
        InputError: There is no such kind.
    """
    if kind not in SPEAKER_KINDS[1:]:
        raise InputError(unknown_name("speaker encoder", kind, SPEAKER_KINDS[1:]))
    network: DVector | ResemblyzerEncoder = DVector() if kind == "dvector" else ResemblyzerEncoder()
    load_parameters(network, read_parameters(path), path.name, unused=RESEMBLYZER_UNUSED)
    return network.eval()


def load_published_converter(
    config: AutoVcConfig, generator: Path, encoder: Path, target: Float32[np.ndarray, " e"]
) -> VoiceConverter:
    """Make a converter from published checkpoints, AutoVC's or MakeItTalk's with its own encoder.

    Args:
        config: ``PUBLISHED_AUTOVC``, ``PUBLISHED_MAKEITTALK`` or other sizes.
        generator: Checkpoint of the generator.
        encoder: Checkpoint of the D-vector (AutoVC) or of Resemblyzer (MakeItTalk).
        target: Vector of the voice to convert to.

    Raises:
        ArtifactError: A checkpoint does not fit; names the first parameter.
        InputError: The target does not fit.
    """
    kind = "resemblyzer" if config.flavour == "makeittalk" else "dvector"
    network = autovc_network(config)
    load_parameters(network, read_parameters(generator), generator.name)
    measure = speaker_measure(kind, load_speaker_encoder(kind, encoder), config.flavour)
    return VoiceConverter(network.eval(), measure, target)


def save_converter(
    network: AutoVc | MakeItTalkVc,
    speakers: Mapping[str, Float32[np.ndarray, " e"]],
    kind: str,
    encoder: nn.Module | None,
    folder: Path,
    metrics: Mapping[str, float],
) -> None:
    """Write a trained converter: parameters, sizes, and the vectors of the voices it knows.

    Raises:
        OutputError: The folder is missing or holds a converter.
    """
    from safetensors.torch import save_file

    parts = {
        _PARAMETERS: network.state_dict(),
        _SPEAKERS: {name: torch.from_numpy(vector) for name, vector in speakers.items()},
    }
    if encoder is not None:
        parts[_ENCODER] = encoder.state_dict()
    for name, tensors in parts.items():
        with atomic_path(folder / name, overwrite=False) as partial:
            save_file({key: value.contiguous() for key, value in tensors.items()}, partial)
    facts = {
        "version": _VERSION,
        "network": asdict(network.config),
        "speaker": kind,
        "metrics": dict(metrics),
    }
    with atomic_path(folder / _CONFIG, overwrite=False) as partial:
        partial.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def load_converter(folder: Path, target: str | None = None) -> VoiceConverter:
    """Load a converter that was trained here.

    Args:
        folder: What the training wrote.
        target: Name of the voice to convert to; None means the first by name.

    Raises:
        ArtifactError: The folder holds no converter, one of another version, or not this voice.
    """
    try:
        facts = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        version, kind, table = facts["version"], str(facts["speaker"]), facts["network"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"folder {str(folder)!r} holds no voice converter; train one with recipes/autovc.toml"
        ) from error
    if version != _VERSION:
        raise ArtifactError(
            f"voice converter {str(folder)!r} is of version {version}, this program reads {_VERSION}; "
            "train it again"
        )
    network = autovc_network(config_from_dict(AutoVcConfig, table, "network"))
    load_parameters(network, read_parameters(folder / _PARAMETERS, ()), str(folder / _PARAMETERS))
    speakers = read_parameters(folder / _SPEAKERS, ())
    name = min(speakers) if target is None else target
    if name not in speakers:
        raise ArtifactError(unknown_name("voice", name, sorted(speakers)))
    encoder = None if kind == "spectral" else load_speaker_encoder(kind, folder / _ENCODER)
    measure = speaker_measure(kind, encoder, network.config.flavour)
    return VoiceConverter(network.eval(), measure, speakers[name].numpy())
