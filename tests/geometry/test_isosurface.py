import numpy as np

from visemic.geometry.isosurface import surface_nets
from visemic.geometry.mesh import boundary_loops, vertex_normals


def _ball(size: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
    axis = np.arange(size) - (size - 1) / 2
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    return surface_nets(np.sqrt(x * x + y * y + z * z) - radius)


def test_a_ball_is_closed_and_its_vertices_lie_on_it() -> None:
    points, triangles = _ball(24, 8.0)
    away = np.linalg.norm(points - 11.5, axis=1)
    assert np.abs(away - 8.0).max() < 0.15
    assert boundary_loops(triangles) == []
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1), axis=0
    )
    assert len(points) - len(edges) + len(triangles) == 2


def test_triangles_face_where_values_are_positive() -> None:
    points, triangles = _ball(24, 8.0)
    outwards = (points - 11.5) / 8.0
    assert (np.sum(vertex_normals(points, triangles) * outwards, axis=1) > 0.9).all()


def test_a_field_without_a_change_of_sign_gives_nothing() -> None:
    points, triangles = surface_nets(np.ones((4, 4, 4)))
    assert points.shape == (0, 3)
    assert triangles.shape == (0, 3)
