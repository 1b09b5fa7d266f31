"""One clip: a voice, its alignment and a moving face on one clock."""

import base64
import html
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from visemic.core.acting_note import ActingNote
from visemic.core.atomic import atomic_path, check_writable
from visemic.core.clock import Rate
from visemic.core.errors import FormatError, OutputError
from visemic.core.signals import Alignment, MeshMotion, Motion, Provenance, Waveform
from visemic.export.clip import ClipData
from visemic.export.registry import export_clip, import_clip, known_suffixes, output_paths
from visemic.pipeline.motion import resample_motion
from visemic.pipeline.options import DEFAULT_RIG, FaceOptions
from visemic.rig.linear import Rig, pose_motion
from visemic.rig.registry import RIGS, load_rig

if TYPE_CHECKING:
    from visemic.render.shot import Overlay, Shot

Progress = Callable[[int, int], None]
"""Called with work done and work in all."""

VIDEO_SUFFIXES = (".mp4",)
STILL_SUFFIXES = (".png",)
NOTEBOOK_SIZE_PX = 320
NOTEBOOK_MAX_S = 30.0


@dataclass(frozen=True)
class View:
    """How pictures of a clip are taken."""

    width: int = 512
    """Pixels."""
    height: int = 512
    """Pixels."""
    view: str = "front"
    """``front``, ``three_quarter``, ``profile``, ``face`` or ``mouth``."""
    frame: int = 0
    """Frame of a still."""
    subtitles: bool = field(default=False, kw_only=True)
    """Whether the words are shown, the spoken one in colour."""
    labels: bool = field(default=False, kw_only=True)
    """Whether the spoken phone and its viseme are shown."""
    curves: bool = field(default=False, kw_only=True)
    """Whether curves run below the head."""
    wireframe: bool = field(default=False, kw_only=True)
    """Whether the edges of the mesh are shown."""
    beside: "Clip | None" = field(default=None, kw_only=True)
    """A second clip to its right; the picture is twice as wide, the sound is the first's."""
    errors: "Clip | None" = field(default=None, kw_only=True)
    """A clip on the same head: vertices are coloured by their distance from there, heads held level."""
    error_max_mm: float = field(default=5.0, kw_only=True)
    """Distance that has the last colour of the scale."""
    titles: tuple[str, str] = field(default=("first", "second"), kw_only=True)
    """Shown above the heads when there are two."""


def output_suffixes() -> tuple[str, ...]:
    """Give every suffix that a clip can be saved under."""
    return tuple(sorted({*known_suffixes(), *VIDEO_SUFFIXES, *STILL_SUFFIXES}))


def check_outputs(paths: "list[Path]", *, overwrite: bool) -> None:
    """Refuse outputs that cannot be written, before any work is spent.

    Raises:
        FormatError: A suffix is not known.
        OutputError: A file exists, its folder is missing, or a name comes twice.
    """
    for path in paths:
        if not any(path.name.lower().endswith(suffix) for suffix in output_suffixes()):
            raise FormatError(
                f"output {str(path)!r} has no known suffix; there are {' '.join(output_suffixes())}"
            )
        pictures = (*VIDEO_SUFFIXES, *STILL_SUFFIXES)
        for target in [path] if path.suffix.lower() in pictures else output_paths(path):
            check_writable(target, overwrite=overwrite)
    if len({p.resolve() for p in paths}) != len(paths):
        raise OutputError("an output is named twice; give every -o its own name")


