"""Written English pieces to spoken words: acronyms, symbols, addresses, mixtures.

What comes out is lower-case words of a to z and apostrophes; a spelled word comes out as
its letters, one a word.
"""

import re
from collections.abc import Sequence

from visemic.text import lexicon, numbers_en
from visemic.text.abbreviations_en import abbreviation, day_or_month, is_abbreviation, roman_numeral
from visemic.text.latin import FRACTIONS, fold
from visemic.text.numbers_en import Words
from visemic.text.pieces import EMAIL, URL, Piece
from visemic.text.quantities_en import Context, is_numeric, quantity, unit_after_number

_SYMBOLS: dict[str, str] = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "#": "hash", "%": "percent", "<": "less than",
    ">": "greater than", "×": "times", "÷": "divided by", "±": "plus or minus", "≈": "approximately",
    "<=": "less than or equal to", ">=": "greater than or equal to", "==": "equals", "!=": "is not equal to",
    "≤": "less than or equal to", "≥": "greater than or equal to", "≠": "is not equal to", "°": "degrees",
    "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "₹": "rupees", "¢": "cents", "~": "about",
    "§": "section", "√": "square root of", "∞": "infinity", "−": "minus", "‰": "per mille", "№": "number",
    "℃": "degrees celsius", "℉": "degrees fahrenheit",
}  # fmt: skip
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau "
    "upsilon phi chi psi omega"
)
_GREEK = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _GREEK_NAMES.split(), strict=True))
_MAGNITUDES = frozenset({"hundred", "thousand", "million", "billion", "trillion"})
_MARKS = {
    ".": "dot", "@": "at", "-": "dash", "_": "underscore", "/": "slash", "?": "question mark", "=": "equals",
    "&": "and", "#": "hash", ":": "colon", "%": "percent", "+": "plus",
}  # fmt: skip
_SPELLED = frozenset(
    {"us", "uk", "eu", "un", "ai", "id", "tv", "pc", "hr", "pr", "la", "dc", "er", "ip", "os"},
)
"""Capitals that are spelled although they are words when small."""
_TWO_LETTERS = "ah am an as at be by do eh go ha he hi ho if in is it me my no of oh on or so to up we ye yo"
_TWO_LETTER_WORDS = frozenset(_TWO_LETTERS.split())
"""The other capitals of two letters are spelled."""
_RUN = re.compile(
    r"^'[A-Za-z]+|[A-Za-z]+(?:'[A-Za-z]+)*'?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[<>!=]=|[-=]>|\S"
)
_TAG = re.compile(r"</?[A-Za-z]\w*/?>")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_SIMPLE = re.compile(r"[A-Z]?[a-z]+(?:'[a-z]+)?|I(?:'[a-z]+)?")


def _letters(word: str) -> Words:
    return tuple(c for c in word.lower() if c.isalpha())


def _is_spelled_in_dictionary(word: str, is_first_choice: bool = False) -> bool:
    by_letters = tuple(phone for letter in word for phone in lexicon.letter_name(letter))
    found = lexicon.dictionary_pronunciations(word)
    return by_letters in (found[:1] if is_first_choice else found)


def acronym(word: str, is_shouting: bool) -> Words:
    """Read a word in capitals: as a word, or letter by letter.

    A word of the dictionary is said as one, unless its pronunciation there is its letters;
    others are spelled when short. Among other shouted words, whatever has a vowel is a word.
    """
    low = word.lower()
    if len(low) < 2:
        return (low,)
    has_vowel = any(c in "aeiouy" for c in low)
    if lexicon.is_known(low):
        is_spelled = _is_spelled_in_dictionary(low, is_shouting)
        is_spelled |= not is_shouting and (
            low in _SPELLED or (len(low) == 2 and low not in _TWO_LETTER_WORDS)
        )
        return _letters(low) if is_spelled else (low,)
    if low in _SPELLED or not has_vowel:
        return _letters(low)
    return (low,) if is_shouting or len(low) > 5 else _letters(low)


