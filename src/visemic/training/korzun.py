"""The training of ``ff`` and ``s2s``: mouth shapes from windows of features, by squared error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn

from visemic.core.config import check_keys, config_from_dict
from visemic.core.errors import InputError, TrainingError
from visemic.core.layout import MOUTH_33
from visemic.data.loader import ClipStore
from visemic.features.cache import FeatureCache
from visemic.models.korzun import KorzunConfig, KorzunFf, KorzunS2s, new_korzun
from visemic.models.korzun_motion import (
    ClipWindows,
    FeatureFacts,
    KorzunModel,
    Smoothing,
    chunk_places,
    predict_clips,
    smoothed,
)
from visemic.models.korzun_store import save_korzun
from visemic.training.korzun_data import MouthClip, chosen, fit_facts, mouth_clips
from visemic.training.korzun_source import feature_source
from visemic.training.recipe import Recipe
from visemic.training.task import Batch

CORPUS = "corpus"
"""Name of the store among the data paths."""


@dataclass(frozen=True)
class KorzunData:
    """The ``data`` table of a recipe."""

    features: str = "log-mel"
    """What the model hears, see ``training.korzun_source``."""
    clips: dict[str, int] = field(default_factory=dict)
    """At most so many training clips of a speaker, the first; a speaker that is not named has
    none. Empty takes all clips of all."""
    n_validation: int = 0
    """Most validation clips of a speaker; 0 takes all."""
    smoothing: Smoothing = field(default_factory=Smoothing)
    """Filter of the finished curves, kept with the model."""

    def __post_init__(self) -> None:
        if self.n_validation < 0:
            raise InputError(f"data.n_validation is {self.n_validation}; give at least 0")


@dataclass(frozen=True, eq=False)
class _Set:
    """Clips ready for windows."""

    windows: ClipWindows
    targets: list[np.ndarray]


class KorzunTask:
    """Trains one of the four models on a store of clips.

    An example of ``ff`` is a frame, one of ``s2s`` a chunk that begins anywhere in a clip; the
    poses before it are the recorded ones. What is watched is the error over whole validation
    clips, for ``s2s`` with its own poses handed on, as it will run.

    Source:
        Korzun et al. 2022, "Speaker-agnostic mouth blendshape prediction from speech": mean
        squared error, no other loss.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the recipe's tables.

        Raises:
            InputError: A key is unknown or a value cannot be used.
            TrainingError: The data path ``corpus`` is missing.
        """
        self._data = config_from_dict(KorzunData, recipe.data, "data")
        self._model = config_from_dict(KorzunConfig, recipe.model, "model")
        self._name = recipe.name
        self._states_width = "n_features" in recipe.model
        check_keys(recipe.loss, (), "loss")
        if CORPUS not in data_paths:
            raise TrainingError(
                f"recipe {recipe.name!r} needs clips; name a store with --data {CORPUS}=FOLDER"
            )
        self._store_path = data_paths[CORPUS]
        self._cache = FeatureCache()

    @cached_property
    def _source_clips(self) -> tuple[list[MouthClip], list[MouthClip]]:
        source, store = feature_source(self._data.features), ClipStore(self._store_path)
        training = chosen(store, "train", self._data.clips or None, 0)
        validation = chosen(store, "validation", None, self._data.n_validation)
        return mouth_clips(training, source, self._cache), mouth_clips(validation, source, self._cache)

    @cached_property
    def heard(self) -> FeatureFacts:
        """What the model hears, with the training clips' mean and spread."""
        return fit_facts(self._source_clips[0], feature_source(self._data.features))

    @cached_property
    def config(self) -> KorzunConfig:
        """Sizes of the network; the features say how wide the input is.

        Raises:
            TrainingError: The recipe states another width, or other channels than there are.
        """
        width = len(self.heard.mean)
        if self._states_width and self._model.n_features != width:
            raise TrainingError(
                f"model.n_features is {self._model.n_features} and {self._data.features!r} gives {width} "
                "features a step; leave the key out or name the features it was meant for"
            )
        if self._model.n_channels != len(MOUTH_33):
            raise TrainingError(
                f"model.n_channels is {self._model.n_channels} and there are {len(MOUTH_33)} mouth shapes; "
                "leave the key out"
            )
        return replace(self._model, n_features=width)

    @cached_property
    def _training(self) -> _Set:
        return self._set(self._source_clips[0])

    @cached_property
    def _validation(self) -> _Set:
        return self._set(self._source_clips[1])

    def _set(self, clips: Sequence[MouthClip]) -> _Set:
        config = self.config
        windows = ClipWindows(
            [self.heard.normalised(clip.features) for clip in clips],
            [len(clip.target) for clip in clips],
            self.heard.rate,
            self.heard.start_s,
            config.context,
            config.chunk,
        )
        return _Set(windows, [clip.target for clip in clips])

    @cached_property
    def _examples(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Clip and first frame of every example."""
        lengths = [len(target) for target in self._training.targets]
        if self.config.kind == "s2s":
            # A chunk may reach beyond the end, as the last one of a clip does, but not by more than half.
            lengths = [max(1, n - self.config.chunk // 2) for n in lengths]
        clips = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
        return clips, torch.cat([torch.arange(n) for n in lengths])

    @cached_property
    def _padded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Targets of all training clips, at rest before their first frames, and which frames are real."""
        config, targets = self.config, self._training.targets
        longest = config.previous + max(len(t) for t in targets) + config.chunk
        values = torch.zeros(len(targets), longest, config.n_channels)
        valid = torch.zeros(len(targets), longest, dtype=torch.bool)
        for number, target in enumerate(targets):
            values[number, config.previous : config.previous + len(target)] = torch.from_numpy(target)
            valid[number, config.previous : config.previous + len(target)] = True
        return values, valid

    def network(self) -> nn.Module:
        """Give an untrained network."""
        return new_korzun(self.config)

    def n_examples(self) -> int:
        """Give the number of frames, or of places where a chunk may begin."""
        return len(self._examples[0])

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        """Give windows, what is wanted, which frames are real, and for chunks the poses before."""
        config, (values, valid) = self.config, self._padded
        chosen_ones = torch.tensor(list(indices), dtype=torch.int64)
        clips, frames = self._examples[0][chosen_ones], self._examples[1][chosen_ones]
        if config.kind == "ff":
            windows = self._training.windows.at(clips, frames)
            return {"windows": windows, "target": values[clips, config.previous + frames]}
        places = chunk_places(clips, frames, config)
        ahead = frames[:, None] + config.previous + torch.arange(config.chunk)
        before = frames[:, None] + torch.arange(config.previous)
        return {
            "windows": self._training.windows.at(*places).unflatten(0, (len(clips), config.chunk)),
            "previous": values[clips[:, None], before],
            "target": values[clips[:, None], ahead],
            "valid": valid[clips[:, None], ahead],
        }

    def loss(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the mean squared error of all weights of all real frames."""
        if self.config.kind == "ff":
            return {"loss": nn.functional.mse_loss(network(batch["windows"]), batch["target"])}
        away = network(batch["windows"], batch["previous"]) - batch["target"]
        return {"loss": away[batch["valid"]].square().mean()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the squared error of whole clips as the network gives them, and L2 after smoothing."""
        assert isinstance(network, KorzunFf | KorzunS2s)
        targets = self._validation.targets
        curves = predict_clips(network, self._validation.windows)
        every = np.concatenate(curves) - np.concatenate(targets)
        finished = [np.clip(smoothed(one, self._data.smoothing), 0.0, 1.0) for one in curves]
        away = np.concatenate(finished) - np.concatenate(targets)
        return {"loss": float(np.square(every).mean()), "l2": float(np.linalg.norm(away, axis=1).mean())}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the model with what it hears and what it gives."""
        assert isinstance(network, KorzunFf | KorzunS2s)
        entries = ClipStore(self._store_path).entries
        save_korzun(
            KorzunModel(network, self.heard, MOUTH_33, self._data.smoothing),
            folder,
            name=self._name,
            metrics=metrics,
            data_licences={entry.source: entry.licence for entry in entries},
        )
