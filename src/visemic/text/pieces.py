"""Cut text into pieces: what stands between blanks, with its punctuation set apart.

A piece is what becomes one token. Words glued by dashes, ellipses or by a missing blank
after a full stop are cut, web and mail addresses are not. Everything here works for any
script; what a piece sounds like is said elsewhere.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAX_PIECE_CHARACTERS = 200
"""A longer run without a blank is cut, so that time stays linear in the text."""

TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|tv|me|co|uk|us|eu|de|fr|es|it|nl|ch|at|be|se|no|dk|fi|"
    "pl|cz|pt|ru|ua|jp|cn|kr|in|au|nz|ca|br|mx|za|ie|gg|ly|xyz|online|site|tech"
)
EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
URL = re.compile(
    rf"(?:(?:https?|ftp)://|www\.)\S+|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?-i:{TOP_LEVEL})(?:[/:?#]\S*)?",
    re.ASCII | re.IGNORECASE,
)

_CUT = re.compile(
    r"(?:—|―|--+|…|\.{2,}|[。！？；，、।؟،؛።])+|(?<!\d)(?<![ap]m|st|nd|rd|th)–|–(?![\d$£€])"
    r"|(?<=[^\W\d_]{2}[.!?,;:])(?=[A-Z][^\W\d_])|(?<=[!?])(?=\w)|(?<=\])(?=\()|(?<=[^\W\d_][,;:])(?=[^\W\d_])"
)
_KEEP_BEFORE = frozenset("%&@#/§‰+<>=~±≤≥≈≠√∞$£€¥₹₩₽₿¢°℃℉№×÷^−")
_KEEP_AFTER = frozenset("%‰′″°℃℉+$£€¥₹₩₽₿¢=<>&#@/²³×÷±≈≤≥≠−√∞")
_CLIPPED = re.compile(r"['‘’](?:\d0s\b|(?:tis|twas|em|til|cause|round|n)\b)", re.IGNORECASE)
_SIGNED = re.compile(r"[-–−](?=[.$£€¥₹]?\d)")
_POINT = re.compile(r"\.(?=\d)")


@dataclass(frozen=True, slots=True)
class Piece:
    """One unit of writing."""

    core: str
    """As written, without the punctuation around it; may be empty."""
    before: str
    """Punctuation in front."""
    after: str
    """Punctuation behind."""
    blank_before: bool
    """Whether a blank separates it from the piece before."""
    break_after: Literal["", "line", "paragraph"] = ""
    """What ends behind it."""

    @property
    def raw(self) -> str:
        """As written, punctuation and all."""
        return self.before + self.core + self.after


def clean(text: str) -> str:
    """Drop control and format characters, unpaired surrogates and unassigned code points.

    Line ends become newlines. Joiners that some scripts need stay.

    Example:
        >>> clean("a\\x00b\\r\\nc")
        'ab\\nc'
    """
    text = re.sub("\r\n|[\r\v\f\x85\u2028\u2029]", "\n", text)
    unwanted = {
        ord(c): None
        for c in set(text)
        if c not in "\n\t\u200c\u200d" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")
    }
    return text.translate(unwanted) if unwanted else text


def _strips_before(text: str, at: int) -> bool:
    character = text[at]
    if character in _KEEP_BEFORE:
        return False
    category = unicodedata.category(character)
    if character in "-–−" and _SIGNED.match(text, at):
        return False
    if character == "." and _POINT.match(text, at):
        return False
    if character in "'‘’" and _CLIPPED.match(text, at):
        return False
    return category[0] in "PS" or (category == "Mn" and at == 0) or character in "\u200c\u200d"


def _strips_after(text: str, at: int) -> bool:
    character = text[at]
    if character in _KEEP_AFTER:
        return False
    return unicodedata.category(character)[0] in "PS" or character in "\u200c\u200d\ufe0f"


def peel(text: str) -> tuple[str, str, str]:
    """Split the punctuation off both ends of a piece.

    Example:
        >>> peel("“Hello!”"), peel("-5%.")
        (('“', 'Hello', '!”'), ('', '-5%', '.'))
    """
    start, end = 0, len(text)
    while start < end and _strips_before(text, start):
        start += 1
    while end > start and _strips_after(text, end - 1):
        end -= 1
    if (
        text[start:end].lower().endswith("in")
        and text[end : end + 1] in ("'", "’")
        and "'" not in text[:start]
    ):
        end += 1
    return text[:start], text[start:end], text[end:]


def _parts(chunk: str) -> Iterator[str]:
    """Cut a run without blanks at dashes, ellipses and missing blanks."""
    for start in range(0, len(chunk), MAX_PIECE_CHARACTERS):
        part = chunk[start : start + MAX_PIECE_CHARACTERS]
        if part.isalpha():
            yield part
            continue
        bare = peel(part)[1]
        if URL.fullmatch(bare) or EMAIL.fullmatch(bare):
            yield part
            continue
        last = 0
        for cut in _CUT.finditer(part):
            if cut.end() > last:
                yield part[last : cut.end()]
                last = cut.end()
        if last < len(part):
            yield part[last:]


def _line_pieces(line: str) -> Iterator[Piece]:
    chunks = line.split()
    for number, chunk in enumerate(chunks):
        if chunk in ("-", "−", "–", "*"):
            left = chunks[number - 1][-1:].isdigit() if number else False
            right = chunks[number + 1][:1].isdigit() if number + 1 < len(chunks) else False
            if left and right:
                yield Piece(chunk, "", "", True)
                continue
        blank = True
        for part in _parts(chunk):
            before, core, after = peel(part)
            yield Piece(core, before, after, blank) if core else Piece("", "", part, blank)
            blank = False


def cut(text: str) -> list[Piece]:
    """Cut cleaned text into pieces, in order, nothing but blanks lost.

    Example:
        >>> [piece.core for piece in cut("Wait—what? (Yes.)")]
        ['Wait', 'what', 'Yes']
    """
    pieces: list[Piece] = []
    for line in text.split("\n"):
        new = list(_line_pieces(line))
        if pieces:
            at_break: Literal["line", "paragraph"] = "line" if new else "paragraph"
            if pieces[-1].break_after != "paragraph":
                last = pieces[-1]
                pieces[-1] = Piece(last.core, last.before, last.after, last.blank_before, at_break)
        pieces += new
    return pieces
