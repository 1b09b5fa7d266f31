"""VOCASET's archive: two speakers, a few sentences, every file as it is published."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.data.importers.vocaset import VocasetImporter, split_of_sentence

TRAIN, JUDGED = "FaceTalk_170728_03272_TA", "FaceTalk_170809_00138_TA"
N_FRAMES = 60


@pytest.fixture
def archive(tmp_path, write_head) -> Path:
    """Write an archive of three sentences; the third is left out by the published split."""
    points = np.loadtxt(
        [
            line[2:]
            for line in write_head(tmp_path / "FLAME_sample.obj").read_text().splitlines()
            if line[0] == "v"
        ]
    ).astype(np.float32)
    rows = points + np.linspace(0, 0.01, 3 * N_FRAMES, dtype=np.float32)[:, None, None]
    np.save(tmp_path / "data_verts.npy", rows)
    takes = [(TRAIN, "sentence01"), (JUDGED, "sentence21"), (JUDGED, "sentence01")]
    index: dict = {TRAIN: {}, JUDGED: {}}
    sounds: dict = {TRAIN: {}, JUDGED: {}}
    for take, (speaker, sentence) in enumerate(takes):
        index[speaker][sentence] = {frame: take * N_FRAMES + frame for frame in range(N_FRAMES)}
        sound = (np.sin(np.arange(22_000) * 0.05) * 9_000).astype(np.int16)
        sounds[speaker][sentence] = {"audio": sound, "sample_rate": 22_000}
    for name, data in (
        ("subj_seq_to_idx", index),
        ("raw_audio_fixed", sounds),
        ("templates", {TRAIN: points.astype(float), JUDGED: points.astype(float)}),
    ):
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(data, 2))
    return tmp_path


def changed(archive: Path, name: str, change) -> None:
    """Change what a pickle of the archive holds."""
    path = archive / f"{name}.pkl"
    data = pickle.loads(path.read_bytes())
    change(data)
    path.write_bytes(pickle.dumps(data, 2))


def test_sentences_come_with_rows_sound_and_the_published_split(archive):
    first, second = VocasetImporter().recordings(archive)
    rows = np.load(archive / "data_verts.npy")
    assert (first.clip_id, first.split) == (f"{TRAIN}/sentence01", "train")
    assert (second.clip_id, second.split) == (f"{JUDGED}/sentence21", "test")
    np.testing.assert_array_equal(first.mesh.vertices, rows[:N_FRAMES])
    np.testing.assert_array_equal(second.mesh.vertices, rows[N_FRAMES : 2 * N_FRAMES])
    assert first.rate == Rate.of(60)
    assert first.waveform.rate == Rate.of(22_000)
    assert np.abs(first.waveform.samples).max() < 0.5
    assert first.mesh.topology.triangles.shape == (4, 3)


def test_the_split_is_that_of_the_papers():
    assert split_of_sentence("FaceTalk_170811_03275_TA", "sentence40") == "validation"
    assert split_of_sentence("FaceTalk_170731_00024_TA", "sentence20") is None
    assert split_of_sentence("FaceTalk_170904_00128_TA", "sentence40") == "train"


def test_lost_frames_are_bridged_and_long_holes_cut(archive):
    changed(archive, "subj_seq_to_idx", lambda index: [index[TRAIN]["sentence01"].pop(f) for f in (10, 11)])
    first = next(VocasetImporter().recordings(archive))
    rows = np.load(archive / "data_verts.npy")[:N_FRAMES]
    np.testing.assert_allclose(first.mesh.vertices, rows, atol=1e-6)
    assert first.notes == ("2 lost frames bridged, the first after row 9",)
    changed(
        archive, "subj_seq_to_idx", lambda index: [index[TRAIN]["sentence01"].pop(f) for f in range(12, 40)]
    )
    names = [clip.clip_id for clip in VocasetImporter().recordings(archive)]
    assert names[:2] == [f"{TRAIN}/sentence01.1", f"{TRAIN}/sentence01.2"]


def test_a_pickle_that_runs_code_is_refused(archive):
    class Runs:
        def __reduce__(self):
            return Path.touch, (archive / "ran",)

    changed(archive, "templates", lambda data: data.update(x=Runs()))
    with pytest.raises(FormatError, match=r"refused"):
        list(VocasetImporter().recordings(archive))
    assert not (archive / "ran").exists()


def test_what_is_missing_or_does_not_fit_is_named(archive):
    changed(archive, "subj_seq_to_idx", lambda index: index[TRAIN]["sentence01"].update({5: 9_999}))
    with pytest.raises(FormatError, match=r"places frame 5 of .* in row 9999 of 180"):
        list(VocasetImporter().recordings(archive))
    changed(archive, "subj_seq_to_idx", lambda index: index[TRAIN]["sentence01"].update({5: 5}))
    (archive / "FLAME_sample.obj").unlink()
    with pytest.raises(FormatError, match=r"unknown topology: .* 4 vertices"):
        list(VocasetImporter().recordings(archive))
    (archive / "templates.pkl").unlink()
    with pytest.raises(FormatError, match=r"templates\.pkl.* is missing"):
        list(VocasetImporter().recordings(archive))


def test_a_row_that_is_not_finite_is_named(archive):
    rows = np.load(archive / "data_verts.npy")
    rows[7, 2, 1] = np.nan
    np.save(archive / "data_verts.npy", rows)
    with pytest.raises(FormatError, match=r"row 7 of data_verts.npy, frame 7 of .*sentence01"):
        list(VocasetImporter().recordings(archive))


def test_a_truncated_array_is_named(archive):
    path = archive / "data_verts.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match=r"data_verts\.npy.* no complete npy"):
        list(VocasetImporter().recordings(archive))


def test_a_sound_of_another_length_is_refused(archive):
    def longer(sounds):
        sounds[TRAIN]["sentence01"]["audio"] = np.zeros(66_000, np.int16)

    changed(archive, "raw_audio_fixed", longer)
    with pytest.raises(ClockError, match=r"lasts 3\.00 s and its 60 frames"):
        list(VocasetImporter().recordings(archive))


def test_a_sentence_without_sound_says_so(archive):
    changed(archive, "raw_audio_fixed", lambda sounds: sounds[TRAIN].clear())
    clip = next(VocasetImporter().recordings(archive))
    assert clip.waveform is None
    assert "the archive has no sound for it" in clip.notes
