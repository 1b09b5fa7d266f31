"""Published parameters are read safely and loaded strictly."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from visemic.core.errors import ArtifactError
from visemic.models.checkpoint import load_parameters, read_parameters

torch.set_num_threads(1)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


@pytest.mark.parametrize("key", ["model", "model_b", "model_state", None])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_parameters_are_found_under_published_keys_and_prefixes(tmp_path, key, prefix):
    state = network().state_dict()
    stored = {prefix + name: value for name, value in state.items()}
    torch.save({key: stored, "step": 7} if key else stored, tmp_path / "x.ckpt")
    found = read_parameters(tmp_path / "x.ckpt")
    assert list(found) == list(state)
    target = network()
    load_parameters(target, found, "x.ckpt")
    for name, value in target.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)


def test_safetensors_are_read(tmp_path):
    state = network().state_dict()
    save_file(state, tmp_path / "x.safetensors")
    assert set(read_parameters(tmp_path / "x.safetensors")) == set(state)


def test_a_checkpoint_with_code_in_it_is_refused_and_the_code_not_run(tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (open, (str(ran), "w"))

    torch.save({"model": Trap()}, tmp_path / "trap.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps({"model": Trap()}))
    for name in ("trap.ckpt", "plain.ckpt"):
        with pytest.raises(ArtifactError, match="cannot be read as plain tensors"):
            read_parameters(tmp_path / name)
    assert not ran.exists()


def test_missing_damaged_and_empty_files_are_named(tmp_path):
    with pytest.raises(ArtifactError, match="no checkpoint"):
        read_parameters(tmp_path / "absent.ckpt")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_parameters(tmp_path / "cut.safetensors")
    torch.save({"step": 3}, tmp_path / "none.ckpt")
    with pytest.raises(ArtifactError, match="holds no parameters"):
        read_parameters(tmp_path / "none.ckpt")


def test_the_first_parameter_that_does_not_fit_is_named():
    state = network().state_dict()
    with pytest.raises(ArtifactError, match=r"'1\.weight' has shape 2x5 .* and 2x4 in Sequential"):
        load_parameters(network(), {**state, "1.weight": torch.zeros(2, 5), "1.bias": torch.zeros(9)}, "x")
    with pytest.raises(ArtifactError, match=r"lacks parameter '0\.bias' of shape 4"):
        load_parameters(network(), {k: v for k, v in state.items() if k not in ("0.bias", "1.bias")}, "x")
    with pytest.raises(ArtifactError, match=r"has parameter '2\.weight', which Sequential lacks"):
        load_parameters(network(), {**state, "2.weight": torch.zeros(1)}, "x")


def test_a_refused_checkpoint_changes_nothing_and_named_extras_are_let_be():
    target = network()
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(ArtifactError):
        load_parameters(target, {**network().state_dict(), "odd": torch.zeros(1)}, "x")
    for name, value in target.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    load_parameters(target, {**network().state_dict(), "odd": torch.zeros(1)}, "x", unused=["odd"])
