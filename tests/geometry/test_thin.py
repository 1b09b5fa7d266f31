import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.geometry.thin import thinned


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Give a square sheet of n by n vertices, flat."""
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], 1).astype(float)
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + n], 1), np.stack([corner + 1, corner + n + 1, corner + n], 1)]
    )
    return vertices, triangles.astype(np.int32)


def areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    return np.cross(b - a, c - a)[:, 2] / 2


def test_what_is_left_are_vertices_of_the_whole_and_triangles_that_face_as_before():
    vertices, triangles = grid(12)
    thin = thinned(vertices, triangles, 60)
    assert len(thin.kept) == 60
    assert (np.diff(thin.kept) > 0).all()
    assert (areas(vertices[thin.kept], thin.triangles) > 0).all()


def test_a_flat_sheet_loses_no_area_where_its_corners_stay():
    vertices, triangles = grid(12)
    thin = thinned(vertices, triangles, 40, locked=[0, 11, 132, 143])
    assert areas(vertices[thin.kept], thin.triangles).sum() == pytest.approx(121.0)


def test_locked_vertices_stay_even_without_a_triangle():
    vertices, triangles = grid(8)
    vertices = np.concatenate([vertices, [[20.0, 0, 0]]])
    thin = thinned(vertices, triangles, 20, locked=[27, 64])
    assert {27, 64} <= set(thin.kept.tolist())


def test_a_finer_part_keeps_more():
    vertices, triangles = grid(16)
    left = vertices[:, 0] < 7.5
    thin = thinned(vertices, triangles, 100, fineness=np.where(left, 3.0, 1.0))
    assert left[thin.kept].sum() > 2 * (~left[thin.kept]).sum()


def test_the_rim_of_a_hole_stays_a_rim():
    vertices, triangles = grid(12)
    middle = vertices[triangles].mean(1)
    holed = triangles[(np.abs(middle[:, :2] - 5.5).max(1) > 2)]
    thin = thinned(vertices, holed, 50)
    edges = np.sort(
        np.concatenate([thin.triangles[:, [0, 1]], thin.triangles[:, [1, 2]], thin.triangles[:, [2, 0]]]), 1
    )
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2
    inside = np.abs(vertices[thin.kept][:, :2] - 5.5).max(1) < 4
    rim = np.unique(np.unique(edges, axis=0)[counts == 1])
    assert inside[rim].sum() >= 3


def test_a_mesh_of_two_vertices_is_refused():
    with pytest.raises(InputError, match="2 vertices has no triangle"):
        thinned(*grid(3), 2)
