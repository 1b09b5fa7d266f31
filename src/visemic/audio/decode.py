"""Any audio or video file as a stream of mono blocks.

The sound-file library reads what it knows, which is fast; everything else, such as m4a and
video, goes through FFmpeg's libraries. Nothing here holds more than a block at a time.
"""

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.core.errors import AudioError

_BLOCK_FRAMES = 1 << 16

_UNKNOWN_SIZES = (0, 0xFFFF_FFFF)
"""What programs that write into a pipe put where the size of a wav file belongs."""

_SOUND_FILE_MAGICS = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"caff", b".snd")
"""First bytes of what the sound-file library is asked for; it takes noise for mp3."""

_FORMATS = (
    "mov,mp4,m4a,matroska,webm,avi,asf,flv,mpeg,mpegts,mxf,mp3,aac,ogg,wav,w64,aiff,caf,au,flac,"
    "amr,ac3,eac3,dts,ape,wv,tta,tak,dsf,mpc,mpc8"
)
"""What FFmpeg may take a file for: not text, pictures or lists of other files."""
_INDEXED = "mp4"
"""Containers with an index know their length; others estimate it from their size."""

_READABLE = "wav, flac, ogg, mp3, m4a or mp4"


@dataclass(frozen=True, eq=False)
class SoundStream:
    """An open file: what its header says, and its sound."""

    rate_hz: int
    n_channels: int
    promised_s: float | None
    """Length by the header, None when it does not say."""
    blocks: Iterator[Float32[np.ndarray, " _"]]
    """The mean of all channels, about -1 to 1, piece by piece."""


@contextmanager
def open_sound(path: Path) -> Iterator[SoundStream]:
    """Open the sound of a file.

    Args:
        path: An audio or video file; of several sound tracks the default one is taken.

    Raises:
        AudioError: There is no such file, or no sound in it that can be read. While the
            blocks are taken: the file is damaged.
    """
    _check_file(path)
    file = _open_sound_file(path)
    if file is not None:
        with file:
            yield SoundStream(
                file.samplerate, file.channels, _promised_s(path, file), _sound_file_blocks(path, file)
            )
        return
    with _open_container(path) as container:
        yield _container_stream(path, container)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioError(f"{str(path)!r} is a folder; give an audio or video file")
        if not path.exists():
            raise AudioError(f"no file {str(path)!r}; check the path")
        # A pipe or a device has no size and no second reading, which formats need.
        if not path.is_file():
            raise AudioError(f"{str(path)!r} is not a regular file; save the sound to a file first")
        if path.stat().st_size == 0:
            raise AudioError(f"{str(path)!r} is empty (0 bytes); give an audio or video file")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise AudioError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error


def _open_sound_file(path: Path) -> Any:
    """Give the file as the sound-file library opens it, None when it does not know the format."""
    import soundfile

    with path.open("rb") as file:
        if file.read(4) not in _SOUND_FILE_MAGICS:
            return None
    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError):
        # A TypeError asks for the rate when the name ends in ``.raw``.
        return None


def _sound_file_blocks(path: Path, file: Any) -> Iterator[Float32[np.ndarray, " _"]]:
    import soundfile

    buffer = np.empty((_BLOCK_FRAMES, file.channels), np.float32)
    done = 0
    while True:
        try:
            block = file.read(out=buffer)
        except soundfile.LibsndfileError as error:
            raise damaged(path, done / file.samplerate) from error
        if len(block) == 0:
            return
        done += len(block)
        yield block.mean(axis=1, dtype=np.float32) if file.channels > 1 else block[:, 0].copy()


def _promised_s(path: Path, file: Any) -> float | None:
    if file.frames >= 1 << 60:
        return None
    promised_s = file.frames / file.samplerate
    if file.format in ("WAV", "WAVEX", "RF64"):
        # The library takes a short file for what it is; only the header knows of the rest.
        return max(promised_s, _wav_promised_s(path) or 0.0)
    return promised_s


