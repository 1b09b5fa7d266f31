import numpy as np
import pytest
from tests.audio.conftest import waveform_of

from visemic.audio.activity import Segment
from visemic.audio.region import Piece, Stretch, cut_pieces
from visemic.core.clock import SPEECH_RATE
from visemic.core.signals import Waveform


@pytest.fixture
def minute(rng):
    """A minute of hiss with a dip of 100 ms every 7 s."""
    samples = rng.normal(0, 0.1, 60 * 16_000).astype(np.float32)
    for second in range(7, 60, 7):
        samples[second * 16_000 : second * 16_000 + 1_600] *= 0.001
    return Waveform(samples, SPEECH_RATE)


def test_a_segment_is_kept_with_its_margin(minute):
    (piece,) = cut_pieces(minute, [Segment(1.0, 2.0)])
    assert piece.stretches == (Stretch(85, 215),)


def test_close_segments_are_one_stretch_and_far_ones_share_a_piece(minute):
    (piece,) = cut_pieces(minute, [Segment(1.0, 2.0), Segment(2.2, 3.0), Segment(10.0, 11.0)])
    assert piece.stretches == (Stretch(85, 315), Stretch(985, 1_115))


def test_no_piece_is_longer_than_asked_and_no_speech_is_lost(minute):
    pieces = cut_pieces(minute, [Segment(0.0, 60.0)], longest_s=20.0)
    assert all(piece.n_frames <= 2_000 for piece in pieces)
    frames = [f for piece in pieces for s in piece.stretches for f in range(s.first, s.end)]
    assert frames == list(range(6_000))


def test_long_speech_is_cut_where_it_is_quietest(minute):
    pieces = cut_pieces(minute, [Segment(0.0, 60.0)], longest_s=20.0)
    cuts = [piece.stretches[0].first / 100 for piece in pieces[1:]]
    assert cuts
    assert all(cut % 7 <= 0.1 for cut in cuts)


def test_pieces_depend_on_what_is_near_only(minute):
    some = [Segment(float(t), t + 2.0) for t in range(0, 40, 4)]
    before = cut_pieces(minute, some)
    after = cut_pieces(minute, [*some, Segment(50.0, 55.0)])
    assert before[:-1] == after[: len(before) - 1]


def test_no_speech_gives_no_piece(minute):
    assert cut_pieces(minute, []) == ()


def test_samples_and_times_of_a_piece_belong_together():
    ramp = waveform_of(np.arange(160_000, dtype=np.float32) / 160_000)
    piece = Piece((Stretch(100, 120), Stretch(300, 340)))
    samples = piece.samples_of(ramp)
    assert len(samples) == 60 * 160
    for frame in (0, 19, 20, 59):
        first, end = piece.spans_of(frame, frame + 1)
        assert end == first + 1
        assert samples[frame * 160] == ramp.samples[first * 160]


def test_a_span_over_a_joint_goes_where_most_of_it_is():
    piece = Piece((Stretch(100, 120), Stretch(300, 340)))
    assert piece.spans_of(10, 22) == (110, 120)
    assert piece.spans_of(18, 30) == (300, 310)
    assert piece.spans_of(-25, 0) is None
    assert piece.spans_of(-5, 3) == (100, 103)
    assert piece.spans_of(58, 90) == (338, 340)
