"""Train the phonetic encoder on speech with timed phones."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn
from torch.nn import functional

from visemic.core.artifact import ArtifactInfo, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError
from visemic.features.speech_mel import MEL_RATE
from visemic.features.speech_mel import NAME as MEL_NAME
from visemic.features.speech_mel import VERSION as MEL_VERSION
from visemic.models.phonetic import PhoneticConfig, PhoneticEncoder
from visemic.text.phone_posterior import PHONES, STEP_RATE, viseme_of_phone, viseme_posteriors
from visemic.training.mel_variation import leveled, vary
from visemic.training.recipe import Recipe
from visemic.training.speech_data import SpeechTakes

SILENT_SCALE = 0.4
"""Silence is half of all frames and easy."""
_JUDGES = 60
"""Validation takes of a source; more say the same and take longer."""
KIND = "phonetic"
LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class PhoneticDataConfig:
    """What is trained on."""

    crop_s: float = 4.0
    """Length of a crop, seconds."""
    shares: tuple[str, ...] = ()
    """``source=share`` of the crops; sources that are not named share the rest by their length."""
    label_smoothing: float = 0.05
    varied: bool = True
    """Vary voice, noise and channel of every crop."""


class PhoneticTask:
    """Frames to phones, cross-entropy.

    Data ``speech`` is a folder made by ``recipes/speech_takes.py``. Validation is by clips of
    split ``validation``; the loss is taken on natural speech where there is any.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        self.name, self.description = recipe.name, recipe.description
        self.config = config_from_dict(PhoneticConfig, recipe.model, "model")
        self.data = config_from_dict(PhoneticDataConfig, recipe.data, "data")
        if "speech" not in data_paths:
            raise ArtifactError("the phonetic recipe needs data 'speech'; give --data speech=FOLDER")
        self.takes = SpeechTakes(Path(data_paths["speech"]))
        self._crop = round(self.data.crop_s * 50)
        self._validation = self._judges()
        self._order = spread_of_crops(self.takes.rows, self._crop, self.data.shares, "source")

    def _judges(self) -> list[int]:
        """Give the validation takes, of each source at most so many, spread over it."""
        by_source: dict[str, list[int]] = {}
        for number, row in enumerate(self.takes.rows):
            if row["split"] == "validation":
                by_source.setdefault(row["source"], []).append(number)
        spread = (found[:: -(-len(found) // _JUDGES)] for found in by_source.values())
        return sorted(number for found in spread for number in found)

    def network(self) -> nn.Module:
        """Give a fresh encoder."""
        return PhoneticEncoder(self.config)

    def n_examples(self) -> int:
        """Give the number of crops of an epoch."""
        return len(self._order)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give crops with their phones."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        mel = np.zeros((len(indices), 2 * self._crop, self.config.n_mels), np.float32)
        phones = np.full((len(indices), self._crop), -100, np.int64)
        for place, index in enumerate(indices):
            row = self.takes.rows[self._order[index]]
            length = min(self._crop, row["steps"])
            first = row["first"] + int(rng.integers(0, row["steps"] - length + 1))
            part = np.asarray(self.takes.log_mel[2 * first : 2 * (first + length)], np.float32)
            part = vary(part, rng) if self.data.varied else part
            mel[place, : 2 * length] = leveled(part, rng)
            phones[place, :length] = self.takes.phones[first : first + length]
        return {"mel": torch.from_numpy(mel), "phones": torch.from_numpy(phones)}

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Give the cross-entropy of the phones, silence counting less."""
        assert isinstance(network, PhoneticEncoder)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not batch["mel"].is_cuda):
            _, logits = network.whole(batch["mel"])
        return {"loss": self._cross_entropy(logits.float(), batch["phones"])}

    def _cross_entropy(
        self, logits: Float[torch.Tensor, "b t p"], phones: Int[torch.Tensor, "b t"]
    ) -> torch.Tensor:
        scale = torch.ones(len(PHONES), device=logits.device)
        scale[0] = SILENT_SCALE
        return functional.cross_entropy(
            logits.flatten(0, 1), phones.flatten(), scale, label_smoothing=self.data.label_smoothing
        )

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give the loss and, by source, the share of speech steps with the right viseme."""
        assert isinstance(network, PhoneticEncoder)
        total, n_total = 0.0, 0
        right: dict[str, list[int]] = {}
        for number in self._validation:
            row = self.takes.rows[number]
            span = slice(row["first"], row["first"] + row["steps"])
            mel = leveled(np.asarray(self.takes.log_mel[2 * span.start : 2 * span.stop], np.float32), None)
            phones = np.asarray(self.takes.phones[span]).astype(np.int64)
            with torch.no_grad():
                _, logits = network.whole(torch.from_numpy(mel)[None])
            heard = logits[0].float()
            if not row["source"].startswith(("flite", "festival", "espeak")):
                total += float(functional.cross_entropy(heard, torch.from_numpy(phones), reduction="sum"))
                n_total += len(phones)
            best = viseme_posteriors(heard.softmax(-1).numpy()).argmax(-1)
            spoken = phones != 0
            counts = right.setdefault(row["source"], [0, 0])
            counts[0] += int((best == viseme_of_phone()[phones])[spoken].sum())
            counts[1] += int(spoken.sum())
        metrics = {"loss": total / max(1, n_total)}
        for source, (n_right, n) in sorted(right.items()):
            metrics[f"visemes_{source}"] = n_right / max(1, n)
        return metrics

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write parameters, ONNX and what they are."""
        from visemic.training.step_export import step_onnx

        card = short_card(self.name, self.description, metrics)
        info = ArtifactInfo(
            name=self.name,
            kind=KIND,
            licence=LICENCE,
            description=self.description,
            config=asdict(self.config),
            channels=PHONES,
            rates_hz={"features": float(MEL_RATE), "steps": float(STEP_RATE)},
            feature=MEL_NAME,
            feature_version=int(MEL_VERSION),
            normaliser={"delay_steps": self.config.delay_steps},
            data_licences=data_licences(self.takes.rows),
            metrics=dict(metrics),
        )
        onnx = step_onnx(network, with_shapes=False)
        save_artifact(folder, info, card=card, tensors=network.state_dict(), onnx=onnx)


def short_card(name: str, description: str, metrics: Mapping[str, float]) -> str:
    """Give the card of a training: what ships has a full one in ``docs/models``."""
    numbers = "".join(f"- {key}: {value:.4g}\n" for key, value in metrics.items())
    return f"# {name}\n\n{description}.\n\nOn its own validation clips:\n\n{numbers}"


def data_licences(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give the licence of every source that training met."""
    return {str(r["source"]): str(r["licence"]) for r in rows if r["split"] == "train"}


def spread_of_crops(
    rows: Sequence[Mapping[str, Any]], crop: int, shares: Sequence[str], key: str
) -> list[int]:
    """Give the training takes as often as an epoch meets them.

    Args:
        rows: Takes.
        crop: Steps of a crop; a longer take is met more often.
        shares: ``name=share``; what is not named shares the rest by length.
        key: Which name of a take counts: ``source`` or ``speaker``.

    Raises:
        ArtifactError: A share names what is not there.
    """
    asked = {name: float(share) for name, _, share in (item.partition("=") for item in shares)}
    by_name: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if row["split"] == "train":
            by_name.setdefault(row[key], []).extend([number] * max(1, round(row["steps"] / crop)))
    unknown = sorted(set(asked) - set(by_name))
    if unknown:
        raise ArtifactError(f"data has no {key} {unknown[0]!r}; it has {', '.join(sorted(by_name))}")
    total = sum(len(crops) for crops in by_name.values())
    unasked = sum(len(crops) for name, crops in by_name.items() if name not in asked)
    order: list[int] = []
    for name, crops in sorted(by_name.items()):
        share = asked.get(name, (1.0 - sum(asked.values())) * len(crops) / max(1, unasked))
        whole, part = divmod(max(0, round(share * total)), len(crops))
        thinned = np.random.default_rng(0).permutation(len(crops))[:part]
        order += crops * whole + [crops[i] for i in thinned]
    return order
