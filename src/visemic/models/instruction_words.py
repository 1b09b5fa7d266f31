"""Words of the small writer and the only sentences it may write.

The grammar is taken from the writer of ``core.acting_grammar`` itself: the plain wording, action
units in the order of their numbers, each once, none against another. After any beginning it says
which words may come next, so that whatever a network prefers, what it writes can be read back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from jaxtyping import Bool

from visemic.core.acting_grammar import action_words, parse_instruction, vocabulary, write_instruction
from visemic.core.acting_note import GAZES, HEADS, ActionPhrase, Span
from visemic.core.acting_words import MANNERS, NUMBERS
from visemic.core.action_units import AU_PHRASES, DEGREES, EMOTION_NAMES, OPPOSITES
from visemic.core.errors import InputError

PAD, BEGIN, UNKNOWN = "<pad>", "<begin>", "<unknown>"
WORDS: tuple[str, ...] = (PAD, BEGIN, UNKNOWN, ".", ",", ";", ":", *vocabulary())
"""Tokens by number; the paragraph's end is the full stop."""
NUMBER_OF = {word: number for number, word in enumerate(WORDS)}
PAD_TOKEN, BEGIN_TOKEN, END_TOKEN = NUMBER_OF[PAD], NUMBER_OF[BEGIN], NUMBER_OF["."]
MAX_ACTIONS = 8
"""Action units of a sentence; a face of more is not one that people can picture."""
MAX_TOKENS = 96
"""Longer than any sentence of the grammar."""
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.,;:]")
_OPPOSED = frozenset(frozenset(pair) for pair in OPPOSITES)

Words = tuple[str, ...]


def tokens_of(text: str) -> list[int]:
    """Give the tokens of a sentence, without a beginning; a word that is not known stays unknown.

    Example:
        >>> " ".join(WORDS[token] for token in tokens_of("An angry person speaks."))
        'an angry person speaks .'
    """
    return [NUMBER_OF.get(word, NUMBER_OF[UNKNOWN]) for word in _TOKEN.findall(text.lower())]


def text_of(tokens: Sequence[int]) -> str:
    """Give the sentence of tokens up to its full stop.

    Example:
        >>> text_of(tokens_of("A very sad person speaks, looking down."))
        'A very sad person speaks, looking down.'
    """
    words: list[str] = []
    for token in tokens:
        if token in (PAD_TOKEN, BEGIN_TOKEN):
            continue
        words.append(WORDS[token])
        if token == END_TOKEN:
            break
    text = re.sub(r" ([.,;:])", r"\1", " ".join(words))
    return text[:1].upper() + text[1:]


def plain_text(span: Span) -> str:
    """Give the sentence that the small writer would have to write for a span.

    Units come in the order of their numbers; the strongest are kept where there are too many.
    """
    strongest = sorted(span.actions, key=lambda action: (-action.gain, action.unit))[:MAX_ACTIONS]
    actions = tuple(sorted(strongest, key=lambda action: action.unit))
    return write_instruction(replace(span, actions=actions, unknown=()))


def plain_caption(text: str) -> str:
    """Give an instruction of any wording in the plain one.

    Raises:
        InputError: It contradicts itself.
    """
    return plain_text(parse_instruction(text))


@dataclass(frozen=True, slots=True)
class _Slot:
    """Between two phrases of a sentence."""

    name: str
    """open, begun, item, listed, after, end."""
    units: tuple[int, ...] = ()
    is_last: bool = False
    """The item after ``and``."""
    n_manners: int = 0
    """How many kinds of manner can no longer come."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sentence stands: a slot and the words of the phrase begun there."""

    slot: _Slot = _Slot("open")
    begun: Words = ()

    @property
    def is_end(self) -> bool:
        """Whether the sentence is whole."""
        return self.slot.name == "end"


START = Place()


def next_places(place: Place) -> dict[int, Place]:
    """Give the tokens that may come next, each with where the sentence then stands."""
    return _next_places(place)


@lru_cache(maxsize=50_000)
def _next_places(place: Place) -> dict[int, Place]:
    found: dict[int, Place] = {}
    n = len(place.begun)
    for words, slot in _choices(place.slot):
        if len(words) > n and words[:n] == place.begun:
            is_whole = len(words) == n + 1
            token = NUMBER_OF[words[n]]
            found[token] = Place(slot) if is_whole else Place(place.slot, words[: n + 1])
    return found


