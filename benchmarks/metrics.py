"""Speed and memory of all metrics against their limits: ``python benchmarks/metrics.py``.

A hundred clips of 4 s at 60 frames a second with 5,023 vertices each are made one at a time, as
a store would give them, and every metric of meshes, curves, sound and sets is computed on each.
Exits with 1 when a limit is missed.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from bench import Table, commit, machine

from visemic.core.clock import Rate
from visemic.core.layout import Layout
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.evaluation import metrics, metrics_mesh
from visemic.evaluation.distribution import diversity, frechet_distance, kernel_distance, l1_divergence
from visemic.evaluation.distribution_mixture import wasserstein_inception_distance
from visemic.evaluation.metrics_uncertainty import bootstrap_mean, compare_paired
from visemic.evaluation.sync import LagScorer, sound_beats_s

RATE, SECONDS, N_VERTICES = Rate.of(60), 4.0, 5_023
MAX_S, MAX_MIB = 60.0, 1_536.0
LIPS, UPPER = np.arange(250), np.arange(1_000, 2_500)
TRIANGLES = np.random.default_rng(0).integers(0, N_VERTICES, (9_976, 3))
LAYOUT = Layout("mouth", metrics.MOUTH_33.names)


def make_clip(number: int, neutral: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, ...]:
    """Make vertices of a recording and of a prediction, their curves, and sound."""
    rng = np.random.default_rng(number)
    n_frames = RATE.count(SECONDS)
    weights = np.clip(np.cumsum(rng.normal(0, 0.05, (n_frames, len(basis))), 0), 0, 1).astype(np.float32)
    predicted = np.clip(weights + rng.normal(0, 0.02, weights.shape), 0, 1).astype(np.float32)
    flat = basis.reshape(len(basis), -1)
    shape = (n_frames, N_VERTICES, 3)
    sound = rng.normal(0, 0.1, int(16_000 * SECONDS)).astype(np.float32)
    sound *= np.repeat(weights[:, 0] + 0.01, len(sound) // n_frames + 1)[: len(sound)]
    return (
        neutral + (weights @ flat).reshape(shape),
        neutral + (predicted @ flat).reshape(shape),
        weights,
        predicted,
        sound,
    )


def mesh_values(predicted: np.ndarray, target: np.ndarray, neutral: np.ndarray) -> list[float]:
    """Give every metric of meshes."""
    return [
        metrics_mesh.lip_vertex_error_m2(predicted, target, LIPS),
        metrics_mesh.lip_vertex_error_mm(predicted, target, LIPS),
        metrics_mesh.lip_vertex_error_root_mm(predicted, target, LIPS),
        metrics_mesh.lip_vertex_error_centred_mm(predicted, target, LIPS),
        metrics_mesh.mean_vertex_error_mm(predicted, target),
        metrics_mesh.eye_vertex_error_m2(predicted, target, UPPER),
        metrics_mesh.normalised_vertex_mesh_error(predicted, target, neutral),
        metrics_mesh.face_dynamics_deviation_m2(predicted, target, neutral, UPPER),
        metrics_mesh.face_dynamics_deviation_absolute_m2(predicted, target, neutral, UPPER),
        metrics_mesh.mouth_opening_difference_by_vertices_mm(predicted, target, 0, 1),
        float(metrics_mesh.face_errors_m(predicted, target, TRIANGLES).mean()),
    ]


def curve_values(
    predicted: np.ndarray, target: np.ndarray, vertices: np.ndarray, other: np.ndarray, sound: Waveform
) -> list[float]:
    """Give every metric of curves and of sound."""
    moving = MeshMotion(vertices, Topology("bench", TRIANGLES), RATE)
    score = LagScorer(lip_vertices=(0, 1)).score(moving, sound)
    points = np.arange(20)
    return [
        metrics.coefficient_l2(predicted, target),
        metrics.coefficient_mean_error(predicted, target),
        metrics.landmark_distance(vertices[:, points, :2], other[:, points, :2], 0, 1),
        metrics.jitter_ratio(predicted, target, RATE),
        metrics.range_ratio(predicted, target),
        metrics.silence_motion(predicted, np.zeros(predicted.shape[1]), np.arange(len(predicted)) < 30),
        metrics.beat_alignment(metrics.motion_beats_s(predicted, RATE), sound_beats_s(sound)),
        l1_divergence(predicted),
        score.distance_in_place,
        score.confidence,
    ]


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    args = parser.parse_args()
    n_clips = args.clips
    print(f"machine {machine()}\ncommit  {commit()}")
    rng = np.random.default_rng(0)
    neutral = rng.normal(0, 0.06, (N_VERTICES, 3)).astype(np.float32)
    basis = rng.normal(0, 0.002, (len(LAYOUT), N_VERTICES, 3)).astype(np.float32)
    made_s = measured_s = 0.0
    rows, real, generated = [], [], []
    for number in range(n_clips):
        start = time.perf_counter()
        target, predicted, weights, guess, samples = make_clip(number, neutral, basis)
        sound = Waveform(samples, Rate.of(16_000))
        middle = time.perf_counter()
        rows.append(
            mesh_values(predicted, target, neutral) + curve_values(guess, weights, predicted, target, sound)
        )
        real.append(Motion(weights, LAYOUT, RATE).values[::6])
        generated.append(Motion(guess, LAYOUT, RATE).values[::6])
        made_s += middle - start
        measured_s += time.perf_counter() - middle
    start = time.perf_counter()
    a, b = np.concatenate(real), np.concatenate(generated)
    print(f"FID {frechet_distance(a, b):.4g}, of two halves {frechet_distance(a[::2], a[1::2]):.4g}")
    print(f"KID {kernel_distance(a, b, rng).mean:.4g}, WInD {wasserstein_inception_distance(a, b, 5, 0):.4g}")
    print(f"diversity {diversity(b[::2]):.4g}")
    values = np.array(rows)
    for column in values.T:
        bootstrap_mean(column, 0)
        compare_paired(column, column[::-1].copy(), 0)
    measured_s += time.perf_counter() - start
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table = Table()
    table.add(f"all metrics on {n_clips} clips of 4 s, 5,023 vertices", measured_s, MAX_S, "s")
    table.add("all metrics, memory of the process", mib, MAX_MIB, "MiB")
    table.add("all metrics, making the clips, for comparison", made_s, None, "s")
    if args.json:
        args.json.write_text(json.dumps(table.rows))
    if not all(row["good"] for row in table.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
