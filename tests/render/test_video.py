import json
from fractions import Fraction

import av
import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, InputError
from visemic.core.signals import Waveform
from visemic.render.still import render_still
from visemic.render.video import render_frames, render_video

RATES = [24, 25, 30, 60, "30000/1001"]


def tone(duration_s, rate_hz=16_000):
    times = np.arange(round(duration_s * rate_hz)) / rate_hz
    return Waveform((0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32), Rate.of(rate_hz))


def read(path):
    """Give both streams as they decode: pictures, their times, and the sound at its rate."""
    with av.open(str(path)) as container:
        frames = [(f.to_ndarray(format="rgb24"), f.time) for f in container.decode(video=0)]
    sound, audio_s = np.zeros(0, np.float32), None
    with av.open(str(path)) as container:
        video_s = float(container.streams.video[0].duration * container.streams.video[0].time_base)
        if container.streams.audio:
            stream = container.streams.audio[0]
            audio_s = float(stream.duration * stream.time_base)
            sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    return frames, sound, video_s, audio_s


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n_frames", [1, 31])
def test_both_streams_last_as_long_as_the_motion(ball, wobble, tmp_path, rate, n_frames):
    motion = wobble(n_frames, rate)
    path = tmp_path / "a.mp4"
    render_video(ball, motion, tone(motion.duration_s), path, width=64, height=64)
    frames, sound, video_s, audio_s = read(path)
    assert len(frames) == n_frames
    assert abs(video_s - motion.duration_s) < 0.001
    assert abs(audio_s - motion.duration_s) < 0.04
    assert abs(len(sound) / 48_000 - motion.duration_s) < 0.04
    for number, (_, time) in enumerate(frames):
        assert abs(time - number / float(motion.rate.hz)) < 0.001


def test_the_frame_rate_is_exact(ball, wobble, tmp_path):
    render_video(ball, wobble(12, "30000/1001"), None, tmp_path / "a.mp4", width=64, height=64)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


def test_the_pictures_are_those_of_the_stills(face, wobble, tmp_path):
    motion = wobble(5)
    render_video(face, motion, None, tmp_path / "a.mp4", width=128, height=128)
    frames, *_ = read(tmp_path / "a.mp4")
    for number, (picture, _) in enumerate(frames):
        wrong = picture.astype(int) - render_still(face, motion, number, width=128, height=128)
        assert np.abs(wrong).mean() < 4


def test_sound_and_picture_start_together(ball, wobble, tmp_path):
    motion = wobble(60, 30)
    waveform = tone(2.0)
    samples = waveform.samples.copy()
    samples[:16_000] = 0
    render_video(ball, motion, Waveform(samples, waveform.rate), tmp_path / "a.mp4", width=64, height=64)
    _, sound, _, _ = read(tmp_path / "a.mp4")
    onset = np.flatnonzero(np.abs(sound) > 0.1)[0] / 48_000
    assert abs(onset - 1.0) < 0.025


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 96_000])
def test_sound_of_any_rate_keeps_its_pitch(ball, wobble, tmp_path, rate_hz):
    render_video(ball, wobble(30), tone(1.0, rate_hz), tmp_path / "a.mp4", width=64, height=64)
    _, sound, _, _ = read(tmp_path / "a.mp4")
    middle = sound[12_000:36_000]
    strongest = np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))) * 48_000 / len(middle)
    assert abs(strongest - 440) < 3


def test_the_manifest_reads_back_from_the_comment(ball, wobble, tmp_path):
    manifest = {"generator": "visemic", "command": 'speak "héllo, wörld"', "seed": 3, "notes": ["日本"]}
    render_video(ball, wobble(2), None, tmp_path / "a.mp4", width=64, height=64, metadata=manifest)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert json.loads(container.metadata["comment"]) == manifest


def test_two_runs_and_any_number_of_threads_write_the_same_bytes(face, wobble, tmp_path):
    made = []
    for number, threads in enumerate((1, 1, 3)):
        path = tmp_path / f"{number}.mp4"
        render_video(face, wobble(40), tone(40 / 30), path, width=64, height=64, threads=threads)
        made.append(path.read_bytes())
    assert made[0] == made[1] == made[2]


def test_frames_come_in_order_whatever_the_number_of_threads(ball, wobble):
    motion = wobble(70)
    one, four = (list(render_frames(ball, motion, width=32, height=32, threads=n)) for n in (1, 4))
    assert len(one) == 70
    np.testing.assert_array_equal(one, four)


def test_progress_counts_every_frame(ball, wobble, tmp_path):
    seen = []
    render_video(
        ball,
        wobble(5),
        None,
        tmp_path / "a.mp4",
        width=32,
        height=32,
        progress=lambda n, of: seen.append((n, of)),
    )
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_an_error_while_frames_are_made_ends_all_threads(ball, wobble, tmp_path):
    def stop(done, total):
        raise InputError("enough")

    with pytest.raises(InputError, match="enough"):
        render_video(ball, wobble(50), None, tmp_path / "a.mp4", width=32, height=32, progress=stop)


def test_an_empty_motion_makes_no_video(ball, wobble, tmp_path):
    with pytest.raises(InputError, match="0 frames"):
        render_video(ball, wobble(0), None, tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_sound_of_another_length_is_refused(ball, wobble, tmp_path):
    with pytest.raises(ClockError, match=r"1\.00 s and the sound 3\.00 s"):
        render_video(ball, wobble(30), tone(3.0), tmp_path / "a.mp4")


@pytest.mark.parametrize(("width", "height"), [(63, 64), (64, 8), (5000, 64)])
def test_a_size_that_no_video_can_have_is_refused_before_anything_is_written(
    ball, wobble, tmp_path, width, height
):
    with pytest.raises(InputError, match="pixels"):
        render_video(ball, wobble(2), None, tmp_path / "a.mp4", width=width, height=height)
    assert not (tmp_path / "a.mp4").exists()
