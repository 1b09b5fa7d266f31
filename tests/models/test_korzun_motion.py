"""Windows at exact times, chunks that join, curves that are smoothed, models that are kept."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.layout import MOUTH_33
from visemic.core.signals import Features
from visemic.models.korzun import KorzunConfig, new_korzun
from visemic.models.korzun_motion import (
    KORZUN_RATE,
    ClipWindows,
    FeatureFacts,
    KorzunModel,
    Smoothing,
    first_poses,
    predict_clips,
    smoothed,
)
from visemic.models.korzun_store import load_korzun, save_korzun

torch.set_num_threads(1)

RATE = Rate.of("62.5")
WIDTH = 3


def facts(**changes):
    own = {
        "source": "log-mel",
        "name": "log-mel-3",
        "version": "1",
        "rate": RATE,
        "start_s": Fraction(0),
        "mean": np.zeros(WIDTH, np.float32),
        "spread": np.ones(WIDTH, np.float32),
    }
    return FeatureFacts(**{**own, **changes})


def model(kind="ff", **changes):
    torch.manual_seed(1)
    config = KorzunConfig(kind, WIDTH, context=5, width=8, chunk=4, previous=3)
    return KorzunModel(new_korzun(config).eval(), facts(**changes), MOUTH_33)


def heard(n_steps, rng, **changes):
    values = rng.normal(size=(n_steps, WIDTH)).astype(np.float32)
    return replace(Features(values, RATE, "log-mel-3", "1"), **changes)


@pytest.mark.parametrize("rate", ["50", "62.5", "100"])
@pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 80)])
def test_the_middle_of_a_window_is_the_exact_time_of_its_frame(rate, start):
    rate = Rate.of(rate)
    n_steps = 400
    times = (np.arange(n_steps) / float(rate) + float(start)).astype(np.float32)[:, None]
    windows = ClipWindows([times], [90], rate, start, context=9)
    frames = torch.arange(15, 80)
    found = windows.at(torch.zeros(65, dtype=torch.int64), frames)
    around = (np.arange(9) - 4) / float(rate)
    np.testing.assert_allclose(found[:, :, 0], frames.numpy()[:, None] / 30 + around, atol=2e-6)


def test_beyond_the_ends_of_a_clip_its_own_first_and_last_steps_are_held():
    first, second = (
        np.full((10, 1), v, np.float32) + np.arange(10, dtype=np.float32)[:, None] for v in (0, 100)
    )
    windows = ClipWindows([first, second], [5, 5], Rate.of(60), Fraction(0), context=61)
    clip = torch.tensor([0, 1])
    found = windows.at(clip, torch.tensor([4, 0]))
    assert found[0, :20, 0].tolist() == [0.0] * 20
    assert found[0, -20:, 0].tolist() == [9.0] * 20
    assert found[1, :20, 0].tolist() == [100.0] * 20
    assert found[1].max() == 109.0


@pytest.mark.parametrize("kind", ["ff", "s2s"])
@pytest.mark.parametrize("n_frames", [1, 3, 4, 5, 30])
def test_a_clip_of_any_length_gives_as_many_frames_as_are_asked_for(kind, n_frames, rng):
    motion = model(kind).generate(heard(70, rng), n_frames)
    assert motion.n_frames == n_frames
    assert motion.layout == MOUTH_33
    assert motion.rate == KORZUN_RATE
    assert motion.values.min() >= 0
    assert motion.values.max() <= 1


@pytest.mark.parametrize("kind", ["ff", "s2s"])
def test_one_step_of_sound_is_enough(kind, rng):
    assert model(kind).generate(heard(1, rng)).n_frames == 1


def test_without_a_number_the_motion_lasts_as_long_as_the_features(rng):
    assert model().generate(heard(125, rng)).n_frames == 60


@pytest.mark.parametrize("kind", ["ff", "s2s"])
def test_clips_together_are_clips_one_by_one(kind, rng):
    network = model(kind).network
    clips = [rng.normal(size=(n, WIDTH)).astype(np.float32) for n in (20, 45, 9)]
    lengths = [9, 21, 4]

    def windows(chosen):
        config = network.config
        return ClipWindows(
            [clips[i] for i in chosen],
            [lengths[i] for i in chosen],
            RATE,
            Fraction(0),
            config.context,
            config.chunk,
        )

    together = predict_clips(network, windows([0, 1, 2]))
    for number in range(3):
        np.testing.assert_allclose(predict_clips(network, windows([number]))[0], together[number], atol=1e-6)


def test_a_chunk_goes_on_from_the_last_poses_of_the_one_before(rng):
    network = model("s2s").network
    config = network.config
    values = rng.normal(size=(40, WIDTH)).astype(np.float32)
    windows = ClipWindows([values], [8], RATE, Fraction(0), config.context, config.chunk)
    whole = predict_clips(network, windows)[0]
    with torch.no_grad():
        heard_first, heard_second = (
            windows.at(torch.zeros(4, dtype=torch.int64), torch.arange(start, start + 4))[None]
            for start in (0, 4)
        )
        first = network(heard_first, first_poses(1, config))
        second = network(heard_second, first[:, -config.previous :])
        other = network(heard_second, first_poses(1, config))
    np.testing.assert_allclose(whole, torch.cat([first, second], dim=1)[0], atol=1e-6)
    assert (second - other).abs().max() > 1e-5


@pytest.mark.parametrize(
    ("smoothing", "gains"),
    [
        (Smoothing(5, 2), {3: 0.99, 5: 0.91, 7: 0.73}),
        (Smoothing(9, 3), {3: 0.85, 5: 0.29, 7: 0.23}),
    ],
)
def test_smoothing_keeps_what_speech_needs(smoothing, gains):
    times = np.arange(300) / 30
    for hertz, gain in gains.items():
        wave = np.sin(2 * np.pi * hertz * times).astype(np.float32)[:, None]
        kept = smoothed(wave, smoothing)[20:-20]
        assert np.abs(kept).std() / np.abs(wave[20:-20]).std() == pytest.approx(gain, abs=0.02)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 5, 6])
def test_a_parabola_of_any_length_stays_itself_under_smoothing(n_frames):
    curve = (np.arange(n_frames, dtype=np.float32)[:, None] / 10 - 0.2) ** 2
    np.testing.assert_allclose(smoothed(curve, Smoothing()), curve, atol=1e-6)


@pytest.mark.parametrize(("window", "order"), [(4, 2), (0, 0), (5, 5), (3, -1)])
def test_a_filter_that_cannot_be_is_refused(window, order):
    with pytest.raises(InputError, match="smoothing"):
        Smoothing(window, order)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "wav2vec2"}, "features of name 'log-mel-3' and 'wav2vec2' was given"),
        ({"version": "2"}, "features of version '1' and '2' was given"),
        ({"rate": Rate.of(50)}, "features of rate '125/2 Hz' and '50 Hz' was given"),
        ({"values": np.zeros((9, 4), np.float32)}, "hears 3 features a step and 4 were given"),
    ],
)
def test_features_of_another_kind_or_version_are_refused_by_name(changes, words, rng):
    with pytest.raises(ArtifactError, match=words):
        model().generate(heard(9, rng, **changes))


def test_nothing_to_hear_and_nothing_to_give_are_refused(rng):
    with pytest.raises(InputError, match="0 steps"):
        model().generate(heard(0, rng))
    with pytest.raises(InputError, match="0 frames cannot be given"):
        model().generate(heard(9, rng), 0)


def test_statistics_of_training_are_taken_out(rng):
    own = model(mean=np.full(WIDTH, 5, np.float32), spread=np.full(WIDTH, 2, np.float32))
    sound = heard(40, rng)
    raw = replace(sound, values=sound.values * 2 + 5)
    np.testing.assert_allclose(own.generate(raw).values, model().generate(sound).values, atol=1e-5)


@pytest.mark.parametrize("kind", ["ff", "s2s"])
def test_a_kept_model_gives_the_same_motion(kind, tmp_path, rng):
    own = model(kind, start_s=Fraction(1, 80))
    save_korzun(own, tmp_path / "m", name="tiny", metrics={"loss": 0.5}, data_licences={"made up": "CC0-1.0"})
    again = load_korzun(tmp_path / "m")
    sound = heard(40, rng)
    np.testing.assert_array_equal(own.generate(sound).values, again.generate(sound).values)
    assert again.heard.start_s == Fraction(1, 80)
    assert again.network.config == own.network.config


def test_an_altered_model_is_refused(tmp_path):
    save_korzun(model(), tmp_path / "m", name="tiny", metrics={}, data_licences={})
    file = tmp_path / "m" / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="altered"):
        load_korzun(tmp_path / "m")


def test_parameters_of_another_size_are_refused_with_the_first_that_differs(tmp_path):
    own = model()
    bigger = replace(own, network=new_korzun(replace(own.network.config, width=9)).eval())
    save_korzun(own, tmp_path / "a", name="a", metrics={}, data_licences={})
    save_korzun(bigger, tmp_path / "b", name="b", metrics={}, data_licences={})
    import hashlib
    import json

    content = (tmp_path / "b" / "model.safetensors").read_bytes()
    (tmp_path / "a" / "model.safetensors").write_bytes(content)
    manifest = json.loads((tmp_path / "a" / "artefact.json").read_text())
    manifest["files"]["model.safetensors"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "a" / "artefact.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"encoder\.layers\.0\.weight"):
        load_korzun(tmp_path / "a")
