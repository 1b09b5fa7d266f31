from dataclasses import replace

import av
import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, InputError, RigError
from visemic.core.layout import Layout
from visemic.core.signals import Alignment, Motion, Phone, Waveform, Word
from visemic.render.shot import MAX_SHOTS, Overlay, Shot
from visemic.render.stage import Stage
from visemic.render.still import render_still, still_of_shots
from visemic.render.video import render_shots

SIZE = {"width": 128, "height": 128}


@pytest.fixture
def said():
    return Alignment(
        (Phone("SIL", 0.0, 0.1), Phone("AA", 0.1, 0.2), Phone("M", 0.2, 0.4)),
        (Word("Ah", 0.1, 0.2), Word("um", 0.2, 0.4)),
        "Ah um",
        0.4,
    )


def test_a_stage_of_one_shot_is_the_still(face, wobble):
    motion = wobble(5)
    np.testing.assert_array_equal(
        still_of_shots([Shot(face, motion)], 3, **SIZE), render_still(face, motion, 3, **SIZE)
    )


def test_two_heads_stand_side_by_side(face, ball, wobble):
    both = still_of_shots([Shot(face, wobble(5)), Shot(ball, wobble(5))], 2, **SIZE)
    np.testing.assert_array_equal(both[:, :128], render_still(face, wobble(5), 2, **SIZE))
    np.testing.assert_array_equal(both[:, 128:], render_still(ball, wobble(5), 2, **SIZE))


def test_a_shot_that_has_ended_holds_its_last_frame(face, wobble):
    stage = Stage([Shot(face, wobble(3)), Shot(face, wobble(6))], **SIZE)
    pictures = [stage.paint(number, poses) for number, poses in enumerate(stage.poses())]
    assert len(pictures) == stage.n_frames == 6
    np.testing.assert_array_equal(pictures[5][:, :128], pictures[2][:, :128])
    assert np.any(pictures[5][:, 128:] != pictures[2][:, 128:])


def test_a_still_of_any_frame_is_that_frame_of_the_video(face, wobble, said):
    shots = [Shot(face, wobble(3), said, "a", Shot(face, wobble(3))), Shot(face, wobble(6), said, "b")]
    stage = Stage(shots, **SIZE, overlay=Overlay(True, True, True, True))
    for number, poses in enumerate(stage.poses()):
        np.testing.assert_array_equal(stage.paint(number, poses), stage.paint(number, stage.poses_at(number)))


@pytest.mark.parametrize("shown", ["subtitles", "labels", "curves", "wireframe"])
def test_each_overlay_changes_the_picture_and_keeps_its_size(face, wobble, said, shown):
    shot = Shot(face, wobble(12), said)
    plain = still_of_shots([shot], 5, **SIZE)
    changed = still_of_shots([shot], 5, **SIZE, overlay=Overlay(**{shown: True}))
    assert changed.shape == plain.shape
    assert (changed != plain).any(2).mean() > 0.005


def test_overlays_give_the_same_bytes_again(face, wobble, said):
    shots = [Shot(face, wobble(12), said, "one", Shot(face, wobble(12))), Shot(face, wobble(9), said, "two")]
    overlay = Overlay(True, True, True, True)
    np.testing.assert_array_equal(
        still_of_shots(shots, 7, **SIZE, overlay=overlay), still_of_shots(shots, 7, **SIZE, overlay=overlay)
    )


def test_the_label_names_the_phone_of_the_frame(face, wobble, said):
    stage = Stage([Shot(face, wobble(12), said)], **SIZE, overlay=Overlay(labels=True))
    corner = [stage.paint(n, stage.poses_at(n))[:12, 64:] for n in (0, 4, 5, 8)]
    assert np.any(corner[0] != corner[1])
    np.testing.assert_array_equal(corner[1], corner[2])
    assert np.any(corner[2] != corner[3])


def test_wires_lie_on_what_is_seen_and_not_on_the_backdrop(ball, wobble):
    plain = still_of_shots([Shot(ball, wobble(2))], **SIZE)
    wires = still_of_shots([Shot(ball, wobble(2))], **SIZE, overlay=Overlay(wireframe=True))
    changed = (plain != wires).any(2)
    assert not changed[:8].any()
    assert not changed[:, :8].any()
    assert changed[54:74, 54:74].any()


