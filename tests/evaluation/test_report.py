"""The report orders predictors as it must and writes what it measured."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, ClockError, FormatError, InputError, OutputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, MeshMotion, Motion, Phone, Topology, Waveform, Word
from visemic.data.recording import Recording
from visemic.evaluation.protocol import Mask, Protocol
from visemic.evaluation.report import evaluate_predictors
from visemic.evaluation.report_clip import Stage, pair_clip
from visemic.evaluation.report_file import write_report
from visemic.evaluation.report_markdown import report_markdown
from visemic.evaluation.report_predictor import borrowed_track, lenders, model_predictor
from visemic.evaluation.report_protocol import make_protocol
from visemic.rig.registry import load_rig

RATE = Rate.of(30)
WORDS = ("M AA P AH", "B IY M UW", "F AO S AA", "P EY V OW")


@pytest.fixture(scope="module")
def head():
    return load_rig("visemic")


def recording(number: int, head) -> Recording:
    """A clip of the rules at another articulation, so that the rules are near but not equal."""
    labels = WORDS[number % len(WORDS)].split() * 3
    rng = np.random.default_rng(number)
    edges = 0.2 + np.concatenate([[0.0], np.cumsum(rng.uniform(0.12, 0.3, len(labels)))])
    phones = [Phone("SIL", 0.0, 0.2)]
    phones += [Phone(p, *e) for p, e in zip(labels, itertools.pairwise(edges), strict=True)]
    duration_s = float(RATE.count(edges[-1] + 0.3) / RATE.hz)
    phones.append(Phone("SIL", phones[-1].end_s, duration_s))
    alignment = Alignment(tuple(phones), (), "", duration_s)
    times_s = np.arange(round(16_000 * duration_s)) / 16_000
    loud = sum(np.exp(-np.square((times_s - (p.start_s + p.end_s) / 2) / 0.06)) for p in phones[2:-1:2])
    sound = Waveform((0.2 * loud * rng.normal(size=len(times_s))).astype(np.float32), Rate.of(16_000))
    still = Motion(np.zeros((RATE.count(duration_s), len(ARKIT_61)), np.float32), ARKIT_61, RATE)
    names = (f"clip-{number}", f"speaker-{number % 2}", "test", "CC0-1.0", "made here", RATE)
    draft = Recording(*names, motion=still, waveform=sound, alignment=alignment)
    spoken = model_predictor("viseme-rules", head, number)(draft)
    gains = rng.uniform(0.85, 1.0, spoken.values.shape[1]).astype(np.float32)
    return Recording(
        *names,
        motion=Motion(spoken.values * gains, ARKIT_61, RATE),
        waveform=sound,
        alignment=alignment,
    )


@pytest.fixture(scope="module")
def clips(head):
    return [recording(n, head) for n in range(6)]


def late(clip: Recording) -> Motion:
    return Motion(np.roll(clip.motion.values, 5, axis=0), ARKIT_61, clip.rate)


def faint(clip: Recording) -> Motion:
    return Motion(clip.motion.values * np.float32(0.6), ARKIT_61, clip.rate)


@pytest.fixture(scope="module")
def report(clips, head):
    return evaluate_predictors({"late": late, "faint": faint}, clips, make_protocol(clips), head)


def mean(report, row, metric):
    return report.estimate(report.row(row), metric).mean


@pytest.mark.slow
def test_the_four_rows_are_always_there(report):
    assert [r.name for r in report.rows] == [
        "ground-truth",
        "permuted-track",
        "static-face",
        "rules",
        "late",
        "faint",
    ]
    assert not any(r.failures for r in report.rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    "metric", ["coefficient_l2", "landmark_distance", "lip_vertex_error_mm", "mouth_opening_difference_mm"]
)
def test_errors_are_zero_for_the_recording_and_large_for_another_track(report, metric):
    assert mean(report, "ground-truth", metric) == 0
    assert 0 < mean(report, "rules", metric) < 0.5 * mean(report, "permuted-track", metric)
    assert mean(report, "faint", metric) < mean(report, "permuted-track", metric)


@pytest.mark.slow
def test_the_rules_follow_the_recording_in_shape(report):
    rules, wrong = report.row("rules"), report.row("permuted-track")
    for name in ("incisor_gap", "lip_gap", "mouth_width"):
        pooled = f"{name}_correlation_pooled"
        assert rules.set_values[pooled] > 0.9 > wrong.set_values[pooled]
        assert mean(report, "rules", f"{name}_correlation") > 0.9
    assert math.isnan(mean(report, "static-face", "lip_gap_correlation"))


@pytest.mark.slow
def test_a_permuted_track_is_out_of_sync(report):
    true, wrong = (mean(report, r, "sync_distance_in_place") for r in ("ground-truth", "permuted-track"))
    assert true < wrong


@pytest.mark.slow
def test_faint_motion_is_seen_by_range_and_dynamics(report):
    assert mean(report, "faint", "range_ratio") == pytest.approx(0.6, rel=1e-4)
    assert mean(report, "faint", "jitter_ratio") == pytest.approx(0.6, rel=1e-4)
    assert mean(report, "faint", "face_dynamics_deviation_m2") > 0
    assert mean(report, "rules", "sealed_rate") == 1.0


@pytest.mark.slow
def test_the_rules_are_nearer_than_chance_as_a_set(report):
    kid = {r.name: r.set_values["kernel_distance"] for r in report.rows}
    assert kid["rules"] < kid["static-face"]


@pytest.mark.slow
def test_a_difference_is_tested_clip_by_clip(report):
    result = report.comparisons("coefficient_l2")["late", "rules"]
    assert result.n == 6
    assert result.difference > 0
    assert result.p_permutation == 2 / 64
    assert report.adjusted_p("coefficient_l2")["late", "rules"] == pytest.approx(3 * 2 / 64)


@pytest.mark.slow
def test_a_report_is_whole_on_disk_and_the_same_twice(report, clips, head, tmp_path):
    paths = write_report(report, tmp_path / "out", version="1")
    assert paths[-1].name == "report.json"
    data = json.loads(paths[-1].read_text())
    assert sorted([*data["files"], "report.json"]) == sorted(p.name for p in (tmp_path / "out").iterdir())
    assert data["rows"][0]["metrics"]["coefficient_l2"]["mean"] == 0
    again = evaluate_predictors({"late": late, "faint": faint}, clips, make_protocol(clips), head)
    assert report_markdown(again, "1", []) == report_markdown(report, "1", [])
    with pytest.raises(OutputError, match="exists"):
        write_report(report, tmp_path / "out", version="1")
    (tmp_path / "out" / "report.md").write_text("old")
    write_report(report, tmp_path / "out", version="1", overwrite=True)
    assert (tmp_path / "out" / "report.md").read_text().startswith("# Evaluation")


@pytest.mark.slow
def test_curves_are_blue_for_the_recording_and_orange_for_the_prediction(report, tmp_path):
    from xml.etree import ElementTree

    from visemic.evaluation.report_plot import PREDICTED, TARGET, curves_svg

    tree = ElementTree.fromstring(curves_svg(report.samples[0], "late"))
    lines = tree.findall("{http://www.w3.org/2000/svg}polyline")
    assert [line.get("stroke") for line in lines[2:]] == [TARGET, PREDICTED] * 4
    assert len(lines[2].get("points").split()) == len(report.samples[0].target)


def test_a_refused_clip_is_named_and_leaves_the_others(clips, head):
    def picky(clip: Recording) -> Motion:
        if clip.clip_id == "clip-2":
            raise InputError("no such sound")
        return faint(clip)

    protocol = make_protocol(clips, metrics=("coefficient_l2",))
    report = evaluate_predictors({"picky": picky}, clips, protocol, head)
    assert report.row("picky").failures == {"clip-2": "no such sound"}
    assert report.estimate(report.row("picky"), "coefficient_l2").n == 5
    assert "no such sound" in report_markdown(report, "1", [])


def mesh_clip(number: int) -> Recording:
    rng = np.random.default_rng(number)
    neutral = rng.normal(0, 0.05, (12, 3)).astype(np.float32)
    vertices = (neutral + rng.normal(0, 0.002, (60, 12, 3))).astype(np.float32)
    mesh = MeshMotion(vertices, Topology("twelve", np.array([[0, 1, 2]])), RATE)
    return Recording(f"m{number}", "s", "test", "CC0-1.0", "made here", RATE, mesh=mesh, neutral=neutral)


def test_a_mesh_corpus_is_measured_by_the_masks_of_its_protocol(head):
    clips = [mesh_clip(n) for n in range(3)]
    masks = (Mask("lips", "twelve", (0, 1, 2)), Mask("upper_face", "twelve", (5, 6)))
    protocol = Protocol(
        "mesh",
        tuple(c.clip_id for c in clips),
        "test",
        ("lip_vertex_error_m2", "mean_vertex_error_mm", "landmark_distance", "face_dynamics_deviation_m2"),
        masks=masks,
    )

    def raised(clip: Recording) -> MeshMotion:
        vertices = clip.mesh.vertices.copy()
        vertices[:, 1, 1] += np.float32(0.001)
        return MeshMotion(vertices, clip.mesh.topology, clip.rate)

    report = evaluate_predictors({"raised": raised}, clips, protocol, head)
    assert mean(report, "raised", "lip_vertex_error_m2") == pytest.approx(1e-6, rel=1e-3)
    assert math.isnan(mean(report, "raised", "landmark_distance"))
    assert mean(report, "static-face", "lip_vertex_error_m2") > 0
    assert set(report.row("rules").failures) == {"m0", "m1", "m2"}


def test_words_without_phones_say_who_is_silent(clips, head):
    words = Alignment((), (Word("hello", 0.5, 1.0),), "hello", clips[0].duration_s)
    clip = replace(clips[0], alignment=words)
    pair = pair_clip(clip.motion, clip, Stage(make_protocol(clips), head))
    assert np.flatnonzero(~pair.is_silent).tolist() == list(range(15, 30))
    unknown = pair_clip(clip.motion, replace(clip, alignment=None, waveform=None), pair.stage)
    assert unknown.is_silent is None


def test_every_clip_borrows_from_another_and_each_lends_once():
    for seed in range(5):
        lender = lenders(7, seed)
        assert sorted(lender) == list(range(7))
        assert all(lender[i] != i for i in range(7))
    with pytest.raises(InputError, match="1 clips cannot be permuted"):
        lenders(1, 0)


def test_a_short_lender_runs_back_and_forth(clips):
    short = Recording(
        *("a", "s", "test", "CC0-1.0", "x", RATE), motion=Motion(clips[0].motion.values[:10], ARKIT_61, RATE)
    )
    lent = borrowed_track(short, clips[0])
    assert lent.n_frames == clips[0].n_frames
    np.testing.assert_array_equal(lent.values[10], short.motion.values[8])
    with pytest.raises(FormatError, match="mix no corpora"):
        borrowed_track(mesh_clip(0), clips[0])


def test_predictions_that_do_not_fit_are_refused(clips, head):
    stage = Stage(make_protocol(clips), head)
    clip, motion = clips[0], clips[0].motion
    with pytest.raises(ClockError, match="resample it"):
        pair_clip(Motion(motion.values, motion.layout, Rate.of(25)), clip, stage)
    with pytest.raises(ClockError, match="predict its length"):
        pair_clip(Motion(motion.values[:20], motion.layout, RATE), clip, stage)
    with pytest.raises(FormatError, match="is a mesh and the clip is weights"):
        pair_clip(mesh_clip(0).mesh, clip, stage)
    shorter = Motion(motion.values[:-3], motion.layout, RATE)
    assert pair_clip(shorter, clip, stage).n_frames == motion.n_frames - 3


def test_a_protocol_needs_its_corpus_and_known_metrics(clips, head):
    with pytest.raises(ArtifactError, match="clip 'clip-4' of protocol 'default' is not among"):
        evaluate_predictors({}, clips[:4], make_protocol(clips), head)
    with pytest.raises(InputError, match="did you mean 'coefficient_l2'"):
        make_protocol(clips, metrics=("coefficient_l1",))
    with pytest.raises(InputError, match="0 clips of split 'train'"):
        make_protocol(clips, split="train")
    with pytest.raises(InputError, match="always there"):
        evaluate_predictors({"rules": late}, clips, make_protocol(clips), head)
