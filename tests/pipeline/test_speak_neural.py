"""The neural voice all the way to a clip; a toy stands in, so that nothing needs to ship."""

from dataclasses import replace

import numpy as np
import pytest

import visemic
from toy_voice import toy_voice
from visemic.core.errors import InputError, TextError, VoiceError
from visemic.voices import avatron

TEXT = "Peter Piper {slow} picked a peck. {pause 0.4} Of what?"


@pytest.fixture(autouse=True)
def ships(monkeypatch):
    """Let the toy be the voice that ships."""
    voice = toy_voice()
    told = replace(avatron.info(), installed=True)
    monkeypatch.setattr(avatron, "info", lambda: told)
    monkeypatch.setattr(avatron, "load", lambda variant=None: voice)
    return voice


@pytest.mark.parametrize(("fps", "tempo"), [(24, 0.5), (30, 0.75), (60, 1.0), (25, 1.5), (60, 2.0)])
def test_voice_and_face_stay_together(fps, tempo):
    # A mark and the tempo of all multiply, and stay within the limits of speech.
    text = TEXT if 0.67 <= tempo <= 1.5 else "Peter Piper picked a peck. Of what?"
    clip = visemic.speak(text, tempo=tempo, fps=fps)
    assert clip.provenance.voice == "toy"
    assert abs(clip.drift_s) <= 0.5 / fps
    assert clip.alignment.duration_s == clip.waveform.duration_s


def test_marks_are_not_spoken():
    clip = visemic.speak(TEXT)
    assert [w.text for w in clip.alignment.words] == ["Peter", "Piper", "picked", "a", "peck", "Of", "what"]
    assert clip.alignment.text == "Peter Piper picked a peck. Of what?"
    assert not any("left out" in note for note in clip.provenance.notes)


def test_lips_close_when_the_sound_says_so():
    clip = visemic.speak("My mama may map my home.", fps=60)
    close = clip.motion.channel("mouthClose")
    for phone in clip.alignment.phones:
        if phone.label == "M":
            first, last = (clip.motion.rate.tick_at(t) for t in (phone.start_s, phone.end_s))
            assert close[first : last + 1].max() > 0


@pytest.mark.parametrize("duration", [2.4, 3.21])
def test_an_exact_duration_is_planned(duration):
    clip = visemic.speak("Say it in exactly this long.", duration=duration)
    assert len(clip.waveform.samples) == clip.waveform.rate.tick_at(duration)
    assert clip.alignment.phones[-1].end_s == pytest.approx(duration, abs=1e-4)


def test_an_impossible_duration_names_the_nearest():
    with pytest.raises(InputError, match="nearest possible"):
        visemic.speak("Say it.", duration=60)


def test_another_language_goes_to_another_voice():
    pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")
    assert visemic.speak("Bonjour.", lang="fr").provenance.voice == "espeak"
    assert visemic.speak("Good day.", lang="en-gb").provenance.voice == "espeak"
    with pytest.raises(VoiceError, match="does not follow marks"):
        visemic.speak("{slow} bonjour", lang="fr")


@pytest.mark.parametrize("text", ["{slow}", "go {quick} on", "{pause 99} go"])
def test_a_text_that_cannot_be_followed_is_refused(text):
    with pytest.raises(TextError):
        visemic.speak(text)


@pytest.mark.slow
def test_sixteen_kilohertz_go_into_every_format(tmp_path):
    import av
    import soundfile

    clip = visemic.speak("Hello there.", fps=25)
    clip.save(tmp_path / "a.wav")
    assert soundfile.info(tmp_path / "a.wav").samplerate == 16_000
    clip.save(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as movie:
        heard = np.concatenate([f.to_ndarray().reshape(-1) for f in movie.decode(audio=0)])
        rate = movie.streams.audio[0].rate
    assert len(heard) / rate == pytest.approx(clip.waveform.duration_s, abs=0.15)
    assert np.abs(heard).max() > 0.1
