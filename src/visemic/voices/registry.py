"""The voices by name.

What is in a name is the voice, then by a colon its speaker or manner: ``espeak:f3``. A folder
or a name on the hub means a trained Avatron, and what follows a ``+`` its vocoder. Modules are
imported when they are asked for, so that a list of names costs nothing.
"""

import importlib
from pathlib import Path
from typing import Any

from visemic.core.errors import VoiceError, unknown_name
from visemic.core.hub import HUB
from visemic.voices import espeak
from visemic.voices.base import Voice, VoiceInfo, check_request, speaks

DEFAULT_VOICE = "avatron"
"""For the languages it speaks, if it is part of the installation."""
FALLBACK_VOICE = espeak.NAME
"""For all other languages."""

_MODULES = {
    "avatron": "visemic.voices.avatron",
    "espeak": "visemic.voices.espeak",
    "kokoro": "visemic.voices.kokoro",
    "piper": "visemic.voices.piper",
}
"""Modules with ``info()`` and ``load(variant)``, by voice."""


def voice_infos() -> tuple[VoiceInfo, ...]:
    """Describe every voice that visemic knows, installed or not, the default first."""
    return tuple(_module(name).info() for name in _MODULES)


def default_voice(language: str | None = None) -> str:
    """Give the name of the voice that speaks a language when none is asked for."""
    info: VoiceInfo = _module(DEFAULT_VOICE).info()
    if info.installed and (language is None or speaks(info, language)):
        return DEFAULT_VOICE
    return FALLBACK_VOICE


def load_voice(name: str | None = None, language: str | None = None) -> Voice:
    """Give a voice by name.

    Args:
        name: Such as ``avatron``, ``espeak`` or, with a manner of speaking, ``espeak:f3``; the
            folder of a trained Avatron or ``hf:owner/name``, with ``+`` and the same of its vocoder
            unless it is the one that ships; None for the default voice of the language.
        language: A tag that the voice must speak; None asks for nothing.

    Raises:
        VoiceError: There is no such voice or manner, it is not installed, or it does not
            speak the language.
        ArtifactError: A trained voice is altered, or of another kind or symbol table.
    """
    asked = default_voice(language) if name is None else name.strip()
    base, colon, variant = asked.partition(":")
    trained, _, vocoder = asked.partition("+")
    if base.lower() in _MODULES and (variant or not colon):
        module = _module(base.lower())
        voice: Voice = module.load(variant or None)
    elif asked.startswith(HUB) or (trained and Path(trained).is_dir()):
        module = _module(DEFAULT_VOICE)
        voice = module.load_neural_voice(trained, vocoder or None)
    else:
        known = unknown_name("voice", asked, _MODULES)
        raise VoiceError(f"{known}, or give the folder of a trained voice")
    if language is not None:
        if module is espeak:
            espeak.resolve_language(language)
        else:
            check_request(voice.info, language, 1.0)
    return voice


def _module(name: str) -> Any:
    return importlib.import_module(_MODULES[name])
