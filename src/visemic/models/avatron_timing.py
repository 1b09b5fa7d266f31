"""When each symbol is spoken: tempo, target lengths and pauses, rounded so that nothing drifts.

Sound and face are made from the same whole frames, so they cannot part: frame ``k`` of the mel
stands at ``k / 80`` s, and video frame ``i`` looks at the mel frames around ``i / rate`` s.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.features.voice_mel import VOICE_MEL_RATE as MEL_RATE

MIN_TEMPO, MAX_TEMPO = 0.5, 2.0
MAX_FRAMES = 80 * 6 * 3600
"""Frames of one text: six hours."""


def cumulative_frames(
    durations: Float[np.ndarray, " symbols"], shortest: Int64[np.ndarray, " symbols"]
) -> Int64[np.ndarray, " symbols"]:
    """Round durations to whole frames so that no rounding error adds up.

    Ends are rounded, not durations. Where a symbol would vanish that may not, its end moves as
    little as needed and its neighbours give way; the total stays the rounded total.

    Args:
        durations: Frames, fractional, at least 0.
        shortest: Fewest frames of each.

    Returns:
        Whole frames; their sum is the rounded sum of ``durations``, or that of ``shortest`` if
        it is greater.

    Raises:
        InputError: A duration is not a number, is below 0, or the whole is too long.
    """
    if len(durations) == 0:
        return np.zeros(0, np.int64)
    if not np.isfinite(durations).all() or (durations < 0).any():
        worst = durations[~(durations >= 0)][0] if (~(durations >= 0)).any() else np.inf
        raise InputError(f"a duration is {worst:g} frames; give finite ones of at least 0")
    exact_ends = np.cumsum(durations.astype(np.float64))
    if exact_ends[-1] > MAX_FRAMES:
        raise InputError(
            f"a text of {exact_ends[-1] / float(MEL_RATE):.0f} s is too long, at most "
            f"{MAX_FRAMES / float(MEL_RATE):.0f} s are spoken at once; cut it"
        )
    ends = np.floor(exact_ends + 0.5 + 1e-9).astype(np.int64)
    needed = np.cumsum(shortest)
    total = max(int(ends[-1]), int(needed[-1]))
    ends = np.maximum(np.maximum.accumulate(ends - needed) + needed, needed)
    room_after = needed[-1] - needed
    latest = total - room_after
    ends = np.minimum(ends, latest)
    ends[-1] = total
    return np.diff(ends, prepend=0)


def spoken_frames(
    durations: Float[np.ndarray, " symbols"],
    is_pause: Bool[np.ndarray, " symbols"],
    *,
    tempo: Float64[np.ndarray, " symbols"] | float = 1.0,
    fixed_s: Float64[np.ndarray, " symbols"] | None = None,
    duration_s: float | None = None,
) -> Int64[np.ndarray, " symbols"]:
    """Give the whole frames of every symbol of a sentence, or of all sentences of a text.

    Args:
        durations: As predicted, frames at natural tempo.
        is_pause: Symbols that may last no frame; all others last at least one.
        tempo: Speed, 0.5 half to 2 double, of the whole or of each symbol.
        fixed_s: Seconds that a symbol lasts whatever the tempo; not a number where predicted.
        duration_s: Length of the whole in seconds; all that is not fixed is stretched alike.

    Returns:
        Frames by symbol; with ``duration_s`` their sum is the nearest number of frames.

    Raises:
        InputError: A tempo is out of range, or the length cannot be reached; the message says
            the nearest that can.

    Source:
        The tempo control of Avatron: predicted durations divided by the speed.

    Deviation:
        Ends are rounded instead of durations, and no phone is dropped.
    """
    speed = np.broadcast_to(np.asarray(tempo, np.float64), durations.shape)
    for value in speed[~((speed >= MIN_TEMPO) & (speed <= MAX_TEMPO))][:1]:
        raise InputError(f"a tempo of {value:g} cannot be spoken; give {MIN_TEMPO:g} to {MAX_TEMPO:g}")
    fixed = np.full(durations.shape, np.nan) if fixed_s is None else fixed_s * float(MEL_RATE)
    is_free = np.isnan(fixed)
    free = np.where(is_free, durations / speed, 0.0)
    kept = np.where(is_free, 0.0, fixed)
    shortest = np.where(is_pause, 0, 1).astype(np.int64)
    if duration_s is not None:
        free = free * _stretch(free, kept, int(shortest.sum()), duration_s)
    return cumulative_frames(free + kept, shortest)


def _stretch(
    free: Float64[np.ndarray, " symbols"],
    kept: Float64[np.ndarray, " symbols"],
    n_phones: int,
    duration_s: float,
) -> float:
    """Give the factor on what may be stretched, or say what is nearest."""
    hz = float(MEL_RATE)
    least = max(float(kept.sum() + free.sum() / MAX_TEMPO), float(n_phones)) / hz
    most = float(kept.sum() + free.sum() / MIN_TEMPO) / hz
    if not least - 0.5 / hz <= duration_s <= most + 0.5 / hz:
        nearest = least if duration_s < least else most
        raise InputError(
            f"the text cannot last {duration_s:.2f} s; give {least:.2f} to {most:.2f} s, the nearest "
            f"possible is {nearest:.2f} s"
        )
    wanted = MEL_RATE.count(duration_s) - kept.sum()
    return float(max(0.0, wanted) / max(free.sum(), 1e-9))


def symbol_of_frame(frames: Int64[np.ndarray, " symbols"]) -> Int64[np.ndarray, " frames"]:
    """Give for every frame the number of the symbol that it belongs to."""
    return np.repeat(np.arange(len(frames)), frames)


def duration_of(n_frames: int) -> float:
    """Give the length in seconds of so many mel frames and of the sound made from them."""
    return float(n_frames / MEL_RATE.hz)


def video_places(
    n_frames: int, rate: Rate, *, ends_meet: bool = False
) -> tuple[Int64[np.ndarray, " video"], Float32[np.ndarray, " video"]]:
    """Give where every video frame looks among the mel frames.

    Args:
        n_frames: Mel frames, at least one.
        rate: Video frames a second.
        ends_meet: Stretch so that the last frames of both coincide, as published; it moves the
            face up to 12.5 ms short of a video frame away from the voice.

    Returns:
        The mel frame before, and how far on the way to the next one, 0 to 1.

    Deviation:
        The published model lets first and last frames meet, which at 30 frames a second shows
        the end of a clip 21 ms early; here a video frame looks at its own time.
    """
    if n_frames < 1:
        raise InputError("a sentence of 0 mel frames cannot be seen; give at least one")
    n_video = rate.count(duration_of(n_frames))
    last = n_frames - 1
    places = np.linspace(0, last, n_video) if ends_meet else rate.times_s(n_video) * float(MEL_RATE)
    places = np.clip(places, 0, last)
    before = np.minimum(np.floor(places), max(0, last - 1)).astype(np.int64)
    return before, (places - before).astype(np.float32)


def at_times(
    values: Float[np.ndarray, "video outputs"], rate: Rate, times_s: Float[np.ndarray, " times"]
) -> Float32[np.ndarray, "times outputs"]:
    """Give movement at other times, on straight lines between its frames; outside them it holds.

    Args:
        values: One row a frame, at least one.
        rate: Frames a second.
        times_s: Seconds.
    """
    places = np.clip(times_s * float(rate), 0, len(values) - 1)
    first = np.minimum(places.astype(np.int64), max(0, len(values) - 2))
    second = np.minimum(first + 1, len(values) - 1)
    share = (places - first)[:, None]
    return (values[first] * (1 - share) + values[second] * share).astype(np.float32)
