"""Pictures of a head: one frame of a motion, or its neutral."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from visemic.core.errors import InputError
from visemic.core.signals import Motion
from visemic.render.camera import portrait_camera
from visemic.rig.linear import Rig, pose_blocks


def _posed(rig: Rig, motion: Motion | None, frame: int) -> Float32[np.ndarray, "vertices 3"]:
    if motion is None:
        return rig.neutral
    if motion.n_frames == 0:
        raise InputError("a motion of 0 frames cannot be drawn; give at least one frame")
    if not -motion.n_frames <= frame < motion.n_frames:
        raise InputError(f"no frame {frame} in a motion of {motion.n_frames} frames; they count from 0")
    number = frame % motion.n_frames
    one = Motion(motion.values[number : number + 1], motion.layout, motion.rate)
    return next(iter(pose_blocks(rig, one)))[0]


def render_still(
    rig: Rig,
    motion: Motion | None = None,
    frame: int = 0,
    *,
    width: int = 512,
    height: int = 512,
    view: str = "front",
    samples: int = 2,
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw one frame of a motion on a head.

    Args:
        motion: None draws the neutral.
        frame: Counts from 0; negative numbers count from the end.
        width: Pixels, even.
        height: Pixels, even.
        view: Named framing, see ``portrait_camera``.
        samples: Side of the grid of samples in a pixel, 1 to 4.

    Returns:
        sRGB bytes, first row at the top.

    Raises:
        InputError: The frame, the size, the view or the samples cannot be drawn.
        RigError: The rig's material groups do not fit its triangles.
    """
    camera = portrait_camera(rig, width, height, view)
    vertices = _posed(rig, motion, frame)
    from visemic.render.frame import FramePainter

    return FramePainter(rig, camera, samples=samples).paint(vertices)


def save_png(
    image: UInt8[np.ndarray, "height width 3"], path: Path, metadata: Mapping[str, object] | None = None
) -> None:
    """Write a picture as PNG.

    Args:
        metadata: Kept as JSON in the file's comment.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if metadata is not None:
        info.add_itxt("comment", json.dumps(metadata, ensure_ascii=False))
    Image.fromarray(image).save(path, format="PNG", pnginfo=info)
