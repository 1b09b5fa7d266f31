"""The closed grammar of acting: a sentence for a span, and the span of a sentence.

One sentence can be written in many ways that all read back as the same span. Reading takes the
words it knows in whatever order they come, and keeps the others, so that people may write freely.
"""

import re
from collections.abc import Iterator, Mapping

from visemic.core.acting_note import LIMITS, MAX_TEXT_CHARACTERS, ActionPhrase, Span
from visemic.core.acting_words import (
    FILLERS,
    INNER_DOWN,
    MANNERS,
    NEGATIONS,
    NUMBERS,
    READ_EMOTIONS,
    READ_UNITS,
    SKELETONS,
    Manner,
)
from visemic.core.action_units import (
    AU_SYNONYMS,
    DEGREE_SYNONYMS,
    DEGREES,
    EMOTION_WORDS,
    PLAIN_DEGREE,
    nearest_degree,
)
from visemic.core.errors import InputError

N_TEMPLATES = len(SKELETONS)
"""Ways to build a sentence; each has its own choice of synonyms on top."""
_ARTICLES = ("a ", "an ")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def write_instruction(span: Span, template: int = 0) -> str:
    """Give the sentence of a span.

    Intensities and numbers are written as the nearest words; times and free text are not written.

    Args:
        span: What to say.
        template: Choice of wording, any whole number from 0; 0 is the plain one. The first
            ``N_TEMPLATES`` differ in their build, later ones in their synonyms as well.

    Raises:
        InputError: The template is negative.

    Example:
        >>> write_instruction(Span(0.0, 1.0, "angry", 0.8, (ActionPhrase(4, "very"),), gaze="down"))
        'A very angry person speaks with very lowered brows, looking down.'
    """
    if template < 0:
        raise InputError(f"wording {template} cannot be written; give a whole number from 0 up")
    full, bare = SKELETONS[template % N_TEMPLATES]
    words = template // N_TEMPLATES
    emotion = _emotion_words(span, words)
    actions = [_action_words(action, words) for action in span.actions]
    sentence = (full if actions else bare).format(
        e=emotion, ae=f"{_article(emotion)} {emotion}", l=_listed(actions), m=_manner_words(span, words)
    )
    sentence = sentence[0].upper() + sentence[1:]
    return f"{sentence} ({', '.join(span.unknown)})" if span.unknown else sentence


