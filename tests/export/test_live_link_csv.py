import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_52, ARKIT_61, Layout
from visemic.core.signals import Motion
from visemic.export.live_link_csv import (
    format_timecode,
    parse_timecode,
    read_live_link_csv,
    write_live_link_csv,
)
from visemic.export.registry import export_clip, import_clip

HEADER = "Timecode,BlendshapeCount," + ",".join(n[0].upper() + n[1:] for n in ARKIT_61.names)


def write_rows(path, columns, codes, rows, *, count_name="BlendshapeCount"):
    lines = [",".join(["Timecode", count_name, *columns])]
    lines += [
        ",".join([code, "61", *map(repr, map(float, row))]) for code, row in zip(codes, rows, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def test_the_columns_stand_in_the_recorder_s_order(tmp_path, motion, take):
    write_live_link_csv(take(motion), tmp_path / "a.csv")
    names = (tmp_path / "a.csv").read_text().split("\n")[0].split(",")
    assert len(names) == 63
    assert names[:4] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert names.index("JawRight") == 2 + 15
    assert names.index("JawLeft") == 2 + 16
    assert names.index("MouthRight") == 2 + 21
    assert names.index("MouthLeft") == 2 + 22
    assert names[-9:] == [n[0].upper() + n[1:] for n in ARKIT_61.names[52:]]


def test_a_small_take_is_written_like_this(tmp_path, take):
    values = np.zeros((2, 61), np.float32)
    values[1, ARKIT_61.index("jawOpen")] = 0.25
    values[1, ARKIT_61.index("headYaw")] = -0.5
    write_live_link_csv(take(Motion(values, ARKIT_61, Rate.of(30))), tmp_path / "a.csv")
    zero = "0.0000000"
    second = [zero] * 61
    second[17], second[52] = "0.2500000", "-0.5000000"
    assert (tmp_path / "a.csv").read_text() == "\n".join(
        [
            HEADER,
            ",".join(["00:00:00:00.000", "61"] + [zero] * 61),
            ",".join(["00:00:00:01.000", "61", *second]),
            "",
        ]
    )


@pytest.mark.parametrize("rate", ["24", "25", "30", "60", "30000/1001", "24000/1001", "60000/1001"])
@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_take_comes_back_at_its_rate(tmp_path, rate, with_manifest, take, make_motion):
    motion = make_motion(rate, 200)
    path = tmp_path / "a.csv"
    export_clip(take(motion), path)
    if not with_manifest:
        (tmp_path / "a.csv.manifest.json").unlink()
    back = import_clip(path).motion
    assert back.rate == motion.rate
    assert back.layout == ARKIT_61
    np.testing.assert_allclose(back.values, motion.values, atol=1e-6)


def test_the_point_in_a_timecode_splits_a_frame_not_a_second():
    seconds = 14 * 3600 + 58 * 60 + 2
    assert parse_timecode("14:58:02:44.643", 60) == pytest.approx(seconds + 44.643 / 60, abs=1e-9)
    assert parse_timecode("14:58:02:44", 60) == pytest.approx(seconds + 44 / 60, abs=1e-9)


def test_timecodes_count_real_seconds_at_broadcast_rates():
    rate = Rate.of(29.97)
    assert format_timecode(30_000, rate) == "00:16:41:00.000"
    assert format_timecode(1, rate) == "00:00:00:01.001"


@given(st.integers(0, 5_000_000), st.sampled_from([24, 25, 30, 60, 29.97, 59.94, 23.976, 120]))
def test_a_timecode_says_when_its_frame_is(frame, hz):
    rate = Rate.of(hz)
    nominal = round(hz)
    day_s = 86_400
    written = parse_timecode(format_timecode(frame, rate), nominal)
    apart = abs(written - rate.time_of(frame) % day_s)
    assert min(apart, day_s - apart) <= 0.51 / 1000 / nominal


def test_columns_in_another_order_and_case_are_read_by_name(tmp_path, make_motion):
    motion = make_motion(60, 130)
    right_eye_first = [*ARKIT_61.names[7:14], *ARKIT_61.names[:7], "jawForward", "jawLeft", "jawRight"]
    columns = right_eye_first + [n for n in ARKIT_61.names if n not in right_eye_first]
    rows = motion.values[:, ARKIT_61.indices(columns)]
    codes = [format_timecode(i, motion.rate) for i in range(130)]
    shouted = ["Extra", *(c.upper() for c in columns)]
    rows = np.concatenate([np.full((130, 1), 7), rows], axis=1)
    write_rows(tmp_path / "a.csv", shouted, codes, rows, count_name="BlendShapeCount")
    np.testing.assert_allclose(read_live_link_csv(tmp_path / "a.csv").motion.values, motion.values, atol=1e-6)


def recorder_codes(times_s):
    codes = []
    for time_s in times_s:
        second, thousandths = divmod(round(time_s * 60_000), 60_000)
        frame, rest = divmod(thousandths, 1000)
        hour, minute = second // 3600 % 24, second // 60 % 60
        codes.append(f"{hour:02d}:{minute:02d}:{second % 60:02d}:{frame:02d}.{rest:03d}")
    return codes


def test_a_real_take_is_brought_to_an_even_clock(tmp_path, rng):
    times_s = 23 * 3600 + 59 * 60 + 58 + np.arange(300) / 59.9 + rng.normal(0, 3e-4, 300)
    times_s = np.delete(times_s, [40, 41, 170])  # dropped, over midnight
    curve = 0.5 + 0.4 * np.sin(times_s * 3)
    codes = recorder_codes(times_s)
    codes.insert(10, codes[9])  # and one written twice
    rows = np.insert(curve, 10, curve[9])[:, None]
    write_rows(tmp_path / "a.csv", ["JawOpen"], codes, rows)
    motion = read_live_link_csv(tmp_path / "a.csv").motion
    assert motion.rate == Rate.of(60)
    assert motion.duration_s == pytest.approx(times_s[-1] - times_s[0], abs=1.5 / 60)
    expected = 0.5 + 0.4 * np.sin((times_s[0] + motion.times_s) * 3)
    np.testing.assert_allclose(motion.channel("jawOpen"), expected, atol=2e-3)
    assert not motion.channel("mouthClose").any()


def test_the_timecode_s_rate_can_be_told(tmp_path):
    write_rows(tmp_path / "a.csv", ["JawOpen"], [f"00:00:00:{i:02d}" for i in range(20)], np.ones((20, 1)))
    assert read_live_link_csv(tmp_path / "a.csv").motion.rate == Rate.of(60)
    assert read_live_link_csv(tmp_path / "a.csv", timecode_rate=25).motion.rate == Rate.of(25)


def test_a_layout_without_rotations_and_with_more_shapes_still_gives_61_columns(tmp_path, take):
    layout = Layout("mine", (*ARKIT_52.names[::-1], "tongueUp"))
    motion = Motion(np.full((3, 53), 0.5, np.float32), layout, Rate.of(30))
    write_live_link_csv(take(motion), tmp_path / "a.csv")
    back = read_live_link_csv(tmp_path / "a.csv").motion
    assert (back.values[:, :52] == 0.5).all()
    assert not back.values[:, 52:].any()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no row"),
        (HEADER + "\n", "no row"),
        ("a,b\n1,2\n", "Timecode"),
        ("Timecode,x\n00:00:00:00.000,1\n", "no column"),
        ("Timecode,JawOpen\nnow,1\n", "timecode 'now'"),
        ("Timecode,JawOpen\n00:00:00:00.000,open\n", "not numbers"),
        ("Timecode,JawOpen\n00:00:00:00.000,nan\n", "line 2"),
        ("Timecode,JawOpen\n00:00:00:00.000\n", "not numbers"),
        ("Timecode,JawOpen\n00:00:09:00,1\n00:00:02:00,1\n", "goes back by 7.0 s"),
    ],
)
def test_a_broken_take_is_refused_in_one_sentence(tmp_path, text, reason):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FormatError, match=reason) as caught:
        read_live_link_csv(tmp_path / "a.csv")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(bytes(range(128, 256)) * 4)
    with pytest.raises(FormatError, match="not text"):
        read_live_link_csv(tmp_path / "a.csv")
