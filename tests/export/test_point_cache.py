import struct

import numpy as np

from visemic.export.point_cache import write_point_cache
from visemic.rig.linear import pose_motion


def test_a_point_cache_holds_the_posed_vertices(tmp_path, clip):
    calls = []
    write_point_cache(clip, tmp_path / "a.pc2", lambda done, total: calls.append((done, total)))
    data = (tmp_path / "a.pc2").read_bytes()
    n_vertices, n_frames = clip.rig.n_vertices, clip.motion.n_frames
    assert struct.unpack_from("<12siiffi", data) == (b"POINTCACHE2\0", 1, n_vertices, 0.0, 1.0, n_frames)
    points = np.frombuffer(data, "<f4", offset=32).reshape(n_frames, n_vertices, 3)
    clipped = pose_motion(clip.rig, clip.motion).vertices
    np.testing.assert_array_equal(points, clipped)
    assert calls[-1] == (n_frames, n_frames)
