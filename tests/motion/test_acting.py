import numpy as np
import pytest

from visemic.core.acting_note import ActingNote, ActionPhrase, Span, whole_note
from visemic.core.action_units import EMOTION_NAMES
from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_61, FACE_63
from visemic.core.signals import Alignment, Motion, Phone
from visemic.motion.acting import act, changed_spans, only_changed, shown_contacts
from visemic.motion.calibrate import calibrate_mouth
from visemic.motion.contacts import apply_contacts
from visemic.motion.mouth import reference_mouth

RATE = Rate.of(30)
MOUTH = reference_mouth()
POSTURES = calibrate_mouth(MOUTH)
WORDS = ("M", "AA", "P", "IY", "F", "EH", "B", "OW", "S", "AH")
PHONES = tuple(Phone(label, 0.3 + 0.15 * i, 0.3 + 0.15 * (i + 1)) for i, label in enumerate(WORDS))
ALIGNMENT = Alignment((Phone("SIL", 0.0, 0.3), *PHONES, Phone("SIL", 1.8, 3.0)), (), "", 3.0)
HEARD = Alignment(ALIGNMENT.phones, (), "", 3.0, source="recognised")
SPANS = (
    Span(0.0, 0.9, "happy", 0.65),
    Span(1.1, 1.9, "angry", 1.0, (ActionPhrase(9, "very"),), gaze="down", head="nod"),
    Span(2.1, 3.0, "sad", 0.35, blink=3.0),
)


@pytest.fixture(scope="module")
def speech():
    values = np.zeros((RATE.count(3.0), len(ARKIT_61)), np.float32)
    times_s = np.arange(len(values)) / 30
    values[:, ARKIT_61.index("jawOpen")] = 0.15 + 0.1 * np.sin(9 * times_s)
    values[:, ARKIT_61.index("browInnerUp")] = 0.2 * np.sin(3 * times_s) ** 2
    values[30:36, ARKIT_61.index("eyeBlinkLeft")] = values[30:36, ARKIT_61.index("eyeBlinkRight")] = 0.9
    return apply_contacts(Motion(values, ARKIT_61, RATE), ALIGNMENT, MOUTH, POSTURES)


def lip_gap_mm(motion):
    return MOUTH.measure_mm("lip_gap", motion.to_layout(ARKIT_61).values.astype(float))


def at(motion, start_s, end_s):
    return (motion.times_s >= start_s) & (motion.times_s <= end_s)


@pytest.mark.parametrize("alignment", [ALIGNMENT, HEARD, None], ids=["known", "heard", "none"])
def test_frames_outside_all_spans_keep_their_bits(speech, alignment):
    note = ActingNote((SPANS[1],))
    acted = act(speech, note, MOUTH, POSTURES, alignment)
    outside = ~at(speech, 1.1, 1.9)
    assert acted.values[outside].tobytes() == speech.values[outside].tobytes()
    assert np.abs(acted.values - speech.values)[~outside].max() > 0.3


def test_an_edited_span_moves_nothing_outside_itself(speech):
    edited = (SPANS[0], Span(1.1, 1.9, "surprised", 1.0, head="shake", blink=0.0), SPANS[2])
    before = act(speech, ActingNote(SPANS), MOUTH, POSTURES, ALIGNMENT)
    after = act(speech, ActingNote(edited), MOUTH, POSTURES, ALIGNMENT)
    outside = ~at(speech, 1.1, 1.9)
    assert after.values[outside].tobytes() == before.values[outside].tobytes()
    assert not np.array_equal(after.values, before.values)


def test_where_spans_touch_the_next_one_takes_the_pose_over_within_150_ms(speech):
    first, second, other = (
        Span(0.0, 1.5, "sad", 1.0),
        Span(1.5, 3.0, "sad", 1.0),
        Span(0.0, 1.5, "angry", 1.0),
    )
    sad = act(speech, ActingNote((first, second)), MOUTH, POSTURES, ALIGNMENT)
    whole = act(speech, whole_note(3.0, "sad"), MOUTH, POSTURES, ALIGNMENT)
    np.testing.assert_allclose(sad.values, whole.values, atol=1e-5)  # no dip between equal spans
    angry = act(speech, ActingNote((other, second)), MOUTH, POSTURES, ALIGNMENT)
    late = speech.times_s > 1.65
    assert angry.values[late].tobytes() == sad.values[late].tobytes()


def test_since_an_earlier_note_only_changed_spans_move_even_where_they_touch(speech):
    old = ActingNote((Span(0.0, 1.0, "sad", 1.0), Span(1.0, 2.0, "sad", 1.0), Span(2.0, 3.0, "happy", 1.0)))
    new = ActingNote((old.spans[0], Span(1.0, 2.0, "angry", 1.0), old.spans[2]))
    spans = changed_spans(old, new)
    assert [(span.start_s, span.end_s) for span in spans] == [(1.0, 2.0)]
    before, after = (act(speech, note, MOUTH, POSTURES, ALIGNMENT) for note in (old, new))
    mixed = only_changed(before, after, spans)
    outside = ~at(speech, 1.0, 2.0)
    assert mixed.values[outside].tobytes() == before.values[outside].tobytes()
    inside = at(speech, 1.16, 1.84)
    assert mixed.values[inside].tobytes() == after.values[inside].tobytes()


