"""How English words are pronounced.

The CMU dictionary that travels inside the pocketsphinx wheel comes first; it is searched
as sorted bytes, so that nothing has to be built at start. A word that it lacks is taken
apart (endings, prefixes, compounds), and only then read by its letters.

Pronunciations are ARPAbet without stress: this edition of the dictionary has no stress
digits, and stress comes from the voice.
"""

import importlib.util
import re
from functools import lru_cache
from pathlib import Path

from visemic.core.errors import ArtifactError, TextError
from visemic.text import g2p
from visemic.text.visemes import SIBILANTS, VOICELESS, VOWELS

Pronunciation = tuple[str, ...]

LICENCE = "CMU Pronouncing Dictionary: BSD-2-Clause style, Carnegie Mellon University"

LETTER_NAMES: dict[str, Pronunciation] = {
    "a": ("EY",), "b": ("B", "IY"), "c": ("S", "IY"), "d": ("D", "IY"), "e": ("IY",), "f": ("EH", "F"),
    "g": ("JH", "IY"), "h": ("EY", "CH"), "i": ("AY",), "j": ("JH", "EY"), "k": ("K", "EY"),
    "l": ("EH", "L"), "m": ("EH", "M"), "n": ("EH", "N"), "o": ("OW",), "p": ("P", "IY"),
    "q": ("K", "Y", "UW"), "r": ("AA", "R"), "s": ("EH", "S"), "t": ("T", "IY"), "u": ("Y", "UW"),
    "v": ("V", "IY"), "w": ("D", "AH", "B", "AH", "L", "Y", "UW"), "x": ("EH", "K", "S"),
    "y": ("W", "AY"), "z": ("Z", "IY"),
}  # fmt: skip

_PREFIXES: dict[str, Pronunciation] = {
    "un": ("AH", "N"), "re": ("R", "IY"), "pre": ("P", "R", "IY"), "non": ("N", "AA", "N"),
    "anti": ("AE", "N", "T", "IY"), "multi": ("M", "AH", "L", "T", "IY"), "semi": ("S", "EH", "M", "IY"),
    "super": ("S", "UW", "P", "ER"), "hyper": ("HH", "AY", "P", "ER"), "micro": ("M", "AY", "K", "R", "OW"),
    "mega": ("M", "EH", "G", "AH"), "mini": ("M", "IH", "N", "IY"), "over": ("OW", "V", "ER"),
    "under": ("AH", "N", "D", "ER"), "out": ("AW", "T"), "co": ("K", "OW"), "de": ("D", "IY"),
    "dis": ("D", "IH", "S"), "mis": ("M", "IH", "S"), "sub": ("S", "AH", "B"), "auto": ("AO", "T", "OW"),
    "bio": ("B", "AY", "OW"), "cyber": ("S", "AY", "B", "ER"), "inter": ("IH", "N", "T", "ER"),
    "nano": ("N", "AE", "N", "OW"), "neuro": ("N", "UH", "R", "OW"), "post": ("P", "OW", "S", "T"),
    "pseudo": ("S", "UW", "D", "OW"), "tele": ("T", "EH", "L", "AH"), "ultra": ("AH", "L", "T", "R", "AH"),
}  # fmt: skip

_SUFFIXES: dict[str, Pronunciation] = {
    "ization": ("AH", "Z", "EY", "SH", "AH", "N"), "ness": ("N", "AH", "S"), "less": ("L", "AH", "S"),
    "ful": ("F", "AH", "L"), "ment": ("M", "AH", "N", "T"), "ize": ("AY", "Z"), "ise": ("AY", "Z"),
    "ship": ("SH", "IH", "P"), "hood": ("HH", "UH", "D"), "like": ("L", "AY", "K"), "wise": ("W", "AY", "Z"),
    "ward": ("W", "ER", "D"), "able": ("AH", "B", "AH", "L"), "ing": ("IH", "NG"), "in'": ("IH", "N"),
    "ish": ("IH", "SH"), "est": ("AH", "S", "T"), "ism": ("IH", "Z", "AH", "M"), "ist": ("AH", "S", "T"),
    "ly": ("L", "IY"), "er": ("ER",), "or": ("ER",), "y": ("IY",),
}  # fmt: skip

