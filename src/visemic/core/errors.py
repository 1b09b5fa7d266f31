"""One tree of errors, so that an edge can catch ``VisemicError`` and print one sentence.

Every message is a single lower-case sentence without a full stop: what is wrong, the
value, the limit, and what to do next. Anything that is not a ``VisemicError`` is a bug.
"""

import difflib
from collections.abc import Iterable

_MAX_SHOWN = 40
"""Characters of somebody's words in a message."""
_MAX_COMPARED = 200
"""Characters of a name that is compared with known ones."""


class VisemicError(Exception):
    """Base of every error that visemic raises on purpose."""


class InputError(VisemicError):
    """Text, audio or an option that cannot be used as given."""


class TextError(InputError):
    """Text that cannot be spoken."""


class AudioError(InputError):
    """A recording that cannot be read or holds no speech."""


class FormatError(InputError):
    """A file that is not what its name says, or a format that is not known."""


class OutputError(VisemicError):
    """A place that cannot be written to: it exists, it is full, its folder is missing."""


class ClockError(VisemicError):
    """Rates or durations that do not fit together."""


class LayoutError(VisemicError):
    """A channel that is not in a layout, or two layouts that differ."""


class RigError(VisemicError):
    """A head that lacks what is asked of it."""


class VoiceError(VisemicError):
    """A voice that is not installed or cannot say the text."""


class ArtifactError(VisemicError):
    """A stored artefact that is incomplete, altered or of another version."""


class TrainingError(VisemicError):
    """A training that cannot start, cannot go on or would not be the one that was begun."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Give the sentence for a name that is not among the known ones, with the nearest match.

    Args:
        kind: What the name should be, for example ``"channel"``.
        name: The name that was asked for.
        known: The names there are.

    Example:
        >>> unknown_name("channel", "jaw_open", ["jawOpen", "mouthClose"])
        "no channel 'jaw_open' among 2 channels; did you mean 'jawOpen'?"
    """
    names = list(known)
    by_lower = {n.lower().replace("_", ""): n for n in names}
    asked = name[:_MAX_COMPARED].lower().replace("_", "")
    near = difflib.get_close_matches(asked, by_lower, n=1, cutoff=0.5)
    if near:
        return f"no {kind} {shown(name)} among {len(names)} {kind}s; did you mean {by_lower[near[0]]!r}?"
    listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"no {kind} {shown(name)} among {len(names)} {kind}s; there are {listed or 'none'}"


def is_utf8(text: str) -> bool:
    """Tell whether a text can be written: half characters stand for bytes or JSON that were no text.

    Example:
        >>> is_utf8("naïve"), is_utf8("x\\udcff")
        (True, False)
    """
    return not any("\ud800" <= character <= "\udfff" for character in text)


def shown(value: object) -> str:
    """Give a value as a message may hold it: on one line, without control characters, and short.

    Example:
        >>> shown("a\\nb"), len(shown("x" * 100_000))
        ("'a\\\\nb'", 41)
    """
    try:
        text = repr(value[:_MAX_COMPARED] if isinstance(value, str | bytes) else value)
    except (RecursionError, ValueError):  # a list in lists without end, a number of thousands of digits
        text = f"{type(value).__name__} too large to show"
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
