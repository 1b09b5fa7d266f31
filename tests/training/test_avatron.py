import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from avatron_corpora import write_faces, write_speech

from visemic.core.artifact import load_artifact
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.models.avatron_speech import AvatronSpeech
from visemic.models.avatron_text import read_script
from visemic.models.base import FaceControl
from visemic.models.registry import load_model
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.avatron import AvatronVoiceTask, load_voice
from visemic.training.avatron_avatar import AvatronFaceTask
from visemic.training.avatron_data import frame_symbols, symbol_means
from visemic.training.recipe import read_recipe, recipe_from_dict
from visemic.training.trainer import train

torch.set_num_threads(1)

VOICE_MODEL = {
    "channels": 32, "heads": 2, "hidden": 16, "kernel": 3, "encoder_blocks": 1, "decoder_blocks": 1,
    "style_channels": [4, 4], "dropout": 0.0, "predictor_dropout": 0.0,
}  # fmt: skip
FACE_MODEL = {"channels": 16, "heads": 2, "hidden": 16, "recurrent": 8, "dropout": 0.0}
CRITIC = {"codes": 4, "region_codes": 4, "widths": [8, 8, 8, 8], "groups": [1, 2, 2, 2], "scales": 2}


def voice_recipe(**tables):
    return recipe_from_dict(
        {
            "name": "toy-voice", "task": "avatron-voice", "description": "a toy",
            "model": VOICE_MODEL, "data": {"reference_frames": 40}, **tables,
            "optimiser": {"name": "adam", "learning_rate": 5e-3},
            "schedule": {"max_steps": 30, "batch_size": 4, "validate_every": 30, "checkpoint_every": 30},
        }
    )  # fmt: skip


