import numpy as np
import pytest

from visemic.geometry.intersection import REACH_M, depths_behind, find_crossings

FLAT = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0]])


def crossings_of(*triangles, names=None):
    points = np.concatenate(triangles)
    return find_crossings(points, np.arange(len(points)).reshape(-1, 3), names)


def sphere(centre, radius, rings=14, columns=20):
    """A closed ball with outward triangles."""
    theta = np.pi * np.arange(1, rings) / rings
    phi = 2 * np.pi * np.arange(columns) / columns
    ring = np.stack(
        [
            np.sin(theta)[:, None] * np.cos(phi),
            np.repeat(np.cos(theta)[:, None], columns, 1),
            -np.sin(theta)[:, None] * np.sin(phi),
        ],
        -1,
    ).reshape(-1, 3)
    points = np.concatenate([[[0.0, 1.0, 0.0]], ring, [[0.0, -1.0, 0.0]]]) * radius + centre
    index = 1 + np.arange(len(ring)).reshape(-1, columns)
    right = np.roll(index, -1, axis=1)
    top = np.stack([np.zeros(columns, int), index[0], right[0]], -1)
    bottom = np.stack([np.full(columns, len(points) - 1), right[-1], index[-1]], -1)
    a, b, c, d = index[:-1], index[1:], right[1:], right[:-1]
    return points, np.concatenate(
        [top, bottom, np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    )


def test_a_triangle_through_another_is_found_with_its_place_and_depth():
    upright = np.array([[1.0, 1.0, -0.25], [1.0, 1.0, 2.0], [1.0, 1.5, 2.0]])
    found = crossings_of(FLAT, upright)
    assert found.pairs.tolist() == [[0, 1]]
    assert found.depths_m[0] == pytest.approx(0.25)
    np.testing.assert_allclose(found.places_m[0, [0, 2]], [1.0, 0.0], atol=1e-12)


@pytest.mark.parametrize(
    "other",
    [
        [[1.0, 1.0, 0.0], [1.0, 1.0, 2.0], [2.0, 1.0, 2.0]],
        [[1.0, 1.0, 1e-6], [1.0, 1.0, 2.0], [2.0, 1.0, 2.0]],
        [[1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [1.0, 2.0, 0.0]],
        [[5.0, 5.0, -1.0], [5.0, 5.0, 1.0], [6.0, 5.0, 1.0]],
        [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [1.0, 1.0, 1.0]],
    ],
    ids=["touching", "just above", "in one plane", "beside", "without area"],
)
def test_what_does_not_pass_through_is_no_crossing(other):
    assert len(crossings_of(FLAT, np.array(other))) == 0


def test_neighbours_do_not_count_even_when_a_vertex_is_stored_twice():
    through = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, -1.0], [1.0, 1.0, 1.0]])
    points = np.concatenate([FLAT, through])
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    assert len(find_crossings(points, triangles)) == 1
    assert len(find_crossings(points, triangles, np.array([0, 1, 2, 0, 4, 5]))) == 0


def test_no_triangles_have_no_crossings():
    assert len(find_crossings(np.zeros((0, 3)), np.zeros((0, 3), int))) == 0


@pytest.mark.parametrize(("apart", "expected"), [(0.0, False), (0.35, False), (0.8, True), (1.7, False)])
def test_two_balls_cross_only_when_their_surfaces_do(apart, expected):
    one, faces = sphere([0.0, 0.0, 0.0], 1.0)
    two, _ = sphere([apart, 0.013, 0.007], 0.6)
    found = find_crossings(np.concatenate([one, two]), np.concatenate([faces, faces + len(one)]))
    assert (len(found) > 0) == expected


def through_by_algebra(s, t):
    """Solve for the place where each edge meets the other's plane, and look at its coordinates there."""
    for edges, face in ((s, t), (t, s)):
        for k in range(3):
            p, q = edges[k], edges[(k + 1) % 3]
            system = np.stack([q - p, face[0] - face[1], face[0] - face[2]], -1)
            if abs(np.linalg.det(system)) > 1e-12:
                along, u, v = np.linalg.solve(system, face[0] - p)
                if 0 < along < 1 and u >= 0 and v >= 0 and u + v <= 1:
                    return True
    return False


def test_the_pairs_are_those_of_solving_for_every_edge(rng):
    corners = rng.uniform(-1.0, 1.0, (45, 1, 3)) + rng.normal(0.0, 0.35, (45, 3, 3))
    expected = {
        (i, j) for i in range(45) for j in range(i + 1, 45) if through_by_algebra(corners[i], corners[j])
    }
    found = crossings_of(*corners)
    assert len(expected) > 20
    assert {tuple(p) for p in found.pairs.tolist()} == expected


def test_sizes_may_differ_a_thousandfold(rng):
    small = rng.uniform(0.2, 1.2, (40, 1, 3)) * [1, 1, 0] + rng.normal(0.0, 0.003, (40, 3, 3))
    found = crossings_of(FLAT, *small)
    expected = sum(through_by_algebra(FLAT, t) for t in small)
    assert expected > 10
    assert int((found.pairs[:, 0] == 0).sum()) == expected


def test_turning_and_moving_everything_changes_nothing(rng):
    corners = rng.uniform(-0.1, 0.1, (60, 1, 3)) + rng.normal(0.0, 0.03, (60, 3, 3))
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    before, after = crossings_of(*corners), crossings_of(*(corners @ turn.T + [0.3, -0.2, 0.5]))
    np.testing.assert_array_equal(before.pairs, after.pairs)
    np.testing.assert_allclose(before.depths_m, after.depths_m, atol=1e-9)


def test_depth_behind_a_plane_is_its_distance():
    corners = FLAT[None] - [1.0, 1.0, 0.0]
    points = np.array([[0.0, 0.0, -0.004], [0.0, 0.0, 0.004], [0.2, 0.1, -2 * REACH_M], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(depths_behind(points, corners), [0.004, 0.0, 0.0, 0.0])


def test_depth_in_a_ball_grows_towards_its_middle():
    points, faces = sphere([0.0, 0.0, 0.0], 0.005, 40, 60)
    line = np.linspace(0.0, 0.0049, 20)[:, None] * np.array([[0.6, 0.0, 0.8]])
    depth = depths_behind(line, points[faces])
    np.testing.assert_allclose(depth, 0.005 - np.linalg.norm(line, axis=1), atol=3e-5)
    assert depths_behind(line + np.array([0.0, 0.0, 0.02]), points[faces]).max() == 0.0


def test_depth_needs_points_and_a_surface():
    assert depths_behind(np.zeros((0, 3)), FLAT[None]).shape == (0,)
    assert depths_behind(np.ones((2, 3)), np.zeros((0, 3, 3))).tolist() == [0.0, 0.0]
