"""Sentences of voices that come by download, set on one clock, and symbols with durations as phones."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from visemic.audio.recognise import with_silence
from visemic.core.clock import Rate
from visemic.core.signals import Alignment, Phone, Waveform, Word
from visemic.text.visemes import VOWELS, arpabet_from_ipa, phone_from_ipa, phone_table
from visemic.voices.base import Speech
from visemic.voices.finish import Finish

LEAD_IN_S = 0.10
"""Silence before the first sentence at tempo 1: time for the mouth to open."""
TAIL_S = 0.25
"""Silence after the last sentence at tempo 1: time for the mouth to close."""
_STRESS = {"ˈ": 1, "ˌ": 2}
_JOINED = {"R": ("ER",)}
"""Phones that are part of the one before, if it is one of these."""


@dataclass(frozen=True, eq=False)
class SpokenSentence:
    """A sentence in sound, on its own clock."""

    samples: Float32[np.ndarray, " samples"]
    phones: tuple[Phone, ...]
    """In order; what lies between them is silence."""
    words: tuple[Word, ...]
    pause_after_s: float
    """At tempo 1."""


def joined(
    sentences: Sequence[SpokenSentence], rate: Rate, *, text: str, language: str, tempo: float
) -> Speech:
    """Set sentences one after another, without clicks where they meet.

    Args:
        sentences: At least one.
        rate: Of their samples.
        text: As written, for the alignment.
        language: For the alignment.
        tempo: By which the pauses between them are divided.
    """
    hz = float(rate)
    sound = [np.zeros(round(LEAD_IN_S / tempo * hz), np.float32)]
    n_samples = len(sound[0])
    phones: list[Phone] = []
    words: list[Word] = []
    for number, sentence in enumerate(sentences):
        start_s, end_s = rate.time_of(n_samples), rate.time_of(n_samples + len(sentence.samples))
        finish = Finish(rate)
        is_last = number + 1 == len(sentences)
        pause_s = TAIL_S if is_last else sentence.pause_after_s
        quiet = np.zeros(round(pause_s / tempo * hz), np.float32)
        sound += [finish.push(sentence.samples), finish.close(), quiet]
        phones += [
            replace(p, start_s=p.start_s + start_s, end_s=min(p.end_s + start_s, end_s))
            for p in sentence.phones
        ]
        words += [
            replace(w, start_s=w.start_s + start_s, end_s=min(w.end_s + start_s, end_s))
            for w in sentence.words
        ]
        n_samples += len(sentence.samples) + len(quiet)
    waveform = Waveform(np.concatenate(sound), rate)
    timed = with_silence(phones, waveform.duration_s)
    return Speech(waveform, Alignment(timed, tuple(words), text, waveform.duration_s, language))


def timed_phones(symbols: Sequence[tuple[str, float, float]], *, is_english: bool) -> list[list[Phone]]:
    """Give the phones of IPA symbols that each have their time, word by word.

    Stress marks and modifiers have time of their own in such voices; it goes to the sound that
    they belong to. Pairs that are one phone, as ``t`` and ``ʃ``, become one.

    Args:
        symbols: Symbol, start and end in seconds; a blank parts words, punctuation is silent.
        is_english: Whether symbols mean what they mean in English.

    Returns:
        Words with at least one phone.
    """
    pairs = phone_table().ipa
    words: list[list[Phone]] = [[]]
    stress: int | None = None
    waiting_s: float | None = None
    for symbol, start_s, end_s in symbols:
        if not symbol.strip():
            words.append([])
        elif symbol in _STRESS:
            stress, waiting_s = _STRESS[symbol], start_s
        elif unicodedata.category(symbol[0]) in ("Mn", "Lm") and words[-1]:
            words[-1][-1] = replace(words[-1][-1], end_s=end_s)
        else:
            for label in _labels(symbol, is_english):
                begin_s = start_s if waiting_s is None else waiting_s
                before = words[-1][-1] if words[-1] else None
                pair = pairs.get(before.ipa + symbol) if before and before.end_s == begin_s else None
                if before and (pair or before.label in _JOINED.get(label, ())):
                    words[-1][-1] = replace(before, label=pair or before.label, end_s=end_s)
                else:
                    mark = stress if label in VOWELS else None
                    words[-1].append(Phone(label, begin_s, end_s, mark, symbol))
                    stress = None if label in VOWELS else stress
                waiting_s = None
    return [word for word in words if word]


def _labels(symbol: str, is_english: bool) -> tuple[str, ...]:
    if not any(c.isalpha() for c in symbol):
        return ()
    return arpabet_from_ipa(symbol)[:1] if is_english else (phone_from_ipa(symbol),)
