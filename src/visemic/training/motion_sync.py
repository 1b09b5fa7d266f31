"""Training of the motion-space sync network.

Sound and mouth of one moment attract each other; every other moment within half a second of the
same clip and the moments of other clips repel. The nearest wrong moments are the hardest, and
they are what finds the lag.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.artifact import ArtifactInfo, load_parameters, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import InputError
from visemic.core.hub import find_artifact
from visemic.evaluation.motion_sync import (
    KIND,
    MOUTH_FILE,
    SOUND_FILE,
    input_description,
    lag_distances,
    score_from_distances,
)
from visemic.evaluation.motion_sync_input import SMALLEST_SPREAD_MM, STEPS_PER_FRAME, SYNC_RATE
from visemic.models.motion_sync import MotionSync, MotionSyncConfig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.motion_sync_data import (
    SyncClip,
    Variation,
    example_pieces,
    load_clips,
    plain_crop,
    varied_crop,
)
from visemic.training.onnx_file import onnx_bytes
from visemic.training.recipe import Recipe

_LICENCE = "Apache-2.0"
_VALIDATION_FRAMES = 150
_FAR = -1e4


@dataclass(frozen=True)
class MotionSyncData:
    """Which stores, and how clips are cut and varied."""

    stores: tuple[str, ...]
    """Names under which ``--data`` gives the stores to learn from."""
    repeats: dict[str, int] = field(default_factory=dict)
    """How often the pieces of a store come in an epoch, 1 where not named."""
    windows: int = 50
    """Vectors of a crop; must exceed twice the largest offset."""
    rig: str = "visemic"
    """Head whose read-outs turn weights to millimetres."""
    validation_clips: int = 100
    """At most so many clips of a store judge."""
    variation: Variation = field(default_factory=Variation)


@dataclass(frozen=True)
class MotionSyncLoss:
    """What repels."""

    temperature: float = 0.07
    max_offset: int = 15
    """Frames within which moments of the same clip are hard wrong answers."""
    anchors: int = 10
    """Moments of a crop that ask."""


class MotionSyncTask:
    """The task for the training loop.

    Source:
        van den Oord et al. 2018, "Representation learning with contrastive predictive coding",
        the loss; Chung and Zisserman 2016, "Out of time", wrong pairs by shifting in time.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the settings; nothing is loaded yet.

        Raises:
            InputError: A setting is unknown or a store was not given.
        """
        self.recipe = recipe
        self.data = config_from_dict(MotionSyncData, recipe.data, "data")
        self.config = config_from_dict(MotionSyncConfig, recipe.model, "model")
        self.loss_config = config_from_dict(MotionSyncLoss, recipe.loss, "loss")
        if self.data.windows <= 2 * self.loss_config.max_offset:
            raise InputError(
                f"data.windows is {self.data.windows} and loss.max_offset {self.loss_config.max_offset}; "
                f"give {2 * self.loss_config.max_offset + 1} windows or more"
            )
        for name in self.data.stores:
            if name not in data_paths:
                raise InputError(f"store {name!r} of the recipe was not given; add --data {name}=PATH")
        self._paths = dict(data_paths)
        self._clips: list[SyncClip] = []
        self._examples: list[tuple[int, int]] = []
        self._judges: dict[str, list[SyncClip]] = {}

    @property
    def _crop_frames(self) -> int:
        return self.data.windows + 2 * self.config.margin_frames

    def network(self) -> MotionSync:
        """Give fresh towers."""
        return MotionSync(self.config)

    def n_examples(self) -> int:
        """Give the number of pieces of about four seconds, repeats counted."""
        self._load()
        return len(self._examples)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Give varied crops: ``sound`` and ``mouth``."""
        self._load()
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        crops = []
        for index in indices:
            number, start = self._examples[index]
            crops.append(varied_crop(self._clips[number], start, self._crop_frames, self.data.variation, rng))
        return _stacked(crops)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give the loss and the share of anchors whose moment is found within a frame."""
        sound, mouth = network(batch["sound"], batch["mouth"])
        config = self.loss_config
        free = mouth.shape[1] - 2 * config.max_offset
        chosen = torch.randperm(free, generator=generator, device=generator.device)[: config.anchors]
        return contrastive_loss(sound, mouth, chosen.to(mouth.device) + config.max_offset, config)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Judge unseen clips as the scorer does, store by store, and by the loss without variation."""
        self._load()
        found: dict[str, float] = {}
        crops, generator = [], torch.Generator().manual_seed(0)
        for name, clips in self._judges.items():
            area, near = validity(network, clips)
            found[f"area_under_curve_{name}"] = area
            found[f"offset_rate_{name}"] = near
            crops += [
                plain_crop(clip, 0, self._crop_frames) for clip in clips if clip.n_frames >= self._crop_frames
            ]
        if not crops:
            raise InputError(
                f"no validation clip has {self._crop_frames} frames at {SYNC_RATE}; give longer clips or "
                "fewer data.windows"
            )
        size = self.recipe.schedule.batch_size
        n_batches = max(1, len(crops) // size)
        losses = []
        for number in range(n_batches):
            # Every batch holds clips of all stores.
            batch = _to_device(_stacked(crops[number::n_batches][:size]), network)
            losses.append(float(self.loss(network, batch, generator.manual_seed(number))["loss"]))
        return {"loss": float(np.mean(losses)), **found}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write parameters, both towers as ONNX, and what they are."""
        assert isinstance(network, MotionSync)
        self._load()
        licences: dict[str, set[str]] = {}
        for clip in self._clips:
            licences.setdefault(clip.store, set()).add(clip.licence)
        info = ArtifactInfo(
            name=self.recipe.name,
            kind=KIND,
            licence=_LICENCE,
            description=self.recipe.description,
            config=asdict(self.config),
            rates_hz={"motion": float(SYNC_RATE), "sound": float(SYNC_RATE) * STEPS_PER_FRAME},
            feature="sync-log-mel",
            feature_version=1,
            normaliser={"margin_frames": self.config.margin_frames, **input_description()},
            data_licences={store: "; ".join(sorted(found)) for store, found in licences.items()},
            metrics=dict(metrics),
        )
        save_motion_sync(network, folder, info)

    def _load(self) -> None:
        if self._clips:
            return
        readouts = fit_readouts(load_rig(self.data.rig))
        for name in self.data.stores:
            self._clips += load_clips(self._paths[name], name, "train", readouts)
            judges = load_clips(self._paths[name], name, "validation", readouts)
            self._judges[name] = _short(judges)[: self.data.validation_clips]
        self._examples = example_pieces(self._clips, self.data.repeats, self._crop_frames)


def contrastive_loss(
    sound: Float[Tensor, "b w e"],
    mouth: Float[Tensor, "b w e"],
    anchors: Tensor,
    config: MotionSyncLoss,
) -> dict[str, Tensor]:
    """Ask each anchor of a mouth for its sound and each of a sound for its mouth.

    Args:
        sound: Unit vectors of clips.
        mouth: Of the same clips and frames.
        anchors: Frames that ask, at least ``max_offset`` from both ends.
        config: Temperature and offsets.
    """
    offsets = torch.arange(-config.max_offset, config.max_offset + 1, device=sound.device)
    places = anchors[:, None] + offsets
    n_clips, n_anchors = len(sound), len(anchors)
    same_clip = torch.eye(n_clips, dtype=torch.bool, device=sound.device)[:, None, :, None]
    truth = torch.full((n_clips * n_anchors,), config.max_offset, device=sound.device)
    losses, near = [], []
    for asking, answering in ((mouth, sound), (sound, mouth)):
        asked = asking[:, anchors]
        beside = torch.einsum("bke,bkoe->bko", asked, answering[:, places])
        others = torch.einsum("bke,cje->bkcj", asked, answering[:, anchors]).masked_fill(same_clip, _FAR)
        choices = torch.cat([beside, others.flatten(2)], dim=-1) / config.temperature
        losses.append(functional.cross_entropy(choices.flatten(0, 1), truth))
        near.append((beside.argmax(-1) - config.max_offset).abs().le(1).float().mean())
    return {"loss": torch.stack(losses).mean(), "found": torch.stack(near).mean().detach()}


def critic_loss(
    network: MotionSync, sound: Float[Tensor, "b s m"], mouth_mm: Float[Tensor, "b f c"]
) -> Float[Tensor, ""]:
    """Give how badly a mouth goes with its sound, to be minimised while another model learns.

    Args:
        network: A frozen critic, in evaluation mode; not the one that judges afterwards.
        sound: Normalised as by ``motion_sync_input.normalised_sound``.
        mouth_mm: The curves of ``motion_sync_input.CURVES`` at 30 frames a second.

    Returns:
        Mean of 1 minus the cosine.
    """
    smallest = torch.tensor(SMALLEST_SPREAD_MM, dtype=mouth_mm.dtype, device=mouth_mm.device)
    variance = mouth_mm.var(dim=1, keepdim=True, correction=0)
    # The root of 0 has no slope; the floor below hides the small number.
    spread = torch.maximum(torch.sqrt(variance + 1e-8), smallest)
    unit = (mouth_mm - mouth_mm.mean(dim=1, keepdim=True)) / spread
    heard, seen = network(sound, unit)
    return (1 - (heard * seen).sum(-1)).mean()


def validity(network: nn.Module, clips: Sequence[SyncClip]) -> tuple[float, float]:
    """Give the area under the curve of true against permuted pairs, and the share of lags found.

    Both as ``evaluation.sync.validate_scorer`` defines them.
    """
    device = next(network.parameters()).device
    max_lag = 15
    vectors = []
    for clip in clips:
        sound, mouth = plain_crop(clip, 0, clip.n_frames)
        with torch.no_grad():
            pair = network(torch.from_numpy(sound)[None].to(device), torch.from_numpy(mouth)[None].to(device))
        vectors.append((pair[0][0].cpu().numpy(), pair[1][0].cpu().numpy()))
    vectors = [(sound, mouth) for sound, mouth in vectors if len(mouth) > 2 * max_lag]
    if len(vectors) < 2:
        return float("nan"), float("nan")
    true = [score_from_distances(lag_distances(sound, mouth, max_lag)) for sound, mouth in vectors]
    ours = np.array([score.distance_in_place for score in true])
    theirs = np.array(
        [
            lag_distances(np.resize(vectors[(i + 1) % len(vectors)][0], mouth.shape), mouth, 0)[0]
            for i, (_, mouth) in enumerate(vectors)
        ]
    )
    better = (ours[:, None] < theirs) + 0.5 * (ours[:, None] == theirs)
    frame_s = 1 / float(SYNC_RATE)
    near = np.mean([abs(score.offset_s) <= frame_s + 1e-9 for score in true])
    return float(better.mean()), float(near)


def save_motion_sync(network: MotionSync, folder: Path, info: ArtifactInfo) -> None:
    """Write a network's parameters, its towers as ONNX, and what they are, into a folder."""
    network = network.eval()
    n_frames = 4 * network.config.margin_frames
    sound = torch.zeros(1, STEPS_PER_FRAME * n_frames, network.config.n_bands)
    mouth = torch.zeros(1, n_frames, network.config.n_curves)
    numbers = "".join(f"- {name}: {value:.4g}\n" for name, value in info.metrics.items())
    card = (
        f"# {info.name}\n\n{info.description}.\n\nSays how well a mouth goes with a sound and at which lag; "
        f"see docs/models/motion-sync.md of visemic.\n\nOn its own validation clips:\n\n{numbers}"
    )
    towers = {SOUND_FILE: tower_onnx(network.sound, sound), MOUTH_FILE: tower_onnx(network.mouth, mouth)}
    save_artifact(folder, info, card=card, tensors=network.state_dict(), files=towers)


def tower_onnx(tower: nn.Module, example: Tensor) -> bytes:
    """Give one tower as ONNX; the number of clips and their length are free."""
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    # Two clips: a size of 1 would be taken for a constant.
    example = example.expand(2, -1, -1).contiguous()
    return onnx_bytes(tower, (example,), dynamic_shapes=(sizes,))


def load_motion_sync(network: str | Path) -> MotionSync:
    """Load a trained network to be used with PyTorch, as a critic in training for example.

    Args:
        network: Name of one that visemic brings, or the folder that its training wrote.

    Raises:
        ArtifactError: There is no such network, or it is not what it says.
    """
    artifact = find_artifact(str(network), kind=KIND)
    loaded = MotionSync(config_from_dict(MotionSyncConfig, artifact.info.config, "model"))
    load_parameters(loaded, artifact.tensors(), artifact.info.name)
    return loaded.eval()


def _short(clips: Sequence[SyncClip]) -> list[SyncClip]:
    """Cut long clips, which would make few judges, into clips of five seconds."""
    found = []
    for clip in clips:
        n_parts = max(1, clip.n_frames // _VALIDATION_FRAMES)
        length = clip.n_frames // n_parts
        found += [clip.part(k * length, length) for k in range(n_parts)]
    return found


def _stacked(
    crops: Sequence[tuple[Float32[np.ndarray, "steps bands"], Float32[np.ndarray, "frames curves"]]],
) -> dict[str, Tensor]:
    sound, mouth = zip(*crops, strict=True)
    return {"sound": torch.from_numpy(np.stack(sound)), "mouth": torch.from_numpy(np.stack(mouth))}


def _to_device(batch: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    device = next(network.parameters()).device
    return {name: tensor.to(device) for name, tensor in batch.items()}
