"""Segments: merging, holding, resting, stress and speed."""

import numpy as np
import pytest

from visemic.core.signals import Alignment, Phone
from visemic.models.viseme_segments import segments_from_alignment, target_rows
from visemic.motion.calibrate import SHAPES
from visemic.text.visemes import phone_table

TARGETS = target_rows(phone_table().weights)
JAW = SHAPES.index("jawOpen")


def alignment(*phones: tuple[str, float], stress: int | None = None) -> Alignment:
    made, at_s = [], 0.0
    for label, length_s in phones:
        made.append(Phone(label, at_s, at_s + length_s, stress))
        at_s += length_s
    return Alignment(tuple(made), (), "", at_s)


def segments(*phones: tuple[str, float], stress: int | None = None):
    return segments_from_alignment(alignment(*phones, stress=stress), None, TARGETS, 1.0)


def test_segments_cover_the_clip_without_holes():
    holes = Alignment((Phone("AA", 0.5, 0.6), Phone("T", 0.9, 1.0), Phone("IY", 1.05, 1.2)), (), "", 2.0)
    found = segments_from_alignment(holes, None, TARGETS, 1.0)
    assert found.start_s[0] == 0.0
    assert found.end_s[-1] == 2.0
    np.testing.assert_allclose(found.start_s[1:], found.end_s[:-1])


def test_a_diphthong_becomes_two_targets_sixty_to_forty():
    found = segments(("AY", 0.2))
    np.testing.assert_allclose(found.end_s, [0.12, 0.2])
    assert found.targets[0, JAW] > found.targets[1, JAW]


def test_equal_visemes_merge_and_different_ones_do_not():
    assert len(segments(("AA", 0.1), ("P", 0.1), ("M", 0.1), ("AE", 0.1)).start_s) == 3
    assert len(segments(("AA", 0.1), ("P", 0.1), ("F", 0.1), ("AE", 0.1)).start_s) == 4
    assert len(segments(("AA", 0.1), ("AE", 0.1)).start_s) == 2


@pytest.mark.parametrize(("length_s", "factor"), [(0.08, None), (0.25, 0.5), (0.5, 0.0)])
def test_silences_hold_relax_or_rest_by_their_length(length_s, factor):
    found = segments(("T", 0.1), ("AA", 0.2), ("SIL", length_s), ("T", 0.1), ("IY", 0.1))
    if factor is None:
        assert len(found.start_s) == 4
    else:
        np.testing.assert_allclose(found.targets[2], factor * found.targets[1])
        assert found.is_rest[2] == (factor == 0.0)


def test_stress_scales_the_jaw_of_vowels_only():
    plain, strong, weak = (segments(("T", 0.2), ("AA", 0.2), stress=s).targets[:, JAW] for s in (None, 1, 0))
    np.testing.assert_allclose(strong / plain, [1.0, 1.1])
    np.testing.assert_allclose(weak / plain, [1.0, 0.75])


def test_fast_speech_opens_less_and_moves_faster():
    slow = segments(*[("T", 0.15), ("AA", 0.15)] * 10)
    fast = segments(*[("T", 0.05), ("AA", 0.05)] * 20)
    np.testing.assert_allclose(fast.targets[21, JAW] / slow.targets[11, JAW], 0.85)
    np.testing.assert_allclose(fast.rates_hz[21] / slow.rates_hz[11], 1.15)


def test_an_empty_clip_is_one_rest():
    found = segments_from_alignment(Alignment((), (), "", 0.0), None, TARGETS, 1.0)
    assert found.is_rest.tolist() == [True]
    assert not found.targets.any()
