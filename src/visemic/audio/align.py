"""Phones and words on the clock of a recording whose text is known.

The words are found in the sound by forced alignment. Speech over half a minute is first cut
into parts where a recogniser and the transcript agree. Where the words do not fit the sound,
their phones are laid over what the recogniser heard, and a note says so.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from visemic.audio.activity import FRAME_S, Segment, detect_speech, speech_gain
from visemic.audio.decoder import FRAME_OFFSET_S, PHONES, align_pcm, padded_pcm
from visemic.audio.lay import lay_over
from visemic.audio.part import LONGEST_S, Part, split_in_parts
from visemic.audio.recognise import Progress, recognise_phones, with_silence
from visemic.audio.region import cut_pieces
from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import TextError
from visemic.core.signals import SILENCE, Alignment, Phone, Waveform, Word

MAX_WORDS = 60_000
"""Two hours of the fastest speech."""

_NEAREST = {"AX": "AH", "OH": "AO"}
"""Phones of the phone table that the English acoustic model lacks."""

_SQUEEZED_FRAMES = 3
"""The model cannot make a phone shorter."""
_SQUEEZED_SHARE = 0.3
"""Of right transcripts under a fifth of the phones are squeezed, of wrong ones a third or more."""
_COVERED_SHARE = 0.5

_MOST_S = 60.0
"""The aligner's memory grows with the product of phones and frames."""
_MARGIN_S = 0.25

_STICKS_OUT_S = 0.08
"""A phone that reaches further into a pause is cut back to the speech."""


@dataclass(frozen=True)
class AlignedSpeech:
    """Where a transcript is said."""

    alignment: Alignment
    note: str
    """What the user should know, such as a fallback that was taken; empty when all is well."""


@dataclass(frozen=True)
class _Entry:
    """A word of the transcript with its pronunciations, stress taken off."""

    text: str
    choices: tuple[tuple[Phone, ...], ...]
    """Labels and stress; the times are 0."""
    acoustic: tuple[tuple[str, ...], ...]
    """The same for the model."""


_Timed = list[list[Phone]]
"""Phones of each word, on the clip's clock."""


