"""The four speech-to-mouth models of Korzun et al.: ``ff`` and ``s2s``, each on two kinds of features.

Both hear a window of feature steps around the time of a frame. ``ff`` gives one frame from one
window and keeps no state. ``s2s`` gives twenty frames from twenty windows; its decoder first
repeats the ten poses before them, then goes on pose by pose. ``w2v`` and ``avc`` name what is
heard (wav2vec 2.0 or a converted mel spectrum) and differ in the width of the input alone.

Shape letters: b examples, n frames of a chunk, k feature steps of a window, f features,
c channels of the mouth, p poses before a chunk, h width, e states of the encoder.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import nn

from visemic.core.errors import InputError

W2V_FEATURES = 768
"""Width of the context features of a wav2vec 2.0 base encoder."""
AVC_FEATURES = 80
"""Bands of a mel spectrum that AutoVC has converted."""


@dataclass(frozen=True)
class KorzunConfig:
    """Sizes of a model."""

    kind: Literal["ff", "s2s"] = "ff"
    """One frame at a time, or chunks that carry on from the poses before."""
    n_features: int = W2V_FEATURES
    n_channels: int = 33
    """Mouth shapes."""
    context: int = 61
    """Feature steps of a window, odd; 25 at 50 Hz are half a second, which the paper found enough."""
    norm: Literal["batch", "layer"] = "batch"
    """``batch`` normalises each place of the window over examples; ``layer`` each step by itself,
    so that a model does not depend on where in the window something was heard."""
    width: int = 150
    dropout: float = 0.1
    chunk: int = 20
    """Frames that ``s2s`` gives at once."""
    previous: int = 10
    """Poses that ``s2s`` repeats first."""

    def __post_init__(self) -> None:
        for name in ("n_features", "n_channels", "context", "width", "chunk", "previous"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.context % 2 == 0:
            raise InputError(
                f"context is {self.context} steps and has no middle; give an odd number such as "
                f"{self.context + 1}"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout:g}; give 0 or more and less than 1")


class StepNorm(nn.LayerNorm):
    """The norm of each step by itself, for windows of any length."""

    def __init__(self, config: KorzunConfig) -> None:
        super().__init__(config.width)


class PlaceNorm(nn.BatchNorm1d):
    """The norm of each place of the window over all examples: the window's length is its own."""

    def __init__(self, config: KorzunConfig) -> None:
        super().__init__(config.context)


_NORMS = {"batch": PlaceNorm, "layer": StepNorm}


class ContextEncoder(nn.Module):
    """A window of features to one vector: three layers on every step, then a GRU's last state."""

    def __init__(self, config: KorzunConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in in (config.n_features, config.width, config.width):
            norm = _NORMS[config.norm](config)
            layers += [nn.Linear(n_in, config.width), norm, nn.ReLU(), nn.Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers)
        self.gru = nn.GRU(config.width, config.width, batch_first=True)

    def forward(self, window: Float[torch.Tensor, "b k f"]) -> Float[torch.Tensor, "b h"]:
        """Give the state after the last step of the window."""
        _, last = self.gru(self.layers(window))
        return last[0]


class KorzunFf(nn.Module):
    """One window to one frame.

    Source:
        Korzun et al. 2022, "Speaker-agnostic mouth blendshape prediction from speech", the
        feed-forward model; sizes from Kucherenko et al. 2019 and Korzun et al. 2021, whose
        diagram the paper simplifies.

    Deviation:
        The paper prints no sizes; 302,199 parameters on 768 features is our reading of it.
    """

    def __init__(self, config: KorzunConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ContextEncoder(config)
        norm = nn.BatchNorm1d(config.width) if config.norm == "batch" else nn.LayerNorm(config.width)
        self.head = nn.Sequential(norm, nn.ReLU(), nn.Dropout(config.dropout))
        self.out = nn.Linear(config.width, config.n_channels)

    def forward(self, window: Float[torch.Tensor, "b k f"]) -> Float[torch.Tensor, "b c"]:
        """Give the weights of one frame each."""
        return self.out(self.head(self.encoder(window)))


class KorzunS2s(nn.Module):
    """Twenty windows and the poses before them to twenty frames.

    Source:
        Korzun et al. 2022, the sequence-to-sequence model; sizes and attention from Korzun et al.
        2021, "The FineMotion entry to the GENEA Challenge 2020", without its words.

    Deviation:
        The paper prints no sizes; 752,199 parameters on 768 features is our reading of it: the
        encoder of ``ff``, whose last norm belongs to its head and is not part of this model.
    """

    def __init__(self, config: KorzunConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.encoder = ContextEncoder(config)
        self.sequence = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.start = nn.Linear(2 * width, width)
        self.decoder = nn.GRU(config.n_channels, width, batch_first=True)
        self.keys = nn.Linear(2 * width, width)
        self.out = nn.Linear(2 * width, config.n_channels)

    def forward(
        self, windows: Float[torch.Tensor, "b n k f"], previous: Float[torch.Tensor, "b p c"]
    ) -> Float[torch.Tensor, "b n c"]:
        """Give the weights of a chunk, which goes on from the poses before it."""
        heard, ends = self.sequence(self.encoder(windows.flatten(0, 1)).unflatten(0, windows.shape[:2]))
        keys = self.keys(heard)
        _, state = self.decoder(previous, self.start(torch.cat([ends[0], ends[1]], dim=-1))[None])
        poses = [self._pose(state, keys)]
        for _ in range(windows.shape[1] - 1):
            _, state = self.decoder(poses[-1][:, None], state)
            poses.append(self._pose(state, keys))
        return torch.stack(poses, dim=1)

    def _pose(
        self, state: Float[torch.Tensor, "1 b h"], keys: Float[torch.Tensor, "b e h"]
    ) -> Float[torch.Tensor, "b c"]:
        attention = torch.softmax(torch.einsum("bh,beh->be", state[0], keys), dim=-1)
        found = torch.einsum("be,beh->bh", attention, keys)
        return self.out(torch.cat([state[0], found], dim=-1))


KorzunNetwork = KorzunFf | KorzunS2s


def new_korzun(config: KorzunConfig) -> KorzunNetwork:
    """Give an untrained network of a configuration."""
    return KorzunFf(config) if config.kind == "ff" else KorzunS2s(config)
