"""Plots as SVG text: curves of a clip and intervals of every metric.

Written by hand, since a few lines and words need no plotting library. The recording is blue,
predictions are orange; what differs in colour differs in dashes too.
"""

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Float

from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.evaluation.report import CurveSample

TARGET, PREDICTED = "#1f5fbf", "#e07b00"
_INK, _FAINT, _PAPER, _BAND = "#23262b", "#656c75", "#ffffff", "#eceef1"
_FONT = "font-family='system-ui, sans-serif'"
_WIDTH, _LEFT, _RIGHT = 860, 190, 30


def curves_svg(sample: CurveSample, row: str) -> str:
    """Draw the curves of one clip, one lane a channel: recording blue, prediction orange.

    Args:
        sample: The curves.
        row: Whose prediction.
    """
    lane, top = 96, 58
    predicted = sample.predicted[row]
    height = top + lane * len(sample.channels) + 34
    parts = [
        _text(16, 24, f"{sample.clip_id}: {row}", size=15, weight="600"),
        _line([(16, 42), (44, 42)], TARGET, 2.2),
        _text(50, 46, "recorded"),
        _line([(130, 42), (158, 42)], PREDICTED, 2.0, dash="6 3"),
        _text(164, 46, "predicted"),
    ]
    duration_s = max(len(sample.target) - 1, 1) / float(sample.rate)
    for number, channel in enumerate(sample.channels):
        y = top + number * lane
        both = np.concatenate([sample.target[:, number], predicted[:, number], [0.0]])
        low, high = float(both.min()), float(max(both.max(), both.min() + 0.05))
        parts.append(_box(_LEFT, y, _WIDTH - _LEFT - _RIGHT, lane - 14, _BAND))
        parts.append(_text(16, y + lane / 2 - 4, channel))
        parts.append(_text(_LEFT - 6, y + 10, f"{high:.2f}", anchor="end", size=11, colour=_FAINT))
        parts.append(_text(_LEFT - 6, y + lane - 15, f"{low:.2f}", anchor="end", size=11, colour=_FAINT))
        for curve, colour, dash in (
            (sample.target[:, number], TARGET, ""),
            (predicted[:, number], PREDICTED, "6 3"),
        ):
            parts.append(
                _line(_points(curve, low, high, y, lane - 14, len(sample.target)), colour, 1.8, dash)
            )
    for second in _ticks(0, duration_s, 6):
        x = _LEFT + second / duration_s * (_WIDTH - _LEFT - _RIGHT)
        parts.append(_text(x, height - 14, f"{second:g} s", anchor="middle", size=11, colour=_FAINT))
    return _page(_WIDTH, height, parts, f"curves of {sample.clip_id} by {row}")


def intervals_svg(metric: str, unit: str, rows: Sequence[tuple[str, Estimate]], scale: float = 1.0) -> str:
    """Draw the mean of every row with its 95 % interval.

    Args:
        metric: Its name.
        unit: Printed beside the name.
        rows: Name and estimate of each, rows without a value are left out.
        scale: Factor on all values.
    """
    rows = [(n, e) for n, e in rows if math.isfinite(e.mean)]
    lane, top = 30, 54
    height = top + lane * max(1, len(rows)) + 34
    parts = [_text(16, 24, metric, size=15, weight="600"), _text(16, 42, unit, colour=_FAINT)]
    values = [v * scale for _, e in rows for v in (e.low, e.high)] or [0.0]
    low, high = min([0.0, *values]), max([0.0, *values])
    high = high if high > low else low + 1.0

    def place(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    for value in _ticks(low, high, 6):
        parts.append(_line([(place(value), top), (place(value), height - 30)], _BAND, 1.0))
        parts.append(_text(place(value), height - 12, f"{value:g}", anchor="middle", size=11, colour=_FAINT))
    for number, (name, estimate) in enumerate(rows):
        y = top + (number + 0.5) * lane
        colour = TARGET if name == "ground-truth" else PREDICTED
        parts.append(_text(_LEFT - 10, y + 4, name, anchor="end"))
        ends = [(place(estimate.low * scale), y), (place(estimate.high * scale), y)]
        parts.append(_line(ends, colour, 3.0))
        parts.append(f"<circle cx='{place(estimate.mean * scale):.1f}' cy='{y:.1f}' r='5' fill='{colour}'/>")
    return _page(_WIDTH, height, parts, f"{metric} with 95 % intervals")


def _points(
    curve: Float[np.ndarray, " frames"], low: float, high: float, y: float, height: float, n_frames: int
) -> list[tuple[float, float]]:
    step = (_WIDTH - _LEFT - _RIGHT) / max(n_frames - 1, 1)
    # More points than pixels only make the file large.
    every = max(1, len(curve) // 1_500)
    return [
        (_LEFT + i * step, y + height - (float(curve[i]) - low) / (high - low) * height)
        for i in range(0, len(curve), every)
    ]


def _ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / most
    if not raw > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _line(points: Sequence[tuple[float, float]], colour: str, width: float, dash: str = "") -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = f" stroke-dasharray='{dash}'" if dash else ""
    return f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='{width}'{dashes}/>"


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f"<rect x='{x}' y='{y}' width='{width}' height='{height}' fill='{colour}'/>"


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 13,
    weight: str = "400",
    anchor: str = "start",
    colour: str = _INK,
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {_FONT} font-size='{size}' font-weight='{weight}' "
        f"text-anchor='{anchor}' fill='{colour}'>{escape(text)}</text>"
    )


def _page(width: int, height: float, parts: Sequence[str], title: str) -> str:
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height:g}' "
        f"viewBox='0 0 {width} {height:g}' role='img'><title>{escape(title)}</title>"
    )
    return "\n".join([head, _box(0, 0, width, height, _PAPER), *parts, "</svg>"]) + "\n"
