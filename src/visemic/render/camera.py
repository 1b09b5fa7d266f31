"""Where the viewer stands: a perspective camera and portrait framings of a head."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.errors import InputError, unknown_name
from visemic.rig.linear import Rig

VIEWS = ("front", "three_quarter", "profile", "face", "mouth")
"""Named framings."""

MIN_SIDE, MAX_SIDE = 16, 4096
"""Sides of a picture, pixels."""

_FIELD_OF_VIEW_DEG = 18.0
"""A long portrait lens: features keep their proportions."""

_YAW_DEG = {"front": 0.0, "three_quarter": 36.0, "profile": 90.0, "face": 0.0, "mouth": 0.0}


def check_size(width: int, height: int) -> None:
    """Refuse a picture size that cannot be drawn or stored as video.

    Raises:
        InputError: A side is odd, too small or too large.
    """
    for name, side in (("width", width), ("height", height)):
        if not MIN_SIDE <= side <= MAX_SIDE:
            raise InputError(
                f"a {name} of {side} pixels cannot be drawn; choose {MIN_SIDE} to {MAX_SIDE} pixels"
            )
        if side % 2:
            raise InputError(
                f"a {name} of {side} pixels is odd and video needs even sides; choose {side - 1}"
            )


@dataclass(frozen=True)
class Camera:
    """A perspective camera that stands upright."""

    eye_m: tuple[float, float, float]
    """Where it stands, metres."""
    target_m: tuple[float, float, float]
    """What is in the middle of the picture, metres."""
    field_of_view_deg: float
    """Angle between the picture's lower and upper edge."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    @cached_property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Rows: to the picture's right, up, and towards the viewer, in the world."""
        back = np.asarray(self.eye_m) - np.asarray(self.target_m)
        back = back / np.linalg.norm(back)
        right = np.cross([0.0, 1.0, 0.0], back)
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(back, right), back])

    @property
    def focal_pixels(self) -> float:
        """Pixels that one metre at a distance of one metre covers."""
        return self.height / 2 / math.tan(math.radians(self.field_of_view_deg) / 2)

    def project(self, points_m: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
        """Give column and row in pixels from the upper left corner, and metres along the view."""
        seen = (points_m.astype(float) - np.asarray(self.eye_m)) @ self.axes.T
        distance = -seen[:, 2]
        column = self.width / 2 + self.focal_pixels * seen[:, 0] / distance
        row = self.height / 2 - self.focal_pixels * seen[:, 1] / distance
        return np.stack([column, row, distance], 1)


def head_box(rig: Rig) -> Float[np.ndarray, "2 3"]:
    """Give the lower and upper corner of the head without neck and shoulders, metres.

    Eyes sit half-way up an adult's head, so the chin of a head with named eyes lies as far
    below them as its crown lies above.
    """
    vertices = rig.neutral.astype(float)
    low, high = vertices.min(0), vertices.max(0)
    chin = next((n for n in ("chin", "menton", "chin_bottom") if n in rig.landmarks), None)
    if chin is not None:
        low[1] = vertices[rig.landmarks[chin], 1] - 0.03 * (high[1] - vertices[rig.landmarks[chin], 1])
    elif rig.eyes:
        eye = float(np.mean([joint.pivot_m[1] for joint in rig.eyes]))
        low[1] = max(low[1], 2 * eye - high[1])
    head = vertices[vertices[:, 1] >= low[1] + 0.3 * (high[1] - low[1])]
    low[[0, 2]], high[[0, 2]] = head.min(0)[[0, 2]], head.max(0)[[0, 2]]
    return np.stack([low, high])


def _mouth_frame(rig: Rig, box: Float[np.ndarray, "2 3"]) -> tuple[np.ndarray, float]:
    corners = [rig.landmarks[n] for n in ("mouth_corner_left", "mouth_corner_right") if n in rig.landmarks]
    if len(corners) == 2:
        ends = rig.neutral[corners].astype(float)
        middle = ends.mean(0)
        return middle - [0, 0.008, 0], 1.85 * float(np.linalg.norm(ends[0] - ends[1]))
    low, high = box
    middle = np.array([(low[0] + high[0]) / 2, low[1] + 0.22 * (high[1] - low[1]), high[2]])
    return middle, 0.5 * float(high[0] - low[0])


def portrait_camera(rig: Rig, width: int, height: int, view: str = "front", *, lift: float = 0.0) -> Camera:
    """Give a camera that frames a rig's head: whole head, some neck, shoulders cut.

    Args:
        rig: The head; only its neutral, its eyes and its landmarks are looked at.
        width: Pixels.
        height: Pixels.
        view: ``front``; ``three_quarter`` and ``profile``, from the head's own left; ``face``, from
            forehead to chin; or ``mouth``.
        lift: Share of the picture's height by which the head sits higher, to leave room below.

    Raises:
        InputError: The size cannot be drawn or the view is unknown.
    """
    check_size(width, height)
    if view not in VIEWS:
        raise InputError(unknown_name("view", view, VIEWS))
    box = head_box(rig)
    low, high = box
    if view == "mouth":
        target, span = _mouth_frame(rig, box)
        span_y = span * max(height / width, 0.8)
    else:
        size = high - low
        target = (low + high) / 2
        target[1] = low[1] + 0.45 * size[1]
        yaw = math.radians(_YAW_DEG[view])
        seen_width = math.hypot(size[0] * math.cos(yaw), size[2] * math.sin(yaw))
        span_y = max(1.30 * size[1], 1.2 * seen_width * height / width)
        if view == "face":
            target[1] = low[1] + 0.37 * size[1]
            span_y = 0.84 * size[1] * max(height / width, 1.0)
    target[1] -= lift * span_y
    distance = span_y / 2 / math.tan(math.radians(_FIELD_OF_VIEW_DEG) / 2)
    # The framed plane is the front of the face, so that it is not cut when it is close.
    distance += float(high[2] - target[2]) if view == "mouth" else 0.0
    yaw = math.radians(_YAW_DEG[view])
    pitch = math.radians(2.0 if view != "mouth" else 0.0)
    away = np.array([math.sin(yaw) * math.cos(pitch), math.sin(pitch), math.cos(yaw) * math.cos(pitch)])
    eye = target + distance * away
    return Camera(_triple(eye), _triple(target), _FIELD_OF_VIEW_DEG, width, height)


def _triple(values: Float[np.ndarray, " 3"] | Float32[np.ndarray, " 3"]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
