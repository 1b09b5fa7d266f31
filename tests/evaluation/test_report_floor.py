"""Floors stand below the rows with their source, and nothing unknown gets in."""

import pytest

from visemic.core.errors import FormatError, InputError
from visemic.evaluation.report_floor import Floor, read_floors

GOOD = '[[floor]]\nname = "ridge"\nsource = "us"\n[floor.metrics]\nlip_gap_correlation = 0.83\n'


def written(tmp_path, text):
    path = tmp_path / "floors.toml"
    path.write_text(text)
    return path


def test_a_floor_has_a_name_a_source_and_numbers(tmp_path):
    assert read_floors(written(tmp_path, GOOD)) == (Floor("ridge", "us", {"lip_gap_correlation": 0.83}),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no .*floor.* tables alone"),
        ("[[floor", "is not TOML"),
        (GOOD + "[other]\n", "no .*floor.* tables alone"),
        (GOOD.replace('source = "us"\n', ""), "needs name, source and a table metrics"),
        (GOOD.replace('"us"', "3"), "name and source as text"),
        (GOOD.replace("0.83", '"high"'), "has 'high' for lip_gap_correlation"),
        (GOOD.replace("0.83", "nan"), "has nan for"),
        (GOOD.replace("lip_gap_correlation", "lip_gap_corelation"), "did you mean 'lip_gap_correlation'"),
        (GOOD.replace("lip_gap_correlation = 0.83\n", ""), "needs metrics with numbers"),
        (GOOD + GOOD, "has the name of another row"),
        (GOOD.replace('"ridge"', '"rules"'), "has the name of another row"),
    ],
)
def test_floors_that_are_not_clear_are_refused(tmp_path, text, words):
    with pytest.raises((FormatError, InputError), match=words):
        read_floors(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"none\.toml.* cannot be read"):
        read_floors(tmp_path / "none.toml")
