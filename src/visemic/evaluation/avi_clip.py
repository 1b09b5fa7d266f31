"""Clips that expressive speech is judged on: actors whom no training met, in every feeling and strength."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visemic.core.acting_grammar import parse_instruction
from visemic.core.acting_note import ActingNote, Span
from visemic.core.errors import FormatError, InputError
from visemic.core.signals import Alignment, Features, Motion, Waveform
from visemic.data.captions import Caption, read_captions
from visemic.data.loader import ClipStore
from visemic.data.manifest import ClipEntry
from visemic.data.recording import Recording
from visemic.features.prosody import extract_prosody

SHORTEST_S = 1.8
"""Clips from here on are judged: sync networks need lags on either side."""


@dataclass(frozen=True, eq=False)
class JudgedClip:
    """A clip of an unseen actor, what its face does in words, and the actor's calm voice."""

    recording: Recording
    caption: Caption
    prosody: Features
    at_rest: Waveform | None
    """Another clip of the same actor without feeling; None where there is none."""
    twin: Caption | None = None
    """Caption of another actor's clip of the same feeling and strength; None where there is none."""

    @property
    def clip_id(self) -> str:
        """Name of the clip."""
        return self.recording.clip_id

    @property
    def waveform(self) -> Waveform:
        """The sound."""
        assert self.recording.waveform is not None
        return self.recording.waveform

    @property
    def alignment(self) -> Alignment:
        """The phones of the script."""
        assert self.recording.alignment is not None
        return self.recording.alignment

    @property
    def motion(self) -> Motion:
        """What the actor did."""
        assert self.recording.motion is not None
        return self.recording.motion

    @property
    def true_span(self) -> Span:
        """The fullest sentence of the caption, over the whole clip."""
        span = parse_instruction(self.caption.texts[0])
        return replace(span, start_s=0.0, end_s=self.motion.duration_s)

    @property
    def true_note(self) -> ActingNote:
        """The caption as a note."""
        return ActingNote((self.true_span,), "caption")


@dataclass(frozen=True, eq=False)
class JudgedSet:
    """What is judged, and what it is judged against."""

    clips: tuple[JudgedClip, ...]
    others: tuple[Motion, ...]
    """The other clips of the same actors."""
    pool: tuple[tuple[str, Motion], ...]
    """First sentence and motion of clips among which an instruction must find its own."""
    trained: tuple[Motion, ...]
    """Clips of the actors of the training, which fix the space of features."""


def read_judged(
    path: Path, *, n_clips: int, n_pool: int, n_trained: int, split: str = "test", seed: int = 0
) -> JudgedSet:
    """Choose and read the clips of a store.

    Args:
        path: A store with captions beside its manifest.
        n_clips: Clips to judge, spread evenly over feelings, strengths and actors.
        n_pool: Clips of the pool for retrieval.
        n_trained: Clips of the training, drawn by chance.
        split: Whose clips are judged.
        seed: Start of chance.

    Raises:
        ArtifactError: The store or its captions cannot be read.
        FormatError: A clip lacks weights, sound or phones.
        InputError: Fewer than four clips can be judged.
    """
    captions = read_captions(path)
    store = ClipStore(path).select(split=split)
    entries = store.entries
    able = [
        n for n, e in enumerate(entries) if e.clip_id in captions and e.n_frames >= SHORTEST_S * float(e.rate)
    ]
    chosen = spread_choice([entries[n] for n in able], captions, n_clips, seed)
    judged = [able[n] for n in chosen]
    if len(judged) < 4:
        raise InputError(
            f"the {split} part of {str(path)!r} has {len(judged)} clips of {SHORTEST_S:g} s or more with "
            "captions; give a store with at least 4"
        )
    rng = np.random.default_rng(seed)
    rest = _voices_at_rest(store, captions, set(judged))
    twins = {n: _twin(entries, captions, n, rng) for n in judged}
    clips = tuple(_judged(store[n], captions, rest, twins[n]) for n in judged)
    drawn = [able[n] for n in rng.permutation(len(able))[:n_pool]]
    pool = tuple((captions[entries[n].clip_id].texts[0], _motion(store[n])) for n in drawn)
    taken = set(judged)
    others = tuple(_motion(store[n]) for n in range(len(entries)) if n not in taken)
    train = ClipStore(path).select(split="train")
    picked = np.sort(rng.permutation(len(train))[:n_trained])
    return JudgedSet(clips, others, pool, tuple(_motion(train[int(n)]) for n in picked))


def spread_choice(
    entries: Sequence[ClipEntry], captions: Mapping[str, Caption], n: int, seed: int
) -> list[int]:
    """Choose clips so that feelings, strengths and actors come as evenly as can be.

    Returns:
        Numbers of at most ``n`` entries, sorted.
    """
    rng = np.random.default_rng(seed)
    boxes: dict[tuple[str, float], list[int]] = defaultdict(list)
    for number in rng.permutation(len(entries)):
        caption = captions[entries[number].clip_id]
        boxes[(caption.emotion, round(caption.intensity, 2))].append(int(number))
    seen: Counter[str] = Counter()
    chosen: list[int] = []
    while len(chosen) < n and any(boxes.values()):
        for name in sorted(boxes):
            if boxes[name] and len(chosen) < n:
                best = min(boxes[name], key=lambda i: seen[entries[i].speaker])
                boxes[name].remove(best)
                seen[entries[best].speaker] += 1
                chosen.append(best)
    return sorted(chosen)


def note_within(note: ActingNote, duration_s: float) -> ActingNote:
    """Give a note with its spans cut to a clip; the sound may outlast the motion by a moment."""
    spans = tuple(
        replace(span, end_s=min(span.end_s, duration_s)) for span in note.spans if span.start_s < duration_s
    )
    return replace(note, spans=spans)


def _voices_at_rest(
    store: ClipStore, captions: Mapping[str, Caption], judged: set[int]
) -> dict[str, Waveform]:
    """Give a calm clip of every speaker, rather one that is not judged."""
    found: dict[str, int] = {}
    for number, entry in enumerate(store.entries):
        calm = entry.clip_id in captions and captions[entry.clip_id].emotion == "neutral"
        if calm and (entry.speaker not in found or found[entry.speaker] in judged):
            found[entry.speaker] = number
    return {
        speaker: waveform
        for speaker, number in found.items()
        if number not in judged and (waveform := store[number].waveform) is not None
    }


def _twin(
    entries: Sequence[ClipEntry], captions: Mapping[str, Caption], number: int, rng: np.random.Generator
) -> Caption | None:
    own = captions[entries[number].clip_id]
    alike = [
        caption
        for entry in entries
        if entry.speaker != entries[number].speaker
        and (caption := captions.get(entry.clip_id)) is not None
        and (caption.emotion, caption.intensity) == (own.emotion, own.intensity)
    ]
    return alike[int(rng.integers(len(alike)))] if alike else None


def _judged(
    recording: Recording,
    captions: Mapping[str, Caption],
    rest: Mapping[str, Waveform],
    twin: Caption | None,
) -> JudgedClip:
    if recording.waveform is None or recording.alignment is None or not recording.alignment.phones:
        raise FormatError(f"clip {recording.clip_id} lacks sound or phones; import the corpus with both")
    _motion(recording)
    return JudgedClip(
        recording,
        captions[recording.clip_id],
        extract_prosody(recording.waveform),
        rest.get(recording.speaker),
        twin,
    )


def _motion(recording: Recording) -> Motion:
    if recording.motion is None:
        raise FormatError(f"clip {recording.clip_id} holds no weights; fit the corpus to a head")
    return recording.motion
