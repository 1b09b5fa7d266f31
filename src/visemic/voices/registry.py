"""The voices by name."""

from visemic.core.errors import VoiceError, unknown_name
from visemic.voices import espeak
from visemic.voices.base import Voice, VoiceInfo

DEFAULT_VOICE = espeak.NAME


def voice_infos() -> tuple[VoiceInfo, ...]:
    """Describe every voice that visemic knows, installed or not."""
    return (espeak.info(),)


def load_voice(name: str | None = None, language: str | None = None) -> Voice:
    """Give a voice by name.

    Args:
        name: Such as ``espeak`` or, with a manner of speaking, ``espeak:f3``; None for the
            default voice.
        language: A tag that the voice must speak; None asks for nothing.

    Raises:
        VoiceError: There is no such voice or manner, it is not installed, or it does not
            speak the language.
    """
    asked = DEFAULT_VOICE if name is None else name.strip()
    base, _, variant = asked.partition(":")
    if base.lower() != espeak.NAME or (":" in asked and not variant):
        raise VoiceError(unknown_name("voice", asked, [info.name for info in voice_infos()]))
    voice = espeak.EspeakVoice(variant or None)
    if language is not None:
        espeak.resolve_language(language)
    return voice
