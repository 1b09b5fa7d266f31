"""Train speech to instruction with a frozen language model: only listener and projection learn.

Data ``expressive`` is a store with captions, ``model`` the folder of a causal language model of
transformers (or its name in the recipe). Its parameters are no part of the network that is
trained, so no checkpoint holds them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from visemic.core.artifact import ArtifactInfo, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError
from visemic.models.instruction import ListenerConfig, PromptNetwork
from visemic.models.instruction_decode import Draw
from visemic.models.instruction_lm import (
    PROMPTS,
    FrozenModel,
    instruction_loss,
    load_language_model,
    write_instructions,
)
from visemic.training.instruction import InstructionTask, Taught
from visemic.training.instruction_data import Batches
from visemic.training.instruction_loss import glance_losses, info_nce
from visemic.training.phonetic import short_card
from visemic.training.recipe import Recipe

KIND = "avi-instruction-lm"
_JUDGED = 32


@dataclass(frozen=True)
class LanguageModelConfig:
    """Which language model, and the listener before it."""

    checkpoint: str = ""
    """Name on the Hugging Face hub; not needed with data ``model``."""
    listener: ListenerConfig = field(default_factory=ListenerConfig)


class InstructionLmTask(InstructionTask):
    """Clips with captions to sentences that a frozen language model says."""

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        self._folder = data_paths.get("model")
        super().__init__(recipe, data_paths)

    def _setup(self, recipe: Recipe) -> None:
        config = config_from_dict(LanguageModelConfig, recipe.model, "model")
        where = str(self._folder) if self._folder is not None else config.checkpoint
        if not where:
            raise ArtifactError(
                "the recipe names no language model; set model.checkpoint or give --data model=FOLDER"
            )
        self.model: FrozenModel = load_language_model(where)
        self.listener = replace(config.listener, n_inputs=self.clips.n_inputs)
        self._queries_width = self.listener.qformer.width

    def network(self) -> nn.Module:
        """Give a fresh listener with its projection, or that of data ``start``."""
        return Taught(self._started(PromptNetwork(self.listener, self.model.width)), self._guess())

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give clips with one of their captions and one of the questions each, as tokens."""
        found = super().batch(indices, generator)
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        found["question"] = torch.from_numpy(rng.integers(len(PROMPTS), size=len(indices)))
        texts = [self.batches.clips[index].caption.texts for index in indices]
        found["clip"] = torch.tensor(list(indices))
        found["text"] = torch.tensor([int(rng.integers(len(own))) for own in texts])
        return found

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Give the losses of the instruction's tokens, contrast, emotion and intensity, and their sum."""
        assert isinstance(network, Taught)
        inner = network.network
        assert isinstance(inner, PromptNetwork)
        heard, soft = inner(batch["frames"], batch["whole"], batch["valid"])
        clips = [self.batches.clips[index] for index in batch["clip"].tolist()]
        texts = [
            clip.caption.texts[number] for clip, number in zip(clips, batch["text"].tolist(), strict=True)
        ]
        questions = [PROMPTS[number] for number in batch["question"].tolist()]
        parts = {"words": instruction_loss(self.model, soft, questions, texts)}
        parts["contrast"] = info_nce(heard.caption, inner.listener.captions(batch["captions"]), batch["same"])
        smoothing = self.scales.smoothing
        parts["emotion"], parts["level"] = glance_losses(heard, batch["emotion"], batch["level"], smoothing)
        pooled = heard.queries.mean(dim=1)
        if network.guess is not None:
            parts["content"] = network.guess.bound(pooled, batch["content"])
        total = sum(
            (getattr(self.scales, name) * part for name, part in parts.items()),
            torch.zeros((), device=soft.device),
        )
        if network.guess is not None:
            parts["guess"] = network.guess.fit(pooled, batch["content"])
        return {"loss": total, **parts}

    def _judge(self, network: nn.Module, batches: Batches, indices: Sequence[int]) -> dict[str, float]:
        """Give sums over clips; the first caption is what should be said."""
        assert isinstance(network, PromptNetwork)
        batch = batches.inputs(indices, None)
        with torch.no_grad():
            heard, soft = network(batch["frames"], batch["whole"], batch["valid"])
            texts = [batches.clips[index].caption.texts[0] for index in indices]
            words = float(instruction_loss(self.model, soft, [PROMPTS[0]] * len(texts), texts))
        right = float((heard.emotion.argmax(dim=-1) == batch["emotion"]).float().sum())
        n = len(indices)
        total = self.scales.words * n * words + (n - right)
        return {"total": total, "words": n * words, "emotion_accuracy": right}

    def written(self, network: nn.Module, indices: Sequence[int], draw: Draw) -> list[str]:
        """Give what the language model says of validation clips."""
        assert isinstance(network, Taught)
        batch = Batches(self._judged, self.clips.scale).inputs(list(indices)[:_JUDGED], None)
        with torch.no_grad():
            _, soft = network.network(batch["frames"], batch["whole"], batch["valid"])
        return [text for text, _ in write_instructions(self.model, soft, draw)]

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write listener and projection, and which language model they speak to."""
        assert isinstance(network, Taught)
        config: dict[str, object] = {
            "language_model": self.model.name,
            "listener": asdict(self.listener),
        }
        info: ArtifactInfo = self.info(KIND, config, metrics)
        card = short_card(self.name, self.description, metrics)
        save_artifact(folder, info, card=card, tensors=network.network.state_dict())
