import json

import numpy as np
import pytest

from visemic.core.acting_note import ActingNote, Span, edited_note, whole_note
from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError, OutputError
from visemic.core.layout import FACE_63
from visemic.core.signals import Alignment, Motion, Phone, Waveform
from visemic.models.viseme_accents import vocal_effort
from visemic.pipeline.act import act_motion, note_from, read_note, save_note, unknown_remark
from visemic.pipeline.options import FaceOptions
from visemic.rig.registry import load_rig

SOUND = Waveform((0.1 * np.sin(np.arange(32_000) / 20)).astype(np.float32), Rate.of(16_000))
ALIGNMENT = Alignment((Phone("M", 0.0, 1.0), Phone("AA", 1.0, 2.0)), (), "", 2.0)
STILL = Motion(np.zeros((60, len(FACE_63)), np.float32), FACE_63, Rate.of(30))
NOTE = ActingNote((Span(0.0, 1.0, "happy", 1.0), Span(1.2, 2.0, "angry", 0.6)))


def acted(**options):
    return act_motion(STILL, SOUND, ALIGNMENT, FaceOptions(**options), load_rig("visemic"))


def test_nothing_asked_is_nothing_done():
    assert acted().motion is STILL
    assert acted().note is None


def test_a_note_and_the_short_form_reach_the_face():
    by_note = acted(note=whole_note(2.0, "happy", 0.6))
    by_name = acted(emotion="happy:0.6")
    assert by_note.motion.values.tobytes() == by_name.motion.values.tobytes()
    assert by_name.motion.channel("mouthSmileLeft").max() > 0.2
    assert by_name.note.spans[0].intensity == 0.6


def test_a_note_is_written_from_the_speech_when_asked():
    found = acted(act="rules")
    assert found.note.source == "rules"


def test_since_an_earlier_note_only_the_changed_span_moves():
    edited = ActingNote((NOTE.spans[0], Span(1.2, 2.0, "sad", 1.0)))
    before, after = acted(note=NOTE).motion, acted(note=edited, since=NOTE).motion
    outside = STILL.times_s < 1.2
    assert after.values[outside].tobytes() == before.values[outside].tobytes()
    assert not np.array_equal(after.values, before.values)


def test_a_chain_of_edits_is_repeated_bit_for_bit():
    def note(*emotions):
        starts = [0.1, 0.7, 1.3]
        return ActingNote(tuple(Span(s, s + 0.6, e, 0.8) for s, e in zip(starts, emotions, strict=True)))

    first, second = note("happy", "sad", "happy"), note("happy", "angry", "happy")
    third = note("happy", "angry", "fear")
    before = acted(note=second, since=first).motion
    after = acted(note=third, since=edited_note([first, second])).motion
    outside = (STILL.times_s < 1.3) | (STILL.times_s > 1.9)
    assert after.values[outside].tobytes() == before.values[outside].tobytes()
    assert not np.array_equal(after.values, before.values)


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_a_note_of_the_sound_is_acted_at_any_frame_rate(n_frames):
    motion = Motion(STILL.values[:n_frames], FACE_63, Rate.of(1))
    note = ActingNote((Span(0.0, 1.0, "sad", 1.0), Span(1.0, 2.0, "happy", 1.0)))
    found = act_motion(motion, SOUND, ALIGNMENT, FaceOptions(1, note=note), load_rig("visemic"))
    assert found.motion.channel("browInnerUp")[0] > 0
    assert found.note == note
    for options in ({"act": "rules"}, {"emotion": "happy"}):
        found = act_motion(motion, SOUND, ALIGNMENT, FaceOptions(1, **options), load_rig("visemic"))
        assert found.note.spans[-1].end_s == 2.0


class Performer:
    """A model that acts notes itself: the intensity of the first span on one channel."""

    def __init__(self, note=None):
        self.note = note

    def with_note(self, note):
        return Performer(note)

    def generate(self, waveform, alignment, prosody, rate, control, generator):
        values = np.full((60, len(FACE_63)), self.note.spans[0].intensity, np.float32)
        return Motion(values, FACE_63, rate)


@pytest.mark.parametrize(
    ("options", "performs"),
    [
        ({"act": "rules", "model": "trunk-mouth"}, True),
        ({"act": "rules", "model": "viseme-rules"}, False),
        ({"note": NOTE, "model": "avi-style"}, True),
        ({"note": NOTE, "model": "trunk-mouth"}, False),
    ],
)
def test_a_model_that_acts_itself_is_taken_when_named_or_for_act(monkeypatch, options, performs):
    from visemic.pipeline import motion as module

    performer = Performer()
    monkeypatch.setattr(module, "packaged_models", lambda: ("avi-style", "trunk-mouth"))
    monkeypatch.setattr(module, "takes", lambda name: "phones" if name == "viseme-rules" else "sound")
    monkeypatch.setattr(
        module, "load_sound_model", lambda name, readouts: performer if name == "avi-style" else None
    )
    found = acted(**options)
    intensity = np.float32(found.note.spans[0].intensity)
    assert (found.motion.channel("jawOpen") == intensity).all() == performs


