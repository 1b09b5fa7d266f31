import numpy as np
import pytest

from visemic.audio.stretch import stretch, stretch_to
from visemic.core.clock import Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Waveform

RATE = Rate.of(22_050)


def tone(frequency_hz: float, n_samples: int = 22_050) -> Waveform:
    phase = 2 * np.pi * frequency_hz * np.arange(n_samples) / 22_050
    return Waveform((0.5 * np.sin(phase)).astype(np.float32), RATE)


def strongest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(np.argmax(spectrum) * 22_050 / (1 << 18))


@pytest.mark.parametrize("factor", [0.25, 0.7, 0.97, 1.0, 1.001, 1.03, 1.6, 4.0])
def test_the_number_of_samples_is_exact(factor):
    given = stretch(tone(150, 10_001), factor).samples
    assert len(given) == np.floor(10_001 * factor + 0.5)
    assert given.dtype == np.float32


def test_a_factor_of_one_changes_nothing():
    sound = tone(150)
    assert stretch(sound, 1.0) is sound


@pytest.mark.parametrize("frequency_hz", [80, 200, 440, 3_000])
@pytest.mark.parametrize("factor", [0.8, 0.97, 1.04, 1.3])
def test_the_pitch_stays(frequency_hz, factor):
    given = stretch(tone(frequency_hz), factor).samples
    assert strongest_hz(given[1_000:-1_000]) == pytest.approx(frequency_hz, rel=0.004)


@pytest.mark.parametrize("factor", [0.8, 0.97, 1.04, 1.3])
def test_a_tone_keeps_its_loudness_and_has_no_clicks(factor):
    sound = tone(200)
    given = stretch(sound, factor).samples
    inner = given[1_000:-1_000].astype(float)
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)
    assert np.abs(np.diff(inner)).max() < 1.2 * np.abs(np.diff(sound.samples)).max()


def test_a_very_small_change_only_touches_the_end():
    sound = tone(170)
    given = stretch_to(sound, 22_053).samples
    np.testing.assert_allclose(given[:21_000], sound.samples[:21_000], atol=1e-6)


@pytest.mark.parametrize("factor", [0.7, 0.95, 1.05, 1.4])
def test_an_event_stays_within_a_window_of_its_place(factor, rng):
    samples = np.zeros(44_100, np.float32)
    starts = np.array([6_000, 14_000, 25_000, 36_000])
    for start in starts:
        samples[start : start + 2_000] = rng.normal(0, 0.2, 2_000)
    given = stretch(Waveform(samples, RATE), factor).samples
    loud = np.abs(given) > 0.02
    for start in starts:
        wanted = start * factor
        near = np.flatnonzero(loud[int(wanted) - 1_500 : int(wanted) + 1_500])
        assert abs(near[0] - 1_500) <= 0.0305 * 22_050 / 2 + 0.0105 * 22_050


def test_silence_stays_silence():
    silent = Waveform(np.zeros(5_000, np.float32), RATE)
    assert not stretch(silent, 1.3).samples.any()


def test_sound_shorter_than_a_window_still_gives_the_exact_number():
    assert len(stretch(tone(300, 100), 1.5).samples) == 150
    assert len(stretch(tone(300, 1), 3.0).samples) == 3
    assert len(stretch(tone(300, 1), 0.25).samples) == 0
    assert len(stretch(Waveform(np.zeros(0, np.float32), RATE), 2.0).samples) == 0


def test_the_same_input_gives_the_same_bytes(rng):
    sound = Waveform(rng.normal(0, 0.1, 9_000).astype(np.float32), RATE)
    assert stretch(sound, 1.1).samples.tobytes() == stretch(sound, 1.1).samples.tobytes()


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.2, 4.1, float("nan"), float("inf")])
def test_a_factor_out_of_range_is_refused_with_the_limits(factor):
    with pytest.raises(AudioError, match=r"0\.25 to 4"):
        stretch(tone(100, 100), factor)


def test_nothing_cannot_become_something():
    with pytest.raises(AudioError, match="0 samples"):
        stretch_to(Waveform(np.zeros(0, np.float32), RATE), 10)


@pytest.mark.parametrize("hz", [8_000, 48_000])
def test_other_rates_work_alike(hz):
    phase = 2 * np.pi * 150 * np.arange(hz) / hz
    given = stretch(Waveform(np.sin(phase).astype(np.float32), Rate.of(hz)), 1.1).samples
    assert len(given) == round(hz * 1.1)
    assert np.abs(np.diff(given[200:-200])).max() < 1.3 * np.abs(np.diff(np.sin(phase))).max()
