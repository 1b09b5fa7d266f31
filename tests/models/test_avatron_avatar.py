import numpy as np
import pytest
import torch

from visemic.models.avatron_avatar import (
    AvatronAvatar,
    AvatronAvatarConfig,
    closure_loss,
    period_bias,
    periodic_positions,
)

torch.set_num_threads(1)


def _avatar(n_outputs: int = 6, **changes: object) -> AvatronAvatar:
    torch.manual_seed(0)
    sizes = {
        "state_channels": 16, "channels": 24, "heads": 2, "hidden": 32, "recurrent": 8, "n_styles": 2,
        "period": 10, **changes,
    }  # fmt: skip
    avatar = AvatronAvatar(AvatronAvatarConfig(n_outputs, **sizes)).eval()
    torch.nn.init.normal_(avatar.head.weight)
    return avatar


def _inputs(n_frames: int = 40, n_symbols: int = 8) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    owner = (torch.arange(n_frames) * n_symbols // n_frames)[None]
    return {
        "states": torch.randn(1, n_symbols, 16, generator=generator),
        "classes": torch.arange(n_symbols)[None] % 5,
        "style": torch.tensor([[1.0, 0.0]]),
        "before": owner,
        "after": owner,
        "share": torch.zeros(1, n_frames),
        "n_frames": torch.tensor([n_frames]),
    }


def test_a_fresh_face_is_at_rest() -> None:
    avatar = AvatronAvatar(AvatronAvatarConfig(9, state_channels=16, channels=24, heads=2, n_styles=2))
    assert (avatar.eval()(**_inputs()) == 0).all()


@torch.no_grad()
def test_the_recurrence_runs_over_time_and_the_released_one_does_not() -> None:
    """A change of frame 10 behind the conformer reaches later and earlier frames only if time recurs."""
    for recurs, reached in ((True, 40), (False, 1)):
        avatar = _avatar(recurs_over_time=recurs)
        x = torch.randn(1, 40, 24)
        changed = x.clone()
        changed[0, 10] += 1.0
        n = torch.tensor([40])
        difference = (avatar._recur(changed, n) - avatar._recur(x, n)).abs().amax(-1)[0]
        assert difference[10] > 0
        assert int((difference[9:12] > 0).sum()) == min(3, reached)


@torch.no_grad()
@pytest.mark.parametrize("n_outputs", [61, 15_069, 70_110])
def test_any_topology_comes_out(n_outputs: int) -> None:
    assert _avatar(n_outputs)(**_inputs(4)).shape == (1, 4, n_outputs)


@pytest.mark.slow
@torch.no_grad()
def test_a_minute_is_not_too_long() -> None:
    assert _avatar()(**_inputs(1_800, 300)).isfinite().all()


@torch.no_grad()
@pytest.mark.parametrize("recurs", [True, False])
def test_what_stands_beside_a_sentence_in_a_batch_changes_nothing(recurs: bool) -> None:
    avatar = _avatar(recurs_over_time=recurs)
    long, short = _inputs(40), _inputs(25)
    batch = {}
    for name in long:
        one, two = long[name], short[name]
        if one.dim() > 1 and one.shape[1] != two.shape[1]:
            two = torch.nn.functional.pad(two, (0, one.shape[1] - two.shape[1]))
        batch[name] = torch.cat([one, two])
    together = avatar(**batch)
    torch.testing.assert_close(together[1:, :25], avatar(**short), atol=1e-5, rtol=0)
    torch.testing.assert_close(together[:1], avatar(**long), atol=1e-5, rtol=0)
    assert (together[1, 25:] == 0).all()


@torch.no_grad()
def test_half_way_between_two_mel_frames_is_their_mean() -> None:
    avatar = _avatar()
    inputs = _inputs(10)
    first, second = torch.zeros(1, 10, dtype=torch.int64), torch.full((1, 10), 3)
    half = avatar(**{**inputs, "before": first, "after": second, "share": torch.full((1, 10), 0.5)})
    turned = avatar(**{**inputs, "before": second, "after": first, "share": torch.full((1, 10), 0.5)})
    torch.testing.assert_close(half, turned, atol=1e-5, rtol=0)


def test_attention_sees_no_future_and_less_of_each_period_further_back() -> None:
    bias = period_bias(25, 4, 10, torch.zeros(1))
    assert (bias[:, 3, 4:] < -1e3).all()
    np.testing.assert_allclose(bias[:, 24, 24], 0)
    np.testing.assert_allclose(bias[:, 24, 4], [-0.5, -0.125, -0.03125, -0.0078125])


def test_positions_repeat_every_period() -> None:
    positions = periodic_positions(25, 16, 10, torch.zeros(1))
    torch.testing.assert_close(positions[:10], positions[10:20])


def test_closure_counts_the_gap_on_bilabials_only() -> None:
    target = torch.zeros(1, 4, 3)
    predicted = target.clone()
    predicted[0, 1, 0] = 2.0
    predicted[0, 2, 0] = 5.0
    gap = torch.tensor([1.0, 0.0, 0.0])
    closed = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    assert float(closure_loss(predicted, target, gap, closed)) == 2.0
    assert float(closure_loss(predicted, target, gap, 0 * closed)) == 0.0
    predicted[0, :, 1] = 9.0
    assert float(closure_loss(predicted, target, gap, closed)) == 2.0
