"""Written English quantities to words: whatever has a digit in it.

Each pattern below must match a whole piece. A piece may lean on its neighbours: the *20*
of *Nov. 20* is a day because a month stands beside it, the *km* of *5 km* is read where
it stands. Unknown mixtures give None, and the caller reads them run by run.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from visemic.text import numbers_en
from visemic.text.numbers_en import CURRENCIES, MAGNITUDES, MONTHS, Words

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_SIGNS = "".join(CURRENCIES)

MONTH_NAMES = {
    **{name: name for name in MONTHS},
    **{name[:3]: name for name in MONTHS},
    "sept": "september",
}

# Singular and plural by written unit; case counts where the SI says so.
UNITS: dict[str, tuple[Words, Words]] = {
    written: (tuple(one.split()), tuple(many.split()))
    for written, one, many in (
        ("km", "kilometer", "kilometers"), ("m", "meter", "meters"), ("cm", "centimeter", "centimeters"),
        ("mm", "millimeter", "millimeters"), ("nm", "nanometer", "nanometers"),
        ("μm", "micrometer", "micrometers"), ("mi", "mile", "miles"), ("ft", "foot", "feet"),
        ("yd", "yard", "yards"), ("yds", "yard", "yards"), ("kg", "kilogram", "kilograms"),
        ("g", "gram", "grams"), ("mg", "milligram", "milligrams"), ("μg", "microgram", "micrograms"),
        ("lb", "pound", "pounds"), ("lbs", "pound", "pounds"), ("oz", "ounce", "ounces"),
        ("l", "liter", "liters"), ("L", "liter", "liters"), ("ml", "milliliter", "milliliters"),
        ("mL", "milliliter", "milliliters"), ("h", "hour", "hours"), ("hr", "hour", "hours"),
        ("hrs", "hour", "hours"), ("min", "minute", "minutes"), ("mins", "minute", "minutes"),
        ("s", "second", "seconds"), ("sec", "second", "seconds"), ("secs", "second", "seconds"),
        ("ms", "millisecond", "milliseconds"), ("μs", "microsecond", "microseconds"),
        ("ns", "nanosecond", "nanoseconds"), ("Hz", "hertz", "hertz"), ("kHz", "kilohertz", "kilohertz"),
        ("MHz", "megahertz", "megahertz"), ("GHz", "gigahertz", "gigahertz"),
        ("KB", "kilobyte", "kilobytes"), ("kB", "kilobyte", "kilobytes"), ("MB", "megabyte", "megabytes"),
        ("GB", "gigabyte", "gigabytes"), ("TB", "terabyte", "terabytes"), ("MiB", "mebibyte", "mebibytes"),
        ("GiB", "gibibyte", "gibibytes"), ("kbps", "kilobit per second", "kilobits per second"),
        ("Mbps", "megabit per second", "megabits per second"), ("W", "watt", "watts"),
        ("kW", "kilowatt", "kilowatts"), ("MW", "megawatt", "megawatts"), ("V", "volt", "volts"),
        ("kWh", "kilowatt hour", "kilowatt hours"), ("mA", "milliamp", "milliamps"),
        ("dB", "decibel", "decibels"), ("Pa", "pascal", "pascals"), ("kPa", "kilopascal", "kilopascals"),
        ("N", "newton", "newtons"), ("J", "joule", "joules"), ("kJ", "kilojoule", "kilojoules"),
        ("kcal", "kilocalorie", "kilocalories"), ("cal", "calorie", "calories"), ("px", "pixel", "pixels"),
        ("fps", "frame per second", "frames per second"),
        ("rpm", "revolution per minute", "revolutions per minute"),
        ("bpm", "beat per minute", "beats per minute"), ("mph", "mile per hour", "miles per hour"),
        ("kph", "kilometer per hour", "kilometers per hour"),
        ("km/h", "kilometer per hour", "kilometers per hour"),
        ("m/s", "meter per second", "meters per second"), ("ha", "hectare", "hectares"),
        ("sq", "square", "square"), ("%", "percent", "percent"), ("‰", "per mille", "per mille"),
        ("°", "degree", "degrees"), ("°C", "degree celsius", "degrees celsius"),
        ("°F", "degree fahrenheit", "degrees fahrenheit"), ("°K", "kelvin", "kelvin"),
        ("in", "inch", "inches"), ("Ω", "ohm", "ohms"), ("kΩ", "kiloohm", "kiloohms"),
        ("¢", "cent", "cents"), ("″", "inch", "inches"),
        ("m2", "square meter", "square meters"), ("m²", "square meter", "square meters"),
        ("m³", "cubic meter", "cubic meters"), ("cm²", "square centimeter", "square centimeters"),
        ("cm³", "cubic centimeter", "cubic centimeters"), ("km²", "square kilometer", "square kilometers"),
        ("ft²", "square foot", "square feet"),
    )
}  # fmt: skip
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))

_PREFIXES: dict[str, Words] = {
    "-": ("minus",), "−": ("minus",), "–": ("minus",), "+": ("plus",), "~": ("about",), "≈": ("about",),
    "<": ("less", "than"), ">": ("more", "than"), "≤": ("at", "most"), "≥": ("at", "least"),
    "<=": ("at", "most"), ">=": ("at", "least"), "±": ("plus", "or", "minus"), "=": ("equals",),
    "#": ("number",), "№": ("number",), "×": ("times",), "÷": ("divided", "by"),
}  # fmt: skip

_VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip


_NUMERIC = re.compile(
    rf"[-–−+~<>≈≤≥±]?[{_SIGNS}]?{NUMBER}(?:[-–]{NUMBER})?|\d+/\d+|\d{{1,2}}:\d{{2}}|\d*[{''.join(_VULGAR)}]"
)


@dataclass(frozen=True, slots=True)
class Context:
    """What stands beside a piece, as written, empty at the ends of a sentence."""

    previous: str
    following: str
    is_day_first: bool = False
    """Whether 5/12 is in December."""


def _with_decimal_point(core: str) -> str:
    """Write a decimal comma, which has one or two digits behind it, as a point: 1,5 kg."""
    return re.sub(r"(?<![\d,.])(\d+),(\d{1,2})(?![\d,.])", r"\1.\2", core)


def is_numeric(core: str) -> bool:
    """Tell whether a piece is a bare number, perhaps signed or with a currency sign."""
    return bool(_NUMERIC.fullmatch(_with_decimal_point(core)))


def month(core: str) -> str:
    """Give the month of a name or its abbreviation, capitalised as months are; else empty."""
    return MONTH_NAMES.get(core.lower(), "") if core[:1].isupper() else ""


def unit_after_number(core: str, number: str) -> Words | None:
    """Read a unit that stands alone behind a number; None when it is none."""
    if core not in UNITS or core == "in":
        return None
    return UNITS[core][0 if number in ("1", "-1") else 1]


def _date(day: int, month_number: int, year: str, context: Context) -> Words | None:
    if not (1 <= month_number <= 12 and 1 <= day <= 31):
        return None
    spoken_year = numbers_en.year(int(year)) if len(year) == 4 else _short_year(year)
    name = MONTHS[month_number - 1]
    if context.is_day_first:
        return ("the", *numbers_en.ordinal(day), "of", name, *spoken_year)
    return (name, *numbers_en.ordinal(day), *spoken_year)


def _short_year(year: str) -> Words:
    return ("oh", *numbers_en.digits(year[1])) if year[0] == "0" else numbers_en.cardinal(int(year))


def _iso_date(match: re.Match[str], context: Context) -> Words | None:
    return _date(int(match[3]), int(match[2]), match[1], context)


def _numeric_date(match: re.Match[str], context: Context) -> Words | None:
    first, second, year = int(match[1]), int(match[3]), match[4]
    if match[2] == "." and len(year) == 2:
        return None
    is_day_first = context.is_day_first or first > 12 or (match[2] == "." and second <= 12)
    day, number = (first, second) if is_day_first else (second, first)
    return _date(day, number, year, context)


def _time(match: re.Match[str], context: Context) -> Words | None:
    hour, minute = int(match[1]), int(match[2])
    if hour > 24 or minute > 59:
        return None
    half = (match[4] or "").replace(".", "").lower()
    following = context.following.replace(".", "").lower()
    words = numbers_en.clock(hour, minute, half or ("." if following in ("am", "pm") else ""))
    if words[-1:] == (".",):
        words = words[:-1]
    if match[3]:
        seconds = int(match[3])
        unit = "second" if seconds == 1 else "seconds"
        words = (*words, "and", *numbers_en.cardinal(seconds), unit)
    return words


def _ratio(match: re.Match[str], context: Context) -> Words | None:
    return (*numbers_en.cardinal(int(match[1])), "to", *numbers_en.cardinal(int(match[2])))


def _hour(match: re.Match[str], context: Context) -> Words | None:
    half = match[2].replace(".", "").lower()
    return numbers_en.clock(int(match[1]), 0, half) if int(match[1]) <= 24 else None


_BEFORE_DECADE = frozenset({"the", "early", "late", "mid", "his", "her", "their", "our", "my", "your"})


def _decade(match: re.Match[str], context: Context) -> Words | None:
    """Read 1990s, '90s and the 90s; a bare 90s may be seconds."""
    number = int(match[1])
    is_sure = number >= 1000 or not match[0][0].isdigit() or context.previous.lower() in _BEFORE_DECADE
    return numbers_en.decade(number) if is_sure and number >= 20 else None


