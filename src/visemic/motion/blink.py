"""Blinks: irregular, at pauses and word ends, quick to close and slower to open."""

import numpy as np
from jaxtyping import Float

from visemic.motion.accent import SpeechEvents
from visemic.motion.contact_windows import smoothstep

BLINKS_PER_MINUTE = 15.0
MIN_INTERVAL_S = 1.2
_FIRST_S = 0.5
_LAST_S = 0.25
"""No blink begins later than this before the end: the clip ends with open eyes."""
CLOSE_S, SHUT_S, OPEN_S = 0.07, 0.045, 0.16
_SNAP_S = 0.4
_PAUSE_BONUS_S = 0.2


def blink_times_s(events: SpeechEvents, amplitude: float, generator: np.random.Generator) -> list[float]:
    """Give when the lids begin to close.

    Intervals are those of a Poisson process with a dead time; each blink moves to the nearest
    pause or word end, pauses first, if one is near.

    Args:
        events: Pauses and word ends.
        amplitude: Factor on the rate; 0 gives none.
        generator: Source of chance.
    """
    if amplitude <= 0:
        return []
    mean_s = 60.0 / (BLINKS_PER_MINUTE * amplitude)
    dead_s = min(MIN_INTERVAL_S, 0.5 * mean_s)
    places = np.array([start for start, _ in events.pauses_s] + list(events.word_ends_s))
    costs = np.array([0.0] * len(events.pauses_s) + [_PAUSE_BONUS_S] * len(events.word_ends_s))
    order = np.argsort(places, kind="stable")
    places, costs = places[order], costs[order]
    times: list[float] = []
    at_s = float(generator.uniform(0.0, 0.6) * mean_s)
    while at_s < events.duration_s - _LAST_S:
        time_s = max(_snapped(at_s, places, costs), _FIRST_S)
        if time_s < events.duration_s - _LAST_S and (not times or time_s - times[-1] >= dead_s):
            times.append(time_s)
        at_s += dead_s + float(generator.exponential(mean_s - dead_s))
    return times


def _snapped(at_s: float, places: Float[np.ndarray, " places"], costs: Float[np.ndarray, " places"]) -> float:
    first, stop = np.searchsorted(places, [at_s - _SNAP_S, at_s + _SNAP_S])
    if first == stop:
        return at_s
    near = np.abs(places[first:stop] - at_s) + costs[first:stop]
    return float(places[first:stop][np.argmin(near)])


def blink_curves(
    times_s: Float[np.ndarray, " frames"],
    events: SpeechEvents,
    amplitude: float,
    generator: np.random.Generator,
) -> dict[str, Float[np.ndarray, " frames"]]:
    """Give the lids' weights at the frames' times; 0 amplitude gives exact zeros."""
    lids = np.zeros(len(times_s))
    for start_s in blink_times_s(events, amplitude, generator):
        depth = float(generator.uniform(0.92, 1.0))
        first, stop = np.searchsorted(times_s, [start_s, start_s + CLOSE_S + SHUT_S + OPEN_S])
        since_s = times_s[first:stop] - start_s
        closing = smoothstep(since_s / CLOSE_S)
        opening = 1.0 - smoothstep((since_s - CLOSE_S - SHUT_S) / OPEN_S)
        lids[first:stop] = np.maximum(lids[first:stop], depth * np.minimum(closing, opening))
    return {"eyeBlinkLeft": lids, "eyeBlinkRight": lids.copy()}
