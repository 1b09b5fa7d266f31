"""Moving vertices as a ``.pc2`` point cache, which Blender and Maya read without plugins.

Little-endian: ``POINTCACHE2`` and a zero byte, int32 version 1, int32 points, float32 first
frame, float32 frames a sample, int32 samples; then float32 x, y, z of every point of every
sample, in metres, y up, in the vertex order of the head.
"""

import struct
from pathlib import Path

from visemic.export.clip import ClipData, Progress, exportable_motion, required_rig
from visemic.rig.linear import pose_blocks

HEADER = struct.Struct("<12siiffi")
MAGIC = b"POINTCACHE2\0"


def write_point_cache(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write every frame of the posed head; memory stays that of one block of frames."""
    rig = required_rig(clip, ".pc2")
    motion = exportable_motion(clip.motion)
    done = 0
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, 1, rig.n_vertices, 0.0, 1.0, motion.n_frames))
        for vertices in pose_blocks(rig, motion):
            file.write(vertices.astype("<f4", copy=False).tobytes())
            done += len(vertices)
            if progress:
                progress(done, motion.n_frames)
