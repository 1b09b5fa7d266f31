"""Feeling in a voice: pitch, melody, loudness, breath, brightness and roughness of speech that is there.

The voice is laid anew period by period (pitch-synchronous overlap-add): the distance of the periods
is the pitch, their stretch the place of the formants, their unevenness the roughness. The times of
the phones stay: an alignment made before holds afterwards.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float

from visemic.core.errors import InputError
from visemic.core.signals import Waveform
from visemic.features.prosody import ENERGY, PITCH, PROSODY_RATE, extract_prosody

SPEECH_LEVEL_DB = -25.0
"""Level of the spoken parts at an energy of 0 dB, below full scale."""
_LOWEST_HZ, _HIGHEST_HZ = 68.0, 400.0
"""Pitch stays within what can be measured again."""
_MAX_RATIO = 1.9
_LEAST_OVERLAP = 0.6
_FADE_S = 0.008
_SPOKEN_RANGE_DB = 35.0
_BREATH_HZ = (1_200.0, 7_400.0)
_TREMOR_HZ = 6.3
_TILT_PIVOT_HZ, _MAX_TILT_DB = 900.0, 14.0
_ENDING_S = 0.45
_JITTER, _SHIMMER = 0.05, 0.3
"""Spread of a period's length and of its height where a voice is all rough."""
_LIMIT = 0.97


@dataclass(frozen=True)
class VoiceManner:
    """How speech is changed; the defaults change nothing but the level."""

    pitch_st: float = 0.0
    """Shift of the pitch in semitones."""
    melody: float = 1.0
    """Factor on the pitch's distance from its median."""
    energy_db: float = 0.0
    """Level of the spoken parts against ``SPEECH_LEVEL_DB``."""
    tempo: float = 1.0
    """Factor on the speaking rate; the voice itself takes it, not ``modulate``."""
    effort: float = 1.0
    """Factor on the distance of loud syllables from the mean level, in dB."""
    breath: float = 0.0
    """Level of breath noise against the voice, 0 to 1."""
    tilt_db: float = 0.0
    """Change of the spectrum in dB an octave: below 0 duller, above 0 brighter."""
    tremor_st: float = 0.0
    """Depth of the pitch's tremor in semitones."""
    slope_st: float = 0.0
    """Rise of the pitch from the clip's begin to its end in semitones."""
    ending_st: float = 0.0
    """Rise of the pitch over the last half second that is voiced."""
    rough: float = 0.0
    """Unevenness of the voice's periods, 0 to 1: a pressed or creaking voice."""
    formants: float = 1.0
    """Factor on the formants where the voice sounds: spread lips raise them, rounded ones lower them."""

    def scaled(self, amount: float) -> "VoiceManner":
        """Give the manner at some strength: 0 the plain voice, 1 itself."""
        plain = VoiceManner()
        return VoiceManner(
            **{
                f.name: getattr(plain, f.name) + amount * (getattr(self, f.name) - getattr(plain, f.name))
                for f in fields(VoiceManner)
            }
        )

    def joined(self, other: "VoiceManner") -> "VoiceManner":
        """Give both manners at once: shifts add, factors multiply."""
        factors = ("melody", "tempo", "effort", "formants")
        return VoiceManner(
            **{
                f.name: getattr(self, f.name) * getattr(other, f.name)
                if f.name in factors
                else getattr(self, f.name) + getattr(other, f.name)
                for f in fields(VoiceManner)
            }
        )


