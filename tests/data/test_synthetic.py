from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.recording import Importer
from visemic.data.synthetic import (
    SyntheticImporter,
    read_source,
    speaker_rig,
    styled_motion,
    subset_counts,
    synthetic_recordings,
)
from visemic.data.synthetic_config import (
    VOICES,
    SyntheticConfig,
    SyntheticSpeaker,
    korzun_config,
    varied_speakers,
)
from visemic.data.synthetic_take import write_takes
from visemic.export.registry import import_clip
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import load_rig

ANNA = "[[speakers]]\nname = 'a'\n"
ONE = ANNA + "n_phrases = 1\n"
needs_voice = pytest.mark.skipif(
    not __import__("visemic.voices.espeak", fromlist=["x"]).is_installed(),
    reason="the espeak extra is not installed",
)
PLAIN = SyntheticSpeaker("anna", 3)
TWO = SyntheticConfig(
    (
        SyntheticSpeaker("anna", 10, "validation", voice="espeak:f2", articulation=0.7, emotional_share=1.0),
        SyntheticSpeaker("ben", 2, "test", voice="espeak:m3", tempo=1.2, head_scale=(1.1, 0.9, 1.0)),
    )
)


@pytest.fixture(scope="module")
def clips():
    """Give the clips of two small speakers."""
    return list(synthetic_recordings(TWO, 7))


@needs_voice
def test_every_tenth_clip_is_held_out(clips):
    assert [clip.split for clip in clips] == ["train"] * 9 + ["validation"] + ["train"] * 2
    assert clips[9].clip_id == "anna/00009"


@needs_voice
def test_a_seed_gives_the_same_clips_and_another_seed_others(clips):
    small = replace(TWO, speakers=(replace(TWO.speakers[0], n_phrases=2),))
    for clip, again in zip(clips[:2], synthetic_recordings(small, 7), strict=True):
        assert clip.text == again.text
        np.testing.assert_array_equal(clip.motion.values, again.motion.values)
        np.testing.assert_array_equal(clip.waveform.samples, again.waveform.samples)
    other = next(synthetic_recordings(small, 8))
    assert other.text != clips[0].text


@needs_voice
def test_sound_face_and_phones_run_on_one_clock(clips):
    for clip in clips:
        assert clip.rate == Rate.of(30)
        assert abs(clip.duration_s - clip.waveform.duration_s) <= 0.5 / 30 + 1e-9
        assert clip.alignment.duration_s == pytest.approx(clip.waveform.duration_s)
        assert 3 <= len(clip.text.split()) <= 10


@needs_voice
def test_lips_close_on_p_b_and_m_at_30_frames_a_second(clips):
    n_closed = n_contacts = 0
    for clip in clips:
        speaker = TWO.speakers[clip.speaker == "ben"]
        readouts = fit_readouts(speaker_rig(speaker))
        gap_mm = readouts.measure_mm(clip.motion.to_layout(readouts.layout).values)[
            :, readout_index("lip_gap")
        ]
        for phone in clip.alignment.phones:
            if phone.label in ("P", "B", "M"):
                frames = [clip.rate.tick_at(t) for t in np.linspace(phone.start_s, phone.end_s, 9)]
                n_contacts += 1
                n_closed += gap_mm[np.clip(frames, 0, clip.n_frames - 1)].min() < 0.5
    assert n_contacts > 8
    assert n_closed == n_contacts


@needs_voice
def test_a_feeling_is_named_with_its_strength(clips):
    assert all(clip.emotion in TWO.emotions and 0.3 <= clip.intensity <= 1 for clip in clips[:10])
    calm = replace(TWO, speakers=(replace(PLAIN, n_phrases=1, emotional_share=0.0),))
    clip = next(synthetic_recordings(calm, 7))
    assert (clip.emotion, clip.intensity) == ("", None)


