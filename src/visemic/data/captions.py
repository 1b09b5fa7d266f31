"""Captions of a corpus of emotions, written from what the faces measurably do.

The motion of a clip is brought back to action units: the actor's own neutral is taken away,
the voiced frames are averaged, and the units are solved for. Their size in the spread of the
corpus gives the word of degree, and the acting grammar gives several sentences that all read
back as what was measured. Nothing but the label of the emotion is taken from the corpus.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visemic.core.acting_grammar import N_TEMPLATES, write_instruction
from visemic.core.acting_note import ActionPhrase, Span
from visemic.core.acting_words import READ_EMOTIONS
from visemic.core.action_units import DEGREES, EMOTION_NAMES, EMOTION_WORDS
from visemic.core.atomic import atomic_path
from visemic.core.errors import ArtifactError, FormatError, unknown_name
from visemic.data.caption_measure import (
    MEASURED_UNITS,
    ClipMeasure,
    degrees_of,
    manner_words,
    measure_clip,
    neutral_of,
    unit_amounts,
)
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording

CAPTIONS = "captions.jsonl"
"""Name of the file beside a store's manifest: one clip a line."""
N_TEXTS = 6
"""Sentences of a clip."""

_LABELS = {
    "": "neutral",
    "calm": "neutral",
    "disgust": "disgusted",
    "fearful": "fear",
    "surprise": "surprised",
}
_UNNAMED_INTENSITY = 0.65
_MAX_NAMED = 5
_WORDINGS = 3


@dataclass(frozen=True)
class Caption:
    """What a line says of a clip."""

    clip_id: str
    emotion: str
    """One of ``core.action_units.EMOTION_NAMES``."""
    intensity: float
    """0 to 1; 0 for neutral."""
    units: Mapping[int, str]
    """Degree words of the units that are seen, the largest first."""
    gaze: str
    """One of ``core.acting_note.GAZES``, empty where eyes keep to their usual place."""
    head: str
    """One of ``core.acting_note.HEADS``, empty where the head does the usual."""
    texts: tuple[str, ...]
    """Instructions; each reads back as the emotion and some or all of the units."""


CaptionProgress = Callable[[int, str], None]


def write_captions(
    store: Path, *, overwrite: bool = False, progress: CaptionProgress | None = None
) -> tuple[Caption, ...]:
    """Measure every clip of a store and write its captions beside the manifest.

    Args:
        store: Folder of a store whose clips have weights and labels of emotion.
        overwrite: Whether existing captions may be replaced.
        progress: Called after each clip.

    Returns:
        The captions in the order of the manifest.

    Raises:
        FormatError: A clip has no weights, or a label that is no emotion.
        OutputError: There are captions already, or they cannot be written.
        ArtifactError: The store is damaged.
    """
    path = store / CAPTIONS
    with atomic_path(path, overwrite=overwrite) as partial:
        captions = captions_of(ClipStore(store), progress=progress)
        partial.write_text("".join(format_caption(c) + "\n" for c in captions), encoding="utf-8")
    return captions


def read_captions(store: Path) -> dict[str, Caption]:
    """Give the captions of a store by clip.

    Raises:
        ArtifactError: There are none, or a line is damaged.
    """
    path = store / CAPTIONS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"captions {str(path)!r} cannot be read: {error}; run visemic data caption"
        ) from error
    captions = [parse_caption(line, f"line {i} of {str(path)!r}") for i, line in enumerate(lines, 1)]
    return {caption.clip_id: caption for caption in captions}


def format_caption(caption: Caption) -> str:
    """Give the line of a caption, without its end."""
    line = {
        "clip": caption.clip_id,
        "emotion": caption.emotion,
        "intensity": caption.intensity,
        "units": {str(unit): DEGREES[degree] for unit, degree in caption.units.items()},
        "gaze": caption.gaze,
        "head": caption.head,
        "texts": list(caption.texts),
    }
    return json.dumps(line, ensure_ascii=False, allow_nan=False)


