"""English abbreviations and Roman numerals, read by what stands beside them."""

import re

from visemic.text import numbers_en
from visemic.text.numbers_en import MONTHS, Words
from visemic.text.quantities_en import Context, is_numeric, month


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# With or without their full stop.
_ALWAYS: dict[str, str] = {
    "Mr": "mister", "Mrs": "missus", "Ms": "ms", "Prof": "professor", "vs": "versus", "VS": "versus",
    "etc": "et cetera", "Jr": "junior", "Sr": "senior", "Ltd": "limited", "e.g": "for example",
    "i.e": "that is", "a.k.a": "also known as", "w/o": "without", "w/": "with", "Messrs": "messers",
    "approx": "approximately", "dept": "department", "Blvd": "boulevard", "Sgt": "sergeant",
    "Lt": "lieutenant", "Capt": "captain", "viz": "namely", "Ph.D": "p h d", "PhD": "p h d", "B.Sc": "b s c",
}  # fmt: skip
# Only with their full stop: without it they are words or names.
_DOTTED: dict[str, str] = {
    "Rev": "reverend", "Gen": "general", "Col": "colonel", "Sen": "senator", "Rep": "representative",
    "Gov": "governor", "Hon": "honorable", "Ave": "avenue", "Rd": "road", "Ln": "lane", "Hwy": "highway",
    "Mt": "mount", "Ft": "fort", "Inc": "incorporated", "Corp": "corporation", "Co": "company",
    "Bros": "brothers",
    "est": "established", "cf": "compare", "ca": "circa", "al": "al", "ed": "edition", "tel": "telephone",
    "Tel": "telephone", "ext": "extension", "min": "minutes", "max": "maximum", "misc": "miscellaneous",
    "Mon": "monday", "Tue": "tuesday", "Tues": "tuesday", "Wed": "wednesday", "Thu": "thursday",
    "Thur": "thursday", "Thurs": "thursday", "Fri": "friday", "Univ": "university", "Assn": "association",
    "avg": "average", "Adm": "admiral", "Maj": "major", "Pres": "president", "Supt": "superintendent",
}  # fmt: skip
# Only before a number.
_NUMBERED: dict[str, str] = {
    "no": "number", "nos": "numbers", "No": "number", "Nos": "numbers", "vol": "volume", "Vol": "volume",
    "p": "page", "pp": "pages", "ch": "chapter", "Ch": "chapter", "sec": "section", "Sec": "section",
    "fig": "figure", "Fig": "figure", "eq": "equation", "Eq": "equation", "art": "article", "Art": "article",
    "ver": "version", "Apt": "apartment", "pt": "part", "Pt": "part", "Rt": "route", "§": "section",
    "Sat": "saturday", "Sun": "sunday", "#": "number",
}  # fmt: skip
TITLES = _words("Dr Mr Mrs Ms Prof Rev Gen Col Sen Rep Gov Hon Sgt Lt Capt Adm Maj Pres Messrs St Mt Ft")
"""Their full stop ends no sentence: a name follows."""
MID_SENTENCE = _words(
    "e.g i.e vs viz cf ca approx al fig Fig eq vol Vol pp No Nos no nos "
    "Sra Dra Mme Mlle Hr Nr bzw z.B d.h p.ex pág"
)
"""More abbreviations, not all English, whose full stop ends no sentence when more follows."""
MEASURES = _words("ft lb lbs oz yd yds mi hr hrs min mins sec secs")
"""Units whose full stop ends no sentence before a small letter."""
_AFTER_ROMAN = _words(
    "chapter part volume vol book act scene section phase type world war class grade level stage title "
    "article appendix bowl episode season round unit number mark century"
)
_REGNAL = _words(
    "henry edward george william richard charles james elizabeth louis philip philippe napoleon frederick "
    "friedrich wilhelm nicholas alexander peter paul john pius benedict gregory leo innocent clement urban "
    "boniface catherine ivan mary margaret alfonso ferdinand christian gustav carl karl otto ramses ptolemy "
    "cleopatra francis felipe juan haakon harald olav leopold albert umberto victor emmanuel"
)


def roman_numeral(core: str, context: Context) -> Words | None:
    """Read a Roman numeral after a chapter or a name; None when it is none.

    Example:
        >>> roman_numeral("VIII", Context("Henry", "")), roman_numeral("IV", Context("Chapter", ""))
        (('the', 'eighth'), ('four',))
    """
    previous = context.previous
    value = numbers_en.roman(core)
    if not value or not previous:
        return None
    if previous.lower().rstrip(".") in _AFTER_ROMAN:
        return numbers_en.cardinal(value)
    if not previous[0].isupper() or value > 49 or core in ("XL", "C", "D", "L", "M"):
        return None
    if previous.lower() in _REGNAL and (core != "I" or not context.following[:1].islower()):
        return ("the", *numbers_en.ordinal(value))
    return numbers_en.cardinal(value) if len(core) > 1 and not previous.isupper() else None


def abbreviation(core: str, context: Context, *, is_dotted: bool) -> Words | None:
    """Read an abbreviation; None when it is none.

    Args:
        is_dotted: Whether a full stop follows, which some abbreviations need.

    Example:
        >>> abbreviation("Dr", Context("", "Smith"), is_dotted=True)
        ('doctor',)
    """
    following, previous = context.following, context.previous
    before_number = bool(following) and following[0].isdigit()
    if core == "St" or core == "Dr":
        is_place = previous[:1].isupper() or previous[:1].isdigit()
        before_name = following[:1].isupper()
        if core == "St":
            return ("saint",) if before_name and not (is_place and not is_dotted) else ("street",)
        return ("drive",) if is_place and not before_name and is_dotted else ("doctor",)
    if core in _ALWAYS:
        return tuple(_ALWAYS[core].split())
    if core in _NUMBERED and before_number and (is_dotted or core not in ("no", "p", "art", "pt", "sec")):
        return (_NUMBERED[core],)
    name = month(core)
    if name and core.lower() != name:
        beside_number = before_number or is_numeric(previous) or re.fullmatch(r"\d+(st|nd|rd|th)", previous)
        return (name,) if (is_dotted and core != "Mar") or beside_number else None
    if is_dotted and core in _DOTTED:
        return (_DOTTED[core],)
    if re.fullmatch(r"[AaPp]\.?[Mm]", core) and (is_numeric(previous) or ":" in previous or "." in core):
        return tuple(c for c in core.lower() if c.isalpha())
    if re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", core):
        return tuple(c for c in core.lower() if c.isalpha())
    return None


def is_abbreviation(core: str) -> bool:
    """Tell whether a word may stand for another in some place."""
    return (
        core in _ALWAYS
        or core in _DOTTED
        or core in _NUMBERED
        or (core.lower() not in MONTHS and month(core) != "")
    )


def day_or_month(core: str) -> str:
    """Give the name of an abbreviated day or month, empty when it is neither."""
    core = core.rstrip(".")
    name = month(core) or _DOTTED.get(core, "") or _NUMBERED.get(core, "")
    return name if name in MONTHS or name.endswith("day") else ""
