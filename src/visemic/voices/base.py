"""The contract of a voice: text and tempo in, sound and alignment out, both on one clock."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
