"""Reading by the acting grammar: words into known pieces, and pieces into what a span says."""

import difflib
import re
from collections.abc import Iterator, Mapping

from visemic.core.acting_note import LIMITS, ActionPhrase, Span
from visemic.core.acting_words import (
    FILLERS,
    INNER_DOWN,
    MANNERS,
    NEGATIONS,
    NOT,
    NUMBERS,
    OR,
    READ_EMOTIONS,
    READ_UNITS,
    STOPS,
    TURNS,
    Manner,
)
from visemic.core.action_units import (
    AU_SYNONYMS,
    DEGREE_SYNONYMS,
    DEGREES,
    EMOTION_NAMES,
    EMOTION_WORDS,
    PLAIN_DEGREE,
)
from visemic.core.errors import InputError, shown

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_TOKEN = re.compile(rf"{WORD.pattern}|[{STOPS}]")
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ＇‘`´", "'"))


def _phrase_table() -> Mapping[tuple[str, ...], tuple[str, object]]:
    table: dict[tuple[str, ...], tuple[str, object]] = {(word,): ("filler", None) for word in FILLERS}

    def add(kind: str, value: object, phrase: str) -> None:
        words = WORD.findall(phrase)
        table[tuple(words[1:] if words[0] in ("a", "an") else words)] = (kind, value)

    for word in NEGATIONS:
        add("negation", None, word)
    for degree, synonyms in DEGREE_SYNONYMS.items():
        for word in synonyms:
            add("degree", degree, word)
    for emotion, adjectives in EMOTION_WORDS.items():
        for word in (*adjectives, *READ_EMOTIONS.get(emotion, ())):
            add("emotion", emotion, word)
    for unit, phrases in AU_SYNONYMS.items():
        for phrase in phrases:
            add("units", (unit,), phrase)
    for phrase, units in READ_UNITS.items():
        add("units", units, phrase)
    for name, choices in MANNERS.items():
        for value, phrases in choices.items():
            for phrase in phrases:
                add("manner", Manner(name, float(value) if name in NUMBERS else value), phrase)
    return table


_TABLE = _phrase_table()
_LONGEST = max(len(words) for words in _TABLE)


def pieces(text: str) -> Iterator[tuple[str, object, str]]:
    """Give what a sentence is made of, the longest known phrases first."""
    words = _TOKEN.findall(text.translate(_APOSTROPHES).lower())
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST, len(words) - at), 0, -1):
            found = _TABLE.get(tuple(words[at : at + length]))
            if found is not None:
                break
        kind, value = found or (_kind(words[at]), None)
        yield kind, value, " ".join(words[at : at + length])
        at += length


def _kind(word: str) -> str:
    if word in STOPS:
        return "stop"
    return "negation" if word.endswith(NOT) else "unknown"


class Reader:
    """Collects the pieces of one sentence."""

    def __init__(self, *, has_units_alone: bool = False) -> None:
        self._has_units_alone = has_units_alone
        """Whether all but action units counts as unknown."""
        self._emotion: tuple[str, str] | None = None
        self._actions: dict[int, str] = {}
        self._manner: dict[str, str | float] = {}
        self._unknown: list[str] = []
        self._degree, self._degree_word = "", ""
        self._negation: list[str] = []
        self._denies_on = False
        """Whether something was just denied, so that an ``or`` denies on."""
        self._names_unit = False
        self.inner_is_down = False

    def take(self, kind: str, value: object, words: str) -> None:
        """Take the next piece."""
        denies_on, self._denies_on = self._denies_on, False
        if kind == "stop":
            if self._negation:
                self._drop()
        elif kind == "filler":
            is_turn = words in TURNS
            if is_turn or not (self._negation or words in ("a", "an", "the")):
                self._drop()
            self._denies_on = denies_on and not is_turn
        elif words == OR and denies_on:
            self._negation = [NEGATIONS[0]]
        elif kind == "degree" and not self._negation:
            self._degree, self._degree_word = str(value), words
        elif kind == "negation":
            self._drop()
            self._negation = [words]
        elif self._negation:
            self._negation.append(words)
            if kind not in ("degree", "unknown"):
                self._drop()
                self._denies_on = True
        elif kind == "unknown" or (self._has_units_alone and kind != "units"):
            self._unknown.append(f"{self._degree_word} {words}".strip())
            self._forget()
        else:
            degree = self._degree
            self._forget()
            self._follow(value, degree, words)

    def _follow(self, value: object, degree: str, words: str) -> None:
        if isinstance(value, Manner):
            before = self._manner.setdefault(value.name, value.value)
            if before != value.value:
                raise InputError(
                    f"the instruction asks for {value.name} {before} and {value.value}; keep one"
                )
        elif isinstance(value, tuple):
            self._names_unit = True
            self.inner_is_down |= words == INNER_DOWN
            for unit in value:
                before = self._actions.setdefault(unit, degree or PLAIN_DEGREE)
                if before != (degree or PLAIN_DEGREE):
                    raise InputError(
                        f"the instruction asks for {before} and {degree or PLAIN_DEGREE} {words}; keep one"
                    )
        else:
            self._feel(str(value), degree)

    def _feel(self, emotion: str, degree: str) -> None:
        before, degree_before = self._emotion or (emotion, "")
        if before != emotion:
            raise InputError(
                f"the instruction names two emotions, {before!r} and {emotion!r}; give each a span of its own"
            )
        if degree and degree_before and degree != degree_before:
            raise InputError(f"the instruction asks for {degree_before} and {degree} {emotion}; keep one")
        self._emotion = (emotion, degree or degree_before)

    def _drop(self) -> None:
        """Keep as unknown a degree or a negation, with what it denies."""
        left = [*self._negation, *([self._degree_word] if self._degree_word else [])]
        if left:
            self._unknown.append(" ".join(left))
        self._forget()

    def _forget(self) -> None:
        self._degree, self._degree_word, self._negation = "", "", []

    def end_phrase(self) -> tuple[bool, list[str]]:
        """Say whether the phrase since the last call names a unit, and what it left unknown."""
        self._drop()
        found = self._names_unit, self._unknown
        self._names_unit, self._unknown, self._denies_on = False, [], False
        return found

    def actions(self) -> tuple[ActionPhrase, ...]:
        """Give the action units that were named.

        Raises:
            InputError: Inner brows should go both ways.
        """
        if self.inner_is_down and 1 in self._actions:
            raise InputError("the instruction asks for inner brows both raised and lowered; keep one")
        return tuple(ActionPhrase(unit, degree) for unit, degree in self._actions.items())

    def span(self, unknown: tuple[str, ...] = ()) -> Span:
        """Give what was collected.

        Args:
            unknown: Words that were left aside in brackets.
        """
        self._drop()
        emotion, degree = self._emotion or ("neutral", "")
        intensity = 0.0 if emotion == "neutral" else DEGREES[degree or PLAIN_DEGREE]
        words = {name: value for name, value in self._manner.items() if name not in LIMITS}
        numbers = {name: float(value) for name, value in self._manner.items() if name in LIMITS}
        return Span(
            0.0,
            0.0,
            emotion,
            intensity,
            self.actions(),
            gaze=str(words.get("gaze", "")),
            head=str(words.get("head", "")),
            blink=numbers.get("blink"),
            brows=numbers.get("brows"),
            tempo=numbers.get("tempo"),
            unknown=tuple(dict.fromkeys((*self._unknown, *unknown))),
        )


def emotion_of(word: str) -> str:
    """Give the emotion that a word stands for, in any case of its letters.

    Raises:
        InputError: It stands for none.

    Example:
        >>> emotion_of("Joyful")
        'happy'
    """
    plain = word.strip().lower()
    if plain in EMOTION_NAMES:
        return plain
    kind, value = _TABLE.get((plain,), ("", None))
    if kind == "emotion":
        return str(value)
    known = [words[0] for words, (kind, _) in _TABLE.items() if kind == "emotion" and len(words) == 1]
    asked = plain[:80]
    near = [
        *difflib.get_close_matches(asked, EMOTION_NAMES, n=1, cutoff=0.5),
        *difflib.get_close_matches(asked, known, n=1, cutoff=0.7),
    ]
    listed = ", ".join(EMOTION_NAMES)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {listed}"
    raise InputError(f"no emotion {shown(word)} among {len(EMOTION_NAMES)} emotions; {hint}")
