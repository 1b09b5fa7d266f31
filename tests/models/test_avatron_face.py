import itertools

import numpy as np
import pytest

from visemic.core.artifact import ArtifactInfo, save_artifact
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError
from visemic.core.hub import packaged_models
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.core.signals import SILENCE, Alignment, Phone
from visemic.models.avatron_face import (
    PIECE_PHONES,
    AvatronFace,
    gapless_phones,
    load_avatron_face,
    pieces_of,
)
from visemic.models.base import FaceControl
from visemic.models.registry import load_model, takes
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig

STILL = FaceControl(blink=0, brows=0, head=0, gaze=0)
STYLES = ("plain", "wide", "happy")
JAW = MOUTH_33.index("jawOpen")


class SaysSymbols:
    """Stands for the text piece: a symbol's state is its number."""

    def run(self, outputs, inputs):
        assert outputs == ["states"]
        return (inputs["symbols"][..., None].astype(np.float32),)


class OpensOnVowels:
    """Stands for the face piece: the jaw is open where the symbol between frames is AA."""

    AA = 6

    def run(self, outputs, inputs):
        states = inputs["states"][0, :, 0]
        opened = [(states[inputs[name][0]] == self.AA).astype(np.float32) for name in ("before", "after")]
        share = inputs["share"][0]
        moved = np.zeros((1, len(share), len(MOUTH_33)), np.float32)
        moved[0, :, JAW] = 0.5 * ((1 - share) * opened[0] + share * opened[1])
        moved[0, :, JAW] *= 1 + inputs["face_style"][0, 1]
        return (moved,)


@pytest.fixture
def face(readouts):
    return AvatronFace(
        "toy", STYLES, Rate.of(30), MOUTH_33, SaysSymbols(), OpensOnVowels(),
        VisemeRules(VisemeRulesConfig(), readouts), np.zeros((1, 4), np.float32),
    )  # fmt: skip


def alignment_of(*phones):
    """Give an alignment of labels and seconds, one after another."""
    timed, end_s = [], 0.0
    for label, seconds in phones:
        timed.append(Phone(label, end_s, end_s + seconds))
        end_s += seconds
    return Alignment(tuple(timed), (), "", end_s)


def moved(face, alignment, fps=30, **options):
    return face.generate(alignment, None, Rate.of(fps), STILL, np.random.default_rng(0), **options)


SPOKEN = alignment_of(
    (SILENCE, 0.3),
    ("AA", 0.3),
    ("N", 0.2),
    ("AA", 0.4),
    (SILENCE, 0.4),
    ("L", 0.2),
    ("AA", 0.35),
    (SILENCE, 0.3),
)


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 48, 60])
@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.0, 1.35, 2.0])
def test_voice_and_face_stay_within_half_a_video_frame_at_every_tempo_and_rate(face, fps, tempo):
    alignment = SPOKEN.stretched(1 / tempo)
    rate = Rate.of(fps)
    there = face.mouth(alignment, face.style_of({}))[:, JAW]
    motion = moved(face, alignment, fps)
    assert motion.n_frames == rate.count(alignment.duration_s)
    jaw = motion.channel("jawOpen")
    for times, curve in ((np.arange(len(there)) / 60, there), (motion.times_s, jaw)):
        fine = np.arange(0, alignment.duration_s, 1e-3)
        crossings = fine[np.flatnonzero(np.diff(np.interp(fine, times, curve) > 0.25))]
        spoken = sorted(t for p in alignment.phones if p.label == "AA" for t in (p.start_s, p.end_s))
        # A frame of the sound is one phone's or the other's: the change lies half a frame before.
        late_s = crossings - (np.round(np.array(spoken) * 80) - 0.5) / 80
        assert np.abs(late_s).max() <= 0.5 / fps + 1e-3


def test_lips_close_whatever_the_network_says(face, readouts):
    alignment = alignment_of((SILENCE, 0.3), ("AA", 0.25), ("M", 0.12), ("AA", 0.25), (SILENCE, 0.3))
    motion = moved(face, alignment, 25)
    gap = face.rules.mouth.measure_mm("lip_gap", motion.values.astype(float))
    inside = (motion.times_s > 0.56) & (motion.times_s < 0.66)
    assert gap[inside].min() <= 0.05
    assert motion.layout == ARKIT_61


def test_a_manner_is_mixed_with_the_default_and_a_feeling_moves_the_brows(face):
    alignment = alignment_of((SILENCE, 0.2), ("AA", 0.4), (SILENCE, 0.2))
    plain, half, wide = (
        face.mouth(alignment, face.style_of(manner))[:, JAW].max()
        for manner in ({}, {"wide": 0.5}, {"wide": 1})
    )
    np.testing.assert_allclose([half / plain, wide / plain], [1.5, 2.0], rtol=1e-5)
    happy = moved(face, alignment, manner={"happy": 0.5})
    np.testing.assert_allclose(happy.channel("eyeSquintLeft"), 0.14, atol=1e-6)
    assert moved(face, alignment).channel("eyeSquintLeft").max() == 0


