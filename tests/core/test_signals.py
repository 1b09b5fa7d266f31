import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, LayoutError
from visemic.core.layout import ARKIT_52, ARKIT_61, Layout
from visemic.core.signals import Alignment, Motion, Phone, Provenance, Waveform, Word

RATE = Rate.of(30)


def test_a_frame_stands_at_its_number_over_the_rate():
    motion = Motion(np.zeros((31, 61), np.float32), ARKIT_61, RATE)
    assert motion.times_s[30] == 1.0
    assert motion.duration_s == pytest.approx(31 / 30)


def test_motion_whose_width_is_not_the_layouts_is_refused():
    with pytest.raises(LayoutError, match="52"):
        Motion(np.zeros((3, 51), np.float32), ARKIT_52, RATE)


def test_a_wrong_shape_is_refused_by_the_shape_checks():
    with pytest.raises(Exception, match="values"):
        Motion(np.zeros(52, np.float32), ARKIT_52, RATE)


def test_a_wrong_type_is_refused_by_the_shape_checks():
    with pytest.raises(Exception, match="samples"):
        Waveform(np.zeros(10, np.int16), RATE)


def test_channels_move_to_another_layout_by_name(rng):
    motion = Motion(rng.random((4, 52), np.float32), ARKIT_52, RATE)
    turned = Layout("turned", tuple(reversed(ARKIT_52.names)))
    there = motion.to_layout(turned)
    np.testing.assert_array_equal(there.channel("jawLeft"), motion.channel("jawLeft"))
    np.testing.assert_array_equal(there.to_layout(ARKIT_52).values, motion.values)


def test_a_missing_channel_is_at_rest():
    motion = Motion(np.ones((2, 52), np.float32), ARKIT_52, RATE).to_layout(ARKIT_61)
    assert not motion.channel("headYaw").any()


def _alignment():
    return Alignment((Phone("M", 0.0, 0.1), Phone("AA", 0.1, 0.3, 1)), (Word("ma", 0.0, 0.3),), "ma", 0.4)


def test_stretching_and_shifting_move_phones_and_words_together():
    alignment = _alignment().stretched(2.0).shifted(0.5, 1.5)
    assert [(p.start_s, p.end_s) for p in alignment.phones] == [(0.5, 0.7), (0.7, 1.1)]
    assert (alignment.words[0].start_s, alignment.words[0].end_s) == (0.5, 1.1)
    assert alignment.duration_s == 1.5


def test_phones_that_overlap_are_refused():
    with pytest.raises(ClockError, match="follow one another"):
        Alignment((Phone("M", 0.0, 0.2), Phone("AA", 0.1, 0.3)), (), "", 1.0)


def test_a_phone_past_the_end_is_refused():
    with pytest.raises(ClockError, match="same clock"):
        Alignment((Phone("M", 0.0, 0.2),), (), "", 0.1)


def test_a_manifest_has_the_same_keys_everywhere():
    manifest = Provenance(
        "1", "visemic speak", 0, "espeak", "viseme-rules", "visemic", {"b": "X", "a": "Y"}
    ).to_dict()
    assert list(manifest["licences"]) == ["a", "b"]
    assert {"version", "command", "seed", "voice", "model", "rig", "licences"} <= set(manifest)