def _ordinal(match: re.Match[str], context: Context) -> Words | None:
    number = int(match[1].replace(",", ""))
    words = numbers_en.ordinal(number)
    if month(context.following) and number <= 31:
        lead = () if context.previous.lower() in ("the", "of", "on the") else ("the",)
        return (*lead, *words, "of")
    return words


def _fraction(match: re.Match[str], context: Context) -> Words | None:
    top, bottom = int(match[1]), int(match[2])
    if (top, bottom) in ((24, 7), (9, 11)) or top == bottom:
        return (*numbers_en.cardinal(top), *numbers_en.cardinal(bottom))
    words = numbers_en.fraction(top, bottom)
    if context.previous.isdigit():
        return ("and", *(("a", *words[1:]) if top == 1 and words[1] in ("half", "quarter") else words))
    return words


def _money(match: re.Match[str], context: Context) -> Words | None:
    sign, amount, suffix = match["sign"], match["amount"], (match["suffix"] or "").lower()
    words: Words
    if suffix:
        words = numbers_en.money(sign, amount, MAGNITUDES.get(suffix, suffix))
    elif context.following.lower() in ("thousand", "million", "billion", "trillion", "hundred"):
        words = numbers_en.number_words(amount)
    else:
        words = numbers_en.money(sign, amount)
    return (*(("minus",) if match["minus"] else ()), *words)


