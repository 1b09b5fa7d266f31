"""The motion half of FaceFormer: one frame after another, each from those before and its own sound.

A frame's token is the frame before it, mapped to a few numbers, plus a style. One transformer
layer lets every token attend to the earlier ones, less to those some periods back, and to the
states of the audio of its own time alone. Because that single layer is causal, keys and values
of earlier frames never change: decoding that keeps them gives what the published loop gives,
which computes every frame again for each new one. And because a frame only passes through two
linear maps on its way back in, they are multiplied once and the wide one runs once at the end.

Shape letters: b clips, t frames, s states of the audio, k of them a frame, d width, h heads,
w width of a head, c numbers a frame, n styles.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import nn
from torch.nn import functional

from visemic.core.errors import InputError

PUBLISHED_MAX_FRAMES = 600
"""Where the published loop ends, for its tables of positions and biases do."""

_Step = Callable[[Float[torch.Tensor, "b 1 d"], int], Float[torch.Tensor, "b 1 d"]]


class PeriodicPositions(nn.Module):
    """Sinusoids of one period, over and over, so that any length is as good as the trained ones."""

    pe: torch.Tensor

    def __init__(self, width: int, period: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.period = period
        position = torch.arange(period, dtype=torch.float32)[:, None]
        pace = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10_000.0) / width))
        table = torch.zeros(period, width)
        table[:, 0::2] = torch.sin(position * pace)
        table[:, 1::2] = torch.cos(position * pace)
        # Published checkpoints hold the table repeated; only its first period is read.
        self.register_buffer("pe", table.repeat(PUBLISHED_MAX_FRAMES // period + 1, 1)[None])

    def forward(self, tokens: Float[torch.Tensor, "b t d"], first: int = 0) -> Float[torch.Tensor, "b t d"]:
        """Add the positions of frames ``first`` and on."""
        places = torch.arange(first, first + tokens.shape[1], device=tokens.device) % self.period
        moved: torch.Tensor = self.dropout(tokens + self.pe[:, places])
        return moved


def head_slopes(n_heads: int) -> Float[torch.Tensor, " h"]:
    """Give how fast each head forgets: 1/4, 1/16, 1/64, 1/256 a period for four of them."""
    return 2.0 ** (-8.0 / n_heads * torch.arange(1, n_heads + 1))


def ages(n_frames: int, period: int) -> Float[torch.Tensor, " t"]:
    """Give how many whole periods back each frame lies as the last one sees it."""
    return (torch.arange(n_frames - 1, -1, -1) // period).float()


def causal_bias(n_frames: int, period: int, n_heads: int) -> Float[torch.Tensor, "h t t"]:
    """Give what is added to the scores: minus infinity ahead, less and less behind, by periods.

    Example:
        >>> causal_bias(4, 2, 4)[0].tolist()[3]
        [-0.25, -0.25, -0.0, -0.0]
    """
    frames = torch.arange(n_frames)
    behind = torch.div(frames[:, None] - frames[None, :], period, rounding_mode="floor").float()
    bias = -head_slopes(n_heads)[:, None, None] * behind
    return bias.masked_fill(frames[None, :] > frames[:, None], -math.inf)


def alignment_mask(n_frames: int, n_states: int, per_frame: int) -> Bool[torch.Tensor, "t s"]:
    """Give which states a frame must not hear, in torch's sense: all but its own."""
    frame_of_state = torch.arange(n_states) // per_frame
    return frame_of_state[None, :] != torch.arange(n_frames)[:, None]


