"""The networks of style: shapes, published sizes, laws of their losses."""

import math

import numpy as np
import pytest
import torch

from visemic.core.errors import ArtifactError, InputError
from visemic.models.style_encoder import StyleEncoder, StyleEncoderConfig
from visemic.models.style_generator import StyleGenerator, StyleGeneratorConfig
from visemic.models.style_layers import nt_xent_loss, soft_clip_loss
from visemic.models.style_prior import StylePrior, StylePriorConfig
from visemic.models.style_text import StyleText, StyleTextConfig, TextTower, load_text_tower

torch.set_num_threads(1)

SMALL_ENCODER = StyleEncoderConfig(n_channels=5, window=20, patch=4, width=16, depth=1, heads=2, style=8)
SMALL_TEXT = StyleTextConfig(
    n_words=11,
    max_words=6,
    width=16,
    depth=1,
    heads=2,
    embedding=12,
    hidden=16,
    n_blocks=1,
    style=8,
    projector=16,
)


def _count(network) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.slow
def test_the_published_instruction_mlp_has_75_6_million_parameters() -> None:
    with torch.device("meta"):
        network = StyleText(StyleTextConfig.published())
    assert _count(network) == pytest.approx(75.6e6, rel=0.001)


@pytest.mark.slow
def test_the_published_prior_is_six_layers_of_eight_heads_of_64() -> None:
    config = StylePriorConfig()
    assert (config.depth, config.heads, config.head_width, config.n_steps) == (6, 8, 64, 100)
    assert config.scale == pytest.approx(math.sqrt(128))
    with torch.device("meta"):
        network = StylePrior(config)
    attention = 4 * 128 * 8 * 64
    hidden = 2 * 128 * 512 + 512 + 128
    norms = 4 * 128
    around = 100 * 128 + 128 + 3 * 128 + 2 * 128 + 128 * 128
    assert _count(network) == 6 * (attention + hidden + norms) + around


def test_the_published_style_encoder_is_four_layers_over_100_frames() -> None:
    config = StyleEncoderConfig()
    assert (config.window, config.patch, config.depth, config.heads, config.width) == (100, 1, 4, 4, 128)


def test_styles_have_length_1_and_ignore_what_is_not_there() -> None:
    torch.manual_seed(0)
    network = StyleEncoder(SMALL_ENCODER).eval()
    motion = torch.randn(3, 20, 5)
    valid = torch.ones(3, 20, dtype=torch.bool)
    valid[1, 12:] = False
    style = network(motion, valid)
    assert torch.allclose(style.norm(dim=1), torch.ones(3), atol=1e-5)
    changed = motion.clone()
    changed[1, 12:] = 9.0
    assert torch.allclose(network(changed, valid), style, atol=1e-5)


def test_windows_that_patches_do_not_fill_are_refused() -> None:
    with pytest.raises(InputError, match="no whole patches of 3"):
        StyleEncoderConfig(patch=3)


def test_nt_xent_is_smallest_for_two_equal_views_and_blind_to_rows_alike() -> None:
    one = torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.manual_seed(0)), dim=1)
    other = torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.manual_seed(1)), dim=1)
    alone = torch.eye(4, dtype=torch.bool)
    assert float(nt_xent_loss(one, one, alone, 0.1)) < float(nt_xent_loss(one, other, alone, 0.1))
    # Were all rows of one manner, nothing would be pushed away.
    assert float(nt_xent_loss(one, one, torch.ones(4, 4, dtype=torch.bool), 0.1)) == pytest.approx(
        0.0, abs=1e-5
    )


def test_nt_xent_has_its_closed_form() -> None:
    one = torch.eye(2)
    loss = nt_xent_loss(one, one, torch.eye(2, dtype=torch.bool), 0.5)
    # The other view has likeness 1, both views of the other row 0.
    assert float(loss) == pytest.approx(-math.log(math.exp(2) / (math.exp(2) + 2)), rel=1e-5)


def test_soft_clip_prefers_the_order_of_the_styles() -> None:
    style = torch.nn.functional.normalize(torch.randn(6, 8, generator=torch.manual_seed(2)), dim=1)
    right = float(soft_clip_loss(style, style, 0.1))
    wrong = float(soft_clip_loss(style.roll(1, 0), style, 0.1))
    labels = (style @ style.T / 0.1).softmax(-1)
    entropy = float(-(labels * labels.log()).sum(-1).mean())
    assert right == pytest.approx(entropy, rel=1e-4)
    assert right < wrong


def test_instructions_of_other_words_differ_and_padding_does_not_count() -> None:
    torch.manual_seed(0)
    network = StyleText(SMALL_TEXT).eval()
    words = torch.tensor([[2, 3, 4, 0, 0, 0], [2, 3, 5, 0, 0, 0]])
    condition, projected = network(words)
    assert condition.shape == projected.shape == (2, 8)
    assert not torch.allclose(condition[0], condition[1])


def test_an_unheard_instruction_does_not_move_the_prior() -> None:
    torch.manual_seed(0)
    network = StylePrior(StylePriorConfig(style=8, depth=1, heads=2, head_width=4)).eval()
    noisy, step = torch.randn(2, 8), torch.tensor([3, 40])
    none = torch.zeros(2, dtype=torch.bool)
    one, other = (network(noisy, step, torch.randn(2, 8), none) for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, network(noisy, step, torch.randn(2, 8), ~none))


def test_one_style_for_all_frames_equals_the_same_in_every_frame() -> None:
    torch.manual_seed(0)
    config = StyleGeneratorConfig(n_content=7, style=8, n_channels=5, channels=12, dilations=(1, 2))
    network = StyleGenerator(config).eval()
    for block in network.blocks:
        torch.nn.init.normal_(block.steer.weight, std=0.1)
    content, style = torch.randn(1, 30, 7), torch.nn.functional.normalize(torch.randn(1, 1, 8), dim=-1)
    whole = network(content, style)
    assert torch.allclose(whole, network(content, style.expand(1, 30, 8)), atol=1e-5)
    assert not torch.allclose(whole, network(content, -style))


def test_a_frame_depends_on_its_reach_and_no_further() -> None:
    torch.manual_seed(0)
    config = StyleGeneratorConfig(n_content=7, style=8, n_channels=5, channels=12, dilations=(1, 2))
    assert config.reach_frames == 6
    network = StyleGenerator(config).eval()
    content, style = torch.randn(1, 40, 7), torch.randn(1, 1, 8)
    changed = content.clone()
    changed[0, 20] += 1.0
    moved = (network(content, style) - network(changed, style)).abs().amax(-1)[0] > 1e-6
    assert moved[14:27].any()
    assert not moved[:14].any()
    assert not moved[27:].any()


@pytest.mark.slow
def test_a_text_tower_of_clip_gives_the_mean_of_all_its_tokens() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    settings = transformers.CLIPTextConfig(
        vocab_size=30, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=12, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    network = transformers.CLIPTextModel(settings)

    def tokenizer(texts, **options):
        ids = torch.zeros(len(texts), options["max_length"], dtype=torch.int64)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = torch.tensor([3 + ord(letter) % 20 for letter in text])
            ids[row, len(text)] = 2
        return {"input_ids": ids, "attention_mask": (ids > 0).long()}

    found = TextTower(network, tokenizer, length=12).embed(["happy", "sad"])
    assert found.shape == (2, 16)
    assert np.isfinite(found.numpy()).all()
    assert not torch.allclose(found[0], found[1])


@pytest.mark.slow
def test_a_folder_without_a_checkpoint_is_no_text_tower(tmp_path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(ArtifactError, match="gives no text tower"):
        load_text_tower(str(tmp_path))
