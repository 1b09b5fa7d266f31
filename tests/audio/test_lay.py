import itertools

import numpy as np
import pytest

from visemic.audio.activity import Segment
from visemic.audio.lay import lay_over, spread
from visemic.core.signals import Phone

ALL = [Segment(0.0, 10.0)]


def test_time_is_shared_by_usual_length():
    spans = spread(["N", "AW", "N"], [(0.0, 1.0)])
    lengths = [end - start for start, end in spans]
    assert lengths[0] == pytest.approx(lengths[2])
    assert lengths[1] > 2 * lengths[0]
    assert spans[0][0] == 0
    assert spans[-1][1] == pytest.approx(1.0)


def test_spans_lie_within_stretches(rng):
    within = [(0.0, 0.4), (1.0, 1.3), (2.0, 4.0)]
    spans = spread(["T", "AA", "M"] * 10, within)
    for start, end in spans:
        assert any(low - 1e-9 <= start <= end <= high + 1e-9 for low, high in within)
    assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(spans))


def test_partners_give_their_times():
    heard = [Phone("B", 1.0, 1.1), Phone("IY", 1.1, 1.3), Phone("T", 2.0, 2.1)]
    assert lay_over(["B", "IY", "T"], heard, ALL, (0.0, 10.0)) == [(1.0, 1.1), (1.1, 1.3), (2.0, 2.1)]


def test_a_phone_without_partner_takes_the_time_between():
    heard = [Phone("B", 1.0, 1.1), Phone("T", 1.4, 1.5)]
    spans = lay_over(["B", "IY", "T"], heard, ALL, (0.0, 10.0))
    assert spans[1] == pytest.approx((1.1, 1.4))


def test_without_time_between_the_neighbour_shares_its_own():
    heard = [Phone("B", 1.0, 1.1), Phone("T", 1.1, 1.3)]
    spans = lay_over(["B", "IY", "T"], heard, ALL, (0.0, 10.0))
    assert spans[0] == (1.0, 1.1)
    assert spans[1][0] == pytest.approx(1.1)
    assert spans[2][1] == pytest.approx(1.3)
    assert spans[1][1] - spans[1][0] > 0.03


@pytest.mark.parametrize("n_heard", [0, 1, 5, 40])
def test_every_phone_gets_a_span_in_order(n_heard, rng):
    names = ["B", "IY", "T", "AA", "S", "M", "OW"]
    said = [names[i] for i in rng.integers(0, 7, 30)]
    edges = np.sort(rng.uniform(0, 5, n_heard + 1))
    heard = [Phone(names[rng.integers(7)], edges[k], edges[k + 1]) for k in range(n_heard)]
    segments = [Segment(0.2, 2.0), Segment(2.5, 4.8)]
    spans = lay_over(said, heard, segments, (0.0, 5.0))
    assert len(spans) == 30
    assert all(start <= end for start, end in spans)
    assert all(a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(spans))
    assert spans[0][0] >= 0
    assert spans[-1][1] <= 5.0 + 1e-6
