import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, ClockError, FormatError, InputError, RigError
from visemic.core.layout import Layout
from visemic.core.signals import MeshMotion, Motion, Waveform
from visemic.evaluation.sync import SyncScorer
from visemic.evaluation.syncnet import (
    LipSync,
    SyncNetScorer,
    load_towers,
    score_distances,
    score_pictures,
    score_video,
    sync_distances,
    syncnet_scorer,
)
from visemic.evaluation.syncnet_picture import (
    GREY,
    FaceBox,
    crop_camera,
    crop_face,
    render_crops,
    scale_picture,
    video_crops,
)
from visemic.rig.linear import Joint, Material, MaterialGroup, Rig, pose_motion

torch.set_num_threads(1)

JAW = Layout("ball", ("jawOpen", "headYaw", "headPitch", "headRoll"))
FRAME_SAMPLES = 640


class BrightnessTowers:
    """Embed a window by how bright its pictures and how loud its sound are, in turns of a circle."""

    def __init__(self):
        self.largest = 0

    def embed_pictures(self, pictures):
        self.largest = max(self.largest, pictures.shape[1])
        level = pictures.mean(axis=(0, 2, 3)) / 255
        return np.lib.stride_tricks.sliding_window_view(level, 5).astype(np.float32)

    def embed_sound(self, cepstra):
        loudness = cepstra[:, 0].reshape(-1, 5, 4)[..., 1:3].mean(axis=2)
        return ((loudness - 5) / 15).astype(np.float32)


def pattern(n, rng):
    return rng.uniform(0, 1, n)


def pictures_of(levels):
    return [np.full((224, 224, 3), round(255 * level), np.uint8) for level in levels]


def sound_of(levels, rng):
    """Give noise whose logarithm of energy follows levels, one a frame of picture."""
    amplitude = np.repeat(30 * np.exp(3.2 * levels), FRAME_SAMPLES)
    return np.clip(amplitude * rng.normal(size=len(amplitude)), -32_768, 32_767).astype(np.int16)


@pytest.fixture(scope="module")
def ball():
    """A head that is an ellipsoid with eyes at half its height, as heads have them."""
    polar, around = np.meshgrid(np.linspace(0.05, np.pi - 0.05, 14), np.arange(20) * 2 * np.pi / 20)
    x, y, z = np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)
    neutral = np.stack([0.07 * x, 0.11 * y, 0.09 * z], -1).reshape(-1, 3).astype(np.float32)
    grid = np.arange(20 * 14).reshape(20, 14)
    a, b = grid[:, :-1].ravel(), np.roll(grid, -1, 0)[:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, a + 1, b + 1], 1), np.stack([a, b + 1, b], 1)]).astype(np.int32)
    offsets = np.zeros((1, len(neutral), 3), np.float32)
    offsets[0, neutral[:, 1] < -0.05, 1] = -0.02
    return Rig(
        name="ball",
        neutral=neutral,
        triangles=triangles,
        layout=Layout("jaw", ("jawOpen",)),
        offsets=offsets,
        groups=(MaterialGroup(Material("skin", (0.6, 0.35, 0.25)), 0, len(triangles)),),
        landmarks={},
        occlusion=np.ones(len(neutral), np.float32),
        eyes=tuple(
            Joint(n, (s, 0.0, 0.07), (n + "Yaw", n + "Pitch", n + "Roll"))
            for n, s in (("l", 0.03), ("r", -0.03))
        ),
        head=Joint("head", (0.0, -0.05, 0.0), ("headYaw", "headPitch", "headRoll")),
    )


def motion_of(n_frames, rate=25, **channels):
    values = np.zeros((n_frames, len(JAW)), np.float32)
    for name, curve in channels.items():
        values[:, JAW.index(name)] = curve
    return Motion(values, JAW, Rate.of(rate))


@pytest.mark.parametrize("late", [-7, -1, 0, 4, 15])
def test_a_late_picture_has_a_positive_offset_of_its_frames(rng, late):
    world = rng.normal(size=(120, 32))
    sound, picture = world[20:100], world[20 - late : 100 - late]
    found = score_distances(sync_distances(picture, sound))
    assert found.offset_frames == late
    assert found.to_score().offset_s == pytest.approx(late * 0.04)


def test_equal_embeddings_lie_at_the_nudge(rng):
    same = rng.normal(size=(40, 1024))
    found = score_distances(sync_distances(same, same))
    assert found.lse_d == pytest.approx(np.sqrt(1024) * 1e-6)
    assert found.offset_frames == 0
    assert found.to_score().distance_in_place == found.lse_d


