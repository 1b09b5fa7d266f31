"""Models by name."""

import numpy as np
import pytest

from visemic.core import hub
from visemic.core.artifact import ArtifactInfo, save_artifact
from visemic.core.errors import ArtifactError
from visemic.models import registry
from visemic.models.registry import DEFAULT_MODEL, load_model, load_sound_model, model_infos, takes
from visemic.models.viseme_rules import VisemeRules


def listening(artifact, readouts):
    """Stand for a model that takes a sound."""
    return artifact.info.name, readouts


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give the folder of a model that takes a sound; it is listed as if it shipped."""
    pytest.importorskip("safetensors")
    info = ArtifactInfo("ear", "toy-ear", "MIT", "hears")
    save_artifact(tmp_path / "ear", info, card="# Ear", tensors={"w": np.ones(3)})
    for module in (hub, registry):
        monkeypatch.setattr(module, "package_weights", lambda: tmp_path)
    monkeypatch.setitem(registry.SOUND_LOADERS, "toy-ear", "unittest.mock:Mock")
    return tmp_path / "ear"


def test_the_default_model_is_listed_and_loads(readouts):
    assert model_infos()[0].name == DEFAULT_MODEL
    assert model_infos()[0].licence == "Apache-2.0"
    assert isinstance(load_model(DEFAULT_MODEL, readouts), VisemeRules)


def test_an_unknown_model_is_refused_with_the_nearest_name(readouts):
    with pytest.raises(ArtifactError, match="did you mean 'viseme-rules'"):
        load_model("viseme_rule", readouts)
    with pytest.raises(ArtifactError, match="did you mean 'viseme-rules'"):
        takes("viseme_rule")


def test_every_model_that_ships_is_listed_once_with_its_size(folder):
    infos = {info.name: info for info in model_infos()}
    assert len(infos) == len(model_infos())
    assert infos["g2p"].n_parameters > 100_000
    assert (infos["ear"].n_parameters, infos["ear"].licence, infos["ear"].origin) == (3, "MIT", "package")
    assert infos["ear"].n_bytes > 12


def test_a_model_that_takes_a_sound_is_told_from_one_that_takes_phones(folder, readouts):
    assert (takes("ear"), takes(str(folder)), takes("viseme-rules")) == ("sound", "sound", "phones")
    with pytest.raises(ArtifactError, match="'ear' takes a sound and is given phones"):
        load_model("ear", readouts)


def test_a_sound_model_is_loaded_by_its_kind_from_name_or_folder(folder, readouts, monkeypatch):
    import types

    monkeypatch.setitem(registry.SOUND_LOADERS, "toy-ear", "toy_ear_module:listening")
    module = types.ModuleType("toy_ear_module")
    module.listening = listening
    monkeypatch.setitem(__import__("sys").modules, "toy_ear_module", module)
    for name in ("ear", str(folder)):
        assert load_sound_model(name, readouts) == ("ear", readouts)


def test_a_model_that_moves_no_face_is_refused(folder, readouts, monkeypatch):
    monkeypatch.delitem(registry.SOUND_LOADERS, "toy-ear")
    with pytest.raises(ArtifactError, match="is of kind 'toy-ear', which moves no face"):
        load_sound_model("ear", readouts)
