"""Where somebody speaks and where nobody does.

Two judges must agree. A model of speech spectra (WebRTC's) tells voices from clicks and
steady machines but fires on hiss; the level above a noise floor that follows the recording
refuses hiss but not a slammed door. Their common frames are seeds, which then grow over
the loud frames around them, so that soft consonants at the edges of words are kept.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.signals import Waveform

FRAME_S = 0.01
_FRAME_SAMPLES = 160
_BLOCK_FRAMES = 6_000

_AGGRESSIVENESS = 2
"""Of 0 to 3, how sure WebRTC's model must be."""
_FLOOR_WINDOW_S = 10.0
"""The noise floor is the quietest second's level within this on either side."""
_SMOOTH_FRAMES = 3
_ABOVE_FLOOR_DB = 4.0
_SEED_DB = 4.0
"""How much louder than soft sounds a seed must be."""
_BELOW_SPEECH_DB = 42.0
"""Softest sound of speech against the loud ones; holds where pauses are digital silence."""
_QUIETEST_DB = -70.0
_LOWEST_DB = -120.0
_MIN_SEED_FRAMES = 3

_FILL_S = 0.1
_DROP_S = 0.05
_PAD_S = 0.03


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which somebody speaks."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


def detect_speech(waveform: Waveform) -> tuple[Segment, ...]:
    """Find the stretches of speech.

    Pauses under 0.1 s count as speech, speech under 0.05 s as noise, and 0.03 s of margin is
    added at both ends. Time and memory grow with the length.

    Args:
        waveform: Sound of any rate.

    Returns:
        Segments in time order, apart from one another, within the clip; none in silence.
    """
    sound = resample(waveform, SPEECH_RATE)
    levels_db = frame_levels_db(sound)
    if len(levels_db) == 0:
        return ()
    smooth_db = _smoothed_db(levels_db)
    threshold_db = _threshold_db(smooth_db)
    is_seed = _voice_like(sound, len(levels_db)) & (smooth_db > threshold_db + _SEED_DB)
    is_speech = _grown(smooth_db > threshold_db, is_seed)
    return _segments(is_speech, sound.duration_s)


def frame_levels_db(waveform: Waveform) -> Float32[np.ndarray, " frames"]:
    """Give the level of every 10 ms in dB of full scale, -120 for nothing.

    Args:
        waveform: Sound at 16 kHz. The last frame may be shorter; its level is over 10 ms.
    """
    samples = waveform.samples
    n_frames = math.ceil(len(samples) / _FRAME_SAMPLES)
    power = np.zeros(n_frames, np.float32)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        block = _block(samples, first, min(_BLOCK_FRAMES, n_frames - first))
        # A constant offset of the converter is not sound.
        power[first : first + len(block)] = np.var(block, axis=1)
    return np.maximum(10.0 * np.log10(power + 1e-12), _LOWEST_DB).astype(np.float32)


def _block(
    samples: Float32[np.ndarray, " samples"], first: int, n_frames: int
) -> Float32[np.ndarray, "frames 160"]:
    """Give consecutive frames, the last one filled up with silence."""
    piece = samples[first * _FRAME_SAMPLES : (first + n_frames) * _FRAME_SAMPLES]
    missing = n_frames * _FRAME_SAMPLES - len(piece)
    if missing:
        piece = np.concatenate([piece, np.zeros(missing, np.float32)])
    return piece.reshape(n_frames, _FRAME_SAMPLES)


def _smoothed_db(levels_db: Float32[np.ndarray, " frames"]) -> Float32[np.ndarray, " frames"]:
    """Average the power of neighbouring frames, so that steady noise has a steady level."""
    from scipy.ndimage import uniform_filter1d

    power = uniform_filter1d(10.0 ** (levels_db.astype(float) / 10.0), _SMOOTH_FRAMES, mode="nearest")
    # The running sum of the filter leaves rounding behind loud sound.
    return np.maximum(10.0 * np.log10(np.maximum(power, 1e-12)), _LOWEST_DB).astype(np.float32)


