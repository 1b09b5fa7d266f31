"""The sculpture of the built-in head: one signed distance joined from smooth primitives.

Centimetres, x to the head's own left, y up, z forward. The eyes are sculpted closed and the
mouth sealed: openings are cut later by the template, so that lids can slide over the closed
surface. Sculpting by distances is deterministic and easy to change by eye.
"""

import math

import numba as nb
import numpy as np

EYE_X, EYE_Y, EYE_Z = 3.18, 1.0, 6.2
"""Centre of the left eyeball, centimetres."""
EYE_RADIUS = 1.38
"""Radius of the eyeballs, centimetres; slightly larger than life for a readable look."""
LID_RADIUS = 1.56
"""Radius of the outer surface of the closed lids, centimetres."""


@nb.njit(cache=True, fastmath=True)
def _join(a: float, b: float, k: float) -> float:
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * h * k / 6.0


@nb.njit(cache=True, fastmath=True)
def _cut(a: float, b: float, k: float) -> float:
    return -_join(-a, -b, k)


@nb.njit(cache=True, fastmath=True)
def _ball(
    x: float, y: float, z: float, cx: float, cy: float, cz: float, rx: float, ry: float, rz: float
) -> float:
    px, py, pz = (x - cx) / rx, (y - cy) / ry, (z - cz) / rz
    k0 = math.sqrt(px * px + py * py + pz * pz)
    qx, qy, qz = px / rx, py / ry, pz / rz
    k1 = math.sqrt(qx * qx + qy * qy + qz * qz)
    return k0 * (k0 - 1.0) / (k1 + 1e-9)


@nb.njit(cache=True, fastmath=True)
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


@nb.njit(cache=True, fastmath=True)
def _skull(x: float, y: float, z: float) -> float:
    d = _ball(x, y, z, 0.0, 4.6, -1.4, 7.15, 7.4, 8.8)
    d = _join(d, _ball(x, y, z, 0.0, 4.2, 2.8, 6.1, 5.6, 5.6), 2.6)  # forehead
    d = _join(d, _ball(x, y, z, 0.0, 0.2, 1.6, 6.3, 4.6, 5.6), 3.0)  # temples
    d = _join(d, _ball(x, y, z, 0.0, -2.6, 2.0, 5.5, 6.2, 5.8), 3.0)  # middle of the face
    d = _join(d, _ball(x, y, z, 0.0, -6.6, 3.4, 3.7, 3.5, 4.6), 3.0)  # lower jaw
    d = _join(d, _ball(x, y, z, 3.9, -3.4, 0.9, 1.6, 3.6, 2.6), 3.2)  # masseter
    d = _join(d, _rod(x, y, z, 3.9, -6.2, 1.2, 1.4, -8.8, 6.4, 0.8, 1.0), 2.8)  # jaw line
    d = _join(d, _ball(x, y, z, 0.0, -8.85, 7.25, 1.55, 1.35, 1.6), 2.0)  # chin
    d = _join(d, _ball(x, y, z, 3.7, -1.2, 5.1, 2.2, 1.5, 2.2), 3.0)  # cheekbone
    d = _join(d, _rod(x, y, z, 4.8, -0.7, 4.0, 5.7, -0.3, 0.4, 0.8, 0.5), 3.4)  # zygomatic arch
    d = _join(d, _ball(x, y, z, 2.9, -4.4, 4.9, 2.3, 2.8, 2.4), 3.0)  # cheek
    return _join(d, _ball(x, y, z, 1.9, -3.7, 6.3, 2.3, 2.5, 2.3), 2.6)  # maxilla


@nb.njit(cache=True, fastmath=True)
def _neck(d: float, x: float, y: float, z: float) -> float:
    d = _join(d, _rod(x, y, z, 0.0, -4.0, -2.5, 0.0, -17.0, -4.0, 4.2, 4.5), 2.6)
    d = _join(d, _rod(x, y, z, 4.0, -6.2, -2.2, 1.3, -17.2, 0.2, 0.5, 0.7), 3.0)  # sternomastoid
    d = _join(d, _rod(x, y, z, 0.0, -10.4, 0.9, 0.0, -17.0, 0.0, 1.2, 1.0), 2.6)  # larynx
    d = _join(d, _rod(x, y, z, 1.6, -13.0, -5.2, 8.8, -18.0, -4.6, 1.9, 2.6), 5.0)  # trapezius
    return _join(d, _ball(x, y, z, 0.0, -25.0, -3.6, 10.6, 7.4, 6.0), 4.0)  # chest


