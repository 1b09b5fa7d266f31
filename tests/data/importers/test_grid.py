"""GRID's landmarks: what was put in front of the camera is what the head shows."""

import json

import numpy as np
import pytest

from visemic.core.errors import ClockError, FormatError
from visemic.core.layout import ARKIT_61
from visemic.data.importers.grid import GridImporter
from visemic.data.importers.landmark import (
    FACE_HEIGHT_MM,
    MEASURES,
    NEEDED_LANDMARKS,
    LandmarkFace,
    LandmarkSolver,
    head_angles_rad,
    measure,
    rest_of,
    touching,
)
from visemic.motion.mouth import MAX_CLOSE_OVER_JAW, mouth_from_readouts
from visemic.rig.linear import rotation_matrices
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

SIZE = (360, 288)
PIXELS_A_MM = 0.8
REST_MM = {10: (0, 85, 0), 152: (0, -92, 0), 168: (0, 30, 8), 13: (0, -43, 12), 14: (0, -43, 12),
           0: (0, -38, 14), 17: (0, -50, 12), 61: (-25, -43, 2), 291: (25, -43, 2)}  # fmt: skip


@pytest.fixture(scope="module")
def readouts():
    return fit_readouts(load_rig("visemic"))


def face_mm(gap_mm, narrower_mm=0.0, drop_mm=0.0):
    """Give landmarks of every frame in millimetres, head straight."""
    frames = len(gap_mm)
    points = np.tile(np.array(list(REST_MM.values()), float), (frames, 1, 1))
    columns = {number: place for place, number in enumerate(REST_MM)}
    points[:, columns[14], 1] -= gap_mm
    points[:, columns[17], 1] -= gap_mm
    points[:, columns[152], 1] -= drop_mm
    points[:, columns[61], 0] += np.asarray(narrower_mm) / 2
    points[:, columns[291], 0] -= np.asarray(narrower_mm) / 2
    return points


def speech_gap(n_frames: int) -> np.ndarray:
    """Give a gap with rest at both ends and openings up to 12 mm."""
    t = np.arange(n_frames) / n_frames
    return 12.0 * np.sin(2 * np.pi * t * 3) ** 2 * ((t > 0.2) & (t < 0.8))


def turned(points, yaw=0.0, pitch=0.0, roll=0.0):
    frames = len(points)
    turn = rotation_matrices(*[np.full(frames, a) if np.isscalar(a) else a for a in (yaw, pitch, roll)])
    return np.einsum("fij,fvj->fvi", turn, points), turn


def measured(points, turn):
    return measure(LandmarkFace(tuple(REST_MM), points, turn))


def test_head_pose_and_distance_do_not_change_what_is_measured(rng):
    straight = face_mm(speech_gap(50))
    still = measured(*turned(straight))
    angles = [0.2 * np.sin(np.arange(50) / 9 + phase) for phase in (0, 1, 2)]
    points, turn = turned(straight, *angles)
    moved = measured(points * 3.7 + rng.normal(size=(50, 1, 3)) * 40, turn)
    np.testing.assert_allclose(moved, still, atol=1e-9)


def test_the_head_shows_the_gap_of_the_landmarks(readouts):
    gap = speech_gap(75)
    values = measured(*turned(face_mm(gap, narrower_mm=gap / 4, drop_mm=gap * 0.6)))
    weights = LandmarkSolver(readouts).solve(values, rest_of(values, gap == 0))
    mouth = mouth_from_readouts(readouts)
    height_mm = np.median(177.0 + gap * 0.6)
    shown = mouth.measure_mm("lip_gap", weights.astype(float)) - mouth.rest_mm["lip_gap"]
    np.testing.assert_allclose(shown, touching(gap * FACE_HEIGHT_MM / height_mm), atol=0.02)
    width = mouth.measure_mm("mouth_width", weights.astype(float)) - mouth.rest_mm["mouth_width"]
    assert np.corrcoef(width, -gap)[0, 1] > 0.95
    jaw = weights[:, ARKIT_61.index("jawOpen")]
    assert np.corrcoef(jaw, gap)[0, 1] > 0.95
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert (weights[:, ARKIT_61.index("mouthClose")] <= jaw + MAX_CLOSE_OVER_JAW + 1e-6).all()


def test_rest_is_rest(readouts):
    values = measured(*turned(face_mm(np.zeros(20))))
    weights = LandmarkSolver(readouts).solve(values, rest_of(values, np.ones(20, bool)))
    assert np.abs(weights).max() < 1e-3


def test_a_narrower_mouth_with_closed_lips_puckers(readouts):
    narrow = np.concatenate([np.zeros(10), np.full(10, 9.0)])
    values = measured(*turned(face_mm(np.zeros(20), narrower_mm=narrow)))
    weights = LandmarkSolver(readouts).solve(values, values[0])
    pucker = weights[:, ARKIT_61.index("mouthPucker")]
    assert pucker[:10].max() < 0.01
    assert pucker[10:].min() > 0.3


