"""Where a voice puts its accents: pitch, loudness and lexical stress together."""

import numpy as np
from jaxtyping import Float

from visemic.core.signals import SILENCE, Alignment, Features
from visemic.features.prosody import ENERGY, PITCH, span_means
from visemic.motion.accent import Accent, SpeechEvents, control_times_s, smoothed
from visemic.text.visemes import VOWELS

MIN_PAUSE_S = 0.12
MIN_ACCENT_INTERVAL_S = 0.55
_MIN_SCORE = 0.35
_EFFORT_GAIN = 0.35
"""Vocal effort gained for one spread of loudness."""
_PITCH_REACH_S = 2.0
"""Pitch counts against its mean within this time on both sides: the phrase."""


def speech_events(
    alignment: Alignment, prosody: Features | None, generator: np.random.Generator
) -> SpeechEvents:
    """Give accents, pauses and word ends of a clip.

    Args:
        alignment: Phones, stress and words.
        prosody: Pitch and level; None places accents by stress and chance alone.
        generator: Decides between syllables that are equally stressed.
    """
    pauses, at_s = [], 0.0
    for phone in alignment.phones:
        if phone.label == SILENCE:
            continue
        if phone.start_s - at_s >= MIN_PAUSE_S:
            pauses.append((at_s, phone.start_s))
        at_s = max(at_s, phone.end_s)
    if alignment.duration_s - at_s >= MIN_PAUSE_S:
        pauses.append((at_s, alignment.duration_s))
    return SpeechEvents(
        alignment.duration_s,
        _accents(alignment, prosody, generator),
        tuple(pauses),
        tuple(word.end_s for word in alignment.words),
    )


def _accents(
    alignment: Alignment, prosody: Features | None, generator: np.random.Generator
) -> tuple[Accent, ...]:
    """Take the highest-scored vowels that are far enough from higher ones."""
    vowels = [phone for phone in alignment.phones if phone.label in VOWELS and phone.duration_s > 0]
    if not vowels:
        return ()
    chance = generator.uniform(0.0, 1.0, len(vowels))
    stress = np.array(
        [{1: 1.0, 2: 0.5, 0: 0.0}.get(v.stress if v.stress is not None else -1, 0.4) for v in vowels]
    )
    starts = np.array([v.start_s for v in vowels])
    ends = np.array([v.end_s for v in vowels])
    if prosody is None:
        score = 0.55 * stress + 0.35 * chance
    else:
        pitch_z, level_z = _standing_out(prosody, starts, ends)
        rise = 1.0 / (1.0 + np.exp(-1.7 * pitch_z))
        score = 0.45 * rise + 0.3 * stress + 0.15 * np.clip(0.5 + 0.5 * level_z, 0.0, 1.0) + 0.1 * chance
    chosen: list[int] = []
    middles = (starts + ends) / 2
    taken = np.zeros(len(vowels), bool)
    for index in np.argsort(-score, kind="stable"):
        if score[index] < _MIN_SCORE:
            break
        if taken[index]:
            continue
        chosen.append(int(index))
        near = np.searchsorted(middles, middles[index] + np.array([-1, 1]) * MIN_ACCENT_INTERVAL_S)
        taken[near[0] : near[1]] = True
    return tuple(
        Accent(float(middles[i]), float(np.clip((score[i] - _MIN_SCORE) / 0.55 + 0.2, 0.0, 1.0)))
        for i in sorted(chosen)
    )


def _standing_out(
    prosody: Features, starts: Float[np.ndarray, " vowels"], ends: Float[np.ndarray, " vowels"]
) -> tuple[Float[np.ndarray, " vowels"], Float[np.ndarray, " vowels"]]:
    """Give how far each vowel's pitch and level lie above those around it, in their spread."""
    pitch_hz = prosody.values[:, PITCH].astype(float)
    voiced = pitch_hz > 0
    semitones = np.where(voiced, 12.0 * np.log2(np.maximum(pitch_hz, 1.0) / 100.0), 0.0)
    pair = Features(np.stack([semitones, voiced.astype(float)], axis=1), prosody.rate, "semitones", "1")

    def mean(low: Float[np.ndarray, " vowels"], high: Float[np.ndarray, " vowels"]) -> np.ndarray:
        share = span_means(pair, 1, low, high)
        return np.where(share > 0.05, span_means(pair, 0, low, high) / np.maximum(share, 0.05), np.nan)

    above = mean(starts, ends) - mean(np.maximum(starts - _PITCH_REACH_S, 0.0), ends + _PITCH_REACH_S)
    above = np.nan_to_num(above)
    level_db = span_means(prosody, ENERGY, starts, ends)
    level_db = level_db - level_db.mean()
    return above / max(float(above.std()), 1.0), level_db / max(float(level_db.std()), 3.0)


def loudness_curve(alignment: Alignment, prosody: Features | None) -> Float[np.ndarray, " controls"] | None:
    """Give the standardised loudness at the upper face's control points, 0 in silence."""
    if prosody is None or len(prosody.values) < 2:
        return None
    level_db = prosody.values[:, ENERGY].astype(float)
    spoken = level_db > level_db.max() - 35.0
    mean, spread = level_db[spoken].mean(), max(float(level_db[spoken].std()), 3.0)
    z = np.where(spoken, (level_db - mean) / spread, 0.0)
    controls_s = control_times_s(alignment.duration_s)
    return smoothed(np.interp(controls_s, prosody.rate.times_s(len(z)), z), 0.12)


def vocal_effort(
    alignment: Alignment, prosody: Features | None, times_s: Float[np.ndarray, " frames"]
) -> Float[np.ndarray, " frames"]:
    """Give how loud each frame is against its clip, 0 quiet to 1 loud, one half without sound."""
    loudness = loudness_curve(alignment, prosody)
    if loudness is None:
        return np.full(len(times_s), 0.5)
    controls_s = control_times_s(alignment.duration_s)[: len(loudness)]
    curve = np.interp(times_s, controls_s, loudness[: len(controls_s)])
    return np.clip(0.5 + _EFFORT_GAIN * curve, 0.0, 1.0)
