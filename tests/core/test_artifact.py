"""An artefact explains itself, and nothing in it may differ from what it says."""

import json

import numpy as np
import pytest

from visemic.core.artifact import (
    ArtifactInfo,
    check_artifact,
    check_feature,
    check_tensors,
    load_artifact,
    load_parameters,
    save_artifact,
)
from visemic.core.errors import ArtifactError, InputError, OutputError
from visemic.core.layout import ARKIT_61

pytest.importorskip("safetensors")

INFO = ArtifactInfo(
    name="toy",
    kind="toy-kind",
    licence="Apache-2.0",
    config={"width": 4, "kernels": [3, 5]},
    layout=ARKIT_61.name,
    channels=ARKIT_61.names,
    rates_hz={"motion": 30.0},
    feature="log-mel",
    feature_version=2,
    normaliser={"mean": np.array([0.5, 0.25])},
    data_licences={"a corpus": "CC-BY-4.0"},
    metrics={"loss": 0.125},
)


@pytest.fixture
def tensors(rng):
    return {"b.weight": rng.normal(size=(3, 2)).astype(np.float32), "a.bias": np.zeros(3, np.float32)}


@pytest.fixture
def folder(tmp_path, tensors):
    save_artifact(tmp_path / "toy", INFO, card="# Toy\n", tensors=tensors, files={"units.json": b"[]"})
    return tmp_path / "toy"


def test_what_is_saved_comes_back(folder, tensors):
    artifact = load_artifact(folder, kind="toy-kind")
    found = artifact.tensors()
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor)
    assert artifact.info.config == INFO.config
    assert artifact.info.normaliser == {"mean": [0.5, 0.25]}
    assert artifact.info.n_parameters == 9
    assert artifact.layout == ARKIT_61
    assert artifact.card == "# Toy\n"
    assert set(artifact.sha256) == {"model.safetensors", "card.md", "units.json"}


def test_the_same_model_has_the_same_checksum(tmp_path, tensors, folder):
    again = save_artifact(tmp_path / "b", INFO, card="# Toy\n", tensors=tensors, files={"units.json": b"[]"})
    assert again.checksum == load_artifact(folder).checksum


@pytest.mark.parametrize("name", ["model.safetensors", "card.md", "units.json"])
def test_an_altered_or_missing_file_is_refused_by_name(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactError, match=f"file '{name}' of model 'toy' was altered"):
        load_artifact(folder)
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"file '{name}' of model 'toy' is missing"):
        load_artifact(folder)


def _edit(folder, **values):
    manifest = json.loads((folder / "artefact.json").read_text())
    manifest.update(values)
    (folder / "artefact.json").write_text(json.dumps({k: v for k, v in manifest.items() if v is not None}))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"format_version": 2}, "has format 2 and this visemic reads up to 1; install a newer"),
        ({"format_version": None}, "states no format_version"),
        ({"format_version": True}, "states no format_version"),
        ({"licences": "x"}, r"unknown key licences; did you mean licence\?"),
        ({"licence": None}, "key licence is missing"),
        ({"licence": " "}, "licence of the artefact is empty"),
        ({"channels": "jawOpen"}, "channels is 'jawOpen'; give a list"),
        ({"files": {"card.md": 3}}, "files.card.md is 3; give text"),
        ({"files": {}}, "is not whole: it has no file"),
        ({"files": {"../secret.md": "0"}}, "is not a plain one"),
        ({"files": {"model.pt": "0"}}, "'model.pt' of a model is not read; only .safetensors"),
        ({"files": {"model.pkl": "0"}}, "hold no code"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(folder, values, sentence):
    _edit(folder, **values)
    with pytest.raises(ArtifactError, match=sentence):
        load_artifact(folder)


def test_a_manifest_that_is_no_json_or_absent_is_refused(folder, tmp_path):
    (folder / "artefact.json").write_text("{")
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_artifact(folder)
    with pytest.raises(ArtifactError, match=r"holds no model: there is no artefact\.json"):
        load_artifact(tmp_path)


def test_another_kind_another_file_and_no_channels_are_refused(folder, tmp_path):
    with pytest.raises(ArtifactError, match="is of kind 'toy-kind' and 'mouth' is wanted"):
        load_artifact(folder, kind="mouth")
    with pytest.raises(ArtifactError, match=r"has no file 'model\.onnx'; it has card\.md"):
        load_artifact(folder).file("model.onnx")
    plain = save_artifact(tmp_path / "p", ArtifactInfo("p", "k", "MIT"), card="p", tensors={"a": np.ones(1)})
    with pytest.raises(ArtifactError, match="states no channels"):
        _ = plain.layout


def test_a_model_in_the_folder_is_not_replaced(folder, tensors):
    with pytest.raises(OutputError, match="holds a model"):
        save_artifact(folder, INFO, card="x", tensors=tensors)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"card": "x"}, "has no parameters to save"),
        ({"card": " ", "onnx": b"x"}, "has no card"),
        ({"card": "x", "files": {"a.pt": b""}}, "hold no code"),
    ],
)
def test_half_a_model_is_not_saved(tmp_path, options, sentence):
    with pytest.raises(ArtifactError, match=sentence):
        save_artifact(tmp_path / "x", INFO, **options)
    assert not (tmp_path / "x").exists()


