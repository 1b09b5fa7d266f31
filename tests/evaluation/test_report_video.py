"""Films of a report: which clips, which rows, which scale, and what is drawn of a mesh."""

import itertools

import numpy as np
import pytest

from store_clips import TRIANGLES
from visemic.core.clock import Rate
from visemic.core.errors import InputError, OutputError, RigError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.data.recording import Recording
from visemic.evaluation.protocol import Mask
from visemic.evaluation.report import evaluate_predictors, mesh_scorer
from visemic.evaluation.report_clip import Stage, pair_clip
from visemic.evaluation.report_file import write_report
from visemic.evaluation.report_protocol import make_protocol
from visemic.evaluation.report_result import Extras, Film
from visemic.evaluation.report_video import (
    MOST_S,
    _rig_of_frames,
    _scale_mm,
    _worst_part,
    chosen_clips,
    compared_rows,
    make_films,
)
from visemic.evaluation.sync import LagScorer
from visemic.rig.linear import pose_motion
from visemic.rig.registry import load_rig

RATE = Rate.of(10)
FIVE = Topology("five", TRIANGLES)


@pytest.fixture(scope="module")
def head():
    return load_rig("visemic")


def mesh_clip(number: int, n_frames: int = 8) -> Recording:
    neutral = np.random.default_rng(0).normal(0, 0.05, (5, 3)).astype(np.float32)
    mesh = MeshMotion(np.repeat(neutral[None], n_frames, axis=0), FIVE, RATE)
    sound = Waveform(np.zeros(round(n_frames / 10 * 16_000), np.float32), Rate.of(16_000))
    names = (f"m{number}", "s", "test", "CC0-1.0", "made", RATE)
    return Recording(*names, mesh=mesh, neutral=neutral, waveform=sound)


def lifted(recording: Recording) -> MeshMotion:
    """Lift everything by as many millimetres as the clip's number says."""
    vertices = recording.mesh.vertices.copy()
    vertices[..., 1] += np.float32(int(recording.clip_id[1:]) / 1_000)
    return MeshMotion(vertices, recording.mesh.topology, recording.rate)


@pytest.fixture(scope="module")
def report(head):
    clips = [mesh_clip(n) for n in range(5)]
    protocol = make_protocol(clips, metrics=("mean_vertex_error_mm",), rig=head)
    return evaluate_predictors({"lifted": lifted}, clips, protocol, head)


def test_the_worst_and_the_median_clip_are_shown(report):
    assert chosen_clips(report, "auto") == {
        "m4": "worst clip of lifted by mean_vertex_error_mm",
        "m2": "median clip of lifted by mean_vertex_error_mm",
    }
    assert list(chosen_clips(report, "m1")) == ["m1"]
    with pytest.raises(InputError, match="did you mean 'm"):
        chosen_clips(report, "m9")


def test_a_row_without_predictions_is_passed_over(report):
    # The rules give weights, which a mesh of five vertices cannot take.
    assert compared_rows(report) == ("lifted", "static-face")


def test_all_films_share_one_round_scale_and_say_so(report, head):
    films = make_films(report, {"lifted": lifted}, [mesh_clip(n) for n in range(5)], head)
    assert [film.stem for film in films] == ["errors_m4", "errors_m2"]
    # Errors are 0, 2 and 4 mm.
    assert all("scale 0 to 5 mm" in film.caption for film in films)


@pytest.mark.parametrize(
    ("top_mm", "scale_mm"), [(0.0, 0.1), (0.9, 1.0), (1.2, 1.5), (4.0, 5.0), (11.0, 15.0)]
)
def test_a_scale_is_round_and_not_smaller_than_the_errors(top_mm, scale_mm):
    assert _scale_mm(np.full(10, top_mm)) == pytest.approx(scale_mm)


