import numpy as np
import pytest

import visemic
from visemic.core.errors import VisemicError
from visemic.core.layout import ARKIT_61, FACE_63

pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")

BLINKS = ["eyeBlinkLeft", "eyeBlinkRight"]


@pytest.fixture(scope="module")
def clip():
    return visemic.speak("Peter Piper picked a peck of pickled peppers.", voice="espeak", seed=3)


def test_a_clip_has_everything_on_one_clock(clip):
    assert clip.motion.layout == FACE_63
    assert abs(clip.drift_s) <= 0.5 / 30
    assert clip.alignment.duration_s == pytest.approx(clip.waveform.duration_s, abs=1e-6)
    assert clip.alignment.phones[0].start_s == 0
    assert clip.alignment.phones[-1].end_s == pytest.approx(clip.alignment.duration_s)
    assert [w.text for w in clip.alignment.words][:2] == ["Peter", "Piper"]


def test_weights_are_weights(clip):
    weights = clip.motion.values[:, :52]
    assert np.isfinite(clip.motion.values).all()
    assert weights.min() >= 0
    assert weights.max() <= 1


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60])
def test_the_frame_rate_is_the_one_asked(fps):
    clip = visemic.speak("Hello.", voice="espeak", fps=fps)
    assert float(clip.motion.rate) == pytest.approx(fps, abs=1e-3)
    assert abs(clip.drift_s) <= 0.5 / fps + 1e-9


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.25, 2.0])
def test_tempo_scales_voice_and_face_together(tempo):
    text = "A long and winding road leads home."
    natural, scaled = (visemic.speak(text, voice="espeak", tempo=t) for t in (1.0, tempo))
    spoken = [sum(p.duration_s for p in c.alignment.phones if p.label != "SIL") for c in (natural, scaled)]
    assert spoken[1] * tempo == pytest.approx(spoken[0], rel=0.1)
    assert abs(scaled.drift_s) <= 0.5 / 30


@pytest.mark.parametrize("duration", [1.6, 2.4, 3.21])
def test_an_exact_duration_is_exact(duration):
    clip = visemic.speak("Say it in exactly this long.", voice="espeak", duration=duration)
    assert len(clip.waveform.samples) == clip.waveform.rate.tick_at(duration)
    assert clip.alignment.phones[-1].end_s == pytest.approx(duration, abs=1e-4)


def test_amplitudes_of_zero_switch_off_exactly():
    clip = visemic.speak("Nothing moves above the mouth.", voice="espeak", blink=0, brows=0, head=0, gaze=0)
    for name in ARKIT_61.names:
        if name.startswith(("brow", "head", "eyeLook", "leftEye", "rightEye", "eyeBlink")):
            assert not clip.motion.channel(name).any(), name


def test_blinks_are_there_by_default():
    clip = visemic.speak("One sentence after another gives the eyes their time. " * 6, voice="espeak", seed=1)
    assert clip.motion.channel("eyeBlinkLeft").max() > 0.8


def test_the_manifest_names_every_licence(clip):
    manifest = clip.provenance.to_dict()
    assert {"code", "model viseme-rules", "rig visemic", "voice espeak"} <= set(manifest["licences"])
    assert manifest["seed"] == 3


def test_every_error_is_of_one_tree():
    with pytest.raises(VisemicError):
        visemic.speak("")


def test_a_notebook_shows_the_clip():
    page = visemic.speak("Hi.", fps=12)._repr_html_()
    assert page.startswith("<figure><video controls")
    assert "data:video/mp4;base64," in page


def test_another_language_speaks():
    clip = visemic.speak("Bonjour, mon ami.", lang="fr")
    assert clip.alignment.language == "fr"
    assert any(p.label == "M" for p in clip.alignment.phones)


def test_a_clip_says_what_it_is(clip):
    assert "Peter Piper" in repr(clip)
    assert "visemic" in repr(clip)
