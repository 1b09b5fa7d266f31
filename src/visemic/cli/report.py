"""What the command line prints: progress, results, one machine-readable line."""

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from visemic.core.errors import InputError, OutputError, is_utf8

if TYPE_CHECKING:
    from visemic.core.acting_note import ActingNote
    from visemic.pipeline.clip import Clip, View

SHOW_AFTER_S = 1.0
"""Work that ends sooner shows no bar."""


def command_line() -> str:
    """Give the command as typed, for the manifest; bytes that are no UTF-8 as ``\\udcff``."""
    from visemic.export.manifest import manifest_text

    return manifest_text(shlex.join(["visemic", *sys.argv[1:]]))


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a callback that shows a bar on a terminal once the work has lasted a second."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    started = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(label, total=None)

    def show(done: int, total: int) -> None:
        if not bar.live.is_started and time.monotonic() - started > SHOW_AFTER_S:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bar.stop()


def need_outputs(out: list[Path]) -> None:
    """Refuse a command without an output, or with one whose name not every library could write.

    Raises:
        InputError: There is none, or a name is no UTF-8.
    """
    if not out:
        raise InputError("no output named; give at least one -o FILE such as -o hello.mp4")
    for path in out:
        check_name(path)


def check_name(path: Path) -> None:
    """Refuse a name with bytes that are no UTF-8: the libraries for sound and video cannot open it.

    Raises:
        InputError: It has such bytes.
    """
    if not is_utf8(str(path)):
        raise InputError(f"file name {str(path)!r} is no UTF-8; rename the file or its folder")


def save_all(clip: "Clip", out: list[Path], *, overwrite: bool, view: "View", quiet: bool) -> list[Path]:
    """Write every output, each with a progress bar; none if the clip lacks what one of them holds.

    Raises:
        FormatError: The clip lacks what a format holds; nothing is written.
        OutputError: A file cannot be written.
    """
    from visemic.core.atomic import check_writable
    from visemic.export.clip import ClipData
    from visemic.export.registry import check_export

    data = ClipData(clip.waveform, clip.alignment, clip.motion, clip.rig, clip.provenance)
    for path in out:
        for target in written_paths(path):
            check_writable(target, overwrite=overwrite)
        check_export(data, path)
    # A frame or a size that cannot be drawn is found while drawing: pictures go first, stills before films.
    for path in sorted(out, key=_place):
        with progress_bar(path.name, quiet=quiet) as show:
            clip.save(path, overwrite=overwrite, view=view, progress=show)
    return list(out)


def _place(path: Path) -> int:
    return {".png": 0, ".mp4": 1}.get(path.suffix.lower(), 2)


@dataclass(frozen=True)
class Outputs:
    """What a command that makes a clip writes, and how it says so."""

    files: list[Path]
    note: Path | None = None
    """Where the acted note goes."""
    overwrite: bool = field(default=False, kw_only=True)
    quiet: bool = field(default=False, kw_only=True)
    as_json: bool = field(default=False, kw_only=True)

    def check(self, inputs: Sequence[Path | None], *, is_acted: bool) -> None:
        """Refuse what cannot be written, before any work.

        Args:
            inputs: Files that the command reads.
            is_acted: Whether there will be a note.

        Raises:
            InputError: No output is named, or a note is to be saved and there will be none.
            FormatError: A suffix is not known.
            OutputError: A file exists, its folder is missing, or two files would be one.
        """
        from visemic.core.atomic import check_writable
        from visemic.pipeline.act import check_note_name
        from visemic.pipeline.clip import check_outputs

        need_outputs(self.files)
        if self.note is not None:
            if not is_acted:
                raise InputError("there is no note to save; give --act, --note FILE or --emotion NAME")
            check_note_name(self.note)
            check_name(self.note)
        targets = [target for path in self.files for target in written_paths(path)]
        check_apart([*targets, *([self.note] if self.note is not None else [])], inputs)
        check_outputs(self.files, overwrite=self.overwrite)
        if self.note is not None:
            check_writable(self.note, overwrite=self.overwrite)

    def write(self, clip: "Clip", view: "View", note: "ActingNote | None" = None) -> None:
        """Write every file and say what was made.

        Args:
            clip: What to write.
            view: How pictures are taken.
            note: What to save as the note; None saves that of the clip.
        """
        from visemic.pipeline.act import save_note

        quiet = self.quiet or self.as_json
        paths = save_all(clip, self.files, overwrite=self.overwrite, view=view, quiet=quiet)
        note = clip.note if note is None else note
        if self.note is not None and note is not None:
            paths.append(save_note(note, self.note, overwrite=self.overwrite))
        tell(clip, paths, quiet=self.quiet, as_json=self.as_json)


def check_files(out: list[Path], inputs: Sequence[Path | None], *, overwrite: bool) -> None:
    """Refuse outputs that cannot be written or are read as well, before any work.

    Raises:
        InputError: No output is named.
        FormatError: A suffix is not known.
        OutputError: A file exists, its folder is missing, it is an input, or two would be one.
    """
    from visemic.pipeline.clip import check_outputs

    need_outputs(out)
    check_apart([target for path in out for target in written_paths(path)], inputs)
    check_outputs(out, overwrite=overwrite)


def written_paths(path: Path) -> tuple[Path, ...]:
    """Give the files that an output of this name makes; itself where no format has such a name."""
    from visemic.core.errors import FormatError
    from visemic.export.registry import output_paths

    try:
        return output_paths(path)
    except FormatError:
        return (path,)


def check_apart(outputs: Sequence[Path], inputs: Sequence[Path | None]) -> None:
    """Refuse files to write of which two are one, or one is an input.

    Raises:
        OutputError: Two are, or one is.
    """
    read = {os.path.realpath(path) for path in inputs if path is not None}
    seen: set[str] = set()
    for path in outputs:
        place = os.path.realpath(path)
        if place in read:
            raise OutputError(f"output {str(path)!r} is an input as well; give it a name of its own")
        if place in seen:
            raise OutputError(f"output {str(path)!r} is named twice; give every file its own name")
        seen.add(place)


def tell(clip: "Clip", paths: list[Path], *, quiet: bool, as_json: bool) -> None:
    """Say what was made."""
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "outputs": [str(p) for p in paths],
                    "duration_s": round(clip.duration_s, 6),
                    "frames": clip.motion.n_frames,
                    "rate_hz": float(clip.motion.rate),
                    "phones": len(clip.alignment.phones) if clip.alignment else 0,
                    "drift_s": round(clip.drift_s, 6),
                    "manifest": clip.provenance.to_dict(),
                },
                ensure_ascii=False,
            )
        )
        return
    if quiet:
        return
    for note in clip.provenance.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(
        f"{clip.duration_s:.2f} s, {clip.motion.n_frames} frames at {float(clip.motion.rate):g} Hz, "
        f"voice {clip.provenance.voice}, rig {clip.provenance.rig}"
    )
    for path in paths:
        typer.echo(f"  {path}  {_size(path)}")


def _size(path: Path) -> str:
    size = float(path.stat().st_size)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
