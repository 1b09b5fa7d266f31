import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.models.avatron_timing import (
    MEL_RATE,
    cumulative_frames,
    duration_of,
    spoken_frames,
    symbol_of_frame,
    video_places,
)

RATES = (24, 25, 29.97, 30, 60)


def _shortest(n: int, value: int = 1) -> np.ndarray:
    return np.full(n, value, np.int64)


@pytest.mark.parametrize("seed", range(20))
def test_rounded_durations_add_up_to_the_rounded_total(seed: int) -> None:
    rng = np.random.default_rng(seed)
    durations = rng.gamma(2.0, 4.0, 300)
    frames = cumulative_frames(durations, _shortest(300, 0))
    assert frames.sum() == np.floor(durations.sum() + 0.5)
    assert np.abs(np.cumsum(frames) - np.cumsum(durations)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_no_phone_vanishes_and_the_total_is_still_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    durations = rng.gamma(0.5, 3.0, 100)
    frames = cumulative_frames(durations, _shortest(100))
    assert frames.min() >= 1
    assert frames.sum() == max(100, np.floor(durations.sum() + 0.5))


def test_durations_of_a_frame_or_more_are_never_moved_by_more_than_half_a_frame(rng) -> None:
    durations = 1 + rng.gamma(1.0, 3.0, 5_000)
    frames = cumulative_frames(durations, _shortest(5_000))
    assert np.abs(np.cumsum(frames) - np.cumsum(durations)).max() <= 0.5 + 1e-6


def test_a_third_of_a_frame_a_hundred_times_is_a_third_of_a_hundred_frames() -> None:
    assert cumulative_frames(np.full(99, 1 / 3), _shortest(99, 0)).sum() == 33


def test_nothing_takes_no_frames() -> None:
    assert len(cumulative_frames(np.zeros(0), _shortest(0))) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_duration_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="a duration is"):
        cumulative_frames(np.array([2.0, value]), _shortest(2))


def test_a_text_of_days_is_refused() -> None:
    with pytest.raises(InputError, match="too long"):
        cumulative_frames(np.array([1e9]), _shortest(1))


@pytest.mark.parametrize("tempo", [0.5, 0.7, 1.0, 1.4, 2.0])
def test_the_length_is_that_of_natural_speech_over_the_tempo(rng, tempo: float) -> None:
    durations = 2 + rng.gamma(2.0, 4.0, 200)
    frames = spoken_frames(durations, np.zeros(200, bool), tempo=tempo)
    assert abs(frames.sum() - durations.sum() / tempo) <= 0.5 + 1e-6


def test_one_slow_word_slows_no_other(rng) -> None:
    durations = np.full(40, 8.0)
    tempo = np.ones(40)
    tempo[10:20] = 0.5
    frames = spoken_frames(durations, np.zeros(40, bool), tempo=tempo)
    np.testing.assert_array_equal(frames, np.where(tempo < 1, 16, 8))


@pytest.mark.parametrize("duration_s", [2.0, 3.21, 5.0])
def test_a_wanted_length_is_met_to_the_frame(rng, duration_s: float) -> None:
    durations = 1 + rng.gamma(2.0, 2.0, 50)
    frames = spoken_frames(durations, np.zeros(50, bool), duration_s=duration_s)
    assert frames.sum() == MEL_RATE.count(duration_s)


def test_an_inserted_pause_keeps_its_length_at_every_tempo() -> None:
    fixed = np.array([np.nan, 0.5, np.nan])
    is_pause = np.array([False, True, False])
    for tempo in (0.5, 1.0, 2.0):
        frames = spoken_frames(np.full(3, 20.0), is_pause, tempo=tempo, fixed_s=fixed)
        np.testing.assert_array_equal(frames, [20 / tempo, 40, 20 / tempo])
    assert spoken_frames(np.full(3, 20.0), is_pause, fixed_s=fixed, duration_s=1.25)[1] == 40


def test_a_length_out_of_reach_is_refused_with_the_nearest_one() -> None:
    durations, spoken = np.full(10, 16.0), np.zeros(10, bool)
    with pytest.raises(InputError, match=r"nearest possible is 1\.00 s"):
        spoken_frames(durations, spoken, duration_s=0.3)
    with pytest.raises(InputError, match=r"nearest possible is 4\.00 s"):
        spoken_frames(durations, spoken, duration_s=9.0)
    assert spoken_frames(durations, spoken, duration_s=1.0).sum() == 80
    assert spoken_frames(durations, spoken, duration_s=4.0).sum() == 320


@pytest.mark.parametrize("tempo", [0.49, 2.01, np.nan])
def test_a_tempo_out_of_range_is_refused(tempo: float) -> None:
    with pytest.raises(InputError, match="tempo"):
        spoken_frames(np.full(3, 5.0), np.zeros(3, bool), tempo=tempo)


def _crossings(owner: np.ndarray, rate: Rate) -> np.ndarray:
    """Give when the face goes over from each symbol to the next, by the curve it is drawn with."""
    before, share = video_places(len(owner), rate)
    after = np.minimum(before + 1, len(owner) - 1)
    seen = (1 - share) * owner[before] + share * owner[after]
    times = rate.times_s(len(seen))
    return np.interp(np.arange(owner[-1]) + 0.5, seen, times)


@pytest.mark.parametrize("hz", RATES)
@pytest.mark.parametrize("tempo", [0.5, 0.75, 1.0, 1.3, 2.0])
def test_voice_and_face_stay_within_half_a_video_frame_at_every_tempo(rng, hz: float, tempo: float) -> None:
    rate = Rate.of(hz)
    durations = 12 + rng.gamma(2.0, 6.0, 150)
    frames = spoken_frames(durations, np.zeros(150, bool), tempo=tempo)
    owner = symbol_of_frame(frames)
    heard = (np.cumsum(frames)[:-1] - 0.5) / float(MEL_RATE)
    assert np.abs(_crossings(owner, rate) - heard).max() <= 0.5 / float(rate)


@pytest.mark.parametrize("hz", RATES)
def test_a_video_frame_looks_at_its_own_time(hz: float) -> None:
    rate = Rate.of(hz)
    before, share = video_places(1_000, rate)
    assert len(before) == rate.count(duration_of(1_000))
    inside = before + share < 999
    np.testing.assert_allclose(((before + share) / 80)[inside], rate.times_s(len(before))[inside], atol=1e-5)


def test_the_published_way_shows_the_end_of_a_clip_early() -> None:
    before, share = video_places(240, Rate.of(30), ends_meet=True)
    assert before[-1] + share[-1] == 239
    assert (before[-1] + share[-1]) / 80 - (len(before) - 1) / 30 > 0.5 / 30


def test_one_mel_frame_can_be_seen() -> None:
    before, share = video_places(1, Rate.of(30))
    assert (before[0], share[0], len(before)) == (0, 0.0, 1)
    with pytest.raises(InputError, match="0 mel frames"):
        video_places(0, Rate.of(30))


def test_twenty_minutes_are_no_longer_than_the_longest() -> None:
    before, _ = video_places(80 * 1_200, Rate.of(30))
    assert len(before) == 36_000
