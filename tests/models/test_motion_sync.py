"""The sync network's vectors are of length 1, belong to a window, and know nothing beyond it."""

import pytest
import torch

from visemic.core.errors import InputError
from visemic.models.motion_sync import MotionSync, MotionSyncConfig

torch.set_num_threads(1)
SMALL = MotionSyncConfig(sound_width=12, mouth_width=10, embedding=6)


@pytest.fixture
def network() -> MotionSync:
    torch.manual_seed(1)
    return MotionSync(SMALL).eval()


def inputs(n_frames: int, n_clips: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return (
        torch.randn(n_clips, 4 * n_frames, SMALL.n_bands, generator=generator),
        torch.randn(n_clips, n_frames, SMALL.n_curves, generator=generator),
    )


def test_both_towers_give_one_unit_vector_for_every_whole_window(network):
    sound, mouth = network(*inputs(40))
    assert sound.shape == mouth.shape == (2, 40 - 2 * SMALL.margin_frames, SMALL.embedding)
    for vectors in (sound, mouth):
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(vectors.shape[:2]))


def test_a_part_of_a_clip_has_the_vectors_of_the_whole(network):
    sound, mouth = inputs(50)
    whole = network(sound, mouth)
    part = network(sound[:, 4 * 10 : 4 * 40], mouth[:, 10:40])
    for all_, some in zip(whole, part, strict=True):
        torch.testing.assert_close(some, all_[:, 10 : 10 + some.shape[1]], rtol=1e-4, atol=1e-5)


def test_a_vector_sees_as_far_as_it_says_and_as_far_to_both_sides(network):
    sound, mouth = inputs(50)
    frame, margin = 25, SMALL.margin_frames
    heard, seen = network(sound, mouth)
    mouth[:, frame] += 3.0
    sound[:, 4 * frame] += 3.0
    heard_now, seen_now = network(sound, mouth)
    for before, after in ((heard, heard_now), (seen, seen_now)):
        changed = (before - after).abs().amax(dim=(0, 2)) > 1e-6
        frames = changed.nonzero().flatten() + margin
        assert (int(frames.min()), int(frames.max())) == (frame - margin, frame + margin)


def test_the_default_network_is_small():
    assert sum(p.numel() for p in MotionSync(MotionSyncConfig()).parameters()) < 1_000_000


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="depth is 0"):
        MotionSyncConfig(depth=0)
    with pytest.raises(InputError, match="dropout is 1"):
        MotionSyncConfig(dropout=1.0)
