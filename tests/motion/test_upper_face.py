"""Blinks, brows, head and gaze: seeded, natural, and off when asked to be off."""

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.motion.accent import Accent, SpeechEvents, bumps, control_times_s, smoothed
from visemic.motion.blink import MIN_INTERVAL_S, blink_curves, blink_times_s
from visemic.motion.brow import brow_curves
from visemic.motion.gaze import gaze_curves
from visemic.motion.head import head_curves

MINUTES = SpeechEvents(
    600.0,
    tuple(Accent(float(t), 0.6) for t in np.arange(1.0, 599.0, 1.3)),
    tuple((float(t), float(t) + 0.4) for t in np.arange(4.0, 590.0, 5.0)),
    tuple(float(t) for t in np.arange(0.4, 599.0, 0.4)),
)
SHORT = SpeechEvents(4.0, (Accent(1.0, 1.0), Accent(2.5, 0.5)), ((0.0, 0.3), (3.5, 4.0)), (0.8, 1.4, 2.9))


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def curves_at(fps: float, seed: int, amplitude: float = 1.0, events: SpeechEvents = SHORT) -> dict:
    rate = Rate.of(fps)
    times_s = rate.times_s(rate.count(events.duration_s))
    head = head_curves(times_s, events, amplitude, chance(seed))
    return {
        **blink_curves(times_s, events, amplitude, chance(seed)),
        **brow_curves(times_s, events, None, amplitude, chance(seed)),
        **gaze_curves(times_s, events, head, amplitude, chance(seed)),
        **head,
    }


def test_one_seed_gives_one_curve_at_every_rate():
    fine, coarse = curves_at(60, 5), curves_at(30, 5)
    for name, curve in coarse.items():
        np.testing.assert_allclose(fine[name][::2], curve, atol=1e-9, err_msg=name)


def test_another_seed_gives_another_curve():
    one, two = curves_at(30, 1), curves_at(30, 2)
    assert any(np.abs(one[name] - two[name]).max() > 0.01 for name in one)


def test_amplitude_zero_is_exactly_nothing():
    assert all(not curve.any() for curve in curves_at(30, 1, 0.0).values())


def test_everything_is_at_rest_on_the_first_frame():
    for name, curve in curves_at(30, 3).items():
        if name not in {"leftEyeYaw", "rightEyeYaw", "leftEyePitch", "rightEyePitch"}:
            assert abs(curve[0]) < 0.01, name


def test_people_blink_about_fifteen_times_a_minute():
    n_blinks = len(blink_times_s(MINUTES, 1.0, chance()))
    assert 100 < n_blinks < 190


def test_the_rate_of_blinks_follows_the_amplitude():
    counts = [len(blink_times_s(MINUTES, a, chance())) for a in (0.5, 1.0, 2.0)]
    assert counts[0] < 0.75 * counts[1] < 0.75 * counts[2]


def test_blinks_keep_their_distance_and_seek_pauses():
    times = np.array(blink_times_s(MINUTES, 1.0, chance()))
    assert np.diff(times).min() >= MIN_INTERVAL_S - 1e-9
    pauses = np.array([start for start, _ in MINUTES.pauses_s])
    at_pause = (np.abs(times[:, None] - pauses).min(axis=1) < 1e-9).mean()
    # A pause every 5 s draws in what falls within 0.4 s: more than chance, and not all.
    assert 0.1 < at_pause < 0.5


def test_lids_shut_faster_than_they_open_and_shut_fully():
    times_s = np.arange(4000) / 1000
    lids = blink_curves(times_s, SHORT, 3.0, chance())["eyeBlinkLeft"]
    assert lids.max() > 0.9
    speed = np.diff(lids)
    assert speed.max() > 1.5 * -speed.min()


def test_brows_rise_at_accents_and_not_far_from_them():
    brows = curves_at(100, 1)["browInnerUp"]
    assert brows[95:110].max() > 0.1
    assert brows[170:190].max() < 0.02


