import numpy as np
import pytest
import torch

from visemic.core.errors import InputError
from visemic.models.avatron import (
    AvatronVoice,
    AvatronVoiceConfig,
    SplitBlock,
    StyleEncoder,
    ValidBatchNorm,
    sinusoids,
    upsampled,
)
from visemic.models.avatron_aligner import Aligner
from visemic.models.avatron_avatar import AvatronAvatar, AvatronAvatarConfig, n_parameters

torch.set_num_threads(1)

SMALL = AvatronVoiceConfig(
    n_symbols=12, channels=32, heads=2, hidden=32, kernel=3, encoder_blocks=1, decoder_blocks=1,
    style_channels=(4, 4),
)  # fmt: skip
SHIPPED = AvatronVoiceConfig(channels=192, hidden=512, kernel=5, style_channels=(8, 8, 16, 16, 32, 32))


def _voice() -> AvatronVoice:
    torch.manual_seed(0)
    return AvatronVoice(SMALL).eval()


def _valid(*lengths: int) -> torch.Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def test_the_published_sizes_are_those_of_the_release() -> None:
    voice = AvatronVoice(AvatronVoiceConfig(n_symbols=100))
    assert n_parameters(voice.encoder) / 1e6 == pytest.approx(10.96, abs=0.01)
    assert (n_parameters(voice.decoder) + n_parameters(voice.head)) / 1e6 == pytest.approx(10.98, abs=0.01)
    assert n_parameters(voice.style) / 1e6 == pytest.approx(0.58, abs=0.01)
    assert n_parameters(Aligner(256, 80)) / 1e6 == pytest.approx(0.52, abs=0.01)


def test_a_width_that_cannot_be_narrowed_is_refused() -> None:
    with pytest.raises(InputError, match="multiple of 64"):
        AvatronVoiceConfig(channels=200)


def test_the_whole_chain_to_vocaset_stays_below_half_of_faceformer() -> None:
    vocoder = 12.82e6
    voice = n_parameters(AvatronVoice(AvatronVoiceConfig(n_symbols=100)))
    assert voice + n_parameters(AvatronAvatar(AvatronAvatarConfig(15_069))) + vocoder <= 44.7e6


def test_the_shipped_voice_and_face_stay_within_eight_million_parameters() -> None:
    face = AvatronAvatarConfig(61, state_channels=192, channels=160, hidden=480, recurrent=80, n_styles=4)
    assert n_parameters(AvatronVoice(SHIPPED)) + n_parameters(AvatronAvatar(face)) <= 8e6


@torch.no_grad()
def test_what_stands_beside_a_sentence_in_a_batch_changes_nothing() -> None:
    voice = _voice()
    symbols = torch.randint(1, 12, (2, 9))
    symbols[1, 5:] = 0
    together = voice.encode(symbols, _valid(9, 5))
    alone = voice.encode(symbols[1:, :5], _valid(5))
    torch.testing.assert_close(together[1:, :5], alone, atol=1e-5, rtol=0)
    assert (together[1, 5:] == 0).all()
    style = torch.randn(2, 32)
    both = voice.predict(together, style, _valid(9, 5))
    one = voice.predict(alone, style[1:], _valid(5))
    torch.testing.assert_close(both.log_durations[1:, :5], one.log_durations, atol=1e-5, rtol=0)
    owner = torch.arange(20)[None] // 4
    frames = voice.decode(alone, style[1:], one.pitch, one.energy, owner, _valid(20))
    longer = torch.cat([owner, owner[:, :7]], 1)
    padded = voice.decode(alone, style[1:], one.pitch, one.energy, longer, torch.arange(27)[None] < 20)
    torch.testing.assert_close(padded[:, :20], frames, atol=1e-5, rtol=0)


def test_statistics_leave_padding_out() -> None:
    torch.manual_seed(0)
    norm, plain = ValidBatchNorm(3), torch.nn.BatchNorm1d(3)
    x = torch.randn(2, 3, 8)
    filled = torch.cat([x, 100 * torch.ones(2, 3, 4)], 2)
    torch.testing.assert_close(norm(filled, _valid(8, 8, 12)[:2])[..., :8], plain(x), atol=1e-5, rtol=0)
    torch.testing.assert_close(norm.running_mean, plain.running_mean)
    torch.testing.assert_close(norm.running_var, plain.running_var)


@torch.no_grad()
def test_one_half_of_a_block_looks_everywhere_and_the_other_nearby() -> None:
    torch.manual_seed(0)
    block = SplitBlock(AvatronVoiceConfig(channels=32, heads=2, hidden=32, kernel=3)).eval()
    x = torch.randn(1, 60, 32)
    for channel, reaches in ((3, True), (20, False)):
        changed = x.clone()
        changed[0, 0, channel] += 1.0
        difference = (block(changed, _valid(60)) - block(x, _valid(60))).abs().amax(-1)[0]
        assert bool(difference[40] > 1e-7) is reaches
        assert difference[1] > 1e-7


@torch.no_grad()
def test_pitch_and_energy_lie_between_nothing_and_one() -> None:
    voice = _voice()
    states = 50 * torch.randn(1, 30, 32)
    said = voice.predict(states, torch.zeros(1, 32), _valid(30))
    for curve in (said.pitch, said.energy):
        assert curve.min() >= 0
        assert curve.max() <= 1


@torch.no_grad()
def test_a_style_comes_from_a_mel_of_any_length() -> None:
    style = StyleEncoder(SMALL).eval()
    for length in (1, 37, 500):
        vector = style(torch.randn(2, length, 80))
        assert vector.shape == (2, 32)
        assert vector.abs().max() <= 1


def test_every_frame_has_the_state_of_its_symbol() -> None:
    states = torch.arange(6.0).reshape(1, 3, 2)
    owner = torch.tensor([[0, 0, 2, 2, 2]])
    np.testing.assert_array_equal(upsampled(states, owner)[0, :, 0], [0, 0, 4, 4, 4])


def test_positions_have_no_end() -> None:
    like = torch.zeros(1)
    torch.testing.assert_close(sinusoids(5_000, 16, like)[:50], sinusoids(50, 16, like))


def _gradient_norm(*, has_shortcut: bool) -> float:
    torch.manual_seed(0)
    config = AvatronVoiceConfig(
        n_symbols=12, channels=64, heads=2, hidden=64, kernel=3, style_channels=(4,), dropout=0.0,
        has_shortcut=has_shortcut,
    )  # fmt: skip
    voice = AvatronVoice(config).train()
    symbols, owner = torch.randint(1, 12, (2, 20)), (torch.arange(80) // 4).expand(2, -1)
    states = voice.encode(symbols, _valid(20, 20))
    nothing = torch.zeros(2, 20)
    mel = voice.decode(states, torch.zeros(2, 64), nothing, nothing, owner, _valid(80, 80))
    (mel - torch.randn(mel.shape)).square().mean().backward()
    return float(voice.embedding.weight.grad.norm())


def test_the_shortcut_keeps_the_gradient_of_the_symbols_small() -> None:
    assert _gradient_norm(has_shortcut=True) < 1
    assert _gradient_norm(has_shortcut=False) > 10 * _gradient_norm(has_shortcut=True)