def face_recipe(**tables):
    return recipe_from_dict(
        {
            "name": "toy-face", "task": "avatron-face", "description": "a toy", "model": FACE_MODEL,
            "data": {"stores": ["faces"]}, "loss": {"critic": CRITIC, "crop_frames": 32}, **tables,
            "optimiser": {"name": "adam", "learning_rate": 5e-3},
            "schedule": {"max_steps": 30, "batch_size": 4, "validate_every": 30, "checkpoint_every": 30},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return write_speech(tmp_path_factory.mktemp("avatron") / "speech")


@pytest.fixture(scope="module")
def voice(tmp_path_factory, speech):
    """A toy voice, trained."""
    out = tmp_path_factory.mktemp("voice") / "out"
    return train(voice_recipe(), {"speech": speech}, out)


def test_frames_belong_to_symbols_as_their_durations_say():
    owner, valid = frame_symbols(torch.tensor([[2, 0, 3], [1, 1, 0]]), 6)
    np.testing.assert_array_equal(owner[0, :5], [0, 0, 2, 2, 2])
    np.testing.assert_array_equal(owner[1, :2], [0, 1])
    np.testing.assert_array_equal(valid.sum(1), [5, 2])


def test_means_of_symbols_count_what_counts():
    owner = torch.tensor([[0, 0, 1, 1]])
    means = symbol_means(torch.tensor([[1.0, 3.0, 5.0, 9.0]]), torch.tensor([[1.0, 1.0, 0.0, 0.0]]), owner, 3)
    np.testing.assert_allclose(means, [[2.0, 0.0, 0.0]])


def test_a_voice_without_a_corpus_is_refused():
    with pytest.raises(ArtifactError, match="data 'speech'"):
        AvatronVoiceTask(voice_recipe(), {})


def test_an_unknown_speaker_is_refused(speech):
    task = AvatronVoiceTask(voice_recipe(data={"speakers": ["tyo"]}), {"speech": speech})
    with pytest.raises(ArtifactError, match="did you mean 'toy'"):
        task.n_examples()


@pytest.mark.parametrize(("durations", "is_half"), [("given", False), ("given", True), ("learnt", False)])
def test_every_part_of_the_loss_is_finite_and_has_a_slope(speech, durations, is_half):
    data = {"durations": durations, "is_half": is_half, "reference_frames": 40}
    task = AvatronVoiceTask(voice_recipe(data=data), {"speech": speech})
    torch.manual_seed(0)
    network = task.network().train()
    batch = task.batch([0, 1, 2], torch.Generator().manual_seed(0))
    parts = task.loss(network, batch, torch.Generator())
    parts["loss"].backward()
    assert all(part.isfinite() for part in parts.values())
    assert bool(parts["forward_sum"] > 0) is (durations == "learnt")
    unmoved = [n for n, p in network.named_parameters() if p.grad is None]
    assert unmoved == []


def test_durations_wait_for_their_step(speech):
    task = AvatronVoiceTask(voice_recipe(loss={"durations_from_step": 1}), {"speech": speech})
    torch.manual_seed(0)
    network = task.network().train()
    batch = task.batch([0, 1], torch.Generator().manual_seed(0))
    for slope in (False, True):
        network.zero_grad()
        task.loss(network, batch, torch.Generator())["loss"].backward()
        assert bool((network.voice.duration.head.weight.grad != 0).any()) is slope


def test_the_decoder_paints_a_piece_of_each_sentence(speech):
    task = AvatronVoiceTask(voice_recipe(data={"crop_frames": 16}), {"speech": speech})
    torch.manual_seed(0)
    network = task.network()
    parts = task.loss(network, task.batch([0, 1], torch.Generator().manual_seed(0)), torch.Generator())
    assert parts["mel"].isfinite()


def test_the_recipes_name_their_tasks():
    folder = Path(__file__).parents[2] / "recipes"
    for path in sorted(folder.glob("avatron-*.toml")):
        recipe = read_recipe(path)
        task = {"avatron-voice": AvatronVoiceTask, "avatron-face": AvatronFaceTask}[recipe.task]
        task(recipe, {"speech": Path("nowhere"), "voice": Path("nowhere")})


@pytest.mark.slow
def test_a_voice_learns_and_speaks_what_it_was_trained_on(voice):
    assert voice.metrics["loss"] < 1.2
    _, info = load_voice(voice.model)
    assert info.normaliser["symbols"][1] == "SIL"
    assert set(info.normaliser["styles"]) == {"toy"}
    speaking = AvatronSpeech(load_artifact(voice.model))
    for text in ("Mama.", "See you, Sue. See a moo moo moo."):
        sentences = list(speaking.speak(text))
        for sentence in sentences:
            n = len(sentence.mel)
            assert sentence.alignment.duration_s == n * 200 / 16_000
            assert sentence.motion is None
            assert np.isfinite(sentence.mel).all()
    slow, fast = (
        sum(len(s.mel) for s in speaking.speak("See you, Sue.", tempo=tempo)) for tempo in (0.5, 2.0)
    )
    assert slow > 2 * fast
    natural_s = sum(s.alignment.duration_s for s in speaking.speak("See you, Sue. Moo."))
    wanted_s = 1.2 * natural_s
    told = sum(s.alignment.duration_s for s in speaking.speak("See you, Sue. Moo.", duration_s=wanted_s))
    assert abs(told - wanted_s) <= 0.5 / 80 + 1e-9
    with pytest.raises(InputError, match="nearest possible"):
        list(speaking.speak("See you, Sue.", duration_s=100.0))
    with pytest.raises(InputError, match="speaker"):
        list(speaking.speak("See.", speaker="nobody"))


@pytest.mark.slow
def test_a_face_learns_on_the_voice_and_leaves_with_it(voice, tmp_path):
    faces = write_faces(tmp_path / "faces")
    recipe = face_recipe(loss={"critic": CRITIC, "crop_frames": 32, "adversarial_from_step": 10})
    result = train(recipe, {"faces": faces, "voice": voice.model}, tmp_path / "out")
    assert result.metrics["loss"] < 0.7
    artifact = load_artifact(result.model, kind="avatron")
    assert len(artifact.layout) == 52
    speaking = AvatronSpeech(artifact)
    for rate, text in ((None, "See a moo."), (Rate.of(60), "See you, Sue, moo moo moo.")):
        for sentence in speaking.speak(text, rate):
            expected = (rate or Rate.of(30)).count(sentence.alignment.duration_s)
            assert sentence.motion.shape == (expected, 52)
    face = load_model(str(result.model), fit_readouts(load_rig("visemic")))
    moved = face.generate(sentence.alignment, None, Rate.of(25), FaceControl(), np.random.default_rng(0))
    assert moved.n_frames == Rate.of(25).count(sentence.alignment.duration_s)
    assert moved.channel("jawOpen").max() > 0.1
    (plan,) = speaking.plan(read_script("Moo {pause 0.9} moo."))
    assert plan.frames[plan.utterance.symbols.index(",")] == 72


@pytest.mark.slow
def test_without_critics_only_reconstruction_is_learnt(voice, tmp_path):
    write_faces(tmp_path / "faces")
    task = face_task(tmp_path, voice.model, loss={"gan": False})
    torch.manual_seed(0)
    network = task.network()
    assert network.critics is None
    parts = task.loss(network, task.batch([0, 1], torch.Generator().manual_seed(0)), torch.Generator())
    assert set(parts) == {"loss", "reconstruction", "velocity", "lips", "closure", "measures"}
    assert [key for _, key in task.optimisers(network)] == ["loss"]


def face_task(tmp_path, voice_folder, **tables):
    paths = {"faces": tmp_path / "faces", "voice": voice_folder}
    return AvatronFaceTask(face_recipe(**tables), paths)


@pytest.mark.slow
def test_meshes_of_any_topology_are_learnt(voice, tmp_path):
    write_faces(tmp_path / "faces", is_mesh=True)
    data = {"stores": ["faces"], "layout": "", "lip_vertices": [0, 1]}
    task = face_task(tmp_path, voice.model, data=data)
    torch.manual_seed(0)
    network = task.network()
    assert network.avatar.config.n_outputs == 12
    assert set(network.critics.codes) == {"face", "lips", "upper"}
    batch = task.batch([0, 1], torch.Generator().manual_seed(0))
    parts = task.loss(network.train(), batch, torch.Generator())
    assert all(part.isfinite() for part in parts.values())
    # The gap of the recording is 20 mm while lips rest and more while they open.
    assert task.regions.gap_mm[1] == 1_000.0
    unnamed = face_task(tmp_path, voice.model, data={"stores": ["faces"], "layout": ""})
    with pytest.raises(InputError, match="lip_vertices"):
        unnamed.network()


@pytest.mark.slow
def test_critics_learn_from_their_own_loss_only_and_wait_for_their_step(voice, tmp_path):
    write_faces(tmp_path / "faces")
    loss = {"critic": {**CRITIC, "sync": True}, "crop_frames": 32, "adversarial_from_step": 1,
            "gradient_penalty": 1.0}  # fmt: skip
    task = face_task(tmp_path, voice.model, loss=loss)
    torch.manual_seed(0)
    network = task.network().train()
    batch = task.batch([0, 1], torch.Generator().manual_seed(0))
    before = task.loss(network, batch, torch.Generator())
    assert before["critic"] == 0
    after = task.loss(network, batch, torch.Generator())
    assert after["critic"] > 0
    assert set(before) == set(after)
    slopes = torch.autograd.grad(after["critic"], list(network.avatar.parameters()), allow_unused=True)
    assert all(slope is None for slope in slopes)


def test_a_face_without_a_voice_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="data 'voice'"):
        AvatronFaceTask(face_recipe(), {"faces": tmp_path})
