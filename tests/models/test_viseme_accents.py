"""Where accents fall."""

import numpy as np

from visemic.core.clock import Rate
from visemic.core.signals import Alignment, Features, Phone, Word
from visemic.models.viseme_accents import MIN_ACCENT_INTERVAL_S, loudness_curve, speech_events


def syllables(stress: list[int]) -> Alignment:
    phones, at_s = [Phone("SIL", 0.0, 0.3)], 0.3
    for number in stress:
        phones += [Phone("T", at_s, at_s + 0.1), Phone("AA", at_s + 0.1, at_s + 0.3, number)]
        at_s += 0.3
    phones.append(Phone("SIL", at_s, at_s + 0.5))
    return Alignment(tuple(phones), (Word("tata", 0.3, at_s),), "tata", at_s + 0.5)


def prosody(alignment: Alignment, peak_s: float) -> Features:
    times_s = np.arange(int(alignment.duration_s * 100)) / 100
    pitch = 120 + 60 * np.exp(-(((times_s - peak_s) / 0.15) ** 2))
    level = np.where((times_s > 0.3) & (times_s < alignment.duration_s - 0.5), -20.0, -80.0)
    values = np.stack([level, np.where(level > -50, pitch, 0.0), np.full(len(times_s), 0.9)], axis=1)
    return Features(values, Rate.of(100), "prosody", "1")


def test_pauses_and_word_ends_are_found():
    clip = syllables([1, 0])
    events = speech_events(clip, None, np.random.default_rng(0))
    np.testing.assert_allclose(events.pauses_s, [(0.0, 0.3), (0.9, 1.4)])
    np.testing.assert_allclose(events.word_ends_s, [0.9])


def test_the_peak_of_the_pitch_gets_the_strongest_accent():
    clip = syllables([1] * 10)
    events = speech_events(clip, prosody(clip, 1.9), np.random.default_rng(0))
    strongest = max(events.accents, key=lambda accent: accent.strength)
    assert abs(strongest.time_s - 1.9) < 0.2


def test_unstressed_syllables_get_none_without_a_voice():
    clip = syllables([1, 0, 0, 0, 1, 0, 0, 0])
    events = speech_events(clip, None, np.random.default_rng(0))
    np.testing.assert_allclose([accent.time_s for accent in events.accents], [0.5, 1.7])


def test_accents_keep_their_distance():
    clip = syllables([1] * 40)
    times = [a.time_s for a in speech_events(clip, prosody(clip, 3.0), np.random.default_rng(0)).accents]
    assert len(times) > 5
    assert np.diff(times).min() >= MIN_ACCENT_INTERVAL_S


def test_a_clip_without_vowels_has_no_accent():
    clip = Alignment((Phone("M", 0.1, 0.5),), (), "", 1.0)
    assert speech_events(clip, None, np.random.default_rng(0)).accents == ()


def test_loudness_is_zero_in_silence_and_absent_without_sound():
    clip = syllables([1, 1, 1])
    curve = loudness_curve(clip, prosody(clip, 0.6))
    assert curve is not None
    assert np.abs(curve[-5:]).max() < 0.01
    assert loudness_curve(clip, None) is None
