"""``visemic render`` and ``visemic convert``: from motion that exists."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visemic.cli.options import (
    Curves,
    Height,
    Json,
    Labels,
    Out,
    Overwrite,
    Quiet,
    Subtitles,
    ViewName,
    Width,
    Wireframe,
)

if TYPE_CHECKING:
    from visemic.pipeline.clip import View

OwnRig = Annotated[
    str | None,
    typer.Option("--rig", help="Head; the file's own or the built-in one if not given.", show_default=False),
]
NewFps = Annotated[str | None, typer.Option("--fps", help="Resample to this frame rate.", show_default=False)]
Sound = Annotated[
    Path | None, typer.Option("--audio", help="Sound to put beside the motion.", show_default=False)
]

Other = Annotated[
    Path | None, typer.Option("--beside", help="Second motion, shown to the right.", show_default=False)
]
Twin = Annotated[
    Path | None,
    typer.Option(
        "--errors", help="Motion to compare with: colours show the distance in mm.", show_default=False
    ),
]


def _write(
    source: Path,
    out: list[Path],
    view: "View | None",
    *,
    rig: str | None,
    fps: str | None,
    audio: Path | None,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    from visemic.cli.report import check_name, command_line, save_all, tell
    from visemic.pipeline.clip import View, load_clip

    clip = load_clip(source, rig=rig)
    if fps is not None:
        clip = clip.at_rate(fps)
    if audio is not None:
        check_name(audio)
        from visemic.audio.io import clipping_note, read_waveform

        clip = replace(clip, waveform=read_waveform(audio))
        if clip.waveform is not None and (loud := clipping_note(clip.waveform)):
            notes = (*clip.provenance.notes, loud)
            clip = replace(clip, provenance=replace(clip.provenance, notes=notes))
    clip = replace(clip, provenance=replace(clip.provenance, command=command_line()))
    paths = save_all(clip, out, overwrite=overwrite, view=view or View(), quiet=quiet or as_json)
    tell(clip, paths, quiet=quiet, as_json=as_json)


def render(
    motion: Annotated[Path, typer.Argument(help="Motion: .csv, .json, .npz or .glb.", show_default=False)],
    out: Out = [],  # noqa: B006
    audio: Sound = None,
    rig: OwnRig = None,
    fps: NewFps = None,
    width: Width = 512,
    height: Height = 512,
    view: ViewName = "front",
    frame: Annotated[int, typer.Option(help="Frame of a png, from 0.")] = 0,
    subtitles: Subtitles = False,
    labels: Labels = False,
    curves: Curves = False,
    wireframe: Wireframe = False,
    beside: Other = None,
    errors: Twin = None,
    error_max_mm: Annotated[float, typer.Option(help="End of the scale of --errors in mm.")] = 5.0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render motion to a video or a still.

    \b
    Examples:
      visemic render take.csv --audio take.wav -o take.mp4
      visemic render take.npz -o frame.png --frame 42 --view mouth
      visemic render take.npz -o take.mp4 --subtitles --labels --curves
      visemic render ours.csv -o both.mp4 --beside theirs.csv
      visemic render ours.csv -o wrong.mp4 --errors truth.csv --error-max-mm 3
    """
    from visemic.cli.report import check_files
    from visemic.pipeline.clip import View, load_clip

    check_files(out, [motion, audio, beside, errors], overwrite=overwrite)
    look = View(
        width,
        height,
        view,
        frame,
        subtitles=subtitles,
        labels=labels,
        curves=curves,
        wireframe=wireframe,
        beside=load_clip(beside, rig=rig) if beside is not None else None,
        errors=load_clip(errors, rig=rig) if errors is not None else None,
        error_max_mm=error_max_mm,
        titles=(motion.name, beside.name if beside is not None else ""),
    )
    _write(motion, out, look, rig=rig, fps=fps, audio=audio, overwrite=overwrite, quiet=quiet, as_json=json)


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Motion: .csv, .json, .npz or .glb.", show_default=False)
    ],
    target: Annotated[
        list[Path], typer.Argument(metavar="OUT...", help="Files to write.", show_default=False)
    ],
    audio: Sound = None,
    rig: OwnRig = None,
    fps: NewFps = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Convert motion from one format to others.

    \b
    Examples:
      visemic convert take.csv take.glb
      visemic convert take.npz take.usda take.srt take.rhubarb.tsv
      visemic convert take.csv take_24.csv --fps 24
    """
    from visemic.cli.report import check_files

    check_files(target, [source, audio], overwrite=overwrite)
    _write(
        source, target, None, rig=rig, fps=fps, audio=audio, overwrite=overwrite, quiet=quiet, as_json=json
    )