@needs_voice
def test_nobody_says_what_another_said():
    pair = tuple(SyntheticSpeaker(name, 4) for name in ("anna", "ben"))
    texts = [clip.text for clip in synthetic_recordings(SyntheticConfig(pair), 0)]
    assert len(set(texts)) == len(texts) == 8


@needs_voice
def test_meshes_are_the_speakers_own_head_with_the_neck_at_rest():
    speaker = replace(TWO.speakers[1], n_phrases=1)
    clip = next(synthetic_recordings(SyntheticConfig((speaker,), form="both"), 7))
    rig = speaker_rig(speaker)
    np.testing.assert_array_equal(clip.neutral, rig.neutral)
    assert clip.mesh.vertices.shape == (clip.n_frames, rig.n_vertices, 3)
    crown = int(rig.neutral[:, 1].argmax())
    assert np.abs(clip.mesh.vertices[:, crown] - rig.neutral[crown]).max() < 1e-6
    assert np.abs(clip.mesh.vertices - rig.neutral).max() > 0.002


@needs_voice
def test_a_corpus_goes_through_a_store(tmp_path, clips):
    convert(clips, tmp_path / "s")
    store = ClipStore(tmp_path / "s")
    assert [len(store.select(split=name)) for name in ("train", "validation", "test")] == [11, 1, 0]
    one = store.select(split="train", first=subset_counts(TWO, 1))
    assert [entry.clip_id for entry in one.entries] == ["anna/00000", "anna/00001"]


@needs_voice
def test_takes_hold_weights_sound_and_text(tmp_path, clips):
    told = []
    n_takes = write_takes(clips[8:11], tmp_path / "t", progress=lambda done, name: told.append(name))
    assert (n_takes, told) == (3, ["anna/00008", "anna/00009", "ben/00000"])
    folder = tmp_path / "t/anna/validation"
    back = import_clip(folder / "00009.csv").motion
    np.testing.assert_allclose(back.values, clips[9].motion.values, atol=1e-6)
    assert (folder / "00009.txt").read_text() == clips[9].text + "\n"
    assert (folder / "00009.wav").stat().st_size > 1000


