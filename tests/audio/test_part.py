import itertools

import numpy as np
import pytest

from visemic.audio.decoder import PHONES
from visemic.audio.part import LONGEST_S, split_in_parts
from visemic.core.signals import Phone


def recording(n_words, rng):
    """Give words and the same phones as heard: 0.1 s each, a pause after every tenth word."""
    names = sorted(PHONES)
    said, heard, starts = [], [], []
    at_s = 0.5
    for word in range(n_words):
        phones = [names[i] for i in rng.integers(0, 39, rng.integers(1, 7))]
        said.append(phones)
        starts.append(at_s)
        for phone in phones:
            heard.append(Phone(phone, at_s, at_s + 0.1))
            at_s += 0.1
        if word % 10 == 9:
            at_s += 0.4
    return said, heard, starts, at_s + 0.5


def test_short_speech_stays_whole(rng):
    said, heard, _, duration_s = recording(20, rng)
    (part,) = split_in_parts(said, heard, duration_s)
    assert (part.first_word, part.end_word, part.start_s, part.end_s) == (0, 20, 0.0, duration_s)


def test_parts_hold_all_words_and_are_not_long(rng):
    said, heard, starts, duration_s = recording(1_000, rng)
    parts = split_in_parts(said, heard, duration_s)
    assert parts[0].first_word == 0
    assert parts[-1].end_word == 1_000
    assert all(a.end_word == b.first_word for a, b in itertools.pairwise(parts))
    assert all(part.end_s - part.start_s <= LONGEST_S + 1.0 for part in parts)
    for part in parts:
        for word in range(part.first_word, part.end_word):
            assert part.start_s <= starts[word] < part.end_s


def test_cuts_fall_into_pauses(rng):
    said, heard, _, duration_s = recording(1_000, rng)
    for part in split_in_parts(said, heard, duration_s)[1:]:
        assert part.first_word % 10 == 0


def test_faults_of_the_recogniser_do_not_misplace_cuts(rng):
    said, heard, starts, duration_s = recording(1_000, rng)
    names = sorted(PHONES)
    poor = [
        Phone(names[rng.integers(39)], p.start_s, p.end_s) if rng.random() < 0.3 else p
        for p in heard
        if rng.random() > 0.1
    ]
    for part in split_in_parts(said, poor, duration_s)[1:]:
        assert part.start_s == pytest.approx(starts[part.first_word], abs=0.5)


def test_speech_that_nobody_wrote_is_left_out(rng):
    said, heard, starts, duration_s = recording(400, rng)
    parts = split_in_parts(said[:200] + said[300:], heard, duration_s)
    hole = (starts[200], starts[300])
    inside = [part for part in parts if part.start_s < hole[1] - 3 and part.end_s > hole[0] + 3]
    covered = sum(min(p.end_s, hole[1]) - max(p.start_s, hole[0]) for p in inside)
    assert covered < (hole[1] - hole[0]) / 2


def test_without_anything_heard_there_is_one_part(rng):
    said, _, _, _ = recording(50, rng)
    (part,) = split_in_parts(said, [], 100.0)
    assert (part.start_s, part.end_s) == (0.0, 100.0)
    assert np.diff([part.first_word, part.end_word]) == 50
