"""Train Avatron's face on a frozen voice, with critics or without."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from visemic.core.artifact import ArtifactInfo, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError
from visemic.models.avatron import AvatronVoice
from visemic.models.avatron_avatar import AvatronAvatar, AvatronAvatarConfig, closure_loss
from visemic.models.avatron_discriminator import (
    CriticConfig,
    MotionCode,
    MotionCritics,
    critic_loss,
    feature_loss,
    fit_motion_code,
    generator_loss,
    gradient_penalty,
)
from visemic.models.avatron_speech import FACE_FILE, FRAMES_FILE, KIND, TEXT_FILE
from visemic.training.avatron import load_voice
from visemic.training.avatron_data import padded
from visemic.training.avatron_export import face_onnx, frames_onnx, text_onnx
from visemic.training.avatron_face_data import (
    FaceClip,
    FaceCorpus,
    FaceDataConfig,
    Regions,
    face_regions,
    open_corpus,
    sampled_motion,
)
from visemic.training.recipe import Recipe

_FITTED_FRAMES = 4_000
"""Frames on which the critics' basis and the unit of movement are fitted."""


_STILL = 1e-3
"""What moves less than this, in units of the spread, is not judged for its liveliness."""
_JUDGED = ("adversarial", "features", "real_verdict", "made_verdict")
"""Parts that are 0 until the critics take part."""


@dataclass(frozen=True)
class FaceLossConfig:
    """Scales of the parts, on movement in units of its spread."""

    reconstruction: float = 45.0
    velocity: float = 10.0
    lips: float = 10.0
    closure: float = 5.0
    measures: float = 0.0
    """Lip gap, width, protrusion and teeth gap on the head, each in units of its spread; needs channels."""
    gan: bool = True
    """False trains without critics: the ablation, and what the released code does."""
    adversarial: float = 1.0
    features: float = 2.0
    adversarial_from_step: int = 0
    """Step from which the critics take part; before, movement is only reconstructed."""
    crop_frames: int = 96
    """Length of the pieces that the critics see."""
    gradient_penalty: float = 0.0
    """Scale of R1, on a sixteenth of the steps."""
    is_half: bool = False
    """Compute in bfloat16 on a CPU."""
    critic: CriticConfig = CriticConfig()  # noqa: RUF009, the class is frozen


class FaceNetwork(nn.Module):
    """The avatar and its critics."""

    n_steps: Tensor

    def __init__(self, avatar: AvatronAvatar, critics: MotionCritics | None) -> None:
        super().__init__()
        self.avatar = avatar
        self.critics = critics
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))


