"""The folder of a store: its header, its places, its lock, and whether its bytes are what they were."""

import errno
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from visemic.core.atomic import atomic_path
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError, OutputError
from visemic.data.manifest import FORMAT_VERSION, MANIFEST, Part

FORMAT = "visemic-store"
HEADER = "store.json"

_PLACES = ("shards", "neutrals", "topologies")
_READ_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Header:
    """What holds for a whole store."""

    step_m: float
    """Metres per unit of the displacements."""


def read_header(folder: Path) -> Header:
    """Read what holds for a whole store.

    Raises:
        ArtifactError: The folder is not a store, or of another version.
    """
    path = folder / HEADER
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(
            f"folder {str(folder)!r} is not a store, it has no {HEADER}; make one with visemic data import"
        ) from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"file {str(path)!r} cannot be read; restore it or import again") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ArtifactError(f"file {str(path)!r} is not the header of a {FORMAT}; is this a store")
    if data.get("format_version") != FORMAT_VERSION:
        raise ArtifactError(
            f"store {str(folder)!r} has format version {data.get('format_version')!r} and this visemic "
            f"reads {FORMAT_VERSION}; update visemic or import the corpus again"
        )
    step_m = data.get("step_m")
    if not isinstance(step_m, float) or not 0 < step_m < 1:
        raise ArtifactError(f"file {str(path)!r} has a step of {step_m!r}; restore it or import again")
    return Header(step_m)


def part_sha256(folder: Path, part: Part, clip_id: str) -> str:
    """Give the SHA-256 of an array as it lies on the disk, in the memory of one block.

    Raises:
        ArtifactError: The file is missing or ends before the array does.
    """
    path = folder / part.file
    digest = hashlib.sha256()
    left = part.n_bytes
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(part.offset)
            while left:
                block = file.read(min(left, _READ_BYTES))
                if not block:
                    raise ArtifactError(
                        f"file {str(path)!r} ends {left} bytes before clip {clip_id} does; "
                        "restore it or import the corpus again"
                    )
                digest.update(block)
                left -= len(block)
    except OSError as error:
        raise ArtifactError(
            f"file {str(path)!r} of clip {clip_id} cannot be read: {error.strerror or error}; "
            "restore it or import the corpus again"
        ) from error
    return digest.hexdigest()


def make_folder(folder: Path, step_m: float) -> None:
    """Make the folder of a store; one that exists stays as it is.

    Args:
        folder: Its parent must exist.
        step_m: Metres per unit of the displacements.

    Raises:
        OutputError: The folder is something else or cannot be written to.
    """
    if folder.is_dir() and (folder / HEADER).exists():
        return
    if folder.exists() and not _is_hardly_begun(folder):
        raise OutputError(f"{str(folder)!r} exists and is not a store; choose another folder")
    if not folder.parent.is_dir():
        raise OutputError(f"output folder {str(folder.parent)!r} does not exist; create it first")
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "step_m": step_m,
        "audio_rate": [SPEECH_RATE.hz.numerator, SPEECH_RATE.hz.denominator],
        "byte_order": "little",
    }
    try:
        for name in _PLACES:
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).touch()
        # The header comes last: a folder that has one is a store.
        with atomic_path(folder / HEADER, overwrite=False) as partial:
            partial.write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise output_error(error, folder, 0) from error


def _is_hardly_begun(folder: Path) -> bool:
    """Tell an empty folder, or a store whose making was stopped before its header."""
    if not folder.is_dir():
        return False
    names = {
        path.name for path in folder.iterdir() if not path.name.endswith(f".partial{Path(HEADER).suffix}")
    }
    is_empty = all(not any((folder / name).iterdir()) for name in _PLACES if (folder / name).is_dir())
    manifest = folder / MANIFEST
    return names <= {*_PLACES, MANIFEST} and is_empty and not (manifest.exists() and manifest.stat().st_size)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second import out; the lock goes with the process, however that ends.

    Raises:
        OutputError: Another import is at work.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with (folder / HEADER).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(
                f"another import is writing to store {str(folder)!r}; wait for it or choose another folder"
            ) from error
        yield


def output_error(error: OSError, folder: Path, n_finished: int) -> OutputError:
    """Give the sentence for a disk that refuses.

    Args:
        n_finished: Clips that stay.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError(
            f"no space left for store {str(folder)!r}; free some and run the same import again, "
            f"its {n_finished} finished clips stay"
        )
    return OutputError(f"cannot write store {str(folder)!r}: {error.strerror or error}")