@nb.njit(cache=True, fastmath=True)
def _nose(d: float, x: float, xs: float, y: float, z: float) -> float:
    n = _rod(x, y, z, 0.0, 2.4, 7.8, 0.0, -1.4, 9.95, 0.54, 0.54)
    n = _join(n, _rod(x, y, z, 0.0, 1.5, 7.0, 0.0, -2.0, 8.1, 1.0, 1.4), 1.2)  # body
    n = _join(n, _ball(x, y, z, 0.0, -2.12, 9.90, 0.92, 0.82, 0.92), 1.0)  # tip
    n = _join(n, _ball(xs, y, z, 1.14, -2.34, 8.95, 0.60, 0.68, 0.95), 0.8)  # wing
    n = _join(n, _rod(x, y, z, 0.0, -2.5, 9.95, 0.0, -3.05, 9.2, 0.36, 0.46), 0.8)  # columella
    d = _join(d, n, 1.0)
    return _cut(d, -_rod(xs, y, z, 1.80, -1.9, 9.0, 1.72, -3.1, 8.95, 0.06, 0.06), 0.6)  # crease of the wing


@nb.njit(cache=True, fastmath=True)
def skin_distance(x0: float, y: float, z: float) -> float:
    """Give the distance to the skin, below 0 inside, centimetres."""
    x = math.sqrt(x0 * x0 + 0.02)
    xs = abs(x0)
    d = _skull(x, y, z)
    d = _join(d, _ball(x, y, z, 0.0, -5.3, 7.3, 2.8, 2.4, 2.1), 2.0)  # mound of the mouth
    d = _join(d, _rod(x, y, z, 0.6, 2.75, 7.75, 3.4, 2.8, 6.7, 0.70, 0.62), 1.9)  # brow ridge
    d = _join(d, _rod(x, y, z, 3.4, 2.8, 6.7, 5.0, 1.4, 5.0, 0.6, 0.6), 2.2)  # outer rim
    d = _cut(d, -_ball(x, y, z, 3.05, 0.9, 8.6, 1.9, 1.1, 1.9), 1.8)  # socket
    d = _cut(d, -_ball(x, y, z, 1.72, 0.95, 8.25, 0.55, 0.8, 1.0), 0.9)  # inner corner
    d = _nose(d, x, xs, y, z)
    d = _cut(d, -_rod(xs, y, z, 2.2, -3.0, 9.3, 3.5, -5.4, 8.6, 0.05, 0.05), 1.6)  # fold to the mouth
    d = _cut(d, -_rod(x, y, z, 0.0, -3.5, 9.62, 0.0, -4.5, 9.85, 0.10, 0.20), 0.7)  # philtrum
    d = _cut(d, -_ball(x, y, z, 0.0, -7.2, 9.55, 1.5, 0.5, 0.6), 1.4)  # fold above the chin
    r = math.sqrt((xs - EYE_X) ** 2 + (y - EYE_Y) ** 2 + (z - EYE_Z) ** 2)
    d = _join(d, r - LID_RADIUS, 0.8)
    return _neck(d, x, y, z)


@nb.njit(cache=True, fastmath=True)
def skin_gradient(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Give the outward unit normal of the skin's distance."""
    h = 0.02
    gx = skin_distance(x + h, y, z) - skin_distance(x - h, y, z)
    gy = skin_distance(x, y + h, z) - skin_distance(x, y - h, z)
    gz = skin_distance(x, y, z + h) - skin_distance(x, y, z - h)
    n = math.sqrt(gx * gx + gy * gy + gz * gz) + 1e-12
    return gx / n, gy / n, gz / n


@nb.njit(cache=True, fastmath=True)
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


@nb.njit(cache=True, fastmath=True)
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


@nb.njit(cache=True, fastmath=True)
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
