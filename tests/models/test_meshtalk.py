"""Facts about the networks of MeshTalk and what drives them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, ClockError, FormatError, InputError, RigError
from visemic.core.signals import Waveform
from visemic.models.meshtalk import (
    MeshTalk,
    MeshTalkConfig,
    n_parameters,
    one_hot_codes,
    quantise,
)
from visemic.models.meshtalk_context import ContextModel, context_tables
from visemic.models.meshtalk_front import ComponentFront, VertexFront, fit_components, front_from_arrays
from visemic.models.meshtalk_motion import BLOCK_FRAMES, smoothed
from visemic.models.meshtalk_networks import MeshTalkNetworks
from visemic.models.meshtalk_region import FaceMasks, masks_from_rig, read_masks, still_mask
from visemic.models.meshtalk_sampler import ContextSampler
from visemic.models.meshtalk_sound import LEVEL_MEAN, LEVEL_SPREAD, LogMel
from visemic.models.meshtalk_store import (
    MeshTalkCodes,
    Origin,
    load_codes,
    load_meshtalk,
    load_published,
    save_codes,
    save_meshtalk,
)
from visemic.models.meshtalk_tool import edited, head_usage, leakage, retarget, swap
from visemic.models.meshtalk_window import leveled, log_mel, mel_bank, window_starts

torch.set_num_threads(1)

N = 20
TINY = MeshTalkConfig(
    n_points=N,
    heads=3,
    classes=5,
    audio_channels=8,
    audio_dim=6,
    expression_widths=(12, 8),
    expression_dim=7,
    fusion_width=10,
    unet_widths=(12, 8),
    context_hidden=4,
    context_dilations=(1, 2),
)
SHARED = replace(TINY, audio="shared", audio_dilations=(4, 8, 12))


def tiny_model(config=TINY, seed=0):
    torch.manual_seed(seed)
    network, context = MeshTalk(config), ContextModel(config)
    for parameter in (*network.parameters(), *context.parameters()):
        parameter.data.mul_(2.0)
    front = VertexFront(N, np.arange(N))
    return MeshTalkNetworks(network.eval(), context.eval(), front, "tiny")


@pytest.fixture
def sound(rng):
    return Waveform((0.1 * rng.standard_normal(24_000)).astype(np.float32), SPEECH_RATE)


@pytest.fixture
def neutral(rng):
    return rng.normal(0, 0.05, (N, 3)).astype(np.float32)


@pytest.mark.slow
def test_the_full_model_has_the_published_names_shapes_and_sizes():
    network, context = MeshTalk(MeshTalkConfig()), ContextModel(MeshTalkConfig())
    assert n_parameters(network.encoder) == 6_139_904
    assert n_parameters(network.vertex_unet) == 19_869_608
    assert n_parameters(context) == 17_713_152
    shapes = {name: tuple(value.shape) for name, value in network.encoder.state_dict().items()}
    assert shapes["audio_encoder.melspec.spectrogram.window"] == (800,)
    assert shapes["audio_encoder.melspec.mel_scale.fb"] == (1025, 80)
    assert shapes["audio_encoder.convert_dimensions.weight"] == (128, 80, 5)
    assert shapes["audio_encoder.convs.5.weight"] == (128, 128, 5)
    assert shapes["expression_encoder.stddev"] == (1, 1, 6172, 3)
    assert shapes["expression_encoder.layers.0.weight"] == (256, 18_516)
    assert shapes["expression_encoder.lstm.weight_ih_l0"] == (512, 128)
    assert shapes["fusion_model.mlp.4.weight"] == (2048, 256)
    shapes = {name: tuple(value.shape) for name, value in network.vertex_unet.state_dict().items()}
    assert shapes["vertex_bias"] == (18_516,)
    assert shapes["fusion.weight"] == (128, 2176)
    assert shapes["decoder.2.weight"] == (18_516, 512)
    shapes = {name: tuple(value.shape) for name, value in context.state_dict().items()}
    assert shapes["context_layers.3.historic.weight"] == (1024, 1024, 2)
    assert shapes["logits.unmasked_linear.weight"] == (2048, 128, 1)
    assert context.receptive_field == 20


def test_windows_lie_around_their_frames_for_an_hour():
    n_frames = 30 * 3600
    middles_s = (window_starts(n_frames, Rate.of(30)) + 8_000) / 16_000
    assert np.abs(middles_s - np.arange(n_frames) / 30).max() <= 1 / 32_000


def test_a_level_is_the_mean_of_absolute_samples_and_silence_stays():
    assert np.abs(leveled(np.array([0.5, -0.1, 0.3], np.float32))).mean() == pytest.approx(0.01)
    assert leveled(np.zeros(5, np.float32)).max() == 0
    with pytest.raises(InputError, match="0 samples"):
        leveled(np.zeros(0, np.float32))


def test_filters_are_triangles_of_height_one_over_all_frequencies():
    bank = mel_bank()
    assert bank.shape == (1025, 80)
    assert bank.max() <= 1.0
    # Two neighbours share what lies between their middles.
    middles = bank.argmax(0)
    np.testing.assert_allclose(bank[middles[20] : middles[60]].sum(1), 1.0, atol=1e-5)


def test_a_tone_lights_the_filter_of_its_frequency():
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    loudest = int(LogMel()(tone)[:, 50].argmax())
    assert mel_bank()[128, loudest] > 0.5  # bin 128 of 2048 at 16 kHz is 1 kHz


@pytest.mark.parametrize("config", [TINY, SHARED])
def test_a_frame_hears_its_second_and_no_more(config, rng):
    encoder = MeshTalk(config).eval().encoder.audio_encoder
    sound = torch.from_numpy(0.1 * rng.standard_normal((1, 48_000))).float()
    starts = torch.tensor([[4_000, 20_000]])
    before = encoder(sound, starts)
    sound[:, 24_000:] = 0  # 20,000 to 36,000 is the second window; the first ends at 20,000
    after = encoder(sound, starts)
    assert torch.equal(before[0, 0], after[0, 0])
    assert not torch.allclose(before[0, 1], after[0, 1])


def test_one_spectrum_for_all_gives_what_windows_of_their_own_give(rng):
    config = replace(TINY, audio="shared")
    windows, shared = MeshTalk(TINY).eval().encoder, MeshTalk(config).eval().encoder
    shared.load_state_dict(windows.state_dict())
    sound = torch.from_numpy(0.1 * rng.standard_normal((1, 48_000))).float()
    starts = torch.tensor([[3_200, 8_000, 16_000]])  # on the grid of 10 ms
    encoder, one = windows.audio_encoder, shared.audio_encoder(sound, starts)
    cuts = torch.stack([sound[0, start : start + 16_000] for start in starts[0].tolist()])
    level = (encoder.melspec(cuts) - LEVEL_MEAN) / LEVEL_SPREAD
    codes = encoder.code(encoder._convolved(level).mean(-1))
    own = torch.nn.functional.layer_norm(codes, codes.shape[-1:])[None]
    spread = own.std()
    assert (own - one).abs().max() < 0.2 * spread  # the mirrored ends of a window differ
    assert (own - own.mean(1, keepdim=True)).abs().max() > 2 * (own - one).abs().max()


def test_expression_looks_back_only(rng):
    encoder = MeshTalk(TINY).eval().encoder.expression_encoder
    points = torch.from_numpy(rng.standard_normal((1, 9, N, 3))).float()
    before, _ = encoder(points)
    points[:, 5:] += 1
    after, _ = encoder(points)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_the_likeliest_class_is_chosen_and_chance_follows_the_probabilities():
    logprobs = torch.log(torch.tensor([0.6, 0.3, 0.1])).expand(1, 4000, 1, 3)
    one_hot, labels = quantise(logprobs)
    assert labels.unique().tolist() == [0]
    assert one_hot[..., 0].min() == 1
    _, drawn = quantise(logprobs, torch.Generator().manual_seed(1))
    share = torch.bincount(drawn.flatten(), minlength=3) / 4000
    np.testing.assert_allclose(share, [0.6, 0.3, 0.1], atol=0.03)


def test_the_gradient_of_a_choice_is_that_of_the_soft_one():
    logits = torch.randn(1, 2, 1, 4, dtype=torch.float64, requires_grad=True)
    scale = torch.randn(4, dtype=torch.float64)
    (hard,) = torch.autograd.grad((quantise(logits)[0] * scale).sum(), logits)
    (soft,) = torch.autograd.grad((torch.softmax(logits, -1) * scale).sum(), logits)
    torch.testing.assert_close(hard, soft)


def test_a_fresh_decoder_keeps_the_shape_of_the_face_at_rest():
    unet = MeshTalk(TINY).eval().vertex_unet
    for layer in unet.decoder:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    template = torch.randn(2, N, 3)
    codes = one_hot_codes(torch.zeros(2, 4, 3, dtype=torch.int64), 5)
    torch.testing.assert_close(unet(template, codes)[0], template[:, None].expand(-1, 4, -1, -1))


def test_the_spectrum_without_torch_is_the_same(sound):
    theirs = LogMel()(torch.from_numpy(sound.samples)).numpy()
    np.testing.assert_allclose(log_mel(sound.samples), theirs, atol=2e-3)


def test_split_heads_follow_one_half_of_the_input_each():
    fusion = MeshTalk(replace(SHARED, heads=5, fusion="split")).encoder.fusion_model
    expression, sound = torch.randn(1, 6, 7), torch.randn(1, 6, 6)
    own, louder, livelier = (
        fusion(expression, sound),
        fusion(expression, sound * 2),
        fusion(expression * 2, sound),
    )
    assert own.shape == (1, 6, 5, 5)
    assert torch.equal(louder[:, :, :2], own[:, :, :2])
    assert torch.equal(livelier[:, :, 2:], own[:, :, 2:])
    assert not torch.equal(louder[:, :, 2:], own[:, :, 2:])
    assert not torch.equal(livelier[:, :, :2], own[:, :, :2])


def test_without_noise_a_draw_is_the_likeliest_class():
    logprobs = torch.randn(2, 5, 3, 4).log_softmax(-1)
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(quantise(logprobs, generator, noise=0.0)[1], logprobs.argmax(-1))
    assert not torch.equal(quantise(logprobs, generator)[1], logprobs.argmax(-1))


@pytest.mark.parametrize(("sees_own", "first"), [(True, 2), (False, 5)])
def test_no_head_sees_itself_a_later_head_or_the_future(sees_own, first):
    config = replace(TINY, heads=6, context_sees_own=sees_own)
    model, audio = tiny_model(config).context, torch.randn(1, 6, 6)
    labels = torch.randint(5, (1, 6, 6))
    before = model(one_hot_codes(labels, 5), audio)
    changed = labels.clone()
    changed[0, 3, 1] = (labels[0, 3, 1] + 1) % 5
    after = model(one_hot_codes(changed, 5), audio)
    unmoved = (before == after).all(-1)[0]
    assert unmoved[:3].all()
    assert unmoved[3, :first].all()
    assert not unmoved[3, first:].any()
    # In the published network nothing at all reaches the first head.
    assert unmoved[4].tolist() == [not sees_own] + [False] * 5


def test_every_class_distribution_sums_to_one():
    logprobs = tiny_model().context(one_hot_codes(torch.randint(5, (2, 4, 3)), 5), torch.randn(2, 4, 6))
    torch.testing.assert_close(logprobs.exp().sum(-1), torch.ones(2, 4, 3))


@pytest.mark.parametrize("sees_own", [True, False])
def test_the_fast_sampler_guesses_what_the_slow_one_does(sees_own):
    config = MeshTalkConfig(
        heads=8, classes=12, audio_dim=9, context_hidden=8, n_points=1, context_sees_own=sees_own
    )
    torch.manual_seed(2)
    model = ContextModel(config).eval()
    for parameter in model.parameters():
        parameter.data.mul_(3.0)
    audio = torch.randn(1, 26, 9)
    with torch.no_grad():
        slow = model.sample_naive(audio).numpy()
        fast = ContextSampler(context_tables(model)).sample(audio[0].numpy(), temperature=0)
        taught = model(one_hot_codes(torch.from_numpy(fast)[None], 12), audio).argmax(-1)[0]
    assert len(np.unique(slow)) > 6
    np.testing.assert_array_equal(slow, fast)
    np.testing.assert_array_equal(taught.numpy(), fast)


def test_a_stream_guesses_what_a_clip_does_and_seeds_differ(rng):
    sampler = tiny_model().sampler
    codes = rng.standard_normal((30, 6)).astype(np.float32)
    whole = sampler.sample(codes, temperature=1.0, seed=4)
    stream = sampler.open_stream(temperature=1.0, seed=4)
    parts = [stream.push(codes[a:b]) for a, b in ((0, 1), (1, 1), (1, 17), (17, 30))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert (sampler.sample(codes, temperature=1.0, seed=5) != whole).any()
    with pytest.raises(InputError, match="temperature of -1"):
        sampler.open_stream(temperature=-1.0)
    with pytest.raises(InputError, match="5 numbers"):
        stream.push(np.zeros((1, 5), np.float32))


def test_drawn_classes_have_the_probabilities_that_were_learnt():
    config = MeshTalkConfig(heads=1, classes=4, audio_dim=2, context_hidden=2, n_points=1)
    model = ContextModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    share = np.array([0.4, 0.3, 0.2, 0.1])
    model.logits.masked_linear.bias.data = torch.log(torch.from_numpy(share)).float()
    drawn = ContextSampler(context_tables(model)).sample(np.zeros((4000, 2), np.float32), temperature=1.0)
    np.testing.assert_allclose(np.bincount(drawn[:, 0], minlength=4) / 4000, share, atol=0.03)


@pytest.mark.slow
def test_a_long_clip_in_parts_is_what_one_piece_gives(sound, neutral):
    model = tiny_model()
    n_frames = BLOCK_FRAMES + 13
    long = Waveform(np.tile(sound.samples, 4), SPEECH_RATE)
    codes = model.sound_codes(long, n_frames)
    labels = model.guess(codes, temperature=0)
    moved = model.draw(labels, neutral)
    one_hot = one_hot_codes(torch.from_numpy(labels)[None], 5)
    with torch.no_grad():
        whole, _ = model.network.vertex_unet(torch.from_numpy(neutral)[None] * 1000, one_hot)
    np.testing.assert_allclose(moved * 1000, whole[0].numpy(), atol=1e-3)
    expression = model.expression_codes(moved, neutral)
    with torch.no_grad():
        at_once, _ = model.network.encoder.expression_encoder(torch.from_numpy(moved)[None] * 1000)
    np.testing.assert_allclose(expression, at_once[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("config", [pytest.param(TINY, marks=pytest.mark.slow), SHARED])
def test_where_a_clip_is_cut_does_not_change_what_is_heard(config, sound):
    model = tiny_model(config)
    long = Waveform(np.tile(sound.samples, 4), SPEECH_RATE)
    whole = model.sound_codes(long, BLOCK_FRAMES + 20)
    shorter = model.sound_codes(long, BLOCK_FRAMES + 3)
    np.testing.assert_allclose(whole[: len(shorter)], shorter, atol=1e-5)


def test_a_face_of_another_topology_and_codes_of_another_model_are_refused(sound, neutral):
    model = tiny_model()
    labels = model.guess(model.sound_codes(sound))
    with pytest.raises(RigError, match="19 vertices"):
        model.draw(labels, neutral[:19])
    with pytest.raises(RigError, match="21 vertices"):
        model.expression_codes(np.zeros((2, 21, 3), np.float32), neutral)
    with pytest.raises(InputError, match="2 heads"):
        model.draw(labels[:, :2], neutral)
    with pytest.raises(InputError, match="0 to 4"):
        model.draw(labels + 5, neutral)
    with pytest.raises(ClockError, match="cut the longer"):
        model.classes_of(np.zeros((3, 7), np.float32), np.zeros((4, 6), np.float32))


def test_vertices_go_through_their_front_and_back(rng):
    front = VertexFront(N, np.array([1, 4, 7]))
    neutral = rng.normal(0, 0.05, (N, 3)).astype(np.float32)
    moved = np.repeat(neutral[None], 5, axis=0)
    moved[:, [1, 4, 7]] += rng.normal(0, 0.01, (5, 3, 3)).astype(np.float32)
    np.testing.assert_allclose(front.vertices(front.points(moved, neutral), neutral), moved, atol=1e-7)
    again = front_from_arrays("vertices", N, front.arrays())
    np.testing.assert_array_equal(again.points(moved, neutral), front.points(moved, neutral))


def test_components_hold_the_motion_and_leave_the_face_its_shape(rng):
    directions = rng.standard_normal((6, 3 * N)).astype(np.float32)
    strengths = rng.standard_normal((50, 6)).astype(np.float32)
    basis, held = fit_components(strengths @ directions, 6)
    assert held == pytest.approx(1.0)
    np.testing.assert_allclose(basis @ basis.T, np.eye(6), atol=2e-3)
    front = ComponentFront(N, np.arange(N), basis)
    neutral = rng.normal(0, 0.05, (N, 3)).astype(np.float32)
    moved = neutral + 1e-3 * (strengths @ directions).reshape(50, N, 3)
    np.testing.assert_allclose(front.vertices(front.points(moved, neutral), neutral), moved, atol=3e-5)
    stored = front_from_arrays("components", N, front.arrays())
    np.testing.assert_array_equal(stored.points(moved, neutral), front.points(moved, neutral))
    with pytest.raises(InputError, match="6 directions"):
        fit_components(strengths @ directions, 9)
    with pytest.raises(InputError, match="multiple of 3"):
        fit_components(strengths @ directions, 4)
    with pytest.raises(ArtifactError, match="kind 'fourier'"):
        front_from_arrays("fourier", N, {})


def test_smoothing_touches_its_region_only_and_keeps_what_stands_still(rng):
    vertices = rng.standard_normal((20, N, 3)).astype(np.float32)
    vertices[:, 3] = 1.5
    mask = (np.arange(N) < 6).astype(np.float32)
    out = smoothed(vertices, mask)
    np.testing.assert_array_equal(out[:, 6:], vertices[:, 6:])
    np.testing.assert_allclose(out[:, 3], 1.5, rtol=1e-6)
    assert out[:, :3].std() < 0.6 * vertices[:, :3].std()
    half = smoothed(vertices, 0.5 * mask)
    np.testing.assert_allclose(half, (vertices + out) / 2, atol=1e-6)
    assert smoothed(vertices[:0], mask).shape == (0, N, 3)


def test_a_model_comes_back_from_disk_as_it_was(tmp_path, sound, neutral):
    model, origin = tiny_model(), Origin("tiny", "made up", {"loss": 1.0}, {"none": "CC0-1.0"})
    save_meshtalk(model, tmp_path / "whole", origin)
    again = load_meshtalk(tmp_path / "whole")
    np.testing.assert_array_equal(
        again.generate(sound, neutral, seed=3), model.generate(sound, neutral, seed=3)
    )
    save_codes(MeshTalkCodes(model.network, model.front, "tiny"), tmp_path / "codes", origin)
    assert load_codes(tmp_path / "codes").topology == load_codes(tmp_path / "whole").topology == "tiny"
    with pytest.raises(ArtifactError, match="'meshtalk' is needed"):
        load_meshtalk(tmp_path / "codes")


@pytest.mark.slow
def test_a_light_model_runs_without_torch_and_gives_the_same(tmp_path, sound, neutral):
    from visemic.core.artifact import load_artifact
    from visemic.models.meshtalk_onnx import MeshTalkOnnx
    from visemic.training.meshtalk_export import portable_files, round_to_half

    model = tiny_model(replace(SHARED, context_sees_own=True, unet_layers=2))
    round_to_half(model.network, model.context)
    model = MeshTalkNetworks(model.network, model.context, model.front, "tiny")
    origin = Origin("tiny", "made up", {"loss": 1.0}, {"none": "CC0-1.0"})
    files = portable_files(model.network, model.context, model.front)
    save_meshtalk(model, tmp_path / "light", origin, files)
    light = MeshTalkOnnx(load_artifact(tmp_path / "light"))
    long = Waveform(np.tile(sound.samples, 4), SPEECH_RATE)
    codes, same = model.sound_codes(long), light.sound_codes(long)
    np.testing.assert_allclose(same, codes, atol=1e-4)
    labels = model.guess(codes, seed=2)
    np.testing.assert_array_equal(light.guess(codes, seed=2), labels)
    moved = model.draw(labels, neutral)
    np.testing.assert_allclose(light.draw(labels, neutral), moved, atol=1e-6)
    np.testing.assert_allclose(
        light.expression_codes(moved, neutral), model.expression_codes(moved, neutral), atol=1e-4
    )
    save_meshtalk(model, tmp_path / "heavy", origin)
    with pytest.raises(ArtifactError, match="does not run without PyTorch"):
        MeshTalkOnnx(load_artifact(tmp_path / "heavy"))


def test_published_checkpoints_load_strictly_and_keep_their_own_table_of_spread(tmp_path):
    model = tiny_model()
    model.network.set_statistics(torch.zeros(N, 3), torch.full((N, 3), 200.0))
    parts = {
        "encoder": model.network.encoder,
        "vertex_unet": model.network.vertex_unet,
        "context_model": model.context,
    }
    for name, part in parts.items():
        torch.save(part.state_dict(), tmp_path / f"{name}.pkl")
    again = load_published(tmp_path, TINY)
    assert float(again.network.vertex_unet.stddev.mean()) == 200.0
    assert again.offset_samples == 267
    torch.save({"wrong": torch.zeros(1)}, tmp_path / "encoder.pkl")
    with pytest.raises(ArtifactError, match="lacks parameter"):
        load_published(tmp_path, TINY)


def test_tools_swap_edit_and_draw_on_another_face(sound, neutral):
    model = tiny_model()
    labels = model.guess(model.sound_codes(sound), seed=1)
    clip = model.draw(labels, neutral)
    assert swap(model, sound, clip[:10], neutral).shape == (45, N, 3)
    other = retarget(model, labels, neutral * np.float32(1.1))
    assert np.abs(other - clip).max() > 1e-4
    changed = edited(labels, 2, 4, start_s=0.5, stop_s=1.0)
    assert (changed[15:30, 2] == 4).all()
    assert (changed != labels).any(1)[15:30].any()
    assert not (changed != labels)[np.r_[:15, 30:45]].any()
    np.testing.assert_array_equal(model.draw(changed, neutral)[:15], clip[:15])
    for wrong in ({"head": 3}, {"label": -1}, {"start_s": 1.0, "stop_s": 1.0}, {"stop_s": 9.0}):
        with pytest.raises(InputError):
            edited(labels, **{"head": 0, "label": 1, "start_s": 0.0, "stop_s": 1.0, **wrong})
    with pytest.raises(InputError, match="0 frames"):
        swap(model, sound, clip[:0], neutral)


def test_usage_counts_classes_and_tells_a_dead_head():
    labels = np.stack([np.zeros(40), np.arange(40) % 4], axis=1).astype(np.int16)
    usage = head_usage(labels, 8)
    assert usage.counts.tolist() == [[40] + [0] * 7, [10] * 4 + [0] * 4]
    np.testing.assert_allclose(usage.perplexity, [1.0, 4.0])
    assert usage.picture().shape == (8, 32, 3)
    assert tuple(usage.picture()[0, -1]) == (20, 30, 70)


def test_leakage_is_the_wrong_change_over_the_right_one(rng):
    own = rng.standard_normal((4, N, 3)).astype(np.float32)
    mouth, upper = (np.arange(N) < 5).astype(np.float32), (np.arange(N) >= 10).astype(np.float32)
    by_expression, by_sound = own.copy(), own.copy()
    by_expression[:, 10:, 0] += 2.0
    by_expression[:, :5, 0] += 0.1
    by_sound[:, :5, 1] += 1.0
    found = leakage(own, by_expression, by_sound, mouth, upper)
    assert found.mouth == pytest.approx(0.1, rel=1e-3)
    assert found.upper_face == 0.0


def test_masks_of_a_head_part_mouth_and_upper_face():
    from visemic.rig.registry import load_rig

    rig = load_rig("visemic")
    masks = masks_from_rig(rig)
    assert ((masks.mouth > 0.5) & (masks.upper_face > 0.5)).sum() == 0
    assert masks.mouth[rig.landmark("lower_lip_inner")] > 0.9
    assert masks.eyelids[rig.landmark("lid_upper_left")] > 0.5
    assert still_mask(masks)[rig.landmark("lower_lip_inner")] < 0.1


def test_masks_are_read_under_our_names_and_the_published_ones(tmp_path):
    np.savetxt(tmp_path / "mouth.txt", [1, 0, 0.5])
    np.savetxt(tmp_path / "weighted_eye_mask.txt", [0, 1, 0])
    with pytest.raises(ArtifactError, match="no mask of the eyelids"):
        read_masks(tmp_path)
    np.savetxt(tmp_path / "eye_keypoints.txt", [0, 1, 0, 0])
    with pytest.raises(FormatError, match="different sizes"):
        read_masks(tmp_path)
    np.savetxt(tmp_path / "eye_keypoints.txt", [0, 1, 0])
    assert read_masks(tmp_path).mouth.tolist() == [1, 0, 0.5]
    ones = np.ones(3, np.float32)
    with pytest.raises(FormatError, match="'eyelids' is empty"):
        FaceMasks(ones, ones, 0 * ones)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"heads": 0}, "heads"),
        ({"classes": 1}, "classes"),
        ({"unet_widths": ()}, "empty"),
        ({"dropout": 1.0}, "dropout"),
        ({"heads": 1, "fusion": "split"}, "cannot be split"),
    ],
)
def test_impossible_sizes_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        MeshTalkConfig(**changes)
