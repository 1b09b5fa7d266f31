"""What Avatron reads: phones and pauses as numbers, with the words they belong to.

Marks in curly brackets steer the tempo from where they stand to the end of the sentence or to
the next mark: ``{slow}``, ``{fast}``, ``{normal}``, ``{tempo 0.8}``; ``{pause 0.5}`` inserts
silence, and several in a row add up.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from visemic.core.errors import ArtifactError, TextError, VisemicError, unknown_name
from visemic.core.signals import SILENCE, Phone
from visemic.models.avatron_timing import MAX_TEMPO, MEL_RATE, MIN_TEMPO
from visemic.text.normalize import split_sentences
from visemic.text.phone_posterior import PHONES
from visemic.text.transcript import SpokenWord, spoken_words

PAD = "_"
SENTENCE_ENDS = (".", "?", "!")
PAUSES = (SILENCE, ",", *SENTENCE_ENDS)
"""Symbols of silence: before speech, inside a sentence, and at its end by the mark there."""
SYMBOLS = (PAD, *PAUSES, *(phone for phone in PHONES if phone != SILENCE))
"""Symbols in the order of their numbers; 0 fills batches."""

_CLASS_MEMBERS = (
    ("ER", "OW", "OY", "UW", "UH"),
    ("EH", "IH", "IY"),
    ("B", "M", "P"),
    ("AA", "AW", "AY"),
)
N_CLASSES = len(_CLASS_MEMBERS) + 1
BILABIAL_CLASS = 3
"""Class of phones in which the lips touch."""

NAMED_TEMPOS = {"slow": 0.75, "normal": 1.0, "fast": 1.35}
MAX_PAUSE_S = 10.0
MAX_WORDS = 60
"""Longest stretch that is spoken at once; longer sentences are cut, at a pause if there is one."""
LONG_PAUSE_S, MAX_PAUSES_S = 1.0, 5.0
"""An inserted pause from which on, and a sum of inserted pauses beyond which, a stretch ends: the network
compares all frames of a stretch with one another, and silence has nothing to say to speech."""
_CLOSING_S = 0.05
"""Of a pause between two stretches, what the first one ends in."""
_NEAREST = {"AX": "AH", "OH": "OW"}
_MARK = re.compile(r"\{\s*([^{}]*?)\s*\}")
_LONE_BRACKET = re.compile(r"[{}][^{}]{0,20}")
_INSIDE = re.compile(r"\w\{[^{}]*\}\w")


@dataclass(frozen=True)
class Utterance:
    """A sentence to be spoken."""

    symbols: tuple[str, ...]
    words: tuple[str, ...]
    """As written, one for each spoken word."""
    word_of_symbol: tuple[int, ...]
    """Number of the word of each symbol, -1 for pauses."""
    tempo: tuple[float, ...]
    """Speed by symbol, from the marks."""
    fixed_s: tuple[float | None, ...]
    """Seconds that a symbol must last; None leaves it to the voice."""
    token_of_word: tuple[int, ...] = ()
    """Number of the written token of each word: ``$5`` is two words; empty if each is its own."""
    spoken: tuple[str, ...] = ()
    """Each word as said, lower-case."""

    @property
    def is_pause(self) -> Bool[np.ndarray, " symbols"]:
        """Tell which symbols are silence."""
        return np.array([symbol in PAUSES for symbol in self.symbols])

    @property
    def fixed(self) -> Float64[np.ndarray, " symbols"]:
        """Give ``fixed_s`` with not-a-number for None."""
        return np.array([np.nan if s is None else s for s in self.fixed_s], np.float64)


def symbol_numbers(symbols: Sequence[str], table: Sequence[str] = SYMBOLS) -> Int64[np.ndarray, " symbols"]:
    """Give symbols as numbers.

    Raises:
        TextError: A symbol is not in the table.
    """
    number_of = {symbol: number for number, symbol in enumerate(table)}
    for symbol in symbols:
        if symbol not in number_of:
            raise TextError(unknown_name("symbol", symbol, table))
    return np.array([number_of[symbol] for symbol in symbols], np.int64)


def check_symbols(table: Sequence[str], name: str) -> None:
    """Refuse a model that was trained on other symbols.

    Raises:
        ArtifactError: The tables differ.
    """
    for place, (theirs, ours) in enumerate(zip(table, SYMBOLS, strict=False)):
        if theirs != ours:
            raise ArtifactError(
                f"model {name!r} has {theirs!r} as symbol {place} and this visemic {ours!r}; "
                "train it again or take the matching release"
            )
    if len(table) != len(SYMBOLS):
        raise ArtifactError(
            f"model {name!r} has {len(table)} symbols and this visemic {len(SYMBOLS)}; train it again "
            "or take the matching release"
        )


def phone_classes(symbols: Sequence[str]) -> Int64[np.ndarray, " symbols"]:
    """Give the mouth class of symbols: rounded 1, spread 2, bilabial 3, wide 4, other 0.

    Source:
        The released Avatron code, its phoneme classes.
    """
    number_of = {p: number + 1 for number, members in enumerate(_CLASS_MEMBERS) for p in members}
    return np.array([number_of.get(symbol, 0) for symbol in symbols], np.int64)


def symbols_of_phones(phones: Sequence[Phone], text: str) -> tuple[str, ...]:
    """Give the symbols of timed phones: pauses become the punctuation that they stand for.

    Args:
        phones: In order, of one sentence.
        text: What is said; its last mark is that of the last pause.
    """
    mark = re.search(r"[.?!](?=[\"'”’)\]\s]*$)", text)
    ending = mark.group() if mark else "."
    symbols = []
    for place, phone in enumerate(phones):
        if phone.label != SILENCE:
            symbols.append(_NEAREST.get(phone.label, phone.label))
        elif place == 0:
            symbols.append(SILENCE)
        else:
            symbols.append(ending if place == len(phones) - 1 else ",")
    return tuple(symbols)


def frames_of_phones(phones: Sequence[Phone], n_frames: int) -> Int64[np.ndarray, " symbols"]:
    """Give the mel frames of timed phones: those whose middles lie inside; the last one fills up.

    Args:
        phones: In order, without gaps.
        n_frames: Mel frames of the clip.
    """
    ends = np.array([MEL_RATE.tick_at(phone.end_s) for phone in phones], np.int64)
    ends = np.clip(ends, 0, n_frames)
    if len(ends):
        ends[-1] = n_frames
    return np.diff(np.maximum.accumulate(ends), prepend=0)


def read_script(text: str, language: str = "en-us") -> tuple[Utterance, ...]:
    """Give the sentences of a text with marks, ready to be spoken one by one.

    Raises:
        TextError: Nothing can be pronounced, a mark is unknown, out of range or not closed, or it
            stands inside a word.

    Example:
        >>> [u.symbols for u in read_script("Go {slow} home. Why?")][1]
        ('SIL', 'W', 'AY', '?')
    """
    plain, tempo_marks, pauses_s = _without_marks(text, language)
    if plain != text and not plain.strip():
        raise TextError("the text is marks without words; give at least one word to say")
    words = spoken_words(plain, language)
    endings = [sentence.ending for sentence in split_sentences(plain, language)]
    utterances = []
    first, speed, is_cut = 0, 1.0, False
    while first < len(words):
        stop = _stretch_end(words, first, pauses_s)
        lead_s = pauses_s.get(first)
        if is_cut and lead_s is not None:
            lead_s = max(0.0, lead_s - _CLOSING_S)
        ending = endings[words[first].sentence_index]
        is_cut = stop < len(words) and words[stop].sentence_index == words[first].sentence_index
        mark = "," if is_cut else ending if ending in ("?", "!") else "."
        tail_s = pauses_s.get(stop) if is_cut or stop == len(words) else None
        if is_cut and tail_s is not None:
            tail_s = min(_CLOSING_S, tail_s)
        edges_s = (lead_s, tail_s)
        utterances.append(_utterance(words[first:stop], first, mark, tempo_marks, pauses_s, edges_s, speed))
        first, speed = stop, utterances[-1].tempo[-1] if is_cut else 1.0
    return tuple(utterances)


def plain_text(text: str, language: str = "en-us") -> str:
    """Give a text without its marks.

    Raises:
        TextError: A mark is unknown, out of range or not closed, or it stands inside a word.
    """
    return _without_marks(text, language)[0].strip()


def _stretch_end(words: Sequence[SpokenWord], first: int, pauses_s: Mapping[int, float]) -> int:
    """Give the word after a sentence, or after a part of one that is too long."""
    sentence = words[first].sentence_index
    stop, paused_s = first, 0.0
    while stop < len(words) and stop - first < MAX_WORDS and words[stop].sentence_index == sentence:
        if stop > first and stop in pauses_s:
            paused_s += pauses_s[stop]
            if pauses_s[stop] >= LONG_PAUSE_S or paused_s > MAX_PAUSES_S:
                return stop
        stop += 1
    if stop == len(words) or words[stop].sentence_index != sentence:
        return stop
    pauses = [n for n in range(first + MAX_WORDS // 2, stop) if words[n].pause_after_s > 0]
    return pauses[-1] + 1 if pauses else stop


def _utterance(
    words: Sequence[SpokenWord],
    first: int,
    ending: str,
    tempo_marks: Mapping[int, float],
    pauses_s: Mapping[int, float],
    edges_s: tuple[float | None, float | None],
    speed: float,
) -> Utterance:
    """Give a stretch; ``edges_s`` are its first and last pause, ``speed`` is that of the words before."""
    symbols: list[str] = [SILENCE]
    word_of: list[int] = [-1]
    tempo: list[float] = [tempo_marks.get(first, speed)]
    fixed_s: list[float | None] = [edges_s[0]]
    for place, word in enumerate(words):
        number = first + place
        speed = tempo_marks.get(number, speed)
        phones = word.pronunciations[0]
        if number in pauses_s and place > 0:
            if symbols[-1] == ",":
                fixed_s[-1] = pauses_s[number]
            else:
                symbols, word_of = [*symbols, ","], [*word_of, -1]
                tempo, fixed_s = [*tempo, speed], [*fixed_s, pauses_s[number]]
        symbols += phones
        word_of += [place] * len(phones)
        tempo += [speed] * len(phones)
        fixed_s += [None] * len(phones)
        if place + 1 == len(words) or word.pause_after_s > 0:
            symbols.append(ending if place + 1 == len(words) else ",")
            word_of.append(-1)
            tempo.append(speed)
            fixed_s.append(None)
    fixed_s[-1] = edges_s[1]
    return Utterance(
        tuple(symbols),
        tuple(word.text for word in words),
        tuple(word_of),
        tuple(tempo),
        tuple(fixed_s),
        tuple(word.token_index for word in words),
        tuple(word.word for word in words),
    )


def _without_marks(text: str, language: str) -> tuple[str, dict[int, float], dict[int, float]]:
    """Take the marks out of a text; they are kept by the number of the spoken word after them."""
    pieces = _MARK.split(text)
    for piece in pieces[::2]:
        if lone := _LONE_BRACKET.search(piece):
            raise TextError(
                f"{lone.group()!r} has a curly bracket without its other half; close the mark, as in "
                "{slow}, or leave the bracket out"
            )
    if len(pieces) == 1:
        return text, {}, {}
    if inside := _INSIDE.search(text):
        raise TextError(f"mark {inside.group()!r} stands inside a word; put marks between words")
    tempo: dict[int, float] = {}
    pauses: dict[int, float] = {}
    n_words = 0
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            n_words += _n_words(piece, language)
            continue
        kind, value = _mark(piece)
        if kind == "pause":
            pauses[n_words] = pauses.get(n_words, 0.0) + value
            if pauses[n_words] > MAX_PAUSE_S:
                raise TextError(
                    f"pauses of {pauses[n_words]:g} s in a row cannot be followed; give at most "
                    f"{MAX_PAUSE_S:g} s between two words"
                )
        else:
            tempo[n_words] = value
    plain = re.sub(r"[ \t]+", " ", _MARK.sub(" ", text))
    plain = re.sub(r" (?=[,.;:?!])", "", plain)
    counted = _n_words(plain, language)
    if counted != n_words:
        raise TextError(
            f"with its marks the text has {n_words} words and without them {counted}; put marks between "
            "words, not inside a number or a name"
        )
    return plain, tempo, pauses


def _n_words(text: str, language: str) -> int:
    try:
        return len(spoken_words(text, language)) if text.strip() else 0
    except VisemicError:
        return 0


def _mark(mark: str) -> tuple[str, float]:
    if mark.lower() in NAMED_TEMPOS:
        return "tempo", NAMED_TEMPOS[mark.lower()]
    kind, _, number = mark.partition(" ")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    limits = {"tempo": (MIN_TEMPO, MAX_TEMPO), "pause": (0.0, MAX_PAUSE_S)}
    if kind.lower() not in limits:
        raise TextError(unknown_name("mark", mark, [*NAMED_TEMPOS, "tempo 0.8", "pause 0.5"]))
    low, high = limits[kind.lower()]
    if not low <= value <= high:
        raise TextError(f"mark {{{mark}}} cannot be followed; give {kind} a number from {low:g} to {high:g}")
    return kind.lower(), value