def _wav_promised_s(path: Path) -> float | None:
    """Give the length that a wav file's header promises in seconds, None when it does not."""
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return None
        byte_rate = large_size = 0
        while len(chunk := file.read(8)) == 8:
            name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
            if name == b"data":
                if head[:4] == b"RF64" and large_size:
                    size = large_size
                return size / byte_rate if byte_rate and size not in _UNKNOWN_SIZES else None
            body = file.read(min(size, 32))
            if name == b"fmt " and len(body) >= 16:
                byte_rate = struct.unpack_from("<I", body, 8)[0]
            if name == b"ds64" and len(body) >= 16:
                large_size = struct.unpack_from("<Q", body, 8)[0]
            file.seek(size + size % 2 - len(body), 1)
    return None


@contextmanager
def _open_container(path: Path) -> Iterator[Any]:
    import av

    try:
        options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
        container = av.open(f"file:{path.resolve()}", options=options)
    except (av.error.FFmpegError, ValueError) as error:
        raise AudioError(
            f"{str(path)!r} is not an audio or video file that can be read, or it is truncated; "
            f"give {_READABLE}"
        ) from error
    with container:
        yield container


def _container_stream(path: Path, container: Any) -> SoundStream:
    stream = container.streams.best("audio")
    if stream is None:
        raise AudioError(f"{str(path)!r} holds no sound; give a file with an audio track")
    channels = stream.codec_context.channels
    is_counted = _INDEXED in container.format.name or (
        container.format.name == "mp3" and _mp3_is_counted(path)
    )
    promised_s = float(stream.duration * stream.time_base) if stream.duration and is_counted else None
    blocks = _container_blocks(path, container, stream)
    # Some codecs run at another rate than their header says: the first frame knows.
    first_rate_hz, first = next(blocks, (0, np.zeros(0, np.float32)))
    if not first_rate_hz:
        raise AudioError(f"{str(path)!r} holds no sound that can be read; give {_READABLE}")

    def samples() -> Iterator[Float32[np.ndarray, " _"]]:
        yield first
        done = len(first)
        for rate_hz, block in blocks:
            if rate_hz != first_rate_hz:
                raise AudioError(
                    f"{str(path)!r} changes its rate from {first_rate_hz} to {rate_hz} Hz after "
                    f"{done / first_rate_hz:.2f} s; convert it to one rate"
                )
            done += len(block)
            yield block

    return SoundStream(first_rate_hz, channels, promised_s, samples())


def _mp3_is_counted(path: Path) -> bool:
    """Tell whether an mp3 file's first frame says how many there are, behind its tags."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3" and len(head) == 10:
            # Four times seven bits, so that no byte looks like the start of a frame.
            file.seek(10 + sum(byte << (7 * place) for place, byte in enumerate(reversed(head[6:]))))
        first_frame = (b"" if head[:3] == b"ID3" else head) + file.read(1_024)
    return b"Xing" in first_frame or b"Info" in first_frame


def _container_blocks(
    path: Path, container: Any, stream: Any
) -> Iterator[tuple[int, Float32[np.ndarray, " _"]]]:
    """Give rate and mono samples of each decoded frame."""
    import av

    done = 0
    converter: Any = None
    form: tuple[object, ...] = ()
    rate_hz = 0
    try:
        for frame in container.decode(stream):
            if (frame.format.name, frame.layout.name, frame.sample_rate) != form:
                form = (frame.format.name, frame.layout.name, frame.sample_rate)
                converter = av.AudioResampler(format="fltp")
            rate_hz = frame.sample_rate
            for planar in converter.resample(frame):
                channels = planar.to_ndarray()
                done += channels.shape[1]
                yield rate_hz, channels.mean(axis=0, dtype=np.float32)
    except (av.error.FFmpegError, ValueError) as error:
        raise damaged(path, done / rate_hz if rate_hz else 0.0) from error


def damaged(path: Path, after_s: float) -> AudioError:
    """Give the error for a file whose sound breaks off."""
    after_s = math.floor(after_s * 100) / 100
    return AudioError(f"{str(path)!r} is damaged or truncated after {after_s:.2f} s; copy or record it again")
