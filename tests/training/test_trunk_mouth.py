import json
from pathlib import Path

import numpy as np
import pytest
import torch

from visemic.core.artifact import load_artifact
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.core.signals import Motion, Waveform
from visemic.data.recording import Recording
from visemic.features.speech_mel import extract_speech_mel
from visemic.models.live_mouth import load_live_mouth
from visemic.models.step_network import load_step_network
from visemic.models.trunk_mouth import TrunkMouth
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.mouth_data import prepare_mouths
from visemic.training.phonetic import PhoneticTask
from visemic.training.recipe import recipe_from_dict
from visemic.training.speech_data import prepare_speech
from visemic.training.trunk_mouth import TrunkMouthTask, unmeasured

torch.set_num_threads(1)

READOUTS = fit_readouts(load_rig("visemic"))
TRUNK = {"channels": 16, "kernel": 3, "dilations": [1, 1], "lookaheads": [1, 1]}
SPOKEN = [["SIL", 0.0, 0.2], ["M", 0.2, 0.4], ["AA", 0.4, 0.9], ["SIL", 0.9, 1.2]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Prepare a word and a recorded mouth, and a trunk that knows nothing."""
    folder = tmp_path_factory.mktemp("trunk")
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, 19_200).astype(np.float32)
    source = folder / "src"
    source.mkdir()
    (np.tile(samples, 2) * 32_767).astype(np.int16).tofile(source / "audio.i16")
    rows = [
        {"id": s, "speaker": s, "split": s, "licence": "CC0-1.0", "first": i * 19_200, "samples": 19_200,
         "text": "ma", "phones": SPOKEN}
        for i, s in enumerate(("train", "validation"))
    ]  # fmt: skip
    (source / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rules = VisemeRules(VisemeRulesConfig(), READOUTS)
    list(prepare_speech([source], folder / "speech", rules, takes=1, seed=0))
    rate = Rate.of(25)
    values = np.zeros((30, 61), np.float32)
    values[:, ARKIT_61.index("jawOpen")] = 0.3 * np.abs(np.sin(np.arange(30) / 3))
    recordings = [
        Recording(
            split, "anna", split, "CC0-1.0", "test", rate,
            motion=Motion(values, ARKIT_61, rate), waveform=Waveform(samples, SPEECH_RATE),
        )
        for split in ("train", "validation")
    ]  # fmt: skip
    list(prepare_mouths(recordings, folder / "mouths", READOUTS, takes=1, seed=0))
    torch.manual_seed(0)
    from safetensors.torch import save_file

    trunk = PhoneticTask(_recipe("phonetic", TRUNK), {"speech": folder / "speech"}).network()
    (folder / "phonetic").mkdir()
    save_file(trunk.state_dict(), folder / "phonetic" / "model.safetensors")
    return {name: folder / name for name in ("speech", "mouths", "phonetic")}


def _recipe(task: str, model: dict[str, object], **data: object):
    return recipe_from_dict({"name": task, "task": task, "data": {"crop_s": 1.0, **data}, "model": model})


def _task(data: dict[str, Path], **more: object) -> TrunkMouthTask:
    model = {"trunk": TRUNK, "channels": 12, "kernel": 3, "dilations": [1, 2]}
    return TrunkMouthTask(_recipe("trunk-mouth", model, recorded_share=0.5, **more), data)


def test_what_no_measure_sees_moves_no_measure() -> None:
    rng = np.random.default_rng(0)
    slopes, spread = rng.normal(size=(33, 5)).astype(np.float32), rng.random(33)
    spread[7] = 0.0
    beside = unmeasured(slopes, spread)
    np.testing.assert_allclose(beside @ slopes, 0.0, atol=1e-4)
    np.testing.assert_allclose(beside @ beside, beside, atol=1e-4)
    # A shape that the rules never move is not how a measure changes: all of its error counts.
    np.testing.assert_allclose(np.eye(33)[7], beside[:, 7] + (np.eye(33) - beside)[:, 7], atol=1e-6)
    assert beside[7, 7] == pytest.approx(1.0, abs=1e-4)


def test_the_rules_own_mouth_costs_nothing(data: dict[str, Path]) -> None:
    task = _task(data)
    batch = task.batch([0] * 6, torch.Generator().manual_seed(0))
    batch["recorded"][:] = False
    terms = task.terms(torch.zeros(6, 50, 40), batch["shapes"], batch)
    for name in ("shapes", "velocity", "lips", "silence", "recorded"):
        assert float(terms[name]) == pytest.approx(0.0, abs=1e-8), name
    assert float(terms["contact"]) < 0.01


def test_an_open_mouth_in_an_m_costs(data: dict[str, Path]) -> None:
    task = _task(data)
    batch = task.batch([0] * 6, torch.Generator().manual_seed(0))
    batch["recorded"][:] = False
    open_mouth = batch["shapes"].clone()
    open_mouth[..., MOUTH_33.index("jawOpen")] += 0.3
    assert float(task.terms(torch.zeros(6, 50, 40), open_mouth, batch)["contact"]) > 1.0


def test_recorded_and_taught_crops_do_not_teach_each_others_targets(data: dict[str, Path]) -> None:
    task = _task(data)
    batch = task.batch([0] * 8, torch.Generator().manual_seed(1))
    shapes = torch.rand(8, 50, 33)
    before = task.terms(torch.zeros(8, 50, 40), shapes, batch)
    changed = dict(batch)
    changed["measures"] = batch["measures"] + 9.0 * (~batch["recorded"])[:, None, None]
    changed["shapes"] = batch["shapes"] + 0.5 * batch["recorded"][:, None, None]
    after = task.terms(torch.zeros(8, 50, 40), shapes, changed)
    for name in ("shapes", "recorded", "recorded_velocity"):
        assert float(before[name]) == pytest.approx(float(after[name]))


def test_the_same_generator_gives_the_same_batch(data: dict[str, Path]) -> None:
    task = _task(data)
    one, two = (task.batch([0, 0], torch.Generator().manual_seed(4)) for _ in range(2))
    for name, values in one.items():
        assert torch.equal(values, two[name]), name


def test_missing_data_is_named(data: dict[str, Path]) -> None:
    with pytest.raises(ArtifactError, match="needs data 'mouths'"):
        TrunkMouthTask(_recipe("trunk-mouth", {}), {"speech": data["speech"]})


def test_an_untrained_trunk_is_named(data: dict[str, Path], tmp_path: Path) -> None:
    task = _task({**data, "phonetic": tmp_path})
    with pytest.raises(ArtifactError, match=r"recipes/phonetic\.toml"):
        task.network()


def test_a_misspelt_key_is_refused(data: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="did you mean"):
        TrunkMouthTask(_recipe("trunk-mouth", {"chanels": 3}), data)


@pytest.mark.slow
def test_what_is_saved_runs_on_a_head(data: dict[str, Path], tmp_path: Path) -> None:
    task = _task(data)
    network = task.network().eval()
    metrics = task.validate(network)
    assert "r_anna_lip_gap" in metrics
    task.save(network, tmp_path / "model", metrics)
    artifact = load_artifact(tmp_path / "model", kind="trunk-mouth")
    assert artifact.info.channels == MOUTH_33.names
    assert artifact.info.data_licences == {"src": "CC0-1.0", "test": "CC0-1.0"}
    assert artifact.info.n_parameters == sum(v.numel() for v in network.state_dict().values())
    # The file that runs is the network that was trained, at other lengths than that of the export.
    ran = load_step_network(artifact.file("model.onnx"), task.config.trunk.delay_steps)
    for seconds in (0.5, 2.3):
        noise = np.random.default_rng(1).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)
        sound = Waveform(noise, SPEECH_RATE)
        found = ran.whole(sound)
        mel = torch.from_numpy(extract_speech_mel(sound).values)[None]
        with torch.no_grad():
            logits, shapes = network.whole(mel)
        np.testing.assert_allclose(found["shapes"], shapes[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(found["phones"], logits[0].softmax(-1).numpy(), atol=1e-5)
    motion = load_live_mouth(artifact, READOUTS).generate(
        Waveform(np.zeros(16_000, np.float32), SPEECH_RATE), Rate.of(30)
    )
    assert motion.n_frames == 30


def test_a_few_steps_lower_the_loss(data: dict[str, Path]) -> None:
    task = _task(data)
    torch.manual_seed(0)
    network = task.network()
    assert isinstance(network, TrunkMouth)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    batch = task.batch([0] * 8, torch.Generator().manual_seed(2))
    losses = []
    for _ in range(25):
        loss = task.loss(network, batch, torch.Generator())["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
