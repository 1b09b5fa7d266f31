"""Subtitles that follow the voice: a few words at a time, the spoken one in colour."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from visemic.core.signals import Alignment
from visemic.render.letter import ACCENT, INK, Patch, font_for, legible, letter_size

MAX_LINES = 2
_PAUSE_S = 0.8
"""A longer silence ends a page."""
_LEAD_S, _LINGER_S = 0.15, 0.7
"""How long a page stands before its first and after its last word, when there is time."""
_BOX = (10, 11, 14, 150)


def _shared(between: str) -> tuple[str, str]:
    """Give what the word before and the word after have of the signs between them."""
    signs = between.split()
    if not any(c.isspace() for c in between):
        return between, ""
    head = signs.pop(0) if signs and not between[0].isspace() else ""
    tail = signs.pop() if signs and not between[-1].isspace() else ""
    return " ".join([head, *signs]).rstrip(), tail


def written_words(alignment: Alignment) -> list[tuple[str, bool]]:
    """Give each word with the punctuation that the text puts around it, and whether a space follows."""
    text, places, end = alignment.text, [], 0
    for word in alignment.words:
        start = text.find(word.text, end)
        if start < 0 or any(c.isalnum() for c in text[end:start]):
            # The text is not what is spoken, or not in this order: words stand alone.
            return [(word.text, True) for word in alignment.words]
        end = start + len(word.text)
        places.append((start, end))
    found, before = [], text[: places[0][0]].strip() if places else ""
    for number, (start, end) in enumerate(places):
        is_last = number + 1 == len(places)
        between = text[end:] + " " if is_last else text[end : places[number + 1][0]]
        after, following = _shared(between)
        has_space = not is_last and any(c.isspace() for c in between)
        found.append((before + text[start:end] + after, has_space))
        before = following
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
        self._size = letter_size(min(height, width), 0.046)
        pieces = written_words(alignment)
        self._font = font_for("".join(piece for piece, _ in pieces), self._size)
        self._pieces = [(legible(piece, self._font), spaced) for piece, spaced in pieces]
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

    def _runs(self) -> list[list[int]]:
        """Give the words between sentence ends and pauses."""
        runs: list[list[int]] = []
        for number, word in enumerate(self._words):
            before = runs[-1][-1] if runs else -1
            has_ended = before < 0 or (
                word.start_s - self._words[before].end_s > _PAUSE_S
                or self._pieces[before][0].rstrip("\"'”’»)").endswith((".", "!", "?", "…", "。"))
            )
            if has_ended:
                runs.append([])
            runs[-1].append(number)
        return runs

    def _filled(self, run: list[int], limit: float, enough: float) -> list[list[int]]:
        """Share a run's words out, a page after ``enough`` pixels of text or when no more fits."""
        groups = [run[:1]]
        for number in run[1:]:
            last = (*groups[-1], number)
            if self._line_width(tuple(groups[-1])) >= enough or self._balanced(last, limit) is None:
                groups.append([])
            groups[-1].append(number)
        return groups

    def _paged(self, limit: float) -> tuple[Page, ...]:
        groups: list[list[int]] = []
        for run in self._runs():
            shared = self._filled(run, limit, math.inf)
            # A last page of one word would flash by: pages of about one length are easier to read.
            even = self._filled(run, limit, self._line_width(tuple(run)) / len(shared))
            groups += even if len(even) == len(shared) else shared
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
                piece = self._pieces[number][0]
                before = self._line_text((*numbers[:place], number))
                x = left + float(self._font.getlength(before)) - float(self._font.getlength(piece))
                ink = ACCENT if number == current else INK
                draw.text((x + drop, middle + drop), piece, font=self._font, fill=(0, 0, 0, 255), anchor="lm")
                draw.text((x, middle), piece, font=self._font, fill=(*ink, 255), anchor="lm")
        top = self._height - height - max(4, round(0.025 * self._height))
        return Patch(np.array(image, np.uint8), top, (self._width - width) // 2)
