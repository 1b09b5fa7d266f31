import pytest

from visemic.core.acting_reader import emotion_of
from visemic.core.errors import InputError


@pytest.mark.parametrize(
    ("word", "emotion"), [("happy", "happy"), ("Happy", "happy"), (" joyful ", "happy"), ("ANGER", "angry")]
)
def test_words_of_the_grammar_name_an_emotion(word, emotion):
    assert emotion_of(word) == emotion


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("hapy", "mean 'happy'"),
        ("joyfull", "mean 'joyful'"),
        ("", "there are neutral"),
        ("x" * 99, "there are"),
    ],
)
def test_a_word_for_no_emotion_names_the_nearest(word, hint):
    with pytest.raises(InputError, match=f"among 8 emotions; .*{hint}") as caught:
        emotion_of(word)
    assert len(str(caught.value)) < 160