def test_confidence_is_the_median_over_lags_less_the_least():
    distances = np.tile([9.0, 7.0, 4.0, 8.0, 6.0], (20, 1))
    found = score_distances(distances)
    assert (found.lse_d, found.lse_c, found.offset_frames) == (4.0, 3.0, 0)
    np.testing.assert_array_equal(found.mean_distances, distances[0])


def test_distance_is_that_of_every_window_to_the_sound_so_many_windows_later(rng):
    pictures, sounds = rng.normal(size=(2, 12, 6))
    table = sync_distances(pictures, sounds, max_shift=3)
    assert table.shape == (12, 7)
    assert table[5, 3 + 2] == pytest.approx(np.linalg.norm(pictures[5] - sounds[7]), abs=1e-5)
    assert table[0, 0] == pytest.approx(np.linalg.norm(pictures[0]), abs=1e-5)
    assert table[11, 6] == pytest.approx(np.linalg.norm(pictures[11]), abs=1e-5)


def test_frames_that_fit_have_confidence_and_frames_that_do_not_have_none(rng):
    sound = rng.normal(size=(80, 64))
    picture = sound.copy()
    picture[40:60] = 3 * rng.normal(size=(20, 64))
    confidence = score_distances(sync_distances(picture, sound)).frame_confidence
    assert len(confidence) == 80
    assert confidence[10:30].min() > 5
    assert confidence[45:55].max() < 0


def test_one_odd_frame_does_not_show_in_the_smoothed_confidence():
    distances = np.full((30, 3), 5.0)
    distances[:, 1] = 1.0
    distances[15, 1] = 30.0
    confidence = score_distances(distances).frame_confidence
    assert np.ptp(confidence[5:25]) == 0.0


def test_a_face_for_which_all_lags_are_equal_has_no_offset():
    found = LipSync(5.0, 0.0, 3, np.full(7, 5.0), np.zeros(9))
    assert np.isnan(found.to_score().offset_s)


@pytest.mark.parametrize("late", [-4, 0, 3])
def test_pictures_that_come_late_are_found_late(rng, late):
    levels = pattern(90, rng)
    towers = BrightnessTowers()
    crops = pictures_of(levels[15 - late : 75 - late])
    found = score_pictures(towers, crops, sound_of(levels[15:75], rng), max_shift=8)
    assert found.offset_frames == late
    assert len(found.frame_confidence) == 60 - 5
    assert towers.largest <= 20, "few pictures are held at a time"


def test_pictures_beyond_the_sound_are_not_even_asked_for(rng):
    def crops():
        yield from pictures_of(pattern(40, rng))
        raise AssertionError("too many pictures were taken")

    found = score_pictures(BrightnessTowers(), crops(), sound_of(np.ones(40), rng), max_shift=8)
    assert len(found.frame_confidence) == 35


def test_blue_comes_first():
    class Look(BrightnessTowers):
        def embed_pictures(self, pictures):
            self.seen = pictures[:, 0, 0, 0]
            return super().embed_pictures(pictures)

    towers = Look()
    red = [np.full((224, 224, 3), (200, 10, 30), np.uint8)] * 30
    score_pictures(towers, red, np.ones(30 * FRAME_SAMPLES, np.int16), max_shift=2)
    assert towers.seen.tolist() == [30.0, 10.0, 200.0]


@pytest.mark.parametrize(("n_frames", "n_sound"), [(0, 30), (3, 30), (20, 30), (30, 20)])
def test_a_clip_too_short_for_its_lags_is_refused(rng, n_frames, n_sound):
    with pytest.raises(ClockError, match=rf"^{min(n_frames, n_sound)} frames of picture.*0\.84 s or more"):
        score_pictures(
            BrightnessTowers(), pictures_of(np.ones(n_frames)), np.ones(n_sound * FRAME_SAMPLES, np.int16)
        )


def test_the_crop_reaches_as_far_as_published():
    assert FaceBox(100, 50, 180, 150).crop() == pytest.approx((70, 50, 210, 190))
    assert FaceBox(50, 100, 150, 180).crop() == pytest.approx((30, 90, 170, 230))


def test_beyond_the_picture_lies_grey(rng):
    picture = np.full((60, 60, 3), 200, np.uint8)
    crop = crop_face(picture, FaceBox(0, 20, 60, 60))
    assert (crop[:10] == 200).any()
    assert (crop[112, :20] == GREY).all()
    assert (crop[-20:] == GREY).all()
    assert (crop[60, 112] == 200).all()