def test_nothing_changed_is_nothing_mixed(speech):
    note = ActingNote(SPANS)
    assert changed_spans(note, note) == ()
    assert only_changed(speech, speech, ()).values.tobytes() == speech.values.tobytes()


@pytest.mark.parametrize("emotion", EMOTION_NAMES)
@pytest.mark.parametrize("alignment", [ALIGNMENT, HEARD], ids=["known", "heard"])
def test_lips_close_in_every_emotion(speech, emotion, alignment):
    acted = act(speech, whole_note(3.0, emotion), MOUTH, POSTURES, alignment)
    for phone in PHONES:
        if phone.label in ("P", "B", "M"):
            assert lip_gap_mm(acted)[at(speech, phone.start_s, phone.end_s)].min() <= 0.3


@pytest.mark.parametrize("unit", [9, 10, 16, 25, 26, 27, 30, 20, 22])
def test_lips_close_with_what_opens_them_at_its_full(speech, unit):
    note = ActingNote((Span(0.0, 3.0, actions=(ActionPhrase(unit, "extremely"),)),))
    acted = act(speech, note, MOUTH, POSTURES, ALIGNMENT)
    for phone in PHONES:
        if phone.label in ("P", "B", "M"):
            assert lip_gap_mm(acted)[at(speech, phone.start_s, phone.end_s)].min() <= 0.3


def test_a_span_that_asks_for_nothing_does_nothing(speech):
    assert act(speech, whole_note(3.0, "neutral"), MOUTH, POSTURES, ALIGNMENT) is speech
    assert act(speech, ActingNote(()), MOUTH, POSTURES, ALIGNMENT) is speech


def test_weights_stay_weights_and_grow_with_intensity(speech):
    smiles = []
    for intensity in (0.0, 0.35, 0.65, 1.0):
        acted = act(speech, whole_note(3.0, "happy", intensity), MOUTH, POSTURES, ALIGNMENT)
        assert 0 <= acted.values[:, :52].min() <= acted.values[:, :52].max() <= 1
        smiles.append(float(acted.channel("mouthSmileLeft").mean()))
    assert smiles == sorted(smiles)
    assert smiles[-1] > 0.3


@pytest.mark.parametrize("emotion", ["surprised", "fear", "sad"])
def test_raised_brows_still_follow_the_voice(speech, emotion):
    effort = np.clip(0.5 + 0.5 * np.sin(3 * speech.times_s), 0, 1)
    acted = act(speech, whole_note(3.0, emotion), MOUTH, POSTURES, ALIGNMENT, effort=effort)
    raised = acted.channel("browInnerUp") + acted.channel("browOuterUpLeft")
    assert np.corrcoef(raised, effort)[0, 1] > 0.3
    assert acted.channel("browInnerUp").max() < 1


def test_other_layouts_keep_their_other_channels(speech):
    wide = speech.to_layout(FACE_63)
    wide.values[:, FACE_63.index("tongueTipUp")] = 0.4
    acted = act(wide, ActingNote(SPANS), MOUTH, POSTURES, ALIGNMENT)
    assert acted.layout == FACE_63
    assert (acted.channel("tongueTipUp") == np.float32(0.4)).all()
    small = speech.to_layout(type(FACE_63)("two", ("jawOpen", "mouthSmileLeft")))
    assert act(small, whole_note(3.0, "happy"), MOUTH, POSTURES, ALIGNMENT).values.shape[1] == 2


def test_a_span_outside_the_motion_is_refused(speech):
    with pytest.raises(InputError, match="outside the clip"):
        act(speech, whole_note(9.0, "happy"), MOUTH, POSTURES, ALIGNMENT)


def test_the_same_seed_gives_the_same_bits(speech):
    first, second = (act(speech, ActingNote(SPANS), MOUTH, POSTURES, HEARD, seed=3) for _ in range(2))
    assert first.values.tobytes() == second.values.tobytes()


@pytest.mark.parametrize("fps", [1, 24, 240])
def test_any_frame_rate_and_very_short_clips_can_be_acted(fps):
    rate = Rate.of(fps)
    motion = Motion(np.zeros((1, len(ARKIT_61)), np.float32), ARKIT_61, rate)
    acted = act(motion, whole_note(motion.duration_s, "happy"), MOUTH, POSTURES)
    assert acted.channel("mouthSmileLeft")[0] > 0.3


def test_the_contacts_that_a_motion_shows_are_found(speech):
    windows = shown_contacts(speech.values, MOUTH, np.zeros(speech.n_frames, bool))
    for phone in PHONES:
        if phone.label in ("P", "B", "M"):
            assert windows.openness["seal"][at(speech, phone.start_s, phone.end_s)].max() == 1.0
