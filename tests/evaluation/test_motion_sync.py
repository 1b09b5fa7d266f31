"""The network that ships finds a known lag, tells true from wrong, and is refused when altered."""

import json
import math
import shutil

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, ClockError, InputError
from visemic.core.hub import package_weights
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion, Waveform
from visemic.evaluation.motion_sync import MotionSyncScorer, lag_distances, score_from_distances
from visemic.evaluation.sync import SyncScorer, validate_scorer

RATE = Rate.of(30)
WEIGHTS = package_weights() / "motion-sync"


@pytest.fixture(scope="module")
def scorer(readouts) -> MotionSyncScorer:
    return MotionSyncScorer(readouts)


def babble(seed: int, lag_frames: int = 0, seconds: float = 5.0) -> tuple[Motion, Waveform]:
    """Made-up speech: buzz through one resonance that follows the jaw, and lips that close it."""
    rng = np.random.default_rng(seed)
    times_s = np.arange(int(16_000 * seconds)) / 16_000

    def jaw(t: np.ndarray) -> np.ndarray:
        opened = np.zeros_like(t)
        for at_s, size, width_s in syllables:
            opened = np.maximum(opened, size * np.exp(-np.square((t - at_s) / width_s)))
        return opened

    starts = np.cumsum(rng.uniform(0.18, 0.4, int(seconds * 6)))
    syllables = [
        (at_s, rng.uniform(0.4, 1), rng.uniform(0.05, 0.09)) for at_s in starts if at_s < seconds - 0.3
    ]
    opened = jaw(times_s)
    buzz = np.sign(np.sin(2 * np.pi * 120 * times_s)) * 0.3 * opened
    resonance = np.sin(2 * np.pi * np.cumsum(300 + 500 * opened) / 16_000) * opened
    samples = (0.2 * buzz + 0.3 * resonance + 0.002 * rng.normal(size=len(times_s))).astype(np.float32)
    frames_s = np.arange(int(30 * seconds)) / 30 - lag_frames / 30
    values = np.zeros((len(frames_s), len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = 0.4 * jaw(frames_s)
    for side in ("Left", "Right"):
        values[:, ARKIT_61.index(f"mouthLowerDown{side}")] = 0.3 * jaw(frames_s)
    return Motion(values, ARKIT_61, RATE), Waveform(samples, Rate.of(16_000))


@pytest.mark.parametrize("lag", [-6, 0, 5])
def test_a_known_lag_is_found(scorer, lag):
    score = scorer.score(*babble(1, lag))
    assert score.offset_s == pytest.approx(lag / 30, abs=1.01 / 30)
    assert score.distance <= score.distance_in_place
    assert score.confidence > 0.1


def test_true_pairs_beat_permuted_ones(scorer):
    validity = validate_scorer(scorer, [babble(seed) for seed in range(6)], within_s=1 / 30)
    assert validity.area_under_curve >= 0.95
    assert validity.offset_rate >= 0.9


def test_loudness_of_the_sound_and_size_of_the_motion_do_not_count(scorer):
    motion, sound = babble(2)
    # Not exactly: curves that hardly move count less.
    smaller = Motion(0.6 * motion.values, motion.layout, motion.rate)
    softer = Waveform(0.3 * sound.samples, sound.rate)
    assert scorer.score(smaller, softer).distance == pytest.approx(
        scorer.score(motion, sound).distance, abs=0.02
    )


def test_a_still_face_has_no_lag(scorer):
    motion, sound = babble(3)
    score = scorer.score(Motion(np.zeros_like(motion.values), motion.layout, motion.rate), sound)
    assert math.isnan(score.offset_s)
    assert score.confidence == 0.0
    assert score.distance_in_place == pytest.approx(math.sqrt(2))


def test_another_frame_rate_gives_about_the_same_score(scorer):
    from visemic.motion.resample import resample

    motion, sound = babble(4)
    there = scorer.score(resample(motion, Rate.of(60)), sound)
    assert there.distance == pytest.approx(scorer.score(motion, sound).distance, abs=0.03)


def test_a_short_clip_is_refused_and_the_shortest_is_scored(scorer):
    motion, sound = babble(5)
    with pytest.raises(ClockError, match=r"a clip of 1\.00 s is too short"):
        scorer.score(Motion(motion.values[:30], motion.layout, motion.rate), sound)
    assert math.isfinite(scorer.score(Motion(motion.values[:44], motion.layout, motion.rate), sound).distance)


def test_the_network_fits_the_protocol_and_names_itself(scorer, readouts):
    assert isinstance(scorer, SyncScorer)
    assert scorer.name == "motion-sync"
    with pytest.raises(InputError, match="shorter than a frame"):
        MotionSyncScorer(readouts, max_lag_s=0.01)
    with pytest.raises(InputError, match="weights have no lips"):
        MotionSyncScorer().score(*babble(6))


def test_an_altered_network_and_one_for_other_inputs_are_refused(tmp_path, readouts):
    folder = tmp_path / "network"
    shutil.copytree(WEIGHTS, folder)
    manifest = json.loads((folder / "artefact.json").read_text())
    manifest["normaliser"]["n_bands"] = 80
    (folder / "artefact.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="was made for n_bands 80"):
        MotionSyncScorer(readouts, network=folder)
    sound = folder / "sound.onnx"
    sound.write_bytes(sound.read_bytes()[:-1] + b"\0")
    with pytest.raises(ArtifactError, match="altered"):
        MotionSyncScorer(readouts, network=folder)


@pytest.mark.slow
def test_scoring_needs_no_torch():
    import subprocess
    import sys

    code = (
        "import sys, visemic.evaluation.motion_sync as m; m.MotionSyncScorer(); print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


def test_the_distance_is_least_where_the_vectors_agree(rng):
    vectors = rng.normal(size=(80, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    late = np.roll(vectors, 4, axis=0)
    score = score_from_distances(lag_distances(vectors, late, 10))
    assert score.offset_s == pytest.approx(4 / 30)
    assert score.distance == pytest.approx(0, abs=1e-6)
    assert score.distance_in_place > 1


def test_opposite_vectors_are_two_apart():
    vectors = np.ones((40, 1))
    np.testing.assert_allclose(lag_distances(vectors, -vectors, 3), 2.0)
