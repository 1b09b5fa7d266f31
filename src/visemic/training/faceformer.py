"""The training of FaceFormer: whole clips of a store, its own frames fed back or the true ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn
from torch.nn import functional

from visemic.core.clock import Rate
from visemic.core.config import config_from_dict
from visemic.core.errors import InputError, TrainingError
from visemic.core.layout import Layout
from visemic.data.loader import ClipStore, Window
from visemic.data.manifest import ClipEntry
from visemic.models.faceformer import FaceFormer, FaceFormerConfig, load_hearing
from visemic.training.faceformer_motion import FaceFormerModel, normalised, save_faceformer
from visemic.training.recipe import Recipe
from visemic.training.task import Batch

CORPUS = "corpus"
"""Name of the store among the data paths."""
HEARING = "hearing"
"""Name of the wav2vec 2.0 checkpoint among the data paths; without it the encoder starts fresh."""
_MM = 1_000.0


@dataclass(frozen=True)
class FaceFormerData:
    """The ``data`` table of a recipe."""

    target: Literal["mesh", "weights"] = "mesh"
    """What a frame is: displacements of the clips' mesh in metres, or their channels."""
    crop_frames: int = 0
    """Frames of an example; 0 takes whole clips, as published."""
    n_validation: int = 0
    """Most validation clips of a speaker; 0 takes all."""
    scale: float = 1.0
    """The network sees metres, or weights, times this."""

    def __post_init__(self) -> None:
        for name in ("crop_frames", "n_validation"):
            if getattr(self, name) < 0:
                raise InputError(f"data.{name} is {getattr(self, name)}; give at least 0")
        if not 0 < self.scale < float("inf"):
            raise InputError(f"data.scale is {self.scale:g}; give more than 0")


@dataclass(frozen=True)
class FaceFormerLoss:
    """The ``loss`` table of a recipe: squared error, by what the network is fed."""

    feedback: Literal["own", "published", "truth"] = "own"
    """``own`` and ``published`` feed its own frames back, with gradients through all of them: the
    first by the fast way, the second by the published loop, whose memory grows by the square of
    the frames; ``truth`` feeds the recorded ones."""


