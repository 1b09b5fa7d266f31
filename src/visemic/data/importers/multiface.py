"""Multiface: tracked heads of thirteen speakers at 30 frames a second, in tars.

A speaker's folder ``m--…--GHS`` holds ``tracked_mesh--<segment>.tar`` (frames as
``NNNNNN.bin``, 7,306 float32 positions in millimetres, beside ten times larger ``.obj``
files that are skipped unread) and ``audio.tar``. Only the sentences (``SEN_…``) and the
neutral are read: in a store that is under 4 GB for all thirteen, see ``size_report``.
"""

import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from visemic.audio.io import waveform_from_array
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import FormatError
from visemic.core.signals import Topology, Waveform
from visemic.data.importers.clip import ClipFacts, Head, mesh_recordings
from visemic.data.importers.folder import clean_id
from visemic.data.importers.mesh_file import metres_per_unit, parse_obj
from visemic.data.importers.meshtalk import KeptVertices, kept_vertices_in
from visemic.data.importers.sound import check_lengths
from visemic.data.importers.split import split_of
from visemic.data.recording import Recording, Split

RATE = Rate.of(30)
LICENCE = "CC-BY-NC-4.0"
MAX_BRIDGED_FRAMES = 2
"""Lost frames that are filled by straight lines; a longer hole cuts the sentence in two."""

_NEUTRAL = "E001_Neutral_Eyes_Open"
_PREFIX = "tracked_mesh--"
_TRAIN_SENTENCES, _VALIDATION_SENTENCES = 40, 45
_ALL_SPEAKERS = 13
_UNSEEN_PLACES = (1, 4, 5, 8)
_GZIP_MAGIC = b"\x1f\x8b"
_STORED_BYTES = 6
"""Three int16 a vertex and frame."""


@dataclass(frozen=True)
class SizeReport:
    """What the sentences of a download will take in a store."""

    n_speakers: int
    n_clips: int
    n_frames: int
    n_vertices: int
    read_bytes: int
    """Bytes of the frames in the tars."""
    skipped_bytes: int
    """Bytes in the same tars that are passed over."""
    stored_bytes: int
    """Displacements as int16, a float32 neutral a speaker, sound as int16 at 16 kHz."""


