"""The CSV of the Live Link Face recorder: a timecode and 61 named columns a row.

Timecodes are ``HH:MM:SS:FF.mmm``: FF counts frames within the second at the nominal rate
(30 for 29.97) and ``.mmm`` is thousandths of a frame, not milliseconds. The seconds are
real seconds at every rate, as on the recorder, so nothing drifts at broadcast rates.

Columns are read by name: shipped tools write four orders, and a file read by position
comes out with the jaw mirrored. Rotations are radians, right-handed about y, x and z.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.export.clip import ClipData, Progress, motion_in
from visemic.export.manifest import provenance_from, rate_from_pair, read_sidecar
from visemic.export.time_grid import fit_rate, nearest_rate, resample_rows

RECORDER_TIMECODE_RATE = 60
"""Frames a second that the recorder counts in, assumed when a file does not tell."""
TIMECODE_RATES = (24, 25, 30, 48, 50, 60, 90, 100, 120, 240)

_TIMECODE = re.compile(r"\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[:;](\d{1,3})(?:\.(\d+))?\s*")
_THOUSAND = 1_000
_DAY_S = 86_400.0
_DECIMALS = 7
_ROWS_AT_ONCE = 2_048
_HEADER = ",".join(["Timecode", "BlendshapeCount", *(n[0].upper() + n[1:] for n in ARKIT_61.names)])


def format_timecode(frame: int, rate: Rate) -> str:
    """Give the timecode of a frame of a take that starts at midnight.

    Example:
        >>> format_timecode(75, Rate.of(30))
        '00:00:02:15.000'
    """
    nominal = math.ceil(rate.hz)
    ticks = frame * rate.hz.denominator * nominal * _THOUSAND
    thousandths = (2 * ticks + rate.hz.numerator) // (2 * rate.hz.numerator)
    seconds, rest = divmod(thousandths, nominal * _THOUSAND)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    frames, fraction = divmod(rest, _THOUSAND)
    return f"{hours % 24:02d}:{minute:02d}:{second:02d}:{frames:02d}.{fraction:03d}"


def parse_timecode(text: str, timecode_rate: int) -> float:
    """Give the time of a timecode in seconds since midnight.

    Args:
        text: ``HH:MM:SS:FF`` with or without thousandths of a frame.
        timecode_rate: Frames a second that FF counts.

    Raises:
        FormatError: It is not a timecode.

    Example:
        >>> parse_timecode("00:00:02:15.500", 30)
        2.5166666666666666
    """
    second, frames = _split_timecode(text)
    return second + frames / timecode_rate


def _split_timecode(text: str) -> tuple[int, float]:
    """Give whole seconds since midnight and frames within the second."""
    found = _TIMECODE.fullmatch(text)
    if not found:
        raise FormatError(f"timecode {text.strip()[:40]!r} is not HH:MM:SS:FF.mmm; export the take again")
    hours, minutes, seconds, frame, fraction = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds), float(f"{frame}.{fraction or 0}")


def take_motion(clip: ClipData, suffix: str) -> Motion:
    """Give the clip's motion in the recorder's columns.

    Raises:
        FormatError: It has none of them.
        OutputError: It holds a value that is not finite.
    """
    return motion_in(clip.motion, ARKIT_61, suffix)


def write_live_link_csv(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write the motion as a take of the recorder, always all 61 columns in its order."""
    motion = take_motion(clip, ".csv")
    row_format = "%s,61," + ",".join([f"%.{_DECIMALS}f"] * len(ARKIT_61)) + "\n"
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(_HEADER + "\n")
        for start in range(0, motion.n_frames, _ROWS_AT_ONCE):
            # Rounding here and adding zero keeps "-0.0000000" out of the file.
            rows = np.round(motion.values[start : start + _ROWS_AT_ONCE].astype(float), _DECIMALS) + 0.0
            file.writelines(
                row_format % (format_timecode(start + i, motion.rate), *row)
                for i, row in enumerate(rows.tolist())
            )
            if progress:
                progress(min(start + _ROWS_AT_ONCE, motion.n_frames), motion.n_frames)


