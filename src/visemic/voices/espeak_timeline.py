"""Sentences, each spoken by itself, set on one clock with the pauses between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from visemic.audio.stretch import stretch_to
from visemic.core.signals import SILENCE, Alignment, Phone, Waveform, Word
from visemic.text.normalize import Token
from visemic.voices.base import Speech
from visemic.voices.espeak_phones import STOPS, Segment

LEAD_IN_S = 0.10
"""Silence before the first phone at tempo 1: time for the mouth to open."""
TAIL_S = 0.25
"""Silence after the last phone at tempo 1: time for the mouth to close."""
SHORTEST_GAP_S = 0.05
"""Silence between two sentences at tempo 1, at least."""

_CLOSURE_S = 0.06
"""Time for which lips or tongue are closed before a stop that follows a pause."""
_PEAK = 0.98


@dataclass(frozen=True, eq=False)
class Take:
    """One sentence as spoken: its sound and its phones."""

    waveform: Waveform
    segments: tuple[Segment, ...]
    """At least one; sound before the first and after the last is the library's margin."""

    @property
    def onset(self) -> int:
        """First sample of the first phone."""
        return self.segments[0].start

    @property
    def length(self) -> int:
        """Samples from the first phone to the end of the last."""
        return self.segments[-1].end - self.segments[0].start

    def fitted(self, length: int) -> "Take":
        """Give the take with exactly this length, at the same pitch."""
        if length == self.length:
            return self
        factor = length / self.length
        waveform = stretch_to(self.waveform, round(len(self.waveform.samples) * factor))
        onset = round(self.onset * factor)

        def moved(place: int) -> int:
            return onset + round((place - self.onset) * factor)

        segments = tuple(replace(s, start=moved(s.start), end=moved(s.end)) for s in self.segments)
        return Take(waveform, segments)


@dataclass(frozen=True, eq=False)
class SpokenSentence:
    """A take and what the clock must know of it."""

    take: Take
    natural_length: int
    """Samples that it takes at tempo 1."""
    tokens: tuple[Token, ...]
    pause_after_s: float
    """At tempo 1."""


def assemble(sentences: list[SpokenSentence], *, text: str, language: str, tempo: float) -> Speech:
    """Set sentences one after another, each exactly where the tempo puts it.

    Args:
        sentences: At least one, all at one rate. The list is emptied on the way, so that the
            sound of a long text is not held twice.
        text: As written, for the alignment.
        language: For the alignment.
        tempo: Every time is the one at tempo 1 divided by this, to the nearest sample.
    """
    rate = sentences[0].take.waveform.rate
    hz = float(rate)
    places, n_samples = _places(sentences, hz, tempo)
    samples = np.zeros(n_samples, np.float32)
    phones: list[Segment] = []
    words: list[Word] = []
    sentences.reverse()
    for onset, end in places:
        sentence = sentences.pop()
        take = sentence.take.fitted(end - onset)
        shift = onset - take.onset
        _mix(samples, take.waveform.samples, shift)
        pause = Segment(SILENCE, phones[-1].end if phones else 0, onset, -1)
        moved = [replace(s, start=s.start + shift, end=s.end + shift) for s in take.segments]
        closed = _closed_after_pauses([pause, *moved], round(_CLOSURE_S * hz / tempo))
        phones += closed
        words += _words(closed, sentence.tokens, hz)
    phones.append(Segment(SILENCE, phones[-1].end, n_samples, -1))
    peak = float(max(samples.max(), -samples.min()))
    if peak > _PEAK:
        samples *= np.float32(_PEAK / peak)
    alignment = Alignment(
        phones=tuple(Phone(p.label, p.start / hz, p.end / hz, p.stress, p.ipa) for p in phones),
        words=tuple(words),
        text=text,
        duration_s=float(n_samples / rate.hz),
        language=language,
    )
    return Speech(Waveform(samples, rate), alignment)


def _places(
    sentences: Sequence[SpokenSentence], hz: float, tempo: float
) -> tuple[list[tuple[int, int]], int]:
    """Give the first and the end sample of each sentence, and the length of the whole."""
    onset = round(LEAD_IN_S * hz)
    natural: list[tuple[int, int]] = []
    for sentence in sentences:
        end = onset + sentence.natural_length
        natural.append((onset, end))
        onset = end + round(max(sentence.pause_after_s, SHORTEST_GAP_S) * hz)
    whole = natural[-1][1] + round(TAIL_S * hz)

    def scaled(sample: int) -> int:
        return math.floor(sample / tempo + 0.5)

    return [(scaled(a), scaled(b)) for a, b in natural], scaled(whole)


def _mix(samples: Float32[np.ndarray, " samples"], sound: Float32[np.ndarray, " sound"], at: int) -> None:
    """Add sound at a place; what hangs over at either end is cut."""
    first, last = max(0, at), min(len(samples), at + len(sound))
    if first < last:
        samples[first:last] += sound[first - at : last - at]


def _closed_after_pauses(segments: list[Segment], closure: int) -> list[Segment]:
    """Let a stop begin with its closure where the pause before it hides that."""
    for index in range(1, len(segments)):
        pause, stop = segments[index - 1], segments[index]
        if pause.label == SILENCE and stop.label in STOPS:
            onset = stop.start - min(closure, (pause.end - pause.start) // 2)
            segments[index - 1] = replace(pause, end=onset)
            segments[index] = replace(stop, start=onset)
    return segments


def _words(segments: Sequence[Segment], tokens: Sequence[Token], hz: float) -> list[Word]:
    """Give each token that has phones the time from its first to its last."""
    spans: dict[int, tuple[int, int]] = {}
    for segment in segments:
        if segment.token >= 0:
            first, _ = spans.get(segment.token, (segment.start, 0))
            spans[segment.token] = (first, segment.end)
    words = []
    for number, (start, end) in sorted(spans.items()):
        token = tokens[number]
        spoken = " ".join(token.spoken)
        differs = spoken.casefold() != token.text.casefold()
        words.append(Word(token.text, start / hz, end / hz, spoken if differs else ""))
    return words
