"""Facts about MeshTalk as a model of motion: a tiny one on the built-in head."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, InputError, RigError
from visemic.core.hub import find_artifact
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Phone, Waveform
from visemic.models.base import FaceControl
from visemic.models.live_mouth import load_live_mouth
from visemic.models.meshtalk import MeshTalk, MeshTalkConfig
from visemic.models.meshtalk_context import ContextModel
from visemic.models.meshtalk_face import MOUTH_MODEL, MeshTalkFace, load_meshtalk_face
from visemic.models.meshtalk_front import ComponentFront
from visemic.models.meshtalk_networks import MeshTalkNetworks
from visemic.models.meshtalk_store import Origin, save_meshtalk
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.rig.linear import pose
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import load_rig

torch.set_num_threads(1)

SHAPES = ("jawOpen", "browInnerUp", "eyeBlinkLeft")
CONFIG = MeshTalkConfig(
    n_points=1,
    heads=2,
    classes=4,
    audio="shared",
    audio_channels=4,
    audio_dilations=(4, 8, 12),
    audio_dim=4,
    expression_widths=(4, 4),
    expression_dim=4,
    fusion_width=4,
    unet_widths=(4, 4),
    unet_layers=1,
    context_hidden=2,
    context_dilations=(1,),
)


def tiny_networks(topology="visemic"):
    """Give networks that move jaw, brows and a lid by chance."""
    rig = load_rig("visemic")
    moved = 1e3 * rig.offsets[rig.layout.indices(SHAPES)]
    chosen = np.flatnonzero(np.abs(moved).max(axis=(0, 2)) > 0)
    basis = np.linalg.qr(moved[:, chosen].reshape(3, -1).T)[0].T.astype(np.float32)
    front = ComponentFront(rig.n_vertices, chosen, np.ascontiguousarray(basis))
    torch.manual_seed(1)
    network, context = MeshTalk(CONFIG).eval(), ContextModel(CONFIG).eval()
    network.set_statistics(torch.zeros(1, 3), torch.full((1, 3), 200.0))
    return MeshTalkNetworks(network, context, front, topology)


@pytest.fixture(scope="module")
def face():
    rig = load_rig("visemic")
    readouts = fit_readouts(rig)
    ears = load_live_mouth(find_artifact(MOUTH_MODEL), readouts)
    return MeshTalkFace(tiny_networks(), rig, ears, VisemeRules(VisemeRulesConfig(), readouts))


@pytest.fixture(scope="module")
def sound():
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    return Waveform(noise.astype(np.float32), SPEECH_RATE)


def moved(face, sound, *, seed=0, rate=30, control=None, phones=()):
    alignment = Alignment(phones, (), "", sound.duration_s)
    rng = np.random.default_rng(seed)
    return face.generate(sound, alignment, None, Rate.of(rate), control or FaceControl(), rng)


def test_the_seed_decides_and_the_rate_is_the_clips(face, sound):
    one = moved(face, sound)
    assert one.layout == ARKIT_61
    assert one.n_frames == 30
    np.testing.assert_array_equal(moved(face, sound).values, one.values)
    assert (moved(face, sound, seed=1).values != one.values).any()
    assert moved(face, sound, rate=24).n_frames == 24
    shapes = one.values[:, : ARKIT_61.index("tongueOut") + 1]
    assert 0 <= shapes.min() <= shapes.max() <= 1


def test_lips_meet_in_the_m_that_is_told(face, sound):
    phones = (Phone("AA", 0.0, 0.4, 1), Phone("M", 0.4, 0.55), Phone("AA", 0.55, 1.0, 1))
    motion = moved(face, sound, phones=phones)
    weights = motion.to_layout(face.rig.layout).values
    gap = fit_readouts(face.rig).measure_mm(weights.astype(float))[:, readout_index("lip_gap")]
    assert gap[13:16].min() < 0.0
    assert gap[3:9].max() > 0.5


def test_an_expression_takes_the_place_of_chance(face, sound):
    weights = np.zeros((20, len(face.rig.layout)), np.float32)
    weights[:, face.rig.layout.index("browInnerUp")] = np.linspace(0, 1, 20)
    clip = pose(face.rig.neutral, face.rig.offsets, weights)
    follower = face.with_expression(clip)
    assert follower.rate == Rate.of(30)
    one, two = moved(follower, sound), moved(follower, sound, seed=5)
    brows = ARKIT_61.index("browInnerUp")
    np.testing.assert_array_equal(one.values[:, brows], two.values[:, brows])
    with pytest.raises(RigError, match="7 vertices"):
        face.with_expression(clip[:, :7])
    with pytest.raises(InputError, match="0 frames"):
        face.with_expression(clip[:0])
    with pytest.raises(InputError, match="temperature of -1"):
        face.with_expression(None, -1.0)


def test_what_is_switched_off_stays_off(face, sound):
    motion = moved(face, sound, control=FaceControl(blink=0, brows=0, head=0, gaze=0))
    still = [n for n in ARKIT_61.names if n.startswith(("brow", "eyeBlink", "eyeLook", "head", "leftEye"))]
    assert not motion.values[:, ARKIT_61.indices(still)].any()


@pytest.mark.slow
def test_a_model_of_no_built_in_head_is_refused(tmp_path):
    origin = Origin("tiny", "made up", {"loss": 1.0}, {"none": "CC0-1.0"})
    readouts = fit_readouts(load_rig("visemic"))
    save_meshtalk(tiny_networks("stranger"), tmp_path / "strange", origin)
    with pytest.raises(RigError, match="mesh 'stranger'"):
        load_meshtalk_face(find_artifact(str(tmp_path / "strange")), readouts)
    save_meshtalk(tiny_networks(), tmp_path / "ours", origin)
    loaded = load_meshtalk_face(find_artifact(str(tmp_path / "ours")), readouts)
    assert replace(loaded, temperature=0.5).temperature == 0.5
    with pytest.raises(ArtifactError):
        load_meshtalk_face(find_artifact(MOUTH_MODEL), readouts)