def parse_instruction(text: str) -> Span:
    """Give the span of a sentence, without a place in time.

    What is named without a degree has that of ``PLAIN_DEGREE``. Words that are not known are kept
    in ``unknown``, and so is what a negation goes before: ``not angry``.

    Raises:
        InputError: The sentence contradicts itself, or is too long.

    Example:
        >>> parse_instruction("A slightly sad, sleepy person speaks, nodding.").unknown
        ('sleepy',)
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InputError(
            f"an instruction of {len(text)} characters cannot be read; give at most {MAX_TEXT_CHARACTERS}"
        )
    reader = _Reader()
    for kind, value, words in _pieces(text):
        reader.take(kind, value, words)
    return reader.span()


def action_words(action: ActionPhrase) -> str:
    """Give an action in words, such as ``very lowered brows``."""
    return _action_words(action, 0)


def vocabulary() -> tuple[str, ...]:
    """Give every word that ``write_instruction`` may use at any template, in alphabetical order."""
    texts = [part for pair in SKELETONS for part in pair]
    for table in (EMOTION_WORDS, DEGREE_SYNONYMS, AU_SYNONYMS):
        texts += [phrase for phrases in table.values() for phrase in phrases]
    texts += [phrase for manner in MANNERS.values() for phrases in manner.values() for phrase in phrases]
    plain = re.sub(r"\{\w+\}", " ", " ".join([*texts, "a an and"]))
    return tuple(sorted(set(_WORD.findall(plain.lower()))))


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def _chosen(words: tuple[str, ...], number: int) -> str:
    return words[number % len(words)]


def _emotion_words(span: Span, number: int) -> str:
    quiet = span.emotion == "neutral" or span.intensity < min(DEGREES.values()) / 2
    if quiet:
        return _chosen(EMOTION_WORDS["neutral"], number)
    degree = _chosen(DEGREE_SYNONYMS[nearest_degree(span.intensity)], number)
    return f"{degree} {_chosen(EMOTION_WORDS[span.emotion], number)}"


def _action_words(action: ActionPhrase, number: int) -> str:
    phrase = _chosen(AU_SYNONYMS[action.unit], number)
    degree = _chosen(DEGREE_SYNONYMS[action.degree], number)
    for article in _ARTICLES:
        if phrase.startswith(article):
            return f"{_article(degree)} {degree} {phrase.removeprefix(article)}"
    return f"{degree} {phrase}"


def _listed(items: list[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _manner_words(span: Span, number: int) -> str:
    clauses = []
    for name, phrases in MANNERS.items():
        value = getattr(span, name)
        if value is None or value == "":
            continue
        key = value if isinstance(value, str) else min(phrases, key=lambda step: abs(float(step) - value))
        clauses.append(_chosen(phrases[key], number))
    return "".join(f", {clause}" for clause in clauses)


def _phrase_table() -> Mapping[tuple[str, ...], tuple[str, object]]:
    table: dict[tuple[str, ...], tuple[str, object]] = {(word,): ("filler", None) for word in FILLERS}

    def add(kind: str, value: object, phrase: str) -> None:
        words = _WORD.findall(phrase)
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


def _pieces(text: str) -> Iterator[tuple[str, object, str]]:
    """Give what a sentence is made of, the longest known phrases first."""
    words = _WORD.findall(text.lower())
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST, len(words) - at), 0, -1):
            found = _TABLE.get(tuple(words[at : at + length]))
            if found is not None:
                break
        kind, value = found or ("unknown", None)
        yield kind, value, " ".join(words[at : at + length])
        at += length


class _Reader:
    """Collects the pieces of one sentence."""

    def __init__(self) -> None:
        self._emotion: tuple[str, float] | None = None
        self._actions: dict[int, str] = {}
        self._manner: dict[str, str | float] = {}
        self._unknown: list[str] = []
        self._degree, self._degree_word, self._negation = "", "", ""
        self._inner_is_down = False

    def take(self, kind: str, value: object, words: str) -> None:
        """Take the next piece."""
        if kind == "filler":
            if words not in ("a", "an", "the"):
                self._drop()
        elif kind == "degree":
            self._degree, self._degree_word = str(value), words
        elif kind == "negation":
            self._drop()
            self._negation = words
        elif kind == "unknown" or self._negation:
            before = [part for part in (self._negation, self._degree_word) if part]
            self._unknown.append(" ".join([*before, words]))
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
            self._inner_is_down |= words == INNER_DOWN
            for unit in value:
                before = self._actions.setdefault(unit, degree or PLAIN_DEGREE)
                if before != (degree or PLAIN_DEGREE):
                    raise InputError(
                        f"the instruction asks for {before} and {degree or PLAIN_DEGREE} {words}; keep one"
                    )
        else:
            emotion = str(value)
            intensity = 0.0 if emotion == "neutral" else DEGREES[degree or PLAIN_DEGREE]
            if self._emotion is not None and self._emotion[0] != emotion:
                raise InputError(
                    f"the instruction names two emotions, {self._emotion[0]!r} and {emotion!r}; "
                    "give each a span of its own"
                )
            if self._emotion is None or degree:
                self._emotion = (emotion, intensity)

    def _drop(self) -> None:
        """Keep a degree or a negation that nothing came after."""
        left = [part for part in (self._negation, self._degree_word) if part]
        if left:
            self._unknown.append(" ".join(left))
        self._forget()

    def _forget(self) -> None:
        self._degree, self._degree_word, self._negation = "", "", ""

    def span(self) -> Span:
        """Give what was collected."""
        self._drop()
        if self._inner_is_down and 1 in self._actions:
            raise InputError("the instruction asks for inner brows both raised and lowered; keep one")
        emotion, intensity = self._emotion or ("neutral", 0.0)
        actions = tuple(ActionPhrase(unit, degree) for unit, degree in self._actions.items())
        words = {name: value for name, value in self._manner.items() if name not in LIMITS}
        numbers = {name: float(value) for name, value in self._manner.items() if name in LIMITS}
        return Span(
            0.0,
            0.0,
            emotion,
            intensity,
            actions,
            gaze=str(words.get("gaze", "")),
            head=str(words.get("head", "")),
            blink=numbers.get("blink"),
            brows=numbers.get("brows"),
            tempo=numbers.get("tempo"),
            unknown=tuple(dict.fromkeys(self._unknown)),
        )
