"""Train instruction to style: SoftCLIP alignment and the diffusion prior, together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from visemic.core.acting_grammar import parse_instruction, vocabulary, write_instruction
from visemic.core.acting_note import Span
from visemic.core.artifact import ArtifactInfo, load_artifact, load_parameters, save_artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, VisemicError
from visemic.models.style_layers import soft_clip_loss
from visemic.models.style_prior import StylePrior, StylePriorConfig
from visemic.models.style_schedule import draw_styles, signal_shares
from visemic.models.style_text import StyleText, StyleTextConfig, load_text_tower
from visemic.models.style_words import Vocabulary, vocabulary_of
from visemic.training.onnx_half import with_half_weights
from visemic.training.phonetic import short_card
from visemic.training.recipe import Recipe
from visemic.training.style_data import load_style_clips
from visemic.training.style_encoder import clip_styles, load_style_encoder
from visemic.training.style_export import prior_onnx, text_onnx

KIND = "style-prior"
LICENCE = "Apache-2.0"
TEXT_FILE, PRIOR_FILE = "text.onnx", "prior.onnx"
CANDIDATES, TOP = 100, 5
"""Motions among which the right one has to be found, and among how many first ones."""
_ROUNDS = 20


@dataclass(frozen=True)
class StylePriorData:
    """What is trained on."""

    tower: str = ""
    """A text encoder of Hugging Face, by name or folder; empty takes our own words."""
    fewer_actions: float = 0.4
    """Share of instructions that lose some of their action units."""
    style_noise: float = 0.02
    """Noise on the styles that are learnt, in their length."""


@dataclass(frozen=True)
class StylePriorLoss:
    """Scales of the parts; the defaults are the published ones."""

    soft_clip: float = 1.0
    prior: float = 30.0
    temperature: float = 0.004
    """Of the first step."""
    last_temperature: float = 0.0075
    anneal_steps: int = 1_000
    """Steps from one temperature to the other, along a cosine."""
    unheard: float = 0.2
    """Share of instructions that the prior does not hear."""


@dataclass(frozen=True)
class InstructionPriorConfig:
    """Both networks."""

    text: StyleTextConfig = field(default_factory=StyleTextConfig)
    prior: StylePriorConfig = field(default_factory=StylePriorConfig)


class InstructionPrior(nn.Module):
    """Instruction MLP and prior, trained together."""

    steps: Tensor
    shares: Tensor

    def __init__(self, config: InstructionPriorConfig) -> None:
        super().__init__()
        self.config = config
        self.text = StyleText(config.text)
        self.prior = StylePrior(config.prior)
        self.register_buffer("shares", torch.from_numpy(signal_shares(config.prior.n_steps)).float())
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


class StylePriorTask:
    """Instruction to style.

    Data ``expressive`` is a store of emotional clips with captions, ``encoder`` the folder of a trained
    style encoder.

    Source:
        Sun et al. 2024, "AVI-Talking": SoftCLIP with a temperature from 0.004 to 0.0075 and 30 times
        the squared error of the clean style.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        self.name, self.description = recipe.name, recipe.description
        self.data = config_from_dict(StylePriorData, recipe.data, "data")
        self.scales = config_from_dict(StylePriorLoss, recipe.loss, "loss")
        for name in ("expressive", "encoder"):
            if name not in data_paths:
                raise ArtifactError(f"the {KIND} recipe needs data {name!r}; give --data {name}=PATH")
        self.clips = load_style_clips(Path(data_paths["expressive"]))
        encoder = load_style_encoder(Path(data_paths["encoder"]))
        self.styles = clip_styles(encoder, self.clips, range(len(self.clips.rows)))
        self._train = [n for n in self.clips.need("train") if self.clips.rows[n].texts]
        if not self._train:
            raise ArtifactError("no training clip has a caption; write captions.jsonl beside the store")
        texts = [text for n in self._train for text in self.clips.rows[n].texts]
        self.vocabulary = vocabulary_of([*texts, " ".join(vocabulary())])
        self._spans = {text: _parsed(text) for text in set(texts)}
        self._tower = load_text_tower(self.data.tower) if self.data.tower else None
        self._embedded = self._embed_all() if self._tower else {}
        self.config = self._sized(config_from_dict(InstructionPriorConfig, recipe.model, "model"))

    def _embed_all(self) -> dict[str, Float32[np.ndarray, " width"]]:
        assert self._tower is not None
        texts = sorted({text for row in self.clips.rows for text in row.texts})
        parts = [self._tower.embed(texts[i : i + 32]).numpy() for i in range(0, len(texts), 32)]
        return dict(zip(texts, np.concatenate(parts).astype(np.float32), strict=True))

    def _sized(self, config: InstructionPriorConfig) -> InstructionPriorConfig:
        """Fit the first layer to the words or the tower, and both ends to the styles."""
        style = self.styles.shape[1]
        text = replace(config.text, style=style, n_words=len(self.vocabulary))
        if self._tower:
            text = replace(text, n_words=0, embedding=len(next(iter(self._embedded.values()))))
        return InstructionPriorConfig(text, replace(config.prior, style=style))

    def network(self) -> nn.Module:
        """Give fresh networks."""
        return InstructionPrior(self.config)

    def n_examples(self) -> int:
        """Give the number of training clips with captions."""
        return len(self._train)

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Give instructions as the network takes them."""
        if self._tower:
            return torch.from_numpy(np.stack([self._embedded[text] for text in texts]))
        return torch.from_numpy(self.vocabulary.encode(texts, self.config.text.max_words))

    def batch(self, indices: Sequence[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Give an instruction and the style of each clip."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        rows = [self._train[index] for index in indices]
        texts = []
        for number in rows:
            options = self.clips.rows[number].texts
            text = options[int(rng.integers(len(options)))]
            texts.append(text if self._tower else self._reworded(text, rng))
        style = self.styles[rows]
        noise = rng.normal(size=style.shape) * self.data.style_noise / math.sqrt(style.shape[1])
        style = (style + noise).astype(np.float32)
        style /= np.linalg.norm(style, axis=1, keepdims=True)
        return {"text": self.texts(texts), "style": torch.from_numpy(style)}

    def _reworded(self, text: str, rng: np.random.Generator) -> str:
        """Give the text as somebody else would put it: other words, less detail."""
        span = self._spans[text]
        if span is None or rng.random() > 2 * self.data.fewer_actions:
            return text
        if rng.random() < 0.5:
            kept = int(rng.integers(0, len(span.actions) + 1))
            chosen = sorted(rng.permutation(len(span.actions))[:kept])
            span = replace(span, actions=tuple(span.actions[i] for i in chosen))
        return write_instruction(span, int(rng.integers(200)))

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give both losses and their sum."""
        assert isinstance(network, InstructionPrior)
        scales, config = self.scales, self.config.prior
        share = min(1.0, int(network.steps) / max(1, scales.anneal_steps))
        if network.training:
            network.steps += 1
        temperature = annealed(scales.temperature, scales.last_temperature, share)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not batch["style"].is_cuda):
            condition, projected = network.text(batch["text"])
        condition, projected = condition.float(), projected.float()
        device, style = batch["style"].device, batch["style"]
        step = torch.randint(config.n_steps, (len(style),), generator=generator, device=generator.device)
        noise = torch.randn(style.shape, generator=generator, device=generator.device).to(device)
        heard = torch.rand(len(style), generator=generator, device=generator.device) >= scales.unheard
        step, heard, clean = step.to(device), heard.to(device), style * config.scale
        kept = network.shares[step][:, None]
        found = network.prior(kept.sqrt() * clean + (1 - kept).sqrt() * noise, step, condition, heard)
        parts = {
            "soft_clip": soft_clip_loss(projected, style, temperature),
            "prior": (found - clean).square().mean(),
        }
        return {"loss": scales.soft_clip * parts["soft_clip"] + scales.prior * parts["prior"], **parts}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Give how often an instruction finds its motion among 100, and what ten drawn styles are like."""
        assert isinstance(network, InstructionPrior)
        rows = [n for n in self.clips.of("validation") if self.clips.rows[n].texts] or self._train
        return self.judged(network, rows)

    def judged(self, network: InstructionPrior, rows: Sequence[int]) -> dict[str, float]:
        """Give the figures of ``validate`` for any rows with captions."""
        device = network.shares.device
        texts = self.texts([self.clips.rows[n].texts[0] for n in rows]).to(device)
        styles = self.styles[list(rows)]
        with torch.no_grad():
            condition, projected = network.text(texts)
        asked = nn.functional.normalize(projected, dim=-1).cpu().numpy()
        drawn = drawn_styles(network, condition, n_draws=10, seed=0)
        spread = [
            np.linalg.norm(one[:, None] - one[None], axis=-1).sum() / (len(one) * (len(one) - 1))
            for one in drawn
        ]
        first, among = retrieval(asked @ styles.T, np.random.default_rng(0))
        near = float(np.mean(np.sum(drawn.mean(1) * styles, axis=1)))
        by_draw = retrieval(drawn.mean(1) @ styles.T, np.random.default_rng(0))[1]
        return {
            "loss": 1.0 - among,
            "top_1": first,
            "top_5": among,
            "top_5_by_prior": by_draw,
            "diversity": float(np.mean(spread)),
            "likeness": near,
        }

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write parameters, both networks as ONNX, the words, and what they are."""
        assert isinstance(network, InstructionPrior)
        config = asdict(self.config)
        info = ArtifactInfo(
            name=self.name,
            kind=KIND,
            licence=LICENCE,
            description=self.description,
            config=config,
            normaliser={
                "words": list(self.vocabulary.words),
                "max_words": self.config.text.max_words,
                "tower": self.data.tower,
                "n_steps": self.config.prior.n_steps,
                "scale": self.config.prior.scale,
            },
            data_licences=dict(self.clips.licences),
            metrics=dict(metrics),
        )
        files = {
            TEXT_FILE: with_half_weights(text_onnx(network.text)),
            PRIOR_FILE: with_half_weights(prior_onnx(network.prior)),
        }
        card = short_card(self.name, self.description, metrics)
        save_artifact(folder, info, card=card, tensors=network.state_dict(), files=files)


