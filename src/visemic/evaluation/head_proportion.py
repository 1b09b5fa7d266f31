"""Is a head built like an adult's? Distances on the neutral against ranges of living people.

The ranges are set wide to hold adults of both sexes. They are this project's limits, not a
table of norms: they catch a head that is off and do not place it among people.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from visemic.evaluation.head_landmark import alare, ear_z_m, front_of, gnathion, landmarks68, subnasale
from visemic.evaluation.head_surface import Surface, sort_surface
from visemic.rig.linear import Rig

RANGES: Mapping[str, tuple[float, float, str]] = {
    "en-en": (28.0, 38.0, "between the inner eye corners, mm"),
    "ex-ex": (80.0, 100.0, "between the outer eye corners, mm"),
    "pupils": (54.0, 74.0, "between the pupils, mm"),
    "ex-en": (26.0, 35.0, "width of an eye between its corners, mm"),
    "eye height": (8.0, 13.5, "height of the open eye between the lids, mm"),
    "ch-ch": (43.0, 62.0, "width of the mouth, mm"),
    "sn-sto": (16.0, 27.0, "base of the nose to the line between the lips, mm"),
    "sn-ls": (9.0, 20.0, "philtrum: base of the nose to the upper lip's red, mm"),
    "ls-sto": (4.5, 12.0, "red of the upper lip, mm"),
    "sto-li": (5.5, 13.5, "red of the lower lip, mm"),
    "sto-gn": (34.0, 61.0, "line between the lips to the chin, mm"),
    "n-sn": (42.0, 62.0, "length of the nose, mm"),
    "al-al": (27.0, 42.0, "width of the nose, mm"),
    "sn-prn": (14.0, 25.0, "how far the tip of the nose stands out, mm"),
    "n-gn": (100.0, 137.0, "root of the nose to the chin, mm"),
    "sn-gn": (55.0, 83.0, "base of the nose to the chin, mm"),
    "zy-zy": (115.0, 152.0, "width of the face at the cheekbones, mm"),
    "go-go": (82.0, 122.0, "width of the jaw at its angles, mm"),
    "g-op": (170.0, 213.0, "length of the head without hair, mm"),
    "eu-eu": (134.0, 168.0, "breadth of the head without hair, mm"),
    "ear length": (52.0, 76.0, "height of an ear, mm"),
    "n-sn / n-gn": (0.38, 0.50, "nose in the face's height"),
    "sn-gn / n-gn": (0.52, 0.66, "lower face in the face's height"),
    "sn-sto / sn-gn": (0.25, 0.38, "upper lip in the lower face: about a third"),
    "al-al / en-en": (0.80, 1.30, "nose as wide as the eyes are apart"),
    "ch-ch / al-al": (1.25, 1.85, "mouth to nose: about three to two"),
    "n-gn / zy-zy": (0.76, 1.02, "facial index"),
    "eu-eu / g-op": (0.70, 0.88, "cephalic index"),
    "upper third": (0.23, 0.37, "hairline to glabella in hairline to chin"),
    "middle third": (0.30, 0.41, "glabella to base of the nose in hairline to chin"),
    "lower third": (0.31, 0.42, "base of the nose to chin in hairline to chin"),
}
"""Lowest and highest value of an adult, and what is measured.

Source:
    Farkas (ed.) 1994, "Anthropometry of the Head and Face", for landmarks, definitions and the
    face; Gordon et al. 2014, "2012 Anthropometric Survey of U.S. Army Personnel", for the head's
    length and breadth and the pupils. The limits are rounded by hand, not copied from tables.

Deviation:
    Soft tissue stands for bone: cheekbones (zy) are the widest place of the face before the ears,
    jaw angles (go) points 4 and 12 of the 68, the head's breadth (eu) its widest place above the ears.
