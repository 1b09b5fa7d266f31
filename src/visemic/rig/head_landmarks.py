"""Named vertices and soft regions of the built-in head."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32

from visemic.geometry.mesh import smooth_step
from visemic.rig.head_eye import COLUMNS, LID_RING_STOPS
from visemic.rig.head_fields import Fields
from visemic.rig.head_mouth import CONTACT, LIP_START
from visemic.rig.head_parts import Part

_PLACES = {
    "chin": (0.0, -9.1, 9.5),
    "nose_tip": (0.0, -2.05, 11.5),
    "nasion": (0.0, 1.5, 9.0),
    "crown": (0.0, 13.0, -1.3),
    "brow_inner": (1.4, 2.6, 8.6),
    "ear": (7.6, -0.3, -1.3),
}
"""Places near which the nearest skin vertex is named, centimetres."""
_MARGIN = len(LID_RING_STOPS) - 1


def _nearest(points: np.ndarray, place: tuple[float, float, float]) -> int:
    away = np.linalg.norm(points - np.array(place), axis=1)
    if place[0] == 0.0:
        away = np.where(points[:, 0] == 0.0, away, np.inf)
    return int(np.argmin(away))


def _mouth_landmarks(f: Fields) -> dict[str, int]:
    grid, points = f.skin.mouth_index, f.points
    top, bottom = grid[:, 0], grid[:, -1]
    red = slice(LIP_START, CONTACT + 1)
    corner = int(grid[CONTACT, grid.shape[1] // 2])
    return {
        "upper_lip_inner": int(top[CONTACT]),
        "lower_lip_inner": int(bottom[CONTACT]),
        "upper_lip_outer": int(top[LIP_START]),
        "lower_lip_outer": int(bottom[LIP_START]),
        "upper_lip_front": int(top[red][np.argmax(points[top[red], 2])]),
        "lower_lip_front": int(bottom[red][np.argmax(points[bottom[red], 2])]),
        "lower_lip_top": int(bottom[CONTACT + 3]),
        "mouth_corner_left": corner,
        "mouth_corner_right": int(f.skin.mesh.partner[corner]),
    }


def _incisor(part: Part, start: int, *, upper: bool) -> int:
    """Give the middle of the outer biting edge of the left central incisor."""
    p = part.mesh.points
    first = np.arange(10 * 7)
    level = p[first, 1] if upper else -p[first, 1]
    edge = first[level < level.min() + 0.06]
    return start + int(edge[np.argmax(p[edge, 2] - 0.02 * np.abs(p[edge, 0] - 0.4))])


def find_landmarks(f: Fields, parts: Mapping[str, tuple[Part, int]]) -> dict[str, int]:
    """Give the named vertices of the whole head."""
    names = _mouth_landmarks(f)
    for name, key in (("upper_incisor_edge", "upper teeth"), ("lower_incisor_edge", "lower teeth")):
        names[name] = _incisor(*parts[key], upper=key.startswith("upper"))
    partner = f.skin.mesh.partner
    for name, place in _PLACES.items():
        vertex = _nearest(f.points, place)
        if place[0] == 0.0:
            names[name] = vertex
        else:
            names[name + "_left"], names[name + "_right"] = vertex, int(partner[vertex])
    lid = f.skin.eye_index[_MARGIN]
    for name, column in (("outer", 0), ("inner", COLUMNS // 2)):
        names[f"eye_left_{name}"], names[f"eye_right_{name}"] = int(lid[column]), int(partner[lid[column]])
    for name, column in (("upper", COLUMNS * 3 // 4), ("lower", COLUMNS // 4)):
        names[f"lid_{name}_left"], names[f"lid_{name}_right"] = int(lid[column]), int(partner[lid[column]])
    eyes, start = parts["eyeballs"]
    names["pupil_left"], names["pupil_right"] = start, start + int(eyes.mesh.partner[0])
    return names


def regions(f: Fields, total: int) -> dict[str, Float32[np.ndarray, " vertices"]]:
    """Give soft masks of the face; parts that are not skin stay 0."""
    p = f.points
    front = smooth_step(-1.0, 3.0, p[:, 2])
    eye_rings = np.zeros(f.skin.mesh.source.max() + 1)
    stops = np.concatenate(
        [np.array(LID_RING_STOPS)[::-1], np.zeros(f.skin.eye.points.shape[0] - len(LID_RING_STOPS))]
    )
    eye_rings[f.skin.eye_index] = (1.0 - smooth_step(0.3, 0.9, stops))[:, None]
    lower = smooth_step(-1.5, -3.5, p[:, 1]) * smooth_step(-13.0, -10.5, p[:, 1])
    masks = {
        "lips": ((f.ring >= LIP_START) & (f.ring <= CONTACT + 3)).astype(float),
        "mouth": f.both(1.6) * (f.ring <= CONTACT + 3),
        "upper_face": smooth_step(-2.0, 0.5, p[:, 1]) * front,
        "eyelids": eye_rings[f.skin.mesh.source],
        "lower_face": lower * front,
        "skin": (f.ring < CONTACT + 4).astype(float),
    }
    out = {}
    for name, mask in masks.items():
        whole = np.zeros(total, np.float32)
        whole[: len(mask)] = mask
        out[name] = whole
    return out
