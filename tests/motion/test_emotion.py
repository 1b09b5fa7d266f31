import math

import pytest

from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_52
from visemic.motion.emotion import EMOTIONS, LEVELS, emotion_weights

CLASSES = {"neutral", "happy", "sad", "surprised", "fear", "disgusted", "angry", "contempt"}


def test_the_eight_classes_of_acted_recordings_are_there():
    assert set(EMOTIONS) == CLASSES


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_pose_speaks_of_arkit_shapes_within_their_range(name):
    assert all(channel in ARKIT_52 and 0 < weight <= 1 for channel, weight in EMOTIONS[name].items())


@pytest.mark.parametrize("name", sorted(CLASSES - {"contempt"}))
def test_an_emotion_is_the_same_on_both_sides(name):
    pose = EMOTIONS[name]
    for channel, weight in pose.items():
        other = channel.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        assert pose[other] == weight


def test_contempt_is_one_sided():
    assert "mouthSmileLeft" in EMOTIONS["contempt"]
    assert "mouthSmileRight" not in EMOTIONS["contempt"]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_mouth_with_an_emotion_can_still_close(name):
    pose = EMOTIONS[name]
    assert pose.get("jawOpen", 0) <= 0.2
    assert pose.get("mouthUpperUpLeft", 0) <= 0.25


def test_weights_grow_with_the_intensity():
    half, whole = emotion_weights("sad", 0.5), emotion_weights("sad")
    assert {c: 2 * w for c, w in half.items()} == pytest.approx(whole)
    assert emotion_weights("sad", 0.0) == {}
    assert emotion_weights("neutral") == {}


def test_levels_rise():
    assert sorted(LEVELS.values()) == list(LEVELS.values())


def test_emotions_differ_from_one_another():
    poses = [tuple(sorted(EMOTIONS[name].items())) for name in EMOTIONS]
    assert len(set(poses)) == len(poses)


@pytest.mark.parametrize("intensity", [-0.1, 1.5, math.nan, math.inf])
def test_an_intensity_out_of_range_is_refused(intensity):
    with pytest.raises(InputError, match="choose 0 to 1"):
        emotion_weights("happy", intensity)


def test_an_unknown_emotion_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'happy'"):
        emotion_weights("hapy")
