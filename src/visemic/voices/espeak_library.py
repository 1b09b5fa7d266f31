"""The espeak-ng library through ctypes: one clause list in, sound and events out.

The library keeps its state in one process-wide instance: vibrato, the phase of the voice
source and its noise run on from call to call, so that the same text gives other samples
each time, and no call resets them. Unloading the library does. A fresh copy for each
utterance costs about a millisecond, makes the sound depend on nothing but the arguments,
and with synchronous output there is no thread of its own that could be in the way. Where
the platform does not really unload (musl), sound is right but differs by a few samples
from call to call.
"""

import _ctypes
import ctypes
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.core.errors import VoiceError

MIN_RATE, MAX_RATE = 80, 450
"""Range of espeak's own speed parameter, nominally words a minute."""

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x1, 0x2, 0x8000
_WORD, _PHONEME = 1, 7
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4, "punctuation": 5, "capitals": 6, "gap": 7}
_DEFAULTS = {"volume": 70, "pitch": 50, "range": 50, "punctuation": 0, "capitals": 0, "gap": 0}
_FULL_SCALE = 32768 * 0.7
"""At volume 70 the loudest manners of speaking no longer clip; the float sound makes up for it."""
_UTF8 = 1
_CHARACTER_POSITIONS = 1
_SEED = 1


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_void_p), ("string", ctypes.c_ubyte * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


class _VoiceRow(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, slots=True)
class WordEvent:
    """A word begins."""

    sample: int
    position: int
    """Index of its first character in the text."""


@dataclass(frozen=True, slots=True)
class PhonemeEvent:
    """A phoneme begins; it lasts until the next one."""

    sample: int
    ipa: str
    """What is spoken, with stress marks; empty for a pause."""


@dataclass(frozen=True, eq=False)
class Utterance:
    """What the library gives for one text."""

    samples: Float32[np.ndarray, " samples"]
    """-1 to 1 for the plain voice; some manners of speaking go beyond."""
    rate_hz: int
    events: tuple[WordEvent | PhonemeEvent, ...]
    """In the order in which the library reported them."""


_lock = threading.RLock()


def _renew_lock() -> None:
    # A fork may happen while another thread speaks; its lock would never open in the child.
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def _library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """Load a fresh library and give it with its sample rate; nobody else has one meanwhile."""
    import espeakng_loader

    with _lock:
        try:
            library = ctypes.CDLL(espeakng_loader.get_library_path())
            data_path = os.fsencode(espeakng_loader.get_data_path())
        except (OSError, RuntimeError) as error:
            raise VoiceError(
                f"the espeak-ng library cannot be loaded ({error}); reinstall it with "
                "pip install --force-reinstall espeakng-loader"
            ) from error
        try:
            options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
            rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, data_path, options)
            if rate_hz <= 0:
                raise VoiceError(
                    "the espeak-ng library cannot read its data; reinstall it with "
                    "pip install --force-reinstall espeakng-loader"
                )
            yield library, rate_hz
            library.espeak_Terminate()
        finally:
            handle = library._handle
            del library
            _unload(handle)


def _unload(handle: int) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(handle)
    else:
        _ctypes.dlclose(handle)


def _events(reported: Any) -> Iterator[WordEvent | PhonemeEvent]:
    """Read the library's list of events, which a type of 0 ends."""
    index = 0
    while reported[index].type:
        event = reported[index]
        if event.type == _WORD:
            yield WordEvent(event.sample, event.text_position - 1)
        elif event.type == _PHONEME:
            # Eight bytes without a guaranteed end mark; a longer symbol is cut by the library.
            symbol = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "ignore")
            yield PhonemeEvent(event.sample, symbol)
        index += 1


