"""The contact report counts what it says, and the rule engine meets the targets."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion, Phone
from visemic.evaluation.contact import ContactReport, contact_report, merge_reports
from visemic.models.base import FaceControl
from visemic.models.registry import load_model
from visemic.text.visemes import VOWELS, phone_table


def still(fps: float, seconds: float, **weights: float) -> Motion:
    values = np.zeros((Rate.of(fps).count(seconds), len(ARKIT_61)), np.float32)
    for name, weight in weights.items():
        values[:, ARKIT_61.index(name)] = weight
    return Motion(values, ARKIT_61, Rate.of(fps))


ALL = Alignment(
    (Phone("M", 0.2, 0.3), Phone("F", 0.3, 0.4), Phone("S", 0.4, 0.5), Phone("AA", 0.5, 0.8)), (), "", 1.0
)


def test_an_open_mouth_has_no_contact_and_no_false_one(readouts):
    report = contact_report(still(30, 1.0, jawOpen=0.5), ALL, readouts)
    assert (report.n_bilabials, report.n_labiodentals, report.n_sibilants) == (1, 1, 1)
    assert report.sealed_rate == report.touching_rate == report.teeth_closed_rate == 0.0
    assert report.false_closure_rate == 0.0
    assert report.worst_lip_gap_mm == pytest.approx(0.76 + 16.4, abs=0.01)
    assert report.worst_incisor_gap_mm == pytest.approx(-1.0 + 17.35, abs=0.01)


def test_a_shut_mouth_seals_and_closes_vowels_falsely(readouts):
    report = contact_report(still(30, 1.0, mouthRollLower=0.4), ALL, readouts)
    assert report.sealed_rate == report.touching_rate == report.teeth_closed_rate == 1.0
    assert report.false_closure_rate == 1.0
    assert report.n_vowel_frames == 5 or report.n_vowel_frames == 6


def test_one_frame_of_contact_is_enough_and_it_must_be_near(readouts):
    motion = still(30, 1.0, jawOpen=0.3)
    for frame, sealed in ((5, 1), (6, 1), (10, 1), (2, 0), (14, 0)):
        values = motion.values.copy()
        values[frame] = 0.0
        values[frame, ARKIT_61.index("mouthRollLower")] = 0.3
        report = contact_report(Motion(values, ARKIT_61, Rate.of(30)), ALL, readouts)
        assert report.n_sealed == sealed, frame


def test_reports_add_up(readouts):
    shut = contact_report(still(30, 1.0, mouthRollLower=0.4), ALL, readouts)
    wide = contact_report(still(30, 1.0, jawOpen=0.5), ALL, readouts)
    both = merge_reports([shut, wide])
    assert both.n_bilabials == 2
    assert both.sealed_rate == 0.5
    assert both.worst_lip_gap_mm == wide.worst_lip_gap_mm


def test_a_clip_without_phones_is_perfect(readouts):
    report = contact_report(still(30, 1.0), Alignment((), (), "", 1.0), readouts)
    assert report == ContactReport()
    assert report.sealed_rate == 1.0
    assert report.false_closure_rate == 0.0


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
def test_random_strings_meet_all_targets(readouts, fps):
    model, chance = load_model("viseme-rules", readouts), np.random.default_rng(11)
    consonants = sorted(set(phone_table().weights) - VOWELS - {"SIL"})
    reports, without = [], []
    for _ in range(25):
        phones, at_s = [], 0.3
        for number in range(12):
            label = str(chance.choice(sorted(VOWELS) if number % 2 else consonants))
            length_s = float(chance.uniform(0.05, 0.2))
            phones.append(Phone(label, at_s, at_s + length_s))
            at_s += length_s
        clip = Alignment(tuple(phones), (), "", at_s + 0.3)
        motion = model.generate(clip, None, Rate.of(fps), FaceControl(), chance)
        reports.append(contact_report(motion, clip, readouts))
        without.append(contact_report(model.articulate(clip, None, Rate.of(fps)), clip, readouts))
    report = merge_reports(reports)
    assert report.n_bilabials > 10
    assert report.n_labiodentals > 5
    assert report.sealed_rate >= 0.99
    assert report.touching_rate >= 0.98
    assert report.teeth_closed_rate >= 0.98
    assert report.false_closure_rate <= 0.01
    # The same motion without contacts shows that the report can fail.
    assert merge_reports(without).sealed_rate < 0.5