# Words younger than the dictionary, and sounds that are written without a vowel.
_NEWER: dict[str, Pronunciation] = {
    "ascii": ("AE", "S", "K", "IY"), "async": ("EY", "S", "IH", "NG", "K"), "brr": ("B", "ER"),
    "covid": ("K", "OW", "V", "IH", "D"), "espeak": ("IY", "S", "P", "IY", "K"),
    "gif": ("G", "IH", "F"), "grr": ("G", "ER"), "hmm": ("HH", "AH", "M"),
    "json": ("JH", "EY", "S", "AH", "N"),
    "jupyter": ("JH", "UW", "P", "IH", "T", "ER"),
    "kubernetes": ("K", "UW", "B", "ER", "N", "EH", "T", "IY", "Z"),
    "linux": ("L", "IH", "N", "AH", "K", "S"), "meme": ("M", "IY", "M"),
    "numpy": ("N", "AH", "M", "P", "AY"), "pfft": ("P", "F", "AH", "T"), "pst": ("P", "S", "T"),
    "psst": ("P", "S", "T"), "selfie": ("S", "EH", "L", "F", "IY"), "vegan": ("V", "IY", "G", "AH", "N"),
    "viseme": ("V", "IH", "Z", "IY", "M"), "visemic": ("V", "IH", "Z", "IY", "M", "IH", "K"),
    "wiki": ("W", "IH", "K", "IY"), "youtuber": ("Y", "UW", "T", "UW", "B", "ER"),
    "zzz": ("Z",), "tsk": ("T", "IH", "S", "K"), "vlog": ("V", "L", "AO", "G"),
}  # fmt: skip

# Verbs with their clitics; the dictionary has most, the rest follow from these.
_CLITICS: dict[str, Pronunciation] = {
    "'ll": ("AH", "L"), "'re": ("ER",), "'ve": ("V",), "'d": ("D",), "'m": ("M",), "n't": ("AH", "N", "T"),
}  # fmt: skip


def dictionary_path() -> Path:
    """Give the path of the CMU dictionary.

    Raises:
        ArtifactError: The pocketsphinx package is not installed.
    """
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        raise ArtifactError(
            "no English dictionary: package 'pocketsphinx' is missing; run pip install pocketsphinx"
        )
    return Path(spec.submodule_search_locations[0]) / "model" / "en-us" / "cmudict-en-us.dict"


@lru_cache(maxsize=1)
def _dictionary() -> bytes:
    return b"\n" + dictionary_path().read_bytes().rstrip(b"\n") + b"\n"


def _word_at(data: bytes, start: int) -> bytes:
    """Give the headword of the line that begins at ``start``, without its variant number."""
    head = data[start : data.index(b" ", start)]
    return head.partition(b"(")[0]


def _look_up(word: str) -> tuple[Pronunciation, ...]:
    """Search the sorted bytes; variants of a word are neighbours in it."""
    try:
        key = word.encode("ascii")
    except UnicodeEncodeError:
        return ()
    data = _dictionary()
    low, high = 1, len(data)
    while low < high:
        start = data.rindex(b"\n", 0, (low + high) // 2 + 1) + 1
        if start < low:
            start = low
        if _word_at(data, start) < key:
            low = data.index(b"\n", start) + 1
        else:
            high = start
    found = []
    while low < len(data) and _word_at(data, low) == key:
        end = data.index(b"\n", low)
        found.append(tuple(data[low:end].decode("ascii").split()[1:]))
        low = end + 1
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=16_384)
def dictionary_pronunciations(word: str) -> tuple[Pronunciation, ...]:
    """Give what the dictionary says of a lower-case word, commonest first; empty if nothing."""
    return _look_up(word)


def is_known(word: str) -> bool:
    """Tell whether the dictionary has a lower-case word."""
    return word in _NEWER or bool(dictionary_pronunciations(word))


def letter_name(letter: str) -> Pronunciation:
    """Give the name of a letter a to z.

    Raises:
        TextError: It is no such letter.
    """
    if letter not in LETTER_NAMES:
        raise TextError(f"no letter {letter!r} in the English alphabet; give one of a to z")
    return LETTER_NAMES[letter]


def with_s(phones: Pronunciation) -> Pronunciation:
    """Add the ending of plurals, possessives and third persons: S, Z or IH Z."""
    if phones[-1] in SIBILANTS:
        return (*phones, "IH", "Z")
    return (*phones, "S" if phones[-1] in VOICELESS else "Z")


def with_ed(phones: Pronunciation) -> Pronunciation:
    """Add the ending of the past: T, D or IH D."""
    if phones[-1] in ("T", "D"):
        return (*phones, "IH", "D")
    return (*phones, "T" if phones[-1] in VOICELESS else "D")


def _stems(word: str, ending: str) -> tuple[str, ...]:
    """Give spellings of the stem before an ending: stop(p)ing, mak(e)ing, happ(i→y)ness."""
    stem = word[: -len(ending)]
    if len(stem) < 2:
        return ()
    stems = [stem]
    if ending[0] in "aeiouy":
        if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "aeiou":
            stems.insert(0, stem[:-1])
        stems.append(stem + "e")
    if stem[-1] == "i":
        stems.append(stem[:-1] + "y")
    return tuple(stems)


def _stem(word: str) -> Pronunciation | None:
    """Give a stem that the dictionary has, or that loses one more ending (cheer-less-ness)."""
    return _known(word) or (_from_suffix(word) if len(word) > 5 else None)