class MultifaceImporter:
    """Streams the tars; the largest thing in memory is one sentence."""

    kind = "multiface"
    description = "Multiface downloads: tracked_mesh--SEN_*.tar, the neutral's tar and audio.tar"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the sentences by speaker and name.

        Raises:
            FormatError: A tar is truncated, a neutral or topology is missing, or a frame has
                another size; the sentence names tar and member.
            ClockError: Sound and motion of a sentence differ in length by over half a second.
        """
        kept = kept_vertices_in(source)
        speakers = _speakers(source)
        for place, folder in enumerate(speakers, 1):
            speaker = _speaker_name(folder)
            head, scale = _head(folder, kept)
            sentences = _sentence_tars(folder)
            sounds = _Sounds(folder)
            for number, tar in enumerate(sentences, 1):
                segment = tar.stem.removeprefix(_PREFIX)
                numbers, vertices = _frames(tar, kept, len(head.neutral))
                vertices *= np.float32(scale)
                step = _step(numbers)
                times_s = (numbers - numbers[0]) / step / float(RATE)
                waveform = sounds.get(segment)
                if waveform is not None:
                    check_lengths(f"{tar}: {segment}", waveform, RATE.tick_at(times_s[-1]) + 1, RATE)
                facts = ClipFacts(
                    clean_id(f"{speaker}/{segment}"),
                    speaker,
                    _split(speaker, place, len(speakers), number),
                    LICENCE,
                    self.kind,
                    text=_text(segment),
                    waveform=waveform,
                    notes=() if waveform is not None else ("no sound found for it",),
                )
                bridge_s = (MAX_BRIDGED_FRAMES + 1) / float(RATE)
                yield from mesh_recordings(facts, times_s, vertices, RATE, head, max_bridge_s=bridge_s)


def size_report(source: Path) -> SizeReport:
    """Tell the size of a store of the sentences from the tars' headers, without reading a frame.

    Raises:
        FormatError: A tar is truncated or there is none.
    """
    kept = kept_vertices_in(source)
    speakers = _speakers(source)
    clips = frames = read = skipped = n_vertices = 0
    for folder in speakers:
        for tar in _sentence_tars(folder):
            clips += 1
            for name, size in _members(tar):
                if name.endswith(".bin"):
                    frames, read, n_vertices = frames + 1, read + size, size // 12
                else:
                    skipped += size
    if kept is not None:
        n_vertices = len(kept.numbers)
    sound = frames * 2 * int(SPEECH_RATE.hz) // int(RATE.hz)
    stored = frames * n_vertices * _STORED_BYTES + len(speakers) * n_vertices * 12 + sound
    return SizeReport(len(speakers), clips, frames, n_vertices, read, skipped, stored)


def _speakers(source: Path) -> list[Path]:
    folders = sorted({p.parent for p in source.rglob(f"{_PREFIX}SEN_*.tar")})
    if not folders:
        raise FormatError(f"source {str(source)!r} has no {_PREFIX}SEN_*.tar; download the tracked meshes")
    return folders


def _speaker_name(folder: Path) -> str:
    parts = folder.name.split("--")
    return clean_id(parts[3] if len(parts) > 4 else folder.name)


def _sentence_tars(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_PREFIX}SEN_*.tar"))


def _split(speaker: str, place: int, n_speakers: int, number: int) -> Split:
    """Give the part of a sentence.

    Source:
        The places of unseen speakers and sentences 1 to 40, 41 to 45 and 46 to 50 of
        FaceDiffuser (Stan et al. 2023).

    Deviation:
        With another number of speakers the places mean nothing: those to hold out are drawn
        by name.
    """
    unseen = place in _UNSEEN_PLACES if n_speakers == _ALL_SPEAKERS else split_of(speaker) == "test"
    if unseen:
        return "test"
    if number <= _TRAIN_SENTENCES:
        return "train"
    return "validation" if number <= _VALIDATION_SENTENCES else "test"


def _text(segment: str) -> str:
    return re.sub(r"[_\s]+", " ", segment.removeprefix("SEN_")).strip()


def _step(numbers: np.ndarray) -> int:
    """Give how far the numbers of neighbouring frames lie apart: 1 or 3 by release."""
    steps = np.diff(numbers)
    return int(np.median(steps)) if len(steps) else 1


def _opened(tar: Path, mode: str) -> tarfile.TarFile:
    try:
        return tarfile.open(tar, mode)  # type: ignore[call-overload]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FormatError(f"tar {str(tar)!r} cannot be read; download it again") from error


def _cut(tar: Path, last: str) -> FormatError:
    return FormatError(f"tar {str(tar)!r} is truncated after {last!r}; download it again")


def _check_end(tar: Path, last: str) -> None:
    """Refuse a tar without its closing zeros: one cut inside a header reads as if it were whole."""
    with tar.open("rb") as file:
        if file.read(2) == _GZIP_MAGIC:
            return  # the end of a compressed file is checked by its reader
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - tarfile.BLOCKSIZE, 0))
        if size % tarfile.BLOCKSIZE or any(file.read()):
            raise _cut(tar, last)


def _members(tar: Path) -> Iterator[tuple[str, int]]:
    last = "its start"
    with _opened(tar, "r:*") as archive:
        try:
            for member in archive:
                last = member.name
                yield member.name, member.size
            _check_end(tar, last)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise _cut(tar, last) from error


def _contents(tar: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Stream the members with some suffixes; the others are passed over."""
    last = "its start"
    with _opened(tar, "r|*") as archive:
        try:
            for member in archive:
                if member.isfile() and member.name.endswith(suffixes):
                    file = archive.extractfile(member)
                    data = file.read() if file else b""
                    if len(data) != member.size:
                        raise _cut(tar, last)
                    yield member.name, data
                last = member.name
            _check_end(tar, last)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise _cut(tar, last) from error


