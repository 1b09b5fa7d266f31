import numpy as np

from visemic.geometry.mesh import (
    boundary_loops,
    grid_triangles,
    mirror_half,
    neighbour_average,
    smooth_step,
    spline_through,
    stack_meshes,
    vertex_normals,
    without_collapsed,
)

SQUARE = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
QUAD = grid_triangles(np.array([[0, 1], [2, 3]]))


def test_a_grid_seen_from_the_front_faces_the_viewer() -> None:
    np.testing.assert_allclose(vertex_normals(SQUARE, QUAD), np.tile([0.0, 0.0, 1.0], (4, 1)))


def test_a_closed_grid_is_a_tube_with_two_rims() -> None:
    tube = grid_triangles(np.arange(20).reshape(4, 5), closed=True)
    assert len(tube) == 2 * 3 * 5
    assert sorted(len(loop) for loop in boundary_loops(tube)) == [5, 5]


def test_a_mirrored_half_is_symmetric_shares_its_midline_and_keeps_facing() -> None:
    whole = mirror_half(SQUARE, QUAD)
    assert len(whole.points) == 6
    np.testing.assert_array_equal(whole.points[whole.partner] * [-1, 1, 1], whole.points)
    np.testing.assert_array_equal(whole.partner[whole.partner], np.arange(6))
    np.testing.assert_allclose(vertex_normals(whole.points, whole.triangles)[:, 2], 1.0)
    assert len(boundary_loops(whole.triangles)) == 1


def test_the_average_of_neighbours_of_a_flat_fan_is_its_hub() -> None:
    turn = np.arange(6) * np.pi / 3
    points = np.concatenate([[[0.0, 0.0]], np.stack([np.cos(turn), np.sin(turn)], -1)])
    fan = np.array([[0, 1 + k, 1 + (k + 1) % 6] for k in range(6)])
    np.testing.assert_allclose((neighbour_average(fan, 7) @ points)[0], 0.0, atol=1e-12)


def test_triangles_that_name_a_vertex_twice_are_dropped() -> None:
    kept = without_collapsed(np.array([[0, 1, 2], [1, 1, 2], [0, 2, 0]]))
    np.testing.assert_array_equal(kept, [[0, 1, 2]])


def test_a_curve_through_values_meets_them() -> None:
    knots, values = np.array([0.0, 0.3, 1.0]), np.array([[0.0], [2.0], [1.0]])
    np.testing.assert_allclose(spline_through(knots, values, knots), values)


def test_a_smooth_step_is_flat_at_both_ends_and_falls_when_edges_are_swapped() -> None:
    np.testing.assert_allclose(smooth_step(0.0, 1.0, np.array([-1.0, 0.0, 0.5, 1.0, 2.0])), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(
        smooth_step(1.0, 0.0, np.array([0.25])), 1 - smooth_step(0.0, 1.0, np.array([0.25]))
    )


def test_stacked_meshes_keep_their_own_vertices() -> None:
    points, triangles = stack_meshes([(SQUARE, QUAD), (SQUARE + 5, QUAD)])
    np.testing.assert_array_equal(points[triangles[2:]], SQUARE[QUAD] + 5)
