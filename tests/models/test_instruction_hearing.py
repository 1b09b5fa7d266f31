"""Facts about what the writer of instructions hears: gain says nothing, the voice at rest is taken out."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import AudioError
from visemic.core.hub import find_artifact
from visemic.core.signals import Waveform
from visemic.models.heard_phones import phonetic_network
from visemic.models.instruction_hearing import (
    LEVEL,
    N_CURVES,
    N_DESCRIBED,
    OCTAVES,
    SHOWN,
    TREMBLE,
    UNEVEN,
    VOICED,
    Heard,
    described,
    hear,
    shown_curves,
)
from visemic.models.instruction_scale import AtRest, HearingScale, at_rest_of


def buzz(pitch_hz=150.0, gain=0.2, rate=16_000, duration_s=1.2):
    times_s = np.arange(round(rate * duration_s)) / rate
    swell = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 2 * times_s))
    phase = 2 * np.pi * pitch_hz * times_s
    tone = sum(np.sin(k * phase) / k for k in range(1, 20)) * swell * gain / 2
    return Waveform(tone.astype(np.float32), Rate.of(rate))


def curves(rng, n=60):
    values = rng.normal(0.0, 1.0, (n, N_CURVES)).astype(np.float32)
    values[:, LEVEL] = rng.uniform(-40.0, -20.0, n)
    values[:, VOICED] = rng.random(n) > 0.3
    values[:, OCTAVES] = np.where(values[:, VOICED] > 0, rng.normal(0.5, 0.1, n), 0.0)
    values[:, VOICED + 1 : VOICED + 3] = rng.random((n, 2))
    values[:, N_CURVES - 16 :] = rng.uniform(-40.0, 0.0, (n, 16))
    return values


@pytest.fixture(scope="module")
def phonetic():
    return phonetic_network(find_artifact("phonetic"))


@pytest.mark.slow
def test_a_sound_of_any_length_and_rate_is_heard(phonetic):
    for n in (1, 100, 641, 16_000):
        heard = hear(Waveform(np.zeros(n, np.float32), Rate.of(16_000)), phonetic)
        assert len(heard.curves) == len(heard.states) == max(1, -(-n // 640))
        assert np.isfinite(heard.frames()).all()
        assert heard.described().shape == (N_DESCRIBED,)
    assert len(hear(buzz(rate=44_100), phonetic).curves) == 30


@pytest.mark.slow
def test_pitch_is_heard_in_octaves_and_gain_only_as_loudness(phonetic):
    plain, loud = hear(buzz(), phonetic), hear(buzz(gain=0.8), phonetic)
    voiced = plain.curves[:, VOICED] > 0.9
    assert np.median(plain.curves[voiced, OCTAVES]) == pytest.approx(np.log2(1.5), abs=0.02)
    level = SHOWN.index("level")
    np.testing.assert_allclose(
        plain.frames()[:, -len(SHOWN) + level], loud.frames()[:, -len(SHOWN) + level], atol=0.02
    )
    difference = loud.described() - plain.described()
    assert difference[-1] == pytest.approx(np.log10(4) * 2, abs=0.02)


def test_a_trembling_and_an_uneven_pitch_are_heard_as_such(phonetic):
    def heard(hz):
        phase = 2 * np.pi * np.cumsum(hz) / 16_000
        tones = [np.cos(n * phase) / n for n in range(1, 20)]
        curves = hear(
            Waveform((0.1 * np.sum(tones, axis=0)).astype(np.float32), Rate.of(16_000)), phonetic
        ).curves
        return curves[5:-5, TREMBLE].mean(), curves[5:-5, UNEVEN].mean()

    times_s = np.arange(24_000) / 16_000
    steady = heard(np.full(24_000, 140.0))
    gliding = heard(120.0 * 2 ** (times_s / 3))
    trembling = heard(140.0 * 2 ** (np.sin(2 * np.pi * 6.3 * times_s) / 12))
    # A tremor of one semitone strays 0.64 of it from a straight course on average; ours follows some of it.
    assert 0.2 < trembling[0] < 0.64
    assert max(steady[0], gliding[0]) < 0.03
    steps = np.repeat(np.random.default_rng(0).normal(0, 0.5, 150), 160)
    uneven = heard(140.0 * 2 ** (steps / 12))
    assert uneven[1] > 2 * trembling[1] > 20 * gliding[1]


def test_an_empty_sound_is_refused(phonetic):
    with pytest.raises(AudioError, match="0 samples"):
        hear(Waveform(np.zeros(0, np.float32), Rate.of(16_000)), phonetic)


def test_a_gain_changes_the_loudness_and_nothing_else(rng):
    quiet = curves(rng)
    loud = quiet.copy()
    loud[:, LEVEL] += 12.0
    np.testing.assert_allclose(shown_curves(quiet), shown_curves(loud), atol=1e-5)
    difference = described(loud) - described(quiet)
    np.testing.assert_allclose(difference[:-1], 0.0, atol=1e-5)
    assert difference[-1] == pytest.approx(1.2, abs=1e-5)


def test_melody_counts_from_the_middle_of_the_voice(rng):
    low = curves(rng)
    high = low.copy()
    high[:, OCTAVES] += np.where(high[:, VOICED] > 0, 1.0, 0.0).astype(np.float32)
    melody = SHOWN.index("melody")
    np.testing.assert_allclose(shown_curves(low)[:, melody], shown_curves(high)[:, melody], atol=1e-5)


def test_curves_without_voice_or_sound_are_described(rng):
    unvoiced = curves(rng)
    unvoiced[:, VOICED] = unvoiced[:, OCTAVES] = 0.0
    assert np.isfinite(described(unvoiced)).all()
    assert np.isfinite(described(unvoiced[:1])).all()
    assert np.isfinite(described(np.full((3, N_CURVES), -80.0, np.float32))).all()


def test_of_a_known_voice_the_difference_is_told_too(rng):
    heard = Heard(rng.normal(size=(60, 4)).astype(np.float32), curves(rng), np.ones(60, np.float32))
    ones, zeros = np.ones(N_DESCRIBED, np.float32), np.zeros(N_DESCRIBED, np.float32)
    width = heard.frames().shape[1]
    frame_one, frame_zero = np.ones(width, np.float32), np.zeros(width, np.float32)
    scale = HearingScale(frame_zero, frame_one, zeros, ones, ones)
    own = heard.described()
    rest = at_rest_of([heard])
    known, unknown = scale.whole(own, rest), scale.whole(own, None)
    assert not known[N_DESCRIBED:].any()
    np.testing.assert_array_equal(known[:N_DESCRIBED], unknown[:N_DESCRIBED])
    assert not unknown[N_DESCRIBED:].any()
    assert scale.whole(own, rest.moved(ones, frame_one))[N_DESCRIBED:].all()
    assert unknown[N_DESCRIBED - 1] == 0.0
    moved = rest.moved(ones, frame_one)
    np.testing.assert_allclose(scale.whole(own + ones, moved)[N_DESCRIBED:], known[N_DESCRIBED:], atol=1e-5)
    assert isinstance(moved, AtRest)
    np.testing.assert_allclose(
        scale.frames(heard.frames() + frame_one, moved), scale.frames(heard.frames(), rest), atol=1e-4
    )
    again = HearingScale.from_dict({**scale.to_dict(), "other": 1})
    np.testing.assert_array_equal(again.rest_spread, scale.rest_spread)
