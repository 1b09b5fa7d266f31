"""Facts about the Q-Former: it is the published one, and it listens to what is real only."""

import pytest
import torch

from visemic.core.errors import ArtifactError, InputError
from visemic.models.qformer import PUBLISHED, QFormer, QFormerConfig, start_from_bert

torch.set_num_threads(1)

SMALL = QFormerConfig(n_queries=5, width=16, n_layers=3, n_heads=2, inner=24, cross_every=2, dropout=0.0)


def listened(network, n_steps=7, seed=1):
    torch.manual_seed(seed)
    memory = torch.randn(2, n_steps, 12)
    valid = torch.ones(2, n_steps, dtype=torch.bool)
    valid[1, n_steps // 2 :] = False
    return memory, valid, network(memory, valid)


@pytest.mark.slow
def test_the_published_network_of_transformers_gives_the_same():
    blip = pytest.importorskip("transformers").models.blip_2.modeling_blip_2
    config = blip.Blip2QFormerConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        encoder_hidden_size=12,
        cross_attention_frequency=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    theirs = blip.Blip2QFormerModel(config).eval()
    ours = QFormer(SMALL, 12).eval()
    ours.load_state_dict({**theirs.state_dict(), "query_tokens": ours.query_tokens.data})
    memory, valid, found = listened(ours)
    expected = theirs(
        query_embeds=ours.query_tokens.expand(2, -1, -1),
        encoder_hidden_states=memory,
        encoder_attention_mask=valid.long(),
    ).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_what_is_not_real_changes_nothing():
    network = QFormer(SMALL, 12).eval()
    memory, valid, found = listened(network)
    changed = torch.where(valid[..., None], memory, torch.full_like(memory, 9.0))
    torch.testing.assert_close(network(changed, valid), found)
    torch.testing.assert_close(network(memory[1:, :3], valid[1:, :3]), found[1:], atol=1e-6, rtol=1e-5)


def test_every_second_layer_asks_the_sound():
    layers = QFormer(SMALL, 12).encoder.layer
    assert [layer.crossattention is not None for layer in layers] == [True, False, True]


@pytest.mark.slow
def test_the_published_size_is_a_hundred_million():
    with torch.device("meta"):
        network = QFormer(PUBLISHED, 1_024)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(101.6e6, rel=0.001)


def test_bert_gives_self_attention_and_thought():
    network = QFormer(SMALL, 12)
    names = {
        "attention.self.query": (16, 16),
        "attention.self.key": (16, 16),
        "attention.self.value": (16, 16),
        "attention.output.dense": (16, 16),
        "intermediate.dense": (24, 16),
        "output.dense": (16, 24),
    }
    bert = {}
    for layer in range(3):
        for name, shape in names.items():
            bert[f"bert.encoder.layer.{layer}.{name}.weight"] = torch.randn(shape)
            bert[f"bert.encoder.layer.{layer}.{name}.bias"] = torch.randn(shape[0])
        for name in ("attention.output", "output"):
            bert[f"bert.encoder.layer.{layer}.{name}.LayerNorm.weight"] = torch.randn(16)
            bert[f"bert.encoder.layer.{layer}.{name}.LayerNorm.bias"] = torch.randn(16)
    bert["bert.pooler.dense.weight"] = torch.randn(16, 16)
    before = network.encoder.layer[0].crossattention.attention.query.weight.clone()
    assert start_from_bert(network, bert) == 48
    own = network.encoder.layer[2].output_query.dense.weight
    torch.testing.assert_close(own, bert["bert.encoder.layer.2.output.dense.weight"])
    torch.testing.assert_close(network.encoder.layer[0].crossattention.attention.query.weight, before)


def test_a_bert_of_another_size_is_refused():
    with pytest.raises(ArtifactError, match=r"encoder\.layer\.0"):
        start_from_bert(QFormer(SMALL, 12), {})


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="heads"):
        QFormerConfig(width=10, n_heads=4)
    with pytest.raises(InputError, match="n_queries"):
        QFormerConfig(n_queries=0)
