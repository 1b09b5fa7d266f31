"""Training of the voice converter."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from store_clips import weights_clip
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import InputError, TrainingError
from visemic.core.signals import Waveform
from visemic.data.convert import convert
from visemic.models.voice_conversion import load_converter
from visemic.training.autovc import AutoVcTask
from visemic.training.recipe import Recipe, read_recipe, recipe_from_dict
from visemic.training.trainer import train

torch.set_num_threads(1)
ROOT = Path(__file__).parent.parent.parent
TINY = {"neck": 4, "period": 8, "hidden": 16}


def recipe(**tables: object) -> Recipe:
    table = {
        "name": "tiny",
        "task": "autovc",
        "model": TINY,
        "data": {"crop_steps": 32, "validation_every": 3},
        "optimiser": {"learning_rate": 5e-3, "decay": "cosine"},
        "schedule": {"max_steps": 80, "batch_size": 4, "validate_every": 80, "checkpoint_every": 80},
    }
    return recipe_from_dict({**table, **tables})


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    """Two voices, three utterances each: buzzes whose formants move."""
    root = tmp_path_factory.mktemp("speech")
    rng = np.random.default_rng(4)
    for speaker, pitch_hz in (("deep", 90.0), ("high", 210.0)):
        (root / speaker).mkdir()
        for number in range(3):
            t = np.arange(12_000) / 16_000
            formant_hz = 600 + 400 * np.sin(2 * np.pi * rng.uniform(1, 3) * t)
            parts = range(1, int(4_000 / pitch_hz))
            gains = [np.exp(-(((pitch_hz * k - formant_hz) / 500) ** 2)) for k in parts]
            tones = (g * np.sin(2 * np.pi * pitch_hz * k * t) for k, g in zip(parts, gains, strict=True))
            soundfile.write(root / speaker / f"{number}.wav", 0.1 * sum(tones), 16_000)
    return root


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_third_utterance_is_for_validation(speech):
    task = AutoVcTask(recipe(), {"speech": speech})
    assert task.n_examples() == 4
    assert {task._utterances[i].path.stem for i in task._validation} == {"2"}


def test_a_batch_is_crops_that_only_the_generator_moves(speech):
    task = AutoVcTask(recipe(), {"speech": speech})
    first, again, other = (task.batch([0, 3], chance(seed)) for seed in (1, 1, 2))
    assert first["mel"].shape == (2, 32, 80)
    assert first["speaker"].shape == (2, 256)
    torch.testing.assert_close(first["mel"], again["mel"], rtol=0, atol=0)
    assert not torch.equal(first["mel"], other["mel"])
    assert not torch.equal(first["speaker"][0], first["speaker"][1])


def test_an_utterance_shorter_than_the_crop_ends_in_zeros(speech):
    task = AutoVcTask(recipe(data={"crop_steps": 128}), {"speech": speech})
    mel = task.batch([0], chance())["mel"][0]
    assert float(mel[46].abs().max()) > 0
    assert float(mel[47:].abs().max()) == 0


def test_the_loss_is_the_sum_of_its_parts(speech):
    task = AutoVcTask(recipe(loss={"code": 0.5, "kind": "absolute"}), {"speech": speech})
    torch.manual_seed(1)
    network = task.network()
    batch = task.batch([0, 1], chance())
    with torch.no_grad():
        parts = task.loss(network.eval(), batch, chance())
        made = network(batch["mel"], batch["speaker"], batch["speaker"])
    torch.testing.assert_close(parts["mel"], (made.mel - batch["mel"]).abs().mean())
    torch.testing.assert_close(parts["loss"], parts["mel"] + parts["refined"] + 0.5 * parts["code"])


def test_a_store_is_trained_on_by_its_splits(tmp_path, rng):
    clips = [
        weights_clip(f"{speaker}/{number}", rng, split=split)
        for speaker in ("mia", "leo")
        for number, split in enumerate(("train", "train", "validation", "test"))
    ]
    convert(clips, tmp_path / "store")
    task = AutoVcTask(recipe(), {"speech": tmp_path / "store"})
    assert task.n_examples() == 4
    assert len(task._validation) == 2
    assert set(task._speakers) == {"mia", "leo"}
    assert task.batch([0, 1], chance())["mel"].shape == (2, 32, 80)


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["autovc", "makeittalk"])
def test_a_tiny_one_learns_and_its_artefact_converts(speech, tmp_path, flavour):
    tiny = recipe(model={**TINY, "flavour": flavour})
    task = AutoVcTask(tiny, {"speech": speech})
    torch.manual_seed(0)
    before = task.validate(task.network().eval())["loss"]
    result = train(tiny, {"speech": speech}, tmp_path / "run")
    assert result.metrics["loss"] < 0.75 * before
    converter = load_converter(result.model, "high")
    sound = Waveform(np.random.default_rng(1).standard_normal(8_000).astype(np.float32) * 0.1, SPEECH_RATE)
    assert converter.extract(sound).values.shape == (32, 80)
    assert converter.name == f"{flavour}-voice-80"
    assert load_converter(result.model, "deep").version != converter.version


@pytest.mark.parametrize("name", ["autovc", "autovc-makeittalk"])
def test_the_shipped_recipes_are_the_published_settings(name, speech):
    shipped = read_recipe(ROOT / "recipes" / f"{name}.toml")
    task = AutoVcTask(shipped, {"speech": speech})
    neck = 32 if name == "autovc" else 16
    assert (task.config.neck, task.config.period) == (neck, neck)
    assert (task.data.crop_steps, shipped.schedule.batch_size) == (128, 2)
    assert (shipped.optimiser.learning_rate, task.factors.code) == (1e-4, 1.0)


def test_recipes_and_data_that_cannot_be_are_refused(speech, tmp_path):
    with pytest.raises(InputError, match=r"unknown key model\.nekc; did you mean model\.neck"):
        AutoVcTask(recipe(model={"nekc": 4}), {"speech": speech})
    with pytest.raises(InputError, match=r"crop_steps is 33; give a multiple of model\.period, 8"):
        AutoVcTask(recipe(data={"crop_steps": 33}), {"speech": speech})
    with pytest.raises(TrainingError, match="data paths are none; this recipe needs speech"):
        AutoVcTask(recipe(), {})
    with pytest.raises(TrainingError, match="needs speaker_encoder, speech"):
        AutoVcTask(recipe(data={"crop_steps": 32, "speaker": "dvector"}), {"speech": speech})
    with pytest.raises(TrainingError, match="is no folder"):
        AutoVcTask(recipe(), {"speech": tmp_path / "absent"}).n_examples()
    with pytest.raises(TrainingError, match="has 0 utterances"):
        AutoVcTask(recipe(), {"speech": tmp_path}).n_examples()
