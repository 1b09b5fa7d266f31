"""A protocol is the same everywhere, and a changed one is refused."""

import dataclasses
import json

import pytest

from visemic.core.errors import ArtifactError, OutputError
from visemic.evaluation.protocol import Mask, Protocol, read_protocol, write_protocol

BASE = Protocol(
    "demo", ("a/1", "b/2"), "test", ("landmark_distance",), masks=(Mask("lips", "flame", (3, 5, 8)),)
)


def test_a_protocol_survives_a_file(tmp_path):
    write_protocol(BASE, tmp_path / "p.json")
    assert read_protocol(tmp_path / "p.json") == BASE
    with pytest.raises(OutputError, match="exists"):
        write_protocol(BASE, tmp_path / "p.json")


def test_the_fingerprint_moves_with_all_that_moves_a_number_but_not_with_the_name():
    assert dataclasses.replace(BASE, name="other").fingerprint == BASE.fingerprint
    for change in (
        {"clip_ids": ("b/2", "a/1")},
        {"seed": 1},
        {"metrics": ("jitter_ratio",)},
        {"masks": (Mask("lips", "flame", (3, 5, 9)),)},
    ):
        assert dataclasses.replace(BASE, **change).fingerprint != BASE.fingerprint


def test_a_mask_is_found_by_name_and_topology():
    assert BASE.mask("lips", "flame").indices().tolist() == [3, 5, 8]
    assert BASE.mask("lips", "biwi") is None


def edited(tmp_path, **changes):
    path = tmp_path / "edited.json"
    write_protocol(BASE, path, overwrite=True)
    data = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del data[key]
        else:
            data[key] = value
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 5}, "changed by hand"),
        ({"seed": None}, "lacks or adds 'seed'"),
        ({"sede": 5}, "lacks or adds 'sede'"),
        ({"version": 1}, "version 1, this program measures by version 2"),
        ({"seed": "x"}, "wrong kind"),
        ({"clip_ids": "a"}, "wrong kind"),
        ({"clip_ids": ["a", "a"]}, "names clip 'a' twice"),
        ({"metrics": []}, "names 0 metrics"),
        ({"split": "dev"}, "split 'dev' is none of"),
    ],
)
def test_a_changed_protocol_is_refused(tmp_path, changes, words):
    with pytest.raises(ArtifactError, match=words):
        read_protocol(edited(tmp_path, **changes))


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_protocol(tmp_path / "x.json")
