"""The voices of Piper, an optional plugin under the GPL whose voice files are fetched by the user.

Newer packages tell how many samples every symbol has; where a package or a voice file does not,
English words are found in the sound by our own aligner. Nothing is downloaded here.
"""

import importlib
import inspect
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from visemic.audio.align import align_words
from visemic.core.cache import cache_folder
from visemic.core.clock import Rate
from visemic.core.errors import TextError, VoiceError, unknown_name
from visemic.core.signals import SILENCE, Phone, Waveform, Word
from visemic.text.normalize import Sentence, is_english, split_sentences
from visemic.text.transcript import spoken_words
from visemic.voices.base import Speech, VoiceInfo, check_request
from visemic.voices.join import SpokenSentence, joined, timed_phones
from visemic.voices.marks import refuse_marks

NAME = "piper"
LICENCE = "GPL-3.0-or-later, with espeak-ng inside; every voice file has a licence of its own"
_EDGES = ("^", "$")
"""Symbols of the silence before and after a sentence."""


def models_folder() -> Path:
    """Give the folder in which voice files are looked for."""
    return cache_folder() / "voices" / NAME


def how_to_install() -> str:
    """Say what to do to get a voice."""
    return (
        "pip install 'visemic[piper]', then get a voice with python -m piper.download_voices "
        f"--data-dir {models_folder()} en_US-lessac-medium, or name a file as piper:VOICE.onnx"
    )


def files() -> tuple[Path, ...]:
    """Give the voice files that are there."""
    return tuple(sorted(models_folder().glob("*.onnx")))


def is_installed() -> bool:
    """Tell whether the package and a voice file are there, without loading them."""
    return find_spec(NAME) is not None and bool(files())


def info() -> VoiceInfo:
    """Describe the voices; their languages are those of the files."""
    tags = {path.stem.partition("-")[0].lower().replace("_", "-") for path in files()}
    return VoiceInfo(
        name=NAME,
        languages=tuple(sorted(tags)) if is_installed() else (),
        licence=LICENCE,
        installed=is_installed(),
        how_to_install=how_to_install(),
        description="Piper: small neural voices, a file for each language, as in piper:en_US-lessac-medium",
    )


def load(variant: str | None = None) -> "PiperVoice":
    """Give a voice by its file.

    Args:
        variant: Name of a voice in the folder or path of an ``.onnx`` file; None takes the first.

    Raises:
        VoiceError: The package or the file is missing, or cannot be read.
    """
    return PiperVoice(variant)


class PiperVoice:
    """Speaks with Piper.

    Args:
        voice: Name of a voice in the folder or path of an ``.onnx`` file; None takes the first.

    Raises:
        VoiceError: The package or the file is missing, or cannot be read.
    """

    def __init__(self, voice: str | None = None) -> None:
        if find_spec(NAME) is None:
            raise VoiceError(f"voice {NAME!r} is not installed; {how_to_install()}")
        path = _file(voice)
        self._voice = _loaded(path)
        language = str(self._voice.config.espeak_voice).lower().replace("_", "-")
        self.info = VoiceInfo(
            f"{NAME}:{path.stem}", (language,), LICENCE, True, how_to_install(), f"voice file {path.name}"
        )

    def speak(self, text: str, *, language: str = "en-us", tempo: float = 1.0) -> Speech:
        """Speak a text.

        Args:
            text: As written, without marks of tempo.
            language: That of the voice file.
            tempo: Speed, 0.5 half to 2 double.

        Raises:
            TextError: Nothing in the text can be pronounced.
            VoiceError: The language or tempo is not to be had, there are marks in the text, or the
                voice tells no times and the language is not English.
        """
        check_request(self.info, language, tempo)
        refuse_marks(text, self.info.name)
        rate = Rate.of(int(self._voice.config.sample_rate))
        sentences = [
            spoken
            for sentence in split_sentences(text, language)
            if (spoken := self._sentence(sentence, language, tempo, rate)) is not None
        ]
        if not any(sentence.phones for sentence in sentences):
            raise TextError(
                f"voice {self.info.name!r} finds nothing to pronounce in {text[:40]!r}; write words"
            )
        return joined(sentences, rate, text=text, language=language, tempo=tempo)

    def _sentence(self, sentence: Sentence, language: str, tempo: float, rate: Rate) -> SpokenSentence | None:
        scale = float(getattr(self._voice.config, "length_scale", 1.0) or 1.0) / tempo
        options: dict[str, Any] = {
            "syn_config": importlib.import_module(NAME).SynthesisConfig(length_scale=scale)
        }
        if "include_alignments" in inspect.signature(self._voice.synthesize).parameters:
            options["include_alignments"] = True
        chunks = list(self._voice.synthesize(sentence.text, **options))
        if not chunks:
            return None
        sound = [np.asarray(chunk.audio_float_array, np.float32).reshape(-1) for chunk in chunks]
        samples = np.concatenate(sound)
        if all(getattr(chunk, "phoneme_alignments", None) for chunk in chunks):
            groups = _groups(chunks, sound, float(rate), is_english(language))
            phones = tuple(phone for group in groups for phone in group)
            return SpokenSentence(samples, phones, _words(groups, sentence), sentence.pause_after_s)
        if not is_english(language):
            raise VoiceError(
                f"voice {self.info.name!r} tells no times, and in {language!r} they cannot be found in the "
                "sound; add them with python -m piper.patch_voice_with_alignment VOICE.onnx"
            )
        said = [(word.word, word.pronunciations) for word in spoken_words(sentence.text, language)]
        found = align_words(Waveform(samples, rate), said).alignment
        heard = tuple(phone for phone in found.phones if phone.label != SILENCE)
        return SpokenSentence(samples, heard, found.words, sentence.pause_after_s)