def test_a_crop_of_224_pixels_is_the_picture_itself(rng):
    picture = rng.integers(0, 256, (400, 400, 3)).astype(np.uint8)
    crop = crop_face(picture, FaceBox(120, 100, 280, 260))
    np.testing.assert_array_equal(crop, picture[100:324, 88:312])


def test_scaling_keeps_a_slope_and_a_single_pixel():
    slope = np.broadcast_to(np.arange(0, 224, 2)[:, None, None], (112, 112, 3)).astype(np.uint8)
    scaled = scale_picture(slope)
    np.testing.assert_allclose(np.diff(scaled[2:-2, 50, 0].astype(int)), 1, atol=1)
    assert scaled[100, 0, 0] == pytest.approx(99.5, abs=0.5)
    assert (scale_picture(np.full((1, 1, 3), 7, np.uint8)) == 7).all()


@pytest.mark.parametrize("box", [(10, 10, 10, 20), (200, 0, 300, 40), (-50, 0, -1, 30)])
def test_a_box_beside_the_picture_is_refused(box):
    with pytest.raises(InputError, match="does not lie in a picture of 80 x 60"):
        crop_face(np.zeros((60, 80, 3), np.uint8), FaceBox(*box))


def test_the_box_of_a_head_begins_above_its_eyes_and_ends_far_under_its_chin(ball):
    camera = crop_camera(ball)
    z = camera.target_m[2]
    points = np.array([[0.0, 0.6 * 0.11, z], [0.0, -0.11, z], [0.0, -0.11 * 0.6, z]])
    rows = camera.project(points)[:, 1]
    np.testing.assert_allclose(rows[:2], [0, 224 / 1.4], atol=2)
    assert 114 < rows[2] < 150, "a mouth lies a little under the middle"


def test_pictures_come_25_a_second_before_flat_grey(ball):
    crops = list(render_crops(ball, motion_of(12, 30), samples=1))
    assert len(crops) == 10
    assert (crops[0][:20, :10] == GREY).all()
    assert np.ptp(crops[0][112, 80:144]) > 0


def test_an_opening_jaw_moves_the_chin_and_not_the_crop(ball):
    shut, open_ = (next(render_crops(ball, motion_of(1, jawOpen=w), samples=1)) for w in (0, 1))
    np.testing.assert_array_equal(shut[:60], open_[:60])
    rows = [np.flatnonzero((crop[:, 112] != GREY).any(axis=1))[-1] for crop in (shut, open_)]
    assert rows[1] - rows[0] > 10


def test_a_head_that_has_moved_aside_gives_the_same_pictures(ball):
    still = pose_motion(ball, motion_of(8, jawOpen=0.3))
    moved = MeshMotion(still.vertices + np.float32([0.03, -0.02, 0.0]), still.topology, still.rate)
    for a, b in zip(*(render_crops(ball, mesh, samples=1) for mesh in (still, moved)), strict=True):
        assert (a != b).any(axis=2).mean() < 0.02
        assert abs(a.astype(int) - b).mean() < 0.1


def test_a_sudden_turn_is_followed_with_a_smooth_camera(ball):
    """The median passes a step and drops a blink of one frame."""
    jerk = np.zeros(30)
    jerk[15] = 0.5
    still = list(render_crops(ball, motion_of(30), samples=1))
    crops = list(render_crops(ball, motion_of(30, headRoll=jerk), samples=1))
    np.testing.assert_array_equal(crops[14], still[14])
    np.testing.assert_array_equal(crops[16], still[16])
    assert (crops[15] != still[15]).any()


def test_a_moving_mesh_of_the_head_looks_as_its_weights(ball):
    motion = motion_of(5, jawOpen=np.linspace(0, 1, 5))
    ours = list(render_crops(ball, motion, samples=1))
    theirs = list(render_crops(ball, pose_motion(ball, motion), samples=1))
    for a, b in zip(ours, theirs, strict=True):
        assert abs(a.astype(int) - b).max() <= 1


def test_the_mesh_of_another_head_is_refused(ball):
    mesh = MeshMotion(np.zeros((5, 7, 3), np.float32), ball.topology, Rate.of(25))
    with pytest.raises(RigError, match="7 vertices cannot be drawn as head 'ball' of 280"):
        next(render_crops(ball, mesh))
    with pytest.raises(InputError, match="0 frames"):
        next(render_crops(ball, motion_of(0)))


