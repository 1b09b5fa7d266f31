"""Takes of the recorder: names, times, repairs and refusals."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion, Provenance
from visemic.data.importers.live_link import LiveLinkImporter
from visemic.data.recording import Importer
from visemic.export.clip import ClipData
from visemic.export.registry import export_clip

JAW = ARKIT_61.index("jawOpen")


def take_values(n_frames: int) -> np.ndarray:
    """Give a take in which every channel tells itself from the others."""
    values = np.tile(np.arange(61) / 1000, (n_frames, 1)).astype(np.float32)
    values[:, JAW] = np.linspace(0, 0.6, n_frames)
    return values


def only(source):
    found = list(LiveLinkImporter().recordings(source))
    assert len(found) == 1
    return found[0]


def test_it_keeps_the_contract():
    assert isinstance(LiveLinkImporter(), Importer)


def test_a_take_on_an_exact_clock_comes_back_untouched(tmp_path, write_take, write_sound):
    values = take_values(120)
    write_take(tmp_path / "Anna" / "day_1" / "Anna_1_iPhone.csv", values)
    write_sound(tmp_path / "Anna" / "day_1" / "Anna_1_iPhone.wav", 2.0)
    clip = only(tmp_path)
    np.testing.assert_array_equal(clip.motion.values, values)
    assert clip.rate == Rate.of(60)
    assert clip.clip_id == "Anna/day_1/Anna_1_iPhone"
    assert clip.speaker == "Anna"
    assert clip.waveform.duration_s == 2.0
    assert clip.notes == ()


def test_a_device_clock_a_little_slow_is_resampled_by_its_timecode(tmp_path, write_take):
    frames = np.arange(200) * 1.0016
    values = take_values(200)
    values[:, JAW] = frames / 400
    write_take(tmp_path / "a.csv", values, frames.tolist())
    clip = only(tmp_path)
    assert clip.rate == Rate.of(60)
    np.testing.assert_allclose(clip.motion.channel("jawOpen"), np.arange(clip.n_frames) / 400, atol=3e-5)
    assert any("uniform clock" in note for note in clip.notes)


def test_columns_in_any_order_are_read_by_name(tmp_path, write_take, rng):
    values = take_values(90)
    names = list(rng.permutation(ARKIT_61.names))
    write_take(tmp_path / "a.csv", values, names=names)
    np.testing.assert_allclose(only(tmp_path).motion.values, values, atol=1e-7)


def test_a_fork_that_lists_the_right_eye_first_is_not_mirrored(tmp_path, write_take):
    names = list(ARKIT_61.names)
    names[:7], names[7:14] = names[7:14], names[:7]
    values = take_values(90)
    write_take(tmp_path / "a.csv", values, names=names)
    clip = only(tmp_path)
    np.testing.assert_allclose(clip.motion.values, values, atol=1e-7)
    assert any("right eye first" in note for note in clip.notes)


def test_lost_frames_are_bridged_by_timecode_and_told(tmp_path, write_take):
    frames = [f for f in range(120) if not 50 <= f < 53]
    values = take_values(120)[frames]
    write_take(tmp_path / "a.csv", values, frames)
    clip = only(tmp_path)
    assert clip.n_frames == 120
    np.testing.assert_allclose(clip.motion.values, take_values(120), atol=1e-4)
    assert "3 lost frames bridged, the first after line 51" in clip.notes


def test_repeated_rows_are_left_out_and_told(tmp_path, write_take):
    frames = sorted([*range(120), 40, 41])
    write_take(tmp_path / "a.csv", take_values(120)[frames], frames)
    clip = only(tmp_path)
    np.testing.assert_allclose(clip.motion.values, take_values(120), atol=1e-7)
    assert "2 repeated rows left out, the first in line 43" in clip.notes


def test_a_long_hole_cuts_the_take_and_its_sound(tmp_path, write_take, write_sound):
    frames = [f for f in range(240) if not 100 <= f < 180]
    write_take(tmp_path / "a.csv", take_values(240)[frames], frames)
    write_sound(tmp_path / "a.wav", 4.0)
    first, second = LiveLinkImporter().recordings(tmp_path)
    assert (first.clip_id, second.clip_id) == ("a.1", "a.2")
    assert (first.n_frames, second.n_frames) == (100, 60)
    np.testing.assert_allclose(second.motion.values, take_values(240)[180:], atol=1e-6)
    assert second.waveform.duration_s == pytest.approx(1.0)
    assert any("cut from 3.00 s" in note for note in second.notes)
    assert first.split == second.split


def test_a_take_over_midnight_goes_on(tmp_path, write_take):
    write_take(tmp_path / "a.csv", take_values(150), start_s=86_399)
    clip = only(tmp_path)
    np.testing.assert_allclose(clip.motion.values, take_values(150), atol=1e-7)
    assert "the take runs over midnight" in clip.notes


def test_the_calibrated_file_of_a_take_is_the_one_that_is_read(tmp_path, write_take, write_sound):
    write_take(tmp_path / "a_iPhone.csv", take_values(90))
    write_take(tmp_path / "a_iPhone_cal.csv", take_values(90) * 0.5)
    (tmp_path / "a_iPhone_frame_log.csv").write_text("V,1,2\n")
    write_sound(tmp_path / "a_iPhone.wav", 1.5)
    clip = only(tmp_path)
    assert clip.clip_id == "a_iPhone"
    np.testing.assert_allclose(clip.motion.values, take_values(90) * 0.5, atol=1e-7)
    assert clip.waveform is not None


def test_a_folder_tells_speaker_licence_split_and_language(tmp_path, write_take):
    write_take(tmp_path / "x" / "a.csv", take_values(90))
    (tmp_path / "corpus.json").write_text('{"speaker": "anna", "licence": "CC-BY-4.0", "language": "de"}')
    (tmp_path / "x" / "corpus.json").write_text('{"split": "test"}')
    clip = only(tmp_path)
    assert (clip.speaker, clip.licence, clip.language, clip.split) == ("anna", "CC-BY-4.0", "de", "test")


def test_a_misspelt_key_of_a_folder_is_named(tmp_path, write_take):
    write_take(tmp_path / "a.csv", take_values(90))
    (tmp_path / "corpus.json").write_text('{"speakr": "anna"}')
    with pytest.raises(FormatError, match=r"did you mean 'speaker'"):
        only(tmp_path)


def test_a_missing_column_is_named(tmp_path, write_take):
    names = [n for n in ARKIT_61.names if n != "jawOpen"]
    write_take(tmp_path / "a.csv", take_values(90), names=names)
    with pytest.raises(
        FormatError, match=r"line 1 of .*a\.csv.* lacks 1 of 52 columns, the first is 'jawOpen'"
    ):
        only(tmp_path)


def test_an_old_recorder_without_tongue_and_rotations_is_read_and_told(tmp_path, write_take):
    names = [n for n in ARKIT_61.names[:52] if n != "tongueOut"]
    write_take(tmp_path / "a.csv", take_values(90), names=names)
    clip = only(tmp_path)
    assert not clip.motion.channel("tongueOut").any()
    assert clip.notes[0].startswith("without tongueOut, headYaw")


@pytest.mark.parametrize(
    ("cell", "what"),
    [("nan", "line 6 .*'nan' in column 'jawOpen'"), ("", "line 6 .*no finite number"), ("43", "in percent")],
)
def test_a_bad_value_is_named_with_its_line(tmp_path, write_take, cell, what):
    path = write_take(tmp_path / "a.csv", take_values(90))
    lines = path.read_text().splitlines()
    cells = lines[5].split(",")
    cells[2 + JAW] = cell
    lines[5] = ",".join(cells)
    path.write_text("\n".join(lines))
    with pytest.raises(FormatError, match=what):
        only(tmp_path)


def test_a_short_row_and_a_bad_timecode_are_named_with_their_line(tmp_path, write_take):
    path = write_take(tmp_path / "a.csv", take_values(90))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:8], lines[8][:200], *lines[9:]]))
    with pytest.raises(FormatError, match=r"line 9 .* cells and the header 63"):
        only(tmp_path)
    path.write_text("\n".join([*lines[:8], "noon" + lines[8][11:], *lines[9:]]))
    with pytest.raises(FormatError, match=r"line 9 .*timecode"):
        only(tmp_path)


def test_two_takes_in_one_file_are_refused(tmp_path, write_take):
    write_take(tmp_path / "a.csv", take_values(90), [*range(600, 645), *range(45)])
    with pytest.raises(FormatError, match=r"goes back by .* at line 47"):
        only(tmp_path)


def test_sound_of_another_length_is_refused_with_the_rate_that_would_fit(tmp_path, write_take, write_sound):
    write_take(tmp_path / "a.csv", take_values(120))
    write_sound(tmp_path / "a.wav", 4.0)
    with pytest.raises(ClockError, match=r"a\.wav.* lasts 4\.00 s and its 120 frames .* is it 30 Hz data"):
        only(tmp_path)


def test_a_source_without_takes_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"no .csv file"):
        only(tmp_path)
    with pytest.raises(FormatError, match=r"does not exist"):
        only(tmp_path / "nowhere")
    (tmp_path / "a_frame_log.csv").write_text("V,1\n")
    with pytest.raises(FormatError, match=r"logs and no take"):
        only(tmp_path)
    (tmp_path / "a_frame_log.csv").unlink()
    (tmp_path / "a.csv").write_text("name,age\nx,1\n")
    with pytest.raises(FormatError, match=r"no Timecode column"):
        only(tmp_path)


def write_mov(path, seconds: float, timecode: str, loud_from_s: float) -> None:
    """Write a video with timecode and sound as the app does, silent before a time."""
    import av

    with av.open(str(path), "w", format="mov") as container:
        video = container.add_stream("mpeg4", rate=30)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        video.metadata["timecode"] = timecode
        sound = container.add_stream("pcm_s16le", rate=16_000)
        sound.layout = "mono"
        for _ in range(round(seconds * 30)):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode())
        samples = np.sin(np.arange(round(seconds * 16_000)) * 0.05) * 9_000
        samples[: round(loud_from_s * 16_000)] = 0
        frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(sound.encode(frame))
        container.mux(sound.encode())


@pytest.mark.parametrize(
    ("timecode", "loud_s", "note"),
    [
        ("14:26:39:15", 0.0, "sound moved by -500 ms"),
        ("14:26:40:00", 0.5, None),
        ("00:00:00:00", 0.5, "another clock"),
    ],
)
def test_the_sound_of_a_video_is_moved_to_the_timecode_of_the_take(
    tmp_path, write_take, timecode, loud_s, note
):
    write_take(tmp_path / "a.csv", take_values(90), start_s=52_000)
    write_mov(tmp_path / "a.mov", 2.0 if note and "moved" in note else 1.5, timecode, 0.5)
    clip = only(tmp_path)
    loud = np.flatnonzero(np.abs(clip.waveform.samples) > 0.05)[0] / 16_000
    assert loud == pytest.approx(loud_s, abs=0.002)
    assert any(note in n for n in clip.notes) if note else clip.notes == ()


def test_the_clock_of_all_clips_can_be_chosen(tmp_path, write_take):
    values = take_values(121)
    write_take(tmp_path / "a.csv", values)
    (clip,) = LiveLinkImporter(Rate.of(30)).recordings(tmp_path)
    np.testing.assert_allclose(clip.motion.values, values[::2], atol=1e-4)


def test_takes_are_read_one_by_one(tmp_path, write_take):
    write_take(tmp_path / "a.csv", take_values(30))
    (tmp_path / "b.csv").write_text("Timecode,JawOpen\nbroken\n")
    clips = LiveLinkImporter().recordings(tmp_path)
    assert next(clips).clip_id == "a"
    with pytest.raises(FormatError, match=r"b\.csv"):
        next(clips)


def test_a_short_take_of_ours_keeps_the_rate_that_stands_beside_it(tmp_path):
    motion = Motion(take_values(24), ARKIT_61, Rate.of(24))
    provenance = Provenance("1", "test", 0, "recording", "none", "visemic")
    export_clip(ClipData(None, None, motion, None, provenance), tmp_path / "short.csv")
    recording = only(tmp_path)
    assert recording.rate == Rate.of(24)
    assert recording.n_frames == 24
