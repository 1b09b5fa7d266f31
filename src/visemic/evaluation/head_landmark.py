"""The 68 landmarks of face tracking on any head that names its own.

The points follow the scheme of the 300-W challenge: 0-16 the outline of the jaw from the right
ear to the left, 17-26 the brows, 27-35 the nose, 36-47 the eyes, 48-59 the border of the lips,
60-67 the line between them. "Right" is the head's own, at negative x.
"""

from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from visemic.evaluation.head_eye import eye_openings
from visemic.evaluation.head_surface import Surface, sort_surface
from visemic.geometry.mesh import vertex_normals
from visemic.rig.linear import Rig

_MIDLINE_M = 0.0006
_SEAM_M = 0.0012
_LEVEL_M = 0.004
_EAR_TO_JAW_M = 0.012
_JAW_SLOPE = 0.42
"""Rise of the lower edge of the jaw towards its angle, about 23 degrees."""
_BROW_SHARES = (0.97, 0.75, 0.5, 0.25, 0.03)


def landmarks68(rig: Rig, surface: Surface | None = None) -> Int[np.ndarray, "68"]:
    """Give the vertices of the 68 landmarks.

    Args:
        surface: The head's parts; None sorts them here.

    Raises:
        RigError: The rig lacks one of the named landmarks of mouth, nose, chin and eyes.

    Source:
        Sagonas et al. 2013, "300 Faces in-the-Wild Challenge" (the scheme of the points).

    Deviation:
        The points of the scheme lie in pictures; those of the jaw are the head's outline from the
        front without ears and neck, brow points lie on the skin under the brow's middle line.
    """
    parts = surface or sort_surface(rig)
    points = rig.neutral.astype(float)
    skin = parts.vertices_of(rig, "skin", "lid")
    return np.concatenate(
        [
            _jaw(rig, points, skin),
            _brows(rig, parts, points, skin),
            _nose(rig, points, skin),
            _eyes(rig, parts, points, skin),
            _outer_mouth(rig, parts, points),
            _inner_mouth(rig, parts, points),
        ]
    ).astype(int)


def _nearest(
    points: np.ndarray, among: np.ndarray, place: np.ndarray, weight: tuple[float, ...] = (1, 1, 1)
) -> int:
    away = np.sum(((points[among] - place) * np.array(weight)) ** 2, axis=1)
    return int(among[np.argmin(away)])


def front_of(
    rig: Rig, points: Float[np.ndarray, "vertices 3"], skin: Int[np.ndarray, " skin"]
) -> Bool[np.ndarray, " skin"]:
    """Tell which skin belongs to the mask of the face: before the ears and above the jaw's lower edge."""
    chin = points[rig.landmark("chin")]
    p = points[skin]
    before = p[:, 2] > ear_z_m(rig) + _EAR_TO_JAW_M
    return np.asarray(
        before & (p[:, 1] > chin[1] - 0.012 + _JAW_SLOPE * np.maximum(chin[2] - 0.010 - p[:, 2], 0.0))
    )


def ear_z_m(rig: Rig) -> float:
    """Give how far back the ears are; without their landmark, by the eyes."""
    if "ear_left" in rig.landmarks:
        return float(rig.neutral[rig.landmark("ear_left"), 2])
    return float(rig.neutral[rig.landmark("eye_left_outer"), 2]) - 0.078


def gnathion(rig: Rig) -> int:
    """Give the vertex where the chin is lowest and foremost: extreme at 45 degrees on the midline."""
    p = rig.neutral.astype(float)
    chin = p[rig.landmark("chin")]
    near = np.flatnonzero((np.abs(p[:, 0]) < _MIDLINE_M) & (np.linalg.norm(p - chin, axis=1) < 0.03))
    return int(near[np.argmax(p[near, 2] - p[near, 1])])


