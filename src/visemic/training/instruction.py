"""Train speech to instruction with the small writer: the listener first by contrast, then both.

Data ``expressive`` is a store with captions, and so is data ``recorded``, which may be left out: real
voices that were given feelings. With data ``start``, the artefact of an earlier training, all
parameters that both have begin as there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from visemic.core.artifact import ArtifactInfo, load_artifact, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError
from visemic.models.instruction import InstructionConfig, InstructionNetwork, Listened, Listener
from visemic.models.instruction_hearing import HEARING_RATE, NAME, VERSION
from visemic.models.instruction_words import (
    BEGIN_TOKEN,
    PAD_TOKEN,
    WORDS,
    plain_caption,
    plain_text,
    tokens_of,
)
from visemic.models.instructor import KIND, LISTEN_FILE, WORDS_FILE, WRITE_FILE
from visemic.training.instruction_data import (
    AS_IT_IS,
    KNOWN,
    PHONETIC,
    Batches,
    InstructionClip,
    InstructionClips,
    Variation,
    padded_tokens,
)
from visemic.training.instruction_loss import (
    IGNORED,
    ContentGuess,
    glance_losses,
    info_nce,
    word_loss,
)
from visemic.training.phonetic import short_card
from visemic.training.recipe import Recipe

LICENCE = "Apache-2.0"
_VALIDATION_BATCH = 64


@dataclass(frozen=True)
class InstructionDataConfig:
    """What is heard, and how it is varied."""

    encoder: str = PHONETIC
    """``phonetic``, or a checkpoint of wav2vec 2.0, HuBERT or WavLM by name or folder."""
    variation: Variation = field(
        default_factory=lambda: Variation(
            known=0.7,
            cropped=0.3,
            other_voice=0.7,
            without_states=0.5,
            without_frames=0.4,
            noise=0.5,
            strength=0.12,
        )
    )
    """How what is heard is varied."""
    n_judged_speakers: int = 2
    """Last speakers of each corpus' training split who are kept for validation, so that what is best is
    best for a voice that was not learnt; 0 judges by the clips of split ``validation``."""


@dataclass(frozen=True)
class InstructionLossConfig:
    """Scales of the losses."""

    words: float = 1.0
    """Of the words of the instruction; 0 trains the listener alone."""
    contrast: float = 0.5
    emotion: float = 0.2
    level: float = 0.1
    content: float = 0.0
    """Of what the queries know of the phones that are spoken; 0 builds no guess."""
    smoothing: float = 0.05
    """Of the labels."""


class Taught(nn.Module):
    """The network, and the guess of content that only training has."""

    def __init__(self, network: nn.Module, guess: ContentGuess | None) -> None:
        super().__init__()
        self.network = network
        self.guess = guess


class InstructionTask:
    """Clips with captions to sentences."""

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        self.name, self.description = recipe.name, recipe.description
        self.data = config_from_dict(InstructionDataConfig, recipe.data, "data")
        self.scales = config_from_dict(InstructionLossConfig, recipe.loss, "loss")
        if "expressive" not in data_paths:
            raise ArtifactError(
                "the instruction recipe needs data 'expressive'; give --data expressive=FOLDER"
            )
        stores = [Path(data_paths[name]) for name in ("expressive", "recorded") if name in data_paths]
        self.clips = InstructionClips(stores, self.data.encoder, data_paths.get("cache"))
        self._start = data_paths.get("start")
        self._setup(recipe)
        train, self._judged = judged_apart(self.clips, self.data.n_judged_speakers)
        self.batches = Batches(train, self.clips.scale, self.data.variation)

    def _setup(self, recipe: Recipe) -> None:
        config = config_from_dict(InstructionConfig, recipe.model, "model")
        listener = replace(config.listener, n_inputs=self.clips.n_inputs)
        self.config = replace(config, listener=listener)
        self._queries_width = listener.qformer.width

    def network(self) -> nn.Module:
        """Give a fresh network, or that of data ``start``."""
        return Taught(self._started(InstructionNetwork(self.config)), self._guess())

    def _guess(self) -> ContentGuess | None:
        return ContentGuess(self._queries_width, self._content_width) if self._content else None

    @property
    def _content(self) -> bool:
        return self.scales.content > 0

    @property
    def _content_width(self) -> int:
        return int(self.batches.clips[0].heard.states.shape[1])

    def _started(self, network: nn.Module) -> nn.Module:
        if self._start is not None:
            found = load_artifact(Path(self._start)).tensors()
            own = network.state_dict()
            taken = {k: torch.from_numpy(v) for k, v in found.items() if k in own and own[k].shape == v.shape}
            if not taken:
                raise ArtifactError(
                    f"model {str(self._start)!r} shares no parameter with this one; give another 'start'"
                )
            network.load_state_dict({**own, **taken})
        return network

    def optimisers(self, network: nn.Module) -> list[tuple[Iterable[nn.Parameter], str]]:
        """Give the network and, where there is one, the guess, which follows its own loss."""
        assert isinstance(network, Taught)
        groups: list[tuple[Iterable[nn.Parameter], str]] = [(network.network.parameters(), "loss")]
        if network.guess is not None:
            groups.append((network.guess.parameters(), "guess"))
        return groups

    def n_examples(self) -> int:
        """Give the number of training clips."""
        return len(self.batches.clips)

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give clips with one of their captions each, and the plain sentence."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        found = self.batches.inputs(indices, rng)
        clips = [self.batches.clips[index] for index in indices]
        texts = [clip.caption.texts[int(rng.integers(len(clip.caption.texts)))] for clip in clips]
        plain = [plain_text(clip.span) for clip in clips]
        found["captions"] = padded_tokens([tokens_of(text) for text in texts], PAD_TOKEN)
        found["same"] = _numbers([plain_caption(text) for text in texts])
        found |= self._targets(plain)
        if self._content:
            content = np.stack([clip.heard.states.mean(axis=0) for clip in clips])
            found["content"] = torch.from_numpy((content - content.mean(axis=0)).astype(np.float32))
        return found

    def _targets(self, plain: Sequence[str]) -> dict[str, torch.Tensor]:
        rows = [tokens_of(text) for text in plain]
        return {
            "tokens": padded_tokens([[BEGIN_TOKEN, *row[:-1]] for row in rows], PAD_TOKEN),
            "targets": padded_tokens(rows, IGNORED),
        }

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Give the losses of words, contrast, emotion and intensity, and their sum."""
        assert isinstance(network, Taught)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not batch["frames"].is_cuda):
            heard, words = self._heard_and_words(network.network, batch)
        parts = {"words": words}
        listener = network.network.listener
        assert isinstance(listener, Listener)
        captions = listener.captions(batch["captions"])
        parts["contrast"] = info_nce(heard.caption.float(), captions, batch["same"])
        parts["emotion"], parts["level"] = glance_losses(
            heard, batch["emotion"], batch["level"], self.scales.smoothing
        )
        pooled = heard.queries.float().mean(dim=1)
        if network.guess is not None:
            parts["content"] = network.guess.bound(pooled, batch["content"])
        total = sum((getattr(self.scales, name) * part for name, part in parts.items()), torch.zeros(()))
        if network.guess is not None:
            parts["guess"] = network.guess.fit(pooled, batch["content"])
        return {"loss": total, **parts}

    def _heard_and_words(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[Listened, Float[torch.Tensor, ""]]:
        assert isinstance(network, InstructionNetwork)
        if self.scales.words == 0:
            heard = network.listener(batch["frames"], batch["whole"], batch["valid"])
            return heard, heard.queries.new_zeros(())
        heard, logits = network(batch["frames"], batch["whole"], batch["valid"], batch["tokens"])
        return heard, word_loss(logits, batch["targets"], self.scales.smoothing)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give losses and accuracies on the validation clips, without and with the voice at rest."""
        assert isinstance(network, Taught)
        found: dict[str, float] = {}
        for name, told in (("", AS_IT_IS), ("_known", KNOWN)):
            batches = Batches(self._judged, self.clips.scale, told)
            sums: dict[str, float] = {}
            for first in range(0, len(self._judged), _VALIDATION_BATCH):
                indices = range(first, min(first + _VALIDATION_BATCH, len(self._judged)))
                for key, value in self._judge(network.network, batches, indices).items():
                    sums[key] = sums.get(key, 0.0) + value
            found |= {f"{key}{name}": value / len(self._judged) for key, value in sums.items()}
        found["loss"] = 0.5 * (found.pop("total") + found.pop("total_known"))
        return found

    def _judge(self, network: nn.Module, batches: Batches, indices: Sequence[int]) -> dict[str, float]:
        """Give sums over clips."""
        batch = batches.inputs(indices, None)
        batch |= self._targets([plain_text(batches.clips[index].span) for index in indices])
        with torch.no_grad():
            heard, words = self._heard_and_words(network, batch)
        right = float((heard.emotion.argmax(dim=-1) == batch["emotion"]).float().sum())
        # Errors, not likelihoods: a listener that is sure of itself and right is not worse.
        n = len(indices)
        total = self.scales.words * n * float(words) + (n - right)
        return {"total": total, "words": n * float(words), "emotion_accuracy": right}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write parameters, the two networks as ONNX and what they are."""
        from visemic.training.instruction_export import listen_onnx, word_table, write_onnx

        assert isinstance(network, Taught)
        inner = network.network
        assert isinstance(inner, InstructionNetwork)
        info = self.info(KIND, asdict(self.config), metrics)
        files = {
            LISTEN_FILE: listen_onnx(inner),
            WRITE_FILE: write_onnx(inner),
            WORDS_FILE: word_table(inner),
        }
        card = short_card(self.name, self.description, metrics)
        save_artifact(folder, info, card=card, tensors=inner.state_dict(), files=files)

    def info(self, kind: str, config: dict[str, object], metrics: Mapping[str, float]) -> ArtifactInfo:
        """Give what the artefact says of itself."""
        sources = {clip.source: clip.licence for clip in self.clips.of("train")}
        return ArtifactInfo(
            name=self.name,
            kind=kind,
            licence=LICENCE,
            description=self.description,
            config=config,
            rates_hz={"features": float(HEARING_RATE)},
            feature=NAME,
            feature_version=VERSION,
            normaliser={
                "encoder": self.data.encoder,
                "words": list(WORDS),
                **self.clips.scale.to_dict(),
            },
            data_licences={**sources, f"encoder {self.data.encoder}": self.clips.encoder_licence},
            metrics=dict(metrics),
        )


def judged_apart(
    clips: InstructionClips, n_speakers: int
) -> tuple[list[InstructionClip], list[InstructionClip]]:
    """Give the clips of training, and those by which it is judged.

    Raises:
        ArtifactError: No speaker would be left to learn from, or no clip to judge by.
    """
    train, validation = clips.of("train"), clips.of("validation")
    apart: set[str] = set()
    for source in dict.fromkeys(clip.source for clip in train):
        speakers = sorted({clip.speaker for clip in train if clip.source == source})
        if n_speakers >= len(speakers):
            raise ArtifactError(
                f"of {len(speakers)} speakers of {source!r} {n_speakers} cannot be kept for validation; "
                "lower data.n_judged_speakers"
            )
        apart.update(speakers[len(speakers) - n_speakers :])
    judged = [c for c in (*train, *validation) if c.speaker in apart] if apart else validation
    if not judged:
        raise ArtifactError("the store has no clip of split 'validation'; set data.n_judged_speakers to 1")
    return [clip for clip in train if clip.speaker not in apart], judged


def _numbers(texts: Sequence[str]) -> torch.Tensor:
    order = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return torch.tensor([order[text] for text in texts])