def test_a_loud_voice_lifts_the_brows():
    times_s = np.arange(100) / 25
    loudness = np.zeros(len(control_times_s(4.0)))
    loudness[150:250] = 1.0
    events = SpeechEvents(4.0)
    calm = brow_curves(times_s, events, None, 1.0, chance())["browInnerUp"]
    loud = brow_curves(times_s, events, loudness, 1.0, chance())["browInnerUp"]
    assert not calm.any()
    assert loud[45:55].min() > 0.05


def test_a_nod_goes_down_by_two_to_four_degrees():
    times_s = np.arange(400) / 100
    still = SpeechEvents(4.0, (), SHORT.pauses_s, SHORT.word_ends_s)
    depths = []
    for seed in range(20):
        nodding = head_curves(times_s, SHORT, 1.0, chance(seed))["headPitch"]
        depths.append(np.rad2deg(nodding[95:115].max()))
        calm = head_curves(times_s, still, 1.0, chance(seed))["headPitch"]
        assert np.rad2deg(np.abs(calm).max()) < 5
    assert 1.5 < np.median(depths) < 4.5


def test_the_head_turns_a_few_degrees_and_slowly():
    times_s = np.arange(6000) / 10
    head = head_curves(times_s, MINUTES, 1.0, chance())
    for name, limit_deg in (("headYaw", 8), ("headPitch", 9), ("headRoll", 6)):
        assert np.rad2deg(np.abs(head[name]).max()) < limit_deg
        assert np.rad2deg(head[name].std()) > 0.3


def test_eyes_mostly_look_at_the_camera_and_jump_like_eyes():
    times_s = np.arange(60_000) / 100
    still = {name: np.zeros(len(times_s)) for name in ("headYaw", "headPitch", "headRoll")}
    eyes = gaze_curves(times_s, MINUTES, still, 1.0, chance())
    yaw_deg = np.rad2deg(eyes["leftEyeYaw"])
    assert 0.55 < (np.abs(yaw_deg) < 2.5).mean() < 0.95
    assert 3 < np.abs(yaw_deg).max() <= 12.5
    moving = np.abs(np.diff(yaw_deg)) > 0.05
    assert moving.mean() < 0.15


def test_eye_weights_agree_with_eye_rotations():
    times_s = np.arange(4000) / 100
    still = {name: np.zeros(len(times_s)) for name in ("headYaw", "headPitch", "headRoll")}
    eyes = gaze_curves(times_s, SpeechEvents(40.0), still, 1.0, chance(4))
    to_own_left = eyes["leftEyeYaw"] > 1e-6
    assert to_own_left.any()
    assert (eyes["eyeLookOutLeft"][to_own_left] > 0).all()
    assert (eyes["eyeLookInRight"][to_own_left] > 0).all()
    assert not eyes["eyeLookInLeft"][to_own_left].any()
    down = eyes["leftEyePitch"] > 1e-6
    assert (eyes["eyeLookDownLeft"][down] > 0).all()
    assert not eyes["eyeLookUpRight"][down].any()


def test_eyes_hold_their_target_while_the_head_turns():
    times_s = np.arange(20) / 100
    turned = {"headYaw": np.full(20, 0.1), "headPitch": np.zeros(20), "headRoll": np.zeros(20)}
    eyes = gaze_curves(times_s, SpeechEvents(0.2), turned, 1.0, chance())
    np.testing.assert_allclose(eyes["leftEyeYaw"], -0.075)


@pytest.mark.parametrize("duration_s", [0.0, 0.01, 0.2])
def test_very_short_clips_have_a_calm_face(duration_s):
    events = SpeechEvents(duration_s)
    for curve in curves_at(30, 1, 1.0, events).values():
        assert len(curve) == Rate.of(30).count(duration_s)
        assert np.isfinite(curve).all()


def test_a_bump_peaks_where_it_should():
    times_s = control_times_s(3.0)
    curve = bumps(times_s, [1.0], [0.5], 0.2, 0.4)
    assert curve[100] == pytest.approx(0.5)
    assert not curve[:80].any()
    assert not curve[141:].any()


def test_smoothing_keeps_constants_and_areas():
    np.testing.assert_allclose(smoothed(np.full(50, 0.3), 0.06), 0.3)
    impulse = np.zeros(201)
    impulse[100] = 1.0
    assert smoothed(impulse, 0.06).sum() == pytest.approx(1.0)
