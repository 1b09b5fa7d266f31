import tracemalloc

import numpy as np
import pytest

from store_clips import mesh_clip, weights_clip, weights_clips
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import FormatError, OutputError
from visemic.core.layout import ARKIT_52
from visemic.core.signals import MeshMotion, Motion, Topology, Waveform
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.store import open_writer
from visemic.data.store_codec import displacements_from_steps, quantise_displacements


def test_weights_and_words_come_back_exactly(tmp_path, rng):
    clip = weights_clip("anna/1", rng)
    convert([clip], tmp_path / "s")
    back = ClipStore(tmp_path / "s")[0]
    np.testing.assert_array_equal(back.motion.values, clip.motion.values)
    assert back.motion.layout == clip.motion.layout
    assert back.alignment == clip.alignment
    for name in "clip_id speaker split licence source rate text language emotion intensity notes".split():  # noqa: SIM905
        assert getattr(back, name) == getattr(clip, name)


def test_sound_comes_back_within_half_a_16_bit_step(tmp_path, rng):
    clip = weights_clip("anna/1", rng)
    convert([clip], tmp_path / "s")
    back = ClipStore(tmp_path / "s")[0]
    assert back.waveform.rate == SPEECH_RATE
    assert np.abs(back.waveform.samples - clip.waveform.samples).max() <= 0.5 / 32767 + 1e-7


@pytest.mark.parametrize("step_m", [1e-6, 1e-5, 1e-4])
def test_vertices_come_back_within_half_a_step(tmp_path, rng, step_m):
    clip = mesh_clip("anna/1", rng)
    convert([clip], tmp_path / "s", step_m=step_m)
    back = ClipStore(tmp_path / "s")[0]
    rounding_m = 4 * np.spacing(np.float32(0.3))
    assert np.abs(back.mesh.vertices - clip.mesh.vertices).max() <= step_m / 2 + rounding_m
    np.testing.assert_array_equal(back.neutral, clip.neutral)
    np.testing.assert_array_equal(back.mesh.topology.triangles, clip.mesh.topology.triangles)


def test_a_face_at_rest_costs_no_error(rng):
    face = rng.normal(0, 0.1, (7, 3)).astype(np.float32)
    steps = quantise_displacements(face[None], face, 1e-5)
    assert not displacements_from_steps(steps, 1e-5).any()


def test_a_face_is_stored_once_a_speaker(tmp_path, rng):
    clips = [mesh_clip(f"{speaker}/{i}", rng) for speaker in ("anna", "benno") for i in range(3)]
    convert(clips, tmp_path / "s")
    assert len(list((tmp_path / "s" / "neutrals").iterdir())) == 2
    assert len(list((tmp_path / "s" / "topologies").iterdir())) == 1


def test_sound_is_stored_once_and_not_by_frame(tmp_path, rng):
    convert([weights_clip("anna/1", rng, n_frames=60)], tmp_path / "s")
    assert (tmp_path / "s/shards/00000.audio.i16").stat().st_size == 2 * 16_000 * 2


def test_nothing_in_a_store_is_a_pickle(tmp_path, rng):
    convert([weights_clip("a/1", rng), mesh_clip("b/1", rng)], tmp_path / "s")
    suffixes = {path.suffix for path in (tmp_path / "s").rglob("*") if path.is_file()}
    assert suffixes == {".json", ".jsonl", ".f32", ".i16", ".i32"}


def test_sound_of_any_rate_becomes_as_long_as_the_motion(tmp_path, rng):
    sound = Waveform(rng.uniform(-0.5, 0.5, 44_100).astype(np.float32), Rate.of(44_100))
    convert([weights_clip("a/1", rng, waveform=sound)], tmp_path / "s")
    back = ClipStore(tmp_path / "s")[0]
    assert len(back.waveform.samples) == 16_000
    assert back.notes == ("2 rows inserted",)


@pytest.mark.parametrize(
    ("extra_s", "n_frames", "note"), [(0.3, 30, "0.300 s of sound"), (-0.3, 21, "9 frames without sound")]
)
def test_the_longer_of_sound_and_motion_is_cut_with_a_note(tmp_path, rng, extra_s, n_frames, note):
    sound = Waveform(np.zeros(round(16_000 * (1 + extra_s)), np.float32), SPEECH_RATE)
    convert([weights_clip("a/1", rng, waveform=sound)], tmp_path / "s")
    back = ClipStore(tmp_path / "s")[0]
    assert back.n_frames == n_frames
    assert back.waveform.duration_s == pytest.approx(n_frames / 30, abs=1e-4)
    assert note in back.notes[-1]
    assert back.alignment.duration_s <= back.duration_s + 1 / 30


def test_a_mesh_of_a_single_frame_is_kept(tmp_path, rng):
    convert([mesh_clip("a/1", rng, n_frames=1)], tmp_path / "s")
    assert ClipStore(tmp_path / "s")[0].n_frames == 1


def test_importing_again_adds_nothing(tmp_path):
    first = convert(weights_clips(4), tmp_path / "s")
    before = {p: p.read_bytes() for p in (tmp_path / "s").rglob("*") if p.is_file()}
    again = convert(weights_clips(4), tmp_path / "s")
    assert (first.n_added, first.n_kept, again.n_added, again.n_kept, again.n_bytes) == (4, 0, 0, 4, 0)
    assert before == {p: p.read_bytes() for p in (tmp_path / "s").rglob("*") if p.is_file()}


