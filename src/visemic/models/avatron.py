"""Avatron's voice: phones and pauses in, durations, pitch, energy and a mel spectrum out.

Not autoregressive: the encoder reads the whole sentence, predictors say how long, how high and
how loud each symbol is, length regulation repeats its state over its frames, the decoder paints
the mel. The encoder's states alone, before manner, pitch and energy are added, are what the
avatar half hears.

Shape letters: b sentences, s symbols, t mel frames, c channels, m mels, r frames of reference.
"""

import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.errors import InputError
from visemic.models.avatron_text import SYMBOLS

N_MELS = 80
Count: TypeAlias = Any
"""A whole number; while a network is exported, a symbol that stands for one."""


@dataclass(frozen=True)
class AvatronVoiceConfig:
    """Sizes of the voice; the defaults are the published ones."""

    n_symbols: int = len(SYMBOLS)
    channels: int = 256
    """Width of states; half of it attends, half is convolved."""
    heads: int = 4
    hidden: int = 1024
    """Width inside the feed-forward part."""
    kernel: int = 9
    """Frames that the feed-forward part sees."""
    encoder_blocks: int = 4
    decoder_blocks: int = 4
    dropout: float = 0.2
    predictor_dropout: float = 0.5
    style_channels: tuple[int, ...] = (32, 32, 64, 64, 128, 128)
    """Widths of the convolutions over the reference mel."""
    n_mels: int = N_MELS
    has_shortcut: bool = True
    """Lead the convolved half past its hour-glass too; False as released."""

    def __post_init__(self) -> None:
        if self.heads < 1 or self.channels < 1 or self.channels % (16 * self.heads):
            raise InputError(
                f"a voice of {self.channels} channels cannot have {self.heads} heads; give a multiple of "
                f"{16 * max(1, self.heads)} channels, as half of them narrows to an eighth in each head"
            )


class ValidBatchNorm(nn.BatchNorm1d):
    """Batch norm whose statistics leave padding out.

    Deviation:
        The release counts padding, so that its numbers depend on what else is in the batch.
    """

    def forward(self, x: Float[Tensor, "b c t"], valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b c t"]:  # type: ignore[override]
        """Normalise by the valid frames in training, by running statistics otherwise."""
        if not self.training:
            return super().forward(x)
        x = x.float()  # Sums in half precision would lose the smaller frames.
        here = valid[:, None].to(x.dtype)
        count = here.sum()
        mean = (x * here).sum((0, 2)) / count
        centred = x - mean[:, None]
        variance = (centred.square() * here).sum((0, 2)) / count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            unbiased = variance * count / (count - 1).clamp(min=1)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), 0.1)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), 0.1)
        scale = self.weight / torch.sqrt(variance + self.eps)
        return centred * scale[:, None] + self.bias[:, None]


