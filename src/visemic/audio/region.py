"""Long sound in pieces: speech without its pauses, cut where it is quietest.

A piece is a few stretches of speech put one after another, each with a margin, so that a
decoder hears enough of a voice to know its colour and no time goes into silence. Pieces
depend on the sound only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from visemic.audio.activity import FRAME_S, Segment, frame_levels_db
from visemic.core.signals import Waveform

_FRAME_SAMPLES = 160


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of a clip, 10 ms each."""

    first: int
    end: int
    """The frame after the last."""

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Piece:
    """Stretches that are decoded as one sound."""

    stretches: tuple[Stretch, ...]

    @property
    def n_frames(self) -> int:
        """Number of frames in all."""
        return sum(s.n_frames for s in self.stretches)

    def samples_of(self, waveform: Waveform) -> Float32[np.ndarray, " samples"]:
        """Cut the piece out of a waveform at 16 kHz."""
        parts = [waveform.samples[s.first * _FRAME_SAMPLES : s.end * _FRAME_SAMPLES] for s in self.stretches]
        return np.concatenate(parts)

    def spans_of(self, start: int, end: int) -> tuple[int, int] | None:
        """Give where frames of the piece lie in the clip.

        Args:
            start: First frame, counted from the piece's own start; may be negative.
            end: Frame after the last.

        Returns:
            First frame and frame after the last in the clip, within the one stretch that holds
            most of them; None when they lie outside the piece.
        """
        best: tuple[int, int] | None = None
        offset = 0
        for stretch in self.stretches:
            first, last = max(start, offset), min(end, offset + stretch.n_frames)
            if last > first and (best is None or last - first > best[1] - best[0]):
                shift = stretch.first - offset
                best = (first + shift, last + shift)
            offset += stretch.n_frames
        return best


def cut_pieces(
    waveform: Waveform,
    segments: Sequence[Segment],
    *,
    longest_s: float = 20.0,
    margin_s: float = 0.15,
) -> tuple[Piece, ...]:
    """Cut the speech of a clip into pieces.

    Args:
        waveform: Sound at 16 kHz.
        segments: Where somebody speaks.
        longest_s: Most speech in a piece. Speech without a pause for that long is cut at
            the quietest moment of its second half.
        margin_s: Sound around a segment that is kept; shorter pauses are kept whole.
    """
    levels_db = frame_levels_db(waveform)
    longest = round(longest_s / FRAME_S)
    pieces: list[Piece] = []
    current: list[Stretch] = []
    for stretch in _stretches(segments, len(levels_db), round(margin_s / FRAME_S)):
        for part in _parts(stretch, levels_db, longest):
            if current and sum(s.n_frames for s in current) + part.n_frames > longest:
                pieces.append(Piece(tuple(current)))
                current = []
            current.append(part)
    if current:
        pieces.append(Piece(tuple(current)))
    return tuple(pieces)


def _stretches(segments: Sequence[Segment], n_frames: int, margin: int) -> list[Stretch]:
    """Give segments with their margins as frames, joined where the margins meet."""
    joined: list[Stretch] = []
    for segment in segments:
        first = max(0, round(segment.start_s / FRAME_S) - margin)
        end = min(n_frames, round(segment.end_s / FRAME_S) + margin)
        if joined and first <= joined[-1].end:
            joined[-1] = Stretch(joined[-1].first, max(end, joined[-1].end))
        elif end > first:
            joined.append(Stretch(first, end))
    return joined


def _parts(stretch: Stretch, levels_db: Float32[np.ndarray, " frames"], longest: int) -> list[Stretch]:
    """Cut a stretch that is too long at its quietest moments."""
    parts: list[Stretch] = []
    first = stretch.first
    while stretch.end - first > longest:
        start = first + longest // 2
        # A moment lasts 50 ms: one quiet frame is the middle of a plosive.
        quiet = np.convolve(levels_db[start - 2 : first + longest + 2], np.full(5, 0.2), "valid")
        cut = start + int(np.argmin(quiet))
        parts.append(Stretch(first, cut))
        first = cut
    parts.append(Stretch(first, stretch.end))
    return parts
