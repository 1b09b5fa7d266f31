import hashlib
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="the espeak plugin is not installed")

from visemic.core.errors import VoiceError
from visemic.voices.espeak_library import (
    PhonemeEvent,
    WordEvent,
    count_phonemes,
    list_variants,
    list_voices,
    synthesise,
)

FOX = "The quick brown fox jumps over the lazy dog."
SHELLS = "Wait, what? She sells sea shells!"


def fingerprint(text, voice_id="gmw/en-US", rate=150):
    return hashlib.sha256(synthesise(text, voice_id, rate).samples.tobytes()).hexdigest()


def test_what_was_said_before_leaves_no_trace():
    first = fingerprint(FOX)
    fingerprint(SHELLS)
    fingerprint("Bonjour", "roa/fr", 300)
    assert fingerprint(FOX) == first


def test_manners_of_speaking_with_breath_repeat_too():
    assert fingerprint(FOX, "gmw/en-US+caleb") == fingerprint(FOX, "gmw/en-US+caleb")


def test_four_threads_say_the_same_as_one():
    texts = [FOX, SHELLS, "One more.", "And another one?"] * 3
    serial = [fingerprint(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fingerprint, texts)) == serial


@pytest.mark.slow
def test_another_process_says_the_same_and_the_library_prints_nothing():
    code = (
        "import hashlib; from visemic.voices.espeak_library import list_voices, synthesise\n"
        "for file in list_voices().values(): synthesise('ama 12', file.voice_id, 150)\n"
        f"print(hashlib.sha256(synthesise({FOX!r}, 'gmw/en-US', 150).samples.tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint(FOX)
    assert done.stderr == ""


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_speaks_although_another_thread_held_the_library():
    from visemic.voices import espeak_library

    wanted = fingerprint(FOX)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with espeak_library._lock:
            held.set()
            done.wait(5)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        held.wait(5)
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            os._exit(0 if fingerprint(FOX) == wanted else 1)
        _, status = os.waitpid(child, 0)
        done.set()
    assert status == 0


def test_phonemes_and_words_come_in_time_order_inside_the_sound():
    utterance = synthesise(FOX, "gmw/en-US", 150)
    times = [e.sample for e in utterance.events if isinstance(e, PhonemeEvent)]
    assert times == sorted(times)
    assert times[-1] <= len(utterance.samples)
    words = [e.position for e in utterance.events if isinstance(e, WordEvent)]
    assert words[:4] == [0, 4, 10, 16]
    assert utterance.rate_hz == 22_050


def test_positions_count_characters_not_bytes():
    utterance = synthesise("Größe für 😀 alle", "gmw/de", 150)
    words = {e.position for e in utterance.events if isinstance(e, WordEvent)}
    assert {0, 6, 12} <= words


@pytest.mark.parametrize("trick", ["[[h@l'oU]]", "<speak rate='9'>x</speak>", "\x01550s fast", "a\0b"])
def test_no_text_changes_how_the_next_is_spoken(trick):
    before = fingerprint(FOX)
    synthesise(trick, "gmw/en-US", 150)
    assert fingerprint(FOX) == before


def test_the_rate_parameter_makes_speech_shorter():
    lengths = [len(synthesise(FOX, "gmw/en-US", rate).samples) for rate in (80, 150, 300, 450)]
    assert lengths == sorted(lengths, reverse=True)


def test_empty_text_gives_no_phoneme():
    events = synthesise("", "gmw/en-US", 150).events
    assert not [e for e in events if isinstance(e, PhonemeEvent) and e.ipa]


def test_an_interruption_while_it_speaks_comes_through(monkeypatch):
    from visemic.voices import espeak_library

    def interrupted(reported):
        raise KeyboardInterrupt

    monkeypatch.setattr(espeak_library, "_events", interrupted)
    with pytest.raises(KeyboardInterrupt):
        synthesise(FOX, "gmw/en-US", 150)
    monkeypatch.undo()
    assert synthesise(FOX, "gmw/en-US", 150).events


def test_an_unknown_voice_is_refused():
    with pytest.raises(VoiceError, match="'nowhere/none'"):
        synthesise("hello", "nowhere/none", 150)


def test_languages_and_variants_are_listed():
    voices = list_voices()
    assert {"en-us", "en-gb", "de", "fr-fr", "cmn"} <= set(voices)
    assert voices["fr-fr"].voice_id == "roa/fr"
    assert "f3" in list_variants()


def test_phonemes_of_words_are_counted():
    assert count_phonemes(("in", "the", "bottle"), "gmw/en-US") == (2, 2, 4)


def test_sound_does_not_clip():
    for variant in ("", "+klatt4", "+robosoft2", "+f3"):
        samples = synthesise(FOX, f"gmw/en-US{variant}", 150).samples
        assert np.abs(samples).max() < 32767 / 32768 / 0.7
