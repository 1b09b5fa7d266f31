"""From phones to the segments that compete for the mouth.

A segment is a stretch of time with one target: half a diphthong, a merged pair of equal
visemes, a pause. Stress, loudness and speech rate act here, on targets, before any blending.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from visemic.core.errors import InputError, unknown_name
from visemic.core.signals import SILENCE, Alignment, Features, Phone
from visemic.features.prosody import ENERGY, span_means
from visemic.motion.calibrate import SHAPES
from visemic.motion.mouth import sides_of
from visemic.text.visemes import ROUNDED, VOWELS, phone_from_ipa, phone_table

HOLD_S = 0.12
"""A shorter silence is bridged: the mouth holds."""
RELAX_S = 0.35
"""A silence shorter than this relaxes the mouth by half; a longer one brings it to rest."""
MIN_SEGMENT_S = 1e-4

# Rows: class; columns: the groups of viseme_dominance. Rates in 1/s.
CLASSES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "rounded": ((1.0, 0.35, 0.9, 0.8, 1.0, 0.3), (11, 30, 13, 11, 9, 20)),
    "vowel": ((1.0, 0.35, 0.9, 0.8, 0.7, 0.3), (11, 30, 13, 11, 9, 20)),
    "bilabial": ((0.25, 1.6, 1.6, 0.15, 0.10, 0.2), (18, 26, 26, 18, 18, 20)),
    "labiodental": ((0.4, 1.4, 1.2, 0.15, 0.2, 0.2), (18, 24, 24, 18, 18, 20)),
    "postalveolar": ((1.0, 0.4, 0.8, 0.7, 1.0, 0.3), (17, 26, 20, 14, 9, 20)),
    "alveolar_sibilant": ((1.2, 0.4, 0.8, 0.4, 0.15, 0.3), (18, 18, 18, 18, 18, 18)),
    "w": ((0.8, 0.4, 0.8, 0.9, 1.3, 0.3), (16, 18, 18, 18, 9, 18)),
    "y": ((0.6, 0.35, 0.7, 0.8, 0.4, 0.3), (16, 26, 16, 12, 12, 20)),
    "r": ((0.5, 0.3, 0.5, 0.5, 0.7, 0.3), (16, 18, 18, 18, 10, 18)),
    "dental": ((0.8, 0.3, 0.8, 0.15, 0.15, 1.0), (20, 20, 20, 20, 20, 20)),
    "tongue": ((0.45, 0.3, 0.4, 0.12, 0.12, 0.4), (20, 20, 20, 20, 20, 20)),
    "breath": ((0.08,) * 6, (18,) * 6),
    "silence": ((0.5, 0.5, 0.5, 0.4, 0.4, 0.5), (14, 14, 14, 14, 14, 14)),
}
CLASS_NAMES = tuple(CLASSES)
_CLASS_OF = {
    **dict.fromkeys(("P", "B", "M"), "bilabial"),
    **dict.fromkeys(("F", "V"), "labiodental"),
    **dict.fromkeys(("SH", "ZH", "CH", "JH"), "postalveolar"),
    **dict.fromkeys(("S", "Z"), "alveolar_sibilant"),
    **dict.fromkeys(("TH", "DH"), "dental"),
    **dict.fromkeys(("T", "D", "N", "L", "K", "G", "NG"), "tongue"),
    "W": "w",
    "Y": "y",
    "R": "r",
    "HH": "breath",
    SILENCE: "silence",
}

_STRESS_JAW = {0: 0.75, 1: 1.1}
_LOUDNESS_JAW, _LOUDNESS_JAW_MIN, _LOUDNESS_JAW_MAX = 0.25, 0.6, 1.35
_MIN_LOUDNESS_SPREAD_DB = 3.0
_FAST_SYLLABLES = (6.0, 7.0)
"""Syllables a second at which fast speech begins to act and acts in full; 6.5 in the middle."""
FAST_JAW, FAST_RATE = 0.85, 1.15
_RATE_WINDOW_S = 1.0


@dataclass(frozen=True, eq=False)
class Segments:
    """Competing targets in time order; together they cover the clip."""

    start_s: Float[np.ndarray, " segments"]
    end_s: Float[np.ndarray, " segments"]
    targets: Float[np.ndarray, "segments shapes"]
    """Weights of ``SHAPES``."""
    strengths: Float[np.ndarray, "segments groups"]
    rates_hz: Float[np.ndarray, "segments groups"]
    """Decay of the dominance, 1/s."""
    is_rest: np.ndarray
    """True for a silence that brings the mouth to rest."""


@dataclass(slots=True)
class _Part:
    key: str
    start_s: float
    end_s: float
    target: np.ndarray
    is_rest: bool = False
    loud: float = 1.0


def known_phones(alignment: Alignment) -> Alignment:
    """Give the alignment with every label a key of the phone table.

    Raises:
        InputError: A label is neither a key of the table nor an IPA symbol.
    """
    known = set(phone_table().phones)
    if all(phone.label in known for phone in alignment.phones):
        return alignment
    phones = [p if p.label in known else replace(p, label=_known_label(p, known)) for p in alignment.phones]
    return replace(alignment, phones=tuple(phones))


def _known_label(phone: Phone, known: set[str]) -> str:
    bare = phone.label.rstrip("012")  # a dictionary's stress digit
    if bare in known:
        return bare
    symbol = phone.ipa or phone.label
    label = SILENCE if symbol.isascii() and symbol.isupper() else phone_from_ipa(symbol)
    if label == SILENCE:
        raise InputError(unknown_name("phone", phone.label, sorted(known)))
    return label


def target_rows(table: Mapping[str, Mapping[str, float]]) -> dict[str, Float[np.ndarray, " shapes"]]:
    """Give each phone's target as a row of ``SHAPES``."""
    return {
        phone: np.array([weights.get(sides_of(shape)[0], 0.0) for shape in SHAPES])
        for phone, weights in table.items()
    }


