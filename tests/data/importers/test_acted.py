"""Labels in paths (MEAD, RAVDESS) with motion tracked beside the media."""

from pathlib import Path

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Motion, Provenance
from visemic.data.importers import mead, ravdess
from visemic.data.importers.mead import MeadImporter
from visemic.data.importers.ravdess import RavdessImporter
from visemic.export.clip import ClipData
from visemic.export.npz import write_npz


def values(n_frames: int) -> np.ndarray:
    return np.tile(np.linspace(0, 0.5, n_frames, dtype=np.float32)[:, None], (1, 61))


def test_mead_takes_come_with_actor_emotion_and_level(tmp_path, write_take, write_sound):
    take = tmp_path / "M003" / "video" / "front" / "angry" / "level_2" / "001.csv"
    write_take(take, values(90))
    take.with_suffix(".mp4").write_bytes(b"a video that nobody needs to open")
    write_sound(tmp_path / "M003" / "audio" / "angry" / "level_2" / "001.wav", 1.5)
    side = tmp_path / "M003" / "video" / "left_30" / "angry" / "level_2" / "001.csv"
    write_take(side, values(90))
    (clip,) = MeadImporter().recordings(tmp_path)
    assert (clip.speaker, clip.emotion, clip.intensity) == ("M003", "angry", pytest.approx(2 / 3))
    assert clip.waveform.duration_s == 1.5
    np.testing.assert_allclose(clip.motion.values, values(90), atol=1e-7)


def test_all_takes_of_a_mead_actor_fall_into_one_part():
    paths = [Path(f"W011/video/front/{e}/level_1/00{i}.mp4") for e in ("sad", "happy") for i in range(9)]
    assert len({mead.label_of(path).split for path in paths}) == 1
    splits = {mead.label_of(Path(f"W{n:03d}/video/front/sad/level_1/001.mp4")).split for n in range(60)}
    assert splits == {"train", "validation", "test"}


def test_mead_neutral_has_no_intensity_and_unknown_folders_are_named():
    assert mead.label_of(Path("M003/audio/neutral/level_1/001.m4a")).intensity == 0
    assert mead.label_of(Path("M003/notes/readme.txt")) is None
    with pytest.raises(FormatError, match=r"'hapy'"):
        mead.label_of(Path("M003/video/front/hapy/level_1/001.mp4"))


def test_ravdess_names_tell_everything(tmp_path, write_sound):
    stem = "01-01-06-02-02-01-23"
    folder = tmp_path / "Actor_23"
    folder.mkdir()
    motion = Motion(np.full((45, 52), 0.25, np.float32), ARKIT_52, Rate.of(30))
    provenance = Provenance("1", "test", 0, "recording", "tracker", "none")
    write_npz(ClipData(None, None, motion, None, provenance), folder / f"{stem}.npz")
    write_sound(folder / f"{stem}.wav", 1.5)
    (clip,) = RavdessImporter().recordings(tmp_path)
    assert (clip.speaker, clip.split) == ("actor-23", "test")
    assert (clip.emotion, clip.intensity, clip.text) == ("fear", 1.0, "Dogs are sitting by the door")
    assert (clip.licence, clip.rate) == ("CC-BY-NC-SA-4.0", Rate.of(30))
    np.testing.assert_array_equal(clip.motion.values, motion.values)


def test_ravdess_songs_are_left_out_and_wrong_numbers_named():
    assert ravdess.label_of(Path("03-02-06-01-02-01-12.wav")) is None
    assert ravdess.label_of(Path("03-01-01-01-01-01-21.wav")).split == "validation"
    assert ravdess.label_of(Path("03-01-01-01-01-01-01.wav")).intensity == 0
    for name in ("03-01-09-01-02-01-12", "03-01-01-03-02-01-12", "03-01-01-01-02-01-25"):
        with pytest.raises(FormatError, match=name):
            ravdess.label_of(Path(f"{name}.wav"))


def test_media_without_motion_is_refused_with_the_way_on(tmp_path, write_sound):
    write_sound(tmp_path / "03-01-06-01-02-01-12.wav", 1.0)
    with pytest.raises(
        FormatError, match=r"1 media files of ravdess and no motion beside them; track the faces"
    ):
        list(RavdessImporter().recordings(tmp_path))
    with pytest.raises(FormatError, match=r"is no folder"):
        list(MeadImporter().recordings(tmp_path / "03-01-06-01-02-01-12.wav"))


def test_a_sound_of_another_length_is_refused(tmp_path, write_take, write_sound):
    write_take(tmp_path / "03-01-06-01-02-01-12.csv", values(120))
    write_sound(tmp_path / "03-01-06-01-02-01-12.wav", 4.0)
    with pytest.raises(ClockError, match=r"is it 30 Hz data"):
        list(RavdessImporter().recordings(tmp_path))