def test_nearly_closed_lips_are_closed_and_open_ones_untouched():
    gap = np.linspace(-1, 15, 200)
    shown = touching(gap)
    assert (shown[gap <= 1.3] == 0).all()
    np.testing.assert_allclose(shown[gap >= 4], gap[gap >= 4])
    assert (np.diff(shown) >= 0).all()


def test_head_angles_are_those_of_the_pose():
    yaw = 0.1 * np.sin(np.arange(60) / 60 * 2 * np.pi)
    pitch = 0.05 * np.cos(np.arange(60) / 60 * 2 * np.pi)
    zero = np.zeros(60)
    fixed = rotation_matrices(np.array([0.3]), np.array([-0.2]), np.array([0.1]))[0]
    angles = head_angles_rad(fixed @ rotation_matrices(yaw, pitch, zero))
    np.testing.assert_allclose(angles, np.stack([yaw, pitch, zero], 1), atol=2e-3)


def test_missing_landmarks_are_named():
    face = LandmarkFace((10, 152), np.zeros((3, 2, 3)), np.tile(np.eye(3), (3, 1, 1)))
    with pytest.raises(FormatError, match=r"landmark 168 is not among the 2"):
        measure(face)
    assert set(NEEDED_LANDMARKS) <= set(REST_MM)
    assert len(MEASURES) == 5


def write_corpus(folder, write_sound, clips=(("bbaf2n", 75), ("brbk7n", 75)), lost=(), sound_s=3.0):
    """Write clips.json, tracks.npz and sound as the tracked corpus has them."""
    source = folder / "grid_s1"
    source.mkdir(exist_ok=True)
    listed, rows, first = [], [], 0
    for name, frames in clips:
        points, turn = turned(face_mm(speech_gap(frames)), yaw=0.1)
        image = points * PIXELS_A_MM * [1, -1, -1] + [180, 144, 0]
        rows.append((image, turn))
        words = [[0.0, 0.6, "sil"], [0.6, 1.4, "bin"], [1.4, 2.4, "blue"], [2.4, 2.98, "sil"]]
        listed.append({"id": name, "frames": frames, "first_row": first, "audio_start_s": 0.0,
                       "first_frame_s": 0.0, "words": words})  # fmt: skip
        first += frames
        write_sound(source / "audio" / f"{name}.wav", sound_s)
    image = np.concatenate([r[0] for r in rows]) / [SIZE[0], SIZE[1], SIZE[0]] * 16_384
    quantised = np.round(image).astype(np.int16)
    quantised[list(lost)] = -32_768
    ok = np.ones(first, np.uint8)
    ok[list(lost)] = 0
    pose = np.tile(np.eye(4, dtype=np.float32), (first, 1, 1))
    pose[:, :3, :3] = np.concatenate([r[1] for r in rows])
    pose[list(lost)] = np.nan
    arrays = {"landmark_ids": np.array(list(REST_MM)), "landmarks_q14": quantised, "head_mat": pose,
              "ok": ok, "wh": np.array(SIZE)}  # fmt: skip
    np.savez_compressed(source / "tracks.npz", **arrays)
    document = {"fps": 25, "sample_rate": 16_000, "clips": listed[::-1]}
    (source / "clips.json").write_text(json.dumps(document))
    return source


def test_a_corpus_comes_clip_by_clip_with_words_and_delayed_sound(tmp_path, readouts, write_sound):
    source = write_corpus(tmp_path, write_sound)
    first, second = GridImporter(readouts).recordings(source)
    assert (first.clip_id, second.clip_id) == ("bbaf2n", "brbk7n")
    assert (first.speaker, first.text, first.licence) == ("s1", "bin blue", "CC-BY-4.0")
    gap = mouth_from_readouts(readouts).measure_mm("lip_gap", first.motion.values.astype(float))
    np.testing.assert_allclose(gap, touching(speech_gap(75)), atol=0.4)
    assert not first.waveform.samples[:256].any()
    assert first.waveform.samples[257] != 0
    assert first.waveform.duration_s == 3.0
    assert first.alignment.words[0].start_s == pytest.approx(0.616)
    assert "sound moved by 16 ms: the landmarks lag" in first.notes


def test_about_a_tenth_is_held_out_by_name(tmp_path, readouts, write_sound):
    names = [f"clip{i}" for i in range(6)]
    source = write_corpus(tmp_path, write_sound, [(name, 15) for name in names], sound_s=0.6)
    splits = {clip.clip_id: clip.split for clip in GridImporter(readouts).recordings(source)}
    source = write_corpus(tmp_path, write_sound, [(name, 15) for name in names[2:]], sound_s=0.6)
    again = {clip.clip_id: clip.split for clip in GridImporter(readouts).recordings(source)}
    assert all(splits[name] == split for name, split in again.items())


