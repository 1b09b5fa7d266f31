"""Multiface's tars: streamed, cut down, and named when they end too early."""

import io
import tarfile

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.data.importers.multiface import MultifaceImporter, size_report

HEAD_MM = np.array([[0, -100, 50], [50, 0, 0], [-50, 0, 0], [0, 100, 0], [0, 0, 60]], np.float32)
OBJ = "\n".join([*(f"v {x} {y} {z}" for x, y, z in HEAD_MM), "f 1/1 2/2 3/3", "f 2 4 3", "f 1 5 2"]).encode()
SPEAKER = "m--20180227--0000--6795937--GHS"


def write_tar(path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def frames(segment: str, numbers) -> dict[str, bytes]:
    members = {}
    for number in numbers:
        start = f"tracked_mesh/{segment}/{number:06d}"
        moved = HEAD_MM + np.float32((number - 102) / 3 * 0.5)
        members[f"{start}.obj"] = OBJ + b"\n# more" * 50
        members[f"{start}.bin"] = moved.astype("<f4").tobytes()
        members[f"{start}_transform.txt"] = b"1 0 0 0\n0 1 0 0\n0 0 1 0\n"
    return members


@pytest.fixture
def download(tmp_path, write_sound):
    folder = tmp_path / SPEAKER
    folder.mkdir()
    write_tar(folder / "tracked_mesh--E001_Neutral_Eyes_Open.tar", frames("E001_Neutral_Eyes_Open", [102]))
    sentence = "SEN_all_your_wishful_thinking"
    write_tar(folder / f"tracked_mesh--{sentence}.tar", frames(sentence, range(102, 102 + 90, 3)))
    sound = write_sound(tmp_path / "sound.wav", 1.0, 48_000)
    write_tar(folder / "audio.tar", {f"audio/{sentence}.wav": sound.read_bytes()})
    sound.unlink()
    return tmp_path


def sentence_tar(download):
    return next((download / SPEAKER).glob("tracked_mesh--SEN_*.tar"))


def test_a_sentence_comes_in_metres_on_the_clock_of_its_sound(download):
    (clip,) = MultifaceImporter().recordings(download)
    assert clip.clip_id == "6795937/SEN_all_your_wishful_thinking"
    assert clip.text == "all your wishful thinking"
    assert clip.rate == Rate.of(30)
    assert clip.waveform.rate == Rate.of(48_000)
    np.testing.assert_allclose(clip.neutral, HEAD_MM / 1000, atol=1e-7)
    np.testing.assert_allclose(clip.mesh.vertices[4], (HEAD_MM + 2) / 1000, atol=1e-6)
    assert clip.mesh.topology.triangles.tolist() == [[0, 1, 2], [1, 3, 2], [0, 4, 1]]


def test_the_smaller_topology_keeps_listed_vertices(download, write_head):
    write_head(download / "face_template.obj", 1000)
    (download / "kept_vertices.txt").write_text("0\n1\n2\n3\n")
    (clip,) = MultifaceImporter().recordings(download)
    np.testing.assert_allclose(clip.neutral, HEAD_MM[:4] / 1000, atol=1e-7)
    assert clip.mesh.topology.name == "meshtalk-4"
    (download / "kept_vertices.txt").write_text("0\n1\n2\n")
    with pytest.raises(FormatError, match=r"keeps 3 vertices and face_template.obj has 4"):
        list(MultifaceImporter().recordings(download))
    (download / "kept_vertices.txt").write_text("0\n1\n2\n77\n")
    with pytest.raises(FormatError, match=r"kept vertex 77 is not among the 5"):
        list(MultifaceImporter().recordings(download))


def test_the_size_is_told_from_the_headers(download):
    report = size_report(download)
    assert (report.n_speakers, report.n_clips, report.n_frames, report.n_vertices) == (1, 1, 30, 5)
    assert report.read_bytes == 30 * 60
    assert report.skipped_bytes > report.read_bytes
    assert report.stored_bytes == 30 * 5 * 6 + 5 * 12 + 32_000


def test_two_lost_frames_are_bridged_and_three_cut(download):
    tar = sentence_tar(download)
    numbers = [n for n in range(102, 192, 3) if n not in (120, 123)]
    write_tar(tar, frames("SEN_x", numbers))
    (clip,) = MultifaceImporter().recordings(download)
    assert clip.n_frames == 30
    np.testing.assert_allclose(clip.mesh.vertices[6], (HEAD_MM + 3) / 1000, atol=1e-6)
    write_tar(tar, frames("SEN_x", [n for n in numbers if n != 126]))
    first, second = MultifaceImporter().recordings(download)
    assert (first.n_frames, second.n_frames) == (6, 21)
    assert second.waveform.duration_s == pytest.approx(0.7)


@pytest.mark.parametrize("share", [0.4, 0.77])
def test_a_truncated_tar_is_named_with_its_last_member(download, share):
    tar = sentence_tar(download)
    data = tar.read_bytes()
    tar.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FormatError, match=r"SEN_all.*\.tar.* is truncated after '.*'"):
        list(MultifaceImporter().recordings(download))
    with pytest.raises(FormatError, match=r"SEN_all.*\.tar.* is truncated after '.*'"):
        size_report(download)


def test_what_is_no_tar_is_named(download):
    sentence_tar(download).write_bytes(b"<html>503</html>" * 100)
    with pytest.raises(FormatError, match=r"SEN_all.*\.tar"):
        list(MultifaceImporter().recordings(download))


def test_frames_of_another_size_are_named(download):
    members = frames("SEN_x", range(102, 192, 3))
    name = "tracked_mesh/SEN_x/000120.bin"
    write_tar(sentence_tar(download), {**members, name: members[name][:-12]})
    with pytest.raises(FormatError, match=r"unknown topology: .*000120.* has 4 vertices and the neutral 5"):
        list(MultifaceImporter().recordings(download))
    write_tar(sentence_tar(download), {**members, name: members[name][:-1]})
    with pytest.raises(FormatError, match=r"000120\.bin.* has 59 bytes"):
        list(MultifaceImporter().recordings(download))


def test_a_speaker_without_neutral_is_named(download):
    (download / SPEAKER / "tracked_mesh--E001_Neutral_Eyes_Open.tar").unlink()
    with pytest.raises(FormatError, match=r"the speaker's neutral"):
        list(MultifaceImporter().recordings(download))
    with pytest.raises(FormatError, match=r"has no tracked_mesh--SEN"):
        list(MultifaceImporter().recordings(download / SPEAKER / "none"))


def test_a_sound_of_another_length_is_refused(download, write_sound):
    sound = write_sound(download / SPEAKER / "audio" / "SEN_all_your_wishful_thinking.wav", 3.0, 48_000)
    assert sound.is_file()
    with pytest.raises(ClockError, match=r"SEN_all_your_wishful_thinking"):
        list(MultifaceImporter().recordings(download))
