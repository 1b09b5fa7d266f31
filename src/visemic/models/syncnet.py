"""SyncNet: two towers that put 0.2 s of picture and 0.2 s of sound near each other if they go together.

Parameters have the published names, so that the published weights load. Nothing here knows of
files, rates or units.

Shape letters: ``b`` windows, ``t`` frames of picture.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import nn

EMBEDDING = 1024
"""Numbers in which a window is told; they are not scaled to length 1."""
SIDE = 224
"""Pixels."""
WINDOW_FRAMES = 5
"""Pictures in a window."""
WINDOW_STEPS = 20
"""Rows of cepstra in a window."""


class SyncNet(nn.Module):
    """The two towers.

    Source:
        Chung & Zisserman 2016, "Out of time: automated lip sync in the wild"; layers and names of
        parameters as published with the weights ``syncnet_v2.model``.
    Deviation:
        The picture's tower takes any number of frames and gives every window of five at once: it
        looks across time in its first layer only, so the numbers are the same and no frame is
        held five times.
    """

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_flat(1, 64, 3, padding=1),
            nn.MaxPool2d(1, 1),
            *_flat(64, 192, 3, padding=1),
            nn.MaxPool2d(3, (1, 2)),
            *_flat(192, 384, 3, padding=1),
            *_flat(384, 256, 3, padding=1),
            *_flat(256, 256, 3, padding=1),
            nn.MaxPool2d(3, 2),
            *_flat(256, 512, (5, 4)),
        )
        self.netfcaud = _embedding()
        self.netfclip = _embedding()
        self.netcnnlip = nn.Sequential(
            *_deep(3, 96, (5, 7, 7), stride=(1, 2, 2)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_deep(96, 256, (1, 5, 5), stride=(1, 2, 2), padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_deep(256, 256, (1, 3, 3), padding=(0, 1, 1)),
            *_deep(256, 256, (1, 3, 3), padding=(0, 1, 1)),
            *_deep(256, 256, (1, 3, 3), padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_deep(256, 512, (1, 6, 6)),
        )

    def embed_sound(self, cepstra: Float[torch.Tensor, "b 1 13 20"]) -> Float[torch.Tensor, "b 1024"]:
        """Embed windows of cepstra, first axis the cepstrum, second the time."""
        return self.netfcaud(self.netcnnaud(cepstra).flatten(1))

    def embed_pictures(
        self, pictures: Float[torch.Tensor, "b 3 t 224 224"]
    ) -> Float[torch.Tensor, "b t-4 1024"]:
        """Embed every window of five frames; channels are blue, green, red, 0 to 255."""
        seen = self.netcnnlip(pictures)[..., 0, 0].transpose(1, 2)
        return self.netfclip(seen.flatten(0, 1)).unflatten(0, seen.shape[:2])

    def forward(
        self,
        pictures: Float[torch.Tensor, "b 3 5 224 224"],
        cepstra: Float[torch.Tensor, "b 1 13 20"],
    ) -> Float[torch.Tensor, " b"]:
        """Give the distance between each window of picture and its window of sound."""
        return (self.embed_pictures(pictures)[:, 0] - self.embed_sound(cepstra)).norm(dim=1)


class SyncNetTowers:
    """A network with its parameters, seen from the side of numpy; nothing is learnt through it."""

    def __init__(self, network: SyncNet) -> None:
        """Take a network; it is put into the mode in which batches do not matter."""
        self._network = network.eval()

    def embed_pictures(
        self, pictures: Float32[np.ndarray, "3 frames 224 224"]
    ) -> Float32[np.ndarray, "frames-4 1024"]:
        """Embed every window of five frames; channels are blue, green, red, 0 to 255."""
        with torch.inference_mode():
            return self._network.embed_pictures(torch.from_numpy(pictures)[None])[0].numpy()

    def embed_sound(
        self, cepstra: Float32[np.ndarray, "windows 13 20"]
    ) -> Float32[np.ndarray, "windows 1024"]:
        """Embed windows of cepstra."""
        with torch.inference_mode():
            return self._network.embed_sound(torch.from_numpy(cepstra)[:, None]).numpy()


def _flat(
    inputs: int, outputs: int, kernel: int | tuple[int, int], *, padding: int = 0
) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()


def _deep(
    inputs: int,
    outputs: int,
    kernel: tuple[int, int, int],
    *,
    stride: tuple[int, int, int] = (1, 1, 1),
    padding: tuple[int, int, int] = (0, 0, 0),
) -> tuple[nn.Module, ...]:
    return (
        nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=padding),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
    )


def _embedding() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, EMBEDDING))
