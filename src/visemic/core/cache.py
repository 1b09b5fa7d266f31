"""Where things are kept that can be made again."""

import os
from pathlib import Path

CACHE_VARIABLE = "VISEMIC_CACHE"
"""Environment variable that names the folder for everything that can be made again."""


def cache_folder() -> Path:
    """Give the folder of cached artefacts: ``VISEMIC_CACHE``, else the user's XDG cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "visemic"