def test_a_face_lost_for_two_frames_is_bridged_and_for_longer_cut(tmp_path, readouts, write_sound):
    source = write_corpus(tmp_path, write_sound, lost=[5, 6])
    first = next(GridImporter(readouts).recordings(source))
    assert first.n_frames == 75
    assert any("2 lost frames bridged" in note for note in first.notes)
    source = write_corpus(tmp_path, write_sound, lost=range(30, 42))
    names = [(clip.clip_id, clip.n_frames) for clip in GridImporter(readouts).recordings(source)]
    assert names == [("bbaf2n.1", 30), ("bbaf2n.2", 33), ("brbk7n", 75)]


@pytest.mark.parametrize("lost", [range(20), range(50, 75)], ids=["first", "last"])
def test_a_face_that_comes_late_or_leaves_early_keeps_its_own_sound(tmp_path, readouts, write_sound, lost):
    whole = next(GridImporter(readouts).recordings(write_corpus(tmp_path, write_sound)))
    part = next(GridImporter(readouts).recordings(write_corpus(tmp_path, write_sound, lost=lost)))
    first = 20 if 0 in lost else 0
    assert part.n_frames == 75 - len(lost)
    np.testing.assert_array_equal(
        part.waveform.samples, whole.waveform.samples[first * 640 : (first + part.n_frames) * 640]
    )
    np.testing.assert_allclose(part.alignment.duration_s, part.duration_s)


def test_bad_files_are_named(tmp_path, readouts, write_sound):
    source = write_corpus(tmp_path, write_sound, sound_s=4.0)
    with pytest.raises(ClockError, match=r"bbaf2n\.wav"):
        list(GridImporter(readouts).recordings(source))
    source = write_corpus(tmp_path, write_sound)
    document = json.loads((source / "clips.json").read_text())
    document["clips"][0]["frames"] = 99
    (source / "clips.json").write_text(json.dumps(document))
    with pytest.raises(FormatError, match=r"rows 75 to 174 of 'landmarks_q14' .* it has 150"):
        list(GridImporter(readouts).recordings(source))
    (source / "tracks.npz").write_bytes((source / "tracks.npz").read_bytes()[:900])
    with pytest.raises(FormatError, match=r"tracks\.npz.* no complete npz"):
        list(GridImporter(readouts).recordings(source))
    (source / "clips.json").write_text("[]")
    with pytest.raises(FormatError, match=r"clips\.json"):
        list(GridImporter(readouts).recordings(source))


def test_letters_are_spelled_and_british():
    from visemic.data.importers.grid import _pronunciations

    assert _pronunciations("a") == (("EY",),)
    assert _pronunciations("z") == (("Z", "EH", "D"),)
    assert ("B", "L", "UW") in _pronunciations("blue")


def test_phones_are_aligned_and_the_words_keep_their_times(tmp_path, readouts, write_sound):
    first = next(GridImporter(readouts).recordings(write_corpus(tmp_path, write_sound)))
    labels = [p.label for p in first.alignment.phones if p.label != "SIL"]
    assert labels == ["B", "IH", "N", "B", "L", "UW"]
    assert first.alignment.source == "aligned"
    assert first.alignment.words[1].start_s == pytest.approx(1.416)
    assert first.alignment.phones[-1].end_s <= first.duration_s + 1e-9
    assert any(note.startswith("phones aligned from words and sound") for note in first.notes)


def test_a_clip_without_sound_has_words_only(tmp_path, readouts, write_sound):
    source = write_corpus(tmp_path, write_sound)
    (source / "audio/bbaf2n.wav").unlink()
    first = next(GridImporter(readouts).recordings(source))
    assert first.alignment.phones == ()
    assert [w.text for w in first.alignment.words] == ["bin", "blue"]


@pytest.mark.slow
def test_aligned_phones_lie_where_they_are_spoken(tmp_path, readouts, write_sound):
    pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")
    from visemic.audio.io import write_wav
    from visemic.voices.registry import load_voice

    spoken = load_voice("espeak", "en-us").speak("bin blue")
    frames = round(spoken.waveform.duration_s * 25)
    source = write_corpus(tmp_path, write_sound, [("bbaf2n", frames)], sound_s=spoken.waveform.duration_s)
    write_wav(spoken.waveform, source / "audio/bbaf2n.wav")
    document = json.loads((source / "clips.json").read_text())
    document["clips"][0]["words"] = [[w.start_s, w.end_s, w.text] for w in spoken.alignment.words]
    (source / "clips.json").write_text(json.dumps(document))
    first = next(GridImporter(readouts).recordings(source))
    true_s = [p.start_s + 0.016 for p in spoken.alignment.phones if p.label != "SIL"]
    found_s = [p.start_s for p in first.alignment.phones if p.label != "SIL"]
    assert np.median(np.abs(np.subtract(found_s, true_s))) < 0.05
