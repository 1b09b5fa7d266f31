"""Compiled loops, kept on disk where that is possible.

A compiled loop costs seconds, so it is stored once per machine. An installed package may
sit in a folder that nobody may write to, and a home may be read-only too: then the loops
are compiled again in every process, and nothing fails.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

CACHE_VARIABLE = "VISEMIC_CACHE"
"""Environment variable that names the folder for everything that can be made again."""


def kernel_cache_folder() -> Path | None:
    """Give a folder that compiled loops can be kept in, or None when none can be written to."""
    root = os.environ.get(CACHE_VARIABLE)
    folder = (Path(root) if root else Path("~/.cache/visemic").expanduser()) / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return None


def compiled(*, fastmath: bool = False, inline: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Give a decorator that compiles a loop on its first call, without the interpreter's lock.

    Threads are the caller's business: the loops hold no global state and no thread pool.

    Args:
        fastmath: Let the compiler reorder sums; not for code that must be watertight.
        inline: Paste the function into the loop that calls it.
    """
    import numba

    options = {
        "nogil": True,
        "fastmath": fastmath,
        "boundscheck": False,
        "error_model": "numpy",
        "inline": "always" if inline else "never",
    }

    def decorate(function: Callable[..., Any]) -> Any:
        if inline:
            return numba.njit(**options)(function)
        theirs = numba.config.CACHE_DIR
        ours = None if theirs else kernel_cache_folder()
        try:
            if ours is not None:
                numba.config.CACHE_DIR = str(ours)
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder that numba could write to
            return numba.njit(**options)(function)
        finally:
            numba.config.CACHE_DIR = theirs

    return decorate
