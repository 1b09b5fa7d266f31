"""Avatron's face: the voice's text embedding in, movement of any mesh or any channels out.

All it hears is the upsampled text embedding and the mouth class of each phone; no sound, no
pitch, no recogniser. The output is in units of the training data's spread, which the caller
multiplies away; the network knows neither metres nor channels.

Shape letters: b sentences, s symbols, f video frames, c channels, n outputs, y styles.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from visemic.models.avatron import Count, SelfAttention, sinusoids
from visemic.models.avatron_text import N_CLASSES

_FAR = -1e4


@dataclass(frozen=True)
class AvatronAvatarConfig:
    """Sizes of the face; the defaults are the published ones for VOCASET."""

    n_outputs: int
    """Channels, or three times the vertices: 15,069 for VOCASET, 70,110 for BIWI."""
    state_channels: int = 256
    """Width of the text embedding that comes in."""
    channels: int = 256
    heads: int = 4
    hidden: int = 1024
    recurrent: int = 128
    """Width of each direction of the recurrent layers."""
    period: int = 30
    """Frames after which positions repeat: one second."""
    n_styles: int = 8
    """Manners of moving: one for each training face."""
    dropout: float = 0.1
    recurs_over_time: bool = True
    """False gives the released behaviour, in which the recurrent layers see one frame at a time."""


class FeedForward(nn.Module):
    """Norm, wide layer, narrow layer."""

    def __init__(self, channels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, hidden)
        self.narrow = nn.Linear(hidden, channels)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.widen, self.narrow):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Float[Tensor, "b f c"]) -> Float[Tensor, "b f c"]:
        """Give as many channels as come in."""
        inner = self.dropout(functional.leaky_relu(self.widen(self.norm(x))))
        return self.dropout(self.narrow(inner))


class ConformerBlock(nn.Module):
    """Feed-forward, attention to the past, convolution, feed-forward.

    Source:
        The released Avatron code: half steps that average the shortcut too, attention without a
        shortcut, FaceFormer's bias. The two norms that the release makes and never uses are left out.
    """

    def __init__(self, config: AvatronAvatarConfig) -> None:
        super().__init__()
        width = config.channels
        self.first = FeedForward(width, config.hidden, config.dropout)
        self.norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, config.heads)
        self.convolution_norm = nn.LayerNorm(width)
        self.widen = nn.Conv1d(width, 2 * width, 5, padding=2)
        self.narrow = nn.Conv1d(2 * width, width, 3, padding=1)
        self.dropout = nn.Dropout(config.dropout)
        self.second = FeedForward(width, config.hidden, config.dropout)
        self.last_norm = nn.LayerNorm(width)

    def forward(
        self, x: Float[Tensor, "b f c"], bias: Float[Tensor, "h f f"], here: Float[Tensor, "b f 1"]
    ) -> Float[Tensor, "b f c"]:
        """Give as many frames as come in."""
        x = self.norm((x + self.first(x)) / 2)
        x = self.attention(x, bias)
        inner = (self.convolution_norm(x) * here).transpose(1, 2)
        inner = self.narrow(functional.leaky_relu(self.widen(inner)) * here.transpose(1, 2))
        x = x + self.dropout(inner.transpose(1, 2))
        return self.last_norm((x + self.second(x)) / 2)


class AvatronAvatar(nn.Module):
    """The avatar half, the generator of the adversarial training.

    Source:
        The released Avatron code; the period bias of Fan et al. 2022, "FaceFormer".

    Deviation:
        The recurrent layers run over time (the release fed them with time and batch swapped, so
        that with one clip a batch they saw sequences of one frame); positions and bias are
        computed, so no clip is too long; video frames look at their own time instead of letting
        ends meet; the second, unused output map is left out.
    """

    def __init__(self, config: AvatronAvatarConfig) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.state = (
            nn.Identity() if config.state_channels == width else nn.Linear(config.state_channels, width)
        )
        self.phone_class = nn.Embedding(N_CLASSES, width)
        self.phone_class_map = nn.Linear(width, width)
        self.near = weight_norm(nn.Conv1d(width, width, 3, padding=1))
        self.wide = weight_norm(nn.Conv1d(width, width, 5, padding=2))
        self.style = nn.Linear(config.n_styles, width, bias=False)
        self.style_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.conformer = ConformerBlock(config)
        self.recurrence = nn.LSTM(width, config.recurrent, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * config.recurrent, config.n_outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        states: Float[Tensor, "b s e"],
        classes: Int64[Tensor, "b s"],
        style: Float[Tensor, "b y"],
        before: Int64[Tensor, "b f"],
        after: Int64[Tensor, "b f"],
        share: Float[Tensor, "b f"],
        n_frames: Int64[Tensor, " b"],
    ) -> Float[Tensor, "b f n"]:
        """Give the movement, in units of its spread.

        Args:
            states: Text embedding of the symbols.
            classes: Mouth class of the symbols.
            style: Weight of each manner of moving, one-hot or mixed.
            before: Symbol at the mel frame before each video frame.
            after: Symbol at the mel frame after it.
            share: How far the video frame is on the way from one to the other, 0 to 1.
            n_frames: Valid video frames of each sentence.
        """
        said = self.state(states) + self.phone_class_map(self.phone_class(classes))
        width = said.shape[-1]
        first = said.gather(1, before[..., None].expand(-1, -1, width))
        second = said.gather(1, after[..., None].expand(-1, -1, width))
        length = before.shape[1]
        valid = torch.arange(length, device=before.device) < n_frames[:, None]
        here = valid[..., None].to(said.dtype)
        x = (first + (second - first) * share[..., None]) * here
        inner = functional.leaky_relu(self.near(x.transpose(1, 2))) * here.transpose(1, 2)
        x = self.wide(inner).transpose(1, 2)
        x = x + self.style_norm(self.style(style))[:, None]
        x = self.dropout(x + periodic_positions(length, width, self.config.period, x))
        bias = period_bias(length, self.config.heads, self.config.period, x)
        x = self.conformer(x, bias, here)
        return self.head(self._recur(x, n_frames)) * here

    def _recur(self, x: Float[Tensor, "b f c"], n_frames: Int64[Tensor, " b"]) -> Float[Tensor, "b f r"]:
        if not self.config.recurs_over_time:
            return self.recurrence(x.flatten(0, 1)[:, None])[0].unflatten(0, x.shape[:2])[:, :, 0]
        if len(x) == 1:
            return self.recurrence(x)[0]
        # Packed sequences say the same, step by step and five times slower on a CPU.
        length = x.shape[1]
        places = torch.arange(length, device=x.device).expand(len(x), -1)
        last = n_frames[:, None] - 1
        turned = torch.where(places <= last, last - places, places)[..., None]
        for layer in range(self.recurrence.num_layers):
            ahead = self._one_way(x, f"l{layer}")
            back = self._one_way(x.gather(1, turned.expand(-1, -1, x.shape[-1])), f"l{layer}_reverse")
            x = torch.cat([ahead, back.gather(1, turned.expand(-1, -1, back.shape[-1]))], -1)
        return x

    def _one_way(self, x: Float[Tensor, "b f c"], layer: str) -> Float[Tensor, "b f r"]:
        """Run one layer of the recurrence in one direction."""
        names = [f"{kind}_{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        parameters = [getattr(self.recurrence, name) for name in names]
        start = x.new_zeros(1, len(x), self.config.recurrent)
        out: Tensor = torch.lstm(x, (start, start), parameters, True, 1, 0.0, self.training, False, True)[0]
        return out


def periodic_positions(length: Count, channels: int, period: int, like: Tensor) -> Float[Tensor, "f c"]:
    """Give positions that repeat every period, for any length.

    Source:
        Fan et al. 2022, "FaceFormer", the periodic positional encoding.
    """
    within = torch.arange(length, device=like.device) % period
    return sinusoids(period, channels, like)[within]


def period_bias(length: Count, heads: int, period: int, like: Tensor) -> Float[Tensor, "h f f"]:
    """Give what is added to attention: nothing of the future, less of each second further back.

    Source:
        Fan et al. 2022, "FaceFormer", the period-wise bias; slopes of Press et al. 2022, "ALiBi".
    """
    steps = torch.arange(length, device=like.device)
    back = steps[:, None] - steps[None]
    slopes = torch.tensor([2 ** (-8 * (h + 1) / heads) for h in range(heads)], device=like.device)
    bias = -slopes[:, None, None].to(like.dtype) * (back // period).to(like.dtype)
    return bias.masked_fill(back < 0, _FAR)


def closure_loss(
    predicted: Float[Tensor, "b f n"],
    target: Float[Tensor, "b f n"],
    gap: Float[Tensor, " n"],
    is_closed: Float[Tensor, "b f"],
) -> Float[Tensor, ""]:
    """Give the mean squared difference of the lips' gap while bilabials are spoken.

    The gap between the inner lips is linear in vertices and in channels, so one row of slopes
    serves any topology.

    Args:
        predicted: Movement.
        target: The same of the recording.
        gap: Slopes of the gap, by output.
        is_closed: 1 where a bilabial is spoken, 0 elsewhere.
    """
    difference = (predicted - target) @ gap
    return (difference.square() * is_closed).sum() / is_closed.sum().clamp(min=1)


def n_parameters(module: nn.Module) -> int:
    """Count the parameters of a network."""
    return sum(parameter.numel() for parameter in module.parameters())
