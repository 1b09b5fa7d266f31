"""``visemic models``: lists, cards, checks and fetches."""

import json

import numpy as np
import pytest

from visemic.core.artifact import ArtifactInfo, save_artifact

pytest.importorskip("safetensors")

COMMANDS = ["list", "card", "fetch", "check"]


@pytest.fixture
def saved(tmp_path):
    info = ArtifactInfo("toy", "k", "CC-BY-4.0", "a toy", data_licences={"a corpus": "CC0-1.0"})
    return save_artifact(tmp_path / "toy", info, card="# Toy\n\nFor play.\n", tensors={"w": np.ones(2)})


def test_the_list_has_a_row_for_each_model(run):
    rows = run("models").out.splitlines()
    assert rows[0].split() == ["name", "kind", "parameters", "MB", "licence", "from"]
    assert rows[1].split() == ["viseme-rules", "rules", "0", "0.00", "Apache-2.0", "package"]
    assert any(row.startswith("g2p ") for row in rows)
    assert run("models", "list").out.splitlines() == rows
    assert json.loads(run("models", "--json").out)[0]["name"] == "viseme-rules"
    assert run("models", "list", "--json").out == run("models", "--json").out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(run, command):
    assert "  visemic models" in run("models", command, "--help").out


def test_a_card_is_shown(run, saved):
    assert run("models", "card", saved.folder).out == "# Toy\n\nFor play.\n"
    assert "# viseme-rules" in run("models", "card", "viseme-rules").out


def test_a_whole_model_is_checked_and_an_altered_one_refused(run, saved):
    result = run("models", "check", saved.folder)
    assert result.code == 0
    assert "licence: CC-BY-4.0\ntrained on a corpus: CC0-1.0\n" in result.out
    assert saved.checksum in result.out
    assert json.loads(run("models", "check", saved.folder, "--json").out)["parameters"] == 2
    (saved.folder / "card.md").write_text("# Better\n")
    result = run("models", "check", saved.folder)
    assert (result.code, result.out) == (2, "")
    assert "file 'card.md' of model 'toy' was altered" in result.err


def test_an_unknown_model_is_one_sentence(run):
    result = run("models", "check", "nonesuch")
    assert result.code == 2
    assert result.err.startswith("visemic: no model 'nonesuch'")


def test_fetching_shows_licence_and_hashes_before_it_takes_anything(run, saved, monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    patterns = []

    def download(name, **options):
        patterns.append(options["allow_patterns"])
        return str(saved.folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    refused = run("models", "fetch", "hf:someone/toy")
    assert refused.code == 2
    assert "licence: CC-BY-4.0" in refused.out
    assert saved.sha256["model.safetensors"] in refused.out
    assert "give --yes" in refused.err
    assert patterns == [["artefact.json"]]
    taken = run("models", "fetch", "hf:someone/toy", "--yes")
    assert taken.code == 0
    assert f"checksum {saved.checksum}" in taken.out
    facts = json.loads(run("models", "fetch", "hf:someone/toy", "--yes", "--json").out)
    assert facts["licence"] == "CC-BY-4.0"
