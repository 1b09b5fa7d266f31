"""Facts about where an expression comes from."""

import numpy as np
import pytest

import visemic
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, FormatError, InputError, RigError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import MeshMotion, Motion, Provenance, Topology, Waveform
from visemic.data.convert import convert
from visemic.data.recording import Recording
from visemic.export.clip import ClipData
from visemic.export.registry import export_clip
from visemic.pipeline.expression import read_expression
from visemic.rig.registry import load_rig

RATE = Rate.of(30)


@pytest.fixture(scope="module")
def rig():
    return load_rig("visemic")


def brows(n_frames, rate):
    values = np.zeros((n_frames, len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.index("browInnerUp")] = np.linspace(0, 1, n_frames)
    values[:, ARKIT_61.index("headYaw")] = 0.5
    return Motion(values, ARKIT_61, Rate.of(rate))


def written(folder, rate=60):
    notes = Provenance("0", "test", 0, "voice", "model", "visemic", {})
    path = folder / "brows.npz"
    export_clip(ClipData(None, None, brows(2 * rate // 3, rate), None, notes), path, overwrite=False)
    return path


def recording(rig, *, topology=None, vertices=None, rate=30):
    vertices = np.repeat(rig.neutral[None], 4, axis=0) if vertices is None else vertices
    return Recording(
        clip_id="ann/0",
        speaker="ann",
        split="train",
        licence="CC0-1.0",
        source="made up",
        rate=Rate.of(rate),
        mesh=MeshMotion(vertices, topology or rig.topology, Rate.of(rate)),
        neutral=np.ascontiguousarray(vertices[0]),
        waveform=Waveform(np.zeros(16_000 * len(vertices) // rate, np.float32), SPEECH_RATE),
    )


def test_a_file_of_any_rate_moves_the_brows_with_the_neck_at_rest(tmp_path, rig):
    moved = read_expression(written(tmp_path), rig, RATE)
    assert moved.shape == (20, rig.n_vertices, 3)
    np.testing.assert_allclose(moved[0], rig.neutral, atol=1e-6)
    brow = rig.landmark("brow_inner_left")
    assert moved[-1, brow, 1] - rig.neutral[brow, 1] > 0.002
    assert len(read_expression(tmp_path / "brows.npz", rig, RATE, 0.2)) == 6


def test_a_clip_of_a_store_is_named_by_its_place(tmp_path, rig):
    lifted = rig.neutral + np.linspace(0, 0.01, 4, dtype=np.float32)[:, None, None]
    convert([recording(rig, vertices=lifted.astype(np.float32), rate=15)], tmp_path / "store")
    moved = read_expression(tmp_path / "store" / "ann" / "0", rig, RATE)
    assert len(moved) == 8
    np.testing.assert_allclose(moved[1], (lifted[0] + lifted[1]) / 2, atol=2e-5)
    with pytest.raises(ArtifactError, match="ann/1"):
        read_expression(tmp_path / "store" / "ann" / "1", rig, RATE)


def test_what_holds_no_expression_for_the_head_is_refused(tmp_path, rig):
    small = np.zeros((4, 3, 3), np.float32)
    strange = recording(rig, topology=Topology("strange", np.array([[0, 1, 2]])), vertices=small)
    convert([strange], tmp_path / "store")
    with pytest.raises(RigError, match="'strange' of 3 vertices"):
        read_expression(tmp_path / "store" / "ann" / "0", rig, RATE)
    with pytest.raises(FormatError, match="is a folder"):
        read_expression(tmp_path, rig, RATE)
    with pytest.raises(FormatError, match="cannot be read"):
        read_expression(tmp_path / "nothing.csv", rig, RATE)
    with pytest.raises(FormatError, match=r"'.*\.wav' cannot be read as motion"):
        read_expression(tmp_path / "sound.wav", rig, RATE)
    with pytest.raises(InputError, match="above 0"):
        read_expression(tmp_path / "nothing.csv", rig, RATE, 0.0)


def test_models_that_take_no_expression_say_so_before_any_work(tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal(8_000)
    sound = Waveform(noise.astype(np.float32), SPEECH_RATE)
    for model in ("rules", "trunk-mouth"):
        with pytest.raises(InputError, match="takes no expression and no temperature; choose meshtalk-lite"):
            visemic.animate(sound, model=model, expression_from=tmp_path / "brows.csv")
    with pytest.raises(InputError, match="takes no expression"):
        visemic.animate(sound, model="rules", temperature=0.5)
