"""Where a file comes from, inside it where the format has a place and beside it where not.

The manifest has the same keys in every format: those of ``Provenance`` and the clock
(``rate`` as numerator and denominator, ``n_frames``). A file that cannot hold it gets a
neighbour named ``<file>.manifest.json``.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.core.signals import Provenance
from visemic.export.clip import ClipData

SIDECAR_SUFFIX = ".manifest.json"
UNKNOWN = "unknown"


def manifest_of(clip: ClipData) -> dict[str, object]:
    """Give the manifest of a clip as plain data."""
    hz = clip.motion.rate.hz
    origin = clip.provenance
    return {
        **replace(origin, command=manifest_text(origin.command)).to_dict(),
        "rate": [hz.numerator, hz.denominator],
        "n_frames": clip.motion.n_frames,
    }


def manifest_text(text: str) -> str:
    """Give a text as every file can hold it: half characters, as names that are no UTF-8 have, escaped.

    Example:
        >>> manifest_text("x\\udcff.wav") == r"x\\udcff.wav"
        True
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def parse_json(text: str) -> Any:
    """Read JSON whose texts can be written again.

    Raises:
        ValueError: It is no JSON, or a text in it holds half a character such as ``\\ud800``.
    """
    data = json.loads(text)
    if "\\ud" in text.lower():
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    return data


def manifest_line(clip: ClipData) -> str:
    """Give the manifest as one line of JSON."""
    return json.dumps(manifest_of(clip), ensure_ascii=False)


def sidecar_path(path: Path) -> Path:
    """Give the name of the manifest beside a file.

    Example:
        >>> sidecar_path(Path("hello.csv")).name
        'hello.csv.manifest.json'
    """
    return path.with_name(path.name + SIDECAR_SUFFIX)


def write_sidecar(clip: ClipData, path: Path) -> None:
    """Write the manifest as a file of its own."""
    path.write_text(json.dumps(manifest_of(clip), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_sidecar(path: Path) -> dict[str, object]:
    """Read the manifest beside a file; empty when there is none.

    Raises:
        FormatError: There is one and it is not a manifest.
    """
    beside = sidecar_path(path)
    if not beside.is_file():
        return {}
    try:
        data = parse_json(beside.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise FormatError(f"manifest {str(beside)!r} cannot be read; mend it or remove it") from error
    if not isinstance(data, dict):
        raise FormatError(f"manifest {str(beside)!r} is not a JSON object; mend it or remove it")
    return data


def rate_from_pair(pair: object) -> Rate | None:
    """Give the rate of a ``[numerator, denominator]`` pair, or None when it is not one."""
    if isinstance(pair, list) and len(pair) == 2 and all(type(n) is int and n > 0 for n in pair):
        try:
            return Rate.of(f"{pair[0]}/{pair[1]}")
        except ClockError:
            return None
    return None


def provenance_from(manifest: Mapping[str, object]) -> Provenance:
    """Give the provenance that a manifest states; what it does not state is ``unknown``."""
    seed, licences, notes = (manifest.get(key) for key in ("seed", "licences", "notes"))
    return Provenance(
        version=str(manifest.get("version", UNKNOWN)),
        command=str(manifest.get("command", UNKNOWN)),
        seed=seed if isinstance(seed, int) else 0,
        voice=str(manifest.get("voice", UNKNOWN)),
        model=str(manifest.get("model", UNKNOWN)),
        rig=str(manifest.get("rig", UNKNOWN)),
        licences={str(k): str(v) for k, v in licences.items()} if isinstance(licences, dict) else {},
        notes=tuple(str(n) for n in notes) if isinstance(notes, list) else (),
    )
