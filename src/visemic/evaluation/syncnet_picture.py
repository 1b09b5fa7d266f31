"""What SyncNet sees: a crop of 224 pixels around a face, from a head that moves or from a video.

The crop hangs on a box around the face, forehead to chin: it is 1.4 times the box's longer side
each way, begins at the top of the box, and ends a good way under the chin, so that the mouth lies a
little under its middle. A head needs no detector, its box follows from its eyes and its chin.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError, RigError
from visemic.core.signals import MeshMotion, Motion
from visemic.motion.resample import resample
from visemic.render.camera import Camera, head_box
from visemic.render.frame import FramePainter
from visemic.rig.linear import Rig, pose_blocks

PICTURE_RATE = Rate.of(25)
SIDE = 224
"""Pixels."""
GREY = 110
"""sRGB byte of what lies around the head and beyond the edge of a picture."""

_MARGIN = 0.40
"""How far the crop reaches beyond the box, in halves of its longer side: once above the cheeks,
twice under the chin."""
_FOREHEAD = 0.6
"""How far above the eyes the box ends, as a share of the height from chin to eyes."""
_LENS_DEG = 18.0
_NOSE_M = 0.02
"""How far the plane that is framed lies behind the tip of the nose."""
_MEDIAN_FRAMES = 13
_MAX_SKEW = 1.02

Picture = UInt8[np.ndarray, "224 224 3"]
Vertices = Float32[np.ndarray, "vertices 3"]


@dataclass(frozen=True)
class FaceBox:
    """A box around a face, forehead to chin and cheek to cheek; rows count downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def crop(self) -> tuple[float, float, float, float]:
        """Give left, top, right and bottom of the square that SyncNet sees."""
        half = max(self.right - self.left, self.bottom - self.top) / 2
        x, y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        reach = half * (1 + _MARGIN)
        return x - reach, y - half, x + reach, y + half * (1 + 2 * _MARGIN)


