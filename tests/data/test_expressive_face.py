import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_52, ARKIT_61, EYE_LOOK_PITCH_RAD
from visemic.core.signals import Motion
from visemic.data.expressive_actor import draw_actors
from visemic.data.expressive_face import BEARINGS, control_of, expressive_motion
from visemic.motion.accent import Accent, SpeechEvents, control_times_s
from visemic.motion.emotion import EMOTIONS

ACTORS = draw_actors(4, 0, 5)
EVENTS = SpeechEvents(3.0, (Accent(1.0, 1.0), Accent(2.0, 0.8)), (), (0.5, 2.6))
REST = Motion(np.zeros((90, 61), np.float32), ARKIT_61, Rate.of(30))


def felt(emotion, intensity=1.0, actor=ACTORS[0], motion=REST, loudness=None):
    return expressive_motion(motion, actor, emotion, intensity, EVENTS, loudness, np.random.default_rng(0))


def test_without_a_feeling_only_the_actor_s_rest_remains():
    motion = felt("neutral", 0.0)
    for name in ARKIT_52:
        np.testing.assert_allclose(motion.channel(name), ACTORS[0].rest.get(name, 0.0), atol=1e-6)


@pytest.mark.parametrize("emotion", [e for e in EMOTIONS if e != "neutral"])
def test_a_feeling_rises_holds_and_stays_within_bounds(emotion):
    for actor in ACTORS:
        motion = felt(emotion, actor=actor)
        weights = motion.values[:, :52]
        assert weights.min() >= 0
        assert weights.max() <= 1
        strongest = max(actor.face_habits[emotion], key=actor.face_habits[emotion].get)
        curve = motion.channel(strongest)
        assert curve[0] < 0.7 * curve[30:60].max()
        assert curve.max() > 0.3 * actor.face_habits[emotion][strongest]


def test_brows_follow_accents_and_loudness():
    loudness = np.zeros(len(control_times_s(3.0)))
    loudness[140:160] = 2.0
    for emotion in ("happy", "angry", "surprised"):
        calm, loud = felt(emotion, 0.5), felt(emotion, 0.5, loudness=loudness)
        brows = calm.channel("browInnerUp")
        assert brows[30] > brows[45]
        assert loud.channel("browInnerUp")[45] > brows[45] + 0.02


def test_eyes_and_their_shapes_say_the_same():
    motion = felt("sad")
    pitch = motion.channel("leftEyePitch")
    assert pitch.max() > 0.02
    np.testing.assert_allclose(
        motion.channel("eyeLookDownLeft"), np.clip(pitch / EYE_LOOK_PITCH_RAD, 0, 1), atol=1e-6
    )
    np.testing.assert_array_equal(motion.channel("eyeLookDownLeft"), motion.channel("eyeLookDownRight"))
    assert motion.channel("headPitch").max() > 0.05


def test_arousal_sets_how_much_the_head_and_brows_do():
    calm = control_of(ACTORS[0], "neutral", 0.0)
    assert control_of(ACTORS[0], "angry", 1.0).head > calm.head > control_of(ACTORS[0], "sad", 1.0).head
    assert set(BEARINGS) == set(EMOTIONS)
