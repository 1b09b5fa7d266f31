"""The adapter against a package of the documented shape; the real one is not needed."""

import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest

from visemic.core.errors import TextError, VoiceError
from visemic.core.signals import SILENCE
from visemic.voices import kokoro
from visemic.voices.base import Voice

FRAME = 600


@dataclass
class _Token:
    text: str
    whitespace: str
    phonemes: str
    start_ts: float | None = None
    end_ts: float | None = None


@dataclass
class _Result:
    phonemes: str
    tokens: list
    audio: np.ndarray
    pred_dur: np.ndarray


class _Pipeline:
    """Says every sentence as "my choice"; a frame is 25 ms, every symbol has two of them."""

    def __init__(self, lang_code, repo_id, model) -> None:
        self.lang_code, self.model, self.asked = lang_code, model, []

    def __call__(self, text, voice, speed, split_pattern):
        self.asked.append((text, voice, speed))
        if "☺" in text:
            return
        symbols = "mˈI ʧˈYs."
        durations = np.full(len(symbols) + 2, 2)
        durations[0] = 4
        tokens = [
            _Token("my", " ", "mˈI", 0.1, 0.275),
            _Token("choice", "", "ʧˈYs", 0.275, 0.5),
            _Token(".", "", ".", 0.5, 0.55),
        ]
        n_samples = int(durations.sum()) * FRAME
        yield _Result(symbols, tokens, np.full(n_samples, 0.1, np.float32), durations)


class _Model:
    def __init__(self, repo_id, config, model) -> None:
        self.files = (config, model)

    def eval(self):
        return self


@pytest.fixture
def package(monkeypatch, tmp_path):
    """Give a package and its files."""
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path))
    module = ModuleType("kokoro")
    module.KModel, module.KPipeline = _Model, _Pipeline
    monkeypatch.setitem(sys.modules, "kokoro", module)
    monkeypatch.setattr(kokoro, "find_spec", lambda name: object())
    folder = kokoro.models_folder()
    (folder / "voices").mkdir(parents=True)
    for name in (*kokoro.FILES, "voices/af_heart.pt", "voices/am_adam.pt"):
        (folder / name).write_bytes(b"")
    kokoro._pipeline.cache_clear()
    yield module
    kokoro._pipeline.cache_clear()


def test_it_keeps_the_contract(package):
    voice = kokoro.load()
    assert isinstance(voice, Voice)
    assert voice.info.installed
    assert "Apache-2.0" in voice.info.licence


def test_phones_and_words_stand_on_the_clock_of_the_sound(package):
    speech = kokoro.load().speak("My choice. My choice.")
    alignment = speech.alignment
    assert alignment.duration_s == speech.waveform.duration_s
    assert speech.waveform.rate == kokoro.RATE
    assert [p.label for p in alignment.phones if p.label != SILENCE] == ["M", "AY", "CH", "OY", "S"] * 2
    assert [w.text for w in alignment.words] == ["my", "choice"] * 2
    my, choice = alignment.words[:2]
    assert (my.start_s, my.end_s, choice.end_s) == pytest.approx((0.2, 0.375, 0.6))
    m, ay = alignment.phones[1:3]
    assert m.end_s - m.start_s == pytest.approx(0.175 / 3)
    assert (ay.stress, ay.end_s) == (1, pytest.approx(0.375))


def test_tempo_language_and_speaker_are_passed_on(package):
    voice = kokoro.load("am_adam")
    voice.speak("Mind the gap.", language="en-gb", tempo=1.5)
    ((text, speaker, speed),) = kokoro._pipeline("b", kokoro.models_folder()).asked
    assert (text, speed) == ("Mind the gap.", 1.5)
    assert speaker.endswith("am_adam.pt")


def test_without_durations_of_symbols_the_word_is_shared_evenly(package, monkeypatch):
    said = _Pipeline.__call__

    def bare(self, *args, **options):
        for result in said(self, *args, **options):
            result.pred_dur = None
            yield result

    monkeypatch.setattr(_Pipeline, "__call__", bare)
    phones = kokoro.load().speak("My choice.").alignment.phones
    assert phones[1].end_s - phones[1].start_s == pytest.approx(0.175 / 3)


def test_a_missing_package_names_the_extra_and_the_files(monkeypatch):
    monkeypatch.setattr(kokoro, "find_spec", lambda name: None)
    assert not kokoro.info().installed
    with pytest.raises(VoiceError, match=r"pip install 'visemic\[kokoro\]'.*kokoro-v1_0\.pth"):
        kokoro.load()


def test_a_missing_file_is_named(package):
    (kokoro.models_folder() / "config.json").unlink()
    with pytest.raises(VoiceError, match=r"lacks the file 'config\.json'"):
        kokoro.load()


def test_an_unknown_speaker_is_named(package):
    with pytest.raises(VoiceError, match="did you mean 'af_heart'"):
        kokoro.load("af_hart")


def test_nothing_is_fetched_behind_the_users_back(package, monkeypatch):
    monkeypatch.setattr(kokoro, "find_spec", lambda name: None if name == "en_core_web_sm" else object())
    with pytest.raises(VoiceError, match="python -m spacy download en_core_web_sm"):
        kokoro.load().speak("Hello.")


def test_what_it_cannot_do_is_refused(package):
    voice = kokoro.load()
    with pytest.raises(VoiceError, match="speaks en-us, en-gb and not 'fr'"):
        voice.speak("Bonjour", language="fr")
    with pytest.raises(VoiceError, match="does not follow marks"):
        voice.speak("Go {slow} home")
    with pytest.raises(VoiceError, match="tempo of 3"):
        voice.speak("Go", tempo=3.0)
    with pytest.raises(TextError, match="nothing to pronounce"):
        voice.speak("a ☺")


def test_broken_files_are_a_sentence(package, monkeypatch):
    def broken(self, *args, **options):
        raise RuntimeError("bad magic number\nand more")

    monkeypatch.setattr(_Model, "__init__", broken)
    with pytest.raises(VoiceError, match=r"cannot read its files in .*: bad magic number$"):
        kokoro.load().speak("Hello.")
