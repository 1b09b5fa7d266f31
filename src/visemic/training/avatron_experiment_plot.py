"""The curves of the trainings with critics and without, drawn from their logs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visemic.core.atomic import atomic_path

Curve = tuple[list[int], list[float]]

_PANEL_PX, _HEIGHT_PX, _MARGIN_PX, _FINER = 430, 280, 46, 2
_PAPER, _BAND, _INK, _FAINT = (255, 255, 255), (243, 244, 246), (35, 38, 43), (101, 108, 117)
_COLOURS = ((31, 95, 191), (224, 123, 0), (38, 140, 88), (160, 60, 150), (180, 40, 40), (90, 90, 90))
_PANELS = (
    ("Error on unseen clips (MSE in spreads)", "validation", ("reconstruction",)),
    ("Upper face: spread over time, 1 as recorded", "validation", ("upper_liveliness",)),
    ("Lips: spread over time, 1 as recorded", "validation", ("lips_liveliness",)),
    ("Mean verdict on recorded and made motion", "losses", ("real_verdict", "made_verdict")),
)


def read_curve(log: Path, kind: str, name: str) -> Curve:
    """Give steps and values of one figure of a training's log; empty where it has none.

    Args:
        log: ``metrics.jsonl`` of a training.
        kind: ``losses`` or ``validation``.
        name: Of the figure.
    """
    steps, values = [], []
    for line in log.read_text(encoding="utf-8").splitlines():
        entry: dict[str, Any] = json.loads(line)
        if name in entry.get(kind, {}):
            steps.append(int(entry["step"]))
            values.append(float(entry[kind][name]))
    return steps, values


def draw_curves(logs: Mapping[str, Path], path: Path) -> None:
    """Draw four panels: error, liveliness of upper face and lips, and the critics' verdicts.

    Args:
        logs: ``metrics.jsonl`` by the name of the run.
        path: PNG to write; an earlier one is replaced.
    """
    from PIL import Image, ImageDraw

    from visemic.render.letter import font_for
    from visemic.render.still import save_png

    columns, rows = 2, 2
    head = 16 + 20 * -(-len(logs) // 4)
    size = (columns * _PANEL_PX, head + rows * _HEIGHT_PX)
    picture = Image.new("RGB", (size[0] * _FINER, size[1] * _FINER), _PAPER)
    draw = ImageDraw.Draw(picture)

    def text(x: float, y: float, words: str, px: int, colour: tuple[int, int, int] = _INK) -> None:
        draw.text((x * _FINER, y * _FINER), words, fill=colour, font=font_for(words, px * _FINER))

    for number, name in enumerate(logs):
        x, y = 16 + 210 * (number % 4), 10 + 20 * (number // 4)
        colour = _COLOURS[number % len(_COLOURS)]
        draw.line([v * _FINER for v in (x, y + 7, x + 22, y + 7)], fill=colour, width=3 * _FINER)
        text(x + 28, y, name, 12)
    for number, (title, kind, figures) in enumerate(_PANELS):
        left, top = number % columns * _PANEL_PX, head + number // columns * _HEIGHT_PX
        curves = [
            (place, at, read_curve(log, kind, figure))
            for place, log in enumerate(logs.values())
            for at, figure in enumerate(figures)
        ]
        curves = [(place, at, curve) for place, at, curve in curves if any(curve[1])]
        text(left + _MARGIN_PX, top + 6, title, 13)
        box = (left + _MARGIN_PX, top + 28, left + _PANEL_PX - 14, top + _HEIGHT_PX - 28)
        draw.rectangle([v * _FINER for v in box], fill=_BAND)
        if curves:
            _panel(draw, text, box, curves)
    shown = picture.resize(size, Image.Resampling.LANCZOS)
    with atomic_path(path, overwrite=True) as partial:
        save_png(np.array(shown, np.uint8), partial)


def _panel(
    draw: Any, text: Any, box: tuple[int, int, int, int], curves: Sequence[tuple[int, int, Curve]]
) -> None:
    left, top, right, bottom = box
    values = [v for _, _, (_, ys) in curves for v in ys]
    last = max(x for _, _, (xs, _) in curves for x in xs)
    low, high = min(0.0, *values), max(*values, min(values) + 1e-6)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = bottom - share * (bottom - top)
        draw.line([v * _FINER for v in (left, y, right, y)], fill=_PAPER, width=_FINER)
        text(left - 40, y - 7, f"{low + share * (high - low):.3g}", 11, _FAINT)
    text(left, bottom + 6, "step 0", 11, _FAINT)
    text(right - 34, bottom + 6, f"{last}", 11, _FAINT)
    for place, at, (xs, ys) in curves:
        points = [
            (
                (left + x / max(1, last) * (right - left)) * _FINER,
                (bottom - (y - low) / (high - low) * (bottom - top)) * _FINER,
            )
            for x, y in zip(xs, ys, strict=True)
        ]
        colour = _COLOURS[place % len(_COLOURS)]
        # The second figure of a panel is drawn thin: made motion beside recorded.
        draw.line(points, fill=colour, width=(4 - 2 * at) * _FINER, joint="curve")
        for x, y in points if len(points) < 20 else ():
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
