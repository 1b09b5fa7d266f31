import itertools
import json

import pytest

from visemic.core.errors import FormatError
from visemic.core.signals import Alignment, Phone
from visemic.export.viseme_track import (
    RHUBARB_SHAPES,
    oculus_cues,
    rhubarb_cues,
    write_oculus_json,
    write_oculus_tsv,
    write_rhubarb_json,
    write_rhubarb_tsv,
)
from visemic.text.visemes import OCULUS_VISEMES, phone_table


def said(*phones, tail_s=0.0):
    """Give an alignment of phones written as ``label:milliseconds``."""
    placed, time_s = [], 0.0
    for phone in phones:
        label, milliseconds = phone.split(":")
        placed.append(Phone(label, time_s, time_s + int(milliseconds) / 1000))
        time_s = placed[-1].end_s
    return Alignment(tuple(placed), (), "", time_s + tail_s)


def rhubarb(*phones, tail_s=0.0):
    return " ".join(f"{c.shape}{c.duration_s * 1000:.0f}" for c in rhubarb_cues(said(*phones, tail_s=tail_s)))


def test_every_phone_has_a_viseme_and_a_shape():
    labels = [f"{label}:100" for label in phone_table().phones]
    assert {c.shape for c in oculus_cues(said(*labels))} == set(OCULUS_VISEMES)
    assert {c.shape for c in rhubarb_cues(said(*labels, "AA:300", "L:300", "SIL:900"))} == set(RHUBARB_SHAPES)


@pytest.mark.parametrize("cues_of", [oculus_cues, rhubarb_cues])
def test_cues_cover_the_clip_without_gaps(cues_of, alignment):
    cues = cues_of(alignment)
    assert cues[0].start_s == 0
    assert cues[-1].end_s == pytest.approx(alignment.duration_s)
    for before, after in itertools.pairwise(cues):
        assert before.end_s == pytest.approx(after.start_s)
        assert before.shape != after.shape
        assert before.duration_s > 0


def test_time_without_a_phone_is_silence():
    alignment = Alignment((Phone("AA", 0.2, 0.4), Phone("M", 0.6, 0.7)), (), "", 1.0)
    assert [c.shape for c in oculus_cues(alignment)] == ["sil", "aa", "sil", "PP", "sil"]
    assert [c.shape for c in oculus_cues(Alignment((), (), "", 1.0))] == ["sil"]


def test_diphthongs_turn_at_three_fifths():
    cues = oculus_cues(said("AY:100"))
    assert [(c.shape, round(c.end_s, 6)) for c in cues] == [("aa", 0.06), ("I", 0.1)]


def test_an_unknown_phone_is_named():
    with pytest.raises(FormatError, match="no phone 'Q9'"):
        oculus_cues(said("Q9:100"))


@pytest.mark.parametrize(
    ("phones", "shapes"),
    [
        (("AA:300", "M:100"), "D240 C60 A100"),
        (("IY:100", "F:100", "IY:100"), "B100 G100 B100"),
        (("UW:100", "AO:100"), "F100 E100"),
        (("AH:190",), "C190"),
        (("AH:200",), "D200"),
        (("AW:290",), "C114 E60 F116"),
        (("AW:300",), "D120 E60 F120"),
        (("L:190", "AA:100"), "B190 D100"),
        (("L:200", "AA:100"), "H200 D100"),
        (("AO:100", "ER:60", "T:100"), "E100 B160"),
        (("AA:200", "SIL:110", "AA:200"), "D510"),
        (("AA:200", "SIL:300", "AA:200"), "D200 C300 D200"),
        (("UW:200", "SIL:360", "UW:200"), "F200 X360 F200"),
        (("IY:200", "P:30", "IY:200"), "B150 A80 B200"),
        (("IY:100", "UW:60", "IY:100"), "B260"),
        (("SIL:500", "EH:100"), "X500 C100"),
    ],
)
def test_the_rules_for_mouth_shapes(phones, shapes):
    assert rhubarb(*phones) == shapes


def test_files_hold_the_cues(tmp_path, clip):
    write_oculus_tsv(clip, tmp_path / "o.tsv")
    rows = (tmp_path / "o.tsv").read_text().splitlines()
    assert rows[:3] == ["start_s\tend_s\tviseme", "0.000\t0.100\tsil", "0.100\t0.160\tkk"]
    write_rhubarb_tsv(clip, tmp_path / "r.tsv")
    assert (tmp_path / "r.tsv").read_text() == "0.00\tX\n0.10\tB\n0.30\tF\n0.57\tA\n0.65\tD\n1.00\tX\n"
    write_oculus_json(clip, tmp_path / "o.json")
    data = json.loads((tmp_path / "o.json").read_text())
    assert data["cues"][1] == {"start_s": 0.1, "end_s": 0.16, "viseme": "kk"}
    assert data["manifest"]["seed"] == 4
    write_rhubarb_json(clip, tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    assert data["metadata"]["duration"] == 1.0
    assert data["mouthCues"][0] == {"start": 0.0, "end": 0.1, "value": "X"}
