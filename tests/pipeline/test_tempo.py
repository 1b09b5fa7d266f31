import numpy as np
import pytest

from visemic.core.acting_note import ActingNote, Span
from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.signals import Alignment, Phone, Waveform, Word
from visemic.pipeline.tempo import follow_tempo, has_tempo
from visemic.voices.base import Speech

SOUND = Waveform((0.1 * np.sin(np.arange(48_000) / 20)).astype(np.float32), Rate.of(16_000))
PHONES = tuple(Phone("AA", float(i), float(i + 1)) for i in range(3))
SPEECH = Speech(SOUND, Alignment(PHONES, (Word("ah", 1.0, 2.0),), "ah", 3.0))


def test_a_span_that_is_slower_lasts_longer_and_moves_what_comes_after():
    note = ActingNote((Span(0.0, 1.0, "happy", 1.0), Span(1.0, 2.0, tempo=0.5), Span(2.0, 3.0, "sad", 1.0)))
    speech, moved = follow_tempo(SPEECH, note)
    assert speech.waveform.duration_s == pytest.approx(4.0)
    assert speech.alignment.duration_s == speech.waveform.duration_s
    assert [(p.start_s, p.end_s) for p in speech.alignment.phones] == [(0.0, 1.0), (1.0, 3.0), (3.0, 4.0)]
    assert [(s.start_s, s.end_s, s.tempo) for s in moved.spans] == [(0, 1, None), (1, 3, None), (3, 4, None)]
    assert speech.alignment.words[0].end_s == 3.0


def test_sound_before_the_span_keeps_its_bits_but_for_the_seam():
    speech, _ = follow_tempo(SPEECH, ActingNote((Span(1.0, 2.0, tempo=1.25),)))
    assert speech.waveform.samples[:15_900].tobytes() == SOUND.samples[:15_900].tobytes()
    assert speech.waveform.duration_s == pytest.approx(2.8)


def test_without_hints_nothing_changes():
    note = ActingNote((Span(0.5, 1.0), Span(1.5, 2.0, tempo=1.0)))
    speech, moved = follow_tempo(SPEECH, note)
    assert speech.waveform.samples.tobytes() == SOUND.samples.tobytes()
    assert [(s.start_s, s.end_s) for s in moved.spans] == [(0.5, 1.0), (1.5, 2.0)]
    assert not has_tempo(note)
    assert not has_tempo(None)
    assert has_tempo(ActingNote((Span(0.0, 1.0, tempo=1.2),)))


def test_a_span_outside_the_speech_is_refused():
    with pytest.raises(InputError, match="outside the clip"):
        follow_tempo(SPEECH, ActingNote((Span(2.0, 9.0, tempo=2.0),)))
