from dataclasses import replace

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Motion
from visemic.rig.head import build_head
from visemic.rig.head_arch import LOWER, UPPER
from visemic.rig.head_tongue import EXTRA
from visemic.rig.linear import Corrective, Rig, add_correctives, pose, pose_motion
from visemic.rig.readout import READOUT_LANDMARKS, fit_readouts, readout_index

SEALED = (
    "mouthPucker",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthSmile",
    "mouthFrown",
    "mouthDimple",
    "mouthStretch",
    "mouthPress",
    "mouthLeft",
    "cheekPuff",
)


@pytest.fixture(scope="module")
def head() -> Rig:
    return build_head()


def weights(head: Rig, **values: float) -> np.ndarray:
    out = np.zeros((1, len(head.layout)), np.float32)
    for name, value in values.items():
        for channel in (name,) if name in head.layout else (name + "Left", name + "Right"):
            out[0, head.layout.index(channel)] = value
    return out


def posed(head: Rig, **values: float) -> np.ndarray:
    return pose_motion(head, Motion(weights(head, **values), head.layout, Rate.of(30))).vertices[0]


def material(head: Rig, name: str) -> np.ndarray:
    group = next(g for g in head.groups if g.material.name == name)
    return np.unique(head.triangles[group.start : group.stop])


def facing(head: Rig) -> np.ndarray:
    """Give upper and lower vertices that touch across the line of the lips."""
    from scipy.spatial import cKDTree

    lips = np.flatnonzero(head.regions["lips"] > 0)
    points = head.neutral[lips]
    found = cKDTree(points).query_pairs(0.00012, output_type="ndarray")
    apart = np.abs(points[found[:, 0]] - points[found[:, 1]])
    found = lips[found[(apart[:, 0] < 1e-7) & (apart[:, 2] < 1e-7)]]
    upper = head.neutral[found[:, 0], 1] > head.neutral[found[:, 1], 1]
    return np.where(upper[:, None], found, found[:, ::-1])


@pytest.mark.parametrize("name", SEALED)
def test_shapes_that_do_not_open_the_mouth_keep_it_sealed_along_the_whole_line(head: Rig, name: str) -> None:
    pairs, points = facing(head), posed(head, **{name: 1.0})
    gap_m = points[pairs[:, 0], 1] - points[pairs[:, 1], 1]
    assert gap_m.max() <= 0.2e-3
    assert gap_m.min() >= -0.7e-3


def test_the_upper_incisors_stand_close_behind_the_lip_and_below_its_edge(head: Rig) -> None:
    lip, edge = (head.neutral[head.landmark(n)] for n in ("upper_lip_inner", "upper_incisor_edge"))
    assert 1e-3 <= lip[1] - edge[1] <= 3e-3
    assert 2.5 <= fit_readouts(head).rest_mm[readout_index("labiodental_depth")] <= 4.0


def test_the_arches_are_as_wide_as_an_adults() -> None:
    for arch, canines_mm, molars_mm in ((UPPER, (31, 42), (52, 62)), (LOWER, (24, 36), (48, 58))):
        place, normal = arch.at(np.array([0.0, 1.9, 4.6]))
        assert place[0] == pytest.approx([0.0, arch.front], abs=1e-6)
        assert np.linalg.norm(normal, axis=1) == pytest.approx(1.0)
        assert canines_mm[0] <= 20 * place[1, 0] <= canines_mm[1]
        assert molars_mm[0] <= 20 * place[2, 0] <= molars_mm[1]


def test_a_wall_around_an_arch_keeps_its_distance_and_its_inside_narrows_forwards() -> None:
    assert UPPER.wall(np.array([0.0]), 0.3)[0] == pytest.approx(UPPER.front + 0.3, abs=1e-3)
    assert (np.diff(UPPER.wall(np.linspace(0, 2.5, 20), 0.3)) < 0).all()
    assert (np.diff(LOWER.inner_width(np.linspace(5.0, 7.0, 20), 1.0)) <= 0).all()


@pytest.mark.parametrize("name", [*SEALED, "mouthFunnel", "mouthUpperUp", "jawOpen", "mouthShrugUpper"])
def test_the_inside_of_the_lips_stays_in_front_of_the_upper_teeth(head: Rig, name: str) -> None:
    points = 100 * posed(head, **{name: 1.0})[head.regions["lips"] > 0].astype(float)
    edge_y = 100 * head.neutral[head.landmark("upper_incisor_edge"), 1]
    beside = points[(points[:, 1] > edge_y + 0.05) & (np.abs(points[:, 0]) < 2.4)]
    assert len(beside) > 50
    assert (beside[:, 2] > UPPER.wall(np.abs(beside[:, 0]), 0.04)).all()


def test_rounding_brings_the_corners_in_and_forward(head: Rig) -> None:
    corner = head.landmark("mouth_corner_left")
    for name in ("mouthPucker", "mouthFunnel"):
        x, _, z = head.offsets[head.layout.index(name), corner]
        assert x < -0.004
        assert z > 0.004