EMOTION_MANNERS = {
    "neutral": VoiceManner(),
    "happy": VoiceManner(4.5, 1.8, 3.5, 1.20, 1.1, 0.02, 0.8, formants=1.08),
    "sad": VoiceManner(-2.0, 0.4, -6.0, 0.74, 0.85, 0.24, -2.4, slope_st=-1.5, formants=0.97),
    "surprised": VoiceManner(5.0, 2.0, 2.0, 0.98, 1.1, 0.12, 0.3, slope_st=2.0, ending_st=5.0, formants=0.96),
    "fear": VoiceManner(5.5, 0.8, -2.0, 1.28, 0.9, 0.18, -0.5, tremor_st=1.0),
    "disgusted": VoiceManner(-3.0, 0.8, -0.5, 0.78, 1.1, 0.06, 0.6, slope_st=-1.0, rough=0.6, formants=0.93),
    "angry": VoiceManner(3.0, 1.5, 7.0, 1.14, 1.4, 0.0, 2.6, rough=0.6),
    "contempt": VoiceManner(-2.5, 1.25, -1.5, 0.86, 0.8, 0.0, 1.0, ending_st=-4.0, rough=0.2, formants=1.05),
}
"""The voice of each emotion at its strongest.

The directions follow what listeners and measurements agree on (Scherer 2003, "Vocal
communication of emotion"; Juslin and Laukka 2003), spread lips in joy Tartter 1980, the unsteady
voice in anger and fear Murray and Arnott 1993. The sizes are ours, of the order that rules for
emotional synthesis use (Schröder 2001, "Emotional speech synthesis: a review"), below its largest."""


def modulate(waveform: Waveform, manner: VoiceManner, generator: np.random.Generator) -> Waveform:
    """Give the same words at the same times in another manner.

    Args:
        waveform: Clean speech of one voice.
        manner: The change; its tempo plays no part here.
        generator: Source of the breath noise and of the tremor's phase.

    Returns:
        As many samples, within -1 and 1.

    Raises:
        InputError: The manner is beyond what a voice can do.
        AudioError: The waveform is empty.

    Source:
        Moulines and Charpentier 1990, "Pitch-synchronous waveform processing techniques for
        text-to-speech synthesis using diphones".
    """
    if abs(manner.pitch_st) > 12 or not 0 <= manner.melody <= 4 or not 0 <= manner.breath <= 1:
        raise InputError(
            f"a pitch of {manner.pitch_st:g} semitones, a melody of {manner.melody:g} and a breath of "
            f"{manner.breath:g} cannot be spoken; give at most 12, 0 to 4 and 0 to 1"
        )
    prosody = extract_prosody(waveform)
    level_db = prosody.values[:, ENERGY].astype(float)
    pitch_hz = _without_octave_errors(prosody.values[:, PITCH].astype(float))
    rate_hz = float(waveform.rate)
    phase = float(generator.uniform(0, 2 * np.pi))
    samples = _repitched(waveform.samples.astype(float), rate_hz, pitch_hz, manner, phase, generator)
    spoken = level_db > level_db.max() - _SPOKEN_RANGE_DB
    mean_db = float(10 * np.log10(np.mean(10 ** (level_db[spoken] / 10))))
    times_s = np.arange(len(samples)) / rate_hz
    steps_s = PROSODY_RATE.times_s(len(level_db))
    above_db = np.clip(np.where(spoken, level_db - mean_db, 0.0), -20.0, 12.0)
    gain_db = SPEECH_LEVEL_DB - mean_db + manner.energy_db + (manner.effort - 1.0) * _soft(above_db)
    samples *= 10 ** (np.interp(times_s, steps_s, gain_db) / 20)
    samples = _tilted(samples, rate_hz, manner.tilt_db)
    if manner.breath > 0:
        samples += manner.breath * _breath(samples, rate_hz, generator)
    return Waveform((_LIMIT * np.tanh(samples / _LIMIT)).astype(np.float32), waveform.rate)


