"""Latin letters with and without their accents, typographic marks and plain ones."""

import unicodedata
from functools import lru_cache

FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
"""Characters that folding leaves alone: they are read as they are."""

_LATIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "th", "þ": "th", "ł": "l", "ı": "i", "ħ": "h",
    "ŋ": "ng", "ĸ": "k", "ŧ": "t", "ə": "e", "ƒ": "f", "Æ": "AE", "Œ": "OE", "Ø": "O", "Đ": "D", "Ð": "Th",
    "Þ": "Th", "Ł": "L", "Ħ": "H", "Ŋ": "NG", "ẞ": "SS", "’": "'", "‘": "'", "ʼ": "'", "′": "'", "＇": "'",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "⁄": "/", "²": "²", "³": "³", "″": "″", "µ": "μ",
}  # fmt: skip


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    if character in _LATIN:
        return _LATIN[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    folded = "".join(_LATIN.get(c, c) for c in unicodedata.normalize("NFKD", character))
    return "".join(c for c in folded if not unicodedata.combining(c) and not c.isspace())


def fold(text: str) -> str:
    """Give plain quotes, hyphens and digits, and Latin letters without accents.

    Example:
        >>> fold("Café’s ５")
        "Cafe's 5"
    """
    if text.isascii():
        return text
    return "".join(c if c.isspace() or c in FRACTIONS else _fold_character(c) for c in text)