def load_instruction_prior(folder: Path) -> tuple[InstructionPrior, Vocabulary]:
    """Give a trained pair of networks, in evaluation mode, and its words.

    Raises:
        ArtifactError: There is none in the folder.
    """
    artifact = load_artifact(folder, kind=KIND)
    network = InstructionPrior(config_from_dict(InstructionPriorConfig, artifact.info.config, "model"))
    load_parameters(network, artifact.tensors(), artifact.info.name)
    words = artifact.info.normaliser["words"]
    assert isinstance(words, list)
    return network.eval().requires_grad_(False), Vocabulary(tuple(str(word) for word in words))


def annealed(first: float, last: float, share: float) -> float:
    """Give a value on its way along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def drawn_styles(
    network: InstructionPrior, condition: Float[Tensor, "b s"], *, n_draws: int, seed: int
) -> Float32[np.ndarray, "b draws s"]:
    """Draw several styles for each condition, of length 1; the draws are the same for all."""
    config, device = network.config.prior, condition.device
    n, wide = condition.shape
    noise = np.random.default_rng(seed).normal(size=(n_draws, wide)).astype(np.float32)
    wanted = condition.repeat_interleave(n_draws, dim=0)

    def predict(x: Float32[np.ndarray, "k s"], step: int, heard: bool) -> Float32[np.ndarray, "k s"]:
        with torch.no_grad():
            steps = torch.full((len(x),), step, device=device)
            there = torch.full((len(x),), heard, dtype=torch.bool, device=device)
            found: np.ndarray = (
                network.prior(torch.from_numpy(x).to(device), steps, wanted, there).cpu().numpy()
            )
        return found

    styles = draw_styles(predict, np.tile(noise, (n, 1)), n_steps=config.n_steps)
    styles = styles / np.maximum(np.linalg.norm(styles, axis=1, keepdims=True), np.float32(1e-6))
    return styles.reshape(n, n_draws, wide)


def retrieval(
    likeness: Float[np.ndarray, "asked found"], rng: np.random.Generator, candidates: int = CANDIDATES
) -> tuple[float, float]:
    """Give how often the right motion comes first, and among the first five, of so many.

    Args:
        likeness: Of every instruction to every motion; the right ones on the diagonal.
        rng: Draws the candidates.
        candidates: At most so many motions at once.
    """
    n = len(likeness)
    size = min(n, candidates)
    first, among = [], []
    for _ in range(_ROUNDS if n > size else 1):
        chosen = rng.choice(n, size, replace=False)
        scores = likeness[np.ix_(chosen, chosen)]
        rank = (scores > np.diag(scores)[:, None]).sum(1)
        first.append(float((rank == 0).mean()))
        among.append(float((rank < TOP).mean()))
    return float(np.mean(first)), float(np.mean(among))


def _parsed(text: str) -> Span | None:
    try:
        return parse_instruction(text)
    except VisemicError:
        return None
