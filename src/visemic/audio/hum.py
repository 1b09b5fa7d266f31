"""Hums that a recogniser took for silence.

A long closed-lip hum has so little above its lowest partials that the phone model calls it
silence, mostly with synthetic voices. It is not: it is nearly as loud as the vowels around
it, and all of its power lies low. Half of such gaps are an M, the rest mostly another nasal
or a glide. In recordings of people the rule hardly ever applies.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from visemic.audio.activity import FRAME_S, frame_levels_db
from visemic.core.signals import Phone, Waveform

_SHORTEST_S, _LONGEST_S = 0.03, 0.25
_BELOW_VOWELS_DB = 25.0
_LOW_HZ = 500.0
_LOW_SHARE_DB = -4.0
_AROUND_S = 2.0
"""How far the loudest vowels are looked for on either side."""


def with_hums(phones: Sequence[Phone], waveform: Waveform) -> list[Phone]:
    """Give phones with an M in each gap between two of them that is a hum.

    Args:
        phones: Spoken phones in time order.
        waveform: Their sound at 16 kHz.
    """
    if not phones:
        return []
    levels_db = frame_levels_db(waveform)
    filled = [phones[0]]
    for before, behind in pairwise(phones):
        gap_s = behind.start_s - before.end_s
        if _SHORTEST_S - 1e-6 <= gap_s < _LONGEST_S:
            first, end = round(before.end_s / FRAME_S), round(behind.start_s / FRAME_S)
            around = round(_AROUND_S / FRAME_S)
            vowels_db = np.percentile(levels_db[max(0, first - around) : end + around], 95)
            is_loud = levels_db[first:end].mean() > vowels_db - _BELOW_VOWELS_DB
            if is_loud and _low_share_db(waveform, before.end_s, behind.start_s) > _LOW_SHARE_DB:
                filled.append(Phone("M", before.end_s, behind.start_s))
        filled.append(behind)
    return filled


def _low_share_db(waveform: Waveform, start_s: float, end_s: float) -> float:
    """Give how much of the power lies low, in dB."""
    rate_hz = float(waveform.rate.hz)
    samples = waveform.samples[round(start_s * rate_hz) : round(end_s * rate_hz)]
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    n_low = int(np.searchsorted(np.fft.rfftfreq(len(samples), 1 / rate_hz), _LOW_HZ))
    return float(10.0 * np.log10((power[1:n_low].sum() + 1e-12) / (power[1:].sum() + 1e-12)))
