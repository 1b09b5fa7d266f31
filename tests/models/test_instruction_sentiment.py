import pytest

from visemic.core.action_units import EMOTION_NAMES
from visemic.models.instruction_sentiment import _EMOTION_OF, sentiment


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I love this wonderful day", "happy"),
        ("She died and I cry", "sad"),
        ("Wow, what a surprise", "surprised"),
        ("I am scared of the monster", "fear"),
        ("That smells rotten and disgusting", "disgusted"),
        ("I hate you, liar!", "angry"),
        ("How pathetic you are", "contempt"),
        ("The table has four legs", "neutral"),
        ("", "neutral"),
    ],
)
def test_words_speak_of_emotions(text, emotion):
    assert sentiment(text)[0] == emotion


def test_a_negation_turns_a_word_round():
    assert sentiment("I am not happy")[0] == "sad"
    assert sentiment("I am not angry") == ("neutral", 0.0)


def test_stronger_words_and_shouts_count_more_up_to_two():
    plain, strong, shouted = (sentiment(t)[1] for t in ("happy", "so happy", "so happy!"))
    assert plain < strong < shouted
    assert sentiment("happy " * 50)[1] == 2.0


def test_the_list_names_emotions_that_are_known():
    assert set(_EMOTION_OF.values()) <= set(EMOTION_NAMES)
