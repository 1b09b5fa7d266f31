"""A face take of a recorder, row by row, with everything named that is wrong with it.

Columns are found by name, times come from the timecode of each row and not from its number,
and what was repaired is told: a reader that is silent about lost frames teaches a model to
stutter.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_52, ARKIT_61, ROTATIONS
from visemic.core.signals import Motion
from visemic.data.importers.piece import Piece, pieces
from visemic.export.live_link_csv import RECORDER_TIMECODE_RATE, TIMECODE_RATES
from visemic.export.manifest import rate_from_pair, read_sidecar
from visemic.export.time_grid import fit_rate, nearest_rate

MAX_WEIGHT = 2.0
"""A weight beyond this is in other units; calibrated takes go a little over 1."""

_DAY_S = 86_400.0
_TIMECODE = re.compile(r'"?\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d+)?)\s*"?')
_TICK = 1.01e-3
_MAY_BE_MISSING = {"tongueOut", *ROTATIONS.names}
"""Older recorders did not write these."""


@dataclass(frozen=True, eq=False)
class Take:
    """Rows of a take in time order, without repeats."""

    times_s: Float[np.ndarray, " rows"]
    """Strictly ascending; seconds since the midnight before the take."""
    values: Float32[np.ndarray, "rows 61"]
    """Columns of ``ARKIT_61``."""
    lines: tuple[int, ...]
    """Line of the file of each row."""
    tolerance_s: float
    """How far the timecode's own rounding may move a row."""
    notes: tuple[str, ...]


def read_take(path: Path) -> Take:
    """Read a take of the Live Link Face recorder or of a tool that writes its format.

    Raises:
        FormatError: A column is missing or double, or a row has another number of cells, no
            timecode, a value that is no finite number or no weight; the sentence names file
            and line.
    """
    lines = _lines(path)
    columns, timecode_column, n_columns, notes = _columns(lines[0][1], path)
    frames: list[tuple[int, float]] = []
    rows = np.zeros((len(lines) - 1, len(columns)))
    wanted = list(columns.values())
    for row, (number, line) in enumerate(lines[1:]):
        cells = line.split(",")
        if len(cells) != n_columns:
            raise FormatError(
                f"line {number} of {str(path)!r} has {len(cells)} cells and the header {n_columns}; mend it"
            )
        frames.append(_timecode(cells[timecode_column], number, path))
        rows[row] = _numbers([cells[c] for c in wanted], list(columns), number, path)
    stated = rate_from_pair(read_sidecar(path).get("rate"))  # our own takes say it beside the file
    rate = math.ceil(stated.hz) if stated else _timecode_rate(frames)
    times_s = np.array([second + frame / rate for second, frame in frames])
    numbers = np.array([number for number, _ in lines[1:]])
    times_s, order, clock_notes = _in_time(times_s, numbers, path)
    values = np.zeros((len(order), len(ARKIT_61)), np.float32)
    values[:, ARKIT_61.indices(columns)] = rows[order]
    return Take(times_s, values, tuple(numbers[order].tolist()), _TICK / rate, (*notes, *clock_notes))


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"file {str(path)!r} is not text; is it a csv file?") from error
    except OSError as error:
        raise FormatError(f"file {str(path)!r} cannot be read: {error.strerror or error}") from error
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) < 2:
        raise FormatError(f"file {str(path)!r} has no row below its header; export the take again")
    return lines


def _columns(header: str, path: Path) -> tuple[dict[str, int], int, int, list[str]]:
    """Give the column of each channel, that of the timecode, their number and what is unusual."""
    names = [name.strip().strip('"').lower() for name in header.split(",")]
    double = sorted({n for n in names if n and names.count(n) > 1})
    if double:
        raise FormatError(f"line 1 of {str(path)!r} names column {double[0]!r} twice; drop one of them")
    if "timecode" not in names:
        raise FormatError(f"line 1 of {str(path)!r} has no Timecode column; is it a face take?")
    columns = {n: names.index(n.lower()) for n in ARKIT_61.names if n.lower() in names}
    missing = [n for n in ARKIT_52.names if n not in columns and n not in _MAY_BE_MISSING]
    if missing:
        raise FormatError(
            f"line 1 of {str(path)!r} lacks {len(missing)} of 52 columns, the first is {missing[0]!r}; "
            "export the take with all shapes"
        )
    notes = []
    absent = [n for n in ARKIT_61.names if n not in columns]
    if absent:
        notes.append(f"without {', '.join(absent)}: 0")
    if columns["eyeBlinkRight"] < columns["eyeBlinkLeft"]:
        notes.append("the file lists the right eye first; columns were read by name")
    elif list(columns.values()) != sorted(columns.values()):
        notes.append("the columns are not in the recorder's order; they were read by name")
    return columns, names.index("timecode"), len(names), notes


