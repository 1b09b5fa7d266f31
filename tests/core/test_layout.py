import pytest

from visemic.core.errors import LayoutError
from visemic.core.layout import ARKIT_52, ARKIT_61, ROTATIONS, Layout


def test_the_recorder_writes_right_before_left_for_jaw_and_mouth():
    assert ARKIT_52.index("jawRight") + 1 == ARKIT_52.index("jawLeft")
    assert ARKIT_52.index("mouthRight") + 1 == ARKIT_52.index("mouthLeft")


def test_there_are_52_shapes_and_nine_rotations():
    assert (len(ARKIT_52), len(ROTATIONS), len(ARKIT_61)) == (52, 9, 61)
    assert ARKIT_61.names[52:] == ROTATIONS.names


def test_indices_come_in_the_order_asked():
    assert ARKIT_61.indices(["tongueOut", "eyeBlinkLeft"]) == [51, 0]


def test_an_unknown_channel_names_its_nearest():
    with pytest.raises(LayoutError, match="did you mean 'jawOpen'"):
        ARKIT_52.index("jaw_open")


def test_a_name_may_stand_once():
    with pytest.raises(LayoutError, match="twice"):
        Layout("bad", ("a", "b", "a"))
