"""The sound of a take: found beside it, read, held against the motion, and cut."""

import math
from pathlib import Path

import numpy as np

from visemic.audio.io import read_waveform
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ClockError
from visemic.core.signals import Waveform
from visemic.data.recording import MAX_GAP_S

SOUND_SUFFIXES = (".wav", ".flac", ".m4a", ".ogg", ".mp3", ".mov", ".mp4", ".mkv", ".webm")
"""Suffixes of files with sound, the first found is taken: sound before video."""

_USUAL_HZ = (24, 25, 30, 48, 50, 60, 100, 120)
_NEAR = 0.03


def sound_beside(path: Path, stem: str | None = None) -> Path | None:
    """Give the file with sound that has a file's stem, in any case of the suffix, or None.

    Args:
        stem: Another stem to look for, None for the file's own.
    """
    wanted = path.stem if stem is None else stem
    by_suffix = {p.suffix.lower(): p for p in sorted(path.parent.glob("*")) if p.stem == wanted}
    return next((by_suffix[suffix] for suffix in SOUND_SUFFIXES if suffix in by_suffix), None)


def read_sound(path: Path, n_frames: int, rate: Rate) -> Waveform:
    """Read a take's sound and hold its length against the motion.

    Args:
        n_frames: Frames of the motion.
        rate: Frames a second of the motion.

    Raises:
        AudioError: The file cannot be read.
        ClockError: The two lengths differ by more than ``MAX_GAP_S``.
    """
    waveform = read_waveform(path, SPEECH_RATE)
    check_lengths(str(path), waveform, n_frames, rate)
    return waveform


def check_lengths(name: str, waveform: Waveform, n_frames: int, rate: Rate) -> None:
    """Refuse a sound that does not last as long as its motion.

    Raises:
        ClockError: The two lengths differ by more than ``MAX_GAP_S``; the sentence names the
            rate at which they would agree, if there is a usual one.
    """
    motion_s = n_frames / float(rate)
    if abs(waveform.duration_s - motion_s) <= MAX_GAP_S:
        return
    needed_hz = n_frames / max(waveform.duration_s, 1e-9)
    near = [hz for hz in _USUAL_HZ if abs(hz / needed_hz - 1) < _NEAR and hz != float(rate)]
    hint = f"is it {near[0]} Hz data" if near else "is it the sound of another take"
    raise ClockError(
        f"sound {name!r} lasts {waveform.duration_s:.2f} s and its {n_frames} frames of motion last "
        f"{motion_s:.2f} s at {rate}, at most {MAX_GAP_S} s may differ; {hint}"
    )


def start_timecode(path: Path) -> tuple[str, int] | None:
    """Give the first timecode of a video and the frames a second that it counts, None without one."""
    import av

    try:
        with av.open(str(path)) as container:
            for stream in container.streams:
                if "timecode" in stream.metadata and stream.type == "video" and stream.average_rate:
                    return stream.metadata["timecode"], math.ceil(stream.average_rate)
    except (av.error.FFmpegError, OSError, ValueError):
        return None
    return None


def sound_between(waveform: Waveform, start_s: float, duration_s: float) -> Waveform:
    """Give a stretch of a sound; what lies before its start or after its end is silence."""
    first, count = waveform.rate.tick_at(start_s), waveform.rate.count(duration_s)
    samples = np.zeros(count, np.float32)
    low, high = max(first, 0), min(first + count, len(waveform.samples))
    if high > low:
        samples[low - first : high - first] = waveform.samples[low:high]
    return Waveform(samples, waveform.rate)