def align_words(
    waveform: Waveform,
    words: Sequence[tuple[str, Sequence[tuple[str, ...]]]],
    *,
    progress: Progress | None = None,
) -> AlignedSpeech:
    """Find the words of a transcript in speech.

    Takes about 0.03 s of computing for a second of speech on one core, twice that when the
    speech is longer than half a minute.

    Args:
        waveform: Speech of any rate.
        words: Each spoken word with its pronunciations in ARPAbet, with or without stress
            digits, the likeliest first; at most 60,000.
        progress: Called now and then with seconds done and seconds in all.

    Returns:
        Phones from 0 to the end without a gap, silence included, and every word.

    Raises:
        TextError: There is no word, too many, one without a pronunciation, or an unknown phone.
    """
    if not 0 < len(words) <= MAX_WORDS:
        raise TextError(f"a transcript of {len(words)} words cannot be aligned; give 1 to {MAX_WORDS}")
    entries = [_entry(text, choices) for text, choices in words]
    sound = resample(waveform, SPEECH_RATE)
    segments = detect_speech(sound)
    if not segments:
        timed = _laid(entries, [], [Segment(0.0, sound.duration_s)], sound.duration_s)
        note = "no speech was found in the sound; the words of the transcript were spread over all of it"
        return AlignedSpeech(_alignment(timed, entries, [], sound.duration_s), note)
    heard: list[Phone] | None = None
    parts = [Part(0, len(entries), 0.0, sound.duration_s)]
    share_before = 0.0
    if sum(s.duration_s for s in segments) > LONGEST_S:
        share_before = 0.5  # recognising takes as long as aligning
        heard = _heard(sound, progress and (lambda done, of: progress(done // 2, of)))
        parts = split_in_parts([e.acoustic[0] for e in entries], heard, sound.duration_s)
    gain = speech_gain(sound)
    timed = []
    n_failed = 0
    for part in parts:
        own = entries[part.first_word : part.end_word]
        inside = _within(segments, part)
        found = _find(sound, own, inside, gain)
        if found is None:
            n_failed += 1
            heard = _heard(sound, None) if heard is None else heard
            found = _laid(own, _overlapping(heard, part), inside, part.end_s)
        timed += found
        if progress:
            share = share_before + (1.0 - share_before) * part.end_s / sound.duration_s
            progress(round(share * sound.duration_s), round(sound.duration_s))
    alignment = _alignment(timed, entries, _left_out(heard or [], parts), sound.duration_s)
    return AlignedSpeech(alignment, _note(timed, segments, n_failed, len(parts)))


def _entry(text: str, choices: Sequence[tuple[str, ...]]) -> _Entry:
    """Take stress off a word's pronunciations and check their phones.

    Raises:
        TextError: There is none, or a phone is not ARPAbet.
    """
    unstressed: list[tuple[Phone, ...]] = []
    for choice in choices:
        phones = tuple(_unstressed(label) for label in choice)
        if phones and phones not in unstressed:
            unstressed.append(phones)
    if not unstressed:
        raise TextError(f"no pronunciation for word {text!r}; give one in ARPAbet")
    acoustic = tuple(tuple(_NEAREST.get(p.label, p.label) for p in choice) for choice in unstressed)
    wrong = next((p for choice in acoustic for p in choice if p not in PHONES), None)
    if wrong:
        raise TextError(
            f"no phone {wrong!r} of word {text!r} among {len(PHONES)} ARPAbet phones; use AH or AH0"
        )
    return _Entry(text, tuple(unstressed), acoustic)


def _unstressed(label: str) -> Phone:
    bare = label.rstrip("012")
    return Phone(bare, 0.0, 0.0, int(label[len(bare)]) if len(label) > len(bare) else None)


def _heard(sound: Waveform, progress: Progress | None) -> list[Phone]:
    return [p for p in recognise_phones(sound, progress=progress).phones if p.label != SILENCE]


def _within(segments: Sequence[Segment], part: Part) -> list[Segment]:
    """Give the speech of a part; all of the part when there is none."""
    clipped = [Segment(max(s.start_s, part.start_s), min(s.end_s, part.end_s)) for s in segments]
    inside = [s for s in clipped if s.end_s > s.start_s]
    return inside or [Segment(part.start_s, max(part.end_s, part.start_s + FRAME_S))]


def _overlapping(heard: Sequence[Phone], part: Part) -> list[Phone]:
    return [p for p in heard if p.start_s >= part.start_s and p.end_s <= part.end_s]


def _find(
    sound: Waveform, entries: Sequence[_Entry], segments: Sequence[Segment], gain: float
) -> _Timed | None:
    """Align the words of a part by force; None when they do not fit."""
    pieces = cut_pieces(sound, segments, longest_s=_MOST_S, margin_s=_MARGIN_S)
    n_phones = sum(min(len(choice) for choice in e.acoustic) for e in entries)
    if len(pieces) != 1 or n_phones * _SQUEEZED_FRAMES > pieces[0].n_frames:
        return None
    piece = pieces[0]
    found = align_pcm(padded_pcm(piece.samples_of(sound), gain), [e.acoustic for e in entries])
    if found is None:
        return None
    timed: _Timed = []
    at_s = 0.0
    for entry, names in zip(entries, found, strict=True):
        labels = tuple(name for name, _, _ in names)
        chosen = entry.choices[entry.acoustic.index(labels)]
        phones = []
        for phone, (_, start, end) in zip(chosen, names, strict=True):
            span = piece.spans_of(start, end)
            start_s, end_s = (
                (at_s, at_s)
                if span is None
                else (span[0] * FRAME_S + FRAME_OFFSET_S, span[1] * FRAME_S + FRAME_OFFSET_S)
            )
            phones.append(
                _cut_back(replace(phone, start_s=max(start_s, at_s), end_s=max(end_s, at_s)), segments)
            )
            at_s = phones[-1].end_s
        timed.append(phones)
    return timed


def _cut_back(phone: Phone, segments: Sequence[Segment]) -> Phone:
    """Take from a phone what reaches far into a pause, if any of it is speech."""
    index = bisect_right(segments, phone.start_s, key=lambda s: s.end_s)
    inside = []
    while index < len(segments) and segments[index].start_s < phone.end_s:
        segment = segments[index]
        inside.append((max(segment.start_s, phone.start_s), min(segment.end_s, phone.end_s)))
        index += 1
    if not inside:
        return phone
    start_s, end_s = max(inside, key=lambda span: span[1] - span[0])
    if end_s - start_s < _SQUEEZED_FRAMES * FRAME_S:
        return phone
    return replace(
        phone,
        start_s=start_s if start_s - phone.start_s > _STICKS_OUT_S else phone.start_s,
        end_s=end_s if phone.end_s - end_s > _STICKS_OUT_S else phone.end_s,
    )


def _laid(
    entries: Sequence[_Entry], heard: Sequence[Phone], segments: Sequence[Segment], end_s: float
) -> _Timed:
    """Lay the likeliest pronunciations over what was heard."""
    said = [label for e in entries for label in e.acoustic[0]]
    spans = iter(lay_over(said, heard, segments, (segments[0].start_s, max(end_s, segments[-1].end_s))))
    return [
        [
            replace(phone, start_s=start, end_s=end)
            for phone, (start, end) in zip(e.choices[0], spans, strict=False)
        ]
        for e in entries
    ]


def _left_out(heard: Sequence[Phone], parts: Sequence[Part]) -> list[Phone]:
    """Give what was heard where the transcript says nothing: the mouth moves there, too."""
    gaps = pairwise([0.0, *(t for part in parts for t in (part.start_s, part.end_s)), math.inf])
    outside = list(gaps)[::2]
    return [p for p in heard if any(start <= p.start_s and p.end_s <= end for start, end in outside)]


def _alignment(
    timed: _Timed, entries: Sequence[_Entry], extra: Sequence[Phone], duration_s: float
) -> Alignment:
    phones = sorted([p for phones in timed for p in phones] + list(extra), key=lambda p: p.start_s)
    words = tuple(
        Word(e.text, max(0.0, own[0].start_s), min(own[-1].end_s, duration_s))
        for e, own in zip(entries, timed, strict=True)
    )
    text = " ".join(e.text for e in entries)
    return Alignment(with_silence(phones, duration_s), words, text, duration_s, source="aligned")


def _note(timed: _Timed, segments: Sequence[Segment], n_failed: int, n_parts: int) -> str:
    """Say what a user should know of how the words were found."""
    if n_failed:
        return (
            f"the transcript could not be aligned in {n_failed} of {n_parts} parts; "
            "its phones were laid over recognised ones there"
        )
    lengths_s = [p.duration_s for phones in timed for p in phones]
    squeezed = sum(length < (_SQUEEZED_FRAMES + 0.5) * FRAME_S for length in lengths_s) / len(lengths_s)
    covered = sum(lengths_s) / sum(s.duration_s for s in segments)
    if squeezed > _SQUEEZED_SHARE or covered < _COVERED_SHARE:
        return (
            f"the transcript fits the sound poorly: {squeezed:.0%} of its phones are squeezed and it covers "
            f"{min(covered, 1.0):.0%} of the speech; check that it says what is spoken"
        )
    return ""