def test_the_corpus_of_the_paper_has_its_sizes():
    config = korzun_config()
    counts = [subset_counts(config, n) for n in (1, 2, 3, 4)]
    assert counts == [
        {"speaker_1": 450},
        {"speaker_1": 900},
        {"speaker_1": 1800},
        {"speaker_1": 1800, "speaker_2": 450},
    ]
    assert [s.n_phrases // 10 for s in config.speakers] == [200, 50]
    with pytest.raises(InputError, match="choose 1 to 4"):
        subset_counts(config, 5)


def test_halves_differ_by_the_asymmetry():
    motion = Motion(np.full((3, 61), 0.5, np.float32), ARKIT_61, Rate.of(30))
    styled = styled_motion(motion, replace(PLAIN, asymmetry=0.2, amplitude=0.5), {"jawOpen": 0.7})
    assert styled.channel("mouthSmileLeft")[0] == pytest.approx(0.3)
    assert styled.channel("mouthSmileRight")[0] == pytest.approx(0.2)
    # A mouth that moves left is not the left half of a mouth, and eyes blink together.
    assert styled.channel("mouthLeft")[0] == styled.channel("mouthRight")[0] == 0.25
    assert styled.channel("eyeBlinkLeft")[0] == styled.channel("eyeBlinkRight")[0] == 0.5
    assert styled.channel("jawOpen")[0] == 1.0
    assert styled.channel("headYaw")[0] == 0.5


def test_a_head_is_scaled_with_its_shapes_and_joints():
    rig, plain = speaker_rig(replace(PLAIN, head_scale=(1.2, 1.0, 0.9))), load_rig("visemic")
    np.testing.assert_allclose(rig.neutral, plain.neutral * [1.2, 1.0, 0.9], rtol=1e-6)
    np.testing.assert_allclose(rig.offsets[3], plain.offsets[3] * [1.2, 1.0, 0.9], rtol=1e-5, atol=1e-9)
    assert rig.eyes[0].pivot_m[0] == pytest.approx(1.2 * plain.eyes[0].pivot_m[0])


def test_the_last_of_varied_speakers_are_unknown_to_training():
    speakers = varied_speakers(40, 5, 1, n_validation=2, n_test=3)
    assert [s.split for s in speakers] == ["train"] * 35 + ["validation"] * 2 + ["test"] * 3
    assert [s.held_out for s in speakers[-5:]] == ["validation"] * 2 + ["test"] * 3
    assert len({s.name for s in speakers}) == len({s.head_scale for s in speakers}) == 40
    assert {s.voice for s in speakers} == {f"espeak:{voice}" for voice in VOICES}
    assert varied_speakers(41, 5, 1, n_validation=3, n_test=3)[:35] == speakers[:35]
    with pytest.raises(InputError, match="give more speakers"):
        varied_speakers(2, 5, 1, n_validation=2, n_test=1)


@needs_voice
def test_every_varied_voice_is_there():
    from visemic.voices.espeak_library import list_variants

    assert set(VOICES) <= set(list_variants())
    assert len(set(VOICES)) == 36


def test_it_is_an_importer():
    assert isinstance(SyntheticImporter(), Importer)


def test_a_toml_file_says_who_speaks(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        'seed = 5\nform = "both"\nrate = 25\nemotions = ["happy"]\n'
        '[[speakers]]\nname = "anna"\nn_phrases = 4\nhead_scale = [1, 1.1, 1.0]\n'
    )
    seed, config = read_source(path)
    assert (seed, config.rate, config.form, config.emotions) == (5, 25.0, "both", ("happy",))
    assert config.speakers[0].head_scale == (1, 1.1, 1.0)
    path.write_text("seed = 2\n[varied]\nn_speakers = 3\nn_phrases = 4\nn_test = 1\n")
    assert read_source(path)[1].speakers == varied_speakers(3, 4, 2, n_test=1)
    assert read_source(Path("default")) == (0, korzun_config())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rats = 25", "no key 'rats' .* did you mean 'rate'"),
        ("[varied]\nn_speakers = 3", "lacks the key 'n_phrases'"),
        ("[varied]\nn_speakers = 3\nn_phrases = 1\n" + ONE, "has speakers and varied"),
        ("[varied]\nn_speakers = 3\nn_phrases = 1\nn_test = 4", "give more speakers"),
        ("seed = -1", "seed of .* is -1"),
        ("seed = ", "is not TOML"),
        ("", "a corpus of 0 speakers"),
        ("speakers = 3", r"write \[\[speakers\]\]"),
        ("[[speakers]]\nname = 'a'", "lacks the key 'n_phrases'"),
        (ANNA + "n_phrases = 'ten'", "key 'n_phrases' .* 'ten', it must be a whole number"),
        ("[[speakers]]\nname = 'a'\nn_phrases = 0", "has 0 phrases"),
        (ONE + "tempo = 9", "tempo of speaker 'a' is 9"),
        (ONE + "head_scale = [1]", "it must be a list of 3 numbers"),
        (ONE + "head_scale = ['b', 1, 1]", "it must be a list of 3 numbers"),
        (ONE + "held_out = 'dev'", "'dev', it must be one of train, validation, test"),
        ("form = 'mesh'\n" + ONE, "'mesh', it must be one of weights, meshes, both"),
        ("emotions = ['joy']\n" + ONE, "no emotion 'joy'"),
        ("[[speakers]]\nname='a'\nn_phrases=1\n[[speakers]]\nname='a'\nn_phrases=1", "share a name"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, said):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(FormatError, match=said) as caught:
        read_source(path)
    assert "c.toml" in str(caught.value)


def test_a_source_that_is_missing_is_named(tmp_path):
    with pytest.raises(FormatError, match="give a TOML file or 'default'"):
        read_source(tmp_path / "none.toml")
