from itertools import pairwise

import numpy as np
import pytest
from tests.audio.conftest import babble_of, vowel_of, waveform_of

from visemic.audio import worker
from visemic.audio.activity import Segment
from visemic.audio.decoder import PHONES, label_of, padded_pcm, recognise_pcm
from visemic.audio.recognise import recognise_phones, with_silence, within_speech
from visemic.audio.resample import resample
from visemic.core.clock import Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Phone


def assert_contiguous(alignment, duration_s):
    """The law of every alignment of this package."""
    phones = alignment.phones
    assert phones[0].start_s == 0.0
    assert phones[-1].end_s == duration_s
    assert all(a.end_s == b.start_s for a, b in pairwise(phones))
    assert all(p.end_s > p.start_s for p in phones)
    assert {p.label for p in phones} <= PHONES | {"SIL", "AX", "OH"}
    assert not any(a.label == b.label == "SIL" for a, b in pairwise(phones))
    assert alignment.duration_s == duration_s


@pytest.fixture(scope="module")
def babble():
    rng = np.random.default_rng(7)
    return waveform_of(0.5, babble_of(6, rng), 0.6, babble_of(5, rng), 0.5)


def test_phones_run_from_start_to_end_without_a_gap(babble):
    alignment = recognise_phones(babble)
    assert_contiguous(alignment, babble.duration_s)
    assert (alignment.source, alignment.words, alignment.text) == ("recognised", (), "")


def test_pauses_are_silence(babble):
    phones = recognise_phones(babble).phones
    assert phones[0].label == phones[-1].label == "SIL"
    assert phones[0].end_s == pytest.approx(0.5, abs=0.1)
    assert any(p.label == "SIL" and p.duration_s > 0.4 for p in phones[1:-1])
    assert sum(p.duration_s for p in phones if p.label != "SIL") > 1.0


def test_a_vowel_between_hisses_starts_where_it_sounds():
    rng = np.random.default_rng(3)
    hiss = np.diff(rng.normal(0, 0.06, 3_201)).astype(np.float32)
    phones = recognise_phones(waveform_of(0.4, hiss, vowel_of(0.3), hiss, 0.4)).phones
    vowels = [p for p in phones if p.label in {"AA", "AE", "AH", "AO", "AW", "AY", "EH"}]
    assert vowels[0].start_s == pytest.approx(0.6, abs=0.04)
    assert vowels[-1].end_s == pytest.approx(0.9, abs=0.04)


def test_the_same_sound_gives_the_same_phones(babble):
    assert recognise_phones(babble) == recognise_phones(babble)


def test_loudness_does_not_change_the_phones(babble):
    from dataclasses import replace

    quiet = replace(babble, samples=(babble.samples / 16).astype(np.float32))
    assert recognise_phones(quiet).phones == recognise_phones(babble).phones


def test_sound_of_another_rate_gives_nearly_the_same_phones(babble):
    there = recognise_phones(resample(babble, Rate.of(48_000))).phones
    here = recognise_phones(babble).phones
    assert abs(len(there) - len(here)) <= 3


def test_no_speech_is_one_silence(rng):
    for sound in (waveform_of(2.0), waveform_of(rng.normal(0, 0.1, 32_000))):
        assert recognise_phones(sound).phones == (Phone("SIL", 0.0, 2.0),)


def test_the_shortest_sound_is_accepted():
    assert_contiguous(recognise_phones(waveform_of(vowel_of(0.1))), 0.1)


@pytest.mark.parametrize("workers", [0, -1, 17])
def test_a_number_of_workers_out_of_range_is_refused(babble, workers):
    with pytest.raises(AudioError, match="workers"):
        recognise_phones(babble, workers=workers)


def test_progress_ends_at_all_of_it(babble):
    calls = []
    recognise_phones(babble, progress=lambda done, of: calls.append((done, of)))
    total_s = round(babble.duration_s)
    assert calls[-1] == (total_s, total_s)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


