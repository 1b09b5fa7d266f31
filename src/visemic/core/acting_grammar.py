"""The closed grammar of acting: a sentence for a span, and the span of a sentence.

One sentence can be written in many ways that all read back as the same span. Reading takes the
words it knows in whatever order they come, and keeps the others, so that people may write freely.
"""

import json
import re
from collections.abc import Sequence

from visemic.core.acting_note import MAX_TEXT_CHARACTERS, ActionPhrase, Span
from visemic.core.acting_reader import WORD, Reader, pieces
from visemic.core.acting_words import MANNERS, SKELETONS
from visemic.core.action_units import (
    AU_SYNONYMS,
    DEGREE_SYNONYMS,
    DEGREES,
    EMOTION_WORDS,
    nearest_degree,
)
from visemic.core.errors import InputError

N_TEMPLATES = len(SKELETONS)
"""Ways to build a sentence; each has its own choice of synonyms on top."""
_ARTICLES = ("a ", "an ")
_LEFT_ASIDE = re.compile(r'\s*\("(?:[^"\\]|\\.)*"(?:, ?"(?:[^"\\]|\\.)*")*\)')
"""Unknown words at the end of a sentence: JSON strings, which are never read as grammar."""


def write_instruction(span: Span, template: int = 0) -> str:
    """Give the sentence of a span.

    Intensities and numbers are written as the nearest words; times and free text are not written.
    Unknown words follow as JSON strings in brackets.

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
    return f"{sentence} ({', '.join(map(json.dumps, span.unknown))})" if span.unknown else sentence


def parse_instruction(text: str) -> Span:
    """Give the span of a sentence, without a place in time.

    What is named without a degree has that of ``PLAIN_DEGREE``. Words that are not known are kept
    in ``unknown``, and so is what a negation goes before: ``not angry``. It reaches over other
    words to the first thing that is known, or to a mark, ``but`` or ``and``.

    Raises:
        InputError: The sentence contradicts itself, or is too long.

    Example:
        >>> parse_instruction("A slightly sad, sleepy person speaks, nodding.").unknown
        ('sleepy',)
    """
    said, unknown, after = split_unknown(text)
    if after:
        said, unknown = text, ()
    _check_length(said)
    reader = Reader()
    for piece in pieces(said):
        reader.take(*piece)
    return reader.span(unknown)


def split_unknown(text: str) -> tuple[str, tuple[str, ...], str]:
    """Give a sentence, the words that it leaves aside in brackets, and what comes after these.

    Example:
        >>> split_unknown('A sad person speaks. ("sleepy", "old") "as if"')
        ('A sad person speaks.', ('sleepy', 'old'), ' "as if"')
    """
    at = text.find('("')
    found = _LEFT_ASIDE.match(text, at) if at >= 0 else None
    if found is None:
        return text, (), ""
    try:
        words = json.loads(f"[{found[0].strip()[1:-1]}]", strict=False)
    except ValueError:
        return text, (), ""
    return text[:at].rstrip(), tuple(words), text[found.end() :]


def parse_actions(phrases: Sequence[str]) -> tuple[tuple[ActionPhrase, ...], tuple[str, ...]]:
    """Give the actions that some phrases name together, and the words of them that name none.

    A phrase without any action is kept as a whole.

    Raises:
        InputError: They contradict themselves or one another, or one is too long.

    Example:
        >>> parse_actions(["very lowered brows, looking down", "ears"])[1]
        ('looking down', 'ears')
    """
    reader = Reader(has_units_alone=True)
    unknown: list[str] = []
    for phrase in phrases:
        _check_length(phrase)
        for piece in pieces(phrase):
            reader.take(*piece)
        names_unit, left = reader.end_phrase()
        unknown += left if names_unit else [phrase]
    return reader.actions(), tuple(unknown)


def lowers_inner_brows(text: str) -> bool:
    """Say whether a text asks for lowered inner brows, which a span knows as lowered brows only."""
    reader = Reader(has_units_alone=True)
    for piece in pieces(text):
        reader.take(*piece)
    return reader.inner_is_down


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InputError(
            f"an instruction of {len(text)} characters cannot be read; give at most {MAX_TEXT_CHARACTERS}"
        )


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
    return tuple(sorted(set(WORD.findall(plain.lower()))))


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
