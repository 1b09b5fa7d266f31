import importlib.util
from dataclasses import replace

import pytest

from visemic.core.errors import ArtifactError, VoiceError
from visemic.core.hub import package_weights
from visemic.voices import avatron, espeak
from visemic.voices.marks import refuse_marks
from visemic.voices.registry import DEFAULT_VOICE, default_voice, load_voice, voice_infos

needs_espeak = pytest.mark.skipif(not espeak.is_installed(), reason="the espeak plugin is not installed")
needs_avatron = pytest.mark.skipif(not avatron.is_installed(), reason="no neural voice ships yet")


def test_every_voice_says_its_licence_and_how_to_get_it():
    for info in voice_infos():
        assert info.licence
        assert info.how_to_install.startswith("pip install")
    assert next(iter(voice_infos())).name == DEFAULT_VOICE
    assert [info.name for info in voice_infos()] == ["avatron", "espeak", "kokoro", "piper"]


def test_a_voice_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    info = next(info for info in voice_infos() if info.name == "espeak")
    assert not info.installed
    assert info.languages == ()
    with pytest.raises(
        VoiceError, match=r"voice 'espeak' is not installed; run pip install 'visemic\[espeak\]'"
    ):
        load_voice("espeak")


@pytest.mark.parametrize("name", ["espek", "", "espeak:", ":", "+", "nowhere/model"])
def test_an_unknown_voice_is_refused(name):
    with pytest.raises(VoiceError, match="no voice"):
        load_voice(name)


@needs_espeak
def test_manners_of_speaking_come_by_a_colon():
    assert load_voice("espeak:m2").info.name == "espeak:m2"
    with pytest.raises(VoiceError, match="did you mean 'espeak:f"):
        load_voice("espeak:f9")


@pytest.mark.parametrize(
    ("language", "ships", "expected"),
    [
        *((language, True, "avatron") for language in ("en-us", "en", "EN_us", None)),
        *((language, True, "espeak") for language in ("en-gb", "fr")),
        *((language, False, "espeak") for language in ("en-us", None)),
    ],
)
def test_the_neural_voice_is_the_default_for_what_it_speaks(monkeypatch, language, ships, expected):
    told = replace(avatron.info(), installed=ships)
    monkeypatch.setattr(avatron, "info", lambda: told)
    assert default_voice(language) == expected


@needs_espeak
def test_the_default_voice_speaks_its_language():
    assert load_voice(None, "fr").info.name == "espeak"
    assert load_voice(None, "en-gb").info.name == "espeak"
    with pytest.raises(VoiceError, match="no language 'xx-yy'"):
        load_voice(None, "xx-yy")


@needs_avatron
def test_english_is_spoken_by_the_neural_voice():
    assert load_voice(None, "en-us").info.name == "avatron"
    assert load_voice("avatron").info.licence
    with pytest.raises(VoiceError, match="speaks en-us and not 'fr'"):
        load_voice("avatron", "fr")


def test_a_folder_is_a_trained_voice():
    folder = str(package_weights() / "phonetic")
    for name in (folder, f"{folder}+{folder}"):
        with pytest.raises(ArtifactError, match="kind"):
            load_voice(name)


@pytest.mark.parametrize("mark", ["{slow}", "{ Fast }", "{normal}", "{tempo 0.8}", "{pause 2}", "{pause x}"])
def test_marks_are_refused_by_voices_that_cannot_follow_them(mark):
    with pytest.raises(VoiceError, match="voice 'plain' does not follow marks"):
        refuse_marks(f"go {mark} home", "plain")


@pytest.mark.parametrize("text", ["go home", "a {b} c", "{slowly}", "{}", "{tempos}"])
def test_other_braces_are_left_alone(text):
    refuse_marks(text, "plain")


@needs_espeak
def test_espeak_says_that_it_cannot_follow_marks():
    with pytest.raises(VoiceError, match=r"'\{slow\}'"):
        load_voice("espeak").speak("go {slow} home")
