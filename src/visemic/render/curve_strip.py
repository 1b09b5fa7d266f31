"""A strip of curves that runs past a playhead, below the picture."""

import math
from bisect import bisect_left

import numpy as np
from jaxtyping import Float32, UInt8

from visemic.core.errors import InputError
from visemic.core.signals import Alignment, Motion
from visemic.render.letter import font_for, letter_size, shortened

CHANNELS = ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "eyeBlinkLeft")
"""Shown when a motion has them."""
WINDOW_S = 2.0
"""Shown before and after the playhead."""

_PAPER, _LANE, _TEXT, _PLAYHEAD = (17, 18, 21), (26, 28, 33), (196, 199, 206), (244, 245, 248)
_FAINT = (112, 116, 126)
_COLOURS = (
    (255, 140, 96),
    (120, 190, 255),
    (198, 150, 255),
    (120, 220, 160),
    (255, 205, 96),
)


def shown_channels(motion: Motion) -> tuple[str, ...]:
    """Give the channels that the strip shows: the usual ones, or the first of a motion without any."""
    usual = tuple(name for name in CHANNELS if name in motion.layout)
    return usual or motion.layout.names[: len(CHANNELS)]


def strip_height(height: int, n_lanes: int) -> int:
    """Give the rows that a strip takes of a picture, even, at most a third."""
    wanted = round(n_lanes * max(11.0, 0.035 * height)) + 4
    return min(wanted, height // 3) // 2 * 2


def _lane_scale(curve: Float32[np.ndarray, " frames"]) -> float:
    """Give the value at a lane's upper edge: a quarter, a half, three quarters or the whole of a weight."""
    most = float(curve.max(initial=0.0))
    return min(1.0, max(1, math.ceil(4 * most - 1e-6)) / 4)


class CurveStrip:
    """Draws the curves of a motion around a frame. May be asked from several threads."""

    def __init__(self, motion: Motion, width: int, height: int, alignment: Alignment | None = None) -> None:
        self._motion = motion
        self._names = shown_channels(motion)
        if not self._names:
            raise InputError("a motion of 0 channels has no curves to show; leave the curves out")
        self._columns = motion.layout.indices(self._names)
        self.height = strip_height(height, len(self._names))
        self._width = width
        self._lane = (self.height - 4) / len(self._names)
        font = font_for("".join(self._names), self._letters())
        self._left = min(round(0.4 * width), 10 + math.ceil(max(map(font.getlength, self._names))))
        self._starts_s = [phone.start_s for phone in alignment.phones] if alignment is not None else []
        self._scales = [_lane_scale(motion.values[:, column]) for column in self._columns]
        self._base = self._empty()
        self._inks = np.array([_COLOURS[n % len(_COLOURS)] for n in range(len(self._names))], np.float64)

    def _letters(self) -> int:
        return min(letter_size(round(self._lane), 0.62), max(8, round(0.06 * self._width)))

    def _empty(self) -> UInt8[np.ndarray, "rows columns 3"]:
        from PIL import Image, ImageDraw

        image = Image.new("RGB", (self._width, self.height), _PAPER)
        draw = ImageDraw.Draw(image)
        font = font_for("".join(self._names), self._letters())
        for number, name in enumerate(self._names):
            top = 2 + number * self._lane
            draw.rectangle((self._left, round(top) + 1, self._width, round(top + self._lane) - 2), fill=_LANE)
            shown = shortened(name, font, self._left - 8)
            scale = f"{self._scales[number]:g}"
            draw.text(
                (self._width - 3, top + 1),
                scale,
                font=font_for("0", max(8, self._letters() - 2)),
                fill=_FAINT,
                anchor="ra",
            )
            draw.text((self._left - 5, top + self._lane / 2), shown, font=font, fill=_TEXT, anchor="rm")
        return np.array(image, np.uint8)

    def draw(self, frame: int) -> UInt8[np.ndarray, "rows columns 3"]:
        """Give the strip with the playhead at a frame."""
        from visemic.render.overlay_kernels import draw_lane

        strip = self._base.copy()
        hz = float(self._motion.rate.hz)
        span = self._width - self._left
        at = frame + np.linspace(-WINDOW_S, WINDOW_S, span + 1) * hz
        first = max(0, int(at[0]) - 1)
        last = min(self._motion.n_frames, int(at[-1]) + 3)
        known = np.arange(first, last)
        for number, column in enumerate(self._columns):
            curve = self._motion.values[first:last, column].astype(float)
            values = np.interp(at, known, curve / self._scales[number], left=0.0, right=0.0)
            top = 2 + number * self._lane + 2
            draw_lane(
                strip, top, self._lane - 5, self._left, values, self._inks[number], 0.0022 * self._width + 0.3
            )
        self._mark_phones(strip, frame / hz, span)
        half = max(1, self._width // 512)
        middle = self._left + span // 2
        strip[:, middle - half + 1 : middle + 1] = _PLAYHEAD
        return strip

    def _mark_phones(self, strip: UInt8[np.ndarray, "rows columns 3"], now_s: float, span: int) -> None:
        """Draw a faint line where a phone begins."""
        first = bisect_left(self._starts_s, now_s - WINDOW_S)
        for start_s in self._starts_s[first : bisect_left(self._starts_s, now_s + WINDOW_S)]:
            x = self._left + int((start_s - now_s + WINDOW_S) / (2 * WINDOW_S) * span)
            strip[:, x] = strip[:, x] + (np.array(_TEXT) - strip[:, x].astype(int)) // 6
