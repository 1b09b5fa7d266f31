"""Train the mouth on top of the phonetic trunk: rules teach the shapes, recordings the timing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import nn
from torch.nn import functional

from visemic.core.artifact import ArtifactInfo, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.features.speech_mel import MEL_RATE
from visemic.features.speech_mel import NAME as MEL_NAME
from visemic.features.speech_mel import VERSION as MEL_VERSION
from visemic.models.trunk_mouth import TrunkMouth, TrunkMouthConfig
from visemic.motion.heard_contacts import HeardTiming
from visemic.motion.mouth import reference_mouth
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import load_rig
from visemic.text.phone_posterior import PHONES, STEP_RATE
from visemic.text.visemes import BILABIALS
from visemic.training.mel_variation import leveled, noise, vary
from visemic.training.mouth_data import MEASURES, UNKNOWN_PHONE, MouthTakes, speaker_affine
from visemic.training.phonetic import SILENT_SCALE, data_licences, short_card, spread_of_crops
from visemic.training.recipe import Recipe
from visemic.training.speech_data import SpeechTakes
from visemic.training.step_export import step_onnx

KIND = "trunk-mouth"
LICENCE = "Apache-2.0"
GAIN = 1.25
"""Least squares give the mean of what a mouth may do, which moves less: by the validation clips of GRID
the gap kept 0.82 of its spread and the jaw 0.90, and people never heard keep less."""
UNKNOWN = -100
_NOISE_NATS = (-17.0, -6.0)
"""Level of such noise: from a quiet room to a loud street."""
_SPREAD_CLIPS, _SPREAD_STEPS = 400, 200_000
_MEASURE_SCALE_MM = (3.0, 2.5, 1.5, 3.0)
"""What a millimetre of each measure is worth: about a third of its range."""
_RECORDED_TRUST = (1.0, 1.0, 0.3, 1.0)
"""How far each recorded measure is believed: one camera guesses depth."""
_BILABIAL = tuple(PHONES.index(p) for p in sorted(BILABIALS))


@dataclass(frozen=True)
class MouthDataConfig:
    """What is trained on."""

    crop_s: float = 4.0
    shares: tuple[str, ...] = ()
    """``source=share`` of the crops of speech, as in the phonetic recipe."""
    recorded_share: float = 0.4
    """Share of crops with a recorded mouth instead of the rules'."""
    recorded_from: tuple[str, ...] = ()
    """``speaker=share`` of the recorded crops; empty shares by length."""
    noise_share: float = 0.08
    """Share of crops of speech in which there is noise only: the mouth has to rest."""
    label_smoothing: float = 0.05


@dataclass(frozen=True)
class MouthLossConfig:
    """Factors of the terms."""

    shapes: float = 1.0
    velocity: float = 0.5
    lips: float = 0.08
    """Read-outs of the rules' mouth on the head: how far and how wide is learnt from recordings."""
    recorded: float = 1.0
    """Read-outs of recorded mouths."""
    recorded_elsewhere: float = 0.5
    """The lip gap of recorded mouths on the reference head, whose shapes differ."""
    recorded_velocity: float = 0.5
    contact: float = 0.5
    """Lips that stay open in P, B and M, by the rules' mouth."""
    silence: float = 0.2
    crossing: float = 0.2
    """Weights outside 0 to 1, and lips that cross."""
    phones: float = 0.6
    """Cross-entropy that keeps the trunk a recogniser."""


