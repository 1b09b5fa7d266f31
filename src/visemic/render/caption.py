"""Subtitles that follow the voice: a few words at a time, the spoken one in colour."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from visemic.core.signals import Alignment
from visemic.render.letter import ACCENT, INK, Patch, font_for, letter_size

MAX_LINES = 2
_PAUSE_S = 0.8
"""A longer silence ends a page."""
_LEAD_S, _LINGER_S = 0.15, 0.7
"""How long a page stands before its first and after its last word, when there is time."""
_BOX = (10, 11, 14, 150)


def written_words(alignment: Alignment) -> list[tuple[str, bool]]:
    """Give each word with the punctuation that the text puts around it, and whether a space follows."""
    text, places, end = alignment.text, [], 0
    for word in alignment.words:
        start = text.find(word.text, end)
        if start < 0 or any(c.isalnum() for c in text[end:start]):
            places.append((end, end))
            continue
        end = start + len(word.text)
        places.append((start, end))
    if not all(b > a for a, b in places):  # the text is not what is spoken: words stand alone
        return [(word.text, True) for word in alignment.words]
    found = []
    for number, (start, end) in enumerate(places):
        before = text[: places[0][0]].strip() if number == 0 else ""
        if number:
            between = text[places[number - 1][1] : start]
            before = between.split()[-1] if between[-1:].strip() and between.split()[1:] else ""
        between = text[end : places[number + 1][0]] if number + 1 < len(places) else text[end:]
        pieces = between.split()
        after = pieces[0] if pieces and not between[:1].isspace() else ""
        dashes = "".join(f" {p}" for p in pieces[len(after) > 0 :] if p in ("-", "–", "—"))
        found.append((before + text[start:end] + after + dashes, any(c.isspace() for c in between)))
    return found


@dataclass(frozen=True)
class Page:
    """What stands on the picture at once."""

    lines: tuple[tuple[int, ...], ...]
    """Numbers of the words in each line."""
    from_s: float
    """Shown from here."""
    until_s: float
    """Shown until here."""


class Captions:
    """The subtitles of an alignment on pictures of one size. May be asked from several threads."""

    def __init__(self, alignment: Alignment, width: int, height: int) -> None:
        self._words = alignment.words
        self._pieces = written_words(alignment)
        self._size = letter_size(min(height, width), 0.052)
        self._font = font_for("".join(piece for piece, _ in self._pieces), self._size)
        self._width, self._height = width, height
        self.pages = self._paged(0.9 * width)
        self._starts = [page.from_s for page in self.pages]
        self._drawn: Any = lru_cache(maxsize=8)(self._draw)

    def _line_text(self, numbers: tuple[int, ...]) -> str:
        pieces = [self._pieces[n] for n in numbers]
        joined = "".join(piece + (" " if spaced else "") for piece, spaced in pieces)
        return joined.rstrip()

    def _line_width(self, numbers: tuple[int, ...]) -> float:
        return float(self._font.getlength(self._line_text(numbers)))

    def _balanced(self, numbers: tuple[int, ...], limit: float) -> tuple[tuple[int, ...], ...] | None:
        """Give the words in one line, or in two of nearly one length, or None if they do not fit."""
        if self._line_width(numbers) <= limit or len(numbers) == 1:
            return (numbers,)
        if self._line_width(numbers) > MAX_LINES * limit:
            return None
        splits = [(numbers[:cut], numbers[cut:]) for cut in range(1, len(numbers))]
        best = min(splits, key=lambda lines: max(map(self._line_width, lines)))
        return best if max(map(self._line_width, best)) <= limit or len(numbers) == 2 else None

    def _paged(self, limit: float) -> tuple[Page, ...]:
        groups: list[list[int]] = []
        for number, word in enumerate(self._words):
            last = groups[-1] if groups else []
            ends = bool(last) and (
                word.start_s - self._words[last[-1]].end_s > _PAUSE_S
                or self._pieces[last[-1]][0].rstrip("\"'”’»)").endswith((".", "!", "?", "…", "。"))
                or self._balanced((*last, number), limit) is None
            )
            if not last or ends:
                groups.append([number])
            else:
                last.append(number)
        pages: list[Page] = []
        for position, group in enumerate(groups):
            lines = self._balanced(tuple(group), limit) or (tuple(group),)
            start, end = self._words[group[0]].start_s, self._words[group[-1]].end_s
            start = max(start - _LEAD_S, pages[-1].until_s if pages else 0.0)
            until = end + _LINGER_S
            if position + 1 < len(groups):
                until = min(until, max(end, self._words[groups[position + 1][0]].start_s - _LEAD_S))
            pages.append(Page(lines, start, until))
        return tuple(pages)

    def patch_at(self, time_s: float) -> Patch | None:
        """Give what stands on the picture at a time, or None."""
        position = bisect_right(self._starts, time_s) - 1
        if position < 0 or time_s >= self.pages[position].until_s:
            return None
        numbers = [n for line in self.pages[position].lines for n in line]
        now = [n for n in numbers if self._words[n].start_s <= time_s < self._words[n].end_s]
        patch: Patch = self._drawn(position, now[0] if now else -1)
        return patch

    def _draw(self, position: int, current: int) -> Patch:
        from PIL import Image, ImageDraw

        lines = self.pages[position].lines
        size, pad = self._size, max(4, self._size // 2)
        step = round(1.3 * size)
        width = min(self._width, int(max(map(self._line_width, lines))) + 2 * pad + 2)
        height = step * len(lines) + pad
        image = Image.new("RGBA", (width, height), (*_BOX[:3], 0))
        draw = ImageDraw.Draw(image)
        draw.rounded_rectangle((0, 0, width - 1, height - 1), pad * 2 // 3, fill=_BOX)
        drop = max(1, size // 16)
        for row, numbers in enumerate(lines):
            left = (width - self._line_width(numbers)) / 2
            middle = pad / 2 + (row + 0.5) * step
            for place, number in enumerate(numbers):
                piece, spaced = self._pieces[number]
                before = self._line_text((*numbers[:place], number))
                x = left + float(self._font.getlength(before)) - float(self._font.getlength(piece))
                ink = ACCENT if number == current else INK
                draw.text((x + drop, middle + drop), piece, font=self._font, fill=(0, 0, 0, 255), anchor="lm")
                draw.text((x, middle), piece, font=self._font, fill=(*ink, 255), anchor="lm")
        top = self._height - height - max(4, round(0.025 * self._height))
        return Patch(np.array(image, np.uint8), top, (self._width - width) // 2)
