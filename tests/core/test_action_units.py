import pytest

from visemic.core.action_units import (
    AU_CHANNELS,
    AU_PHRASES,
    AU_SYNONYMS,
    DEGREES,
    EMOTION_NAMES,
    EMOTION_WORDS,
    OPPOSITES,
    nearest_degree,
)
from visemic.core.layout import ARKIT_52
from visemic.motion.emotion import EMOTIONS


def test_emotions_are_those_of_the_poses_in_their_order():
    assert tuple(EMOTIONS) == EMOTION_NAMES == tuple(EMOTION_WORDS)


@pytest.mark.parametrize("unit", sorted(AU_CHANNELS))
def test_a_unit_moves_arkit_channels_within_their_range(unit):
    assert AU_CHANNELS[unit]
    assert all(channel in ARKIT_52 and 0 < weight <= 1 for channel, weight in AU_CHANNELS[unit].items())


def test_degrees_rise_and_every_gain_is_nearest_to_its_own_word():
    assert list(DEGREES.values()) == sorted(DEGREES.values())
    assert all(nearest_degree(gain) == word for word, gain in DEGREES.items())


def test_no_two_units_share_words():
    phrases = [phrase for words in AU_SYNONYMS.values() for phrase in words]
    assert len(set(phrases)) == len(phrases)


def test_opposites_are_units():
    assert all(unit in AU_PHRASES for pair in OPPOSITES for unit in pair)
