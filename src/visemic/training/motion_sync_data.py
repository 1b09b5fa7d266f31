"""Sound and mouth of clips for the sync network, and how they are varied.

A network that shall judge any voice on any head must not learn one microphone, one tracker or
one manner: the sound is warped, blurred, filtered and covered with noise, the mouth is mixed,
smoothed, bent, shaken and partly hidden, and both are played faster or slower together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.errors import InputError
from visemic.data.loader import ClipStore
from visemic.data.recording import Split
from visemic.evaluation.motion_sync_input import (
    CURVES,
    STEPS_PER_FRAME,
    mel_power,
    mouth_curves_mm,
    normalised_mouth,
    normalised_sound,
)
from visemic.rig.readout import Readouts

_PIECE_FRAMES = 120
_QUIETEST = 1e-10


@dataclass(frozen=True, eq=False)
class SyncClip:
    """One clip as the network needs it."""

    clip_id: str
    speaker: str
    store: str
    licence: str
    power: Float32[np.ndarray, "steps bands"]
    """Power in mel bands, four steps a frame."""
    mouth_mm: Float32[np.ndarray, "frames curves"]
    """At 30 frames a second."""

    @property
    def n_frames(self) -> int:
        """Frames at 30 a second."""
        return len(self.mouth_mm)

    def part(self, first: int, n_frames: int) -> "SyncClip":
        """Give some frames of the clip as a clip."""
        return replace(
            self,
            clip_id=f"{self.clip_id}:{first}",
            power=self.power[first * STEPS_PER_FRAME : (first + n_frames) * STEPS_PER_FRAME],
            mouth_mm=self.mouth_mm[first : first + n_frames],
        )


@dataclass(frozen=True)
class Variation:
    """How far clips are varied in training; 0 leaves them as they are."""

    warp: float = 0.12
    """Of the mel axis, as longer and shorter vocal tracts do; log-normal spread is half of it."""
    noise_share: float = 0.5
    """Share of clips with noise, 3 to 40 dB below the speech."""
    reverb_share: float = 0.3
    tilt_db: float = 8.0
    """Of the spectrum from lowest to highest band, standard deviation."""
    tempo: float = 0.15
    """Faster or slower by at most this share."""
    mix: float = 0.15
    """Leak of every curve into the others, standard deviation, as between two heads."""
    smooth_frames: float = 1.5
    """Largest standard deviation of a Gaussian in time on the mouth."""
    shake: float = 0.1
    """Noise on the mouth, in units of its spread."""
    jitter_frames: float = 0.35
    """Standard deviation of slow timing errors of the mouth."""
    hidden_share: float = 0.15
    """Share of clips in which a curve other than the lips' gap stands still, for each curve."""


def load_clips(store: Path, name: str, split: Split | None, readouts: Readouts) -> list[SyncClip]:
    """Read the clips of a store that have sound and weights.

    Args:
        store: Folder of the store.
        name: Of the store, kept with the clips.
        split: Part of the corpus; None for all.
        readouts: Of the head that the weights are for.

    Raises:
        ArtifactError: It is no store, or a file is missing or altered.
        InputError: No clip has sound and weights.
    """
    clips = []
    for recording in ClipStore(store).select(split=split):
        if recording.motion is None or recording.waveform is None:
            continue
        mouth = mouth_curves_mm(recording.motion, readouts).astype(np.float32)
        power = mel_power(recording.waveform, len(mouth))
        clips.append(SyncClip(recording.clip_id, recording.speaker, name, recording.licence, power, mouth))
    if not clips:
        raise InputError(
            f"store {str(store)!r} has no clip with sound and weights in split {split}; give another store"
        )
    return clips