def _mixed_word(word: str, is_shouting: bool) -> Words:
    """Read a word with capitals inside, or in capitals throughout."""
    possessive = re.fullmatch(r"([A-Z]{2,})'?s", word)
    if possessive:
        *head, last = acronym(possessive[1], is_shouting)
        spells = bool(head)
        is_plain_plural = not spells and "'" not in word
        return (*head, last + ("s" if is_plain_plural else "'s"))
    if word.isupper() and "'" not in word:
        return acronym(word, is_shouting)
    low = word.lower()
    if "'" in word:
        return (low,)
    if lexicon.is_known(low):
        return _letters(low) if _is_spelled_in_dictionary(low) and sum(map(str.isupper, word)) > 1 else (low,)
    if re.fullmatch(r"[A-Z][a-z]+|(?:Mc|Mac|De|Di|La|Le|Van)[A-Z][a-z]+", word):
        return (low,)
    parts = _CAMEL.findall(word)
    words: list[str] = []
    for part in parts:
        words += acronym(part, is_shouting) if part.isupper() else (part.lower(),)
    return tuple(words)


def read_word(word: str, is_shouting: bool = False) -> Words:
    """Read letters and apostrophes.

    Example:
        >>> read_word("NASA"), read_word("USA"), read_word("PhD"), read_word("don't")
        (('nasa',), ('u', 's', 'a'), ('p', 'h', 'd'), ("don't",))
    """
    if _SIMPLE.fullmatch(word) or word.islower():
        return (word.lower(),)
    return _mixed_word(word, is_shouting)


def _read_address(text: str) -> Words:
    """Read a web or mail address: words, letters, and the marks between them."""
    text = re.sub(r"^(?:https?|ftp)://", "", text, flags=re.IGNORECASE).rstrip("/")
    words: list[str] = []
    for run in re.findall(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]", text):
        low = run.lower()
        if run in _MARKS:
            words += _MARKS[run].split()
        elif run.isdigit():
            words += numbers_en.number_words(run) if len(run) <= 4 else numbers_en.digits(run)
        elif run.isalpha() and run.isascii():
            is_word = lexicon.is_known(low) or (len(low) > 4 and any(c in "aeiou" for c in low))
            words += read_word(low) if is_word and low != "us" else _letters(low)
    return tuple(words)


def _read_runs(core: str, is_shouting: bool) -> Words:
    """Read a mixture of letters, digits and symbols, one run after the other."""
    runs = _RUN.findall(core)
    words: list[str] = []
    for place, run in enumerate(runs):
        left = runs[place - 1][-1:] if place else ""
        right = runs[place + 1][:1] if place + 1 < len(runs) else ""
        if run.isupper() and len(run) <= 3 and "&" in (left, right):
            words += _letters(run)
        elif run[0].isascii() and (run[0].isalpha() or (len(run) > 1 and run[0] == "'")):
            words += read_word(run, is_shouting)
        elif run[0].isdecimal():
            words += numbers_en.number_words(run)
        elif run == "." and left.isalnum() and right.isalnum():
            words.append("dot")
        elif run in "/*" and left.isdigit() and right.isdigit():
            words.append("slash" if run == "/" else "times")
        elif run == "-" and left.isdigit() and right.isdigit():
            words.append("to")
        elif run == "^" and left.isalnum() and right.isalnum():
            words += ("to", "the")
        elif run == "~" and not (right.isdigit() and not left):
            continue
        elif run == "#" and words and left.isalpha():
            words.append("sharp")
        elif run in ("²", "³") and words:
            words.append("squared" if run == "²" else "cubed")
        elif run in FRACTIONS:
            words += quantity(run, Context("", "")) or ()
        else:
            words += _SYMBOLS.get(run, "").split()
    return tuple(words)


def _phone_run(pieces: Sequence[Piece], place: int) -> bool:
    """Tell whether a piece belongs to a telephone number that is written with blanks."""
    pattern = re.compile(r"\+?[\d().-]*\d")
    if not pattern.fullmatch(pieces[place].core):
        return False
    start = end = place
    while start and pattern.fullmatch(pieces[start - 1].core) and "," not in pieces[start - 1].after:
        start -= 1
        if place - start > 5:
            return False
    while end + 1 < len(pieces) and pattern.fullmatch(pieces[end + 1].core) and "," not in pieces[end].after:
        end += 1
        if end - place > 5:
            return False
    run = [piece.core for piece in pieces[start : end + 1]]
    total = sum(c.isdigit() for core in run for c in core)
    looks = run[0][0] in "+0" or pieces[start].before.endswith("(") or [len(c) for c in run][-2:] == [3, 4]
    return len(run) > 1 and 7 <= total <= 15 and looks


