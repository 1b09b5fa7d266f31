import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Waveform
from visemic.features.mfcc import MFCC_RATE, extract_mfcc, mel_bands, mfcc_from_pcm, pcm_from_waveform

N_FFT = 512


def tone(hz, n=1_600, peak=8_000.0):
    return np.rint(peak * np.sin(2 * np.pi * hz * np.arange(n) / 16_000)).astype(np.int16)


@pytest.mark.parametrize(
    ("n_samples", "n_steps"), [(1, 1), (399, 1), (400, 1), (401, 2), (560, 2), (561, 3), (16_000, 99)]
)
def test_a_frame_starts_every_ten_milliseconds_until_all_sound_is_covered(n_samples, n_steps):
    assert mfcc_from_pcm(np.ones(n_samples, np.int16)).shape == (n_steps, 13)


def test_every_whole_video_window_has_its_twenty_rows():
    for n_frames in (6, 25, 250):
        last = 4 * (n_frames - 6) + 19
        assert last < len(mfcc_from_pcm(np.ones(640 * n_frames, np.int16)))


def test_the_level_of_the_frame_replaces_the_first_cepstrum():
    """By Parseval the whole spectrum holds the energy; half of it is kept, with both ends."""
    samples = tone(1_000, 400)
    emphasised = np.append(samples[0], samples[1:] - 0.97 * samples[:-1].astype(float))
    spectrum = np.abs(np.fft.rfft(emphasised, N_FFT)) ** 2
    whole = (emphasised**2).sum()
    half = (whole + (spectrum[0] + spectrum[-1]) / N_FFT) / 2
    assert mfcc_from_pcm(samples)[0, 0] == pytest.approx(np.log(half), abs=1e-9)


def test_ten_times_the_sound_lifts_the_level_alone():
    quiet, loud = mfcc_from_pcm(tone(700, peak=300)), mfcc_from_pcm(tone(700, peak=3_000))
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], np.log(100), atol=0.01)
    exact = mfcc_from_pcm((tone(700, peak=300) * 10).astype(np.int16))
    np.testing.assert_allclose(exact[:, 1:], quiet[:, 1:], atol=1e-9)


def test_cepstra_are_the_liftered_cosines_of_the_log_bands():
    """An impulse has a flat spectrum, therefore its bands are the areas of the triangles."""
    impulse = np.zeros(400, np.int16)
    impulse[399] = 10_000
    bands = np.log(mel_bands().sum(axis=1) * 1e8 / N_FFT)
    k, n = np.arange(1, 13)[:, None], np.arange(26)
    plain = np.sqrt(2 / 26) * (np.cos(np.pi * k * (n + 0.5) / 26) * bands).sum(axis=1)
    lifted = plain * (1 + 11 * np.sin(np.pi * np.arange(1, 13) / 22))
    np.testing.assert_allclose(mfcc_from_pcm(impulse)[0, 1:], lifted, atol=1e-9)


def test_the_lifter_leaves_the_first_and_lifts_the_eleventh_twelvefold():
    impulse = np.zeros(400, np.int16)
    impulse[399] = 10_000
    bands = np.log(mel_bands().sum(axis=1) * 1e8 / N_FFT)
    plain = np.sqrt(2 / 26) * (np.cos(np.pi * 11 * (np.arange(26) + 0.5) / 26) * bands).sum()
    assert mfcc_from_pcm(impulse)[0, 11] == pytest.approx(12 * plain, abs=1e-9)


def test_triangles_rise_to_one_and_neighbours_share_their_slopes():
    bands = mel_bands()
    assert bands.shape == (26, 257)
    assert bands.min() == 0.0
    np.testing.assert_array_equal(bands.max(axis=1), np.ones(26))
    peaks = bands.argmax(axis=1)
    between = slice(peaks[0], peaks[-1] + 1)
    np.testing.assert_allclose(bands[:, between].sum(axis=0), 1.0)


def test_silence_has_numbers():
    still = mfcc_from_pcm(np.zeros(4_000, np.int16))
    assert np.isfinite(still).all()
    np.testing.assert_allclose(still[:, 0], np.log(np.finfo(float).eps))


def test_blocks_do_not_show(rng):
    samples = rng.integers(-9_000, 9_000, 1_100 * 160 + 240).astype(np.int16)
    whole = mfcc_from_pcm(samples)
    # The first sample of a piece has no one before it, so its first frame differs.
    part = mfcc_from_pcm(samples[1_000 * 160 :])
    np.testing.assert_allclose(whole[1_001:], part[1:], atol=1e-9)


def test_sound_becomes_sixteen_bits_and_peaks_are_cut():
    samples = np.array([0.0, 0.5, -1.0, 1.0, 3.0, -3.0], np.float32)
    pcm = pcm_from_waveform(Waveform(samples, Rate.of(16_000)))
    assert pcm.tolist() == [0, 16_384, -32_768, 32_767, 32_767, -32_768]


def test_features_of_any_rate_come_a_hundred_times_a_second():
    for hz in (16_000, 48_000):
        sound = Waveform(np.sin(np.arange(hz) * 0.05).astype(np.float32), Rate.of(hz))
        features = extract_mfcc(sound)
        assert features.values.shape == (99, 13)
        assert features.rate == MFCC_RATE


def test_no_sound_is_refused():
    with pytest.raises(AudioError, match="0 samples"):
        mfcc_from_pcm(np.zeros(0, np.int16))
