import os
import re
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors import safe_open

from visemic.core.errors import ArtifactError, OutputError
from visemic.models.syncnet import SyncNet, SyncNetTowers
from visemic.models.syncnet_weights import convert_syncnet, load_syncnet, read_syncnet

torch.set_num_threads(1)

AUDIO = {
    0: (64, 1, 3, 3),
    4: (192, 64, 3, 3),
    8: (384, 192, 3, 3),
    11: (256, 384, 3, 3),
    14: (256, 256, 3, 3),
    18: (512, 256, 5, 4),
}
VIDEO = {
    0: (96, 3, 5, 7, 7),
    4: (256, 96, 1, 5, 5),
    8: (256, 256, 1, 3, 3),
    11: (256, 256, 1, 3, 3),
    14: (256, 256, 1, 3, 3),
    18: (512, 256, 1, 6, 6),
}
STATISTICS = ("running_mean", "running_var")
"""The layer behind each of these is a batch norm."""


def published_table():
    """Give the shape of every tensor of the published checkpoint by name."""
    table = {}

    def norm(name, width):
        table.update({f"{name}.{part}": (width,) for part in ("weight", "bias", *STATISTICS)})
        table[f"{name}.num_batches_tracked"] = ()

    for tower, layers in (("netcnnaud", AUDIO), ("netcnnlip", VIDEO)):
        for index, shape in layers.items():
            table |= {f"{tower}.{index}.weight": shape, f"{tower}.{index}.bias": shape[:1]}
            norm(f"{tower}.{index + 1}", shape[0])
    for head in ("netfcaud", "netfclip"):
        table |= {f"{head}.0.weight": (512, 512), f"{head}.0.bias": (512,)}
        table |= {f"{head}.3.weight": (1024, 512), f"{head}.3.bias": (1024,)}
        norm(f"{head}.1", 512)
    return table


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(20_260)
    network = SyncNet()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith(STATISTICS):
                value.copy_(torch.rand(value.shape) + 0.5)
        network.netcnnlip[1].running_var.mul_(150.0**2)
    return network.eval()


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory):
    """The form of the published file: old serialisation, no counters of batches."""
    path = tmp_path_factory.mktemp("weights") / "syncnet_v2.model"
    old = OrderedDict((k, v) for k, v in network.state_dict().items() if not k.endswith("batches_tracked"))
    torch.save(old, path, _use_new_zipfile_serialization=False)
    return path


def saved(path, network, **changes):
    state = {**network.state_dict(), **changes}
    torch.save({k: v for k, v in state.items() if v is not None}, path)
    return path


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        state = SyncNet().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == published_table()
    assert len(state) == 102


def test_there_are_as_many_parameters_as_published():
    with torch.device("meta"):
        assert sum(p.numel() for p in SyncNet().parameters()) == 13_631_616


def test_every_five_frames_are_a_window_of_their_own(network, rng):
    pictures = torch.from_numpy(rng.integers(0, 256, (1, 3, 6, 224, 224)).astype(np.float32))
    with torch.inference_mode():
        together = network.embed_pictures(pictures)[0]
        apart = [network.embed_pictures(pictures[:, :, i : i + 5])[0, 0] for i in range(2)]
    assert together.shape == (2, 1024)
    torch.testing.assert_close(together, torch.stack(apart), atol=1e-5, rtol=1e-5)


def test_the_distance_is_that_of_the_two_embeddings(network, rng):
    pictures = torch.from_numpy(rng.integers(0, 256, (1, 3, 5, 224, 224)).astype(np.float32))
    cepstra = torch.from_numpy(rng.normal(0, 10, (1, 1, 13, 20)).astype(np.float32))
    with torch.inference_mode():
        distance = network(pictures, cepstra)
        away = network.embed_pictures(pictures)[0, 0] - network.embed_sound(cepstra)[0]
    assert distance.item() == pytest.approx(float((away**2).sum().sqrt()), rel=1e-5)


