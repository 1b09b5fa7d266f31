import json
import wave

import numpy as np
import pytest

from store_clips import mesh_clip
from visemic.cli.data import app
from visemic.core.acting_grammar import parse_instruction
from visemic.core.acting_note import Span
from visemic.core.action_units import AU_CHANNELS, DEGREES, nearest_degree
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, FormatError, OutputError
from visemic.core.layout import ARKIT_52, ARKIT_61
from visemic.core.signals import Motion, Provenance
from visemic.data.caption_measure import (
    MEASURED_UNITS,
    degrees_of,
    measure_clip,
    neutral_of,
    unit_amounts,
)
from visemic.data.captions import (
    CAPTIONS,
    N_TEXTS,
    captions_of,
    emotion_of,
    format_caption,
    paraphrases,
    parse_caption,
    read_captions,
    write_captions,
)
from visemic.data.convert import convert
from visemic.data.importers.mead import MeadImporter
from visemic.data.importers.ravdess import RavdessImporter
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.export.clip import ClipData
from visemic.export.npz import write_npz

POSES = {
    "neutral": {},
    "happy": {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4},
    "angry": {"browDownLeft": 0.8, "browDownRight": 0.7, "headPitch": 0.12},
    "surprised": {"browInnerUp": 0.7, "browOuterUpLeft": 0.5, "eyeWideLeft": 0.5, "eyeWideRight": 0.5},
    "contempt": {"mouthSmileLeft": 0.5, "mouthDimpleLeft": 0.4},
}
OFFSET = {"mouthFrownLeft": 0.2, "mouthFrownRight": 0.2, "browDownLeft": 0.1}
"""The resting face of every actor here."""


def motion_of(pose, share=1.0, n_frames=12):
    values = np.zeros((n_frames, 61), np.float32)
    for name, weight in OFFSET.items():
        values[:, ARKIT_61.index(name)] += weight
    for name, weight in pose.items():
        values[:, ARKIT_61.index(name)] += share * weight
    return Motion(values, ARKIT_61, Rate.of(30))


def clips(speakers=("anna", "ben")):
    return [
        Recording(
            clip_id=f"{speaker}/{emotion}_{number}",
            speaker=speaker,
            split="train" if speaker == "anna" else "test",
            licence="CC0-1.0",
            source="made up",
            rate=Rate.of(30),
            motion=motion_of(pose, share),
            emotion=emotion,
            intensity=0.0 if emotion == "neutral" else share,
        )
        for speaker in speakers
        for emotion, pose in POSES.items()
        for number, share in enumerate((0.35, 0.65, 1.0))
    ]


def test_every_text_reads_back_as_the_emotion_and_the_measured_units():
    for caption in captions_of(clips(("anna",))):
        assert len(caption.texts) >= 3
        assert len(set(caption.texts)) == len(caption.texts)
        for text in caption.texts:
            span = parse_instruction(text)
            assert span.unknown == ()
            assert span.emotion == caption.emotion
            if caption.emotion != "neutral":
                assert nearest_degree(span.intensity) == nearest_degree(caption.intensity)
            for action in span.actions:
                assert caption.units[action.unit] == action.degree
            assert span.gaze in ("", caption.gaze)
            assert span.head in ("", caption.head)
        if caption.units:
            largest = next(iter(caption.units))
            assert all(largest in [a.unit for a in parse_instruction(t).actions] for t in caption.texts)


def test_units_are_those_that_were_posed_and_grow_with_the_intensity():
    found = {caption.clip_id: caption for caption in captions_of(clips(("anna",)))}
    assert found["anna/neutral_2"].units == {}
    assert set(found["anna/happy_2"].units) == {12, 6}
    assert set(found["anna/angry_2"].units) == {4}
    assert set(found["anna/surprised_2"].units) == {1, 2, 5}
    assert set(found["anna/contempt_2"].units) == {12, 14}
    assert found["anna/angry_2"].gaze == "down"
    gains = [DEGREES[found[f"anna/angry_{n}"].units[4]] for n in range(3)]
    assert gains[0] < gains[1] < gains[2]


@pytest.mark.slow
def test_captions_of_the_training_do_not_change_with_the_test():
    assert captions_of(clips(("anna",))) == captions_of(clips())[:15]


@pytest.mark.parametrize("seed", range(4))
def test_units_are_the_inverse_of_their_shapes(seed):
    rng = np.random.default_rng(seed)
    wanted = rng.uniform(0.1, 0.9, len(MEASURED_UNITS)) * (rng.random(len(MEASURED_UNITS)) < 0.4)
    channels = {}
    for unit, amount in zip(MEASURED_UNITS, wanted, strict=True):
        for channel, weight in AU_CHANNELS[unit].items():
            channels[channel] = channels.get(channel, 0.0) + amount * weight
    neutral = dict.fromkeys(channels, 0.1)
    raised = {channel: value + 0.1 for channel, value in channels.items()}
    np.testing.assert_allclose(unit_amounts(raised, neutral), wanted, atol=1e-9)


def test_degrees_go_by_sigmas_and_small_amounts_are_nothing():
    amounts = np.zeros(len(MEASURED_UNITS))
    amounts[:4] = (0.04, 0.06, 0.5, 0.019)
    sigmas = np.full(len(MEASURED_UNITS), 0.1)
    sigmas[3] = 1e-9
    assert degrees_of(amounts, sigmas) == {4: "extremely", 2: "slightly"}