def _phone_number(match: re.Match[str], context: Context) -> Words | None:
    text = match[0]
    digits = re.sub(r"\D", "", text)
    return (*(("plus",) if text[0] == "+" else ()), *numbers_en.digits(digits))


def _number_unit(match: re.Match[str], context: Context) -> Words | None:
    number, unit = match[1], match[2]
    one, many = UNITS[unit]
    return (*numbers_en.number_words(number), *(one if number == "1" else many))


def _magnitude(match: re.Match[str], context: Context) -> Words | None:
    # A capital K is said as the letter: 4K, 10K.
    return (*numbers_en.number_words(match[1]), "k" if match[2] == "K" else MAGNITUDES[match[2].lower()])


def _range(match: re.Match[str], context: Context) -> Words | None:
    first, second, rest = match[1], match[2], match[3] or ""
    if len(first) == 3 and len(second) == 4:
        return numbers_en.digits(first + second)
    if month(context.previous) and first.isdigit() and second.isdigit() and int(first) < int(second) <= 31:
        return (*numbers_en.ordinal(int(first)), "to", *numbers_en.ordinal(int(second)))
    two = quantity(second + rest, context)
    return (*_plain_words(first, context), "to", *two) if two else None


def _version(match: re.Match[str], context: Context) -> Words | None:
    words: Words = ("version",) if match[1] else ()
    for place, number in enumerate(match[2].split(".")):
        words = (*words, *(("point",) if place else ()), *numbers_en.number_words(number))
    return words


def _feet(match: re.Match[str], context: Context) -> Words | None:
    return (*numbers_en.cardinal(int(match[1])), "foot", *numbers_en.cardinal(int(match[2])))


def _vulgar(match: re.Match[str], context: Context) -> Words | None:
    top, bottom = _VULGAR[match[2]]
    words = numbers_en.fraction(top, bottom)
    if not match[1]:
        return words
    return (*numbers_en.number_words(match[1]), "and", *(("a", *words[1:]) if top == 1 else words))


