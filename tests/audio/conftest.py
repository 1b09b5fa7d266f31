"""Sounds that the tests of this folder make for themselves."""

import av
import numpy as np
import pytest

from visemic.core.clock import SPEECH_RATE
from visemic.core.signals import Waveform


def tone_of(duration_s, rate_hz, n_channels=1, hz=1_000.0, peak=0.5):
    """Give a sine, float32 [samples, channels]."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    mono = (peak * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)
    return np.repeat(mono[:, None], n_channels, axis=1)


def vowel_of(duration_s, pitch_hz=120.0, formants_hz=(700.0, 1_200.0, 2_600.0), rms=0.08):
    """Give a vowel: pulses through two-pole resonances, with soft ends."""
    from scipy.signal import lfilter

    n_samples = round(duration_s * 16_000)
    phase = np.cumsum(
        np.full(n_samples, pitch_hz / 16_000) * (1 + 0.05 * np.sin(np.arange(n_samples) / 3_000))
    )
    sound = np.diff(np.floor(phase), prepend=0.0)
    for hz in formants_hz:
        radius = np.exp(-np.pi * 90 / 16_000)
        sound = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hz / 16_000), radius**2], sound)
    n_ramp = min(320, n_samples // 4)
    ramp = np.ones(n_samples)
    ramp[:n_ramp] = np.linspace(0, 1, n_ramp)
    ramp[n_samples - n_ramp :] = np.linspace(1, 0, n_ramp)
    sound *= ramp
    return (sound * rms / np.sqrt(np.mean(sound**2))).astype(np.float32)


def babble_of(n_syllables, rng, gap_s=0.0):
    """Give vowels of several colours and lengths with hiss between them: speech-like sound."""
    colours = [(700, 1200, 2600), (300, 2200, 3000), (350, 900, 2300), (500, 1700, 2500)]
    parts = []
    for _ in range(n_syllables):
        parts.append(vowel_of(rng.uniform(0.12, 0.25), rng.uniform(100, 150), colours[rng.integers(4)]))
        hiss = np.diff(rng.normal(0, 0.02, round(rng.uniform(0.05, 0.1) * 16_000) + 1))
        parts.append(hiss.astype(np.float32))
        parts.append(np.zeros(round(gap_s * 16_000), np.float32))
    return np.concatenate(parts)


def waveform_of(*parts):
    """Join arrays and lengths of silence in seconds to a 16 kHz waveform."""
    arrays = [np.zeros(round(p * 16_000), np.float32) if isinstance(p, float) else p for p in parts]
    return Waveform(np.concatenate(arrays).astype(np.float32), SPEECH_RATE)


def write_with_ffmpeg(path, samples, rate_hz, codec, *, picture=False, options=None):
    """Write float32 [samples, channels] by PyAV, on request with a video stream before it."""
    with av.open(str(path), "w", options=options or {}) as container:
        if picture:
            video = container.add_stream("libx264", rate=25)
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        stream = container.add_stream(codec, rate=rate_hz)
        stream.layout = "mono" if samples.shape[1] == 1 else "stereo"
        if picture:
            for _ in range(round(len(samples) / rate_hz * 25)):
                still = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                container.mux(video.encode(still))
            container.mux(video.encode())
        for start in range(0, len(samples), 1_024):
            block = np.ascontiguousarray(samples[start : start + 1_024].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=stream.layout.name)
            frame.sample_rate = rate_hz
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def tone():
    return tone_of
