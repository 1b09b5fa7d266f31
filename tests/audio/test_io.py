import re
import struct

import numpy as np
import pytest
import soundfile
from tests.audio.conftest import tone_of, write_with_ffmpeg

from visemic.audio import io
from visemic.audio.io import probe, read_waveform, require_speech, waveform_from_array, write_wav
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Waveform


def frequency_and_peak(waveform):
    """Measure a sine in the middle of its clip, where no codec fades."""
    n_samples = len(waveform.samples)
    middle = waveform.samples[n_samples // 4 : 3 * n_samples // 4].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    return np.argmax(spectrum) * 16_000 / (1 << 18), np.sqrt(2 * np.mean(middle**2))


BY_SOUND_FILE = {
    "8 bit": (".wav", "PCM_U8"),
    "16 bit": (".wav", "PCM_16"),
    "24 bit": (".wav", "PCM_24"),
    "32 bit": (".wav", "PCM_32"),
    "float": (".wav", "FLOAT"),
    "double": (".wav", "DOUBLE"),
    "flac": (".flac", "PCM_16"),
    "aiff": (".aiff", "PCM_16"),
    "ogg vorbis": (".ogg", "VORBIS"),
}


@pytest.mark.parametrize("kind", BY_SOUND_FILE)
def test_a_tone_keeps_pitch_and_level_in_every_plain_file(tmp_path, kind):
    suffix, subtype = BY_SOUND_FILE[kind]
    path = tmp_path / f"tone{suffix}"
    soundfile.write(path, tone_of(0.5, 44_100), 44_100, subtype=subtype)
    waveform = read_waveform(path)
    hz, peak = frequency_and_peak(waveform)
    assert hz == pytest.approx(1_000, abs=0.2)
    assert peak == pytest.approx(0.5, rel=0.01)
    assert len(waveform.samples) == 8_000
    assert waveform.rate == SPEECH_RATE


@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_keeps_pitch_level_and_length_at_every_rate(tmp_path, rate_hz, n_channels):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone_of(0.5, rate_hz, n_channels), rate_hz)
    waveform = read_waveform(path)
    hz, peak = frequency_and_peak(waveform)
    assert hz == pytest.approx(1_000, abs=0.2)
    assert peak == pytest.approx(0.5, rel=0.01)
    assert len(waveform.samples) == 8_000


BY_FFMPEG = {
    "mp3": ("tone.mp3", "libmp3lame", False),
    "m4a": ("tone.m4a", "aac", False),
    "mp4 with a picture": ("tone.mp4", "aac", True),
    "mov with a picture": ("tone.mov", "aac", True),
    "mkv with a picture": ("tone.mkv", "libopus", True),
    "opus": ("tone.opus", "libopus", False),
    "webm": ("tone.webm", "libopus", False),
}


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("kind", BY_FFMPEG)
def test_a_tone_keeps_pitch_and_level_in_every_other_file(tmp_path, kind, n_channels):
    name, codec, picture = BY_FFMPEG[kind]
    path = write_with_ffmpeg(
        tmp_path / name, tone_of(1.0, 48_000, n_channels), 48_000, codec, picture=picture
    )
    waveform = read_waveform(path)
    hz, peak = frequency_and_peak(waveform)
    assert hz == pytest.approx(1_000, abs=0.5)
    # The mp3 encoder itself takes 5 % off to leave room for overshoot.
    assert peak == pytest.approx(0.5, rel=0.06 if kind == "mp3" else 0.03)
    assert waveform.duration_s == pytest.approx(1.0, abs=0.06)


def test_a_click_stays_where_it_is_in_a_video(tmp_path):
    sound = np.zeros((48_000, 1), np.float32)
    sound[24_000:24_960, 0] = tone_of(0.02, 48_000)[:, 0]
    path = write_with_ffmpeg(tmp_path / "click.mp4", sound, 48_000, "aac", picture=True)
    samples = np.abs(read_waveform(path).samples)
    loud = np.flatnonzero(samples > 0.2) / 16_000
    assert loud[0] == pytest.approx(0.5, abs=0.004)
    assert loud[-1] == pytest.approx(0.52, abs=0.004)


def test_the_channels_are_averaged(tmp_path):
    stereo = tone_of(0.5, 16_000, 2)
    stereo[:, 1] *= -0.5
    soundfile.write(tmp_path / "a.wav", stereo, 16_000, subtype="FLOAT")
    np.testing.assert_allclose(read_waveform(tmp_path / "a.wav").samples, stereo[:, 0] / 4, atol=1e-7)


