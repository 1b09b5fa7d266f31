"""The second stage of MeshTalk: what classes follow from sound and from the classes before."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from visemic.core.config import check_keys, config_from_dict
from visemic.core.errors import InputError, TrainingError
from visemic.data.loader import ClipStore
from visemic.models.meshtalk import MeshTalkConfig, one_hot_codes
from visemic.models.meshtalk_context import ContextModel
from visemic.models.meshtalk_networks import MeshTalkNetworks
from visemic.models.meshtalk_store import MeshTalkCodes, Origin, load_codes, save_meshtalk
from visemic.models.meshtalk_tool import head_usage
from visemic.training.meshtalk import CORPUS, Segments, clip_classes
from visemic.training.meshtalk_data import MeshClips, check_clips
from visemic.training.meshtalk_export import is_portable, portable_files, round_to_half
from visemic.training.recipe import Recipe
from visemic.training.task import Batch

CODES = "codes"
"""Name of the first stage's folder among the data paths."""


@dataclass(frozen=True)
class MeshTalkContextData:
    """The ``data`` table of a recipe."""

    segment_frames: int = 64
    """Length of an example, frames at 30 a second."""
    n_validation: int = 12
    """Most validation clips, the first."""

    def __post_init__(self) -> None:
        if self.segment_frames < 1 or self.n_validation < 1:
            raise InputError(
                f"data has segments of {self.segment_frames} frames and {self.n_validation} validation "
                "clips; give at least 1 of each"
            )


@dataclass(frozen=True)
class ContextSizes:
    """The ``model`` table of a recipe; all other sizes are those of the first stage."""

    context_hidden: int = 64
    context_dilations: tuple[int, ...] = (1, 2, 4, 8)
    context_sees_own: bool = False


class MeshTalkContextTask:
    """Trains the context model on the classes that a frozen first stage gives clips.

    Source:
        Richard et al. 2021, "MeshTalk: 3D Face Animation from Speech using Cross-Modality
        Disentanglement" (ICCV), section 3.3.

    Deviation:
        Classes are made once, from whole clips, and not again from every segment: they are those
        of a clip that is heard from its beginning, and no step pays for the encoders.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the recipe's tables.

        Raises:
            InputError: A key is unknown or a value cannot be used.
            TrainingError: A data path is missing.
        """
        self._name, self._description = recipe.name, recipe.description
        self._data = config_from_dict(MeshTalkContextData, recipe.data, "data")
        self._sizes = config_from_dict(ContextSizes, recipe.model, "model")
        check_keys(recipe.loss, (), "loss")
        for name, what in ((CORPUS, "a store of clips"), (CODES, "the folder of a trained first stage")):
            if name not in data_paths:
                raise TrainingError(f"recipe {recipe.name!r} needs {what}; give it with --data {name}=FOLDER")
        self._paths = dict(data_paths)

    @cached_property
    def _codes(self) -> MeshTalkCodes:
        return load_codes(self._paths[CODES])

    @cached_property
    def config(self) -> MeshTalkConfig:
        """Sizes of the first stage with those of the context model."""
        return replace(self._codes.network.config, **asdict(self._sizes))

    def _clips(self, split: str) -> MeshClips:
        store = ClipStore(self._paths[CORPUS]).select(split=split)
        check_clips(store, self._codes.topology, self._codes.front.n_vertices, 1, split)
        return MeshClips(store, self._codes.front, self._codes.offset_samples)

    @cached_property
    def _training(self) -> MeshClips:
        return self._clips("train")

    @cached_property
    def _segments(self) -> Segments:
        return Segments(self._training, self._data.segment_frames)

    @cached_property
    def _taught(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [clip_classes(self._codes, self._training, number) for number in range(len(self._training))]

    @cached_property
    def _judged(self) -> list[tuple[np.ndarray, np.ndarray]]:
        clips = self._clips("validation")
        n_clips = min(len(clips), self._data.n_validation)
        return [clip_classes(self._codes, clips, number) for number in range(n_clips)]

    def network(self) -> nn.Module:
        """Give an untrained context model."""
        return ContextModel(self.config)

    def n_examples(self) -> int:
        """Give the number of segments in all training clips."""
        return len(self._segments)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        """Give classes and codes of sound of segments, and which frames are real."""
        places, ahead = self._segments.places(indices, generator), np.arange(self._data.segment_frames)
        labels, sounds = [], []
        for number, first, n_real in places:
            own, sound = self._taught[number]
            frames = first + np.minimum(ahead, n_real - 1)
            labels.append(own[frames].astype(np.int64))
            sounds.append(sound[frames])
        return {
            "labels": torch.from_numpy(np.stack(labels)),
            "sound": torch.from_numpy(np.stack(sounds)),
            "valid": self._segments.valid(places),
        }

    def loss(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the cross-entropy of a class, nats, with the true classes before it."""
        logprobs = network(one_hot_codes(batch["labels"], self.config.classes), batch["sound"])
        valid = batch["valid"]
        return {"loss": functional.nll_loss(logprobs[valid].flatten(0, 1), batch["labels"][valid].flatten())}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the cross-entropy on whole clips, how often the likeliest class is right, and usage."""
        device = next(network.parameters()).device
        total, n_right, n_all = 0.0, 0, 0
        for labels, sound in self._judged:
            own = torch.from_numpy(labels.astype(np.int64)).to(device)
            logprobs = network(
                one_hot_codes(own, self.config.classes)[None], torch.from_numpy(sound).to(device)[None]
            )[0]
            total += float(functional.nll_loss(logprobs.flatten(0, 1), own.flatten(), reduction="sum"))
            n_right += int((logprobs.argmax(-1) == own).sum())
            n_all += own.numel()
        usage = head_usage(np.concatenate([labels for labels, _ in self._judged]), self.config.classes)
        return {
            "loss": total / n_all,
            "right": n_right / n_all,
            "perplexity_of_heads": float(usage.perplexity.mean()),
        }

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the whole model, both stages."""
        assert isinstance(network, ContextModel)
        codes = self._codes
        codes.network.config = self.config  # says the sizes of both stages from here on
        licences = {entry.source: entry.licence for entry in self._training.store.entries}
        if is_portable(self.config):
            round_to_half(codes.network, network)
        model = MeshTalkNetworks(codes.network, network, codes.front, codes.topology, codes.offset_samples)
        files = portable_files(codes.network, network, codes.front) if is_portable(self.config) else None
        save_meshtalk(model, folder, Origin(self._name, self._description, metrics, licences), files)