def test_a_name_is_needed():
    with pytest.raises(InputError, match="name of the artefact is empty"):
        ArtifactInfo("", "k", "MIT")


def test_a_feature_of_another_version_is_refused():
    check_feature(INFO, "log-mel", 2)
    with pytest.raises(ArtifactError, match="'log-mel' version 2 and is given 'log-mel' version 3"):
        check_feature(INFO, "log-mel", 3)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            {"a": (2, 3), "b": (5,), "c": (1,)},
            r"parameter 'b' has shape \(5,\) in 'toy' and \(4,\) in the network",
        ),
        ({"c": (9,), "b": (5,)}, r"parameter 'a' of shape \(2, 3\) is missing"),
        ({"a": (2, 3), "b": (4,), "c": (1,), "d": (7,)}, r"parameter 'd' of shape \(7,\) in 'toy' is not in"),
    ],
)
def test_the_first_parameter_that_differs_is_named_with_both_shapes(found, sentence):
    with pytest.raises(ArtifactError, match=sentence):
        check_tensors({"a": (2, 3), "b": (4,), "c": (1,)}, found, "toy")


def test_a_network_is_filled_whole_or_not_at_all():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    network = torch.nn.Linear(2, 3)
    before = network.weight.detach().clone()
    with pytest.raises(ArtifactError, match=r"parameter 'bias' has shape \(4,\)"):
        load_parameters(
            network, {"weight": np.zeros((3, 2), np.float32), "bias": np.zeros(4, np.float32)}, "x"
        )
    assert torch.equal(network.weight, before)
    load_parameters(network, {"weight": torch.ones(3, 2), "bias": np.ones(3, np.float32)}, "x")
    assert all(bool((parameter == 1).all()) for parameter in network.parameters())


def test_parameters_that_are_not_finite_are_found(tmp_path):
    good = save_artifact(tmp_path / "a", INFO, card="x", tensors={"w": np.ones(2), "n": np.arange(2)})
    check_artifact(good)
    bad = save_artifact(tmp_path / "b", INFO, card="x", tensors={"w": np.array([1.0, np.nan])})
    with pytest.raises(ArtifactError, match="parameter 'w' of model 'toy' is not finite"):
        check_artifact(bad)


def test_a_file_that_is_no_network_is_found(tmp_path):
    pytest.importorskip("onnxruntime")
    bad = save_artifact(tmp_path / "a", INFO, card="x", onnx=b"not a network")
    with pytest.raises(ArtifactError, match=r"file 'model\.onnx' of model 'toy' is no network"):
        check_artifact(bad)
    other = save_artifact(tmp_path / "b", INFO, card="x", files={"model.safetensors": b"nothing here"})
    with pytest.raises(ArtifactError, match=r"file 'model\.safetensors' of model 'toy' cannot be read"):
        other.tensors()
