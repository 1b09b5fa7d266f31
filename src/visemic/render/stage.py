"""Heads side by side with all that is drawn over them, frame by frame."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from visemic.core.errors import InputError
from visemic.core.signals import SILENCE, Alignment, Motion
from visemic.render.camera import check_size, portrait_camera
from visemic.render.caption import Captions
from visemic.render.curve_strip import CurveStrip
from visemic.render.error_colour import clay, colours_of, distances_mm, error_table, scale_bar
from visemic.render.letter import ACCENT, Patch, badge, letter_size
from visemic.render.shot import Overlay, Shot, check_shots
from visemic.rig.linear import Rig, pose_blocks

Vertices = Float32[np.ndarray, "_ 3"]
Pose = tuple[Vertices, tuple[Vertices, Vertices] | None]
"""A posed head, and with a level head the two that are compared."""
Poses = list[Pose]
"""One for each shot."""

_POSED_FRAMES = 12
"""Posed at once: several heads fit in little memory."""
_CAPTION_LIFT = 0.045
"""How far subtitles push the head up, as a share of the picture."""


class Stage:
    """Paints the frames of one to four shots. Frames may be painted from several threads at once."""

    def __init__(
        self,
        shots: Sequence[Shot],
        *,
        width: int = 512,
        height: int = 512,
        view: str = "front",
        samples: int = 2,
        overlay: Overlay | None = None,
    ) -> None:
        overlay = overlay or Overlay()
        check_shots(shots, overlay)
        check_size(width, height)
        self.width, self.height = width * len(shots), height
        check_size(self.width, height)
        self.motion = max((shot.motion for shot in shots), key=lambda motion: motion.n_frames)
        self._shots = tuple(shots)
        self._panels = [_Panel(shot, width, height, view, samples, overlay) for shot in shots]
        spoken = next((s.alignment for s in shots if s.alignment is not None and s.alignment.words), None)
        room = self._panels[0].camera_height
        self._captions = Captions(spoken, self.width, room) if overlay.subtitles and spoken else None

    @property
    def n_frames(self) -> int:
        """Frames until the longest shot ends."""
        return self.motion.n_frames

    def new_buffers(self) -> list[Any]:
        """Give what one thread needs to paint."""
        return [panel.painter.new_buffers() for panel in self._panels]

    def poses(self) -> Iterator[Poses]:
        """Pose all heads frame by frame; a shot that has ended holds its last frame."""
        sources = [_shot_poses(shot, self.n_frames) for shot in self._shots]
        for _ in range(self.n_frames):
            yield [next(source) for source in sources]

    def poses_at(self, frame: int) -> Poses:
        """Pose all heads for one frame.

        Raises:
            InputError: There is no such frame.
        """
        if not -self.n_frames <= frame < self.n_frames:
            raise InputError(f"no frame {frame} in a motion of {self.n_frames} frames; they count from 0")
        number = frame % self.n_frames
        return [next(_shot_poses(_frozen(shot, number), 1)) for shot in self._shots]

    def paint(
        self, frame: int, poses: Poses, buffers: list[Any] | None = None
    ) -> UInt8[np.ndarray, "height width 3"]:
        """Paint one frame, counted from 0.

        Raises:
            InputError: A posed position is not a finite number.
        """
        own = self.new_buffers() if buffers is None else buffers
        pictures = [
            panel.paint(frame, pose, buffer)
            for panel, pose, buffer in zip(self._panels, poses, own, strict=True)
        ]
        picture = pictures[0] if len(pictures) == 1 else np.concatenate(pictures, 1)
        if self._captions is not None:
            _lay(picture, self._captions.patch_at(_middle_s(self.motion, frame)))
        return picture


def _shot_poses(shot: Shot, n_frames: int) -> Iterator[Pose]:
    own = _held(shot.rig, shot.motion, n_frames)
    if shot.against is None:
        for vertices in own:
            yield vertices, None
        return
    other = shot.against
    ours = _held(shot.rig, _level(shot.rig, shot.motion), n_frames)
    theirs = _held(other.rig, _level(other.rig, other.motion), n_frames)
    for vertices in own:
        yield vertices, (next(ours), next(theirs))


def _held(rig: Rig, motion: Motion, n_frames: int) -> Iterator[Vertices]:
    """Pose frame by frame, the last one again and again until there are ``n_frames``."""
    last = None
    for start in range(0, motion.n_frames, _POSED_FRAMES):
        part = Motion(motion.values[start : start + _POSED_FRAMES], motion.layout, motion.rate)
        for block in pose_blocks(rig, part):
            for vertices in block:
                last = vertices
                yield vertices
    if last is not None:
        for _ in range(n_frames - motion.n_frames):
            yield last


def _level(rig: Rig, motion: Motion) -> Motion:
    """Give the motion without the turn of the head, which would hide what the face does."""
    turns = rig.head.rotation_channels if rig.head is not None else ()
    values = motion.values.copy()
    values[:, [motion.layout.index(name) for name in turns if name in motion.layout]] = 0
    return Motion(values, motion.layout, motion.rate)


def _frozen(shot: Shot, frame: int) -> Shot:
    """Give a shot of one frame, the last if it has ended by then."""
    number = min(frame, shot.motion.n_frames - 1)
    one = Motion(shot.motion.values[number : number + 1], shot.motion.layout, shot.motion.rate)
    against = _frozen(shot.against, frame) if shot.against is not None else None
    return replace(shot, motion=one, against=against)


def _middle_s(motion: Motion, frame: int) -> float:
    return (frame + 0.5) / float(motion.rate.hz)


def _lay(picture: UInt8[np.ndarray, "height width 3"], patch: Patch | None) -> None:
    if patch is not None:
        from visemic.render.overlay_kernels import blend

        blend(picture, patch.image, patch.top, patch.left)


class _Panel:
    """One head with its title, label, scale and strip."""

    def __init__(
        self, shot: Shot, width: int, height: int, view: str, samples: int, overlay: Overlay
    ) -> None:
        from visemic.render.frame import FramePainter

        self._shot = shot
        alignment = shot.alignment
        self._strip = CurveStrip(shot.motion, width, height, alignment) if overlay.curves else None
        self.camera_height = height - (self._strip.height if self._strip is not None else 0)
        lift = _CAPTION_LIFT if overlay.subtitles and view != "mouth" else 0.0
        camera = portrait_camera(shot.rig, width, self.camera_height, view, lift=lift)
        rig = clay(shot.rig) if shot.against is not None else shot.rig
        self.painter = FramePainter(rig, camera, samples=samples, has_wires=overlay.wireframe)
        margin, size = max(4, round(0.02 * height)), letter_size(min(width, height), 0.042)
        self._fixed: list[Patch] = []
        self._table, self._limit_mm = error_table(), overlay.error_max_mm
        if shot.title:
            room = width - 2 * margin if not overlay.labels else round(0.66 * width)
            self._fixed.append(Patch(badge(shot.title, size, room), margin, margin))
        if shot.against is not None:
            below = margin + (self._fixed[0].image.shape[0] + margin if self._fixed else 0)
            bar = scale_bar(width, height, overlay.error_max_mm, self._table, (below, margin))
            self._fixed.append(bar)
        self._labels = None
        if overlay.labels and alignment is not None and alignment.phones:
            self._labels = _PhoneLabels(alignment, width, margin, size)

    def paint(self, frame: int, pose: Pose, buffers: Any) -> UInt8[np.ndarray, "height width 3"]:
        vertices, compared = pose
        colours = None
        if compared is not None:
            colours = colours_of(distances_mm(*compared), self._limit_mm, self._table)
        picture = self.painter.paint(vertices, buffers, colours)
        for patch in self._fixed:
            _lay(picture, patch)
        own_frame = min(frame, self._shot.motion.n_frames - 1)
        if self._labels is not None:
            _lay(picture, self._labels.patch_at(_middle_s(self._shot.motion, own_frame)))
        if self._strip is not None:
            picture = np.concatenate([picture, self._strip.draw(own_frame)], 0)
        return picture


class _PhoneLabels:
    """The phone that is spoken and its viseme, in the upper right corner."""

    def __init__(self, alignment: Alignment, width: int, margin: int, size: int) -> None:
        from visemic.text.visemes import phone_table

        self._phones = alignment.phones
        self._starts = np.array([phone.start_s for phone in alignment.phones])
        visemes = phone_table().viseme
        self._patches: dict[str, Patch] = {}
        for label in sorted({phone.label for phone in self._phones}):
            viseme = visemes.get(label, "")
            shown = "silence" if label == SILENCE else f"{label}  {viseme}".rstrip()
            image = badge(shown, size, width // 3, ink=ACCENT)
            self._patches[label] = Patch(image, margin, width - margin - image.shape[1])

    def patch_at(self, time_s: float) -> Patch | None:
        number = int(np.searchsorted(self._starts, time_s, side="right")) - 1
        if number < 0 or time_s >= self._phones[number].end_s:
            return None
        return self._patches[self._phones[number].label]