def _jaw(rig: Rig, points: np.ndarray, skin: np.ndarray) -> list[int]:
    from scipy.spatial import ConvexHull

    mask = skin[front_of(rig, points, skin)]
    eye_y = points[rig.landmark("eye_left_outer"), 1]
    flat = points[mask][:, :2]
    level = flat[np.abs(flat[:, 1] - eye_y) < _LEVEL_M]
    below = flat[flat[:, 1] < eye_y - _LEVEL_M]
    rim = below[ConvexHull(below).vertices]
    # The upper side of the hull is a straight cut through the face: not part of its outline.
    ends = [below[np.argmin(below[:, 0]), 1], below[np.argmax(below[:, 0]), 1]]
    rim = rim[rim[:, 1] <= np.where(rim[:, 0] < 0, ends[0], ends[1])]
    turn = np.arctan2(rim[:, 0], eye_y - rim[:, 1])
    rim = np.concatenate(
        [level[[np.argmin(level[:, 0])]], rim[np.argsort(turn)], level[[np.argmax(level[:, 0])]]]
    )
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(rim, axis=0), axis=1))])
    at = np.linspace(0.0, arc[-1], 17)
    places = np.stack([np.interp(at, arc, rim[:, 0]), np.interp(at, arc, rim[:, 1]), np.zeros(17)], -1)
    found = [_nearest(points, mask, place, (1, 1, 0)) for place in places]
    found[8] = gnathion(rig)
    return found


def _brows(rig: Rig, parts: Surface, points: np.ndarray, skin: np.ndarray) -> list[int]:
    brow = parts.vertices_of(rig, "brow") if "brow" in parts.parts else np.zeros(0, int)
    found = []
    for sign, side in ((-1.0, "right"), (1.0, "left")):
        inner, outer = (points[rig.landmark(f"eye_{side}_{end}")] for end in ("inner", "outer"))
        mine = points[brow[sign * points[brow, 0] > 0]]
        places = []
        for share in _BROW_SHARES:
            if len(mine):
                x = np.quantile(sign * mine[:, 0], (share - 0.03) / 0.94)
                near = mine[np.abs(sign * mine[:, 0] - x) < 0.004]
                places.append([sign * x, float(np.mean(near[:, 1])), float(near[:, 2].max())])
            else:
                lift = 0.022 + 0.004 * np.sin(np.pi * min(share * 0.75, 1.0))
                places.append((inner + (outer - inner) * (1.2 * share - 0.1) + [0.0, lift, 0.01]).tolist())
        ordered = places if sign < 0 else places[::-1]
        found += [_nearest(points, skin, np.array(place), (1, 1, 0.3)) for place in ordered]
    return found


def _front_line(points: np.ndarray, skin: np.ndarray) -> np.ndarray:
    return skin[(np.abs(points[skin, 0]) < _MIDLINE_M) & (points[skin, 2] > 0)]


def subnasale(rig: Rig, points: Float[np.ndarray, "vertices 3"], skin: Int[np.ndarray, " skin"]) -> int:
    """Give the vertex where nose and lip meet on the midline: farthest behind the line from tip to lip."""
    tip, lip = points[rig.landmark("nose_tip")], points[rig.landmark("upper_lip_outer")]
    line = _front_line(points, skin)
    line = line[(points[line, 1] < tip[1]) & (points[line, 1] > lip[1]) & (points[line, 2] > lip[2] - 0.02)]
    along = (lip - tip)[1:] / np.linalg.norm((lip - tip)[1:])
    away = (points[line] - tip)[:, 1:]
    # Of the vector square to the line, the one that points into the face.
    return int(line[np.argmax(away @ np.array([-along[1], along[0]]))])