def synthesise(text: str, voice_id: str, rate: int) -> Utterance:
    """Give the sound of a text and the events in it; the same arguments give the same bytes.

    Args:
        text: Plain text; nothing in it is taken as markup or phonemes.
        voice_id: That of a ``VoiceFile``, optionally with ``+`` and a variant.
        rate: Speed, nominally words a minute, ``MIN_RATE`` to ``MAX_RATE``.

    Raises:
        VoiceError: The library or the voice cannot be had.
    """
    chunks: list[np.ndarray] = []
    events: list[WordEvent | PhonemeEvent] = []

    failures: list[BaseException] = []

    def collect(sound, count, reported):  # type: ignore[no-untyped-def]
        # An exception cannot pass through C; it stops the library and is raised again below.
        try:
            if sound and count > 0:
                chunks.append(np.ctypeslib.as_array(sound, (count,)).copy())
            events.extend(_events(reported))
        except BaseException as error:
            failures.append(error)
        return 1 if failures else 0

    data = text.encode("utf-8", "ignore").replace(b"\0", b" ") + b"\0"
    callback = _Callback(collect)
    with _library() as (library, rate_hz):
        _prepare(library, voice_id, rate)
        library.espeak_SetSynthCallback(callback)
        status = library.espeak_Synth(
            data, ctypes.c_size_t(len(data)), 0, _CHARACTER_POSITIONS, 0, _UTF8, None, None
        )
        if failures:
            raise failures[0]
        if status != 0:
            raise VoiceError(f"espeak-ng gave status {status} for a text of {len(text)} characters")
    samples = np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
    return Utterance(samples / np.float32(_FULL_SCALE), rate_hz, tuple(events))


def _prepare(library: ctypes.CDLL, voice_id: str, rate: int) -> None:
    if library.espeak_SetVoiceByName(voice_id.encode()) != 0:
        raise VoiceError(f"espeak-ng has no voice {voice_id!r}; see its languages with visemic voices")
    for name, value in {**_DEFAULTS, "rate": rate}.items():
        library.espeak_SetParameter(_PARAMETERS[name], value, 0)
    if hasattr(library, "espeak_ng_SetRandSeed"):
        library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    if hasattr(library, "srand"):
        # The breath of some manners of speaking is the C library's chance, which nobody resets.
        library.srand(_SEED)


@lru_cache(maxsize=4096)
def count_phonemes(words: tuple[str, ...], voice_id: str) -> tuple[int, ...]:
    """Give the number of phonemes of each word when it is spoken by itself, at least 1."""
    with _library() as (library, _):
        _prepare(library, voice_id, MIN_RATE)
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        separator = ord("_") << 8
        counts = []
        for word in words:
            data = ctypes.c_char_p(word.encode("utf-8", "ignore"))
            ipa = library.espeak_TextToPhonemes(ctypes.byref(data), _UTF8, separator | _PHONEME_IPA) or b""
            counts.append(sum(len(part.split("_")) for part in ipa.decode("utf-8", "ignore").split()) or 1)
        return tuple(counts)


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """A language of the library."""

    voice_id: str
    """What to ask ``synthesise`` for."""
    tags: tuple[str, ...]
    """Language tags in lower case, the best first."""


@lru_cache(maxsize=1)
def list_voices() -> dict[str, VoiceFile]:
    """Give the languages by their first tag; those without a dictionary are left out."""
    import espeakng_loader

    folder = Path(espeakng_loader.get_data_path())
    voices: dict[str, VoiceFile] = {}
    with _library() as (library, _):
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRow))
        rows = library.espeak_ListVoices(None)
        index = 0
        while rows[index]:
            voice_id = rows[index].contents.identifier.decode("utf-8", "ignore")
            tags = _language_tags(rows[index].contents.languages)
            if tags and _has_dictionary(folder, voice_id):
                voices.setdefault(tags[0], VoiceFile(voice_id, tuple(tags)))
            index += 1
    return voices


def _has_dictionary(folder: Path, voice_id: str) -> bool:
    """Tell whether the words of a language are there; the library complains on stderr if not."""
    named = re.search(r"^dictionary\s+(\S+)", (folder / "lang" / voice_id).read_text("utf-8"), re.M)
    name = named.group(1) if named else voice_id.rpartition("/")[2].partition("-")[0].lower()
    return (folder / f"{name}_dict").is_file()


def _language_tags(address: int | None) -> list[str]:
    """Read a list of priority byte and tag, closed by a zero."""
    tags: list[str] = []
    while address and ctypes.string_at(address, 1) != b"\0":
        tag = ctypes.string_at(address + 1)
        tags.append(tag.decode("utf-8", "ignore").lower())
        address += len(tag) + 2
    return tags


@lru_cache(maxsize=1)
def list_variants() -> tuple[str, ...]:
    """Give the names of the manners of speaking that go with every language."""
    import espeakng_loader

    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    return tuple(sorted((p.name for p in folder.iterdir() if p.is_file()), key=str.lower))