def _from_inflection(word: str) -> Pronunciation | None:
    for ending, phones in _CLITICS.items():
        if word.endswith(ending) and (stem := _known(word[: -len(ending)])):
            needs_vowel = ending in ("'ve", "'m") and stem[-1] not in VOWELS
            needs_vowel |= ending == "'d" and stem[-1] in ("T", "D")
            return stem + (("AH", *phones) if needs_vowel else phones)
    for ending in ("'s", "'"):
        if word.endswith(ending) and len(word) > len(ending):
            stem = pronounce(word[: -len(ending)])
            return stem if ending == "'" and stem[-1] in SIBILANTS else with_s(stem)
    if word.endswith("s") and not word.endswith("ss"):
        candidates = [word[:-1]]
        if word.endswith("es"):
            candidates += [word[:-2], *([word[:-3] + "y"] if word.endswith("ies") else [])]
        for candidate in candidates:
            if len(candidate) > 2 and (stem := _stem(candidate)):
                return with_s(stem)
    if word.endswith("ed"):
        for candidate in _stems(word, "ed"):
            if stem := _stem(candidate):
                return with_ed(stem)
    return None


def _from_suffix(word: str) -> Pronunciation | None:
    for ending, phones in _SUFFIXES.items():
        if not word.endswith(ending) or len(word) < len(ending) + 3:
            continue
        for candidate in _stems(word, ending):
            if stem := _stem(candidate):
                return stem + (phones[1:] if phones[0] == stem[-1] == "L" else phones)
    return None


def _from_parts(word: str) -> Pronunciation | None:
    """Split a compound: the longest first half whose two parts are both words."""
    for prefix, phones in _PREFIXES.items():
        rest = word[len(prefix) :]
        if word.startswith(prefix) and len(rest) >= 4 and (stem := _known(rest)):
            return phones + stem
    for cut in range(len(word) - 3, 2, -1):
        first, second = word[:cut], word[cut:]
        if min(len(first), len(second)) >= 3 and max(len(first), len(second)) >= 4:
            one, two = _known(first), _known(second)
            if one and two and _is_plain(one) and _is_plain(two):
                return one + two
    return None


def _is_plain(phones: Pronunciation) -> bool:
    """Tell whether a part has a vowel, as words do and stray letters do not."""
    return any(phone in VOWELS for phone in phones)


def _known(word: str) -> Pronunciation | None:
    found = dictionary_pronunciations(word)
    return found[0] if found else _NEWER.get(word)


def _without_drawl(word: str) -> Pronunciation | None:
    """Read soooo as so and coool as cool: a letter written three times or more is one or two."""
    at_end = re.search(r"([^e])\1\1+$", word)
    for letters in (r"\1", r"\1\1") if at_end else (r"\1\1", r"\1"):
        shorter = re.sub(r"(.)\1\1+", letters, word)
        if shorter != word and (found := _known(shorter)):
            return found
    return None


@lru_cache(maxsize=16_384)
def pronunciations(word: str) -> tuple[Pronunciation, ...]:
    """Give the pronunciations of a spoken English word, commonest first.

    Args:
        word: Lower-case letters and apostrophes, as ``text.normalize`` gives them; case is
            ignored.

    Returns:
        ARPAbet phones without stress; at least one pronunciation.

    Raises:
        TextError: The word has no letter or has characters other than letters and apostrophes.

    Example:
        >>> pronunciations("cat"), pronunciations("cats'")
        ((('K', 'AE', 'T'),), (('K', 'AE', 'T', 'S'),))
    """
    word = word.lower().replace("’", "'")
    bare = word.replace("'", "")
    if not re.fullmatch("[a-z]+", bare):
        raise TextError(f"cannot pronounce {word!r} in English; give letters a to z and apostrophes")
    if found := dictionary_pronunciations(word):
        if word == "a":
            return (*found, LETTER_NAMES["a"]) if LETTER_NAMES["a"] not in found else found
        return found
    if len(word) == 1:
        return (LETTER_NAMES[word],)
    if word != bare and (found := dictionary_pronunciations(word.strip("'"))):
        return found
    made = (
        _NEWER.get(word)
        or _without_drawl(word)
        or _from_inflection(word)
        or _from_suffix(word)
        or _from_parts(bare)
    )
    return (made or g2p.read_word(bare),)


def pronounce(word: str) -> Pronunciation:
    """Give the commonest pronunciation of a spoken English word.

    Raises:
        TextError: As ``pronunciations``.

    Example:
        >>> pronounce("unfriendliness")
        ('AH', 'N', 'F', 'R', 'EH', 'N', 'D', 'L', 'IY', 'N', 'AH', 'S')
    """
    return pronunciations(word)[0]
