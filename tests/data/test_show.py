import numpy as np
import pytest

from store_clips import mesh_clip, weights_clip, weights_clips
from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import MeshMotion, Motion
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.data.show import chosen_frames, contact_sheet_of, summarise
from visemic.rig.registry import load_rig


def test_figures_are_those_of_the_clips(tmp_path, rng):
    convert([*weights_clips(6), mesh_clip("cleo/1", rng)], tmp_path / "s")
    told = []
    summary = summarise(ClipStore(tmp_path / "s"), progress=lambda done, total: told.append(done))
    assert [(g.split, g.speaker, g.n_clips, g.n_frames) for g in summary.groups] == [
        ("train", "anna", 2, 20 + 24),
        ("train", "ben", 2, 21 + 23),
        ("test", "anna", 1, 22),
        ("test", "ben", 1, 25),
        ("test", "cleo", 1, 40),
    ]
    assert summary.hours == pytest.approx((135 / 30 + 40 / 25) / 3600, abs=1e-6)
    assert summary.licences == {"CC0-1.0": 6, "research only": 1}
    assert summary.rates == {"25 Hz": 1, "30 Hz": 6}
    assert summary.topologies == {"five": 1}
    assert summary.emotions == {"happy": 6}
    assert summary.notes == {"rows inserted": 6}
    assert (summary.n_clips, summary.has_sound, summary.has_text, summary.has_alignment) == (7, 6, 6, 6)
    assert told == [1, 2, 3, 4, 5, 6, 7]
    assert set(summary.to_dict()) >= {"groups", "channels", "licences"}


def test_channel_ranges_are_over_all_clips(tmp_path, rng):
    values = np.full((2, 10, 52), 0.5, np.float32)
    values[0, 3, ARKIT_52.index("jawOpen")] = 1.0
    values[1, 0, ARKIT_52.index("jawOpen")] = 0.25
    clips = [
        weights_clip(f"a/{i}", rng, motion=Motion(v, ARKIT_52, Rate.of(30)), waveform=None, alignment=None)
        for i, v in enumerate(values)
    ]
    convert(clips, tmp_path / "s")
    rows = {row.channel: row for row in summarise(ClipStore(tmp_path / "s")).channels}
    assert (rows["jawOpen"].least, rows["jawOpen"].largest) == (0.25, 1.0)
    assert rows["jawOpen"].mean == pytest.approx((18 * 0.5 + 1.25) / 20)
    assert (rows["mouthClose"].least, rows["mouthClose"].largest) == (0.5, 0.5)


def test_an_empty_store_has_figures_and_no_sheet(tmp_path):
    convert([], tmp_path / "s")
    store = ClipStore(tmp_path / "s")
    assert summarise(store).n_clips == 0
    with pytest.raises(InputError, match="has 0 clips to show"):
        contact_sheet_of(store, load_rig("visemic"))


@pytest.mark.parametrize("n_clips", [1, 3, 40])
def test_pictures_come_from_all_over_the_store(tmp_path, n_clips):
    convert(weights_clips(n_clips), tmp_path / "s")
    store = ClipStore(tmp_path / "s")
    chosen = chosen_frames(store, 12)
    assert chosen == sorted(set(chosen))
    assert len({number for number, _ in chosen}) == min(n_clips, 12)
    assert all(0 <= frame < store.entries[number].n_frames for number, frame in chosen)


@pytest.mark.slow
def test_a_sheet_shows_weights_on_a_head_and_meshes_as_they_are(tmp_path, rng):
    rig = load_rig("visemic")
    weights = np.zeros((4, 52), np.float32)
    weights[:, ARKIT_52.index("jawOpen")] = 0.8
    spoken = weights_clip(
        "a/1", rng, motion=Motion(weights, ARKIT_52, Rate.of(30)), waveform=None, alignment=None
    )
    vertices = np.repeat(rig.neutral[None], 4, 0)
    moved = Recording(
        clip_id="b/1",
        speaker="b",
        split="train",
        licence="none",
        source="made up",
        rate=Rate.of(30),
        mesh=MeshMotion(vertices, rig.topology, Rate.of(30)),
        neutral=rig.neutral,
    )
    convert([spoken, moved], tmp_path / "s")
    sheet = contact_sheet_of(ClipStore(tmp_path / "s"), rig, n_pictures=2, columns=2, tile=64, view="front")
    first, second = sheet[4:68, 4:68].astype(int), sheet[4:68, 72:136].astype(int)
    background = first[2, 2]
    for picture in (first, second):
        assert (np.abs(picture - background).sum(2) > 60).mean() > 0.2
    assert np.abs(first - second).max() > 40


def test_too_many_pictures_are_refused(tmp_path):
    convert(weights_clips(1), tmp_path / "s")
    with pytest.raises(InputError, match="0 pictures cannot be shown"):
        contact_sheet_of(ClipStore(tmp_path / "s"), load_rig("visemic"), n_pictures=0)