def segments_from_alignment(
    alignment: Alignment,
    prosody: Features | None,
    targets: Mapping[str, Float[np.ndarray, " shapes"]],
    jaw_gain: float,
) -> Segments:
    """Give the segments of a clip.

    Args:
        alignment: Phones whose labels are keys of the phone table.
        prosody: Energy for the loudness of vowels; None takes all as equally loud.
        targets: Calibrated target rows by phone.
        jaw_gain: Factor on every vowel's jaw.
    """
    covered = _covered(alignment)
    loudness = _loudness_gains(covered, prosody)
    parts = _parts(covered, loudness, targets, jaw_gain)
    parts = _without_holds(_merged(parts))
    fast = _fastness(parts)
    jaw = SHAPES.index("jawOpen")
    rows = np.array([part.target for part in parts])
    kinds = [_class_of(part.key) for part in parts]
    vowel = np.array([part.key in VOWELS for part in parts])
    rows[:, jaw] *= np.where(vowel, 1.0 + fast * (FAST_JAW - 1.0), 1.0)
    rates = np.array([CLASSES[kind][1] for kind in kinds], float)
    return Segments(
        np.array([part.start_s for part in parts]),
        np.array([part.end_s for part in parts]),
        np.clip(rows, 0.0, 1.0),
        np.array([CLASSES[kind][0] for kind in kinds], float),
        rates * (1.0 + fast * (FAST_RATE - 1.0))[:, None],
        np.array([part.is_rest for part in parts]),
    )


def _class_of(key: str) -> str:
    return _CLASS_OF.get(key) or ("rounded" if key in ROUNDED else "vowel")


def _covered(alignment: Alignment) -> list[Phone]:
    """Give phones that cover the clip without holes; neighbouring silences are one."""
    covered: list[Phone] = []

    def add(phone: Phone) -> None:
        if phone.end_s - phone.start_s < MIN_SEGMENT_S:
            return
        if covered and phone.label == SILENCE == covered[-1].label:
            covered[-1] = replace(covered[-1], end_s=phone.end_s)
        else:
            covered.append(phone)

    at_s = 0.0
    for phone in alignment.phones:
        add(Phone(SILENCE, at_s, phone.start_s))
        add(phone)
        at_s = max(at_s, phone.end_s)
    add(Phone(SILENCE, at_s, alignment.duration_s))
    return covered or [Phone(SILENCE, 0.0, max(alignment.duration_s, MIN_SEGMENT_S))]


