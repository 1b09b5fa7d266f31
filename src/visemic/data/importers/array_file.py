"""Arrays of numbers from ``.npy`` files, and rows of one inside an ``.npz`` without the rest of it."""

import zipfile
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from visemic.core.errors import FormatError


def read_npy(path: Path) -> np.ndarray:
    """Read an array of numbers; pickled objects are refused.

    Raises:
        FormatError: The file is no complete npy array of numbers.
    """
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise _not_an_array(path) from error


def map_npy(path: Path) -> np.ndarray:
    """Give an array of numbers whose rows are read when they are used.

    Raises:
        FormatError: The file is no complete npy array of numbers.
    """
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise _not_an_array(path) from error


def _not_an_array(path: Path) -> FormatError:
    return FormatError(f"file {str(path)!r} is no complete npy array of numbers; get it again")


class NpzRows:
    """Reads an array from its first row to its last, some rows at a time."""

    def __init__(self, path: Path, name: str) -> None:
        """Open an array of a file.

        Raises:
            FormatError: The file is no npz, or has no such array of numbers.
        """
        self._path, self._name, self._next = path, name, 0
        try:
            self._zip = zipfile.ZipFile(path)
            self._file: IO[bytes] = self._zip.open(f"{name}.npy")
            version = np.lib.format.read_magic(self._file)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            self.shape, is_fortran, self.dtype = read(self._file)
        except KeyError as error:
            raise FormatError(f"file {str(path)!r} has no array {name!r}; is it of another corpus") from error
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise FormatError(f"file {str(path)!r} is no complete npz; download it again") from error
        if is_fortran or self.dtype.hasobject or not self.shape:
            raise FormatError(f"array {name!r} of {str(path)!r} is no table of numbers; download it again")
        self._row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))

    def __enter__(self) -> "NpzRows":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._zip.close()

    def read(self, start: int, stop: int) -> np.ndarray:
        """Give rows; they must follow those read before.

        Raises:
            FormatError: The rows are not there, or the file ends before them.
        """
        if not self._next <= start <= stop <= self.shape[0]:
            raise FormatError(
                f"rows {start} to {stop} of {self._name!r} in {str(self._path)!r} are asked for, it has "
                f"{self.shape[0]} and {self._next} are read; sort the clips by their first row"
            )
        try:
            left = (start - self._next) * self._row_bytes
            while left > 0:
                left -= len(self._file.read(min(left, 1 << 20))) or left
            data = self._file.read((stop - start) * self._row_bytes)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise FormatError(
                f"file {str(self._path)!r} is damaged near row {start}; download it again"
            ) from error
        if len(data) != (stop - start) * self._row_bytes:
            raise FormatError(f"file {str(self._path)!r} ends before row {stop}; download it again")
        self._next = stop
        return np.frombuffer(data, self.dtype).reshape(stop - start, *self.shape[1:])
