"""What is measured of every row: closeness to real motion, lips, brows, variety; each with an interval."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from visemic.core.acting_note import ActingNote, whole_note
from visemic.core.action_units import EMOTION_NAMES
from visemic.core.errors import ClockError, VisemicError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Motion
from visemic.evaluation.avi_clip import JudgedClip, JudgedSet
from visemic.evaluation.avi_feature import WindowSpace, fid_estimate, in_halves, kid_estimate
from visemic.evaluation.avi_performer import Cast, Row
from visemic.evaluation.contact import ContactReport, contact_report, merge_reports
from visemic.evaluation.distribution import multimodality
from visemic.evaluation.metrics_uncertainty import Estimate, bootstrap_mean
from visemic.evaluation.sync import SyncScorer, loudness_db
from visemic.models.expressive_face import ExpressiveFace, instruction_of
from visemic.rig.readout import Readouts
from visemic.text.visemes import BILABIALS

Show = Callable[[int, int], None]
_BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")
_STILL = 1e-6
N_NOISES = 10
"""Noises of a clip in the published score of diversity."""


@dataclass(frozen=True, eq=False)
class Judge:
    """Everything that measures."""

    judged: JudgedSet
    space: WindowSpace
    readouts: Readouts
    scorers: Mapping[str, SyncScorer]
    """Of lip sync, by the name of their column."""
    face: ExpressiveFace | None
    """Whose style encoder says how alike two performances are; None leaves that out."""
    seed: int = 0
    reference: Float[np.ndarray, "windows features"] = field(init=False)

    def __post_init__(self) -> None:
        windows = np.concatenate([self.space.of(motion) for motion in self.judged.others])
        object.__setattr__(self, "reference", windows)

    def row(self, row: Row, motions: Sequence[Motion]) -> dict[str, Any]:
        """Measure the motions of all clips by one row."""
        clips = self.judged.clips
        windows = [self.space.of(motion) for motion in motions]
        found: dict[str, Any] = {
            "given": row.given,
            "fid": fid_estimate(windows, self.reference),
            "kid": kid_estimate(windows, self.reference),
            "pose": self._mean([pose_error(m, c.motion) for m, c in zip(motions, clips, strict=True)]),
            "brows": self._mean([brow_effort(m, c) for m, c in zip(motions, clips, strict=True)]),
        }
        if self.face is not None:
            face = self.face
            alike = [
                float(face.style_of_motion(m) @ face.style_of_motion(c.motion))
                for m, c in zip(motions, clips, strict=True)
            ]
            found["likeness"] = self._mean(alike)
        for name, scorer in self.scorers.items():
            scores = [_score(scorer, m, c) for m, c in zip(motions, clips, strict=True)]
            found[f"{name}_d"] = self._mean([s[0] for s in scores])
            found[f"{name}_c"] = self._mean([s[1] for s in scores])
        reports = [contact_report(m, c.alignment, self.readouts) for m, c in zip(motions, clips, strict=True)]
        found["sealed"] = self.sealed(reports)
        found["false_closures"] = merge_reports(reports).false_closure_rate
        return found

    def sealed(self, reports: Sequence[ContactReport]) -> Estimate:
        """Give the share of P, B and M that seal, over clips."""
        counts = np.array([r.n_bilabials for r in reports], float)
        rates = np.array([r.n_sealed / r.n_bilabials if r.n_bilabials else np.nan for r in reports])
        return bootstrap_mean(rates, self.seed, weights=counts)

    def real_halves(self) -> dict[str, Estimate]:
        """Give the distances of two halves of the other clips of the same actors."""
        clips = [self.space.of(motion) for motion in self.judged.others]
        left, right = in_halves(clips, self.seed)
        other = np.concatenate(right)
        return {
            "fid": fid_estimate(left, other),
            "kid": kid_estimate(left, other),
        }

    def _mean(self, values: Sequence[float]) -> Estimate:
        return bootstrap_mean(np.array(values, float), self.seed)


def pose_error(made: Motion, real: Motion) -> float:
    """Give the distance of the mean poses of two clips over the 52 shapes."""
    means = [m.to_layout(ARKIT_52).values.astype(float).mean(0) for m in (made, real)]
    return float(np.linalg.norm(means[0] - means[1]))


def brow_effort(motion: Motion, clip: JudgedClip) -> float:
    """Give the correlation of the brows' height with the loudness of speech; NaN for brows that rest."""
    raised = np.mean([motion.channel(name) for name in _BROWS], axis=0).astype(float)
    level = loudness_db(clip.waveform, motion.rate, motion.n_frames)
    if raised.std() < _STILL or level.std() < _STILL:
        return float("nan")
    return float(np.corrcoef(raised, level)[0, 1])


