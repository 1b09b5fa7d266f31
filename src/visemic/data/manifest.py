"""The manifest of a store: one clip a line, as JSON, so that people and any language can read it.

A line says where each array of its clip lies (file, offset, length, SHA-256) and everything a
user of the clip must know: speaker, text, split, licence, rate, channel names, topology. The
file only grows, and a line is written after its arrays: a last line without its end is a clip
that was never finished.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, FormatError, VisemicError
from visemic.core.layout import KNOWN_LAYOUTS, Layout
from visemic.data.recording import SPLITS, Split

FORMAT_VERSION = 1
"""Version of a line and of the arrays it points to."""
MANIFEST = "manifest.jsonl"
PARTS = ("weights", "displacements", "audio", "alignment", "neutral", "triangles")
"""Arrays that a clip may have."""

_CLIP_ID = re.compile(r"[A-Za-z0-9_\-./]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """Where one array of a clip lies."""

    file: str
    """Relative to the store's folder, with forward slashes."""
    offset: int
    """First byte."""
    n_bytes: int
    sha256: str
    """Of these bytes, hexadecimal."""


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """What the manifest says of a clip."""

    clip_id: str
    speaker: str
    split: Split
    licence: str
    source: str
    rate: Rate
    """Frames a second."""
    n_frames: int
    parts: Mapping[str, Part]
    """By name, see ``PARTS``; those that the clip lacks are left out."""
    layout: Layout | None = None
    """Channels of the weights."""
    topology: str = ""
    """Name of the mesh; empty without one."""
    n_vertices: int = 0
    step_m: float = 0.0
    """Metres per unit of the displacements; 0 without a mesh."""
    n_samples: int = 0
    """Of sound at 16 kHz; 0 without sound."""
    text: str = ""
    language: str = "en-us"
    emotion: str = ""
    intensity: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length of the motion in seconds."""
        return float(self.n_frames / self.rate.hz)


def check_clip_id(clip_id: str) -> None:
    """Refuse a name that cannot be a path inside a folder.

    Raises:
        FormatError: It is empty, holds other characters than letters, digits and ``_ - . /``,
            or climbs out of its folder.

    Example:
        >>> check_clip_id("s1/bbaf2n")
    """
    if not _CLIP_ID.fullmatch(clip_id) or not _is_inside(clip_id):
        raise FormatError(
            f"clip {clip_id[:60]!r} is not a name of letters, digits, '_', '-', '.' and '/' below a folder; "
            "rename it in the importer"
        )


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and path.name != ""


def format_entry(entry: ClipEntry) -> str:
    """Give the line of a clip, without its end."""
    line: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "clip_id": entry.clip_id,
        "speaker": entry.speaker,
        "split": entry.split,
        "licence": entry.licence,
        "source": entry.source,
        "text": entry.text,
        "language": entry.language,
        "emotion": entry.emotion,
        "intensity": entry.intensity,
        "rate": [entry.rate.hz.numerator, entry.rate.hz.denominator],
        "n_frames": entry.n_frames,
        "duration_s": round(entry.duration_s, 6),
        "n_samples": entry.n_samples,
        "layout": entry.layout.name if entry.layout else None,
        "channels": list(entry.layout.names) if entry.layout else [],
        "topology": entry.topology,
        "n_vertices": entry.n_vertices,
        "step_m": entry.step_m,
        "notes": list(entry.notes),
        "parts": {name: [p.file, p.offset, p.n_bytes, p.sha256] for name, p in entry.parts.items()},
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse_entry(line: str, place: str, layouts: dict[tuple[str, ...], Layout] | None = None) -> ClipEntry:
    """Give the clip of a line.

    Args:
        place: File and line for the sentence of an error.
        layouts: Layouts seen before, so that clips share them; it is added to.

    Raises:
        ArtifactError: The line is not a clip, or of another version.
    """
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{place} is not JSON; restore the file or import the corpus again") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{place} has format version {version!r} and this visemic reads {FORMAT_VERSION}; "
            "update visemic or import the corpus again"
        )
    try:
        return _entry(data, {} if layouts is None else layouts)
    except KeyError as error:
        raise ArtifactError(f"{place} has no {error.args[0]!r}; import the corpus again") from error
    except (TypeError, ValueError, AttributeError, VisemicError) as error:
        raise ArtifactError(f"{place} is damaged: {error}; import the corpus again") from error


def _entry(data: dict[str, Any], layouts: dict[tuple[str, ...], Layout]) -> ClipEntry:
    numerator, denominator = data["rate"]
    n_frames = _count(data, "n_frames")
    if n_frames < 1:
        raise ValueError(f"{n_frames} frames are none")
    if data["split"] not in SPLITS:
        raise ValueError(f"{data['split']!r} is no split")
    layout = None
    if data["layout"] is not None:
        names = tuple(str(name) for name in data["channels"])
        layout = layouts.setdefault(names, _layout(str(data["layout"]), names))
    parts = {name: _part(*row) for name, row in data["parts"].items()}
    if not set(parts) <= set(PARTS):
        raise ValueError(f"{sorted(set(parts) - set(PARTS))[0]!r} is no part of a clip")
    return ClipEntry(
        clip_id=str(data["clip_id"]),
        speaker=str(data["speaker"]),
        split=data["split"],
        licence=str(data["licence"]),
        source=str(data["source"]),
        rate=Rate.of(f"{int(numerator)}/{int(denominator)}"),
        n_frames=n_frames,
        parts=parts,
        layout=layout,
        topology=str(data["topology"]),
        n_vertices=_count(data, "n_vertices"),
        step_m=float(data["step_m"]),
        n_samples=_count(data, "n_samples"),
        text=str(data["text"]),
        language=str(data["language"]),
        emotion=str(data["emotion"]),
        intensity=None if data["intensity"] is None else float(data["intensity"]),
        notes=tuple(str(note) for note in data["notes"]),
    )


def _count(data: dict[str, Any], key: str) -> int:
    value = data[key]
    if type(value) is not int or value < 0:
        raise ValueError(f"{key} is {value!r}, not a count")
    return value


def _layout(name: str, names: tuple[str, ...]) -> Layout:
    for known in KNOWN_LAYOUTS:
        if known.names == names and known.name == name:
            return known
    return Layout(name, names)


def _part(file: object, offset: object, n_bytes: object, sha256: object) -> Part:
    if type(offset) is not int or type(n_bytes) is not int or offset < 0 or n_bytes < 0:
        raise ValueError(f"a part lies at {offset!r} with {n_bytes!r} bytes")
    if not isinstance(file, str) or not _is_inside(file):
        raise ValueError(f"a part lies outside the store, in {file!r}")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"{str(sha256)[:20]!r} is no SHA-256")
    return Part(file, offset, n_bytes, sha256)


def complete_lines(path: Path, limit_bytes: int | None = None) -> Iterator[tuple[int, str]]:
    """Give number and text of the finished lines; a last one without its end is left out.

    Args:
        limit_bytes: Read no further than this; None reads all.

    Raises:
        ArtifactError: The file is missing, or a line is not text.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n") or (limit_bytes is not None and file.tell() > limit_bytes):
                    return
                yield number, line.decode("utf-8").rstrip("\n")
    except OSError as error:
        raise ArtifactError(
            f"manifest {str(path)!r} cannot be read: {error.strerror or error}; is this a store"
        ) from error
    except UnicodeDecodeError as error:
        raise ArtifactError(f"manifest {str(path)!r} is not text; import the corpus again") from error


def read_manifest(path: Path, limit_bytes: int | None = None) -> Iterator[ClipEntry]:
    """Give the clips of a manifest in its order.

    Args:
        limit_bytes: Read no further than this; None reads all.

    Raises:
        ArtifactError: The file is missing, a line is damaged, or a clip is named twice.
    """
    layouts: dict[tuple[str, ...], Layout] = {}
    seen: set[str] = set()
    for number, line in complete_lines(path, limit_bytes):
        entry = parse_entry(line, f"line {number} of {str(path)!r}", layouts)
        if entry.clip_id in seen:
            raise ArtifactError(
                f"line {number} of {str(path)!r} names clip {entry.clip_id} a second time; "
                "import the corpus again"
            )
        seen.add(entry.clip_id)
        yield entry


def manifest_text(entries: Iterable[ClipEntry]) -> str:
    """Give a whole manifest as text."""
    return "".join(format_entry(entry) + "\n" for entry in entries)
