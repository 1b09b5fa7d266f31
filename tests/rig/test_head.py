import itertools
from pathlib import Path

import numpy as np
import pytest

from visemic.core.layout import ARKIT_52
from visemic.rig.head import CHANNELS, build_head
from visemic.rig.linear import Rig, pose
from visemic.rig.readout import READOUT_LANDMARKS, fit_readouts, readout_index

FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
EXTRA_LANDMARKS = (
    "chin",
    "nose_tip",
    "nasion",
    "eye_left_inner",
    "eye_left_outer",
    "eye_right_inner",
    "eye_right_outer",
    "pupil_left",
    "pupil_right",
    "lid_upper_left",
    "lid_upper_right",
    "lid_lower_left",
    "lid_lower_right",
    "upper_lip_outer",
    "lower_lip_outer",
    "ear_left",
    "ear_right",
    "brow_inner_left",
    "brow_inner_right",
    "crown",
)


@pytest.fixture(scope="module")
def head() -> Rig:
    return build_head()


@pytest.fixture(scope="module")
def partner(head: Rig) -> np.ndarray:
    """Vertex on the other side, found by exact position; vertices in one place share offsets too."""
    key = {}
    signature = np.concatenate([head.neutral, _two_sided(head.offsets)], axis=1)
    for number, row in enumerate(signature + 0.0):
        key.setdefault(row.tobytes(), number)
    mirrored = np.concatenate([head.neutral * FLIP, _two_sided(_swapped(head.offsets) * FLIP)], axis=1) + 0.0
    return np.array([key.get(row.tobytes(), -1) for row in mirrored])


def _swapped(offsets: np.ndarray) -> np.ndarray:
    order = []
    for name in CHANNELS:
        twin = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        order.append(CHANNELS.index(twin))
    return offsets[order]


def _two_sided(offsets: np.ndarray) -> np.ndarray:
    return np.moveaxis(offsets, 0, 1).reshape(offsets.shape[1], -1)


def weights(**values: float) -> np.ndarray:
    out = np.zeros((1, len(CHANNELS)), np.float32)
    for name, value in values.items():
        for channel in (name,) if name in CHANNELS else (name + "Left", name + "Right"):
            out[0, CHANNELS.index(channel)] = value
    return out


def posed(head: Rig, **values: float) -> np.ndarray:
    return pose(head.neutral, head.offsets, weights(**values))[0]


def read(head: Rig, name: str, **values: float) -> float:
    return float(fit_readouts(head).measure_mm(weights(**values))[0, readout_index(name)])


def test_the_head_is_finite_in_metres_and_of_the_size_of_a_head(head: Rig) -> None:
    assert np.isfinite(head.neutral).all()
    assert np.isfinite(head.offsets).all()
    assert 10_000 <= head.n_vertices <= 25_000
    assert 0.25 < np.ptp(head.neutral[:, 1]) < 0.45
    assert head.layout.names[:52] == ARKIT_52.names
    assert all(name.startswith("tongue") for name in head.layout.names[52:])


def test_groups_cover_all_triangles_in_order(head: Rig) -> None:
    edges = [(g.start, g.stop) for g in head.groups]
    assert edges[0][0] == 0
    assert edges[-1][1] == len(head.triangles)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))
    names = {g.material.name for g in head.groups}
    assert {
        "skin",
        "lips",
        "teeth",
        "gums",
        "tongue",
        "mouth_cavity",
        "sclera",
        "iris",
        "pupil",
        "brow",
        "lash",
    } <= names


def test_every_vertex_is_used_and_no_triangle_is_collapsed(head: Rig) -> None:
    assert set(np.unique(head.triangles)) == set(range(head.n_vertices))
    corners = head.neutral[head.triangles].astype(float)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    assert area.min() > 1e-12


def test_every_edge_runs_both_ways_so_that_triangles_agree_on_outside(head: Rig) -> None:
    directed = np.concatenate(
        [head.triangles[:, [0, 1]], head.triangles[:, [1, 2]], head.triangles[:, [2, 0]]]
    )
    assert len(np.unique(directed, axis=0)) == len(directed)


def test_the_skin_faces_outwards(head: Rig) -> None:
    for name, direction in (("nose_tip", [0, 0, 1]), ("chin", [0, 0, 1]), ("crown", [0, 1, 0])):
        mine = head.triangles[np.any(head.triangles == head.landmark(name), axis=1)]
        corners = head.neutral[mine]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).sum(0)
        assert normal @ np.array(direction) > 0