@dataclass(frozen=True, eq=False)
class Clip:
    """A speaking face: what ``speak`` and ``animate`` give and every format is written from.

    Shown inline as a small video in a notebook.
    """

    waveform: Waveform | None
    """The voice; None when motion was read from a file without sound."""
    alignment: Alignment | None
    """Phones and words in seconds."""
    motion: Motion
    """ARKit shapes and rotations."""
    rig: Rig
    """The head."""
    provenance: Provenance
    """Version, command, seed and licences."""
    note: ActingNote | None = None
    """The note that was acted, on the clip's clock; None when nobody asked for one."""

    @property
    def duration_s(self) -> float:
        """Length of the sound, or of the motion when there is none, in seconds."""
        return self.waveform.duration_s if self.waveform is not None else self.motion.duration_s

    @property
    def drift_s(self) -> float:
        """How much longer the motion lasts than the sound, in seconds; at most half a frame."""
        return self.motion.duration_s - self.duration_s

    def mesh(self) -> MeshMotion:
        """Pose the head for every frame; 12 bytes a vertex and frame."""
        return pose_motion(self.rig, self.motion)

    def at_rate(self, fps: "float | str | Rate") -> "Clip":
        """Give the clip at another frame rate; lips that met still meet.

        Raises:
            ClockError: The rate is not between 1 and 240 Hz.
        """
        rate = FaceOptions(fps).rate
        return replace(self, motion=resample_motion(self.motion, self.alignment, self.rig, rate))

    def save(
        self,
        path: "str | Path",
        *,
        overwrite: bool = False,
        view: View | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write the clip in the format that the suffix names.

        The file appears whole or not at all.

        Args:
            path: Target such as ``hello.glb``; its folder must exist.
            overwrite: Whether an existing file may be replaced.
            view: Size and camera of mp4 and png.
            progress: Called now and then with frames done and frames in all.

        Raises:
            FormatError: The suffix is not known.
            OutputError: The file exists, the folder is missing or the disk is full.
        """
        path = Path(path)
        check_outputs([path], overwrite=overwrite)
        suffix = path.suffix.lower()
        if suffix in VIDEO_SUFFIXES:
            self._save_video(path, overwrite, view or View(), progress)
        elif suffix in STILL_SUFFIXES:
            self._save_still(path, overwrite, view or View())
        else:
            data = ClipData(self.waveform, self.alignment, self.motion, self.rig, self.provenance)
            export_clip(data, path, overwrite=overwrite, progress=progress)
        return path

    def _shots(self, view: View) -> "list[Shot]":
        from visemic.render.shot import Shot

        def shot(clip: "Clip", title: str = "", against: "Shot | None" = None) -> "Shot":
            own = clip if clip.motion.rate == self.motion.rate else clip.at_rate(self.motion.rate)
            # One copy of a head serves all that show it.
            rig = self.rig if own.rig.name == self.rig.name else own.rig
            return Shot(rig, own.motion, own.alignment, title, against)

        other = shot(view.errors) if view.errors is not None else None
        if view.beside is None:
            return [shot(self, against=other)]
        return [shot(self, view.titles[0], other), shot(view.beside, view.titles[1])]

    def _save_video(self, path: Path, overwrite: bool, view: View, progress: Progress | None) -> None:
        from visemic.render.video import render_shots

        with atomic_path(path, overwrite=overwrite) as partial:
            render_shots(
                self._shots(view),
                self.waveform,
                partial,
                width=view.width,
                height=view.height,
                view=view.view,
                overlay=_overlay(view),
                metadata=self.provenance.to_dict(),
                progress=progress,
            )

    def _save_still(self, path: Path, overwrite: bool, view: View) -> None:
        from visemic.render.still import save_png, still_of_shots

        image = still_of_shots(
            self._shots(view),
            view.frame,
            width=view.width,
            height=view.height,
            view=view.view,
            overlay=_overlay(view),
        )
        with atomic_path(path, overwrite=overwrite) as partial:
            save_png(image, partial, metadata=self.provenance.to_dict())

    def _repr_html_(self) -> str:
        if self.duration_s > NOTEBOOK_MAX_S:
            return f"<code>{html.escape(repr(self))}</code>"
        with tempfile.TemporaryDirectory() as folder:
            small = View(NOTEBOOK_SIZE_PX, NOTEBOOK_SIZE_PX)
            data = self.save(Path(folder) / "clip.mp4", view=small).read_bytes()
        movie = base64.b64encode(data).decode("ascii")
        text = html.escape(self.alignment.text) if self.alignment else ""
        return (
            f'<figure><video controls width="{NOTEBOOK_SIZE_PX}" src="data:video/mp4;base64,{movie}"></video>'
            f"<figcaption>{text}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        text = self.alignment.text if self.alignment else ""
        shown = text if len(text) <= 40 else text[:39] + "…"
        return (
            f"Clip({shown!r}, {self.duration_s:.2f} s, {self.motion.n_frames} frames of "
            f"{len(self.motion.layout)} channels at {self.motion.rate}, rig {self.rig.name!r})"
        )


def _overlay(view: View) -> "Overlay":
    from visemic.render.shot import Overlay

    return Overlay(view.subtitles, view.labels, view.curves, view.wireframe, view.error_max_mm)


def load_clip(path: "str | Path", *, rig: str | None = None) -> Clip:
    """Read a clip back from CSV, JSON, NPZ or GLB.

    Args:
        path: The file.
        rig: Head to show it on; None takes the one the file came with, else the default.

    Raises:
        FormatError: The file is not what its suffix says.
        RigError: There is no such head.
    """
    data = import_clip(Path(path))
    own = data.provenance.rig
    head = load_rig(rig or (own if own in RIGS else DEFAULT_RIG))
    return Clip(data.waveform, data.alignment, data.motion, head, data.provenance)