def test_a_jaw_that_moves_with_the_sound_scores_better_than_one_that_moves_late(ball, rng):
    """The lower the chin, the more of the picture is skin, and skin is brighter than grey here."""
    levels = pattern(60, rng)
    sound = Waveform((sound_of(levels[10:50], rng) / 32_768).astype(np.float32), Rate.of(16_000))

    class Towers(BrightnessTowers):
        def embed_pictures(self, pictures):
            covered = (pictures != GREY).any(axis=0).mean(axis=(1, 2))
            low, high = covered.min(), covered.max()
            level = (covered - low) / max(high - low, 1e-9)
            return np.lib.stride_tricks.sliding_window_view(level, 5).astype(np.float32)

    scorer = SyncNetScorer(Towers(), ball, max_shift=6)
    assert isinstance(scorer, SyncScorer)
    assert scorer.name == "syncnet"
    true = scorer.score(motion_of(40, jawOpen=levels[10:50]), sound)
    late = scorer.score(motion_of(40, jawOpen=levels[7:47]), sound)
    assert true.offset_s == pytest.approx(0.0)
    assert late.offset_s == pytest.approx(0.12)
    assert true.distance_in_place < late.distance_in_place


def test_a_short_clip_is_refused_before_anything_is_drawn(ball):
    scorer = SyncNetScorer(BrightnessTowers(), ball)
    with pytest.raises(ClockError, match="10 frames of picture"):
        scorer.score(motion_of(10), Waveform(np.zeros(16_000, np.float32), Rate.of(16_000)))


def write_video(path, pictures, samples, rate=25):
    import av

    with av.open(str(path), "w") as container:
        picture = container.add_stream("mjpeg", rate=rate)
        picture.height, picture.width = pictures[0].shape[:2]
        picture.pix_fmt = "yuvj420p"
        sound = container.add_stream("pcm_s16le", rate=16_000, layout="mono") if samples is not None else None
        for number, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            container.mux(sound.encode(frame))
            container.mux(sound.encode())


def test_a_video_whose_picture_is_late_is_found_late(rng, tmp_path):
    levels = pattern(70, rng)
    write_video(tmp_path / "a.mkv", pictures_of(levels[8:58]), sound_of(levels[10:60], rng))
    found = score_video(BrightnessTowers(), tmp_path / "a.mkv", max_shift=6)
    assert found.offset_frames == 2


@pytest.mark.parametrize(("rate", "n_given", "n_wanted"), [(50, 20, 10), (25, 10, 10), (10, 4, 9)])
def test_videos_of_any_rate_give_25_pictures_a_second(tmp_path, rate, n_given, n_wanted):
    pictures = [np.full((32, 32, 3), 12 * k, np.uint8) for k in range(n_given)]
    write_video(tmp_path / "a.mkv", pictures, None, rate)
    levels = [int(crop[0, 0, 0]) for crop in video_crops(tmp_path / "a.mkv")]
    assert len(levels) in (n_wanted, n_wanted + 1)
    assert levels == sorted(levels)


def test_a_wide_video_needs_the_box_of_its_face(tmp_path):
    pictures = [np.full((64, 96, 3), 50, np.uint8)] * 3
    write_video(tmp_path / "a.mkv", pictures, None)
    with pytest.raises(InputError, match="96 x 64 and not square"):
        list(video_crops(tmp_path / "a.mkv"))
    crops = list(video_crops(tmp_path / "a.mkv", FaceBox(30, 10, 60, 40)))
    assert crops[0].shape == (224, 224, 3)


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"not a video")
    for name in ("a.mp4", "missing.mp4"):
        with pytest.raises(FormatError, match="no video that can be read"):
            list(video_crops(tmp_path / name))


def test_without_pytorch_one_sentence_says_what_to_install(monkeypatch, tmp_path, ball):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ArtifactError, match=r"SyncNet needs PyTorch; install it with: pip install"):
        syncnet_scorer(tmp_path / "a.model", ball)


def test_missing_weights_are_named(tmp_path, ball):
    with pytest.raises(ArtifactError, match="no weights at"):
        syncnet_scorer(tmp_path / "a.model", ball)


@pytest.mark.slow
def test_a_network_scores_a_head_from_its_file(tmp_path, ball, rng):
    from visemic.models.syncnet import SyncNet

    torch.save(SyncNet().state_dict(), tmp_path / "a.model")
    assert load_towers(tmp_path / "a.model").embed_sound(np.ones((2, 13, 20), np.float32)).shape == (2, 1024)
    sound = Waveform(rng.normal(0, 0.1, 16_000).astype(np.float32), Rate.of(16_000))
    score = syncnet_scorer(tmp_path / "a.model", ball).score(motion_of(25, jawOpen=pattern(25, rng)), sound)
    assert 0 <= score.distance <= score.distance_in_place
    assert score.confidence >= 0
