from itertools import combinations

import numpy as np
import pytest
import torch

from visemic.core.errors import InputError
from visemic.models.avatron_aligner import (
    Aligner,
    binarisation_loss,
    forward_sum_loss,
    guide_loss,
    hard_alignment,
)

torch.set_num_threads(1)


def _paths(n_frames: int, n_symbols: int) -> list[np.ndarray]:
    """Give every way to cut frames into as many stretches as there are symbols."""
    found = []
    for cuts in combinations(range(1, n_frames), n_symbols - 1):
        found.append(np.diff([0, *cuts, n_frames]))
    return found


def _score(scores: np.ndarray, frames: np.ndarray) -> float:
    return float(scores[np.arange(len(scores)), np.repeat(np.arange(len(frames)), frames)].sum())


@pytest.mark.parametrize("seed", range(30))
def test_the_hard_path_is_the_best_of_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_symbols = int(rng.integers(1, 6))
    n_frames = int(rng.integers(n_symbols, 11))
    scores = np.log(rng.dirichlet(np.ones(n_symbols), n_frames)).astype(np.float32)
    found = hard_alignment(scores)
    best = max(_score(scores, frames) for frames in _paths(n_frames, n_symbols))
    assert found.sum() == n_frames
    assert found.min() >= 1
    assert _score(scores, found) == pytest.approx(best, abs=1e-4)


def test_fewer_frames_than_symbols_are_refused() -> None:
    with pytest.raises(InputError, match="3 symbols cannot be aligned with 2 frames"):
        hard_alignment(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize(("n_frames", "n_symbols"), [(1, 1), (5, 1), (6, 3), (8, 4)])
def test_the_forward_sum_adds_all_paths(n_frames: int, n_symbols: int) -> None:
    rng = np.random.default_rng(n_frames)
    scores = np.log(rng.dirichlet(np.ones(n_symbols), n_frames)).astype(np.float32)
    every = [_score(scores, frames) for frames in _paths(n_frames, n_symbols)]
    expected = -np.logaddexp.reduce(every) / n_symbols
    loss = forward_sum_loss(
        torch.from_numpy(scores)[None], torch.tensor([n_symbols]), torch.tensor([n_frames]), blank=-1e4
    )
    assert float(loss) == pytest.approx(expected, abs=1e-4)


def test_padding_changes_no_loss() -> None:
    torch.manual_seed(0)
    aligner = Aligner(16, 80)
    states, mel = torch.randn(1, 5, 16), torch.randn(1, 20, 80)
    n = (torch.tensor([5]), torch.tensor([20]))
    alone = aligner(states, torch.ones(1, 5, dtype=torch.bool), mel)
    more = torch.cat([alone, torch.full((1, 20, 3), -1e4)], 2)
    more = torch.cat([more, torch.zeros(1, 4, 8)], 1)
    torch.testing.assert_close(forward_sum_loss(more, *n), forward_sum_loss(alone, *n))
    torch.testing.assert_close(guide_loss(more, *n), guide_loss(alone, *n))


def test_a_sure_alignment_on_the_diagonal_costs_nothing() -> None:
    owner = torch.arange(12)[None] // 3
    log_soft = torch.where(torch.nn.functional.one_hot(owner, 4) > 0, 0.0, -1e4)
    valid = torch.ones(1, 12, dtype=torch.bool)
    assert float(binarisation_loss(log_soft, owner, valid)) == 0
    assert float(guide_loss(log_soft, torch.tensor([4]), torch.tensor([12]))) < 0.1
    backwards = log_soft.flip(1)
    assert float(guide_loss(backwards, torch.tensor([4]), torch.tensor([12]))) > 0.4


@pytest.mark.slow
def test_an_alignment_is_found_from_sound_alone() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(6, 80)).astype(np.float32)
    frames = np.array([4, 7, 3, 9, 5, 6])
    mel = np.repeat(looks, frames, 0) + 0.1 * rng.normal(size=(34, 80)).astype(np.float32)
    aligner = Aligner(16, 80)
    states = torch.randn(1, 6, 16)
    valid = torch.ones(1, 6, dtype=torch.bool)
    optimiser = torch.optim.Adam(aligner.parameters(), 3e-3)
    n = (torch.tensor([6]), torch.tensor([34]))
    heard = torch.from_numpy(mel.astype(np.float32))[None]
    for _ in range(150):
        log_soft = aligner(states, valid, heard)
        loss = forward_sum_loss(log_soft, *n) + guide_loss(log_soft, *n)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = hard_alignment(aligner(states, valid, heard)[0].detach().numpy())
    assert np.abs(np.cumsum(found) - np.cumsum(frames)).mean() < 1
