import numpy as np
import pytest

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import Waveform
from visemic.features.speech_mel import (
    N_MELS,
    SpeechMelStream,
    extract_speech_mel,
    filterbank,
    log_power,
    normalised,
)


def _speechlike(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = round(seconds * 16_000)
    loud = np.interp(np.arange(n), np.linspace(0, n, 40), rng.random(40))
    return (rng.normal(0, 0.1, n) * loud).astype(np.float32)


@pytest.mark.parametrize("piece", [160, 533, 1_600, 7])
def test_a_stream_of_any_pieces_gives_what_the_file_gives(piece: int) -> None:
    samples = _speechlike(0.8)
    whole = extract_speech_mel(Waveform(samples, SPEECH_RATE)).values
    stream = SpeechMelStream()
    parts = [stream.push(samples[i : i + piece]) for i in range(0, len(samples), piece)]
    streamed = np.concatenate([*parts, stream.close()])
    np.testing.assert_allclose(streamed, whole, atol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 16_000])
def test_every_begun_ten_milliseconds_give_a_frame(n_samples: int) -> None:
    samples = np.full(n_samples, 0.1, np.float32)
    assert len(extract_speech_mel(Waveform(samples, SPEECH_RATE)).values) == -(-n_samples // 160)


def test_no_sound_gives_no_frame() -> None:
    assert extract_speech_mel(Waveform(np.zeros(0, np.float32), SPEECH_RATE)).values.shape == (0, N_MELS)


def test_sound_after_the_window_changes_nothing_before_it() -> None:
    samples = _speechlike(1.0)
    changed = samples.copy()
    changed[8_000:] = 0.5
    before = extract_speech_mel(Waveform(samples, SPEECH_RATE)).values
    after = extract_speech_mel(Waveform(changed, SPEECH_RATE)).values
    # Frame 48 hears up to 0.4925 s, frame 49 the sample at 0.5 s.
    np.testing.assert_array_equal(before[:49], after[:49])
    assert not np.array_equal(before[49], after[49])


def test_a_louder_recording_gives_the_same_frames_once_its_level_is_known() -> None:
    samples = _speechlike(8.0)
    soft = extract_speech_mel(Waveform(samples, SPEECH_RATE)).values
    loud = extract_speech_mel(Waveform(samples * 4, SPEECH_RATE)).values
    assert np.abs(soft - loud)[:10].mean() > 0.5
    assert np.abs(soft - loud)[600:].mean() < 0.05


def test_a_tone_is_loudest_in_the_band_that_holds_it() -> None:
    tone = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000).astype(np.float32)
    power = log_power(tone, 90)
    centres = (filterbank() * (np.arange(257) * 31.25)[:, None]).sum(0) / filterbank().sum(0)
    assert abs(centres[int(power.mean(0).argmax())] - 1_000) < 60


def test_another_sample_rate_is_resampled() -> None:
    features = extract_speech_mel(Waveform(_speechlike(1.0), Rate.of(8_000)))
    assert (len(features.values), float(features.rate)) == (200, 100.0)


def test_a_known_mean_is_taken_away_at_once() -> None:
    flat = np.full((50, N_MELS), -5.0, np.float32)
    out = normalised(flat, mean=np.full(N_MELS, -5.0), peak=-5.0)
    np.testing.assert_allclose(out, 0.0, atol=1e-6)
