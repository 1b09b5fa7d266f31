"""Train Avatron's voice: phones to mel, with given or with learnt durations."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.artifact import ArtifactInfo, load_artifact, load_parameters, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError
from visemic.features.voice_mel import VOICE_MEL_NAME, VOICE_MEL_RATE, VOICE_MEL_VERSION
from visemic.models.avatron import AvatronVoice, AvatronVoiceConfig
from visemic.models.avatron_aligner import (
    Aligner,
    binarisation_loss,
    forward_sum_loss,
    guide_loss,
    hard_alignment,
)
from visemic.models.avatron_speech import FRAMES_FILE, TEXT_FILE, VOICE_KIND
from visemic.models.avatron_text import SENTENCE_ENDS, SYMBOLS, check_symbols
from visemic.training.avatron_data import (
    PITCH_SCALE_HZ,
    VoiceClip,
    frame_symbols,
    load_voice_clips,
    padded,
    symbol_means,
)
from visemic.training.avatron_export import frames_onnx, text_onnx
from visemic.training.recipe import Recipe

_LICENCE = "Apache-2.0"
_STYLE_CLIPS = 64
"""Clips whose styles are averaged into a speaker's."""
_KNOWN_PAUSES = 50
"""A pause that was met less often is spoken as the commonest one of those that end a sentence."""


@dataclass(frozen=True)
class VoiceDataConfig:
    """What is trained on."""

    speakers: tuple[str, ...] = ()
    """Only these; empty takes all."""
    durations: Literal["given", "learnt"] = "given"
    """Use the corpus's own phone times, or find the alignment while learning."""
    max_clips: int = 0
    """At most so many clips of each speaker; 0 takes all."""
    validation_clips: int = 24
    """At most so many clips judge."""
    max_frames: int = 1_000
    """Longer clips are left out."""
    min_frames: int = 25
    crop_frames: int = 0
    """The decoder paints only so many frames of each sentence; 0 paints all. With learnt
    durations the alignment still sees the whole."""
    is_half: bool = False
    """Compute in bfloat16 on a CPU; for given durations."""
    reference_frames: int = 160
    """Length of the piece of another sentence that the style is read from."""


@dataclass(frozen=True)
class VoiceLossConfig:
    """Scales of the parts; the defaults are the published ones."""

    mel: float = 5.0
    pitch: float = 5.0
    energy: float = 5.0
    guide: float = 1.0
    forward_sum: float = 10.0
    binarisation: float = 0.01
    """Ten times 0.001."""
    duration: float = 1.0
    total_duration: float = 1.0
    durations_from_step: int = 0
    """Step from which durations are learnt; published 100,000 with learnt alignment."""


class VoiceNetwork(nn.Module):
    """The voice and what only its training needs."""

    n_steps: Tensor

    def __init__(self, config: AvatronVoiceConfig, *, with_aligner: bool) -> None:
        super().__init__()
        self.voice = AvatronVoice(config)
        self.aligner = Aligner(config.channels, config.n_mels) if with_aligner else None
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))