def alare(
    rig: Rig, points: Float[np.ndarray, "vertices 3"], skin: Int[np.ndarray, " skin"]
) -> tuple[int, int]:
    """Give the widest vertices of the wings of the nose, right and left."""
    tip, base = points[rig.landmark("nose_tip")], points[subnasale(rig, points, skin)]
    normals = vertex_normals(points, rig.triangles)[skin]
    p = points[skin]
    near = (p[:, 1] > base[1] - 0.003) & (p[:, 1] < max(tip[1], base[1] + 0.008) + 0.006)
    near &= (p[:, 2] > base[2] - 0.016) & (np.abs(p[:, 0]) > 0.005) & (np.abs(p[:, 0]) < 0.026)
    wings = []
    for sign in (-1.0, 1.0):
        mine = np.flatnonzero(near & (sign * normals[:, 0] > 0.72) & (sign * p[:, 0] > 0))
        if len(mine) == 0:
            mine = np.flatnonzero(near & (sign * p[:, 0] > 0) & (p[:, 2] > base[2]))
        wings.append(int(skin[mine[np.argmax(sign * p[mine, 0])]]))
    return wings[0], wings[1]


def _nose(rig: Rig, points: np.ndarray, skin: np.ndarray) -> list[int]:
    root, tip = points[rig.landmark("nasion")], points[rig.landmark("nose_tip")]
    line = _front_line(points, skin)
    find = partial(_nearest, points, line)
    ridge = [find(root + (tip - root) * np.array([0, s, s]), (0, 1, 0.2)) for s in (1 / 3, 2 / 3)]
    base = subnasale(rig, points, skin)
    under = []
    for wing, sign in zip(alare(rig, points, skin), (-1.0, 1.0), strict=True):
        x, y = abs(points[wing, 0]), points[base, 1]
        outer = _nearest(points, skin, np.array([sign * 0.72 * x, y, points[base, 2] - 0.001]))
        inner = _nearest(points, skin, np.array([sign * 0.36 * x, y, points[base, 2]]))
        under.append((outer, inner))
    (far_right, right), (far_left, left) = under
    return [rig.landmark("nasion"), *ridge, rig.landmark("nose_tip"), far_right, right, base, left, far_left]


def _eyes(rig: Rig, parts: Surface, points: np.ndarray, skin: np.ndarray) -> list[int]:
    openings = eye_openings(rig, parts, points)
    by_side = {"left": openings[0], "right": openings[1]} if len(openings) == 2 else {}
    found: dict[str, dict[str, int]] = {}
    for side in ("right", "left"):
        inner, outer = (points[rig.landmark(f"eye_{side}_{end}")] for end in ("inner", "outer"))
        lids: dict[str, int] = {}
        for name, share in (("outer", 1 / 3), ("inner", 2 / 3)):
            x = outer[0] + share * (inner[0] - outer[0])
            rise = {"upper": 0.004, "lower": -0.004}
            middle = float(outer[1] + share * (inner[1] - outer[1]))
            edge = {lid: middle + shift for lid, shift in rise.items()}
            eye = by_side.get(side)
            if eye is not None:
                column = eye.seen[:, int(np.clip((x - eye.low_m[0]) / eye.pixel_m, 0, eye.seen.shape[1] - 1))]
                rows = np.flatnonzero(column)
                if len(rows):
                    edge = {
                        "upper": eye.low_m[1] + (rows[-1] + 1) * eye.pixel_m,
                        "lower": eye.low_m[1] + rows[0] * eye.pixel_m,
                    }
            for lid, y in edge.items():
                near = skin[np.linalg.norm(points[skin, :2] - [x, y], axis=1) < 0.003]
                ahead = near[points[near, 2] > inner[2] - 0.01] if len(near) else skin
                place = np.array([x, y, points[ahead, 2].max()])
                lids[f"{lid} {name}"] = _nearest(points, ahead, place, (1, 1, 0.15))
        found[side] = lids | {end: rig.landmark(f"eye_{side}_{end}") for end in ("inner", "outer")}
    right, left = found["right"], found["left"]
    order_right = ("outer", "upper outer", "upper inner", "inner", "lower inner", "lower outer")
    order_left = ("inner", "upper inner", "upper outer", "outer", "lower outer", "lower inner")
    return [right[k] for k in order_right] + [left[k] for k in order_left]


