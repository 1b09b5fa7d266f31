"""Variation changes manner and room, not what is said when."""

from dataclasses import fields

import numpy as np
import pytest

from store_clips import mesh_clip
from visemic.core.errors import InputError
from visemic.data.convert import convert
from visemic.evaluation.motion_sync_input import CURVES, normalised_mouth
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.motion_sync_data import (
    SyncClip,
    Variation,
    example_pieces,
    load_clips,
    plain_crop,
    varied_crop,
    varied_mouth,
    varied_sound,
)

NONE = Variation(**{field.name: 0.0 for field in fields(Variation)})


def clip(rng: np.random.Generator, n_frames: int = 90, store: str = "a") -> SyncClip:
    power = rng.gamma(2.0, 1.0, (4 * n_frames, 40)).astype(np.float32)
    knots = rng.normal(0, 3, (n_frames // 5 + 2, 4))
    mouth = np.stack([np.interp(np.arange(n_frames) / 5, np.arange(len(knots)), k) for k in knots.T], axis=1)
    return SyncClip("c", "s", store, "CC0-1.0", power, mouth.astype(np.float32))


def test_no_variation_gives_the_clip_itself(rng):
    here = clip(rng, 60)
    sound, mouth = varied_crop(here, 0, 60, NONE, rng)
    plain = plain_crop(here, 0, 60)
    np.testing.assert_allclose(sound, plain[0], atol=1e-4)
    # Even then a mouth may be bent a little, as heads differ: order is kept.
    for curve, other in zip(mouth.T, plain[1].T, strict=True):
        assert np.corrcoef(curve, other)[0, 1] > 0.97


def test_variation_keeps_time(rng):
    here = clip(rng)
    plain = normalised_mouth(here.mouth_mm)
    for _ in range(20):
        varied = varied_mouth(here.mouth_mm, Variation(hidden_share=0.0), rng)
        gap = CURVES.index("lip_gap")
        lags = [
            np.corrcoef(np.roll(varied[:, gap], k)[10:-10], plain[10:-10, gap])[0, 1] for k in range(-6, 7)
        ]
        assert abs(int(np.argmax(lags)) - 6) <= 1


def test_the_gap_of_the_lips_is_never_hidden(rng):
    here = clip(rng)
    for _ in range(10):
        varied = varied_mouth(here.mouth_mm, Variation(hidden_share=1.0), rng)
        assert np.flatnonzero(varied.any(axis=0)).tolist() == [CURVES.index("lip_gap")]


def test_varied_sound_is_finite_and_normalised(rng):
    here = clip(rng)
    for _ in range(20):
        sound = varied_sound(here.power, Variation(noise_share=1.0, reverb_share=1.0), rng)
        assert np.isfinite(sound).all()
        np.testing.assert_allclose(sound.mean(axis=0), 0, atol=1e-4)


def test_pieces_count_by_length_and_store(rng):
    clips = [clip(rng, 90), clip(rng, 360, "b"), clip(rng, 40)]
    assert example_pieces(clips, {"b": 2}, 60) == [(0, 0), *2 * [(1, 0), (1, 120), (1, 240)]]


def test_crops_of_any_piece_fit(rng):
    here = clip(rng, 66)
    for start in (0, 30, 65):
        sound, mouth = varied_crop(here, start, 64, Variation(), rng)
        assert (sound.shape, mouth.shape) == ((256, 40), (64, 4))


def test_a_store_without_sound_is_refused(rng, tmp_path):
    convert([mesh_clip("anna/1", rng)], tmp_path / "store")
    with pytest.raises(InputError, match="no clip with sound and weights in split test"):
        load_clips(tmp_path / "store", "meshes", "test", fit_readouts(load_rig("visemic")))
