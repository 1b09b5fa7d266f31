"""Facts about the MeshTalk that ships."""

import subprocess
import sys

import numpy as np
import pytest

from visemic.core.artifact import read_info
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.hub import find_artifact, package_weights, packaged_models
from visemic.core.signals import Alignment, Waveform
from visemic.models.base import FaceControl
from visemic.models.meshtalk_onnx import MeshTalkOnnx
from visemic.models.meshtalk_tool import edited, head_usage, leakage, retarget, swap
from visemic.models.registry import load_sound_model, takes
from visemic.rig.linear import pose
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

NAME = "meshtalk-lite"

pytestmark = pytest.mark.skipif(NAME not in packaged_models(), reason="the model does not ship here")

WITHOUT_TORCH = """
import sys
import numpy as np
from visemic.models.registry import load_sound_model
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
load_sound_model("meshtalk-lite", fit_readouts(load_rig("visemic")))
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def model():
    return MeshTalkOnnx(find_artifact(NAME))


@pytest.fixture(scope="module")
def rig():
    return load_rig("visemic")


@pytest.fixture(scope="module")
def sounds():
    """Give two sounds whose loudness rises and falls as in speech."""
    rng = np.random.default_rng(0)
    found = []
    for pace in (3.0, 4.5):
        times_s = np.arange(2 * 16_000) / 16_000
        loud = np.clip(np.sin(2 * np.pi * pace * times_s), 0, 1)
        tone = sum(np.sin(2 * np.pi * 120 * k * times_s) / k for k in range(1, 20))
        found.append((0.1 * loud * tone + 0.001 * rng.standard_normal(len(tone))).astype(np.float32))
    return [Waveform(samples, SPEECH_RATE) for samples in found]


def acting(rig, **heights):
    """Give a head that shows shapes, there and back in two seconds."""
    weights = np.zeros((60, len(rig.layout)), np.float32)
    for name, height in heights.items():
        weights[:, rig.layout.index(name)] = height * np.sin(np.linspace(0, np.pi, 60))
    return pose(rig.neutral, rig.offsets, weights)


def test_it_is_small_and_takes_a_sound():
    info, files = read_info(package_weights() / NAME)
    assert takes(NAME) == "sound"
    assert sum((package_weights() / NAME / name).stat().st_size for name in files) <= 10_000_000
    assert all(licence.startswith("CC0") for licence in info.data_licences.values())


@pytest.mark.slow
def test_it_needs_no_torch():
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH], check=True, timeout=120)


@pytest.mark.slow
def test_lips_follow_the_sound_and_brows_the_clip(model, rig, sounds):
    from visemic.models.meshtalk_region import masks_from_rig

    masks = masks_from_rig(rig)
    up = acting(rig, browInnerUp=0.8, browOuterUpLeft=0.8, browOuterUpRight=0.8)
    down = acting(rig, browDownLeft=0.9, browDownRight=0.9, eyeSquintLeft=0.4, eyeSquintRight=0.4)
    own = swap(model, sounds[0], up, rig.neutral)
    by_expression = swap(model, sounds[0], down, rig.neutral)
    by_sound = swap(model, sounds[1], up, rig.neutral)
    found = leakage(own, by_expression, by_sound, masks.mouth, masks.upper_face)
    assert found.mouth < 0.3
    assert found.upper_face < 0.3
    brow = rig.landmark("brow_inner_left")
    assert own[30, brow, 1] - by_expression[30, brow, 1] > 0.002


@pytest.mark.slow
def test_classes_can_be_put_on_another_face_edited_and_counted(model, rig, sounds):
    codes = model.sound_codes(sounds[0])
    labels = model.guess(codes, temperature=0)
    assert (model.guess(codes, seed=1) != model.guess(codes, seed=2)).any()
    broad = rig.neutral * np.float32([1.1, 1.0, 1.0])
    on_another = retarget(model, labels, broad) - broad
    np.testing.assert_allclose(on_another, model.draw(labels, rig.neutral) - rig.neutral, atol=1e-6)
    other = int(np.argmax(np.bincount(labels[:, 0], minlength=model.classes) == 0))
    changed = edited(labels, 0, other, start_s=1.0, stop_s=2.0)
    np.testing.assert_array_equal(model.draw(changed, rig.neutral)[:30], model.draw(labels, rig.neutral)[:30])
    assert head_usage(labels, model.classes).counts.sum() == labels.size


@pytest.mark.slow
def test_any_rate_comes_out_of_the_registry(rig, sounds):
    face = load_sound_model(NAME, fit_readouts(rig))
    alignment = Alignment((), (), "", sounds[0].duration_s)
    motion = face.generate(sounds[0], alignment, None, Rate.of(24), FaceControl(), np.random.default_rng(0))
    assert motion.n_frames == 48
    assert motion.channel("jawOpen").max() > 0.05
