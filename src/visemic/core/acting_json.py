"""Acting notes as JSON and as lines of text, read strictly: every mistake names its span."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from types import MappingProxyType

from visemic.core.acting_grammar import (
    action_words,
    lowers_inner_brows,
    parse_actions,
    parse_instruction,
    split_unknown,
    write_instruction,
)
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
from visemic.core.errors import FormatError, InputError, shown

MAX_NOTE_BYTES = 2_000_000
_NOTE_KEYS = ("version", "source", "spans")
_SPAN_KEYS = tuple(field.name for field in fields(Span))
_NUMBERS = ("start_s", "end_s", *LIMITS)
_WORDS = ("emotion", "gaze", "head", "text")
_SECONDS = re.compile(r"[\d.]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_MAX_DECIMALS = 1100
"""Enough for the smallest number there is."""


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
    not say; words that the grammar does not know are kept in ``unknown``. An emotion without an
    intensity has that of its text, or else 1.

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
        data = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_table)
    except json.JSONDecodeError as error:
        raise FormatError(f"the note is no JSON at line {error.lineno}: {error.msg}; mend it there") from None
    except ValueError:
        raise FormatError("the note holds a number of thousands of digits; write it shorter") from None
    except RecursionError:
        raise FormatError("the note is nested too deeply; give a table with spans") from None
    if not isinstance(data, dict):
        raise FormatError('the note is no JSON table; give {"version": 1, "spans": [...]}')
    check_keys(data, _NOTE_KEYS, "")
    version = data.get("version", NOTE_VERSION)
    if isinstance(version, bool) or version != NOTE_VERSION:
        raise FormatError(f"the note is of version {shown(version)}; this visemic reads {NOTE_VERSION}")
    spans, source = data.get("spans"), data.get("source", "")
    if not isinstance(spans, list) or not isinstance(source, str):
        raise FormatError("the note has no list of spans or its source is no text; give both")
    if len(spans) > MAX_SPANS:
        raise FormatError(f"the note has {len(spans)} spans; give at most {MAX_SPANS}")
    return ActingNote(tuple(_span_from_plain(item, number) for number, item in enumerate(spans, 1)), source)


def note_to_text(note: ActingNote) -> str:
    """Give a note as lines such as ``0.000-1.250 s: A very angry person speaks.``

    Times have three decimals, or more where a span would last no time with these. Unknown words and
    free text are JSON strings, in brackets and bare.
    """
    decimals = _decimals(note)
    lines, ended_s = [], 0.0
    for span in note.spans:
        # A start may lie a hair before the end that it meets, and must not be rounded away from it.
        start_s, ended_s = max(span.start_s, ended_s), span.end_s
        free = f" {json.dumps(span.text)}" if span.text else ""
        times = f"{start_s:.{decimals}f}-{span.end_s:.{decimals}f}"
        lines.append(f"{times} s: {write_instruction(span)}{free}\n")
    return "".join(lines)


def _decimals(note: ActingNote) -> int:
    """Give how many decimals keep every span longer than nothing."""
    decimals = 3
    spans = list(note.spans)
    while decimals < _MAX_DECIMALS:
        spans = [span for span in spans if f"{span.start_s:.{decimals}f}" == f"{span.end_s:.{decimals}f}"]
        if not spans:
            break
        decimals += 1
    return decimals


def note_from_text(text: str, source: str = "text") -> ActingNote:
    """Read a note from lines as ``note_to_text`` writes them; empty lines are skipped.

    What a free text in quotation marks says fills what the sentence leaves open, as in JSON.

    Raises:
        FormatError: A line is none of these.
        InputError: An instruction contradicts itself, or spans overlap.
    """
    spans = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            spans.append(_span_from_line(line))
        except FormatError as error:
            raise FormatError(f"line {number} of the note {error}") from None
        except InputError as error:
            raise InputError(f"line {number} of the note: {error}") from None
    return ActingNote(tuple(spans), source)


def _span_from_line(line: str) -> Span:
    times, colon, said = line.strip().partition(":")
    start, _, end = times.partition("-")
    start, end = start.strip(), end.strip().removesuffix("s").rstrip()
    try:
        if not (colon and _SECONDS.fullmatch(start) and _SECONDS.fullmatch(end)):
            raise ValueError
        start_s, end_s = float(start), float(end)
    except ValueError:
        raise FormatError("is no span; write it as 0.00-1.50 s: A happy person speaks.") from None
    said, free = _split_free(said.strip())
    sentence, _, _ = split_unknown(said)
    span = replace(parse_instruction(said), start_s=start_s, end_s=end_s, text=free)
    return _checked_brows(resolved(span), (sentence, free))


def _split_free(said: str) -> tuple[str, str]:
    """Give a sentence and the free text behind it, a JSON string that ends the line."""
    sentence, _, after = split_unknown(said)
    at = len(said) - len(after) if after else 0
    at = said.find('"', at) if after or sentence == said else -1
    while at >= 0:
        quoted = _QUOTED.match(said, at)
        if quoted is None:
            break
        if quoted.end() < len(said):
            at = said.find('"', quoted.end())
            continue
        try:
            return said[:at].rstrip(), str(json.loads(quoted[0], strict=False))
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "no text"
            raise FormatError(
                f"has free text that is no JSON string, {reason}; write a backslash as two"
            ) from None
    return said, ""


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


def _checked_brows(span: Span, texts: Iterable[str]) -> Span:
    """Refuse lowered inner brows beside raised ones, whichever words of a span say which."""
    if any(action.unit == 1 for action in span.actions) and any(map(lowers_inner_brows, texts)):
        raise InputError(f"{span.where} asks for inner brows both raised and lowered; keep one")
    return span


def _table(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table: dict[str, object] = {}
    for key, value in pairs:
        if key in table:
            raise FormatError(f"the note says {shown(key)} twice in one table; keep one")
        table[key] = value
    return table


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
                raise FormatError(f"{where} has {key} {shown(value)}; give a number")
            values[key] = float(value)
        elif key in _WORDS:
            if not isinstance(value, str):
                raise FormatError(f"{where} has {key} {shown(value)}; give text")
            values[key] = value if key == "text" else value.strip().lower()
    try:
        actions, unknown = _actions(item.get("actions", []), where)
        values["actions"] = actions
        values["unknown"] = (*_texts(item.get("unknown", []), f"{where}.unknown"), *unknown)
        text = str(values.get("text", ""))
        if "intensity" not in values and values.get("emotion", "neutral") != "neutral":
            said_too = parse_instruction(text)
            values["intensity"] = said_too.intensity if said_too.emotion == values["emotion"] else 1.0
        span = resolved(Span(**values))  # type: ignore[arg-type]
        phrases = [phrase for phrase in item.get("actions", []) if isinstance(phrase, str)]
        return _checked_brows(span, (*phrases, text))
    except FormatError:
        raise
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith("span ") else f"{where}: {text}") from None


def _actions(items: object, where: str) -> tuple[tuple[ActionPhrase, ...], tuple[str, ...]]:
    """Give actions, and the words in their place that name none."""
    if not isinstance(items, list):
        raise FormatError(f'{where} has actions {shown(items)}; give a list such as ["very lowered brows"]')
    phrases = [item for item in items if isinstance(item, str)]
    actions, unknown = parse_actions(phrases)
    more: list[ActionPhrase] = []
    for item in items:
        if isinstance(item, Mapping):
            check_keys(item, ("unit", "degree"), f"{where}.actions")
            unit, degree = item.get("unit"), item.get("degree")
            if isinstance(unit, bool) or not isinstance(unit, int) or not isinstance(degree, str):
                raise FormatError(f"{where} has an action {shown(item)}; give a unit and a degree")
            more.append(ActionPhrase(unit, degree))
        elif not isinstance(item, str):
            raise FormatError(f"{where} has an action {shown(item)}; give words")
    return (*actions, *more), unknown


def _texts(items: object, where: str) -> tuple[str, ...]:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise FormatError(f"{where} is {shown(items)}; give a list of words")
    return tuple(items)


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