def read_live_link_csv(path: Path, *, timecode_rate: int | None = None) -> ClipData:
    """Read a take of the recorder or of a tool that writes its format.

    Columns are found by name in any case and order, unknown ones are left out and missing
    ones are 0. Rows on an exact clock are kept as they are; others (the recorder runs near
    59.9 Hz and drops frames) are resampled to the nearest whole rate.

    Args:
        timecode_rate: Frames a second that the timecode counts; None takes it from the
            manifest beside the file, else from the largest frame number of a take that
            lasts over a second, else 60.

    Raises:
        FormatError: The file is empty, has no known column, or a row cannot be read.
    """
    manifest = read_sidecar(path)
    known = rate_from_pair(manifest.get("rate"))
    lines = _lines(path)
    header = [name.strip().strip('"').lower() for name in lines[0].split(",")]
    if "timecode" not in header:
        raise FormatError(f"file {str(path)!r} has no Timecode column in its first line; is it a face take?")
    codes = list(_timecodes(lines[1:], header.index("timecode"), path))
    if timecode_rate is None:
        timecode_rate = math.ceil(known.hz) if known else _guess_timecode_rate(codes)
    values = _values(lines, header, path)
    motion = _motion(codes, values, timecode_rate, known, path)
    return ClipData(None, None, motion, None, provenance_from(manifest))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"file {str(path)!r} is not text; is it a csv file?") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise FormatError(f"file {str(path)!r} has no row below its header; export the take again")
    return lines


def _timecodes(rows: list[str], column: int, path: Path) -> Iterator[tuple[int, float]]:
    for number, row in enumerate(rows, 2):
        cells = row.split(",", column + 1)
        if len(cells) <= column:
            raise FormatError(
                f"line {number} of {str(path)!r} ends before its timecode; export the take again"
            )
        yield _split_timecode(cells[column].strip('"'))


def _guess_timecode_rate(codes: list[tuple[int, float]]) -> int:
    if codes[-1][0] - codes[0][0] < 2:
        return RECORDER_TIMECODE_RATE  # the frame number may not have run its full course
    largest = max(frame for _, frame in codes)
    return next((rate for rate in TIMECODE_RATES if rate > largest), math.ceil(largest))


def _values(lines: list[str], header: list[str], path: Path) -> Float32[np.ndarray, "rows 61"]:
    columns = {name: header.index(name.lower()) for name in ARKIT_61.names if name.lower() in header}
    if not columns:
        raise FormatError(f"no column of {str(path)!r} is named like a face shape, such as JawOpen")
    values = np.zeros((len(lines) - 1, len(ARKIT_61)), np.float32)
    try:
        read = np.loadtxt(
            lines[1:], delimiter=",", usecols=list(columns.values()), ndmin=2, comments=None, quotechar='"'
        )
    except ValueError as error:
        raise FormatError(
            f"a row of {str(path)!r} is not numbers all along: {_first_sentence(error)}"
        ) from error
    with np.errstate(over="ignore"):  # 1e300 is finite in the file and not in the motion
        values[:, ARKIT_61.indices(columns)] = read
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise FormatError(f"line {row + 2} of {str(path)!r} holds a value that is not finite; mend the row")
    return values


def _first_sentence(error: ValueError) -> str:
    return str(error).split("\n")[0].split(";")[0].rstrip(". ")


def _motion(
    codes: list[tuple[int, float]],
    values: Float32[np.ndarray, "rows 61"],
    timecode_rate: int,
    known: Rate | None,
    path: Path,
) -> Motion:
    times_s = _unwrapped(np.array([second + frame / timecode_rate for second, frame in codes]), path)
    times_s, first = np.unique(times_s, return_index=True)  # ascending, repeated rows dropped
    values = values[first]
    rate = fit_rate(times_s, 1.01 / (_THOUSAND * timecode_rate), known)
    if rate is not None:
        return Motion(values, ARKIT_61, rate)
    if len(times_s) < 2:
        return Motion(values, ARKIT_61, Rate.of(timecode_rate))
    rate = nearest_rate(times_s)
    return Motion(resample_rows(times_s, values, rate), ARKIT_61, rate)


def _unwrapped(times_s: Float[np.ndarray, " rows"], path: Path) -> Float[np.ndarray, " rows"]:
    """Let the time go on where the clock passes midnight."""
    steps_s = np.diff(times_s)
    days = np.concatenate([[0], np.cumsum(steps_s < -_DAY_S / 2)])
    back = np.flatnonzero((steps_s < -1) & (steps_s >= -_DAY_S / 2))
    if len(back):
        raise FormatError(
            f"the timecode of {str(path)!r} goes back by {-steps_s[back[0]]:.1f} s at line {back[0] + 3}; "
            "split the file there, it holds two takes"
        )
    return times_s + days * _DAY_S
