"""Models are found where they are said to be; the hub is asked only when told to."""

from types import SimpleNamespace

import numpy as np
import pytest

from visemic.core import hub
from visemic.core.artifact import ArtifactInfo, save_artifact
from visemic.core.errors import ArtifactError


@pytest.fixture
def saved(tmp_path):
    return save_artifact(
        tmp_path / "toy", ArtifactInfo("toy", "k", "MIT"), card="# Toy", tensors={"w": np.ones(2)}
    ).folder


@pytest.fixture
def calls(monkeypatch, saved):
    """Put a hub in the place of the real one that has one model and writes down what it is asked."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    asked = []

    def download(name, **options):
        asked.append(SimpleNamespace(name=name, **options))
        if name != "someone/toy":
            raise OSError("404 Client Error: there is no such model.\nmore")
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return asked


def test_a_folder_is_a_model(saved):
    assert hub.find_artifact(str(saved), kind="k").origin == "folder"


def test_a_model_that_ships_is_found_by_name(saved, monkeypatch):
    monkeypatch.setattr(hub, "package_weights", lambda: saved.parent)
    assert hub.packaged_models() == ("toy",)
    assert hub.find_artifact("toy").origin == "package"
    with pytest.raises(ArtifactError, match="did you mean 'toy'"):
        hub.find_artifact("toyy")


def test_using_a_model_of_the_hub_never_asks_the_network(calls):
    artifact = hub.find_artifact("hf:someone/toy@v1")
    assert (artifact.info.licence, artifact.origin) == ("MIT", "hf:someone/toy@v1")
    assert [(c.name, c.revision, c.local_files_only) for c in calls] == [("someone/toy", "v1", True)]


def test_fetching_takes_nothing_that_could_hold_code(calls, tmp_path, monkeypatch):
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path / "cache"))
    hub.fetch_artifact("hf:someone/toy")
    assert set(calls[0].allow_patterns) == {"*.safetensors", "*.onnx", "*.md", "*.json"}
    assert calls[0].cache_dir == tmp_path / "cache" / "hub"
    assert not calls[0].local_files_only


def test_the_licence_is_known_before_the_parameters_come(calls):
    info, sha256 = hub.peek_artifact("hf:someone/toy")
    assert info.licence == "MIT"
    assert set(sha256) == {"model.safetensors", "card.md"}
    assert calls[0].allow_patterns == ["artefact.json"]


def test_a_model_that_is_not_there_is_one_sentence(calls):
    with pytest.raises(ArtifactError, match=r"'hf:a/b' cannot be fetched: 404 .*no such model$"):
        hub.fetch_artifact("hf:a/b")


def test_a_model_that_was_not_fetched_says_how_to_get_it(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ArtifactError, match="not on this machine; get it with: visemic models fetch hf:a/b"):
        hub.find_artifact("hf:a/b")


@pytest.mark.parametrize("name", ["hf:", "hf:toy", "hf:a/b/c", "hf:a/b@", "hf:a b/c"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ArtifactError, match="is no name on the hub"):
        hub.find_artifact(name)
