"""Train the generator: content and style to a face; and put the whole of stage two into one folder."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.artifact import ONNX, ArtifactInfo, load_artifact, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError
from visemic.core.hub import find_artifact
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.evaluation.motion_sync_input import CURVES, STEPS_PER_FRAME, mel_power, normalised_sound
from visemic.models.expressive_face import ENCODER_FILE, GENERATOR_FILE, KIND, PRIOR_FILE, TEXT_FILE
from visemic.models.motion_sync import MotionSync
from visemic.models.style_content import GENERATOR_RATE, NAME, VERSION
from visemic.models.style_generator import StyleGenerator, StyleGeneratorConfig
from visemic.rig.readout import Readouts, fit_readouts, readout_index
from visemic.rig.registry import load_rig
from visemic.training.motion_sync import critic_loss, load_motion_sync
from visemic.training.onnx_half import with_half_weights
from visemic.training.phonetic import short_card
from visemic.training.recipe import Recipe
from visemic.training.style_data import channel_statistics, hear_clips, load_style_clips
from visemic.training.style_encoder import clip_styles, load_style_encoder
from visemic.training.style_export import encoder_onnx, generator_onnx
from visemic.training.style_prior import KIND as PRIOR_KIND

TASK = "style-generator"
LICENCE = "Apache-2.0"
_WORTH_MM = (3.0, 2.5, 1.5, 3.0)
"""What a millimetre of each of ``CURVES`` is worth: about a third of its range."""
_FLOOR = 0.05
"""A channel that moves less is not blown up."""
_BY_CHANCE = ("eyeBlink", "eyeLook", "head", "leftEye", "rightEye")
"""Channels that no sound tells: they count less."""
_CHANCE_WORTH = 0.3


@dataclass(frozen=True)
class StyleGeneratorData:
    """What is trained on."""

    crop: int = 100
    """Frames of an example."""
    phonetic: str = "phonetic"
    """The encoder that hears what is said: one that ships, or a folder."""
    borrowed: float = 0.5
    """Share of examples whose style is of another clip of the same manner: a style tells no words."""
    style_noise: float = 0.1
    """Noise on styles, in their length."""
    critic: str = "motion-sync"
    """The frozen critic, where ``--data critic=FOLDER`` gives none."""
    critic_clips: int = 8
    """Examples of a batch that the critic hears."""
    validation_clips: int = 200


@dataclass(frozen=True)
class StyleGeneratorLoss:
    """Factors of the terms."""

    reconstruction: float = 1.0
    velocity: float = 0.5
    lips: float = 0.25
    """Read-outs of the mouth in millimetres."""
    contact: float = 1.0
    silence: float = 0.1
    critic: float = 0.03
    """0 for none."""
    critic_from: int = 1_500
    """Step at which reconstruction has converged and the critic is heard."""


class _Counted(StyleGenerator):
    """The generator, and how many steps it has made."""

    steps: Tensor

    def __init__(self, config: StyleGeneratorConfig) -> None:
        super().__init__(config)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


class StyleGeneratorTask:
    """Content and style to motion.

    Data: ``expressive`` a store of emotional clips with sound, ``encoder`` and ``prior`` the folders of
    the two trainings before, ``critic`` (optional) the folder of a motion-space sync network.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        self.name, self.description = recipe.name, recipe.description
        self.data = config_from_dict(StyleGeneratorData, recipe.data, "data")
        self.scales = config_from_dict(StyleGeneratorLoss, recipe.loss, "loss")
        for name in ("expressive", "encoder", "prior"):
            if name not in data_paths:
                raise ArtifactError(f"the {TASK} recipe needs data {name!r}; give --data {name}=PATH")
        self.prior = load_artifact(Path(data_paths["prior"]), kind=PRIOR_KIND)
        self.encoder = load_style_encoder(Path(data_paths["encoder"]))
        self._critic_name = str(data_paths.get("critic", self.data.critic))
        self._critic: MotionSync | None = None
        self.clips = load_style_clips(Path(data_paths["expressive"]))
        self.phonetic = find_artifact(self.data.phonetic)
        self.heard = hear_clips(self.clips, self.phonetic)
        self.styles = clip_styles(self.encoder, self.clips, range(len(self.clips.rows)))
        self._train = [n for n in self.clips.need("train") if n in self.heard.known]
        self._like: dict[tuple[str, str, float], list[int]] = {}
        for number in self._train:
            self._like.setdefault(self.clips.rows[number].manner, []).append(number)
        self._mel: dict[int, np.ndarray] = {}
        self.slopes_mm, self.rest_mm = curve_slopes(fit_readouts(load_rig("visemic")))
        config = config_from_dict(StyleGeneratorConfig, recipe.model, "model")
        self.config = replace(config, n_content=self.heard.content.shape[1], style=self.styles.shape[1])
        _, spread = channel_statistics(self.clips, self._train, _FLOOR)
        worth = [_CHANCE_WORTH if name.startswith(_BY_CHANCE) else 1.0 for name in ARKIT_61.names]
        self._scale = (np.array(worth) / spread).astype(np.float32)

    def network(self) -> nn.Module:
        """Give a fresh generator that rests at the mean face."""
        network = _Counted(self.config)
        mean, spread = channel_statistics(self.clips, self._train)
        network.mean.copy_(torch.from_numpy(mean))
        network.spread.copy_(torch.from_numpy(spread))
        with torch.no_grad():
            network.leave.weight.mul_(0.1)
            network.leave.bias.zero_()
        return network

    def n_examples(self) -> int:
        """Give the number of training clips with sound."""
        return len(self._train)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Give crops of clips, with a style of the same manner."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        n, crop, data = len(indices), self.data.crop, self.data
        rows = [self._train[index] for index in indices]
        motion = np.zeros((n, crop, len(ARKIT_61)), np.float32)
        content = np.zeros((n, crop, self.config.n_content), np.float32)
        valid, sealed, silent = (np.zeros((n, crop), bool) for _ in range(3))
        style = np.zeros((n, 1, self.config.style), np.float32)
        sounds: list[tuple[int, np.ndarray]] = []
        for place, number in enumerate(rows):
            row = self.clips.rows[number]
            kept = min(crop, row.frames)
            start = int(rng.integers(row.frames - kept + 1))
            span = slice(row.first + start, row.first + start + kept)
            motion[place, :kept] = self.clips.motion[span]
            content[place, :kept] = self.heard.content[span]
            valid[place, :kept] = True
            sealed[place, :kept], silent[place, :kept] = self.heard.sealed[span], self.heard.silent[span]
            alike = self._like[row.manner]
            lender = alike[int(rng.integers(len(alike)))] if rng.random() < data.borrowed else number
            style[place, 0] = self.styles[lender]
            if self.scales.critic and kept == crop and len(sounds) < data.critic_clips:
                sounds.append((place, self._sound(number, start, kept)))
        style += rng.normal(size=style.shape) * data.style_noise / np.sqrt(style.shape[-1])
        arrays = {
            "motion": motion, "content": content, "valid": valid, "sealed": sealed, "silent": silent,
            "style": style,
        }  # fmt: skip
        if sounds:
            arrays["judged"] = np.array([place for place, _ in sounds])
            arrays["sound"] = np.stack([sound for _, sound in sounds])
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def _sound(self, number: int, start: int, frames: int) -> Float32[np.ndarray, "steps bands"]:
        if number not in self._mel:
            waveform = self.clips.store[self.clips.rows[number].number].waveform
            assert waveform is not None
            self._mel[number] = mel_power(waveform, self.clips.rows[number].frames)
        steps = slice(start * STEPS_PER_FRAME, (start + frames) * STEPS_PER_FRAME)
        return normalised_sound(self._mel[number][steps])

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give all terms and their sum."""
        assert isinstance(network, _Counted)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not batch["content"].is_cuda):
            found = network(batch["content"], batch["style"])
        terms = self.terms(found.float(), batch)
        is_judged = self.scales.critic and int(network.steps) >= self.scales.critic_from
        if network.training:
            network.steps += 1
        terms["critic"] = self._judged(found.float(), batch) if is_judged else found.new_zeros(())
        total = sum(getattr(self.scales, name) * term for name, term in terms.items())
        assert isinstance(total, Tensor)
        return {"loss": total, **terms}

    def terms(self, found: Float[Tensor, "b f m"], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give the terms of a motion but the critic's."""
        device = found.device
        wanted, there = batch["motion"], batch["valid"][..., None].float()
        scale = torch.from_numpy(self._scale).to(device)
        slopes, rest = torch.from_numpy(self.slopes_mm).to(device), torch.from_numpy(self.rest_mm).to(device)
        error = (found - wanted) * scale
        change = error[:, 1:] - error[:, :-1]
        mm, wanted_mm = found @ slopes + rest, wanted @ slopes + rest
        worth = torch.tensor(_WORTH_MM, device=device)
        sealed = (batch["sealed"] & batch["valid"])[..., None].float()
        silent = (batch["silent"] & batch["valid"])[..., None].float()
        mouth = torch.tensor(ARKIT_61.indices(MOUTH_33.names), device=device)
        return {
            "reconstruction": _mean(error**2, there),
            "velocity": _mean(change**2, there[:, 1:]) * 4,
            "lips": _mean(((mm - wanted_mm) / worth) ** 2, there),
            "contact": _mean(functional.relu((mm[..., :1] - 0.3) / worth[0]) ** 2, sealed),
            "silence": _mean(error[..., mouth] ** 2, silent),
        }

    def _judged(self, found: Float[Tensor, "b f m"], batch: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        if "judged" not in batch:
            return found.new_zeros(())
        if self._critic is None:
            self._critic = load_motion_sync(self._critic_name).requires_grad_(False)
        critic = self._critic.to(found.device)
        slopes = torch.from_numpy(self.slopes_mm).to(found.device)
        mm = found[batch["judged"]].clamp(0, 1) @ slopes + torch.from_numpy(self.rest_mm).to(found.device)
        return critic_loss(critic, batch["sound"], mm)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the terms on unseen clips and how well lips and brows follow."""
        assert isinstance(network, _Counted)
        rows = [n for n in self.clips.of("validation") if n in self.heard.known] or self._train
        rows = rows[:: max(1, len(rows) // self.data.validation_clips)][: self.data.validation_clips]
        slopes, totals, pairs = self.slopes_mm, [], []
        for number in rows:
            found = self.rendered(network, number, self.styles[number])
            span = self.clips.rows[number].span
            batch = {
                "motion": torch.from_numpy(self.clips.motion[span])[None],
                "valid": torch.ones(1, len(found), dtype=torch.bool),
                "sealed": torch.from_numpy(self.heard.sealed[span])[None],
                "silent": torch.from_numpy(self.heard.silent[span])[None],
            }
            terms = self.terms(torch.from_numpy(found)[None], batch)
            totals.append([float(term) for term in terms.values()])
            pairs.append((found @ slopes, self.clips.motion[span] @ slopes))
        means = dict(zip(terms, np.mean(totals, axis=0).tolist(), strict=True))
        metrics = {"loss": sum(getattr(self.scales, name) * value for name, value in means.items()), **means}
        ours, theirs = (np.concatenate(side) for side in zip(*pairs, strict=True))
        for column, name in enumerate(CURVES):
            if ours[:, column].std() > 1e-6 and theirs[:, column].std() > 1e-6:
                metrics[f"r_{name}"] = float(np.corrcoef(ours[:, column], theirs[:, column])[0, 1])
        return metrics

    def rendered(
        self, network: StyleGenerator, number: int, style: Float32[np.ndarray, " style"]
    ) -> Float32[np.ndarray, "frames channels"]:
        """Give the motion of one clip's content in a style."""
        device = network.mean.device
        content = torch.from_numpy(self.heard.content[self.clips.rows[number].span].astype(np.float32))
        with torch.no_grad():
            found = network(content[None].to(device), torch.from_numpy(style)[None, None].to(device))
        values: np.ndarray = found[0].float().cpu().numpy()
        return values

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write words, prior, generator and encoder as one model."""
        assert isinstance(network, _Counted)
        plain = StyleGenerator(self.config)
        plain.load_state_dict({k: v for k, v in network.state_dict().items() if k != "steps"})
        calm = [n for n in self._train if self.clips.rows[n].emotion == "neutral"] or self._train
        # The mean of many styles is nobody's; the clip nearest to it is somebody's.
        neutral = self.styles[calm[int(np.argmax(self.styles[calm] @ self.styles[calm].mean(axis=0)))]]
        info = ArtifactInfo(
            name=self.name,
            kind=KIND,
            licence=LICENCE,
            description=self.description,
            config={
                **self.prior.info.config,
                "generator": asdict(self.config),
                "encoder": asdict(self.encoder.config),
            },
            layout=ARKIT_61.name,
            channels=ARKIT_61.names,
            rates_hz={"motion": float(GENERATOR_RATE)},
            feature=NAME,
            feature_version=VERSION,
            normaliser={
                **self.prior.info.normaliser,
                "neutral_style": [round(float(value), 6) for value in neutral],
                "reach_frames": self.config.reach_frames,
                "phonetic": self.data.phonetic,
                "phonetic_sha256": self.phonetic.sha256[ONNX],
            },
            data_licences={**self.phonetic.info.data_licences, **self.clips.licences},
            metrics={**{f"prior_{k}": v for k, v in self.prior.info.metrics.items()}, **metrics},
            n_parameters=self.prior.info.n_parameters + sum(p.numel() for p in network.parameters())
            + sum(p.numel() for p in self.encoder.parameters()),
        )  # fmt: skip
        files = {
            TEXT_FILE: self.prior.file(TEXT_FILE).read_bytes(),
            PRIOR_FILE: self.prior.file(PRIOR_FILE).read_bytes(),
            GENERATOR_FILE: with_half_weights(generator_onnx(plain)),
            ENCODER_FILE: with_half_weights(encoder_onnx(self.encoder)),
        }
        save_artifact(folder, info, card=short_card(self.name, self.description, metrics), files=files)


def curve_slopes(
    readouts: Readouts,
) -> tuple[Float32[np.ndarray, "channels curves"], Float32[np.ndarray, " curves"]]:
    """Give ``CURVES`` of the sync network as linear functions of ``ARKIT_61``: slopes and rest, mm."""
    slopes = np.zeros((len(ARKIT_61), len(CURVES)), np.float32)
    rest = np.zeros(len(CURVES), np.float32)
    names = [name for name in ARKIT_61 if name in readouts.layout]
    rows, theirs = ARKIT_61.indices(names), readouts.layout.indices(names)
    for column, name in enumerate(CURVES):
        parts = ("upper_lip_protrusion", "lower_lip_protrusion") if name == "lip_protrusion" else (name,)
        at = [readout_index(part) for part in parts]
        slopes[rows, column] = readouts.slopes_mm[np.ix_(theirs, at)].mean(axis=1)
        rest[column] = readouts.rest_mm[at].mean()
    return slopes, rest


def _mean(values: Float[Tensor, "b f k"], valid: Float[Tensor, "b f 1"]) -> Float[Tensor, ""]:
    """Give the mean over valid frames and all columns; 0 where nothing is valid."""
    return (values * valid).sum() / (valid.sum() * values.shape[-1]).clamp(min=1.0)