def test_a_file_at_the_speech_rate_is_read_as_it_is(tmp_path, rng):
    sound = rng.uniform(-1, 1, 200_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(read_waveform(tmp_path / "a.wav").samples, sound)


def test_the_header_tells_length_rate_and_channels(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone_of(1.5, 22_050, 2), 22_050)
    info = probe(tmp_path / "a.flac")
    assert (info.duration_s, info.rate, info.n_channels) == (1.5, Rate.of(22_050), 2)


def test_a_written_file_reads_back_with_its_comment(tmp_path):
    sound = Waveform(tone_of(0.5, 22_050)[:, 0], Rate.of(22_050))
    write_wav(sound, tmp_path / "a.wav", comment='{"seed": 1, "text": "Grüße"}')
    back = read_waveform(tmp_path / "a.wav", Rate.of(22_050))
    np.testing.assert_allclose(back.samples, sound.samples, atol=1 / 32_768)
    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        assert file.comment == '{"seed": 1, "text": "Grüße"}'
        assert file.subtype == "PCM_16"


def test_what_is_too_loud_is_clipped_not_wrapped(tmp_path):
    write_wav(Waveform(np.full(1_600, 1.5, np.float32), SPEECH_RATE), tmp_path / "a.wav")
    assert read_waveform(tmp_path / "a.wav").samples.min() > 0.99


def test_the_same_sound_gives_the_same_bytes(tmp_path):
    sound = Waveform(tone_of(0.5, 16_000)[:, 0], SPEECH_RATE)
    write_wav(sound, tmp_path / "a.wav", comment="x")
    write_wav(sound, tmp_path / "b.wav", comment="x")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_wav_file_needs_a_whole_rate(tmp_path):
    with pytest.raises(AudioError, match="whole number"):
        write_wav(Waveform(np.zeros(10, np.float32), Rate.of("30000/1001")), tmp_path / "a.wav")


def _tone_file(path, **options):
    soundfile.write(path, tone_of(2.0, 16_000), 16_000, **options)
    return path


def _three_hours(path):
    soundfile.write(path, tone_of(1.0, 8_000), 8_000, format="WAV", subtype="PCM_U8")
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", 3 * 3_600 * 8_000)
    path.write_bytes(data)


def _broken_number(path):
    sound = tone_of(1.0, 16_000)
    sound[4_000] = np.nan
    soundfile.write(path, sound, 16_000, subtype="FLOAT", format="WAV")


def _picture_only(path):
    import av

    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        for _ in range(5):
            still = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(video.encode(still))
        container.mux(video.encode())


BAD = {
    "missing": (lambda path: None, "no file"),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "text": (
        lambda path: path.write_text("I am a text, whatever my name may say. " * 50),
        "not an audio or video",
    ),
    "a word": (lambda path: path.write_text("hi"), "not an audio or video"),
    "random bytes": (
        lambda path: path.write_bytes(np.random.default_rng(1).bytes(5_000)),
        "not an audio or video",
    ),
    "a playlist": (
        lambda path: path.write_text("#EXTM3U\n#EXTINF:10,\nhttp://192.0.2.1/a.mp3\n"),
        "not an audio or video",
    ),
    "a list of files": (
        lambda path: path.write_text("ffconcat version 1.0\nfile 'other.mp3'\n"),
        "not an audio or video",
    ),
    "header without sound": (
        lambda path: soundfile.write(path, np.zeros(0), 16_000, format="WAV"),
        "lasts 0.000 s",
    ),
    "10 ms": (
        lambda path: soundfile.write(path, tone_of(0.01, 16_000), 16_000, format="WAV"),
        "lasts 0.010 s",
    ),
    "NaN": (_broken_number, "not a finite number at 0.250 s"),
    "3 h": (_three_hours, "lasts 3:00:00, at most 2:00:00"),
    "4 kHz": (lambda path: soundfile.write(path, tone_of(1, 4_000), 4_000, format="WAV"), "at 4000 Hz"),
    "picture only": (_picture_only, "holds no sound"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, kind, capfd):
    make, message = BAD[kind]
    make(tmp_path / "in.wav")
    with pytest.raises(AudioError, match=message) as error:
        read_waveform(tmp_path / "in.wav")
    assert "\n" not in str(error.value)
    assert not str(error.value).endswith(".")
    assert capfd.readouterr() == ("", "")


TRUNCATED = {
    "mp3": (
        lambda path: write_with_ffmpeg(path, tone_of(2.0, 48_000), 48_000, "libmp3lame"),
        0.5,
        "truncated",
    ),
    "wav": (
        lambda path: _tone_file(path, format="WAV"),
        0.5,
        "is truncated: 1.00 s can be read of the 2.00 s",
    ),
    "float wav": (lambda path: _tone_file(path, format="WAV", subtype="FLOAT"), 0.5, "is truncated: 1.00 s"),
    "flac": (lambda path: _tone_file(path, format="FLAC"), 0.5, "truncated"),
    "mp4": (lambda path: write_with_ffmpeg(path, tone_of(2.0, 48_000), 48_000, "aac"), 0.5, "truncated"),
    "mp4 with the index first": (
        lambda path: write_with_ffmpeg(
            path, tone_of(2.0, 48_000), 48_000, "aac", options={"movflags": "faststart"}
        ),
        0.6,
        "truncated",
    ),
}


@pytest.mark.parametrize("kind", TRUNCATED)
def test_a_truncated_file_is_refused(tmp_path, kind, capfd):
    make, part, message = TRUNCATED[kind]
    path = tmp_path / f"in.{kind[:3] if kind[:2] == 'mp' else 'wav'}"
    make(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(AudioError, match=message):
        read_waveform(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF])
def test_a_wav_file_that_was_written_into_a_pipe_is_read(tmp_path, size):
    _tone_file(tmp_path / "a.wav")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", size)
    (tmp_path / "a.wav").write_bytes(data)
    if size:
        assert read_waveform(tmp_path / "a.wav").duration_s == pytest.approx(2.0)
    else:
        with pytest.raises(AudioError):
            read_waveform(tmp_path / "a.wav")


def test_an_mp3_without_a_count_of_frames_is_read_to_its_end(tmp_path):
    path = write_with_ffmpeg(
        tmp_path / "a.mp3", tone_of(2.0, 48_000), 48_000, "libmp3lame", options={"write_xing": "0"}
    )
    assert probe(path).duration_s is None
    assert read_waveform(path).duration_s == pytest.approx(2.0, abs=0.1)


def test_names_with_odd_letters_are_only_names(tmp_path):
    path = write_with_ffmpeg(tmp_path / "a:b %20ü 'c'.mp4", tone_of(0.5, 48_000), 48_000, "aac")
    assert read_waveform(path).duration_s == pytest.approx(0.5, abs=0.06)


def test_a_file_longer_than_its_header_says_is_stopped_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(io, "MAX_DURATION_S", 1.0)
    path = write_with_ffmpeg(tmp_path / "a.mp3", tone_of(3.0, 48_000), 48_000, "libmp3lame")
    with pytest.raises(AudioError, match="at most 0:00:01"):
        read_waveform(path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.full(1_600, 16_384, np.int16), 0.5),
        (np.full(1_600, -(2**31), np.int32), -1.0),
        (np.full(1_600, 192, np.uint8), 0.5),
        (np.full((2, 1_600), 0.25, np.float64), 0.25),
        (np.full((1_600, 2), 0.25, np.float32), 0.25),
        (np.stack([np.full(1_600, 32_767, np.int16), np.full(1_600, -32_768, np.int16)]), 0.0),
    ],
)
def test_arrays_of_every_type_become_a_mono_waveform(value, expected):
    waveform = waveform_from_array(value, SPEECH_RATE)
    assert waveform.samples.shape == (1_600,)
    np.testing.assert_allclose(waveform.samples, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "message"),
    [
        (np.zeros((2, 2, 1_600)), 16_000, "shape"),
        (np.zeros(0), 16_000, "shape"),
        (np.zeros((1_600, 0)), 16_000, "shape"),
        (np.zeros(1_600, complex), 16_000, "complex"),
        (np.full(1_600, np.inf), 16_000, "not a finite number at 0.000 s"),
        (np.full(1_600, 1e300), 16_000, "not a finite number"),
        (np.full(1_600, 20_000.0), 16_000, "divide"),
        (np.zeros(100), 16_000, "lasts 0.006 s"),
        (np.zeros(1_600), 4_000, "4000 Hz"),
    ],
)
def test_arrays_that_are_no_sound_are_refused(samples, rate_hz, message):
    with pytest.raises(AudioError, match=message):
        waveform_from_array(samples, Rate.of(rate_hz))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(16_000), "silent: its peak is -inf dB"),
        (tone_of(1.0, 16_000, peak=0.0005)[:, 0], "silent: its peak is -66 dB"),
        (np.full(16_000, np.nan), "not a finite number"),
        (np.zeros(0), "lasts 0.000 s"),
        (np.zeros(160), "lasts 0.010 s"),
    ],
)
def test_sound_in_which_nobody_speaks_is_refused(samples, message):
    with pytest.raises(AudioError, match=message):
        require_speech(Waveform(samples.astype(np.float32), SPEECH_RATE))


def test_quiet_sound_is_not_silence():
    require_speech(Waveform(tone_of(1.0, 16_000, peak=0.002)[:, 0], SPEECH_RATE))


def test_a_file_far_beyond_full_scale_is_refused(tmp_path):
    loud = 1e6 * tone_of(1.0, 16_000, peak=0.5)
    for factor, said in ((1.0, "reaches 500000"), (1e24, "reaches 5e+29")):
        path = tmp_path / f"loud{factor:g}.wav"
        soundfile.write(path, (factor * loud).astype(np.float32), 16_000, subtype="FLOAT")
        with pytest.raises(AudioError, match=re.escape(said) + " and samples must lie between -1 and 1"):
            read_waveform(path)


def test_a_sound_a_sample_too_short_does_not_seem_long_enough():
    with pytest.raises(AudioError, match=r"lasts 0\.099 s and at least 0\.1 s"):
        waveform_from_array(0.1 * np.ones(1599, np.float32), SPEECH_RATE)
