import numpy as np
import pytest
import torch

from visemic.models.avatron_avatar import AvatronAvatar, AvatronAvatarConfig
from visemic.models.avatron_discriminator import (
    CriticConfig,
    MotionCritics,
    critic_loss,
    feature_loss,
    fit_motion_code,
    generator_loss,
    gradient_penalty,
)

torch.set_num_threads(1)

SMALL = CriticConfig(codes=6, region_codes=4, widths=(16, 16, 16, 16), groups=(1, 2, 2, 2), state_channels=8)


def _motion(n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(0)
    spread = np.array([5.0, 1.0, 0.1, 2.0, 0.5, 0.01, 3.0, 1.0])
    return (1 + spread * rng.normal(size=(n, 8))).astype(np.float32)


def _critics(config: CriticConfig = SMALL) -> MotionCritics:
    torch.manual_seed(0)
    codes = {"face": fit_motion_code(_motion(), 6), "lips": fit_motion_code(_motion(), 4, np.arange(3))}
    return MotionCritics(config, codes)


def test_codes_of_the_training_movement_are_white() -> None:
    code = fit_motion_code(_motion(), 6)
    seen = code(torch.from_numpy(_motion())[None])[0, :6].numpy()
    np.testing.assert_allclose(np.cov(seen), np.eye(6), atol=0.02)
    np.testing.assert_allclose(seen.mean(1), 0, atol=1e-3)


def test_the_second_half_of_the_codes_is_their_change() -> None:
    code = fit_motion_code(_motion(), 6)
    seen = code(torch.from_numpy(_motion())[None])[0]
    torch.testing.assert_close(seen[6:, 1:], seen[:6].diff(dim=1))
    assert (seen[6:, 0] == 0).all()


def test_the_critic_of_a_region_is_blind_to_the_rest() -> None:
    code = fit_motion_code(_motion(), 4, np.arange(3))
    one = torch.from_numpy(_motion(50))[None]
    other = one.clone()
    other[..., 3:] += 7
    torch.testing.assert_close(code(one), code(other))


def test_directions_that_nothing_moves_in_are_left_out() -> None:
    still = _motion()
    still[:, 2:] = 0
    assert fit_motion_code(still, 6).basis.shape == (8, 2)


@pytest.mark.parametrize("sync", [False, True])
def test_every_critic_judges_patches(sync: bool) -> None:
    critics = _critics(CriticConfig(**{**SMALL.__dict__, "sync": sync}))
    judged = critics(torch.randn(2, 64, 8), torch.randn(2, 64, 8))
    assert len(judged) == 6 + sync
    assert judged["face_0"][-1].shape == (2, 1, 16)
    assert judged["face_2"][-1].shape == (2, 1, 4)


def test_only_the_critic_of_sync_hears_what_is_said() -> None:
    critics = _critics(CriticConfig(**{**SMALL.__dict__, "sync": True})).eval()
    motion = torch.randn(1, 64, 8)
    one, other = critics(motion, torch.zeros(1, 64, 8)), critics(motion, torch.ones(1, 64, 8))
    for name in one:
        assert torch.equal(one[name][-1], other[name][-1]) is (name != "sync")


def test_critics_that_are_right_cost_nothing_and_their_dupes_all() -> None:
    right, wrong = {"a": [torch.ones(2, 1, 4)]}, {"a": [torch.zeros(2, 1, 4)]}
    assert float(critic_loss(right, wrong)) == 0
    assert float(critic_loss(wrong, right)) == 2
    assert float(generator_loss(right)) == 0
    assert float(generator_loss(wrong)) == 1


@torch.no_grad()
def test_features_of_the_same_movement_are_no_distance_apart() -> None:
    critics = _critics().eval()
    motion, states = torch.randn(1, 64, 8), torch.zeros(1, 64, 8)
    judged = critics(motion, states)
    assert float(feature_loss(judged, judged)) == 0
    assert float(feature_loss(judged, critics(motion + 1, states))) > 0


def test_the_penalty_is_the_squared_slope() -> None:
    motion = torch.randn(3, 5, 2, requires_grad=True)
    judged = {"a": [(2 * motion).sum((1, 2))]}
    assert float(gradient_penalty(judged, motion)) == pytest.approx(4 * 10)


@pytest.mark.slow
def test_critics_learn_to_tell_still_faces_from_moving_ones() -> None:
    critics = _critics()
    optimiser = torch.optim.Adam(critics.parameters(), 1e-3)
    states = torch.zeros(4, 64, 8)
    generator = torch.Generator().manual_seed(0)
    first = None
    for _ in range(20):
        real = torch.cumsum(torch.randn(4, 64, 8, generator=generator), 1) / 4
        loss = critic_loss(critics(real, states), critics(0.1 * real, states))
        first = first or float(loss.detach())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.8 * first


def _spread_after_training(*, has_critics: bool) -> tuple[float, float]:
    """Learn movement that goes either way by chance; give the spread of what is made and of the data."""
    torch.manual_seed(0)
    config = AvatronAvatarConfig(
        3, state_channels=8, channels=16, heads=2, hidden=16, recurrent=8, period=10, n_styles=1, dropout=0.0
    )
    avatar = AvatronAvatar(config)
    time = torch.arange(48)
    wave = torch.sin(2 * np.pi * time / 12)[:, None] * torch.tensor([1.0, 0.5, 0.2])
    generator = torch.Generator().manual_seed(0)

    def recorded() -> torch.Tensor:
        way = torch.where(torch.rand(8, 1, 1, generator=generator) < 0.5, -1.0, 1.0)
        return way * wave + 0.05 * torch.randn(8, 48, 3, generator=generator)

    sample = torch.cat([recorded().flatten(0, 1) for _ in range(10)]).numpy()
    sizes = CriticConfig(
        codes=3, regions=False, widths=(16, 16, 16, 16), groups=(1, 1, 1, 1), scales=1, state_channels=8
    )
    critics = MotionCritics(sizes, {"face": fit_motion_code(sample, 3)})
    owner = (time // 4).expand(8, -1)
    inputs = (
        torch.randn(1, 12, 8).expand(8, -1, -1), torch.zeros(8, 12, dtype=torch.int64), torch.ones(8, 1),
        owner, owner, torch.zeros(8, 48), torch.full((8,), 48),
    )  # fmt: skip
    of_avatar = torch.optim.Adam(avatar.parameters(), 1e-2, betas=(0.5, 0.9))
    of_critics = torch.optim.Adam(critics.parameters(), 3e-3, betas=(0.5, 0.9))
    states = torch.zeros(8, 48, 8)
    for _ in range(200):
        real, made = recorded(), avatar(*inputs)
        loss = 0.05 * (made - real).square().mean()
        if has_critics:
            judged = critics(real, states)
            told = critic_loss(judged, critics(made.detach(), states))
            of_critics.zero_grad()
            told.backward()
            of_critics.step()
            fooled = critics(made, states)
            loss = loss + generator_loss(fooled) + 2 * feature_loss(judged, fooled)
        of_avatar.zero_grad()
        loss.backward()
        of_avatar.step()
    with torch.no_grad():
        return float(avatar.eval()(*inputs)[0].std(0).mean()), float(recorded()[0].std(0).mean())


@pytest.mark.slow
def test_with_critics_movement_is_as_lively_as_the_recorded_one_and_without_it_fades() -> None:
    plain, _ = _spread_after_training(has_critics=False)
    lively, recorded = _spread_after_training(has_critics=True)
    assert plain < 0.3 * recorded
    assert 0.5 * recorded < lively < 1.5 * recorded
