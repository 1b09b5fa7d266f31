from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError
from visemic.core.layout import ARKIT_61
from visemic.data.expressive import (
    ExpressiveConfig,
    ExpressiveImporter,
    act,
    actor_takes,
    expressive_recordings,
    read_expressive,
)
from visemic.data.expressive_actor import draw_actors
from visemic.data.expressive_text import SENTENCES, parted, sentences_of_file
from visemic.data.importers.registry import load_importer
from visemic.data.recording import Importer
from visemic.features.prosody import PITCH, extract_prosody
from visemic.motion.emotion import EMOTIONS, LEVELS
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import load_rig

needs_voice = pytest.mark.skipif(
    not __import__("visemic.voices.espeak", fromlist=["x"]).is_installed(),
    reason="the espeak extra is not installed",
)
RATES = {"rate": Rate.of(30), "acting_rate": Rate.of(60)}
SMALL = ExpressiveConfig(seed=3, n_actors=3, n_test=1, n_takes=1)
TEXT = "My brother put the map back on the table."


def takes_of(number, config=SMALL):
    actor = draw_actors(config.n_actors, config.n_test, config.seed)[number]
    said = parted(SENTENCES, is_unseen=actor.split == "test")
    return actor, actor_takes(config, actor, number, said)


def played(number, emotion, intensity=1.0):
    actor, takes = takes_of(number)
    take = replace(takes[0], emotion=emotion, intensity=intensity, text=TEXT)
    return act(actor, take, **RATES)


@needs_voice
@pytest.mark.slow
def test_a_seed_gives_the_same_clip_and_another_clip_another():
    first, again = played(0, "happy"), played(0, "happy")
    np.testing.assert_array_equal(first.motion.values, again.motion.values)
    np.testing.assert_array_equal(first.waveform.samples, again.waveform.samples)
    other = played(1, "happy")
    assert not np.array_equal(first.waveform.samples[:8000], other.waveform.samples[:8000])


@needs_voice
@pytest.mark.slow
def test_two_processes_give_the_clips_of_one():
    config = replace(SMALL, n_actors=1, n_test=0, emotions=("sad",))
    for one, two in zip(
        expressive_recordings(config), expressive_recordings(replace(config, processes=2)), strict=True
    ):
        assert (one.clip_id, one.text) == (two.clip_id, two.text)
        np.testing.assert_array_equal(one.motion.values, two.motion.values)
        np.testing.assert_array_equal(one.waveform.samples, two.waveform.samples)


@needs_voice
@pytest.mark.slow
@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lips_seal_on_p_b_and_m_in_every_emotion_at_its_strongest(emotion):
    readouts = fit_readouts(load_rig("visemic"))
    clip = played(0, emotion)
    gap_mm = readouts.measure_mm(clip.motion.to_layout(readouts.layout).values)[:, readout_index("lip_gap")]
    contacts = [p for p in clip.alignment.phones if p.label in ("P", "B", "M")]
    assert len(contacts) >= 4
    for phone in contacts:
        frames = [clip.rate.tick_at(t) for t in np.linspace(phone.start_s, phone.end_s, 9)]
        assert gap_mm[frames].min() < 0.5


@needs_voice
@pytest.mark.slow
def test_a_clip_is_sound_face_and_phones_on_one_clock_with_its_label():
    clip = played(0, "angry")
    assert (clip.emotion, clip.intensity, clip.text) == ("angry", 1.0, TEXT)
    assert clip.motion.layout == ARKIT_61
    assert float(clip.waveform.rate) == 16_000
    assert abs(clip.duration_s - clip.waveform.duration_s) <= 1 / 30 + 1e-9
    assert clip.alignment.duration_s == pytest.approx(clip.waveform.duration_s, abs=1e-3)
    assert clip.motion.values[:, :52].min() >= 0
    assert clip.motion.values[:, :52].max() <= 1


@needs_voice
@pytest.mark.slow
def test_a_feeling_is_seen_in_proportion_to_its_strength():
    smiles = [played(0, "happy", level).motion.channel("cheekSquintLeft").mean() for level in LEVELS.values()]
    assert smiles[0] < smiles[1] < smiles[2]
    assert played(0, "neutral", 0.0).motion.channel("noseSneerLeft").max() == 0


@pytest.mark.parametrize("number", [0, 2])
def test_every_emotion_is_acted_as_often_at_every_intensity(number):
    _, takes = takes_of(number, replace(SMALL, n_takes=2))
    cells = [take.clip_id.rpartition("_")[0] for take in takes]
    assert len(takes) == 48
    assert set(map(cells.count, cells)) == {2}
    assert len({take.clip_id for take in takes}) == 48
    for take in takes:
        neutral = take.emotion == "neutral"
        assert (take.intensity == 0) == neutral
        assert neutral or take.intensity in LEVELS.values()


def test_actors_of_the_test_are_unseen_and_so_are_their_sentences():
    seen = [take for number in (0, 1) for take in takes_of(number)[1]]
    unseen = takes_of(2)[1]
    assert {take.split for take in unseen} == {"test"}
    assert not {take.text for take in seen} & {take.text for take in unseen}
    splits = [take.split for take in takes_of(0)[1]]
    assert splits.count("validation") == 2
    assert splits[9] == splits[19] == "validation"


