"""A mesh corpus has no lips until somebody names them, and a wrong name is refused."""

import json

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clips
from visemic.core.errors import FormatError, InputError
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.evaluation.metrics import MOUTH_LANDMARKS
from visemic.evaluation.metrics_mesh import region_vertices
from visemic.evaluation.protocol import Mask
from visemic.evaluation.protocol_mask import corpus_topologies, read_mask, read_masks, rig_masks
from visemic.rig.registry import load_rig

FIVE = {"five": 5}


def written(tmp_path, text, name="lips.json"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lips.json", "[3, 0, 4]"),
        ("lips.json", '{"topology": "five", "vertices": [3, 0, 4]}'),
        ("lips.txt", "3, 0 # lower lip\n4\n"),
    ],
)
def test_a_mask_is_read_from_a_list_an_object_and_plain_text(tmp_path, name, text):
    assert read_mask("lips", written(tmp_path, text, name), FIVE) == Mask("lips", "five", (3, 0, 4))


@pytest.mark.parametrize(
    ("name", "text", "topologies", "words"),
    [
        ("lips", "[5]", FIVE, "vertex 5 of topology 'five', which has 5; they count from 0"),
        ("lips", "[-1]", FIVE, "vertex -1 of topology"),
        ("lips", "[1, 1]", FIVE, "vertex 1 twice"),
        ("lips", "[]", FIVE, "0 vertices for 'lips'"),
        ("lips", "[true]", FIVE, "holds True, which is no vertex number"),
        ("lips", '["x"]', FIVE, "holds 'x', which is no vertex number"),
        ("lips", "[0.5]", FIVE, "holds 0.5"),
        ("lips", "{", FIVE, "is not JSON"),
        ("lips", '{"vertices": [1]}', FIVE, "topology and vertices are needed"),
        ("lips", '{"topology": "fife", "vertices": [1]}', FIVE, "did you mean 'five'"),
        ("landmarks", "[1]", FIVE, "the two mouth corners and more"),
        ("lip_pair", "[1, 2, 3]", FIVE, "upper and lower inner lip"),
        ("lip", "[1]", FIVE, "did you mean 'lips'"),
        ("lips", "[1]", {}, "the corpus holds weights"),
        ("lips", "[1]", {"five": 5, "six": 6}, "names no topology and the corpus has five, six"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_in_one_sentence(tmp_path, name, text, topologies, words):
    with pytest.raises((FormatError, InputError), match=words) as refused:
        read_mask(name, written(tmp_path, text), topologies)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_wrong_form_are_refused(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        read_mask("lips", tmp_path / "none.json", FIVE)
    with pytest.raises(InputError, match="is no NAME=FILE"):
        read_masks(["lips"], FIVE)
    entry = f"lips={written(tmp_path, '[1]')}"
    with pytest.raises(InputError, match="named twice"):
        read_masks([entry, entry], FIVE)


def test_a_store_and_a_list_of_clips_tell_the_same_topologies(tmp_path):
    clips = [mesh_clip(f"cleo/{n}", np.random.default_rng(n)) for n in range(2)]
    convert(clips, tmp_path / "corpus")
    assert corpus_topologies(ClipStore(tmp_path / "corpus")) == corpus_topologies(clips) == FIVE
    assert corpus_topologies(weights_clips(2)) == {}


def test_a_heads_own_mesh_has_the_masks_of_its_regions():
    head = load_rig("visemic")
    masks = {mask.name: mask for mask in rig_masks(head, MOUTH_LANDMARKS)}
    assert {mask.topology for mask in masks.values()} == {"visemic"}
    np.testing.assert_array_equal(masks["lips"].indices(), region_vertices(head, "lips"))
    assert masks["landmarks"].vertices[:2] == (
        head.landmark("mouth_corner_left"),
        head.landmark("mouth_corner_right"),
    )
    upper, lower = head.neutral[list(masks["lip_pair"].vertices), 1]
    assert upper >= lower - 1e-4
    assert json.loads(json.dumps(masks["upper_face"].vertices)) == list(masks["upper_face"].vertices)
