import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from avatron_corpora import write_faces

from visemic.models.avatron import AvatronVoice, AvatronVoiceConfig
from visemic.models.avatron_text import SYMBOLS
from visemic.training.avatron_face_data import (
    MEASURES,
    FaceDataConfig,
    clip_style,
    face_regions,
    open_corpus,
)

torch.set_num_threads(1)

STYLES = ("plain", "rules", "happy")
VOICE = AvatronVoiceConfig(
    n_symbols=len(SYMBOLS), channels=32, heads=2, hidden=16, kernel=3, encoder_blocks=1, decoder_blocks=1,
    style_channels=(4, 4),
)  # fmt: skip


@pytest.mark.parametrize(
    ("speaker", "emotion", "intensity", "shares"),
    [
        ("plain", "", None, (1, 0, 0)),
        ("rules", "", None, (0, 1, 0)),
        ("rules", "happy", 0.25, (0, 0.75, 0.25)),
        ("rules", "happy", None, (0, 0, 1)),
        ("nobody", "sad", 0.5, (1, 0, 0)),
    ],
)
def test_a_feeling_is_mixed_with_its_speakers_manner_by_its_intensity(speaker, emotion, intensity, shares):
    np.testing.assert_allclose(clip_style(speaker, emotion, intensity, STYLES), shares)


def test_without_styles_all_move_alike():
    np.testing.assert_allclose(clip_style("anyone", "happy", 1.0, ()), [1])


@pytest.mark.slow
def test_judges_are_spread_over_the_store_and_the_licence_of_every_source_is_kept(tmp_path):
    write_faces(tmp_path / "faces", 8)
    torch.manual_seed(0)
    voice = AvatronVoice(VOICE).eval()
    config = FaceDataConfig(("faces",), max_clips=3, validation_clips=1)
    corpus = open_corpus(config, {"faces": tmp_path / "faces"}, voice)
    assert [clip.number for clip in corpus.train] == [0, 2, 4]
    assert [clip.number for clip in corpus.judges] == [6]
    assert corpus.licences == {"toy": "CC0-1.0"}
    regions = face_regions(corpus)
    assert regions.measures_mm.shape == (52, len(MEASURES))
    np.testing.assert_array_equal(regions.measures_mm[:, 0], regions.gap_mm)
