"""When contacts are wanted."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.signals import Alignment, Phone
from visemic.motion.contact_windows import ContactTiming, contact_windows, smoothstep


def alignment(*phones: tuple[str, float]) -> Alignment:
    """Phones with their lengths, between two silences."""
    made, at_s = [Phone("SIL", 0.0, 0.3)], 0.3
    for label, length_s in (*phones, ("SIL", 0.3)):
        made.append(Phone(label, at_s, at_s + length_s))
        at_s += length_s
    return Alignment(tuple(made), (), "", at_s)


def windows(clip: Alignment, fps: float):
    rate = Rate.of(fps)
    return contact_windows(clip, rate, rate.count(clip.duration_s))


@pytest.mark.parametrize("fps", [12, 24, 25, 29.97, 30, 60, 120])
@pytest.mark.parametrize("length_s", [0.004, 0.03, 0.08, 0.2])
def test_every_contact_owns_a_frame_however_short_it_is(fps, length_s):
    found = windows(alignment(("AA", 0.133), ("P", length_s), ("IY", 0.1)), fps)
    assert found.openness["seal"].max() == 1.0
    owner = found.owner["seal"][found.openness["seal"].argmax()]
    assert owner == 2


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
def test_two_contacts_that_exclude_each_other_both_hold(fps):
    found = windows(alignment(("AA", 0.1), ("P", 0.02), ("F", 0.02), ("IY", 0.1)), fps)
    seal, teeth = found.openness["seal"], found.openness["labiodental"]
    assert seal.max() == 1.0
    assert teeth.max() == 1.0
    assert teeth[seal == 1.0].max() == 0.0
    assert seal[teeth == 1.0].max() == 0.0


def test_without_contact_phones_nothing_is_wanted():
    found = windows(alignment(("AA", 0.2), ("T", 0.1)), 30)
    assert all(not curve.any() for curve in found.openness.values())
    assert all((numbers == -1).all() for numbers in found.owner.values())


def test_pop_man_stays_shut_between_its_words():
    found = windows(alignment(("AA", 0.1), ("P", 0.1), ("M", 0.1), ("AE", 0.1)), 120)
    seal = found.openness["seal"]
    shut = np.flatnonzero(seal == 1.0)
    assert (np.diff(shut) == 1).all()


def test_a_window_is_over_at_the_middle_of_a_short_vowel():
    clip = alignment(("M", 0.08), ("AA", 0.05), ("M", 0.08))
    rate = Rate.of(1000)
    found = contact_windows(clip, rate, rate.count(clip.duration_s))
    assert found.openness["seal"][405] < 0.02


def test_windows_of_any_rate_sample_one_curve():
    clip = alignment(("AA", 0.15), ("M", 0.12), ("IY", 0.15), ("F", 0.1), ("AA", 0.1))
    fine, coarse = windows(clip, 240), windows(clip, 120)
    for kind, curve in coarse.openness.items():
        np.testing.assert_allclose(fine.openness[kind][::2][: len(curve)], curve, atol=0.12)


def test_slower_ramps_open_earlier():
    clip, rate = alignment(("AA", 0.3), ("M", 0.1)), Rate.of(100)
    n_frames = rate.count(clip.duration_s)
    quick = contact_windows(clip, rate, n_frames, ContactTiming(0.02, 0.02)).openness["seal"]
    slow = contact_windows(clip, rate, n_frames, ContactTiming(0.1, 0.1)).openness["seal"]
    assert (slow >= quick).all()
    assert np.count_nonzero(slow) > np.count_nonzero(quick)


def test_smoothstep_is_flat_at_both_ends_and_symmetric():
    x = np.linspace(-1, 2, 301)
    y = smoothstep(x)
    np.testing.assert_allclose(y + y[::-1], 1.0, atol=1e-12)
    assert y[0] == 0.0
    assert y[-1] == 1.0


def test_a_clip_of_one_frame_has_windows_of_one_frame():
    clip = Alignment((Phone("M", 0.0, 0.02),), (), "", 0.02)
    assert contact_windows(clip, Rate.of(30), 1).openness["seal"].tolist() == [1.0]


def test_lips_stay_shut_from_rest_into_a_first_seal_and_from_a_last_m_into_rest():
    clip = alignment(("M", 0.1), ("AA", 0.2), ("M", 0.1))
    seal = windows(clip, 100).openness["seal"]
    assert (seal[18:38] == 1.0).all()
    assert (seal[63:84] == 1.0).all()
    assert seal[:8].max() == 0.0


def test_a_last_plosive_is_released():
    clip = alignment(("AA", 0.2), ("P", 0.1))
    assert windows(clip, 100).openness["seal"][65:].max() == 0.0


def test_a_clip_that_begins_with_a_seal_begins_shut():
    clip = Alignment((Phone("SIL", 0.0, 0.05), Phone("M", 0.05, 0.15), Phone("AA", 0.15, 0.4)), (), "", 0.6)
    assert (windows(clip, 60).openness["seal"][:6] == 1.0).all()
