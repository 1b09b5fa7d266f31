"""The sync network's inputs keep time, and level and manner do not count."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import AudioError, InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.evaluation.motion_sync_input import (
    CURVES,
    MouthVertices,
    mel_power,
    mouth_curves_mm,
    normalised_mouth,
    normalised_sound,
)
from visemic.rig.linear import pose_motion
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

SPEECH = Rate.of(16_000)


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(16_000 * seconds)) / 16_000).astype(np.float32)


@pytest.mark.parametrize("time_s", [0.1, 0.5, 0.85])
def test_a_click_peaks_at_its_own_step(time_s):
    samples = np.zeros(16_000, np.float32)
    samples[round(16_000 * time_s)] = 1.0
    power = mel_power(Waveform(samples, SPEECH), 30).sum(axis=1)
    steps = np.flatnonzero(power > 0.5 * power.max())
    assert steps.mean() / 120 == pytest.approx(time_s, abs=1 / 120)


def test_a_higher_tone_peaks_in_a_higher_band():
    peaks = [int(mel_power(Waveform(tone(hz), SPEECH), 30).sum(axis=0).argmax()) for hz in (200, 800, 3_000)]
    assert peaks == sorted(set(peaks))


def test_there_are_four_steps_a_frame_however_long_the_sound_is():
    for n_samples in (1, 500, 16_000, 40_000):
        power = mel_power(Waveform(np.ones(n_samples, np.float32), SPEECH), 30)
        assert power.shape == (120, 40)
        assert np.isfinite(normalised_sound(power)).all()
    with pytest.raises(AudioError, match="0 samples"):
        mel_power(Waveform(np.zeros(0, np.float32), SPEECH), 30)


def test_level_and_tone_of_a_recording_do_not_count(rng):
    power = mel_power(Waveform(rng.normal(0, 0.1, 16_000).astype(np.float32), SPEECH), 30)
    normal = normalised_sound(power)
    np.testing.assert_allclose(normalised_sound(power * 100), normal, atol=1e-4)
    tilted = power * np.linspace(1.0, 3.0, 40, dtype=np.float32)
    np.testing.assert_allclose(normalised_sound(tilted), normal, atol=1e-4)
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-5)


def test_silence_is_zero():
    power = mel_power(Waveform(np.zeros(16_000, np.float32), SPEECH), 30)
    assert not normalised_sound(power).any()


def test_how_far_a_mouth_opens_does_not_count_but_rest_stays_rest(rng):
    curves = rng.normal(0, 3, (60, len(CURVES)))
    np.testing.assert_allclose(normalised_mouth(curves), normalised_mouth(2.5 * curves + 7), atol=1e-5)
    assert np.abs(normalised_mouth(1e-3 * curves)).max() < 0.1


def test_curves_come_at_thirty_frames_a_second(readouts):
    values = np.zeros((25, len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = np.linspace(0, 0.5, 25)
    curves = mouth_curves_mm(Motion(values, ARKIT_61, Rate.of(25)), readouts)
    assert curves.shape == (30, 4)
    opening = curves[:, CURVES.index("incisor_gap")]
    assert opening[12] == pytest.approx(
        mouth_curves_mm(Motion(values, ARKIT_61, Rate.of(30)), readouts)[10, 3]
    )


def test_a_mesh_moves_as_its_weights_do(rng):
    rig = load_rig("visemic")
    layout = rig.layout
    values = np.zeros((40, len(layout)), np.float32)
    for name in ("jawOpen", "mouthPucker", "mouthClose", "mouthStretchLeft"):
        values[:, layout.index(name)] = 0.3 * rng.random(40)
    motion = Motion(values, layout, Rate.of(30))
    places = {
        "upper_lip": "upper_lip_inner",
        "lower_lip": "lower_lip_inner",
        "corner_left": "mouth_corner_left",
        "corner_right": "mouth_corner_right",
        "upper_lip_front": "upper_lip_front",
        "lower_lip_front": "lower_lip_front",
        "jaw": "lower_incisor_edge",
    }
    vertices = MouthVertices(**{name: rig.landmark(landmark) for name, landmark in places.items()})
    by_weights = normalised_mouth(mouth_curves_mm(motion, fit_readouts(rig)))
    by_mesh = normalised_mouth(mouth_curves_mm(pose_motion(rig, motion), vertices=vertices))
    np.testing.assert_allclose(by_mesh, by_weights, atol=2e-2)


def test_a_mouth_that_was_not_named_is_asked_for():
    with pytest.raises(InputError, match="weights have no lips"):
        mouth_curves_mm(Motion(np.zeros((2, len(ARKIT_61)), np.float32), ARKIT_61, Rate.of(30)))
    mesh = MeshMotion(np.zeros((2, 3, 3), np.float32), Topology("one", np.array([[0, 1, 2]])), Rate.of(30))
    with pytest.raises(InputError, match="a mesh has no lips"):
        mouth_curves_mm(mesh)
    still = mouth_curves_mm(mesh, vertices=MouthVertices(0, 1, 2, 2))
    assert not still.any()
