"""Training of the voice converter: speech in, the same speech out, through a narrow neck.

Source and target are the same speaker, so no pairs of recordings are needed; that the voice
can be exchanged afterwards is due to the neck alone, which must be tuned to the data: too wide
and it lets the speaker through, too narrow and it loses what is said. ``neck`` and ``period`` of
the model are that width.

Source: Qian et al. 2019, "AutoVC", section 3.3, with the settings of the published trainer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from visemic.audio.io import read_waveform
from visemic.core.config import config_from_dict
from visemic.core.errors import InputError, TrainingError
from visemic.core.signals import Waveform
from visemic.data.importers.sound import SOUND_SUFFIXES
from visemic.data.loader import ClipStore
from visemic.data.store_folder import HEADER
from visemic.features.autovc_mel import AUTOVC_RATE, AutoVcMelConfig, extract_autovc_mel
from visemic.features.pitch_code import extract_pitch_code
from visemic.models.autovc import AutoVc, AutoVcConfig, MakeItTalkVc, autovc_network
from visemic.models.voice_conversion import load_speaker_encoder, save_converter, speaker_measure
from visemic.training.recipe import Recipe
from visemic.training.task import Batch

SPEECH_PATH, ENCODER_PATH = "speech", "speaker_encoder"
"""Names of the data paths: the recordings, and a published speaker encoder."""


@dataclass(frozen=True)
class AutoVcData:
    """Which speech, and how it is cut."""

    crop_steps: int = 128
    """Steps of 16 ms in an example; a multiple of the model's period."""
    speaker: Literal["spectral", "dvector", "resemblyzer"] = "spectral"
    """What tells the network who speaks; the latter two need the path ``speaker_encoder``."""
    utterances_a_speaker: int = 10
    """Utterances whose mean vector is the speaker's."""
    validation_every: int = 10
    """In a folder without splits, every so many-th utterance of a speaker is for validation."""


@dataclass(frozen=True)
class AutoVcLoss:
    """Factors and kind of the loss."""

    kind: Literal["squared", "absolute"] = "squared"
    """Of both spectra: squared as published; absolute is sharper on some data."""
    code: float = 1.0
    """Factor of the difference between the codes of the source and of the result."""


@dataclass(frozen=True, eq=False)
class _Utterance:
    speaker: str
    is_validation: bool
    path: Path
    number: int = -1
    """Clip of a store; -1 for a file."""