def parse_caption(line: str, place: str) -> Caption:
    """Give the caption of a line.

    Raises:
        ArtifactError: The line is no caption.
    """
    words = {gain: degree for degree, gain in DEGREES.items()}
    try:
        data = json.loads(line)
        return Caption(
            clip_id=str(data["clip"]),
            emotion=str(data["emotion"]),
            intensity=float(data["intensity"]),
            units={int(unit): words[float(gain)] for unit, gain in data["units"].items()},
            gaze=str(data["gaze"]),
            head=str(data["head"]),
            texts=tuple(str(text) for text in data["texts"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{place} is no caption; run visemic data caption again") from error


@dataclass(frozen=True)
class _Clip:
    """What is kept of a clip while the others are measured."""

    clip_id: str
    speaker: str
    is_training: bool
    emotion: str
    intensity: float
    measure: ClipMeasure


def captions_of(
    store: Iterable[Recording], *, progress: CaptionProgress | None = None
) -> tuple[Caption, ...]:
    """Measure clips and caption them; see ``write_captions``."""
    clips = []
    for number, recording in enumerate(store, 1):
        emotion = emotion_of(recording.emotion, recording.clip_id)
        given = _UNNAMED_INTENSITY if recording.intensity is None else recording.intensity
        clips.append(
            _Clip(
                recording.clip_id,
                recording.speaker,
                recording.split == "train",
                emotion,
                0.0 if emotion == "neutral" else given,
                measure_clip(recording),
            )
        )
        if progress:
            progress(number, recording.clip_id)
    return _captions(clips)


def _captions(clips: Sequence[_Clip]) -> tuple[Caption, ...]:
    by_speaker: dict[str, list[int]] = {}
    for index, clip in enumerate(clips):
        by_speaker.setdefault(clip.speaker, []).append(index)
    amounts = np.zeros((len(clips), len(MEASURED_UNITS)))
    manners: list[tuple[str, str]] = [("", "")] * len(clips)
    for indices in by_speaker.values():
        is_neutral = np.array([clips[i].emotion == "neutral" for i in indices])
        base = neutral_of([clips[i].measure for i in indices], is_neutral)
        for i in indices:
            amounts[i] = unit_amounts(clips[i].measure.channels, base.channels)
            manners[i] = manner_words(clips[i].measure, base)
    # The yardstick is that of the training, so that a held-out clip changes no other's words.
    known = np.array([clip.is_training for clip in clips], bool)
    yardstick = amounts[known] if known.any() else amounts
    sigmas = np.sqrt((yardstick**2).sum(axis=0) / max(1, len(yardstick)))
    captions = []
    for clip, amount, (gaze, head) in zip(clips, amounts, manners, strict=True):
        units = degrees_of(amount, sigmas)
        span = Span(0.0, 0.0, clip.emotion, clip.intensity, gaze=gaze, head=head)
        texts = paraphrases(span, units, zlib.crc32(clip.clip_id.encode()))
        captions.append(Caption(clip.clip_id, clip.emotion, clip.intensity, units, gaze, head, texts))
    return tuple(captions)


def emotion_of(label: str, clip_id: str) -> str:
    """Give the emotion of a corpus' label: a clip without one is neutral, as is calm.

    Raises:
        FormatError: The label is no emotion; the sentence names the nearest.

    Example:
        >>> emotion_of("fearful", "a/1")
        'fear'
    """
    name = label.strip().lower()
    if name in EMOTION_NAMES:
        return name
    if name in _LABELS:
        return _LABELS[name]
    for emotion in EMOTION_NAMES:
        if name in (*EMOTION_WORDS[emotion], *READ_EMOTIONS.get(emotion, ())):
            return emotion
    raise FormatError(f"clip {clip_id}: {unknown_name('emotion', label, EMOTION_NAMES)}")


def paraphrases(span: Span, units: Mapping[int, str], seed: int) -> tuple[str, ...]:
    """Give ``N_TEXTS`` different sentences for what was measured.

    The first names the largest units and the manner in the plain wording; the others choose
    wording, units and order at random, and always keep the largest unit.

    Args:
        span: Emotion, intensity and manner.
        units: Degrees of the units, the largest first.
        seed: The same seed gives the same sentences.
    """
    chance = np.random.default_rng(seed)
    numbers = list(units)
    found = {_written(span, units, numbers[:_MAX_NAMED], 0, with_manner=True): None}
    for template in chance.permutation(N_TEMPLATES * _WORDINGS)[: 4 * N_TEXTS]:
        if len(found) == N_TEXTS:
            break
        others = numbers[1:]
        n_named = int(chance.integers(0, min(len(others), _MAX_NAMED - 1) + 1))
        # The larger a unit the likelier it is named.
        weight = 1.0 / np.arange(2, len(others) + 2)
        named = numbers[:1]
        if others:
            picked = chance.choice(len(others), n_named, replace=False, p=weight / weight.sum())
            named = [*named, *(others[int(i)] for i in picked)]
        named = [named[int(i)] for i in chance.permutation(len(named))]
        text = _written(span, units, named, int(template), with_manner=bool(chance.random() < 0.6))
        found.setdefault(text)
    return tuple(found)


def _written(
    span: Span, units: Mapping[int, str], named: Sequence[int], template: int, *, with_manner: bool
) -> str:
    actions = tuple(ActionPhrase(unit, units[unit]) for unit in named)
    gaze, head = (span.gaze, span.head) if with_manner else ("", "")
    said = Span(0.0, 0.0, span.emotion, span.intensity, actions, gaze=gaze, head=head)
    return write_instruction(said, template)