def test_a_note_outlives_a_file(tmp_path):
    for name in ("note.json", "note.txt"):
        save_note(NOTE, tmp_path / name)
        assert len(read_note(tmp_path / name).spans) == 2
        with pytest.raises(OutputError, match="exists"):
            save_note(NOTE, tmp_path / name)
        save_note(NOTE, tmp_path / name, overwrite=True)
    assert note_from(str(tmp_path / "note.json")) == read_note(tmp_path / "note.json")
    assert note_from(None) is None


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("note.yaml", b"", "no known suffix; there are .json .txt"),
        ("note.json", b"\xff\xfe", "not UTF-8"),
        ("note.json", b"{}", "note .*note.json'?: the note has no list of spans"),
        ("note.json", b" " * 2_000_001, "more than 2000000 bytes"),
    ],
)
def test_a_file_that_is_no_note_is_refused(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match=message):
        read_note(tmp_path / name)


def test_a_missing_note_and_a_mistake_in_one_name_the_file(tmp_path):
    with pytest.raises(FormatError, match=r"cannot read note .*gone.json"):
        read_note(tmp_path / "gone.json")
    spans = [{"start_s": 0, "end_s": 1, "emotion": "hapy"}]
    (tmp_path / "a.json").write_text(json.dumps({"version": 1, "spans": spans}))
    with pytest.raises(InputError, match=r"a.json'?: span 0 to 1 s: no emotion 'hapy'"):
        read_note(tmp_path / "a.json")


def test_words_that_nobody_follows_are_reported():
    note = ActingNote((Span(0.0, 1.0, unknown=tuple("abcdefgh")),))
    (remark,) = unknown_remark(note)
    assert "'a', 'b'" in remark
    assert "and 2 more" in remark
    assert unknown_remark(NOTE) == ()
    (remark,) = unknown_remark(ActingNote((Span(0.0, 1.0, unknown=("x" * 9_000, "\x1b[31m")),)))
    assert len(remark) < 200
    assert remark.isprintable()


def test_what_changes_nothing_is_said():
    (tempo,) = acted(note=ActingNote((Span(0.0, 1.0, "sad", 0.8, tempo=0.5),))).remarks
    assert "tempo, which is for speak" in tempo
    (neutral,) = acted(note=ActingNote((Span(0.0, 1.0, intensity=0.9),))).remarks
    assert "span 0 to 1 s is neutral with intensity 0.9" in neutral
    assert acted(note=ActingNote((Span(0.0, 1.0, "sad", 0.8, tempo=1.0),))).remarks == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"emotion": "hapy"}, "did you mean 'happy'"),
        ({"emotion": "happy:lots"}, "no intensity that can be read"),
        ({"emotion": "happy:" + "x" * 9_000}, r"emotion 'happy:x{10,40}… has no intensity"),
        ({"emotion": "happy:2"}, "choose 0 to 1"),
        ({"emotion": "happy:nan"}, "choose 0 to 1"),
        ({"emotion": "happy", "note": NOTE}, "both note and emotion"),
        ({"act": "best", "note": NOTE}, "both note and act"),
        ({"since": NOTE}, "none is given"),
        ({"at_rest": "calm.wav"}, "add --act"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        FaceOptions(**options).check()


def test_levels_have_names():
    strong, plain, very = (
        FaceOptions(emotion=text).emotion_note(1.0).spans[0].intensity
        for text in ("sad:strong", "sad", "sad:very")
    )
    assert strong == plain == 1.0
    assert very == 0.8
    joyful, calm = (
        FaceOptions(emotion=text).emotion_note(1.0).spans[0] for text in ("Joyful:0.6", "neutral")
    )
    assert (joyful.emotion, joyful.intensity) == ("happy", 0.6)
    assert (calm.emotion, calm.intensity) == ("neutral", 0.0)


def test_effort_is_a_half_without_sound_and_follows_loudness():
    times_s = np.arange(60) / 30
    assert (vocal_effort(ALIGNMENT, None, times_s) == 0.5).all()
    from visemic.features.prosody import extract_prosody

    loud = SOUND.samples.copy()
    loud[:16_000] *= 0.1
    effort = vocal_effort(ALIGNMENT, extract_prosody(Waveform(loud, SOUND.rate)), times_s)
    assert effort[10:20].mean() + 0.2 < effort[40:50].mean()
    assert 0 <= effort.min() <= effort.max() <= 1
