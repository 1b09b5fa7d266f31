import numpy as np
import pytest

import visemic
from visemic.core.clock import Rate
from visemic.core.signals import Waveform

pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")

TEXT = "My mother makes bread every morning."


@pytest.fixture(scope="module")
def spoken():
    return visemic.speak(TEXT, voice="espeak")


@pytest.mark.slow
def test_aligned_phones_lie_near_the_voices_own(spoken):
    clip = visemic.animate(spoken.waveform, text=TEXT)
    assert clip.alignment.source == "aligned"
    assert [w.text for w in clip.alignment.words] == [w.text for w in spoken.alignment.words]
    errors = [
        abs(a.start_s - b.start_s) for a, b in zip(clip.alignment.words, spoken.alignment.words, strict=True)
    ]
    assert np.median(errors) < 0.06


@pytest.mark.slow
def test_phones_from_sound_alone_find_the_silence(spoken):
    clip = visemic.animate(spoken.waveform)
    assert clip.alignment.source == "recognised"
    assert clip.alignment.phones[0].label == clip.alignment.phones[-1].label == "SIL"
    assert {"M", "B"} & {p.label for p in clip.alignment.phones}


@pytest.mark.slow
def test_another_language_is_aligned_through_the_voice():
    text = "Guten Morgen, meine Damen."
    spoken = visemic.speak(text, lang="de")
    clip = visemic.animate(spoken.waveform, text=text, lang="de")
    assert [w.text for w in clip.alignment.words] == ["Guten", "Morgen", "meine", "Damen"]


@pytest.mark.slow
def test_a_transcript_that_was_not_said_still_gives_a_clip_and_a_note():
    rng = np.random.default_rng(0)
    noise = Waveform((rng.normal(0, 0.1, 32_000)).astype(np.float32), Rate.of(16_000))
    clip = visemic.animate(noise, text="Nobody ever said these many words in here.")
    assert clip.motion.n_frames == 60
    assert clip.alignment.phones[-1].end_s == pytest.approx(2.0)


def test_the_clip_ends_closed(spoken):
    clip = visemic.animate(spoken.waveform)
    last = clip.motion.values[-1]
    assert last[clip.motion.layout.index("jawOpen")] < 0.02


@pytest.mark.parametrize(("peak", "is_told"), [(0.9, False), (1.0, False), (4.0, True)])
def test_sound_beyond_full_scale_is_told(peak, is_told):
    times_s = np.arange(8_000) / 16_000
    sound = (peak * np.sin(2 * np.pi * 220 * times_s)).astype(np.float32)
    clip = visemic.animate(Waveform(sound, Rate.of(16_000)), blink=0.0)
    told = [note for note in clip.provenance.notes if "of full scale 1" in note]
    assert bool(told) == is_told
