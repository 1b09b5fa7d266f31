"""The sculpture of the built-in head: one signed distance joined from smooth primitives.

Centimetres, x to the head's own left, y up, z forward. The eyes are sculpted closed and the
mouth sealed: openings are cut later by the template, so that lids can slide over the closed
surface. Sculpting by distances is deterministic and easy to change by eye.

The ears are sculpted in a frame of their own: p backwards, q up, w outwards. They stand in
this file because numba's disk cache notices changes of one file only.
"""

import math
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call and keep it on disk where that is possible."""
    try:
        return nb.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder to keep it in
        return nb.njit(error_model="numpy")(function)


EYE_X, EYE_Y, EYE_Z = 3.18, 1.0, 6.12
"""Centre of the left eyeball, centimetres."""
EYE_RADIUS = 1.48
"""Radius of the eyeballs, centimetres; slightly larger than life for a readable look."""
LID_RADIUS = 1.655
"""Radius of the outer surface of the closed lids, centimetres."""


@_compiled
def _join(a: float, b: float, k: float) -> float:
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * h * k / 6.0


@_compiled
def _cut(a: float, b: float, k: float) -> float:
    return -_join(-a, -b, k)


@_compiled
def _ball(
    x: float, y: float, z: float, cx: float, cy: float, cz: float, rx: float, ry: float, rz: float
) -> float:
    px, py, pz = (x - cx) / rx, (y - cy) / ry, (z - cz) / rz
    k0 = math.sqrt(px * px + py * py + pz * pz)
    qx, qy, qz = px / rx, py / ry, pz / rz
    k1 = math.sqrt(qx * qx + qy * qy + qz * qz)
    return k0 * (k0 - 1.0) / (k1 + 1e-9)


@_compiled
def _rod(
    x: float, y: float, z: float,
    ax: float, ay: float, az: float, bx: float, by: float, bz: float, ra: float, rb: float,
) -> float:  # fmt: skip
    bax, bay, baz = bx - ax, by - ay, bz - az
    pax, pay, paz = x - ax, y - ay, z - az
    h = (pax * bax + pay * bay + paz * baz) / (bax * bax + bay * bay + baz * baz)
    h = min(1.0, max(0.0, h))
    dx, dy, dz = pax - bax * h, pay - bay * h, paz - baz * h
    return math.sqrt(dx * dx + dy * dy + dz * dz) - (ra + (rb - ra) * h)


@_compiled
def _skull(x: float, y: float, z: float) -> float:
    d = _ball(x, y, z, 0.0, 4.6, -1.5, 7.40, 7.4, 8.95)
    d = _join(d, _ball(x, y, z, 0.0, 4.2, 2.8, 6.2, 5.6, 5.6), 2.6)  # forehead
    d = _join(d, _ball(x, y, z, 0.0, 0.6, 1.4, 6.10, 4.6, 5.6), 3.0)  # temples
    d = _join(d, _ball(x, y, z, 0.0, -2.6, 2.2, 4.95, 6.2, 5.65), 3.2)  # middle of the face
    d = _join(d, _ball(x, y, z, 0.0, -6.6, 3.5, 3.25, 3.4, 4.6), 3.0)  # lower jaw
    d = _join(d, _ball(x, y, z, 3.40, -3.2, 1.7, 1.40, 3.6, 3.1), 3.4)  # masseter
    d = _join(d, _rod(x, y, z, 3.50, -5.7, 0.9, 1.25, -8.9, 6.5, 0.70, 0.90), 2.8)  # jaw line
    d = _join(d, _ball(x, y, z, 0.0, -8.85, 7.30, 1.45, 1.30, 1.55), 2.0)  # chin
    d = _join(d, _ball(x, y, z, 3.35, -1.25, 4.85, 2.35, 1.8, 2.3), 3.4)  # cheekbone
    d = _join(d, _rod(x, y, z, 4.6, -0.7, 3.8, 5.5, -0.3, 0.4, 0.8, 0.5), 3.4)  # zygomatic arch
    d = _join(d, _ball(x, y, z, 2.35, -4.4, 4.9, 2.05, 2.9, 2.4), 3.2)  # cheek
    return _join(d, _ball(x, y, z, 1.9, -3.7, 6.3, 2.3, 2.5, 2.3), 2.6)  # maxilla


@_compiled
def _neck(d: float, x: float, y: float, z: float) -> float:
    d = _join(d, _rod(x, y, z, 0.0, -4.0, -2.0, 0.0, -17.0, -4.2, 3.75, 4.1), 2.6)
    d = _join(d, _rod(x, y, z, 4.0, -5.4, -2.5, 0.9, -16.6, -0.55, 0.40, 0.36), 2.2)  # sternomastoid
    d = _join(d, _rod(x, y, z, 0.0, -10.4, 0.8, 0.0, -16.0, -0.2, 1.0, 0.8), 2.4)  # larynx
    d = _join(d, _rod(x, y, z, 1.6, -12.8, -5.2, 9.6, -17.6, -4.6, 1.7, 2.3), 5.0)  # trapezius
    d = _join(d, _ball(x, y, z, 0.0, -24.3, -4.0, 12.4, 8.4, 6.3), 5.0)  # chest
    d = _join(d, _rod(x, y, z, 1.5, -16.2, 0.2, 7.0, -16.0, -2.2, 0.34, 0.30), 2.4)  # collar bone
    return _cut(d, -_ball(x, y, z, 0.0, -15.8, 1.9, 0.7, 0.7, 0.8), 1.4)  # notch between them


@_compiled
def _nose(d: float, x: float, xs: float, y: float, z: float) -> float:
    n = _rod(x, y, z, 0.0, 2.2, 7.55, 0.0, -1.5, 9.78, 0.46, 0.46)
    n = _join(n, _rod(x, y, z, 0.0, 1.5, 6.9, 0.0, -2.0, 8.15, 0.85, 1.2), 1.3)  # body
    n = _join(n, _ball(x, y, z, 0.0, -2.20, 9.94, 0.78, 0.72, 0.80), 1.0)  # tip
    n = _join(n, _ball(xs, y, z, 1.00, -2.42, 9.02, 0.54, 0.60, 0.92), 0.7)  # wing
    n = _join(n, _rod(x, y, z, 0.0, -2.62, 9.98, 0.0, -2.86, 9.25, 0.32, 0.36), 0.5)  # columella
    n = _join(n, _rod(xs, y, z, 0.0, -2.72, 9.35, 1.0, -2.70, 9.10, 0.40, 0.38), 0.4)  # sill
    n = _join(n, _rod(xs, y, z, 0.44, -2.48, 10.0, 1.06, -2.62, 9.32, 0.36, 0.38), 0.6)  # rim of the wing
    # The base of the nose meets the lip at a clear angle, its sides run softly into the cheeks.
    d = _join(d, n, min(1.15, max(0.70, 0.70 + 0.45 * (y + 2.8) / 1.5)))
    d = _cut(
        d, -_rod(xs, y, z, 1.08, -1.62, 9.80, 1.62, -1.80, 9.10, 0.03, 0.05), 0.55
    )  # crease over the wing
    return _cut(
        d, -_rod(xs, y, z, 1.72, -1.9, 9.1, 1.66, -3.0, 9.0, 0.07, 0.07), 0.6
    )  # crease behind the wing


@_compiled
def skin_distance(x0: float, y: float, z: float) -> float:
    """Give the distance to the skin, below 0 inside, centimetres."""
    x = math.sqrt(x0 * x0 + 0.02)
    xs = abs(x0)
    d = _skull(x, y, z)
    d = _join(d, _ball(x, y, z, 0.0, -5.3, 7.32, 2.8, 2.4, 2.1), 2.0)  # mound of the mouth
    d = _join(d, _rod(x, y, z, 0.6, 2.75, 7.75, 3.4, 2.8, 6.7, 0.70, 0.62), 1.9)  # brow ridge
    d = _join(d, _rod(x, y, z, 3.4, 2.8, 6.7, 5.0, 1.4, 5.0, 0.6, 0.6), 2.2)  # outer rim
    d = _cut(d, -_ball(x, y, z, 3.05, 0.95, 8.6, 1.9, 1.1, 1.85), 2.0)  # socket
    d = _cut(d, -_ball(x, y, z, 1.66, 0.95, 8.2, 0.55, 0.8, 1.05), 0.9)  # inner corner
    d = _nose(d, x, xs, y, z)
    d = _cut(d, -_rod(xs, y, z, 2.15, -3.0, 9.3, 3.4, -5.4, 8.55, 0.05, 0.05), 1.9)  # fold to the mouth
    d = _cut(d, -_rod(x, y, z, 0.0, -3.5, 9.62, 0.0, -4.5, 9.85, 0.10, 0.20), 0.7)  # philtrum
    d = _cut(d, -_ball(x, y, z, 0.0, -7.2, 9.55, 1.5, 0.5, 0.6), 1.4)  # fold above the chin
    r = math.sqrt((xs - EYE_X) ** 2 + (y - EYE_Y) ** 2 + (z - EYE_Z) ** 2)
    d = _join(d, r - LID_RADIUS, 0.8)
    return _neck(d, x, y, z)


@_compiled
def skin_gradient(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Give the outward unit normal of the skin's distance."""
    h = 0.02
    gx = skin_distance(x + h, y, z) - skin_distance(x - h, y, z)
    gy = skin_distance(x, y + h, z) - skin_distance(x, y - h, z)
    gz = skin_distance(x, y, z + h) - skin_distance(x, y, z - h)
    n = math.sqrt(gx * gx + gy * gy + gz * gz) + 1e-12
    return gx / n, gy / n, gz / n


