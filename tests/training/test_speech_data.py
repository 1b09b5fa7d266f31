import json
from pathlib import Path

import numpy as np
import pytest

from visemic.core.errors import ArtifactError
from visemic.core.layout import MOUTH_33
from visemic.data.prepared_speech import read_clips
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.text.phone_posterior import PHONES
from visemic.training.mel_variation import leveled, vary
from visemic.training.mouth_data import MEASURES, speaker_affine, step_times_s
from visemic.training.phonetic import spread_of_crops
from visemic.training.speech_data import SpeechTakes, make_take, prepare_speech

SPOKEN = (("SIL", 0.0, 0.2), ("M", 0.2, 0.3), ("AA", 0.3, 0.5), ("SIL", 0.5, 0.8))


@pytest.fixture(scope="module")
def rules() -> VisemeRules:
    return VisemeRules(VisemeRulesConfig(), fit_readouts(load_rig("visemic")))


def _samples(seconds: float = 0.8) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)


def test_a_take_names_the_phone_in_the_middle_of_every_step(rules: VisemeRules) -> None:
    take = make_take(_samples(), SPOKEN, rules, None)
    labels = [PHONES[i] for i in take.phones]
    assert labels == ["SIL"] * 10 + ["M"] * 5 + ["AA"] * 10 + ["SIL"] * 15
    assert take.log_mel.shape == (80, 40)
    assert take.mouth.shape == (40, 33)


def test_the_rules_mouth_of_a_take_is_shut_in_an_m_and_open_in_the_vowel(rules: VisemeRules) -> None:
    take = make_take(_samples(), SPOKEN, rules, None)
    jaw = take.mouth[:, MOUTH_33.index("jawOpen")]
    # Mouths are 15 ms later than phones: step 12 is of 0.265 s, step 19 of 0.405 s.
    assert jaw[19] > jaw[12] + 0.1


def test_a_varied_take_scales_its_phones_with_its_sound(rules: VisemeRules) -> None:
    lengths = set()
    for seed in range(6):
        take = make_take(_samples(), SPOKEN, rules, np.random.default_rng(seed))
        lengths.add(len(take.phones))
        share = np.mean([PHONES[i] != "SIL" for i in take.phones])
        assert share == pytest.approx(0.375, abs=0.04)
    assert len(lengths) > 2


def test_the_same_seed_gives_the_same_take(rules: VisemeRules) -> None:
    one, two = (make_take(_samples(), SPOKEN, rules, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.log_mel, two.log_mel)
    np.testing.assert_array_equal(one.mouth, two.mouth)


def _source(folder: Path) -> Path:
    folder.mkdir()
    (np.tile(_samples(), 2) * 32_767).astype(np.int16).tofile(folder / "audio.i16")
    rows = [
        {
            "id": f"c{i}", "speaker": f"s{i}", "split": split, "licence": "CC0-1.0", "first": i * 12_800,
            "samples": 12_800, "text": "mar", "phones": [list(p) for p in SPOKEN],
        }
        for i, split in enumerate(("train", "validation"))
    ]  # fmt: skip
    (folder / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_prepared_takes_come_back_from_their_maps(tmp_path: Path, rules: VisemeRules) -> None:
    list(prepare_speech([_source(tmp_path / "src")], tmp_path / "out", rules, takes=2, seed=0))
    takes = SpeechTakes(tmp_path / "out")
    assert [(r["id"], r["take"], r["split"]) for r in takes.rows] == [
        ("c0", 0, "train"),
        ("c0", 1, "train"),
        ("c1", 0, "validation"),
    ]
    last = takes.rows[-1]
    assert len(takes.phones) == last["first"] + last["steps"]
    assert len(takes.log_mel) == 2 * len(takes.phones)


def test_a_folder_without_speech_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="speech_corpus"):
        read_clips(tmp_path)
    with pytest.raises(ArtifactError, match="speech_takes"):
        SpeechTakes(tmp_path)


def test_an_output_that_exists_is_refused(tmp_path: Path, rules: VisemeRules) -> None:
    with pytest.raises(ArtifactError, match="exists"):
        list(prepare_speech([], tmp_path, rules, takes=1, seed=0))


def test_shares_decide_how_often_a_source_is_met() -> None:
    rows = [{"source": s, "split": "train", "steps": 200} for s in "a" * 90 + "b" * 10]
    order = spread_of_crops(rows, 200, ("b=0.5",), "source")
    assert len(order) == 100
    assert sum(rows[i]["source"] == "b" for i in order) == 50


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no source 'c'"):
        spread_of_crops([{"source": "a", "split": "train", "steps": 1}], 200, ("c=0.5",), "source")


def test_variation_keeps_the_shape_and_follows_its_seed() -> None:
    mel = np.random.default_rng(0).normal(-8, 2, (200, 40)).astype(np.float32)
    one, two = (vary(mel, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == mel.shape
    assert np.isfinite(leveled(one, np.random.default_rng(1))).all()


def test_a_speakers_range_becomes_the_rules_range() -> None:
    theirs = np.array([[0.0, 40.0, 95.0, -1.0], [20.0, 50.0, 99.0, 11.0]])
    ours = np.array([[0.0, 44.0, 96.0, -1.0], [10.0, 54.0, 98.0, 5.0]])
    rest = np.array([0.3, 50.0, 96.0, -1.0])
    factor, shift = speaker_affine(theirs, ours, rest)
    np.testing.assert_allclose(theirs[1] * factor + shift, ours[1])
    assert (0.0 * factor[0] + shift[0]) == 0.0, "closed lips stay closed"
    assert len(factor) == len(MEASURES)


def test_the_mouth_of_a_step_is_fifteen_milliseconds_after_its_phone() -> None:
    np.testing.assert_allclose(step_times_s(3), [0.025, 0.045, 0.065])
