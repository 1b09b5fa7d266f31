"""Compiled loops, kept on disk where that is possible.

A compiled loop costs seconds, so it is stored once per machine. An installed package may
sit in a folder that nobody may write to, and a home may be read-only too: then the loops
are compiled again in every process, and nothing fails.
"""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visemic.core.cache import cache_folder

_HERE = Path(__file__).parent


def kernel_cache_folder() -> Path | None:
    """Give a folder that compiled loops can be kept in, or None when none can be written to."""
    try:
        # Numba looks at one file only, and a loop may call one of another file: all count here.
        marks = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(_HERE.glob("*_kernels.py"))]
        folder = cache_folder() / "numba" / hashlib.sha256(repr(marks).encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return None


def compiled(*, fastmath: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Give a decorator that compiles a loop on its first call, without the interpreter's lock.

    Threads are the caller's business: the loops hold no global state and no thread pool.

    Args:
        fastmath: Let the compiler reorder sums; not for code that must be watertight or sees NaN.
    """
    import numba
    from numba.core import config

    def decorate(function: Callable[..., Any]) -> Any:
        theirs = vars(config).get("CACHE_DIR", "")
        ours = None if theirs else kernel_cache_folder()
        try:
            if ours is not None:
                vars(config)["CACHE_DIR"] = str(ours)
            return numba.njit(cache=True, nogil=True, fastmath=fastmath, error_model="numpy")(function)
        except RuntimeError:  # no folder that numba could write to
            return numba.njit(nogil=True, fastmath=fastmath, error_model="numpy")(function)
        finally:
            vars(config)["CACHE_DIR"] = theirs

    return decorate