def test_without_neutral_clips_the_quietest_stand_in():
    measures = [measure_clip(clip) for clip in clips(("anna",)) if clip.emotion != "neutral"]
    base = neutral_of(measures, np.zeros(len(measures), bool))
    assert base.channels["mouthFrownLeft"] == pytest.approx(0.2, abs=1e-6)
    assert base.channels["mouthSmileRight"] == 0


def test_paraphrases_differ_and_follow_the_seed():
    units = {4: "very", 24: "fairly", 9: "slightly"}
    span = Span(0.0, 0.0, "angry", 1.0, gaze="down")
    texts = paraphrases(span, units, 1)
    assert len(set(texts)) == N_TEXTS
    assert texts == paraphrases(span, units, 1) != paraphrases(span, units, 2)
    assert len(paraphrases(Span(0.0, 0.0), {}, 0)) >= 3


def test_labels_of_other_corpora_are_understood_and_wrong_ones_named():
    assert [emotion_of(label, "a") for label in ("", "calm", "Fearful", "anger")] == [
        "neutral", "neutral", "fear", "angry",
    ]  # fmt: skip
    with pytest.raises(FormatError, match=r"clip a/1: .*did you mean 'happy'"):
        emotion_of("hapy", "a/1")


def test_a_line_is_read_back_and_a_damaged_one_named():
    caption = captions_of(clips(("anna",)))[-1]
    assert parse_caption(format_caption(caption), "line 1") == caption
    data = json.loads(format_caption(caption))
    assert data["clip"] == "anna/contempt_2"
    assert set(data["units"].values()) <= set(DEGREES.values())
    for line in ("{}", "[]", "nothing", format_caption(caption).replace("contempt", "", 1)[:-5]):
        with pytest.raises(ArtifactError, match="line 7 is no caption"):
            parse_caption(line, "line 7")


@pytest.mark.slow
def test_captions_lie_beside_the_manifest_and_are_not_overwritten(tmp_path):
    convert(clips(), tmp_path / "corpus")
    written = write_captions(tmp_path / "corpus")
    assert list(read_captions(tmp_path / "corpus").values()) == list(written)
    with pytest.raises(OutputError, match="exists"):
        write_captions(tmp_path / "corpus")
    assert write_captions(tmp_path / "corpus", overwrite=True) == written
    (tmp_path / "corpus" / CAPTIONS).unlink()
    with pytest.raises(ArtifactError, match="run visemic data caption"):
        read_captions(tmp_path / "corpus")


@pytest.mark.slow
def test_the_command_writes_captions(tmp_path, capsys):
    convert(clips(), tmp_path / "corpus")
    app(["caption", str(tmp_path / "corpus"), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["clips"] == 30


def test_meshes_are_refused_with_the_way_on():
    with pytest.raises(FormatError, match="solve first"):
        captions_of([mesh_clip("a/1", np.random.default_rng(0))])


def buzzing(path, seconds=1.0):
    times_s = np.arange(round(16_000 * seconds)) / 16_000
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((9000 * np.sign(np.sin(2 * np.pi * 130 * times_s))).astype("<i2").tobytes())


def tracked(path, pose, share):
    path.parent.mkdir(parents=True, exist_ok=True)
    motion = motion_of(pose, share, 30).to_layout(ARKIT_52)
    write_npz(
        ClipData(None, None, motion, None, Provenance("1", "test", 0, "recording", "tracker", "none")), path
    )


@pytest.mark.slow
def test_mead_gets_captions_from_its_tracked_faces(tmp_path):
    for emotion in ("neutral", "angry", "happy"):
        for level, share in ((1, 0.4), (3, 1.0)):
            stem = tmp_path / "mead" / "M003" / "video" / "front" / emotion / f"level_{level}" / "001"
            tracked(stem.with_suffix(".npz"), POSES[emotion], share)
            buzzing(stem.with_suffix(".wav"))
    convert(MeadImporter().recordings(tmp_path / "mead"), tmp_path / "store")
    entries = {entry.clip_id: entry for entry in ClipStore(tmp_path / "store").entries}
    found = {c.clip_id: c for c in write_captions(tmp_path / "store")}
    assert set(found) == set(entries)
    angry = next(c for c in found.values() if c.emotion == "angry" and c.intensity == 1.0)
    assert set(angry.units) == {4}
    assert entries[angry.clip_id].intensity == 1.0
    assert all(parse_instruction(text).emotion == "angry" for text in angry.texts)


@pytest.mark.slow
def test_ravdess_gets_captions_and_its_calm_is_neutral(tmp_path):
    for code, pose in (("01", "neutral"), ("02", "neutral"), ("03", "happy"), ("05", "angry")):
        for level in ("01", "02"):
            share = 1.0 if level == "02" else 0.5
            tracked(tmp_path / "Actor_05" / f"01-01-{code}-{level}-01-01-05.npz", POSES[pose], share)
            buzzing(tmp_path / "Actor_05" / f"01-01-{code}-{level}-01-01-05.wav")
    convert(RavdessImporter().recordings(tmp_path), tmp_path / "store")
    captions = write_captions(tmp_path / "store")
    assert {(c.emotion, c.intensity) for c in captions} == {
        ("neutral", 0.0), ("happy", 0.5), ("happy", 1.0), ("angry", 0.5), ("angry", 1.0),
    }  # fmt: skip
    assert all(len(c.texts) >= 3 for c in captions)
