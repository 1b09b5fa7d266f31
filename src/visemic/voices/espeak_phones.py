"""From the events of espeak-ng to phones and words on the sample clock.

The library reports where each phoneme begins. What it calls a phoneme is not yet a phone
of ours: pauses are empty phonemes, and so are links between vowels; one symbol may hold
two segments; and the silence in which the lips or the tongue close for a voiceless stop is
counted to the sound before it. All of that is put right here, with the sound as witness.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from visemic.core.signals import SILENCE
from visemic.text.visemes import PLOSIVES, VOWELS, phone_from_ipa, split_ipa
from visemic.voices.espeak_library import PhonemeEvent, Utterance

SHORTEST_S = 0.006
"""A phone below this is merged with its neighbour; a stretch then leaves at least 5 ms."""
_SHORTEST_PAUSE_S = 0.040
"""A pause below this inside a sentence is an artefact of joining sounds."""
_FIRST_SHARE = 0.6
"""Part of the time that the first segment of a symbol with two takes."""
_ZERO = 1e-4
"""Samples up to this size are silence: the library's pauses are digital zeros."""
STOPS = PLOSIVES | {"CH", "JH"}
"""Phones that begin with a closed mouth, at the lips or at the tongue."""

_ENGLISH = {"ɜ": "ER", "ɐ": "AX", "a": "AE", "ʔ": "T"}
"""Bare symbols that espeak-ng writes for English in its own way."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A phone on the sample clock."""

    label: str
    start: int
    end: int
    token: int
    """Number of the token that it belongs to, -1 for silence."""
    stress: int | None = None
    ipa: str = ""


def segments_of(
    utterance: Utterance,
    starts: Sequence[int],
    *,
    is_english: bool,
    count: Callable[[tuple[int, ...]], Sequence[int]],
) -> list[Segment]:
    """Give the phones of one sentence, from the first that sounds to the last.

    Args:
        utterance: What the library gave.
        starts: Index of the first character of each token in the text, ascending.
        is_english: Whether symbols mean what they mean in English.
        count: Gives how many phonemes each of some tokens has by itself, 0 for mere marks; asked when the
            library speaks several as one word.

    Returns:
        Contiguous segments with pauses between them, none before or after; empty when
        nothing sounds.
    """
    segments = _merged(_expanded(utterance, starts, is_english), round(SHORTEST_S * utterance.rate_hz))
    while segments and segments[0].label == SILENCE:
        segments.pop(0)
    while segments and segments[-1].label == SILENCE:
        segments.pop()
    return _shared_out(segments, len(starts), count)


def _expanded(utterance: Utterance, starts: Sequence[int], is_english: bool) -> list[Segment]:
    """Turn events into segments that follow one another without a gap."""
    token = 0
    spoken: list[tuple[int, str, int]] = []
    for event in utterance.events:
        if not isinstance(event, PhonemeEvent):
            token = max(0, bisect_right(starts, event.position) - 1)
        elif not event.ipa.startswith("("):  # "(en)": the library changes the language
            spoken.append((event.sample, event.ipa, token))
    parts_of = [split_ipa(ipa) for _, ipa, _ in spoken]
    firsts = [_label(parts[0], is_english) if parts else "" for parts in parts_of]
    times = _onsets([sample for sample, _, _ in spoken], firsts, utterance)
    segments: list[Segment] = []
    for place, (_, ipa, of) in enumerate(spoken):
        start, end = times[place], times[place + 1]
        if parts_of[place]:
            segments += _parts(parts_of[place], ipa, start, end, of, is_english)
        elif _is_pause(utterance.samples[start:end], utterance.rate_hz) or not segments:
            segments.append(Segment(SILENCE, start, end, -1))
        else:
            segments[-1] = replace(segments[-1], end=end)
    return segments