def _plain_words(text: str, context: Context) -> Words:
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", text) and context.following not in UNITS:
        return numbers_en.year(int(text))
    is_identifier = re.fullmatch(r"\d{10,}", text) and not text.endswith("000000")
    return numbers_en.digits(text) if is_identifier else numbers_en.number_words(text)


def _plain(match: re.Match[str], context: Context) -> Words | None:
    text = match[0]
    if text.isdigit() and 1 <= int(text) <= 31 and len(text) <= 2:
        if month(context.following):
            return ("the", *numbers_en.ordinal(int(text)), "of")
        if month(context.previous):
            return numbers_en.ordinal(int(text))
    return _plain_words(text, context)


_Handler = Callable[[re.Match[str], Context], Words | None]
_HALF = r"am|pm|a\.m|p\.m|AM|PM|A\.M|P\.M"
_PATTERNS: tuple[tuple[re.Pattern[str], _Handler], ...] = tuple(
    (re.compile(pattern), handler)
    for pattern, handler in (
        (NUMBER, _plain),
        (r"(\d{4})-(\d{1,2})-(\d{1,2})", _iso_date),
        (r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})", _numeric_date),
        (rf"(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}))?({_HALF})?", _time),
        (rf"(\d{{1,2}})({_HALF})", _hour),
        (r"(\d{1,9}):(\d{1,9})", _ratio),
        (r"['‘’]?(\d{1,3}0)['’]?s", _decade),
        (r"(\d{1,3}(?:,\d{3})+|\d{1,12})(?:st|nd|rd|th|ST|ND|RD|TH)", _ordinal),
        (r"(\d{1,9})[/⁄](\d{1,9})", _fraction),
        (
            rf"(?P<minus>[-−–])?(?:US|CA|AU|NZ|HK|A|C)?(?P<sign>[{_SIGNS}])(?P<amount>{NUMBER})"
            r"(?P<suffix>k|K|m|M|mn|bn|b|B|tn|t|T)?",
            _money,
        ),
        (rf"(?P<minus>[-−–])?(?P<amount>{NUMBER})(?P<suffix>k|K|m|M|bn)?(?P<sign>[{_SIGNS}])", _money),
        (
            r"\(?\d{3}\)?[-.]?\d{3}[-.]\d{4}|\+\d{1,3}(?:[-.]\(?\d{1,5}\)?){2,5}|\+\d{7,15}"
            r"|\d{1,2}-\d{3}-\d{3}-\d{4}",
            _phone_number,
        ),
        (rf"({NUMBER})-?({_UNIT})", _number_unit),
        (rf"({NUMBER})(k|K|M|mn|bn|tn)", _magnitude),
        (rf"({NUMBER})[-–]([{_SIGNS}]?{NUMBER})({_UNIT})?", _range),
        (r"([vV])?(\d{1,6}(?:\.\d{1,6}){2,})", _version),
        (r"([vV])(\d{1,6}(?:\.\d{1,6})?)", _version),
        (r"(\d{1,2})['’′](\d{1,2})[\"”″]?", _feet),
        (rf"(\d*)([{''.join(_VULGAR)}])", _vulgar),
    )
)  # fmt: skip


def quantity(core: str, context: Context) -> Words | None:
    """Read a piece that holds digits; None when it follows no pattern known here.

    Example:
        >>> " ".join(quantity("-5.5°C", Context("", "")))
        'minus five point five degrees celsius'
    """
    core = _with_decimal_point(core)
    for pattern, handler in _PATTERNS:
        match = pattern.fullmatch(core)
        if match and (words := handler(match, context)):
            return words
    for length in (2, 1):
        if core[:length] in _PREFIXES and len(core) > length:
            rest = quantity(core[length:], context)
            return (*_PREFIXES[core[:length]], *rest) if rest else None
    return _span(core, context)


def _span(core: str, context: Context) -> Words | None:
    """Read from-to of things that are no plain numbers: 9:30am-5pm, $5-$10, 1st-3rd."""
    parts = re.split("[-–]", core)
    if len(parts) != 2 or not all(part and (part[0].isdecimal() or part[0] in _SIGNS) for part in parts):
        return None
    first, second = quantity(parts[0], context), quantity(parts[1], context)
    return (*first, "to", *second) if first and second else None
