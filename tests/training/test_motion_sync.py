"""The sync network learns; its loss is what it should be; what it writes is what it was."""

import math

import numpy as np
import pytest
import torch

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Motion, Waveform
from visemic.data.convert import convert
from visemic.data.recording import Recording
from visemic.evaluation.motion_sync import MotionSyncScorer
from visemic.evaluation.motion_sync_input import mel_power, normalised_mouth, normalised_sound
from visemic.models.motion_sync import MotionSync, MotionSyncConfig
from visemic.training.motion_sync import (
    MotionSyncLoss,
    MotionSyncTask,
    contrastive_loss,
    critic_loss,
    load_motion_sync,
)
from visemic.training.recipe import recipe_from_dict

torch.set_num_threads(1)

SMALL = {"sound_width": 16, "mouth_width": 16, "embedding": 8, "depth": 2, "dropout": 0.0}


def take(number: int) -> Recording:
    """Noise that gets louder and brighter as the jaw opens."""
    rng = np.random.default_rng(number)
    knots = rng.random(60) ** 2
    frames = np.arange(120) / 30
    jaw = np.interp(frames, np.arange(60) / 8, knots)
    values = np.zeros((120, len(ARKIT_52)), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.5 * jaw
    times_s = np.arange(64_000) / 16_000
    loud = np.interp(times_s, np.arange(60) / 8, knots)
    samples = (0.3 * loud * rng.normal(size=64_000)).clip(-1, 1).astype(np.float32)
    return Recording(
        clip_id=f"take/{number:03d}",
        speaker="noise",
        split="validation" if number % 4 == 3 else "train",
        licence="CC0-1.0",
        source="made up",
        rate=Rate.of(30),
        motion=Motion(values, ARKIT_52, Rate.of(30)),
        waveform=Waveform(samples, SPEECH_RATE),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("sync") / "store"
    convert((take(number) for number in range(24)), path)
    return path


def recipe(**tables):
    return recipe_from_dict(
        {
            "name": "toy-sync",
            "task": "motion-sync",
            "description": "a test",
            "data": {"stores": ["noise"], "windows": 40, **tables.get("data", {})},
            "model": {**SMALL, **tables.get("model", {})},
            "loss": tables.get("loss", {}),
            "schedule": {"batch_size": 8, "max_steps": 40},
        }
    )


def unit(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    vectors = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=-1)


def test_perfect_vectors_cost_nothing_and_equal_ones_cost_chance():
    config = MotionSyncLoss(max_offset=5, anchors=4)
    anchors = torch.arange(5, 9)
    vectors = unit((3, 20, 64))
    perfect = contrastive_loss(vectors, vectors, anchors, config)
    assert float(perfect["loss"]) < 0.01
    assert float(perfect["found"]) == 1.0
    same = torch.ones(3, 20, 1)
    n_choices = 11 + 2 * 4
    chance = float(contrastive_loss(same, same, anchors, config)["loss"])
    assert chance == pytest.approx(math.log(n_choices), rel=1e-5)


def test_a_late_mouth_costs_more():
    config = MotionSyncLoss(max_offset=5, anchors=4)
    vectors = unit((3, 20, 64))
    late = torch.roll(vectors, 1, dims=1)
    loss = float(contrastive_loss(vectors, late, torch.arange(5, 9), config)["loss"])
    assert loss > 5


def test_a_batch_follows_from_its_generator_alone(store):
    task = MotionSyncTask(recipe(), {"noise": store})
    first, again, other = (task.batch([0, 1, 2], torch.Generator().manual_seed(s)) for s in (5, 5, 6))
    assert first["sound"].shape == (3, 4 * 50, 40)
    assert first["mouth"].shape == (3, 50, 4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["sound"], other["sound"])


def test_settings_that_cannot_be_are_refused(store):
    with pytest.raises(InputError, match=r"unknown key data\.window"):
        MotionSyncTask(recipe(data={"window": 3}), {"noise": store})
    with pytest.raises(InputError, match="add --data noise=PATH"):
        MotionSyncTask(recipe(), {})
    with pytest.raises(InputError, match="give 41 windows or more"):
        MotionSyncTask(recipe(loss={"max_offset": 20}), {"noise": store})


@torch.no_grad()
def test_the_critic_hears_what_the_scorer_hears(rng):
    torch.manual_seed(0)
    network = MotionSync(MotionSyncConfig(**SMALL)).eval()
    sound = normalised_sound(
        mel_power(Waveform(rng.normal(0, 0.1, 32_000).astype(np.float32), SPEECH_RATE), 60)
    )
    mouth_mm = rng.normal(0, 3, (60, 4))
    heard = torch.from_numpy(sound)[None]
    loss = critic_loss(network, heard, torch.from_numpy(mouth_mm.astype(np.float32))[None])
    pair = network(heard, torch.from_numpy(normalised_mouth(mouth_mm))[None])
    far = (1 - (pair[0] * pair[1]).sum(-1)).mean()
    assert float(loss) == pytest.approx(float(far), abs=1e-4)


def test_a_critic_has_a_slope_on_a_still_mouth():
    torch.manual_seed(0)
    network = MotionSync(MotionSyncConfig(**SMALL)).eval()
    mouth = torch.zeros(1, 40, 4, requires_grad=True)
    sound = torch.randn(1, 160, 40, generator=torch.Generator().manual_seed(1))
    critic_loss(network, sound, mouth).backward()
    assert torch.isfinite(mouth.grad).all()
    assert float(mouth.grad.abs().max()) > 0


@pytest.mark.slow
def test_a_small_network_learns_and_scores_the_same_after_export(store, tmp_path, readouts_of_rig):
    from visemic.training.trainer import train

    result = train(recipe(), {"noise": store}, tmp_path / "out")
    assert result.metrics["area_under_curve_noise"] > 0.9
    clip = take(3)
    scorer = MotionSyncScorer(readouts_of_rig, network=result.model)
    assert scorer.name == "toy-sync"
    network = load_motion_sync(result.model)
    power = mel_power(clip.waveform, 120)
    with torch.no_grad():
        heard = network.sound(torch.from_numpy(normalised_sound(power))[None])[0].numpy()
    np.testing.assert_allclose(scorer.sound_vectors(clip.waveform, 120), heard, atol=1e-4)
    assert abs(scorer.score(clip.motion, clip.waveform).offset_s) <= 2 / 30
    with pytest.raises(ArtifactError, match="kind"):
        from visemic.core.artifact import load_artifact

        load_artifact(result.model, kind="trunk-mouth")


@pytest.fixture
def readouts_of_rig():
    from visemic.rig.readout import fit_readouts
    from visemic.rig.registry import load_rig

    return fit_readouts(load_rig("visemic"))