class SelfAttention(nn.Module):
    """Scaled dot-product attention of a sequence to itself."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inward = nn.Linear(channels, 3 * channels)
        self.outward = nn.Linear(channels, channels)

    def forward(self, x: Float[Tensor, "b t c"], bias: Float[Tensor, "..."]) -> Float[Tensor, "b t c"]:
        """Attend; ``bias`` is added to the scores, -inf where one may not look."""
        query, key, value = self.inward(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / key.shape[-1] ** 0.5 + bias
        mixed = scores.softmax(-1) @ value
        return self.outward(mixed.transpose(1, 2).flatten(2))


class HourGlass(nn.Module):
    """Convolutions in groups that narrow to an eighth and widen again."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        width = channels // groups
        widths = [width, width // 2, width // 4, width // 8, width // 4, width // 2, width]
        pairs = list(itertools.pairwise(widths))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(groups * a, groups * b, 3, padding=1, groups=groups) for a, b in pairs
        )
        self.norms = nn.ModuleList(ValidBatchNorm(groups * b) for _, b in pairs)

    def forward(self, x: Float[Tensor, "b c t"], valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b c t"]:
        """Give as many channels as come in."""
        here = valid[:, None].to(x.dtype)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = norm(functional.relu(convolution(x * here)), valid)
        return x


class SplitBlock(nn.Module):
    """Half of the channels attend, the other half is convolved; then a feed-forward part.

    Source:
        The released Avatron code, its FFT block.

    Deviation:
        The convolved half has a shortcut past its hour-glass, which starts silent. Without one, 48
        batch norms in a row multiply gradients ten-thousandfold, which drowns the encoder's.
        The heads of the hour-glass are consecutive channels, not interleaved ones; a linear
        layer stands before and after, so both are the same up to an order of channels.
    """

    def __init__(self, config: AvatronVoiceConfig) -> None:
        super().__init__()
        half = config.channels // 2
        self.attention = SelfAttention(half, config.heads)
        self.attention_norm = nn.LayerNorm(half)
        self.before = nn.Linear(half, half)
        self.hour_glass = HourGlass(half, config.heads)
        self.after = nn.Linear(half, half)
        self.convolution_norm = nn.LayerNorm(half)
        self.widen = nn.Conv1d(config.channels, config.hidden, config.kernel, padding=config.kernel // 2)
        self.narrow = nn.Conv1d(config.hidden, config.channels, 1)
        self.norm = nn.LayerNorm(config.channels)
        self.dropout = nn.Dropout(config.dropout)
        self.shortcut = float(config.has_shortcut)
        if config.has_shortcut:
            nn.init.zeros_(self.after.weight)
            nn.init.zeros_(self.after.bias)

    def forward(self, x: Float[Tensor, "b t c"], valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b t c"]:
        """Give new states, 0 where nothing is valid."""
        here = valid[..., None].to(x.dtype)
        attending, convolved = x.chunk(2, -1)
        nowhere = torch.zeros_like(valid, dtype=x.dtype).masked_fill(~valid, -1e4)[:, None, None]
        mixed = self.dropout(self.attention(attending, nowhere))
        attending = self.attention_norm(attending + mixed)
        inner = functional.relu(self.before(convolved)).transpose(1, 2)
        inner = self.after(self.hour_glass(inner, valid).transpose(1, 2))
        convolved = self.convolution_norm(self.shortcut * convolved + self.dropout(inner))
        x = torch.cat([attending, convolved], -1) * here
        inner = self.narrow(functional.relu(self.widen(x.transpose(1, 2)))).transpose(1, 2)
        return self.norm(x + self.dropout(inner)) * here


class Predictor(nn.Module):
    """One number a symbol from convolutions over the symbols."""

    def __init__(self, channels: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(channels, channels, 3, padding=1) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, 1)

    def forward(self, x: Float[Tensor, "b s c"], valid: Bool[Tensor, "b s"]) -> Float[Tensor, "b s"]:
        """Give the numbers; what stands at padding means nothing."""
        here = valid[..., None].to(x.dtype)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = self.dropout(norm(functional.relu(convolution((x * here).transpose(1, 2)).transpose(1, 2))))
        return self.head(x)[..., 0]


class StyleEncoder(nn.Module):
    """A voice's manner from a mel of any length: convolutions, then a recurrence to a vector.

    Source:
        Wang et al. 2018, "Style Tokens", the reference encoder; sizes of the Avatron release.
    """

    def __init__(self, config: AvatronVoiceConfig) -> None:
        super().__init__()
        widths = (1, *config.style_channels)
        self.convolutions = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU())
                for a, b in itertools.pairwise(widths)
            )
        )
        rows = config.n_mels
        for _ in config.style_channels:
            rows = (rows + 1) // 2
        self.recurrence = nn.GRU(
            rows * widths[-1], config.channels // 2, batch_first=True, bidirectional=True
        )

    def forward(self, mel: Float[Tensor, "b r m"]) -> Float[Tensor, "b c"]:
        """Give the last state of both directions, -1 to 1."""
        inner = self.convolutions(mel[:, None]).transpose(1, 2).flatten(2)
        return self.recurrence(inner)[1].transpose(0, 1).flatten(1)


