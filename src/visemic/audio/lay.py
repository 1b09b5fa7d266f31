"""Times for the phones of a transcript when they cannot be found in the sound itself.

What a recogniser heard gives the anchors; phones without a partner there share the speech
between their neighbours in proportion to how long such phones usually last.
"""

from bisect import bisect_right
from collections.abc import Sequence

from visemic.audio.activity import Segment
from visemic.audio.match import match_phones
from visemic.core.signals import Phone

_SHORTEST_S = 0.03
"""Faster than anybody speaks."""

_USUAL_S = {
    **dict.fromkeys(("AW", "AY", "EY", "OW", "OY"), 0.15),
    **dict.fromkeys(("AA", "AE", "AO", "ER", "IY", "UW"), 0.11),
    **dict.fromkeys(("AH", "EH", "IH", "UH"), 0.08),
    **dict.fromkeys(("CH", "F", "JH", "S", "SH", "TH", "ZH"), 0.11),
}
"""Usual lengths in fluent English; other consonants last ``_USUAL_OTHER_S``."""
_USUAL_OTHER_S = 0.07

Span = tuple[float, float]
"""Start and end in seconds."""


def spread(labels: Sequence[str], within: Sequence[Span]) -> list[Span]:
    """Share stretches of time among phones in proportion to their usual lengths.

    Args:
        labels: Phones, ARPAbet.
        within: Stretches in time order, together longer than 0.

    Returns:
        A span for each phone, in order, each within one stretch.

    Example:
        >>> spread(["M", "N"], [(1.0, 2.0)])
        [(1.0, 1.5), (1.5, 2.0)]
    """
    usual = [_USUAL_S.get(label, _USUAL_OTHER_S) for label in labels]
    factor = sum(end - start for start, end in within) / sum(usual)
    spans: list[Span] = []
    at_s = 0.0
    for length in usual:
        end_s = at_s + length * factor
        spans.append(_placed(at_s, end_s, within))
        at_s = end_s
    return spans


def _placed(start_s: float, end_s: float, within: Sequence[Span]) -> Span:
    """Give real time for time counted inside the stretches only: the larger part of a phone."""
    best: Span | None = None
    before_s = 0.0
    for first_s, last_s in within:
        shift_s = first_s - before_s
        start, end = max(start_s + shift_s, first_s), min(end_s + shift_s, last_s)
        if best is None or end - start > best[1] - best[0] + 1e-9:
            best = (start, max(start, end))
        before_s += last_s - first_s
    assert best is not None
    return best


def lay_over(
    said: Sequence[str], heard: Sequence[Phone], segments: Sequence[Segment], span: Span
) -> list[Span]:
    """Give times to the phones of a transcript from those that a recogniser heard.

    Args:
        said: Phones of the transcript, without silence.
        heard: Spoken phones in the span, in time order.
        segments: Where somebody speaks.
        span: Where the transcript is said, seconds.

    Returns:
        A span for each phone said, in time order.
    """
    partners = match_phones(said, [p.label for p in heard]).tolist()
    done: list[Span] = []
    run_start_s = span[0]
    run: list[int] = []
    for i, j in enumerate(partners):
        if j < 0:
            run.append(i)
            continue
        start_s, end_s = heard[j].start_s, heard[j].end_s
        if run and _room(run_start_s, start_s, segments) < _SHORTEST_S * len(run):
            # No room for the run: the partner behind it shares its time, the next one if need be.
            run.append(i)
            if _room(run_start_s, end_s, segments) < _SHORTEST_S * len(run):
                continue
            start_s = end_s
        if run:
            done += spread([said[k] for k in run], _speech_in(run_start_s, start_s, segments))
            run = []
        if start_s < end_s:
            done.append((start_s, end_s))
        run_start_s = end_s
    while run and done and _room(run_start_s, span[1], segments) < _SHORTEST_S * len(run):
        # At the end no partner is behind, so those before the run share their time.
        run.insert(0, len(done) - 1)
        run_start_s = done.pop()[0]
    if run:
        done += spread([said[k] for k in run], _speech_in(run_start_s, span[1], segments))
    return done


def _room(start_s: float, end_s: float, segments: Sequence[Segment]) -> float:
    return sum(e - s for s, e in _clipped(start_s, end_s, segments))


def _speech_in(start_s: float, end_s: float, segments: Sequence[Segment]) -> list[Span]:
    """Give the speech within a span, all of the span when there is none."""
    inside = _clipped(start_s, end_s, segments)
    return inside or [(start_s, max(end_s, start_s + 1e-6))]


def _clipped(start_s: float, end_s: float, segments: Sequence[Segment]) -> list[Span]:
    inside = []
    for index in range(bisect_right(segments, start_s, key=lambda s: s.end_s), len(segments)):
        segment = segments[index]
        if segment.start_s >= end_s:
            break
        inside.append((max(start_s, segment.start_s), min(end_s, segment.end_s)))
    return inside
