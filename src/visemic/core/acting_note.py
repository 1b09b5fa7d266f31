"""The acting note: how a speaker should look, span by span, for people to read and to edit.

A note says nothing of how it is carried out: rules, learned models and people write it, an
additive layer or a generator follows it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from visemic.core.action_units import AU_PHRASES, DEGREES, EMOTION_NAMES, OPPOSITES
from visemic.core.errors import InputError, is_utf8, shown, unknown_name

NOTE_VERSION = 1
GAZES = ("ahead", "down", "up", "left", "right", "away")
"""Where eyes may look; left and right are the face's own."""
HEADS = ("nod", "shake", "tilt", "still", "lively")
"""What a head may do."""
MAX_SPANS = 2000
MAX_TEXT_CHARACTERS = 2000
LIMITS = {"intensity": (0.0, 1.0), "blink": (0.0, 3.0), "brows": (0.0, 3.0), "tempo": (0.5, 2.0)}
"""Smallest and largest value of each number of a span."""
END_SLACK_S = 0.1
"""A span may end this much after the clip does; it then ends with the clip."""


@dataclass(frozen=True, slots=True)
class ActionPhrase:
    """One action unit to some degree: ``very lowered brows``."""

    unit: int
    """Number in the Facial Action Coding System, a key of ``AU_PHRASES``."""
    degree: str
    """A key of ``DEGREES``."""

    def __post_init__(self) -> None:
        if self.unit not in AU_PHRASES:
            near = min(AU_PHRASES, key=lambda unit: abs(unit - self.unit))
            raise InputError(
                f"no action unit {shown(self.unit)} among {len(AU_PHRASES)}; the nearest is {near}, "
                f"{AU_PHRASES[near]}"
            )
        if self.degree not in DEGREES:
            raise InputError(unknown_name("degree", self.degree, DEGREES))

    @property
    def gain(self) -> float:
        """The degree as a factor, 0 to 1."""
        return DEGREES[self.degree]


