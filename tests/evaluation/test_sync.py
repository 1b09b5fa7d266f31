"""The lag score finds a known lag, and a permuted track scores worse."""

import math

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.evaluation.sync import LagScorer, SyncScorer, score_lags, sound_beats_s, validate_scorer

RATE = Rate.of(30)


def clip(seed: int, lag_frames: int = 0, seconds: float = 4.0) -> tuple[Motion, Waveform]:
    """A mouth that opens with the syllables of a noise, later by some frames."""
    rng = np.random.default_rng(seed)
    times_s = np.arange(int(16_000 * seconds)) / 16_000
    onsets = np.cumsum(rng.uniform(0.2, 0.5, int(seconds * 4)))
    loud = sum(np.exp(-np.square((times_s - t) / 0.06)) for t in onsets if t < seconds)
    samples = (0.3 * loud * rng.normal(size=len(times_s))).astype(np.float32)
    frames = np.arange(int(30 * seconds)) / 30 - lag_frames / 30
    opens = sum(np.exp(-np.square((frames - t) / 0.07)) for t in onsets if t < seconds)
    values = np.zeros((len(frames), len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = 0.4 * opens
    return Motion(values, ARKIT_61, RATE), Waveform(samples, Rate.of(16_000))


@pytest.mark.parametrize("lag", [-4, 0, 6])
def test_a_known_lag_is_found(readouts, lag):
    score = LagScorer(readouts).score(*clip(1, lag))
    assert score.offset_s == pytest.approx(lag / 30, abs=1.01 / 30)
    assert score.distance < 0.6
    assert score.confidence > 0.2


def test_a_late_face_is_worse_in_place(readouts):
    scorer = LagScorer(readouts)
    assert scorer.score(*clip(2)).distance_in_place < scorer.score(*clip(2, 5)).distance_in_place


def test_true_pairs_beat_permuted_ones(readouts):
    validity = validate_scorer(LagScorer(readouts), [clip(s) for s in range(8)], within_s=1 / 30)
    assert validity.area_under_curve >= 0.95
    assert validity.offset_rate >= 0.9
    assert validity.n_clips == 8
    with pytest.raises(InputError, match="1 clips cannot be permuted"):
        validate_scorer(LagScorer(readouts), [clip(0)], within_s=1 / 30)


def test_a_still_face_has_no_lag(readouts):
    motion, sound = clip(3)
    still = Motion(np.zeros_like(motion.values), motion.layout, motion.rate)
    score = LagScorer(readouts).score(still, sound)
    assert (score.distance, score.confidence) == (1.0, 0.0)
    assert math.isnan(score.offset_s)


def test_a_mesh_is_scored_by_its_two_lip_vertices():
    motion, sound = clip(4)
    vertices = np.zeros((motion.n_frames, 3, 3), np.float32)
    vertices[:, 1, 1] = -0.01 * motion.channel("jawOpen")
    mesh = MeshMotion(vertices, Topology("triangle", np.array([[0, 1, 2]])), RATE)
    scorer = LagScorer(lip_vertices=(0, 1))
    assert abs(scorer.score(mesh, sound).offset_s) <= 1 / 30
    with pytest.raises(InputError, match="weights have no lips"):
        scorer.score(motion, sound)
    with pytest.raises(InputError, match="a mesh has no lips"):
        LagScorer().score(mesh, sound)


def test_a_short_clip_is_refused():
    with pytest.raises(ClockError, match="20 frames are too few for lags of up to 15"):
        score_lags(np.zeros(20), np.zeros(20), RATE)


def test_onsets_of_bursts_are_found():
    times_s = np.arange(32_000) / 16_000
    sound = np.zeros(32_000, np.float32)
    for start_s in (0.5, 1.0, 1.5):
        part = (times_s >= start_s) & (times_s < start_s + 0.2)
        sound[part] = 0.3 * np.sin(2 * np.pi * 200 * times_s[part])
    beats = sound_beats_s(Waveform(sound, Rate.of(16_000)))
    np.testing.assert_allclose(beats, [0.5, 1.0, 1.5], atol=0.03)


def test_any_scorer_of_the_protocol_fits(readouts):
    assert isinstance(LagScorer(readouts), SyncScorer)
