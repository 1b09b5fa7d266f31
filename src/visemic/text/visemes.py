"""What the mouth does for each phone, and which phone an IPA symbol is.

The table is visemic's own data (``phoneme_viseme_arkit.json``): ARKit weights and the lip
geometry that they give for 36 simple phones, two parts for each of five diphthongs, and a
map from 105 IPA symbols. Keys are ARPAbet plus ``AX`` (schwa), ``OH`` (monophthong o) and
``SIL``. Any language that has an IPA transcription is covered: symbols outside the table
are placed by their phonetic features.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from visemic.core.errors import TextError
from visemic.core.signals import SILENCE

OCULUS_VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
"""The 15 mouth classes of Oculus, in its order."""

VOWELS = frozenset(
    ["AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OH", "OW", "OY", "UH", "UW"]
)
DIPHTHONGS = frozenset(["AW", "AY", "EY", "OW", "OY"])
BILABIALS = frozenset(["P", "B", "M"])
LABIODENTALS = frozenset(["F", "V"])
DENTALS = frozenset(["TH", "DH"])
SIBILANTS = frozenset(["S", "Z", "SH", "ZH", "CH", "JH"])
PLOSIVES = frozenset(["P", "B", "T", "D", "K", "G"])
NASALS = frozenset(["M", "N", "NG"])
APPROXIMANTS = frozenset(["L", "R", "W", "Y"])
ROUNDED = frozenset(["AO", "AW", "CH", "ER", "JH", "OH", "OW", "OY", "R", "SH", "UH", "UW", "W", "ZH"])
"""Phones with pushed or pursed lips for at least a part of their time."""
VOICELESS = frozenset(["P", "T", "K", "F", "TH", "S", "SH", "CH", "HH"])

# Spellings of diphthongs and rhotic vowels by espeak-ng and by dictionaries that the
# table's 105 symbols do not hold.
_MORE_IPA = {
    "ai": "AY", "aj": "AY", "ɑɪ": "AY", "ɑi": "AY", "ʌɪ": "AY", "äɪ": "AY", "aɛ": "AY",
    "au": "AW", "aw": "AW", "ɑʊ": "AW", "ɑu": "AW", "ʌʊ": "AW", "æʊ": "AW", "aɔ": "AW",
    "ei": "EY", "ej": "EY", "ɛɪ": "EY", "ɛi": "EY", "æɪ": "EY",
    "ou": "OW", "əu": "OW", "ɔʊ": "OW", "ɔu": "OW", "ɒʊ": "OW",
    "oɪ": "OY", "oi": "OY", "ɔi": "OY", "ɔø": "OY", "ɔy": "OY", "ɔʏ": "OY", "ɒɪ": "OY",
    "ʦ": "S", "ʣ": "Z", "ʧ": "CH", "ʤ": "JH", "ʨ": "CH", "ʥ": "JH", "pf": "F",
}  # fmt: skip

# What English dictionaries write in another way than the rest of the world.
_ENGLISH = {"ɜ": "ER", "ɐ": "AH", "a": "AE", "o": "AO", "r": "R", "ɒ": "AA"}

_TIES = "\u0361\u035c\u203f"
_STRESS = "ˈˌ"
_MARKS = "\u0300-\u034e\u0350-\u035b\u0363-\u036fːˑ˞ʰʱʲʷˠˤˀʼⁿˡ˥˦˧˨˩ꜛꜜ0-9⁰¹²³⁴⁵⁶⁷⁸⁹"

# Letters of the IPA that the table lacks, by place and manner for consonants and by
# height, backness and rounding for vowels; the mouth needs no finer classes.
_FEATURES = {
    "ʙ": "bilabial trill", "ⱱ": "labiodental tap", "ɓ": "bilabial stop", "ʘ": "bilabial stop",
    "ȹ": "bilabial stop", "ȸ": "bilabial stop", "ɗ": "alveolar stop", "ᶑ": "alveolar stop",
    "ȶ": "alveolar stop", "ȡ": "alveolar stop", "ɽ": "alveolar tap", "ɺ": "alveolar lateral",
    "ȵ": "alveolar nasal", "ȴ": "alveolar lateral", "ꞎ": "alveolar lateral", "ʟ": "alveolar lateral",
    "ǀ": "dental click", "ǃ": "alveolar stop", "ǂ": "alveolar stop", "ǁ": "alveolar lateral",
    "ʄ": "velar stop", "ɠ": "velar stop", "ʛ": "velar stop", "ʡ": "velar stop",
    "ɰ": "velar approximant", "ʜ": "glottal fricative", "ʢ": "glottal fricative",
    "ɧ": "postalveolar sibilant",
    "ɼ": "postalveolar sibilant", "ʆ": "postalveolar sibilant", "ʓ": "postalveolar sibilant",
    "ʅ": "near-close central unrounded", "ɿ": "near-close central unrounded",
    "ʮ": "close front rounded", "ʯ": "close front rounded", "ᵻ": "near-close central unrounded",
    "ᵿ": "near-close back rounded", "ɩ": "near-close front unrounded", "ɷ": "near-close back rounded",
    "ᴀ": "open central unrounded", "ᴇ": "close-mid front unrounded", "ᴜ": "near-close back rounded",
    "ⱥ": "open central unrounded",
}  # fmt: skip

_CONSONANTS = {
    "bilabial": "B", "labiodental": "V", "dental": "TH", "alveolar stop": "D", "alveolar tap": "D",
    "alveolar trill": "L", "alveolar lateral": "L", "alveolar nasal": "N", "alveolar sibilant": "S",
    "alveolar approximant": "R", "postalveolar": "SH", "palatal": "Y", "velar": "G", "glottal": "HH",
}  # fmt: skip
_UNROUNDED = {
    "close": "IY", "near-close": "IH", "close-mid": "EH", "mid": "AX", "open-mid": "EH",
    "near-open": "AE", "open": "AA",
}  # fmt: skip
_UNROUNDED_BACK = {**_UNROUNDED, "close": "IH", "close-mid": "AH", "open-mid": "AH", "near-open": "AH"}
_ROUNDED = {
    "close": "UW", "near-close": "UH", "close-mid": "OH", "mid": "OH", "open-mid": "AO",
    "near-open": "AO", "open": "AO",
}  # fmt: skip


@dataclass(frozen=True)
class PhoneTable:
    """Mouth shapes by phone; do not change the dictionaries, they are shared."""

    weights: dict[str, dict[str, float]]
    """ARKit weights, 0 to 1, by simple phone; ``SIL`` is the resting mouth, an empty dict."""
    geometry_mm: dict[str, dict[str, float]]
    """Lip and teeth geometry of each simple phone in millimetres, as meant on an adult head."""
    diphthongs: dict[str, tuple[tuple[str, float], ...]]
    """Simple phones and their share of the time, by diphthong; the shares sum to 1."""
    viseme: dict[str, str]
    """Name of one of the 15 Oculus visemes by phone, diphthongs and ``SIL`` included."""
    visemes: dict[str, dict[str, float]]
    """ARKit weights, 0 to 1, by Oculus viseme."""
    ipa: dict[str, str]
    """Phone by IPA symbol."""

    @property
    def phones(self) -> tuple[str, ...]:
        """All keys, diphthongs and ``SIL`` included."""
        return tuple(self.viseme)

    def parts(self, phone: str) -> tuple[tuple[str, float], ...]:
        """Give the simple phones of a phone with their share of its time.

        Raises:
            TextError: The table has no such phone.
        """
        if phone in self.diphthongs:
            return self.diphthongs[phone]
        if phone not in self.weights:
            raise TextError(f"no phone {phone!r} among {len(self.viseme)} phones; use ARPAbet without stress")
        return ((phone, 1.0),)


@lru_cache(maxsize=1)
def phone_table() -> PhoneTable:
    """Give the phone table, read once.

    Example:
        >>> phone_table().viseme["M"]
        'PP'
        >>> phone_table().diphthongs["AY"]
        (('AA', 0.6), ('IH', 0.4))
    """
    data = json.loads(Path(__file__).with_name("phoneme_viseme_arkit.json").read_text(encoding="utf-8"))
    phones, visemes = data["phonemes"], data["visemes15"]
    return PhoneTable(
        weights={SILENCE: {}, **{key: row["w"] for key, row in phones.items() if "w" in row}},
        geometry_mm={
            SILENCE: visemes["sil"]["ict_mm"],
            **{key: row["ict_mm"] for key, row in phones.items() if "ict_mm" in row},
        },
        diphthongs={
            key: tuple((part, share) for part, share in row["diphthong"])
            for key, row in phones.items()
            if "diphthong" in row
        },
        viseme={SILENCE: "sil", **{key: row["viseme"] for key, row in phones.items()}},
        visemes={key: row["w"] for key, row in visemes.items()},
        ipa={**_MORE_IPA, **data["ipa_to_key"]},
    )


def _segment_pattern() -> re.Pattern[str]:
    pairs = sorted(symbol for symbol in phone_table().ipa if len(symbol) == 2)
    letter = r"[^\W\d_\u02b0-\u02ff\u207f]|[ǀǁǂǃ]"
    marks = f"[{_MARKS}]*"
    return re.compile(
        f"[{_STRESS}]*(?:(?:{letter}){marks}[{_TIES}](?:{letter})|{'|'.join(pairs)}|{letter})(?:{marks})"
    )


_segments = lru_cache(maxsize=1)(_segment_pattern)


def _decomposed(ipa: str) -> str:
    """Split letters from their marks; ç is a letter of its own."""
    return unicodedata.normalize("NFD", ipa).replace("c\u0327", "ç")


def split_ipa(ipa: str) -> tuple[str, ...]:
    """Cut an IPA transcription into segments, each with its marks.

    Diphthongs and affricates of the table stay whole, tie or no tie. A stress mark goes
    with the next segment, length and other modifiers with the one before. Spaces,
    punctuation and syllable dots separate and are dropped.

    Example:
        >>> split_ipa("ˈt͡ʃaɪ.nəː")
        ('ˈt͡ʃ', 'aɪ', 'n', 'əː')
    """
    found = _segments().findall(_decomposed(ipa))
    return tuple(unicodedata.normalize("NFC", segment) for segment in found)


def phone_from_features(features: str) -> str:
    """Give the phone nearest to phonetic features.

    Args:
        features: Place and manner of a consonant (``"velar stop"``), or height, backness and
            rounding of a vowel (``"close-mid front rounded"``).

    Raises:
        TextError: The place or the height is none of the IPA's.
    """
    words = features.split()
    if words[-1] in ("rounded", "unrounded"):
        table = _ROUNDED if words[-1] == "rounded" else _UNROUNDED if words[1] == "front" else _UNROUNDED_BACK
        if words[0] in table:
            return table[words[0]]
    for key in (features, words[0]):
        if key in _CONSONANTS:
            return _CONSONANTS[key]
    raise TextError(
        f"no phone has the features {features!r}; say place and manner, or height, backness, rounding"
    )


def phone_from_ipa(symbol: str) -> str:
    """Give the phone of one IPA segment.

    Looks for the symbol as it is, then without stress, length, ties and diacritics, then by
    the features of its first letter. A letter outside the IPA is an ``AX``, since some sound
    is made there; a symbol without any letter is ``SIL``.

    Example:
        >>> phone_from_ipa("ɔ̃ː"), phone_from_ipa("t͡ʃ"), phone_from_ipa("ɓ")
        ('AO', 'CH', 'B')
    """
    table = phone_table().ipa
    if symbol in table:
        return table[symbol]
    bare = _bare(symbol)
    if not bare:
        return SILENCE
    for candidate in (bare, bare[:2], bare[0], bare[0].lower()):
        if candidate in table:
            return table[candidate]
        if candidate in _FEATURES:
            return phone_from_features(_FEATURES[candidate])
    return "AX"


def _bare(symbol: str) -> str:
    """Drop everything but letters; modifier letters such as ʰ go too, clicks stay."""
    return "".join(
        c for c in _decomposed(symbol) if c in _FEATURES or (c.isalpha() and unicodedata.category(c) != "Lm")
    )


def phones_from_ipa(ipa: str) -> tuple[str, ...]:
    """Give the phones of an IPA string of any length, such as one event of a voice.

    Example:
        >>> phones_from_ipa("ˈaɪɚ")
        ('AY', 'ER')
    """
    return tuple(phone for phone in map(phone_from_ipa, split_ipa(ipa)) if phone != SILENCE)


def arpabet_from_ipa(ipa: str) -> tuple[str, ...]:
    """Give the ARPAbet phones of English IPA, as the CMU dictionary would write them.

    Differs from ``phones_from_ipa`` where English has its own habits: a schwa is ``AH``, the
    vowel of *nurse* is ``ER`` with or without its r, and *ts* is two phones.

    Example:
        >>> arpabet_from_ipa("nˈɜːs"), arpabet_from_ipa("ɡˈoʊ")
        (('N', 'ER', 'S'), ('G', 'OW'))
    """
    phones: list[str] = []
    for segment in split_ipa(ipa):
        bare = _bare(segment)
        if bare in ("ts", "dz", "pf"):
            phones += [phone_from_ipa(letter) for letter in bare]
            continue
        phone = _ENGLISH.get(bare) or phone_from_ipa(segment)
        phone = {"AX": "AH", "OH": "OW"}.get(phone, phone)
        if phone == "R" and phones and phones[-1] == "ER":
            continue
        if phone != SILENCE:
            phones.append(phone)
    return tuple(phones)