@dataclass(frozen=True, slots=True)
class Span:
    """How the speaker looks between two moments.

    Example:
        >>> Span(0.0, 1.5, "angry", 0.8, (ActionPhrase(4, "very"),), gaze="down").emotion
        'angry'
    """

    start_s: float
    end_s: float
    """Not before the start; 0 and 0 in a span that has no place in time yet."""
    emotion: str = "neutral"
    """One of ``EMOTION_NAMES``."""
    intensity: float = 0.0
    """0 nothing to 1 strong."""
    actions: tuple[ActionPhrase, ...] = ()
    gaze: str = ""
    """One of ``GAZES``, or nothing said."""
    head: str = ""
    """One of ``HEADS``, or nothing said."""
    blink: float | None = None
    """Rate of blinks, 0 none to 3, 1 natural; None leaves it to the model."""
    brows: float | None = None
    """Height of the brows' accents, 0 none to 3, 1 natural; None leaves it to the model."""
    tempo: float | None = None
    """Speed of the voice, 0.5 half to 2 double, where a voice can follow it."""
    text: str = ""
    """Free words, beside what the other fields say."""
    unknown: tuple[str, ...] = ()
    """Words of the text that the grammar does not know; kept, and followed by nothing."""

    def __post_init__(self) -> None:
        where = self.where
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s)):
            raise InputError(f"{where} has a time that is no number; give seconds")
        if self.start_s < 0 or self.end_s < self.start_s:
            raise InputError(f"{where} runs backwards or begins before 0; give 0 <= start_s < end_s")
        if self.emotion not in EMOTION_NAMES:
            raise InputError(f"{where}: {unknown_name('emotion', self.emotion, EMOTION_NAMES)}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"{where} has {name} {value:g}; give {low:g} to {high:g}")
        for name, known in (("gaze", GAZES), ("head", HEADS)):
            value = getattr(self, name)
            if value and value not in known:
                raise InputError(f"{where}: {unknown_name(name, value, known)}")
        if len(self.text) > MAX_TEXT_CHARACTERS:
            raise InputError(
                f"{where} has a text of {len(self.text)} characters; give at most {MAX_TEXT_CHARACTERS}"
            )
        for words in (self.text, *self.unknown):
            if not is_utf8(words):
                raise InputError(f"{where} says {shown(words)}, which holds half a character; write it whole")
        self._check_actions()

    def _check_actions(self) -> None:
        units = [action.unit for action in self.actions]
        for unit in units:
            if units.count(unit) > 1:
                raise InputError(f"{self.where} asks twice for {AU_PHRASES[unit]}; keep one")
        for first, second in OPPOSITES:
            if first in units and second in units:
                raise InputError(
                    f"{self.where} asks for {AU_PHRASES[first]} and {AU_PHRASES[second]} at once; keep one"
                )

    @property
    def where(self) -> str:
        """The span in words, for messages."""
        return f"span {self.start_s:g} to {self.end_s:g} s"

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class ActingNote:
    """Spans in time order, without overlap; between them the model is left alone."""

    spans: tuple[Span, ...]
    """In any order when given, in time order after."""
    source: str = ""
    """Who wrote it: a model's name, ``rules``, a person."""
    version: int = NOTE_VERSION

    def __post_init__(self) -> None:
        if self.version != NOTE_VERSION:
            raise InputError(
                f"the note is of version {shown(self.version)}; this visemic reads {NOTE_VERSION}"
            )
        if not is_utf8(self.source):
            raise InputError(f"the note's source {shown(self.source)} holds half a character; write it whole")
        if len(self.spans) > MAX_SPANS:
            raise InputError(f"the note has {len(self.spans)} spans; give at most {MAX_SPANS}")
        ordered = tuple(sorted(self.spans, key=lambda span: span.start_s))
        object.__setattr__(self, "spans", ordered)
        for number, span in enumerate(ordered):
            if span.end_s <= span.start_s:
                raise InputError(f"{span.where} lasts no time; give end_s after start_s")
            if number and span.start_s < ordered[number - 1].end_s - 1e-9:
                raise InputError(
                    f"{span.where} begins before {ordered[number - 1].where} has ended; let one end first"
                )

    @property
    def unknown(self) -> tuple[str, ...]:
        """Words of all spans that the grammar does not know, each once."""
        return tuple(dict.fromkeys(word for span in self.spans for word in span.unknown))

    def within(self, duration_s: float) -> "ActingNote":
        """Give the note for a clip: an end a moment after the clip's is the clip's.

        Raises:
            InputError: A span lies outside the clip.
        """
        kept = []
        for span in self.spans:
            if span.start_s >= duration_s or span.end_s > duration_s + END_SLACK_S:
                raise InputError(
                    f"{span.where} lies outside the clip of {duration_s:.2f} s; end it there or drop it"
                )
            kept.append(replace(span, end_s=min(span.end_s, duration_s)))
        return replace(self, spans=tuple(kept))

    def on_frames(self, duration_s: float, frames_s: float) -> "ActingNote":
        """Give the note of a sound for its motion, which lasts up to half a frame more or less.

        Args:
            duration_s: Length of the sound; what ends with it ends with the motion.
            frames_s: Length of the motion; spans that begin after it are left out.

        Raises:
            InputError: A span lies outside the sound.
        """
        kept = []
        for span in self.within(duration_s).spans:
            end_s = frames_s if span.end_s >= duration_s - 1e-6 else min(span.end_s, frames_s)
            if end_s > span.start_s:
                kept.append(replace(span, end_s=end_s))
        return replace(self, spans=tuple(kept))


@dataclass(frozen=True)
class EditedNote(ActingNote):
    """A note that was edited from others, of which each run kept the motion outside the edit."""

    before: tuple[ActingNote, ...] = ()
    """Those notes, oldest first."""


def edited_note(notes: Sequence[ActingNote]) -> EditedNote:
    """Give the last of some notes, edited one from the other, as one that knows the earlier ones.

    Args:
        notes: One at least, oldest first.

    Raises:
        InputError: There is none.

    Example:
        >>> first, second = whole_note(1.0, "sad"), whole_note(1.0, "happy")
        >>> edited_note([first, second]).before == (first,)
        True
    """
    if not notes:
        raise InputError("there is no earlier note; give one at least")
    *before, last = notes
    return EditedNote(last.spans, last.source, last.version, tuple(before))


def whole_note(duration_s: float, emotion: str, intensity: float = 1.0, *, source: str = "") -> ActingNote:
    """Give a note of one emotion from beginning to end.

    Raises:
        InputError: The emotion is unknown or the intensity is not between 0 and 1.
    """
    return ActingNote((Span(0.0, duration_s, emotion, intensity),), source)