"""


@dataclass(frozen=True)
class Proportion:
    """One measure of a head."""

    name: str
    meaning: str
    value: float
    low: float
    high: float

    @property
    def is_good(self) -> bool:
        """Whether an adult has this value."""
        return self.low <= self.value <= self.high


def measure_proportions(rig: Rig, surface: Surface | None = None) -> tuple[Proportion, ...]:
    """Measure a neutral head against ``RANGES``; what it has no part for (hair, ears) is left out.

    Args:
        surface: The head's parts; None sorts them here.

    Raises:
        RigError: The rig lacks one of the landmarks that ``landmarks68`` needs.
    """
    parts = surface or sort_surface(rig)
    values = _distances_mm(rig, parts)
    ratios = [name for name in RANGES if " / " in name]
    for name in ratios:
        above, below = name.split(" / ")
        if above in values and below in values:
            values[name] = values[above] / values[below]
    return tuple(
        Proportion(name, meaning, values[name], low, high)
        for name, (low, high, meaning) in RANGES.items()
        if name in values
    )


def _distances_mm(rig: Rig, parts: Surface) -> dict[str, float]:
    p = rig.neutral.astype(float) * 1_000
    skin = parts.vertices_of(rig, "skin", "lid")
    points = landmarks68(rig, parts)

    def away(a: int, b: int) -> float:
        return float(np.linalg.norm(p[a] - p[b]))

    def named(first: str, second: str) -> float:
        return away(rig.landmark(first), rig.landmark(second))

    nasion, chin, tip = rig.landmark("nasion"), gnathion(rig), rig.landmark("nose_tip")
    base = subnasale(rig, rig.neutral.astype(float), skin)
    lip_line = 0.5 * (p[rig.landmark("upper_lip_inner")] + p[rig.landmark("lower_lip_inner")])
    front_z = max(p[rig.landmark("upper_lip_inner"), 2], p[rig.landmark("lower_lip_inner"), 2])
    # The line is measured where it is seen: between the foremost points of the red.
    stomion = np.array([0.0, lip_line[1], front_z])
    right_wing, left_wing = alare(rig, rig.neutral.astype(float), skin)
    values = {
        "en-en": named("eye_left_inner", "eye_right_inner"),
        "ex-ex": named("eye_left_outer", "eye_right_outer"),
        "ex-en": named("eye_left_outer", "eye_left_inner"),
        "ch-ch": named("mouth_corner_left", "mouth_corner_right"),
        "sn-sto": float(abs(p[base, 1] - stomion[1])),
        "sn-ls": away(base, rig.landmark("upper_lip_outer")),
        "ls-sto": float(abs(p[rig.landmark("upper_lip_outer"), 1] - stomion[1])),
        "sto-li": float(abs(p[rig.landmark("lower_lip_outer"), 1] - stomion[1])),
        "sto-gn": float(abs(stomion[1] - p[chin, 1])),
        "n-sn": away(nasion, base),
        "al-al": away(right_wing, left_wing),
        "sn-prn": away(base, tip),
        "n-gn": away(nasion, chin),
        "sn-gn": away(base, chin),
        "go-go": float(abs(p[points[12], 0] - p[points[4], 0])),
    }
    if "pupil_left" in rig.landmarks and "pupil_right" in rig.landmarks:
        values["pupils"] = named("pupil_left", "pupil_right")
    if "lid_upper_left" in rig.landmarks and "lid_lower_left" in rig.landmarks:
        values["eye height"] = named("lid_upper_left", "lid_lower_left")
    return values | _skull_mm(rig, parts, p, skin) | _thirds(rig, parts, p, skin, base, chin)


def _skull_mm(
    rig: Rig, parts: Surface, p: Float[np.ndarray, "vertices 3"], skin: Int[np.ndarray, " skin"]
) -> dict[str, float]:
    eye_y, base_y = p[rig.landmark("eye_left_outer"), 1], p[rig.landmark("nose_tip"), 1]
    face = skin[front_of(rig, p / 1_000, skin)]
    cheeks = face[(p[face, 1] < eye_y + 5) & (p[face, 1] > base_y - 15)]
    dome = skin[p[skin, 1] > eye_y + 35]
    glabella = p[_glabella(rig, p, skin)]
    back = skin[(np.abs(p[skin, 0]) < 6) & (p[skin, 1] > eye_y - 30) & (p[skin, 2] < 0)]
    values = {"zy-zy": float(np.ptp(p[cheeks, 0]))}
    if len(dome):
        values["eu-eu"] = float(np.ptp(p[dome, 0]))
    if len(back):
        values["g-op"] = float(np.linalg.norm(p[back] - glabella, axis=1).max())
    ear = parts.vertices_of(rig, "ear") if "ear" in parts.parts else np.zeros(0, int)
    ear = ear[(p[ear, 0] > 0) & (np.abs(p[ear, 2] - 1_000 * ear_z_m(rig)) < 45)]
    if len(ear):
        values["ear length"] = float(np.ptp(p[ear, 1]))
    return values


def _glabella(rig: Rig, p: Float[np.ndarray, "vertices 3"], skin: Int[np.ndarray, " skin"]) -> int:
    """Give the foremost vertex between the brows on the midline."""
    root_y = p[rig.landmark("nasion"), 1]
    line = skin[(np.abs(p[skin, 0]) < 1.0) & (p[skin, 1] > root_y + 6) & (p[skin, 1] < root_y + 24)]
    return int(line[np.argmax(p[line, 2])]) if len(line) else rig.landmark("nasion")


def _thirds(
    rig: Rig,
    parts: Surface,
    p: Float[np.ndarray, "vertices 3"],
    skin: Int[np.ndarray, " skin"],
    base: int,
    chin: int,
) -> dict[str, float]:
    """Give the shares of forehead, nose and jaw in the face's height; none without hair in front."""
    hair = parts.vertices_of(rig, "hair") if "hair" in parts.parts else np.zeros(0, int)
    hair = hair[(np.abs(p[hair, 0]) < 12) & (p[hair, 2] > 0)]
    if len(hair) == 0:
        return {}
    heights = [
        float(p[hair, 1].min()),
        float(p[_glabella(rig, p, skin), 1]),
        float(p[base, 1]),
        float(p[chin, 1]),
    ]
    whole = heights[0] - heights[3]
    names = ("upper third", "middle third", "lower third")
    return {name: (a - b) / whole for name, a, b in zip(names, heights[:-1], heights[1:], strict=True)}