class FaceFormerTask:
    """Trains on clips of one topology, or of one layout, at one rate.

    Clips are read as they are needed and nothing of them is kept. In a batch of several, all are
    cut to the shortest. What is watched is the error with the model's own frames handed on, as
    it will run; a speaker that was not trained on is tried in every style.

    Source:
        Fan et al. 2022, "FaceFormer": squared error, Adam at 1e-4, one clip at a time.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the recipe's tables.

        Raises:
            InputError: A key is unknown or a value cannot be used.
            TrainingError: The data path ``corpus`` is missing.
        """
        self._name = recipe.name
        self._data = config_from_dict(FaceFormerData, recipe.data, "data")
        self._loss = config_from_dict(FaceFormerLoss, recipe.loss, "loss")
        self._stated = dict(recipe.model)
        # Checked now, for a typo should not wait for the store to be read.
        config_from_dict(FaceFormerConfig, {"n_channels": 1, "n_styles": 1, **self._stated}, "model")
        if CORPUS not in data_paths:
            raise TrainingError(
                f"recipe {recipe.name!r} needs clips; name a store with --data {CORPUS}=FOLDER"
            )
        self._store_path = data_paths[CORPUS]
        self._hearing_path = data_paths.get(HEARING)

    @cached_property
    def _training(self) -> ClipStore:
        return self._store("train")

    @cached_property
    def _validation(self) -> ClipStore:
        store = self._store("validation")
        if not self._data.n_validation:
            return store
        return store.select(first=dict.fromkeys(store.speakers, self._data.n_validation))

    def _store(self, split: str) -> ClipStore:
        store = ClipStore(self._store_path).select(split=split)
        if not len(store):
            raise TrainingError(
                f"store {str(self._store_path)!r} has 0 {split} clips; import a corpus with that split"
            )
        return store

    @property
    def styles(self) -> tuple[str, ...]:
        """The speakers of the training clips, in the order of the one-hot code."""
        return self._training.speakers

    @cached_property
    def rate(self) -> Rate:
        """Frames a second of all clips."""
        return self._facts[0]

    @cached_property
    def layout(self) -> Layout | None:
        """Channels of all clips; None for a mesh."""
        return self._facts[1]

    @cached_property
    def _facts(self) -> tuple[Rate, Layout | None, int]:
        """Rate, layout and numbers a frame, which all clips must share.

        Raises:
            TrainingError: A clip has no sound, no frames of the kind that is wanted, or differs.
        """
        first = self._training.entries[0]
        for entry in (*self._training.entries, *self._validation.entries):
            if not entry.n_samples:
                raise TrainingError(f"clip {entry.clip_id} has no sound; leave it out")
            if not self._width(entry):
                raise TrainingError(
                    f"clip {entry.clip_id} has no {self._data.target}; set data.target to what the store has"
                )
            for what, own, other in zip(("rate", "frame"), self._kind(entry), self._kind(first), strict=True):
                if own != other:
                    raise TrainingError(
                        f"clip {entry.clip_id} has another {what} than clip {first.clip_id} ({own} and "
                        f"{other}); train on clips that share it"
                    )
        return first.rate, first.layout if self._data.target == "weights" else None, self._width(first)

    def _width(self, entry: ClipEntry) -> int:
        if self._data.target == "mesh":
            return 3 * entry.n_vertices
        return len(entry.layout) if entry.layout is not None else 0

    def _kind(self, entry: ClipEntry) -> tuple[str, str]:
        if self._data.target == "mesh":
            return str(entry.rate), f"{entry.topology} of {entry.n_vertices} vertices"
        return str(entry.rate), ", ".join(entry.layout.names if entry.layout is not None else ())

    @cached_property
    def config(self) -> FaceFormerConfig:
        """Sizes of the network; the clips say how wide a frame is, how fast, and how many styles.

        Raises:
            TrainingError: The recipe states something else.
        """
        rate, _, width = self._facts
        found = {"n_channels": width, "n_styles": len(self.styles), "frame_rate_hz": float(rate)}
        for key, value in found.items():
            if self._stated.get(key, value) != value:
                raise TrainingError(
                    f"model.{key} is {self._stated[key]} and the clips have {value:g}; leave the key out or "
                    "give the store it was meant for"
                )
        return config_from_dict(FaceFormerConfig, {**self._stated, **found}, "model")

    def network(self) -> nn.Module:
        """Give a network that leaves the face at rest; its convolutions are never trained."""
        network = FaceFormer(self.config)
        if self._hearing_path is not None:
            load_hearing(network, self._hearing_path)
        return network

    def n_examples(self) -> int:
        """Give the number of training clips."""
        return len(self._training)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        """Give sound, styles and frames of as many clips, all as long as the shortest."""
        entries = self._training.entries
        shortest = min(entries[i].n_frames for i in indices)
        n_frames = min(shortest, self._data.crop_frames) if self._data.crop_frames else shortest
        windows = []
        for i in indices:
            latest = entries[i].n_frames - n_frames
            start = int(torch.randint(latest + 1, (1,), generator=generator))
            windows.append(self._training.window(i, start, n_frames))
        codes = torch.tensor([self.styles.index(entries[i].speaker) for i in indices])
        return {
            "audio": torch.from_numpy(np.stack([_sound(window) for window in windows])),
            "style": functional.one_hot(codes, len(self.styles)).float(),
            "target": torch.from_numpy(np.stack([self._frames(window) for window in windows])),
        }

    def _frames(self, window: Window) -> Float32[np.ndarray, "frames channels"]:
        values = window.displacements if self._data.target == "mesh" else window.weights
        assert values is not None
        return values.reshape(len(values), -1) * np.float32(self._data.scale)

    def loss(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the mean squared error of all numbers of all frames."""
        assert isinstance(network, FaceFormer)
        audio, style, target = batch["audio"], batch["style"], batch["target"]
        if self._loss.feedback == "truth":
            predicted = network(audio, style, target)
        else:
            is_naive = self._loss.feedback == "published"
            predicted = network.own_frames(audio, style, target.shape[1], is_naive=is_naive)
        # Where steps are not interpolated, the sound of the last frame ends a little early.
        return {"loss": functional.mse_loss(predicted, target[:, : predicted.shape[1]])}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the error over whole clips: own frames handed on, true ones, and in millimetres."""
        assert isinstance(network, FaceFormer)
        own, taught, away_mm = [], [], []
        for window in self._whole_clips():
            for predicted, helped, target in self._tried(network, window):
                own.append(float(functional.mse_loss(predicted, target)))
                taught.append(float(functional.mse_loss(helped, target)))
                if self._data.target == "mesh":
                    away = (predicted - target).unflatten(-1, (-1, 3)).norm(dim=-1).mean()
                    away_mm.append(_MM * float(away) / self._data.scale)
        metrics = {"loss": float(np.mean(own)), "taught": float(np.mean(taught))}
        return metrics | ({"mean_vertex_error_mm": float(np.mean(away_mm))} if away_mm else {})

    def _tried(self, network: FaceFormer, window: Window) -> Iterator[tuple[torch.Tensor, ...]]:
        """Give own frames, frames from true ones, and the true ones, in the clip's style or in each."""
        device = network.vertice_map.weight.device
        target = torch.from_numpy(self._frames(window))[None].to(device)
        audio = torch.from_numpy(_sound(window))[None].to(device)
        with torch.no_grad():
            memory, n_frames = network.hear(audio, target.shape[1])
        target = target[:, :n_frames]
        for style in self._codes(window.entry.speaker).to(device).split(1):
            with torch.no_grad():
                predicted = network.decode(memory, style, n_frames)
                helped = network.decode_taught(memory, style, target)
            yield predicted, helped, target

    def _whole_clips(self) -> Iterator[Window]:
        store = self._validation
        return (store.window(i, 0, entry.n_frames) for i, entry in enumerate(store.entries))

    def _codes(self, speaker: str) -> torch.Tensor:
        """Give the style of a speaker, or every style for one that was not trained on."""
        every = torch.eye(len(self.styles))
        return every[[self.styles.index(speaker)]] if speaker in self.styles else every

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the model with what its numbers mean."""
        assert isinstance(network, FaceFormer)
        entries = self._training.entries
        topology = entries[0].topology if self._data.target == "mesh" else ""
        save_faceformer(
            FaceFormerModel(network, self.rate, self.styles, self._data.scale, self.layout, topology),
            folder,
            name=self._name,
            metrics=metrics,
            data_licences={entry.source: entry.licence for entry in entries},
        )


def _sound(window: Window) -> Float32[np.ndarray, " samples"]:
    assert window.audio is not None
    return normalised(window.audio)
