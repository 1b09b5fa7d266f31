"""A FaceFormer that runs: what its numbers mean, sound of any length in, motion out, on disk."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from visemic.audio.resample import resample
from visemic.core.artifact import ArtifactInfo, load_artifact, save_artifact
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, AudioError, InputError, unknown_name
from visemic.core.layout import Layout
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.models.checkpoint import load_parameters
from visemic.models.faceformer import FaceFormer, FaceFormerConfig, renamed

KIND = "faceformer"
_SMALLEST_VARIANCE = 1e-7


@dataclass(frozen=True, eq=False)
class FaceFormerModel:
    """A network with what its numbers mean."""

    network: FaceFormer
    rate: Rate
    """Frames a second."""
    styles: tuple[str, ...]
    """Speakers it was trained on, in the order of the one-hot code."""
    scale: float = 1.0
    """Metres, or weights, times this are the network's numbers."""
    layout: Layout | None = None
    """Names of the channels; None for vertices."""
    topology: str = ""
    """Name of the mesh; "" for channels."""

    def style(self, style: "str | Mapping[str, float]") -> Float32[np.ndarray, " styles"]:
        """Give the code of a style by name, or of a mixture by shares.

        Raises:
            InputError: There is no such style.
        """
        code = np.zeros(len(self.styles), np.float32)
        for name, share in ({style: 1.0} if isinstance(style, str) else style).items():
            if name not in self.styles:
                raise InputError(unknown_name("style", name, self.styles))
            code[self.styles.index(name)] = share
        return code

    def generate(
        self, waveform: Waveform, style: "str | Mapping[str, float]", n_frames: int | None = None
    ) -> Float32[np.ndarray, "frames channels"]:
        """Give displacements in metres, or weights, for a sound of any length.

        Args:
            waveform: Of any rate.
            style: Name of a speaker, or a share for each of several.
            n_frames: None gives the frames of the sound's duration.

        Raises:
            AudioError: The waveform is empty.
            InputError: There is no such style.
        """
        code = torch.from_numpy(self.style(style))[None]
        if n_frames is None:
            n_frames = self.rate.count(waveform.duration_s)
        samples = normalised(resample(waveform, SPEECH_RATE).samples)
        config = self.network.config
        n_steps = 1 if config.is_interpolated else n_frames * config.states_per_frame
        lacking = config.hearing.field + (n_steps - 1) * config.hearing.stride - len(samples)
        sound = torch.from_numpy(np.pad(samples, (0, max(0, lacking))))[None]
        device = self.network.vertice_map.weight.device
        with torch.no_grad():
            frames = self.network.own_frames(sound.to(device), code.to(device), n_frames)
        return (frames[0].cpu().numpy() / np.float32(self.scale)).astype(np.float32, copy=False)

    def mesh(
        self,
        waveform: Waveform,
        neutral: Float32[np.ndarray, "vertices 3"],
        topology: Topology,
        style: "str | Mapping[str, float]",
    ) -> MeshMotion:
        """Give a moving mesh.

        Args:
            waveform: Of any rate.
            neutral: The face at rest, metres.
            topology: Its triangles.
            style: Name of a speaker, or a share for each of several.

        Raises:
            InputError: The mesh has another number of vertices, or there is no such style.
        """
        n_channels = self.network.config.n_channels
        if self.layout is not None or neutral.size != n_channels:
            kind = "vertices" if self.layout is None else "channels"
            there = n_channels // 3 if self.layout is None else n_channels
            raise InputError(
                f"the model moves {there} {kind} and the face has {len(neutral)} vertices; "
                "take the face it was trained on"
            )
        moved = self.generate(waveform, style).reshape(-1, *neutral.shape)
        return MeshMotion(neutral + moved, topology, self.rate)

    def motion(self, waveform: Waveform, style: "str | Mapping[str, float]") -> Motion:
        """Give weights by channel, 0 to 1.

        Raises:
            InputError: The model moves vertices, or there is no such style.
        """
        if self.layout is None:
            raise InputError("the model moves vertices and has no channels; ask for its mesh")
        return Motion(np.clip(self.generate(waveform, style), 0.0, 1.0), self.layout, self.rate)


def normalised(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, " samples"]:
    """Give sound with mean 0 and variance 1, as wav2vec 2.0 wants it.

    Raises:
        AudioError: There is none.
    """
    if len(samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    spread = np.sqrt(samples.var(dtype=np.float64) + _SMALLEST_VARIANCE)
    return ((samples - samples.mean(dtype=np.float64)) / spread).astype(np.float32)


@dataclass(frozen=True)
class _Stored:
    network: FaceFormerConfig
    rate_hz: str
    styles: tuple[str, ...]
    scale: float
    topology: str


def save_faceformer(
    model: FaceFormerModel,
    folder: Path,
    *,
    name: str,
    metrics: Mapping[str, float],
    data_licences: Mapping[str, str],
) -> None:
    """Write a model into a folder.

    Raises:
        OutputError: There is a model already, or the folder cannot be written to.
    """
    config = model.network.config
    of_what = "channels" if model.layout is not None else "numbers of a mesh"
    info = ArtifactInfo(
        name=name,
        kind=KIND,
        licence="that of its training data",
        description=f"FaceFormer (Fan et al. 2022), {config.n_channels} {of_what}",
        config=asdict(_Stored(config, str(model.rate.hz), model.styles, float(model.scale), model.topology)),
        layout=model.layout.name if model.layout is not None else "",
        channels=model.layout.names if model.layout is not None else (),
        rates_hz={"motion": float(model.rate)},
        data_licences=dict(data_licences),
        metrics=dict(metrics),
    )
    figures = ", ".join(f"{key} {value:.5g}" for key, value in metrics.items())
    corpora = "; ".join(f"{key} ({licence})" for key, licence in data_licences.items())
    card = (
        f"# {name}\n\n{info.description}, {float(model.rate):g} frames a second, styles "
        f"{', '.join(model.styles)}.\n\nIt is the model of a paper, made to be compared with: it hears the "
        "whole sound before its first frame and does not close lips on purpose.\n\n"
        f"- Trained on: {corpora or 'unknown'}.\n- Validation: {figures or 'none'}.\n"
    )
    save_artifact(folder, info, card=card, tensors=model.network.state_dict())


def load_faceformer(folder: Path) -> FaceFormerModel:
    """Read a model, ready to generate.

    Raises:
        ArtifactError: The folder holds no such model, an altered one, or parameters that do not
            fit its sizes; names the first.
    """
    artifact = load_artifact(folder, kind=KIND)
    try:
        stored = config_from_dict(_Stored, artifact.info.config, "config")
        rate = Rate.of(stored.rate_hz)
    except InputError as error:
        raise ArtifactError(
            f"model {artifact.info.name!r} cannot be used: {error}; train it again"
        ) from error
    network = FaceFormer(stored.network)
    tensors = {key: torch.from_numpy(value) for key, value in artifact.tensors().items()}
    load_parameters(network, renamed(tensors, network), artifact.info.name)
    layout = artifact.layout if artifact.info.channels else None
    network.eval().requires_grad_(False)
    return FaceFormerModel(network, rate, stored.styles, stored.scale, layout, stored.topology)
