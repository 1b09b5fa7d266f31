import dataclasses
import json

import pytest

from visemic.core.clock import Rate
from visemic.export.manifest import (
    manifest_line,
    manifest_of,
    provenance_from,
    rate_from_pair,
    read_sidecar,
    sidecar_path,
    write_sidecar,
)


def test_a_manifest_holds_every_licence_and_the_clock(clip):
    manifest = manifest_of(clip)
    assert list(manifest) == [
        "generator", "version", "command", "seed", "voice", "model", "rig", "licences", "notes", "rate",
        "n_frames",
    ]  # fmt: skip
    assert manifest["licences"] == {"code": "Apache-2.0"}
    assert (manifest["rate"], manifest["n_frames"]) == ([30, 1], 20)


def test_provenance_comes_back_from_its_manifest(clip, provenance):
    assert provenance_from(json.loads(manifest_line(clip))) == provenance


def test_what_a_manifest_does_not_say_is_unknown():
    assert provenance_from({}).voice == "unknown"
    strange = provenance_from({"seed": "x", "licences": 3, "notes": "n"})
    assert (strange.seed, strange.licences, strange.notes) == (0, {}, ())


def test_a_sidecar_stands_beside_its_file(clip, tmp_path, provenance):
    assert read_sidecar(tmp_path / "a.csv") == {}
    write_sidecar(clip, sidecar_path(tmp_path / "a.csv"))
    assert provenance_from(read_sidecar(tmp_path / "a.csv")) == provenance
    quiet = dataclasses.replace(clip, provenance=dataclasses.replace(provenance, command="sag “ä”\n"))
    assert "\n" not in manifest_line(quiet)


@pytest.mark.parametrize("pair", [None, [30], [30, 0], [-30, 1], [True, 1], ["30", 1], [10**9, 1], 30])
def test_a_pair_that_is_no_rate_is_none(pair):
    assert rate_from_pair(pair) is None


def test_a_pair_is_an_exact_rate():
    assert rate_from_pair([30_000, 1001]) == Rate.of(29.97)


def test_a_name_that_is_no_utf_8_stands_escaped_in_a_manifest(clip, tmp_path):
    origin = dataclasses.replace(clip.provenance, command="visemic convert x\udcff.csv é.npz")
    odd = dataclasses.replace(clip, provenance=origin)
    write_sidecar(odd, sidecar_path(tmp_path / "a.csv"))
    for manifest in (read_sidecar(tmp_path / "a.csv"), json.loads(manifest_line(odd).encode())):
        assert manifest["command"] == r"visemic convert x\udcff.csv é.npz"
