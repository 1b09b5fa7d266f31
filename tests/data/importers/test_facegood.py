"""FACEGOOD's curves become ARKit's."""

import json

import numpy as np
import pytest
import soundfile

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.data.importers.facegood import FacegoodImporter

CHANNELS = ["mouth_stretch_c", "mouth_funnel_dl", "mouth_funnel_dr", "mouth_funnel_ul", "mouth_funnel_ur",
            "mouth_lowerLipDepress_l", "tooth_d_d"]  # fmt: skip


@pytest.fixture
def corpus(tmp_path, rng):
    clips = [{"id": name, "frames": 60, "samples": 32_000} for name in ("2_01", "2_04")]
    (tmp_path / "clips.json").write_text(json.dumps({"fps": 30, "channels": CHANNELS, "clips": clips}))
    for clip in clips:
        np.save(tmp_path / f"{clip['id']}.npy", rng.random((60, 7)).astype(np.float32))
        soundfile.write(tmp_path / f"{clip['id']}.flac", rng.normal(size=32_000) * 0.1, 16_000)
    return tmp_path


def test_facial_actions_become_shapes_by_name(corpus):
    words, sentences = FacegoodImporter().recordings(corpus)
    curves = np.load(corpus / "2_01.npy")
    np.testing.assert_allclose(
        words.motion.channel("jawOpen"), np.minimum(curves[:, 0] + 0.5 * curves[:, 6], 1), atol=1e-6
    )
    np.testing.assert_allclose(words.motion.channel("mouthFunnel"), curves[:, 1:5].mean(1), atol=1e-6)
    np.testing.assert_allclose(words.motion.channel("mouthLowerDownLeft"), curves[:, 5], atol=1e-6)
    assert not words.motion.channel("mouthLowerDownRight").any()
    assert (words.split, sentences.split) == ("train", "test")
    assert (words.rate, words.licence, words.language) == (Rate.of(30), "MIT", "cmn")


def test_the_order_of_columns_is_that_of_the_list(corpus):
    before = [clip.motion.values for clip in FacegoodImporter().recordings(corpus)]
    index = json.loads((corpus / "clips.json").read_text())
    index["channels"] = index["channels"][::-1]
    (corpus / "clips.json").write_text(json.dumps(index))
    for clip in index["clips"]:
        path = corpus / f"{clip['id']}.npy"
        np.save(path, np.load(path)[:, ::-1])
    after = [clip.motion.values for clip in FacegoodImporter().recordings(corpus)]
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_what_does_not_fit_is_named(corpus):
    curves = np.load(corpus / "2_01.npy")
    np.save(corpus / "2_01.npy", curves[:, :6])
    with pytest.raises(FormatError, match=r"2_01\.npy.* shape \(60, 6\)"):
        list(FacegoodImporter().recordings(corpus))
    curves[17, 2] = np.nan
    np.save(corpus / "2_01.npy", curves)
    with pytest.raises(FormatError, match=r"row 17 of .*2_01\.npy"):
        list(FacegoodImporter().recordings(corpus))
    np.save(corpus / "2_01.npy", np.zeros((30, 7), np.float32))
    with pytest.raises(ClockError, match=r"2_01\.flac"):
        list(FacegoodImporter().recordings(corpus))
    index = json.loads((corpus / "clips.json").read_text())
    index["channels"][0] = "mouth_unknown"
    (corpus / "clips.json").write_text(json.dumps(index))
    with pytest.raises(FormatError, match=r"channel 'mouth_unknown'"):
        list(FacegoodImporter().recordings(corpus))
    (corpus / "clips.json").write_text("{}")
    with pytest.raises(FormatError, match=r"no channels, fps and clips"):
        list(FacegoodImporter().recordings(corpus))
