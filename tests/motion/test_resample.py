"""Motion at another rate."""

import numpy as np

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.motion.resample import resample


def ramp(n_frames: int, fps: float) -> Motion:
    values = np.zeros((n_frames, len(ARKIT_61)), np.float32)
    motion = Motion(values, ARKIT_61, Rate.of(fps))
    values[:, ARKIT_61.index("jawOpen")] = motion.times_s / 10
    return motion


def test_a_line_stays_a_line():
    faster = resample(ramp(31, 30), Rate.of(60))
    np.testing.assert_allclose(faster.channel("jawOpen")[:61], faster.times_s[:61] / 10, atol=1e-6)


def test_the_duration_stays():
    assert resample(ramp(90, 30), Rate.of(24)).n_frames == 72
    assert resample(ramp(90, 30), Rate.of(29.97)).n_frames == 90


def test_the_same_rate_gives_the_same_motion():
    motion = ramp(10, 25)
    assert resample(motion, Rate.of(25)) is motion


def test_past_the_last_frame_values_hold():
    faster = resample(ramp(2, 1), Rate.of(4)).channel("jawOpen")
    assert faster[4] == faster[-1]


def test_one_frame_becomes_at_least_one_frame():
    assert resample(ramp(1, 60), Rate.of(10)).n_frames == 1
