"""Features once made are kept: by what was heard, by whom, and how.

The name of an entry is a hash of the sound as 16-bit samples, its rate, the extractor's name
and version and its options. An entry that cannot be read back whole is made again.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from visemic.core.atomic import atomic_path
from visemic.core.cache import cache_folder
from visemic.core.clock import Rate
from visemic.core.errors import ClockError, InputError
from visemic.core.signals import Features, Waveform

_FOLDER = "features"
_DAMAGE = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, ClockError)
"""What a cut, altered or foreign file makes its reader raise."""


def waveform_sha256(waveform: Waveform) -> str:
    """Give the hash of a sound: its rate and its samples in 16 bits.

    Two decodings of one recording that differ by less than half a 16-bit step are the same sound.
    """
    pcm = np.clip(np.round(waveform.samples * 32_767.0), -32_768, 32_767).astype("<i2")
    return hashlib.sha256(f"{waveform.rate.hz}:{len(pcm)}:".encode() + pcm.tobytes()).hexdigest()


class FeatureCache:
    """A folder of features.

    Args:
        folder: None means ``features`` in the user's cache folder; made when first written to.
        max_bytes: Size above which entries that were not used for longest are removed; None
            for no limit.

    Raises:
        InputError: The limit is negative.
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int | None = None) -> None:
        if max_bytes is not None and max_bytes < 0:
            raise InputError(f"a cache of {max_bytes} bytes cannot be; give 0 or more, or None for no limit")
        self.folder = cache_folder() / _FOLDER if folder is None else folder
        self.max_bytes = max_bytes

    def get(
        self,
        waveform: Waveform,
        name: str,
        version: str,
        extract: Callable[[Waveform], Features],
        *,
        options: Mapping[str, object] | None = None,
    ) -> Features:
        """Give the features of a sound, from the folder where they are known, else made and kept.

        Args:
            waveform: What is heard.
            name: Name of the extractor.
            version: Version of the extractor; another one never reads this one's entries.
            extract: Makes the features.
            options: Everything else that changes the result, as plain data.

        Raises:
            OutputError: The folder cannot be written to, or the disk is full.
        """
        path = self.path_of(waveform, name, version, options)
        found = _read(path)
        if found is not None:
            path.touch()  # used now, so that it is not the first to go
            return found
        features = extract(waveform)
        if self.max_bytes is None or features.values.nbytes <= self.max_bytes:
            self._write(path, features)
            self._trim(path)
        return features

    def path_of(
        self, waveform: Waveform, name: str, version: str, options: Mapping[str, object] | None = None
    ) -> Path:
        """Give the file in which such features are kept, whether it is there or not."""
        what = json.dumps([name, version, dict(options or {})], sort_keys=True, default=str)
        key = hashlib.sha256(f"{waveform_sha256(waveform)}:{what}".encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.npz"

    def _write(self, path: Path, features: Features) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path, overwrite=True) as partial, partial.open("wb") as file:
            np.savez(
                file,
                values=features.values,
                rate=np.array([features.rate.hz.numerator, features.rate.hz.denominator], np.int64),
                name=np.array(features.name),
                version=np.array(features.version),
            )

    def _trim(self, newest: Path) -> None:
        """Remove what was not used for longest until the rest fits; never what was just written."""
        if self.max_bytes is None:
            return
        entries = []
        for path in self.folder.glob("??/*.npz"):
            try:
                facts = path.stat()
            except FileNotFoundError:  # another process trims as well
                continue
            entries.append((path != newest, -facts.st_mtime_ns, facts.st_size, path))
        total = 0
        for is_older, _, n_bytes, path in sorted(entries):
            total += n_bytes
            if is_older and total > self.max_bytes:
                path.unlink(missing_ok=True)


def _read(path: Path) -> Features | None:
    """Give an entry; None where there is none or it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as entry:
            numerator, denominator = (int(part) for part in entry["rate"])
            values = entry["values"]
            if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
                return None
            rate = Rate(Fraction(numerator, denominator))
            return Features(values, rate, str(entry["name"]), str(entry["version"]))
    except (*_DAMAGE, ZeroDivisionError):
        return None
