"""Short phrases of our own: a small grammar and word list that meet every English phoneme.

Phrases are made, not found: they are free of anybody's rights, as many as wanted, and the
same from the same seed.
"""

from collections.abc import Collection

import numpy as np

from visemic.core.errors import InputError

MIN_WORDS, MAX_WORDS = 3, 10
"""Length of the phrases of Korzun et al. 2022."""

_TRIALS = 200

_LISTS = {
    "DET": "the a this that my your every another",
    "DETS": "the those these some many few our their",
    "ADJ": (
        "brave warm purple quiet huge tiny clever lazy muddy smooth fresh bitter yellow gentle orange shy "
        "foggy velvet broken famous cheap rough thin bright useful"
    ),
    "NOUN": (
        "baker mother puppy farmer village window bottle bridge river mountain thumb measure feather jungle "
        "pepper camera teacher kitchen garage vision judge voyage boy house zebra mouth oyster spoon "
        "chimney earth king path poem movie book wolf"
    ),
    "NOUNS": (
        "babies maps pies foxes waves teeth ships cheeses watches oranges guitars beavers puddles boxes "
        "thoughts leaves engines cushions towers mice plums berries lamps songs wheels"
    ),
    "VERB": (
        "paints moves finds hears chooses shakes follows measures pushes washes breathes borrows forgets "
        "joins keeps opens thanks visits watches imagines carries employs"
    ),
    "VERBS": (
        "push jump vanish bloom whisper move arrive bubble shine cough gather freeze laugh sing choose "
        "change improve appear wobble hide"
    ),
    "ORDER": "bring place lay set put bind show push pass give move fetch",
    "COLOUR": "blue green red white brown pink black yellow",
    "PREP": "by near under over behind with above below beside from through",
    "ADV": "now soon again please maybe softly often never gladly usually",
    "NUMBER": "zero one two three four five six seven eight nine twelve forty",
    "LETTER": "a b c d e f g h i j k l m n o p q r s t u v x y z",
    "PLACE": "home outside upstairs tomorrow downtown abroad today",
    "PRON": "we they you",
    "HEAD": "she he nobody everybody",
}
_WORDS = {group: tuple(listed.split()) for group, listed in _LISTS.items()}
_RULES = {
    "PHRASE": (
        "ORDER COLOUR PREP LETTER NUMBER ADV",
        "THING VERB THINGS",
        "THING VERB THINGS WHERE",
        "THINGS VERBS ADV",
        "THINGS VERBS WHERE",
        "PRON VERBS PREP THINGS",
        "HEAD VERB THING ADV",
        "HEAD VERB THINGS and VERB THING",
        "why would PRON VERBS WHERE",
        "how many NOUNS VERBS PLACE",
        "PRON VERBS NUMBER NOUNS PLACE",
        "please ORDER THING WHERE",
        "NUMBER ADJ NOUNS VERBS ADV",
    ),
    "THING": ("DET NOUN", "DET ADJ NOUN"),
    "THINGS": ("DETS NOUNS", "DETS ADJ NOUNS", "ADJ NOUNS"),
    "WHERE": ("PREP THING", "PREP THINGS", "PLACE"),
}


def phrases(n_phrases: int, generator: np.random.Generator, *, without: Collection[str] = ()) -> list[str]:
    """Give different phrases of 3 to 10 words.

    Args:
        n_phrases: How many; the grammar holds millions.
        generator: Source of chance; more phrases begin with the same ones.
        without: Phrases that are not to be given again.

    Raises:
        InputError: The number is negative.

    Example:
        >>> len(set(phrases(100, np.random.default_rng(0))))
        100
    """
    if n_phrases < 0:
        raise InputError(f"{n_phrases} phrases cannot be made; give 0 or more")
    found: dict[str, None] = {}
    for _ in range(_TRIALS * n_phrases):
        if len(found) == n_phrases:
            break
        words = _grow("PHRASE", generator)
        text = " ".join(words)
        text = text[0].upper() + text[1:] + ("?" if words[0] in ("why", "how") else ".")
        if MIN_WORDS <= len(words) <= MAX_WORDS and text not in without:
            found[text] = None
    if len(found) < n_phrases:
        raise InputError(f"{n_phrases} different phrases are more than the grammar has; ask for fewer")
    return list(found)


def words() -> tuple[str, ...]:
    """Give every word of the list."""
    return tuple(word for group in _WORDS.values() for word in group)


def _grow(symbol: str, generator: np.random.Generator) -> list[str]:
    if symbol in _WORDS:
        return [_WORDS[symbol][generator.integers(len(_WORDS[symbol]))]]
    if symbol not in _RULES:
        return [symbol]
    rule = _RULES[symbol][generator.integers(len(_RULES[symbol]))]
    return [word for part in rule.split() for word in _grow(part, generator)]
