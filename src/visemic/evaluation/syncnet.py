"""LSE-D and LSE-C: how well SyncNet finds lips and sound to go together, and at which lag.

A window of five pictures and one of twenty rows of cepstra become points; their distance is small
when mouth and sound belong to each other. The published score averages it over a clip at every
lag. It judges pictures, so a face is drawn first, and numbers depend on how: always read a score
beside that of the recording and that of a wrong sound, drawn in the same way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Int16, UInt8

from visemic.audio.io import read_waveform
from visemic.core.errors import ArtifactError, ClockError
from visemic.core.signals import MeshMotion, Motion, Waveform
from visemic.evaluation.sync import SyncScore, SyncScorer
from visemic.evaluation.syncnet_picture import PICTURE_RATE, FaceBox, render_crops, video_crops
from visemic.features.mfcc import mfcc_from_pcm, pcm_from_waveform
from visemic.rig.linear import Rig

MAX_SHIFT = 15
"""Frames of 0.04 s that are tried on either side, as in the published demo."""

_WINDOW_FRAMES, _WINDOW_STEPS, _STEPS_A_FRAME = 5, 20, 4
_SAMPLES_A_FRAME = 640
_NUDGE = 1e-6
"""Added to every difference, as in the published distance."""
_CONFIDENCE_FRAMES = 9
_BATCH_WINDOWS = 16


@runtime_checkable
class Towers(Protocol):
    """The two halves of SyncNet."""

    def embed_pictures(
        self, pictures: Float32[np.ndarray, "3 frames 224 224"]
    ) -> Float32[np.ndarray, "frames-4 _"]:
        """Embed every window of five frames; channels are blue, green, red, 0 to 255."""
        ...

    def embed_sound(self, cepstra: Float32[np.ndarray, "windows 13 20"]) -> Float32[np.ndarray, "windows _"]:
        """Embed windows of cepstra."""
        ...


@dataclass(frozen=True, eq=False)
class LipSync:
    """What SyncNet says of one clip."""

    lse_d: float
    """Mean distance at the best lag; smaller is better."""
    lse_c: float
    """Median over the lags less the best; larger is better."""
    offset_frames: int
    """Frames of 0.04 s by which the picture is late at the best lag; below 0 the sound is late."""
    mean_distances: Float[np.ndarray, " shifts"]
    """At every shift of the sound, from the earliest to the latest."""
    frame_confidence: Float[np.ndarray, " windows"]
    """How much nearer than the median distance of the clip each window is at the best lag,
    smoothed; the window starts at the frame of its number."""

    def to_score(self) -> SyncScore:
        """Give what every scorer gives."""
        is_still = float(np.ptp(self.mean_distances)) == 0.0
        return SyncScore(
            self.lse_d,
            self.lse_c,
            float("nan") if is_still else self.offset_frames / float(PICTURE_RATE),
            float(self.mean_distances[len(self.mean_distances) // 2]),
        )


class SyncNetScorer:
    """Draws the motion on a head and asks SyncNet."""

    name = "syncnet"

    def __init__(self, towers: Towers, rig: Rig, *, max_shift: int = MAX_SHIFT) -> None:
        """Take a network and a head.

        Args:
            towers: SyncNet with weights.
            rig: Plays the weights; a moving mesh must have its vertices.
            max_shift: Largest lag, frames of 0.04 s.
        """
        self._towers, self._rig, self._max_shift = towers, rig, max_shift

    def score(self, motion: Motion | MeshMotion, waveform: Waveform) -> SyncScore:
        """Score one clip.

        Raises:
            ClockError: Picture or sound is too short.
            RigError: A moving mesh is not that of the head.
        """
        return self.measure(motion, waveform).to_score()

    def measure(self, motion: Motion | MeshMotion, waveform: Waveform) -> LipSync:
        """Score one clip, with every lag and every frame.

        Raises:
            ClockError: Picture or sound is too short.
            RigError: A moving mesh is not that of the head.
        """
        rate = motion.rate
        n_given = len(motion.vertices) if isinstance(motion, MeshMotion) else motion.n_frames
        samples = pcm_from_waveform(waveform)
        n_frames = PICTURE_RATE.count(n_given / float(rate)) if n_given else 0
        # Before anything is drawn, which takes long.
        _count_windows(n_frames, len(samples), self._max_shift)
        crops = render_crops(self._rig, motion)
        return score_pictures(self._towers, crops, samples, max_shift=self._max_shift)


def syncnet_scorer(weights: Path, rig: Rig) -> SyncScorer:
    """Give the scorer with the weights of a file.

    Raises:
        ArtifactError: PyTorch is missing, or the file is not SyncNet's.
    """
    return SyncNetScorer(load_towers(weights), rig)


def load_towers(weights: Path) -> Towers:
    """Give SyncNet with the weights of a file.

    Raises:
        ArtifactError: PyTorch is missing, or the file is not SyncNet's.
    """
    try:
        import torch  # noqa: F401  only whether it is there
    except ImportError as error:
        raise ArtifactError("SyncNet needs PyTorch; install it with: pip install 'visemic[train]'") from error
    from visemic.models.syncnet import SyncNetTowers
    from visemic.models.syncnet_weights import load_syncnet

    return SyncNetTowers(load_syncnet(weights))


def score_video(
    towers: Towers, path: Path, *, face: FaceBox | None = None, max_shift: int = MAX_SHIFT
) -> LipSync:
    """Score the pictures of a video file with its sound, both from their first on.

    Args:
        towers: SyncNet with weights.
        path: A video with sound.
        face: Where the face is, in pixels; None for a video that is the crop already.
        max_shift: Largest lag, frames of 0.04 s.

    Raises:
        FormatError: There is no picture that can be read.
        AudioError: There is no sound that can be read.
        InputError: The video is no square and no box was given.
        ClockError: Picture or sound is too short.
    """
    samples = pcm_from_waveform(read_waveform(path))
    return score_pictures(towers, video_crops(path, face), samples, max_shift=max_shift)


def score_pictures(
    towers: Towers,
    crops: Iterable[UInt8[np.ndarray, "224 224 3"]],
    samples: Int16[np.ndarray, " samples"],
    *,
    max_shift: int = MAX_SHIFT,
) -> LipSync:
    """Score crops with a sound; a few pictures are held at a time.

    Args:
        towers: SyncNet with weights.
        crops: RGB, 25 a second.
        samples: 16-bit, 16 kHz.
        max_shift: Largest lag, frames of 0.04 s.

    Raises:
        ClockError: Picture or sound is too short.
    """
    n_frames = 0

    def counted() -> Iterator[UInt8[np.ndarray, "224 224 3"]]:
        # No more pictures are taken, and perhaps drawn, than there is sound for.
        nonlocal n_frames
        for crop in islice(iter(crops), len(samples) // _SAMPLES_A_FRAME):
            n_frames += 1
            yield crop

    blocks = list(_embedded(towers, counted()))
    n_windows = _count_windows(n_frames, len(samples), max_shift)
    pictures = np.concatenate(blocks)[:n_windows]
    return score_distances(sync_distances(pictures, _heard(towers, samples, n_windows), max_shift))


def sync_distances(
    pictures: Float[np.ndarray, "windows numbers"],
    sounds: Float[np.ndarray, "windows numbers"],
    max_shift: int = MAX_SHIFT,
) -> Float[np.ndarray, "windows shifts"]:
    """Give the distance of each window of picture to the sound around it.

    Column ``k`` holds the sound that comes ``k - max_shift`` windows later; beyond the ends of
    the sound lie zeros.

    Source:
        Chung & Zisserman 2016, with the zeros at the ends as published with the weights.
    """
    n = len(pictures)
    padded = np.pad(sounds.astype(float), ((max_shift, max_shift), (0, 0)))
    columns = [
        np.linalg.norm(pictures - padded[shift : shift + n] + _NUDGE, axis=1)
        for shift in range(2 * max_shift + 1)
    ]
    return np.stack(columns, axis=1)


def score_distances(distances: Float[np.ndarray, "windows shifts"]) -> LipSync:
    """Give the published scores of a table of distances, an odd number of shifts wide.

    Source:
        Chung & Zisserman 2016; the names LSE-D and LSE-C are of Prajwal et al. 2020, "A Lip Sync
        Expert Is All You Need", for minimum distance and confidence.
    """
    mean = distances.mean(axis=0)
    best = int(np.argmin(mean))
    middle = float(np.median(mean))
    beyond = _CONFIDENCE_FRAMES // 2
    nearer = np.pad(middle - distances[:, best], beyond)
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(nearer, _CONFIDENCE_FRAMES), axis=1)
    return LipSync(
        float(mean[best]), middle - float(mean[best]), distances.shape[1] // 2 - best, mean, smooth
    )


def _count_windows(n_frames: int, n_samples: int, max_shift: int) -> int:
    """Give how many windows the published score takes of a clip: one fewer than there are."""
    n_common = min(n_frames, n_samples // _SAMPLES_A_FRAME)
    least = max_shift + 1 + _WINDOW_FRAMES
    # With fewer, some lag would compare nothing but zeros.
    if n_common < least:
        raise ClockError(
            f"{n_common} frames of picture with sound are too few for lags of up to {max_shift}; "
            f"give a clip of {least / float(PICTURE_RATE):.2f} s or more"
        )
    return n_common - _WINDOW_FRAMES


def _embedded(
    towers: Towers, crops: Iterator[UInt8[np.ndarray, "224 224 3"]]
) -> Iterator[Float32[np.ndarray, "windows _"]]:
    """Embed windows batch by batch; neighbours share four frames."""
    held = list(islice(crops, _WINDOW_FRAMES - 1))
    while fresh := list(islice(crops, _BATCH_WINDOWS)):
        held += fresh
        # Height, width, RGB to BGR planes of frames.
        block = np.stack(held)[..., ::-1].transpose(3, 0, 1, 2)
        yield towers.embed_pictures(np.ascontiguousarray(block, np.float32))
        held = held[-(_WINDOW_FRAMES - 1) :]


def _heard(
    towers: Towers, samples: Int16[np.ndarray, " samples"], n_windows: int
) -> Float32[np.ndarray, "windows _"]:
    cepstra = mfcc_from_pcm(samples).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(cepstra, _WINDOW_STEPS, axis=0)[::_STEPS_A_FRAME]
    return np.concatenate(
        [
            towers.embed_sound(np.ascontiguousarray(windows[i : min(i + _BATCH_WINDOWS, n_windows)]))
            for i in range(0, n_windows, _BATCH_WINDOWS)
        ]
    )