def test_a_report_that_fails_half_way_takes_its_files_away(report, tmp_path):
    def full(path):
        raise OutputError("the disk is full")

    broken = Extras(films=(Film("errors_m1", "a film", full, full),))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/notes.txt").write_text("mine")
    for folder in (tmp_path / "new", tmp_path / "kept"):
        with pytest.raises(OutputError, match="the disk is full"):
            write_report(report, folder, version="1", extras=broken)
    assert not (tmp_path / "new").exists()
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["notes.txt"]


def test_of_a_long_clip_the_worst_ten_seconds_are_shown(head):
    n_frames = 250
    still = np.zeros((n_frames, 5, 3), np.float32)
    moved = still.copy()
    moved[140:200] += np.float32(0.01)
    first, length = _worst_part(MeshMotion(moved, FIVE, RATE), MeshMotion(still, FIVE, RATE), RATE, head)
    assert length == MOST_S * 10
    assert first <= 140
    assert first + length >= 200


def test_a_mesh_is_a_head_whose_shapes_are_its_frames(head, rng):
    neutral = rng.normal(0, 0.05, (5, 3)).astype(np.float32)
    mesh = MeshMotion(rng.normal(0, 0.05, (4, 5, 3)).astype(np.float32), FIVE, RATE)
    rig = _rig_of_frames(mesh, neutral, head)
    shown = pose_motion(rig, Motion(np.eye(4, dtype=np.float32), rig.layout, RATE))
    np.testing.assert_allclose(shown.vertices, mesh.vertices, atol=1e-6)
    bare = MeshMotion(mesh.vertices, Topology("bare", np.zeros((0, 3), int)), RATE)
    with pytest.raises(RigError, match="--video none"):
        _rig_of_frames(bare, neutral, head)


def test_the_heads_own_mesh_keeps_its_materials(head):
    mesh = MeshMotion(np.repeat(head.neutral[None], 2, axis=0), head.topology, RATE)
    rig = _rig_of_frames(mesh, head.neutral, head)
    assert rig.groups == head.groups
    assert (rig.eyes, rig.head, rig.correctives) == ((), None, ())


def test_a_mesh_is_scored_by_the_lips_that_its_masks_name(head):
    clip = mesh_clip(1)
    bare = pair_clip(clip.mesh, clip, Stage(make_protocol([clip, mesh_clip(2)]), head))
    assert mesh_scorer(LagScorer(), bare) is None
    masks = [Mask("lip_pair", "five", (1, 3))]
    pair = pair_clip(clip.mesh, clip, Stage(make_protocol([clip, mesh_clip(2)], masks=masks), head))
    scorer = mesh_scorer(LagScorer(), pair)
    gap = scorer._gap_mm(clip.mesh)
    np.testing.assert_allclose(gap, np.linalg.norm(clip.neutral[1] - clip.neutral[3]) * 1_000, rtol=1e-4)


@pytest.mark.slow
def test_error_colours_are_blue_where_the_row_agrees_and_red_where_it_does_not(head, tmp_path):
    from PIL import Image

    rows = [np.zeros((6, 52), np.float32) for _ in range(2)]
    rows[1][:, ARKIT_52.index("jawOpen")] = 0.8
    motions = [Motion(values, ARKIT_52, RATE) for values in rows]
    clips = [
        Recording(f"c{n}", "s", "test", "CC0-1.0", "made", RATE, motion=motion)
        for n, motion in enumerate(itertools.islice(itertools.cycle(motions), 2))
    ]
    protocol = make_protocol(clips, metrics=("mean_vertex_error_mm",))
    same = {"same": lambda clip: clip.motion}
    report = evaluate_predictors(same, clips, protocol, head)
    (film,) = make_films(report, {"same": same["same"], "rules": lambda c: motions[0]}, clips, head, "c1")
    film.write_still(tmp_path / "still.png")
    picture = np.asarray(Image.open(tmp_path / "still.png").convert("RGB")).astype(int)
    agrees, differs = (picture[60:, start + 10 : start + 374].reshape(-1, 3) for start in (384, 768))
    red = [int((panel[:, 0] > panel[:, 2] + 80).sum()) for panel in (agrees, differs)]
    assert red[0] == 0
    assert red[1] > 1_000
