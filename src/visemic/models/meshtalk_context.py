"""What sound does not say: MeshTalk's guess of every class from the sound and the classes before.

The heads of a frame are chosen one after another. A layer adds up three things: the heads of the
same frame that are chosen already, the sound of the frame, and two frames of the past. No head
sees itself or a later one, so all frames of a training clip are done at once.

Shape letters: b clips, t frames, d width of the code of sound, h heads, i and o channels of a head,
c classes.
"""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import nn
from torch.nn import functional

from visemic.models.meshtalk import MeshTalkConfig
from visemic.models.meshtalk_sampler import ContextTables, LayerTable

_SLOPE = 0.2
_TAPS = 2
"""Frames of the past that a layer sees: the last, and one its dilation before that."""


class MaskedContextConvolution(nn.Module):
    """One layer; a head's channels lie together.

    The first and the last layer hear no sound and see no past. Their parameters for sound exist
    all the same, for published checkpoints hold them.
    """

    mask: torch.Tensor

    def __init__(
        self,
        ch_in: int,
        ch_out: int,
        heads: int,
        audio_dim: int,
        *,
        dilation: int = 0,
        sees_own: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.ch_in, self.ch_out, self.dilation = heads, ch_in, ch_out, dilation
        head_in = torch.arange(heads).repeat_interleave(ch_in)
        head_out = torch.arange(heads).repeat_interleave(ch_out)
        last_seen = head_out if sees_own else head_out - 1
        self.register_buffer("mask", (head_in[None, :] <= last_seen[:, None]).float()[..., None])
        self.unmasked_linear = nn.Conv1d(audio_dim, ch_out * heads, 1)
        self.masked_linear = nn.Conv1d(ch_in * heads, ch_out * heads, 1)
        if dilation:
            self.historic = nn.Conv1d(ch_in * heads, ch_out * heads, _TAPS, dilation=dilation)

    @property
    def n_past(self) -> int:
        """Frames back that the layer reaches."""
        return self.dilation * (_TAPS - 1) + 1 if self.dilation else 0

    def of_heads(self, context: Float[torch.Tensor, "b t h i"]) -> Float[torch.Tensor, "b t h o"]:
        """Give what the earlier heads of the same frame say."""
        x = context.flatten(2).transpose(1, 2)
        y = functional.conv1d(x, self.masked_linear.weight * self.mask, self.masked_linear.bias)
        return self._by_head(y)

    def forward(
        self, context: Float[torch.Tensor, "b t h i"], audio_code: Float[torch.Tensor, "b t d"]
    ) -> Float[torch.Tensor, "b t h o"]:
        """Give earlier heads, sound and past together."""
        x = context.flatten(2).transpose(1, 2)
        past = functional.pad(x[:, :, :-1], (self.n_past, 0))
        y = self.unmasked_linear(audio_code.transpose(1, 2)) + self.historic(past)
        return self.of_heads(context) + self._by_head(y)

    def _by_head(self, y: Float[torch.Tensor, "b channels t"]) -> Float[torch.Tensor, "b t h o"]:
        return y.transpose(1, 2).unflatten(2, (self.heads, self.ch_out))


class ContextModel(nn.Module):
    """Probabilities of every class, given the sound and all that comes before it.

    In the published network no layer, the last included, passes anything of a head on to the same
    head. Of the classes of one frame a head therefore knows those that lie six heads back, and the
    first head, with none before it, draws from one distribution whatever it hears.
    ``context_sees_own`` mends that.

    Source:
        Richard et al. 2021, "MeshTalk: 3D Face Animation from Speech using Cross-Modality
        Disentanglement" (ICCV), section 3.3.
    """

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.classes, self.heads = config.classes, config.heads
        hidden, heads, dim = config.context_hidden, config.heads, config.audio_dim
        # What the embedding says of a head knows only the classes before it, and may be seen by it.
        own = config.context_sees_own
        self.embedding = MaskedContextConvolution(config.classes, hidden, heads, dim)
        self.context_layers = nn.ModuleList(
            MaskedContextConvolution(hidden, hidden, heads, dim, dilation=d, sees_own=own)
            for d in config.context_dilations
        )
        self.logits = MaskedContextConvolution(hidden, config.classes, heads, dim, sees_own=own)

    @property
    def layers(self) -> list[MaskedContextConvolution]:
        """The layers that hear sound and see the past."""
        return [layer for layer in self.context_layers if isinstance(layer, MaskedContextConvolution)]

    @property
    def receptive_field(self) -> int:
        """Frames that one frame depends on, itself counted."""
        return 1 + sum(layer.n_past for layer in self.layers)

    def forward(
        self, one_hot: Float[torch.Tensor, "b t h c"], audio_code: Float[torch.Tensor, "b t d"]
    ) -> Float[torch.Tensor, "b t h c"]:
        """Give log-probabilities; those of a head depend on earlier heads and frames alone."""
        x = self.embedding.of_heads(one_hot)
        for layer in self.layers:
            x = functional.leaky_relu(layer(x, audio_code), _SLOPE)
        return functional.log_softmax(self.logits.of_heads(x), dim=-1)

    def sample_naive(self, audio_code: Float[torch.Tensor, "1 t d"]) -> Int64[torch.Tensor, "t h"]:
        """Give the likeliest classes, all of the past made again for each; kept as the measure."""
        n_frames = audio_code.shape[1]
        one_hot = audio_code.new_zeros(1, n_frames, self.heads, self.classes)
        labels = torch.zeros(n_frames, self.heads, dtype=torch.int64)
        for t in range(n_frames):
            first = max(0, t + 1 - self.receptive_field)
            for head in range(self.heads):
                seen = slice(first, t + 1)
                logprobs = self(one_hot[:, seen], audio_code[:, seen])
                label = int(logprobs[0, -1, head].argmax())
                one_hot[0, t, head, label] = 1.0
                labels[t, head] = label
        return labels


def context_tables(network: ContextModel) -> ContextTables:
    """Give the numbers of a context model for ``ContextSampler``; changes to it later are not seen."""
    return ContextTables(
        _table(network.embedding), tuple(_table(layer) for layer in network.layers), _table(network.logits)
    )


def _table(layer: MaskedContextConvolution) -> LayerTable:
    own = {name: value.detach().cpu().numpy() for name, value in layer.state_dict().items()}
    ch_in, ch_out = layer.ch_in, layer.ch_out
    masked = (own["masked_linear.weight"] * own["mask"])[:, :, 0]
    of_heads = tuple(
        np.ascontiguousarray(masked[g * ch_out :, g * ch_in : (g + 1) * ch_in].T) for g in range(layer.heads)
    )
    bias = own["masked_linear.bias"].copy()
    if not layer.n_past:
        return LayerTable(bias, of_heads)
    bias += own["unmasked_linear.bias"] + own["historic.bias"]
    older, last = own["historic.weight"][:, :, 0], own["historic.weight"][:, :, 1]
    return LayerTable(
        bias,
        of_heads,
        np.ascontiguousarray(own["unmasked_linear.weight"][:, :, 0].T),
        np.ascontiguousarray(np.concatenate([older, last], axis=1)),
        layer.n_past,
    )
