"""Tables of text, as TOML and JSON give them, into frozen dataclasses: every key is known or refused.

A key that nothing reads is how a run comes to differ from its recipe. So a table is read
strictly: an unknown key names its nearest neighbour, a value of another kind names the kind
that is wanted, and a missing one is missed by name.
"""

import dataclasses
import difflib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from visemic.core.errors import InputError, shown

T = TypeVar("T")

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_MAX_LISTED = 8
_MAX_KEY = 40
"""Characters of a key in a message."""


def config_from_dict(config_class: type[T], data: Mapping[str, object], where: str) -> T:
    """Give a dataclass filled from a table.

    Fields may be bool, int, float, str, Path, Literal, a union of these with None, tuples of
    them, nested dataclasses and free tables. A whole number is taken where a number is asked,
    never the other way round.

    Args:
        config_class: A frozen dataclass.
        data: The table; keys that are absent take the field's default.
        where: Where the table stands, for messages: ``"model"`` gives ``model.width``; "" for
            the top.

    Raises:
        InputError: A key is unknown or missing, or a value is of another kind or refused by
            the dataclass itself.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Config:
        ...     width: int = 64
        >>> config_from_dict(Config, {"width": 8}, "model")
        Config(width=8)
    """
    fields = {field.name: field for field in dataclasses.fields(config_class) if field.init}  # type: ignore[arg-type]
    check_keys(data, fields, where)
    hints = get_type_hints(config_class)
    values = {}
    for name, field in fields.items():
        key = joined_key(where, name)
        if name in data:
            values[name] = _value(hints[name], data[name], key)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"key {key} is missing; it has no default")
    return config_class(**values)


def check_keys(data: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Refuse a table with a key that nothing reads.

    Raises:
        InputError: A key is not among the known ones.
    """
    names = list(known)
    for key in data:
        if key in names:
            continue
        near = difflib.get_close_matches(str(key)[:200].lower(), [n.lower() for n in names], n=1, cutoff=0.5)
        if near:
            best = next(n for n in names if n.lower() == near[0])
            hint = f"did you mean {joined_key(where, best)}?"
        else:
            listed = ", ".join(names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")
            hint = f"known here are {listed or 'none'}"
        raise InputError(f"unknown key {joined_key(where, str(key))}; {hint}")


def joined_key(where: str, key: str) -> str:
    """Give the full name of a key, fit for a message: one that is long or odd is cut and escaped."""
    plain = key if key.isprintable() and len(key) <= _MAX_KEY else shown(key)
    return f"{where}.{plain}" if where else plain


def first_difference(
    first: Mapping[str, object], second: Mapping[str, object], where: str = ""
) -> str | None:
    """Give the full name of the first key in which two tables differ; None where they are equal."""
    for key in [*first, *(k for k in second if k not in first)]:
        name = joined_key(where, key)
        if key not in first or key not in second:
            return name
        a, b = first[key], second[key]
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            inner = first_difference(a, b, name)
            if inner is not None:
                return inner
        elif a != b or isinstance(a, bool) is not isinstance(b, bool):
            return name
    return None


def _value(hint: Any, value: object, key: str) -> object:
    """Give one value as its field wants it."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(hint, value, key)
    if origin is Literal:
        if value not in get_args(hint):
            raise InputError(f"{key} is {shown(value)}; give one of {', '.join(map(repr, get_args(hint)))}")
        return value
    if origin is tuple or hint is tuple:
        return _tuple(hint, value, key)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise InputError(f"{key} is {shown(value)}; give a table")
        return config_from_dict(hint, value, key)  # type: ignore[arg-type]
    if hint is dict or origin is dict or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return _table(hint, value, key)
    return _plain(hint, value, key)


def _plain(hint: Any, value: object, key: str) -> object:
    if hint in (Any, object):
        return value
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) is not (hint is bool) or not isinstance(value, hint):
        raise InputError(f"{key} is {shown(value)}; give {_KINDS.get(hint, getattr(hint, '__name__', hint))}")
    return value


def _union(hint: Any, value: object, key: str) -> object:
    members = get_args(hint)
    if value is None and type(None) in members:
        return None
    refusal: InputError | None = None
    for member in members:
        if member is type(None):
            continue
        try:
            return _value(member, value, key)
        except InputError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _tuple(hint: Any, value: object, key: str) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise InputError(f"{key} is {shown(value)}; give a list")
    kinds = get_args(hint)
    if not kinds:
        return tuple(value)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise InputError(f"{key} has {len(value)} values; give {len(kinds)}")
    return tuple(
        _value(kind, item, f"{key}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _table(hint: Any, value: object, key: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise InputError(f"{key} is {shown(value)}; give a table")
    kinds = get_args(hint)
    if len(kinds) != 2:
        return dict(value)
    return {str(name): _value(kinds[1], item, joined_key(key, str(name))) for name, item in value.items()}