def _onsets(reported: Sequence[int], firsts: Sequence[str], utterance: Utterance) -> list[int]:
    """Give where events begin, and the end of the last one.

    A stop gets the silence before its burst, which the library counts to the sound before:
    in that silence the mouth is closed. Another phone without any sound of its own, such as
    the l of "all", is part of the sound before and gets the end of that.
    """
    samples = utterance.samples
    times = [min(sample, len(samples)) for sample in (*reported, len(samples))]
    shortest = round(SHORTEST_S * utterance.rate_hz)
    for place in range(1, len(times)):
        times[place] = max(times[place - 1], times[place])
        if place > 1 and firsts[place - 2] and firsts[place - 1] and firsts[place - 1] not in STOPS:
            start = times[place - 1]
            if not np.any(np.abs(samples[start : times[place]]) > _ZERO):
                times[place - 1] -= round((1 - _FIRST_SHARE) * (start - times[place - 2]))
        if place < len(reported) and firsts[place] in STOPS:
            sounding = np.flatnonzero(np.abs(samples[times[place - 1] : times[place]]) > _ZERO)
            # In a pause nothing sounds at all; then the pause stays.
            if len(sounding):
                last = times[place - 1] + max(int(sounding[-1]) + 1, shortest)
                times[place] = min(times[place], last)
    return times


def _is_pause(samples: Float32[np.ndarray, " samples"], rate_hz: int) -> bool:
    """Tell a pause from a link between two sounds."""
    if len(samples) < _SHORTEST_PAUSE_S * rate_hz:
        return False
    return float(np.mean(np.abs(samples) <= _ZERO)) > 0.5


def _parts(
    parts: Sequence[str], ipa: str, start: int, end: int, token: int, is_english: bool
) -> list[Segment]:
    """Share the time of one event among its segments."""
    first_mark = next((c for c in ipa if c in "ˈˌ"), "")
    stress = {"ˈ": 1, "ˌ": 2}.get(first_mark, 0)
    cuts = [start, end]
    if len(parts) > 1:
        share = _FIRST_SHARE if len(parts) == 2 else 1 / len(parts)
        inner = [share] if len(parts) == 2 else [share * (k + 1) for k in range(len(parts) - 1)]
        cuts = [start, *(start + round((end - start) * x) for x in inner), end]
    found: list[Segment] = []
    for part, a, b in zip(parts, cuts, cuts[1:], strict=False):
        label = _label(part, is_english)
        # The mark stands before the whole symbol and means its vowel; one vowel carries it.
        is_stressed = label in VOWELS and not any(s.label in VOWELS for s in found)
        found.append(
            Segment(label, a, b, token, (stress if is_stressed else 0) if label in VOWELS else None, part)
        )
    return found


def _label(part: str, is_english: bool) -> str:
    if is_english:
        bare = part.lstrip("ˈˌ").rstrip("ː")
        if bare in _ENGLISH:
            return _ENGLISH[bare]
    label = phone_from_ipa(part)
    return "AX" if label == SILENCE else label


def _merged(segments: list[Segment], shortest: int) -> list[Segment]:
    """Join neighbouring silences, and give the time of a too short phone to its neighbour."""
    kept: list[Segment] = []
    for segment in segments:
        both_silent = bool(kept) and kept[-1].label == SILENCE == segment.label
        if kept and (both_silent or segment.end - segment.start < shortest):
            kept[-1] = replace(kept[-1], end=segment.end)
        elif kept and kept[-1].end - kept[-1].start < shortest:
            # Only the very first can be left too short.
            kept[-1] = replace(segment, start=kept[-1].start)
        else:
            kept.append(segment)
    return kept


def _shared_out(
    segments: list[Segment], n_tokens: int, count: Callable[[tuple[int, ...]], Sequence[int]]
) -> list[Segment]:
    """Share the phones of tokens that the library ran together, such as "in the", among them."""
    owners = sorted({s.token for s in segments if s.token >= 0})
    for owner, following in zip(owners, [*owners[1:], n_tokens], strict=False):
        tokens = tuple(range(owner, following))
        counts = np.asarray(count(tokens) if len(tokens) > 1 else (1,), float)
        if len(tokens) < 2 or not counts.any():
            continue
        places = [i for i, s in enumerate(segments) if s.token == owner]
        limits = np.round(np.cumsum(counts) / counts.sum() * len(places)).astype(int)
        for order, place in enumerate(places):
            share = int(np.searchsorted(limits, order, side="right"))
            segments[place] = replace(segments[place], token=tokens[min(share, len(tokens) - 1)])
    return segments
