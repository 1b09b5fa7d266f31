"""Every predictor on every clip of a protocol, with the rows that give a number its meaning.

Clips are read one at a time. What stays in memory is a value a clip, metric and row, a thinned
set of motion features a row, and the curves of the few clips that are drawn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from jaxtyping import Float

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError, VisemicError
from visemic.data.recording import Recording
from visemic.evaluation.metrics_uncertainty import Comparison, Estimate, bootstrap_mean, compare_paired, holm
from visemic.evaluation.protocol import Protocol
from visemic.evaluation.report_clip import ClipPair, Moving, Stage, pair_clip, recorded
from visemic.evaluation.report_metric import (
    SET_METRICS,
    SYNC_METRICS,
    check_metrics,
    chosen_metrics,
    metric_names,
)
from visemic.evaluation.report_predictor import (
    ALWAYS,
    GROUND_TRUTH,
    PERMUTED,
    RULES,
    RULES_MODEL,
    STATIC,
    Clips,
    Predictor,
    borrowed_track,
    lenders,
    model_predictor,
    static_face,
)
from visemic.evaluation.report_set import clip_features, pooled_correlations, pooled_readouts, set_metrics
from visemic.evaluation.sync import LagScorer, SyncScorer
from visemic.rig.linear import Rig

N_DRAWN = 3
"""Clips whose curves are drawn."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class CurveSample:
    """Curves of one clip, to be drawn."""

    clip_id: str
    rate: Rate
    channels: tuple[str, ...]
    target: Float[np.ndarray, "frames channels"]
    predicted: Mapping[str, Float[np.ndarray, "frames channels"]]
    """By row."""


@dataclass(eq=False)
class Row:
    """One predictor's values."""

    name: str
    values: dict[str, Float[np.ndarray, " clips"]]
    """By metric; NaN where it does not apply."""
    weights: dict[str, Float[np.ndarray, " clips"]]
    set_values: dict[str, float] = field(default_factory=dict)
    """Metrics of all clips together."""
    failures: dict[str, str] = field(default_factory=dict)
    """Sentence by clip that could not be predicted or compared."""


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured."""

    protocol: Protocol
    rows: tuple[Row, ...]
    """The four that every table has, then the predictors."""
    speakers: tuple[str, ...]
    """Of each clip."""
    licences: tuple[str, ...]
    rig: str
    scorer: str
    samples: tuple[CurveSample, ...]
    by_speaker: bool = False
    """Whether speakers are redrawn instead of clips."""
    _estimates: dict[tuple[str, str], Estimate] = field(default_factory=dict, init=False, repr=False)
    _comparisons: dict[str, dict[tuple[str, str], Comparison]] = field(
        default_factory=dict, init=False, repr=False
    )

    def row(self, name: str) -> Row:
        """Give a row by name.

        Raises:
            InputError: There is no such row.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise InputError(f"no row {name!r} in the report; there are {', '.join(r.name for r in self.rows)}")

    def estimate(self, row: Row, metric: str) -> Estimate:
        """Give the mean of a metric with its interval."""
        key = row.name, metric
        if key not in self._estimates:
            self._estimates[key] = bootstrap_mean(
                row.values[metric],
                self.protocol.seed,
                weights=row.weights[metric],
                groups=self.speakers if self.by_speaker else None,
                n_draws=self.protocol.n_draws,
            )
        return self._estimates[key]

    def comparisons(self, metric: str) -> dict[tuple[str, str], Comparison]:
        """Compare every predictor with the rules and with every other predictor, clip by clip."""
        if metric in self._comparisons:
            return self._comparisons[metric]
        models = [r for r in self.rows if r.name not in ALWAYS]
        rules = self.row(RULES)
        found = {}
        for number, row in enumerate(models):
            for other in [rules, *models[:number]]:
                result = compare_paired(row.values[metric], other.values[metric], self.protocol.seed)
                if result.n:
                    found[row.name, other.name] = result
        self._comparisons[metric] = found
        return found

    def adjusted_p(self, metric: str) -> dict[tuple[str, str], float]:
        """Give the p values of ``comparisons`` adjusted for their number."""
        found = self.comparisons(metric)
        return dict(zip(found, holm([c.p_permutation for c in found.values()]), strict=True))


