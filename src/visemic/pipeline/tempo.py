"""Tempo hints of a note: parts of speech slower or faster, voice, times and note together."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from visemic.audio.stretch import stretch_to
from visemic.core.acting_note import ActingNote
from visemic.core.errors import InputError
from visemic.core.signals import Waveform
from visemic.pipeline.options import FaceOptions
from visemic.voices.base import Speech

_SEAM_S = 0.003
"""Either side of a seam fades out over this, so that it does not click."""


def has_tempo(note: ActingNote | None) -> bool:
    """Say whether a note asks for another tempo anywhere."""
    return note is not None and any(span.tempo not in (None, 1.0) for span in note.spans)


def check_tempo(options: FaceOptions, duration: float | None) -> None:
    """Refuse tempo hints beside what they cannot go with.

    Raises:
        InputError: The length is exact, or another note's times must hold.
    """
    if has_tempo(options.note) and (duration is not None or options.since is not None):
        raise InputError(
            "a note with a tempo moves all times; leave --duration and --since, or the tempo, out"
        )


def with_note_tempo(speech: Speech, options: FaceOptions) -> tuple[Speech, FaceOptions]:
    """Give speech and options with the tempo hints of their note done, if it has any."""
    if options.note is None or not has_tempo(options.note):
        return speech, options
    speech, note = follow_tempo(speech, options.note)
    return speech, replace(options, note=note)


def follow_tempo(speech: Speech, note: ActingNote) -> tuple[Speech, ActingNote]:
    """Give speech at the tempo of each span, and the note on the new clock.

    Args:
        speech: As the voice speaks it.
        note: On the clock of that speech.

    Returns:
        Speech whose spans last ``1 / tempo`` as long at the same pitch, and the note with its
        spans where they are now; its tempo hints are done and hence gone.

    Raises:
        InputError: A span lies outside the speech.
    """
    rate = speech.waveform.rate
    note = note.within(speech.waveform.duration_s)
    samples = speech.waveform.samples
    cuts, factors = [0], []
    for span in note.spans:
        first, stop = (min(round(t * float(rate)), len(samples)) for t in (span.start_s, span.end_s))
        if first > cuts[-1]:
            cuts.append(first)
            factors.append(1.0)
        if stop > cuts[-1]:
            cuts.append(stop)
            factors.append(1.0 / (span.tempo or 1.0))
    if cuts[-1] < len(samples):
        cuts.append(len(samples))
        factors.append(1.0)
    parts = []
    for first, stop, factor in zip(cuts[:-1], cuts[1:], factors, strict=True):
        part = Waveform(samples[first:stop], rate)
        parts.append(stretch_to(part, round((stop - first) * factor)).samples)
    ends = np.cumsum([0, *(len(part) for part in parts)])
    old_s, new_s = np.array(cuts) / float(rate), ends / float(rate)

    def moved(time_s: float) -> float:
        return float(np.interp(time_s, old_s, new_s))

    alignment = speech.alignment
    waveform = Waveform(_joined(parts, factors, round(_SEAM_S * float(rate))), rate)
    duration_s = waveform.duration_s
    whole = replace(
        alignment,
        phones=tuple(replace(p, start_s=moved(p.start_s), end_s=moved(p.end_s)) for p in alignment.phones),
        words=tuple(replace(w, start_s=moved(w.start_s), end_s=moved(w.end_s)) for w in alignment.words),
        duration_s=duration_s,
    )
    spans = tuple(replace(s, start_s=moved(s.start_s), end_s=moved(s.end_s), tempo=None) for s in note.spans)
    return Speech(waveform, whole), replace(note, spans=spans)


def _joined(
    parts: list[Float32[np.ndarray, " _"]], factors: list[float], seam: int
) -> Float32[np.ndarray, " samples"]:
    """Put parts together; where a stretched one meets another, both fade for a moment."""
    parts = [part.copy() for part in parts]
    ramp = np.linspace(1.0, 0.0, seam, dtype=np.float32)
    for number in range(len(parts) - 1):
        before, after = parts[number], parts[number + 1]
        if factors[number] == factors[number + 1] == 1.0 or min(len(before), len(after)) < seam:
            continue
        before[len(before) - seam :] *= ramp
        after[:seam] *= ramp[::-1]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
