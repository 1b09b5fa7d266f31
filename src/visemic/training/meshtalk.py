"""The first stage of MeshTalk: a language of faces that keeps speech and expression apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from visemic.core.config import config_from_dict
from visemic.core.errors import InputError, RigError, TrainingError, unknown_name
from visemic.data.loader import ClipStore
from visemic.models.meshtalk import MeshTalk, MeshTalkConfig
from visemic.models.meshtalk_front import Front
from visemic.models.meshtalk_motion import expression_codes_of, sound_codes_of
from visemic.models.meshtalk_networks import choose_with, hear_with, watch_with
from visemic.models.meshtalk_region import FaceMasks, masks_from_rig, read_masks
from visemic.models.meshtalk_store import MeshTalkCodes, Origin, save_codes
from visemic.rig.linear import Rig
from visemic.rig.registry import load_rig
from visemic.training.meshtalk_data import HeldClips, MeshClips, check_clips, fit_front, fit_statistics
from visemic.training.meshtalk_loss import (
    Crossing,
    Measure,
    MeshTalkLoss,
    crossing_terms,
    measure_for,
    parameter_groups,
    scaled_losses,
    shifted,
)
from visemic.training.recipe import Recipe
from visemic.training.task import Batch

CORPUS, MASKS = "corpus", "masks"
"""Names of the store and of a folder of masks among the data paths."""
_JUDGED_FRAMES = 300
"""Of a validation clip at most so many count; ten seconds."""


@dataclass(frozen=True)
class MeshTalkData:
    """The ``data`` table of a recipe."""

    segment_frames: int = 32
    """Length of an example, frames at 30 a second."""
    rig: str = ""
    """Head whose regions are the masks; "" reads them from the data path ``masks``."""
    region: str = ""
    """Learn the vertices of this region of the head only; "" takes all."""
    n_components: int = 0
    """Principal components that stand for the mesh, a multiple of 3; 0 takes its vertices."""
    fit_frames: int = 600
    """Frames over which components and statistics are fitted."""
    n_validation: int = 12
    """Most validation clips, the first."""
    mixed: bool = False
    """Whether training computes products in bfloat16, on processors that can; parameters stay whole."""

    def __post_init__(self) -> None:
        if self.segment_frames < 1 or self.fit_frames < 2 or self.n_validation < 2:
            raise InputError(
                f"data has segments of {self.segment_frames} frames, {self.fit_frames} frames to fit and "
                f"{self.n_validation} validation clips; give at least 1, 2 and 2"
            )
        if self.n_components < 0 or self.n_components % 3:
            raise InputError(f"data.n_components is {self.n_components}; give 0 or a multiple of 3")
        if self.region and not self.rig:
            raise InputError(f"data.region is {self.region!r} and no head is named; give data.rig")


class Segments:
    """Stretches of equal length that begin anywhere in training clips."""

    def __init__(self, clips: MeshClips, n_frames: int) -> None:
        self._clips, self._n_frames = clips, n_frames
        self._clip_of = [
            number for number, length in enumerate(clips.lengths) for _ in range(max(1, length // n_frames))
        ]

    def __len__(self) -> int:
        return len(self._clip_of)

    def places(self, indices: Sequence[int], generator: torch.Generator) -> list[tuple[int, int, int]]:
        """Give clip, first frame and number of real frames of examples."""
        found = []
        for index in indices:
            number = self._clip_of[index]
            length = self._clips.lengths[number]
            room = max(1, length - self._n_frames + 1)
            first = int(torch.randint(room, (1,), generator=generator))
            found.append((number, first, min(self._n_frames, length)))
        return found

    def valid(self, places: Sequence[tuple[int, int, int]]) -> torch.Tensor:
        """Give which frames of examples are real."""
        real = torch.tensor([n_real for _, _, n_real in places])
        return torch.arange(self._n_frames)[None] < real[:, None]


class MeshTalkTask:
    """Trains the encoders and the decoder on a store of meshes.

    Data ``corpus`` is the store; ``masks`` a folder of masks unless the recipe names a head.

    Source:
        Richard et al. 2021, "MeshTalk: 3D Face Animation from Speech using Cross-Modality
        Disentanglement" (ICCV), section 3.2.

    Deviation:
        The learning rate falls along a cosine and not by a tenth at four fifths. A clip shorter
        than a segment is held at its last frame, and what is held costs nothing.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the recipe's tables.

        Raises:
            InputError: A key is unknown or a value cannot be used.
            TrainingError: A data path is missing, or batches are of one clip.
        """
        self._name, self._description = recipe.name, recipe.description
        self._data = config_from_dict(MeshTalkData, recipe.data, "data")
        self._config = config_from_dict(MeshTalkConfig, recipe.model, "model")
        self._states_points = "n_points" in recipe.model
        self._scales = config_from_dict(MeshTalkLoss, recipe.loss, "loss")
        shifted(recipe.schedule.batch_size, torch.Generator())
        if CORPUS not in data_paths:
            raise TrainingError(
                f"recipe {recipe.name!r} needs clips; name a store with --data {CORPUS}=FOLDER"
            )
        if not self._data.rig and MASKS not in data_paths:
            raise TrainingError(
                f"recipe {recipe.name!r} needs to know mouth, upper face and eyelids; "
                f"name a head in data.rig or a folder of masks with --data {MASKS}=FOLDER"
            )
        self._paths = dict(data_paths)

    @cached_property
    def _rig(self) -> Rig | None:
        return load_rig(self._data.rig) if self._data.rig else None

    @cached_property
    def masks(self) -> FaceMasks:
        """Mouth, upper face and eyelids."""
        return masks_from_rig(self._rig) if self._rig is not None else read_masks(self._paths[MASKS])

    def _store(self, split: str) -> ClipStore:
        store = ClipStore(self._paths[CORPUS]).select(split=split)
        check_clips(store, self._rig.topology.name if self._rig else "", self.masks.n_vertices, 2, split)
        return store

    def _chosen(self) -> np.ndarray:
        if self._rig is None or not self._data.region:
            return np.arange(self.masks.n_vertices)
        if self._data.region not in self._rig.regions:
            raise RigError(unknown_name("region", self._data.region, self._rig.regions))
        return np.flatnonzero(self._rig.regions[self._data.region] > 0)

    @cached_property
    def _fitted(self) -> tuple[Front, float]:
        clips = MeshClips(self._store("train"))
        return fit_front(clips, self._chosen(), self._data.n_components, self._data.fit_frames)

    @property
    def front(self) -> Front:
        """What stands before the networks."""
        return self._fitted[0]

    def _clips(self, store: ClipStore) -> MeshClips:
        clips = MeshClips(store, self.front)
        return HeldClips(clips) if self._data.n_components else clips

    @cached_property
    def _training(self) -> MeshClips:
        return self._clips(self._store("train"))

    @cached_property
    def _validation(self) -> MeshClips:
        store = self._store("validation")
        first: dict[str, int] = {}
        for entry in store.entries[: self._data.n_validation]:
            first[entry.speaker] = first.get(entry.speaker, 0) + 1
        return self._clips(store.select(first=first))

    @cached_property
    def _segments(self) -> Segments:
        return Segments(self._training, self._data.segment_frames)

    @cached_property
    def _measure(self) -> Measure:
        return measure_for(self.front, self.masks)

    @cached_property
    def config(self) -> MeshTalkConfig:
        """Sizes of the network; mesh or components say how many points there are.

        Raises:
            TrainingError: The recipe states another number.
        """
        n_points = self.front.n_points
        if self._states_points and self._config.n_points != n_points:
            raise TrainingError(
                f"model.n_points is {self._config.n_points} and the data has {n_points}; leave the key out"
            )
        return replace(self._config, n_points=n_points)

    def network(self) -> nn.Module:
        """Give untrained networks that know mean and spread of the data."""
        network = MeshTalk(self.config)
        mean, spread = fit_statistics(self._training, self._data.fit_frames)
        network.set_statistics(torch.from_numpy(mean), torch.from_numpy(spread))
        return network

    def n_examples(self) -> int:
        """Give the number of segments in all training clips."""
        return len(self._segments)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        """Give segments: points, faces at rest, sound, where each frame's window begins, which are real."""
        clips, n_frames = self._training, self._data.segment_frames
        places = self._segments.places(indices, generator)
        sounds = [clips.sound(number, first, n_frames) for number, first, _ in places]
        return {
            "points": _stacked([clips.points(number, first, n_frames) for number, first, _ in places]),
            "template": _stacked([clips.template(number) for number, _, _ in places]),
            "sound": _stacked([sound.samples for sound in sounds]),
            "starts": _stacked([sound.starts for sound in sounds]),
            "valid": self._segments.valid(places),
        }

    def loss(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the sum of the terms, each term, and what separate optimisers follow."""
        assert isinstance(network, MeshTalk)
        with torch.autocast(batch["points"].device.type, torch.bfloat16, enabled=self._data.mixed):
            made = self._crossed(network, batch, generator)
        return scaled_losses(crossing_terms(made, self._measure), network, self._scales)

    def _crossed(self, network: MeshTalk, batch: Batch, generator: torch.Generator) -> Crossing:
        """Give the faces of a batch, and those with half of their codes from another clip."""
        sound = network.encoder.audio_encoder(batch["sound"], batch["starts"])
        expression, _ = network.encoder.expression_encoder(batch["points"])
        for_expression = shifted(len(sound), generator)
        for_sound = shifted(len(sound), generator)
        template = batch["template"]
        return Crossing(
            target=batch["points"],
            own=network.draw(template, expression, sound, generator, self._scales.noise),
            other_expression=network.draw(
                template, expression[for_expression], sound, generator, self._scales.noise
            ),
            other_sound=network.draw(template, expression, sound[for_sound], generator, self._scales.noise),
            valid=batch["valid"],
        )

    def optimisers(self, network: nn.Module) -> list[tuple[Iterable[nn.Parameter], str]]:
        """Give one group of parameters, or three that follow their own terms."""
        assert isinstance(network, MeshTalk)
        return [(group, key) for group, key in parameter_groups(network, self._scales)]

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the terms on whole clips with the likeliest classes, errors in mm, and leakage."""
        assert isinstance(network, MeshTalk)
        clips, sums = self._validation, dict.fromkeys(_JUDGED, 0.0)
        codes = [_clip_codes(network, clips, number) for number in range(len(clips))]
        for number, (sound, expression) in enumerate(codes):
            other_sound, other_expression = codes[(number + 1) % len(codes)]
            n_frames = min(len(sound), len(other_sound))
            for name, value in self._judge(
                network,
                clips.points(number, 0, n_frames),
                clips.template(number),
                (sound[:n_frames], expression[:n_frames]),
                (other_sound[:n_frames], other_expression[:n_frames]),
            ).items():
                sums[name] += value / len(codes)
        terms = {name: sums[name] for name in ("reconstruction", "eyelids", "mouth", "upper_face")}
        return {
            "loss": sum(getattr(self._scales, name) * value for name, value in terms.items()),
            **terms,
            "reconstruction_mm": (3 * sums["reconstruction"]) ** 0.5,
            "own_mouth_mm": (3 * sums["own_mouth"]) ** 0.5,
            "own_upper_face_mm": (3 * sums["own_upper_face"]) ** 0.5,
            "mouth_leakage": (sums["mouth_by_expression"] / max(sums["mouth_by_sound"], 1e-12)) ** 0.5,
            "upper_face_leakage": (sums["upper_by_sound"] / max(sums["upper_by_expression"], 1e-12)) ** 0.5,
            "held_by_components": self._fitted[1],
        }

    def _judge(
        self,
        network: MeshTalk,
        points: np.ndarray,
        template: np.ndarray,
        own: tuple[torch.Tensor, torch.Tensor],
        other: tuple[torch.Tensor, torch.Tensor],
    ) -> dict[str, float]:
        """Give mean squares of a clip, square millimetres a coordinate."""
        device = own[0].device
        target = torch.from_numpy(points).to(device)[None]
        rest = torch.from_numpy(template).to(device)[None]
        pairs = {"own": (own[1], own[0]), "expression": (other[1], own[0]), "sound": (own[1], other[0])}
        made = {name: network.draw(rest, e[None], s[None], None) for name, (e, s) in pairs.items()}
        valid = torch.ones(target.shape[:2], dtype=torch.bool, device=device)
        crossing = Crossing(target, made["own"], made["expression"], made["sound"], valid)
        terms = crossing_terms(crossing, self._measure)
        by_expression, by_sound = made["expression"] - made["own"], made["sound"] - made["own"]
        error = made["own"] - target
        for name, difference, region in (
            ("own_mouth", error, "mouth"),
            ("own_upper_face", error, "upper_face"),
            ("mouth_by_expression", by_expression, "mouth"),
            ("mouth_by_sound", by_sound, "mouth"),
            ("upper_by_expression", by_expression, "upper_face"),
            ("upper_by_sound", by_sound, "upper_face"),
        ):
            terms[name] = self._measure.squares(difference, region).mean()
        return {name: float(value) for name, value in terms.items()}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the first stage for the second to be trained on."""
        assert isinstance(network, MeshTalk)
        entries = self._training.store.entries
        licences = {entry.source: entry.licence for entry in entries}
        codes = MeshTalkCodes(network, self.front, entries[0].topology)
        save_codes(codes, folder, Origin(self._name, self._description, metrics, licences))


_JUDGED = (
    *("reconstruction", "eyelids", "mouth", "upper_face", "own_mouth", "own_upper_face"),
    *("mouth_by_expression", "mouth_by_sound", "upper_by_expression", "upper_by_sound"),
)


def _clip_codes(network: MeshTalk, clips: MeshClips, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the codes of sound and expression of a validation clip, on the network's device."""
    device = next(network.parameters()).device
    n_frames = min(clips.lengths[number], _JUDGED_FRAMES)
    sound = clips.sound(number, 0, n_frames)
    points = torch.from_numpy(clips.points(number, 0, n_frames)).to(device)[None]
    samples = torch.from_numpy(sound.samples).to(device)[None]
    of_sound = network.encoder.audio_encoder(samples, torch.from_numpy(sound.starts).to(device)[None])
    return of_sound[0], network.encoder.expression_encoder(points)[0][0]


def clip_classes(codes: MeshTalkCodes, clips: MeshClips, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the likeliest classes of a whole clip, and its codes of sound; in parts, on the CPU."""
    network = codes.network
    sound = sound_codes_of(
        partial(hear_with, network),
        lambda first, n_samples: clips.samples(number, first, n_samples),
        clips.lengths[number],
        codes.offset_samples,
    )
    expression = expression_codes_of(partial(watch_with, network), clips.blocks(number))
    return choose_with(network, expression, sound).argmax(-1).astype(np.int16), sound


def _stacked(arrays: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))