@dataclass(frozen=True, eq=False)
class Prosody:
    """How each symbol is said."""

    log_durations: Float[Tensor, "b s"]
    """Natural log of frames plus 1."""
    pitch: Float[Tensor, "b s"]
    """0 to 1 over the extractor's range."""
    energy: Float[Tensor, "b s"]
    """0 to 1."""


class AvatronVoice(nn.Module):
    """The acoustic model.

    Source:
        The released Avatron code (``FrontEnd``): split blocks, style encoder, predictors, decoder.

    Deviation:
        Positions are computed, not stored, so no length is the longest; the two prosody encoders,
        which the release never uses, are left out; the aligner is a network of its own
        (``avatron_aligner``), since nothing needs it after training.
    """

    def __init__(self, config: AvatronVoiceConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.n_symbols, config.channels, padding_idx=0)
        self.encoder = nn.ModuleList(SplitBlock(config) for _ in range(config.encoder_blocks))
        self.style = StyleEncoder(config)
        self.duration = Predictor(config.channels, 2, config.predictor_dropout)
        self.pitch = Predictor(config.channels, 1, config.predictor_dropout)
        self.energy = Predictor(config.channels, 1, config.predictor_dropout)
        self.pitch_embedding = nn.Linear(1, config.channels)
        self.energy_embedding = nn.Linear(1, config.channels)
        self.decoder = nn.ModuleList(SplitBlock(config) for _ in range(config.decoder_blocks))
        self.head = nn.Linear(config.channels, config.n_mels)

    def encode(self, symbols: Int64[Tensor, "b s"], valid: Bool[Tensor, "b s"]) -> Float[Tensor, "b s c"]:
        """Give the text embedding: states of the symbols without manner, pitch and energy."""
        here = valid[..., None].to(self.head.weight.dtype)
        x = (self.embedding(symbols) + sinusoids(symbols.shape[1], self.config.channels, here)) * here
        for block in self.encoder:
            x = block(x, valid)
        return x

    def predict(
        self, states: Float[Tensor, "b s c"], style: Float[Tensor, "b c"], valid: Bool[Tensor, "b s"]
    ) -> Prosody:
        """Say how long, how high and how loud each symbol is."""
        x = states + style[:, None]
        pitch, energy = self.pitch(x, valid).sigmoid(), self.energy(x, valid).sigmoid()
        return Prosody(self.duration(x, valid), pitch, energy)

    def decode(
        self,
        states: Float[Tensor, "b s c"],
        style: Float[Tensor, "b c"],
        pitch: Float[Tensor, "b s"],
        energy: Float[Tensor, "b s"],
        symbol_of_frame: Int64[Tensor, "b t"],
        valid: Bool[Tensor, "b t"],
    ) -> Float[Tensor, "b t m"]:
        """Give the mel of frames that each belong to a symbol."""
        said = states + style[:, None]
        said = said + self.pitch_embedding(pitch[..., None]) + self.energy_embedding(energy[..., None])
        x = upsampled(said, symbol_of_frame) * valid[..., None].to(said.dtype)
        for block in self.decoder:
            x = block(x, valid)
        return self.head(x)


def upsampled(
    states: Float[Tensor, "b s c"], symbol_of_frame: Int64[Tensor, "b t"]
) -> Float[Tensor, "b t c"]:
    """Give every frame the state of its symbol: length regulation."""
    return states.gather(1, symbol_of_frame[..., None].expand(-1, -1, states.shape[-1]))


def sinusoids(length: Count, channels: int, like: Tensor) -> Float[Tensor, "t c"]:
    """Give sine and cosine positions of any length.

    Source:
        Vaswani et al. 2017, "Attention Is All You Need", section 3.5.
    """
    place = torch.arange(length, device=like.device, dtype=like.dtype)[:, None]
    power = torch.arange(0, channels, 2, device=like.device, dtype=like.dtype) / channels
    angle = place / 10_000**power
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)