def example_pieces(
    clips: Sequence[SyncClip], repeats: Mapping[str, int], shortest_frames: int
) -> list[tuple[int, int]]:
    """Cut clips into pieces of about four seconds: clip and first frame of each.

    Args:
        clips: Those shorter than ``shortest_frames`` are left out.
        repeats: How often the pieces of a store come, 1 where not named.
        shortest_frames: Length that a crop needs.
    """
    found = []
    for number, clip in enumerate(clips):
        if clip.n_frames >= shortest_frames:
            n_pieces = max(1, round(clip.n_frames / _PIECE_FRAMES))
            starts = [(number, part * clip.n_frames // n_pieces) for part in range(n_pieces)]
            found += starts * repeats.get(clip.store, 1)
    return found


def varied_crop(
    clip: SyncClip, start_frame: int, n_frames: int, variation: Variation, rng: np.random.Generator
) -> tuple[Float32[np.ndarray, "steps bands"], Float32[np.ndarray, "frames curves"]]:
    """Cut ``n_frames`` out of a piece of a clip and vary them.

    Args:
        clip: At least ``n_frames`` long.
        start_frame: First frame of the piece.
        n_frames: Of the result.
        variation: How far.
        rng: Source of chance.

    Returns:
        Sound and mouth, normalised.
    """
    tempo = float(np.clip(np.exp(rng.uniform(-1, 1) * variation.tempo), 0.5, clip.n_frames / n_frames))
    span = n_frames * tempo
    last = clip.n_frames - span
    start = float(np.clip(start_frame + rng.uniform(0, max(1.0, _PIECE_FRAMES - span)), 0.0, last))
    frames = start + np.arange(n_frames) * tempo
    steps = (start + np.arange(n_frames * STEPS_PER_FRAME) * tempo / STEPS_PER_FRAME) * STEPS_PER_FRAME
    power = varied_sound(_at(clip.power, steps), variation, rng)
    slow = _slow_noise(n_frames, rng) * variation.jitter_frames
    mouth = varied_mouth(_at(clip.mouth_mm, frames + slow), variation, rng)
    return power, mouth


def plain_crop(
    clip: SyncClip, start_frame: int, n_frames: int
) -> tuple[Float32[np.ndarray, "steps bands"], Float32[np.ndarray, "frames curves"]]:
    """Cut frames out of a clip and normalise them."""
    first = min(start_frame, clip.n_frames - n_frames)
    steps = slice(first * STEPS_PER_FRAME, (first + n_frames) * STEPS_PER_FRAME)
    return normalised_sound(clip.power[steps]), normalised_mouth(clip.mouth_mm[first : first + n_frames])


def varied_sound(
    power: Float[np.ndarray, "steps bands"], variation: Variation, rng: np.random.Generator
) -> Float32[np.ndarray, "steps bands"]:
    """Give normalised sound of another voice, room, microphone and noise."""
    bands = np.arange(power.shape[1])
    factor = float(np.exp(np.clip(rng.normal(0, variation.warp / 2), -variation.warp, variation.warp)))
    power = _at(power.T, np.clip(bands * factor, 0, len(bands) - 1)).T
    if rng.random() < variation.reverb_share:
        power = power + rng.uniform(0.02, 0.3) * _tail(power, float(rng.uniform(0.1, 0.5)))
    tilt_db = rng.normal(0, variation.tilt_db) * (bands / len(bands) - 0.5)
    if rng.random() < variation.noise_share:
        level = power.mean() * 10.0 ** (-rng.uniform(3, 40) / 10)
        slope_db = rng.normal(-6, 6) * (bands / len(bands) - 0.5)
        noise = rng.gamma(4.0, 0.25, power.shape) * 10.0 ** (slope_db / 10)
        power = power + level * noise
    return normalised_sound(np.maximum(power * 10.0 ** (tilt_db / 10), 0).astype(np.float32))


def varied_mouth(
    mouth_mm: Float[np.ndarray, "frames curves"], variation: Variation, rng: np.random.Generator
) -> Float32[np.ndarray, "frames curves"]:
    """Give the normalised mouth of another head, tracker and manner."""
    n_curves = mouth_mm.shape[1]
    unit = normalised_mouth(mouth_mm).astype(float)
    unit = unit @ (np.eye(n_curves) + rng.normal(0, variation.mix, (n_curves, n_curves)))
    bend = rng.uniform(0, 0.6, n_curves)
    unit = unit / (1 + bend * np.abs(unit) / 2)
    sigma = float(rng.uniform(0, variation.smooth_frames))
    if sigma > 0.3:
        unit = _smooth(unit, sigma)
    unit = unit + rng.uniform(0, variation.shake) * rng.normal(size=unit.shape)
    unit = unit + rng.uniform(0, 3 * variation.shake) * _slow_noise(len(unit), rng)[:, None]
    may_hide = np.array([name != "lip_gap" for name in CURVES])
    hidden = may_hide & (rng.random(n_curves) < variation.hidden_share)
    unit = normalised_mouth(unit * 10.0)  # large, so that no curve counts as still
    return np.where(hidden, np.float32(0), unit)


def _at(
    values: Float[np.ndarray, "rows columns"], where: Float[np.ndarray, " places"]
) -> Float[np.ndarray, "places columns"]:
    """Give rows between rows, linearly; the ends hold."""
    where = np.clip(where, 0, len(values) - 1)
    low = np.minimum(where.astype(np.int64), max(0, len(values) - 2))
    share = (where - low)[:, None]
    high = np.minimum(low + 1, len(values) - 1)
    return values[low] * (1 - share) + values[high] * share


def _tail(power: Float[np.ndarray, "steps bands"], reverb_s: float) -> Float[np.ndarray, "steps bands"]:
    """Give what a room adds: an exponential tail that loses 60 dB in ``reverb_s``."""
    steps = np.arange(1, 61)
    kernel = 10.0 ** (-6.0 * steps / (reverb_s * 120.0))
    n_fft = 1 << int(np.ceil(np.log2(len(power) + 61)))
    spectrum = np.fft.rfft(power, n_fft, axis=0) * np.fft.rfft(np.r_[0.0, kernel], n_fft)[:, None]
    return np.maximum(np.fft.irfft(spectrum, n_fft, axis=0)[: len(power)], _QUIETEST)


def _slow_noise(n_frames: int, rng: np.random.Generator) -> Float[np.ndarray, " frames"]:
    """Give a curve of standard deviation 1 that changes about twice a second."""
    knots = rng.normal(size=n_frames // 15 + 3)
    return np.interp(np.arange(n_frames) / 15 + rng.random(), np.arange(len(knots)), knots)


def _smooth(values: Float[np.ndarray, "frames curves"], sigma: float) -> Float[np.ndarray, "frames curves"]:
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    return windows @ (kernel / kernel.sum())