def read_piece(pieces: Sequence[Piece], place: int, *, is_shouting: bool, is_day_first: bool) -> Words:
    """Give the spoken words of one piece of a sentence; empty when it has no sound in English."""
    piece = pieces[place]
    core = fold(piece.core)
    is_dotted = piece.after.startswith(".")
    if _SIMPLE.fullmatch(core) and len(core) > 3 and not is_abbreviation(core) and core not in _MAGNITUDES:
        return (core.lower(),)
    before = pieces[place - 1] if place else None
    behind = pieces[place + 1] if place + 1 < len(pieces) else None
    context = Context(
        previous=fold(before.core) if before and not _separates(before.after) else "",
        following=fold(behind.core) if behind and not _separates(piece.after) else "",
        is_day_first=is_day_first,
    )
    if len(piece.core) == 1 and piece.core.lower() in _GREEK:
        return (_GREEK[piece.core.lower()],)
    if _phone_run(pieces, place):
        plus = ("plus",) if core[0] == "+" else ()
        return (*plus, *numbers_en.digits("".join(c for c in core if c.isdigit())))
    return _clean_words(_read_core(core, context, is_dotted=is_dotted, is_shouting=is_shouting))


def _separates(after: str) -> bool:
    """Tell whether punctuation keeps two pieces from leaning on one another."""
    return any(mark in after for mark in ",;:")


def _clean_words(words: Words) -> Words:
    """Keep words of letters; an apostrophe alone is no word."""
    stripped = (re.sub(r"[^a-z']", "", word) for word in words)
    return tuple(word for word in stripped if word.strip("'"))


def _read_core(core: str, context: Context, *, is_dotted: bool, is_shouting: bool) -> Words:
    if EMAIL.fullmatch(core) or URL.fullmatch(core):
        return _read_address(core)
    if "<" in core and (without_tags := _TAG.sub(" ", core)) != core:
        return _read_runs(without_tags, is_shouting)
    if is_numeric(context.previous) and (unit := unit_after_number(core, context.previous)):
        return unit
    words = abbreviation(core, context, is_dotted=is_dotted) or roman_numeral(core, context)
    if words:
        return words
    if core in _MAGNITUDES and (sign := re.search(r"[$£€¥₹₩]", context.previous)):
        return (core, *numbers_en.money(sign[0], "2")[1:])
    if core in ("-", "–", "*") and is_numeric(context.previous):
        return ({"-": "minus", "–": "to", "*": "times"}[core],)
    if core[:1] in ("#", "@") and any(c.isalpha() for c in core) and core[1:2].isalnum():
        head = "hashtag" if core[0] == "#" else "at"
        return (head, *(w for part in re.split(r"[_-]", core[1:]) for w in _read_tag(part)))
    if any(c.isdigit() or c in FRACTIONS for c in core) and (found := quantity(core, context)):
        return found
    joined = re.split(r"[-/]", core)
    if len(joined) > 1 and any(part[:1].isalpha() for part in joined) and all(joined):
        return _read_joined(core, joined, is_shouting)
    return _read_runs(core, is_shouting)


def _read_tag(part: str) -> Words:
    if part.islower() or part.isupper():
        return _read_runs(part, False)
    runs = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", part)
    return tuple(w for run in runs for w in _read_runs(run, False))


def _read_joined(core: str, parts: list[str], is_shouting: bool) -> Words:
    """Read parts between hyphens or slashes each as it would be alone; $5/month has a *per*."""
    per = len(parts) == 2 and "/" in core and parts[0][-1:].isdigit() and parts[1].isalpha()
    spans = [name for part in parts if (name := day_or_month(part))]
    if len(spans) == len(parts) == 2:
        return (spans[0], "to", spans[1])
    words: list[str] = []
    for place, part in enumerate(parts):
        words += ("per",) if per and place else ()
        words += _read_core(part, Context("", ""), is_dotted=False, is_shouting=is_shouting)
    return tuple(words)
