import numpy as np
import pytest
import torch

from visemic.models.phonetic import PhoneticConfig, PhoneticEncoder
from visemic.models.trunk_mouth import TrunkMouth, TrunkMouthConfig

torch.set_num_threads(1)

SMALL = PhoneticConfig(
    channels=16, expansion=2, kernel=3, dilations=(1, 1, 2), lookaheads=(1, 1, 0), dropout=0.0
)


def _mel(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(1, n, 40)).astype(np.float32))


def _encoder() -> PhoneticEncoder:
    torch.manual_seed(0)
    return PhoneticEncoder(SMALL).eval()


@torch.no_grad()
@pytest.mark.parametrize("pieces", [[2] * 20, [4, 6, 10, 20], [40]])
def test_pieces_give_what_the_whole_gives(pieces: list[int]) -> None:
    encoder = _encoder()
    mel = _mel(40)
    state = encoder.first_state(1)
    _, whole, _ = encoder(mel, state)
    logits = []
    for piece in torch.split(mel, pieces, dim=1):
        _, part, state = encoder(piece, state)
        logits.append(part)
    torch.testing.assert_close(torch.cat(logits, dim=1), whole, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_step_hears_no_more_than_seventy_two_and_a_half_milliseconds_ahead() -> None:
    encoder = _encoder()
    mel = _mel(80)
    _, before = encoder.whole(mel)
    step = 20
    # Step j speaks of frame 2 j + 1 and hears up to frame 2 j + 7, whose window ends 12.5 ms later.
    for frame, is_heard in ((2 * step + 7, True), (2 * step + 8, False)):
        changed = mel.clone()
        changed[:, frame] += 1.0
        _, after = encoder.whole(changed)
        assert bool((after[:, step] != before[:, step]).any()) is is_heard
        torch.testing.assert_close(after[:, : step - 1], before[:, : step - 1], atol=0, rtol=0)


@torch.no_grad()
def test_two_frames_make_a_step_and_an_odd_one_makes_another() -> None:
    encoder = _encoder()
    assert encoder.whole(_mel(30))[1].shape == (1, 15, 40)
    assert encoder.whole(_mel(31))[1].shape == (1, 16, 40)


def test_the_shipped_sizes_stay_within_five_million_parameters() -> None:
    n = sum(p.numel() for p in TrunkMouth(TrunkMouthConfig()).parameters())
    assert 1_000_000 <= n <= 5_000_000


@torch.no_grad()
def test_the_mouth_streams_like_its_trunk() -> None:
    torch.manual_seed(1)
    network = TrunkMouth(TrunkMouthConfig(trunk=SMALL, channels=12, kernel=3, dilations=(1, 2))).eval()
    mel = _mel(48)
    state = network.first_state(1)
    whole = network(mel, state)[2]
    shapes = []
    for piece in torch.split(mel, 6, dim=1):
        _, _, part, state = network(piece, state)
        shapes.append(part)
    torch.testing.assert_close(torch.cat(shapes, dim=1), whole, atol=1e-5, rtol=0)