def test_landmarks_are_named_and_in_their_places(head: Rig) -> None:
    assert set(READOUT_LANDMARKS) | set(EXTRA_LANDMARKS) <= set(head.landmarks)
    place = {name: head.neutral[vertex] * 1_000 for name, vertex in head.landmarks.items()}
    assert place["nasion"][1] - place["chin"][1] > 90
    assert 60 < place["pupil_left"][0] - place["pupil_right"][0] < 66
    assert place["nose_tip"][2] > place["nasion"][2] + 15
    assert place["crown"][1] > place["nasion"][1] + 90
    for side, sign in (("left", 1), ("right", -1)):
        assert sign * place[f"ear_{side}"][0] > 55
        assert place[f"lid_upper_{side}"][1] > place[f"lid_lower_{side}"][1] + 6


def test_masks_and_colours_lie_between_0_and_1(head: Rig) -> None:
    assert {"lips", "mouth", "upper_face", "eyelids", "lower_face", "skin"} <= set(head.regions)
    for mask in [*head.regions.values(), head.occlusion, head.head_follow, head.vertex_colours, head.uv]:
        assert mask.min() >= 0
        assert mask.max() <= 1
    assert head.head_follow[head.landmark("chin")] == 1.0
    assert head.head_follow.min() == 0.0


@pytest.mark.slow
def test_places_in_the_texture_do_not_overlap(head: Rig) -> None:
    corners = head.uv[head.triangles].astype(float)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    cells = 1_500
    # Every triangle covers the pixels in it; no pixel may be covered by two.
    owner = np.full((cells, cells), -1)
    clashes = 0
    for number in np.flatnonzero(area > 0.5 / cells**2):
        low = np.floor(corners[number].min(0) * cells).astype(int)
        high = np.ceil(corners[number].max(0) * cells).astype(int) + 1
        x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]), indexing="ij")
        inside = _inside(corners[number], (x + 0.5) / cells, (y + 0.5) / cells)
        block = owner[low[0] : high[0], low[1] : high[1]]
        inside = inside[: block.shape[0], : block.shape[1]]
        clashes += int(np.count_nonzero(block[inside] >= 0))
        block[inside] = number
    assert clashes <= 20