def _borders(rig: Rig, parts: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Give the vertices of the border between skin and red, upper and lower."""
    skin = set(parts.names[parts.vertices_of(rig, "skin")].tolist())
    borders = []
    for lip in ("upper lip", "lower lip"):
        mine = parts.vertices_of(rig, lip) if lip in parts.parts else np.zeros(0, int)
        borders.append(np.array([v for v in mine if int(parts.names[v]) in skin], dtype=int))
    return borders[0], borders[1]


def _outer_mouth(rig: Rig, parts: Surface, points: np.ndarray) -> list[int]:
    upper, lower = _borders(rig, parts)
    right, left = rig.landmark("mouth_corner_right"), rig.landmark("mouth_corner_left")
    half = abs(points[left, 0] - points[right, 0]) / 2
    if len(upper) < 5 or len(lower) < 5:
        upper = lower = np.arange(rig.n_vertices)[np.abs(points[:, 0]) < half]

    def at(border: np.ndarray, x: float, middle: str) -> int:
        y, z = points[rig.landmark(middle), 1:]
        return _nearest(points, border, np.array([x, y, z]), (1, 0.15, 0.05))

    peaks = {}
    for sign in (-1.0, 1.0):
        bow = upper[(sign * points[upper, 0] > 0.05 * half) & (sign * points[upper, 0] < 0.5 * half)]
        peaks[sign] = int(bow[np.argmax(points[bow, 1])])
    side = {s: at(upper, s * (half + abs(points[p, 0])) / 2, "upper_lip_outer") for s, p in peaks.items()}
    top = [side[-1.0], peaks[-1.0], rig.landmark("upper_lip_outer"), peaks[1.0], side[1.0]]
    low = [at(lower, s * half, "lower_lip_outer") for s in (0.70, 0.36, -0.36, -0.70)]
    return [right, *top, left, *low[:2], rig.landmark("lower_lip_outer"), *low[2:]]


def seam_pairs(rig: Rig, parts: Surface) -> Int[np.ndarray, "pairs 2"]:
    """Give pairs of an upper and a lower vertex that meet where the lips touch at rest, from right to left.

    Every vertex of the upper lip whose nearest vertex of the lower lip is nearer than 1.2 mm.
    """
    from scipy.spatial import cKDTree

    upper, lower = parts.vertices_of(rig, "upper lip"), parts.vertices_of(rig, "lower lip")
    away, number = cKDTree(rig.neutral[lower]).query(rig.neutral[upper])
    pairs = np.stack([upper, lower[number]], -1)[(away < _SEAM_M) & (upper != lower[number])]
    return np.asarray(pairs[np.argsort(rig.neutral[pairs[:, 0], 0], kind="stable")], dtype=int)


def _inner_mouth(rig: Rig, parts: Surface, points: np.ndarray) -> list[int]:
    half = (
        abs(points[rig.landmark("mouth_corner_left"), 0] - points[rig.landmark("mouth_corner_right"), 0]) / 2
    )
    seam = seam_pairs(rig, parts) if {"upper lip", "lower lip"} <= set(parts.parts) else np.zeros((0, 2), int)

    def at(share: float, column: int, middle: str) -> int:
        if len(seam) == 0:
            return rig.landmark(middle)
        x = share * half
        near = seam[np.abs(points[seam[:, 0], 0] - x) < 0.0015]
        near = near if len(near) else seam[[np.argmin(np.abs(points[seam[:, 0], 0] - x))]]
        return int(near[np.argmax(points[near[:, column], 2]), column])

    upper = [at(s, 0, "upper_lip_inner") for s in (-0.9, -0.42, 0.42, 0.9)]
    lower = [at(s, 1, "lower_lip_inner") for s in (0.42, -0.42)]
    top, bottom = rig.landmark("upper_lip_inner"), rig.landmark("lower_lip_inner")
    return [upper[0], upper[1], top, upper[2], upper[3], lower[0], bottom, lower[1]]
