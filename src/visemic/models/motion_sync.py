"""Motion-space sync network: does this sound go with this mouth?

Two towers of convolutions give one unit vector a frame each, from about half a second of sound
and of mouth. Vectors of what belongs together point the same way. No picture is rendered.

Shape letters: b clips, s steps of sound (4 a frame), m mel bands, f frames, c curves,
w frames that have a whole window around them, e embedding.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.errors import InputError


@dataclass(frozen=True)
class MotionSyncConfig:
    """Sizes of the network."""

    n_bands: int = 40
    """Mel bands of the sound."""
    n_curves: int = 4
    """Curves of the mouth."""
    sound_width: int = 128
    """Channels of the sound's tower."""
    mouth_width: int = 96
    """Channels of the mouth's tower."""
    embedding: int = 64
    """Length of the vectors."""
    depth: int = 3
    """Convolutions of five frames in each tower; each sees two frames more on either side."""
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("n_bands", "n_curves", "sound_width", "mouth_width", "embedding", "depth"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout:g}; give 0 or more and less than 1")

    @property
    def margin_frames(self) -> int:
        """Frames on either side that a vector sees besides its own."""
        return 1 + 2 * self.depth


class MotionSync(nn.Module):
    """The two towers.

    Source:
        Chung and Zisserman 2016, "Out of time: automated lip sync in the wild", two towers and
        the distance of their vectors.

    Deviation:
        A few millimetres of the mouth instead of pictures; layers over whole clips, so that
        windows share their work; unit vectors and a softmax over many wrong pairs in training.
    """

    def __init__(self, config: MotionSyncConfig) -> None:
        """Make untrained towers."""
        super().__init__()
        self.config = config
        self.sound = SoundTower(config)
        self.mouth = MouthTower(config)

    def forward(
        self, sound: Float[Tensor, "b s m"], mouth: Float[Tensor, "b f c"]
    ) -> tuple[Float[Tensor, "b w e"], Float[Tensor, "b w e"]]:
        """Give the vectors of sound and of mouth, the first for frame ``margin_frames``."""
        return self.sound(sound), self.mouth(mouth)


class SoundTower(nn.Module):
    """Four steps of sound a frame to one vector a frame."""

    def __init__(self, config: MotionSyncConfig) -> None:
        super().__init__()
        width = config.sound_width
        # Windows are symmetric: 5 steps, then 3 of every second one, are centred on a frame.
        layers: list[nn.Module] = [
            _Block(config.n_bands, width, 5, stride=2),
            _Block(width, width, 3, stride=2),
        ]
        for _ in range(config.depth):
            layers += [nn.Dropout(config.dropout), _Block(width, width, 5)]
        self.layers = nn.Sequential(*layers)
        self.out = nn.Conv1d(width, config.embedding, 1)

    def forward(self, sound: Float[Tensor, "b s m"]) -> Float[Tensor, "b w e"]:
        """Give unit vectors."""
        return functional.normalize(self.out(self.layers(sound.transpose(1, 2))).transpose(1, 2), dim=-1)


class MouthTower(nn.Module):
    """Curves and their changes to one vector a frame."""

    def __init__(self, config: MotionSyncConfig) -> None:
        super().__init__()
        width = config.mouth_width
        layers: list[nn.Module] = [_Block(2 * config.n_curves, width, 5)]
        for _ in range(config.depth - 1):
            layers += [nn.Dropout(config.dropout), _Block(width, width, 5)]
        self.layers = nn.Sequential(*layers)
        self.out = nn.Conv1d(width, config.embedding, 1)

    def forward(self, mouth: Float[Tensor, "b f c"]) -> Float[Tensor, "b w e"]:
        """Give unit vectors."""
        change = mouth[:, 2:] - mouth[:, :-2]
        seen = torch.cat([mouth[:, 1:-1], change], dim=-1)
        return functional.normalize(self.out(self.layers(seen.transpose(1, 2))).transpose(1, 2), dim=-1)


class _Block(nn.Module):
    """Convolution without padding, norm over channels of each frame, ReLU."""

    def __init__(self, width_in: int, width: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(width_in, width, kernel, stride=stride)
        self.norm = nn.LayerNorm(width)

    def forward(self, values: Float[Tensor, "b k n"]) -> Float[Tensor, "b l q"]:
        there = self.convolution(values)
        return functional.relu(self.norm(there.transpose(1, 2)).transpose(1, 2))
