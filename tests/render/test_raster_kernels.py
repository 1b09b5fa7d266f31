import numpy as np

from visemic.render import raster_kernels


def draw(points, triangles, rows, columns, *, bands=1, n_closed=0):
    screen = np.asarray(points, np.float32)
    faces = np.asarray(triangles, np.int32)
    owner = np.full((rows, columns), -7, np.int32)
    nearest = np.zeros((rows, columns), np.float32)
    step = rows // bands
    for first in range(0, rows, step):
        raster_kernels.raster(
            screen,
            faces,
            first,
            first + step,
            n_closed,
            nearest[first : first + step],
            owner[first : first + step],
        )
    return owner, nearest


def test_a_nearer_triangle_hides_a_farther_one_in_either_order():
    points = [(2, 2, 1), (28, 2, 1), (2, 28, 1), (2, 2, 2), (28, 2, 2), (2, 28, 2)]
    for order in ([(0, 1, 2), (3, 4, 5)], [(3, 4, 5), (0, 1, 2)]):
        owner, nearest = draw(points, order, 32, 32)
        near = order.index((3, 4, 5))
        assert set(np.unique(owner)) == {-1, near}
        assert np.all(nearest[owner == near] == 2)


def test_triangles_that_share_edges_cover_every_sample_exactly_once(rng):
    # A fan around a point in the square: each triangle drawn alone covers its own samples.
    corners = np.array([(3.3, 2.1), (29.7, 3.9), (28.2, 30.6), (1.4, 27.5)])
    for _ in range(20):
        middle = rng.uniform(8, 22, 2)
        points = [(*p, 1) for p in [*corners, middle]]
        covered = np.zeros((32, 32), int)
        for i in range(4):
            owner, _ = draw(points, [(i, (i + 1) % 4, 4)], 32, 32)
            covered += owner == 0
        whole = np.zeros((32, 32), int)
        for triangle in [(0, 1, 2), (0, 2, 3)]:
            whole += draw(points, [triangle], 32, 32)[0] == 0
        assert covered.max() == 1
        np.testing.assert_array_equal(covered, whole)


def test_winding_and_start_vertex_do_not_change_what_is_covered(rng):
    points = [(*p, 1) for p in rng.uniform(0, 32, (3, 2))]
    ways = [draw(points, [w], 32, 32)[0] for w in [(0, 1, 2), (1, 2, 0), (2, 1, 0), (0, 2, 1)]]
    for other in ways[1:]:
        np.testing.assert_array_equal(ways[0], other)


def test_bands_do_not_change_the_samples(rng):
    points = np.concatenate([rng.uniform(-8, 40, (60, 2)), rng.uniform(0.5, 2, (60, 1))], 1)
    triangles = rng.permutation(60).reshape(20, 3)
    once, four = draw(points, triangles, 32, 32), draw(points, triangles, 32, 32, bands=4)
    np.testing.assert_array_equal(once[0], four[0])
    np.testing.assert_array_equal(once[1], four[1])


def test_a_right_triangle_covers_half_its_square():
    owner, _ = draw([(0, 0, 1), (200, 0, 1), (0, 200, 1)], [(0, 1, 2)], 200, 200)
    np.testing.assert_allclose((owner == 0).sum(), 20_000, rtol=0.006)


def test_vertices_far_outside_and_behind_do_no_harm():
    owner, _ = draw([(-1e7, -1e7, 1), (1e7, -1e7, 1), (0, 3e7, 1)], [(0, 1, 2)], 16, 16)
    assert np.all(owner == 0)
    owner, _ = draw([(0, 0, 1), (16, 0, 0), (0, 16, 1)], [(0, 1, 2)], 16, 16)
    assert np.all(owner == -1)


def test_the_back_of_a_triangle_is_left_out_when_asked():
    points = [(1, 1, 1), (1, 14, 1), (14, 1, 1)]
    assert np.any(draw(points, [(0, 1, 2)], 16, 16, n_closed=1)[0] == 0)
    assert np.all(draw(points, [(0, 2, 1)], 16, 16, n_closed=1)[0] == -1)


def test_normals_of_a_sphere_point_away_from_its_centre(ball):
    normals = np.empty_like(ball.neutral)
    raster_kernels.vertex_normals(ball.neutral, ball.triangles, normals)
    outward = ball.neutral / np.linalg.norm(ball.neutral, axis=1, keepdims=True)
    assert np.sum(normals * outward, 1).min() > 0.999
