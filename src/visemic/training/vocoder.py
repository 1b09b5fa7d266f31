"""Train a vocoder on recordings: it hears the mel of a crop and has to say the crop.

A warm-up asks for the right spectra only; then critics join, and the generator has to fool
them as well. Both are one task: critics take part where ``loss.adversarial`` is above 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from visemic.core.artifact import ArtifactInfo, load_artifact, load_parameters, save_artifact
from visemic.core.clock import SPEECH_RATE
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError
from visemic.core.signals import Waveform
from visemic.data.prepared_speech import SpeechClip, read_clips, read_samples
from visemic.features.prosody import PITCH, PROSODY_RATE, extract_prosody
from visemic.features.sample import step_positions
from visemic.features.voice_mel import (
    VOICE_HOP_SAMPLES,
    VOICE_MEL_NAME,
    VOICE_MEL_RATE,
    VOICE_MEL_VERSION,
    VOICE_MELS,
    voice_mel,
)
from visemic.models.vocoder_critic import VocoderCritic, VocoderCriticConfig
from visemic.models.vocoder_session import SPECTRAL
from visemic.training.heard_mel import HeardMels
from visemic.training.recipe import Recipe
from visemic.training.vocoder_generator import generator_from
from visemic.training.vocoder_loss import (
    critic_loss,
    feature_loss,
    fooling_loss,
    mel_distance,
    spectrum_distance,
)

LICENCE = "Apache-2.0"
_EDGE_FRAMES = 3
"""Frames beside a crop that its outermost windows reach into."""
_MOST_VALIDATION_SAMPLES = 6 * 16_000


@dataclass(frozen=True)
class VocoderData:
    """What is trained on."""

    speakers: tuple[str, ...] = ()
    """Speakers of the folder ``speech``; empty takes all."""
    crop_frames: int = 32
    """Frames of a crop that are judged, 12.5 ms each."""
    gain_db: tuple[float, float] = (-4.0, 2.0)
    """Range of the level that a crop is changed by."""
    validation_clips: int = 12
    """At most so many clips judge, six seconds of each."""
    heard_share: float = 0.75
    """Share of crops that are heard as a voice painted them, where data ``heard`` is given."""

    def __post_init__(self) -> None:
        if self.crop_frames < 12:
            raise InputError(f"data.crop_frames is {self.crop_frames}; give at least 12, the longest window")
        if self.gain_db[0] > self.gain_db[1] or self.validation_clips < 1:
            raise InputError(
                f"data.gain_db is {self.gain_db} and data.validation_clips {self.validation_clips}; "
                "give a range from low to high and at least one clip"
            )


@dataclass(frozen=True)
class VocoderLoss:
    """How much each part counts; 0 leaves it out."""

    mel: float = 45.0
    """Difference of log-mels."""
    spectrum: float = 0.0
    """Difference of magnitudes over four resolutions."""
    feature: float = 2.0
    """How differently critics see; only with critics."""
    pitch: float = 1.0
    """How far the pitch that the network hears is off, in natural logarithms; only where it hears one."""
    adversarial: float = 1.0
    """Fooling the critics; 0 trains without them."""


@dataclass(frozen=True)
class VocoderModel:
    """Which network."""

    kind: str = SPECTRAL
    """``spectral-vocoder`` or ``hifi-gan``."""
    sizes: dict[str, object] = field(default_factory=dict)
    """Its configuration."""
    critic: VocoderCriticConfig = field(default_factory=VocoderCriticConfig)


class VocoderTask:
    """The task for the training loop.

    Data ``speech`` is a folder made by ``recipes/speech_corpus.py``; ``start``, if given, the
    artefact of an earlier training whose generator goes on; ``heard``, if given, the mels that a
    voice paints of the same clips (``recipes/voice_mels.py``).

    Source:
        Kong et al. 2020, "HiFi-GAN", section 2.4, the losses and their scales.

    Deviation:
        Critics of several resolutions instead of several scales; generator and critics step
        together, from one pass of the critics over each sound.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the settings; nothing is loaded yet.

        Raises:
            InputError: A setting is unknown or out of range.
            ArtifactError: No speech was given.
        """
        self.name, self.description = recipe.name, recipe.description
        self.data = config_from_dict(VocoderData, recipe.data, "data")
        self.scales = config_from_dict(VocoderLoss, recipe.loss, "loss")
        self.model = config_from_dict(VocoderModel, recipe.model, "model")
        self.generator = generator_from(self.model.kind, self.model.sizes, "model.sizes")
        if "speech" not in data_paths:
            raise ArtifactError("the vocoder recipe needs data 'speech'; give --data speech=FOLDER")
        self._speech = Path(data_paths["speech"])
        self._start = data_paths.get("start")
        self._heard = HeardMels(Path(data_paths["heard"])) if "heard" in data_paths else None
        self._clips: list[SpeechClip] = []
        self._pitches: dict[str, Float32[np.ndarray, " frames"]] = {}
        self._order: list[int] = []

    @property
    def has_critics(self) -> bool:
        """Whether critics take part."""
        return self.scales.adversarial > 0

    def network(self) -> nn.Module:
        """Give a fresh generator, or that of ``start``, with critics if they take part."""
        parts = {"generator": self.generator.network()}
        if self._start is not None:
            artifact = load_artifact(Path(self._start), kind=self.generator.kind)
            load_parameters(parts["generator"], artifact.tensors(), artifact.info.name)
        if self.has_critics:
            parts["critic"] = VocoderCritic(self.model.critic)
        return nn.ModuleDict(parts)

    def optimisers(self, network: nn.Module) -> list[tuple[Iterable[nn.Parameter], str]]:
        """Give the generator's parameters and, if they take part, those of the critics."""
        assert isinstance(network, nn.ModuleDict)
        groups: list[tuple[Iterable[nn.Parameter], str]] = [(network["generator"].parameters(), "loss")]
        if self.has_critics:
            groups.append((network["critic"].parameters(), "critic"))
        return groups

    def _load(self) -> None:
        if self._clips:
            return
        clips = [
            c for c in read_clips(self._speech) if not self.data.speakers or c.speaker in self.data.speakers
        ]
        train = [number for number, clip in enumerate(clips) if clip.split == "train"]
        if not train or len(train) == len(clips):
            raise InputError(
                f"folder {str(self._speech)!r} has {len(train)} clips to train on and "
                f"{len(clips) - len(train)} others of speakers {self.data.speakers or 'all'}; both are needed"
            )
        crop = self.data.crop_frames * VOICE_HOP_SAMPLES
        self._order = [number for number in train for _ in range(max(1, clips[number].samples // crop))]
        self._clips = clips

    def n_examples(self) -> int:
        """Give the number of crops that the recordings hold."""
        self._load()
        return len(self._order)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Give mels of random crops with their surroundings, and the crops."""
        self._load()
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        lead, tail = self.generator.lead_frames, self.generator.tail_frames
        n_frames = self.data.crop_frames
        mels = np.empty((len(indices), lead + n_frames + tail, VOICE_MELS), np.float32)
        pitches = np.empty(mels.shape[:2], np.float32)
        sounds = np.empty((len(indices), n_frames * VOICE_HOP_SAMPLES), np.float32)
        for place, index in enumerate(indices):
            clip = self._clips[self._order[index]]
            last = max(0, clip.samples // VOICE_HOP_SAMPLES - n_frames)
            first = int(rng.integers(0, last + 1)) - lead - _EDGE_FRAMES
            level = 10.0 ** (rng.uniform(*self.data.gain_db) / 20)
            part = self._part(clip, first, mels.shape[1] + 2 * _EDGE_FRAMES) * np.float32(level)
            if (
                self._heard is not None
                and clip.clip_id in self._heard
                and rng.random() < self.data.heard_share
            ):
                mels[place] = self._heard.part(clip.clip_id, first + _EDGE_FRAMES, mels.shape[1], level)
            else:
                mels[place] = voice_mel(part)[_EDGE_FRAMES : _EDGE_FRAMES + mels.shape[1]]
            pitches[place] = self._pitch(clip, first + _EDGE_FRAMES, mels.shape[1])
            begin = (lead + _EDGE_FRAMES) * VOICE_HOP_SAMPLES
            sounds[place] = part[begin : begin + sounds.shape[1]]
        return {
            "mel": torch.from_numpy(mels),
            "pitch_hz": torch.from_numpy(pitches),
            "sound": torch.from_numpy(sounds),
        }

    def _part(self, clip: SpeechClip, first_frame: int, n_frames: int) -> np.ndarray:
        """Give frames' samples of a clip, silence beyond its ends."""
        first, n = first_frame * VOICE_HOP_SAMPLES, n_frames * VOICE_HOP_SAMPLES
        samples = read_samples(self._speech, clip)[max(0, first) : first + n]
        before = max(0, -first)
        return np.pad(samples, (before, n - before - len(samples)))

    def _pitch(self, clip: SpeechClip, first_frame: int, n_frames: int) -> Float32[np.ndarray, " frames"]:
        """Give the pitch of frames of a clip, 0 where nobody voices; a clip's is found once."""
        if clip.clip_id not in self._pitches:
            sound = Waveform(read_samples(self._speech, clip), SPEECH_RATE)
            self._pitches[clip.clip_id] = frame_pitch(sound)
        pitch = self._pitches[clip.clip_id]
        frames = first_frame + np.arange(n_frames)
        inside = (frames >= 0) & (frames < len(pitch))
        return np.where(inside, pitch[np.clip(frames, 0, len(pitch) - 1)], 0).astype(np.float32)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give the generator's loss with its parts and, with critics, theirs."""
        assert isinstance(network, nn.ModuleDict)
        sound, own = self.generator.crop(network["generator"], batch, generator)
        parts = {**self._distances(sound, batch["sound"]), **own}
        total = self.scales.mel * parts["mel"] + self.scales.spectrum * parts["spectrum"]
        if "pitch" in own:
            total = total + self.scales.pitch * own["pitch"]
        if self.has_critics:
            recorded, recorded_seen = network["critic"](batch["sound"])
            made, made_seen = network["critic"](sound)
            parts["fooling"] = fooling_loss(made)
            parts["feature"] = feature_loss(recorded_seen, made_seen)
            # Each group of parameters gets the gradient of its own loss only, so nothing is detached.
            parts["critic"] = critic_loss(recorded, made)
            total = total + self.scales.adversarial * parts["fooling"]
            total = total + self.scales.feature * parts["feature"]
        return {"loss": total, **parts}

    def _distances(self, sound: Float[Tensor, "b s"], target: Float[Tensor, "b s"]) -> dict[str, Tensor]:
        return {"mel": mel_distance(sound, target), "spectrum": spectrum_distance(sound, target)}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give both distances on whole validation clips; the loss is their sum."""
        self._load()
        assert isinstance(network, nn.ModuleDict)
        device = next(network.parameters()).device
        judges = [clip for clip in self._clips if clip.split == "validation"]
        judges = judges or [clip for clip in self._clips if clip.split != "train"]
        totals = {"mel": 0.0, "spectrum": 0.0}
        generator = torch.Generator(device)
        generator.manual_seed(0)
        spread = judges[:: -(-len(judges) // self.data.validation_clips)]
        for clip in spread:
            samples = read_samples(self._speech, clip)[:_MOST_VALIDATION_SAMPLES]
            samples = np.pad(samples, (0, max(0, 2_400 - len(samples))))
            mel = torch.from_numpy(self._judged_mel(clip, samples))[None].to(device)
            with torch.no_grad():
                sound = self.generator.whole(network["generator"], mel, generator)[:, : len(samples)]
            found = self._distances(sound.float(), torch.from_numpy(samples)[None].to(device))
            for name, value in found.items():
                totals[name] += float(value) / len(spread)
        return {"loss": totals["mel"] + totals["spectrum"], **totals}

    def _judged_mel(self, clip: SpeechClip, samples: np.ndarray) -> np.ndarray:
        mel = voice_mel(samples)
        if self._heard is None or clip.clip_id not in self._heard:
            return mel
        return self._heard.part(clip.clip_id, 0, len(mel), 1.0)

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the generator's parameters, its ONNX file and what they are."""
        self._load()
        assert isinstance(network, nn.ModuleDict)
        generator = network["generator"]
        numbers = "".join(f"- {name}: {value:.4g}\n" for name, value in metrics.items())
        card = (
            f"# {self.name}\n\n{self.description}.\n\n"
            f"On its own validation clips (natural logarithms):\n\n{numbers}"
        )
        info = ArtifactInfo(
            name=self.name,
            kind=self.generator.kind,
            licence=LICENCE,
            description=self.description,
            config=self.generator.settings(),
            rates_hz={"features": float(VOICE_MEL_RATE), "samples": float(SPEECH_RATE)},
            feature=VOICE_MEL_NAME,
            feature_version=int(VOICE_MEL_VERSION),
            normaliser=self.generator.numbers(),
            data_licences={clip.speaker: clip.licence for clip in self._clips if clip.split == "train"},
            metrics=dict(metrics),
        )
        onnx = self.generator.onnx(generator)
        save_artifact(folder, info, card=card, tensors=generator.state_dict(), onnx=onnx)


def frame_pitch(waveform: Waveform) -> Float32[np.ndarray, " frames"]:
    """Give the pitch at the centres of the frames of ``voice_mel`` in hertz, 0 where nobody voices.

    A frame is voiced if both steps of pitch beside it are; between them logarithms run straight.
    """
    pitch = extract_prosody(waveform).values[:, PITCH]
    n_frames = int(waveform.duration_s * float(VOICE_MEL_RATE)) + 1
    place = np.minimum(step_positions(n_frames, VOICE_MEL_RATE, PROSODY_RATE), len(pitch) - 1)
    below, above = np.floor(place).astype(int), np.ceil(place).astype(int)
    is_voiced = (pitch[below] > 0) & (pitch[above] > 0)
    low, high = (np.log(np.where(is_voiced, pitch[at], 1.0)) for at in (below, above))
    found = np.exp(low + (high - low) * (place - below))
    return np.where(is_voiced, found, 0.0).astype(np.float32)
