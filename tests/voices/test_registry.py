import importlib.util

import pytest

from visemic.core.errors import VoiceError
from visemic.voices import espeak
from visemic.voices.registry import DEFAULT_VOICE, load_voice, voice_infos

needs_espeak = pytest.mark.skipif(not espeak.is_installed(), reason="the espeak plugin is not installed")


def test_every_voice_says_its_licence_and_how_to_get_it():
    for info in voice_infos():
        assert info.licence
        assert info.how_to_install.startswith("pip install")
    assert DEFAULT_VOICE in [info.name for info in voice_infos()]


def test_a_voice_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (info,) = voice_infos()
    assert not info.installed
    assert info.languages == ()
    with pytest.raises(
        VoiceError, match=r"voice 'espeak' is not installed; run pip install 'visemic\[espeak\]'"
    ):
        load_voice("espeak")


@pytest.mark.parametrize("name", ["espek", "", "kokoro", "espeak:"])
def test_an_unknown_voice_is_refused(name):
    with pytest.raises(VoiceError, match="no voice"):
        load_voice(name)


@needs_espeak
def test_manners_of_speaking_come_by_a_colon():
    assert load_voice("espeak:m2").info.name == "espeak:m2"
    with pytest.raises(VoiceError, match="did you mean 'espeak:f"):
        load_voice("espeak:f9")


@needs_espeak
def test_the_default_voice_speaks_its_language():
    assert load_voice(None, "fr").info.name == "espeak"
    with pytest.raises(VoiceError, match="no language 'xx-yy'"):
        load_voice(None, "xx-yy")
