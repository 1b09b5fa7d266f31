"""English number words: cardinals, ordinals, years, decimals, fractions, money, times.

Every function takes a number or the digits as written and gives lower-case words. Numbers
beyond ``MAX_CARDINAL_DIGITS`` are read digit by digit, as people do.
"""

Words = tuple[str, ...]

MAX_CARDINAL_DIGITS = 15

_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_THOUSANDS = ("", "thousand", "million", "billion", "trillion")
_IRREGULAR_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
]  # fmt: skip

MAGNITUDES = {
    "k": "thousand", "m": "million", "mn": "million", "mio": "million", "bn": "billion", "b": "billion",
    "t": "trillion", "tn": "trillion",
}  # fmt: skip

# Singular, plural, and the hundredth part, by currency sign.
CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("rouble", "roubles", "kopek", "kopeks"),
    "₿": ("bitcoin", "bitcoins", "", ""),
}


def digits(text: str) -> Words:
    """Read digits one by one.

    Example:
        >>> digits("705")
        ('seven', 'zero', 'five')
    """
    return tuple(_ONES[int(c)] for c in text)


def _below_thousand(number: int) -> Words:
    words: list[str] = []
    if number >= 100:
        words += [_ONES[number // 100], "hundred"]
        number %= 100
    if number >= 20:
        words.append(_TENS[number // 10])
        number %= 10
        if number:
            words.append(_ONES[number])
    elif number:
        words.append(_ONES[number])
    return tuple(words)


def cardinal(number: int) -> Words:
    """Read a whole number.

    Example:
        >>> " ".join(cardinal(1_200_305))
        'one million two hundred thousand three hundred five'
    """
    if number < 0:
        return ("minus", *cardinal(-number))
    if number == 0:
        return ("zero",)
    if number >= 10**MAX_CARDINAL_DIGITS:
        return digits(str(number))
    words: list[str] = []
    for power in range(len(_THOUSANDS) - 1, -1, -1):
        group = number // 1000**power % 1000
        if group:
            words += _below_thousand(group)
            if power:
                words.append(_THOUSANDS[power])
    return tuple(words)


def ordinal(number: int) -> Words:
    """Read a rank.

    Example:
        >>> " ".join(ordinal(121)), ordinal(20)
        ('one hundred twenty first', ('twentieth',))
    """
    *head, last = cardinal(number)
    return (*head, _ordinal_word(last))


def _ordinal_word(word: str) -> str:
    if word in _IRREGULAR_ORDINALS:
        return _IRREGULAR_ORDINALS[word]
    if word.endswith("y"):
        return word[:-1] + "ieth"
    return word + ("h" if word.endswith("t") else "th")


def plural(word: str) -> str:
    """Give the plural of a number word: sixes, twenties, thirds."""
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("x") else "s")


def year(number: int) -> Words:
    """Read a year of four digits the way years are said.

    Example:
        >>> year(1999), year(2005), year(2026)
        (('nineteen', 'ninety', 'nine'), ('two', 'thousand', 'five'), ('twenty', 'twenty', 'six'))
    """
    century, rest = divmod(number, 100)
    if not 1000 <= number <= 9999 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return (*cardinal(century), "hundred")
    if rest < 10:
        return (*cardinal(century), "oh", *cardinal(rest))
    return (*cardinal(century), *cardinal(rest))


def decade(number: int) -> Words:
    """Read 1990 as nineteen nineties, 1900 as nineteen hundreds, 90 as nineties."""
    *head, last = year(number)
    return (*head, plural(last))


def number_words(text: str) -> Words:
    """Read digits with optional thousands commas and decimal point.

    Leading zeros and more than fifteen digits are read digit by digit.

    Example:
        >>> number_words("3.14"), number_words("007"), number_words(".5")
        (('three', 'point', 'one', 'four'), ('zero', 'zero', 'seven'), ('point', 'five'))
    """
    whole, point, part = text.replace(",", "").partition(".")
    if len(whole) > MAX_CARDINAL_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        words = digits(whole)
    else:
        words = cardinal(int(whole)) if whole else ()
    return (*words, "point", *digits(part)) if point and part else words


def fraction(numerator: int, denominator: int) -> Words:
    """Read a fraction.

    Example:
        >>> fraction(1, 2), fraction(3, 4), fraction(2, 3)
        (('one', 'half'), ('three', 'quarters'), ('two', 'thirds'))
    """
    if denominator > 100 or denominator < 2 or numerator > denominator:
        return (*cardinal(numerator), "over", *cardinal(denominator))
    name = {2: ("half",), 4: ("quarter",)}.get(denominator, ordinal(denominator))
    if numerator != 1:
        name = (*name[:-1], "halves" if denominator == 2 else plural(name[-1]))
    return (*cardinal(numerator), *name)


def money(sign: str, amount: str, magnitude: str = "") -> Words:
    """Read an amount of money.

    Args:
        sign: A key of ``CURRENCIES``.
        amount: Digits with optional commas and decimals.
        magnitude: ``million`` or such, when the amount is in those.

    Example:
        >>> " ".join(money("$", "5.20")), " ".join(money("£", "3", "million"))
        ('five dollars twenty cents', 'three million pounds')
    """
    one, many, part_one, part_many = CURRENCIES[sign]
    if magnitude:
        return (*number_words(amount), magnitude, many)
    whole, _, part = amount.partition(".")
    if len(part) != 2 or not part_one:
        return (*number_words(amount), one if amount == "1" else many)
    words: list[str] = []
    if whole.strip("0,") or part == "00":
        words += [*number_words(whole or "0"), one if whole == "1" else many]
    if part != "00":
        words += [*cardinal(int(part)), part_one if part == "01" else part_many]
    return tuple(words)


def clock(hour: int, minute: int, half: str = "") -> Words:
    """Read a time of day.

    Args:
        half: ``am``, ``pm`` or empty.

    Example:
        >>> " ".join(clock(3, 5, "pm")), " ".join(clock(12, 0)), " ".join(clock(15, 30))
        ('three oh five p m', "twelve o'clock", 'fifteen thirty')
    """
    words = list(cardinal(hour))
    if minute:
        words += (["oh"] if minute < 10 else []) + list(cardinal(minute))
    elif not half:
        words += ["o'clock"] if 1 <= hour <= 12 else ["hundred"]
    return (*words, *half)


def roman(text: str) -> int:
    """Give the value of a capital Roman numeral, 0 when it is not a well-formed one.

    Example:
        >>> roman("XIV"), roman("IIX")
        (14, 0)
    """
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    if not text or len(text) > 15 or any(c not in values for c in text):
        return 0
    numbers = [values[c] for c in text]
    total = sum(-a if a < b else a for a, b in zip(numbers, [*numbers[1:], 0], strict=True))
    return total if to_roman(total) == text else 0


def to_roman(number: int) -> str:
    """Give the Roman numeral of a number from 1 to 3999."""
    table = (
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
        (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    )  # fmt: skip
    text = ""
    for value, symbol in table:
        count, number = divmod(number, value)
        text += symbol * count
    return text
