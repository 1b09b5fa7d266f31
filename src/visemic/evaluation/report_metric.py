"""The metrics of the report by name: unit, direction, and what a clip needs to have a value."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from visemic.core.errors import InputError, unknown_name
from visemic.core.signals import Motion
from visemic.evaluation import metrics as curve_metrics
from visemic.evaluation import metrics_mesh as mesh
from visemic.evaluation.contact import contact_report
from visemic.evaluation.report_clip import ClipPair
from visemic.evaluation.sync import sound_beats_s

Better = Literal["lower", "higher", "one", "zero", "none"]
NONE = (math.nan, 0.0)
"""Value and weight of a clip to which a metric does not apply."""

Measured = tuple[float, float]
Vertices = Float[np.ndarray, "frames vertices 3"]
Region = Int[np.ndarray, " chosen"]


@dataclass(frozen=True)
class ClipMetric:
    """A number for one clip."""

    name: str
    unit: str
    """``1`` for a number without a unit."""
    better: Better
    """Which way is better: ``one`` is as the recording, ``zero`` has a sign."""
    measure: Callable[[ClipPair], Measured]
    """Gives value and weight; a weight of 0 means that it does not apply."""
    scale: float = 1.0
    """Factor under which tables print it."""
    printed: str = ""
    """Unit after the factor, when there is one."""


def _lips(
    measure: Callable[[Vertices, Vertices, Region], float], name: str
) -> Callable[[ClipPair], Measured]:
    def run(pair: ClipPair) -> Measured:
        region = pair.region(name)
        if region is None:
            return NONE
        return measure(region.predicted, region.target, region.all), float(pair.n_frames)

    return run


def _dynamics(
    measure: Callable[[Vertices, Vertices, Float[np.ndarray, "vertices 3"], Region], float],
) -> Callable[[ClipPair], Measured]:
    def run(pair: ClipPair) -> Measured:
        region = pair.region("upper_face")
        if region is None or pair.n_frames < 2:
            return NONE
        return measure(region.predicted, region.target, region.neutral, region.all), 1.0

    return run


def _curves(
    measure: Callable[[curve_metrics.Curves, curve_metrics.Curves], float], weight: str
) -> Callable[[ClipPair], Measured]:
    def run(pair: ClipPair) -> Measured:
        ours, theirs = pair.curves(pair.predicted), pair.curves(pair.target)
        if ours is None or theirs is None:
            return NONE
        value = measure(ours, theirs)
        if math.isnan(value):
            return NONE
        return value, float(pair.n_frames) if weight == "frames" else 1.0

    return run


def _lmd(pair: ClipPair) -> Measured:
    ours, theirs = pair.landmarks(pair.predicted), pair.landmarks(pair.target)
    if ours is None or theirs is None:
        return NONE
    return curve_metrics.landmark_distance(ours, theirs, 0, 1), float(pair.n_frames)


def _mod(pair: ClipPair) -> Measured:
    ours, theirs = pair.readout_mm(pair.predicted, "lip_gap"), pair.readout_mm(pair.target, "lip_gap")
    if ours is not None and theirs is not None:
        value = curve_metrics.mouth_opening_difference_mm(ours, theirs)
        return value, float(pair.n_frames)
    lips = pair.region("lip_pair")
    if lips is None:
        return NONE
    value = mesh.mouth_opening_difference_by_vertices_mm(lips.predicted, lips.target, 0, 1)
    return value, float(pair.n_frames)


def _correlation(name: str) -> Callable[[ClipPair], Measured]:
    def run(pair: ClipPair) -> Measured:
        ours, theirs = pair.readout_mm(pair.predicted, name), pair.readout_mm(pair.target, name)
        if ours is None or theirs is None:
            return NONE
        value = curve_metrics.correlation(ours, theirs)
        return NONE if math.isnan(value) else (value, 1.0)

    return run


def _mve(pair: ClipPair) -> Measured:
    return pair.mean_distance_m * mesh.MM, float(pair.n_frames)


def _nvme(pair: ClipPair) -> Measured:
    return pair.mean_distance_m / mesh.face_scale_m(pair.neutral), float(pair.n_frames)


def _jitter(pair: ClipPair) -> Measured:
    ours, theirs = pair.curves(pair.predicted), pair.curves(pair.target)
    if ours is None or theirs is None:
        return NONE
    value = curve_metrics.jitter_ratio(ours, theirs, pair.recording.rate)
    return NONE if math.isnan(value) else (value, 1.0)


def _silence(pair: ClipPair) -> Measured:
    ours, silent = pair.curves(pair.predicted), pair.is_silent
    if ours is None or silent is None or not silent.any():
        return NONE
    return curve_metrics.silence_motion(ours, np.zeros(ours.shape[1]), silent), float(silent.sum())


def _beats(pair: ClipPair) -> Measured:
    ours = pair.curves(pair.predicted)
    if ours is None or pair.recording.waveform is None:
        return NONE
    turns = curve_metrics.motion_beats_s(ours, pair.recording.rate)
    value = curve_metrics.beat_alignment(turns, sound_beats_s(pair.recording.waveform))
    return NONE if math.isnan(value) else (value, 1.0)


def _contacts(rate: str, count: str) -> Callable[[ClipPair], Measured]:
    def run(pair: ClipPair) -> Measured:
        if pair.recording.alignment is None or not isinstance(pair.predicted, Motion):
            return NONE
        report = contact_report(pair.predicted, pair.recording.alignment, pair.stage.readouts)
        n = getattr(report, count)
        return (float(getattr(report, rate)), float(n)) if n else NONE

    return run


CLIP_METRICS: tuple[ClipMetric, ...] = (
    ClipMetric("coefficient_l2", "1", "lower", _curves(curve_metrics.coefficient_l2, "frames")),
    ClipMetric(
        "coefficient_mean_error", "1", "lower", _curves(curve_metrics.coefficient_mean_error, "frames")
    ),
    ClipMetric("landmark_distance", "mouth widths", "lower", _lmd),
    ClipMetric("lip_vertex_error_mm", "mm", "lower", _lips(mesh.lip_vertex_error_mm, "lips")),
    ClipMetric("lip_vertex_error_m2", "m²", "lower", _lips(mesh.lip_vertex_error_m2, "lips"), 1e5, "1e-5 m²"),
    ClipMetric("lip_vertex_error_centred_mm", "mm", "lower", _lips(mesh.lip_vertex_error_centred_mm, "lips")),
    ClipMetric("mean_vertex_error_mm", "mm", "lower", _mve),
    ClipMetric(
        "eye_vertex_error_m2", "m²", "lower", _lips(mesh.eye_vertex_error_m2, "upper_face"), 1e5, "1e-5 m²"
    ),
    ClipMetric("normalised_vertex_mesh_error", "face sizes", "lower", _nvme, 1e3, "1e-3 face sizes"),
    ClipMetric(
        "face_dynamics_deviation_m2", "m²", "zero", _dynamics(mesh.face_dynamics_deviation_m2), 1e7, "1e-7 m²"
    ),
    ClipMetric(
        "face_dynamics_deviation_absolute_m2",
        "m²",
        "lower",
        _dynamics(mesh.face_dynamics_deviation_absolute_m2),
        1e7,
        "1e-7 m²",
    ),
    ClipMetric("mouth_opening_difference_mm", "mm", "lower", _mod),
    ClipMetric("incisor_gap_correlation", "1", "higher", _correlation("incisor_gap")),
    ClipMetric("lip_gap_correlation", "1", "higher", _correlation("lip_gap")),
    ClipMetric("mouth_width_correlation", "1", "higher", _correlation("mouth_width")),
    ClipMetric("sealed_rate", "1", "higher", _contacts("sealed_rate", "n_bilabials"), 100, "%"),
    ClipMetric("touching_rate", "1", "higher", _contacts("touching_rate", "n_labiodentals"), 100, "%"),
    ClipMetric("teeth_closed_rate", "1", "higher", _contacts("teeth_closed_rate", "n_sibilants"), 100, "%"),
    ClipMetric(
        "false_closure_rate", "1", "lower", _contacts("false_closure_rate", "n_vowel_frames"), 100, "%"
    ),
    ClipMetric("jitter_ratio", "1", "one", _jitter),
    ClipMetric("range_ratio", "1", "one", _curves(curve_metrics.range_ratio, "clips")),
    ClipMetric("silence_motion", "1", "lower", _silence),
    ClipMetric("beat_alignment", "1", "higher", _beats),
)
"""Metrics of one clip, in the order of the table."""

SYNC_METRICS = ("sync_distance_in_place", "sync_distance", "sync_confidence", "sync_offset_ms")
"""Given by the scorer of the run."""
SYNC_BETTER: dict[str, Better] = {
    "sync_distance_in_place": "lower",
    "sync_distance": "lower",
    "sync_confidence": "higher",
    "sync_offset_ms": "zero",
}
LSE_METRICS = ("lse_d_in_place", "lse_d", "lse_c", "lse_offset_ms")
"""Given by SyncNet, in the order of ``SYNC_METRICS``."""
SYNC_BETTER |= {ours: SYNC_BETTER[theirs] for ours, theirs in zip(LSE_METRICS, SYNC_METRICS, strict=True)}
TAKE_METRICS = ("multimodality_mm", "coverage_error_m2", "mean_estimate_error_m2")
"""Of several takes of a clip; see ``report_take``."""
MASK_OF_METRIC: dict[str, str] = {
    "landmark_distance": "landmarks",
    **dict.fromkeys(("lip_vertex_error_mm", "lip_vertex_error_m2", "lip_vertex_error_centred_mm"), "lips"),
    **dict.fromkeys(TAKE_METRICS, "lips"),
    "eye_vertex_error_m2": "upper_face",
    **dict.fromkeys(("face_dynamics_deviation_m2", "face_dynamics_deviation_absolute_m2"), "upper_face"),
    "mouth_opening_difference_mm": "lip_pair",
    **dict.fromkeys(SYNC_METRICS, "lip_pair"),
}
"""Set of vertices that a metric needs on a mesh."""
POOLED = ("incisor_gap", "lip_gap", "mouth_width")
"""Read-outs whose frames of all clips are correlated at once, jaw first."""
SET_METRICS = (
    "frechet_distance",
    "kernel_distance",
    "mixture_distance",
    "diversity",
    "l1_divergence",
    *(f"{name}_correlation_pooled" for name in POOLED),
)
"""Of all clips of a row together."""


def metric_names() -> tuple[str, ...]:
    """Give every name that a protocol may list."""
    return tuple(m.name for m in CLIP_METRICS) + SYNC_METRICS + LSE_METRICS + TAKE_METRICS + SET_METRICS


@dataclass(frozen=True)
class MetricFacts:
    """How a table prints a metric of clips."""

    unit: str
    scale: float
    better: Better


def metric_facts(name: str) -> MetricFacts:
    """Give printed unit, factor and direction of a metric of clips."""
    if name in SYNC_BETTER:
        return MetricFacts("ms" if name.endswith("_ms") else "1", 1.0, SYNC_BETTER[name])
    if name in TAKE_METRICS:
        is_mm = name.endswith("_mm")
        return MetricFacts("mm" if is_mm else "1e-5 m²", 1.0 if is_mm else 1e5, "none" if is_mm else "lower")
    metric = next(m for m in CLIP_METRICS if m.name == name)
    return MetricFacts(metric.printed or metric.unit, metric.scale, metric.better)


def check_metrics(names: tuple[str, ...]) -> None:
    """Refuse a name that is none of a metric.

    Raises:
        InputError: There is no such metric.
    """
    for name in names:
        if name not in metric_names():
            raise InputError(unknown_name("metric", name, metric_names()))


def chosen_metrics(names: tuple[str, ...]) -> tuple[ClipMetric, ...]:
    """Give the clip metrics among the names, in the order of the protocol."""
    by_name = {m.name: m for m in CLIP_METRICS}
    return tuple(by_name[n] for n in names if n in by_name)