def crop_face(picture: UInt8[np.ndarray, "height width 3"], face: FaceBox) -> Picture:
    """Cut the square around a face out of a picture, grey beyond its edge, and scale it.

    Raises:
        InputError: The box has no area or lies outside the picture.

    Source:
        ``run_pipeline`` of syncnet_python: crop scale 0.40, padding 110.
    """
    height, width = picture.shape[:2]
    inside = face.left < width and face.top < height and face.right > 0 and face.bottom > 0
    if not (face.right - face.left >= 1 and face.bottom - face.top >= 1 and inside):
        raise InputError(
            f"face box {face.left:g}, {face.top:g}, {face.right:g}, {face.bottom:g} does not lie in a "
            f"picture of {width} x {height} pixels; give left, top, right and bottom in pixels"
        )
    left, top, right, bottom = (math.floor(edge) for edge in face.crop())
    cut = np.full((bottom - top, right - left, 3), GREY, np.uint8)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    cut[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = picture[
        rows, columns
    ]
    return scale_picture(cut)


def scale_picture(picture: UInt8[np.ndarray, "height width 3"]) -> Picture:
    """Scale a picture to 224 pixels a side, linear between the middles of its pixels."""
    if picture.shape[:2] == (SIDE, SIDE):
        return picture
    scaled = picture.astype(np.float32)
    for axis in (0, 1):
        n = picture.shape[axis]
        place = np.clip((np.arange(SIDE) + 0.5) * n / SIDE - 0.5, 0, n - 1)
        first = np.minimum(place.astype(np.int64), max(n - 2, 0))
        share = (place - first).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        after = np.minimum(first + 1, n - 1)
        scaled = scaled.take(first, axis) * (1 - share) + scaled.take(after, axis) * share
    return np.rint(scaled).astype(np.uint8)


def render_crops(rig: Rig, motion: Motion | MeshMotion, *, samples: int = 2) -> Iterator[Picture]:
    """Give RGB pictures of a moving head at 25 a second, as a detector would have cropped them.

    The camera stands in front and follows the forehead, smoothed over 13 frames; its distance
    stays. One picture is held at a time.

    Args:
        rig: The head: the one that plays the weights, or whose vertices move.
        motion: Of any rate; linear between its frames.
        samples: Side of the grid of samples in a pixel.

    Raises:
        InputError: The motion is empty or is no number somewhere.
        RigError: A moving mesh has another number of vertices than the head.

    Deviation:
        Chung & Zisserman detect the face in each frame; here its box is known. Behind the head
        lies flat grey, the value with which the published crops are padded.
    """
    painter = _GreyPainter(rig, crop_camera(rig), samples=samples)
    buffers = painter.new_buffers()
    guide = _forehead(rig)
    for vertices, shift_m in _followed(_poses(rig, motion), guide, rig.neutral[guide].mean(0)):
        yield painter.paint(vertices - shift_m, buffers)


def crop_camera(rig: Rig) -> Camera:
    """Give the camera whose whole picture is the crop around a head at rest."""
    face = _face_of(rig)
    # The box is higher than wide, so the crop begins at its top and is as wide as it is high.
    reach = (face.top - face.chin) / 2 * (1 + _MARGIN)
    distance = reach / math.tan(math.radians(_LENS_DEG) / 2)
    y = face.top - reach
    return Camera((face.x, y, face.z + distance), (face.x, y, face.z), _LENS_DEG, SIDE, SIDE)


@dataclass(frozen=True)
class _Face:
    """Where a face at rest lies, metres."""

    x: float
    chin: float
    eyes: float
    top: float
    z: float


def _face_of(rig: Rig) -> _Face:
    low, high = (tuple(map(float, corner)) for corner in head_box(rig))
    x, eyes = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2
    if rig.eyes:
        x, eyes = (float(np.mean([joint.pivot_m[axis] for joint in rig.eyes])) for axis in (0, 1))
    return _Face(x, low[1], eyes, eyes + _FOREHEAD * (eyes - low[1]), high[2] - _NOSE_M)


class _GreyPainter(FramePainter):
    """Paints before flat grey instead of the studio's backdrop."""

    def __init__(self, rig: Rig, camera: Camera, *, samples: int) -> None:
        super().__init__(rig, camera, samples=samples)
        linear = ((GREY / 255 + 0.055) / 1.055) ** 2.4
        self._backdrop = np.array([0, 0, 1, linear, linear, linear, 0, 0, 0], np.float32)
        self._empty[:] = GREY


def _forehead(rig: Rig) -> Int[np.ndarray, " chosen"]:
    """Give the vertices in front, well above the eyes and below the hair, which no mouth moves."""
    face, (low, high) = _face_of(rig), head_box(rig)
    y, z = rig.neutral[:, 1], rig.neutral[:, 2]
    is_high = (y > 0.7 * face.eyes + 0.3 * face.top) & (y < face.top)
    found = np.flatnonzero(is_high & (z > (low[2] + high[2]) / 2))
    return found if len(found) else np.arange(rig.n_vertices)


def _poses(rig: Rig, motion: Motion | MeshMotion) -> Iterator[Vertices]:
    n_frames = len(motion.vertices) if isinstance(motion, MeshMotion) else motion.n_frames
    if n_frames == 0:
        raise InputError("a motion of 0 frames has no picture; give at least one frame")
    if isinstance(motion, Motion):
        for block in pose_blocks(rig, resample(motion, PICTURE_RATE)):
            yield from block
        return
    if motion.vertices.shape[1] != rig.n_vertices:
        raise RigError(
            f"a mesh of {motion.vertices.shape[1]} vertices cannot be drawn as head {rig.name!r} of "
            f"{rig.n_vertices}; give the head that moves so"
        )
    last = n_frames - 1
    for time_s in PICTURE_RATE.times_s(PICTURE_RATE.count(n_frames / float(motion.rate))):
        place = min(float(time_s) * float(motion.rate), last)
        before, share = int(place), np.float32(place - int(place))
        after = motion.vertices[min(before + 1, last)]
        yield motion.vertices[before] * (1 - share) + after * share


def _followed(
    poses: Iterator[Vertices], guide: Int[np.ndarray, " chosen"], rest: Float[np.ndarray, " 3"]
) -> Iterator[tuple[Vertices, Float32[np.ndarray, " 3"]]]:
    """Pair poses with the way of their guide over the picture, the median of 13 frames around."""
    ahead = _MEDIAN_FRAMES // 2
    waiting: deque[Vertices] = deque()
    ways: deque[np.ndarray] = deque()

    def settled() -> tuple[Vertices, Float32[np.ndarray, " 3"]]:
        shift = np.median(np.stack(ways), axis=0) * [1, 1, 0]
        return waiting.popleft(), shift.astype(np.float32)

    for vertices in poses:
        way = vertices[guide].mean(0) - rest
        if not ways:
            ways.extend([way] * ahead)
        waiting.append(vertices)
        ways.append(way)
        if len(waiting) > ahead:
            yield settled()
            ways.popleft()
    while waiting:
        while len(ways) < _MEDIAN_FRAMES:
            ways.append(ways[-1])
        yield settled()
        ways.popleft()


def video_crops(path: Path, face: FaceBox | None = None) -> Iterator[Picture]:
    """Give the pictures of a video file at 25 a second, as SyncNet sees them, RGB.

    Times count from the first picture; a picture is held until the next one, and the last of
    several that fall into 0.04 s is taken.

    Args:
        path: mp4, mov, avi, mkv and others.
        face: Where the face is, in pixels, the same in every frame; None for a video that is
            the crop already.

    Raises:
        FormatError: The file is missing, damaged, or has no picture.
        InputError: It is not square and no box was given, or the box lies outside.
    """
    import av

    try:
        with av.open(f"file:{path.resolve()}", options={"protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise FormatError(f"{str(path)!r} holds no picture; give a video of a face")
            yield from _on_clock(container.decode(video=0), path, face)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise FormatError(f"{str(path)!r} is no video that can be read, or it is damaged") from error


def _on_clock(frames: Iterator, path: Path, face: FaceBox | None) -> Iterator[Picture]:
    held: Picture | None = None
    number, start_s = 0, 0.0
    for frame in frames:
        time_s = float(frame.time or 0.0)
        if held is None:
            start_s = time_s
        wanted = PICTURE_RATE.tick_at(time_s - start_s)
        while held is not None and number < wanted:
            yield held
            number += 1
        held = _cropped(frame.to_ndarray(format="rgb24"), path, face)
    if held is None:
        raise FormatError(f"{str(path)!r} holds 0 pictures; give a video of a face")
    yield held


def _cropped(picture: UInt8[np.ndarray, "height width 3"], path: Path, face: FaceBox | None) -> Picture:
    if face is not None:
        return crop_face(picture, face)
    height, width = picture.shape[:2]
    if max(height, width) > _MAX_SKEW * min(height, width):
        raise InputError(
            f"the pictures of {str(path)!r} are {width} x {height} and not square; give the box of the face"
        )
    return scale_picture(picture)
