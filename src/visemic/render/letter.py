"""Text on pictures: one font at every size, and patches that are blended in."""

import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

INK = (240, 241, 244)
"""Text, sRGB."""
ACCENT = (255, 209, 84)
"""What is spoken now, sRGB."""
_SHADE = (10, 11, 14, 168)

# The font inside Pillow comes first, so that bytes do not depend on the machine; it has little
# more than the English letters, and all others need a font of the system.
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "arial.ttf",
    "Arial.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
)
_SPELT = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "«": '"', "»": '"'}


class Patch(NamedTuple):
    """A small picture and its place on a larger one."""

    image: UInt8[np.ndarray, "height width 4"]
    """sRGB and opacity."""
    top: int
    left: int


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> Any:
    from PIL import ImageFont

    if not name:
        return ImageFont.load_default(size=size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _has(font: Any, letter: str) -> bool:
    """Tell whether a font has a letter: one that it lacks looks like one that nobody has."""
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\U000ffffe"))


def font_for(text: str, size: int) -> Any:
    """Give a font of ``size`` pixels that has all letters of a text, or the usual one if none has."""
    letters = {c for c in text if not unicodedata.combining(c)}
    for name in ("", *_SYSTEM_FONTS):
        if _font(name, 16) is not None and all(_has(_font(name, 16), letter) for letter in letters):
            return _font(name, size)
    return _font("", size)


def legible(text: str, font: Any) -> str:
    """Give a text with plain letters for those that a font lacks: e for é, rather than an empty box."""

    def plain(letter: str) -> str:
        if _has(font, letter) or unicodedata.combining(letter):
            return letter
        spelt = _SPELT.get(letter.lower(), unicodedata.normalize("NFKD", letter))
        spelt = spelt.upper() if letter.isupper() else spelt
        return "".join(c for c in spelt if not unicodedata.combining(c) and _has(font, c)) or "?"

    return "".join(plain(letter) for letter in unicodedata.normalize("NFC", text))


def letter_size(height: int, share: float) -> int:
    """Give a letter size that is a share of the picture's height and can be read at any size."""
    return max(10, round(height * share))


def shortened(text: str, font: Any, width: float) -> str:
    """Give a text that fits ``width`` pixels, its end cut if it must be."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def badge(
    text: str, size: int, width: int, *, ink: tuple[int, int, int] = INK
) -> UInt8[np.ndarray, "rows columns 4"]:
    """Give one line of text on a dark, rounded box.

    Args:
        size: Of the letters, pixels.
        width: At most, pixels; a longer text loses its end.
    """
    from PIL import Image, ImageDraw

    font = font_for(text, size)
    pad = max(3, size // 3)
    text = shortened(legible(text, font), font, width - 2 * pad)
    box = (int(font.getlength(text)) + 2 * pad + 1, size + 2 * pad - size // 4)
    image = Image.new("RGBA", box, (*_SHADE[:3], 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, box[0] - 1, box[1] - 1), pad, fill=_SHADE)
    draw.text((pad, box[1] / 2), text, font=font, fill=(*ink, 255), anchor="lm")
    return np.array(image, np.uint8)
