"""Train the style encoder: windows of one speaker, emotion and intensity belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from visemic.core.artifact import ArtifactInfo, load_artifact, load_parameters, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError
from visemic.core.layout import ARKIT_61
from visemic.models.style_content import GENERATOR_RATE
from visemic.models.style_encoder import StyleEncoder, StyleEncoderConfig
from visemic.models.style_layers import mean_of_valid, nt_xent_loss
from visemic.training.phonetic import short_card
from visemic.training.recipe import Recipe
from visemic.training.style_data import StyleClips, channel_statistics, load_style_clips

KIND = "style-encoder"
LICENCE = "Apache-2.0"
_BATCH = 64


@dataclass(frozen=True)
class StyleEncoderData:
    """What is trained on."""

    noise: float = 0.05
    """Noise on the channels, in their spreads: trackers shake."""
    validation_clips: int = 400
    """At most so many clips judge."""


@dataclass(frozen=True)
class StyleEncoderLoss:
    """What repels."""

    temperature: float = 0.1
    pose: float = 1.0
    """Of the mean face that is read out of a style; 0 for contrast alone."""


class StyleEncoderTask:
    """Motion to style; data ``expressive`` is a store of emotional clips.

    Source:
        Sun et al. 2024, "DiffPoseTalk", NT-Xent with a temperature of 0.1; here windows of one
        speaker, emotion and intensity are alike.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        self.name, self.description = recipe.name, recipe.description
        self.data = config_from_dict(StyleEncoderData, recipe.data, "data")
        self.config = config_from_dict(StyleEncoderConfig, recipe.model, "model")
        self.scales = config_from_dict(StyleEncoderLoss, recipe.loss, "loss")
        if "expressive" not in data_paths:
            raise ArtifactError(f"the {KIND} recipe needs data 'expressive'; give --data expressive=STORE")
        self.clips = load_style_clips(Path(data_paths["expressive"]))
        self._train = self.clips.need("train")
        self._like: dict[tuple[str, str, float], list[int]] = {}
        for number in self._train:
            self._like.setdefault(self.clips.rows[number].manner, []).append(number)
        manners = sorted({row.manner for row in self.clips.rows})
        self._manner = [manners.index(row.manner) for row in self.clips.rows]

    def network(self) -> nn.Module:
        """Give a fresh network that knows the spread of every channel."""
        network = StyleEncoder(self.config)
        mean, spread = channel_statistics(self.clips, self._train)
        network.mean.copy_(torch.from_numpy(mean))
        network.spread.copy_(torch.from_numpy(spread))
        return network

    def n_examples(self) -> int:
        """Give the number of training clips."""
        return len(self._train)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Give two windows a row, of two clips where the manner has two."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        windows, there, manners = [], [], []
        for index in indices:
            number = self._train[index]
            others = [n for n in self._like[self.clips.rows[number].manner] if n != number]
            other = others[int(rng.integers(len(others)))] if others else number
            manners.append(self._manner[number])
            for clip in (number, other):
                values, valid = self.clips.window(clip, self.config.window, rng)
                windows.append(values)
                there.append(valid)
        motion = np.stack(windows).reshape(len(indices), 2, self.config.window, -1)
        shake = rng.normal(size=motion.shape).astype(np.float32) * np.float32(self.data.noise)
        return {
            "motion": torch.from_numpy(motion),
            "shake": torch.from_numpy(shake),
            "valid": torch.from_numpy(np.stack(there).reshape(len(indices), 2, -1)),
            "manner": torch.tensor(manners),
        }

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give the contrastive loss, that of the mean face, and their sum."""
        assert isinstance(network, StyleEncoder)
        valid = batch["valid"].flatten(0, 1)
        motion = (batch["motion"] + batch["shake"] * network.spread).flatten(0, 1)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not motion.is_cuda):
            style = network(motion, valid)
        style = style.float()
        alike = batch["manner"][:, None] == batch["manner"][None, :]
        one, other = style.view(len(alike), 2, -1).unbind(1)
        mean = mean_of_valid((motion - network.mean) / network.spread, valid)
        parts = {
            "contrast": nt_xent_loss(one, other, alike, self.scales.temperature),
            "pose": (network.mean_pose(style) - mean).square().mean(),
        }
        return {"loss": parts["contrast"] + self.scales.pose * parts["pose"], **parts}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the share of clips whose nearest training clip has their manner, emotion, speaker.

        ``loss`` counts the others, and how much of the mean face is lost.
        """
        assert isinstance(network, StyleEncoder)
        rows = self.clips.of("validation") or self._train
        step = max(1, len(rows) // self.data.validation_clips)
        rows = rows[::step][: self.data.validation_clips]
        known = clip_styles(network, self.clips, self._train)
        styles = clip_styles(network, self.clips, rows)
        found = neighbours(styles, known, self.clips, rows, self._train)
        error = self._pose_error(network, styles, rows)
        return {**found, "pose": error, "loss": 1.0 - found["same_manner"] + self.scales.pose * error}

    def _pose_error(
        self, network: StyleEncoder, styles: Float32[np.ndarray, "clips style"], rows: Sequence[int]
    ) -> float:
        """Give the mean squared error of mean faces that are read out of styles, in spreads."""
        means = np.stack([self.clips.motion[self.clips.rows[n].span].mean(axis=0) for n in rows])
        device = network.mean.device
        wanted = (torch.from_numpy(means).to(device) - network.mean) / network.spread
        with torch.no_grad():
            return float((network.mean_pose(torch.from_numpy(styles).to(device)) - wanted).square().mean())

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write parameters, ONNX and what they are."""
        from visemic.training.style_export import encoder_onnx

        assert isinstance(network, StyleEncoder)
        info = ArtifactInfo(
            name=self.name,
            kind=KIND,
            licence=LICENCE,
            description=self.description,
            config=asdict(self.config),
            channels=ARKIT_61.names,
            layout=ARKIT_61.name,
            rates_hz={"motion": float(GENERATOR_RATE)},
            data_licences=dict(self.clips.licences),
            metrics=dict(metrics),
        )
        card = short_card(self.name, self.description, metrics)
        save_artifact(folder, info, card=card, tensors=network.state_dict(), onnx=encoder_onnx(network))


def load_style_encoder(folder: Path) -> StyleEncoder:
    """Give a trained encoder, in evaluation mode.

    Raises:
        ArtifactError: There is none in the folder.
    """
    artifact = load_artifact(folder, kind=KIND)
    network = StyleEncoder(config_from_dict(StyleEncoderConfig, artifact.info.config, "model"))
    load_parameters(network, artifact.tensors(), artifact.info.name)
    return network.eval().requires_grad_(False)


def clip_styles(
    network: StyleEncoder, clips: StyleClips, rows: Sequence[int]
) -> Float32[np.ndarray, "clips style"]:
    """Give the style of whole clips: the mean over windows that cover them, of length 1."""
    length = network.config.window
    owners, windows, there = [], [], []
    for place, number in enumerate(rows):
        row = clips.rows[number]
        n_windows = max(1, -(-row.frames // length))
        for first in np.linspace(0, max(0, row.frames - length), n_windows).astype(int):
            part = clips.motion[row.first + first : row.first + min(row.frames, first + length)]
            values = np.zeros((length, part.shape[1]), np.float32)
            values[: len(part)] = part
            owners.append(place)
            windows.append(values)
            there.append(np.arange(length) < len(part))
    device = network.mean.device
    found = np.zeros((len(rows), network.config.style), np.float32)
    for first in range(0, len(windows), _BATCH):
        motion = torch.from_numpy(np.stack(windows[first : first + _BATCH])).to(device)
        valid = torch.from_numpy(np.stack(there[first : first + _BATCH])).to(device)
        with torch.no_grad():
            style = network(motion, valid).float().cpu().numpy()
        np.add.at(found, owners[first : first + _BATCH], style)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.float32(1e-6))


def neighbours(
    styles: Float32[np.ndarray, "clips style"],
    known: Float32[np.ndarray, "others style"],
    clips: StyleClips,
    rows: Sequence[int],
    others: Sequence[int],
) -> dict[str, float]:
    """Say how often the nearest other clip shares what.

    Args:
        styles: Of clips that ask.
        known: Of clips that answer; a clip does not answer itself.
        clips: All.
        rows: Numbers of the first.
        others: Numbers of the second.
    """
    likeness = styles @ known.T
    likeness[np.asarray(rows)[:, None] == np.asarray(others)[None, :]] = -2.0
    nearest = likeness.argmax(1)
    pairs = [(clips.rows[rows[i]], clips.rows[others[int(j)]]) for i, j in enumerate(nearest)]
    manner = float(np.mean([a.manner == b.manner for a, b in pairs]))
    return {
        "same_manner": manner,
        "same_emotion": float(np.mean([a.emotion == b.emotion for a, b in pairs])),
        "same_speaker": float(np.mean([a.speaker == b.speaker for a, b in pairs])),
    }
