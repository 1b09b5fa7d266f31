"""Every predictor on every clip of a protocol, with the rows that give a number its meaning.

Clips are read one at a time. What stays in memory is a value a clip, metric and row, a thinned
set of motion features a row, and the curves of the few clips that are drawn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from visemic.core.errors import ArtifactError, InputError, VisemicError
from visemic.data.recording import Recording
from visemic.evaluation.protocol import Protocol
from visemic.evaluation.report_clip import ClipPair, Moving, Stage, pair_clip, recorded
from visemic.evaluation.report_metric import (
    LSE_METRICS,
    SET_METRICS,
    SYNC_METRICS,
    TAKE_METRICS,
    check_metrics,
    chosen_metrics,
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
    TakePredictor,
    borrowed_track,
    lenders,
    model_predictor,
    static_face,
)
from visemic.evaluation.report_protocol import SYNCNET, clip_numbers
from visemic.evaluation.report_result import CurveSample, Report, Row
from visemic.evaluation.report_set import clip_features, pooled_correlations, pooled_readouts, set_metrics
from visemic.evaluation.report_take import take_values
from visemic.evaluation.sync import LagScorer, SyncScorer
from visemic.rig.linear import Rig

N_DRAWN = 3
"""Clips whose curves are drawn."""
Progress = Callable[[int, int], None]


def evaluate_predictors(
    predictors: Mapping[str, Predictor],
    clips: Clips,
    protocol: Protocol,
    rig: Rig,
    *,
    scorer: SyncScorer | None = None,
    syncnet: SyncScorer | None = None,
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
        syncnet: Of sound against pictures, for protocols that ask for it.
        by_speaker: Redraw speakers instead of clips for the intervals.
        progress: Called with clips done and clips in all.

    Raises:
        InputError: A predictor has the name of a row that is always there, or a metric is unknown.
        ArtifactError: A clip of the protocol is not in the corpus, or the scorers are not its own.
    """
    check_metrics(protocol.metrics)
    for name in predictors:
        if name in ALWAYS:
            raise InputError(f"row {name!r} is always there; give the predictor another name")
    stage = Stage(protocol, rig)
    numbers = clip_numbers(clips, protocol)
    lender = lenders(len(numbers), protocol.seed)
    scorers = (scorer or LagScorer(stage.readouts), *([syncnet] if syncnet is not None else []))
    _check_scorers(protocol, scorers)
    run = _Run(protocol, stage, scorers, (*ALWAYS, *predictors), len(numbers))
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
    return Report(protocol, run.finish(), speakers, licences, rig.name, tuple(samples), by_speaker)


def _check_scorers(protocol: Protocol, scorers: Sequence[SyncScorer]) -> None:
    given = (scorers[0].name, *(SYNCNET for _ in scorers[1:]))
    if given != protocol.scorers:
        raise ArtifactError(
            f"protocol {protocol.name!r} scores by {', '.join(protocol.scorers)} and {', '.join(given)} "
            "was given; use the protocol's scorers or make another one"
        )


class _Run:
    """The tables while they fill."""

    def __init__(
        self,
        protocol: Protocol,
        stage: Stage,
        scorers: Sequence[SyncScorer],
        rows: Sequence[str],
        n_clips: int,
    ) -> None:
        self.protocol, self.stage, self._scorers = protocol, stage, scorers
        self._metrics = chosen_metrics(protocol.metrics)
        wanted = (*SYNC_METRICS, *LSE_METRICS, *TAKE_METRICS)
        self._others = {m for m in protocol.metrics if m in wanted}
        names = [m.name for m in self._metrics] + [m for m in wanted if m in self._others]
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
            if any(m in TAKE_METRICS for m in self._others):
                self._put(row, at, take_values([pair, *self._more_takes(predict, recording)]))
        except VisemicError as error:
            row.failures[recording.clip_id] = str(error)
            return None
        self._put(row, at, {metric.name: metric.measure(pair) for metric in self._metrics})
        if recording.waveform is not None:
            for scorer, metrics in zip(self._scorers, (SYNC_METRICS, LSE_METRICS), strict=False):
                if self._others & set(metrics):
                    self._put(row, at, _scores(scorer, metrics, row, pair))
        if any(m in SET_METRICS for m in self.protocol.metrics):
            features = clip_features(pair)
            if features is not None:
                self._features[name].append(features)
            both = pooled_readouts(pair)
            if both is not None:
                self._readouts[name].append(both)
        pair.release()
        return pair

    def _put(self, row: Row, at: int, measured: Mapping[str, tuple[float, float]]) -> None:
        for metric, (value, weight) in measured.items():
            if weight > 0 and metric in row.values:
                row.values[metric][at], row.weights[metric][at] = value, weight

    def _more_takes(self, predict: Predictor, recording: Recording) -> list[ClipPair]:
        # A predictor without chance gives the same again: its spread is 0 by definition.
        if not isinstance(predict, TakePredictor):
            return []
        numbers = range(1, self.protocol.n_takes)
        return [pair_clip(predict.take(recording, n), recording, self.stage) for n in numbers]

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


def _scores(
    scorer: SyncScorer, metrics: Sequence[str], row: Row, pair: ClipPair
) -> dict[str, tuple[float, float]]:
    """Give what a scorer says of a clip, by metric; nothing when it cannot tell."""
    if pair.recording.mesh is not None:
        on_mesh = mesh_scorer(scorer, pair)
        if on_mesh is None:
            return {}
        scorer = on_mesh
    assert pair.recording.waveform is not None
    try:
        score = scorer.score(pair.predicted, pair.recording.waveform)
    except VisemicError as error:
        row.unscored.setdefault(pair.recording.clip_id, f"no sync score: {error}")
        return {}
    said = (score.distance_in_place, score.distance, score.confidence, score.offset_s * 1_000)
    return {m: (value, 1.0) for m, value in zip(metrics, said, strict=True) if not math.isnan(value)}


def mesh_scorer(scorer: SyncScorer, pair: ClipPair) -> SyncScorer | None:
    """Give a scorer for the mesh of a clip, whose mouth the masks name; None when they do not."""
    from visemic.evaluation.motion_sync import MotionSyncScorer
    from visemic.evaluation.motion_sync_input import MouthVertices

    lips, points = pair.mask("lip_pair"), pair.mask("landmarks")
    if isinstance(scorer, LagScorer):
        return None if lips is None else LagScorer(lip_vertices=(int(lips[0]), int(lips[1])))
    if isinstance(scorer, MotionSyncScorer):
        if lips is None or points is None:
            return None
        mouth = MouthVertices(int(lips[0]), int(lips[1]), int(points[0]), int(points[1]))
        return MotionSyncScorer(vertices=mouth)
    return scorer


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
