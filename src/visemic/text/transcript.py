"""Text as one flat row of spoken words with their pronunciations, as an aligner wants it."""

from dataclasses import dataclass

from visemic.core.errors import TextError
from visemic.text.lexicon import Pronunciation, letter_name, pronunciations
from visemic.text.normalize import is_english, split_sentences


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One spoken word and the written token that it belongs to."""

    word: str
    """Lower-case letters and apostrophes."""
    sentence_index: int
    """Which sentence of ``split_sentences``."""
    token_index: int
    """Which token of that sentence."""
    pronunciations: tuple[Pronunciation, ...]
    """ARPAbet phones without stress, commonest first."""
    text: str
    """The token as written."""
    pause_after_s: float
    """Silence that punctuation asks for behind the word, seconds, sentence ends included."""


def spoken_words(text: str, language: str = "en-us") -> tuple[SpokenWord, ...]:
    """Give the spoken words of an English text in order, each with its pronunciations.

    Args:
        text: As written.
        language: A tag of English; other languages have no dictionary here.

    Raises:
        TextError: The language is not English, or the text cannot be spoken.

    Example:
        >>> [(w.word, w.text) for w in spoken_words("It cost $5.")]
        [('it', 'It'), ('cost', 'cost'), ('five', '$5'), ('dollars', '$5')]
    """
    if not is_english(language):
        raise TextError(
            f"no pronunciation dictionary for language {language!r}; there is one for English only"
        )
    words: list[SpokenWord] = []
    for sentence_index, sentence in enumerate(split_sentences(text, language)):
        for token_index, token in enumerate(sentence.tokens):
            is_spelled = len(token.spoken) > 1 and sum(len(w) == 1 for w in token.spoken) > 1
            is_last_token = token_index + 1 == len(sentence.tokens)
            pause_s = sentence.pause_after_s if is_last_token else token.pause_after_s
            for place, word in enumerate(token.spoken):
                is_letter = len(word) == 1 and (is_spelled or word != "a")
                words.append(
                    SpokenWord(
                        word=word,
                        sentence_index=sentence_index,
                        token_index=token_index,
                        pronunciations=(letter_name(word),) if is_letter else pronunciations(word),
                        text=token.text,
                        pause_after_s=pause_s if place + 1 == len(token.spoken) else 0.0,
                    )
                )
    return tuple(words)