def _loudness_gains(phones: list[Phone], prosody: Features | None) -> Float[np.ndarray, " phones"]:
    """Give the factor on each vowel's jaw from its loudness among the clip's vowels; 1 elsewhere."""
    gains = np.ones(len(phones))
    vowels = [i for i, phone in enumerate(phones) if phone.label in VOWELS]
    if prosody is None or not vowels:
        return gains
    starts = np.array([phones[i].start_s for i in vowels])
    ends = np.array([phones[i].end_s for i in vowels])
    level_db = span_means(prosody, ENERGY, starts, ends)
    z = (level_db - level_db.mean()) / max(float(level_db.std()), _MIN_LOUDNESS_SPREAD_DB)
    gains[vowels] = np.clip(1.0 + _LOUDNESS_JAW * z, _LOUDNESS_JAW_MIN, _LOUDNESS_JAW_MAX)
    return gains


def _parts(
    phones: list[Phone],
    loudness: Float[np.ndarray, " phones"],
    targets: Mapping[str, Float[np.ndarray, " shapes"]],
    jaw_gain: float,
) -> list[_Part]:
    """Split diphthongs, and put stress and loudness into the jaw of vowels."""
    table, jaw = phone_table(), SHAPES.index("jawOpen")
    parts: list[_Part] = []
    for phone, loud in zip(phones, loudness, strict=True):
        start_s = phone.start_s
        for key, share in table.parts(phone.label):
            target = targets[key].copy()
            if phone.label in VOWELS:
                stress = _STRESS_JAW.get(phone.stress, 1.0) if phone.stress is not None else 1.0
                target[jaw] *= jaw_gain * stress * loud
            end_s = start_s + share * (phone.end_s - phone.start_s)
            parts.append(_Part(key, start_s, end_s, target))
            start_s = end_s
        parts[-1].end_s = phone.end_s
    return parts


def _merged(parts: list[_Part]) -> list[_Part]:
    """Merge neighbours of one viseme: pop man. Vowels merge only with themselves."""
    viseme = phone_table().viseme
    merged: list[_Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if last and (
            last.key == part.key
            or (viseme[last.key] == viseme[part.key] and not {last.key, part.key} & VOWELS)
        ):
            a, b = last.end_s - last.start_s, part.end_s - part.start_s
            last.target = (a * last.target + b * part.target) / (a + b)
            last.end_s = part.end_s
        else:
            merged.append(part)
    return merged


def _without_holds(parts: list[_Part]) -> list[_Part]:
    """Turn silences into what the mouth does in them: hold, relax by half, or rest."""
    kept: list[_Part] = []
    for number, part in enumerate(parts):
        length_s = part.end_s - part.start_s
        inner = 0 < number < len(parts) - 1
        if part.key != SILENCE:
            if kept and kept[-1].end_s < part.start_s:
                part.start_s = kept[-1].end_s
            kept.append(part)
        elif inner and length_s < HOLD_S and kept:
            kept[-1].end_s = (part.start_s + part.end_s) / 2
        elif inner and length_s < RELAX_S and kept:
            kept.append(_Part(SILENCE, part.start_s, part.end_s, 0.5 * kept[-1].target))
        else:
            kept.append(_Part(SILENCE, part.start_s, part.end_s, np.zeros_like(part.target), is_rest=True))
    return kept


def _fastness(parts: list[_Part]) -> Float[np.ndarray, " segments"]:
    """Give 0 for calm and 1 for fast speech, from the syllables within a second of each part."""
    middle = np.array([(part.start_s + part.end_s) / 2 for part in parts])
    # The halves of a diphthong are one syllable: count the part that starts it.
    syllables = np.array(
        [p.start_s for i, p in enumerate(parts) if p.key in VOWELS and not (i and parts[i - 1].key in VOWELS)]
    )
    spoken = np.array([0.0 if p.key == SILENCE else p.end_s - p.start_s for p in parts])
    edges = np.array([p.start_s for p in parts] + [parts[-1].end_s])
    total = np.concatenate([[0.0], np.cumsum(spoken)])
    low, high = middle - _RATE_WINDOW_S, middle + _RATE_WINDOW_S
    count = np.searchsorted(syllables, high) - np.searchsorted(syllables, low)
    time_s = np.interp(high, edges, total) - np.interp(low, edges, total)
    per_s = count / np.maximum(time_s, 0.5)
    slow, fast = _FAST_SYLLABLES
    return np.clip((per_s - slow) / (fast - slow), 0.0, 1.0)
