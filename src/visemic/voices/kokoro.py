"""The voices of Kokoro, an optional plugin whose model is fetched by the user.

The package gives every word its start and end, and every symbol its duration; both are on the
clock of the sound it gives. Nothing is downloaded here: the files must lie in one folder.
"""

import importlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from visemic.core.cache import cache_folder
from visemic.core.clock import Rate
from visemic.core.errors import TextError, VoiceError, unknown_name
from visemic.core.signals import Phone, Word
from visemic.text.normalize import split_sentences
from visemic.voices.base import Speech, VoiceInfo, check_request
from visemic.voices.join import SpokenSentence, joined, timed_phones
from visemic.voices.marks import refuse_marks

NAME = "kokoro"
RATE = Rate.of(24_000)
DEFAULT_SPEAKER = "af_heart"
REPOSITORY = "hexgrad/Kokoro-82M"
FILES = ("config.json", "kokoro-v1_0.pth")
_CODES = {"en-us": "a", "en-gb": "b"}
"""Only for English does the package tell times."""
_SPACY_MODEL = "en_core_web_sm"
_SYMBOLS = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "ᵊ": "ə", "ᵻ": "ɪ", "T": "ɾ",
    "ʤ": "dʒ", "ʧ": "tʃ",
}  # fmt: skip
"""What the package writes with one letter of its own."""


def models_folder() -> Path:
    """Give the folder in which its files are looked for."""
    return cache_folder() / "voices" / NAME


def how_to_install() -> str:
    """Say what to do to get the voice."""
    return (
        f"pip install 'visemic[kokoro]', python -m spacy download {_SPACY_MODEL}, and put "
        f"{', '.join(FILES)} and voices/{DEFAULT_SPEAKER}.pt of {REPOSITORY} into {models_folder()}"
    )


def is_installed() -> bool:
    """Tell whether the package and its files are there, without loading them."""
    return find_spec(NAME) is not None and all((models_folder() / name).is_file() for name in FILES)


def info(speaker: str = "") -> VoiceInfo:
    """Describe the voice."""
    return VoiceInfo(
        name=f"{NAME}:{speaker}" if speaker else NAME,
        languages=tuple(_CODES),
        licence="Apache-2.0; words that its dictionary lacks go through espeak-ng, GPL-3.0-or-later",
        installed=is_installed(),
        how_to_install=how_to_install(),
        description=(
            "Kokoro, 82 million parameters, needs PyTorch: natural English; speakers by a colon, "
            "such as kokoro:af_heart, kokoro:am_adam, kokoro:bf_emma"
        ),
    )


def load(variant: str | None = None) -> "KokoroVoice":
    """Give the voice as one of its speakers.

    Raises:
        VoiceError: The package or a file is missing, or there is no such speaker.
    """
    return KokoroVoice(variant)


class KokoroVoice:
    """Speaks with Kokoro.

    Args:
        speaker: Such as ``af_heart``; None takes that one.

    Raises:
        VoiceError: The package or a file is missing, or there is no such speaker.
    """

    def __init__(self, speaker: str | None = None) -> None:
        if find_spec(NAME) is None:
            raise VoiceError(f"voice {NAME!r} is not installed; {how_to_install()}")
        folder = models_folder()
        for name in FILES:
            if not (folder / name).is_file():
                raise VoiceError(f"voice {NAME!r} lacks the file {name!r}; {how_to_install()}")
        self._speaker = folder / "voices" / f"{speaker or DEFAULT_SPEAKER}.pt"
        if not self._speaker.is_file():
            known = sorted(path.stem for path in (folder / "voices").glob("*.pt"))
            said = unknown_name("speaker", speaker or DEFAULT_SPEAKER, known)
            raise VoiceError(f"{said}; put its file into {folder / 'voices'}")
        self.info = info(speaker or "")

    def speak(self, text: str, *, language: str = "en-us", tempo: float = 1.0) -> Speech:
        """Speak a text.

        Args:
            text: As written, without marks of tempo.
            language: ``en-us`` or ``en-gb``.
            tempo: Speed, 0.5 half to 2 double.

        Raises:
            TextError: Nothing in the text can be pronounced.
            VoiceError: The language or tempo is not to be had, there are marks in the text, or the
                package cannot read its files.
        """
        check_request(self.info, language, tempo)
        refuse_marks(text, self.info.name)
        pipeline = _pipeline(_CODES.get(language.lower().replace("_", "-"), "a"), models_folder())
        sentences = []
        for sentence in split_sentences(text, language):
            parts = list(pipeline(sentence.text, voice=str(self._speaker), speed=tempo, split_pattern=None))
            parts = [part for part in parts if part.audio is not None]
            for number, part in enumerate(parts):
                is_last = number + 1 == len(parts)
                sentences.append(_spoken(part, sentence.pause_after_s if is_last else 0.0))
        if not any(sentence.phones for sentence in sentences):
            raise TextError(
                f"voice {self.info.name!r} finds nothing to pronounce in {text[:40]!r}; write words"
            )
        return joined(sentences, RATE, text=text, language=language, tempo=tempo)


@lru_cache(maxsize=2)
def _pipeline(code: str, folder: Path) -> Any:
    """Load the package's reader and model from files alone."""
    if find_spec(_SPACY_MODEL) is None:
        # Without it the package would fetch it from the network unasked.
        raise VoiceError(
            f"voice {NAME!r} needs the spaCy model {_SPACY_MODEL!r}; "
            f"run python -m spacy download {_SPACY_MODEL}"
        )
    kokoro = importlib.import_module(NAME)
    config, weights = (str(folder / name) for name in FILES)
    try:
        model = kokoro.KModel(repo_id=REPOSITORY, config=config, model=weights).eval()
        return kokoro.KPipeline(lang_code=code, repo_id=REPOSITORY, model=model)
    except (RuntimeError, OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise VoiceError(f"voice {NAME!r} cannot read its files in {str(folder)!r}: {said[0]}") from error


def _spoken(part: Any, pause_after_s: float) -> SpokenSentence:
    samples = np.asarray(part.audio, np.float32).reshape(-1)
    durations = np.asarray(part.pred_dur if part.pred_dur is not None else [], np.float64)
    # A first and a last entry stand for silence; symbols it does not know would have none.
    is_whole = len(durations) == len(part.phonemes) + 2
    phones: list[Phone] = []
    words: list[Word] = []
    place = 1
    for token in part.tokens or ():
        symbols = token.phonemes or ""
        if symbols and token.start_ts is not None and token.end_ts is not None:
            share = durations[place : place + len(symbols)] if is_whole else np.ones(len(symbols))
            found = _phones(symbols, share, float(token.start_ts), float(token.end_ts))
            if found:
                phones += found
                words.append(Word(token.text, found[0].start_s, found[-1].end_s))
        place += len(symbols) + (1 if token.whitespace else 0)
    return SpokenSentence(samples, tuple(phones), tuple(words), pause_after_s)


def _phones(symbols: str, share: np.ndarray, start_s: float, end_s: float) -> list[Phone]:
    """Give the phones of a word, its time shared as its symbols' durations say."""
    total = float(share.sum())
    if total <= 0 or len(share) != len(symbols):
        share, total = np.ones(len(symbols)), float(len(symbols))
    ends = start_s + np.cumsum(share) / total * (end_s - start_s)
    starts = [start_s, *ends[:-1].tolist()]
    timed = [
        (_SYMBOLS.get(symbol, symbol), a, float(b))
        for symbol, a, b in zip(symbols, starts, ends, strict=True)
    ]
    return [phone for word in timed_phones(timed, is_english=True) for phone in word]
