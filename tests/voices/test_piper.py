"""The adapter against a package of the documented shape; the real one is not needed."""

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from visemic.core.errors import TextError, VoiceError
from visemic.core.signals import SILENCE
from visemic.voices import piper
from visemic.voices.base import Voice

HZ = 22_050
SYMBOLS = ["^", "m", "ˈ", "a", "ɪ", " ", "h", "ˈ", "o", "ʊ", "m", ".", "$"]
EACH = 2_205


@dataclass
class _Alignment:
    phoneme: str
    phoneme_ids: list
    num_samples: int


@dataclass
class _Chunk:
    sample_rate: int
    audio_float_array: np.ndarray
    phoneme_alignments: list | None = None


@dataclass
class SynthesisConfig:
    length_scale: float | None = None


class _Voice:
    """Says every sentence as "my home", each symbol in a tenth of a second."""

    tells = True
    asked: ClassVar[list] = []

    def __init__(self, path, asks) -> None:
        language = "de" if "de_DE" in str(path) else "en-us"
        self.config = SimpleNamespace(espeak_voice=language, sample_rate=HZ, length_scale=1.1)
        self.asks = asks

    @staticmethod
    def load(model_path, config_path=None, use_cuda=False, include_alignments=False):
        if "broken" in str(model_path):
            raise ValueError("no such network")
        return _Voice(model_path, include_alignments)

    def synthesize(self, text, syn_config=None, include_alignments=False):
        _Voice.asked.append((text, syn_config.length_scale))
        if "☺" in text:
            return
        sound = np.full(EACH * len(SYMBOLS), 0.1, np.float32)
        told = [_Alignment(s, [], EACH) for s in SYMBOLS] if include_alignments and self.tells else None
        yield _Chunk(HZ, sound, told)


@pytest.fixture
def package(monkeypatch, tmp_path):
    """Give a package and two voice files."""
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path))
    module = ModuleType("piper")
    module.PiperVoice, module.SynthesisConfig = _Voice, SynthesisConfig
    monkeypatch.setitem(sys.modules, "piper", module)
    monkeypatch.setattr(piper, "find_spec", lambda name: object())
    monkeypatch.setattr(_Voice, "asked", [])
    piper.models_folder().mkdir(parents=True)
    for name in ("de_DE-eva-low", "en_US-lessac-medium"):
        (piper.models_folder() / f"{name}.onnx").write_bytes(b"")
    piper._loaded.cache_clear()
    yield module
    piper._loaded.cache_clear()


def test_it_keeps_the_contract(package):
    voice = piper.load("en_US-lessac-medium")
    assert isinstance(voice, Voice)
    assert voice.info.languages == ("en-us",)
    assert voice.info.licence.startswith("GPL-3.0-or-later")
    assert piper.info().languages == ("de-de", "en-us")


def test_phones_and_words_stand_on_the_clock_of_the_sound(package):
    speech = piper.load("en_US-lessac-medium").speak("My home. My home.")
    alignment = speech.alignment
    assert alignment.duration_s == speech.waveform.duration_s
    assert [p.label for p in alignment.phones if p.label != SILENCE] == ["M", "AY", "HH", "OW", "M"] * 2
    assert [w.text for w in alignment.words] == ["My", "home"] * 2
    my, home = alignment.words[:2]
    assert (my.start_s, my.end_s) == pytest.approx((0.2, 0.6), abs=1e-3)
    assert (home.start_s, home.end_s) == pytest.approx((0.7, 1.2), abs=1e-3)


@pytest.mark.parametrize(("text", "words"), [("It is 5 here.", 4), ("1999 now.", 2)])
def test_words_that_the_voice_draws_together_share_its_time(package, text, words):
    alignment = piper.load("en_US-lessac-medium").speak(text).alignment
    assert len(alignment.words) == words
    assert alignment.words[0].start_s == pytest.approx(0.2, abs=1e-3)
    assert alignment.words[-1].end_s == pytest.approx(1.2, abs=1e-3)
    assert all(
        a.end_s <= b.start_s + 1e-9 for a, b in zip(alignment.words, alignment.words[1:], strict=False)
    )


def test_the_tempo_divides_the_voices_own_length(package):
    piper.load("en_US-lessac-medium").speak("My home.", tempo=2.0)
    assert _Voice.asked == [("My home.", pytest.approx(0.55))]


def test_an_older_package_leaves_the_times_to_our_aligner(package, monkeypatch):
    monkeypatch.setattr(_Voice, "tells", False)
    speech = piper.load("en_US-lessac-medium").speak("My home.")
    assert [w.text for w in speech.alignment.words] == ["my", "home"]
    assert speech.alignment.duration_s == speech.waveform.duration_s
    with pytest.raises(VoiceError, match="tells no times, and in 'de'"):
        piper.load("de_DE-eva-low").speak("Mein Heim.", language="de")


def test_another_language_speaks(package):
    alignment = piper.load("de_DE-eva-low").speak("Mein Heim.", language="de-at").alignment
    assert [w.text for w in alignment.words] == ["Mein", "Heim"]
    assert alignment.language == "de-at"


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(piper, "find_spec", lambda name: None)
    assert piper.info().languages == ()
    with pytest.raises(VoiceError, match=r"pip install 'visemic\[piper\]'.*download_voices"):
        piper.load()


@pytest.mark.parametrize(
    ("name", "said"),
    [("en_US-lesac-medium", "did you mean 'en_US-lessac-medium'"), ("nowhere/x.onnx", "is not there")],
)
def test_a_missing_file_says_how_to_get_it(package, name, said):
    with pytest.raises(VoiceError, match=said):
        piper.load(name)


def test_a_file_may_lie_anywhere(package, tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"")
    assert piper.load(str(path)).info.name == "piper:mine"
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"")
    with pytest.raises(VoiceError, match="cannot be read: no such network"):
        piper.load(str(broken))


def test_what_it_cannot_do_is_refused(package):
    voice = piper.load("en_US-lessac-medium")
    with pytest.raises(VoiceError, match="and not 'fr'"):
        voice.speak("Bonjour", language="fr")
    with pytest.raises(VoiceError, match="does not follow marks"):
        voice.speak("Go {pause 1} home")
    with pytest.raises(TextError, match="nothing to pronounce"):
        voice.speak("a ☺")


def test_without_any_file_it_says_so(package):
    for path in piper.files():
        path.unlink()
    with pytest.raises(VoiceError, match="no voice file of piper"):
        piper.load()
