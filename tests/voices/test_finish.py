import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.voices.finish import CEILING, FADE_S, LOWEST_HZ, Finish

RATE = Rate.of(16_000)
N_FADE = round(FADE_S * 16_000)


def finished(sound: np.ndarray, n_samples: int | None = None) -> np.ndarray:
    finish = Finish(RATE, n_samples)
    return np.concatenate([finish.push(sound), finish.close()])


@pytest.mark.parametrize("piece", [1, 37, 80, 200, 699])
def test_a_stream_is_the_whole_bit_for_bit(rng, piece):
    sound = rng.normal(0.1, 0.4, 700).astype(np.float32)
    finish = Finish(RATE)
    parts = [finish.push(sound[i : i + piece]) for i in range(0, len(sound), piece)]
    np.testing.assert_array_equal(np.concatenate([*parts, finish.close()]), finished(sound))


def test_the_end_is_held_back_until_it_is_known():
    finish = Finish(RATE)
    assert len(finish.push(np.ones(1_000, np.float32))) == 1_000 - N_FADE
    assert len(finish.push(np.ones(30, np.float32))) == 0
    assert len(finish.close()) == N_FADE + 30


def test_the_filter_is_a_first_order_high_pass(rng):
    sound = rng.normal(0, 0.1, 1_000).astype(np.float32)
    level, before, expected = 0.0, 0.0, []
    for sample in sound.tolist():
        level = sample - before + (1 - 2 * np.pi * LOWEST_HZ / 16_000) * level
        before = sample
        expected.append(level)
    np.testing.assert_allclose(finished(sound)[N_FADE:-N_FADE], expected[N_FADE:-N_FADE], atol=1e-6)


def test_an_offset_dies_away_and_a_voice_stays():
    time_s = np.arange(16_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * 110 * time_s) + 0.2).astype(np.float32)
    out = finished(sound)
    assert abs(out[8_000:15_000].mean()) < 1e-3
    assert out[8_000:15_000].std() == pytest.approx(0.3 / np.sqrt(2), rel=0.03)


def test_both_ends_rise_from_nothing():
    time_s = np.arange(2_000) / 16_000
    out = finished((0.5 * np.cos(2 * np.pi * 300 * time_s)).astype(np.float32))
    assert out[0] == 0
    assert out[-1] == 0
    assert np.abs(np.diff(out)).max() < 0.1


def test_nothing_is_louder_than_the_ceiling_and_quiet_sound_is_not_bent():
    time_s = np.arange(4_000) / 16_000
    wave = np.sin(2 * np.pi * 300 * time_s).astype(np.float32)
    assert np.abs(finished(3 * wave)).max() <= CEILING
    inside = slice(1_000, 3_000)
    np.testing.assert_allclose(finished(0.4 * wave)[inside], 2 * finished(0.2 * wave)[inside], atol=1e-6)


@pytest.mark.parametrize("wanted", [0, 1, 50, 79, 80, 81, 500, 999, 1_000, 1_001, 1_300])
@pytest.mark.parametrize("piece", [30, 1_000])
def test_a_wanted_length_is_kept_to_the_sample(rng, wanted, piece):
    sound = rng.normal(0, 0.1, 1_000).astype(np.float32)
    finish = Finish(RATE, wanted)
    parts = [finish.push(sound[i : i + piece]) for i in range(0, len(sound), piece)]
    out = np.concatenate([*parts, finish.close()])
    assert len(out) == wanted
    if wanted:
        assert abs(out[-1]) <= 0.02


def test_no_sound_is_no_sound():
    assert len(finished(np.zeros(0, np.float32))) == 0
