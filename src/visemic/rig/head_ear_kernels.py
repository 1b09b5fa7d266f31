"""The sculpture of the ears of the built-in head, joined to the skin behind them.

The ear is sculpted in a frame of its own: p backwards, q up, w outwards, centimetres.
"""

import math

import numba as nb
import numpy as np

from visemic.rig.head_sculpt_kernels import _ball, _cut, _join, _rod, skin_distance

EAR_X, EAR_Y, EAR_Z = 6.55, -0.35, -1.35
_FLARE = 0.50
_TILT = 0.20
_CF, _SF = math.cos(_FLARE), math.sin(_FLARE)
_CT, _ST = math.cos(_TILT), math.sin(_TILT)


@nb.njit(cache=True, fastmath=True)
def head_from_ear(p: float, q: float, w: float) -> tuple[float, float, float]:
    """Turn a place in the ear's frame into the head's."""
    pp, qq = p * _CT + q * _ST, -p * _ST + q * _CT
    return EAR_X + pp * _SF + w * _CF, EAR_Y + qq, EAR_Z - pp * _CF + w * _SF


@nb.njit(cache=True, fastmath=True)
def _oval(p: float, q: float) -> float:
    """Give the distance to the outline, below 0 inside: round above, narrow below."""
    narrow = 1.0 - 0.13 * (q - 0.5) * (1.0 if q < 0.5 else -0.35)
    rp = 1.62 / narrow if q < 0.5 else 1.62
    a, b = p / rp, (q - 0.15) / 2.75
    k = math.sqrt(a * a + b * b) + 1e-9
    return (k - 1.0) * k / math.sqrt(a * a / (rp * rp) + b * b / (2.75 * 2.75) + 1e-9)


@nb.njit(cache=True, fastmath=True)
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
    d = _cut(d, -_ball(p, q, w, -0.22, -0.72, 0.42, 0.72, 0.92, 0.58), 0.28)
    d = _cut(d, -_ball(p, q, w, -0.38, 0.36, 0.42, 0.55, 0.40, 0.42), 0.25)
    d = _join(d, _ball(p, q, w, -1.12, -0.55, 0.22, 0.34, 0.50, 0.30), 0.3)  # tragus
    d = _join(d, _ball(p, q, w, -0.35, -1.75, 0.22, 0.42, 0.30, 0.26), 0.3)  # antitragus
    return _join(d, _ball(p, q, w, -0.42, -2.45, 0.16, 0.70, 0.72, 0.28), 0.35)  # lobe


@nb.njit(cache=True, fastmath=True)
def ear_distance(p: float, q: float, w: float) -> float:
    """Give the distance to ear and head together; away from the ear the head lies deeper."""
    x, y, z = head_from_ear(p, q, w)
    ear = ear_alone(p, q, w)
    sink = min(0.6, max(0.0, ear - 0.14) * 1.0)
    return _join(skin_distance(x, y, z) + sink, ear, 0.5)


@nb.njit(cache=True, fastmath=True)
def ear_samples(start: np.ndarray, step: float, shape: np.ndarray) -> np.ndarray:
    """Sample the distance on a grid in the ear's frame."""
    out = np.empty((shape[0], shape[1], shape[2]))
    for i in range(shape[0]):
        for j in range(shape[1]):
            for k in range(shape[2]):
                out[i, j, k] = ear_distance(start[0] + i * step, start[1] + j * step, start[2] + k * step)
    return out


@nb.njit(cache=True, fastmath=True)
def ear_reach(points: np.ndarray) -> np.ndarray:
    """Give the distance of points of the ear's frame to the ear without the head."""
    out = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        out[i] = ear_alone(points[i, 0], points[i, 1], points[i, 2])
    return out


@nb.njit(cache=True, fastmath=True)
def finish_ear(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Settle points of the ear's frame on the surface; give them in the head's frame with their openness."""
    out = np.empty_like(points)
    shade = np.empty(points.shape[0])
    h = 0.02
    for i in range(points.shape[0]):
        p, q, w = points[i]
        gp = gq = gw = 0.0
        for _ in range(3):
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
        shade[i] = max(0.12, 1.0 - 0.8 * dark)
        out[i] = head_from_ear(p, q, w)
    return out, shade


@nb.njit(cache=True, fastmath=True)
def under_ear(points: np.ndarray) -> np.ndarray:
    """Give how far skin under the left ear steps back, centimetres."""
    out = np.zeros(points.shape[0])
    for i in range(points.shape[0]):
        dx, dy, dz = points[i, 0] - EAR_X, points[i, 1] - EAR_Y, points[i, 2] - EAR_Z
        if dx < -2.0:
            continue
        pp = dx * _SF - dz * _CF
        p, q = pp * _CT - dy * _ST, pp * _ST + dy * _CT
        bowl = math.sqrt(((p + 0.55) / 1.05) ** 2 + ((q + 0.35) / 1.75) ** 2)
        t = min(1.0, max(0.0, (1.0 - bowl) / 0.5))
        out[i] = 0.50 * t * t * (3.0 - 2.0 * t)
    return out
