"""Instructions as numbers: the words that a style network was trained with."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int64

PAD, UNKNOWN = 0, 1
N_SPECIAL = 2
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[,;.]")


def words_of(text: str) -> list[str]:
    """Give the words and commas of an instruction, in lower case.

    Example:
        >>> words_of("A very angry person speaks, looking down.")
        ['a', 'very', 'angry', 'person', 'speaks', ',', 'looking', 'down', '.']
    """
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Vocabulary:
    """The known words, in order; all others are one word, the unknown."""

    words: tuple[str, ...]

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: number + N_SPECIAL for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words) + N_SPECIAL

    def encode(self, texts: Sequence[str], length: int) -> Int64[np.ndarray, "texts words"]:
        """Give the numbers of words, ``PAD`` after the end; what does not fit is left off.

        Args:
            texts: Instructions; one without any known letter becomes one unknown word.
            length: Words of a row.
        """
        rows = np.full((len(texts), length), PAD, np.int64)
        for row, text in zip(rows, texts, strict=True):
            numbers = [self._number.get(word, UNKNOWN) for word in words_of(text)][:length] or [UNKNOWN]
            row[: len(numbers)] = numbers
        return rows


def vocabulary_of(texts: Iterable[str]) -> Vocabulary:
    """Give all words of some texts, sorted."""
    return Vocabulary(tuple(sorted({word for text in texts for word in words_of(text)})))
