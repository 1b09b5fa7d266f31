"""The phone table on heads that differ from the one it was drawn for."""

import numpy as np
import pytest

from visemic.core.layout import ARKIT_61
from visemic.motion.calibrate import calibrate, calibrate_mouth
from visemic.motion.mouth import READOUT_NAMES, Mouth, reference_mouth
from visemic.rig.readout import Readouts
from visemic.text.visemes import BILABIALS, LABIODENTALS, SIBILANTS, VOWELS, phone_table


def changed(
    slope: float = 1.0, rest: dict[str, float] | None = None, channel: dict[str, float] | None = None
) -> Mouth:
    """The reference mouth with other slopes and rests."""
    mouth = reference_mouth()
    factor = np.full(len(ARKIT_61), slope)
    for name, value in (channel or {}).items():
        factor[ARKIT_61.index(name)] *= value
    slopes = {name: row * factor for name, row in mouth.slopes_mm.items()}
    return Mouth({**mouth.rest_mm, **(rest or {})}, slopes)


def measured(mouth: Mouth, weights: dict[str, float], readout: str) -> float:
    row = np.zeros((1, len(ARKIT_61)))
    for channel, weight in weights.items():
        row[0, ARKIT_61.index(channel)] = weight
    return float(mouth.measure_mm(readout, row)[0])


HEADS = {
    "reference": changed(),
    "flat shapes": changed(0.7),
    "strong shapes": changed(1.4),
    "lips that touch at rest": changed(rest={"lip_gap": 0.0}),
    "open bite": changed(rest={"incisor_gap": 1.0}),
    "no mouthClose": changed(channel={"mouthClose": 0.0}),
    "weak mouthClose": changed(channel={"mouthClose": 0.5}),
    "protruding lip": changed(rest={"labiodental_depth": 8.0, "labiodental_gap": 1.0}),
}


def test_the_reference_head_keeps_the_table():
    table = phone_table().weights
    for phone, weights in calibrate_mouth(reference_mouth()).items():
        for channel in set(weights) | set(table[phone]):
            # Seals are eased from pressed through each other to pressed.
            assert weights.get(channel, 0.0) == pytest.approx(table[phone].get(channel, 0.0), abs=0.015)


def test_half_as_strong_shapes_get_larger_weights_and_the_same_geometry():
    weak, table = changed(0.7), phone_table().weights
    calibrated = calibrate_mouth(weak)
    for phone in ("AA", "AE", "IY", "OH", "UH"):
        wanted = measured(reference_mouth(), table[phone], "lip_gap")
        assert measured(weak, calibrated[phone], "lip_gap") == pytest.approx(wanted, abs=0.35)
    assert calibrated["AA"]["jawOpen"] == pytest.approx(table["AA"]["jawOpen"] / 0.7, rel=0.03)


@pytest.mark.parametrize("head", HEADS)
def test_seals_close_on_every_head(head):
    table = calibrate_mouth(HEADS[head])
    for phone in BILABIALS:
        assert -0.36 <= measured(HEADS[head], table[phone], "lip_gap") <= -0.19


@pytest.mark.parametrize("head", HEADS)
def test_the_lower_lip_meets_the_teeth_on_every_head(head):
    table = calibrate_mouth(HEADS[head])
    for phone in LABIODENTALS:
        assert measured(HEADS[head], table[phone], "labiodental_gap") <= 0.0
        assert measured(HEADS[head], table[phone], "labiodental_depth") <= 1.5
        # The upper teeth show between the lips, or an F would look like an M.
        assert measured(HEADS[head], table[phone], "lip_gap") >= 1.5


@pytest.mark.parametrize("head", HEADS)
def test_sibilants_close_the_teeth_and_vowels_open_the_lips_on_every_head(head):
    table = calibrate_mouth(HEADS[head])
    for phone in SIBILANTS:
        assert measured(HEADS[head], table[phone], "incisor_gap") <= 2.0
    for phone in VOWELS & set(table):
        assert measured(HEADS[head], table[phone], "lip_gap") >= 0.9


@pytest.mark.parametrize("head", HEADS)
def test_weights_stay_weights_and_both_sides_are_equal(head):
    for weights in calibrate_mouth(HEADS[head]).values():
        assert all(0 <= weight <= 1 for weight in weights.values())
        assert weights.get("mouthClose", 0.0) <= weights.get("jawOpen", 0.0) + 0.03 + 1e-6
        for name, weight in weights.items():
            if name.endswith("Left"):
                assert weights[name.replace("Left", "Right")] == weight


def test_silence_is_rest():
    assert calibrate_mouth(reference_mouth())["SIL"] == {}


def test_a_larger_head_moves_more_millimetres():
    large = changed(rest={"mouth_width": 60.0})
    gain = measured(large, calibrate_mouth(large)["AA"], "lip_gap")
    assert gain > measured(reference_mouth(), phone_table().weights["AA"], "lip_gap") * 1.1


def test_readouts_of_a_rig_calibrate_like_their_mouth():
    mouth = reference_mouth()
    rest = np.array([mouth.rest_mm[name] for name in READOUT_NAMES])
    slopes = np.stack([mouth.slopes_mm[name] for name in READOUT_NAMES], axis=1)
    assert calibrate(Readouts(rest, slopes, ARKIT_61)) == calibrate_mouth(mouth)