def _threshold_db(levels_db: Float32[np.ndarray, " frames"]) -> Float32[np.ndarray, " frames"]:
    """Give for each frame the level above which it may be speech."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    per_second = round(1.0 / FRAME_S)
    n_seconds = math.ceil(len(levels_db) / per_second)
    quiet_db = np.empty(n_seconds)
    loud_db = np.empty(n_seconds)
    for second in range(n_seconds):
        # The last second may be a stump: it is judged together with what comes before it.
        start = min(second * per_second, max(0, len(levels_db) - per_second))
        quiet_db[second], loud_db[second] = np.percentile(levels_db[start : start + per_second], [10, 95])
    size = 2 * round(_FLOOR_WINDOW_S) + 1
    floor_db = minimum_filter1d(quiet_db, size, mode="nearest") + _ABOVE_FLOOR_DB
    speech_db = maximum_filter1d(loud_db, size, mode="nearest") - _BELOW_SPEECH_DB
    threshold_db = np.maximum(np.maximum(floor_db, speech_db), _QUIETEST_DB)
    return np.repeat(threshold_db, per_second)[: len(levels_db)].astype(np.float32)


def _voice_like(waveform: Waveform, n_frames: int) -> Bool[np.ndarray, " frames"]:
    """Ask WebRTC's model frame by frame."""
    import webrtcvad

    judge = webrtcvad.Vad(_AGGRESSIVENESS)
    rate_hz = int(SPEECH_RATE.hz)
    verdict = np.zeros(n_frames, bool)
    # The model works on absolute levels: quiet recordings are brought to a common one.
    gain = speech_gain(waveform)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        frames = _block(waveform.samples, first, min(_BLOCK_FRAMES, n_frames - first))
        data = np.clip(frames * gain, -32_768, 32_767).astype("<i2").tobytes()
        for index in range(len(frames)):
            start = 2 * _FRAME_SAMPLES * index
            verdict[first + index] = judge.is_speech(data[start : start + 2 * _FRAME_SAMPLES], rate_hz)
    return verdict


def speech_gain(waveform: Waveform) -> float:
    """Give the factor that brings the loudest sound to half the range of 16 bit integers."""
    samples = waveform.samples
    if len(samples) == 0:
        return 1.0
    peak = max(float(samples.max()), -float(samples.min()), 1e-4)
    return 16_384.0 / peak


def _grown(
    is_loud: Bool[np.ndarray, " frames"], is_seed: Bool[np.ndarray, " frames"]
) -> Bool[np.ndarray, " frames"]:
    """Give the runs of loud frames that hold enough seeds."""
    starts, ends = _runs(is_loud)
    seeds_before = np.concatenate([[0], np.cumsum(is_seed)])
    grown = np.zeros(len(is_loud), bool)
    for start, end in zip(starts, ends, strict=True):
        if seeds_before[end] - seeds_before[start] >= _MIN_SEED_FRAMES:
            grown[start:end] = True
    return grown


def _runs(mask: Bool[np.ndarray, " frames"]) -> tuple[list[int], list[int]]:
    """Give where runs of true frames start, and where they end."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()


def _segments(is_speech: Bool[np.ndarray, " frames"], duration_s: float) -> tuple[Segment, ...]:
    """Fill short gaps, drop short runs, and add the margin."""
    joined: list[tuple[float, float]] = []
    for start, end in zip(*_runs(is_speech), strict=True):
        start_s, end_s = start * FRAME_S, min(end * FRAME_S, duration_s)
        if joined and start_s - joined[-1][1] < _FILL_S - 1e-9:
            joined[-1] = (joined[-1][0], end_s)
        else:
            joined.append((start_s, end_s))
    padded: list[Segment] = []
    for start_s, end_s in joined:
        if end_s - start_s < _DROP_S - 1e-9:
            continue
        start_s, end_s = max(0.0, start_s - _PAD_S), min(duration_s, end_s + _PAD_S)
        padded.append(Segment(start_s, end_s))
    return tuple(padded)
