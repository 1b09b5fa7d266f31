"""Written text to sentences of spoken words, with the pauses that punctuation asks for.

English is read out in full: numbers, dates, money, abbreviations, symbols, acronyms. Text
of other languages keeps its written words, which a voice of that language reads itself;
sentences and pauses are found in any script.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from visemic.core.errors import TextError
from visemic.text import pieces as pieces_module
from visemic.text.abbreviations_en import MEASURES, MID_SENTENCE, TITLES, is_abbreviation
from visemic.text.latin import fold
from visemic.text.pieces import Piece
from visemic.text.words_en import read_piece

MAX_CHARACTERS = 100_000
"""Longest text that is taken at once."""

COMMA_PAUSE_S = 0.18
DASH_PAUSE_S = 0.22
COLON_PAUSE_S = 0.25
SEMICOLON_PAUSE_S = 0.28
PARENTHESIS_PAUSE_S = 0.15
ELLIPSIS_PAUSE_S = 0.40
SENTENCE_PAUSE_S = 0.45
LINE_PAUSE_S = 0.55
PARAGRAPH_PAUSE_S = 0.80
WRAPPED_LINE_CHARACTERS = 60
"""A line at least this long that ends without punctuation goes on in the next line."""

Ending = Literal[".", "?", "!", "…", ""]

_CLOSERS = "\"'”’»›)]}』」*_"
_ENDS = {"。": ".", "।": ".", "॥": ".", "።": ".", "۔": ".", "！": "!", "？": "?", "؟": "?", "．": "."}
_COMMON_WORDS = (
    "the a an he she it they we you i this that these those in on at but and so then there when what why how "
    "who where is are do his her their our my your now if as after for no yes not all"
)
_AFTER_ACRONYM = frozenset(_COMMON_WORDS.split())
"""Words that, after an acronym with full stops, begin a sentence."""
_LIST_NUMBER = re.compile(r"\d{1,3}|[A-Za-z]|[ivx]{2,4}")


@dataclass(frozen=True, slots=True)
class Token:
    """A written word or number, and how it is said."""

    text: str
    """As written, without the punctuation around it."""
    spoken: tuple[str, ...]
    """Lower-case words of a to z and apostrophes, spelled letters one by one; for languages
    other than English the word as written."""
    pause_after_s: float
    """Silence that the punctuation behind it asks for inside the sentence, seconds."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with at least one token."""

    tokens: tuple[Token, ...]
    text: str
    """As written, blanks and line ends made single blanks."""
    pause_after_s: float
    """Silence before the next sentence, seconds; 0 after the last one."""
    ending: Ending
    """Mark that ends it; empty when there is none."""


def is_english(language: str) -> bool:
    """Tell whether a language tag is English: ``en``, ``en-us``, ``en_GB``."""
    return re.split(r"[-_]", language.lower())[0] == "en"


def split_sentences(text: str, language: str = "en-us") -> tuple[Sentence, ...]:
    """Split text into sentences of tokens with pauses.

    Symbols without a pronunciation, and for English letters of other scripts, are left out;
    ``skipped_characters`` names the letters. Time is linear in the length.

    Args:
        text: As written; at most ``MAX_CHARACTERS``.
        language: Language tag; English is read out, and 5/12 is in May for ``en-us`` only.

    Returns:
        At least one sentence; every token has at least one spoken word.

    Raises:
        TextError: The text is empty, too long, or has nothing that can be pronounced.

    Example:
        >>> [" ".join(t.spoken) for s in split_sentences("Dr. No paid $5.20. Why?") for t in s.tokens]
        ['doctor', 'no', 'paid', 'five dollars twenty cents', 'why']
    """
    if len(text) > MAX_CHARACTERS:
        raise TextError(
            f"text has {len(text)} characters, at most {MAX_CHARACTERS} fit at once; split it into parts"
        )
    cleaned = pieces_module.clean(text)
    if not cleaned.strip():
        raise TextError(f"text is empty ({len(text)} characters, none visible); write at least one word")
    sentences = []
    for group in _groups(pieces_module.cut(cleaned)):
        tokens = _tokens(group, language)
        if tokens:
            sentences.append(Sentence(tokens, _written(group), _pause_after(group), _ending(group[-1])))
    if not sentences:
        raise TextError(_unpronounceable(cleaned, language))
    last = sentences[-1]
    sentences[-1] = Sentence(last.tokens, last.text, 0.0, last.ending)
    return tuple(sentences)