def test_hidden_wires_are_not_drawn(studio, wobble):
    # A large flat triangle stands in front of a fine sphere.
    flat = np.array([[-1, -1, 0.2], [1, -1, 0.2], [0, 2, 0.2]], np.float32)
    front = (flat, np.array([[0, 1, 2]], np.int32), studio.sclera)
    ball, faces = studio.sphere((0, 0, 0), 0.1)

    def wires(parts):
        shots = [Shot(studio.rig_of(parts), wobble(1))]
        plain, shown = (still_of_shots(shots, **SIZE, overlay=Overlay(wireframe=w)) for w in (False, True))
        return (plain != shown).any(2)

    alone = wires([(ball, faces[:0], studio.skin), front])
    assert alone.any()
    np.testing.assert_array_equal(alone, wires([(ball, faces, studio.skin), front]))


def jaw(values):
    return Motion(np.array(values, np.float32)[:, None], Layout("balls", ("jawOpen",)), Rate.of(30))


def test_where_two_motions_agree_the_face_is_blue_and_where_not_red(ball):
    def middle(ours, theirs):
        shot = Shot(ball, jaw(ours), against=Shot(ball, jaw(theirs)))
        return still_of_shots([shot], **SIZE)[60:68, 56:64].astype(int).mean((0, 1))

    same, apart = middle([0.0], [0.0]), middle([0.0], [1.0])  # the shape moves all by 20 mm
    assert same[2] > same[0] + 40
    assert apart[0] > apart[2] + 40


def test_a_turn_of_the_head_is_no_error(face):
    from visemic.rig.linear import Joint

    turning = replace(face, head=Joint("head", (0.0, -0.1, 0.0), ("headYaw", "headPitch", "headRoll")))
    layout = Layout("turn", ("jawOpen", "headYaw"))
    still, turned = (Motion(np.array([[0.0, yaw]], np.float32), layout, Rate.of(30)) for yaw in (0.0, 0.4))

    def picture(theirs):
        shot = Shot(turning, turned, against=Shot(turning, theirs))
        return still_of_shots([shot], **SIZE)

    np.testing.assert_array_equal(picture(still), picture(turned))


def test_two_topologies_are_not_compared(face, ball, wobble):
    with pytest.raises(RigError, match="do not have the same triangles"):
        Stage([Shot(face, wobble(2), against=Shot(ball, wobble(2)))], **SIZE)


def test_motions_of_other_lengths_are_not_compared(face, wobble):
    with pytest.raises(ClockError, match=r"compared motions last 0\.67 s and 1\.67 s"):
        Stage([Shot(face, wobble(20), against=Shot(face, wobble(50)))], **SIZE)


def test_motions_of_other_rates_are_refused(face, wobble):
    with pytest.raises(ClockError, match="30 and 25 Hz"):
        Stage([Shot(face, wobble(2)), Shot(face, wobble(2, 25))], **SIZE)


@pytest.mark.parametrize(
    ("overlay", "word"), [(Overlay(subtitles=True), "words"), (Overlay(labels=True), "phones")]
)
def test_what_is_not_known_cannot_be_shown(face, wobble, overlay, word):
    with pytest.raises(InputError, match=f"no {word} are known"):
        Stage([Shot(face, wobble(2))], **SIZE, overlay=overlay)


@pytest.mark.parametrize("n_shots", [0, MAX_SHOTS + 1])
def test_too_few_or_too_many_heads_are_refused(face, wobble, n_shots):
    with pytest.raises(InputError, match="1 to 4"):
        Stage([Shot(face, wobble(2))] * n_shots, **SIZE)


def test_a_picture_too_wide_is_refused(face, wobble):
    with pytest.raises(InputError, match="width of 6000"):
        Stage([Shot(face, wobble(2))] * 2, width=3000, height=64)


def test_a_split_video_has_the_first_sound_and_the_longest_picture(face, wobble, said, tmp_path):
    tone = Waveform((0.1 * np.sin(np.arange(6400) * 0.2)).astype(np.float32), Rate.of(16_000))
    path = tmp_path / "both.mp4"
    shots = [Shot(face, wobble(12), said, "one"), Shot(face, wobble(30), None, "two")]
    render_shots(shots, tone, path, width=96, height=64, overlay=Overlay(subtitles=True))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (192, 64, 30)
        assert len(container.streams.audio) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_decorated_video(face, wobble, said, tmp_path, threads):
    shots = [Shot(face, wobble(12), said, "one", Shot(face, wobble(12)))]
    overlay = Overlay(True, True, True, True)
    for name, n in (("a", 2), ("b", threads)):
        render_shots(shots, None, tmp_path / f"{name}.mp4", **SIZE, overlay=overlay, threads=n)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