def make_protocol(
    clips: Clips,
    *,
    name: str = "default",
    split: str = "test",
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Protocol:
    """Freeze what is to be measured on a corpus: all its clips of a split, or the first ``limit``.

    Raises:
        InputError: The corpus has fewer than two clips of the split, or a metric is unknown.
    """
    names = metric_names() if metrics is None else tuple(metrics)
    check_metrics(names)
    found = [(i, s) for i, s in _ids_and_splits(clips) if s == split][:limit]
    if len(found) < 2:
        raise InputError(
            f"the corpus has {len(found)} clips of split {split!r} and a report needs 2; choose another split"
        )
    return Protocol(name, tuple(i for i, _ in found), split, names, seed=seed)


def evaluate_predictors(
    predictors: Mapping[str, Predictor],
    clips: Clips,
    protocol: Protocol,
    rig: Rig,
    *,
    scorer: SyncScorer | None = None,
    by_speaker: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Measure predictors on the clips of a protocol.

    A clip that a predictor refuses is left out of its row and named in ``failures``: the row's
    count of clips then differs from the others', which the report shows.

    Args:
        predictors: By the name of their row.
        clips: The corpus; each clip is read twice, the second time to lend its motion.
        protocol: What is measured.
        rig: Head on which weights are posed.
        scorer: Of sound against motion; None takes the one without training.
        by_speaker: Redraw speakers instead of clips for the intervals.
        progress: Called with clips done and clips in all.

    Raises:
        InputError: A predictor has the name of a row that is always there, or a metric is unknown.
        ArtifactError: A clip of the protocol is not in the corpus.
    """
    check_metrics(protocol.metrics)
    for name in predictors:
        if name in ALWAYS:
            raise InputError(f"row {name!r} is always there; give the predictor another name")
    stage = Stage(protocol, rig)
    numbers = _numbers(clips, protocol)
    lender = lenders(len(numbers), protocol.seed)
    run = _Run(protocol, stage, scorer or LagScorer(stage.readouts), (*ALWAYS, *predictors), len(numbers))
    rules = model_predictor(RULES_MODEL, rig, protocol.seed)
    facts: list[tuple[str, str]] = []
    samples: list[CurveSample] = []
    for at, number in enumerate(numbers):
        recording = clips[number]
        facts.append((recording.speaker, f"{recording.source}: {recording.licence}"))
        made: dict[str, Predictor] = {
            GROUND_TRUTH: recorded,
            PERMUTED: partial(_borrow, clips, numbers[lender[at]]),
            STATIC: static_face,
            RULES: rules,
            **predictors,
        }
        pairs = {name: run.measure(at, name, predict, recording) for name, predict in made.items()}
        if at < N_DRAWN:
            samples += _samples(recording, pairs)
        if progress is not None:
            progress(at + 1, len(numbers))
    speakers = tuple(speaker for speaker, _ in facts)
    licences = tuple(sorted({licence for _, licence in facts}))
    rows, scores = run.finish(), run.scorer.name
    return Report(protocol, rows, speakers, licences, rig.name, scores, tuple(samples), by_speaker)


class _Run:
    """The tables while they fill."""

    def __init__(
        self, protocol: Protocol, stage: Stage, scorer: SyncScorer, rows: Sequence[str], n_clips: int
    ) -> None:
        self.protocol, self.stage, self.scorer = protocol, stage, scorer
        self._metrics = chosen_metrics(protocol.metrics)
        self._sync = [m for m in protocol.metrics if m in SYNC_METRICS]
        names = [m.name for m in self._metrics] + self._sync
        self._rows = {
            row: Row(
                row,
                {m: np.full(n_clips, math.nan) for m in names},
                {m: np.zeros(n_clips) for m in names},
            )
            for row in rows
        }
        self._features: dict[str, list[np.ndarray]] = {row: [] for row in rows}
        self._readouts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {row: [] for row in rows}

    def measure(self, at: int, name: str, predict: Predictor, recording: Recording) -> ClipPair | None:
        """Fill one cell of every table; None when there is no prediction."""
        row = self._rows[name]
        try:
            pair = pair_clip(predict(recording), recording, self.stage)
        except VisemicError as error:
            row.failures[recording.clip_id] = str(error)
            return None
        for metric in self._metrics:
            value, weight = metric.measure(pair)
            if weight > 0:
                row.values[metric.name][at], row.weights[metric.name][at] = value, weight
        if self._sync and recording.waveform is not None:
            self._score(at, row, pair)
        if any(m in SET_METRICS for m in self.protocol.metrics):
            features = clip_features(pair)
            if features is not None:
                self._features[name].append(features)
            both = pooled_readouts(pair)
            if both is not None:
                self._readouts[name].append(both)
        pair.release()
        return pair

    def _score(self, at: int, row: Row, pair: ClipPair) -> None:
        scorer = self.scorer
        lips = pair.mask("lip_pair")
        if pair.recording.mesh is not None and isinstance(scorer, LagScorer):
            if lips is None:
                return
            scorer = LagScorer(lip_vertices=(int(lips[0]), int(lips[1])))
        assert pair.recording.waveform is not None
        try:
            score = scorer.score(pair.predicted, pair.recording.waveform)
        except VisemicError as error:
            row.failures.setdefault(pair.recording.clip_id, f"no sync score: {error}")
            return
        values = (score.distance_in_place, score.distance, score.confidence, score.offset_s * 1_000)
        for name, value in zip(SYNC_METRICS, values, strict=True):
            if name in self._sync and not math.isnan(value):
                row.values[name][at], row.weights[name][at] = value, 1.0

    def finish(self) -> tuple[Row, ...]:
        """Add the metrics of whole sets."""
        wanted = [m for m in self.protocol.metrics if m in SET_METRICS]
        if wanted:
            real = self._features[GROUND_TRUTH]
            for name, row in self._rows.items():
                values = set_metrics(
                    real, self._features[name], self.protocol.seed, halves=name == GROUND_TRUTH
                )
                values |= pooled_correlations(self._readouts[name])
                row.set_values = {m: values[m] for m in wanted if m in values}
        return tuple(self._rows.values())


def _borrow(clips: Clips, lender: int, recording: Recording) -> Moving:
    return borrowed_track(clips[lender], recording)


def _samples(recording: Recording, pairs: Mapping[str, ClipPair | None]) -> list[CurveSample]:
    """Give the four channels that move most, recorded and predicted; none for a mesh."""
    drawn = {n: p for n, p in pairs.items() if p is not None and n not in (GROUND_TRUTH, STATIC)}
    if not drawn or recording.motion is None:
        return []
    pair = next(iter(drawn.values()))
    target, layout = pair.curves(recording.motion), pair.curve_layout
    if target is None or layout is None:
        return []
    most = np.argsort(-np.ptp(target, axis=0), kind="stable")[:4]
    predicted = {}
    for name, one in drawn.items():
        curves = one.curves(one.predicted)
        if curves is not None:
            predicted[name] = curves[:, most].astype(float)
    names = tuple(layout.names[i] for i in most)
    return [CurveSample(recording.clip_id, recording.rate, names, target[:, most].astype(float), predicted)]


def _ids_and_splits(clips: Clips) -> list[tuple[str, str]]:
    # A store knows both from its manifest, without reading a clip.
    return [(c.clip_id, c.split) for c in getattr(clips, "entries", clips)]


def _numbers(clips: Clips, protocol: Protocol) -> list[int]:
    place = {clip_id: number for number, (clip_id, _) in enumerate(_ids_and_splits(clips))}
    for clip_id in protocol.clip_ids:
        if clip_id not in place:
            raise ArtifactError(
                f"clip {clip_id!r} of protocol {protocol.name!r} is not among the corpus's {len(place)}; "
                "use the corpus that it was made for"
            )
    return [place[clip_id] for clip_id in protocol.clip_ids]
