import numpy as np
import pytest

from visemic.core.acting_note import ActingNote, ActionPhrase, Span
from visemic.core.layout import ARKIT_61
from visemic.motion.acting_pose import (
    MAX_EASE_S,
    MIN_EASE_S,
    blink_rate,
    blinked,
    directs,
    ease_s,
    envelopes,
    flutter_times_s,
    head_rad,
    look_rad,
    pose_weights,
    turn_eyes,
)

TIMES_S = np.arange(300) / 100
COLUMNS = {name: ARKIT_61.index(name) for name in ARKIT_61}


@pytest.mark.parametrize("length_s", [0.2, 0.4, 1.0, 30.0])
def test_poses_come_and_go_within_60_to_150_ms_inside_the_span(length_s):
    span = Span(1.0, 1.0 + length_s)
    assert MIN_EASE_S <= ease_s(span) <= MAX_EASE_S
    (part,) = envelopes(ActingNote((span,)), np.arange(4000) / 100, 40.0)
    curve = np.zeros(4000)
    curve[part.rows] = part.values
    times_s = np.arange(4000) / 100
    assert (curve[(times_s <= 1.0) | (times_s >= span.end_s)] == 0).all()
    middle = (times_s >= 1.0 + ease_s(span)) & (times_s <= span.end_s - ease_s(span))
    np.testing.assert_allclose(curve[middle], 1.0)


def test_touching_spans_cross_and_add_up_to_one():
    note = ActingNote((Span(0.5, 1.0), Span(1.0, 2.0), Span(2.5, 3.0)))
    total = np.zeros(len(TIMES_S))
    for part in envelopes(note, TIMES_S, 3.0):
        total[part.rows] += part.values
    np.testing.assert_allclose(total[(TIMES_S > 0.7) & (TIMES_S < 1.8)], 1.0)
    assert total[(TIMES_S > 2.01) & (TIMES_S < 2.49)].max() == 0
    assert total[-1] == 1.0  # held at the end of the clip


def test_a_span_between_two_frames_is_left_out():
    assert envelopes(ActingNote((Span(0.101, 0.108),)), np.arange(10) / 10, 1.0) == []


def test_the_larger_of_emotion_and_action_counts():
    weights = pose_weights(
        Span(0.0, 1.0, "angry", 0.5, (ActionPhrase(4, "extremely"), ActionPhrase(45, "very")))
    )
    assert weights["browDownLeft"] == 1.0
    assert weights["mouthPressLeft"] == pytest.approx(0.2)
    assert "eyeBlinkLeft" not in weights


@pytest.mark.parametrize(
    ("gaze", "channel"),
    [
        ("left", "eyeLookOutLeft"),
        ("right", "eyeLookInLeft"),
        ("down", "eyeLookDownLeft"),
        ("up", "eyeLookUpLeft"),
    ],
)
def test_eyes_turn_where_they_are_told(gaze, channel):
    yaw, pitch, held = look_rad(Span(0.0, 1.0, gaze=gaze))
    values = np.zeros((1, len(ARKIT_61)))
    turn_eyes(values, COLUMNS, np.array([yaw]), np.array([pitch]))
    assert values[0, COLUMNS[channel]] > 0.3
    assert values[0, COLUMNS["leftEyeYaw"]] == yaw
    assert held > 0


def test_eyes_turned_there_and_back_are_as_before():
    values = np.random.default_rng(0).uniform(0, 0.1, (5, len(ARKIT_61)))
    values[:, COLUMNS["eyeLookInLeft"]] = values[:, COLUMNS["eyeLookUpLeft"]] = 0
    before = values.copy()
    turn = np.full(5, 0.1)
    turn_eyes(values, COLUMNS, turn, turn)
    turn_eyes(values, COLUMNS, -turn, -turn)
    left = [COLUMNS[n] for n in ("eyeLookOutLeft", "eyeLookInLeft", "eyeLookDownLeft", "eyeLookUpLeft")]
    np.testing.assert_allclose(values[:, left], before[:, left], atol=1e-12)


@pytest.mark.parametrize(("head", "axis"), [("nod", "headPitch"), ("shake", "headYaw"), ("tilt", "headRoll")])
def test_a_head_does_what_it_is_told(head, axis):
    turns, factor = head_rad(Span(0.0, 3.0, head=head), TIMES_S)
    assert np.abs(turns[axis]).max() > np.deg2rad(4)
    assert all(np.abs(turn).max() == 0 for name, turn in turns.items() if name != axis)
    assert factor == 1.0


def test_a_head_is_still_or_lively_by_what_it_does_anyway():
    still, lively = (head_rad(Span(0.0, 1.0, head=name), TIMES_S)[1] for name in ("still", "lively"))
    assert still < 0.5 < 1.5 < lively


def test_blinks_are_dropped_kept_or_added_inside_the_span_alone():
    lids = np.zeros(300)
    for first in (20, 110, 160, 195, 260):
        lids[first : first + 20] = 0.9
    never = blinked(lids, TIMES_S, Span(1.0, 2.0, blink=0.0), 0)
    assert never[105:190].max() == 0
    assert (never[195:215] == lids[195:215]).all()  # crosses the edge
    assert (never[:100] == lids[:100]).all()
    often = blinked(lids, TIMES_S, Span(1.0, 2.0, blink=3.0), 0)
    assert (often[:100] == lids[:100]).all()
    assert (often[200:] == lids[200:]).all()
    assert (blinked(lids, TIMES_S, Span(0.0, 3.0), 0) == lids).all()


def test_fluttering_lids_blink_often():
    span = Span(0.0, 10.0, actions=(ActionPhrase(45, "extremely"),))
    assert blink_rate(span) == 7.0
    assert len(flutter_times_s(span, 7.0, 0)) > 10
    assert blink_rate(Span(0.0, 1.0, blink=0.5)) == 0.5


def test_a_span_directs_when_it_asks_for_anything():
    assert not directs(Span(0.0, 1.0))
    assert not directs(Span(0.0, 1.0, "happy", 0.0, text="words", tempo=1.2))
    for more in ({"gaze": "up"}, {"blink": 1.0}, {"actions": (ActionPhrase(4, "very"),)}):
        assert directs(Span(0.0, 1.0, **more))