class AvatronVoiceTask:
    """Symbols to mel, durations, pitch and energy.

    Data ``speech`` is a folder made by ``recipes/speech_corpus.py``.

    Source:
        The released Avatron code: the parts of the loss and their scales.

    Deviation:
        The style is read from another sentence of the same speaker, so that it cannot tell what
        this one sounds like; the difference of total durations is taken relative to the total;
        pitch and energy come from visemic's own prosody.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the settings; nothing is loaded yet.

        Raises:
            InputError: A setting is unknown.
            ArtifactError: The corpus was not given.
        """
        self.recipe = recipe
        self.config = config_from_dict(AvatronVoiceConfig, recipe.model, "model")
        self.data = config_from_dict(VoiceDataConfig, recipe.data, "data")
        self.scales = config_from_dict(VoiceLossConfig, recipe.loss, "loss")
        if "speech" not in data_paths:
            raise ArtifactError("the recipe of a voice needs data 'speech'; give --data speech=FOLDER")
        self._folder = Path(data_paths["speech"])
        self._train: list[VoiceClip] = []
        self._judges: list[VoiceClip] = []
        self._mean = np.zeros(self.config.n_mels, np.float32)
        self._spread = np.ones(self.config.n_mels, np.float32)

    def _load(self) -> None:
        if self._train:
            return
        clips = load_voice_clips(self._folder, self.data.speakers, self.data.max_clips)
        fitting = [
            clip
            for clip in clips
            if max(self.data.min_frames, len(clip.symbols)) <= len(clip.mel) <= self.data.max_frames
        ]
        self._judges = [clip for clip in fitting if clip.split == "validation"][: self.data.validation_clips]
        train = [clip for clip in fitting if clip.split == "train"]
        if not train or not self._judges:
            raise InputError(
                f"the corpus has {len(train)} clips to learn from and {len(self._judges)} to judge by, "
                "at least one of each is needed; choose other speakers or lengths"
            )
        mels = np.concatenate([clip.mel for clip in train]).astype(np.float64)
        self._mean = mels.mean(0).astype(np.float32)
        self._spread = np.maximum(mels.std(0), 0.1).astype(np.float32)
        self._train = train

    def network(self) -> VoiceNetwork:
        """Give a fresh voice, with an aligner if durations are learnt."""
        return VoiceNetwork(self.config, with_aligner=self.data.durations == "learnt")

    def n_examples(self) -> int:
        """Give the number of sentences."""
        self._load()
        return len(self._train)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Give whole sentences, each with a piece of another one of its speaker."""
        self._load()
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        clips = [self._train[index] for index in indices]
        return self._batch(clips, rng)

    def _batch(self, clips: Sequence[VoiceClip], rng: np.random.Generator) -> dict[str, Tensor]:
        references = []
        for clip in clips:
            others = [other for other in self._train if other.speaker == clip.speaker]
            mel = self._normal(others[int(rng.integers(len(others)))].mel)
            length = self.data.reference_frames
            first = int(rng.integers(0, max(1, len(mel) - length + 1)))
            piece = mel[first : first + length]
            references.append(np.pad(piece, ((0, length - len(piece)), (0, 0)), mode="wrap"))
        starts = [int(rng.integers(0, max(1, len(c.mel) - self.data.crop_frames + 1))) for c in clips]
        return {
            "symbols": padded([clip.symbols for clip in clips], np.int64),
            "frames": padded([clip.frames for clip in clips], np.int64),
            "n_symbols": torch.tensor([len(clip.symbols) for clip in clips]),
            "n_frames": torch.tensor([len(clip.mel) for clip in clips]),
            "mel": padded([self._normal(clip.mel) for clip in clips], np.float32),
            "pitch": padded([clip.pitch for clip in clips], np.float32),
            "energy": padded([clip.energy for clip in clips], np.float32),
            "reference": torch.from_numpy(np.stack(references)),
            "crop_start": torch.tensor(starts),
        }

    def _normal(self, mel: np.ndarray) -> np.ndarray:
        return ((mel.astype(np.float32) - self._mean) / self._spread).astype(np.float32)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give all parts; those of the aligner are 0 with given durations."""
        assert isinstance(network, VoiceNetwork)
        is_half = self.data.is_half and not batch["mel"].is_cuda
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half):
            parts = self._parts(network, batch)
        if network.training:
            network.n_steps += 1
        scales = self.scales
        early = sum(
            getattr(scales, name) * parts[name]
            for name in ("mel", "pitch", "energy", "guide", "forward_sum", "binarisation")
        )
        late = scales.duration * parts["duration"] + scales.total_duration * parts["total_duration"]
        is_late = (network.n_steps > scales.durations_from_step).to(late.dtype)
        return {"loss": early + is_late * late, **parts}

    def _parts(self, network: VoiceNetwork, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        voice = network.voice
        valid = batch["symbols"] > 0
        states = voice.encode(batch["symbols"], valid)
        frames, aligned = self._frames(network, states, valid, batch)
        owner, here = frame_symbols(frames, batch["mel"].shape[1])
        pitch, energy = _said(batch, owner, here, valid.shape[1])
        style = voice.style(batch["reference"])
        said = voice.predict(states, style, valid)
        log_durations = said.log_durations.float()
        target = torch.log1p(frames.to(pitch.dtype))
        total = frames.sum(1)
        guessed = ((log_durations.exp() - 1) * valid).sum(1)
        owner, here, mel = self._crop(batch, owner, here)
        painted = voice.decode(states, style, pitch, energy, owner, here).float()
        return {
            "mel": ((painted - mel).square().mean(-1) * here).sum() / here.sum(),
            "pitch": _mean_distance(said.pitch.float(), pitch, valid),
            "energy": _mean_distance(said.energy.float(), energy, valid),
            "duration": _mean_distance(log_durations, target, valid),
            "total_duration": ((guessed - total).abs() / total).mean(),
            **aligned,
        }

    def _frames(
        self,
        network: VoiceNetwork,
        states: Float[Tensor, "b s c"],
        valid: Bool[Tensor, "b s"],
        batch: dict[str, Tensor],
    ) -> tuple[Int64[Tensor, "b s"], dict[str, Tensor]]:
        """Give the frames of every symbol and the parts of the aligner's loss."""
        if network.aligner is None:
            none = states.new_zeros(())
            return batch["frames"], {"guide": none, "forward_sum": none, "binarisation": none}
        n_symbols, n_frames = batch["n_symbols"], batch["n_frames"]
        log_soft = network.aligner(states, valid, batch["mel"])
        frames = torch.zeros_like(batch["symbols"])
        scores = log_soft.detach().float().cpu().numpy()
        for place, (s, t) in enumerate(zip(n_symbols.tolist(), n_frames.tolist(), strict=True)):
            frames[place, :s] = torch.from_numpy(hard_alignment(scores[place, :t, :s])).to(frames.device)
        owner, here = frame_symbols(frames, batch["mel"].shape[1])
        return frames, {
            "guide": guide_loss(log_soft, n_symbols, n_frames),
            "forward_sum": forward_sum_loss(log_soft, n_symbols, n_frames),
            "binarisation": binarisation_loss(log_soft, owner, here),
        }

    def _crop(
        self, batch: dict[str, Tensor], owner: Int64[Tensor, "b t"], here: Bool[Tensor, "b t"]
    ) -> tuple[Int64[Tensor, "b u"], Bool[Tensor, "b u"], Float[Tensor, "b u m"]]:
        """Give the piece of each sentence that is painted."""
        length = self.data.crop_frames
        if not length or length >= owner.shape[1]:
            return owner, here, batch["mel"]
        places = batch["crop_start"][:, None] + torch.arange(length, device=owner.device)
        mel = batch["mel"].gather(1, places[..., None].expand(-1, -1, batch["mel"].shape[-1]))
        return owner.gather(1, places), here.gather(1, places), mel

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Judge unseen sentences: mel by true durations and predicted prosody, and the durations."""
        assert isinstance(network, VoiceNetwork)
        self._load()
        voice = network.voice
        device = voice.head.weight.device
        found: dict[str, list[float]] = {}
        spread = torch.from_numpy(self._spread).to(device)
        styles = self._styles(voice)
        for clip in self._judges:
            batch = {k: v.to(device) for k, v in self._batch([clip], np.random.default_rng(0)).items()}
            valid = batch["symbols"] > 0
            states = voice.encode(batch["symbols"], valid)
            frames, _ = self._frames(network, states, valid, batch)
            owner, here = frame_symbols(frames, batch["mel"].shape[1])
            style = styles[clip.speaker].to(device)[None]
            prosody = voice.predict(states, style, valid)
            painted = voice.decode(states, style, prosody.pitch, prosody.energy, owner, here)
            guessed = (prosody.log_durations.exp() - 1).clamp(min=0)
            figures = {
                "mel_error_nats": float(((painted - batch["mel"]).abs() * spread).mean()),
                "duration_error_ms": float((guessed - frames).abs().mean()) * 12.5,
                "total_duration_error": float((guessed.sum() - frames.sum()).abs() / frames.sum()),
                "loss": float((painted - batch["mel"]).square().mean())
                + 0.1 * float((prosody.log_durations - torch.log1p(frames.float())).abs().mean()),
            }
            if network.aligner is not None:
                ends = (frames.cumsum(1) - batch["frames"].cumsum(1)).abs().float().mean()
                figures["alignment_error_ms"] = float(ends) * 12.5
            for name, value in figures.items():
                found.setdefault(name, []).append(value)
        return {name: float(np.mean(values)) for name, values in found.items()}

    def _styles(self, voice: AvatronVoice) -> dict[str, Tensor]:
        """Give the mean style of every speaker."""
        device = voice.head.weight.device
        by_speaker: dict[str, list[Tensor]] = {}
        for clip in self._train:
            known = by_speaker.setdefault(clip.speaker, [])
            if len(known) < _STYLE_CLIPS:
                mel = torch.from_numpy(self._normal(clip.mel[: self.data.reference_frames]))
                with torch.no_grad():
                    known.append(voice.style(mel[None].to(device))[0].cpu())
        return {speaker: torch.stack(styles).mean(0) for speaker, styles in by_speaker.items()}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write parameters, both pieces as ONNX, and what they are."""
        assert isinstance(network, VoiceNetwork)
        self._load()
        lent = self._lend_pauses(network.voice)
        numbers = "".join(f"- {name}: {value:.4g}\n" for name, value in metrics.items())
        card = f"# {self.recipe.name}\n\n{self.recipe.description}.\n\nOn unseen sentences:\n\n{numbers}"
        info = ArtifactInfo(
            name=self.recipe.name,
            kind=VOICE_KIND,
            licence=_LICENCE,
            description=self.recipe.description,
            config=asdict(self.config),
            rates_hz={"mel": float(VOICE_MEL_RATE)},
            feature=VOICE_MEL_NAME,
            feature_version=int(VOICE_MEL_VERSION),
            normaliser={
                "symbols": list(SYMBOLS),
                "styles": {name: style.tolist() for name, style in self._styles(network.voice).items()},
                "mel_mean": self._mean,
                "mel_spread": self._spread,
                "pitch_scale_hz": PITCH_SCALE_HZ,
                "lent_pauses": lent,
            },
            data_licences={clip.speaker: clip.licence for clip in self._train},
            metrics=dict(metrics),
        )
        files = {
            TEXT_FILE: text_onnx(network.voice),
            FRAMES_FILE: frames_onnx(
                network.voice, torch.from_numpy(self._mean), torch.from_numpy(self._spread)
            ),
        }
        save_artifact(folder, info, card=card, tensors=network.voice.state_dict(), files=files)

    def _lend_pauses(self, voice: AvatronVoice) -> dict[str, str]:
        """Give ends of sentences that were hardly met the state of the commonest; tell which."""
        met = np.bincount(np.concatenate([c.symbols for c in self._train]), minlength=len(SYMBOLS))
        ends = [place for place, symbol in enumerate(SYMBOLS) if symbol in SENTENCE_ENDS]
        commonest = max(ends, key=lambda place: met[place])
        rare = [place for place in ends if met[place] < min(_KNOWN_PAUSES, met[commonest])]
        with torch.no_grad():
            voice.embedding.weight[rare] = voice.embedding.weight[commonest].clone()
        return {SYMBOLS[place]: SYMBOLS[commonest] for place in rare}


def load_voice(folder: Path) -> tuple[AvatronVoice, ArtifactInfo]:
    """Load a trained voice to be used with PyTorch.

    Raises:
        ArtifactError: It is no voice, is damaged, or was trained on other symbols.
    """
    artifact = load_artifact(folder, kind=VOICE_KIND)
    table = artifact.info.normaliser.get("symbols")
    check_symbols(table if isinstance(table, list) else [], artifact.info.name)
    voice = AvatronVoice(config_from_dict(AvatronVoiceConfig, artifact.info.config, "config"))
    load_parameters(voice, artifact.tensors(), artifact.info.name)
    return voice.eval(), artifact.info


def _said(
    batch: dict[str, Tensor], owner: Int64[Tensor, "b t"], here: Bool[Tensor, "b t"], n_symbols: int
) -> tuple[Float[Tensor, "b s"], Float[Tensor, "b s"]]:
    """Give pitch and energy of each symbol: pitch over its voiced frames, energy over all."""
    voiced = (here & (batch["pitch"] > 0)).to(batch["pitch"].dtype)
    pitch = symbol_means(batch["pitch"], voiced, owner, n_symbols)
    return pitch, symbol_means(batch["energy"], here.to(pitch.dtype), owner, n_symbols)


def _mean_distance(
    one: Float[Tensor, "b s"], other: Float[Tensor, "b s"], valid: Bool[Tensor, "b s"]
) -> Float[Tensor, ""]:
    return functional.l1_loss(one * valid, other * valid, reduction="sum") / valid.sum()