def _positions(data: bytes, tar: Path, name: str) -> Float32[np.ndarray, "vertices 3"]:
    if not data or len(data) % 12:
        raise FormatError(
            f"frame {name!r} of {str(tar)!r} has {len(data)} bytes, which are no float32 positions; "
            "download the tar again"
        )
    vertices = np.frombuffer(data, "<f4").reshape(-1, 3).astype(np.float32)
    if not np.isfinite(vertices).all():
        row = int(np.argwhere(~np.isfinite(vertices))[0, 0])
        raise FormatError(f"vertex {row} of frame {name!r} of {str(tar)!r} is not finite; download it again")
    return vertices


def _head(folder: Path, kept: KeptVertices | None) -> tuple[Head, float]:
    tar = folder / f"{_PREFIX}{_NEUTRAL}.tar"
    if not tar.is_file():
        raise FormatError(f"folder {str(folder)!r} has no {tar.name}, the speaker's neutral; download it too")
    neutral: Float32[np.ndarray, "vertices 3"] | None = None
    triangles = kept.triangles if kept is not None else None
    for name, data in _contents(tar, (".bin", ".obj")):
        if name.endswith(".bin") and neutral is None:
            neutral = _positions(data, tar, name)
        elif name.endswith(".obj") and triangles is None:
            triangles = parse_obj(data)[1]
        if neutral is not None and triangles is not None:
            break
    if neutral is None or triangles is None or not len(triangles):
        raise FormatError(f"unknown topology: {str(tar)!r} has no .bin or no .obj frame; download it again")
    name = "multiface-7306"
    if kept is not None:
        neutral, name = kept.of(neutral, str(tar)), kept.name
    scale = metres_per_unit(neutral, str(tar))
    if triangles.max() >= len(neutral):
        raise FormatError(f"unknown topology: {str(tar)!r} has {len(neutral)} vertices and faces of more")
    return Head(neutral * np.float32(scale), Topology(name, triangles)), scale


def _frames(
    tar: Path, kept: KeptVertices | None, n_vertices: int
) -> tuple[np.ndarray, Float32[np.ndarray, "rows vertices 3"]]:
    by_number: dict[int, Float32[np.ndarray, "vertices 3"]] = {}
    for name, data in _contents(tar, (".bin",)):
        digits = re.findall(r"\d+", Path(name).stem)
        if not digits:
            continue
        vertices = _positions(data, tar, name)
        if kept is not None:
            vertices = kept.of(vertices, str(tar))
        if len(vertices) != n_vertices:
            raise FormatError(
                f"unknown topology: frame {name!r} of {str(tar)!r} has {len(vertices)} vertices and the "
                f"neutral {n_vertices}"
            )
        by_number[int(digits[-1])] = vertices
    if not by_number:
        raise FormatError(f"tar {str(tar)!r} holds no .bin frame; download it again")
    numbers = sorted(by_number)
    return np.array(numbers), np.stack([by_number[n] for n in numbers])


class _Sounds:
    """The sentences of a speaker's ``audio.tar`` or ``audio`` folder, read when asked for."""

    def __init__(self, folder: Path) -> None:
        self._tar = folder / "audio.tar"
        self._folder = folder / "audio"

    def get(self, segment: str) -> Waveform | None:
        """Give the sound of a segment, None when there is none."""
        import soundfile

        data = self._data(f"{segment}.wav")
        if data is None:
            return None
        try:
            samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32")
        except soundfile.LibsndfileError as error:
            raise FormatError(
                f"sound {segment}.wav of {str(self._tar)!r} is damaged; download it again"
            ) from error
        return waveform_from_array(samples, Rate.of(int(rate_hz)))

    def _data(self, name: str) -> bytes | None:
        loose = self._folder / name
        if loose.is_file():
            return loose.read_bytes()
        if not self._tar.is_file():
            return None
        with _opened(self._tar, "r:*") as archive:
            try:
                for member in archive:
                    if Path(member.name).name == name:
                        file = archive.extractfile(member)
                        return file.read() if file else None
            except (tarfile.TarError, EOFError, OSError) as error:
                raise _cut(self._tar, "a sound") from error
        return None