def _repitched(
    samples: Float[np.ndarray, " samples"],
    rate_hz: float,
    pitch_hz: Float[np.ndarray, " steps"],
    manner: VoiceManner,
    phase: float,
    generator: np.random.Generator,
) -> Float[np.ndarray, " samples"]:
    """Lay the periods of the voiced parts anew; the other parts stay as they are."""
    voiced = pitch_hz > 0
    added = (manner.pitch_st, manner.tremor_st, manner.slope_st, manner.ending_st, manner.rough)
    is_plain = not any(added) and manner.melody == 1 and manner.formants == 1
    if not voiced.any() or is_plain:
        return samples.copy()
    steps_s = PROSODY_RATE.times_s(len(pitch_hz))
    median_hz = float(np.median(pitch_hz[voiced]))
    own_st = 12 * np.log2(np.where(voiced, pitch_hz, median_hz) / median_hz)
    new_st = manner.pitch_st + manner.melody * own_st
    new_st += manner.tremor_st * np.sin(2 * np.pi * _TREMOR_HZ * steps_s + phase)
    new_st += manner.slope_st * (steps_s / max(steps_s[-1], 1e-3) - 0.5)
    until_end_s = steps_s[np.flatnonzero(voiced)[-1]] - steps_s
    new_st += manner.ending_st * np.clip(1 - until_end_s / _ENDING_S, 0, 1)
    new_hz = np.clip(median_hz * 2 ** (new_st / 12), _LOWEST_HZ, _HIGHEST_HZ)
    ratio = np.clip(new_hz / np.where(voiced, pitch_hz, median_hz), 1 / _MAX_RATIO, _MAX_RATIO)
    result, weight = np.zeros_like(samples), np.zeros_like(samples)
    for first, stop in _runs(voiced):
        epochs = _epochs(samples, rate_hz, pitch_hz, first, stop)
        _lay_periods(samples, rate_hz, ratio, epochs, manner, generator, result, weight)
    mask = np.interp(np.arange(len(samples)) / rate_hz, steps_s, voiced.astype(float))
    # Where no period was laid, nothing is faded in.
    mask = _soft_mask(np.minimum(mask, np.clip(weight / 0.2, 0, 1)), rate_hz)
    return (1 - mask) * samples + mask * result / np.maximum(weight, _LEAST_OVERLAP)


