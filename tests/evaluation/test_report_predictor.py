"""Models get what drives them, and meshes of the head get the head."""

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clip
from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Alignment, MeshMotion, Motion, Phone
from visemic.data.recording import Recording
from visemic.evaluation.report_predictor import TakePredictor, model_predictor
from visemic.models import registry
from visemic.rig.registry import load_rig


@pytest.fixture(scope="module")
def head():
    return load_rig("visemic")


class Listener:
    """Opens the jaw by the first number of its chance; remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[Alignment] = []

    def hear(self, waveform):
        return Alignment((Phone("AA", 0.0, 0.5),), (), "", 0.5, source="recognised")

    def generate(self, waveform, alignment, prosody, rate, control, generator):
        self.given.append(alignment)
        values = np.zeros((rate.count(alignment.duration_s), 52), np.float32)
        values[:, ARKIT_52.index("jawOpen")] = generator.random()
        return Motion(values, ARKIT_52, rate)


@pytest.fixture
def listener(monkeypatch):
    model = Listener()
    monkeypatch.setattr(registry, "takes", lambda name: "sound")
    monkeypatch.setattr(registry, "load_sound_model", lambda name, readouts: model)
    return model


def test_a_model_of_sound_hears_for_itself_even_where_the_words_are_known(listener, head):
    clip = weights_clip("anna/1", np.random.default_rng(0))
    predictor = model_predictor("heard", head, 0)
    motion = predictor(clip)
    assert motion.n_frames == clip.n_frames
    (given,) = listener.given
    assert given.source == "recognised"
    assert [p.label for p in given.phones] == ["AA", "SIL"]
    assert given.duration_s == pytest.approx(clip.duration_s)
    with pytest.raises(InputError, match="clip anna/1 has no sound"):
        predictor(weights_clip("anna/1", np.random.default_rng(0), waveform=None))


def test_takes_differ_and_the_first_is_the_prediction(listener, head):
    clip = weights_clip("anna/1", np.random.default_rng(0))
    predictor = model_predictor("heard", head, 7)
    assert isinstance(predictor, TakePredictor)
    jaws = [float(predictor.take(clip, n).channel("jawOpen")[0]) for n in range(3)]
    assert jaws[0] == float(predictor(clip).channel("jawOpen")[0])
    assert len(set(jaws)) == 3


def test_a_mesh_of_the_head_gets_the_head_on_its_own_face(listener, head):
    rate, wide = Rate.of(30), head.neutral * np.array([1.1, 1, 1], np.float32)
    mesh = MeshMotion(np.repeat(wide[None], 3, axis=0), head.topology, rate)
    sounding = weights_clip("b", np.random.default_rng(0), n_frames=3).waveform
    clip = Recording("a", "s", "test", "CC0-1.0", "made", rate, mesh=mesh, neutral=wide, waveform=sounding)
    posed = model_predictor("heard", head, 0)(clip)
    assert posed.vertices.shape == mesh.vertices.shape
    still = np.abs(posed.vertices[0] - wide).max(1) < 1e-6
    assert 0 < still.sum() < len(wide)
    chin = head.landmark("chin") if "chin" in head.landmarks else head.landmark("lower_lip_front")
    assert posed.vertices[0, chin, 1] < wide[chin, 1]


def test_another_mesh_is_refused_with_its_name(listener, head):
    with pytest.raises(FormatError, match="topology 'five'; fit the corpus to a head"):
        model_predictor("heard", head, 0)(mesh_clip("c/1", np.random.default_rng(0)))
