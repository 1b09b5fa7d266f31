import itertools

import numpy as np
import pytest

from visemic.models.heard_phones import alignment_of, best_path
from visemic.text.phone_posterior import PHONES, viseme_of_phone, viseme_posteriors
from visemic.text.visemes import OCULUS_VISEMES


def _cost(scores: np.ndarray, path: tuple[int, ...], switch: float) -> float:
    changes = sum(a != b for a, b in itertools.pairwise(path))
    return float(sum(scores[i, p] for i, p in enumerate(path)) - switch * changes)


@pytest.mark.parametrize("switch", [0.0, 0.7, 3.0])
def test_the_best_path_is_the_best_of_all(switch: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = rng.normal(size=(6, 3))
        best = max(itertools.product(range(3), repeat=6), key=lambda path: _cost(scores, path, switch))
        assert _cost(scores, tuple(best_path(scores, switch)), switch) == pytest.approx(
            _cost(scores, best, switch)
        )


def test_phones_follow_one_another_from_start_to_end() -> None:
    phones = np.full((10, len(PHONES)), 1e-4, np.float32)
    for step, label in enumerate(["SIL"] * 3 + ["M"] * 3 + ["AA"] * 4):
        phones[step, PHONES.index(label)] = 0.99
    alignment = alignment_of(phones, 0.197)
    assert [p.label for p in alignment.phones] == ["SIL", "M", "AA"]
    assert [round(p.start_s, 3) for p in alignment.phones] == [0.0, 0.06, 0.12]
    assert alignment.phones[-1].end_s == 0.197
    assert alignment.source == "recognised"


def test_visemes_are_the_sums_of_their_phones() -> None:
    phones = np.random.default_rng(0).dirichlet(np.ones(len(PHONES)), 7)
    visemes = viseme_posteriors(phones)
    np.testing.assert_allclose(visemes.sum(axis=1), 1.0)
    lips = phones[:, [PHONES.index(p) for p in "PBM"]].sum(axis=1)
    np.testing.assert_allclose(visemes[:, OCULUS_VISEMES.index("PP")], lips)
    assert viseme_of_phone()[PHONES.index("SIL")] == 0
