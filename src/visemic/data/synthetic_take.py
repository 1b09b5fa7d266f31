"""Clips written out as takes of the Live Link Face recorder, to be read again or by others.

A take is a CSV with a wav and a text of the same name. What a take cannot hold (speaker,
split, licence, language) stands in a ``corpus.json`` per folder, where importers look for it:
``<speaker>/<split>/<clip>.csv``.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from visemic import __version__
from visemic.core.atomic import atomic_path
from visemic.core.errors import FormatError, OutputError
from visemic.core.signals import Provenance
from visemic.data.convert import ConvertProgress
from visemic.data.manifest import check_clip_id
from visemic.data.recording import Recording
from visemic.export.clip import ClipData
from visemic.export.registry import export_clip

FACTS = "corpus.json"


def write_takes(
    recordings: Iterable[Recording],
    folder: Path,
    *,
    overwrite: bool = False,
    progress: ConvertProgress | None = None,
) -> int:
    """Write clips as takes and give how many there were.

    Args:
        recordings: With weights; sound and text are written when there are any.
        folder: Its parent must exist.
        overwrite: Whether existing files may be replaced.
        progress: Called after each clip.

    Raises:
        FormatError: A clip has no weights, or its channels are none of a take's.
        OutputError: A file exists or cannot be written.
    """
    n_takes = 0
    made: set[Path] = set()
    for recording in recordings:
        if recording.motion is None:
            raise FormatError(
                f"clip {recording.clip_id} has vertices only and a take holds weights; solve first"
            )
        check_clip_id(recording.clip_id)
        check_clip_id(recording.speaker)
        place = folder / recording.speaker / recording.split
        if place not in made:
            _make(place, folder)
            facts = {
                "speaker": recording.speaker,
                "licence": recording.licence,
                "language": recording.language,
            }
            _write_text(place.parent / FACTS, json.dumps(facts, indent=1) + "\n", overwrite=True)
            _write_text(place / FACTS, json.dumps({"split": recording.split}) + "\n", overwrite=True)
            made.add(place)
        name = recording.clip_id.removeprefix(f"{recording.speaker}/").replace("/", "_")
        clip = ClipData(
            recording.waveform, recording.alignment, recording.motion, None, _provenance(recording)
        )
        export_clip(clip, place / f"{name}.csv", overwrite=overwrite)
        if recording.waveform is not None:
            export_clip(clip, place / f"{name}.wav", overwrite=overwrite)
        if recording.text:
            _write_text(place / f"{name}.txt", recording.text + "\n", overwrite=overwrite)
        n_takes += 1
        if progress:
            progress(n_takes, recording.clip_id)
    return n_takes


def _make(place: Path, folder: Path) -> None:
    if not folder.parent.is_dir():
        raise OutputError(f"output folder {str(folder.parent)!r} does not exist; create it first")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {str(place)!r} cannot be made: {error.strerror or error}") from error


def _write_text(path: Path, text: str, *, overwrite: bool) -> None:
    with atomic_path(path, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8")


def _provenance(recording: Recording) -> Provenance:
    return Provenance(
        version=__version__,
        command="visemic data takes",
        seed=0,
        voice="recording",
        model=recording.source,
        rig="unknown",
        licences={"clip": recording.licence},
        notes=recording.notes,
    )
