"""The checks of a head on a toy whose answers are known: plates for lids and lips, balls for eyes."""

from dataclasses import replace

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import LayoutError
from visemic.core.layout import EYE_LOOK_PITCH_RAD, EYE_LOOK_YAW_RAD, Layout
from visemic.core.signals import Motion
from visemic.evaluation.head_additive import measure_shapes
from visemic.evaluation.head_eye import eye_openings
from visemic.evaluation.head_intersection import measure_poses
from visemic.evaluation.head_landmark import seam_pairs
from visemic.evaluation.head_mirror import mirror_partners, mirror_report, mirrored_name
from visemic.evaluation.head_surface import posed, sort_surface, vertex_names
from visemic.rig.linear import Joint, Material, MaterialGroup, Rig, joint_angles

SHAPES = (
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookOutLeft",
    "eyeLookDownRight",
    "jawOpen",
    "mouthShrugLower",
    "tongueOut",
    "mouthPucker",
)


def plate(x, y, z, columns=13, rows=5):
    """A flat grid that faces forwards, millimetres; rows go down."""
    across, down = np.meshgrid(np.linspace(*x, columns), np.linspace(*y, rows))
    points = np.stack([across, down, np.full_like(across, z)], -1).reshape(-1, 3)
    index = np.arange(len(points)).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    return points, np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    )