def _without_octave_errors(pitch_hz: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    """Bring pitches that lie an octave off the clip's median back: speech rarely leaps so far."""
    voiced = pitch_hz > 0
    if not voiced.any():
        return pitch_hz
    octaves = np.log2(np.where(voiced, pitch_hz, 1.0) / np.median(pitch_hz[voiced]))
    return np.where(voiced, pitch_hz / 2 ** np.round(octaves), 0.0)


def _runs(voiced: Bool[np.ndarray, " steps"]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _epochs(
    samples: Float[np.ndarray, " samples"],
    rate_hz: float,
    pitch_hz: Float[np.ndarray, " steps"],
    first: int,
    stop: int,
) -> list[int]:
    """Give the samples of the largest peaks of a voiced run, one a period."""
    per_step = rate_hz / float(PROSODY_RATE)
    begin = max(0, round((first - 0.5) * per_step))
    end = min(len(samples), round((stop - 0.5) * per_step))
    period = rate_hz / pitch_hz[first]
    if end - begin < 2 * period:
        return []
    # Peaks of one sign: that in which the voice is stronger.
    signed = samples if samples[begin:end].max() >= -samples[begin:end].min() else -samples
    at = begin + int(np.argmax(signed[begin : begin + round(period)]))
    found = [at]
    while True:
        period = rate_hz / pitch_hz[min(max(round(at / per_step), first), stop - 1)]
        low, high = at + round(0.8 * period), at + round(1.2 * period) + 1
        if high >= end:
            return found
        at = low + int(np.argmax(signed[low:high]))
        found.append(at)


def _lay_periods(
    samples: Float[np.ndarray, " samples"],
    rate_hz: float,
    ratio: Float[np.ndarray, " steps"],
    epochs: list[int],
    manner: VoiceManner,
    generator: np.random.Generator,
    result: Float[np.ndarray, " samples"],
    weight: Float[np.ndarray, " samples"],
) -> None:
    """Lay windows of two periods around the epochs at the new distances."""
    if len(epochs) < 2:
        return
    marks = np.array(epochs)
    periods = np.diff(marks, append=2 * marks[-1] - marks[-2])
    per_step = rate_hz / float(PROSODY_RATE)
    at, uneven = float(marks[0]), np.zeros(2)
    while at <= marks[-1]:
        nearest = int(np.searchsorted(marks, at))
        if nearest == len(marks) or (nearest and at - marks[nearest - 1] < marks[nearest] - at):
            nearest -= 1
        half = int(periods[nearest])
        centre, place = int(marks[nearest]), round(at)
        # A period that is read faster has its formants higher.
        room = int(min(centre, len(samples) - 1 - centre) / manner.formants)
        reach = min(half, room, place, len(samples) - 1 - place)
        if reach > 2:
            window = 0.5 + 0.5 * np.cos(np.pi * np.arange(-reach, reach + 1) / half)
            gain = 1.0 + _SHIMMER * uneven[0]
            period = _period(samples, centre, reach, manner.formants)
            result[place - reach : place + reach + 1] += gain * window * period
            weight[place - reach : place + reach + 1] += window
        if manner.rough:
            uneven = manner.rough * np.clip(generator.standard_normal(2), -2, 2)
        longer = 1.0 + _JITTER * uneven[1]
        at += longer * half / ratio[min(round(at / per_step), len(ratio) - 1)]


def _period(
    samples: Float[np.ndarray, " samples"], centre: int, reach: int, formants: float
) -> Float[np.ndarray, " period"]:
    """Give the samples around an epoch, read at another speed."""
    if formants == 1:
        return samples[centre - reach : centre + reach + 1]
    positions = centre + formants * np.arange(-reach, reach + 1)
    before = np.minimum(positions.astype(np.int64), len(samples) - 2)
    share = positions - before
    return (1 - share) * samples[before] + share * samples[before + 1]


def _soft_mask(mask: Float[np.ndarray, " samples"], rate_hz: float) -> Float[np.ndarray, " samples"]:
    width = max(1, round(_FADE_S * rate_hz))
    total = np.cumsum(np.pad(mask, (width, width), mode="edge"))
    return np.minimum((total[2 * width :] - total[: -2 * width]) / (2 * width), 1.0)


def _soft(curve: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    """Smooth a curve of levels over a syllable."""
    kernel = np.hanning(13)[1:-1]
    return np.convolve(np.pad(curve, 5, mode="edge"), kernel / kernel.sum(), mode="valid")


def _tilted(
    samples: Float[np.ndarray, " samples"], rate_hz: float, tilt_db: float
) -> Float[np.ndarray, " samples"]:
    """Tilt the spectrum and keep the level."""
    if tilt_db == 0:
        return samples
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    octaves = np.log2(np.maximum(hz, 100.0) / _TILT_PIVOT_HZ)
    gain = 10 ** (np.clip(tilt_db * octaves, -_MAX_TILT_DB, _MAX_TILT_DB) / 20)
    tilted = np.fft.irfft(np.fft.rfft(samples) * gain, len(samples))
    before, after = float(np.mean(samples**2)), float(np.mean(tilted**2))
    return tilted * np.sqrt(before / max(after, 1e-15))


def _breath(
    samples: Float[np.ndarray, " samples"], rate_hz: float, generator: np.random.Generator
) -> Float[np.ndarray, " samples"]:
    """Give noise of the breath's frequencies that is as loud as the voice at every moment."""
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    inside = np.clip((hz - 0.5 * _BREATH_HZ[0]) / (0.5 * _BREATH_HZ[0]), 0, 1) * (hz < _BREATH_HZ[1])
    noise = np.fft.irfft(np.fft.rfft(generator.standard_normal(len(samples))) * inside, len(samples))
    noise /= max(float(noise.std()), 1e-9)
    width = max(1, round(0.012 * rate_hz))
    total = np.cumsum(np.pad(samples**2, (width, width)))
    return noise * np.sqrt(np.maximum(total[2 * width :] - total[: -2 * width], 0) / (2 * width))
