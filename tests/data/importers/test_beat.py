"""BEAT's JSON."""

import json

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.core.layout import ARKIT_52
from visemic.data.importers.beat import BeatImporter, emotion_of

NAMES = sorted(n for n in ARKIT_52 if n != "tongueOut")


def document(n_frames: int, names=NAMES) -> dict:
    """Give a recording in which the jaw opens, in alphabetical order as published."""
    frames = [
        {
            "weights": [frame / 100 if name == "jawOpen" else 0.01 for name in names],
            "rotation": [0.0] * 3,
            "time": frame / 60,
        }
        for frame in range(n_frames)
    ]
    return {"names": list(names), "frames": frames}


def write(folder, data, stem="1_wayne_0_70_70"):
    path = folder / "1" / f"{stem}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def only(folder):
    (clip,) = BeatImporter().recordings(folder)
    return clip


def test_weights_come_by_name_with_speaker_emotion_and_language(tmp_path, write_sound):
    path = write(tmp_path, document(60))
    write_sound(path.with_suffix(".wav"), 1.0)
    clip = only(tmp_path)
    np.testing.assert_allclose(clip.motion.channel("jawOpen"), np.arange(60) / 100, atol=1e-7)
    assert (clip.speaker, clip.emotion, clip.language) == ("1_wayne", "happy", "en-us")
    assert (clip.rate, clip.clip_id) == (Rate.of(60), "1_wayne_0_70_70")
    assert "without tongueOut: 0" in clip.notes


@pytest.mark.parametrize(("kind", "number", "label"), [(0, 1, "neutral"), (2, 118, "disgusted"), (1, 70, "")])
def test_readings_are_labelled_by_their_number(kind, number, label):
    assert emotion_of(kind, number) == label


def test_lost_and_repeated_frames_are_mended_by_their_time(tmp_path):
    data = document(60)
    del data["frames"][20:22]
    data["frames"].insert(40, data["frames"][40])
    write(tmp_path, data)
    clip = only(tmp_path)
    np.testing.assert_allclose(clip.motion.channel("jawOpen"), np.arange(60) / 100, atol=1e-6)
    assert any("2 lost frames" in note for note in clip.notes)
    assert "1 repeated frames left out" in clip.notes


def test_bad_frames_are_named(tmp_path):
    data = document(30)
    data["frames"][9]["weights"].pop()
    write(tmp_path, data)
    with pytest.raises(FormatError, match=r"frame 9 of .*1_wayne.* has 50 weights for 51 names"):
        only(tmp_path)
    data = document(30)
    data["frames"][9]["weights"][4] = float("nan")
    write(tmp_path, data)
    with pytest.raises(FormatError, match=r"frame 9 of .* not between 0 and 1"):
        only(tmp_path)
    write(tmp_path, document(30, names=["jawOpen", "mouthClose"]))
    with pytest.raises(FormatError, match=r"names 2 ARKit shapes"):
        only(tmp_path)
    write(tmp_path, {"frames": []})
    with pytest.raises(FormatError, match=r"no JSON of names and frames"):
        only(tmp_path)


def test_a_sound_of_another_length_is_refused(tmp_path, write_sound):
    path = write(tmp_path, document(60))
    write_sound(path.with_suffix(".wav"), 2.0)
    with pytest.raises(ClockError, match=r"is it 30 Hz data"):
        only(tmp_path)