@_compiled
def cast_rays(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Find where rays that start inside first leave the sculpture."""
    out = np.empty_like(origins)
    for i in range(origins.shape[0]):
        ox, oy, oz = origins[i]
        dx, dy, dz = directions[i]
        t = 0.0
        step = 0.0
        for _ in range(300):
            d = skin_distance(ox + dx * t, oy + dy * t, oz + dz * t)
            if d > -0.002 or t > 40.0:
                break
            step = max(0.002, -0.7 * d)
            t += step
        low, high = t - step, t + 0.01
        for _ in range(16):
            middle = 0.5 * (low + high)
            if skin_distance(ox + dx * middle, oy + dy * middle, oz + dz * middle) < 0.0:
                low = middle
            else:
                high = middle
        t = 0.5 * (low + high)
        out[i, 0], out[i, 1], out[i, 2] = ox + dx * t, oy + dy * t, oz + dz * t
    return out


@_compiled
def scatter(
    candidates: np.ndarray, spacing: np.ndarray, fixed: np.ndarray, fixed_spacing: np.ndarray
) -> np.ndarray:
    """Pick candidates in order that keep their spacing from fixed points and from those picked."""
    picked = np.empty(candidates.shape[0], np.int64)
    count = 0
    for i in range(candidates.shape[0]):
        x, y, z = candidates[i]
        near = False
        for j in range(fixed.shape[0]):
            s = 0.5 * (spacing[i] + fixed_spacing[j]) * 0.85
            if (x - fixed[j, 0]) ** 2 + (y - fixed[j, 1]) ** 2 + (z - fixed[j, 2]) ** 2 < s * s:
                near = True
                break
        if near:
            continue
        for k in range(count):
            j = picked[k]
            s = 0.5 * (spacing[i] + spacing[j])
            if (x - candidates[j, 0]) ** 2 + (y - candidates[j, 1]) ** 2 + (
                z - candidates[j, 2]
            ) ** 2 < s * s:
                near = True
                break
        if not near:
            picked[count] = i
            count += 1
    return picked[:count]


@_compiled
def skin_distances(points: np.ndarray) -> np.ndarray:
    """Give the distance to the skin of many points."""
    out = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        out[i] = skin_distance(points[i, 0], points[i, 1], points[i, 2])
    return out


@_compiled
def openness(points: np.ndarray, normals: np.ndarray, reach: float) -> np.ndarray:
    """Give ambient occlusion from the sculpture, 0 dark to 1 open."""
    out = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        x, y, z = points[i]
        nx, ny, nz = normals[i]
        shade = 0.0
        for k in range(1, 6):
            s = reach * k
            shade += max(0.0, s - skin_distance(x + nx * s, y + ny * s, z + nz * s)) / (s * 1.6**k)
        out[i] = max(0.0, 1.0 - 0.62 * shade)
    return out


EAR_X, EAR_Y, EAR_Z = 6.66, -0.35, -1.40
_FLARE = 0.50
_TILT = 0.20
_CF, _SF = math.cos(_FLARE), math.sin(_FLARE)
_CT, _ST = math.cos(_TILT), math.sin(_TILT)


@_compiled
def head_from_ear(p: float, q: float, w: float) -> tuple[float, float, float]:
    """Turn a place in the ear's frame into the head's."""
    pp, qq = p * _CT + q * _ST, -p * _ST + q * _CT
    return EAR_X + pp * _SF + w * _CF, EAR_Y + qq, EAR_Z - pp * _CF + w * _SF


@_compiled
def _oval(p: float, q: float) -> float:
    """Give the distance to the outline, below 0 inside: round above, narrow below."""
    narrow = 1.0 - 0.13 * (q - 0.5) * (1.0 if q < 0.5 else -0.35)
    rp = 1.62 / narrow if q < 0.5 else 1.62
    a, b = p / rp, (q - 0.15) / 2.75
    k = math.sqrt(a * a + b * b) + 1e-9
    return (k - 1.0) * k / math.sqrt(a * a / (rp * rp) + b * b / (2.75 * 2.75) + 1e-9)


@_compiled
def ear_alone(p: float, q: float, w: float) -> float:
    """Give the distance to the ear without the head."""
    out = _oval(p, q)
    bowl = 0.10 * (p * p + 0.35 * q * q) - 0.05
    plate = _cut(out + 0.12, abs(w - bowl) - 0.17, 0.25)
    # The back of the bowl reaches to the head, as the cartilage does.
    d = _join(plate, _ball(p, q, w, -0.30, -0.40, -0.38, 0.95, 1.25, 0.42), 0.35)
    # Helix: a rolled rim from the crus over the top down to the lobe.
    fade = min(1.0, max(0.0, (q + 2.0) / 1.6))
    radius = 0.20 + 0.07 * fade
    rim = math.sqrt((out + 0.24) ** 2 + (w - bowl - 0.20 * fade) ** 2) - radius
    d = _join(d, rim, 0.22)
    d = _join(d, _rod(p, q, w, -1.25, 0.55, 0.25, -0.55, -0.05, 0.05, 0.20, 0.12), 0.25)  # crus of the helix
    # Antihelix: a ridge inside the rim that forks above.
    a, b = (p - 0.12) / 0.92, (q + 0.05) / 1.62
    k = math.sqrt(a * a + b * b) + 1e-9
    ring = (k - 1.0) * 1.05
    back = max(0.0, min(1.0, (p + 0.55) / 0.5))
    ridge = math.sqrt(ring * ring + (w - bowl - 0.16) ** 2) - 0.20 * back
    d = _join(d, ridge, 0.25)
    d = _join(d, _rod(p, q, w, 0.35, 1.25, 0.12, -0.35, 2.05, 0.10, 0.16, 0.12), 0.3)
    # Concha: the bowl before the canal.
    d = _cut(d, -_ball(p, q, w, -0.24, -0.70, 0.40, 0.74, 0.94, 0.70), 0.28)
    d = _cut(d, -_ball(p, q, w, -0.38, 0.36, 0.42, 0.55, 0.40, 0.42), 0.25)
    d = _join(d, _ball(p, q, w, -1.12, -0.55, 0.22, 0.34, 0.50, 0.30), 0.3)  # tragus
    d = _join(d, _ball(p, q, w, -0.35, -1.75, 0.22, 0.42, 0.30, 0.26), 0.3)  # antitragus
    return _join(d, _ball(p, q, w, -0.42, -2.45, 0.16, 0.70, 0.72, 0.28), 0.35)  # lobe


@_compiled
def ear_distance(p: float, q: float, w: float) -> float:
    """Give the distance to ear and head together; away from the ear the head lies deeper."""
    x, y, z = head_from_ear(p, q, w)
    ear = ear_alone(p, q, w)
    sink = min(0.6, max(0.0, ear - 0.14) * 1.0)
    return _join(skin_distance(x, y, z) + sink, ear, 0.5)


@_compiled
def ear_samples(start: np.ndarray, step: float, shape: np.ndarray) -> np.ndarray:
    """Sample the distance on a grid in the ear's frame."""
    out = np.empty((shape[0], shape[1], shape[2]))
    for i in range(shape[0]):
        for j in range(shape[1]):
            for k in range(shape[2]):
                out[i, j, k] = ear_distance(start[0] + i * step, start[1] + j * step, start[2] + k * step)
    return out


@_compiled
def ear_reach(points: np.ndarray) -> np.ndarray:
    """Give the distance of points of the ear's frame to the ear without the head."""
    out = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        out[i] = ear_alone(points[i, 0], points[i, 1], points[i, 2])
    return out


@_compiled
def finish_ear(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Settle points of the ear's frame on the surface; give them in the head's frame with their openness."""
    out = np.empty_like(points)
    shade = np.empty(points.shape[0])
    h = 0.02
    for i in range(points.shape[0]):
        p, q, w = points[i]
        gp = gq = gw = 0.0
        for _ in range(6):
            d = ear_distance(p, q, w)
            gp = ear_distance(p + h, q, w) - ear_distance(p - h, q, w)
            gq = ear_distance(p, q + h, w) - ear_distance(p, q - h, w)
            gw = ear_distance(p, q, w + h) - ear_distance(p, q, w - h)
            n = math.sqrt(gp * gp + gq * gq + gw * gw) + 1e-9
            gp, gq, gw = gp / n, gq / n, gw / n
            step = max(-0.08, min(0.08, 0.7 * d))
            p, q, w = p - step * gp, q - step * gq, w - step * gw
        dark = 0.0
        for k in range(1, 6):
            s = 0.13 * k
            dark += max(0.0, s - ear_distance(p + gp * s, q + gq * s, w + gw * s)) / (s * 1.6**k)
        shade[i] = max(0.12, 1.0 - 1.1 * dark)
        out[i] = head_from_ear(p, q, w)
    return out, shade


@_compiled
def under_ear(points: np.ndarray) -> np.ndarray:
    """Give how far skin under the left ear steps back, centimetres."""
    out = np.zeros(points.shape[0])
    for i in range(points.shape[0]):
        dx, dy, dz = points[i, 0] - EAR_X, points[i, 1] - EAR_Y, points[i, 2] - EAR_Z
        if dx < -2.0:
            continue
        pp = dx * _SF - dz * _CF
        p, q = pp * _CT - dy * _ST, pp * _ST + dy * _CT
        bowl = math.sqrt(((p + 0.55) / 1.05) ** 2 + ((q + 0.05) / 2.15) ** 2)
        t = min(1.0, max(0.0, (1.0 - bowl) / 0.5))
        out[i] = 0.50 * t * t * (3.0 - 2.0 * t)
    return out
