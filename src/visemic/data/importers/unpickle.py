"""Reading pickles of corpora without running what is in them.

A pickle is a program; most can call anything. This reader admits the constructors of NumPy
arrays and numbers and the plain containers, and refuses the rest before it is called.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from visemic.core.errors import FormatError

_CONTAINERS: dict[str, object] = {
    "list": list, "dict": dict, "tuple": tuple, "set": set, "frozenset": frozenset, "bytes": bytes,
    "bytearray": bytearray, "str": str, "int": int, "float": float, "complex": complex, "bool": bool,
    "slice": slice, "range": range,
}  # fmt: skip
_PYTHON_2 = {"unicode": str, "long": int, "xrange": range}
_TRUNCATED = (EOFError, pickle.UnpicklingError, IndexError, KeyError, UnicodeDecodeError, AttributeError)


def read_pickle(path: Path) -> Any:
    """Read a pickle of arrays and containers, of Python 2 or 3.

    Byte strings of Python 2 come as latin-1 text.

    Raises:
        FormatError: The file is damaged, or names anything else than NumPy's constructors of
            data and the plain containers; nothing of it has been run then.
    """
    try:
        with path.open("rb") as file:
            return _DataUnpickler(file, str(path)).load()
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"file {str(path)!r} cannot be read: {error.strerror or error}") from error
    except (*_TRUNCATED, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise FormatError(f"file {str(path)!r} is no complete pickle; download it again") from error


class _DataUnpickler(pickle.Unpickler):
    """An unpickler that knows data only."""

    def __init__(self, file: io.BufferedReader, name: str) -> None:
        super().__init__(file, encoding="latin1")
        self._file_name = name

    def find_class(self, module: str, name: str) -> Any:
        """Give a constructor of data; refuse everything else."""
        found = _admitted(module, name)
        if found is None:
            raise FormatError(
                f"pickle {self._file_name!r} asks for {module}.{name}, which is no data and may run code; "
                "it is refused, get the file from its owner"
            )
        return found

    def persistent_load(self, pid: Any) -> Any:
        """Refuse references to things outside the file."""
        raise FormatError(f"pickle {self._file_name!r} refers to data outside itself; it is refused")


def _admitted(module: str, name: str) -> object | None:
    if module in ("builtins", "__builtin__"):
        return _CONTAINERS.get(name) or (_PYTHON_2.get(name) if module == "__builtin__" else None)
    if (module, name) == ("collections", "OrderedDict"):
        return OrderedDict
    if (module, name) == ("_codecs", "encode"):
        return _Maker(_latin_1_bytes)
    if module == "numpy" and name in ("ndarray", "dtype"):
        return np.dtype if name == "dtype" else _PLAIN_ARRAY
    if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name in ("_reconstruct", "scalar"):
        return _Maker(_rebuilt_array if name == "_reconstruct" else _scalar)
    if module in ("numpy.core.numeric", "numpy._core.numeric") and name == "_frombuffer":
        return _Maker(_array_from_buffer)
    return None


class _Maker:
    """A function that a pickle may call and not change: it can set attributes of what it gets."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        object.__setattr__(self, "_make", make)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("data does not change how data is made")

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)  # type: ignore[attr-defined]


_PLAIN_ARRAY = object()
"""Stands for NumPy's class of arrays, which is named in a pickle and never called by it."""


def _latin_1_bytes(text: str, encoding: str = "latin1") -> bytes:
    """Stand in for ``codecs.encode``, with which Python 3 writes bytes for protocol 2."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError("only latin-1 is data")
    return text.encode("latin-1")


def _rebuilt_array(kind: object, shape: tuple[int, ...], type_code: object) -> np.ndarray:
    """Stand in for NumPy's maker of empty arrays: plain arrays only."""
    if kind is not _PLAIN_ARRAY:
        raise ValueError("only plain arrays are data")
    return np.ndarray.__new__(np.ndarray, shape, "b")


def _scalar(dtype: np.dtype, data: bytes | str) -> Any:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if dtype.hasobject or not isinstance(raw, bytes):
        raise ValueError("only numbers are data")
    return np.frombuffer(raw, dtype, 1)[0]


def _array_from_buffer(
    data: bytes | bytearray,
    dtype: np.dtype,
    shape: tuple[int, ...],
    order: str,
    axis_order: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Stand in for the way in which protocol 5 brings arrays."""
    array = np.frombuffer(bytes(data), dtype)
    if order == "K" and axis_order is not None:
        return array.reshape(shape).transpose(axis_order)
    return array.reshape(shape, order="F" if order == "F" else "C")