def test_a_manner_is_named_behind_the_models_name(face):
    assert face.in_manner("happy=0.6, wide=0.4").manner == {"happy": 0.6, "wide": 0.4}
    alignment = alignment_of((SILENCE, 0.2), ("AA", 0.4), (SILENCE, 0.2))
    wide = moved(face.in_manner("wide"), alignment).channel("jawOpen").max()
    np.testing.assert_allclose(wide, 2 * moved(face, alignment).channel("jawOpen").max(), rtol=0.05)
    with pytest.raises(InputError, match="share 'much' of 'happy' is no number"):
        face.in_manner("happy=much")


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ({"hapy": 0.5}, "did you mean 'happy'"),
        ({"happy": 1.5}, "share of 1.5"),
        ({"happy": 0.8, "wide": 0.5}, "add up to 1.3"),
    ],
)
def test_a_manner_that_cannot_be_mixed_is_refused(face, manner, said):
    with pytest.raises(InputError, match=said):
        face.style_of(manner)


def test_silence_is_filled_in_and_joined():
    phones = gapless_phones([Phone("AA", 0.2, 0.3), Phone(SILENCE, 0.4, 0.5), Phone(SILENCE, 0.5, 0.6)], 1.0)
    assert [(p.label, round(p.start_s, 3), round(p.end_s, 3)) for p in phones] == [
        (SILENCE, 0.0, 0.2), ("AA", 0.2, 0.3), (SILENCE, 0.3, 1.0),
    ]  # fmt: skip
    assert gapless_phones([], 2.0) == [Phone(SILENCE, 0.0, 2.0)]


def test_a_long_text_comes_in_pieces_that_cover_it():
    rng = np.random.default_rng(3)
    rows = [(str(label), 0.1) for label in rng.choice(["AA", "N", "S", "L"], 900)]
    for place in (50, 51, 200, 700):
        rows[place] = (SILENCE, 0.5)
    phones = gapless_phones(alignment_of(*rows).phones, 100.0)
    pieces = pieces_of(phones)
    assert max(len(piece) for piece in pieces) <= PIECE_PHONES + 1
    assert pieces[0][0].start_s == 0
    spoken = {p.start_s for p in phones if p.label != SILENCE}
    assert spoken <= {p.start_s for piece in pieces for p in piece}
    for piece, after in itertools.pairwise(pieces):
        assert piece[0].start_s < after[0].start_s


def test_pieces_meet_without_a_seam(face):
    rows = [("AA" if i % 3 == 0 else "N", 0.1) for i in range(400)]
    alignment = alignment_of((SILENCE, 0.2), *rows, (SILENCE, 30.0), ("AA", 0.3), (SILENCE, 0.2))
    jaw = face.mouth(alignment, face.style_of({}))[:, JAW]
    phone = np.array([a.label == "AA" for a in alignment.phones])
    ends = np.array([a.end_s for a in alignment.phones])
    times = np.arange(len(jaw)) / 60
    inside = [
        phone[min(np.searchsorted(ends, t), len(phone) - 1)]
        and np.abs(ends - t).min() > 0.04 and np.abs(ends - 0.1 - t).min() > 0.04
        for t in times
    ]  # fmt: skip
    np.testing.assert_allclose(jaw[inside], 0.5, atol=1e-5)
    np.testing.assert_allclose(jaw[(times > 40.5) & (times < 70)], 0, atol=1e-6)


@pytest.mark.parametrize(
    "alignment",
    [Alignment((), (), "", 0.5), alignment_of(("AA", 0.01)), alignment_of((SILENCE, 600.0))],
)
def test_nothing_a_single_phone_and_minutes_of_silence_can_be_moved(face, alignment):
    mouth = face.mouth(alignment, face.style_of({}))
    assert len(mouth) >= 1
    assert np.isfinite(mouth).all()


def test_a_face_of_vertices_or_of_another_kind_is_refused(tmp_path, readouts):
    pytest.importorskip("safetensors")
    for name, kind, said in (("mesh", "avatron", "no ARKit channels"), ("ear", "toy", "is of kind 'toy'")):
        info = ArtifactInfo(name, kind, "MIT", rates_hz={"motion": 30.0})
        artifact = save_artifact(tmp_path / name, info, card="# A card", tensors={"w": np.ones(3)})
        with pytest.raises(ArtifactError, match=said):
            load_avatron_face(artifact, readouts)
    assert takes(str(tmp_path / "mesh")) == takes(f"{tmp_path / 'mesh'}:happy") == "phones"


@pytest.mark.slow
@pytest.mark.skipif("avatron" not in packaged_models(), reason="no Avatron ships with this tree")
def test_the_face_that_ships_closes_its_lips_and_opens_on_vowels_at_every_rate(readouts):
    face = load_model("avatron", readouts)
    rows = [(p, 0.09 if p in "BPM" else 0.16) for p in ["AA", "B", "AA", "M", "IY", "P", "AO", "M"]]
    alignment = alignment_of((SILENCE, 0.3), *rows, ("AA", 0.2), (SILENCE, 0.4))
    for fps in (24, 30, 60):
        motion = moved(face, alignment, fps)
        gap = face.rules.mouth.measure_mm("lip_gap", motion.values.astype(float))
        for phone in alignment.phones:
            near = (motion.times_s >= phone.start_s - 0.5 / fps) & (motion.times_s <= phone.end_s + 0.5 / fps)
            if phone.label in ("B", "P", "M"):
                assert gap[near].min() <= 0.3
            elif phone.label == "AA":
                assert gap[near].max() > 2.0
    assert moved(load_model("avatron:happy", readouts), alignment).channel("mouthSmileLeft").mean() > 0.2
