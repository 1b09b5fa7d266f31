import numpy as np
import pytest

from visemic.core.acting_note import whole_note
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError, TextError, VisemicError, VoiceError
from visemic.core.signals import Alignment, Phone, Waveform
from visemic.models.instruction_rules import SOURCE
from visemic.pipeline import instruct as module
from visemic.pipeline.instruct import Server, check_writer, instruct, write_note

SOUND = Waveform((0.1 * np.sin(np.arange(32_000) / 20)).astype(np.float32), Rate.of(16_000))
ALIGNMENT = Alignment((Phone("M", 0.0, 1.0), Phone("AA", 1.0, 2.0)), (), "I hate you!", 2.0)


class Faulty:
    """A writer of notes that fails or writes outside the clip."""

    def __init__(self, answer):
        self.answer = answer

    def instruct(self, waveform, alignment, text, *, at_rest=None, seed):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_rules_always_write():
    note, remarks = write_note(SOUND, ALIGNMENT, "rules")
    assert (note.source, remarks) == (SOURCE, ())
    assert note.spans[0].emotion == "angry"


@pytest.mark.parametrize("answer", [ArtifactError("it is altered"), whole_note(9.0, "sad")])
def test_a_writer_that_fails_is_replaced_by_rules_and_that_is_said(monkeypatch, answer):
    monkeypatch.setattr(module, "find_artifact", lambda name: name)
    monkeypatch.setattr(module, "_load_instructor", lambda artifact: Faulty(answer))
    note, remarks = write_note(SOUND, ALIGNMENT, "mine")
    assert note.source == SOURCE
    assert "mine wrote no note" in remarks[0]
    assert "by rules" in remarks[0]


def test_a_writer_that_works_is_taken(monkeypatch):
    monkeypatch.setattr(module, "find_artifact", lambda name: name)
    monkeypatch.setattr(module, "_load_instructor", lambda artifact: Faulty(whole_note(2.0, "sad")))
    assert write_note(SOUND, ALIGNMENT, "mine")[0].spans[0].emotion == "sad"
    without_sound, remarks = write_note(None, ALIGNMENT, "mine")
    assert without_sound.source == SOURCE
    assert "no sound" in remarks[0]


def test_the_voice_at_rest_reaches_the_writer(monkeypatch):
    class Asking(Faulty):
        def instruct(self, waveform, alignment, text, *, at_rest=None, seed):
            return whole_note(2.0, "happy" if at_rest is REST else "sad")

    REST = Waveform(SOUND.samples[:16_000], SOUND.rate)
    monkeypatch.setattr(module, "find_artifact", lambda name: name)
    monkeypatch.setattr(module, "_load_instructor", lambda artifact: Asking(None))
    assert write_note(SOUND, ALIGNMENT, "mine")[0].spans[0].emotion == "sad"
    assert write_note(SOUND, ALIGNMENT, "mine", at_rest=REST)[0].spans[0].emotion == "happy"


def test_a_server_that_is_down_is_replaced_by_rules(monkeypatch):
    def down(server, transcript, state, duration_s):
        raise InputError("no answer from there")

    monkeypatch.setattr(module, "_ask", down)
    note, remarks = write_note(SOUND, ALIGNMENT, "server")
    assert note.source == SOURCE
    assert "no answer from there" in remarks[0]


def test_unknown_writers_and_models_of_other_kinds_are_refused():
    with pytest.raises(ArtifactError, match="did you mean 'rules'"):
        check_writer("rule")
    with pytest.raises(ArtifactError, match="writes no notes"):
        check_writer("trunk-mouth")
    check_writer("best")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": SOUND, "model": "rules", "seed": -5}, "seed is -5"),
        ({"text": "Hi.", "at_rest": "nope.wav"}, "none is given"),
        ({"text": "a " * 60_000, "model": "rules"}, "120000 characters"),
        ({"text": "😀", "model": "rules"}, "can be pronounced"),
        ({"text": "Hi.", "lang": "zz", "model": "rules"}, "no language 'zz'"),
        ({"text": "Hi.", "model": "avi-styl"}, "among . note writers"),
        ({"source": SOUND, "model": "server", "server": Server("foo")}, "no address"),
        ({"source": SOUND, "model": "server", "server": Server(timeout_s=np.inf)}, "limit of inf s"),
        ({"source": SOUND, "model": "server", "server": Server(api_key="a\n")}, "key holds"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_any_work(options, message):
    with pytest.raises(VisemicError, match=message):
        instruct(**options)


def test_nothing_to_write_for_is_refused():
    with pytest.raises(InputError, match="give an audio file or a text"):
        instruct()


@pytest.mark.slow
def test_a_text_alone_has_a_note_with_or_without_a_voice(monkeypatch):
    from visemic.voices import registry

    def none(name, lang):
        raise VoiceError("none is installed")

    monkeypatch.setattr(registry, "load_voice", none)
    made = instruct(text="What a wonderful day! I hate this mess.", model="rules")
    assert [span.emotion for span in made.note.spans] == ["happy", "angry"]
    assert made.duration_s == pytest.approx(made.note.spans[-1].end_s)
    with pytest.raises(TextError, match="at least one word"):
        instruct(text="  ", model="rules")


@pytest.mark.slow
def test_a_recording_alone_has_a_note():
    rng = np.random.default_rng(0)
    noise = Waveform(rng.normal(0, 0.1, 32_000).astype(np.float32), Rate.of(16_000))
    made = instruct(noise, model="rules")
    assert made.duration_s == 2.0
    assert made.note.spans[-1].end_s == pytest.approx(2.0)