def test_numpy_sees_the_same_numbers_whatever_the_batch(network, rng):
    cepstra = rng.normal(0, 10, (4, 13, 20)).astype(np.float32)
    towers = SyncNetTowers(network)
    alone = np.concatenate([towers.embed_sound(cepstra[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(towers.embed_sound(cepstra), alone, atol=1e-5)
    pictures = rng.integers(0, 256, (3, 5, 224, 224)).astype(np.float32)
    assert towers.embed_pictures(pictures).shape == (1, 1024)


def test_a_checkpoint_of_the_published_form_loads(network, checkpoint):
    loaded = load_syncnet(checkpoint)
    assert not loaded.training
    for name, value in loaded.state_dict().items():
        if name.endswith("num_batches_tracked"):
            assert value == 0
        else:
            assert torch.equal(value, network.state_dict()[name]), name


def test_conversion_keeps_every_number_and_names_its_source(checkpoint, tmp_path):
    target = tmp_path / "syncnet.safetensors"
    convert_syncnet(checkpoint, target)
    first, second = read_syncnet(checkpoint), read_syncnet(target)
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    with safe_open(target, "pt") as file:
        assert len(file.metadata()["source_sha256"]) == 64
    with pytest.raises(OutputError, match="exists"):
        convert_syncnet(checkpoint, target)


@pytest.mark.parametrize("holder", ["state_dict", "model"])
def test_a_larger_dict_and_a_prefix_are_looked_through(network, tmp_path, holder):
    inner = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({holder: inner, "epoch": 3}, tmp_path / "a.pth")
    assert list(read_syncnet(tmp_path / "a.pth")) == list(network.state_dict())


def test_the_first_parameter_that_differs_is_named(network, tmp_path):
    wrong = saved(tmp_path / "shape.pth", network, **{"netcnnlip.4.weight": torch.zeros(256, 96, 1, 3, 3)})
    with pytest.raises(
        ArtifactError, match=r"'netcnnlip\.4\.weight'.*\(256, 96, 1, 3, 3\).*\(256, 96, 1, 5, 5\)"
    ):
        load_syncnet(wrong)
    lacking = saved(tmp_path / "less.pth", network, **{"netfcaud.3.bias": None, "netfclip.0.bias": None})
    with pytest.raises(ArtifactError, match=re.escape("lacks parameter 'netfcaud.3.bias'")):
        load_syncnet(lacking)
    more = saved(tmp_path / "more.pth", network, **{"netcnnlip.21.weight": torch.zeros(3)})
    with pytest.raises(ArtifactError, match=re.escape("'netcnnlip.21.weight', which SyncNet lacks")):
        load_syncnet(more)
    spoilt = saved(tmp_path / "nan.pth", network, **{"netfclip.1.bias": torch.full((512,), torch.nan)})
    with pytest.raises(ArtifactError, match=r"'netfclip\.1\.bias'.*not finite"):
        load_syncnet(spoilt)


def test_the_checkpoint_of_another_network_is_refused(tmp_path):
    torch.save({"face_encoder_blocks.0.weight": torch.zeros(3)}, tmp_path / "expert.pth")
    with pytest.raises(ArtifactError, match=re.escape("lacks parameter 'netcnnaud.0.weight'")):
        load_syncnet(tmp_path / "expert.pth")


class _Trap:
    """Runs a command when it is unpickled without care."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_a_checkpoint_that_runs_code_is_refused_unrun(tmp_path):
    torch.save({"netcnnaud.0.weight": _Trap(str(tmp_path / "ran"))}, tmp_path / "trap.model")
    with pytest.raises(ArtifactError, match="could run code"):
        load_syncnet(tmp_path / "trap.model")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.model", "a.safetensors"])
def test_damaged_and_missing_files_are_one_sentence(tmp_path, name):
    with pytest.raises(ArtifactError, match="no weights at"):
        load_syncnet(tmp_path / name)
    for content in (b"", b"\x80\x02not weights", b"PK\x03\x04half a zip"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtifactError, match="damaged"):
            load_syncnet(tmp_path / name)


def test_what_is_no_dict_of_tensors_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ArtifactError, match="no parameters by name"):
        load_syncnet(tmp_path / "list.pth")
    torch.save({"netcnnaud.0.weight": 3}, tmp_path / "number.pth")
    with pytest.raises(ArtifactError, match="is no tensor"):
        load_syncnet(tmp_path / "number.pth")
