"""Does a head pass through itself? Counted pose by pose, with depth, and told apart by part.

Three kinds of meeting are told apart: parts that are rooted in each other (``ROOTED``), soft
contacts that a phone asks for and that stay shallow (``SOFT``), and everything else, of which
there must be none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from visemic.evaluation.head_surface import ROOTED, SOCKET, Surface, posed, sort_surface
from visemic.geometry.intersection import REACH_M, Crossings, depths_behind, find_crossings
from visemic.motion.calibrate import calibrate
from visemic.motion.tongue import HEIGHTS
from visemic.rig.linear import Rig
from visemic.rig.readout import fit_readouts
from visemic.text.visemes import BILABIALS, LABIODENTALS

Kind = Literal["rooted", "soft", "wrong"]

LIP_SEAL_MM = 0.4
"""Sealed lips are pressed on each other by up to 0.35 mm (``motion.calibrate``)."""
PRESS_MM = 0.5
"""``mouthPress`` presses the lips on each other harder than speech does: their red flattens."""
LIP_ON_TEETH_MM = 0.4
TONGUE_ON_TEETH_MM = 0.6
LID_SEAL_MM = 0.3
_TONGUE_PHONES = frozenset({"TH", "DH", "T", "D", "N", "L"})
_PRESSES = frozenset({"mouthPressLeft", "mouthPressRight"})
_BLINKS = frozenset({"eyeBlink", "eyeBlinkLeft", "eyeBlinkRight"})
SOFT: tuple[tuple[frozenset[str], frozenset[str], float], ...] = (
    (frozenset({"upper lip", "lower lip"}), BILABIALS, LIP_SEAL_MM),
    (frozenset({"upper lip", "lower lip"}), _PRESSES, PRESS_MM),
    (frozenset({"lower lip", "upper teeth"}), LABIODENTALS, LIP_ON_TEETH_MM),
    (frozenset({"tongue", "upper teeth"}), _TONGUE_PHONES, TONGUE_ON_TEETH_MM),
    (frozenset({"lid"}), _BLINKS, LID_SEAL_MM),
)
"""Parts, the phones or shapes that bring them together, and how deep flesh may give way, millimetres."""

COMBINATIONS: dict[str, dict[str, float]] = {
    "mouthSmile+jawOpen": {"mouthSmile": 1.0, "jawOpen": 1.0},
    "mouthFunnel+jawOpen": {"mouthFunnel": 1.0, "jawOpen": 1.0},
    "mouthPucker+jawOpen": {"mouthPucker": 1.0, "jawOpen": 1.0},
    "jawOpen+mouthClose": {"jawOpen": 1.0, "mouthClose": 1.0},
    "eyeBlink+eyeSquint": {"eyeBlink": 1.0, "eyeSquint": 1.0},
    "eyeBlink+eyeWide": {"eyeBlink": 1.0, "eyeWide": 1.0},
    "mouthSmile+eyeBlink": {"mouthSmile": 1.0, "eyeBlink": 1.0},
    "eyeLookDown+eyeBlink": {"eyeLookDown": 1.0, "eyeBlink": 1.0},
}
"""Shapes that are seen together and must add up."""
_ROUNDS = 40
_NO_END_M = 0.95 * REACH_M
_SPIKE_M = 0.005
"""If no vertex of the other part is inside the first, a depth beyond this is not believed."""


@dataclass(frozen=True)
class Meeting:
    """Two parts that pass through each other in a pose."""

    parts: tuple[str, str]
    kind: Kind
    n_pairs: int
    """Pairs of triangles."""
    depth_mm: float
    """How deep, approximately: how far the deepest vertex of one lies behind the other's surface, in
    the direction in which that is less; where no vertex does, by the triangles alone."""
    place_mm: tuple[float, float, float]
    """Where, at the deepest pair of triangles."""


@dataclass(frozen=True)
class PoseMeetings:
    """All meetings of one pose."""

    pose: str
    meetings: tuple[Meeting, ...]

    @property
    def n_wrong(self) -> int:
        """Pairs of triangles that should not be."""
        return sum(m.n_pairs for m in self.meetings if m.kind == "wrong")

    @property
    def depth_wrong_mm(self) -> float:
        """Depth of the worst meeting that should not be, 0 if there is none."""
        return max((m.depth_mm for m in self.meetings if m.kind == "wrong"), default=0.0)


def check_poses(rig: Rig) -> dict[str, dict[str, float]]:
    """Give the poses in which a head must not pass through itself, as weights by name.

    Rest, each shape at weight 1, each phone of the phone table as calibrated to the head, with the
    tongue where motion puts it, and ``COMBINATIONS``. ``mouthClose`` is defined only for an open jaw,
    so its pose opens the jaw too.
    """
    poses: dict[str, dict[str, float]] = {"rest": {}}
    for name in rig.layout:
        poses[name] = {name: 1.0, "jawOpen": 1.0} if name == "mouthClose" else {name: 1.0}
    for phone, weights in calibrate(fit_readouts(rig)).items():
        shown = weights | dict([HEIGHTS[phone]] if phone in HEIGHTS else [])
        poses[f"phone {phone}"] = {name: w for name, w in shown.items() if name in rig.layout}
    for name, weights in COMBINATIONS.items():
        if all(w in rig.layout or w + "Left" in rig.layout for w in weights):
            poses[name] = weights
    return poses


def measure_poses(
    rig: Rig, poses: Mapping[str, Mapping[str, float]], surface: Surface | None = None
) -> tuple[PoseMeetings, ...]:
    """Find where a head passes through itself in each pose.

    Args:
        surface: Its parts; None sorts them here.
    """
    sorted_surface = surface or sort_surface(rig)
    return tuple(meetings_of(rig, sorted_surface, name, posed(rig, w)) for name, w in poses.items())


def meetings_of(
    rig: Rig, surface: Surface, pose_name: str, points: Float[np.ndarray, "vertices 3"]
) -> PoseMeetings:
    """Find where a posed head passes through itself.

    Args:
        pose_name: A phone's pose is named ``phone P``; soft contacts depend on it.
        points: The posed vertices, metres.
    """
    found = find_crossings(points, rig.triangles, surface.names)
    kinds = surface.part_of_triangle[found.pairs]
    keys = np.sort(kinds, axis=1)
    centre_z = min((eye.pivot_m[2] for eye in rig.eyes), default=-np.inf)
    out = []
    for first, second in np.unique(keys, axis=0):
        chosen = np.flatnonzero((keys[:, 0] == first) & (keys[:, 1] == second))
        parts = (surface.parts[first], surface.parts[second])
        if SOCKET & set(parts):
            in_front = found.places_m[chosen, 2] > centre_z
            out += [_meeting(rig, surface, points, found, chosen[~in_front], parts, "rooted")]
            out += [_meeting(rig, surface, points, found, chosen[in_front], parts, "wrong")]
        elif frozenset(parts) in ROOTED:
            out += [_meeting(rig, surface, points, found, chosen, parts, "rooted")]
        else:
            out += [_soft_or_wrong(_meeting(rig, surface, points, found, chosen, parts, "wrong"), pose_name)]
    meetings = [m for m in out if m.n_pairs]
    return PoseMeetings(pose_name, tuple(sorted(meetings, key=lambda m: (m.kind != "wrong", -m.depth_mm))))


def _soft_or_wrong(meeting: Meeting, pose_name: str) -> Meeting:
    shown = {pose_name.removeprefix("phone "), *pose_name.split("+")}
    for parts, reasons, depth_mm in SOFT:
        if frozenset(meeting.parts) == parts and shown & reasons and meeting.depth_mm <= depth_mm:
            return Meeting(meeting.parts, "soft", meeting.n_pairs, meeting.depth_mm, meeting.place_mm)
    return meeting


def _meeting(
    rig: Rig,
    surface: Surface,
    points: Float[np.ndarray, "vertices 3"],
    found: Crossings,
    chosen: Int[np.ndarray, " chosen"],
    parts: tuple[str, str],
    kind: Kind,
) -> Meeting:
    if len(chosen) == 0:
        return Meeting(parts, kind, 0, 0.0, (0.0, 0.0, 0.0))
    deepest = chosen[np.argmax(found.depths_m[chosen])]
    depth_m, place = float(found.depths_m[deepest]), found.places_m[deepest]
    if kind != "rooted" and parts[0] != parts[1]:
        crossing = np.unique(found.pairs[chosen])
        followed = [_follow(rig, surface, points, crossing, *way) for way in (parts, parts[::-1])]
        # Seen from one side an open surface has no end: the way out is the shorter of the two.
        ends = [f for f in followed if 0.0 < f[0] < (_NO_END_M if min(followed)[0] > 0.0 else _SPIKE_M)]
        best_m, vertex = min(ends, default=(0.0, 0))
        if best_m > 0.0:
            depth_m, place = best_m, points[vertex]
    x, y, z = (round(float(c) * 1_000, 1) for c in place)
    return Meeting(parts, kind, len(chosen), depth_m * 1_000, (x, y, z))


def _follow(
    rig: Rig,
    surface: Surface,
    points: Float[np.ndarray, "vertices 3"],
    crossing: Int[np.ndarray, " some"],
    mine: str,
    other: str,
) -> tuple[float, int]:
    """Follow a part from where it enters another; give its deepest vertex there, metres, and its number."""
    own = rig.triangles[surface.triangles_of(mine)]
    corners = points[rig.triangles[surface.triangles_of(other)]]
    entering = crossing[surface.part_of_triangle[crossing] == surface.parts.index(mine)]
    seen = np.zeros(rig.n_vertices, bool)
    frontier = np.unique(rig.triangles[entering])
    best = (0.0, 0)
    for _ in range(_ROUNDS):
        if len(frontier) == 0:
            break
        seen[frontier] = True
        depth = depths_behind(points[frontier], corners)
        if depth.max() > best[0]:
            best = (float(depth.max()), int(frontier[np.argmax(depth)]))
        inside = np.zeros(rig.n_vertices, bool)
        inside[frontier[depth > 0]] = True
        reached = np.unique(own[inside[own].any(axis=1)])
        frontier = reached[~seen[reached]]
    return best
