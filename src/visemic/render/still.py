"""Pictures of a head: one frame of a motion, or its neutral."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from visemic.core.signals import Motion
from visemic.render.camera import portrait_camera
from visemic.render.shot import Overlay, Shot
from visemic.render.stage import Stage
from visemic.rig.linear import Rig


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
    if motion is None:
        camera = portrait_camera(rig, width, height, view)
        from visemic.render.frame import FramePainter

        return FramePainter(rig, camera, samples=samples).paint(rig.neutral)
    return still_of_shots([Shot(rig, motion)], frame, width=width, height=height, view=view, samples=samples)


def still_of_shots(
    shots: Sequence[Shot],
    frame: int = 0,
    *,
    width: int = 512,
    height: int = 512,
    view: str = "front",
    samples: int = 2,
    overlay: Overlay | None = None,
) -> UInt8[np.ndarray, "height across 3"]:
    """Draw one frame of heads side by side.

    Args:
        frame: Counts from 0; negative numbers count from the end of the longest motion.
        width: Of each head, pixels, even.
        overlay: What is drawn over the heads; None draws nothing.

    Raises:
        InputError: The frame, the size, the view or the overlay cannot be drawn.
        ClockError: The motions run at different rates.
        RigError: A comparison of heads whose vertices differ.
    """
    stage = Stage(shots, width=width, height=height, view=view, samples=samples, overlay=overlay)
    poses = stage.poses_at(frame)
    return stage.paint(frame % stage.n_frames, poses)


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