class AvatronFaceTask:
    """Text embedding to movement, adversarially.

    Data: the stores that the recipe names, and ``voice``, the artefact of an ``avatron-voice``.

    Source:
        The Avatron page names adversarial training of the avatar and its gain in expression; the
        released code holds reconstruction only.

    Deviation:
        Critics, their input and all scales are ours, see docs/avatron.md; the closure loss is an
        addition.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the settings; nothing is loaded yet.

        Raises:
            InputError: A setting is unknown.
            ArtifactError: No voice was given.
        """
        self.recipe = recipe
        self.data = config_from_dict(FaceDataConfig, recipe.data, "data")
        self.scales = config_from_dict(FaceLossConfig, recipe.loss, "loss")
        if "voice" not in data_paths:
            raise ArtifactError(
                "the recipe of a face needs data 'voice'; give --data voice=FOLDER of a voice"
            )
        self._paths = {name: Path(path) for name, path in data_paths.items()}
        self._corpus: FaceCorpus | None = None
        self._scale = 1.0
        self._voice: tuple[AvatronVoice, ArtifactInfo] | None = None

    @property
    def corpus(self) -> FaceCorpus:
        """The opened stores."""
        if self._corpus is None:
            self._voice = load_voice(self._paths["voice"])
            corpus = open_corpus(self.data, self._paths, self._voice[0])
            self._sample = sampled_motion(corpus, corpus.train, _FITTED_FRAMES)
            self._scale = float(max(self._sample.std(), 1e-9))
            self._regions = face_regions(corpus)
            self._measures = _measures(self._regions, self._sample, self._scale)
            if self._regions.gap_mm is None and self.scales.closure > 0:
                raise InputError(
                    f"loss.closure is {self.scales.closure:g} and no lips are named; set data.lip_vertices "
                    "or loss.closure to 0"
                )
            self._corpus = corpus
        return self._corpus

    @property
    def regions(self) -> Regions:
        """Lips, upper face and the lips' gap."""
        assert self.corpus
        return self._regions

    def config(self) -> AvatronAvatarConfig:
        """Give the sizes of the face; what the data decide is filled in."""
        corpus = self.corpus
        assert self._voice is not None
        decided = {
            "n_outputs": corpus.n_outputs,
            "state_channels": self._voice[0].config.channels,
            "n_styles": max(1, len(self.data.styles)),
            "period": round(float(corpus.rate)),
        }
        for name in decided:
            if name in self.recipe.model:
                raise InputError(f"key model.{name} is decided by the data; leave it out of the recipe")
        return config_from_dict(AvatronAvatarConfig, {**self.recipe.model, **decided}, "model")

    def network(self) -> FaceNetwork:
        """Give a fresh face, with critics unless they are ablated."""
        config = self.config()
        critics = None
        if self.scales.gan:
            sizes = asdict(self.scales.critic) | {"state_channels": config.state_channels}
            critics = MotionCritics(config_from_dict(CriticConfig, sizes, "loss.critic"), self._codes())
        return FaceNetwork(AvatronAvatar(config), critics)

    def _codes(self) -> dict[str, MotionCode]:
        sample, sizes = self._sample / self._scale, self.scales.critic
        codes = {"face": fit_motion_code(sample, sizes.codes)}
        for name, columns in (("lips", self.regions.lips), ("upper", self.regions.upper)):
            if sizes.regions and len(columns) and sample[:, columns].std() > 1e-6:
                codes[name] = fit_motion_code(sample, sizes.region_codes, columns)
        return codes

    def n_examples(self) -> int:
        """Give the number of clips."""
        return len(self.corpus.train)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Give whole clips, and where the critics look."""
        corpus = self.corpus
        clips = [corpus.train[index] for index in indices]
        batch = self._batch(clips)
        length = min(self.scales.crop_frames, min(clip.n_frames for clip in clips))
        starts = [int(torch.randint(c.n_frames - length + 1, (1,), generator=generator)) for c in clips]
        batch["crop"] = torch.tensor(starts)[:, None] + torch.arange(length)
        return batch

    def _batch(self, clips: Sequence[FaceClip]) -> dict[str, Tensor]:
        return {
            "states": padded([clip.states for clip in clips], np.float32),
            "classes": padded([clip.classes for clip in clips], np.int64),
            "style": torch.from_numpy(np.stack([clip.style for clip in clips])),
            "before": padded([clip.before for clip in clips], np.int64),
            "after": padded([clip.after for clip in clips], np.int64),
            "share": padded([clip.share for clip in clips], np.float32),
            "closed": padded([clip.closed for clip in clips], np.float32),
            "n_frames": torch.tensor([clip.n_frames for clip in clips]),
            "motion": padded([self.corpus.motion(clip) / self._scale for clip in clips], np.float32),
        }

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give all parts; those of the critics are 0 until they take part."""
        assert isinstance(network, FaceNetwork)
        scales = self.scales
        is_half = scales.is_half and not batch["motion"].is_cuda
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half):
            made = _moved(network.avatar, batch).float()
        parts = self._reconstruction(made, batch)
        total = (
            scales.reconstruction * parts["reconstruction"]
            + scales.velocity * parts["velocity"]
            + scales.lips * parts["lips"]
            + scales.closure * parts["closure"]
            + scales.measures * parts["measures"]
        )
        if network.critics is None:
            return {"loss": total, **parts}
        takes_part = bool(network.n_steps >= scales.adversarial_from_step)
        if network.training:
            network.n_steps += 1
        if not takes_part:
            nothing = torch.stack([(p * 0.0).sum() for p in network.critics.parameters()]).sum()
            return {"loss": total, "critic": nothing, **parts, **dict.fromkeys(_JUDGED, made.new_zeros(()))}
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half):
            judged = self._judged(network.critics, made, batch, generator)
        total = total + scales.adversarial * judged["adversarial"] + scales.features * judged["features"]
        critic = judged.pop("told")
        return {"loss": total, "critic": critic, **parts, **judged}

    def _reconstruction(self, made: Float[Tensor, "b f n"], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        target = batch["motion"]
        length = target.shape[1]
        here = (torch.arange(length, device=made.device) < batch["n_frames"][:, None]).to(made.dtype)
        square = (made - target).square()
        change = ((made - target)[:, 1:] - (made - target)[:, :-1]).square().mean(-1)
        lips = torch.from_numpy(self.regions.lips).to(made.device)
        parts = {
            "reconstruction": (square.mean(-1) * here).sum() / here.sum(),
            "velocity": (change * here[:, 1:]).sum() / here[:, 1:].sum().clamp(min=1),
            "lips": (square[..., lips].mean(-1) * here).sum() / here.sum(),
            "closure": made.new_zeros(()),
            "measures": made.new_zeros(()),
        }
        if self.regions.gap_mm is not None:
            slopes = torch.from_numpy(self.regions.gap_mm * np.float32(self._scale)).to(made.device)
            parts["closure"] = closure_loss(made, target, slopes, batch["closed"] * here)
        if self._measures is not None:
            amiss = ((made - target) @ torch.from_numpy(self._measures).to(made.device)).square().mean(-1)
            parts["measures"] = (amiss * here).sum() / here.sum()
        return parts

    def _judged(
        self,
        critics: MotionCritics,
        made: Float[Tensor, "b f n"],
        batch: dict[str, Tensor],
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Let the critics see pieces of recorded and of made movement."""
        crop = batch["crop"]
        clip = torch.arange(len(crop), device=crop.device)[:, None]
        owner = batch["before"][clip, crop]
        states = batch["states"][clip, owner]
        recorded = batch["motion"][clip, crop]
        piece = made[clip, crop]
        penalises = self.scales.gradient_penalty > 0
        if penalises:
            recorded = recorded.detach().requires_grad_()
        real = critics(recorded, states)
        told = critic_loss(real, critics(piece.detach(), states))
        if critics.sync is not None:
            late = torch.randint(6, 30, (1,), generator=generator, device=generator.device)
            wrong = critics(batch["motion"][clip, crop], states.roll(int(late), 1))["sync"]
            told = told + wrong[-1].square().mean() / len(real)
        if penalises:
            drawn = torch.rand((), generator=generator, device=generator.device)
            share = 16.0 * float(drawn < 1 / 16)
            told = told + share * self.scales.gradient_penalty / 2 * gradient_penalty(real, recorded)
        fooled = critics(piece, states)
        return {
            "told": told,
            "adversarial": generator_loss(fooled),
            "features": feature_loss(real, fooled),
            "real_verdict": _mean_verdict(real),
            "made_verdict": _mean_verdict(fooled),
        }

    def optimisers(self, network: nn.Module) -> list[tuple[Iterable[nn.Parameter], str]]:
        """Give avatar and critics their own."""
        assert isinstance(network, FaceNetwork)
        groups: list[tuple[Iterable[nn.Parameter], str]] = [(network.avatar.parameters(), "loss")]
        if network.critics is not None:
            groups.append((network.critics.parameters(), "critic"))
        return groups

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Judge unseen clips: error, change, closure, and how lively lips and upper face are."""
        assert isinstance(network, FaceNetwork)
        device = network.n_steps.device
        found: dict[str, list[float]] = {}
        for clip in self.corpus.judges:
            batch = {name: value.to(device) for name, value in self._batch([clip]).items()}
            made = _moved(network.avatar, batch)
            parts = self._reconstruction(made, batch)
            figures = {
                "loss": float(parts["reconstruction"]),
                "velocity": float(parts["velocity"]),
                "closure_error_mm": float(parts["closure"]) ** 0.5,
                "measures": float(parts["measures"]),
            }
            for name, columns in (("lips", self.regions.lips), ("upper", self.regions.upper)):
                if len(columns):
                    spread = [x[0].cpu()[:, columns].std(0).mean() for x in (made, batch["motion"])]
                    if spread[1] > _STILL:
                        figures[f"{name}_liveliness"] = float(spread[0] / spread[1])
            for name, value in figures.items():
                found.setdefault(name, []).append(value)
        return {name: float(np.mean(values)) for name, values in found.items()}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write voice and face as three ONNX pieces, their parameters, and what they are."""
        assert isinstance(network, FaceNetwork)
        corpus = self.corpus
        assert self._voice is not None
        voice, told = self._voice
        numbers = "".join(f"- {name}: {value:.4g}\n" for name, value in metrics.items())
        layout = corpus.layout
        info = ArtifactInfo(
            name=self.recipe.name,
            kind=KIND,
            licence=told.licence,
            description=self.recipe.description,
            config=asdict(network.avatar.config),
            layout=layout.name if layout else "",
            channels=layout.names if layout else (),
            rates_hz={**told.rates_hz, "motion": float(corpus.rate)},
            feature=told.feature,
            feature_version=told.feature_version,
            normaliser={
                **told.normaliser,
                "face_styles": list(self.data.styles) or ["default"],
                "manner": self.data.manner,
                "motion_scale": self._scale,
                "voice_config": told.config,
            },
            data_licences={**told.data_licences, **corpus.licences},
            metrics=dict(metrics),
        )
        mean, spread = (
            torch.tensor(told.normaliser[name], dtype=torch.float32) for name in ("mel_mean", "mel_spread")
        )
        files = {
            TEXT_FILE: text_onnx(voice),
            FRAMES_FILE: frames_onnx(voice, mean, spread),
            FACE_FILE: face_onnx(network.avatar, self._scale),
        }
        tensors = {
            f"{part}.{name}": value
            for part, module in (("voice", voice), ("avatar", network.avatar))
            for name, value in module.state_dict().items()
        }
        card = f"# {self.recipe.name}\n\n{self.recipe.description}.\n\nOn unseen clips:\n\n{numbers}"
        save_artifact(folder, info, card=card, tensors=tensors, files=files)


def _measures(
    regions: Regions, sample: Float32[np.ndarray, "frames outputs"], scale: float
) -> Float32[np.ndarray, "outputs measures"] | None:
    """Give what a unit of each output changes of the measures, in units of their spread."""
    if regions.measures_mm is None:
        return None
    spread_mm = (sample @ regions.measures_mm).std(0)
    made: Float32[np.ndarray, "outputs measures"] = regions.measures_mm * np.float32(scale)
    return made / np.maximum(spread_mm, np.float32(0.1))


def _moved(avatar: AvatronAvatar, batch: dict[str, Tensor]) -> Float[Tensor, "b f n"]:
    moved: Tensor = avatar(
        *(batch[n] for n in ("states", "classes", "style", "before", "after", "share", "n_frames"))
    )
    return moved


def _mean_verdict(judged: dict[str, list[Tensor]]) -> Float[Tensor, ""]:
    return torch.stack([features[-1].mean() for features in judged.values()]).mean().detach()
