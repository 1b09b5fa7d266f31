"""Facts about FaceFormer: its tables, its names, and that fast decoding is the slow one."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from visemic.core.errors import ArtifactError, ClockError, InputError
from visemic.models.faceformer import (
    PUBLISHED_SIZES,
    FaceFormer,
    FaceFormerConfig,
    HearingConfig,
    hidden_spans,
    load_hearing,
    load_published,
    renamed,
)
from visemic.models.faceformer_decode import (
    MotionDecoder,
    PeriodicPositions,
    alignment_mask,
    causal_bias,
)

torch.set_num_threads(1)

HEARING = HearingConfig(
    conv_channels=(8,) * 7, width=16, n_layers=1, n_heads=2, n_inner=16, position_kernel=4, position_groups=2
)
SMALL = FaceFormerConfig(n_channels=12, n_styles=3, width=16, period=5, hearing=HEARING)
PAIRED = replace(SMALL, states_per_frame=2, is_interpolated=False, frame_rate_hz=25.0)
OLD = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


def spread(network, size=0.1):
    """Give a network whose head is not zero."""
    with torch.no_grad():
        for layer in (network.vertice_map_r.weight, network.vertice_map_r.bias):
            layer.normal_(0, size)
    return network.eval()


def decoder(per_frame=1, *, n_channels=12, width=16, period=5, dropout=0.0, seed=0):
    torch.manual_seed(seed)
    made = MotionDecoder(
        n_channels=n_channels,
        n_styles=3,
        width=width,
        period=period,
        n_heads=4,
        states_per_frame=per_frame,
        dropout=dropout,
    )
    return spread(made)


def in_old_names(parameters):
    found = {}
    for name, value in parameters.items():
        for new, old in OLD.items():
            name = name.replace(new, old)
        found[name] = value
    return found


def test_heads_forget_by_whole_periods_at_their_own_pace():
    bias = causal_bias(100, 30, 4)
    assert bias[:, 99, 99 - 60].tolist() == [-0.5, -0.125, -0.03125, -0.0078125]
    assert bias[0, 99, 70:].abs().max() == 0
    assert bias[0, 99, 69] == -0.25
    assert torch.isinf(bias[:, 3, 4:]).all()
    assert not torch.isinf(bias[:, 3, :4]).any()


def test_a_frame_hears_its_own_states_and_no_others():
    assert (~alignment_mask(3, 3, 1)).nonzero().tolist() == [[0, 0], [1, 1], [2, 2]]
    heard = (~alignment_mask(3, 7, 2)).nonzero().tolist()
    assert heard == [[0, 0], [0, 1], [1, 2], [1, 3], [2, 4], [2, 5]]


def test_positions_repeat_for_ever_and_the_table_has_the_published_length():
    positions = PeriodicPositions(16, 30, 0.0)
    assert positions.pe.shape == (1, 630, 16)
    assert PeriodicPositions(16, 25, 0.0).pe.shape == (1, 625, 16)
    moved = positions(torch.zeros(1, 2_000, 16))
    assert torch.equal(moved[:, 1_970:], moved[:, 20:50])
    torch.testing.assert_close(positions(torch.zeros(1, 1, 16), 61)[0, 0], moved[0, 1])


@pytest.mark.parametrize("per_frame", [1, 2])
def test_keeping_keys_and_values_changes_nothing(per_frame):
    network = decoder(per_frame).double()
    memory = torch.randn(2, 40 * per_frame, 16, dtype=torch.float64)
    style = torch.tensor([[0.0, 1, 0], [0.3, 0.0, 0.7]], dtype=torch.float64)
    with torch.no_grad():
        fast, slow = network.decode(memory, style, 40), network.decode_naive(memory, style, 40)
    assert fast.abs().max() > 0.1
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-13)


def test_in_single_precision_the_two_differ_by_less_than_a_millionth():
    network = spread(decoder(n_channels=600, width=64, period=30), 0.01)
    memory, style = torch.randn(1, 90, 64), torch.eye(3)[:1]
    with torch.no_grad():
        away = network.decode(memory, style, 90) - network.decode_naive(memory, style, 90)
    assert away.abs().max() < 1e-6


@pytest.mark.parametrize("per_frame", [1, 2])
def test_learning_through_either_decoding_gives_the_same_gradients(per_frame):
    network = decoder(per_frame).double()
    memory = torch.randn(2, 12 * per_frame, 16, dtype=torch.float64)
    style, target = torch.eye(3)[:2].double(), torch.randn(2, 12, 12, dtype=torch.float64)
    found = []
    for decode in (network.decode, network.decode_naive):
        network.zero_grad()
        nn.functional.mse_loss(decode(memory, style, 12), target).backward()
        found.append({name: p.grad.clone() for name, p in network.named_parameters()})
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-9, atol=1e-14, msg=name)


def test_true_frames_that_are_its_own_give_its_own_frames_again():
    network = decoder()
    with torch.no_grad():
        # The published first tokens of the two ways differ by this bias.
        network.vertice_map.bias.zero_()
        memory, style = torch.randn(1, 20, 16), torch.eye(3)[:1]
        own = network.decode(memory, style, 20)
        torch.testing.assert_close(network.decode_taught(memory, style, own), own)


def test_sound_moves_its_own_frame_and_later_ones_never_earlier_ones():
    network = decoder()
    memory, style = torch.randn(1, 20, 16), torch.eye(3)[:1]
    changed = memory.clone()
    changed[:, 8] += 1.0
    with torch.no_grad():
        before, after = network.decode(memory, style, 20), network.decode(changed, style, 20)
    assert torch.equal(before[:, :8], after[:, :8])
    assert (before[:, 8:] != after[:, 8:]).any(-1).all()


def test_only_the_published_loop_ends_at_600_frames():
    network = decoder()
    memory, style = torch.randn(1, 640, 16), torch.eye(3)[:1]
    with torch.no_grad():
        with pytest.raises(InputError, match="ends at 600 frames and 601 are asked for"):
            network.decode_naive(memory, style, 601)
        fast = network.decode(memory, style, 640)
        # The last frame of the unlimited loop, all at once: its inputs are the frames before it.
        tokens = torch.cat([torch.zeros(1, 1, 16), network.vertice_map(fast[:, :-1])], 1)
        last = network.vertice_map_r(network._attend(tokens + network.obj_vector(style)[:, None], memory))
    torch.testing.assert_close(fast, last, rtol=0, atol=1e-5)


def test_fewer_states_than_frames_are_refused():
    network = decoder(2)
    with pytest.raises(InputError, match="10 frames need 20 states of audio and there are 19"):
        network.decode(torch.randn(1, 19, 16), torch.eye(3)[:1], 10)
    with pytest.raises(InputError, match="0 frames"):
        network.decode_naive(torch.randn(1, 19, 16), torch.eye(3)[:1], 0)


def test_a_fresh_network_leaves_the_face_at_rest():
    network = FaceFormer(SMALL).eval()
    with torch.no_grad():
        assert network.own_frames(torch.randn(1, 8_000), torch.eye(3)[:1]).abs().max() == 0


def test_without_a_number_of_frames_there_are_as_many_as_published():
    network = FaceFormer(SMALL).eval()
    with torch.no_grad():
        # 49 steps of a second of sound, rounded down; then as many as are asked for.
        assert network.hear(torch.randn(1, 16_000))[1] == int(49 / 50 * 30) == 29
        memory, n_frames = network.hear(torch.randn(1, 16_000), 30)
    assert (memory.shape, n_frames) == ((1, 30, 16), 30)


def test_pairs_of_steps_are_cut_to_whole_frames_and_to_those_asked_for():
    network = FaceFormer(PAIRED).eval()
    with torch.no_grad():
        memory, n_frames = network.hear(torch.randn(1, 16_000))
        assert (memory.shape[1], n_frames) == (48, 24)
        assert network.hear(torch.randn(1, 16_000), 25)[1] == 24
        memory, n_frames = network.hear(torch.randn(1, 16_000), 10)
        assert (memory.shape[1], n_frames) == (20, 10)


def test_interpolation_holds_the_first_and_the_last_step():
    network = FaceFormer(SMALL)
    steps = torch.randn(1, 49, 8)
    onto, n_frames = network._on_frames(steps, 97)
    assert n_frames == 97
    torch.testing.assert_close(onto[:, ::2], steps)


def test_a_batch_gives_what_its_clips_give_alone():
    network = spread(FaceFormer(SMALL))
    audio, style = torch.randn(2, 9_000), torch.eye(3)[:2]
    with torch.no_grad():
        together = network.own_frames(audio, style)
        alone = torch.cat([network.own_frames(audio[i : i + 1], style[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_too_little_sound_is_refused():
    network = FaceFormer(SMALL)
    assert HEARING.field == 400
    with pytest.raises(InputError, match="399 samples of sound are too few"):
        network.hear(torch.randn(1, 399))
    with pytest.raises(InputError, match="400 samples of sound are too few"):
        network.hear(torch.randn(1, 400))


def test_hidden_spans_are_at_least_two_and_fit():
    torch.manual_seed(1)
    hidden = hidden_spans(50, 300, 0.05, 10, 2)
    assert hidden.shape == (50, 300)
    assert ((hidden.sum(1) > 10) & (hidden.sum(1) <= 20)).all()
    assert not hidden_spans(2, 3, 0.05, 10, 2).any()
    torch.manual_seed(1)
    assert torch.equal(hidden, hidden_spans(50, 300, 0.05, 10, 2))


def test_states_are_hidden_in_training_only():
    network = FaceFormer(replace(SMALL, dropout=0.0, hearing=replace(HEARING, dropout=0.0, layer_drop=0.0)))
    audio = torch.randn(1, 16_000)
    with torch.no_grad():
        torch.testing.assert_close(network.eval().hear(audio)[0], network.hear(audio)[0])
        assert not torch.equal(network.train().hear(audio)[0], network.eval().hear(audio)[0])


def test_convolutions_are_not_trained():
    frozen = [name for name, p in FaceFormer(SMALL).named_parameters() if not p.requires_grad]
    assert frozen
    assert all(name.startswith("audio_encoder.feature_extractor.") for name in frozen)


@pytest.mark.parametrize(
    ("which", "total", "trained"),
    [("vocaset", 96_415_645, 92_215_197), ("biwi", 112_688_094, 108_487_646)],
)
def test_the_published_sizes_have_the_published_names_and_shapes(which, total, trained):
    config = PUBLISHED_SIZES[which]
    with torch.device("meta"):
        network = FaceFormer(config)
    parameters = list(network.parameters())
    assert sum(p.numel() for p in parameters) == total
    assert sum(p.numel() for p in parameters if p.requires_grad) == trained
    shapes = {name: tuple(v.shape) for name, v in in_old_names(network.state_dict()).items()}
    d, c, n = config.width, config.n_channels, config.n_styles
    layer = "transformer_decoder.layers.0."
    outside = {
        "audio_feature_map.weight": (d, 768),
        "audio_feature_map.bias": (d,),
        "vertice_map.weight": (d, c),
        "vertice_map.bias": (d,),
        "PPE.pe": (1, {30: 630, 25: 625}[config.period], d),
        "vertice_map_r.weight": (c, d),
        "vertice_map_r.bias": (c,),
        "obj_vector.weight": (d, n),
        layer + "linear1.weight": (2 * d, d),
        layer + "linear1.bias": (2 * d,),
        layer + "linear2.weight": (d, 2 * d),
        layer + "linear2.bias": (d,),
    }
    for attention in ("self_attn.", "multihead_attn."):
        outside |= {
            layer + attention + "in_proj_weight": (3 * d, d),
            layer + attention + "in_proj_bias": (3 * d,),
            layer + attention + "out_proj.weight": (d, d),
            layer + attention + "out_proj.bias": (d,),
        }
    for number in (1, 2, 3):
        outside |= {layer + f"norm{number}.{half}": (d,) for half in ("weight", "bias")}
    assert {k: v for k, v in shapes.items() if not k.startswith("audio_encoder.")} == outside
    inside = {k.removeprefix("audio_encoder."): v for k, v in shapes.items() if k not in outside}
    assert len(inside) == 211
    assert inside["encoder.pos_conv_embed.conv.weight_g"] == (1, 1, 128)
    assert inside["encoder.pos_conv_embed.conv.weight_v"] == (768, 48, 128)
    assert inside["feature_extractor.conv_layers.0.layer_norm.weight"] == (512,)
    assert inside["encoder.layers.11.feed_forward.intermediate_dense.weight"] == (3072, 768)


@pytest.mark.parametrize("is_old", [True, False])
def test_a_checkpoint_of_any_transformers_loads(tmp_path, is_old):
    published, network = spread(FaceFormer(SMALL)), FaceFormer(SMALL).eval()
    parameters = published.state_dict()
    torch.save(in_old_names(parameters) if is_old else parameters, tmp_path / "100_model.pth")
    load_published(network, tmp_path / "100_model.pth")
    audio, style = torch.randn(1, 8_000), torch.eye(3)[:1]
    with torch.no_grad():
        assert torch.equal(network.own_frames(audio, style), published.own_frames(audio, style))


def test_names_go_both_ways():
    network = nn.Module()
    network.conv = nn.Conv1d(2, 2, 1)
    network.conv.weight_g = nn.Parameter(torch.ones(1))
    found = renamed({"conv.parametrizations.weight.original0": torch.zeros(1)}, network)
    assert list(found) == ["conv.weight_g"]


def test_the_first_parameter_that_does_not_fit_is_named(tmp_path):
    network = FaceFormer(SMALL)
    parameters = network.state_dict()
    torch.save({**parameters, "obj_vector.weight": torch.zeros(16, 8)}, tmp_path / "a.pth")
    with pytest.raises(ArtifactError, match=r"'obj_vector.weight' has shape 16x8 .* and 16x3"):
        load_published(network, tmp_path / "a.pth")
    torch.save({k: v for k, v in parameters.items() if k != "vertice_map.bias"}, tmp_path / "b.pth")
    with pytest.raises(ArtifactError, match=r"lacks parameter 'vertice_map.bias'"):
        load_published(network, tmp_path / "b.pth")
    torch.save({**parameters, "lip_reader.weight": torch.zeros(1)}, tmp_path / "c.pth")
    with pytest.raises(ArtifactError, match=r"'lip_reader.weight', which FaceFormer lacks"):
        load_published(network, tmp_path / "c.pth")


def test_an_encoder_alone_loads_from_a_folder_that_recognises_speech(tmp_path):
    source, network = FaceFormer(SMALL), FaceFormer(SMALL)
    inside = {f"wav2vec2.{k}": v for k, v in source.audio_encoder.state_dict().items()}
    del inside["wav2vec2.masked_spec_embed"]
    torch.save(
        {**in_old_names(inside), "lm_head.weight": torch.zeros(32, 16)}, tmp_path / "pytorch_model.bin"
    )
    kept = network.audio_encoder.masked_spec_embed.clone()
    load_hearing(network, tmp_path)
    loaded = network.audio_encoder.state_dict()
    for name, value in source.audio_encoder.state_dict().items():
        assert torch.equal(loaded[name], kept if name == "masked_spec_embed" else value), name


def test_a_missing_encoder_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no checkpoint"):
        load_hearing(FaceFormer(SMALL), tmp_path)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="give a power of two of heads"):
        replace(SMALL, n_heads=3, width=18)
    with pytest.raises(InputError, match="period is 0"):
        replace(SMALL, period=0)
    with pytest.raises(InputError, match="dropout is 1"):
        replace(SMALL, dropout=1.0)
    with pytest.raises(ClockError, match="2 steps a frame at 30 frames a second are not the 50 steps"):
        replace(PAIRED, frame_rate_hz=30.0)
    with pytest.raises(InputError, match="have 7, 7 and 6 values"):
        replace(HEARING, conv_strides=(2,) * 6)
    with pytest.raises(InputError, match="width 17 does not divide among 2 heads"):
        replace(HEARING, width=17)


@pytest.mark.slow
def test_ten_seconds_decode_at_least_five_times_faster_than_as_published():
    from time import perf_counter

    network = spread(decoder(n_channels=15_069, width=64, period=30), 0.005)
    memory, style = torch.randn(1, 300, 64), torch.eye(3)[:1]
    taken, frames = [], []
    with torch.no_grad():
        network.decode(memory, style, 10)
        for decode in (network.decode, network.decode_naive):
            start = perf_counter()
            frames.append(decode(memory, style, 300))
            taken.append(perf_counter() - start)
    assert taken[1] > 5 * taken[0]
    assert (frames[0] - frames[1]).abs().max() <= 1e-6
