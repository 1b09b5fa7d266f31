"""Speech to mouth shapes, live: a small head on the phonetic encoder's trunk.

What carries to speakers never heard is the trunk, which learned phones from many voices; the
head turns its embedding and its own phone posteriors into the 33 mouth shapes, looking back
only. Step ``j`` shows the mouth of ``20 j + 25`` ms, 15 ms after the sound that the trunk's
step speaks of: with straight lines between steps a frame at any time then needs 77.5 ms of
later sound.

Shape letters: b clips, m mel frames, t steps, c channels, k rows kept, w mouth shapes.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional

from visemic.models.phonetic import Block, PhoneticConfig, PhoneticEncoder


@dataclass(frozen=True)
class TrunkMouthConfig:
    """Sizes of the head, and the trunk's."""

    trunk: PhoneticConfig = field(default_factory=PhoneticConfig)
    channels: int = 192
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4)
    dropout: float = 0.1
    n_shapes: int = 33

    @property
    def head(self) -> PhoneticConfig:
        """Sizes of the head's blocks, in the trunk's terms."""
        return PhoneticConfig(
            channels=self.channels,
            kernel=self.kernel,
            dilations=self.dilations,
            lookaheads=(0,) * len(self.dilations),
            dropout=self.dropout,
        )


class TrunkMouth(nn.Module):
    """Log-mel in; phone logits, embedding and mouth shapes out.

    Source:
        None: our own. The split into a phonetic trunk and a small head follows from what Korzun
        et al. 2022 found, that features matter more than the network behind them.
    """

    def __init__(self, config: TrunkMouthConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = PhoneticEncoder(config.trunk)
        self.enter = nn.Linear(config.trunk.channels + config.trunk.n_phones, config.channels)
        self.blocks = nn.ModuleList(Block(config.head, d, 0) for d in config.dilations)
        self.norm = nn.LayerNorm(config.channels)
        self.leave = nn.Linear(config.channels, config.n_shapes)

    def first_state(self, n_clips: int) -> list[torch.Tensor]:
        """Give the state before any sound: zeros."""
        kept = [(self.config.kernel - 1) * d for d in self.config.dilations]
        weight = self.enter.weight
        return [
            *self.trunk.first_state(n_clips),
            *(weight.new_zeros(n_clips, k, self.config.channels) for k in kept),
        ]

    def forward(
        self, mel: Float[torch.Tensor, "b m n_mels"], state: list[torch.Tensor]
    ) -> tuple[
        Float[torch.Tensor, "b t c"],
        Float[torch.Tensor, "b t p"],
        Float[torch.Tensor, "b t w"],
        list[torch.Tensor],
    ]:
        """Take an even number of frames and give half as many steps, the trunk's delay late."""
        n_trunk = 1 + len(self.trunk.blocks)
        embedding, logits, new_state = self.trunk(mel, state[:n_trunk])
        x = functional.gelu(self.enter(torch.cat([embedding, logits.softmax(-1)], dim=-1)))
        for block, past in zip(self.blocks, state[n_trunk:], strict=True):
            x, kept = block(x, past)
            new_state.append(kept)
        return embedding, logits, self.leave(self.norm(x)), new_state

    def whole(
        self, mel: Float[torch.Tensor, "b m n_mels"]
    ) -> tuple[Float[torch.Tensor, "b t p"], Float[torch.Tensor, "b t w"]]:
        """Give logits and shapes of whole clips, on time."""
        late = self.config.trunk.delay_steps
        filled = functional.pad(mel, (0, 0, 0, 2 * late + mel.shape[1] % 2))
        _, logits, shapes, _ = self(filled, self.first_state(len(mel)))
        return logits[:, late:], shapes[:, late:]