class MotionDecoder(nn.Module):
    """States of an audio encoder to displacements from the face at rest."""

    def __init__(
        self,
        *,
        n_channels: int,
        n_styles: int,
        width: int,
        period: int,
        n_heads: int,
        states_per_frame: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.n_heads, self.states_per_frame = n_heads, states_per_frame
        self.vertice_map = nn.Linear(n_channels, width)
        self.PPE = PeriodicPositions(width, period, dropout)
        layer = nn.TransformerDecoderLayer(width, n_heads, 2 * width, dropout, batch_first=True)
        self.transformer_decoder = nn.TransformerDecoder(layer, num_layers=1)
        self.vertice_map_r = nn.Linear(width, n_channels)
        self.obj_vector = nn.Linear(n_styles, width, bias=False)
        nn.init.zeros_(self.vertice_map_r.weight)
        nn.init.zeros_(self.vertice_map_r.bias)

    def decode_taught(
        self,
        memory: Float[torch.Tensor, "b s d"],
        style: Float[torch.Tensor, "b n"],
        target: Float[torch.Tensor, "b t c"],
    ) -> Float[torch.Tensor, "b t c"]:
        """Give every frame from the true ones before it, all at once.

        The first token is that of an unmoved face, whose map has a bias; where the model is fed its
        own frames it is the style alone. Both are as published.

        Args:
            memory: At least ``states_per_frame`` states a frame.
            style: One-hot, or any mixture.
            target: Displacements that are wanted; the last frame is not read.

        Raises:
            InputError: There are fewer states than the frames need.
        """
        self._check_states(memory, target.shape[1])
        before = functional.pad(target[:, :-1], (0, 0, 1, 0))
        tokens = self.vertice_map(before) + self.obj_vector(style)[:, None]
        frames: torch.Tensor = self.vertice_map_r(self._attend(tokens, memory))
        return frames

    def decode_naive(
        self,
        memory: Float[torch.Tensor, "b s d"],
        style: Float[torch.Tensor, "b n"],
        n_frames: int,
        max_frames: int | None = PUBLISHED_MAX_FRAMES,
    ) -> Float[torch.Tensor, "b t c"]:
        """Give frames as published: all of them again for each new one; kept as the measure.

        Args:
            memory: At least ``states_per_frame`` states a frame.
            style: One-hot, or any mixture.
            n_frames: How many.
            max_frames: The published limit; None lifts it.

        Raises:
            InputError: There are more frames than the limit, or fewer states than frames need.
        """
        if max_frames is not None and n_frames > max_frames:
            raise InputError(
                f"the published loop ends at {max_frames} frames and {n_frames} are asked for; "
                "decode incrementally, which has no limit"
            )
        self._check_states(memory, n_frames)
        own_style = self.obj_vector(style)[:, None]
        tokens = own_style
        for i in range(n_frames):
            frames = self.vertice_map_r(self._attend(tokens, memory))
            if i + 1 < n_frames:
                tokens = torch.cat([tokens, self.vertice_map(frames[:, -1:]) + own_style], 1)
        return frames

    def decode(
        self, memory: Float[torch.Tensor, "b s d"], style: Float[torch.Tensor, "b n"], n_frames: int
    ) -> Float[torch.Tensor, "b t c"]:
        """Give the frames of ``decode_naive`` in a small part of its time, however many.

        With dropout on, a frame is drawn once instead of once for every later frame.

        Args:
            memory: At least ``states_per_frame`` states a frame.
            style: One-hot, or any mixture.
            n_frames: How many.

        Raises:
            InputError: There are fewer states than the frames need.
        """
        self._check_states(memory, n_frames)
        own_style = self.obj_vector(style)[:, None]
        # A frame's way back in: out through the wide map, in through the other, as one.
        back = self.vertice_map.weight @ self.vertice_map_r.weight
        back_bias = self.vertice_map(self.vertice_map_r.bias) + own_style
        step = self._stepper(memory, n_frames)
        heard = []
        token = own_style
        for i in range(n_frames):
            heard.append(step(self.PPE(token, i), i))
            token = functional.linear(heard[-1], back) + back_bias
        frames: torch.Tensor = self.vertice_map_r(torch.cat(heard, 1))
        return frames

    def _check_states(self, memory: Float[torch.Tensor, "b s d"], n_frames: int) -> None:
        if n_frames < 1 or memory.shape[1] < n_frames * self.states_per_frame:
            raise InputError(
                f"{n_frames} frames need {max(1, n_frames) * self.states_per_frame} states of audio and "
                f"there are {memory.shape[1]}; give at least one frame and the sound of all of them"
            )

    def _attend(
        self, tokens: Float[torch.Tensor, "b t d"], memory: Float[torch.Tensor, "b s d"]
    ) -> Float[torch.Tensor, "b t d"]:
        """Run the layer on a whole sequence."""
        n_frames = tokens.shape[1]
        bias = causal_bias(n_frames, self.PPE.period, self.n_heads).to(tokens)
        deaf = alignment_mask(n_frames, memory.shape[1], self.states_per_frame).to(tokens.device)
        heard: torch.Tensor = self.transformer_decoder(
            self.PPE(tokens), memory, tgt_mask=bias.repeat(len(tokens), 1, 1), memory_mask=deaf
        )
        return heard

    def _stepper(self, memory: Float[torch.Tensor, "b s d"], n_frames: int) -> _Step:
        """Give a function that runs the layer on one more frame and keeps its keys and values."""
        layer = self.transformer_decoder.layers[0]
        assert isinstance(layer, nn.TransformerDecoderLayer)
        past, around = layer.self_attn, layer.multihead_attn
        width = memory.shape[2]
        own = memory[:, : n_frames * self.states_per_frame]
        to_sound = functional.linear(own, around.in_proj_weight[width:], around.in_proj_bias[width:])
        sound = to_sound.unflatten(1, (n_frames, self.states_per_frame)).chunk(2, -1)
        bias = (-head_slopes(self.n_heads)[:, None] * ages(n_frames, self.PPE.period)).to(memory)
        kept = _Kept(len(memory), self.n_heads, n_frames, width // self.n_heads, memory)

        def attend(
            module: nn.MultiheadAttention,
            query: Float[torch.Tensor, "b h 1 w"],
            keys: Float[torch.Tensor, "b h m w"],
            values: Float[torch.Tensor, "b h m w"],
            scores_bias: Float[torch.Tensor, "h 1 m"] | None,
        ) -> Float[torch.Tensor, "b 1 d"]:
            scores = (query / math.sqrt(query.shape[-1])) @ keys.mT
            if scores_bias is not None:
                scores = scores + scores_bias
            shares = functional.dropout(scores.softmax(-1), module.dropout, self.training)
            mixed = (shares @ values).transpose(1, 2).flatten(2)
            return functional.linear(mixed, module.out_proj.weight, module.out_proj.bias)

        def step(token: Float[torch.Tensor, "b 1 d"], i: int) -> Float[torch.Tensor, "b 1 d"]:
            drawn = functional.linear(token, past.in_proj_weight, past.in_proj_bias).chunk(3, -1)
            query, key, value = (self._heads(one) for one in drawn)
            keys, values = kept.add(key, value, i)
            token = layer.norm1(
                token + layer.dropout1(attend(past, query, keys, values, bias[:, None, n_frames - 1 - i :]))
            )
            asked = functional.linear(token, around.in_proj_weight[:width], around.in_proj_bias[:width])
            keys, values = (self._heads(one[:, i]) for one in sound)
            token = layer.norm2(
                token + layer.dropout2(attend(around, self._heads(asked), keys, values, None))
            )
            inner = layer.dropout(functional.relu(layer.linear1(token)))
            moved: torch.Tensor = layer.norm3(token + layer.dropout3(layer.linear2(inner)))
            return moved

        return step

    def _heads(self, values: Float[torch.Tensor, "b m d"]) -> Float[torch.Tensor, "b h m w"]:
        return values.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class _Kept:
    """Keys and values of the frames so far."""

    def __init__(self, n_clips: int, n_heads: int, n_frames: int, width: int, like: torch.Tensor) -> None:
        self._pair: tuple[torch.Tensor, torch.Tensor] | None = None
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None
        if not torch.is_grad_enabled():
            keys, values = (like.new_empty(n_clips, n_heads, n_frames, width) for _ in range(2))
            self._buffers = keys, values

    def add(
        self, key: Float[torch.Tensor, "b h 1 w"], value: Float[torch.Tensor, "b h 1 w"], i: int
    ) -> tuple[Float[torch.Tensor, "b h m w"], Float[torch.Tensor, "b h m w"]]:
        """Keep those of frame ``i`` and give all."""
        if self._buffers is not None:
            keys, values = self._buffers
            keys[:, :, i : i + 1], values[:, :, i : i + 1] = key, value
            return keys[:, :, : i + 1], values[:, :, : i + 1]
        if self._pair is not None:
            # What was kept belongs to the graph of gradients and must not be written into.
            key, value = torch.cat([self._pair[0], key], 2), torch.cat([self._pair[1], value], 2)
        self._pair = key, value
        return key, value
