"""Acting notes as JSON and as lines of text, read strictly: every mistake names its span."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType

from visemic.core.acting_grammar import action_words, parse_instruction, write_instruction
from visemic.core.acting_note import (
    GAZES,
    HEADS,
    LIMITS,
    MAX_SPANS,
    MAX_TEXT_CHARACTERS,
    NOTE_VERSION,
    ActingNote,
    ActionPhrase,
    Span,
)
from visemic.core.action_units import AU_PHRASES, DEGREES, EMOTION_NAMES
from visemic.core.config import check_keys
from visemic.core.errors import FormatError, InputError

MAX_NOTE_BYTES = 2_000_000
_NOTE_KEYS = ("version", "source", "spans")
_SPAN_KEYS = tuple(field.name for field in fields(Span))
_NUMBERS = ("start_s", "end_s", *LIMITS)
_WORDS = ("emotion", "gaze", "head", "text")
_LINE = re.compile(r'^([\d.]+)\s*-\s*([\d.]+)\s*s?\s*:\s*(.*?)(?:\s+("(?:[^"\\]|\\.)*"))?\s*$')


def note_to_json(note: ActingNote) -> str:
    """Give a note as JSON; what a span leaves open is left out.

    Example:
        >>> from visemic.core.acting_note import whole_note
        >>> note_from_json(note_to_json(whole_note(2.0, "sad", 0.5))).spans[0].emotion
        'sad'
    """
    spans = [_span_to_plain(span) for span in note.spans]
    data = {"version": note.version, "source": note.source, "spans": spans}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def note_from_json(text: str) -> ActingNote:
    """Read a note.

    A span whose ``text`` is an instruction of the grammar takes from it what its other fields do
    not say; words that the grammar does not know are kept in ``unknown``.

    Args:
        text: JSON as ``note_to_json`` writes it; ``actions`` may also be
            ``{"unit": 4, "degree": "very"}``.

    Raises:
        FormatError: It is not JSON, or no note.
        InputError: A span is contradictory, overlaps another, or says what is not known.
    """
    if len(text) > MAX_NOTE_BYTES:
        raise FormatError(f"a note of {len(text)} characters cannot be read; give at most {MAX_NOTE_BYTES}")
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise FormatError(f"the note is no JSON at line {error.lineno}: {error.msg}; mend it there") from None
    except RecursionError:
        raise FormatError("the note is nested too deeply; give a table with spans") from None
    if not isinstance(data, dict):
        raise FormatError('the note is no JSON table; give {"version": 1, "spans": [...]}')
    check_keys(data, _NOTE_KEYS, "")
    version = data.get("version", NOTE_VERSION)
    if isinstance(version, bool) or version != NOTE_VERSION:
        raise FormatError(f"the note is of version {version!r}; this visemic reads {NOTE_VERSION}")
    spans, source = data.get("spans"), data.get("source", "")
    if not isinstance(spans, list) or not isinstance(source, str):
        raise FormatError("the note has no list of spans or its source is no text; give both")
    if len(spans) > MAX_SPANS:
        raise FormatError(f"the note has {len(spans)} spans; give at most {MAX_SPANS}")
    return ActingNote(tuple(_span_from_plain(item, number) for number, item in enumerate(spans, 1)), source)


def note_to_text(note: ActingNote) -> str:
    """Give a note as lines such as ``0.000-1.250 s: A very angry person speaks.``"""
    lines = []
    for span in note.spans:
        free = f" {json.dumps(span.text, ensure_ascii=False)}" if span.text else ""
        lines.append(f"{span.start_s:.3f}-{span.end_s:.3f} s: {write_instruction(span)}{free}\n")
    return "".join(lines)


def note_from_text(text: str, source: str = "text") -> ActingNote:
    """Read a note from lines as ``note_to_text`` writes them; empty lines are skipped.

    Raises:
        FormatError: A line is none of these.
        InputError: An instruction contradicts itself, or spans overlap.
    """
    spans = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = _LINE.match(line.strip())
        try:
            start_s, end_s = (float(found[1]), float(found[2])) if found else (math.nan, math.nan)
        except ValueError:
            found = None
        if not found:
            raise FormatError(
                f"line {number} of the note is no span; write it as 0.00-1.50 s: A happy person speaks."
            )
        try:
            free = json.loads(found[4]) if found[4] else ""
            said = parse_instruction(found[3])
            spans.append(replace(said, start_s=start_s, end_s=end_s, text=free))
        except InputError as error:
            raise InputError(f"line {number} of the note: {error}") from None
    return ActingNote(tuple(spans), source)


def resolved(span: Span) -> Span:
    """Give a span that also says what its text does, where its other fields are silent.

    Raises:
        InputError: The text contradicts itself or the other fields.
    """
    if not span.text:
        return span
    try:
        said = parse_instruction(span.text)
    except InputError as error:
        raise InputError(f"{span.where}: {error}") from None
    change: dict[str, object] = {}
    if said.emotion != "neutral":
        if span.emotion not in ("neutral", said.emotion):
            raise InputError(
                f"{span.where} has emotion {span.emotion!r} and its text says {said.emotion!r}; keep one"
            )
        if span.emotion == "neutral":
            change |= {"emotion": said.emotion, "intensity": said.intensity}
    units = {action.unit for action in span.actions}
    more = tuple(action for action in said.actions if action.unit not in units)
    if more:
        change["actions"] = (*span.actions, *more)
    for name in ("gaze", "head", "blink", "brows", "tempo"):
        if getattr(span, name) in ("", None) and getattr(said, name) not in ("", None):
            change[name] = getattr(said, name)
    change["unknown"] = tuple(dict.fromkeys((*span.unknown, *said.unknown)))
    return replace(span, **change)  # type: ignore[arg-type]


def _no_constant(name: str) -> float:
    raise FormatError(f"the note holds {name}, which is no number; give one")


def _span_to_plain(span: Span) -> dict[str, object]:
    plain: dict[str, object] = {"start_s": span.start_s, "end_s": span.end_s}
    plain |= {"emotion": span.emotion, "intensity": span.intensity}
    if span.actions:
        plain["actions"] = [action_words(action) for action in span.actions]
    for name in ("gaze", "head", "blink", "brows", "tempo", "text"):
        value = getattr(span, name)
        if value not in ("", None):
            plain[name] = value
    if span.unknown:
        plain["unknown"] = list(span.unknown)
    return plain


def _span_from_plain(item: object, number: int) -> Span:
    where = f"span {number}"
    if not isinstance(item, Mapping):
        raise FormatError(f"{where} of the note is no table; give start_s, end_s and what the face does")
    check_keys(item, _SPAN_KEYS, where)
    values: dict[str, object] = {}
    for key in ("start_s", "end_s"):
        if key not in item:
            raise FormatError(f"{where} has no {key}; give seconds")
    for key, value in item.items():
        if key in _NUMBERS:
            if value is None and key in ("blink", "brows", "tempo"):
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9:
                raise FormatError(f"{where} has {key} {_short(value)}; give a number")
            values[key] = float(value)
        elif key in _WORDS:
            if not isinstance(value, str):
                raise FormatError(f"{where} has {key} {_short(value)}; give text")
            values[key] = value if key == "text" else value.strip().lower()
    try:
        actions, unknown = _actions(item.get("actions", []), where)
        values["actions"] = actions
        values["unknown"] = (*_texts(item.get("unknown", []), f"{where}.unknown"), *unknown)
        return resolved(Span(**values))  # type: ignore[arg-type]
    except FormatError:
        raise
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith("span ") else f"{where}: {text}") from None


def _actions(items: object, where: str) -> tuple[tuple[ActionPhrase, ...], tuple[str, ...]]:
    """Give actions, and the words in their place that name none."""
    if not isinstance(items, list):
        raise FormatError(f'{where} has actions {_short(items)}; give a list such as ["very lowered brows"]')
    actions: list[ActionPhrase] = []
    unknown: list[str] = []
    for item in items:
        if isinstance(item, str):
            said = parse_instruction(item)
            actions += said.actions
            unknown += said.unknown if said.actions else [item]
        elif isinstance(item, Mapping):
            check_keys(item, ("unit", "degree"), f"{where}.actions")
            unit, degree = item.get("unit"), item.get("degree")
            if isinstance(unit, bool) or not isinstance(unit, int) or not isinstance(degree, str):
                raise FormatError(f"{where} has an action {_short(item)}; give a unit and a degree")
            actions.append(ActionPhrase(unit, degree))
        else:
            raise FormatError(f"{where} has an action {_short(item)}; give words")
    return tuple(actions), tuple(unknown)


def _texts(items: object, where: str) -> tuple[str, ...]:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise FormatError(f"{where} is {_short(items)}; give a list of words")
    return tuple(items)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _schema() -> dict[str, object]:
    number = {
        name: {"type": "number", "minimum": low, "maximum": high} for name, (low, high) in LIMITS.items()
    }
    phrases = [action_words(ActionPhrase(unit, degree)) for unit in AU_PHRASES for degree in DEGREES]
    span = {
        "type": "object",
        "additionalProperties": False,
        "required": ["start_s", "end_s", "emotion", "intensity", "actions"],
        "properties": {
            "start_s": {"type": "number", "minimum": 0},
            "end_s": {"type": "number", "minimum": 0},
            "emotion": {"type": "string", "enum": list(EMOTION_NAMES)},
            "actions": {"type": "array", "items": {"type": "string", "enum": phrases}, "maxItems": 8},
            "gaze": {"type": "string", "enum": ["", *GAZES]},
            "head": {"type": "string", "enum": ["", *HEADS]},
            "text": {"type": "string", "maxLength": MAX_TEXT_CHARACTERS},
            **number,
        },
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "spans"],
        "properties": {
            "version": {"type": "integer", "enum": [NOTE_VERSION]},
            "source": {"type": "string"},
            "spans": {"type": "array", "items": span, "maxItems": 64},
        },
    }


JSON_SCHEMA: Mapping[str, object] = MappingProxyType(_schema())
"""JSON schema of a note, for servers that write one; ``dict(JSON_SCHEMA)`` can be sent."""
