"""Marks in the text, such as ``{slow}`` and ``{pause 0.5}``, for voices that cannot follow them."""

import re

from visemic.core.errors import VoiceError

_MARK = re.compile(r"\{\s*(?:(?:slow|normal|fast)\s*|(?:tempo|pause)\b[^{}]*)\}", re.IGNORECASE)


def refuse_marks(text: str, voice: str) -> None:
    """Refuse a text that asks for more than a voice can do; other braces are left to the voice.

    Raises:
        VoiceError: There is a mark in it.
    """
    found = _MARK.search(text)
    if found:
        raise VoiceError(
            f"voice {voice!r} does not follow marks such as {found.group()!r}; leave them out and give the "
            "tempo of the whole, or speak American English with the voice 'avatron'"
        )