def ball(centre, radius, rings=10, columns=16):
    """A closed ball with outward triangles, millimetres; it bulges a little forwards."""
    theta, phi = np.pi * np.arange(1, rings) / rings, 2 * np.pi * np.arange(columns) / columns
    ring = np.stack(
        [
            np.sin(theta)[:, None] * np.cos(phi),
            np.sin(theta)[:, None] * np.sin(phi),
            np.repeat(np.cos(theta)[:, None], columns, 1),
        ],
        -1,
    ).reshape(-1, 3)
    points = np.concatenate([[[0.0, 0.0, 1.0]], ring, [[0.0, 0.0, -1.0]]]) * radius + centre
    index = 1 + np.arange(len(ring)).reshape(-1, columns)
    right = np.roll(index, -1, axis=1)
    top = np.stack([np.zeros(columns, int), index[0], right[0]], -1)
    bottom = np.stack([np.full(columns, len(points) - 1), right[-1], index[-1]], -1)
    a, b, c, d = index[:-1], index[1:], right[1:], right[:-1]
    sheets = [top, bottom, np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    return points, np.concatenate(sheets)


@pytest.fixture
def toy() -> Rig:
    parts = {
        "skin": [plate((-60, 60), (40, 5), 13.0), plate((-60, 60), (-5, -40), 13.0, rows=4)],
        "lips": [plate((-24, 24), (-44, -50), 13.0), plate((-24, 24), (-50, -56), 13.0)],
        "tongue": [ball([0.0, -53.0, 5.0], 4.0)],
        "sclera": [ball([32.0, 0.0, 0.0], 12.0), ball([-32.0, 0.0, 0.0], 12.0)],
        "hair": [plate((-60, 60), (45, 35), 14.0)],
    }
    points, triangles, groups, spans, at = [], [], [], {}, 0
    for name, pieces in parts.items():
        first = sum(map(len, triangles))
        for number, (place, faces) in enumerate(pieces):
            spans[name, number] = slice(at, at + len(place))
            points.append(place)
            triangles.append(faces + at)
            at += len(place)
        groups.append(MaterialGroup(Material(name, (1.0, 1.0, 1.0)), first, sum(map(len, triangles))))
    neutral = np.concatenate(points)
    offsets = np.zeros((len(SHAPES), at, 3))
    upper = spans["skin", 0]
    for shape, sign in (("eyeBlinkLeft", 1), ("eyeBlinkRight", -1)):
        offsets[SHAPES.index(shape), upper, 1] = -10.0 * (sign * neutral[upper, 0] > 5)
    offsets[SHAPES.index("jawOpen"), spans["lips", 1], 1] = -20.0
    offsets[SHAPES.index("mouthShrugLower"), spans["lips", 1], 1] = 3.0
    offsets[SHAPES.index("tongueOut"), spans["tongue", 0], 2] = 5.0
    offsets[SHAPES.index("mouthPucker"), spans["lips", 0], 0] = -0.75 * neutral[spans["lips", 0], 0]
    lips = spans["lips", 0].start
    joints = tuple(
        Joint(side, (x / 1_000, 0.0, 0.0), (f"{side}Yaw", f"{side}Pitch", f"{side}Roll"))
        for side, x in (("leftEye", 32.0), ("rightEye", -32.0))
    )
    eye = np.full(at, -1)
    eye[spans["sclera", 0]], eye[spans["sclera", 1]] = 0, 1
    return Rig(
        name="toy",
        neutral=(neutral / 1_000).astype(np.float32),
        triangles=np.concatenate(triangles).astype(np.int32),
        layout=Layout("toy", SHAPES),
        offsets=(offsets / 1_000).astype(np.float32),
        groups=tuple(groups),
        landmarks={"upper_lip_front": lips + 6, "lower_lip_front": spans["lips", 1].stop - 7},
        eyes=joints,
        eye_of_vertex=eye,
    )


def meeting(rig, weights, *parts, pose="pose"):
    for found in measure_poses(rig, {pose: weights})[0].meetings:
        if set(found.parts) == set(parts):
            return found
    return None


def test_parts_are_told_apart_by_group_shell_and_landmark(toy):
    surface = sort_surface(toy)
    assert {"upper lip", "lower lip", "tongue", "eyeball", "hair", "skin"} <= set(surface.parts)
    upper = toy.neutral[surface.vertices_of(toy, "upper lip"), 1]
    lower = toy.neutral[surface.vertices_of(toy, "lower lip"), 1]
    assert upper.min() >= lower.max() - 1e-6
    assert surface.triangles_of("gums").size == 0


def test_vertices_in_one_place_share_a_name_only_when_they_move_alike(toy):
    names = vertex_names(toy)
    seam = np.flatnonzero(np.abs(toy.neutral[:, 1] + 0.050) < 1e-6)
    seam = seam[np.abs(toy.neutral[seam, 2] - 0.013) < 1e-6]
    assert len(set(names[seam].tolist())) == len(seam)
    still = replace(toy, offsets=np.zeros_like(toy.offsets))
    assert len(set(vertex_names(still)[seam].tolist())) == len(seam) // 2


def test_looking_turns_the_eyes_as_motion_does(toy):
    values = np.zeros((1, len(toy.layout)), np.float32)
    values[0, toy.layout.index("eyeLookOutLeft")] = 1.0
    values[0, toy.layout.index("eyeLookDownRight")] = 0.5
    left, right = (joint_angles(Motion(values, toy.layout, Rate.of(30)), eye)[:2, 0] for eye in toy.eyes)
    assert left == pytest.approx((EYE_LOOK_YAW_RAD, 0.0))
    assert right == pytest.approx((0.0, EYE_LOOK_PITCH_RAD / 2))
    front = np.argmax(toy.neutral[:, 2] * (toy.eye_of_vertex == 0))
    assert posed(toy, {"eyeLookOutLeft": 1.0})[front, 0] > toy.neutral[front, 0] + 0.004


def test_a_shape_without_its_side_moves_both(toy):
    both = posed(toy, {"eyeBlink": 0.5})
    one_by_one = posed(toy, {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5})
    np.testing.assert_array_equal(both, one_by_one)
    with pytest.raises(LayoutError, match="eyeSquintLeft"):
        posed(toy, {"eyeSquint": 1.0})


def test_a_head_at_rest_passes_through_nothing(toy):
    assert measure_poses(toy, {"rest": {}})[0].n_wrong == 0


def test_a_tongue_through_a_lip_is_found_with_its_depth(toy):
    found = meeting(toy, {"tongueOut": 1.0}, "tongue", "lower lip")
    assert found is not None
    assert found.kind == "wrong"
    # The tongue's tip stands at 5 + 4 + 5 mm and the lip at 13: 1 mm through.
    assert found.depth_mm == pytest.approx(1.0, abs=0.15)
    assert found.place_mm[2] == pytest.approx(13.5, abs=1.0)


def test_an_eye_may_be_in_anything_behind_its_centre_only(toy):
    skin = sort_surface(toy).vertices_of(toy, "skin")
    behind, ahead = toy.neutral.copy(), toy.neutral.copy()
    behind[skin, 1], behind[skin, 2] = -0.004, -toy.neutral[skin, 1]
    ahead[skin, 2] = 0.010
    ahead[skin, 1] *= 0.5
    kinds = {m.kind for m in measure_poses(replace(toy, neutral=behind), {"rest": {}})[0].meetings}
    assert kinds == {"rooted"}
    assert measure_poses(replace(toy, neutral=ahead), {"rest": {}})[0].n_wrong > 0


def test_soft_contacts_hold_for_their_phones_and_to_their_depth(toy):
    def tilted(depth_mm):
        offsets = toy.offsets.copy()
        shape = toy.layout.index("mouthShrugLower")
        lower = sort_surface(toy).vertices_of(toy, "lower lip")
        y = toy.neutral[lower, 1]
        # Rows of the lower lip at its top go up behind the upper lip and through it.
        top = (y > -0.052).astype(float)
        offsets[shape, lower] = 0.0
        offsets[shape, lower, 1] = 0.003 * top
        offsets[shape, lower, 2] = 1e-3 * depth_mm * np.where(y > -0.0505, 1.0, -1.0) * top
        return replace(toy, offsets=offsets)

    pressed, deep = tilted(0.2), tilted(1.5)
    weights = {"mouthShrugLower": 1.0}
    assert meeting(pressed, weights, "upper lip", "lower lip", pose="phone B").kind == "soft"
    assert meeting(pressed, weights, "upper lip", "lower lip", pose="phone S").kind == "wrong"
    assert meeting(deep, weights, "upper lip", "lower lip", pose="phone B").kind == "wrong"


def test_mirroring_is_exact_for_a_mirrored_head_and_measured_for_another(toy):
    report = mirror_report(toy)
    assert report.neutral_mm < 1e-5
    assert max(v for n, v in report.shapes_mm.items() if not n.startswith("eyeLook")) < 1e-5
    offsets = toy.offsets.copy()
    number = int(np.argmax(toy.offsets[toy.layout.index("jawOpen"), :, 1] < 0))
    offsets[toy.layout.index("jawOpen"), number, 2] += 0.002
    off = mirror_report(replace(toy, offsets=offsets))
    assert off.worst_shape == "jawOpen"
    assert off.worst_mm == pytest.approx(2.0, abs=1e-4)
    neutral = toy.neutral.copy()
    neutral[np.argmax(neutral[:, 0]), 1] += 0.0005
    assert mirror_report(replace(toy, neutral=neutral)).neutral_mm == pytest.approx(0.5, abs=1e-3)


def test_partners_of_touching_lips_stay_on_their_lip(toy):
    partner = mirror_partners(toy)
    lower = sort_surface(toy).vertices_of(toy, "lower lip")
    assert set(partner[lower].tolist()) == set(lower.tolist())
    np.testing.assert_array_equal(partner[partner], np.arange(toy.n_vertices))


@pytest.mark.parametrize(
    ("name", "other"),
    [("mouthLeft", "mouthRight"), ("eyeLookInRight", "eyeLookInLeft"), ("jawOpen", "jawOpen")],
)
def test_the_other_side_of_a_shape(name, other):
    assert mirrored_name(name) == other


@pytest.mark.parametrize(("weight", "height_mm"), [(0.0, 10.0), (0.5, 5.0), (1.0, 0.0)])
def test_the_seen_height_of_an_eye_is_the_gap_between_its_lids(toy, weight, height_mm):
    openings = eye_openings(toy, sort_surface(toy), posed(toy, {"eyeBlinkLeft": weight}))
    assert openings[0].height_mm == pytest.approx(height_mm, abs=0.21)
    assert openings[1].height_mm == pytest.approx(10.0, abs=0.21)
    # A band of a disc of 12 mm: the area between two heights of a circle.
    top, low = 5.0 - 10.0 * weight, -5.0
    y = np.linspace(low, top, 1_000)
    area = (top - low) * np.mean(2 * np.sqrt(144.0 - y * y))
    assert openings[0].area_mm2 == pytest.approx(area, rel=0.05, abs=1.0)


def test_the_order_of_the_lips_is_the_height_of_one_over_the_other(toy):
    assert len(seam_pairs(toy, sort_surface(toy))) == 13
    poses = {"rest": {}, "open": {"jawOpen": 0.5}, "passed": {"mouthShrugLower": 1.0}}
    rest, opened, passed = (s.lip_order_mm for s in measure_shapes(toy, poses))
    assert [rest, opened, passed] == pytest.approx([0.0, 10.0, -3.0], abs=1e-4)


def test_stretch_is_the_ratio_of_lengths(toy):
    rest, puckered = measure_shapes(toy, {"rest": {}, "pucker": {"mouthPucker": 1.0}})
    assert (rest.longest, rest.shortest, rest.n_stretched) == pytest.approx((1.0, 1.0, 0))
    assert puckered.shortest == pytest.approx(0.25, abs=1e-3)
    assert puckered.n_stretched > 0


def test_a_fold_is_counted_and_a_bend_is_not(toy):
    def turned(degrees):
        """Turn the upper lid's lower edge back over itself about its second row from below."""
        offsets = toy.offsets.copy()
        lid = np.flatnonzero(np.abs(toy.neutral[:, 1] - 0.005) < 1e-6)
        radius = 0.00875
        angle = np.deg2rad(degrees)
        offsets[toy.layout.index("eyeBlinkLeft")] = 0.0
        offsets[toy.layout.index("eyeBlinkLeft"), lid, 1] = radius * (1 - np.cos(angle))
        offsets[toy.layout.index("eyeBlinkLeft"), lid, 2] = radius * np.sin(angle)
        return measure_shapes(replace(toy, offsets=offsets), {"fold": {"eyeBlinkLeft": 1.0}})[0]

    assert turned(90).n_folds == 0
    assert (turned(170).n_folds, turned(170).n_hidden_folds) == (12, 0)
    assert (turned(-170).n_folds, turned(-170).n_hidden_folds) == (12, 0)
