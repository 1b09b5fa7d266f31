"""A note without learning: how a voice rises, hurries and gets loud, and what its words say.

The floor under every other way to write a note: no weights, any language for the voice, a small
list of English words for the text. It says little, and nothing where it has heard nothing.
"""

import itertools
import re
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from visemic.core.acting_note import ActingNote, ActionPhrase, Span
from visemic.core.action_units import nearest_degree
from visemic.core.signals import SILENCE, Alignment, Features
from visemic.features.prosody import ENERGY, PITCH
from visemic.models.instruction_sentiment import sentiment

SOURCE = "rules"
MIN_PAUSE_S = 0.28
"""A silence this long may part two spans."""
MIN_SPAN_S = 1.0
_SENTENCE_ENDS, _CLOSERS = tuple(".!?…。！？"), "\"'”’)"

# What is usual in read speech, from the literature and rounded; only far from these do rules speak.
_USUAL_RANGE_ST, _SPREAD_RANGE_ST = 6.5, 3.0
_USUAL_PHONES_HZ, _SPREAD_PHONES_HZ = 12.5, 3.0
_SPREAD_DB, _SPREAD_ST = 4.0, 3.0
_SPOKEN_RANGE_DB = 35.0
_HIGH, _LOW = 1.0, -1.0
"""Arousal above which a voice is stirred, and below which it is flat."""


@dataclass(frozen=True)
class VoiceState:
    """How a span is spoken, each in usual spreads from what is usual; 0 where it is not known."""

    loudness: float = 0.0
    """Against the clip."""
    pitch: float = 0.0
    """Against the clip."""
    melody: float = 0.0
    """Range of pitch, against read speech."""
    rate: float = 0.0
    """Phones a second, against read speech."""

    @property
    def arousal(self) -> float:
        """How stirred the voice is: about -2 flat to 2 excited."""
        return float(
            np.clip(
                0.35 * self.loudness + 0.35 * self.pitch + 0.45 * self.melody + 0.25 * self.rate, -2.0, 2.0
            )
        )


def instruct_by_rules(
    alignment: Alignment, prosody: Features | None = None, *, text: str | None = None
) -> ActingNote:
    """Write a note from a voice and from words.

    Args:
        alignment: Phones and words with times.
        prosody: ``features.prosody`` of the sound; None judges by the words alone.
        text: What is said; None takes the alignment's.

    Returns:
        Touching spans from beginning to end, parted at sentences and pauses; neighbours that
        ask for the same are one.
    """
    said = alignment.text if text is None else text
    spans = []
    for start_s, end_s, words in split_speech(alignment, said):
        state = voice_state(alignment, prosody, start_s, end_s)
        spans.append(_directed(start_s, end_s, state, words))
    return ActingNote(_merged(spans), SOURCE)


def split_speech(alignment: Alignment, text: str) -> list[tuple[float, float, str]]:
    """Give start, end and words of each stretch of speech; cuts lie in the middle of pauses."""
    duration_s = alignment.duration_s
    if duration_s <= 0:
        return []
    pauses = [
        (phone.start_s, phone.end_s)
        for phone in alignment.phones
        if phone.label == SILENCE and phone.duration_s >= MIN_PAUSE_S
    ]
    cuts = {round((a + b) / 2, 3) for a, b in pauses if a > 0 and b < duration_s - 1e-3}
    tokens = text.split()
    ends = [token.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS) for token in tokens]
    timed = alignment.words
    if timed and len(timed) == len(tokens):
        cuts |= {
            round((timed[i].end_s + timed[i + 1].start_s) / 2, 3) for i in range(len(timed) - 1) if ends[i]
        }
    edges = [0.0]
    for cut in sorted(cuts):
        if cut - edges[-1] >= MIN_SPAN_S and duration_s - cut >= MIN_SPAN_S:
            edges.append(cut)
    edges.append(duration_s)
    parts = []
    for start_s, end_s in itertools.pairwise(edges):
        if timed and len(timed) == len(tokens):
            inside = [
                t for t, w in zip(tokens, timed, strict=True) if start_s <= (w.start_s + w.end_s) / 2 < end_s
            ]
            words = " ".join(inside)
        elif timed:
            words = " ".join(w.text for w in timed if start_s <= (w.start_s + w.end_s) / 2 < end_s)
        else:
            words = text if len(edges) == 2 else ""
        parts.append((start_s, end_s, words))
    return parts


