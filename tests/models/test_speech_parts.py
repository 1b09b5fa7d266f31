"""Facts about where speech falls into parts."""

import itertools

import numpy as np
import pytest

from visemic.core.signals import Alignment, Phone
from visemic.models.speech_parts import (
    LONGEST_S,
    SHORTEST_S,
    parts_of_alignment,
    parts_of_speech,
)


def alignment(*spoken, duration_s):
    """Give one phone for each stretch of speech."""
    return Alignment(tuple(Phone("AH", a, b) for a, b in spoken), (), "", duration_s)


def times(parts):
    return [(round(part.start_s, 3), round(part.end_s, 3)) for part in parts]


def test_a_pause_parts_and_a_short_gap_does_not():
    phones = alignment((0.1, 1.5), (1.6, 2.4), (3.0, 4.2), duration_s=4.5)
    assert times(parts_of_alignment(phones, 4.5)) == [(0.0, 2.7), (2.7, 4.5)]


def test_a_short_phrase_joins_its_nearer_neighbour():
    phones = alignment((0.0, 1.5), (2.0, 2.2), (3.0, 4.5), duration_s=4.5)
    assert times(parts_of_alignment(phones, 4.5)) == [(0.0, 2.6), (2.6, 4.5)]


def test_parts_cover_the_clip_without_gap_or_overlap(rng):
    for _ in range(40):
        edges = np.cumsum(rng.exponential(0.7, 2 * int(rng.integers(1, 12))))
        duration_s = float(edges[-1] + rng.random())
        phones = alignment(
            *zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), duration_s=duration_s
        )
        parts = parts_of_alignment(phones, duration_s)
        assert parts[0].start_s == 0.0
        assert parts[-1].end_s == pytest.approx(duration_s)
        for a, b in itertools.pairwise(parts):
            assert a.end_s == b.start_s
        if len(parts) > 1:
            assert min(part.duration_s for part in parts) >= SHORTEST_S - 1e-6


def test_a_long_phrase_is_cut_at_its_longest_gap_or_in_even_parts():
    gap = alignment((0.0, 5.0), (5.2, 9.0), (9.1, 12.0), duration_s=12.0)
    assert times(parts_of_alignment(gap, 12.0)) == [(0.0, 5.1), (5.1, 12.0)]
    whole = parts_of_alignment(alignment((0.0, 20.0), duration_s=20.0), 20.0)
    assert [round(part.duration_s, 3) for part in whole] == [6.667] * 3
    assert max(part.duration_s for part in whole) <= LONGEST_S


def test_silence_has_no_parts():
    assert parts_of_alignment(Alignment((), (), "", 2.0), 2.0) == []
    assert parts_of_alignment(Alignment((Phone("SIL", 0.0, 2.0),), (), "", 2.0), 2.0) == []
    curves = np.full((50, 21), -80.0, np.float32)
    assert parts_of_speech(np.zeros(50, np.float32), curves, 2.0) == []


def test_what_is_heard_parts_like_what_is_known():
    speech = np.zeros(100, np.float32)
    speech[5:40] = speech[60:95] = 1.0
    curves = np.full((100, 21), -20.0, np.float32)
    assert times(parts_of_speech(speech, curves, 4.0)) == [(0.0, 2.0), (2.0, 4.0)]


def test_phones_behind_the_end_are_left_out():
    phones = alignment((0.0, 1.0), (3.0, 4.0), duration_s=4.0)
    assert times(parts_of_alignment(phones, 2.0)) == [(0.0, 2.0)]
