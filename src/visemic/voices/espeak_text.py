"""What espeak-ng is given: plain words with the marks that melody needs, and where each token is."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from visemic.text.normalize import SEMICOLON_PAUSE_S, Sentence, Token, is_english


@dataclass(frozen=True)
class Script:
    """A sentence as sent to the library."""

    text: str
    starts: tuple[int, ...]
    """Index in ``text`` where each token begins."""
    tokens: tuple[Token, ...]
    parts: tuple[str, ...]
    """What is sent for each token."""
    pause_after_s: float
    is_english: bool
    """Whether phonemes are to be read as English."""


def script_of(sentence: Sentence, language: str) -> Script:
    """Write a sentence for the library: English as it is spoken, other languages as written."""
    if is_english(language):
        parts = tuple(_say(sentence.tokens, number) for number in range(len(sentence.tokens)))
        text, starts = _join(parts, sentence)
    else:
        parts = tuple(plain(token.text) for token in sentence.tokens)
        text, starts = _locate(parts, plain(sentence.text))
    return Script(text, starts, sentence.tokens, parts, sentence.pause_after_s, is_english(language))


def plain(text: str) -> str:
    """Give text with nothing in it that a speech library could take as a command.

    Control characters become spaces (byte 1 would change the voice), brackets of markup and
    of phonemes too; joiners that shape letters stay.

    Example:
        >>> plain("<b>one\\x01two</b> [[k]]")
        ' b one two /b    k  '
    """
    return "".join(" " if _is_command(c) else c for c in text)


_JOINERS = "\u200c\u200d"
_MARKUP = "<>[]{}|\\_^`~"
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _is_command(character: str) -> bool:
    if character in _JOINERS:
        return False
    return character in _MARKUP or unicodedata.category(character) in _UNSEEN


def _say(tokens: Sequence[Token], number: int) -> str:
    """Write the spoken words of a token; letters get dots, by which the library knows their names."""
    words = [plain(word).strip() for word in tokens[number].spoken]
    said: list[str] = []
    letters: list[str] = []
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            letters.append(word.upper())
            continue
        if letters == ["A"] and _is_letter_name(tokens, number):
            # Alone, a capital A would be spoken as the article all the same.
            said.append("eigh")
        elif letters:
            said.append(letters[0].lower() if len(letters) == 1 else ".".join(letters) + ".")
        letters = []
        said.append(word)
    return " ".join(filter(None, said))


def _is_letter_name(tokens: Sequence[Token], number: int) -> bool:
    """Tell "vitamin A" and "A1" from "a dog", "A dog", "Once Upon A Time" and "SUCH A DAY"."""
    token = tokens[number]
    if len(token.spoken) > 1:
        return "A" in token.text
    following = tokens[number + 1].text if number + 1 < len(tokens) else ""
    is_alone = len(tokens) == 1
    return token.text == "A" and (is_alone or (number > 0 and not following[:1].isupper()))


def _join(parts: Sequence[str], sentence: Sentence) -> tuple[str, tuple[int, ...]]:
    """Write the sentence with the marks that its melody needs."""
    text, starts = "", []
    for number, (part, token) in enumerate(zip(parts, sentence.tokens, strict=True)):
        starts.append(len(text))
        is_last = number == len(parts) - 1
        if part:
            text += part + (" " if is_last else _mark(token.pause_after_s) + " ")
    return text.rstrip(" ,;") + (sentence.ending if sentence.ending in ("?", "!") else "."), tuple(starts)


def _mark(pause_s: float) -> str:
    """Give the mark whose pause by the library is nearest: 0.19 s for a comma, 0.23 for a semicolon."""
    if pause_s <= 0:
        return ""
    return ";" if pause_s >= SEMICOLON_PAUSE_S else ","


def _locate(parts: Sequence[str], text: str) -> tuple[str, tuple[int, ...]]:
    """Find each token in the written sentence."""
    starts, cursor = [], 0
    for part in parts:
        found = text.find(part.strip(), cursor)
        starts.append(max(found, cursor))
        cursor = max(found, cursor) + (len(part.strip()) if found >= 0 else 0)
    return text, tuple(starts)