def test_more_clips_are_added_behind_the_others(tmp_path):
    convert(weights_clips(2), tmp_path / "s")
    convert(weights_clips(5), tmp_path / "s")
    convert(weights_clips(5), tmp_path / "whole")
    for name in ("manifest.jsonl", "shards/00000.weights.f32", "shards/00000.audio.i16"):
        assert (tmp_path / "s" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_progress_names_every_clip(tmp_path):
    told = []
    convert(weights_clips(3), tmp_path / "s", progress=lambda done, name: told.append((done, name)))
    assert told == [(1, "anna/000"), (2, "ben/001"), (3, "anna/002")]


def test_another_corpus_does_not_go_into_the_same_store(tmp_path, rng):
    convert([weights_clip("a/1", rng)], tmp_path / "s")
    with pytest.raises(
        FormatError, match="clip a/1 of the store has n_frames '30' and the imported one '31'"
    ):
        convert([weights_clip("a/1", rng, n_frames=31)], tmp_path / "s")


def test_two_clips_of_one_name_are_refused(tmp_path, rng):
    with pytest.raises(FormatError, match="two clips are named a/1"):
        convert([weights_clip("a/1", rng), weights_clip("a/1", rng)], tmp_path / "s")
    assert len(ClipStore(tmp_path / "s")) == 1


def test_a_name_that_leaves_the_folder_is_refused(tmp_path, rng):
    with pytest.raises(FormatError, match="rename it"):
        convert([weights_clip("../a", rng)], tmp_path / "s")


def test_a_value_that_is_no_number_is_named_and_the_rest_stays(tmp_path, rng):
    values = rng.random((10, 52), np.float32)
    values[4, ARKIT_52.index("jawOpen")] = np.nan
    bad = weights_clip("a/2", rng, motion=Motion(values, ARKIT_52, Rate.of(30)), waveform=None)
    with pytest.raises(FormatError, match="clip a/2 holds nan in channel 'jawOpen' at frame 4"):
        convert([weights_clip("a/1", rng), bad], tmp_path / "s")
    assert [entry.clip_id for entry in ClipStore(tmp_path / "s").entries] == ["a/1"]


@pytest.mark.parametrize("value", [0.4, np.nan, -np.inf])
def test_a_vertex_beyond_the_range_is_named(tmp_path, rng, value):
    clip = mesh_clip("a/1", rng, n_frames=50)
    clip.mesh.vertices[37, 2] = value
    with pytest.raises(FormatError, match=r"clip a/1 has vertex 2 .* frame 37 and a step of 10 µm reaches"):
        convert([mesh_clip("a/0", rng, n_frames=10), clip], tmp_path / "s")
    assert (tmp_path / "s/shards/00000.displacements.i16").stat().st_size == 10 * 5 * 3 * 2


def test_an_import_without_a_clip_leaves_what_was_there(tmp_path, rng):
    bad = weights_clip(
        "a/1", rng, motion=Motion(np.full((30, 52), np.nan, np.float32), ARKIT_52, Rate.of(30))
    )
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(FormatError, match="holds nan"):
            convert([bad], tmp_path / name)
    assert [p.name for p in tmp_path.rglob("*")] == ["empty"]
    convert([weights_clip("a/0", rng)], tmp_path / "kept")
    before = {p: p.read_bytes() for p in (tmp_path / "kept").rglob("*") if p.is_file()}
    with pytest.raises(FormatError, match="holds nan"):
        convert([bad], tmp_path / "kept")
    assert {p: p.read_bytes() for p in before} == before
    assert len(ClipStore(tmp_path / "kept")) == 1


def test_an_import_beside_one_at_work_takes_nothing_back(tmp_path, rng):
    with open_writer(tmp_path / "s"), pytest.raises(OutputError, match="another import is writing"):
        convert([weights_clip("a/0", rng)], tmp_path / "s")
    assert ClipStore(tmp_path / "s").entries == ()


def test_sound_that_is_no_number_is_named(tmp_path, rng):
    samples = np.zeros(16_000, np.float32)
    samples[77] = np.inf
    with pytest.raises(FormatError, match="clip a/1 has sound sample 77"):
        convert([weights_clip("a/1", rng, waveform=Waveform(samples, SPEECH_RATE))], tmp_path / "s")


def test_a_mesh_and_a_face_of_two_topologies_are_refused(tmp_path, rng):
    clip = mesh_clip("a/1", rng)
    wrong = MeshMotion(clip.mesh.vertices[:, :4], Topology("four", np.array([[0, 1, 2]])), clip.rate)
    object.__setattr__(clip, "mesh", wrong)
    with pytest.raises(FormatError, match="moves 4 vertices and its neutral has 5"):
        convert([clip], tmp_path / "s")


def test_a_clip_without_frames_is_refused(tmp_path, rng):
    empty = Motion(np.zeros((0, 52), np.float32), ARKIT_52, Rate.of(30))
    with pytest.raises(FormatError, match="clip a/1 has 0 frames"):
        convert([weights_clip("a/1", rng, motion=empty, waveform=None, alignment=None)], tmp_path / "s")


def test_a_step_of_nothing_is_refused(tmp_path):
    with pytest.raises(FormatError, match="a step of 0 µm"):
        convert([], tmp_path / "s", step_m=0.0)


def test_a_long_clip_is_converted_in_the_memory_of_some_frames(tmp_path, rng):
    clip = mesh_clip("a/1", rng, n_frames=2_000, n_vertices=500)
    tracemalloc.start()
    try:
        convert([clip], tmp_path / "s")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert clip.mesh.vertices.nbytes > 11e6
    assert peak < 4e6