def test_correctives_of_round_lips_leave_every_read_out_alone(head: Rig) -> None:
    marks = [head.landmark(name) for name in READOUT_LANDMARKS]
    assert head.correctives
    for extra in head.correctives:
        assert set(extra.drivers) <= set(ARKIT_52)
        assert not np.abs(extra.offsets[np.isin(extra.vertices, marks)]).max(initial=0.0) > 2e-4


def test_a_puckered_mouth_opens_in_the_middle_more_than_at_the_sides(head: Rig) -> None:
    mix = {"mouthPucker": 0.65, "jawOpen": 0.1}
    plain = pose(head.neutral, head.offsets, weights(head, **mix))[0]
    round_lips, pairs = posed(head, **mix), facing(head)
    aside = pairs[np.abs(head.neutral[pairs[:, 0], 0]) > 0.019]
    narrow, wide = (np.mean(p[aside[:, 0], 1] - p[aside[:, 1], 1]) for p in (round_lips, plain))
    assert narrow < 0.4 * wide


def test_a_corrective_counts_the_product_of_its_drivers_shares(head: Rig) -> None:
    extra = Corrective(
        "x", ("jawOpen", "mouthPucker"), (1.0, 0.5), np.array([3]), np.ones((1, 3), np.float32)
    )
    rig = replace(head, correctives=(extra, replace(extra, drivers=("jawOpen", "nothing"))))
    for mix, share in (
        ({"jawOpen": 0.4}, 0.0),
        ({"jawOpen": 0.4, "mouthPucker": 0.25}, 0.2),
        ({"jawOpen": 0.4, "mouthPucker": 1.0}, 0.4),
        ({"jawOpen": -0.4, "mouthPucker": 1.0}, 0.0),
    ):
        vertices = np.zeros((1, head.n_vertices, 3), np.float32)
        add_correctives(rig, weights(head, **mix), vertices)
        assert vertices[0, 3] == pytest.approx(share, abs=1e-6)
        assert not np.delete(vertices[0], 3, axis=0).any()


def test_tongue_out_parts_the_teeth_and_passes_between_them(head: Rig) -> None:
    points, tongue = posed(head, tongueOut=1.0), material(head, "tongue")
    upper, lower = (points[head.landmark(f"{side}_incisor_edge")] for side in ("upper", "lower"))
    assert upper[1] - lower[1] > 0.005
    between = points[tongue][np.abs(points[tongue, 2] - 0.080) < 0.003]
    assert len(between) > 10
    assert between[:, 1].max() < upper[1]
    assert between[:, 1].min() > lower[1] - 0.001


def test_extra_shapes_move_the_tongue_alone_and_come_after_arkit(head: Rig) -> None:
    assert head.layout.names == ARKIT_52.names + EXTRA
    tongue = material(head, "tongue")
    for name in EXTRA:
        moved = head.offsets[head.layout.index(name)]
        assert moved[tongue, 1].max() > 0.005
        assert not np.delete(moved, tongue, axis=0).any()


def test_teeth_come_in_twenty_four_closed_pieces(head: Rig) -> None:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    group = next(g for g in head.groups if g.material.name == "teeth")
    faces = head.triangles[group.start : group.stop]
    links = coo_matrix((np.ones(2 * len(faces)), (faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel())))
    _, label = connected_components(links, directed=False)
    assert len(set(label[np.unique(faces)])) == 24


def _crossings(head: Rig, pairs: list[tuple[str, dict[str, float]]]) -> dict[str, int]:
    from visemic.evaluation.head_intersection import measure_poses

    return {m.pose: m.n_wrong for m in measure_poses(head, dict(pairs))}


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_pocket_behind_a_corner_never_passes_through_itself(head: Rig, strength: float) -> None:
    poses = [
        ("frown", {"mouthFrown": strength}),
        ("close", {"jawOpen": strength, "mouthClose": strength}),
        ("kiss", {"jawOpen": strength, "mouthPucker": strength}),
    ]
    assert set(_crossings(head, poses).values()) == {0}


@pytest.mark.slow
def test_the_red_of_a_puckered_mouth_goes_round_its_corners_without_a_fold(head: Rig) -> None:
    from visemic.evaluation.head_additive import measure_shapes

    poses = {f"{w}": {"mouthPucker": w, "jawOpen": 0.06} for w in (0.4, 0.8, 1.0)}
    assert [shape.n_folds for shape in measure_shapes(head, poses)] == [0, 0, 0]


def test_raised_tongues_are_posed_with_the_phones_that_raise_them(head: Rig) -> None:
    from visemic.evaluation.head_intersection import check_poses
    from visemic.motion.tongue import HEIGHTS

    poses = check_poses(head)
    assert all(poses[f"phone {phone}"][name] == height for phone, (name, height) in HEIGHTS.items())