class TrunkMouthTask:
    """Speech to 33 shapes.

    Data ``speech`` and ``mouths`` are folders of ``recipes/speech_takes.py`` and
    ``recipes/mouth_takes.py``; ``phonetic`` is the trained trunk's folder. Crops with a recorded
    mouth are taught in millimetres on the head, scaled speaker by speaker; the others by the rules.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        self.name, self.description = recipe.name, recipe.description
        self.config = config_from_dict(TrunkMouthConfig, recipe.model, "model")
        self.data = config_from_dict(MouthDataConfig, recipe.data, "data")
        self.scales = config_from_dict(MouthLossConfig, recipe.loss, "loss")
        for name in ("speech", "mouths", "phonetic"):
            if name not in data_paths:
                raise ArtifactError(f"the trunk-mouth recipe needs data {name!r}; give --data {name}=FOLDER")
        self.speech = SpeechTakes(Path(data_paths["speech"]))
        self.mouths = MouthTakes(Path(data_paths["mouths"]))
        self.phonetic = Path(data_paths["phonetic"])
        self._crop = round(self.data.crop_s * 50)
        self._spoken = spread_of_crops(self.speech.rows, self._crop, self.data.shares, "source")
        self._recorded = spread_of_crops(self.mouths.rows, self._crop, self.data.recorded_from, "speaker")
        readouts = fit_readouts(load_rig("visemic"))
        columns = [readout_index(name) for name in MEASURES]
        rows = [readouts.layout.index(name) for name in MOUTH_33.names]
        self.slopes_mm = readouts.slopes_mm[np.ix_(rows, columns)].astype(np.float32)
        self.rest_mm = readouts.rest_mm[columns].astype(np.float32)
        other = reference_mouth()
        columns_61 = ARKIT_61.indices(MOUTH_33.names)
        self._other_slopes_mm = other.slopes_mm["lip_gap"][columns_61].astype(np.float32)
        self._other_rest_mm = float(other.rest_mm["lip_gap"])
        self._affine = self._affines()
        spread = np.asarray(self.speech.mouth[:_SPREAD_STEPS], np.float64).std(axis=0)
        self._shape_scale = _shape_scales(spread)
        slopes = np.column_stack([self.slopes_mm, self._other_slopes_mm])
        self._unmeasured = unmeasured(slopes, spread)

    def network(self) -> nn.Module:
        """Give the trained trunk with a fresh head."""
        from safetensors.torch import load_file

        network = TrunkMouth(self.config)
        path = self.phonetic / "model.safetensors"
        if not path.exists():
            raise ArtifactError(
                f"there is no trained trunk at {str(path)!r}; train recipes/phonetic.toml first"
            )
        network.trunk.load_state_dict(load_file(path))
        with torch.no_grad():  # a closed mouth at rest to start from
            network.leave.weight.mul_(0.05)
            network.leave.bias.zero_()
        return network

    def n_examples(self) -> int:
        """Give the number of crops of an epoch."""
        return len(self._spoken)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give crops of both kinds: ``is_recorded`` says which."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        n, crop = len(indices), self._crop
        mel = np.zeros((n, 2 * crop, self.config.trunk.n_mels), np.float32)
        phones = np.full((n, crop), UNKNOWN, np.int64)
        shapes = np.zeros((n, crop, len(MOUTH_33)), np.float32)
        measures = np.zeros((n, crop, len(MEASURES)), np.float32)
        valid = np.zeros((n, crop), bool)
        recorded = np.zeros(n, bool)
        for place, index in enumerate(indices):
            recorded[place] = rng.random() < self.data.recorded_share
            takes = self.mouths if recorded[place] else self.speech
            order = self._recorded if recorded[place] else self._spoken
            row = takes.rows[
                order[index % len(order)] if not recorded[place] else order[int(rng.integers(len(order)))]
            ]
            length = min(crop, row["steps"])
            first = row["first"] + int(rng.integers(0, row["steps"] - length + 1))
            span = slice(first, first + length)
            part = vary(np.asarray(takes.log_mel[2 * first : 2 * (first + length)], np.float32), rng)
            if not recorded[place] and rng.random() < self.data.noise_share:
                part = noise(2 * length, float(rng.uniform(*_NOISE_NATS)), rng)
                valid[place, :length], phones[place, :length] = True, 0  # nobody speaks, the mouth rests
                mel[place, : 2 * length] = leveled(part, rng)
                continue
            mel[place, : 2 * length] = leveled(part, rng)
            valid[place, :length] = True
            known = np.asarray(takes.phones[span]).astype(np.int64)
            phones[place, :length] = np.where(known == UNKNOWN_PHONE, UNKNOWN, known)
            if isinstance(takes, MouthTakes):
                factor, shift = self._affine[row["speaker"]]
                measures[place, :length] = takes.measures_mm[span] * factor + shift
            else:
                shapes[place, :length] = takes.mouth[span]
        arrays = {
            "mel": mel, "phones": phones, "shapes": shapes, "measures": measures, "valid": valid,
            "recorded": recorded,
        }  # fmt: skip
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Give all terms and their sum."""
        assert isinstance(network, TrunkMouth)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not batch["mel"].is_cuda):
            logits, shapes = network.whole(batch["mel"])
        return self.terms(logits.float(), shapes.float(), batch)

    def terms(
        self,
        logits: Float[torch.Tensor, "b t p"],
        shapes: Float[torch.Tensor, "b t w"],
        batch: Mapping[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        """Give the terms of the loss for outputs of the network."""
        device = shapes.device
        taught = (batch["valid"] & ~batch["recorded"][:, None])[..., None].float()
        shown = (batch["valid"] & batch["recorded"][:, None])[..., None].float()
        slopes, rest = torch.from_numpy(self.slopes_mm).to(device), torch.from_numpy(self.rest_mm).to(device)
        worth = torch.tensor(_MEASURE_SCALE_MM, device=device)
        trust = torch.tensor(_RECORDED_TRUST, device=device)
        mm, taught_mm = shapes @ slopes + rest, batch["shapes"] @ slopes + rest
        channel = torch.from_numpy(self._shape_scale).to(device)
        # Another head closes its lips by other weights: the lips are to part alike on both.
        other = torch.from_numpy(self._other_slopes_mm).to(device)
        elsewhere_mm = (shapes @ other)[..., None] + self._other_rest_mm
        # Which shapes make a mouth is the rules' affair, how far it opens is not: their error
        # counts only where no measure changes with it.
        beside = (shapes - batch["shapes"]) @ torch.from_numpy(self._unmeasured).to(device)
        terms = {
            "shapes": _mean(beside**2 * channel, taught),
            "velocity": _mean(_change(beside) ** 2 * channel, taught[:, 1:]) * 4,
            "lips": _mean(((mm - taught_mm) / worth) ** 2, taught),
            "recorded": _mean(((mm - batch["measures"]) / worth) ** 2 * trust, shown),
            "recorded_elsewhere": _mean(((elsewhere_mm - batch["measures"][..., :1]) / worth[0]) ** 2, shown),
            "recorded_velocity": _mean((_change(mm - batch["measures"]) / worth) ** 2 * trust, shown[:, 1:])
            * 4,
        }
        bilabial = torch.isin(batch["phones"], torch.tensor(_BILABIAL, device=device))
        is_taught = batch["valid"] & ~batch["recorded"][:, None]
        sealed = (bilabial & is_taught & (taught_mm[..., 0] < 0.3))[..., None].float()
        terms["contact"] = _mean((functional.relu(mm[..., :1] - 0.1) / worth[0]) ** 2, sealed) * 4
        silent = ((batch["phones"] == 0) & is_taught & (taught_mm[..., 0] < 0.5))[..., None].float()
        terms["silence"] = _mean((shapes - batch["shapes"]) ** 2 * channel, silent)
        outside = functional.relu(-shapes) ** 2 + functional.relu(shapes - 1) ** 2
        crossed = functional.relu(-0.4 - mm[..., :1]) ** 2
        everywhere = batch["valid"][..., None].float()
        terms["crossing"] = _mean(outside, everywhere) * 20 + _mean(crossed, everywhere)
        scale = torch.ones(len(PHONES), device=device)
        scale[0] = SILENT_SCALE
        terms["phones"] = functional.cross_entropy(
            logits.flatten(0, 1), batch["phones"].flatten(), scale,
            ignore_index=UNKNOWN, label_smoothing=self.data.label_smoothing,
        )  # fmt: skip
        total = sum(getattr(self.scales, name) * term for name, term in terms.items())
        assert isinstance(total, torch.Tensor)
        return {"loss": total, **terms}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give correlations with recorded mouths and how many visemes stay right."""
        metrics: dict[str, float] = {}
        pooled: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for row in self.mouths.rows:
            if row["split"] != "validation":
                continue
            shapes = self._whole(network, self.mouths.log_mel, row)
            span = slice(row["first"], row["first"] + row["steps"])
            mm = np.clip(shapes, 0, 1) @ self.slopes_mm + self.rest_mm
            pooled.setdefault(row["speaker"], []).append((mm, np.asarray(self.mouths.measures_mm[span])))
        loss, n = 0.0, 0
        for speaker, pairs in sorted(pooled.items()):
            predicted, target = (np.concatenate(side) for side in zip(*pairs, strict=True))
            for i, name in enumerate(MEASURES):
                moves = predicted[:, i].std() > 1e-6 and target[:, i].std() > 1e-6
                r = float(np.corrcoef(predicted[:, i], target[:, i])[0, 1]) if moves else 0.0
                metrics[f"r_{speaker}_{name}"] = r
                if name != "upper_lip_protrusion":
                    loss, n = loss + 1 - r, n + 1
        metrics["loss"] = loss / max(1, n)
        return metrics

    def _whole(self, network: nn.Module, log_mel: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
        assert isinstance(network, TrunkMouth)
        first, steps = row["first"], row["steps"]
        mel = leveled(np.asarray(log_mel[2 * first : 2 * (first + steps)], np.float32), None)
        device = next(network.parameters()).device
        with torch.no_grad():
            _, shapes = network.whole(torch.from_numpy(mel)[None].to(device))
        return np.asarray(shapes[0].float().cpu().numpy())

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write parameters, ONNX and what they are."""
        card = short_card(self.name, self.description, metrics)
        info = ArtifactInfo(
            name=self.name,
            kind=KIND,
            licence=LICENCE,
            description=self.description,
            config=asdict(self.config),
            layout=MOUTH_33.name,
            channels=MOUTH_33.names,
            rates_hz={"features": float(MEL_RATE), "steps": float(STEP_RATE)},
            feature=MEL_NAME,
            feature_version=int(MEL_VERSION),
            normaliser={
                "delay_steps": self.config.trunk.delay_steps,
                "timing": asdict(HeardTiming()),
                "gain": GAIN,
            },
            data_licences={**data_licences(self.speech.rows), **data_licences(self.mouths.rows)},
            metrics=dict(metrics),
        )
        onnx = step_onnx(network, with_shapes=True)
        save_artifact(folder, info, card=card, tensors=network.state_dict(), onnx=onnx)

    def _affines(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Bring every recorded speaker to the rules' spread."""
        rng = np.random.default_rng(0)
        train = [row for row in self.speech.rows if row["split"] == "train" and row["take"] == 0]
        chosen = [train[i] for i in rng.permutation(len(train))[:_SPREAD_CLIPS]]
        parts = [np.asarray(self.speech.mouth[r["first"] : r["first"] + r["steps"]], float) for r in chosen]
        ours = np.quantile(np.concatenate(parts) @ self.slopes_mm + self.rest_mm, (0.02, 0.98), axis=0)
        speakers = sorted({row["speaker"] for row in self.mouths.rows})
        return {s: speaker_affine(self.mouths.spread(s), ours, self.rest_mm.astype(float)) for s in speakers}


def _shape_scales(spread: Float[np.ndarray, " shapes"]) -> Float32[np.ndarray, " shapes"]:
    """Give each shape a factor by its spread, so that small ones are not drowned by the jaw."""
    scale = np.clip(spread.max() / np.maximum(spread, 1e-4), 1.0, 8.0)
    return (scale * 10).astype(np.float32)


def unmeasured(
    slopes_mm: Float[np.ndarray, "shapes measures"], spread: Float[np.ndarray, " shapes"]
) -> Float[np.ndarray, "shapes shapes"]:
    """Give the projection of weights (as rows) onto what no measure sees.

    A change of measures is taken to be made as the rules make it: each shape takes part as far as it
    moves in their mouths, and one that never moves takes none.

    Args:
        slopes_mm: What each shape does to each measure.
        spread: Standard deviation of each shape in the rules' mouths.
    """
    ease = np.maximum(spread.astype(float), 1e-6)[:, None] ** 2
    slopes = slopes_mm.astype(float)
    made_by = np.linalg.solve(slopes.T @ (ease * slopes), (ease * slopes).T)
    return (np.eye(len(slopes)) - slopes @ made_by).astype(np.float32)


def _mean(values: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Give the mean over valid steps and all columns; 0 where nothing is valid."""
    return (values * valid).sum() / (valid.sum() * values.shape[-1]).clamp(min=1.0)


def _change(values: torch.Tensor) -> torch.Tensor:
    return values[:, 1:] - values[:, :-1]
