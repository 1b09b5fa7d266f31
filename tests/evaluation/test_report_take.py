"""Takes: their spread, the best of them and their mean, in closed form."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.signals import MeshMotion, Topology
from visemic.data.recording import Recording
from visemic.evaluation.protocol import Mask, Protocol
from visemic.evaluation.report import evaluate_predictors
from visemic.evaluation.report_metric import TAKE_METRICS
from visemic.evaluation.report_protocol import make_protocol
from visemic.rig.registry import load_rig

RATE = Rate.of(30)
FOUR = Topology("four", np.array([[0, 1, 2]]))
LIPS = Mask("lips", "four", (0, 1, 2, 3))


def clip(number: int) -> Recording:
    neutral = np.random.default_rng(number).normal(0, 0.05, (4, 3)).astype(np.float32)
    vertices = np.repeat(neutral[None], 12, axis=0)
    mesh = MeshMotion(vertices, FOUR, RATE)
    return Recording(f"m{number}", "s", "test", "CC0-1.0", "made", RATE, mesh=mesh, neutral=neutral)


class Raised:
    """Lifts all lips by so many millimetres, another number in every take."""

    def __init__(self, *heights_mm: float) -> None:
        self.heights_mm = heights_mm

    def __call__(self, recording: Recording) -> MeshMotion:
        return self.take(recording, 0)

    def take(self, recording: Recording, number: int) -> MeshMotion:
        vertices = recording.mesh.vertices.copy()
        vertices[..., 1] += np.float32(self.heights_mm[number] / 1_000)
        return MeshMotion(vertices, recording.mesh.topology, recording.rate)


@pytest.fixture(scope="module")
def report():
    head, clips = load_rig("visemic"), [clip(n) for n in range(3)]
    protocol = make_protocol(clips, metrics=TAKE_METRICS, masks=[LIPS], n_takes=3, rig=head)
    raised = Raised(3.0, -1.0, 1.0)
    return evaluate_predictors({"chancy": raised, "firm": raised.__call__}, clips, protocol, head)


def mean(report, row, metric):
    return report.estimate(report.row(row), metric).mean


def test_the_spread_is_the_mean_distance_of_all_pairs(report):
    # Takes at 3, -1 and 1 mm lie 4, 2 and 2 mm apart.
    assert mean(report, "chancy", "multimodality_mm") == pytest.approx(8 / 3, rel=1e-4)


def test_the_best_take_covers_and_the_mean_take_is_in_the_middle(report):
    assert mean(report, "chancy", "coverage_error_m2") == pytest.approx(1e-6, rel=1e-3)
    assert mean(report, "chancy", "mean_estimate_error_m2") == pytest.approx(1e-6, rel=1e-3)


def test_without_chance_there_is_no_spread_and_both_errors_are_the_published_one(report):
    assert mean(report, "firm", "multimodality_mm") == 0
    assert mean(report, "ground-truth", "coverage_error_m2") == 0
    for metric in ("coverage_error_m2", "mean_estimate_error_m2"):
        assert mean(report, "firm", metric) == pytest.approx(9e-6, rel=1e-3)


def test_a_metric_of_takes_needs_takes():
    with pytest.raises(InputError, match="needs 2 takes or more and 1 is made"):
        make_protocol([clip(0), clip(1)], metrics=TAKE_METRICS, masks=[LIPS])
    protocol = make_protocol([clip(0), clip(1)], masks=[LIPS])
    assert isinstance(protocol, Protocol)
    assert not set(TAKE_METRICS) & set(protocol.metrics)
