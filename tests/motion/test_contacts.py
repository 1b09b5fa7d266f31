"""Lips that really close, whatever motion they are imposed on."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion, Phone
from visemic.motion.calibrate import calibrate_mouth
from visemic.motion.contacts import SEAL_GAP_MM, apply_contacts, least_change
from visemic.motion.mouth import reference_mouth

MOUTH = reference_mouth()
POSTURES = calibrate_mouth(MOUTH)


def clip(label: str, before: str = "AA", after: str = "IY") -> Alignment:
    phones = (Phone(before, 0.0, 0.3), Phone(label, 0.3, 0.38), Phone(after, 0.38, 0.7))
    return Alignment(phones, (), "", 0.7)


def noise(rng: np.random.Generator, n_frames: int, scale: float = 0.8) -> Motion:
    """Any motion a model might make: every mouth shape at random, left and right apart."""
    values = np.zeros((n_frames, len(ARKIT_61)), np.float32)
    values[:, MOUTH.lip_columns] = rng.uniform(0, scale, (n_frames, len(MOUTH.lip_columns)))
    return Motion(values, ARKIT_61, Rate.of(30))


def frames_of(curve: np.ndarray, start_s: float = 0.3, end_s: float = 0.38) -> np.ndarray:
    return curve[int(np.ceil(start_s * 30)) : int(end_s * 30) + 1]


@pytest.mark.parametrize("label", ["P", "B", "M"])
@pytest.mark.parametrize("scale", [0.1, 0.4, 1.0])
def test_any_motion_seals_to_the_same_gap(rng, label, scale):
    sealed = apply_contacts(noise(rng, 21, scale), clip(label), MOUTH, POSTURES)
    gap_mm = MOUTH.measure_mm("lip_gap", sealed.values.astype(float))
    assert frames_of(gap_mm).min() == pytest.approx(SEAL_GAP_MM, abs=0.02)


@pytest.mark.parametrize("label", ["F", "V"])
@pytest.mark.parametrize("scale", [0.1, 0.4, 1.0])
def test_any_motion_brings_the_lip_to_the_teeth(rng, label, scale):
    touching = apply_contacts(noise(rng, 21, scale), clip(label), MOUTH, POSTURES).values.astype(float)
    both = np.maximum(
        MOUTH.measure_mm("labiodental_gap", touching), MOUTH.measure_mm("labiodental_depth", touching) - 1.5
    )
    assert frames_of(both).min() <= 0.0


@pytest.mark.parametrize("label", ["S", "Z", "SH", "ZH", "CH", "JH"])
def test_a_wide_jaw_closes_for_a_sibilant(label):
    values = np.zeros((21, len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = 0.6
    closed = apply_contacts(Motion(values, ARKIT_61, Rate.of(30)), clip(label), MOUTH, POSTURES)
    teeth_mm = MOUTH.measure_mm("incisor_gap", closed.values.astype(float))
    assert frames_of(teeth_mm).min() <= 2.0
    assert teeth_mm[0] > 15


def test_frames_far_from_contacts_are_left_alone():
    values = np.zeros((21, len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = 0.3
    values[:, ARKIT_61.index("mouthSmileLeft")] = 0.2
    motion = Motion(values, ARKIT_61, Rate.of(30))
    sealed = apply_contacts(motion, clip("M"), MOUTH, POSTURES).values
    np.testing.assert_array_equal(sealed[:6], values[:6])
    np.testing.assert_array_equal(sealed[15:], values[15:])


def test_contacts_leave_the_upper_face_alone(rng):
    values = rng.uniform(0, 1, (21, len(ARKIT_61))).astype(np.float32)
    sealed = apply_contacts(Motion(values, ARKIT_61, Rate.of(30)), clip("M"), MOUTH, POSTURES).values
    others = [i for i in range(len(ARKIT_61)) if i not in MOUTH.lip_columns]
    np.testing.assert_array_equal(sealed[:, others], values[:, others])


def test_the_given_motion_is_not_changed(rng):
    motion = noise(rng, 21)
    before = motion.values.copy()
    apply_contacts(motion, clip("M"), MOUTH, POSTURES)
    np.testing.assert_array_equal(motion.values, before)


def test_weights_stay_within_bounds_and_close_within_the_jaw(rng):
    for label in ("M", "F", "S"):
        values = apply_contacts(noise(rng, 21), clip(label), MOUTH, POSTURES).values
        assert values.min() >= 0.0
        assert values.max() <= 1.0
        jaw, close = values[:, ARKIT_61.index("jawOpen")], values[:, ARKIT_61.index("mouthClose")]
        assert (close <= jaw + 0.03 + 1e-6).all()


def test_lips_that_cross_are_parted():
    values = np.zeros((21, len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("mouthClose")] = 1.0
    values[:, ARKIT_61.index("mouthRollLower")] = 1.0
    silent = Alignment((Phone("SIL", 0.0, 0.7),), (), "", 0.7)
    parted = apply_contacts(Motion(values, ARKIT_61, Rate.of(30)), silent, MOUTH, POSTURES)
    assert MOUTH.measure_mm("lip_gap", parted.values.astype(float)).min() >= -0.36


def test_a_vowel_that_a_model_left_closed_is_opened():
    motion = Motion(np.zeros((21, len(ARKIT_61)), np.float32), ARKIT_61, Rate.of(30))
    opened = apply_contacts(motion, clip("T"), MOUTH, POSTURES)
    gap_mm = MOUTH.measure_mm("lip_gap", opened.values.astype(float))
    assert gap_mm[4:6].min() > 1.5


def test_the_gap_fades_in_and_out_without_a_jump():
    values = np.zeros((700, len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = 0.35
    values[:, ARKIT_61.index("mouthFunnel")] = 0.2
    sealed = apply_contacts(Motion(values, ARKIT_61, Rate.of(1000)), clip("M"), MOUTH, POSTURES)
    gap_mm = MOUTH.measure_mm("lip_gap", sealed.values.astype(float))
    assert np.abs(np.diff(gap_mm)).max() < 0.6
    assert np.abs(np.diff(sealed.values, axis=0)).max() < 0.03


def test_least_change_meets_the_constraint_and_is_the_least(rng):
    weights, slopes = np.full((1, 3), 0.5), np.array([10.0, -5.0, 2.0])
    ease = np.ones(3)
    moved = least_change(weights, slopes, np.array([2.0]), ease, np.zeros((1, 3)), np.ones((1, 3)))
    assert (moved - weights) @ slopes == pytest.approx(2.0)
    np.testing.assert_allclose(moved - weights, 2.0 * slopes[None] / (slopes @ slopes))


def test_a_channel_at_its_bound_leaves_the_rest_to_the_others():
    weights, slopes = np.array([[0.9, 0.1]]), np.array([10.0, 1.0])
    moved = least_change(weights, slopes, np.array([1.5]), np.ones(2), np.zeros((1, 2)), np.ones((1, 2)))
    np.testing.assert_allclose(moved, [[1.0, 0.6]])


def test_what_bounds_forbid_is_left_undone():
    weights, slopes = np.zeros((1, 2)), np.array([1.0, 1.0])
    moved = least_change(weights, slopes, np.array([-3.0]), np.ones(2), np.zeros((1, 2)), np.ones((1, 2)))
    np.testing.assert_array_equal(moved, weights)