@pytest.mark.slow
def test_the_number_of_workers_does_not_change_the_phones():
    rng = np.random.default_rng(11)
    sound = waveform_of(0.3, *[p for _ in range(12) for p in (babble_of(14, rng), 0.5)])
    assert sound.duration_s > 45
    alone = recognise_phones(sound, workers=1)
    assert recognise_phones(sound, workers=2) == alone
    assert recognise_phones(sound, workers=3) == alone
    assert recognise_phones(sound) == alone
    assert_contiguous(alone, sound.duration_s)


@pytest.mark.slow
def test_a_helper_that_dies_is_replaced_by_own_work(babble, monkeypatch):
    pcm = padded_pcm(babble.samples, 16_384.0)
    expected = recognise_pcm(pcm)
    monkeypatch.setattr(worker, "_SERVE", "import sys; sys.exit(1)")
    assert list(worker.recognise_pieces([pcm, pcm, pcm], 2)) == [expected] * 3


def test_where_no_process_can_be_started_the_work_is_done_here(babble, monkeypatch):
    pcm = padded_pcm(babble.samples[:16_000], 16_384.0)
    monkeypatch.setattr(worker.sys, "executable", "")
    assert list(worker.recognise_pieces([pcm, pcm], 2)) == [recognise_pcm(pcm)] * 2


def test_what_was_heard_before_does_not_matter(babble):
    rng = np.random.default_rng(5)
    pcm = padded_pcm(babble.samples, 16_384.0)
    first = recognise_pcm(pcm)
    recognise_pcm(padded_pcm(babble_of(3, rng), 16_384.0))
    assert recognise_pcm(pcm) == first


def test_padding_is_at_both_ends_and_sound_between():
    pcm = np.frombuffer(padded_pcm(np.full(160, 0.5, np.float32), 16_384.0), "<i2")
    assert len(pcm) == 160 + 2 * 4_000
    assert (pcm[4_000:4_160] == 8_192).all()
    assert 0 < np.abs(pcm[:4_000]).max() < 20


def test_sound_beyond_the_range_is_clipped_not_wrapped():
    pcm = np.frombuffer(padded_pcm(np.full(160, 3.0, np.float32), 16_384.0), "<i2")
    assert pcm.max() == 32_767


def test_noises_and_fillers_are_silence():
    assert [label_of(n) for n in ("B", "SIL", "+NSN+", "+SPN+", "[SPEECH]", "<s>")] == ["B", *["SIL"] * 5]


def test_silence_fills_what_is_left():
    phones = with_silence([Phone("B", 0.2, 0.3), Phone("AA", 0.31, 0.5), Phone("T", 0.6, 1.2)], 1.0)
    assert [(p.label, p.start_s, p.end_s) for p in phones] == [
        ("SIL", 0.0, 0.2),
        ("B", 0.2, 0.31),
        ("AA", 0.31, 0.5),
        ("SIL", 0.5, 0.6),
        ("T", 0.6, 1.0),
    ]


def test_phones_that_overlap_are_cut():
    phones = with_silence([Phone("B", 0.0, 0.5), Phone("AA", 0.3, 0.7), Phone("T", 0.4, 0.6)], 0.7)
    assert [(p.label, p.start_s, p.end_s) for p in phones] == [("B", 0.0, 0.5), ("AA", 0.5, 0.7)]


def test_no_phones_are_one_silence():
    assert with_silence([], 1.0) == (Phone("SIL", 0.0, 1.0),)


def test_phones_outside_of_speech_are_dropped():
    phones = [Phone("B", 0.0, 0.1), Phone("AA", 0.9, 1.1), Phone("T", 2.0, 2.1), Phone("S", 3.0, 3.2)]
    kept = within_speech(phones, [Segment(1.0, 1.5), Segment(3.1, 3.2)])
    assert [p.label for p in kept] == ["AA", "S"]
