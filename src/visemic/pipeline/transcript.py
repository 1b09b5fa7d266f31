"""From a transcript to words with pronunciations, and from aligned words back to the text.

English words come from the dictionary and its fallback. Other languages are spoken by the
espeak plugin and its phones are taken as the pronunciation: the aligner knows English sounds
only, so each is replaced by the nearest English one.
"""

from dataclasses import dataclass

from visemic.core.signals import SILENCE, Word
from visemic.text.transcript import spoken_words

_NEAREST_ENGLISH = {"AX": "AH", "OH": "AO"}
"""Keys of the phone table that the aligner's English model does not have."""


@dataclass(frozen=True)
class Transcript:
    """Spoken words with pronunciations, and the written token that each belongs to."""

    words: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """A spoken word and its ARPAbet pronunciations, in order."""
    tokens: tuple[str, ...]
    """Written tokens, in order."""
    token_of_word: tuple[int, ...]
    """For each spoken word its token."""

    def written(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """Join aligned spoken words into the written tokens they come from.

        Args:
            words: One for each of ``self.words``, in order.
        """
        joined: list[Word] = []
        last_token = -1
        for word, token in zip(words, self.token_of_word, strict=True):
            if token == last_token:
                before = joined[-1]
                spoken = f"{before.spoken} {word.text}".strip()
                joined[-1] = Word(before.text, before.start_s, word.end_s, spoken)
            else:
                joined.append(Word(self.tokens[token], word.start_s, word.end_s, word.text))
            last_token = token
        return tuple(
            Word(w.text, w.start_s, w.end_s, "" if w.spoken == w.text.lower() else w.spoken) for w in joined
        )


def read_transcript(text: str, language: str) -> Transcript:
    """Give the words of a transcript with their pronunciations.

    Raises:
        TextError: Nothing can be pronounced.
        VoiceError: The language is not English and the espeak plugin is not installed.
    """
    if language.split("-")[0] == "en":
        spoken = spoken_words(text, language)
        tokens: list[str] = []
        numbers: dict[tuple[int, int], int] = {}
        token_of_word = []
        for word in spoken:
            place = (word.sentence_index, word.token_index)
            if place not in numbers:
                numbers[place] = len(tokens)
                tokens.append(word.text)
            token_of_word.append(numbers[place])
        return Transcript(
            tuple((w.word, w.pronunciations) for w in spoken), tuple(tokens), tuple(token_of_word)
        )
    return _through_espeak(text, language)


def _through_espeak(text: str, language: str) -> Transcript:
    from visemic.voices.registry import load_voice

    alignment = load_voice("espeak", language).speak(text, language=language).alignment
    words = []
    for word in alignment.words:
        phones = tuple(
            _NEAREST_ENGLISH.get(p.label, p.label)
            for p in alignment.phones
            if p.label != SILENCE and word.start_s <= (p.start_s + p.end_s) / 2 < word.end_s
        )
        if phones:
            words.append((word.text, (phones,)))
    tokens = tuple(text for text, _ in words)
    return Transcript(tuple(words), tokens, tuple(range(len(words))))
