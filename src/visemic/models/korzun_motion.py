"""From features to mouth motion with a trained ``ff`` or ``s2s`` network, for clips of any length.

The network sees normalised windows and knows no time. Here windows are cut at the exact time of
each frame, chunks are joined by handing on the poses before, and the curves are smoothed by
parabolas, as the paper does against jerks between chunks.

Shape letters as in ``models.korzun``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.layout import Layout
from visemic.core.signals import Features, Motion
from visemic.features.sample import step_positions
from visemic.models.korzun import KorzunConfig, KorzunFf, KorzunNetwork

KORZUN_RATE = Rate.of(30)
"""Frames a second of the paper's models."""

_BATCH_FRAMES = 512


@dataclass(frozen=True)
class Smoothing:
    """A Savitzky-Golay filter: each value becomes that of a parabola through its neighbours."""

    window: int = 5
    """Frames, odd. At 30 frames a second 5 keep nine tenths of a motion of 5 Hz; the 9 of the
    authors' earlier code, order 3, keep three tenths of it, and speech is that fast."""
    order: int = 2

    def __post_init__(self) -> None:
        if self.window < 1 or self.window % 2 == 0:
            raise InputError(f"a smoothing window of {self.window} frames has no middle; give an odd number")
        if not 0 <= self.order < self.window:
            raise InputError(
                f"smoothing order {self.order} does not fit a window of {self.window} frames; give 0 to "
                f"{self.window - 1}"
            )


@dataclass(frozen=True, eq=False)
class FeatureFacts:
    """What a network was trained to hear."""

    source: str
    """Name by which the features are made again, such as ``log-mel``."""
    name: str
    version: str
    rate: Rate
    start_s: Fraction
    """Time of the middle of step 0."""
    mean: Float32[np.ndarray, " features"]
    spread: Float32[np.ndarray, " features"]

    def normalised(self, features: Features) -> Float32[np.ndarray, "steps features"]:
        """Give features with the training set's mean and spread taken out.

        Raises:
            ArtifactError: They are other features, or of another version, rate or width.
        """
        for what in ("name", "version", "rate"):
            given, wanted = str(getattr(features, what)), str(getattr(self, what))
            if given != wanted:
                raise ArtifactError(
                    f"the model hears features of {what} {wanted!r} and {given!r} was given; "
                    f"extract {self.source!r} features of version {self.version!r} or train the model again"
                )
        if features.values.shape[1] != len(self.mean):
            raise ArtifactError(
                f"the model hears {len(self.mean)} features a step and {features.values.shape[1]} were "
                f"given; extract {self.source!r} features"
            )
        if len(features.values) == 0:
            raise InputError("features have 0 steps; give at least one")
        return ((features.values - self.mean) / self.spread).astype(np.float32)


class ClipWindows:
    """Normalised features of clips, cut into windows on demand.

    A window's middle lies exactly at the time of its frame: between two steps, both are mixed.
    Beyond the ends of a clip its first or last step is held.

    Args:
        clips: Normalised features, one row a step, at least one row each.
        n_frames: Frames of each clip.
        rate: Steps a second.
        start_s: Time of the middle of step 0.
        context: Steps of a window, odd.
        chunk: Frames by which windows may reach beyond a clip's last frame.
    """

    def __init__(
        self,
        clips: Sequence[Float32[np.ndarray, "_ features"]],
        n_frames: Sequence[int],
        rate: Rate,
        start_s: Fraction,
        context: int,
        chunk: int = 1,
    ) -> None:
        lengths = np.array([len(clip) for clip in clips], np.int64)
        self.n_frames = tuple(n_frames)
        self._values = torch.from_numpy(np.concatenate(clips))
        self._last = torch.from_numpy(np.cumsum(lengths) - 1)
        self._first = torch.from_numpy(np.cumsum(lengths) - lengths)
        positions = step_positions(max(n_frames, default=0) + chunk, KORZUN_RATE, rate, start_s)
        below = np.floor(positions)
        self._below = torch.from_numpy(below.astype(np.int64))
        self._share = torch.from_numpy((positions - below).astype(np.float32))
        self._around = torch.arange(context) - context // 2

    def at(
        self, clips: Int[torch.Tensor, " b"], frames: Int[torch.Tensor, " b"]
    ) -> Float[torch.Tensor, "b k f"]:
        """Give the windows of some frames of some clips."""
        first, last = self._first[clips, None], self._last[clips, None]
        steps = first + self._below[frames, None] + self._around
        lower = torch.minimum(torch.maximum(steps, first), last)
        upper = torch.minimum(torch.maximum(steps + 1, first), last)
        return torch.lerp(self._values[lower], self._values[upper], self._share[frames, None, None])


@torch.no_grad()
def predict_clips(network: KorzunNetwork, windows: ClipWindows) -> list[Float32[np.ndarray, "_ channels"]]:
    """Give the raw curves of every clip: neither smoothed nor limited.

    The network should be in evaluation mode; memory is bounded by a batch of windows.
    """
    device = next(network.parameters()).device
    if isinstance(network, KorzunFf):
        return _predict_frames(network, windows, device)
    return _predict_chunks(network, windows, device)