def _score(scorer: SyncScorer, motion: Motion, clip: JudgedClip) -> tuple[float, float]:
    try:
        score = scorer.score(motion, clip.waveform)
    except ClockError:
        return float("nan"), float("nan")
    return score.distance, score.confidence


def takes_diversity(judge: Judge, row: Row, clips: Sequence[JudgedClip], show: Show) -> Estimate:
    """Give the mean distance of ten performances of a clip in the space of windows, over clips."""
    found = []
    for number, clip in enumerate(clips):
        takes = [judge.space.of(row.perform(clip, seed)).mean(0) for seed in range(N_NOISES)]
        found.append(multimodality(np.stack(takes)[None]))
        show(number + 1, len(clips))
    return bootstrap_mean(np.array(found), judge.seed)


def judge_styles(face: ExpressiveFace, judged: JudgedSet, seed: int, show: Show) -> dict[str, Any]:
    """Measure instructions against motions in the space of styles: retrieval, and variety over noises.

    An instruction asks by the mean of its ten draws, and each motion of the pool answers by the
    style encoder. The right one is the clip that the instruction was written for.

    Source:
        Sun et al. 2024, "AVI-Talking", the diversity of ten noises.
    """
    pool = judged.pool
    there = np.stack([face.style_of_motion(motion) for _, motion in pool])
    draws = []
    for number, (text, _) in enumerate(pool):
        draws.append(np.stack([face.style_of(text, seed=k) for k in range(N_NOISES)]))
        show(number + 1, len(pool))
    asked = np.stack(draws).mean(1)
    scores = asked @ there.T
    rank = (scores > np.diag(scores)[:, None]).sum(1)
    varied = np.array([multimodality(one[None].astype(float)) for one in draws])
    return {
        "pool": len(pool),
        "top_1": bootstrap_mean((rank < 1).astype(float), seed),
        "top_5": bootstrap_mean((rank < 5).astype(float), seed),
        "diversity": bootstrap_mean(varied, seed),
    }


def strong_contacts(cast: Cast, judge: Judge, n_clips: int, show: Show) -> dict[str, dict[str, Estimate]]:
    """Give the sealed P, B and M at intensity 1 of every emotion, the words being known.

    Args:
        cast: Who performs.
        judge: Who measures.
        n_clips: Clips with the most P, B and M.
        show: Called with emotions done.
    """
    clips = sorted(judge.judged.clips, key=_n_bilabials, reverse=True)[:n_clips]
    found: dict[str, dict[str, Estimate]] = {}
    for number, emotion in enumerate(EMOTION_NAMES):
        ways: dict[str, Callable[[JudgedClip, ActingNote, int], Motion]] = {
            "acting layer": cast.rules_with_words
        }
        if cast.acting is not None:
            ways = {"AVI-Talking": cast.with_words, **ways}
        found[emotion] = {}
        for name, move in ways.items():
            made = [
                move(c, whole_note(c.motion.duration_s, emotion, 1.0), seed) for seed, c in enumerate(clips)
            ]
            reports = [
                contact_report(m, c.alignment, judge.readouts) for m, c in zip(made, clips, strict=True)
            ]
            found[emotion][name] = judge.sealed(reports)
        show(number + 1, len(EMOTION_NAMES))
    return found


def _n_bilabials(clip: JudgedClip) -> int:
    return sum(phone.label in BILABIALS for phone in clip.alignment.phones)


def speed(cast: Cast, clip: JudgedClip) -> dict[str, float]:
    """Give processor seconds of a clip's note, style and motion, and the length of the clip."""
    found = {"duration_s": clip.waveform.duration_s}
    if cast.instructor is not None:
        instructor = cast.instructor
        found["instruct_s"] = _best(lambda: instructor.instruct(clip.waveform))
    if cast.acting is not None:
        face = cast.acting.face
        text, content = instruction_of(clip.true_span), face.content_of(clip.waveform)
        styles = np.repeat(face.style_of(text, seed=0)[None], len(content), axis=0)
        found["prior_s"] = _best(lambda: face.style_of(text, seed=0))
        found["generator_s"] = _best(lambda: face.move(content, styles))
    return found


def _best(work: Callable[[], object]) -> float:
    took = []
    for _ in range(3):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def performed(row: Row, clips: Sequence[JudgedClip], seed: int, show: Show) -> list[Motion]:
    """Give the motion of every clip by one row.

    Raises:
        VisemicError: A model cannot move a clip; says which.
    """
    made = []
    for number, clip in enumerate(clips):
        try:
            made.append(row.perform(clip, seed + number))
        except VisemicError as error:
            raise type(error)(f"{row.name} on clip {clip.clip_id}: {error}") from error
        show(number + 1, len(clips))
    return made
