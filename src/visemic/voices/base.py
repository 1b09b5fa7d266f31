"""The contract of a voice: text and tempo in, sound and alignment out, both on one clock."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from visemic.core.errors import VoiceError
from visemic.core.signals import Alignment, Waveform

MIN_TEMPO = 0.5
MAX_TEMPO = 2.0


@dataclass(frozen=True, eq=False)
class Speech:
    """What a voice gives."""

    waveform: Waveform
    alignment: Alignment
    """On the waveform's clock; its ``duration_s`` is the waveform's."""


@dataclass(frozen=True)
class VoiceInfo:
    """What a user should know of a voice before choosing it."""

    name: str
    languages: tuple[str, ...]
    licence: str
    installed: bool
    how_to_install: str
    description: str


def speaks(info: VoiceInfo, language: str) -> bool:
    """Tell whether a voice has a language; ``en`` means American English, ``de-at`` German if need be."""
    tag = language.strip().lower().replace("_", "-")
    return {"en": "en-us"}.get(tag, tag) in info.languages or tag.partition("-")[0] in info.languages


def check_request(info: VoiceInfo, language: str, tempo: float) -> None:
    """Refuse what a voice cannot do, before any work.

    Raises:
        VoiceError: It does not speak the language, or the tempo is out of range.
    """
    if not speaks(info, language):
        raise VoiceError(
            f"voice {info.name!r} speaks {', '.join(info.languages) or 'nothing'} and not {language!r}; "
            "take the voice 'espeak' or another, see visemic voices"
        )
    if not MIN_TEMPO <= tempo <= MAX_TEMPO:
        raise VoiceError(f"a tempo of {tempo:g} cannot be spoken; give {MIN_TEMPO:g} to {MAX_TEMPO:g}")


@runtime_checkable
class Voice(Protocol):
    """Anything that can speak."""

    info: VoiceInfo

    def speak(self, text: str, *, language: str = "en-us", tempo: float = 1.0) -> Speech:
        """Speak a text.

        Args:
            text: As written, numbers and all; at most ``text.normalize.MAX_CHARACTERS``.
            language: Language tag such as ``en-us`` or ``fr``.
            tempo: Speed, 0.5 half to 2 double.

        Raises:
            TextError: Nothing in the text can be pronounced.
            VoiceError: The language or tempo is not to be had, or the voice is not installed.
        """
        ...


@runtime_checkable
class PlanningVoice(Voice, Protocol):
    """A voice that can be told how long a text shall last, and needs no stretching for it."""

    def speak_for(self, text: str, duration_s: float, *, language: str = "en-us") -> Speech:
        """Speak a text in an exact time, to the sample.

        Args:
            text: As written.
            duration_s: Length in seconds, silence at both ends included.
            language: Language tag.

        Raises:
            TextError: Nothing in the text can be pronounced.
            VoiceError: The language is not to be had.
            InputError: The length is out of reach; the message says the nearest possible.
        """
        ...