def voice_state(alignment: Alignment, prosody: Features | None, start_s: float, end_s: float) -> VoiceState:
    """Measure how a part of a clip is spoken."""
    spoken = [
        p for p in alignment.phones if p.label != SILENCE and start_s <= (p.start_s + p.end_s) / 2 < end_s
    ]
    spoken_s = sum(phone.duration_s for phone in spoken)
    rate = (len(spoken) / spoken_s - _USUAL_PHONES_HZ) / _SPREAD_PHONES_HZ if spoken_s > 0.3 else 0.0
    if prosody is None or not len(prosody.values):
        return VoiceState()
    level_db = prosody.values[:, ENERGY].astype(float)
    pitch_hz = prosody.values[:, PITCH].astype(float)
    times_s = prosody.rate.times_s(len(level_db))
    inside = (times_s >= start_s) & (times_s < end_s)
    loud = level_db > level_db.max() - _SPOKEN_RANGE_DB
    voiced = loud & (pitch_hz > 0)
    loudness = pitch = melody = 0.0
    if (inside & loud).sum() > 20:
        loudness = (level_db[inside & loud].mean() - level_db[loud].mean()) / _SPREAD_DB
    if (inside & voiced).sum() > 20:
        semitones = _semitones(pitch_hz)
        mine = semitones[inside & voiced]
        pitch = (np.median(mine) - np.median(semitones[voiced])) / _SPREAD_ST
        low, high = np.percentile(mine, [10, 90])
        melody = (high - low - _USUAL_RANGE_ST) / _SPREAD_RANGE_ST
    bounded = np.clip([loudness, pitch, melody, rate], -2.0, 2.0)
    return VoiceState(*(float(value) for value in bounded))


def _semitones(pitch_hz: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    return 12.0 * np.log2(np.maximum(pitch_hz, 1.0) / 100.0)


def _directed(start_s: float, end_s: float, state: VoiceState, words: str) -> Span:
    """Give the span for a voice and its words."""
    emotion, weight = sentiment(words)
    arousal = state.arousal
    if weight > 0:
        stirred = arousal if emotion not in ("sad", "contempt") else -0.5 * arousal
        intensity = 0.3 + 0.2 * weight + 0.15 * stirred
    elif arousal >= _HIGH:
        # Loud and fast without melody is how anger sounds; high and lively is how joy does.
        emotion = "angry" if state.loudness > 0.5 and state.melody < 0.3 else "happy"
        intensity = 0.2 + 0.2 * arousal
    elif arousal <= _LOW:
        emotion, intensity = "sad", 0.15 - 0.15 * arousal
    else:
        emotion, intensity = "neutral", 0.0
    if emotion == "neutral":
        intensity = 0.0
    is_question = bool(re.search(r"[?？]", words))
    actions: list[ActionPhrase] = []
    if is_question and emotion in ("neutral", "happy", "surprised"):
        actions += [ActionPhrase(1, "mildly"), ActionPhrase(2, "slightly")]
    elif state.loudness > 0.6 and emotion in ("neutral", "happy"):
        actions.append(ActionPhrase(2, nearest_degree(min(0.2 + 0.2 * state.loudness, 0.65))))
    head = "tilt" if is_question else "lively" if arousal > 0.8 else "still" if arousal < _LOW else ""
    gaze = "down" if emotion == "sad" and intensity >= 0.4 else ""
    brows = round(float(np.clip(1.0 + 0.5 * arousal, 0.4, 2.0)), 1)
    return Span(
        start_s,
        end_s,
        emotion,
        round(float(np.clip(intensity, 0.0, 1.0)), 2),
        tuple(actions),
        gaze=gaze,
        head=head,
        brows=None if abs(brows - 1.0) < 0.2 else brows,
    )


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in spans:
        if merged and replace(merged[-1], start_s=span.start_s, end_s=span.end_s) == span:
            merged[-1] = replace(merged[-1], end_s=span.end_s)
        else:
            merged.append(span)
    return tuple(merged)


def describe_speech(alignment: Alignment, prosody: Features | None, *, text: str | None = None) -> str:
    """Give one line a stretch of speech on how it is spoken, without a word of what is said.

    Example line: ``0.00-1.80 s: loud, lively melody, fast``.
    """
    scales = (
        ("loudness", "quiet", "loud"),
        ("pitch", "low voice", "high voice"),
        ("melody", "flat melody", "lively melody"),
        ("rate", "slow", "fast"),
    )
    said = alignment.text if text is None else text
    lines = []
    for start_s, end_s, _ in split_speech(alignment, said):
        state = voice_state(alignment, prosody, start_s, end_s)
        heard = [
            low if getattr(state, name) < 0 else high
            for name, low, high in scales
            if abs(getattr(state, name)) > 0.6
        ]
        lines.append(f"{start_s:.2f}-{end_s:.2f} s: {', '.join(heard) or 'even'}")
    return "\n".join(lines)
