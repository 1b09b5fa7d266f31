"""The voice of espeak-ng: robotic, tiny, quick, over a hundred languages, exact times.

The library is GPL and an optional plugin: nothing of it is imported before this voice is
asked to speak. Text is spoken sentence by sentence, so that time grows with length only
and no sentence depends on another.
"""

import re
from collections.abc import Sequence
from functools import partial

from visemic.core.clock import Rate
from visemic.core.errors import TextError, VoiceError, unknown_name
from visemic.core.signals import Waveform
from visemic.text.normalize import split_sentences
from visemic.voices import espeak_library
from visemic.voices.base import MAX_TEMPO, MIN_TEMPO, Speech, VoiceInfo
from visemic.voices.espeak_phones import segments_of
from visemic.voices.espeak_text import Script, script_of
from visemic.voices.espeak_timeline import SpokenSentence, Take, assemble
from visemic.voices.marks import refuse_marks

NAME = "espeak"
HOW_TO_INSTALL = "pip install 'visemic[espeak]'"
NATURAL_RATE = 150
"""Speed parameter at tempo 1: 165 words a minute of read prose, pauses included."""

_NEAR = 0.03
"""The library's speed is tried again when it misses the wanted length by more than this."""
_TRIALS = 3
_ALIASES = {"en": "en-us", "en-uk": "en-gb", "fr": "fr-fr", "zh": "cmn", "zh-cn": "cmn", "hy": "hy"}
"""Tags that several voices of the library would answer to, or that it does not know."""


class EspeakVoice:
    """Speaks with espeak-ng.

    Args:
        variant: A manner of speaking such as ``f3`` or ``Andy``; None for the plain voice.

    Raises:
        VoiceError: The library is not installed, or has no such variant.
    """

    def __init__(self, variant: str | None = None) -> None:
        if not is_installed():
            raise VoiceError(f"voice {NAME!r} is not installed; run {HOW_TO_INSTALL}")
        if variant is not None and variant not in espeak_library.list_variants():
            known = [f"{NAME}:{v}" for v in espeak_library.list_variants()]
            raise VoiceError(unknown_name("voice", f"{NAME}:{variant}", known))
        self._variant = variant
        self.info = info(NAME if variant is None else f"{NAME}:{variant}")

    def languages(self) -> tuple[str, ...]:
        """Give the language tags that ``speak`` understands."""
        return languages()

    def speak(self, text: str, *, language: str = "en-us", tempo: float = 1.0) -> Speech:
        """Speak a text; the same arguments give the same samples in every process.

        The duration at tempo ``t`` is the duration at tempo 1 divided by ``t``, to a sample:
        the library speaks about as fast as asked, a stretch of a few per cent does the rest.

        Args:
            text: As written, numbers and all; at most ``text.normalize.MAX_CHARACTERS``.
            language: A tag of ``languages()``; a region that the library lacks gives the
                language itself.
            tempo: Speed, 0.5 half to 2 double.

        Raises:
            TextError: Nothing in the text can be pronounced.
            VoiceError: The language or tempo is not to be had, or there are marks in the text.
        """
        if not MIN_TEMPO <= tempo <= MAX_TEMPO:
            raise VoiceError(f"a tempo of {tempo:g} cannot be spoken; give {MIN_TEMPO:g} to {MAX_TEMPO:g}")
        refuse_marks(text, self.info.name)
        voice_id = espeak_library.list_voices()[resolve_language(language)].voice_id
        if self._variant is not None:
            voice_id = f"{voice_id}+{self._variant}"
        scripts = [script_of(sentence, language) for sentence in split_sentences(text, language)]
        spoken = [s for s in (_read(script, voice_id, tempo) for script in scripts) if s is not None]
        if not spoken:
            raise TextError(
                f"voice {self.info.name!r} finds nothing to pronounce in {_shortened(text)!r}; "
                f"write words of the language {language!r} or choose another language"
            )
        return assemble(spoken, text=text, language=language, tempo=tempo)


def load(variant: str | None = None) -> EspeakVoice:
    """Give the voice, plain or in a manner of speaking.

    Raises:
        VoiceError: The library is not installed, or has no such variant.
    """
    return EspeakVoice(variant)


def is_installed() -> bool:
    """Tell whether the library is there, without loading it."""
    from importlib.util import find_spec

    return find_spec("espeakng_loader") is not None


def info(name: str = NAME) -> VoiceInfo:
    """Describe the voice; without its languages when it is not installed."""
    installed = is_installed()
    return VoiceInfo(
        name=name,
        languages=languages() if installed else (),
        licence="GPL-3.0-or-later",
        installed=installed,
        how_to_install=HOW_TO_INSTALL,
        description=(
            "espeak-ng: synthetic sound, about 140 languages, exact phone times; "
            "manners of speaking by a colon, such as espeak:f3, espeak:m2, espeak:whisper"
        ),
    )


def languages() -> tuple[str, ...]:
    """Give the language tags of the library, without double meanings."""
    return tuple(sorted(espeak_library.list_voices()))


def resolve_language(language: str) -> str:
    """Give the tag of ``languages()`` that speaks a language.

    Raises:
        VoiceError: The library does not speak the language.
    """
    voices = espeak_library.list_voices()
    tag = language.strip().lower().replace("_", "-")
    while tag:
        tag = _ALIASES.get(tag, tag)
        by_tag = [name for name, file in voices.items() if tag in file.tags]
        if tag in voices or by_tag:
            return tag if tag in voices else by_tag[0]
        # Without its last part the tag means the language wherever it is spoken.
        tag = tag.rpartition("-")[0]
    raise VoiceError(unknown_name("language", language, [*sorted(voices), *_ALIASES]))


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _read(script: Script, voice_id: str, tempo: float) -> SpokenSentence | None:
    """Speak one sentence near the tempo; None when nothing in it sounds."""
    take = _take(script, voice_id, NATURAL_RATE)
    if take is None:
        return None
    natural = take.length
    wanted = natural / tempo
    rate = NATURAL_RATE * tempo
    for _ in range(_TRIALS):
        if abs(take.length / wanted - 1) <= _NEAR:
            break
        asked = int(min(max(round(rate), espeak_library.MIN_RATE), espeak_library.MAX_RATE))
        take = _take(script, voice_id, asked) or take
        rate = asked * take.length / wanted
    return SpokenSentence(take, natural, script.tokens, script.pause_after_s)


def _take(script: Script, voice_id: str, rate: int) -> Take | None:
    utterance = espeak_library.synthesise(script.text, voice_id, rate)
    segments = segments_of(
        utterance,
        script.starts,
        is_english=script.is_english,
        count=partial(_count, script.parts, voice_id),
    )
    if not segments:
        return None
    return Take(Waveform(utterance.samples, Rate.of(utterance.rate_hz)), tuple(segments))


def _count(parts: Sequence[str], voice_id: str, tokens: Sequence[int]) -> tuple[int, ...]:
    words = [parts[t] for t in tokens]
    counts = espeak_library.count_phonemes(tuple(words), voice_id)
    return tuple(n if re.search(r"\w", w) else 0 for n, w in zip(counts, words, strict=True))