def test_no_voice_of_the_test_speaks_in_the_training():
    actors = draw_actors(120, 12, 9)
    heard = {split: {a.voice for a in actors if a.split == split} for split in ("train", "test")}
    assert len(heard["test"]) == 8
    assert not heard["train"] & heard["test"]


@needs_voice
@pytest.mark.slow
def test_a_shorter_tract_raises_pitch_and_formants_and_keeps_the_clock():
    actor, takes = takes_of(0)
    take = replace(takes[0], emotion="neutral", intensity=0.0, text=TEXT)
    long, short = (act(replace(actor, tract=tract), take, **RATES) for tract in (0.92, 1.08))

    def pitch_hz(clip):
        pitches = extract_prosody(clip.waveform).values[:, PITCH]
        return np.median(pitches[pitches > 0])

    def envelope(clip):
        """Give the mean spectrum in dB over steps of 1 % from 300 Hz on, smoothed over harmonics."""
        power = np.abs(np.fft.rfft(clip.waveform.samples)) ** 2
        hz = np.fft.rfftfreq(len(clip.waveform.samples), 1 / 16_000)
        at = 300 * 1.01 ** np.arange(250)
        return 10 * np.log10([power[(hz > 0.92 * f) & (hz < 1.08 * f)].mean() for f in at])

    assert pitch_hz(short) / pitch_hz(long) == pytest.approx(1.08 / 0.92, abs=0.05)
    low, high = envelope(long), envelope(short)
    likeness = [np.corrcoef(low[: 250 - k], high[k:])[0, 1] for k in range(40)]
    assert 1.01 ** int(np.argmax(likeness)) == pytest.approx(1.08 / 0.92, abs=0.06)
    assert short.duration_s == pytest.approx(long.duration_s, rel=0.04)
    spoken_s = [(c.alignment.words[0].start_s, c.alignment.words[-1].end_s) for c in (long, short)]
    np.testing.assert_allclose(spoken_s[0], spoken_s[1], rtol=0.05)


def test_sentences_do_not_depend_on_the_feeling():
    config = replace(SMALL, n_takes=8)
    _, takes = takes_of(0, config)
    by_text = {}
    for take in takes:
        by_text.setdefault(take.text, set()).add(take.emotion)
    assert np.mean([len(found) for found in by_text.values()]) > 3


def test_our_sentences_are_different_and_of_a_sentence_s_length():
    assert len(set(SENTENCES)) == len(SENTENCES) == 60
    assert all(5 <= len(text.split()) <= 12 for text in SENTENCES)


def test_a_file_of_sentences_takes_the_place_of_ours(tmp_path):
    lines = [f"id-{n}\tThis is the sentence with number {n} of many." for n in range(9)]
    (tmp_path / "said.tsv").write_text("\n".join([*lines, "x\tToo short."]))
    kept = sentences_of_file(tmp_path / "said.tsv")
    assert len(kept) == 9
    assert kept[0] == "This is the sentence with number 0 of many."
    (tmp_path / "few.txt").write_text("Only one sentence of some length here.")
    with pytest.raises(FormatError, match=r"has 1 sentences of 5 to 12 words; give at least 8"):
        sentences_of_file(tmp_path / "few.txt")
    with pytest.raises(FormatError, match="cannot be read"):
        sentences_of_file(tmp_path / "none.txt")


@pytest.mark.slow
def test_actors_have_habits_of_their_own_and_more_actors_begin_with_the_same_ones():
    actors = draw_actors(6, 0, 1)
    assert draw_actors(3, 0, 1) == actors[:3]
    assert draw_actors(3, 0, 2) != actors[:3]
    smiles = {actor.face_habits["happy"]["mouthSmileLeft"] for actor in actors}
    assert len(smiles) == 6
    sides = {a.side: a.face_habits["contempt"] for a in draw_actors(9, 0, 1)}
    assert "mouthSmileRight" not in sides[1]
    assert "mouthSmileLeft" not in sides[-1]
    assert sides[-1]["mouthSmileRight"] > 0.1
    with pytest.raises(InputError, match="2 actors cannot give 3 for the test"):
        draw_actors(2, 3, 0)


def test_a_corpus_is_read_from_toml_strictly(tmp_path):
    path = tmp_path / "corpus.toml"
    path.write_text("seed = 4\nn_actors = 2\nn_test = 1\nsentences = 'said.txt'\nemotions = ['sad', 'happy']")
    config = read_expressive(path)
    assert (config.seed, config.n_actors, config.emotions) == (4, 2, ("sad", "happy"))
    assert config.sentences == tmp_path / "said.txt"
    assert read_expressive(Path("default")) == ExpressiveConfig()
    for text, said in {
        "n_actor = 2": "unknown key n_actor; did you mean n_actors",
        "emotions = ['hapy']": "did you mean 'happy'",
        "emotions = []": "none or named twice",
        "n_takes = 0": "n_takes is 0",
        "n_test = 17": "n_test is 17 of 16",
        "processes = 3": "give 1 to 2",
        "held_out_every = 1": "at least 2",
        "seed = -1": "seed is -1",
        "seed = ": "is not TOML",
    }.items():
        path.write_text(text)
        with pytest.raises(FormatError, match=said):
            read_expressive(path)
    with pytest.raises(FormatError, match="cannot be read"):
        read_expressive(tmp_path / "none.toml")


def test_the_importer_is_known_by_name():
    assert isinstance(load_importer("expressive"), ExpressiveImporter)
    assert isinstance(ExpressiveImporter(), Importer)