@lru_cache(maxsize=50_000)
def may_follow(place: Place) -> Bool[np.ndarray, " words"]:
    """Say for each of ``WORDS`` whether it may come next."""
    allowed = np.zeros(len(WORDS), bool)
    allowed[list(next_places(place))] = True
    allowed.flags.writeable = False
    return allowed


def place_after(tokens: Sequence[int]) -> Place:
    """Give where a sentence stands after tokens.

    Raises:
        InputError: One of them may not stand where it stands.
    """
    place = START
    for number, token in enumerate(tokens):
        following = next_places(place)
        if token not in following:
            raise InputError(
                f"token {number} of the instruction is {WORDS[token]!r}, which the grammar does not allow "
                "there; begin again with what it allows"
            )
        place = following[token]
    return place


@lru_cache(maxsize=4_096)
def _choices(slot: _Slot) -> tuple[tuple[Words, _Slot], ...]:
    """Give the phrases that may come in a slot; none begins as another one ends."""
    if slot.name == "open":
        return tuple((words, _Slot("begun")) for words in _openings())
    if slot.name == "begun":
        return ((("with",), _Slot("item")), *_endings(_Slot("begun")))
    if slot.name == "item":
        return tuple(_items(slot))
    if slot.name == "listed":
        return tuple(_after_item(slot))
    if slot.name == "after":
        return tuple(_endings(slot))
    return ()


def _openings() -> list[Words]:
    spans = [Span(0.0, 0.0)]
    spans += [
        Span(0.0, 0.0, emotion, gain)
        for emotion in EMOTION_NAMES
        for gain in DEGREES.values()
        if emotion != "neutral"
    ]
    return [_words(write_instruction(span))[:-1] for span in spans]


def _items(slot: _Slot) -> list[tuple[Words, _Slot]]:
    found = []
    for unit in _units_after(slot.units):
        units = (*slot.units, unit)
        # A comma before an item promises one more after it.
        if slot.units and not slot.is_last and not _can_grow(units):
            continue
        for degree in DEGREES:
            words = _action_tokens(unit, degree)
            found.append((words, _Slot("after" if slot.is_last else "listed", units)))
    return found


@cache
def _action_tokens(unit: int, degree: str) -> Words:
    return _words(action_words(ActionPhrase(unit, degree)))


def _after_item(slot: _Slot) -> list[tuple[Words, _Slot]]:
    found = _endings(slot) if len(slot.units) == 1 else []
    if _can_grow(slot.units):
        found.append((("and",), _Slot("item", slot.units, is_last=True)))
    # The comma of a list and that of a manner are one token: what comes after it decides.
    return found + [((",", *words), after) for words, after in _items(_Slot("item", slot.units))]


def _endings(slot: _Slot) -> list[tuple[Words, _Slot]]:
    found: list[tuple[Words, _Slot]] = [((".",), _Slot("end"))]
    found += [((",", *words), after) for words, after in _manners(slot)]
    return found


def _manners(slot: _Slot) -> list[tuple[Words, _Slot]]:
    found = []
    names = tuple(MANNERS)
    for number in range(slot.n_manners, len(names)):
        for words in _manner_phrases(names[number]):
            found.append((words, _Slot("after", slot.units, n_manners=number + 1)))
    return found


@lru_cache
def _manner_phrases(name: str) -> tuple[Words, ...]:
    plain = len(_words(write_instruction(Span(0.0, 0.0)))) - 1
    values: Sequence[str | float] = {"gaze": GAZES, "head": HEADS}.get(name, ())
    if name in NUMBERS:
        values = [float(value) for value in MANNERS[name]]
    spans = [replace(Span(0.0, 0.0), **{name: value}) for value in values]  # type: ignore[arg-type]
    return tuple(_words(write_instruction(span))[plain + 1 : -1] for span in spans)


def _units_after(units: tuple[int, ...]) -> list[int]:
    if len(units) >= MAX_ACTIONS:
        return []
    last = units[-1] if units else 0
    return [
        unit
        for unit in AU_PHRASES
        if unit > last and not any(frozenset((unit, other)) in _OPPOSED for other in units)
    ]


def _can_grow(units: tuple[int, ...]) -> bool:
    return bool(_units_after(units))


def _words(text: str) -> Words:
    return tuple(_TOKEN.findall(text.lower()))