def _timecode(text: str, number: int, path: Path) -> tuple[int, float]:
    found = _TIMECODE.fullmatch(text.strip())
    if not found:
        raise FormatError(
            f"line {number} of {str(path)!r} has timecode {text.strip()[:30]!r}, not HH:MM:SS:FF.mmm; mend it"
        )
    hours, minutes, seconds, frame = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds), float(frame)


def _numbers(cells: Sequence[str], names: Sequence[str], number: int, path: Path) -> list[float]:
    values = []
    for cell, name in zip(cells, names, strict=True):
        try:
            value = float(cell.strip().strip('"'))
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            raise FormatError(
                f"line {number} of {str(path)!r} has {cell.strip()[:20]!r} in column {name!r}, "
                "which is no finite number; mend the row"
            )
        if abs(value) > MAX_WEIGHT and name not in ROTATIONS:
            raise FormatError(
                f"line {number} of {str(path)!r} has weight {value:g} in column {name!r} and weights "
                f"lie between 0 and 1; are they in percent"
            )
        values.append(value)
    return values


def _timecode_rate(frames: Sequence[tuple[int, float]]) -> int:
    """Give the frames a second that the timecode counts: the largest one tells it after a second."""
    if abs(frames[-1][0] - frames[0][0]) < 2:
        return RECORDER_TIMECODE_RATE
    largest = max(frame for _, frame in frames)
    return next((rate for rate in TIMECODE_RATES if rate > largest), 1_000)


def _in_time(
    times_s: Float[np.ndarray, " rows"], numbers: np.ndarray, path: Path
) -> tuple[Float[np.ndarray, " kept"], np.ndarray, list[str]]:
    """Unwrap midnight, sort, and drop repeats; give times, kept rows and notes."""
    steps_s = np.diff(times_s)
    over = steps_s < -_DAY_S / 2
    back = np.flatnonzero((steps_s < -1) & ~over)
    if len(back):
        raise FormatError(
            f"the timecode of {str(path)!r} goes back by {-steps_s[back[0]]:.1f} s at line "
            f"{numbers[back[0] + 1]}; split the file there, it holds two takes"
        )
    times_s = times_s + np.concatenate([[0], np.cumsum(over)]) * _DAY_S
    notes = ["the take runs over midnight"] if over.any() else []
    if (np.diff(times_s) < 0).any():
        notes.append("rows were out of order and are sorted by their timecode")
    kept_s, order = np.unique(np.round(times_s, 9), return_index=True)
    dropped = np.setdiff1d(np.arange(len(times_s)), order)
    if len(dropped):
        notes.append(f"{len(dropped)} repeated rows left out, the first in line {numbers[dropped[0]]}")
    return kept_s, order, notes


def take_rate(take: Take) -> tuple[Rate, bool]:
    """Give the rate of a take and whether its rows lie on that clock."""
    if len(take.times_s) < 2:
        return Rate.of(RECORDER_TIMECODE_RATE), True
    rate = fit_rate(take.times_s, take.tolerance_s)
    return (rate, True) if rate is not None else (nearest_rate(take.times_s), False)


def take_motions(take: Take, rate: Rate | None = None) -> Iterator[tuple[float, Motion, tuple[str, ...]]]:
    """Give the stretches of a take on a uniform clock, with start in seconds of the take and notes.

    Args:
        rate: Clock of the result; None takes the usual one nearest to the rows.
    """
    own, exact = take_rate(take)
    wanted = own if rate is None else rate
    kept = exact and wanted == own
    for piece in pieces(take.times_s, take.values, wanted, exact=kept):
        motion = Motion(piece.values, ARKIT_61, wanted)
        yield piece.start_s - float(take.times_s[0]), motion, (*take.notes, *_repairs(piece, take, kept))


def _repairs(piece: Piece, take: Take, kept: bool) -> list[str]:
    notes = [] if kept else ["rows brought to a uniform clock by their timecode"]
    if piece.first_insertion is not None:
        line = take.lines[piece.first_insertion]
        notes.append(f"{piece.n_inserted} lost frames bridged, the first after line {line}")
    return notes
