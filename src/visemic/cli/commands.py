"""``visemic render`` and ``visemic convert``: from motion that exists."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from visemic.cli.options import Height, Json, Out, Overwrite, Quiet, ViewName, Width

OwnRig = Annotated[
    str | None,
    typer.Option("--rig", help="Head; the file's own or the built-in one if not given.", show_default=False),
]
NewFps = Annotated[str | None, typer.Option("--fps", help="Resample to this frame rate.", show_default=False)]
Sound = Annotated[
    Path | None, typer.Option("--audio", help="Sound to put beside the motion.", show_default=False)
]


def _convert(
    source: Path,
    out: list[Path],
    rig: str | None,
    fps: str | None,
    audio: Path | None,
    width: int,
    height: int,
    view: str,
    frame: int,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    from visemic.cli.report import command_line, need_outputs, save_all, tell
    from visemic.pipeline.clip import View, check_outputs, load_clip

    need_outputs(out)
    check_outputs(out, overwrite=overwrite)
    clip = load_clip(source, rig=rig)
    if fps is not None:
        clip = clip.at_rate(fps)
    if audio is not None:
        from visemic.audio.io import read_waveform

        clip = replace(clip, waveform=read_waveform(audio))
    clip = replace(clip, provenance=replace(clip.provenance, command=command_line()))
    look = View(width, height, view, frame)
    paths = save_all(clip, out, overwrite=overwrite, view=look, quiet=quiet or as_json)
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
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render motion to a video or a still.

    \b
    Examples:
      visemic render take.csv --audio take.wav -o take.mp4
      visemic render take.npz -o frame.png --frame 42 --view mouth
    """
    _convert(motion, out, rig, fps, audio, width, height, view, frame, overwrite, quiet, json)


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
    _convert(source, target, rig, fps, audio, 512, 512, "front", 0, overwrite, quiet, json)