@lru_cache(maxsize=2)
def _loaded(path: Path) -> Any:
    piper = importlib.import_module(NAME)
    # Where the package can, it lets the network tell the symbols' lengths.
    asks = "include_alignments" in inspect.signature(piper.PiperVoice.load).parameters
    try:
        return piper.PiperVoice.load(str(path), **({"include_alignments": True} if asks else {}))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise VoiceError(f"voice file {str(path)!r} cannot be read: {said[0]}") from error


def _file(voice: str | None) -> Path:
    if voice is not None and Path(voice).suffix == ".onnx":
        if not Path(voice).is_file():
            raise VoiceError(f"voice file {voice!r} is not there; {how_to_install()}")
        return Path(voice)
    known = {path.stem: path for path in files()}
    if voice is None and known:
        return next(iter(known.values()))
    if voice not in known:
        said = unknown_name("voice file", voice or "", known) if voice else "there is no voice file of piper"
        raise VoiceError(f"{said}; {how_to_install()}")
    return known[voice]


def _groups(
    chunks: Sequence[Any], sound: Sequence[np.ndarray], hz: float, in_english: bool
) -> list[list[Phone]]:
    """Give the phones of every word that the voice parts by a blank."""
    groups: list[list[Phone]] = []
    offset = 0
    for chunk, samples in zip(chunks, sound, strict=True):
        at, symbols = offset, []
        for part in chunk.phoneme_alignments:
            end = min(at + int(part.num_samples), offset + len(samples))
            if part.phoneme not in _EDGES:
                symbols.append((part.phoneme, at / hz, end / hz))
            at = end
        groups += timed_phones(symbols, is_english=in_english)
        offset += len(samples)
    return groups


def _words(groups: Sequence[Sequence[Phone]], sentence: Sentence) -> tuple[Word, ...]:
    """Give written words in time; where the voice draws words together, by the length of their letters."""
    if not groups:
        return ()
    tokens = sentence.tokens
    counts = [len(token.spoken) for token in tokens]
    if len(groups) == sum(counts):
        firsts = np.cumsum([0, *counts])
        spans = [(groups[a][0].start_s, groups[b - 1][-1].end_s) for a, b in pairwise(firsts.tolist())]
    elif len(groups) == len(tokens):
        spans = [(group[0].start_s, group[-1].end_s) for group in groups]
    else:
        letters = np.cumsum([0, *(sum(map(len, token.spoken)) for token in tokens)], dtype=np.float64)
        start_s, end_s = groups[0][0].start_s, groups[-1][-1].end_s
        cuts = start_s + letters / letters[-1] * (end_s - start_s)
        spans = [(float(a), float(b)) for a, b in pairwise(cuts)]
    words = []
    for token, (a, b) in zip(tokens, spans, strict=True):
        said = " ".join(token.spoken)
        words.append(Word(token.text, a, b, "" if said.casefold() == token.text.casefold() else said))
    return tuple(words)
