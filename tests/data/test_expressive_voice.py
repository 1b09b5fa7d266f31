import numpy as np
import pytest

from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import AudioError, InputError
from visemic.core.signals import Waveform
from visemic.data.expressive_voice import EMOTION_MANNERS, SPEECH_LEVEL_DB, VoiceManner, modulate
from visemic.features.prosody import ENERGY, PITCH, extract_prosody
from visemic.motion.emotion import EMOTIONS


def buzz(hz=120.0, seconds=0.6, sway=0.0):
    """Give a voice-like sound: a row of pulses through two formants."""
    times_s = np.arange(round(seconds * 16_000)) / 16_000
    phase = 2 * np.pi * hz * (times_s + sway * np.sin(2 * np.pi * 2 * times_s) / (4 * np.pi))
    tones = [
        np.cos(n * phase) * (1 / (1 + ((n * hz - 600) / 200) ** 2) + 0.3 / (1 + ((n * hz - 1700) / 200) ** 2))
        for n in range(1, 30)
    ]
    return Waveform((0.1 * np.sum(tones, axis=0)).astype(np.float32), SPEECH_RATE)


def pitch_hz(waveform):
    pitches = extract_prosody(waveform).values[:, PITCH]
    return float(np.median(pitches[pitches > 0]))


def level_db(waveform):
    return float(np.mean(extract_prosody(waveform).values[10:-10, ENERGY]))


def changed(waveform, **manner):
    return modulate(waveform, VoiceManner(**manner), np.random.default_rng(0))


@pytest.mark.parametrize("semitones", [-4.0, 3.0, 6.0])
def test_pitch_moves_by_the_semitones_asked_and_formants_stay(semitones):
    before = buzz()
    after = changed(before, pitch_st=semitones)
    assert len(after.samples) == len(before.samples)
    assert 12 * np.log2(pitch_hz(after) / pitch_hz(before)) == pytest.approx(semitones, abs=0.3)
    assert abs(strongest_hz(after) - strongest_hz(before)) < 130


def strongest_hz(waveform):
    """Give the middle of the strongest formant: the weighted mean of 300 to 1,000 Hz."""
    power = np.abs(np.fft.rfft(waveform.samples)) ** 2
    hz = np.fft.rfftfreq(len(waveform.samples), 1 / 16_000)
    inside = (hz > 300) & (hz < 1000)
    return float((hz * power)[inside].sum() / power[inside].sum())


def test_melody_widens_and_flattens_the_pitch():
    def spread_st(waveform):
        pitches = extract_prosody(waveform).values[8:-8, PITCH]
        low, high = np.percentile(12 * np.log2(pitches[pitches > 0]), [10, 90])
        return float(high - low)

    plain = buzz(seconds=1.0, sway=0.15)
    assert spread_st(changed(plain, melody=0.3)) < 0.6 * spread_st(plain)
    assert spread_st(changed(plain, melody=1.7)) > 1.4 * spread_st(plain)


@pytest.mark.parametrize("factor", [0.93, 1.08])
def test_formants_move_by_the_factor_asked_and_pitch_stays(factor):
    before, after = buzz(hz=90.0), changed(buzz(hz=90.0), formants=factor)
    assert strongest_hz(after) / strongest_hz(before) == pytest.approx(factor, abs=0.03)
    assert 12 * np.log2(pitch_hz(after) / pitch_hz(before)) == pytest.approx(0.0, abs=0.2)


def test_an_ending_rises_at_the_end_alone():
    pitches = extract_prosody(changed(buzz(seconds=1.5), ending_st=4.0)).values[:, PITCH]
    above_st = 12 * np.log2(pitches[8:-8] / 120.0)
    assert np.abs(above_st[:90]).max() < 0.3
    assert 2.5 < above_st[-1] < 4.2


def test_a_rough_voice_has_uneven_periods_of_the_same_length_on_average():
    def unevenness(waveform):
        pitches = extract_prosody(waveform).values[8:-8, PITCH]
        return float(np.abs(np.diff(np.log2(pitches[pitches > 0]), n=2)).mean())

    plain, rough = changed(buzz(seconds=1.0), pitch_st=0.01), changed(buzz(seconds=1.0), rough=1.0)
    assert unevenness(rough) > 5 * unevenness(plain)
    assert 12 * np.log2(pitch_hz(rough) / pitch_hz(plain)) == pytest.approx(0.0, abs=1.0)


def test_energy_is_a_level_in_decibels_whatever_came_in():
    for gain in (0.2, 1.0):
        sound = Waveform((gain * buzz().samples).astype(np.float32), SPEECH_RATE)
        assert level_db(changed(sound)) == pytest.approx(SPEECH_LEVEL_DB, abs=0.4)
        assert level_db(changed(sound, energy_db=-6.0)) == pytest.approx(SPEECH_LEVEL_DB - 6, abs=0.4)


def test_breath_adds_noise_and_tilt_moves_the_balance():
    def high_db(waveform):
        power = np.abs(np.fft.rfft(waveform.samples)) ** 2
        hz = np.fft.rfftfreq(len(waveform.samples), 1 / 16_000)
        return 10 * np.log10(power[hz > 2500].sum() / power[hz < 1000].sum())

    plain = changed(buzz())
    assert high_db(changed(buzz(), breath=0.3)) > high_db(plain) + 3
    assert high_db(changed(buzz(), tilt_db=2.0)) > high_db(plain) + 3
    assert high_db(changed(buzz(), tilt_db=-2.0)) < high_db(plain) - 3
    assert level_db(changed(buzz(), tilt_db=-2.0)) == pytest.approx(level_db(plain), abs=0.5)


def test_chance_is_seeded():
    sound, manner = buzz(), EMOTION_MANNERS["fear"]
    one, two = (modulate(sound, manner, np.random.default_rng(4)).samples for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_noise_and_silence_have_no_pitch_to_move():
    noise = Waveform(0.1 * np.random.default_rng(0).standard_normal(4000).astype(np.float32), SPEECH_RATE)
    assert np.isfinite(changed(noise, pitch_st=3.0).samples).all()
    assert changed(Waveform(np.zeros(1600, np.float32), SPEECH_RATE), pitch_st=3.0).samples.max() == 0
    with pytest.raises(AudioError):
        changed(Waveform(np.zeros(0, np.float32), SPEECH_RATE))


def test_loud_manners_stay_within_full_scale():
    loud = changed(buzz(), energy_db=30.0).samples
    assert np.abs(loud).max() <= 0.97
    with pytest.raises(InputError, match="a pitch of 20 semitones"):
        changed(buzz(), pitch_st=20.0)


def test_a_manner_at_strength_0_is_plain_and_manners_join():
    assert EMOTION_MANNERS["angry"].scaled(0.0) == VoiceManner()
    assert EMOTION_MANNERS["angry"].scaled(1.0) == EMOTION_MANNERS["angry"]
    both = VoiceManner(pitch_st=1.0, tempo=1.1).joined(VoiceManner(pitch_st=2.0, tempo=0.5))
    assert (both.pitch_st, both.tempo) == (3.0, pytest.approx(0.55))
    assert set(EMOTION_MANNERS) == set(EMOTIONS)