def skipped_characters(text: str, language: str = "en-us") -> str:
    """Give the distinct letters of a text that have no pronunciation in its language.

    Only English has such letters: those that are not Latin. The result is empty when all is
    well, else in order of appearance, for a note to the user.

    Example:
        >>> skipped_characters("Привет, world")
        'Привет'
    """
    if not is_english(language):
        return ""
    letters = dict.fromkeys(c for c in pieces_module.clean(text) if unicodedata.category(c)[0] == "L")
    return "".join(c for c in letters if not any("a" <= f.lower() <= "z" for f in fold(c)))


def _unpronounceable(text: str, language: str) -> str:
    shown = text.strip()[:40]
    skipped = skipped_characters(text, language)
    if skipped:
        script = unicodedata.name(skipped[0], "unknown").split()[0].title()
        return (
            f"no word of {shown!r} can be pronounced in English ({language}), its letters are {script}; "
            "choose the language of the text with --lang"
        )
    return (
        f"nothing in {shown!r} can be pronounced in language {language!r}; write at least one word or number"
    )


def _groups(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Gather pieces into sentences."""
    groups: list[list[Piece]] = []
    group: list[Piece] = []
    line_length = 0
    for place, piece in enumerate(pieces):
        following = pieces[place + 1] if place + 1 < len(pieces) else None
        group.append(piece)
        line_length += len(piece.raw) + 1
        ends = following is None or _ends_sentence(piece, following, len(group) == 1)
        if piece.break_after and not ends:
            wrapped = line_length >= WRAPPED_LINE_CHARACTERS and piece.break_after == "line"
            is_comma = piece.after[-1:] in (",", "-", "–")
            goes_on = following is not None and (following.core[:1].islower() or is_comma)
            ends = piece.break_after == "paragraph" or not (wrapped or goes_on)
        if piece.break_after:
            line_length = 0
        if ends:
            groups.append(group)
            group = []
    return groups


def _ending(piece: Piece) -> Ending:
    after = "".join(_ENDS.get(c, c) for c in piece.after)
    if "?" in after:
        return "?"
    if "!" in after:
        return "!"
    if "…" in after or ".." in after:
        return "…"
    return "." if "." in after else ""


def _ends_sentence(piece: Piece, following: Piece, is_first: bool) -> bool:
    ending = _ending(piece)
    if not ending:
        return False
    if any(c in _ENDS for c in piece.after):
        return True
    core = following.core
    next_is_small = core[:1].islower()
    if ending == "…":
        return bool(core) and not next_is_small
    closed = piece.after[-1:] in _CLOSERS and piece.after[-1:] != piece.after[:1]
    if ending in "?!":
        return not (closed and next_is_small)
    if piece.after[-1:] in ",;:" or (closed and next_is_small):
        return False
    return _full_stop_ends(piece, core, is_first)


def _full_stop_ends(piece: Piece, next_core: str, is_first: bool) -> bool:
    core = piece.core
    next_is_small = next_core[:1].islower()
    if core in TITLES:
        return core in ("St", "Ft") and next_core.lower() in _AFTER_ACRONYM
    if core in MEASURES and next_is_small:
        return False
    if core in ("Sr", "Jr"):
        return next_core.lower() in _AFTER_ACRONYM
    if core in MID_SENTENCE:
        return core in ("No", "no", "al") and not next_core[:1].isdigit() and not next_is_small
    if is_first and _LIST_NUMBER.fullmatch(core) and not piece.before and next_core:
        return core == "I"
    if len(core) == 1 and core.isalpha() and core.isupper() and core != "I":
        return next_core.lower() in _AFTER_ACRONYM
    if re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", core) or core in ("Ph.D",):
        return not next_is_small and next_core.lower() in _AFTER_ACRONYM
    if is_abbreviation(core):
        # "Nov. 20" and "etc. and" go on; "He runs Acme Inc. It grows." does not.
        return not (next_is_small or next_core[:1].isdigit())
    return True


def _written(group: Sequence[Piece]) -> str:
    return "".join((" " if piece.blank_before else "") + piece.raw for piece in group).strip()


def _pause_after(group: Sequence[Piece]) -> float:
    last = group[-1]
    if last.break_after == "paragraph":
        return PARAGRAPH_PAUSE_S
    if last.break_after == "line":
        return LINE_PAUSE_S
    return SENTENCE_PAUSE_S


def _pause_inside(piece: Piece, following: Piece) -> float:
    """Give the pause between two pieces of a sentence."""
    marks = piece.after + (following.before if following.blank_before or not piece.after else "")
    pause_s = 0.0
    for character in marks:
        if character in ",،、，":
            pause_s = max(pause_s, COMMA_PAUSE_S)
        elif character in ";；؛":
            pause_s = max(pause_s, SEMICOLON_PAUSE_S)
        elif character in ":：":
            pause_s = max(pause_s, COLON_PAUSE_S)
        elif character in "—―–-":
            pause_s = max(pause_s, DASH_PAUSE_S)
        elif character in "()[]{}|":
            pause_s = max(pause_s, PARENTHESIS_PAUSE_S)
    if piece.after[:1] == "." and piece.core.isdigit():
        pause_s = max(pause_s, COMMA_PAUSE_S)
    if "…" in piece.after or ".." in piece.after or piece.after[:1] in ("?", "!"):
        pause_s = max(pause_s, ELLIPSIS_PAUSE_S)
    return pause_s


def _is_shouting(group: Sequence[Piece]) -> bool:
    """Tell whether a whole sentence is in capitals, so that capitals mean nothing."""
    cores = [piece.core for piece in group if any(c.isalpha() for c in piece.core)]
    capital = [core for core in cores if core.upper() == core and core.lower() != core]
    long = [core for core in capital if len(core) >= 4]
    return (
        len(capital) >= 2
        and len(capital) >= 0.8 * len(cores)
        and len(long) >= 0.3 * len(capital)
        and bool(long)
    )


def _tokens(group: Sequence[Piece], language: str) -> tuple[Token, ...]:
    english = is_english(language)
    readable = [piece for piece in group if piece.core]
    is_shouting = english and _is_shouting(readable)
    is_day_first = not language.lower().replace("_", "-").endswith("-us")
    place = 0
    tokens: list[Token] = []
    for number, piece in enumerate(group):
        spoken: tuple[str, ...] = ()
        if piece.core:
            if english:
                spoken = read_piece(readable, place, is_shouting=is_shouting, is_day_first=is_day_first)
            elif any(unicodedata.category(c)[0] in "LN" or c in "%&+=$€£¥°@" for c in piece.core):
                spoken = (piece.core,)
            place += 1
        pause_s = _pause_inside(piece, group[number + 1]) if number + 1 < len(group) else 0.0
        if spoken:
            tokens.append(Token(piece.core, spoken, pause_s))
        elif tokens and pause_s > tokens[-1].pause_after_s:
            tokens[-1] = Token(tokens[-1].text, tokens[-1].spoken, pause_s)
    if tokens and tokens[-1].pause_after_s:
        tokens[-1] = Token(tokens[-1].text, tokens[-1].spoken, 0.0)
    return tuple(tokens)
