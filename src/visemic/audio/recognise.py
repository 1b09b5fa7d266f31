"""Phones from sound alone.

Speech is found, cut into pieces and decoded with a model of English phones and of how they
follow one another. Time without speech costs nothing. The model knows no words: about two
thirds of the time it names a phone of the right mouth shape.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from visemic.audio.activity import FRAME_S, Segment, detect_speech, speech_gain
from visemic.audio.decoder import FRAME_OFFSET_S, padded_pcm
from visemic.audio.hum import with_hums
from visemic.audio.region import Piece, cut_pieces
from visemic.audio.resample import resample
from visemic.audio.worker import recognise_pieces
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import AudioError
from visemic.core.signals import SILENCE, Alignment, Phone, Waveform

MAX_WORKERS = 16
_PARALLEL_FROM_S = 40.0
"""Speech for which starting processes (about 0.4 s) pays."""
_SHORTEST_S = 0.015
"""Silence between two phones under this belongs to them: it comes from rounding."""

Progress = Callable[[int, int], None]
"""Called with seconds done and seconds in all."""


def recognise_phones(
    waveform: Waveform, *, workers: int | None = None, progress: Progress | None = None
) -> Alignment:
    """Recognise the phones of speech without knowing its text.

    The result does not depend on the number of workers. About 0.03 s of computing for a
    second of speech on one core; memory grows with the sound only.

    Args:
        waveform: Speech of any rate, as ``io.require_speech`` passes it.
        workers: Processes, 1 to 16; None takes up to 2 for more than 40 s of speech.
        progress: Called now and then with seconds done and seconds in all.

    Returns:
        Phones from 0 to the end without a gap, silence included; no words.

    Raises:
        AudioError: The number of workers is out of range, or the recogniser is broken.
    """
    if workers is not None and not 1 <= workers <= MAX_WORKERS:
        raise AudioError(f"phones cannot be recognised by {workers} workers; give 1 to {MAX_WORKERS}")
    sound = resample(waveform, SPEECH_RATE)
    segments = detect_speech(sound)
    pieces = cut_pieces(sound, segments)
    if workers is None:
        speech_s = sum(piece.n_frames for piece in pieces) * FRAME_S
        workers = 1 if speech_s < _PARALLEL_FROM_S else min(2, os.cpu_count() or 1)
    gain = speech_gain(sound)
    pcm = (padded_pcm(piece.samples_of(sound), gain) for piece in pieces)
    found = recognise_pieces(pcm, min(workers, max(1, len(pieces))))
    phones = [
        phone
        for piece, names in zip(pieces, _reported(pieces, found, sound, progress), strict=True)
        for phone in _placed(piece, names)
    ]
    spoken = with_hums(within_speech(phones, segments), sound)
    return Alignment(with_silence(spoken, sound.duration_s), (), "", sound.duration_s, source="recognised")


def _reported(
    pieces: Sequence[Piece],
    found: Iterable[list[tuple[str, int, int]]],
    sound: Waveform,
    progress: Progress | None,
) -> Iterator[list[tuple[str, int, int]]]:
    """Tell of each piece that is done."""
    all_s = round(sound.duration_s)
    for piece, names in zip(pieces, found, strict=True):
        yield names
        if progress:
            progress(min(all_s, round(piece.stretches[-1].end * FRAME_S)), all_s)
    if progress:
        progress(all_s, all_s)


def _placed(piece: Piece, names: Iterable[tuple[str, int, int]]) -> Iterator[Phone]:
    """Give a piece's phones on the clip's clock, silence left out."""
    for label, start, end in names:
        span = piece.spans_of(start, end)
        if label != SILENCE and span is not None:
            yield Phone(label, span[0] * FRAME_S + FRAME_OFFSET_S, span[1] * FRAME_S + FRAME_OFFSET_S)


def within_speech(phones: Iterable[Phone], segments: Sequence[Segment]) -> list[Phone]:
    """Give the phones of which a part is speech: a decoder finds phones in noise, too.

    Args:
        phones: In time order.
        segments: Where somebody speaks, in time order.
    """
    kept = []
    index = 0
    for phone in phones:
        while index < len(segments) and segments[index].end_s <= phone.start_s:
            index += 1
        if index < len(segments) and segments[index].start_s < phone.end_s:
            kept.append(phone)
    return kept


def with_silence(phones: Iterable[Phone], duration_s: float) -> tuple[Phone, ...]:
    """Fill the time between phones with silence, so that they run from 0 to the end.

    Args:
        phones: Spoken phones in time order, without overlap.
        duration_s: Length of the clip; what lies beyond is cut off.

    Returns:
        Phones of which each starts where the one before it ends. Gaps under 15 ms go to the
        phone before them.
    """
    filled: list[Phone] = []
    at_s = 0.0
    for phone in phones:
        start_s, end_s = max(phone.start_s, at_s), min(phone.end_s, duration_s)
        if end_s - start_s <= 1e-9:
            continue
        if start_s - at_s >= _SHORTEST_S:
            filled.append(Phone(SILENCE, at_s, start_s))
        elif filled:
            filled[-1] = _ending(filled[-1], start_s)
        else:
            start_s = 0.0
        filled.append(Phone(phone.label, start_s, end_s, phone.stress, phone.ipa))
        at_s = end_s
    if duration_s - at_s >= _SHORTEST_S or not filled:
        filled.append(Phone(SILENCE, at_s, duration_s))
    else:
        filled[-1] = _ending(filled[-1], duration_s)
    return tuple(filled)


def _ending(phone: Phone, end_s: float) -> Phone:
    return Phone(phone.label, phone.start_s, end_s, phone.stress, phone.ipa)