def _predict_frames(network: KorzunFf, windows: ClipWindows, device: torch.device) -> list[np.ndarray]:
    lengths = torch.tensor(windows.n_frames, dtype=torch.int64)
    clips = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    frames = torch.cat([torch.arange(n) for n in windows.n_frames])
    rows = [
        network(windows.at(clips[at : at + _BATCH_FRAMES], frames[at : at + _BATCH_FRAMES]).to(device)).cpu()
        for at in range(0, len(clips), _BATCH_FRAMES)
    ]
    return np.split(torch.cat(rows).numpy(), np.cumsum(windows.n_frames)[:-1])


def _predict_chunks(network: KorzunNetwork, windows: ClipWindows, device: torch.device) -> list[np.ndarray]:
    config: KorzunConfig = network.config
    # Longest first: clips that have ended drop off the end of the batch.
    order = sorted(range(len(windows.n_frames)), key=lambda clip: -windows.n_frames[clip])
    together = max(1, _BATCH_FRAMES // config.chunk)
    made: dict[int, np.ndarray] = {}
    for at in range(0, len(order), together):
        group = order[at : at + together]
        previous = first_poses(len(group), config).to(device)
        chunks: list[torch.Tensor] = []
        for start in range(0, windows.n_frames[group[0]], config.chunk):
            going = sum(windows.n_frames[clip] > start for clip in group)
            clips, frames = chunk_places(torch.tensor(group[:going]), torch.full((going,), start), config)
            heard = windows.at(clips, frames).unflatten(0, (going, config.chunk))
            chunk = network(heard.to(device), previous[:going])
            previous = torch.cat([previous[:going], chunk], dim=1)[:, -config.previous :]
            chunks.append(chunk.cpu())
        for place, clip in enumerate(group):
            whole = torch.cat([chunk[place] for chunk in chunks if place < len(chunk)])
            made[clip] = whole[: windows.n_frames[clip]].numpy()
    return [made[clip] for clip in range(len(order))]


def first_poses(n_clips: int, config: KorzunConfig) -> Float[torch.Tensor, "b p c"]:
    """Give the poses before a clip begins: the face at rest."""
    return torch.zeros(n_clips, config.previous, config.n_channels)


def chunk_places(
    clips: Int[torch.Tensor, " b"], starts: Int[torch.Tensor, " b"], config: KorzunConfig
) -> tuple[Int[torch.Tensor, " frames"], Int[torch.Tensor, " frames"]]:
    """Give clip and frame of every window of some chunks, chunk by chunk."""
    frames = starts[:, None] + torch.arange(config.chunk)
    return clips.repeat_interleave(config.chunk), frames.flatten()


def smoothed(
    curves: Float32[np.ndarray, "frames channels"], smoothing: Smoothing
) -> Float32[np.ndarray, "frames channels"]:
    """Give curves after a Savitzky-Golay filter; ends are those of the last full parabola.

    A clip shorter than the window gets the largest window that fits.

    Source:
        Savitzky & Golay 1964, "Smoothing and Differentiation of Data by Simplified Least Squares
        Procedures".
    """
    from scipy.signal import savgol_filter

    window = min(smoothing.window, len(curves) - 1 + len(curves) % 2)
    if window <= smoothing.order:
        return curves
    return savgol_filter(curves, window, smoothing.order, axis=0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class KorzunModel:
    """A trained network with all that it needs besides: what it hears and what its outputs are."""

    network: KorzunNetwork
    """In evaluation mode."""
    heard: FeatureFacts
    layout: Layout
    smoothing: Smoothing = Smoothing()

    @property
    def rate(self) -> Rate:
        """Frames a second of what it gives."""
        return KORZUN_RATE

    def generate(self, features: Features, n_frames: int | None = None) -> Motion:
        """Give mouth motion for features; nothing in it is left to chance.

        Args:
            features: Of the extractor and version that the network was trained on.
            n_frames: Frames to give; None takes as many as the features last.

        Returns:
            Weights from 0 to 1 at 30 frames a second.

        Raises:
            ArtifactError: They are other features, or of another version.
            InputError: There are no features, or fewer than one frame is asked for.
        """
        values = self.heard.normalised(features)
        if n_frames is None:
            n_frames = KORZUN_RATE.count(len(values) / float(features.rate))
        if n_frames < 1:
            raise InputError(f"{n_frames} frames cannot be given; ask for at least 1")
        config: KorzunConfig = self.network.config
        windows = ClipWindows(
            [values], [n_frames], features.rate, self.heard.start_s, config.context, config.chunk
        )
        curves = smoothed(predict_clips(self.network, windows)[0], self.smoothing)
        return Motion(np.clip(curves, 0.0, 1.0), self.layout, KORZUN_RATE)
