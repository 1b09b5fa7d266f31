"""The checks of a head on the built-in one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visemic.core.errors import RigError
from visemic.evaluation.head_intersection import COMBINATIONS, Meeting, PoseMeetings, check_poses
from visemic.evaluation.head_landmark import landmarks68
from visemic.evaluation.head_mouth_view import INNER, LEAST_MM2, SEALED_MM2, MouthView, measure_views
from visemic.evaluation.head_proportion import RANGES, Proportion, measure_proportions
from visemic.evaluation.head_report import (
    PARTNERS_68,
    HeadReport,
    landmark_report,
    missed_targets,
    report_head,
    report_values,
)
from visemic.evaluation.head_surface import ROOTED, sort_surface
from visemic.rig.linear import Rig
from visemic.rig.registry import load_rig
from visemic.text.visemes import phone_table


@pytest.fixture(scope="module")
def head() -> Rig:
    return load_rig("visemic")


@pytest.fixture(scope="module")
def report(head: Rig) -> HeadReport:
    poses = {"rest": {}, "eyeBlink+eyeSquint": COMBINATIONS["eyeBlink+eyeSquint"]}
    return report_head(head, poses)


@pytest.fixture(scope="module")
def points(head: Rig) -> np.ndarray:
    return head.neutral[landmarks68(head)] * 1_000


def test_the_parts_of_the_head_are_known(head):
    assert {
        *("skin", "lid", "upper lip", "lower lip", "mouth cavity", "upper teeth", "lower teeth"),
        *("upper gums", "lower gums", "tongue", "eyeball", "brow", "lash", "hair"),
    } <= set(sort_surface(head).parts)


def test_parts_that_may_be_in_each_other_are_named_as_parts_are():
    known = {"skin", "lid", "mouth cavity", "tongue", "brow", "lash", "hair", "ear"}
    known |= {f"{arch} {kind}" for arch in ("upper", "lower") for kind in ("teeth", "roots", "gums")}
    assert {part for pair in ROOTED for part in pair} <= known


def test_every_shape_every_phone_and_every_sum_is_a_pose(head):
    poses = check_poses(head)
    assert set(head.layout.names) <= set(poses)
    assert {f"phone {phone}" for phone in phone_table().weights} <= set(poses)
    assert set(COMBINATIONS) <= set(poses)
    assert poses["mouthClose"] == {"mouthClose": 1.0, "jawOpen": 1.0}
    assert poses["rest"] == {}


def test_the_partners_of_the_68_are_each_others(head):
    partner = np.array(PARTNERS_68)
    assert sorted(PARTNERS_68) == list(range(68))
    np.testing.assert_array_equal(partner[partner], np.arange(68))


def test_the_68_are_distinct_and_mirror_each_other(head):
    found = landmark_report(head)
    assert found.n_distinct == 68
    assert found.asymmetry_mm < 1.0


def test_the_68_run_from_the_heads_right_to_its_left(points):
    for run in (range(17), range(17, 27), (31, 32, 33, 34, 35), range(48, 55), range(60, 65)):
        assert np.all(np.diff(points[list(run), 0]) > 0), list(run)
    for run in ((36, 37, 38, 39), (42, 43, 44, 45)):
        assert np.all(np.diff(points[list(run), 0]) > 0), run


def test_the_68_stand_above_each_other_as_in_a_face(points):
    y = points[:, 1]
    assert y[17:27].min() > y[36:48].max()
    assert np.all(np.diff(y[27:31]) < 0)
    assert y[33] < y[30] + 3
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46), (51, 57), (50, 58), (52, 56)):
        assert y[upper] > y[lower]
    assert y[51] > y[62] >= y[66] > y[57] > y[8]
    assert y[8] <= y[:17].min() + 3
    assert points[30, 2] == points[:, 2].max()


def test_a_head_without_a_landmark_says_which(head):
    landmarks = {name: v for name, v in head.landmarks.items() if name != "chin"}
    with pytest.raises(RigError, match="chin"):
        landmarks68(replace(head, landmarks=landmarks))


def test_every_proportion_is_measured(head):
    assert {p.name for p in measure_proportions(head)} == set(RANGES)


def test_proportions_grow_with_the_head_and_ratios_do_not(head):
    before = {p.name: p.value for p in measure_proportions(head)}
    eyes = tuple(replace(e, pivot_m=tuple(1.05 * c for c in e.pivot_m)) for e in head.eyes)
    grown = replace(head, neutral=np.float32(1.05) * head.neutral, eyes=eyes)
    after = {p.name: p.value for p in measure_proportions(grown)}
    for name, value in before.items():
        expected = value if " / " in name or "third" in name else 1.05 * value
        assert after[name] == pytest.approx(expected, rel=0.02), name


def test_the_page_states_the_limits_that_are_used():
    page = (Path(__file__).parents[2] / "docs" / "head.md").read_text(encoding="utf-8")
    for name, (low, high, meaning) in RANGES.items():
        assert f"| {name} | {low:g} to {high:g} | {meaning} |" in page


def test_an_open_jaw_shows_the_mouth_and_sealed_lips_hide_it(head):
    rest, opened = measure_views(head, {"rest": {}, "open": {"jawOpen": 1.0}})
    assert rest.opening_mm2 < SEALED_MM2
    assert opened.opening_mm2 > 300
    assert min(opened.areas_mm2["tongue"], opened.areas_mm2["mouth cavity"]) > 0
    assert set(rest.areas_mm2) == set(INNER)
    assert {part for wanted in LEAST_MM2.values() for part, _ in wanted} <= set(INNER)


def test_a_report_is_plain_values(report):
    values = json.loads(json.dumps(report_values(report)))
    assert values["n_vertices"] == report.n_vertices
    assert len(values["landmarks"]["vertices"]) == 68
    assert [m["pose"] for m in values["meetings"]] == ["rest", "eyeBlink+eyeSquint"]
    assert values["missed"] == list(missed_targets(report))


def test_each_missed_target_is_named(report):
    clean = replace(
        report,
        meetings=(PoseMeetings("rest", ()),),
        shapes=(replace(report.shapes[0], pose="rest"),),
        views=(),
        proportions=(),
        mirror=replace(report.mirror, neutral_mm=0.0, shapes_mm={"jawOpen": 0.0}),
    )
    assert missed_targets(clean) == ()
    crossing = Meeting(("lower lip", "upper teeth"), "wrong", 7, 1.5, (0.0, 0.0, 0.0))
    shape = clean.shapes[0]
    cases = {
        "pass through themselves": replace(clean, meetings=(PoseMeetings("mouthClose", (crossing,)),)),
        "sides differ": replace(clean, mirror=replace(clean.mirror, neutral_mm=0.2)),
        "adults have": replace(clean, proportions=(Proportion("en-en", "", 50.0, 28.0, 38.0),)),
        "landmarks fall on": replace(clean, landmarks=replace(clean.landmarks, n_distinct=67)),
        "from mirroring": replace(clean, landmarks=replace(clean.landmarks, asymmetry_mm=3.0)),
        "of the eye open": replace(
            clean, shapes=(replace(shape, pose="eyeBlinkRight", eye_height_mm=(9.0, 0.5)),)
        ),
        "below the lower one": replace(clean, shapes=(replace(shape, pose="phone B", lip_order_mm=-0.9),)),
        "folds the skin": replace(clean, shapes=(replace(shape, pose="mouthSmile+jawOpen", n_folds=2),)),
        "at least 8 are wanted": replace(clean, views=(MouthView("phone TH", {"tongue": 3.0}),)),
        "of the mouth's inside": replace(clean, views=(MouthView("phone M", {"upper teeth": 9.0}),)),
        "bends the teeth": replace(clean, shapes=(replace(shape, teeth_strain=0.2),)),
    }
    for words, broken in cases.items():
        (sentence,) = missed_targets(broken)
        assert words in sentence


def test_one_closed_eye_leaves_the_other_open(report):
    shape = replace(report.shapes[0], pose="eyeBlinkLeft", eye_height_mm=(0.0, 9.0))
    assert missed_targets(replace(report, shapes=(shape,), meetings=(), proportions=(), views=())) == ()


def test_soft_and_rooted_meetings_are_no_fault():
    meetings = tuple(Meeting(("lash", "lid"), kind, 5, 1.0, (0.0, 0.0, 0.0)) for kind in ("soft", "rooted"))
    pose = PoseMeetings("phone B", meetings)
    assert (pose.n_wrong, pose.depth_wrong_mm) == (0, 0.0)