class AutoVcTask:
    """Self-reconstruction of AutoVC or of MakeItTalk's variant, by the recipe's ``model.flavour``."""

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Take what decides the training; no sound is read yet.

        Raises:
            InputError: A key or a value of the recipe cannot be used.
            TrainingError: A data path is missing or not known.
        """
        self.config = config_from_dict(AutoVcConfig, recipe.model, "model")
        self.data = config_from_dict(AutoVcData, recipe.data, "data")
        self.factors = config_from_dict(AutoVcLoss, recipe.loss, "loss")
        for name in ("utterances_a_speaker", "validation_every"):
            if getattr(self.data, name) < 1:
                raise InputError(f"data.{name} is {getattr(self.data, name)}; give at least 1")
        if self.data.crop_steps < 1 or self.data.crop_steps % self.config.period:
            raise InputError(
                f"data.crop_steps is {self.data.crop_steps}; give a multiple of model.period, "
                f"{self.config.period}"
            )
        wanted = {SPEECH_PATH} | ({ENCODER_PATH} if self.data.speaker != "spectral" else set())
        if set(data_paths) != wanted:
            given = ", ".join(sorted(data_paths)) or "none"
            raise TrainingError(
                f"data paths are {given}; this recipe needs {', '.join(sorted(wanted))}, "
                "each as --data NAME=PATH"
            )
        self._paths = dict(data_paths)
        self._heard: dict[int, tuple[Float32[np.ndarray, "t m"], Float32[np.ndarray, "t p"]]] = {}

    def network(self) -> nn.Module:
        """Give a generator with fresh parameters."""
        return autovc_network(self.config)

    def n_examples(self) -> int:
        """Give the number of training utterances."""
        return len(self._training)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        """Give a random crop of each utterance; one that is shorter ends in zeros."""
        crops = []
        for index in indices:
            number = self._training[index]
            n_steps = len(self._spectra(number)[0])
            free = max(0, n_steps - self.data.crop_steps)
            first = int(torch.randint(free + 1, (), generator=generator))
            crops.append(self._crop(number, first))
        return _stacked(crops)

    def loss(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the differences of both spectra to the source, and of the result's codes to the source's."""
        del generator
        assert isinstance(network, AutoVc | MakeItTalkVc)
        mel, speaker = batch["mel"], batch["speaker"]
        heard = [mel, speaker, speaker]
        if isinstance(network, MakeItTalkVc):
            heard.append(batch["pitch"])
        made = network(*heard)
        differ = nn.functional.mse_loss if self.factors.kind == "squared" else nn.functional.l1_loss
        parts = {
            "mel": differ(made.mel, mel),
            "refined": differ(made.refined, mel),
            "code": nn.functional.l1_loss(network.code(made.refined, speaker), made.codes),
        }
        return {"loss": parts["mel"] + parts["refined"] + self.factors.code * parts["code"], **parts}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the mean losses over the middle of each validation utterance."""
        device = next(network.parameters()).device
        totals: dict[str, float] = {}
        for number in self._validation:
            free = max(0, len(self._spectra(number)[0]) - self.data.crop_steps)
            batch = _stacked([self._crop(number, free // 2)])
            moved = {name: value.to(device) for name, value in batch.items()}
            with torch.no_grad():
                parts = self.loss(network, moved, torch.Generator())
            for name, value in parts.items():
                totals[name] = totals.get(name, 0.0) + float(value)
        return {name: total / len(self._validation) for name, total in totals.items()}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the converter with the voices it was trained on."""
        assert isinstance(network, AutoVc | MakeItTalkVc)
        save_converter(network, self._speakers, self.data.speaker, self._encoder, folder, metrics)

    @cached_property
    def _utterances(self) -> tuple[_Utterance, ...]:
        path = self._paths[SPEECH_PATH]
        if not path.is_dir():
            raise TrainingError(
                f"speech {str(path)!r} is no folder; give one folder a speaker in it, or a store"
            )
        if (path / HEADER).is_file():
            found = _utterances_of_store(path)
        else:
            found = _utterances_of_folder(path, self.data.validation_every)
        if not any(u.is_validation for u in found) or all(u.is_validation for u in found):
            n_validation = sum(u.is_validation for u in found)
            raise TrainingError(
                f"speech {str(path)!r} has {len(found)} utterances, {n_validation} of them for "
                "validation; give sound files for both, in one folder a speaker, two of each at least"
            )
        return found

    @cached_property
    def _training(self) -> tuple[int, ...]:
        return tuple(i for i, u in enumerate(self._utterances) if not u.is_validation)

    @cached_property
    def _validation(self) -> tuple[int, ...]:
        known = {self._utterances[i].speaker for i in self._training}
        return tuple(i for i, u in enumerate(self._utterances) if u.is_validation and u.speaker in known)

    @cached_property
    def _encoder(self) -> nn.Module | None:
        if self.data.speaker == "spectral":
            return None
        return load_speaker_encoder(self.data.speaker, self._paths[ENCODER_PATH])

    @cached_property
    def _speakers(self) -> dict[str, Float32[np.ndarray, " e"]]:
        """Vector of each speaker, from training utterances only."""
        measure = speaker_measure(self.data.speaker, self._encoder, self.config.flavour)
        chosen: dict[str, list[int]] = {}
        for number in self._training:
            chosen.setdefault(self._utterances[number].speaker, []).append(number)
        vectors = {}
        for speaker, numbers in sorted(chosen.items()):
            first = numbers[: self.data.utterances_a_speaker]
            mean = np.mean([measure(self._waveform(number)) for number in first], axis=0)
            vectors[speaker] = mean.astype(np.float32)
        return vectors

    @cached_property
    def _store(self) -> ClipStore:
        return ClipStore(self._paths[SPEECH_PATH])

    def _waveform(self, number: int) -> Waveform:
        utterance = self._utterances[number]
        if utterance.number < 0:
            return read_waveform(utterance.path)
        waveform = self._store[utterance.number].waveform
        assert waveform is not None  # clips without sound were left out
        return waveform

    def _spectra(self, number: int) -> tuple[Float32[np.ndarray, "t m"], Float32[np.ndarray, "t p"]]:
        """Give mel and pitch of an utterance, kept once made; no pitch for AutoVC."""
        if number not in self._heard:
            waveform = self._waveform(number)
            mel = extract_autovc_mel(waveform, AutoVcMelConfig(flavour=self.config.flavour)).values
            pitch = np.zeros((len(mel), 0), np.float32)
            if self.config.flavour == "makeittalk":
                pitch = extract_pitch_code(waveform, AUTOVC_RATE, len(mel)).values
            self._heard[number] = mel, pitch
        return self._heard[number]

    def _crop(self, number: int, first: int) -> dict[str, np.ndarray]:
        parts = [part[first : first + self.data.crop_steps] for part in self._spectra(number)]
        missing = self.data.crop_steps - len(parts[0])
        mel, pitch = (np.pad(part, ((0, missing), (0, 0))) for part in parts)
        return {"mel": mel, "pitch": pitch, "speaker": self._speakers[self._utterances[number].speaker]}


def _stacked(crops: Sequence[Mapping[str, np.ndarray]]) -> Batch:
    return {name: torch.from_numpy(np.stack([crop[name] for crop in crops])) for name in crops[0]}


def _utterances_of_folder(path: Path, validation_every: int) -> tuple[_Utterance, ...]:
    """Give the sound files of each folder in a folder; the last of every so many are for validation."""
    found = []
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES)
        every = min(validation_every, len(files))
        for i, file in enumerate(files):
            found.append(_Utterance(folder.name, len(files) > 1 and i % every == every - 1, file))
    return tuple(found)


def _utterances_of_store(path: Path) -> tuple[_Utterance, ...]:
    """Give the clips with sound for training and validation; those for testing are left alone."""
    return tuple(
        _Utterance(entry.speaker, entry.split == "validation", path, number)
        for number, entry in enumerate(ClipStore(path).entries)
        if entry.n_samples and entry.split in ("train", "validation")
    )