def _inside(corner: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    signs = []
    for one, two in ((0, 1), (1, 2), (2, 0)):
        (ax, ay), (bx, by) = corner[one], corner[two]
        signs.append((bx - ax) * (y - ay) - (by - ay) * (x - ax))
    return (np.stack(signs) > 1e-9).all(0) | (np.stack(signs) < -1e-9).all(0)


def test_the_neutral_and_all_shapes_are_exact_mirror_images(head: Rig, partner: np.ndarray) -> None:
    assert (partner >= 0).all()
    np.testing.assert_array_equal(partner[partner], np.arange(head.n_vertices))


def test_the_mouth_rests_sealed_with_an_overbite(head: Rig) -> None:
    assert 0.0 <= read(head, "lip_gap") <= 0.2
    assert -2.0 <= read(head, "incisor_gap") <= -0.3
    assert 48 <= read(head, "mouth_width") <= 54
    assert 3 <= read(head, "labiodental_depth") <= 7


def test_the_jaw_opens_lips_and_teeth_by_about_three_centimetres(head: Rig) -> None:
    slopes = fit_readouts(head)
    assert 29 <= slopes.slope_mm("jawOpen", "lip_gap") <= 35
    assert 26 <= slopes.slope_mm("jawOpen", "incisor_gap") <= 33


@pytest.mark.parametrize("weight", [0.05, 0.3, 1.0])
def test_mouth_close_undoes_jaw_open_along_the_whole_line_of_the_lips(head: Rig, weight: float) -> None:
    lips = np.flatnonzero(head.regions["lips"] > 0)
    rest, closed = head.neutral, posed(head, jawOpen=weight, mouthClose=weight)
    pairs = _facing(rest[lips])
    assert len(pairs) > 60
    gap = closed[lips[pairs[:, 0]], 1] - closed[lips[pairs[:, 1]], 1]
    assert gap.max() <= 0.2e-3
    assert gap.min() >= -0.3e-3
    chin = head.landmark("chin")
    assert rest[chin, 1] - closed[chin, 1] > 0.02 * weight


def _facing(points: np.ndarray) -> np.ndarray:
    """Give upper and lower vertices that touch across the line of the lips."""
    from scipy.spatial import cKDTree

    found = cKDTree(points).query_pairs(0.00012, output_type="ndarray")
    apart = np.abs(points[found[:, 0]] - points[found[:, 1]])
    found = found[(apart[:, 0] < 1e-7) & (apart[:, 2] < 1e-7)]
    upper = points[found[:, 0], 1] > points[found[:, 1], 1]
    return np.where(upper[:, None], found, found[:, ::-1])


def test_rolling_and_pressing_do_not_open_the_lips(head: Rig) -> None:
    slopes = fit_readouts(head)
    for channel in (
        "mouthRollLower",
        "mouthRollUpper",
        "mouthPressLeft",
        "mouthPressRight",
        "mouthShrugLower",
    ):
        assert slopes.slope_mm(channel, "lip_gap") <= 0


def test_each_lip_opens_by_six_to_seven_millimetres(head: Rig) -> None:
    for name in ("mouthLowerDown", "mouthUpperUp"):
        assert 6.0 <= read(head, "lip_gap", **{name: 1.0}) - read(head, "lip_gap") <= 7.3


def test_funnel_opens_and_pucker_only_narrows_and_pushes(head: Rig) -> None:
    slopes = fit_readouts(head)
    assert 12 <= slopes.slope_mm("mouthFunnel", "lip_gap") <= 16
    assert abs(slopes.slope_mm("mouthPucker", "lip_gap")) <= 0.5
    assert -19 <= slopes.slope_mm("mouthPucker", "mouth_width") <= -12
    assert 8 <= slopes.slope_mm("mouthPucker", "upper_lip_protrusion") <= 11


def test_the_lower_lip_reaches_the_upper_incisors_for_f(head: Rig) -> None:
    pose_of_f = {"jawOpen": 0.05, "mouthRollLower": 0.5, "mouthUpperUp": 0.2}
    assert read(head, "labiodental_gap", **pose_of_f) <= 0.0
    assert read(head, "labiodental_depth", **pose_of_f) <= 1.8


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_closes_the_lids_and_halfway_leaves_half(head: Rig, side: str) -> None:
    upper, lower = head.landmark(f"lid_upper_{side.lower()}"), head.landmark(f"lid_lower_{side.lower()}")

    def gap(weight: float) -> float:
        vertices = posed(head, **{f"eyeBlink{side}": weight})
        return float(vertices[upper, 1] - vertices[lower, 1])

    # The landmarks stand on the outer edges; the rounded margins between them touch.
    assert gap(1.0) <= 0.0012
    assert 0.35 < gap(0.5) / gap(0.0) < 0.65


def test_closed_lids_stay_in_front_of_the_eyeball(head: Rig) -> None:
    closed = posed(head, eyeBlink=1.0)
    lids = np.flatnonzero((head.regions["eyelids"] > 0.5) & (head.neutral[:, 0] > 0))
    radius = np.linalg.norm(
        head.neutral[head.eye_of_vertex == 0] - np.array(head.eyes[0].pivot_m), axis=1
    ).min()
    away = np.linalg.norm(closed[lids] - np.array(head.eyes[0].pivot_m), axis=1)
    assert away.min() >= radius - 1e-4


def test_no_shape_moves_the_eyeballs_or_the_upper_teeth(head: Rig) -> None:
    assert not head.offsets[:, head.eye_of_vertex >= 0].any()
    assert not head.offsets[:, head.landmark("upper_incisor_edge")].any()


def test_shapes_are_local(head: Rig) -> None:
    def moved(name: str) -> np.ndarray:
        return np.abs(head.offsets[CHANNELS.index(name)]).max(axis=1) > 2e-4

    eyes_up = head.neutral[:, 1] > 0.03
    assert not (moved("mouthRollLower") & eyes_up).any()
    assert not (moved("jawOpen") & eyes_up).any()
    assert not moved("browInnerUp")[head.landmark("chin")]
    assert not (moved("eyeBlinkLeft") & (head.neutral[:, 0] < 0)).any()
    assert all(moved(name).any() for name in CHANNELS)


def test_left_shapes_pull_to_the_left_and_eyes_sit_left_then_right(head: Rig) -> None:
    assert head.offsets[CHANNELS.index("mouthSmileLeft"), head.landmark("mouth_corner_left"), 0] > 0.005
    assert head.offsets[CHANNELS.index("jawLeft"), head.landmark("chin"), 0] > 0.005
    assert head.eyes[0].pivot_m[0] > 0 > head.eyes[1].pivot_m[0]
    assert head.eyes[0].rotation_channels == ("leftEyeYaw", "leftEyePitch", "leftEyeRoll")


def test_the_tongue_comes_out_past_the_lips(head: Rig) -> None:
    group = next(g for g in head.groups if g.material.name == "tongue")
    tongue = np.unique(head.triangles[group.start : group.stop])
    lips = head.neutral[head.regions["lips"] > 0, 2].max()
    assert head.neutral[tongue, 2].max() < lips - 0.01
    assert posed(head, tongueOut=1.0)[tongue, 2].max() > lips + 0.005


@pytest.mark.slow
def test_two_builds_give_the_same_bytes(head: Rig) -> None:
    again = build_head()
    for one, two in (
        (head.neutral, again.neutral),
        (head.offsets, again.offsets),
        (head.triangles, again.triangles),
    ):
        assert one.tobytes() == two.tobytes()
    assert head.landmarks == again.landmarks


def test_files_of_the_head_keep_the_house_limits() -> None:
    import visemic.rig.head as module

    for path in Path(module.__file__).parent.glob("head*.py"):
        assert len(path.read_text().splitlines()) <= 400, path.name
