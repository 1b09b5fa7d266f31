"""What a user tells about a folder of clips that no format says: ``corpus.json``.

``{"speaker": "anna", "licence": "CC-BY-4.0", "rate": 30, "unit": "mm", "language": "en-us",
"split": "test", "emotion": "happy", "intensity": 1}``, all optional. One may lie in every
folder; it holds for the folders below it too, the innermost wins.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, VisemicError, unknown_name
from visemic.data.importers.split import split_of
from visemic.data.recording import SPLITS, Split

FACTS_FILE = "corpus.json"
METRES_PER_UNIT = {"m": 1.0, "cm": 0.01, "mm": 0.001}
UNKNOWN_LICENCE = "unknown, ask the owner"

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_\-./]+")


@dataclass(frozen=True)
class FolderFacts:
    """What holds for every clip of a folder."""

    speaker: str = ""
    """Empty: the first folder below the source, or ``unknown``."""
    licence: str = UNKNOWN_LICENCE
    rate: Rate | None = None
    """Frames a second of files that do not state them."""
    unit: str = ""
    """``m``, ``cm`` or ``mm``; empty where the size of a head tells."""
    language: str = "en-us"
    split: Split | None = None
    """None: by the clip's name."""
    emotion: str = ""
    intensity: float | None = None


def facts_for(path: Path, source: Path, *, n_take_folders: int = 0) -> FolderFacts:
    """Give what is told about a file by the folders from its source down to it.

    Args:
        n_take_folders: How many of the innermost folders belong to the take and hence do not
            name a speaker.

    Raises:
        FormatError: A ``corpus.json`` is not what it should be.
    """
    root = source if source.is_dir() else source.parent
    folders = [root, *(root / part for part in _parts_below(path, root))]
    facts = FolderFacts()
    for folder in folders:
        file = folder / FACTS_FILE
        if file.is_file():
            facts = replace(facts, **_told(file))
    if not facts.speaker:
        below = _parts_below(path, root)
        named = below[: len(below) - n_take_folders]
        facts = replace(facts, speaker=clean_id(named[0].name) if named else "unknown")
    return facts


def _parts_below(path: Path, root: Path) -> list[Path]:
    folder = path if path.is_dir() else path.parent
    relative = folder.relative_to(root)
    return [Path(*relative.parts[: i + 1]) for i in range(len(relative.parts))]


def _told(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8-sig"))
        if not isinstance(told, dict):
            raise FormatError(f"file {str(file)!r} is not a JSON object; write one, or remove the file")
        for key in told:
            if key not in FolderFacts.__dataclass_fields__:
                raise FormatError(f"file {str(file)!r}: " + unknown_name("key", key, _keys()))
        if "rate" in told:
            told["rate"] = Rate.of(told["rate"])
    except FormatError:
        raise
    except (ValueError, OSError, VisemicError) as error:
        raise FormatError(f"file {str(file)!r} cannot be used: {_first_line(error)}") from error
    if told.get("unit", "m") not in METRES_PER_UNIT:
        raise FormatError(f"file {str(file)!r}: " + unknown_name("unit", str(told["unit"]), METRES_PER_UNIT))
    if told.get("split", "train") not in SPLITS:
        raise FormatError(f"file {str(file)!r}: " + unknown_name("split", str(told["split"]), SPLITS))
    return told


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0].rstrip(". ")


def _keys() -> Iterable[str]:
    return list(FolderFacts.__dataclass_fields__)


def clip_split(facts: FolderFacts, clip_id: str) -> Split:
    """Give the part that the folder states, or the one of the clip's name."""
    return facts.split or split_of(clip_id)


def clean_id(name: str) -> str:
    """Give a name with only the characters that a clip's name may have.

    Example:
        >>> clean_id("Anna Lee/take 3")
        'Anna-Lee/take-3'
    """
    return _NOT_IN_AN_ID.sub("-", name).strip("-/") or "clip"


def clip_id_of(path: Path, source: Path) -> str:
    """Give a clip's name: its path below the source without the suffix."""
    root = source if source.is_dir() else source.parent
    return clean_id(path.relative_to(root).with_suffix("").as_posix())


def piece_id(clip_id: str, number: int, n_pieces: int) -> str:
    """Give the name of one of the clips that a take was cut into; the take's own when it is whole."""
    return clip_id if n_pieces == 1 else f"{clip_id}.{number + 1}"


def files_of(source: Path, suffixes: Iterable[str]) -> list[Path]:
    """Give the files of a source with one of some suffixes, in any case, sorted; hidden ones left out.

    Raises:
        FormatError: The source does not exist or has none.
    """
    wanted = tuple(suffixes)
    if source.is_file():
        found = [source] if source.suffix.lower() in wanted else []
    else:
        found = [
            p
            for p in sorted(source.rglob("*"))
            if p.suffix.lower() in wanted
            and not any(part.startswith(".") for part in p.relative_to(source).parts)
        ]
    if not source.exists():
        raise FormatError(f"source {str(source)!r} does not exist; give the folder of the corpus")
    if not found:
        raise FormatError(
            f"source {str(source)!r} has no {' or '.join(wanted)} file; give the corpus's folder"
        )
    return found


def required_file(source: Path, name: str) -> Path:
    """Give a file that a corpus must have.

    Raises:
        FormatError: It is not there.
    """
    path = source / name
    if not path.is_file():
        raise FormatError(f"file {str(path)!r} is missing; give the folder that holds it")
    return path


def text_beside(path: Path) -> str:
    """Give the transcript in the ``.txt`` file beside a file, empty without one."""
    beside = path.with_suffix(".txt")
    return (
        " ".join(beside.read_text(encoding="utf-8-sig", errors="replace").split()) if beside.is_file() else ""
    )


def sources_root(source: Path) -> Path:
    """Give the folder of a corpus.

    Raises:
        FormatError: It is no folder.
    """
    if not source.is_dir():
        raise FormatError(f"source {str(source)!r} is no folder; give the folder of the corpus")
    return source
