"""Our phonetic encoder: what is being said, fifty times a second, 72.5 ms behind the sound.

Separable convolutions over causal log-mel, every one of them looking back only, but for three
that look one step ahead. It is written the way it runs live: each convolution takes the last
rows of what it saw before from a state that goes in and comes out, so a file is a stream of
one piece and no padding exists that a stream would not have.

Step ``j`` speaks of the time ``20 j + 10`` ms.

Shape letters: b clips, m mel frames, t steps, c channels, p phones, k rows kept.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional

from visemic.text.phone_posterior import PHONES

FRONT_KERNEL, FRONT_STRIDE = 5, 2


@dataclass(frozen=True)
class PhoneticConfig:
    """Sizes of the encoder."""

    n_mels: int = 40
    channels: int = 256
    """Width of the trunk and of the embedding."""
    expansion: int = 2
    """Width inside a block over the trunk's."""
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 1, 2, 4, 8, 2, 4, 8)
    lookaheads: tuple[int, ...] = (1, 1, 0, 0, 0, 0, 0, 0)
    """Steps that a block hears ahead; with the front's one they are the delay in steps."""
    dropout: float = 0.1
    n_phones: int = len(PHONES)

    @property
    def delay_steps(self) -> int:
        """Steps by which the outputs come later than what they speak of."""
        return 1 + sum(self.lookaheads)

    @property
    def kept_rows(self) -> tuple[int, ...]:
        """Rows of state of the front and of each block."""
        return (FRONT_KERNEL - FRONT_STRIDE, *((self.kernel - 1) * d for d in self.dilations))


class Block(nn.Module):
    """Depthwise convolution in time, then a small network over channels, around a shortcut."""

    def __init__(self, config: PhoneticConfig, dilation: int, lookahead: int) -> None:
        super().__init__()
        self.kept = (config.kernel - 1) * dilation
        self.lookahead = lookahead * dilation
        width = config.channels
        self.depthwise = nn.Conv1d(width, width, config.kernel, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Float[torch.Tensor, "b t c"], past: Float[torch.Tensor, "b k c"]
    ) -> tuple[Float[torch.Tensor, "b t c"], Float[torch.Tensor, "b k c"]]:
        """Give as many steps as come in, ``lookahead`` steps late, and the new past."""
        seen = torch.cat([past, x], dim=1)
        mixed = self.depthwise(seen.transpose(1, 2)).transpose(1, 2)
        inner = self.narrow(functional.gelu(self.widen(self.norm(mixed))))
        centre = self.kept - self.lookahead
        shortcut = seen[:, centre : centre + x.shape[1]]
        return shortcut + self.dropout(inner), seen[:, seen.shape[1] - self.kept :]


class PhoneticEncoder(nn.Module):
    """Log-mel in; embedding and phone logits out.

    Source:
        Pratap et al. 2020, "Scaling Up Online Speech Recognition Using ConvNets"
        (Interspeech): time convolutions with a bounded look ahead; Liu et al. 2022, "A ConvNet
        for the 2020s": the order inside a block.

    Deviation:
        States are inputs and outputs, so that nothing is padded inside.
    """

    def __init__(self, config: PhoneticConfig) -> None:
        super().__init__()
        self.config = config
        self.front = nn.Conv1d(config.n_mels, config.channels, FRONT_KERNEL, stride=FRONT_STRIDE)
        self.blocks = nn.ModuleList(
            Block(config, d, r) for d, r in zip(config.dilations, config.lookaheads, strict=True)
        )
        self.norm = nn.LayerNorm(config.channels)
        self.classify = nn.Linear(config.channels, config.n_phones)

    def first_state(self, n_clips: int) -> list[torch.Tensor]:
        """Give the state before any sound: zeros."""
        widths = (self.config.n_mels, *[self.config.channels] * len(self.blocks))
        parameter = self.front.weight
        return [
            parameter.new_zeros(n_clips, kept, width)
            for kept, width in zip(self.config.kept_rows, widths, strict=True)
        ]

    def forward(
        self, mel: Float[torch.Tensor, "b m n_mels"], state: list[torch.Tensor]
    ) -> tuple[Float[torch.Tensor, "b t c"], Float[torch.Tensor, "b t p"], list[torch.Tensor]]:
        """Take an even number of frames and give half as many steps, ``delay_steps`` late."""
        seen = torch.cat([state[0], mel], dim=1)
        new_state = [seen[:, seen.shape[1] - (FRONT_KERNEL - FRONT_STRIDE) :]]
        x = functional.gelu(self.front(seen.transpose(1, 2)).transpose(1, 2))
        for block, past in zip(self.blocks, state[1:], strict=True):
            x, kept = block(x, past)
            new_state.append(kept)
        embedding = self.norm(x)
        return embedding, self.classify(embedding), new_state

    def whole(
        self, mel: Float[torch.Tensor, "b m n_mels"]
    ) -> tuple[Float[torch.Tensor, "b t c"], Float[torch.Tensor, "b t p"]]:
        """Give all steps of whole clips, on time: the delay is cut off and the end filled with zeros."""
        late = self.config.delay_steps
        filled = functional.pad(mel, (0, 0, 0, 2 * late + mel.shape[1] % 2))
        embedding, logits, _ = self(filled, self.first_state(len(mel)))
        return embedding[:, late:], logits[:, late:]
