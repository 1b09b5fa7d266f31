"""From rows with times and what is known of them to recordings: the last step of most importers."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.core.layout import Layout
from visemic.core.signals import Alignment, MeshMotion, Motion, Phone, Topology, Waveform, Word
from visemic.data.importers.folder import piece_id
from visemic.data.importers.piece import MAX_BRIDGE_S, Piece, pieces
from visemic.data.importers.sound import sound_between
from visemic.data.recording import Recording, Split


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a take besides its frames."""

    clip_id: str
    speaker: str
    split: Split
    licence: str
    source: str
    text: str = ""
    language: str = "en-us"
    emotion: str = ""
    intensity: float | None = None
    waveform: Waveform | None = None
    alignment: Alignment | None = None
    notes: tuple[str, ...] = field(default=())
    n_frames: int | None = None
    """Frames of the whole take where rows may be missing at its end; None when none are."""


@dataclass(frozen=True, eq=False)
class Head:
    """A neutral and what connects its vertices."""

    neutral: Float32[np.ndarray, "vertices 3"]
    """Metres, y up, facing +z."""
    topology: Topology


def mesh_recordings(
    facts: ClipFacts,
    times_s: Float[np.ndarray, " rows"],
    vertices: Float32[np.ndarray, "rows vertices 3"],
    rate: Rate,
    head: Head,
    *,
    max_bridge_s: float = MAX_BRIDGE_S,
) -> Iterator[Recording]:
    """Give the stretches without long holes of a moving mesh.

    Args:
        times_s: Time of each row on the sound's clock, ascending, on ticks of ``rate``.
        vertices: Metres, y up, facing +z.
    """
    flat = vertices.reshape(len(vertices), -1)
    parts = list(pieces(times_s, flat, rate, exact=True, max_bridge_s=max_bridge_s))
    for number, piece in enumerate(parts):
        mesh = MeshMotion(piece.values.reshape(-1, *head.neutral.shape), head.topology, rate)
        yield _recording(facts, piece, number, len(parts), rate, mesh=mesh, neutral=head.neutral)


def motion_recordings(
    facts: ClipFacts,
    times_s: Float[np.ndarray, " rows"],
    values: Float32[np.ndarray, "rows channels"],
    layout: Layout,
    rate: Rate,
    *,
    exact: bool = True,
    max_bridge_s: float = MAX_BRIDGE_S,
) -> Iterator[Recording]:
    """Give the stretches without long holes of curves.

    Args:
        times_s: Time of each row on the sound's clock, ascending.
        exact: Whether the rows lie on ticks of ``rate``.
    """
    parts = list(pieces(times_s, values, rate, exact=exact, max_bridge_s=max_bridge_s))
    for number, piece in enumerate(parts):
        motion = Motion(piece.values, layout, rate)
        yield _recording(facts, piece, number, len(parts), rate, motion=motion)


def _recording(
    facts: ClipFacts,
    piece: Piece,
    number: int,
    n_pieces: int,
    rate: Rate,
    *,
    motion: Motion | None = None,
    mesh: MeshMotion | None = None,
    neutral: Float32[np.ndarray, "vertices 3"] | None = None,
) -> Recording:
    notes = list(facts.notes)
    if piece.first_insertion is not None:
        notes.append(f"{piece.n_inserted} lost frames bridged, the first after row {piece.first_insertion}")
    waveform, alignment, text = facts.waveform, facts.alignment, facts.text
    duration_s = len(piece.values) / float(rate)
    end = rate.tick_at(piece.start_s) + len(piece.values)
    if n_pieces > 1 or piece.start_s > 1e-6 or end < (facts.n_frames or end):
        notes.append(f"cut from {piece.start_s:.2f} s of the take, a hole lies before or behind it")
        waveform = sound_between(waveform, piece.start_s, duration_s) if waveform is not None else None
        alignment = alignment_between(alignment, piece.start_s, duration_s) if alignment is not None else None
        text = alignment.text if alignment is not None else ""
    return Recording(
        clip_id=piece_id(facts.clip_id, number, n_pieces),
        speaker=facts.speaker,
        split=facts.split,
        licence=facts.licence,
        source=facts.source,
        rate=rate,
        motion=motion,
        mesh=mesh,
        neutral=neutral,
        waveform=waveform,
        alignment=alignment,
        text=text,
        language=facts.language,
        emotion=facts.emotion,
        intensity=facts.intensity,
        notes=tuple(notes),
    )


def alignment_between(alignment: Alignment, start_s: float, duration_s: float) -> Alignment:
    """Give the part of an alignment inside a stretch; words that its ends cut are shortened."""

    def moved(time_s: float) -> float:
        return min(max(time_s - start_s, 0.0), duration_s)

    def inside(part: Phone | Word) -> bool:
        return part.end_s > start_s and part.start_s < start_s + duration_s

    phones = [
        Phone(p.label, moved(p.start_s), moved(p.end_s), p.stress, p.ipa)
        for p in alignment.phones
        if inside(p)
    ]
    words = [Word(w.text, moved(w.start_s), moved(w.end_s), w.spoken) for w in alignment.words if inside(w)]
    return Alignment(
        tuple(phones),
        tuple(words),
        " ".join(w.text for w in words),
        duration_s,
        alignment.language,
        alignment.source,
    )
