"""Every file format by its suffix, and the one way to write and read them.

To add a format: write its file, add one line to ``EXPORTERS`` (and ``IMPORTERS``), and a
round-trip test.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from visemic.core.atomic import atomic_path, check_writable
from visemic.core.errors import FormatError
from visemic.export import (
    gltf,
    gltf_reader,
    live_link_csv,
    motion_json,
    npz,
    point_cache,
    sound,
    subtitle,
    usd,
    viseme_track,
)
from visemic.export.clip import ClipData, Progress, exportable_motion, required_rig
from visemic.export.manifest import sidecar_path, write_sidecar
from visemic.export.mesh_part import head_motion

Write = Callable[[ClipData, Path, "Progress | None"], None]
Read = Callable[[Path], ClipData]
Need = Callable[[ClipData, str], object]
"""Refuses a clip that lacks something a file of a suffix holds."""


def _finite(clip: ClipData, suffix: str) -> object:
    return exportable_motion(clip.motion)


@dataclass(frozen=True, slots=True)
class Exporter:
    """How a format is written."""

    write: Write
    description: str
    """What a user gets, in a few words."""
    holds_manifest: bool = True
    """Whether the file itself has a place for the manifest; else it gets a neighbour."""
    needs: tuple[Need, ...] = (_finite,)
    """What a clip must have; called before any file is written."""


_USD: tuple[Need, ...] = (usd.required_usd, head_motion)
_WORDS: tuple[Need, ...] = (subtitle.required_subtitles,)
_OCULUS: tuple[Need, ...] = (viseme_track.required_oculus,)
_RHUBARB: tuple[Need, ...] = (viseme_track.required_rhubarb,)

EXPORTERS: dict[str, Exporter] = {
    ".csv": Exporter(
        live_link_csv.write_live_link_csv,
        "Live Link Face take, 61 columns",
        holds_manifest=False,
        needs=(live_link_csv.take_motion,),
    ),
    ".json": Exporter(motion_json.write_json, "channels, phones and words as text"),
    ".npz": Exporter(npz.write_npz, "everything as NumPy arrays, exact"),
    ".glb": Exporter(gltf.write_glb, "animated head for the web and for engines", needs=(head_motion,)),
    ".usd": Exporter(usd.write_usd, "animated head for film tools, needs usd-core", needs=_USD),
    ".usda": Exporter(usd.write_usd, "the same as text", needs=_USD),
    ".usdc": Exporter(usd.write_usd, "the same, binary", needs=_USD),
    ".pc2": Exporter(
        point_cache.write_point_cache,
        "moving vertices for Blender and Maya",
        holds_manifest=False,
        needs=(required_rig, _finite),
    ),
    ".wav": Exporter(sound.write_sound, "the voice", needs=(sound.required_sound,)),
    ".srt": Exporter(subtitle.write_srt, "subtitles", holds_manifest=False, needs=_WORDS),
    ".vtt": Exporter(subtitle.write_vtt, "subtitles for the web", needs=_WORDS),
    ".visemes.tsv": Exporter(
        viseme_track.write_oculus_tsv, "15 Oculus visemes", holds_manifest=False, needs=_OCULUS
    ),
    ".visemes.json": Exporter(viseme_track.write_oculus_json, "15 Oculus visemes", needs=_OCULUS),
    ".oculus.tsv": Exporter(
        viseme_track.write_oculus_tsv, "15 Oculus visemes", holds_manifest=False, needs=_OCULUS
    ),
    ".oculus.json": Exporter(viseme_track.write_oculus_json, "15 Oculus visemes", needs=_OCULUS),
    ".rhubarb.tsv": Exporter(
        viseme_track.write_rhubarb_tsv, "mouth shapes A to H, X", holds_manifest=False, needs=_RHUBARB
    ),
    ".rhubarb.json": Exporter(viseme_track.write_rhubarb_json, "mouth shapes A to H, X", needs=_RHUBARB),
}
"""By suffix; a longer suffix goes before its last part."""

WORD_SUFFIXES = tuple(suffix for suffix, exporter in EXPORTERS.items() if exporter.needs == _WORDS)
"""Of formats that hold the words of a clip, not only its sounds."""

IMPORTERS: dict[str, Read] = {
    ".csv": live_link_csv.read_live_link_csv,
    ".json": motion_json.read_json,
    ".npz": npz.read_npz,
    ".glb": gltf_reader.read_glb,
}
"""By suffix."""


def known_suffixes() -> tuple[str, ...]:
    """Give every suffix that can be written, sorted."""
    return tuple(sorted(EXPORTERS))


def importable_suffixes() -> tuple[str, ...]:
    """Give every suffix that can be read, sorted."""
    return tuple(sorted(IMPORTERS))


def suffix_of(path: Path) -> str:
    """Give the suffix that names a path's format, the longest that is known.

    Raises:
        FormatError: No format has such a suffix.

    Example:
        >>> suffix_of(Path("hello.rhubarb.json"))
        '.rhubarb.json'
    """
    name = path.name.lower()
    found = [suffix for suffix in EXPORTERS if name.endswith(suffix)]
    if not found:
        raise FormatError(f"file {str(path)!r} has no known suffix; there are {' '.join(known_suffixes())}")
    return max(found, key=len)


def output_paths(path: Path) -> tuple[Path, ...]:
    """Give the files that an export of this name makes: itself and, for some formats, a manifest.

    Raises:
        FormatError: No format has such a suffix.
    """
    if EXPORTERS[suffix_of(path)].holds_manifest:
        return (path,)
    return (path, sidecar_path(path))


def check_export(clip: ClipData, path: Path) -> None:
    """Refuse a clip that lacks what a format holds, before anything is written.

    A name that is none of these formats, such as that of a picture, is let pass.

    Raises:
        FormatError: The clip lacks sound, speech, words, a head or channels that the format holds.
        OutputError: The motion holds a value that is not finite.
    """
    try:
        suffix = suffix_of(path)
    except FormatError:
        return
    for need in EXPORTERS[suffix].needs:
        need(clip, suffix)


def export_clip(
    clip: ClipData, path: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> None:
    """Write a clip in the format that the suffix names; the file appears whole or not at all.

    Args:
        path: Target, its folder must exist.
        overwrite: Whether existing files may be replaced, a manifest beside it included.
        progress: Called now and then with frames done and frames in all.

    Raises:
        FormatError: The suffix is not known, or the clip lacks what the format holds.
        OutputError: A file exists, the folder is missing, the disk is full, or the motion
            holds a value that is not finite.
    """
    exporter = EXPORTERS[suffix_of(path)]
    targets = output_paths(path)
    for target in targets:
        check_writable(target, overwrite=overwrite)
    with ExitStack() as stack:
        # The file itself is renamed first, since the last entered is the first to leave.
        partials = [stack.enter_context(atomic_path(target, overwrite=overwrite)) for target in targets[::-1]]
        exporter.write(clip, partials[-1], progress)
        for partial in partials[:-1]:
            write_sidecar(clip, partial)


def import_clip(path: Path) -> ClipData:
    """Read a clip from CSV, JSON, NPZ or GLB.

    Raises:
        FormatError: The file is missing, empty, damaged, or of a format that cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in IMPORTERS:
        raise FormatError(
            f"file {str(path)!r} cannot be read as motion; there are {' '.join(importable_suffixes())}"
        )
    try:
        if path.stat().st_size == 0:
            raise FormatError(f"file {str(path)!r} is empty; export it again")
        return IMPORTERS[suffix](path)
    except OSError as error:
        raise FormatError(f"file {str(path)!r} cannot be read: {error.strerror or error}") from error
